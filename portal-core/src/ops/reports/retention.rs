//! How long settled reports are kept (SPEC 14.3). What is not settled is never pruned.

use rusqlite::Connection;

use crate::error::Result;
use crate::event::ReportDeleted;
use crate::model::{DAY, Timestamp};
use crate::operation::Context;
use crate::settings::Settings;
use crate::store;

/// What one call deletes at most.
const ROWS_A_CALL: usize = 1000;

/// In `meta`, while settled reports are pruned: before when they may be. The database itself asks for it.
const HORIZON: &str = "report_horizon";

/// Deletes reports that were settled more than `resolved_report_days` ago, at most 1000 a call; 0 days keep
/// them. Answers when to call again: at once, while there are more. The event has the log emptied of what
/// they said, by whichever process can first (SPEC 7.4).
pub(crate) fn prune(cx: &mut Context<'_>) -> Result<Option<Timestamp>> {
    let days = i64::from(cx.settings.resolved_report_days);
    if days == 0 {
        return Ok(None);
    }
    let horizon = cx.now.plus(-days * DAY);
    let oldest = store::first(
        cx.db,
        "SELECT handled_at FROM report WHERE state IN ('actioned', 'dismissed') ORDER BY handled_at LIMIT 1",
        [],
        |row| row.get::<_, Timestamp>(0),
    )?;
    if oldest.is_none_or(|oldest| oldest >= horizon) {
        return Ok(None);
    }
    store::execute(
        cx.db,
        "INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)",
        (HORIZON, horizon),
    )?;
    let mut report_ids = store::all(
        cx.db,
        "DELETE FROM report WHERE id IN (
           SELECT id FROM report WHERE state IN ('actioned', 'dismissed') AND handled_at < ? ORDER BY handled_at LIMIT ?)
         RETURNING id",
        (horizon, ROWS_A_CALL),
        |row| row.get(0),
    )?;
    store::execute(cx.db, "DELETE FROM meta WHERE key = ?", [HORIZON])?;
    report_ids.sort_unstable();
    let is_full = report_ids.len() == ROWS_A_CALL;
    cx.emit(ReportDeleted { report_ids })?;
    Ok(is_full.then_some(cx.now))
}

/// How many reports were settled more than `resolved_report_days` ago.
pub(crate) fn prunable(db: &Connection, settings: &Settings, now: Timestamp) -> Result<u64> {
    let days = i64::from(settings.resolved_report_days);
    if days == 0 {
        return Ok(0);
    }
    let sql =
        "SELECT count(*) FROM report WHERE state IN ('actioned', 'dismissed') AND handled_at < ?";
    Ok(store::first(db, sql, [now.plus(-days * DAY)], |row| row.get(0))?.unwrap_or_default())
}
