//! A whole copy of a file at one moment, while others write to it.
//!
//! `SQLite`'s backup interface within one read transaction: the copy holds every commit from before it began
//! and none from after, whoever writes meanwhile waits for nothing, and it takes as long as the disk takes.
//! What was deleted is zeroed where it stood (`secure_delete`), so it is not in the copy either.

use std::path::Path;
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::Look;
use crate::error::{Error, ErrorKind, Result};

/// Pages a step: some megabytes, so that whoever watches sees it move.
const PAGES_A_STEP: std::ffi::c_int = 1024;

/// How far a copy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes that are copied.
    pub done: u64,
    /// Bytes to copy.
    pub total: u64,
}

/// Copies what is looked at into an empty file, which is one file then and needs no log beside it.
pub(crate) fn copy(source: &Look, to: &Path, progress: &mut dyn FnMut(Progress)) -> Result<()> {
    let source = source.db()?;
    let page_size: u64 = source.pragma_query_value(None, "page_size", |row| row.get(0))?;
    let mut target = private(to)?;
    let backup = Backup::new(source, &mut target)?;
    loop {
        let step = backup.step(PAGES_A_STEP)?;
        let state = backup.progress();
        let pages = |count: std::ffi::c_int| u64::from(count.unsigned_abs()) * page_size;
        progress(Progress {
            done: pages(state.pagecount - state.remaining),
            total: pages(state.pagecount),
        });
        match step {
            StepResult::Done => break,
            StepResult::More => {}
            // Nobody else knows the target, and the source is read already.
            _ => return Err(Error::new(ErrorKind::StorageLocked)),
        }
    }
    drop(backup);
    drop(target);
    without_log(to)
}

/// Has a file that nobody else knows need no log beside it.
pub(crate) fn without_log(file: &Path) -> Result<()> {
    let db = private(file)?;
    let mode: String =
        db.pragma_update_and_check(None, "journal_mode", "delete", |row| row.get(0))?;
    if mode == "delete" {
        Ok(())
    } else {
        Err(Error::new(ErrorKind::Storage))
    }
}

/// Opens a file that nobody else knows, and that is thrown away if anything goes wrong.
fn private(file: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(file, flags)?;
    db.busy_timeout(Duration::ZERO)?;
    db.pragma_update(None, "synchronous", "off")?;
    Ok(db)
}
