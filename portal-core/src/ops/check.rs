//! `db.check`: whether the file still keeps every promise of the schema, also those that were broken
//! past the library, with the constraints off or by a failing disk (SPEC 16.2).
//!
//! Reads only. What it finds it names and explains; repairing is a person's decision.

mod rules;

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::event::Event;
use crate::operation::{Query, View};
use crate::ops::{chats, settings};
use crate::policy::{PlatformAction, on_platform};
use crate::store::{self, SchemaObject};

/// Checks the whole file; for the operator. It reads every page, so it takes its time on a large file;
/// others read and write meanwhile, but deleted content stays in the log until it is done (SPEC 7.4).
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Check {}

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// The file breaks a promise.
    Problem,
    /// The file is whole, but someone should know.
    Advice,
}

/// Something that is not as it should be.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Finding {
    /// Its name; it never changes once released.
    pub code: &'static str,
    /// How much it weighs.
    pub weight: Weight,
    /// What is wrong.
    pub meaning: String,
    /// What to do about it.
    pub advice: &'static str,
    /// How many times it was found.
    pub count: u64,
    /// Where, at most five of them.
    pub examples: Vec<String>,
}

/// What a check found.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Checked {
    /// Whether no problem was found; advice may be there all the same.
    pub ok: bool,
    /// How many checks ran.
    pub checks: u64,
    /// What was found, the schema's and `SQLite`'s own first.
    pub findings: Vec<Finding>,
}

impl Query for Check {
    const NAME: &'static str = "db.check";
    type Reply = Checked;

    fn answer(self, view: &View<'_>) -> Result<Checked> {
        on_platform(PlatformAction::Operate, &view.actor)?;
        let db = &*view.long_read()?;
        let mut report = Report::default();
        check_sqlite(db, &mut report);
        check_schema(db, &mut report)?;
        for rule in rules::RULES {
            report.examine(rule, places(db, rule.sql));
        }
        check_rows(db, &mut report);
        check_beside(view.file(), &mut report);
        Ok(report.into_reply())
    }
}

/// What a check looks for.
struct Rule {
    code: &'static str,
    meaning: &'static str,
    advice: &'static str,
    /// Answers one text a place where the rule is broken.
    sql: &'static str,
}

/// The findings so far.
#[derive(Default)]
struct Report {
    checks: u64,
    findings: Vec<Finding>,
}

const EXAMPLES: usize = 5;
const RESTORE: &str =
    "Stop every process that uses the file, keep a copy of it, and restore the last good backup.";

impl Report {
    /// Counts one check; an unreadable place is a finding like any other.
    fn examine(&mut self, rule: &Rule, places: Result<Vec<String>>) {
        self.checks += 1;
        match places {
            Ok(places) => self.add(Weight::Problem, rule, &places),
            Err(error) => {
                let unreadable = Rule {
                    code: "unreadable",
                    meaning: "A check could not read its rows.",
                    advice: RESTORE,
                    sql: "",
                };
                let cause = std::error::Error::source(&error).map_or_else(
                    || error.to_string(),
                    |cause| format!("{}: {cause}", rule.code),
                );
                self.add(Weight::Problem, &unreadable, &[cause]);
            }
        }
    }

    fn add(&mut self, weight: Weight, rule: &Rule, places: &[String]) {
        if places.is_empty() {
            return;
        }
        self.findings.push(Finding {
            code: rule.code,
            weight,
            meaning: rule.meaning.to_owned(),
            advice: rule.advice,
            count: places.len() as u64,
            examples: places.iter().take(EXAMPLES).cloned().collect(),
        });
    }

    fn into_reply(self) -> Checked {
        Checked {
            ok: self
                .findings
                .iter()
                .all(|finding| finding.weight == Weight::Advice),
            checks: self.checks,
            findings: self.findings,
        }
    }
}

fn places(db: &Connection, sql: &str) -> Result<Vec<String>> {
    store::all(db, sql, [], |row| row.get(0))
}

/// What `SQLite` itself can tell: pages, indexes, CHECK and NOT NULL constraints, references.
fn check_sqlite(db: &Connection, report: &mut Report) {
    let integrity = Rule {
        code: "damaged",
        meaning: "SQLite finds the file damaged.",
        advice: RESTORE,
        sql: "PRAGMA integrity_check",
    };
    report.examine(&integrity, Ok(damage(db, integrity.sql)));
    let references = Rule {
        code: "orphans",
        meaning: "Rows refer to rows that are gone.",
        advice: "Rows were removed past the library with foreign keys off. Delete the orphans named, or restore a backup.",
        sql: "SELECT \"table\" || ' row ' || coalesce(rowid, '?') || ' refers to ' || parent FROM pragma_foreign_key_check",
    };
    report.examine(&references, places(db, references.sql));
}

/// What the integrity check says. It ends early with an error where the damage is too bad to read on.
fn damage(db: &Connection, sql: &str) -> Vec<String> {
    let mut said = Vec::new();
    let outcome = db.prepare(sql).and_then(|mut check| {
        let lines = check.query_map([], |row| row.get::<_, String>(0))?;
        for line in lines {
            said.push(line?);
        }
        Ok(())
    });
    said.retain(|line| line != "ok");
    said.extend(outcome.err().map(|error| error.to_string()));
    said
}

