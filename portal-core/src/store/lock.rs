//! The operating-system lock beside a database file: whoever holds it keeps presence (SPEC 10.1).

use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::Path;

use super::beside;
use super::partial::{failed, give_to_owner_of};
use crate::error::{Error, ErrorKind, Result};

/// A held lock; dropping it, or the end of the process, frees it.
pub(crate) struct FileLock {
    _file: File,
}

impl FileLock {
    /// Takes the lock `FILE-presence`.
    ///
    /// # Errors
    /// `ERR_PRESENCE_TAKEN`; `ERR_STORAGE_NOT_FOUND`, `ERR_STORAGE_READONLY` if the lock file cannot be made or
    /// written to.
    pub(crate) fn beside(database: &Path) -> Result<Self> {
        let name = beside(database, "-presence");
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&name)
            .map_err(|error| {
                let error = failed(error);
                let message = format!("{} cannot be made or written to.", name.display());
                error.saying(message)
            })?;
        // Root may look after a file whose server runs as another user, who is to take this lock next. Who is
        // not root may not give it away, and need not.
        if let Ok(database) = fs::metadata(database) {
            let _ = give_to_owner_of(&file, &database);
        }
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(ErrorKind::PresenceTaken.into()),
            Err(TryLockError::Error(error)) => Err(Error::new(ErrorKind::Storage).caused_by(error)),
        }
    }
}
