//! `SQLite`: opening a file, its schema, the one writer and the readers. Knows no rule of SPEC 4 and no
//! operation; the SQL of a table lives in the file of `ops` that owns it.

mod copy;
mod hold;
mod in_use;
mod lock;
mod log;
mod look;
mod migrations;
mod open;
mod partial;
mod readers;
mod sql;
mod writer;

pub use copy::Progress;
pub(crate) use copy::{copy, without_log};
pub(crate) use hold::{Hold, forget_second_name};
pub(crate) use in_use::{InUse, size};
pub(crate) use lock::FileLock;
pub(crate) use log::LogFault;
pub(crate) use look::Look;
pub(crate) use migrations::{
    CURRENT as SCHEMA_VERSION, SchemaObject, expected_schema, schema_of, steps_from,
};
pub use open::Durability;
pub(crate) use open::{APPLICATION_ID, Access, FileWatch, Opening, data_version};
pub(crate) use partial::{Partial, clear_away, directory_of, exists, failed};
pub(crate) use readers::{Reader, Readers};
pub(crate) use sql::words;
pub(crate) use writer::{Fate, Job, Writer};

use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::error::Result;

/// One open database file.
pub(crate) struct Store {
    pub(crate) writer: Writer,
    pub(crate) readers: Readers,
    path: PathBuf,
    opening: Opening,
    /// The schema version that opening brought it up from: 0 for a new file, none if it was up to date.
    pub(crate) came_from: Option<usize>,
}

impl Store {
    /// Opens the file, creating or migrating it as `access` allows.
    pub(crate) fn open(path: &Path, opening: Opening) -> Result<Self> {
        let mut writer = open::connect(path, opening)?;
        let came_from = migrations::bring_up_to_date(&mut writer)?;
        Ok(Self {
            writer: Writer::new(writer, opening.patience),
            readers: Readers::new(path.to_owned(), opening),
            path: path.to_owned(),
            opening,
            came_from,
        })
    }

    /// Sees other processes' commits from now on.
    pub(crate) fn watch(&self) -> Result<FileWatch> {
        FileWatch::new(&self.path, self.opening)
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// A file's companion: its name with something behind it.
pub(crate) fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn prepare<'db>(db: &'db Connection, sql: &str) -> Result<rusqlite::CachedStatement<'db>> {
    #[cfg(test)]
    seen::note(sql);
    Ok(db.prepare_cached(sql)?)
}

/// Runs a cached statement that changes rows; answers how many.
pub(crate) fn execute(db: &Connection, sql: &str, params: impl rusqlite::Params) -> Result<usize> {
    Ok(prepare(db, sql)?.execute(params)?)
}

/// Reads at most one row with a cached statement.
pub(crate) fn first<T>(
    db: &Connection,
    sql: &str,
    params: impl rusqlite::Params,
    read: impl FnOnce(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
) -> Result<Option<T>> {
    use rusqlite::OptionalExtension;
    Ok(prepare(db, sql)?.query_row(params, read).optional()?)
}

/// Reads every row with a cached statement.
pub(crate) fn all<T>(
    db: &Connection,
    sql: &str,
    params: impl rusqlite::Params,
    read: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>> {
    let mut statement = prepare(db, sql)?;
    let rows = statement.query_map(params, read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Reads rows with a cached statement, as far as `take` asks for them.
pub(crate) fn lazily<T, R>(
    db: &Connection,
    sql: &str,
    params: impl rusqlite::Params,
    read: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    take: impl FnOnce(&mut dyn Iterator<Item = Result<T>>) -> Result<R>,
) -> Result<R> {
    let mut statement = prepare(db, sql)?;
    let rows = statement.query_map(params, read)?;
    take(&mut rows.map(|row| Ok(row?)))
}

/// Every statement that went through here on this thread, for the tests of query plans.
#[cfg(test)]
pub(crate) mod seen {
    use std::cell::RefCell;
    use std::collections::BTreeSet;

    use rusqlite::Connection;

    thread_local! {
        static STATEMENTS: RefCell<BTreeSet<String>> = const { RefCell::new(BTreeSet::new()) };
    }

    pub(super) fn note(sql: &str) {
        STATEMENTS.with_borrow_mut(|seen| seen.insert(sql.to_owned()));
    }

    pub(crate) fn take() -> BTreeSet<String> {
        STATEMENTS.take()
    }

    /// The steps by which `SQLite` finds a statement's rows.
    pub(crate) fn plan(db: &Connection, sql: &str) -> Vec<String> {
        let mut explain = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let mut steps = explain.raw_query();
        let mut plan = Vec::new();
        while let Some(step) = steps.next().unwrap() {
            plan.push(step.get("detail").unwrap());
        }
        plan
    }
}
