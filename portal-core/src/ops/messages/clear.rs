//! Clearing a chat, by hand and by schedule (SPEC 7.4). Neither touches a membership, the counter of
//! messages, or what retries are answered with.

use rusqlite::Connection;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::error::Result;
use crate::event::{EpochReason, PortalCleared};
use crate::model::{ChatId, Timestamp};
use crate::operation::{Context, Operation};
use crate::ops::chats::{self, ChatRow};
use crate::ops::{audit, epochs};
use crate::policy::{self, Permit, permit};
use crate::store;

/// How many chats one tick wipes; the rest is due at once again.
const WIPES_A_TICK: u32 = 50;

/// Deletes every message of a chat, moves its epoch on and restarts its wipe timer.
///
/// `ERR_CHAT_NOT_FOUND`, `ERR_BANNED`, `ERR_FORBIDDEN`; nobody clears a DIRECT chat.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Clear {
    /// Which.
    pub chat_id: ChatId,
}

/// A cleared chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Cleared {
    /// How many messages were deleted.
    pub deleted: u64,
    /// The chat's new epoch.
    pub epoch: u64,
}

impl Operation for Clear {
    const NAME: &'static str = "chat.clear";
    type Reply = Cleared;

    fn apply(self, cx: &mut Context<'_>) -> Result<Cleared> {
        let (row, facts) = chats::load(cx, self.chat_id)?;
        let permit = permit::<policy::Clear>(&cx.actor, &facts)?;
        empty(cx, &permit, &row, Occasion::ByHand)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Occasion {
    ByHand,
    Scheduled,
}

fn empty(
    cx: &mut Context<'_>,
    permit: &Permit<policy::Clear>,
    row: &ChatRow,
    occasion: Occasion,
) -> Result<Cleared> {
    let chat_id = permit.subject();
    let deleted = store::execute(cx.db, "DELETE FROM message WHERE chat_id = ?", [chat_id])?;
    restart_timer(cx, permit, row)?;
    let (action, reason, code, words) = match occasion {
        Occasion::ByHand => (
            Clear::NAME,
            EpochReason::Cleared,
            "cleared",
            "All messages were cleared.",
        ),
        Occasion::Scheduled => (
            "chat.wipe",
            EpochReason::Wiped,
            "wiped",
            "All messages were wiped.",
        ),
    };
    let act = audit::Act {
        chat: Some(chat_id),
        details: json!({ "deleted": deleted }),
        ..Default::default()
    };
    audit::record(cx, action, act)?;
    cx.emit(PortalCleared {
        chat_id,
        scheduled: occasion == Occasion::Scheduled,
    })?;
    let epoch = epochs::move_on(cx, chat_id, reason)?;
    super::system(cx, chat_id, code, words)?;
    Ok(Cleared {
        deleted: deleted as u64,
        epoch,
    })
}

fn restart_timer(cx: &Context<'_>, permit: &Permit<policy::Clear>, row: &ChatRow) -> Result<()> {
    let period = row.chat_config.wipe_preset.period();
    store::execute(
        cx.db,
        "UPDATE chat SET wipe_due_at = ? WHERE id = ?",
        (period.map(|period| cx.now.plus(period)), permit.subject()),
    )?;
    Ok(())
}

/// Wipes the chats that are due (SPEC 7.4, 14.2); answers when the next one is. A wipe that comes late
/// comes once: its timer starts from now.
pub(crate) fn wipe_due(cx: &mut Context<'_>) -> Result<Option<Timestamp>> {
    let due: Vec<(ChatId, Timestamp)> = store::all(
        cx.db,
        "SELECT id, wipe_due_at FROM chat WHERE wipe_due_at <= ? ORDER BY wipe_due_at, id LIMIT ?",
        (cx.now, WIPES_A_TICK),
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    for (chat, due_at) in due {
        let (row, facts) = chats::load(cx, chat)?;
        let permit = permit::<policy::Clear>(&cx.actor, &facts)?;
        if wrote_since_last_wipe(cx.db, &row, due_at)? {
            empty(cx, &permit, &row, Occasion::Scheduled)?;
        } else {
            restart_timer(cx, &permit, &row)?;
        }
    }
    store::first(
        cx.db,
        "SELECT wipe_due_at FROM chat WHERE wipe_due_at IS NOT NULL ORDER BY wipe_due_at LIMIT 1",
        [],
        |row| row.get(0),
    )
}

/// Whether anybody wrote since the timer was started, also what was deleted since: its key is still
/// the epoch's. The clock alone does not tell within the millisecond of a wipe, so what is there counts
/// as well.
fn wrote_since_last_wipe(db: &Connection, row: &ChatRow, due_at: Timestamp) -> Result<bool> {
    let Some(period) = row.chat_config.wipe_preset.period() else {
        return Ok(false);
    };
    if row.last_activity_at > due_at.plus(-period) {
        return Ok(true);
    }
    let there = store::first(
        db,
        "SELECT 1 FROM message WHERE chat_id = ? AND sender_id IS NOT NULL LIMIT 1",
        [row.chat.id],
        |_| Ok(()),
    )?;
    Ok(there.is_some())
}
