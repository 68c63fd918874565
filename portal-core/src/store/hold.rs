//! A file that nobody else has open, kept so until another is put in its place.
//!
//! The surprising thing is the order. A log beside the file belongs to the file, and `SQLite` would read it
//! into whatever file has that name. So the old file is made whole in itself first: its log is copied into it
//! and removed, which `SQLite` does only where nobody else is connected. Then one renaming replaces it. A
//! process that was waiting for the old file meanwhile notices when it opens ([`super::open`]).

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::look::is_damage;
use super::partial::{self, Partial, failed};
use super::{beside, log};
use crate::error::{Error, ErrorKind, Result};

/// What belongs to a file and may hold commits.
const LOGS: [&str; 2] = ["-wal", "-journal"];

/// A file that nobody else has open.
pub(crate) enum Hold {
    /// `SQLite` holds it; there is no log.
    Whole(Connection),
    /// `SQLite` cannot read it, so the system's own lock holds it. Its log is as it was.
    Broken { _lock: File },
    /// There is none.
    Absent,
}

impl Hold {
    /// Takes hold of a file, at once or not at all.
    ///
    /// # Errors
    /// `ERR_STORAGE_LOCKED` while any process has it open.
    pub(crate) fn of(file: &Path) -> Result<Self> {
        if !exists(file)? {
            return Ok(Self::Absent);
        }
        match exclusive(file).and_then(|db| leave_log(&db).map(|()| db)) {
            Ok(db) => {
                // The log's index outlives the log if it was of a process that was killed.
                remove_if_there(&beside(file, "-shm"))?;
                Ok(Self::Whole(db))
            }
            Err(error) if is_damage(&error) => {
                lock_broken(file).map(|lock| Self::Broken { _lock: lock })
            }
            Err(error) => Err(refusal(file, error)),
        }
    }

    /// Whether nobody has the file open at this moment. Changes nothing.
    ///
    /// # Errors
    /// `ERR_STORAGE_LOCKED`.
    pub(crate) fn probe(file: &Path) -> Result<()> {
        if !exists(file)? {
            return Ok(());
        }
        let probed =
            exclusive(file).and_then(|db| Ok(db.execute_batch("BEGIN EXCLUSIVE; ROLLBACK")?));
        match probed {
            Err(error) if is_damage(&error) => lock_broken(file).map(drop),
            Err(error) => Err(refusal(file, error)),
            Ok(()) => Ok(()),
        }
    }

    /// Writes what the file holds into another, without the room that nothing uses.
    pub(crate) fn compact_into(&self, to: &Path) -> Result<()> {
        let Self::Whole(db) = self else {
            return Err(Error::new(ErrorKind::StorageCorrupt));
        };
        db.execute("VACUUM INTO ?", [to.to_string_lossy()])?;
        Ok(())
    }

    /// Puts another file in the place of this one. With `aside` the old one keeps that name; whatever stops
    /// this on the way leaves the old file or the new one.
    pub(crate) fn replace(self, file: &Path, by: Partial, aside: Option<&Path>) -> Result<()> {
        match &self {
            Self::Absent => {
                if let Some(aside) = aside {
                    set_logs_aside(file, aside)?;
                }
                return by.place_new(file);
            }
            Self::Whole(_) => {
                // The log went with the change of mode; an emptied journal is all that may be left of it.
                if log::holds_any(file) {
                    return Err(in_use(file));
                }
                remove_if_there(&beside(file, "-journal"))?;
                keep_as(file, aside)?;
            }
            Self::Broken { .. } => {
                keep_as(file, aside)?;
                // Its log stays with it, and must be gone before another file has the name.
                if let Some(aside) = aside {
                    set_logs_aside(file, aside)?;
                }
                remove_if_there(&beside(file, "-shm"))?;
            }
        }
        by.belong_like(file)?;
        by.place_over(file)
        // Only now is the old file let go.
    }
}

/// Names that earlier replacements gave the file and were stopped before they replaced it: the file has two
/// names then. Takes the second away.
pub(crate) fn forget_second_name(file: &Path, aside: &[PathBuf]) -> Result<()> {
    #[cfg(unix)]
    for other in aside {
        use std::os::unix::fs::MetadataExt;
        let identity = |path: &Path| fs::metadata(path).map(|file| (file.dev(), file.ino())).ok();
        if identity(other).is_some() && identity(other) == identity(file) {
            fs::remove_file(other).map_err(failed)?;
        }
    }
    Ok(())
}

fn exists(file: &Path) -> Result<bool> {
    match fs::metadata(file) {
        Ok(found) if found.is_file() => Ok(true),
        Ok(_) => Err(Error::new(ErrorKind::StorageNotFound)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(failed(error)),
    }
}

/// Opens a file for this process alone. Who else is connected shows with the first look.
fn exclusive(file: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(file, flags)?;
    db.busy_timeout(Duration::ZERO)?;
    // Whoever only asks copies nothing from the log into the file; an empty log goes again.
    let holds_any = log::holds_any(file);
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, holds_any)?;
    let _: String =
        db.pragma_update_and_check(None, "locking_mode", "exclusive", |row| row.get(0))?;
    Ok(db)
}

/// Copies the log into the file and does without one; from then on the file is held.
fn leave_log(db: &Connection) -> Result<()> {
    let mode: String =
        db.pragma_update_and_check(None, "journal_mode", "delete", |row| row.get(0))?;
    if mode != "delete" {
        return Err(Error::new(ErrorKind::StorageLocked));
    }
    db.execute_batch("BEGIN EXCLUSIVE; COMMIT")?;
    Ok(())
}

fn refusal(file: &Path, error: Error) -> Error {
    if error.kind() == ErrorKind::StorageLocked {
        in_use(file).caused_by(error)
    } else {
        error
    }
}

fn in_use(file: &Path) -> Error {
    let message = format!(
        "Another process has {} open. Stop it first; nothing was changed.",
        file.display()
    );
    Error::with_message(ErrorKind::StorageLocked, message)
}

/// Whoever has a file open through `SQLite` holds a lock on a part of it; this one is on all of it.
#[cfg(unix)]
fn lock_broken(file: &Path) -> Result<File> {
    use rustix::fs::{FlockOperation, fcntl_lock};
    let opened = File::options()
        .read(true)
        .write(true)
        .open(file)
        .map_err(failed)?;
    fcntl_lock(&opened, FlockOperation::NonBlockingLockExclusive).map_err(|_| in_use(file))?;
    Ok(opened)
}

#[cfg(not(unix))]
fn lock_broken(file: &Path) -> Result<File> {
    let message = format!(
        "{} is damaged, and this system cannot tell whether it is in use: move it away, with its log.",
        file.display()
    );
    Err(Error::with_message(ErrorKind::StorageCorrupt, message))
}

fn keep_as(file: &Path, aside: Option<&Path>) -> Result<()> {
    let Some(aside) = aside else { return Ok(()) };
    fs::hard_link(file, aside).map_err(failed)?;
    partial::flush_directory(aside)
}

fn set_logs_aside(file: &Path, aside: &Path) -> Result<()> {
    for suffix in LOGS {
        let log = beside(file, suffix);
        if log.exists() {
            fs::rename(&log, beside(aside, suffix)).map_err(failed)?;
        }
    }
    partial::flush_directory(aside)
}

fn remove_if_there(file: &Path) -> Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(error)),
        _ => Ok(()),
    }
}
