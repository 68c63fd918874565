//! The operating-system lock beside a database file: whoever holds it keeps presence (SPEC 10.1).

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use crate::error::{Error, ErrorKind, Result};

/// A held lock; dropping it, or the end of the process, frees it.
pub(crate) struct FileLock {
    _file: File,
}

impl FileLock {
    /// Takes the lock `FILE-presence`.
    ///
    /// # Errors
    /// `ERR_PRESENCE_TAKEN`, `ERR_STORAGE_NOT_FOUND` if the lock file cannot be made.
    pub(crate) fn beside(database: &Path) -> Result<Self> {
        let mut name = database.as_os_str().to_owned();
        name.push("-presence");
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(Path::new(&name))
            .map_err(|error| Error::new(ErrorKind::StorageNotFound).caused_by(error))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(ErrorKind::PresenceTaken.into()),
            Err(TryLockError::Error(error)) => Err(Error::new(ErrorKind::Storage).caused_by(error)),
        }
    }
}
