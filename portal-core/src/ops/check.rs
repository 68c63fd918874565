//! `db.check`: whether the file still keeps every promise of the schema, also those that were broken
//! past the library, with the constraints off or by a failing disk (SPEC 16.2).
//!
//! Reads only. What it finds it names and explains; repairing is a person's decision, or [`super::repair`]'s
//! where nothing can be lost by it. [`crate::upkeep::check()`] asks the same of a file that no portal opens.

mod beside;
mod rules;

pub(crate) use beside::{READABLE, close_to_others};

use std::path::Path;

use rusqlite::Connection;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::event::Event;
use crate::model::{MINUTE, Timestamp};
use crate::operation::{Query, View};
use crate::ops::{chats, repair, settings};
use crate::policy::{PlatformAction, on_platform};
use crate::store::{self, LogFault, SchemaObject};

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
    /// Whether `db.fix` puts it right.
    pub fixable: bool,
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
    /// What was found, the log's, the schema's and `SQLite`'s own first.
    pub findings: Vec<Finding>,
}

/// What tells of a file that was damaged, and not only of rows that break a rule.
const DAMAGE: &[&str] = &[
    "damaged",
    "log_broken",
    "log_cut",
    "log_torn",
    "not_marked",
    "schema_differs",
    "unreadable",
];

impl Checked {
    /// Whether the file itself is damaged, so that nothing may be built upon it.
    pub fn is_damaged(&self) -> bool {
        self.findings
            .iter()
            .any(|finding| DAMAGE.contains(&finding.code))
    }
}

impl Query for Check {
    const NAME: &'static str = "db.check";
    type Reply = Checked;

    fn answer(self, view: &View<'_>) -> Result<Checked> {
        on_platform(PlatformAction::Operate, &view.actor)?;
        let mut report = Report::default();
        let db = &*view.long_read()?;
        examine(db, store::SCHEMA_VERSION, view.now, &mut report)?;
        beside::examine(view.file(), &mut report);
        Ok(report.into_reply())
    }
}

/// Examines a file that a [`store::Look`] was taken at: its log, what can be read of it, its neighbours.
pub(crate) fn examine_look(look: &store::Look, file: &Path, now: Timestamp) -> Result<Checked> {
    let mut report = Report::default();
    check_log(look.log_faults(), &mut report);
    match look.db() {
        Ok(db) => {
            let version = look.version().unwrap_or(store::SCHEMA_VERSION);
            examine(db, version, now, &mut report)?;
        }
        Err(error) => {
            let said = std::error::Error::source(&error).map(ToString::to_string);
            report.examine(&INTEGRITY, Ok(vec![said.unwrap_or_default()]));
        }
    }
    beside::examine(file, &mut report);
    Ok(report.into_reply())
}

