//! A copy of a file that others use (SPEC 16.3).

use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;

use super::{Checked, Contents, Progress, contents, patience, sound};
use crate::error::Result;
use crate::ops::check;
use crate::portal::Options;
use crate::store::{self, Look, Partial};

/// A copy that was made.
#[derive(Debug, Serialize, JsonSchema)]
pub struct BackedUp {
    /// Its size in bytes.
    pub bytes: u64,
    /// What it holds.
    pub contents: Contents,
    /// What a check of the copy found.
    pub checked: Checked,
}

/// Copies a file to a new one, for its owner's eyes only, while others read and write it. The copy holds
/// every change that was acknowledged before this began. It stands in its place when it is whole, on disk and
/// checked, and not before.
///
/// Rows that break a rule do not keep it from being made: the check in the answer tells of them.
///
/// # Errors
/// `ERR_STORAGE_EXISTS` where there is something already; `ERR_STORAGE_CORRUPT` for a damaged file, of which no
/// copy is kept; `ERR_STORAGE_FULL`, `ERR_STORAGE_READONLY`, and those of [`super::check()`].
pub fn back_up(
    file: &Path,
    to: &Path,
    options: &Options,
    progress: &mut dyn FnMut(Progress),
) -> Result<BackedUp> {
    if to.exists() {
        return Err(store::exists(to));
    }
    let (partial, backed_up) = checked_copy(file, to, options, progress)?;
    partial.place_new(to)?;
    Ok(backed_up)
}

/// A copy beside the place where it is to stand, checked.
pub(super) fn checked_copy(
    file: &Path,
    target: &Path,
    options: &Options,
    progress: &mut dyn FnMut(Progress),
) -> Result<(Partial, BackedUp)> {
    let look = Look::at(file, patience(options))?;
    // Whoever stopped a restore at its question left a whole copy there, and may never restore again.
    store::clear_away(store::directory_of(file));
    let partial = Partial::for_target(target)?;
    store::copy(&look, partial.path(), progress)?;
    // The source is not needed any more, and while it is read its log is not emptied.
    drop(look);
    let copy = Look::at(partial.path(), patience(options))?;
    let checked = check::examine_look(&copy, partial.path(), options.clock.now())?;
    let backed_up = BackedUp {
        bytes: std::fs::metadata(partial.path())
            .map_err(store::failed)?
            .len(),
        checked: sound(checked, "The file", "no copy of it is kept")?,
        contents: contents(&copy)?,
    };
    drop(copy);
    Ok((partial, backed_up))
}
