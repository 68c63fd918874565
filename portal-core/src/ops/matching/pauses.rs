//! Who were matched lately and are not again: the table `rematch_pause` (SPEC 9.3).

use rusqlite::Connection;

use super::queue::{self, BATCH};
use crate::error::Result;
use crate::model::{SECOND, Timestamp, UserId};
use crate::operation::{Context, View};
use crate::store;

/// The two in the order of the rows.
fn ordered(one: UserId, other: UserId) -> (UserId, UserId) {
    (one.min(other), one.max(other))
}

/// Keeps two people from being matched again for a while. A pause lasts as long as was set when it began.
pub(super) fn begin(cx: &Context<'_>, one: UserId, other: UserId) -> Result<()> {
    let seconds = i64::from(cx.settings.rematch_pause_seconds);
    if seconds == 0 {
        return Ok(());
    }
    let (low, high) = ordered(one, other);
    store::execute(
        cx.db,
        "INSERT INTO rematch_pause (low, high, until) VALUES (?, ?, ?)
         ON CONFLICT DO UPDATE SET until = excluded.until",
        (low, high, cx.now.plus(seconds * SECOND)),
    )?;
    Ok(())
}

/// Whether two people were matched so lately that they are not again.
pub(super) fn between(view: &View<'_>, one: UserId, other: UserId) -> Result<bool> {
    let (low, high) = ordered(one, other);
    let found = store::first(
        view.db,
        "SELECT 1 FROM rematch_pause WHERE low = ? AND high = ? AND until > ?",
        (low, high, view.now),
        |_| Ok(()),
    )?;
    Ok(found.is_some())
}

/// Ends the pauses whose time has come, at most 1000, and has housekeeping look for those who wait.
pub(super) fn run_out(cx: &Context<'_>) -> Result<()> {
    let over: Vec<(UserId, UserId)> = store::all(
        cx.db,
        "SELECT low, high FROM rematch_pause WHERE until <= ? ORDER BY until, low, high LIMIT ?",
        (cx.now, BATCH),
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    for (low, high) in over {
        store::execute(
            cx.db,
            "DELETE FROM rematch_pause WHERE low = ? AND high = ?",
            (low, high),
        )?;
        queue::may_be_matched(cx.db, low, high)?;
    }
    Ok(())
}

/// When the next one ends.
pub(super) fn next_end(db: &Connection) -> Result<Option<Timestamp>> {
    store::first(
        db,
        "SELECT until FROM rematch_pause ORDER BY until LIMIT 1",
        [],
        |row| row.get(0),
    )
}
