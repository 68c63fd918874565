//! Messages (SPEC 6): the tables `message`, `sent`, `send_window`, `joining` and `earlier_reader`.
//!
//! Only ciphertext passes here; nothing in this module can or may open it. A message is named by its
//! chat and a number that counts up within the chat and is never used again, whatever is deleted.
//! The surprise: a row that is damaged is an answer here, not an error, so that one bad row never
//! hides the rest of a page.

mod clear;
mod delete;
mod export;
mod history;
pub(crate) mod joining;
#[cfg(test)]
mod plans;
mod retention;
mod send;
mod visible;

pub(crate) use clear::wipe_due;
pub use clear::{Clear, Cleared};
pub(crate) use delete::erase_of;
pub use delete::{Delete, DeleteLast, DeleteMine, Deleted};
pub use export::MessagesOfPerson;
pub(crate) use export::export_of;
pub use history::{History, HistoryPage};
pub use joining::StoredJoining;
pub(crate) use retention::{prunable, prune};
pub use send::{LastSends, Send, Sent};
pub(crate) use visible::{first_visible, knows_private_times, sight};

use rusqlite::Connection;
use rusqlite::types::{FromSqlError, Type};
use schemars::JsonSchema;
use serde::Serialize;

use crate::error::{ErrorKind, Result};
use crate::event::MessageNew;
use crate::model::{ChatId, MessageId, Role, Timestamp, UserId};
use crate::operation::Context;
use crate::store;

/// Who sent a message.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Sender {
    /// The id: part of what the encryption binds.
    pub id: UserId,
    /// The name; null once the user is deleted.
    pub username: Option<String>,
    /// The platform role at the time.
    pub role: Role,
}

/// Whose message it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MessageKind {
    /// A person's: ciphertext.
    User,
    /// The system's: plain text.
    System,
}

/// A message as it is stored (SPEC 6.3): a person's, or a notice of the system's.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Message {
    /// Its id within the chat.
    pub id: MessageId,
    /// Where.
    pub chat_id: ChatId,
    /// Who wrote it; null in the system's.
    pub sender: Option<Sender>,
    /// A person's or the system's.
    pub kind: MessageKind,
    /// Which system message it is, such as `joined`, `config_changed` or `transferred`; absent in a person's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// A person's: the envelope, which is ciphertext. The system's: its words in the clear.
    pub content: String,
    /// The epoch it belongs to; 0 for the system's.
    pub epoch: u64,
    /// When.
    pub created_at: Timestamp,
}

/// A message whose row is damaged: reported in its place (SPEC 6.4).
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Unreadable {
    /// Its id within the chat.
    pub id: MessageId,
    /// Where.
    pub chat_id: ChatId,
    /// Always `unreadable`.
    pub kind: UnreadableKind,
}

/// The word that tells an unreadable row from a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UnreadableKind {
    /// The row is there but breaks the rules of a message; `db check` says more.
    Unreadable,
}

/// One place in a chat's history; `kind` tells which it is.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Entry {
    /// A message.
    Message(Message),
    /// A row that cannot be read.
    Unreadable(Unreadable),
}

/// The columns of an [`Entry`], of `message m LEFT JOIN user u`.
const COLUMNS: &str = "m.id, m.chat_id, m.sender_id, u.username, m.sender_role, m.code, m.content, \
    m.epoch, m.created_at";

/// Reads [`COLUMNS`]. Only the place must be readable; it is what the row was found by.
fn entry(row: &rusqlite::Row<'_>) -> rusqlite::Result<Entry> {
    let (id, chat_id) = (row.get(0)?, row.get(1)?);
    Ok(message(id, chat_id, row).map_or(
        Entry::Unreadable(Unreadable {
            id,
            chat_id,
            kind: UnreadableKind::Unreadable,
        }),
        Entry::Message,
    ))
}

