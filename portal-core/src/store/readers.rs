//! Connections for reading. They never wait for the writer, and no read lasts long enough to hold
//! deleted content in the log (SPEC 7.4).

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

use super::open::{self, Opening};
use crate::error::Result;

/// Kept for the next reader; more than this are closed again.
const IDLE_READERS: usize = 4;

/// Steps of `SQLite`'s machine after which a read is ended: a few seconds of work. Counted instead of
/// timed, so that the same read ends at the same place on any machine.
const LONGEST_READ_STEPS: u32 = 400_000;
const STEPS_PER_CHECK: std::ffi::c_int = 1000;

/// A pool of readers of one file.
pub(crate) struct Readers {
    path: PathBuf,
    opening: Opening,
    pool: Mutex<Pool>,
}

#[derive(Default)]
struct Pool {
    idle: Vec<Connection>,
    /// No reader comes back any more.
    closed: bool,
}

impl Readers {
    pub(super) fn new(path: PathBuf, opening: Opening) -> Self {
        Self {
            path,
            opening,
            pool: Mutex::default(),
        }
    }

    /// Takes a reader with a transaction open: everything it reads is of one moment.
    pub(crate) fn begin(&self) -> Result<Reader<'_>> {
        self.begin_within(LONGEST_READ_STEPS)
    }

    /// The same for a read that may take as long as it takes: the operator's look at the whole file.
    pub(crate) fn begin_unlimited(&self) -> Result<Reader<'_>> {
        self.begin_within(u32::MAX)
    }

    fn begin_within(&self, longest: u32) -> Result<Reader<'_>> {
        let idle = self.pool().idle.pop();
        let mut db = match idle {
            Some(db) => db,
            None => open::connect_reader(&self.path, self.opening)?,
        };
        let mut checks: u32 = 0;
        db.progress_handler(
            STEPS_PER_CHECK,
            Some(move || {
                checks = checks.saturating_add(1);
                checks > longest
            }),
        )?;
        db.prepare_cached("BEGIN")?.execute([])?;
        Ok(Reader {
            readers: self,
            db: Some(db),
        })
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes the idle ones, and those in use once they are done.
    pub(crate) fn close(&self) {
        let mut pool = self.pool();
        pool.closed = true;
        pool.idle.clear();
    }
}

/// A reader within its transaction.
pub(crate) struct Reader<'a> {
    readers: &'a Readers,
    db: Option<Connection>,
}

impl std::ops::Deref for Reader<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.db
            .as_ref()
            .expect("the connection is there until drop")
    }
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        let Some(db) = self.db.take() else { return };
        let ended = db
            .prepare_cached("ROLLBACK")
            .and_then(|mut end| end.execute([]))
            .is_ok();
        let mut pool = self.readers.pool();
        if ended && !pool.closed && pool.idle.len() < IDLE_READERS {
            pool.idle.push(db);
        }
    }
}
