//! A file that other processes work on, rewritten under their hands.

use std::path::Path;

use rusqlite::{Connection, ErrorCode};

use super::open::{self, Opening};
use super::writer::CHECKPOINT;
use crate::error::Result;

/// A connection for one long write.
pub(crate) struct InUse {
    db: Connection,
}

/// How a rewriting ended.
pub(crate) struct Rewritten {
    /// Whether it was done; else it took too long and nothing was changed.
    pub(crate) is_compact: bool,
    /// Whether the log could be emptied.
    pub(crate) log_is_empty: bool,
    /// The file's size in bytes.
    pub(crate) bytes: u64,
}

/// How large a file is, in bytes.
pub(crate) struct Size {
    pub(crate) all: u64,
    /// What is not free.
    pub(crate) used: u64,
}

/// Steps of `SQLite`'s machine between two looks at the time.
const STEPS_PER_LOOK: std::ffi::c_int = 10_000;

impl InUse {
    pub(crate) fn open(file: &Path, opening: Opening) -> Result<Self> {
        let db = open::connect(file, opening)?;
        Ok(Self { db })
    }

    /// Rewrites the file unless that takes too long. All of it passes through the log, which is emptied
    /// afterwards: what was deleted is not to stay in it, and it is as large as the file.
    pub(crate) fn vacuum(
        mut self,
        mut is_over: impl FnMut() -> bool + Send + std::panic::RefUnwindSafe + 'static,
    ) -> Result<Rewritten> {
        if is_over() {
            return self.unchanged();
        }
        self.db.progress_handler(STEPS_PER_LOOK, Some(is_over))?;
        match self.db.execute_batch("VACUUM") {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => {
                return self.unchanged();
            }
            done => done?,
        }
        self.db.progress_handler(0, None::<fn() -> bool>)?;
        let busy: i64 = self.db.query_row(CHECKPOINT, [], |row| row.get(0))?;
        Ok(Rewritten {
            is_compact: true,
            log_is_empty: busy == 0,
            bytes: size(&self.db)?.all,
        })
    }

    fn unchanged(&mut self) -> Result<Rewritten> {
        self.db.progress_handler(0, None::<fn() -> bool>)?;
        Ok(Rewritten {
            is_compact: false,
            log_is_empty: false,
            bytes: size(&self.db)?.all,
        })
    }
}

/// How large a file is.
pub(crate) fn size(db: &Connection) -> Result<Size> {
    let pragma = |name| db.pragma_query_value(None, name, |row| row.get::<_, u64>(0));
    let page = pragma("page_size")?;
    let all = pragma("page_count")? * page;
    Ok(Size {
        all,
        used: all - pragma("freelist_count")? * page,
    })
}
