//! Ids: integers from 1 to 2^53-1, so that JavaScript reads them, never reused.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The largest id: 2^53-1.
pub const MAX_ID: i64 = (1 << 53) - 1;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident $what:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(try_from = "i64", into = "i64")]
        pub struct $name(#[schemars(range(min = 1, max = 9_007_199_254_740_991_i64))] i64);

        impl $name {
            /// The id as a number.
            pub const fn get(self) -> i64 { self.0 }

            /// The smallest that there can be.
            pub const FIRST: Self = Self(1);
        }

        impl TryFrom<i64> for $name {
            type Error = String;

            fn try_from(id: i64) -> Result<Self, String> {
                if (1..=MAX_ID).contains(&id) {
                    Ok(Self(id))
                } else {
                    Err(format!("{} is a number from 1 to 9007199254740991, not {id}", $what))
                }
            }
        }

        impl From<$name> for i64 {
            fn from(id: $name) -> i64 { id.0 }
        }

        /// As the encryption counts it.
        impl From<$name> for u64 {
            fn from(id: $name) -> u64 { id.0.unsigned_abs() }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { self.0.fmt(f) }
        }

        impl std::str::FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                text.parse::<i64>()
                    .map_err(|_| format!("{} is a number, not {text:?}", $what))
                    .and_then(Self::try_from)
            }
        }
    )*};
}

ids! {
    /// A person.
    UserId "a user id";
    /// A signed-in device of a person.
    SessionId "a session id";
    /// A chat.
    ChatId "a chat id";
    /// A message within its chat (SPEC 6.3).
    MessageId "a message id";
    /// A place in the event log (SPEC 12.2).
    Seq "an event's seq";
    /// A row of the audit log.
    AuditId "an audit id";
    /// A row of a chat's activity log.
    ActivityId "an activity id";
    /// A report of a message (SPEC 7.6).
    ReportId "a report id";
    /// A wrapped room key (SPEC 8.5).
    BlobId "a key blob id";
    /// A program that hands out login codes on another platform (SPEC 2.5).
    BotId "a bot id";
    /// A live connection, in memory only (SPEC 10.1).
    ConnectionId "a connection id";
}
