//! What is counted in a sliding window: wrong codes, key changes, renewals. The table `attempt`.

use rusqlite::Connection;

use crate::error::{Error, Result};
use crate::model::Timestamp;
use crate::store;

/// At most `max` in any `window_ms`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    pub(crate) kind: &'static str,
    pub(crate) max: u32,
    pub(crate) window_ms: i64,
}

/// Refuses with `ERR_RATE_LIMITED` if the subject has used up the limit.
pub(crate) fn check(db: &Connection, limit: Limit, subject: &str, now: Timestamp) -> Result<()> {
    // The one whose leaving the window makes room for the next.
    let oldest = store::first(
        db,
        "SELECT at FROM attempt WHERE kind = ? AND subject = ? AND at > ? ORDER BY at DESC LIMIT 1 OFFSET ?",
        (
            limit.kind,
            subject,
            now.plus(-limit.window_ms),
            limit.max.saturating_sub(1),
        ),
        |row| row.get::<_, Timestamp>(0),
    )?;
    match oldest {
        None => Ok(()),
        Some(at) => {
            let wait = at.plus(limit.window_ms).since(now);
            Err(Error::rate_limited(u64::try_from(wait).unwrap_or(1)))
        }
    }
}

/// Counts one.
pub(crate) fn record(db: &Connection, kind: &str, subject: &str, now: Timestamp) -> Result<()> {
    store::execute(
        db,
        "INSERT INTO attempt (kind, subject, at) VALUES (?, ?, ?)",
        (kind, subject, now),
    )?;
    Ok(())
}

/// Forgets what no window reaches any more. The longest window is an hour.
pub(crate) fn prune(db: &Connection, now: Timestamp) -> Result<usize> {
    store::execute(
        db,
        "DELETE FROM attempt WHERE id IN (SELECT id FROM attempt WHERE at < ? ORDER BY at LIMIT 1000)",
        [now.plus(-crate::model::HOUR)],
    )
}
