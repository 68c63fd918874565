//! A look at a file that changes not one byte of it or of its log: for judging a file that may be damaged,
//! and for copying it.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::log::{self, LogFault};
use super::open::{APPLICATION_ID, Marks, read_marks};
use super::{beside, migrations};
use crate::error::{Error, ErrorKind, Result};

/// How every file of `SQLite` begins.
const MAGIC: &[u8] = b"SQLite format 3\0";
/// Where the application id stands.
const APPLICATION_AT: usize = 68;

/// A file, opened for reading within one transaction.
pub(crate) struct Look {
    path: PathBuf,
    db: Option<Connection>,
    /// Why nothing can be read of it.
    damage: Option<Error>,
    log: Vec<LogFault>,
    version: Option<usize>,
    log_was_there: bool,
}

impl Look {
    /// Looks at a file. One that is damaged is looked at all the same.
    ///
    /// The calling process must not have the file open otherwise: reading its first bytes would free the
    /// locks that it holds (that is how POSIX wants it).
    ///
    /// # Errors
    /// `ERR_STORAGE_NOT_FOUND`, `ERR_STORAGE_FOREIGN`, `ERR_STORAGE_NEWER`, `ERR_STORAGE_LOCKED`,
    /// `ERR_STORAGE_READONLY` where the log cannot be read.
    pub(crate) fn at(path: &Path, patience: Duration) -> Result<Self> {
        let head = head_of(path)?;
        let mut look = Self {
            path: path.to_owned(),
            db: None,
            damage: None,
            // Before SQLite looks: it begins the index of the log anew.
            log: log::faults(path),
            version: None,
            log_was_there: beside(path, "-wal").exists(),
        };
        if !head.starts_with(MAGIC) {
            let ours = APPLICATION_ID.to_be_bytes();
            if head.get(APPLICATION_AT..APPLICATION_AT + ours.len()) != Some(&ours) {
                return Err(Error::new(ErrorKind::StorageForeign));
            }
            let damage = Error::new(ErrorKind::StorageCorrupt).caused_by("the header is damaged");
            look.damage = Some(damage);
            return Ok(look);
        }
        look.open(patience)?;
        Ok(look)
    }

    fn open(&mut self, patience: Duration) -> Result<()> {
        let has_logs = ["-wal", "-shm"]
            .iter()
            .any(|suffix| beside(&self.path, suffix).exists());
        let is_alone = has_logs && {
            let db = connect(&self.path, Manner::Alone)?;
            // Who may not write to a file cannot keep it to themself.
            !db.is_readonly(rusqlite::MAIN_DB)? && self.begin(db)?
        };
        if !is_alone && !self.begin(connect(&self.path, Manner::Among(patience))?)? {
            return Err(Error::new(ErrorKind::StorageLocked));
        }
        Ok(())
    }

    /// Begins the one transaction; answers false if somebody else is in the way.
    fn begin(&mut self, db: Connection) -> Result<bool> {
        // Kept whatever comes of it, so that what looking leaves behind is tidied.
        let db = self.db.insert(db);
        let mut marks = begin(db);
        if marks.as_ref().is_err_and(cannot_have_log) {
            if beside(&self.path, "-journal").exists() {
                let message = "A process was killed while it changed the file; open it once (`portal-cli config get`), which takes the change back.";
                return Err(Error::with_message(ErrorKind::StorageReadOnly, message));
            }
            if !log::holds_any(&self.path) {
                // A copy on a disk that takes no file beside it.
                *db = connect(&self.path, Manner::Immutable)?;
                marks = begin(db);
            }
        }
        match marks {
            Ok(marks) => {
                judge(db, &marks)?;
                self.version = Some(marks.version);
                Ok(true)
            }
            Err(error) if error.kind() == ErrorKind::StorageLocked => Ok(false),
            Err(error) if is_damage(&error) => {
                self.damage = Some(error);
                Ok(true)
            }
            Err(error) => Err(error),
        }
    }

    /// What can be read of it, at one moment.
    ///
    /// # Errors
    /// `ERR_STORAGE_CORRUPT` where nothing can.
    pub(crate) fn db(&self) -> Result<&Connection> {
        match (&self.db, &self.damage) {
            (Some(db), None) => Ok(db),
            (_, damage) => {
                let damage = damage.clone();
                Err(damage.unwrap_or_else(|| ErrorKind::StorageCorrupt.into()))
            }
        }
    }

    /// What is wrong with its log.
    pub(crate) fn log_faults(&self) -> &[LogFault] {
        &self.log
    }

    /// Its schema version; none where it cannot be read.
    pub(crate) fn version(&self) -> Option<usize> {
        self.version
    }
}

