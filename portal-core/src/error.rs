//! The one list of errors (SPEC 13.1), and how each face shows them.
//!
//! Inside, an [`Error`] may carry its cause for the operator's log. Outside, a face shows only the
//! code, the sentence and the typed extras: SQL, paths and contents never leave through it.

use std::borrow::Cow;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::BadInterest;

/// What every fallible call of this crate answers with.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// How `portal-cli` exits (SPEC 16.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 1: a defect of ours.
    Internal = 1,
    /// 2: the request itself was wrong.
    Usage = 2,
    /// 3: what was named does not exist, or not for this actor.
    NotFound = 3,
    /// 4: a rule refused it.
    Refused = 4,
    /// 5: it clashes with what is there.
    Conflict = 5,
    /// 6: the database file.
    Storage = 6,
}

macro_rules! errors {
    ($($(#[$doc:meta])* $kind:ident $code:literal $status:literal $http:literal $exit:ident $sentence:literal;)*) => {
        /// Every way a call can fail. The numbers and codes never change once released.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum ErrorKind { $($(#[$doc])* #[doc = $sentence] $kind,)* }

        impl ErrorKind {
            /// Every kind, in the order of the list.
            pub const ALL: &'static [ErrorKind] = &[$(ErrorKind::$kind),*];

            /// The code that programs compare: `ERR_...`.
            pub const fn code(self) -> &'static str { match self { $(Self::$kind => $code),* } }

            /// The C status number (SPEC 17.1).
            pub const fn status(self) -> i32 { match self { $(Self::$kind => $status),* } }

            /// The HTTP status.
            pub const fn http(self) -> u16 { match self { $(Self::$kind => $http),* } }

            /// The exit code of `portal-cli`.
            pub const fn exit(self) -> Exit { match self { $(Self::$kind => Exit::$exit),* } }

            /// What a person reads when the call has nothing more precise to say.
            pub const fn sentence(self) -> &'static str { match self { $(Self::$kind => $sentence),* } }
        }
    };
}

errors! {
    // 1xx: the caller's mistake.
    Invalid "ERR_INVALID" 101 400 Usage "The request is not valid; `field` names the first thing that is wrong.";
    EnvelopeInvalid "ERR_ENVELOPE_INVALID" 102 400 Usage "The message is not an envelope of this chat's encryption suite.";
    UnknownOperation "ERR_UNKNOWN_OPERATION" 103 404 Usage "There is no operation of that name; `op list` shows them all.";
    PayloadTooLarge "ERR_PAYLOAD_TOO_LARGE" 104 413 Usage "The request body is larger than 64 KiB.";
    NotFound "ERR_NOT_FOUND" 105 404 NotFound "There is nothing at this address.";
    MethodNotAllowed "ERR_METHOD_NOT_ALLOWED" 106 405 Usage "This address does not take that method.";
    UnsupportedMedia "ERR_UNSUPPORTED_MEDIA" 107 415 Usage "The request body must be JSON, and say so in Content-Type.";
    RequestTimeout "ERR_REQUEST_TIMEOUT" 108 408 Usage "The request body did not arrive in time.";

    // 2xx: state and look-up.
    ChatNotFound "ERR_CHAT_NOT_FOUND" 201 404 NotFound "There is no such chat, or it is not open to you.";
    UserNotFound "ERR_USER_NOT_FOUND" 202 404 NotFound "There is no such user.";
    SessionNotFound "ERR_SESSION_NOT_FOUND" 203 404 NotFound "There is no such session.";
    InviteInvalid "ERR_INVITE_INVALID" 204 404 NotFound "This code leads nowhere: it is mistyped, expired, used up or revoked.";
    MessageNotFound "ERR_MESSAGE_NOT_FOUND" 205 404 NotFound "There is no such message.";
    SignupCodeInvalid "ERR_SIGNUP_CODE_INVALID" 206 404 NotFound "This sign-up code is mistyped, expired, used up or revoked.";
    LoginInvalid "ERR_LOGIN_INVALID" 207 401 Refused "That name and that key or code do not belong together, or the code has expired.";
    Unauthenticated "ERR_UNAUTHENTICATED" 208 401 Refused "Sign in first: there is no session, or it has ended.";
    UsernameTaken "ERR_USERNAME_TAKEN" 209 409 Conflict "That username is taken or was given up less than 30 days ago.";
    SlugTaken "ERR_SLUG_TAKEN" 210 409 Conflict "That address is taken, reserved, or held for its last owner.";
    EpochMismatch "ERR_EPOCH_MISMATCH" 211 409 Conflict "The chat's epoch has moved on; `epoch` is the current one.";
    KeyConflict "ERR_KEY_CONFLICT" 212 409 Conflict "Another session has already published this epoch's key.";
    NoRoomKey "ERR_NO_ROOM_KEY" 213 409 Conflict "This session does not hold the key of the current epoch.";
    NotJoined "ERR_NOT_JOINED" 214 409 Conflict "Join the room with this session first.";
    NotConnected "ERR_NOT_CONNECTED" 215 409 Conflict "This needs a live connection.";
    EventsPruned "ERR_EVENTS_PRUNED" 216 410 Conflict "The event log no longer reaches back to that place; read the state and follow from its `as_of`.";
    PresenceTaken "ERR_PRESENCE_TAKEN" 217 409 Conflict "Another program serves this file already: one at a time keeps presence for it.";
    Closed "ERR_CLOSED" 218 503 Conflict "The portal is closed or closing.";
    TransferNotFound "ERR_TRANSFER_NOT_FOUND" 219 404 NotFound "No transfer of this chat is offered to you.";
    NoPublicKey "ERR_NO_PUBLIC_KEY" 220 409 Conflict "Register this session's public key first.";
    ReportNotFound "ERR_REPORT_NOT_FOUND" 221 404 NotFound "There is no such report, or it was settled and has been pruned.";
    AlreadyReported "ERR_ALREADY_REPORTED" 222 409 Conflict "You have reported this message already; staff have it.";
    BotNotFound "ERR_BOT_NOT_FOUND" 223 404 NotFound "There is no such bot.";
    BrowserUnavailable "ERR_BROWSER_UNAVAILABLE" 224 409 Refused "This server runs no browsers.";

    // 3xx: refused by policy.
    Forbidden "ERR_FORBIDDEN" 301 403 Refused "You may not do this here.";
    Banned "ERR_BANNED" 302 403 Refused "You are banned here.";
    Muted "ERR_MUTED" 303 403 Refused "You are muted; `ttl_seconds` says how much longer (0: until someone lifts it).";
    RateLimited "ERR_RATE_LIMITED" 304 429 Refused "Too fast; `retry_after_ms` says when to try again.";
    PremiumRequired "ERR_PREMIUM_REQUIRED" 305 403 Refused "The chat's owner needs premium now.";
    ChatSlotLimit "ERR_CHAT_SLOT_LIMIT" 306 409 Refused "The owner has no free slot for another chat.";
    ChatTypeFixed "ERR_CHAT_TYPE_FIXED" 307 409 Refused "OFFICIAL and DIRECT chats never change their type.";
    InviteQuota "ERR_INVITE_QUOTA" 308 409 Refused "The chat has 20 live invites; revoke one first.";
    TargetIsOwner "ERR_TARGET_IS_OWNER" 309 403 Refused "The owner is neither kicked nor banned from the own chat.";
    DirectUnmoderated "ERR_DIRECT_UNMODERATED" 310 403 Refused "A DIRECT chat has no moderators; leave it, report it, or ask for a hard mute.";
    LastOwner "ERR_LAST_OWNER" 311 409 Refused "This is the last platform owner.";
    UserOwnsChats "ERR_USER_OWNS_CHATS" 312 409 Refused "The user owns chats; say what becomes of them.";
    StrangerForbidden "ERR_STRANGER_FORBIDDEN" 313 403 Refused "Strangers can be matched and look into open chats, nothing else; sign up for more.";
    TimedOut "ERR_TIMED_OUT" 314 403 Refused "This user is timed out; `ttl_seconds` says how much longer.";
    RegistrationClosed "ERR_REGISTRATION_CLOSED" 315 403 Refused "This server takes no sign-ups.";
    OwnerCannotLeave "ERR_OWNER_CANNOT_LEAVE" 316 409 Refused "The owner cannot leave; transfer the chat or destroy it.";
    TrialUsed "ERR_TRIAL_USED" 317 409 Refused "The trial has been used already.";
    StrangerLimit "ERR_STRANGER_LIMIT" 318 429 Refused "Too many strangers come from this address.";
    CrossSite "ERR_CROSS_SITE" 319 403 Refused "This request comes from another site.";
    NotConfirmed "ERR_NOT_CONFIRMED" 320 409 Refused "This cannot be undone, so it has to be confirmed; nothing was changed.";
    ReasonRequired "ERR_REASON_REQUIRED" 321 403 Refused "This is others'; say why you look into it, with `chat.inspect` or `user.inspect`, then read.";
    StrangerBlocked "ERR_STRANGER_BLOCKED" 322 403 Refused "You are not matched any more: a moderator has blocked you.";

    // 4xx: storage.
    Storage "ERR_STORAGE" 401 500 Storage "The database file could not be read or written.";
    StorageFull "ERR_STORAGE_FULL" 402 507 Storage "The disk is full; nothing of this request was stored.";
    StorageReadOnly "ERR_STORAGE_READONLY" 403 500 Storage "The database file is read-only.";
    StorageLocked "ERR_STORAGE_LOCKED" 404 503 Storage "Another process holds the database file locked; try again.";
    StorageCorrupt "ERR_STORAGE_CORRUPT" 405 500 Storage "The database file is damaged; run `portal-cli db check`.";
    StorageForeign "ERR_STORAGE_FOREIGN" 406 500 Storage "This file is not a portal database.";
    StorageNewer "ERR_STORAGE_NEWER" 407 500 Storage "A newer version wrote this database; upgrade before you open it.";
    StorageNotFound "ERR_STORAGE_NOT_FOUND" 408 500 Storage "There is no database file there, no folder to make one in, or it cannot be opened.";
    StorageExists "ERR_STORAGE_EXISTS" 409 409 Conflict "There is a database file already; nothing was changed.";

    // 5xx: cryptography.
    Decrypt "ERR_DECRYPT" 501 400 Refused "This does not open with that key.";

    // 6xx: the matcher.
    MatchBadInterest "ERR_MATCH_BAD_INTEREST" 601 400 Usage "Name 1 to 3 different interests, each of 3 to 12 small letters or digits.";
    MatchAlreadySearching "ERR_MATCH_ALREADY_SEARCHING" 602 409 Conflict "You are being looked for a match already; dequeue first to change your interests.";
    MatchSlotLimit "ERR_MATCH_SLOT_LIMIT" 603 409 Refused "You have as many matches as you can have at once; leave one first.";
    MatchAmbiguous "ERR_MATCH_AMBIGUOUS" 604 409 Conflict "You have several matches; say which to leave.";
    MatchNoActiveDirect "ERR_MATCH_NO_ACTIVE_DIRECT" 605 404 NotFound "You have no match to leave.";

    // 9xx: ours.
    Internal "ERR_INTERNAL" 901 500 Internal "Something went wrong inside; the operator's log knows more.";
    Poisoned "ERR_POISONED" 902 500 Internal "An earlier failure left this handle unusable; close it and open again.";
}

/// The typed details of an error (SPEC 13.1). Absent ones are not written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Extras {
    /// How long a punishment still lasts, in seconds; 0 is without end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl_seconds: Option<u64>,
    /// The chat's current epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u64>,
    /// When a retry can succeed, in milliseconds from now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// Why a person is timed out or banned, for themself (SPEC 7.1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The first field that was wrong, as a path from the parameters' root.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

/// A refusal or failure: a kind, a sentence, typed extras, and for the log a cause.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}: {message}", kind.code())]
pub struct Error {
    kind: ErrorKind,
    message: Cow<'static, str>,
    extras: Box<Extras>,
    #[source]
    cause: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error that says the kind's own sentence.
    pub fn new(kind: ErrorKind) -> Self {
        Self::with_message(kind, kind.sentence())
    }

    /// An error with a more precise sentence. It is shown to people: nothing internal goes in.
    pub fn with_message(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            message: message.into(),
            extras: Box::default(),
            cause: None,
        }
    }

    /// `ERR_INVALID`, naming the field.
    pub fn invalid(field: impl Into<String>, message: impl Into<Cow<'static, str>>) -> Self {
        let mut error = Self::with_message(ErrorKind::Invalid, message);
        error.extras.field = Some(field.into());
        error
    }

    /// `ERR_MATCH_BAD_INTEREST`, naming the place in the list (SPEC 9.2).
    pub fn bad_interest(bad: BadInterest) -> Self {
        let mut error = Self::with_message(ErrorKind::MatchBadInterest, bad.why);
        let place = bad.place.map(|place| format!("[{place}]"));
        error.extras.field = Some(format!("interests{}", place.unwrap_or_default()));
        error
    }

    /// `ERR_RATE_LIMITED`, with the wait in milliseconds.
    pub fn rate_limited(retry_after_ms: u64) -> Self {
        let mut error = Self::new(ErrorKind::RateLimited);
        error.extras.retry_after_ms = Some(retry_after_ms.max(1));
        error
    }

    /// `ERR_EPOCH_MISMATCH`, with the current epoch.
    pub fn epoch_mismatch(current: u64) -> Self {
        let mut error = Self::new(ErrorKind::EpochMismatch);
        error.extras.epoch = Some(current);
        error
    }

    /// A punishment's refusal, with what is left of it in seconds (0: no end).
    pub fn punished(kind: ErrorKind, ttl_seconds: u64) -> Self {
        let mut error = Self::new(kind);
        error.extras.ttl_seconds = Some(ttl_seconds);
        error
    }

    /// The same error with the reason that staff gave for a punishment.
    #[must_use]
    pub fn for_reason(mut self, reason: Option<String>) -> Self {
        self.extras.reason = reason;
        self
    }

    /// The same error with its cause kept for the log.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.cause = Some(Arc::from(cause.into()));
        self
    }

    /// The same error with a more precise sentence. It is shown to people: nothing internal goes in.
    #[must_use]
    pub fn saying(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        self.message = message.into();
        self
    }

    /// What the system or `SQLite` said, for [`crate::log::why`].
    pub(crate) fn system_cause(&self) -> Option<String> {
        let cause = self.cause.as_deref()?;
        let of_sqlite = cause.downcast_ref::<rusqlite::Error>();
        let says = |error: &rusqlite::Error| matches!(error, rusqlite::Error::SqliteFailure(..));
        (of_sqlite.is_some_and(says) || cause.is::<std::io::Error>()).then(|| cause.to_string())
    }

    /// Which error this is.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The sentence for a person.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The typed details.
    pub fn extras(&self) -> &Extras {
        &self.extras
    }
}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Self {
        Self::new(kind)
    }
}

