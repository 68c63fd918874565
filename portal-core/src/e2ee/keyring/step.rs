//! What a keyring answers: requests to make, alarms to show, keys that came, and when to call again.

use serde::Serialize;
use serde_json::Value;

use crate::e2ee::keys::PublicKey;
use crate::random::Random;

/// What is to be done now. As JSON it is what the C functions hand out.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Step {
    /// Operations to call, in this order, each answered with [`super::Keyring::reply`].
    pub requests: Vec<Request>,
    /// What a person should see.
    pub alarms: Vec<Alarm>,
    /// Room keys that can be used from now on: messages that waited for one can be opened.
    pub keys: Vec<NewKey>,
    /// When to call [`super::Keyring::tick`], in milliseconds, unless something else comes before;
    /// none: not before that.
    pub wake_at_ms: Option<i64>,
}

/// An operation to call with the session that the keyring belongs to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Request {
    /// What the reply is handed in under.
    pub id: u64,
    /// The operation: `key.register`, `key.list`, `key.publish`, `key.reject` or `key.renew`.
    pub op: &'static str,
    /// Its parameters.
    pub params: Value,
}

/// A room key that has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct NewKey {
    /// Of which chat.
    pub chat_id: u64,
    /// Of which epoch.
    pub epoch: u64,
}

/// Something that a person should see. As JSON, `kind` says which.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Alarm {
    /// The first key that was ever seen of a user.
    KeyNew(Meeting),
    /// Another key than those known of a user: another device, or somebody else.
    KeyChanged(Meeting),
    /// More keys than a keyring remembers: this one is not, and nothing is wrapped for it.
    KeyIgnored(Meeting),
    /// The server says another suite than the one pinned. What it said is not followed.
    SuiteChanged {
        /// Of which chat.
        chat_id: u64,
        /// What it says now.
        e2ee: u64,
    },
    /// The server says another key check for an epoch than before. What it said is not followed.
    CheckChanged {
        /// Of which chat.
        chat_id: u64,
        /// Of which epoch.
        epoch: u64,
    },
    /// A room key came that does not open, fails the check, is or was held elsewhere, or is another than this epoch's
    /// was. It is given back.
    KeyRefused {
        /// Of which chat.
        chat_id: u64,
        /// Of which epoch.
        epoch: u64,
        /// Who is said to have wrapped it.
        user_id: u64,
    },
}

/// A key that was not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Meeting {
    /// Whose it is said to be.
    pub user_id: u64,
    /// The key, in base64: what [`super::Keyring::decide`] takes.
    #[serde(serialize_with = "as_base64")]
    pub public_key: PublicKey,
    /// The digits to compare with that person.
    pub fingerprint: String,
    /// Where it was met.
    pub chat_id: u64,
    /// Whether it was accepted already; else a decision is waited for.
    pub accepted: bool,
}

pub(super) fn as_base64<S: serde::Serializer>(
    key: &PublicKey,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&key.to_base64())
}

/// How the host answers a request.
#[derive(Debug, Clone, Copy)]
pub enum Answer<'a> {
    /// It was done; this is the reply, a JSON object.
    Done(&'a str),
    /// It was refused, or could not be made.
    Refused {
        /// Such as `ERR_KEY_CONFLICT`. `ERR_INTERNAL` if no answer came at all.
        code: &'a str,
        /// A JSON object with the error's extras (`retry_after_ms`, `epoch`), or the empty text.
        details: &'a str,
    },
}

/// One call: its time and its randomness.
pub(super) struct Turn<'a> {
    pub(super) now: i64,
    pub(super) random: &'a dyn Random,
}

impl<'a> Turn<'a> {
    pub(super) fn new(now: i64, random: &'a dyn Random) -> Self {
        Self { now, random }
    }
}
