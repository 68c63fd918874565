//! What the audit log says of a person, for their export (SPEC 1.9): what they did, and what was done to
//! them without by whom.

use rusqlite::Connection;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::list::details;
use crate::error::Result;
use crate::model::{AuditId, ChatId, Timestamp, UserId};
use crate::store;

/// A person's rows of the audit log.
#[derive(Debug, Serialize, JsonSchema)]
pub struct AuditOfPerson {
    /// What they did.
    pub acts: Vec<OwnAct>,
    /// What others did to them.
    pub acts_on_them: Vec<ActOnThem>,
}

/// Something that a person did.
#[derive(Debug, Serialize, JsonSchema)]
pub struct OwnAct {
    /// Its id in the log.
    pub id: AuditId,
    /// When.
    pub at: Timestamp,
    /// The operation.
    pub action: String,
    /// The chat it was done to.
    pub chat_id: Option<ChatId>,
    /// The person it was done to.
    pub target: Option<UserId>,
    /// What else there is to know, in fields that depend on the operation.
    pub details: Value,
}

/// Something that was done to a person. Who did it is not for them, nor are the details, which may say so.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ActOnThem {
    /// When.
    pub at: Timestamp,
    /// The operation.
    pub action: String,
    /// In which chat.
    pub chat_id: Option<ChatId>,
}

pub(crate) fn export_of(db: &Connection, user: UserId) -> Result<AuditOfPerson> {
    let acts = store::all(
        db,
        "SELECT id, at, action, chat_id, target, details FROM audit WHERE user_id = ? ORDER BY id",
        [user],
        |row| {
            Ok(OwnAct {
                id: row.get(0)?,
                at: row.get(1)?,
                action: row.get(2)?,
                chat_id: row.get(3)?,
                target: row.get(4)?,
                details: details(row, 5)?,
            })
        },
    )?;
    // That they were reported is others' business (SPEC 1.9), so what became of it is too.
    let acts_on_them = store::all(
        db,
        "SELECT at, action, chat_id FROM audit
         WHERE target = ?1 AND user_id IS NOT ?1 AND action <> 'report.resolve' ORDER BY id",
        [user],
        |row| {
            Ok(ActOnThem {
                at: row.get(0)?,
                action: row.get(1)?,
                chat_id: row.get(2)?,
            })
        },
    )?;
    Ok(AuditOfPerson { acts, acts_on_them })
}
