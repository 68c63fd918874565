//! What is done about a room key that does not open or does not come: rejecting a blob, and renewing the
//! epoch (SPEC 8.6).

use rusqlite::Connection;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{RoomKey, request_key, requests, room_key};
use crate::error::{Error, ErrorKind, Result};
use crate::event::EpochReason;
use crate::model::{ChatId, HOUR, MINUTE, SECOND, SessionId, Timestamp};
use crate::operation::{Context, Done, Operation};
use crate::ops::limits::{self, Limit};
use crate::ops::{audit, chats, epochs, seats};
use crate::policy::{ChatFacts, Permit, Talk, permit};
use crate::store;

/// How long holders have to answer before a session may renew.
const UNANSWERED: i64 = 10 * SECOND;

/// Renewals of one chat.
const PER_CHAT: Limit = Limit {
    kind: "renew_chat",
    max: 1,
    window_ms: MINUTE,
};

/// Renewals by one user.
const PER_USER: Limit = Limit {
    kind: "renew_user",
    max: 5,
    window_ms: HOUR,
};

/// Gives back a room key that does not open or fails the key check, so that another holder wraps it anew
/// (SPEC 8.6). Its publisher wraps for this session no more in this epoch. A distributor that lost its key
/// says so in the same way.
///
/// `ERR_CHAT_NOT_FOUND`, `ERR_FORBIDDEN`, `ERR_NOT_JOINED`, `ERR_NO_ROOM_KEY`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reject {
    /// Which chat.
    pub chat_id: ChatId,
}

impl Operation for Reject {
    const NAME: &'static str = "key.reject";
    type Reply = Done;

    fn apply(self, cx: &mut Context<'_>) -> Result<Done> {
        let (_, facts) = chats::load(cx, self.chat_id)?;
        let permit = permit::<Talk>(&cx.actor, &facts)?;
        cx.user_id()?;
        let session = cx.session_id()?;
        seats::check_here(cx, self.chat_id, session)?;
        reject(cx, &permit, session)?;
        request_key(cx, self.chat_id, session)?;
        Ok(Done {})
    }
}

fn reject(cx: &Context<'_>, permit: &Permit<Talk>, session: SessionId) -> Result<()> {
    let chat = permit.subject();
    store::execute(
        cx.db,
        "INSERT OR IGNORE INTO key_rejection (chat_id, session_id, publisher_session, at)
         SELECT chat_id, session_id, publisher_session, ?3 FROM key_blob WHERE chat_id = ?1 AND session_id = ?2",
        (chat, session, cx.now),
    )?;
    if epochs::take_key(cx.db, chat, session)? {
        Ok(())
    } else {
        Err(ErrorKind::NoRoomKey.into())
    }
}

/// Moves the epoch on because this session cannot get its key (SPEC 8.6): at once if nobody else who holds
/// it is there to ask, else when holders were asked and did not answer for 10 s. At most once a minute and
/// chat, 5 an hour and user.
///
/// `ERR_CHAT_NOT_FOUND`, `ERR_FORBIDDEN`, `ERR_NOT_JOINED`, `ERR_NO_PUBLIC_KEY`, `ERR_RATE_LIMITED`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Renew {
    /// Which chat.
    pub chat_id: ChatId,
}

/// What became of a renewal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RenewStatus {
    /// The epoch has moved on; its key can be published.
    Moved,
    /// Nothing was asked for yet: holders are asked now. Renew again after `retry_after_ms` if none answers.
    Asked,
    /// Nobody has published the current epoch's key: there is nothing to renew, it can be published.
    Unpublished,
}

/// A renewal.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Renewed {
    /// What became of it.
    pub status: RenewStatus,
    /// The current epoch.
    pub epoch: u64,
    /// When to renew again, in milliseconds; 0 if there is no need.
    pub retry_after_ms: u64,
}

impl Operation for Renew {
    const NAME: &'static str = "key.renew";
    type Reply = Renewed;

