//! The operating-system lock beside a database file: whoever holds it keeps presence (SPEC 10.1).

use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::Path;
use std::time::Duration;

use super::beside;
use super::partial::{failed, give_to_owner_of};
use crate::error::{Error, ErrorKind, Result};

/// How often it is tried to take the lock, and how long is waited in between: one that is only asked for is free
/// again as soon as who asks has a turn.
const TRIES: u32 = 100;
const BETWEEN: Duration = Duration::from_millis(1);

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
        // Somebody may be asking at this moment whether it is held.
        for _ in 0..TRIES {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                #[expect(
                    clippy::disallowed_methods,
                    reason = "another process's turn is waited for, at opening only"
                )]
                Err(TryLockError::WouldBlock) => std::thread::sleep(BETWEEN),
                Err(TryLockError::Error(error)) => {
                    return Err(Error::new(ErrorKind::Storage).caused_by(error));
                }
            }
        }
        Err(ErrorKind::PresenceTaken.into())
    }

    /// Whether some process holds the lock `FILE-presence`. There is no asking without taking it for a moment, which
    /// [`FileLock::beside`] allows for.
    pub(crate) fn is_held(database: &Path) -> bool {
        let Ok(file) = File::open(beside(database, "-presence")) else {
            return false;
        };
        matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
    }
}