/// A person's message has sender, role and epoch and no code; the system's has a code alone.
fn message(id: MessageId, chat_id: ChatId, row: &rusqlite::Row<'_>) -> rusqlite::Result<Message> {
    let code: Option<String> = row.get(5)?;
    let epoch: u64 = row.get(7)?;
    let (kind, sender) = match (row.get(2)?, &code, epoch) {
        (None, Some(_), 0) => (MessageKind::System, None),
        (Some(id), None, 1..) => {
            let sender = Sender {
                id,
                username: row.get(3)?,
                role: row.get(4)?,
            };
            (MessageKind::User, Some(sender))
        }
        _ => {
            let neither = FromSqlError::Other("neither a person's message nor the system's".into());
            return Err(rusqlite::Error::FromSqlConversionFailure(
                2,
                Type::Integer,
                neither.into(),
            ));
        }
    };
    Ok(Message {
        id,
        chat_id,
        sender,
        kind,
        code,
        content: row.get(6)?,
        epoch,
        created_at: row.get(8)?,
    })
}

/// How many messages of a chat are stored, the system's too; counts no further than `at_most`.
pub(crate) fn count(db: &Connection, chat: ChatId, at_most: u64) -> Result<u64> {
    let count = store::first(
        db,
        "SELECT count(*) FROM (SELECT 1 FROM message WHERE chat_id = ? LIMIT ?)",
        (chat, i64::try_from(at_most).unwrap_or(i64::MAX)),
        |row| row.get(0),
    )?;
    Ok(count.unwrap_or_default())
}

/// One message, for delivery: none once it is gone, and none if its row is damaged, which history
/// reports.
pub(crate) fn get(db: &Connection, chat: ChatId, id: MessageId) -> Result<Option<Message>> {
    let found = store::first(
        db,
        &format!(
            "SELECT {COLUMNS} FROM message m LEFT JOIN user u ON u.id = m.sender_id
             WHERE m.chat_id = ? AND m.id = ?"
        ),
        (chat, id),
        entry,
    )?;
    Ok(match found {
        Some(Entry::Message(message)) => Some(message),
        Some(Entry::Unreadable(_)) | None => None,
    })
}

/// A message to be stored.
enum New<'a> {
    User {
        sender: UserId,
        role: Role,
        epoch: u64,
        content: &'a str,
    },
    System {
        code: &'a str,
        content: &'a str,
    },
}

/// Stores a message under the chat's next id.
fn insert(cx: &Context<'_>, chat: ChatId, id: MessageId, message: New<'_>) -> Result<()> {
    let (sender, role, epoch, code, content) = match message {
        New::User {
            sender,
            role,
            epoch,
            content,
        } => (Some(sender), Some(role), epoch, None, content),
        New::System { code, content } => (None, None, 0, Some(code), content),
    };
    store::execute(
        cx.db,
        "UPDATE chat SET next_message_id = ?2 + 1, sent_count = sent_count + ?3,
           last_activity_at = CASE WHEN ?3 THEN ?4 ELSE last_activity_at END
         WHERE id = ?1",
        (chat, id, sender.is_some(), cx.now),
    )?;
    store::execute(
        cx.db,
        "INSERT INTO message (chat_id, id, sender_id, sender_role, epoch, code, content, created_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (chat, id, sender, role, epoch, code, content, cx.now),
    )?;
    Ok(())
}

/// Says something to a chat in the system's name: a machine code and plain text (SPEC 6.3).
pub(crate) fn system(cx: &mut Context<'_>, chat: ChatId, code: &str, content: &str) -> Result<()> {
    let id = store::first(
        cx.db,
        "SELECT next_message_id FROM chat WHERE id = ?",
        [chat],
        |row| row.get(0),
    )?
    .ok_or(ErrorKind::ChatNotFound)?;
    insert(cx, chat, id, New::System { code, content })?;
    cx.emit(MessageNew { chat_id: chat, id })
}