    fn apply(self, cx: &mut Context<'_>) -> Result<Renewed> {
        let chat = self.chat_id;
        let (row, facts) = chats::load(cx, chat)?;
        let permit = permit::<Talk>(&cx.actor, &facts)?;
        let user = cx.user_id()?;
        let session = cx.session_id()?;
        seats::check_here(cx, chat, session)?;
        let seat = seats::find(cx, &facts, session)?
            .filter(|seat| seat.public_key.is_some())
            .ok_or(ErrorKind::NoPublicKey)?;
        let answer = |status, epoch, retry_after_ms| Renewed {
            status,
            epoch,
            retry_after_ms,
        };
        let Some(key) = room_key(cx.db, chat)? else {
            return Ok(answer(RenewStatus::Unpublished, row.chat.epoch, 0));
        };
        if seat.holds() {
            return Err(Error::with_message(
                ErrorKind::Forbidden,
                "This session has the key; reject it first if it does not open.",
            ));
        }
        if seat.waits
            && let Some(due) = epochs::pending_move(cx.db, chat)?
        {
            return Err(wait_until(due, cx.now));
        }
        if requests::next_holder(cx, &facts, session, None)?.is_some() {
            match requests::requested_at(cx.db, chat, session)? {
                None => {
                    request_key(cx, chat, session)?;
                    let wait = UNANSWERED.unsigned_abs();
                    return Ok(answer(RenewStatus::Asked, row.chat.epoch, wait));
                }
                Some(at) if cx.now.since(at) < UNANSWERED => {
                    return Err(wait_until(at.plus(UNANSWERED), cx.now));
                }
                Some(_) => {}
            }
        }
        for (limit, subject) in [(PER_CHAT, chat.to_string()), (PER_USER, user.to_string())] {
            limits::check(cx.db, limit, &subject, cx.now)?;
            limits::record(cx.db, limit.kind, &subject, cx.now)?;
        }
        let epoch = renew(cx, &permit, &facts, &key)?;
        Ok(answer(RenewStatus::Moved, epoch, 0))
    }
}

fn wait_until(then: Timestamp, now: Timestamp) -> Error {
    Error::rate_limited(u64::try_from(then.since(now)).unwrap_or(1))
}

fn renew(
    cx: &mut Context<'_>,
    permit: &Permit<Talk>,
    facts: &ChatFacts,
    key: &RoomKey,
) -> Result<u64> {
    let chat = permit.subject();
    if reached_too_few(cx, facts, key)?
        && let Some(until) = epochs::pause_distributor(cx, chat, key.distributor_user)?
    {
        let act = audit::Act {
            chat: Some(chat),
            target: Some(key.distributor_user),
            details: json!({ "distributor_paused_until": until }),
        };
        audit::record(cx, Renew::NAME, act)?;
    }
    epochs::move_on(cx, chat, EpochReason::KeyLost)
}

/// Whether more of the other sessions in the room lack or rejected the key than hold it. Other are those of
/// other people than the distributor, whose own devices prove nothing; whoever could not have had the key
/// is not counted.
fn reached_too_few(cx: &Context<'_>, chat: &ChatFacts, key: &RoomKey) -> Result<bool> {
    let (mut holding, mut lacking) = (0, 0);
    for seat in seats::talking(cx, chat)? {
        if seat.user == key.distributor_user || !seat.can_hold() || seat.waits {
            continue;
        }
        if seat.holds() && !has_rejected_any(cx.db, chat.id, seat.session)? {
            holding += 1;
        } else {
            lacking += 1;
        }
    }
    Ok(lacking > holding)
}

fn has_rejected_any(db: &Connection, chat: ChatId, session: SessionId) -> Result<bool> {
    let row = store::first(
        db,
        "SELECT 1 FROM key_rejection WHERE chat_id = ? AND session_id = ? LIMIT 1",
        (chat, session),
        |_| Ok(()),
    )?;
    Ok(row.is_some())
}