/// What every face writes for an error: `code`, `message` and the extras, flat.
impl Serialize for Error {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Body<'a> {
            code: &'static str,
            message: &'a str,
            #[serde(flatten)]
            extras: &'a Extras,
        }
        Body {
            code: self.kind.code(),
            message: &self.message,
            extras: &self.extras,
        }
        .serialize(serializer)
    }
}

impl From<crate::e2ee::Error> for Error {
    fn from(error: crate::e2ee::Error) -> Self {
        use crate::e2ee::Error as Crypto;
        let kind = match error {
            Crypto::Decrypt => ErrorKind::Decrypt,
            Crypto::InvalidEnvelope { .. } => ErrorKind::EnvelopeInvalid,
            Crypto::NoRoomKey => ErrorKind::NoRoomKey,
            Crypto::TooLong { .. }
            | Crypto::InvalidKey { .. }
            | Crypto::InvalidBlob { .. }
            | Crypto::OutOfRange { .. }
            | Crypto::NoDisclosure
            | Crypto::Malformed { .. } => ErrorKind::Invalid,
        };
        let mut mapped = Self::with_message(kind, error.to_string());
        mapped.extras.field = error.field().map(str::to_owned);
        mapped
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as Sqlite;
        let kind = match error.sqlite_error_code() {
            Some(Sqlite::DatabaseBusy | Sqlite::DatabaseLocked) => ErrorKind::StorageLocked,
            Some(Sqlite::DiskFull) => ErrorKind::StorageFull,
            Some(Sqlite::ReadOnly) => ErrorKind::StorageReadOnly,
            Some(Sqlite::DatabaseCorrupt) => ErrorKind::StorageCorrupt,
            Some(Sqlite::NotADatabase) => ErrorKind::StorageForeign,
            Some(Sqlite::CannotOpen | Sqlite::PermissionDenied) => ErrorKind::StorageNotFound,
            Some(Sqlite::SystemIoFailure) => ErrorKind::Storage,
            // A row that its own type refuses: no operation wrote it so.
            None if matches!(error, rusqlite::Error::FromSqlConversionFailure(..)) => {
                ErrorKind::StorageCorrupt
            }
            _ => ErrorKind::Internal,
        };
        Self::new(kind).caused_by(error)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_and_numbers_are_unique_and_in_their_blocks() {
        let codes: BTreeSet<_> = ErrorKind::ALL.iter().map(|kind| kind.code()).collect();
        let numbers: BTreeSet<_> = ErrorKind::ALL.iter().map(|kind| kind.status()).collect();
        assert_eq!(
            (codes.len(), numbers.len()),
            (ErrorKind::ALL.len(), ErrorKind::ALL.len())
        );
        for kind in ErrorKind::ALL {
            assert!(matches!(kind.status() / 100, 1..=6 | 9), "{kind:?}");
            assert!(kind.code().starts_with("ERR_"), "{kind:?}");
        }
    }

    #[test]
    fn an_error_is_written_flat_and_without_its_cause() {
        let error = Error::epoch_mismatch(7).caused_by("SELECT secret FROM file");
        let json = serde_json::to_string(&error).unwrap();
        assert!(json.contains(r#""code":"ERR_EPOCH_MISMATCH""#) && json.contains(r#""epoch":7"#));
        assert!(!json.contains("SELECT"));
    }
}
