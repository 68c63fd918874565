//! Giving a chat to somebody else: an offer, and what happens when it is accepted (SPEC 3.7).
//!
//! Since when somebody belongs to a chat decides what they read of it. So whoever receives one gets a
//! membership from that moment, and the first owner, who never needed one, gets it from the beginning.

use rusqlite::Connection;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{ChatRow, ChatView, load, slots};
use crate::error::{Error, ErrorKind, Result};
use crate::event::{EpochReason, RoomUpdated, TransferOffered};
use crate::model::{ChatId, ChatType, DAY, Standing, Timestamp, UserId};
use crate::operation::{Context, Operation};
use crate::ops::members::Via;
use crate::ops::{audit, epochs, members, messages, punishments, users};
use crate::policy::{self, Permit, may_own, transfer};
use crate::store;

/// How long an offer stands, in milliseconds.
const OFFER_STANDS: i64 = 7 * DAY;

/// Offers a chat to a user who could have made it and has a free slot; another offer replaces it. The
/// chat changes hands when they accept, within 7 days (SPEC 3.7). `ERR_PREMIUM_REQUIRED`,
/// `ERR_CHAT_SLOT_LIMIT`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Transfer {
    /// Which.
    pub chat_id: ChatId,
    /// To whom.
    pub user_id: UserId,
}

/// An offer that stands.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Offered {
    /// Until when it can be accepted.
    pub expires_at: Timestamp,
}

impl Operation for Transfer {
    const NAME: &'static str = "chat.transfer";
    type Reply = Offered;

    fn apply(self, cx: &mut Context<'_>) -> Result<Offered> {
        let (row, facts) = load(cx, self.chat_id)?;
        let owner_is_banned = match row.chat.kind.owner() {
            Some(owner) => is_banned(cx.db, owner, cx.now)?,
            None => false,
        };
        let permit = transfer(&cx.actor, &facts, owner_is_banned)?;
        check_receiver(cx, &row, self.user_id)?;
        let expires_at = cx.now.plus(OFFER_STANDS);
        offer(cx, &permit, self.user_id, expires_at)?;
        let act = audit::Act {
            chat: Some(self.chat_id),
            target: Some(self.user_id),
            ..Default::default()
        };
        audit::record(cx, Self::NAME, act)?;
        cx.emit(TransferOffered {
            chat_id: self.chat_id,
            user_id: self.user_id,
            expires_at,
        })?;
        Ok(Offered { expires_at })
    }
}

fn is_banned(db: &Connection, user: UserId, now: Timestamp) -> Result<bool> {
    let standing = punishments::standing(db, user, now)?;
    Ok(matches!(standing, Standing::Banned { .. }))
}

fn offer(
    cx: &Context<'_>,
    permit: &Permit<policy::Transfer>,
    to: UserId,
    expires_at: Timestamp,
) -> Result<()> {
    store::execute(
        cx.db,
        "INSERT OR REPLACE INTO transfer_offer (chat_id, to_user, offered_at, expires_at)
         VALUES (?, ?, ?, ?)",
        (permit.subject(), to, cx.now, expires_at),
    )?;
    Ok(())
}

/// Somebody else than now, who could have made the chat and has a free slot for it.
fn check_receiver(cx: &Context<'_>, row: &ChatRow, to: UserId) -> Result<()> {
    let chat_type = row.chat.kind.chat_type();
    let receiver = users::person(cx.db, to, cx.now)?;
    if row.chat.kind.owner() == Some(to) {
        return Err(Error::invalid("user_id", "the chat is theirs already"));
    }
    may_own(chat_type, &receiver)?;
    slots::check_free(cx, chat_type, &receiver)
}

/// Accepts a chat that was offered to the caller (SPEC 3.7). `ERR_TRANSFER_NOT_FOUND`,
/// `ERR_PREMIUM_REQUIRED`, `ERR_CHAT_SLOT_LIMIT`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptTransfer {
    /// Which.
    pub chat_id: ChatId,
}

