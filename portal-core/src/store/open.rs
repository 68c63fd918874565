//! How a file is opened, with the reason for every setting. The only place that does.

use std::io;
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::look::newer;
use super::migrations;
use crate::error::{Error, ErrorKind, Result};

/// How safe "done" is against a loss of power (SPEC 14.0).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// An fsync per commit: what was answered is on disk.
    #[default]
    Full,
    /// An fsync per checkpoint: a killed process loses nothing, a loss of power may take the last
    /// moments, never the consistency.
    Normal,
}

/// What opening may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Access {
    /// Create the file if it is not there.
    #[default]
    Create,
    /// Only a file that is there.
    Existing,
}

/// "PRTL": marks a file as ours (`PRAGMA application_id`).
pub(crate) const APPLICATION_ID: i32 = 0x5052_544C;

/// Before this release a bug of the write-ahead log could corrupt a file.
const OLDEST_SQLITE: i32 = 3_051_003;

/// How a file is opened.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Opening {
    pub(crate) access: Access,
    pub(crate) durability: Durability,
    /// How long another process's transaction is waited for.
    pub(crate) patience: Duration,
    /// How many bytes the file may grow to.
    pub(crate) max_bytes: Option<u64>,
}

impl Default for Opening {
    fn default() -> Self {
        Self {
            access: Access::default(),
            durability: Durability::default(),
            patience: Duration::from_secs(5),
            max_bytes: None,
        }
    }
}

/// Opens the writer's connection.
pub(super) fn connect(path: &Path, opening: Opening) -> Result<Connection> {
    if rusqlite::version_number() < OLDEST_SQLITE {
        return Err(Error::with_message(
            ErrorKind::Storage,
            format!(
                "SQLite {} can corrupt its log; 3.51.3 is the oldest safe one",
                rusqlite::version()
            ),
        ));
    }
    if opening.access == Access::Create {
        create_private(path)?;
    }
    for _ in 0..OPENINGS {
        let expected = identity(path);
        let db = Connection::open_with_flags(path, FLAGS)?;
        if db.is_readonly(rusqlite::MAIN_DB)? {
            return Err(Error::new(ErrorKind::StorageReadOnly));
        }
        db.busy_timeout(opening.patience)?;
        check_ours(read_marks(&db).map_err(without_log)?, opening.access)?;
        // Another file may have been put there (`db restore`) while this waited to read the one before.
        // That one must not get a log under this name; once configured, it cannot be replaced any more.
        if identity(path) != expected {
            continue;
        }
        configure(&db, opening).map_err(without_log)?;
        if identity(path) == expected {
            limit_growth(&db, opening.max_bytes)?;
            return Ok(db);
        }
    }
    Err(Error::new(ErrorKind::StorageLocked))
}

/// How often a file that is replaced while it is opened is opened again.
const OPENINGS: usize = 5;

/// Which file has that name.
#[cfg(unix)]
fn identity(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    let file = std::fs::metadata(path).ok()?;
    Some((file.dev(), file.ino()))
}

/// Elsewhere an open file cannot be replaced.
#[cfg(not(unix))]
fn identity(_: &Path) -> Option<(u64, u64)> {
    None
}

const FLAGS: OpenFlags = OpenFlags::SQLITE_OPEN_READ_WRITE.union(OpenFlags::SQLITE_OPEN_NO_MUTEX);

/// Makes the file if there is none, for its owner's eyes only: it says who talked with whom. `SQLite`
/// gives the files beside it the same rights.
fn create_private(path: &Path) -> Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let Err(error) = options.open(path) else {
        return Ok(());
    };
    let refusal = match error.kind() {
        io::ErrorKind::AlreadyExists => return Ok(()),
        io::ErrorKind::StorageFull => Error::new(ErrorKind::StorageFull),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Error::with_message(
            ErrorKind::StorageReadOnly,
            "No database file can be made in that directory: it cannot be written.",
        ),
        _ => Error::new(ErrorKind::StorageNotFound),
    };
    Err(refusal.caused_by(error))
}

/// The file itself is open for writing already: what is not is the log beside it.
fn without_log(error: Error) -> Error {
    if matches!(
        error.kind(),
        ErrorKind::StorageNotFound | ErrorKind::StorageReadOnly
    ) {
        Error::with_message(
            ErrorKind::StorageReadOnly,
            "The directory of the database file cannot be written, and the log belongs beside the file.",
        )
        .caused_by(error)
    } else {
        error
    }
}

