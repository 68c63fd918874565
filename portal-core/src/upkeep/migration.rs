//! Bringing a file to this version's schema, with a backup of what it was.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Serialize;

use super::{Progress, back_up, patience};
use crate::error::{Error, ErrorKind, Result};
use crate::portal::{Options, Portal};
use crate::store::{self, Hold, Look, SCHEMA_VERSION};

/// What a file needs to be of this version.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Migration {
    /// The file's schema version.
    pub file_version: u64,
    /// The version that this library writes.
    pub program_version: u64,
    /// The steps that the file lacks, in their order.
    pub steps: Vec<&'static str>,
}

/// Tells what a file needs, changing nothing.
///
/// # Errors
/// `ERR_STORAGE_NEWER` for a file that a newer version wrote, and those of [`super::check()`].
pub fn migration(file: &Path, options: &Options) -> Result<Migration> {
    let look = Look::at(file, patience(options))?;
    look.db()?;
    let version = look
        .version()
        .ok_or_else(|| Error::new(ErrorKind::StorageCorrupt))?;
    Ok(Migration {
        file_version: version as u64,
        program_version: SCHEMA_VERSION as u64,
        steps: store::steps_from(version).collect(),
    })
}

/// What was done to a file.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Migrated {
    /// What it needed.
    #[serde(flatten)]
    pub migration: Migration,
    /// The backup that was made before; null where there was nothing to do.
    pub backup: Option<PathBuf>,
}

/// Brings a file to this version's schema, in one transaction, once `backup` is a whole copy of it. Where there
/// is nothing to do there is no backup either.
///
/// # Errors
/// `ERR_STORAGE_LOCKED` while any process has the file open; those of [`migration`] and [`back_up`].
pub fn migrate(
    file: &Path,
    backup: &Path,
    options: &Options,
    progress: &mut dyn FnMut(Progress),
) -> Result<Migrated> {
    let migration = migration(file, options)?;
    if migration.steps.is_empty() {
        return Ok(Migrated {
            migration,
            backup: None,
        });
    }
    Hold::probe(file)?;
    back_up(file, backup, options, progress)?;
    let existing = Options {
        create: false,
        ..options.clone()
    };
    Portal::open(file, existing)?.close();
    Ok(Migrated {
        migration,
        backup: Some(backup.to_owned()),
    })
}