impl Operation for AcceptTransfer {
    const NAME: &'static str = "chat.accept_transfer";
    type Reply = ChatView;

    fn apply(self, cx: &mut Context<'_>) -> Result<ChatView> {
        let receiver = cx.user_id()?;
        store::first(
            cx.db,
            "SELECT 1 FROM transfer_offer WHERE chat_id = ? AND to_user = ? AND expires_at > ?",
            (self.chat_id, receiver, cx.now),
            |_| Ok(()),
        )?
        .ok_or(ErrorKind::TransferNotFound)?;
        change_hands(cx, self.chat_id, receiver, Self::NAME)?;
        load(cx, self.chat_id).map(|(row, _)| row.into())
    }
}

/// Gives a chat to somebody at once, without asking: for an owner who goes or is demoted (SPEC 1.6, 1.7).
/// The receiver is one who could have made it and has a free slot. Leave is the caller's business.
pub(crate) fn hand_over(cx: &mut Context<'_>, chat: ChatId, to: UserId) -> Result<()> {
    if punishments::standing(cx.db, to, cx.now)? != Standing::Active {
        return Err(Error::with_message(
            ErrorKind::Forbidden,
            "Whoever takes over a chat must be neither timed out nor banned.",
        ));
    }
    change_hands(cx, chat, to, Transfer::NAME)
}

fn change_hands(cx: &mut Context<'_>, chat: ChatId, to: UserId, action: &str) -> Result<()> {
    let (row, _) = load(cx, chat)?;
    check_receiver(cx, &row, to)?;
    let Some(former) = row.chat.kind.owner() else {
        return Err(ErrorKind::ChatTypeFixed.into());
    };
    let name = users::name_and_role(cx.db, to)?.map(|(name, _)| name);
    store::execute(
        cx.db,
        "UPDATE chat SET owner_id = ? WHERE id = ?",
        (to, chat),
    )?;
    store::execute(
        cx.db,
        "DELETE FROM transfer_offer WHERE chat_id = ?",
        [chat],
    )?;
    members::insert(cx.db, chat, former, Via::Transfer, row.created_at)?;
    members::insert(cx.db, chat, to, Via::Transfer, cx.now)?;
    let act = audit::Act {
        chat: Some(chat),
        target: Some(to),
        details: json!({ "from": former }),
    };
    audit::record(cx, action, act)?;
    epochs::move_on(cx, chat, EpochReason::Transferred)?;
    let owner = name.map(String::from).unwrap_or_default();
    messages::system(
        cx,
        chat,
        "transferred",
        &format!("{owner} owns this chat now."),
    )?;
    cx.emit(RoomUpdated {
        chat_id: chat,
        changed: vec!["owner".to_owned()],
    })
}

/// A chat that is offered to somebody.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Offer {
    /// Which.
    pub chat_id: ChatId,
    /// Its name.
    pub name: String,
    /// Its type.
    pub chat_type: ChatType,
    /// Who owns it now.
    pub owner: Option<UserId>,
    /// Until when it can be accepted.
    pub expires_at: Timestamp,
}

/// What was offered to a person for longer than until `now`.
pub(super) fn offers_to(db: &Connection, user: UserId, now: Timestamp) -> Result<Vec<Offer>> {
    store::all(
        db,
        "SELECT c.id, c.name, c.chat_type, c.owner_id, t.expires_at
         FROM transfer_offer t JOIN chat c ON c.id = t.chat_id
         WHERE t.to_user = ? AND t.expires_at > ? ORDER BY c.id",
        (user, now),
        |row| {
            Ok(Offer {
                chat_id: row.get(0)?,
                name: row.get(1)?,
                chat_type: row.get(2)?,
                owner: row.get(3)?,
                expires_at: row.get(4)?,
            })
        },
    )
}