/// Opens a reader's connection to a file that the writer has opened before.
pub(super) fn connect_reader(path: &Path, opening: Opening) -> Result<Connection> {
    let db = Connection::open_with_flags(path, FLAGS)?;
    db.busy_timeout(opening.patience)?;
    configure(&db, opening)?;
    db.pragma_update(None, "query_only", true)?;
    Ok(db)
}

/// What tells whose file it is.
pub(super) struct Marks {
    pub(super) application: i32,
    pub(super) version: usize,
    pub(super) tables: u64,
}

pub(super) fn read_marks(db: &Connection) -> Result<Marks> {
    Ok(Marks {
        application: db.pragma_query_value(None, "application_id", |row| row.get(0))?,
        version: migrations::version(db)?,
        tables: db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?,
    })
}

/// Refuses a file that is another program's or a newer version's, before anything is changed in it.
fn check_ours(marks: Marks, access: Access) -> Result<()> {
    match (marks.application, access) {
        (APPLICATION_ID, _) if marks.version > migrations::CURRENT => Err(newer(marks.version)),
        (APPLICATION_ID, _) => Ok(()),
        (0, Access::Create) if marks.tables == 0 => Ok(()),
        (0, Access::Existing) if marks.tables == 0 => Err(Error::with_message(
            ErrorKind::StorageNotFound,
            "The file is empty: there is no database in it yet.",
        )),
        _ => Err(Error::new(ErrorKind::StorageForeign)),
    }
}

/// Makes a file that would outgrow its limit full, as a full disk would.
fn limit_growth(db: &Connection, max_bytes: Option<u64>) -> Result<()> {
    let Some(max_bytes) = max_bytes else {
        return Ok(());
    };
    let page_size: u64 = db.pragma_query_value(None, "page_size", |row| row.get(0))?;
    // A larger count than SQLite knows is no limit; 0 would only ask for the present one.
    let pages = (max_bytes / page_size.max(1)).clamp(1, u64::from(u32::MAX) - 1);
    db.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?;
    Ok(())
}

fn configure(db: &Connection, opening: Opening) -> Result<()> {
    // Readers never wait for the writer, and a commit is one append.
    let mode: String = db.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
    if mode != "wal" {
        return Err(Error::new(ErrorKind::StorageReadOnly));
    }
    db.pragma_update(
        None,
        "synchronous",
        match opening.durability {
            Durability::Full => "full",
            Durability::Normal => "normal",
        },
    )?;
    // Off by default in SQLite; our REFERENCES mean it.
    db.pragma_update(None, "foreign_keys", true)?;
    // Deleted content is overwritten, not only unlinked (SPEC 7.4).
    db.pragma_update(None, "secure_delete", true)?;
    // A file may come from anywhere: its schema may not call functions with effects.
    db.pragma_update(None, "trusted_schema", false)?;
    // An I/O error under a mapping would be a signal instead of an error.
    db.pragma_update(None, "mmap_size", 0)?;
    // 2 MiB a connection: the hot pages of a community's file, and several readers stay small.
    db.pragma_update(None, "cache_size", -2048)?;
    // Sorts and batches of pages spill to memory, never to a file of plaintext names beside ours.
    db.pragma_update(None, "temp_store", "memory")?;
    // Plans do not depend on the values bound: else SQLite plans the hot statements anew at every call.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    db.set_prepared_statement_cache_capacity(256);
    Ok(())
}

/// Sees, cheaply, that another process or connection has committed to the file.
pub(crate) struct FileWatch {
    db: Connection,
    seen: i64,
}

impl FileWatch {
    pub(crate) fn new(path: &Path, opening: Opening) -> Result<Self> {
        let db = connect_reader(path, opening)?;
        let seen = data_version(&db)?;
        Ok(Self { db, seen })
    }

    /// Whether anybody else has committed since the last call.
    pub(crate) fn changed(&mut self) -> Result<bool> {
        let version = data_version(&self.db)?;
        Ok(std::mem::replace(&mut self.seen, version) != version)
    }
}

/// Changes whenever another connection commits to the file.
pub(crate) fn data_version(db: &Connection) -> Result<i64> {
    Ok(db
        .prepare_cached("PRAGMA data_version")?
        .query_row([], |row| row.get(0))?)
}
