//! Looking after a database file as a whole (SPEC 16.2, 16.3): checking it, copying it while others use it,
//! putting a copy back, giving unused room back, bringing it to this version's schema.
//!
//! None of this is an operation of the catalogue: it works on files and not on rows, and some of it only
//! where nobody has the file open. It decides nothing about chats. The calling process must not have the
//! file open itself, as a [`crate::Portal`] or otherwise: looking at a file's first bytes frees the locks
//! that the process holds on it, which is how POSIX wants it.

mod backup;
mod migration;
mod restore;
mod vacuum;

pub use backup::{BackedUp, back_up};
pub use migration::{Migrated, Migration, migrate, migration};
pub use restore::{Restored, Restoring};
pub use vacuum::{Vacuumed, vacuum};

pub use crate::ops::check::{Checked, Finding, Weight};
pub use crate::ops::stats::Contents;
pub use crate::store::Progress;

use std::path::Path;
use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};
use crate::ops::{check, stats};
use crate::portal::Options;
use crate::store::Look;

/// Checks a file, however damaged, and changes not one byte of it or of its log (SPEC 16.2). It reads every
/// page; others may use the file meanwhile.
///
/// # Errors
/// `ERR_STORAGE_NOT_FOUND`, `ERR_STORAGE_FOREIGN`, `ERR_STORAGE_NEWER`, `ERR_STORAGE_LOCKED`,
/// `ERR_STORAGE_READONLY`.
pub fn check(file: &Path, options: &Options) -> Result<Checked> {
    let look = Look::at(file, patience(options))?;
    check::examine_look(&look, file, options.clock.now())
}

fn contents(look: &Look) -> Result<Contents> {
    stats::contents(look.db()?)
}

fn patience(options: &Options) -> Duration {
    Duration::from_millis(options.busy_timeout_ms.into())
}

/// Refuses a damaged file, naming what is wrong with it and what follows from that.
fn sound(checked: Checked, what: &str, so: &str) -> Result<Checked> {
    if !checked.is_damaged() {
        return Ok(checked);
    }
    let codes: Vec<_> = checked
        .findings
        .iter()
        .filter(|finding| finding.weight == Weight::Problem)
        .map(|finding| finding.code)
        .collect();
    let message = format!(
        "{what} is damaged ({}), so {so}; `portal-cli db check` says more.",
        codes.join(", ")
    );
    Err(Error::with_message(ErrorKind::StorageCorrupt, message))
}

/// A file's name for people and the audit log, without its directory.
fn name_of(file: &Path) -> String {
    file.file_name()
        .unwrap_or(file.as_os_str())
        .to_string_lossy()
        .into_owned()
}
