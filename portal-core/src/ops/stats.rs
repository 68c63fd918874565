//! `db.stats`: how large the file is and what fills it.

use rusqlite::Connection;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::model::{Seq, Timestamp};
use crate::operation::{Query, View};
use crate::ops::{check, events};
use crate::policy::{PlatformAction, on_platform};
use crate::store;

/// Counts rows and bytes, table by table; for the operator. It reads every page of the file.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Stats {}

/// A table and its indexes.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TableStats {
    /// Its name.
    pub table: String,
    /// How many rows it has.
    pub rows: u64,
    /// How many bytes of the file it takes, with its indexes.
    pub bytes: u64,
}

/// An end of the event log.
#[derive(Debug, Serialize, JsonSchema)]
pub struct LogEnd {
    /// Its place.
    pub seq: Seq,
    /// When.
    pub at: Timestamp,
}

/// What fills a file.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FileStats {
    /// The schema version.
    pub schema_version: u64,
    /// The version of `SQLite` that reads it.
    pub sqlite_version: String,
    /// The file's size in bytes.
    pub file_bytes: u64,
    /// Bytes of it that no table uses; `VACUUM` would give them back.
    pub free_bytes: u64,
    /// The size of the write-ahead log in bytes.
    pub log_bytes: u64,
    /// Every table, the largest first.
    pub tables: Vec<TableStats>,
    /// The event log's name.
    pub log_id: String,
    /// The oldest event that is kept.
    pub oldest_event: Option<LogEnd>,
    /// The newest event.
    pub newest_event: Option<LogEnd>,
}

impl Query for Stats {
    const NAME: &'static str = "db.stats";
    type Reply = FileStats;

    fn answer(self, view: &View<'_>) -> Result<FileStats> {
        on_platform(PlatformAction::Operate, &view.actor)?;
        let db = &*view.long_read()?;
        let page_size = pragma(db, "page_size")?;
        Ok(FileStats {
            schema_version: pragma(db, "user_version")?,
            sqlite_version: rusqlite::version().to_owned(),
            file_bytes: pragma(db, "page_count")? * page_size,
            free_bytes: pragma(db, "freelist_count")? * page_size,
            log_bytes: std::fs::metadata(check::beside(view.file(), "-wal"))
                .map_or(0, |log| log.len()),
            tables: tables(db)?,
            log_id: events::log_id(db)?,
            oldest_event: log_end(db, "ASC")?,
            newest_event: log_end(db, "DESC")?,
        })
    }
}

fn pragma(db: &Connection, name: &str) -> Result<u64> {
    Ok(db.pragma_query_value(None, name, |row| row.get(0))?)
}

fn tables(db: &Connection) -> Result<Vec<TableStats>> {
    let sizes = store::all(
        db,
        "SELECT s.tbl_name, sum(d.pgsize) AS bytes FROM dbstat('main', TRUE) d JOIN sqlite_schema s ON s.name = d.name
         WHERE s.tbl_name NOT LIKE 'sqlite_%' GROUP BY s.tbl_name ORDER BY bytes DESC, s.tbl_name",
        [],
        |row| Ok((row.get::<_, String>(0)?, row.get(1)?)),
    )?;
    sizes
        .into_iter()
        .map(|(table, bytes)| {
            // A name out of the schema itself; quoted all the same.
            let sql = format!("SELECT count(*) FROM \"{}\"", table.replace('"', "\"\""));
            let rows = db.query_row(&sql, [], |row| row.get(0))?;
            Ok(TableStats { table, rows, bytes })
        })
        .collect()
}

fn log_end(db: &Connection, order: &str) -> Result<Option<LogEnd>> {
    store::first(
        db,
        &format!("SELECT seq, at FROM event ORDER BY seq {order} LIMIT 1"),
        [],
        |row| {
            Ok(LogEnd {
                seq: row.get(0)?,
                at: row.get(1)?,
            })
        },
    )
}
