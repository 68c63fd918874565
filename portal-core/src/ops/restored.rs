//! What a restored file must not have in common with the file that it was copied from (SPEC 16.3).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::error::Result;
use crate::event::EpochReason;
use crate::model::ChatId;
use crate::operation::{Context, Operation};
use crate::ops::audit::{self, Act};
use crate::ops::{epochs, events};
use crate::policy::{PlatformAction, on_platform};
use crate::store;

/// Makes a copy of a backup a file of its own: every chat's epoch moves on by 2^20, so that no epoch that
/// there was after the backup comes back with another key, and the event log gets a new name. Not in the
/// catalogue: only a restore does it, to a file that nobody has open yet.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BeginAnew {
    /// The backup's name.
    pub(crate) backup: String,
    /// The name that the replaced file keeps, if one is replaced.
    pub(crate) replaced: Option<String>,
}

/// What was made anew.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct BegunAnew {
    /// How many chats there are.
    pub(crate) chats: u64,
    /// The log's new name.
    pub(crate) log_id: String,
}

impl Operation for BeginAnew {
    const NAME: &'static str = "db.begin_anew";
    type Reply = BegunAnew;

    fn apply(self, cx: &mut Context<'_>) -> Result<BegunAnew> {
        on_platform(PlatformAction::Operate, &cx.actor)?;
        let was = events::log_id(cx.db)?;
        let log_id = events::rename_log(cx.db, cx.random)?;
        let chats = store::all(cx.db, "SELECT id FROM chat ORDER BY id", [], |row| {
            row.get::<_, ChatId>(0)
        })?;
        for chat in &chats {
            epochs::move_far_on(cx, *chat, EpochReason::Restored)?;
        }
        let details = json!({
            "backup": self.backup,
            "replaced": self.replaced,
            "chats": chats.len(),
            "log_id_before": was,
        });
        let act = Act {
            details,
            ..Act::default()
        };
        audit::record(cx, "db.restore", act)?;
        Ok(BegunAnew {
            chats: chats.len() as u64,
            log_id,
        })
    }
}
