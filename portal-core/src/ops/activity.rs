//! A chat's activity log: who joined, left, was kicked or banned (SPEC 10.4). The table `activity`.

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::model::{ChatId, MINUTE, UserId};
use crate::operation::Context;
use crate::store;

/// Joining and leaving are written once per person and chat within this (SPEC 10.4).
const JOINING_PAUSE: i64 = 10 * MINUTE;

/// The words that rows keep.
macro_rules! words {
    ($type:ident { $($variant:ident $word:literal),* }) => {
        impl ToSql for $type {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(match self { $(Self::$variant => $word),* }.into())
            }
        }

        impl FromSql for $type {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                match value.as_str()? {
                    $($word => Ok(Self::$variant),)*
                    _ => Err(FromSqlError::InvalidType),
                }
            }
        }
    };
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActivityKind {
    /// Came into the room.
    Join,
    /// Left the room.
    Leave,
    /// Was kicked.
    Kick,
    /// Was banned.
    Ban,
}

words! { ActivityKind { Join "join", Leave "leave", Kick "kick", Ban "ban" } }

/// By which door somebody came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// The open door of an OFFICIAL or PUBLIC chat.
    Open,
    /// Its address.
    Slug,
    /// An invite.
    Invite,
    /// A match.
    Match,
}

words! { Method { Open "open", Slug "slug", Invite "invite", Match "match" } }

/// Writes down what happened; answers whether it did. Joining and leaving are passed over when the
/// same was written less than 10 minutes ago.
pub(crate) fn record(
    cx: &Context<'_>,
    chat: ChatId,
    user: UserId,
    kind: ActivityKind,
    method: Option<Method>,
) -> Result<bool> {
    if matches!(kind, ActivityKind::Join | ActivityKind::Leave) {
        let lately = store::first(
            cx.db,
            "SELECT 1 FROM activity WHERE chat_id = ? AND user_id = ? AND kind = ? AND at > ? LIMIT 1",
            (chat, user, kind, cx.now.plus(-JOINING_PAUSE)),
            |_| Ok(()),
        )?;
        if lately.is_some() {
            return Ok(false);
        }
    }
    store::execute(
        cx.db,
        "INSERT INTO activity (chat_id, user_id, kind, method, at) VALUES (?, ?, ?, ?, ?)",
        (chat, user, kind, method, cx.now),
    )?;
    Ok(true)
}