/// Everything that can be asked of the rows. Of a file of an earlier version only what `SQLite` knows: the
/// rules are those of this one.
fn examine(db: &Connection, version: usize, now: Timestamp, report: &mut Report) -> Result<()> {
    check_sqlite(db, report);
    // Version 0 is a file without anything in it, or one whose mark is wrong.
    let version = if version == 0 && !store::schema_of(db).is_ok_and(|schema| schema.is_empty()) {
        store::SCHEMA_VERSION
    } else {
        version
    };
    check_schema(db, version, report)?;
    if version < store::SCHEMA_VERSION {
        let rule = Rule {
            code: "schema_old",
            meaning: "An earlier version wrote the file; its rows were not examined.",
            advice: "Run `portal-cli db migrate`, then check again.",
            sql: "",
        };
        report.add(Weight::Advice, &rule, &[format!("version {version}")]);
        return Ok(());
    }
    for rule in rules::RULES {
        report.examine(rule, places(db, rule.sql));
    }
    check_rows(db, report);
    check_clock(db, now, report);
    Ok(())
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
        if let Some(known) = self.findings.iter_mut().find(|f| f.code == rule.code) {
            known.count += places.len() as u64;
            let room = EXAMPLES.saturating_sub(known.examples.len());
            known.examples.extend(places.iter().take(room).cloned());
            return;
        }
        self.findings.push(Finding {
            code: rule.code,
            weight,
            meaning: rule.meaning.to_owned(),
            advice: rule.advice,
            fixable: repair::is_fixable(rule.code),
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

const INTEGRITY: Rule = Rule {
    code: "damaged",
    meaning: "SQLite finds the file damaged.",
    advice: RESTORE,
    sql: "PRAGMA integrity_check",
};

fn places(db: &Connection, sql: &str) -> Result<Vec<String>> {
    store::all(db, sql, [], |row| row.get(0))
}

/// What `SQLite` itself can tell: pages, indexes, CHECK and NOT NULL constraints, references.
fn check_sqlite(db: &Connection, report: &mut Report) {
    report.examine(&INTEGRITY, Ok(damage(db, INTEGRITY.sql)));
    let references = Rule {
        code: "orphans",
        meaning: "Rows refer to rows that are gone.",
        advice: "Rows were removed past the library with foreign keys off. Delete the orphans named, or restore a backup.",
        sql: "SELECT \"table\" || ' row ' || coalesce(rowid, '?') || ' refers to ' || parent FROM pragma_foreign_key_check
              WHERE \"table\" NOT IN ('room_key', 'key_blob', 'key_rejection', 'key_request')",
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
fn check_schema(db: &Connection, version: usize, report: &mut Report) -> Result<()> {
    let rule = Rule {
        code: "schema_differs",
        meaning: "The file's tables, indexes or triggers are not those of its version, so its rules are not kept.",
        advice: "Somebody changed the schema past the library. Restore a backup, or put back what is named.",
        sql: "",
    };
    let expected = store::expected_schema(version)?;
    let differences = store::schema_of(db).map(|found| differences(&expected, &found));
    report.examine(&rule, differences);
    let mark = Rule {
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
        if usize::try_from(schema) != Ok(version) {
            wrong.push(format!("user_version is {schema}"));
        }
        wrong
    });
    report.examine(&mark, marks);
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

/// How far ahead a row may be: clocks are set by a few seconds all the time.
const AHEAD: i64 = 5 * MINUTE;

/// Rows that say that they were made later than now: they outlive their time, and a row of today sorts
/// before them.
fn check_clock(db: &Connection, now: Timestamp, report: &mut Report) {
    let rule = Rule {
        code: "from_the_future",
        meaning: "Rows were made later than it is now.",
        advice: "Set this machine's clock right, if it is wrong. If it was wrong when they were made, they stay until their time has come and gone.",
        sql: "SELECT 'user ' || id FROM user WHERE created_at > ?1
              UNION ALL SELECT 'session ' || id FROM session WHERE created_at > ?1
              UNION ALL SELECT 'chat ' || id FROM chat WHERE max(created_at, last_activity_at, epoch_moved_at) > ?1
              UNION ALL SELECT 'chat ' || chat_id || ', message ' || id FROM message WHERE created_at > ?1
              UNION ALL SELECT 'punishment ' || id FROM punishment WHERE at > ?1
              UNION ALL SELECT 'report ' || id FROM report WHERE at > ?1
              UNION ALL SELECT 'audit ' || id FROM audit WHERE at > ?1
              UNION ALL SELECT 'event ' || seq FROM event WHERE at > ?1",
    };
    let ahead = store::all(db, rule.sql, [now.plus(AHEAD)], |row| row.get(0));
    report.checks += 1;
    // What cannot be read, others say already.
    report.add(Weight::Advice, &rule, &ahead.unwrap_or_default());
}

/// Whether the log beside the file holds all that was committed into it.
fn check_log(faults: &[LogFault], report: &mut Report) {
    report.checks += 1;
    for fault in faults {
        let (code, meaning, advice, place) = match fault {
            LogFault::Torn(place) => (
                "log_torn",
                "The write-ahead log ends amid a commit, which does not count.",
                "After a loss of power that commit was never answered and nothing is missing: open the file once (`portal-cli config get`) and check again. If the log was copied or cut, take all of it.",
                place,
            ),
            LogFault::Cut(place) => (
                "log_cut",
                "The write-ahead log is shorter than what was committed into it: acknowledged changes are gone.",
                "Open the file with nothing before you have a copy of it and of what lies beside it. Put the whole log back, or restore the last good backup.",
                place,
            ),
            LogFault::Broken(place) => (
                "log_broken",
                "The write-ahead log is damaged before its end: what was committed after that place is lost.",
                "Open the file with nothing before you have a copy of it and of what lies beside it. Restore the last good backup, if it is newer than what is left.",
                place,
            ),
        };
        let rule = Rule {
            code,
            meaning,
            advice,
            sql: "",
        };
        report.add(Weight::Problem, &rule, std::slice::from_ref(place));
    }
}
