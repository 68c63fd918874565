//! The reports that a person made, for their export (SPEC 1.9): neither what staff made of them, nor the
//! words of somebody else that they brought to them.

use rusqlite::Connection;
use schemars::JsonSchema;
use serde::Serialize;

use crate::error::Result;
use crate::model::{
    ChatId, ChatName, ChatType, MessageId, Reason, ReportId, ReportState, Timestamp, UserId,
};
use crate::store;

/// A report, as who made it may keep it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ReportMade {
    /// Its id.
    pub id: ReportId,
    /// When it was made.
    pub at: Timestamp,
    /// What has become of it.
    pub state: ReportState,
    /// Whether what the message says was proven.
    pub verified: bool,
    /// The chat.
    pub chat_id: ChatId,
    /// The chat's type at the time.
    pub chat_type: ChatType,
    /// The chat's name at the time.
    pub chat_name: ChatName,
    /// The message.
    pub message_id: MessageId,
    /// The message's epoch.
    pub epoch: u64,
    /// When the message was sent.
    pub message_at: Timestamp,
    /// Who wrote the message.
    pub sender_id: UserId,
    /// Why it was reported.
    pub reason: Reason,
}

/// The reports that a person made, oldest first.
pub(crate) fn export_of(db: &Connection, user: UserId) -> Result<Vec<ReportMade>> {
    store::all(
        db,
        "SELECT id, at, state, verified, chat_id, chat_type, chat_name, message_id, epoch, message_at, sender_id, reason
         FROM report WHERE reporter_id = ? ORDER BY id",
        [user],
        |row| {
            Ok(ReportMade {
                id: row.get(0)?,
                at: row.get(1)?,
                state: row.get(2)?,
                verified: row.get(3)?,
                chat_id: row.get(4)?,
                chat_type: row.get(5)?,
                chat_name: row.get(6)?,
                message_id: row.get(7)?,
                epoch: row.get(8)?,
                message_at: row.get(9)?,
                sender_id: row.get(10)?,
                reason: row.get(11)?,
            })
        },
    )
}
