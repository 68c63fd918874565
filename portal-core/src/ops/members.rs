//! Who belongs to a chat: the table `membership` (SPEC 3.2a).

use rusqlite::Connection;

use crate::error::Result;
use crate::model::{ChatId, Timestamp, UserId};
use crate::store;

/// How a membership came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Via {
    Invite,
    Operator,
    Transfer,
}

impl Via {
    const fn as_str(self) -> &'static str {
        match self {
            Via::Invite => "invite",
            Via::Operator => "operator",
            Via::Transfer => "transfer",
        }
    }
}

/// The chat's owner and members.
pub(crate) fn ids(db: &Connection, chat: ChatId) -> Result<Vec<UserId>> {
    store::all(
        db,
        "SELECT user_id FROM membership WHERE chat_id = ?1
         UNION SELECT owner_id FROM chat WHERE id = ?1 AND owner_id IS NOT NULL",
        [chat],
        |row| row.get(0),
    )
}

/// Adds a membership; answers whether it is new.
pub(crate) fn insert(
    db: &Connection,
    chat: ChatId,
    user: UserId,
    via: Via,
    now: Timestamp,
) -> Result<bool> {
    let added = store::execute(
        db,
        "INSERT OR IGNORE INTO membership (chat_id, user_id, via, joined_at) VALUES (?, ?, ?, ?)",
        (chat, user, via.as_str(), now),
    )?;
    Ok(added == 1)
}
