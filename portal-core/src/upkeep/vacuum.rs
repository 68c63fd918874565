//! Giving the room back that nothing uses any more.
//!
//! Where nobody has the file open it is written anew beside its place, which takes disk and no memory, and
//! renamed. In a file that is in use `SQLite` does it in place, in one transaction that keeps every writer
//! waiting: for a moment only, or not at all.

use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use super::{patience, sound};
use crate::error::{Error, ErrorKind, Result};
use crate::model::Timestamp;
use crate::ops::check;
use crate::portal::Options;
use crate::store::{self, Hold, InUse, Look, Partial};

/// The most that is rewritten in place, in memory, while others have the file open, in bytes.
const MOST_IN_USE: u64 = 128 << 20;

/// What a vacuum did.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Vacuumed {
    /// The file's size before, in bytes.
    pub bytes_before: u64,
    /// Its size now.
    pub bytes_after: u64,
    /// Whether other processes had the file open.
    pub in_use: bool,
    /// Whether the write-ahead log is empty. If somebody reads for long it is emptied later.
    pub log_is_empty: bool,
}

/// Rewrites the file without the room that nothing uses. While others have it open their writing waits at
/// most about `at_most_ms` for it; if that is not enough nothing is changed.
///
/// # Errors
/// `ERR_STORAGE_LOCKED` if a file in use is too large or took too long; `ERR_STORAGE_CORRUPT`,
/// `ERR_STORAGE_FULL`, and those of [`super::check()`].
pub fn vacuum(file: &Path, options: &Options, at_most_ms: u32) -> Result<Vacuumed> {
    // Refuses what is not ours before anything else looks at it.
    let look = Look::at(file, patience(options))?;
    let size = store::size(look.db()?)?;
    drop(look);
    match Hold::of(file) {
        Ok(hold) => at_rest(file, hold, options, size.all),
        Err(error) if error.kind() == ErrorKind::StorageLocked => {
            if size.used > MOST_IN_USE {
                return Err(too_long(file));
            }
            let began = options.clock.now();
            // Told the time only: whatever a panic leaves of it says so again.
            let clock = AssertUnwindSafe(Arc::clone(&options.clock));
            let limit = i64::from(at_most_ms);
            let is_over = move || is_past(clock.now(), began, limit);
            let done = InUse::open(file, options.into())?.vacuum(is_over)?;
            if !done.is_compact {
                return Err(too_long(file));
            }
            Ok(Vacuumed {
                bytes_before: size.all,
                bytes_after: done.bytes,
                in_use: true,
                log_is_empty: done.log_is_empty,
            })
        }
        Err(error) => Err(error),
    }
}

fn is_past(now: Timestamp, began: Timestamp, limit: i64) -> bool {
    now.since(began) >= limit
}

fn at_rest(file: &Path, hold: Hold, options: &Options, bytes_before: u64) -> Result<Vacuumed> {
    let compact = Partial::for_target(file)?;
    hold.compact_into(compact.path())?;
    let look = Look::at(compact.path(), patience(options))?;
    let checked = check::examine_look(&look, compact.path(), options.clock.now())?;
    sound(checked, "The compact file", "nothing was changed")?;
    let bytes_after = store::size(look.db()?)?.all;
    drop(look);
    hold.replace(file, compact, None)?;
    Ok(Vacuumed {
        bytes_before,
        bytes_after,
        in_use: false,
        log_is_empty: true,
    })
}

fn too_long(file: &Path) -> Error {
    let message = format!(
        "{} is in use, and rewriting it would keep its writers waiting for too long. Stop them first; nothing was changed.",
        file.display()
    );
    Error::with_message(ErrorKind::StorageLocked, message)
}
