//! Every schema that was ever released comes to this version, with its rows, and is sound then.
//!
//! `tests/schemas/N.sql` is a small file at schema N, as SQL. One that was released is never edited. While the
//! newest is not released yet, `PORTAL_BLESS=1` writes its file anew.

mod common;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use common::{ADMIN, BASIC, OTHER, PREMIUM, Stage, user};
use portal_core::model::ChatType;
use portal_core::{Actor, Options, Portal, upkeep};
use rusqlite::Connection;
use serde_json::{Value, json};

fn fixture(version: u64) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/schemas/{version}.sql"))
}

/// A file with a bit of everything.
fn furnished() -> Stage {
    let stage = Stage::with_presence(false);
    stage.chat(ChatType::Official, ADMIN, Some("the-lobby"));
    stage.chat(ChatType::Public, PREMIUM, Some("the-square"));
    let private = stage.chat(ChatType::Private, PREMIUM, None);
    stage.direct(BASIC, OTHER);
    stage.session(PREMIUM);
    stage.ok(
        &user(PREMIUM),
        "invite.create",
        json!({ "chat_id": private }),
    );
    let content = format!(
        "INSERT INTO message (chat_id, id, sender_id, sender_role, epoch, content, created_at)
         SELECT id, next_message_id - 1, {PREMIUM}, 0, epoch, 'x', created_at FROM chat WHERE id = 3"
    );
    stage
        .raw()
        .execute_batch(&format!(
            "UPDATE chat SET next_message_id = next_message_id + 1 WHERE id = 3; {content}"
        ))
        .unwrap();
    stage
}

fn texts(db: &Connection, sql: &str) -> Vec<String> {
    let mut statement = db.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

/// A file as SQL: tables, rows, and only then what reacts to rows.
fn dump(db: &Connection) -> String {
    let number = |pragma: &str| -> i64 {
        db.pragma_query_value(None, pragma, |row| row.get(0))
            .unwrap()
    };
    let mut sql = String::from("-- Written by tests/schemas.rs.\nPRAGMA foreign_keys = OFF;\n");
    for mark in ["application_id", "user_version"] {
        writeln!(sql, "PRAGMA {mark} = {};", number(mark)).unwrap();
    }
    let objects = |kind: &str| {
        texts(
            db,
            &format!(
                "SELECT sql FROM sqlite_schema WHERE type = '{kind}' AND sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY rowid"
            ),
        )
    };
    for table in objects("table") {
        writeln!(sql, "{table};").unwrap();
    }
    let names = texts(
        db,
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY rowid",
    );
    for name in names {
        let columns = texts(
            db,
            &format!("SELECT name FROM pragma_table_info('{name}') ORDER BY cid"),
        );
        let quoted: Vec<_> = columns
            .iter()
            .map(|column| format!("quote(\"{column}\")"))
            .collect();
        let values = quoted.join(" || ', ' || ");
        for row in texts(db, &format!("SELECT {values} FROM \"{name}\" ORDER BY 1")) {
            writeln!(sql, "INSERT INTO {name} VALUES ({row});").unwrap();
        }
    }
    for kind in ["index", "trigger"] {
        for object in objects(kind) {
            writeln!(sql, "{object};").unwrap();
        }
    }
    sql
}

fn schema(db: &Connection) -> Vec<String> {
    texts(
        db,
        "SELECT type || ' ' || name || ' ' || coalesce(sql, '') FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY 1",
    )
}

#[test]
fn every_released_schema_comes_to_this_version_with_its_rows() {
    let stage = furnished();
    let stats = stage.ok(&Actor::operator(), "db.stats", json!({}));
    let newest = stats["schema_version"].as_u64().unwrap();
    if std::env::var_os("PORTAL_BLESS").is_some() {
        std::fs::write(fixture(newest), dump(&stage.raw())).unwrap();
    }
    for version in 1..=newest {
        let sql = std::fs::read_to_string(fixture(version)).unwrap_or_else(|_| {
            panic!("tests/schemas/{version}.sql is missing; PORTAL_BLESS=1 writes it")
        });
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("portal.db");
        let old = Connection::open(&path).unwrap();
        old.execute_batch(&sql).unwrap();
        if version == newest {
            assert_eq!(
                schema(&old),
                schema(&stage.raw()),
                "schema {version} has changed: PORTAL_BLESS=1 if it is not released yet, a new step if it is"
            );
        }
        drop(old);
        rehearse(&path, version, newest);
    }
}

fn rehearse(path: &Path, version: u64, newest: u64) {
    let options = Options::default();
    let planned = upkeep::migration(path, &options).unwrap();
    assert_eq!(
        (planned.file_version, planned.program_version),
        (version, newest)
    );
    assert_eq!(planned.steps.len() as u64, newest - version);
    let backup = path.with_extension("before");
    let migrated = upkeep::migrate(path, &backup, &options, &mut |_| {}).unwrap();
    assert_eq!(migrated.backup.is_some(), version < newest);
    // Once by the verb, and here by the opening that a server does.
    let portal = Portal::open(path, options.clone()).unwrap();
    let list = portal
        .call_json(&Actor::operator(), "user.list", "{}")
        .unwrap();
    let list: Value = serde_json::from_str(&list).unwrap();
    assert_eq!(
        list["users"].as_array().unwrap().len(),
        8,
        "schema {version}"
    );
    portal.close();
    let checked = upkeep::check(path, &options).unwrap();
    assert!(checked.ok, "schema {version}: {:?}", checked.findings);
    let db = Connection::open(path).unwrap();
    let count = |sql: &str| db.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count("SELECT count(*) FROM chat"), 4, "schema {version}");
    assert_eq!(count("SELECT count(*) FROM message WHERE content = 'x'"), 1);
}
