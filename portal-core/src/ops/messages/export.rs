//! What is stored of a person as somebody who writes and reads, for their export (SPEC 1.9).

use rusqlite::Connection;
use schemars::JsonSchema;
use serde::Serialize;

use super::joining::{self, StoredJoining};
use super::send::{self, LastSends};
use super::{COLUMNS, Entry, entry, visible};
use crate::error::Result;
use crate::model::{ChatId, UserId};
use crate::store;

/// A person's messages, and what is kept of their writing and reading.
#[derive(Debug, Serialize, JsonSchema)]
pub struct MessagesOfPerson {
    /// What they wrote, as it is stored: ciphertext.
    pub messages: Vec<Entry>,
    /// When they last wrote to each chat.
    pub last_sends: Vec<LastSends>,
    /// Since when each of their sessions is in which room, or was last.
    pub joinings: Vec<StoredJoining>,
    /// Chats that they belonged to when those went PUBLIC: what was said before stays theirs to read.
    pub earlier_reader_of: Vec<ChatId>,
}

pub(crate) fn export_of(db: &Connection, user: UserId) -> Result<MessagesOfPerson> {
    let messages = store::all(
        db,
        &format!(
            "SELECT {COLUMNS} FROM message m LEFT JOIN user u ON u.id = m.sender_id
             WHERE m.sender_id = ? ORDER BY m.chat_id, m.id"
        ),
        [user],
        entry,
    )?;
    Ok(MessagesOfPerson {
        messages,
        last_sends: send::last_sends(db, user)?,
        joinings: joining::of_person(db, user)?,
        earlier_reader_of: visible::earlier_reader_of(db, user)?,
    })
}
