//! How a file is opened, with the reason for every setting. The only place that does.

use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

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
pub(super) const APPLICATION_ID: i32 = 0x5052_544C;

/// Before this release a bug of the write-ahead log could corrupt a file.
const OLDEST_SQLITE: i32 = 3_051_003;

/// How long a writer waits for another process's transaction.
pub(super) const BUSY_TIMEOUT_MS: i64 = 5000;

/// Opens the writer's connection.
pub(super) fn connect(path: &Path, access: Access, durability: Durability) -> Result<Connection> {
    if rusqlite::version_number() < OLDEST_SQLITE {
        return Err(Error::with_message(
            ErrorKind::Storage,
            format!(
                "SQLite {} can corrupt its log; 3.51.3 is the oldest safe one",
                rusqlite::version()
            ),
        ));
    }
    let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    if access == Access::Create {
        flags |= OpenFlags::SQLITE_OPEN_CREATE;
    }
    let db = Connection::open_with_flags(path, flags)?;
    check_ours(&db)?;
    configure(&db, durability)?;
    Ok(db)
}

/// Opens a reader's connection to a file that the writer has opened before.
pub(super) fn connect_reader(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags)?;
    configure(&db, Durability::Full)?;
    db.pragma_update(None, "query_only", true)?;
    Ok(db)
}

/// Refuses a file that is another program's, before anything is changed in it.
fn check_ours(db: &Connection) -> Result<()> {
    let application: i32 = db.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let tables: i64 = db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if application == APPLICATION_ID || (application == 0 && tables == 0) {
        Ok(())
    } else {
        Err(Error::new(ErrorKind::StorageForeign))
    }
}

fn configure(db: &Connection, durability: Durability) -> Result<()> {
    // Someone else's transaction is waited for, not reported.
    db.pragma_update(None, "busy_timeout", BUSY_TIMEOUT_MS)?;
    // Readers never wait for the writer, and a commit is one append.
    let mode: String = db.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
    if mode != "wal" {
        return Err(Error::new(ErrorKind::StorageReadOnly));
    }
    db.pragma_update(
        None,
        "synchronous",
        match durability {
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
    pub(crate) fn new(path: &Path) -> Result<Self> {
        let db = connect_reader(path)?;
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
