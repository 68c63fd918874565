//! How far back the audit log is kept (SPEC 14.3). In small steps, so that no tick holds the writer for long.

use rusqlite::Connection;

use crate::error::Result;
use crate::model::{AuditId, Timestamp};
use crate::operation::Context;
use crate::settings::Settings;
use crate::store;

/// What one call of [`prune`] forgets at most.
const PRUNED_A_CALL: usize = 1000;

/// Forgets acts older than `audit_days`, at most 1000 a call (SPEC 14.3). Answers when to call again: at
/// once, while there are more.
///
/// They go in the order they were written: a row that a wrong clock dated back goes no earlier than
/// those before it, and one that it dated ahead keeps none of the others.
pub(crate) fn prune(cx: &Context<'_>) -> Result<Option<Timestamp>> {
    let kept_from = cx.settings.audit_kept_from(cx.now);
    let kept_from = kept_from.unwrap_or(Timestamp::from_millis(0));
    let is_kept = |at: Timestamp| (kept_from..=cx.now).contains(&at);
    let mut old = first_written(cx.db, 1)?;
    if old.iter().any(|(_, at)| !is_kept(*at)) {
        old = first_written(cx.db, PRUNED_A_CALL + 1)?;
    }
    if let Some(end) = old.iter().position(|(_, at)| is_kept(*at)) {
        old.truncate(end);
    }
    let is_more = old.len() > PRUNED_A_CALL;
    old.truncate(PRUNED_A_CALL);
    old.retain(|(_, at)| *at < kept_from);
    let Some((last, _)) = old.last() else {
        // A clock was set back, or more is kept than before: what was let go by then is kept again.
        if horizon(cx.db)?.is_some_and(|horizon| horizon > kept_from) {
            move_horizon(cx.db, kept_from)?;
        }
        return Ok(None);
    };
    move_horizon(cx.db, kept_from)?;
    store::execute(
        cx.db,
        "DELETE FROM audit WHERE id <= ? AND at < ?",
        (last, kept_from),
    )?;
    Ok(is_more.then_some(cx.now))
}

/// How many acts are older than `audit_days`.
pub(crate) fn prunable(db: &Connection, settings: &Settings, now: Timestamp) -> Result<u64> {
    let Some(kept_from) = settings.audit_kept_from(now) else {
        return Ok(0);
    };
    let sql = "SELECT count(*) FROM audit WHERE at < ?";
    Ok(store::first(db, sql, [kept_from], |row| row.get(0))?.unwrap_or_default())
}

/// The rows that were written first, and when.
fn first_written(db: &Connection, limit: usize) -> Result<Vec<(AuditId, Timestamp)>> {
    store::all(
        db,
        "SELECT id, at FROM audit WHERE id > 0 ORDER BY id LIMIT ?",
        [limit],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// What is older than this may be deleted.
fn horizon(db: &Connection) -> Result<Option<Timestamp>> {
    store::first(
        db,
        "SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'audit_horizon'",
        [],
        |row| row.get(0),
    )
}

fn move_horizon(db: &Connection, to: Timestamp) -> Result<()> {
    store::execute(
        db,
        "INSERT OR REPLACE INTO meta (key, value) VALUES ('audit_horizon', ?)",
        [to],
    )?;
    Ok(())
}
