//! `db.stats`: how large the file is and what fills it.

use rusqlite::Connection;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::model::{DAY, Seq, Timestamp};
use crate::operation::{Query, View};
use crate::ops::{activity, audit, events, invites, messages, reports};
use crate::policy::{PlatformAction, on_platform};
use crate::settings::Settings;
use crate::store;

/// Counts rows and bytes, table by table, how fast they grow, and what retention would take at this moment;
/// for the operator. It reads every page of the file.
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
    /// How many of its rows were made within the last seven days; null where rows do not say when.
    pub rows_last_week: Option<u64>,
    /// The same in bytes, at the size of its average row.
    pub bytes_last_week: Option<u64>,
}

/// What retention would take.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Prunable {
    /// From which table.
    pub table: &'static str,
    /// How many rows.
    pub rows: u64,
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
    /// What is older or more than the settings keep (SPEC 14.3): housekeeping takes it in small steps, and
    /// what only just became so is here too.
    pub prunable: Vec<Prunable>,
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
            log_bytes: std::fs::metadata(store::beside(view.file(), "-wal"))
                .map_or(0, |log| log.len()),
            tables: tables(db, view.now)?,
            prunable: prunable(db, &view.settings, view.now)?,
            log_id: events::log_id(db)?,
            oldest_event: log_end(db, "ASC")?,
            newest_event: log_end(db, "DESC")?,
        })
    }
}

fn pragma(db: &Connection, name: &str) -> Result<u64> {
    Ok(db.pragma_query_value(None, name, |row| row.get(0))?)
}

/// How far back growth is looked at.
const WEEK: i64 = 7 * DAY;

/// The columns that say when a row was made.
const MADE_AT: &[&str] = &["created_at", "at", "joined_at", "linked_at"];

fn tables(db: &Connection, now: Timestamp) -> Result<Vec<TableStats>> {
    let sizes = store::all(
        db,
        "SELECT s.tbl_name, sum(d.pgsize) AS bytes FROM dbstat('main', TRUE) d JOIN sqlite_schema s ON s.name = d.name
         WHERE s.tbl_name NOT LIKE 'sqlite_%' GROUP BY s.tbl_name ORDER BY bytes DESC, s.tbl_name",
        [],
        |row| Ok((row.get::<_, String>(0)?, row.get::<_, u64>(1)?)),
    )?;
    sizes
        .into_iter()
        .map(|(table, bytes)| {
            // A name out of the schema itself; quoted all the same.
            let quoted = format!("\"{}\"", table.replace('"', "\"\""));
            let sql = format!("SELECT count(*) FROM {quoted}");
            let rows: u64 = db.query_row(&sql, [], |row| row.get(0))?;
            let rows_last_week = made_last_week(db, &table, &quoted, now)?;
            let bytes_last_week = rows_last_week
                .map(|made| bytes.saturating_mul(made).checked_div(rows).unwrap_or(0));
            Ok(TableStats {
                table,
                rows,
                bytes,
                rows_last_week,
                bytes_last_week,
            })
        })
        .collect()
}

/// How many rows were made in the last seven days; none where a table does not know.
fn made_last_week(
    db: &Connection,
    table: &str,
    quoted: &str,
    now: Timestamp,
) -> Result<Option<u64>> {
    let columns = store::all(
        db,
        "SELECT name FROM pragma_table_info(?)",
        [table],
        |row| row.get::<_, String>(0),
    )?;
    let Some(column) = MADE_AT
        .iter()
        .find(|made| columns.iter().any(|name| name == *made))
    else {
        return Ok(None);
    };
    let sql = format!("SELECT count(*) FROM {quoted} WHERE \"{column}\" > ? AND \"{column}\" <= ?");
    let span = (now.plus(-WEEK), now);
    Ok(Some(db.query_row(&sql, span, |row| row.get(0))?))
}

/// Asks each file of `ops` that prunes.
fn prunable(db: &Connection, settings: &Settings, now: Timestamp) -> Result<Vec<Prunable>> {
    let counts = [
        ("activity", activity::prunable(db, settings, now)?),
        ("audit", audit::prunable(db, settings, now)?),
        ("event", events::prunable(db, settings, now)?),
        ("invite", invites::prunable(db, settings, now)?),
        ("message", messages::prunable(db, settings, now)?),
        ("report", reports::prunable(db, settings, now)?),
    ];
    Ok(counts
        .into_iter()
        .map(|(table, rows)| Prunable { table, rows })
        .collect())
}

/// What a file holds, in a few figures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Contents {
    /// People, strangers too.
    pub users: u64,
    /// Chats.
    pub chats: u64,
    /// Messages.
    pub messages: u64,
    /// When the newest event happened; null before the first.
    pub newest_event_at: Option<Timestamp>,
}

/// Counts what a file holds. One that has no tables yet holds nothing.
pub(crate) fn contents(db: &Connection) -> Result<Contents> {
    let names =
        "SELECT count(*) FROM sqlite_schema WHERE name IN ('user', 'chat', 'message', 'event')";
    let tables: u64 = db.query_row(names, [], |row| row.get(0))?;
    let count = |table| {
        if tables == 0 {
            return Ok(0);
        }
        let sql = format!("SELECT count(*) FROM {table}");
        db.query_row(&sql, [], |row| row.get(0))
    };
    let newest = if tables == 0 {
        None
    } else {
        log_end(db, "DESC")?
    };
    Ok(Contents {
        users: count("user")?,
        chats: count("chat")?,
        messages: count("message")?,
        newest_event_at: newest.map(|end| end.at),
    })
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