impl Drop for Look {
    fn drop(&mut self) {
        if self.db.take().is_some() && !self.log_was_there {
            tidy(&self.path);
        }
    }
}

/// Reading makes an empty log where there was none, and leaves it. Whoever closes a file last takes it away
/// again; there is nothing in it to copy into the file.
fn tidy(path: &Path) {
    let is_empty = |log: fs::Metadata| log.len() == 0;
    if !fs::metadata(beside(path, "-wal")).is_ok_and(is_empty) {
        return;
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    if let Ok(db) = Connection::open_with_flags(path, flags) {
        let _ = read_marks(&db);
    }
}

fn head_of(path: &Path) -> Result<Vec<u8>> {
    let not_found = |error| Error::new(ErrorKind::StorageNotFound).caused_by(error);
    let file = File::open(path).map_err(not_found)?;
    let mut head = Vec::new();
    file.take(100).read_to_end(&mut head).map_err(not_found)?;
    if head.is_empty() {
        let message = "The file is empty: there is no database in it yet.";
        return Err(Error::with_message(ErrorKind::StorageNotFound, message));
    }
    Ok(head)
}

/// How a file is read.
#[derive(Clone, Copy)]
enum Manner {
    /// With nobody else connected, keeping the log's index in memory: what a killed process left beside the file
    /// stays as it is. Nobody can open the file meanwhile.
    Alone,
    /// Beside others, by the index that they share.
    Among(Duration),
    /// As if nobody could ever change it.
    Immutable,
}

fn connect(path: &Path, manner: Manner) -> Result<Connection> {
    let reading = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let writing = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = match manner {
        Manner::Alone => Connection::open_with_flags(path, writing)?,
        Manner::Among(_) => Connection::open_with_flags(path, reading)?,
        Manner::Immutable => {
            let name = format!("file:{}?immutable=1", escaped(path));
            Connection::open_with_flags(name, reading | OpenFlags::SQLITE_OPEN_URI)?
        }
    };
    let patience = match manner {
        Manner::Among(patience) => patience,
        Manner::Alone | Manner::Immutable => Duration::ZERO,
    };
    db.busy_timeout(patience)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    db.pragma_update(None, "query_only", true)?;
    // Reads look twice at what a page says of itself.
    db.pragma_update(None, "cell_size_check", true)?;
    db.pragma_update(None, "temp_store", "memory")?;
    if matches!(manner, Manner::Alone) {
        let _: String =
            db.pragma_update_and_check(None, "locking_mode", "exclusive", |row| row.get(0))?;
    }
    Ok(db)
}

/// The log or its index could not be opened or made.
fn cannot_have_log(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::StorageNotFound | ErrorKind::StorageReadOnly
    )
}

/// The file itself cannot be read.
pub(super) fn is_damage(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::StorageCorrupt | ErrorKind::StorageForeign | ErrorKind::Storage
    )
}

/// A path within a `file:` name.
fn escaped(path: &Path) -> String {
    let bytes = path.as_os_str().as_encoded_bytes();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/.-_".contains(&byte);
    bytes
        .iter()
        .map(|byte| match *byte {
            byte if plain(byte) => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

/// Begins the transaction with what tells whose file it is.
fn begin(db: &Connection) -> Result<Marks> {
    db.execute_batch("BEGIN")?;
    let marks = read_marks(db)?;
    // Reads the schema, so not before it is known how.
    db.pragma_update(None, "cache_size", -8192)?;
    Ok(marks)
}

/// Refuses a file that is not ours. One whose mark alone is wrong is.
fn judge(db: &Connection, marks: &Marks) -> Result<()> {
    if marks.application == APPLICATION_ID {
        return if marks.version > migrations::CURRENT {
            Err(newer(marks.version))
        } else {
            Ok(())
        };
    }
    let ours: i64 = db.query_row(
        "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name IN ('chat', 'event', 'message', 'meta', 'setting')",
        [],
        |row| row.get(0),
    )?;
    match (ours, marks.tables) {
        (5, _) => Ok(()),
        (_, 0) => Err(Error::with_message(
            ErrorKind::StorageNotFound,
            "The file is empty: there is no database in it yet.",
        )),
        _ => Err(Error::new(ErrorKind::StorageForeign)),
    }
}

/// `ERR_STORAGE_NEWER`, with both versions.
pub(super) fn newer(version: usize) -> Error {
    let ours = migrations::CURRENT;
    let message = format!(
        "A newer version wrote this database (schema {version}, this program knows {ours}); upgrade before you open it."
    );
    Error::with_message(ErrorKind::StorageNewer, message)
}
