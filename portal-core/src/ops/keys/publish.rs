//! Publishing a room key: being first with an epoch's key, and wrapping it for others (SPEC 8.4, 8.5).
//!
//! The surprise: a blob that cannot be stored does not fail the call. People come and go while a client
//! wraps, so what was overtaken is skipped and named in the reply.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rusqlite::Connection;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{requests, room_key};
use crate::e2ee::Suite;
use crate::error::{Error, ErrorKind, Result};
use crate::event::KeyBlobStored;
use crate::model::{BlobId, ChatId, SessionId, UserId};
use crate::operation::{Context, Operation};
use crate::ops::{chats, epochs, seats};
use crate::policy::{ChatFacts, Permit, Talk, permit};
use crate::store;

/// At most this many blobs a call (SPEC 8.5).
const MOST_BLOBS: usize = 256;

/// Publishes the key of a chat's current epoch, wrapped for sessions in the room (SPEC 8.4, 8.5). The first
/// to do so is the epoch's distributor; after that every holder can wrap it for sessions that have none.
/// Only present sessions with a registered key can publish.
///
/// `ERR_CHAT_NOT_FOUND`, `ERR_NOT_JOINED`, `ERR_NO_PUBLIC_KEY`, `ERR_EPOCH_MISMATCH`,
/// `ERR_KEY_CONFLICT`, `ERR_NO_ROOM_KEY`, `ERR_INVALID`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Publish {
    /// Which chat.
    pub chat_id: ChatId,
    /// The epoch that the key is for; another than the current one is `ERR_EPOCH_MISMATCH`.
    pub epoch: u64,
    /// 16 bytes in base64 that receivers compare their key with. Needed in suite 3, optional in suite 2.
    #[serde(default)]
    pub key_check: Option<String>,
    /// The key, wrapped; at most 256.
    #[serde(default)]
    pub blobs: Vec<Wrapped>,
}

/// The room key, wrapped for one session.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Wrapped {
    /// For which session.
    pub session_id: SessionId,
    /// For which of its public keys, in base64; another than its current one is skipped.
    pub public_key: String,
    /// In base64: 72 bytes in suite 2, 80 in suite 3.
    pub blob: String,
}

/// A published key.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Published {
    /// The epoch.
    pub epoch: u64,
    /// Whether this call was the first and made the session the distributor.
    pub first: bool,
    /// The sessions that a blob was stored for.
    pub stored: Vec<SessionId>,
    /// Those that none was stored for.
    pub skipped: Vec<Skipped>,
}

/// A session that no blob was stored for.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Skipped {
    /// Which.
    pub session_id: SessionId,
    /// Why.
    pub reason: SkipReason,
}

/// Why no blob was stored for a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SkipReason {
    /// There is no such session in the room.
    NotPresent,
    /// Its user may not talk in the chat.
    MayNotTalk,
    /// It was wrapped for another key than the session has now.
    KeyChanged,
    /// It has a blob already.
    HasBlob,
    /// It rejected this publisher's blob before, in this epoch.
    Rejected,
    /// It joined while a move of the epoch was due, and gets the next epoch's key.
    Waits,
}

/// Who publishes.
struct Publisher {
    user: UserId,
    session: SessionId,
    public_key: [u8; 32],
}

impl Operation for Publish {
    const NAME: &'static str = "key.publish";
    type Reply = Published;

    fn apply(self, cx: &mut Context<'_>) -> Result<Published> {
        let (row, facts) = chats::load(cx, self.chat_id)?;
        let permit = permit::<Talk>(&cx.actor, &facts)?;
        let suite = Suite::from_number(row.chat.e2ee.into()).ok_or(ErrorKind::StorageCorrupt)?;
        let key_check = self.parse_check(suite)?;
        let blobs = self.parse_blobs(suite)?;
        let publisher = publisher(cx, &facts)?;
        let epoch = row.chat.epoch;
        if self.epoch != epoch {
            return Err(Error::epoch_mismatch(epoch));
        }
        let first = match room_key(cx.db, self.chat_id)? {
            None => {
                check_may_be_first(cx, &facts, &publisher)?;
                insert_key(cx, &permit, epoch, key_check, &publisher)?;
                true
            }
            Some(key) => {
                let holds = epochs::holds_key(cx.db, self.chat_id, publisher.session)?;
                // Clients of suite 2 that send no check still help (e2ee-bytes.md 2).
                let same =
                    key.key_check == key_check || (suite == Suite::Two && key_check.is_none());
                if !holds || !same {
                    return Err(ErrorKind::KeyConflict.into());
                }
                false
            }
        };
        let mut reply = Published {
            epoch,
            first,
            stored: Vec::new(),
            skipped: Vec::new(),
        };
        for (wrapped, blob) in self.blobs.iter().zip(blobs) {
            let session_id = wrapped.session_id;
            if let Some(reason) = obstacle(cx, &facts, &publisher, wrapped)? {
                reply.skipped.push(Skipped { session_id, reason });
            } else {
                insert_blob(cx, &permit, epoch, session_id, &publisher, &blob)?;
                reply.stored.push(session_id);
            }
        }
        if first {
            requests::after_the_first(cx, &facts, publisher.session)?;
        } else {
            requests::offer(cx, &facts, epoch, &reply.stored)?;
        }
        Ok(reply)
    }
}

