//! The schema's history: a list of steps, each applied once, in one transaction together.

use rusqlite::{Connection, TransactionBehavior};

use super::open::APPLICATION_ID;
use crate::error::{Error, ErrorKind, Result};

/// Step n brings `user_version` from n to n+1. A released step is never edited.
const STEPS: &[&str] = &[include_str!("migrations/0001_init.sql")];

/// The schema version this library writes.
pub(crate) const CURRENT: usize = STEPS.len();

/// Applies what is missing. A newer file is refused untouched.
pub(super) fn bring_up_to_date(db: &mut Connection) -> Result<()> {
    if version(db)? == CURRENT {
        return Ok(());
    }
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let from = version(&tx)?;
    let Some(missing) = STEPS.get(from..) else {
        return Err(Error::new(ErrorKind::StorageNewer));
    };
    for step in missing {
        tx.execute_batch(step)?;
    }
    tx.pragma_update(None, "application_id", APPLICATION_ID)?;
    tx.pragma_update(
        None,
        "user_version",
        i64::try_from(CURRENT).unwrap_or(i64::MAX),
    )?;
    tx.commit()?;
    Ok(())
}

fn version(db: &Connection) -> Result<usize> {
    let version: i64 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
    usize::try_from(version).map_err(|_| Error::new(ErrorKind::StorageForeign))
}
