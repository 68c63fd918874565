//! Keys: a session's public key, the wrapped room key of an epoch, and what is done when it does not
//! arrive (SPEC 8.3 to 8.7). The tables `room_key`, `key_blob`, `key_rejection`, `key_request`, and the
//! column `session.public_key`.
//!
//! Only public keys, wrapped keys and key checks pass here; nothing in this module could open a message.

mod list;
mod publish;
mod repair;
mod requests;

pub use list::{KeyList, List, OwnBlob, SessionKey};
pub use publish::{Publish, Published, SkipReason, Skipped, Wrapped};
pub use repair::{Reject, Renew, RenewStatus, Renewed};
pub(crate) use requests::{forget_request, request_key, requests_due};

use rusqlite::Connection;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::e2ee::PublicKey;
use crate::error::{Error, Result};
use crate::event::KeyAdded;
use crate::model::{ChatId, HOUR, SessionId, UserId};
use crate::operation::{Context, Operation};
use crate::ops::limits::{self, Limit};
use crate::ops::{chats, epochs};
use crate::policy::{ChatAction, may};
use crate::store;

/// How often a session may exchange its key (SPEC 8.3).
const KEY_CHANGES: Limit = Limit {
    kind: "key_change",
    max: 5,
    window_ms: HOUR,
};

/// Registers the calling session's X25519 public key, for which others wrap room keys (SPEC 8.3). Another
/// key than before replaces it, at most 5 times an hour, and gives up every room key that was wrapped for
/// the old one.
///
/// `ERR_UNAUTHENTICATED`, `ERR_INVALID`, `ERR_RATE_LIMITED`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Register {
    /// 32 bytes in base64; points of small order are refused.
    pub public_key: String,
}

/// What became of a registered key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RegisterStatus {
    /// It is the session's first.
    Registered,
    /// It took the place of another.
    Replaced,
    /// It is the one that was there.
    Unchanged,
}

/// A registered key.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Registered {
    /// What became of it.
    pub status: RegisterStatus,
}

impl Operation for Register {
    const NAME: &'static str = "key.register";
    type Reply = Registered;

    fn apply(self, cx: &mut Context<'_>) -> Result<Registered> {
        let session = cx.session_id()?;
        let user = cx.user_id()?;
        let key = PublicKey::from_base64(&self.public_key).map_err(|_| {
            let why = "public_key is 32 bytes in base64 that are not a point of small order";
            Error::invalid("public_key", why)
        })?;
        let key = *key.as_bytes();
        let status = match registered(cx.db, session)? {
            Some(same) if same == key => RegisterStatus::Unchanged,
            Some(_) => {
                let subject = session.to_string();
                limits::check(cx.db, KEY_CHANGES, &subject, cx.now)?;
                limits::record(cx.db, KEY_CHANGES.kind, &subject, cx.now)?;
                for chat in epochs::chats_of_session(cx.db, session)? {
                    epochs::take_key(cx.db, chat, session)?;
                }
                RegisterStatus::Replaced
            }
            None => RegisterStatus::Registered,
        };
        if status != RegisterStatus::Unchanged {
            store::execute(
                cx.db,
                "UPDATE session SET public_key = ? WHERE id = ?",
                (key, session),
            )?;
            announce(cx, session, user)?;
        }
        Ok(Registered { status })
    }
}

/// Tells every room that the session talks in of its new key, and asks there for the room key.
fn announce(cx: &mut Context<'_>, session: SessionId, user: UserId) -> Result<()> {
    for chat_id in rooms_of(cx, session, user)? {
        let (_, facts) = chats::load(cx, chat_id)?;
        if may(ChatAction::Talk, &cx.actor, &facts).is_ok() {
            cx.emit(KeyAdded {
                chat_id,
                user_id: user,
                session_id: session,
            })?;
            request_key(cx, chat_id, session)?;
        }
    }
    Ok(())
}

/// The rooms a session is in; where presence is off, those of its user's chats (SPEC 10.1).
fn rooms_of(cx: &Context<'_>, session: SessionId, user: UserId) -> Result<Vec<ChatId>> {
    if let Some(presence) = cx.presence() {
        return Ok(presence.rooms_of_session(session).into_iter().collect());
    }
    store::all(
        cx.db,
        "SELECT chat_id FROM membership WHERE user_id = ?1
         UNION SELECT id FROM chat WHERE owner_id = ?1 ORDER BY 1",
        [user],
        |row| row.get(0),
    )
}

/// The session's public key as its row has it.
fn registered(db: &Connection, session: SessionId) -> Result<Option<[u8; 32]>> {
    let key = store::first(
        db,
        "SELECT public_key FROM session WHERE id = ?",
        [session],
        |row| row.get(0),
    )?;
    Ok(key.flatten())
}

/// The key of a chat's current epoch, as far as the server knows it.
struct RoomKey {
    key_check: Option<[u8; 16]>,
    distributor_user: UserId,
    distributor_session: Option<SessionId>,
}

/// Whether the key of a chat's current epoch is published, and how many sessions hold it: by a blob or as
/// its distributor.
pub(crate) fn count_holders(db: &Connection, chat: ChatId) -> Result<(bool, u64)> {
    let Some(key) = room_key(db, chat)? else {
        return Ok((false, 0));
    };
    let holders = store::first(
        db,
        "SELECT count(*) + (?2 IS NOT NULL) FROM key_blob WHERE chat_id = ?1 AND session_id IS NOT ?2",
        (chat, key.distributor_session),
        |row| row.get(0),
    )?;
    Ok((true, holders.unwrap_or_default()))
}

/// What has been published for a chat's current epoch; none if nobody has yet.
fn room_key(db: &Connection, chat: ChatId) -> Result<Option<RoomKey>> {
    store::first(
        db,
        "SELECT key_check, distributor_user, distributor_session FROM room_key WHERE chat_id = ?",
        [chat],
        |row| {
            Ok(RoomKey {
                key_check: row.get(0)?,
                distributor_user: row.get(1)?,
                distributor_session: row.get(2)?,
            })
        },
    )
}