impl Publish {
    fn parse_check(&self, suite: Suite) -> Result<Option<[u8; 16]>> {
        match (&self.key_check, suite) {
            (Some(text), _) => STANDARD
                .decode(text)
                .ok()
                .and_then(|check| check.try_into().ok())
                .map(Some)
                .ok_or_else(|| Error::invalid("key_check", "key_check is 16 bytes in base64")),
            (None, Suite::Two) => Ok(None),
            (None, Suite::Three) => Err(Error::invalid("key_check", "suite 3 needs a key_check")),
        }
    }

    /// The blobs' bytes. A client that wraps wrongly is told so, before anything is stored.
    fn parse_blobs(&self, suite: Suite) -> Result<Vec<Vec<u8>>> {
        if self.blobs.len() > MOST_BLOBS {
            return Err(Error::invalid("blobs", "at most 256 blobs a call"));
        }
        let parse = |(index, wrapped): (usize, &Wrapped)| {
            let field = || format!("blobs[{index}].blob");
            suite
                .check_blob(&wrapped.blob)
                .map_err(|error| Error::invalid(field(), error.to_string()))?;
            STANDARD
                .decode(&wrapped.blob)
                .map_err(|_| Error::invalid(field(), "a blob is canonical base64"))
        };
        self.blobs.iter().enumerate().map(parse).collect()
    }
}

fn publisher(cx: &Context<'_>, chat: &ChatFacts) -> Result<Publisher> {
    let user = cx.user_id()?;
    let session = cx.session_id()?;
    seats::check_here(cx, chat.id, session)?;
    let public_key = seats::find(cx, chat, session)?
        .and_then(|seat| seat.public_key)
        .ok_or(ErrorKind::NoPublicKey)?;
    Ok(Publisher {
        user,
        session,
        public_key,
    })
}

fn check_may_be_first(cx: &Context<'_>, chat: &ChatFacts, publisher: &Publisher) -> Result<()> {
    let first_at = epochs::first_at(cx, chat, publisher.session, publisher.user)?;
    match u64::try_from(first_at.since(cx.now)) {
        Ok(wait) if wait > 0 => Err(Error::rate_limited(wait)),
        _ => Ok(()),
    }
}

/// Compare-and-set: the row's key is the chat, and the transaction is the only one that writes.
fn insert_key(
    cx: &Context<'_>,
    permit: &Permit<Talk>,
    epoch: u64,
    key_check: Option<[u8; 16]>,
    publisher: &Publisher,
) -> Result<()> {
    store::execute(
        cx.db,
        "INSERT INTO room_key (chat_id, epoch, key_check, distributor_user, distributor_session, published_at)
         VALUES (?, ?, ?, ?, ?, ?)",
        (
            permit.subject(),
            epoch,
            key_check,
            publisher.user,
            publisher.session,
            cx.now,
        ),
    )?;
    Ok(())
}

/// Why no blob can be stored for a session; none if one can.
fn obstacle(
    cx: &Context<'_>,
    chat: &ChatFacts,
    publisher: &Publisher,
    wrapped: &Wrapped,
) -> Result<Option<SkipReason>> {
    let Some(seat) = seats::find(cx, chat, wrapped.session_id)? else {
        return Ok(Some(SkipReason::NotPresent));
    };
    let current = seat.public_key.map(|key| STANDARD.encode(key));
    Ok(if !seats::is_here(cx, chat.id, seat.session) {
        Some(SkipReason::NotPresent)
    } else if !seat.may_talk {
        Some(SkipReason::MayNotTalk)
    } else if current.as_deref() != Some(wrapped.public_key.as_str()) {
        Some(SkipReason::KeyChanged)
    } else if seat.has_blob {
        Some(SkipReason::HasBlob)
    } else if seat.waits {
        Some(SkipReason::Waits)
    } else if has_rejected(cx.db, chat.id, seat.session, publisher.session)? {
        Some(SkipReason::Rejected)
    } else {
        None
    })
}

/// Whether a session rejected what a publisher wrapped for it in the current epoch (SPEC 8.6).
pub(super) fn has_rejected(
    db: &Connection,
    chat: ChatId,
    session: SessionId,
    publisher: SessionId,
) -> Result<bool> {
    let row = store::first(
        db,
        "SELECT 1 FROM key_rejection WHERE chat_id = ? AND session_id = ? AND publisher_session = ?",
        (chat, session, publisher),
        |_| Ok(()),
    )?;
    Ok(row.is_some())
}

fn insert_blob(
    cx: &mut Context<'_>,
    permit: &Permit<Talk>,
    epoch: u64,
    session_id: SessionId,
    publisher: &Publisher,
    blob: &[u8],
) -> Result<()> {
    let chat_id = permit.subject();
    store::execute(
        cx.db,
        "INSERT INTO key_blob (chat_id, epoch, session_id, publisher_user, publisher_session,
           publisher_public_key, blob, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            chat_id,
            epoch,
            session_id,
            publisher.user,
            publisher.session,
            publisher.public_key,
            blob,
            cx.now,
        ),
    )?;
    let id = cx.db.last_insert_rowid();
    let blob_id = BlobId::try_from(id).map_err(|_| ErrorKind::Internal)?;
    requests::forget_request(cx.db, chat_id, session_id)?;
    cx.emit(KeyBlobStored {
        chat_id,
        epoch,
        blob_id,
        session_id,
    })
}
