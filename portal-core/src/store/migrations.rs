//! The schema's history: a list of steps, each applied once, in one transaction together.

use rusqlite::{Connection, TransactionBehavior};

use super::look::newer;
use super::open::APPLICATION_ID;
use crate::error::{Error, ErrorKind, Result};

/// Step n brings `user_version` from n to n+1. A released step is never edited.
const STEPS: &[Step] = &[Step {
    name: "0001_init",
    sql: include_str!("migrations/0001_init.sql"),
}];

struct Step {
    name: &'static str,
    sql: &'static str,
}

/// The schema version this library writes.
pub(crate) const CURRENT: usize = STEPS.len();

/// Applies what is missing, and answers the version it was missing from: 0 for a new file, none if nothing was. A newer
/// file is refused untouched.
pub(super) fn bring_up_to_date(db: &mut Connection) -> Result<Option<usize>> {
    if version(db)? == CURRENT {
        return Ok(None);
    }
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let from = version(&tx)?;
    let Some(missing) = STEPS.get(from..) else {
        return Err(newer(from));
    };
    for step in missing {
        tx.execute_batch(step.sql)?;
    }
    tx.pragma_update(None, "application_id", APPLICATION_ID)?;
    tx.pragma_update(
        None,
        "user_version",
        i64::try_from(CURRENT).unwrap_or(i64::MAX),
    )?;
    tx.commit()?;
    // Another process may have been first.
    Ok(Some(from).filter(|from| *from < CURRENT))
}

/// The file's schema version.
pub(super) fn version(db: &Connection) -> Result<usize> {
    let version: i64 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
    usize::try_from(version).map_err(|_| Error::new(ErrorKind::StorageForeign))
}

/// A table, index or trigger: its kind, name and the SQL that made it.
pub(crate) type SchemaObject = (String, String, Option<String>);

/// The schema of a version, as a fresh file would have it.
pub(crate) fn expected_schema(version: usize) -> Result<Vec<SchemaObject>> {
    let fresh = Connection::open_in_memory()?;
    for step in STEPS.iter().take(version) {
        fresh.execute_batch(step.sql)?;
    }
    schema_of(&fresh)
}

/// The names of the steps that a file of this version lacks.
pub(crate) fn steps_from(version: usize) -> impl Iterator<Item = &'static str> {
    STEPS.iter().skip(version).map(|step| step.name)
}

/// The schema that a file has.
pub(crate) fn schema_of(db: &Connection) -> Result<Vec<SchemaObject>> {
    super::all(
        db,
        "SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_stat%' ORDER BY type, name",
        [],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )
}
