//! What is read of events, replies and refusals. Fields that do not matter here are passed over, so that a newer
//! server may say more.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::e2ee::bind::{Ctx, MAX_NUMBER};
use crate::e2ee::check::KeyCheck;
use crate::e2ee::error::{Error, Result};

/// Reads a document; `what` names it in the error.
pub(super) fn read<T: DeserializeOwned>(text: &str, what: &'static str) -> Result<T> {
    serde_json::from_str(text).map_err(|_| Error::Malformed {
        what,
        why: "it is not a JSON object with the fields that belong to it",
    })
}

/// `None` stays; a check that is none is an error.
pub(super) fn check(text: Option<&str>) -> Result<Option<KeyCheck>> {
    text.map(KeyCheck::from_base64).transpose()
}

/// The reply of `room.join`.
#[derive(Deserialize)]
pub(super) struct Joined {
    pub(super) chat: ChatSays,
    #[serde(default = "yes")]
    pub(super) may_talk: bool,
    /// The place in the event log that it is true at.
    #[serde(default)]
    pub(super) as_of: u64,
}

const fn yes() -> bool {
    true
}

/// What the server says of a chat.
#[derive(Deserialize)]
pub(super) struct ChatSays {
    pub(super) id: u64,
    pub(super) e2ee: u64,
    pub(super) epoch: u64,
}

/// `room:updated`; without `chat` as the log has it.
#[derive(Deserialize)]
pub(super) struct Updated {
    pub(super) chat: Option<ChatSays>,
}

/// An event of a chat that says no more than which, or whom it concerns.
#[derive(Deserialize)]
pub(super) struct Of {
    pub(super) chat_id: Option<u64>,
    pub(super) user_id: Option<u64>,
    pub(super) session_id: Option<u64>,
    pub(super) reason: Option<String>,
    /// Its place in the event log, where it was delivered.
    pub(super) seq: Option<u64>,
}

/// `room:epoch_changed`.
#[derive(Deserialize)]
pub(super) struct Moved {
    pub(super) chat_id: u64,
    pub(super) epoch: u64,
    #[serde(default)]
    pub(super) reason: String,
}

/// `portal:key_added`; without `public_key` as the log has it.
#[derive(Deserialize)]
pub(super) struct Added {
    pub(super) user_id: u64,
    pub(super) public_key: Option<String>,
}

/// `message:new`; without `message` as the log has it.
#[derive(Deserialize)]
pub(super) struct MessageNew {
    pub(super) chat_id: u64,
    pub(super) message: Option<Message>,
}

#[derive(Deserialize)]
pub(super) struct Message {
    pub(super) epoch: u64,
}

/// `portal:key_needed`; without `public_key` as the log has it.
#[derive(Deserialize)]
pub(super) struct Needed {
    pub(super) chat_id: u64,
    pub(super) epoch: u64,
    pub(super) user_id: u64,
    pub(super) session_id: u64,
    pub(super) holder_session: u64,
    pub(super) public_key: Option<String>,
}

/// `portal:key_blob`; without the blob as the log has it.
#[derive(Deserialize)]
pub(super) struct Came {
    pub(super) chat_id: u64,
    pub(super) epoch: u64,
    pub(super) session_id: u64,
    pub(super) key_check: Option<String>,
    #[serde(flatten)]
    pub(super) blob: Option<Blob>,
}

/// A wrapped key.
#[derive(Deserialize)]
pub(super) struct Blob {
    #[serde(rename = "blob")]
    pub(super) text: String,
    pub(super) publisher_user_id: u64,
    pub(super) publisher_public_key: String,
}

/// The reply of `key.list`.
#[derive(Deserialize)]
pub(super) struct KeyList {
    pub(super) epoch: u64,
    pub(super) published: bool,
    pub(super) key_check: Option<String>,
    #[serde(default)]
    pub(super) holdback_ms: u64,
    pub(super) sessions: Vec<SessionKey>,
    pub(super) blob: Option<Blob>,
}

/// A session in the room.
#[derive(Deserialize)]
pub(super) struct SessionKey {
    pub(super) user_id: u64,
    pub(super) session_id: u64,
    pub(super) public_key: Option<String>,
    #[serde(default)]
    pub(super) has_blob: bool,
    #[serde(default)]
    pub(super) holds: bool,
    #[serde(default)]
    pub(super) waits: bool,
}

/// The reply of `key.publish`.
#[derive(Deserialize)]
pub(super) struct Published {
    #[serde(rename = "epoch")]
    pub(super) _epoch: u64,
}

/// The reply of `key.renew`.
#[derive(Deserialize)]
pub(super) struct Renewed {
    pub(super) status: String,
    pub(super) epoch: u64,
    #[serde(default)]
    pub(super) retry_after_ms: u64,
}

/// What comes with a refusal.
#[derive(Default, Deserialize)]
pub(super) struct Refusal {
    pub(super) retry_after_ms: Option<u64>,
    pub(super) epoch: Option<u64>,
}

impl ChatSays {
    pub(super) fn checked(&self) -> Result<()> {
        Ctx::new(self.id, self.epoch).map(drop)
    }
}

/// An id or epoch that is used as a number only.
pub(super) const fn is_number(number: u64) -> bool {
    number >= 1 && number <= MAX_NUMBER
}
