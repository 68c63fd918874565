//! What a client needs to hand on or to open a room key, in one answer (SPEC 8.4, 8.5).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rusqlite::Connection;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::room_key;
use crate::error::Result;
use crate::model::{ChatId, SessionId, UserId};
use crate::operation::{Query, View};
use crate::ops::{chats, epochs, seats};
use crate::policy::{Talk, permit};
use crate::store;

/// Lists who is there to hold the key of a chat's current epoch, and the blob for the calling session.
/// For those who may talk.
///
/// `ERR_CHAT_NOT_FOUND`, `ERR_FORBIDDEN`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct List {
    /// Which chat.
    pub chat_id: ChatId,
}

/// The state of a chat's keys.
#[derive(Debug, Serialize, JsonSchema)]
pub struct KeyList {
    /// The current epoch.
    pub epoch: u64,
    /// Whether its key has been published.
    pub published: bool,
    /// What a receiver compares its key with; null before it is published, and where the distributor gave none.
    pub key_check: Option<String>,
    /// Who published first.
    pub distributor_user_id: Option<UserId>,
    /// With which session; null also when that has ended or gave the key up.
    pub distributor_session_id: Option<SessionId>,
    /// How long until the calling session may be first, in milliseconds; 0 is at once.
    pub holdback_ms: u64,
    /// The sessions in the room whose users may talk, the longest present first. Where presence is off,
    /// those of owner and members.
    pub sessions: Vec<SessionKey>,
    /// The key wrapped for the calling session.
    pub blob: Option<OwnBlob>,
    /// The place in the event log that this is true at.
    pub as_of: u64,
}

/// A session and its key.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SessionKey {
    /// Whose.
    pub user_id: UserId,
    /// Which.
    pub session_id: SessionId,
    /// X25519, in base64; null while it has registered none.
    pub public_key: Option<String>,
    /// Whether a blob is stored for it.
    pub has_blob: bool,
    /// Whether it holds the epoch's key: by a blob or as the distributor.
    pub holds: bool,
    /// Whether it gets no blob before the epoch has moved, which is about to happen (SPEC 8.6a).
    pub waits: bool,
}

/// A wrapped key, with what its receiver needs to open it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct OwnBlob {
    /// In base64: 72 bytes in suite 2, 80 in suite 3.
    pub blob: String,
    /// Who wrapped it.
    pub publisher_user_id: UserId,
    /// With which session.
    pub publisher_session_id: SessionId,
    /// That session's public key at the time, in base64.
    pub publisher_public_key: String,
}

impl Query for List {
    const NAME: &'static str = "key.list";
    type Reply = KeyList;

    fn answer(self, view: &View<'_>) -> Result<KeyList> {
        let (row, facts) = chats::load(view, self.chat_id)?;
        permit::<Talk>(&view.actor, &facts)?;
        let key = room_key(view.db, self.chat_id)?;
        let mut reply = KeyList {
            epoch: row.chat.epoch,
            published: key.is_some(),
            key_check: None,
            distributor_user_id: None,
            distributor_session_id: None,
            holdback_ms: 0,
            sessions: Vec::new(),
            blob: None,
            as_of: view.as_of()?,
        };
        if let Some(key) = key {
            reply.key_check = key.key_check.map(|check| STANDARD.encode(check));
            reply.distributor_user_id = Some(key.distributor_user);
            reply.distributor_session_id = key.distributor_session;
        } else if let (Some(session), Some(user)) = (view.session, view.actor.user_id()) {
            let first_at = epochs::first_at(view, &facts, session, user)?;
            reply.holdback_ms = u64::try_from(first_at.since(view.now)).unwrap_or(0);
        }
        for seat in seats::talking(view, &facts)? {
            reply.sessions.push(SessionKey {
                user_id: seat.user,
                session_id: seat.session,
                public_key: seat.public_key.map(|key| STANDARD.encode(key)),
                has_blob: seat.has_blob,
                holds: seat.holds(),
                waits: seat.waits,
            });
        }
        if let Some(session) = view.session {
            reply.blob = own_blob(view.db, self.chat_id, session)?;
        }
        Ok(reply)
    }
}

fn own_blob(db: &Connection, chat: ChatId, session: SessionId) -> Result<Option<OwnBlob>> {
    store::first(
        db,
        "SELECT blob, publisher_user, publisher_session, publisher_public_key
         FROM key_blob WHERE chat_id = ? AND session_id = ?",
        (chat, session),
        |row| {
            Ok(OwnBlob {
                blob: STANDARD.encode(row.get_ref(0)?.as_blob()?),
                publisher_user_id: row.get(1)?,
                publisher_session_id: row.get(2)?,
                publisher_public_key: STANDARD.encode(row.get_ref(3)?.as_blob()?),
            })
        },
    )
}