/// Whether every table, index and trigger is there as this version writes it.
fn check_schema(db: &Connection, report: &mut Report) -> Result<()> {
    let rule = Rule {
        code: "schema_differs",
        meaning: "The file's tables, indexes or triggers are not those of its version, so its rules are not kept.",
        advice: "Somebody changed the schema past the library. Restore a backup, or put back what is named.",
        sql: "",
    };
    let expected = store::expected_schema()?;
    let differences = store::schema_of(db).map(|found| differences(&expected, &found));
    report.examine(&rule, differences);
    let version = Rule {
        code: "not_marked",
        meaning: "The file's application id or schema version is not what it was opened with.",
        advice: "Somebody changed the header of the file past the library. Restore a backup.",
        sql: "",
    };
    let marks = header(db).map(|(application, schema)| {
        let mut wrong = Vec::new();
        if application != i64::from(store::APPLICATION_ID) {
            wrong.push(format!("application_id is {application}"));
        }
        if usize::try_from(schema) != Ok(store::SCHEMA_VERSION) {
            wrong.push(format!("user_version is {schema}"));
        }
        wrong
    });
    report.examine(&version, marks);
    Ok(())
}

fn header(db: &Connection) -> Result<(i64, i64)> {
    Ok((
        db.pragma_query_value(None, "application_id", |row| row.get(0))?,
        db.pragma_query_value(None, "user_version", |row| row.get(0))?,
    ))
}

fn differences(expected: &[SchemaObject], found: &[SchemaObject]) -> Vec<String> {
    let same_name = |a: &SchemaObject, b: &SchemaObject| (&a.0, &a.1) == (&b.0, &b.1);
    let missing = expected.iter().filter_map(|object| {
        match found.iter().find(|other| same_name(object, other)) {
            None => Some(format!("{} {} is missing", object.0, object.1)),
            Some(other) if other.2 != object.2 => {
                Some(format!("{} {} is not the same", object.0, object.1))
            }
            Some(_) => None,
        }
    });
    let added = found
        .iter()
        .filter(|object| !expected.iter().any(|other| same_name(object, other)))
        .map(|object| format!("{} {} is not ours", object.0, object.1));
    missing.chain(added).collect()
}

/// Rows that only their own types can judge: chats with their configurations, events, settings.
fn check_rows(db: &Connection, report: &mut Report) {
    let rule = |code, meaning, advice| Rule {
        code,
        meaning,
        advice,
        sql: "",
    };
    report.examine(
        &rule(
            "chat_unreadable",
            "Chats have a name, slug or configuration that the library refuses to read.",
            "Put right the columns of the chats named, or restore a backup.",
        ),
        unreadable_chats(db),
    );
    report.examine(
        &rule(
            "event_unreadable",
            "The event log holds events that nobody can read; followers stop at them.",
            "Delete the events named (they are not the newest), or restore a backup.",
        ),
        unreadable_events(db),
    );
    report.examine(
        &rule(
            "setting_unknown",
            "A setting is unknown or has a value that it cannot have.",
            "Run `portal-cli config unset KEY`; where the file does not open for it, delete the row of `setting`.",
        ),
        settings::read(db).map(|_| Vec::new()).or_else(|error| {
            Ok(vec![std::error::Error::source(&error)
                .map_or_else(|| error.to_string(), ToString::to_string)])
        }),
    );
}

fn unreadable_chats(db: &Connection) -> Result<Vec<String>> {
    let rows = store::all(
        db,
        &format!("SELECT {} FROM chat c ORDER BY c.id", chats::COLUMNS),
        [],
        |row| {
            let id = row.get_ref(0)?.as_i64().unwrap_or_default();
            Ok(chats::from_row(row)
                .err()
                .map(|error| format!("chat {id}: {error}")))
        },
    )?;
    Ok(rows.into_iter().flatten().collect())
}

fn unreadable_events(db: &Connection) -> Result<Vec<String>> {
    let rows = store::all(
        db,
        "SELECT seq, name, data FROM event ORDER BY seq",
        [],
        |row| {
            let event = Event::from_row(row.get_ref(1)?.as_str()?, row.get_ref(2)?.as_str()?);
            let seq: i64 = row.get(0)?;
            Ok(event
                .err()
                .map(|error| format!("event {seq}: {}", error.message())))
        },
    )?;
    Ok(rows.into_iter().flatten().collect())
}

/// The file among its neighbours: who may read it, and what its log still holds.
fn check_beside(file: &Path, report: &mut Report) {
    let log = beside(file, "-wal");
    let held = std::fs::metadata(&log).map_or(0, |log| log.len());
    report.checks += 1;
    if held > 0 {
        let rule = Rule {
            code: "log_not_empty",
            meaning: "The write-ahead log holds commits; what was deleted lately may still be read in it.",
            advice: "Normal while a server runs: it empties the log by itself. Otherwise run `portal-cli op call housekeeping.tick`.",
            sql: "",
        };
        report.add(Weight::Advice, &rule, &[format!("{held} bytes")]);
    }
    report.checks += 1;
    let rule = Rule {
        code: "readable_by_others",
        meaning: "Other users of this machine can read or write the file: names, memberships and who talked when.",
        advice: "Run `chmod 600` on the files named, and keep them in a directory of their own.",
        sql: "",
    };
    let open: Vec<String> = [file.to_owned(), log]
        .into_iter()
        .filter(|file| open_to_others(file))
        .map(|file| file.display().to_string())
        .collect();
    report.add(Weight::Advice, &rule, &open);
}

pub(crate) fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

#[cfg(unix)]
fn open_to_others(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(file).is_ok_and(|metadata| metadata.permissions().mode() & 0o007 != 0)
}

#[cfg(not(unix))]
fn open_to_others(_: &Path) -> bool {
    false
}
