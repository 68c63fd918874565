//! Whether some process runs browsers for this file (SPEC 10.1, 11.3): `browsers_run` in the table `meta`.
//!
//! Whoever begins to keep presence writes down whether it runs browsers. A process that died writes nothing: so the
//! word counts only while somebody holds the lock of presence.

use rusqlite::Connection;

use crate::error::Result;
use crate::operation::View;
use crate::store::{self, FileLock};

/// Writes down whether this process, which keeps presence, runs browsers.
pub(super) fn write(db: &Connection, runs: bool) -> Result<()> {
    let sql = if runs {
        "INSERT OR REPLACE INTO meta (key, value) VALUES ('browsers_run', 1)"
    } else {
        "DELETE FROM meta WHERE key = 'browsers_run'"
    };
    store::execute(db, sql, [])?;
    Ok(())
}

/// Whether browsers are run, by this process or by another of the same file.
pub(super) fn are_run(view: &View<'_>) -> Result<bool> {
    if view.runs_browsers() {
        return Ok(true);
    }
    let written = store::first(
        view.db,
        "SELECT 1 FROM meta WHERE key = 'browsers_run'",
        [],
        |_| Ok(()),
    )?;
    Ok(written.is_some() && FileLock::is_held(view.file()))
}
