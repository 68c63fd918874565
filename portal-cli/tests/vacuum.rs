//! `db vacuum` and `db migrate`: room given back, and schemas brought up to date.

mod common;

use std::fs;

use common::Bench;
use rusqlite::Connection;
use serde_json::{Value, json};

/// A file with two megabytes that nothing uses.
fn roomy() -> Bench {
    let bench = Bench::with_people();
    bench
        .raw()
        .execute_batch(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
             INSERT INTO attempt (kind, subject, at) SELECT 'x', hex(zeroblob(500)), 0 FROM n;
             DELETE FROM attempt;",
        )
        .unwrap();
    bench
}

fn length(bench: &Bench) -> u64 {
    fs::metadata(bench.file()).unwrap().len()
}

#[test]
fn a_vacuum_says_what_it_freed() {
    let bench = roomy();
    let before = length(&bench);
    let planned = bench.run("--json --dry-run db vacuum").json();
    assert!(
        planned["freed_bytes"].as_u64() > Some(1_000_000),
        "{planned}"
    );
    bench.run("--dry-run db vacuum").exits(0);
    assert_eq!(length(&bench), before);
    let done = bench.run("--json db vacuum").json();
    assert_eq!(done["bytes_before"], before);
    assert_eq!(done["bytes_after"], length(&bench));
    assert_eq!(done["freed_bytes"], before - length(&bench));
    assert_eq!(
        (&done["in_use"], &done["log_is_empty"]),
        (&json!(false), &json!(true))
    );
    assert!(before - length(&bench) > 1_000_000);
    assert_eq!(bench.names(), ["portal.db"]);
    assert_eq!(bench.run("--json db check").json()["ok"], true);
    assert_eq!(bench.number("portal.db", "SELECT count(*) FROM user"), 4);
    let ran = bench.run("db vacuum").exits(0);
    assert!(ran.err.contains("0 bytes freed"), "{}", ran.err);
}

#[cfg(unix)]
#[test]
fn a_vacuumed_file_keeps_its_rights() {
    use std::os::unix::fs::PermissionsExt;
    let bench = roomy();
    fs::set_permissions(bench.file(), fs::Permissions::from_mode(0o660)).unwrap();
    bench.run("db vacuum").exits(0);
    let mode = fs::metadata(bench.file()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
}

#[test]
fn a_file_in_use_is_vacuumed_in_place_and_its_log_is_emptied() {
    let bench = roomy();
    let other = bench.raw();
    let users = || other.query_row("SELECT count(*) FROM user", [], |row| row.get::<_, i64>(0));
    assert_eq!(users(), Ok(4));
    let before = length(&bench);
    let done = bench.run("--json db vacuum --at-most 60000").json();
    assert_eq!(
        (&done["in_use"], &done["log_is_empty"]),
        (&json!(true), &json!(true))
    );
    assert!(before - length(&bench) > 1_000_000, "{done}");
    assert_eq!(fs::metadata(bench.path("portal.db-wal")).unwrap().len(), 0);
    // The other has the file still, not one that is gone.
    other
        .execute_batch("INSERT INTO user (id, username, created_at) VALUES (50, 'still-here', 0)")
        .unwrap();
    assert_eq!(users(), Ok(5));
    assert_eq!(bench.number("portal.db", "SELECT count(*) FROM user"), 5);
}

#[test]
fn writers_of_a_file_in_use_are_not_kept_waiting_for_longer_than_was_said() {
    let bench = roomy();
    // Before it is opened here: whoever closes a file once gives up every lock on it.
    let before = fs::read(bench.file()).unwrap();
    let other = bench.raw();
    other
        .query_row("SELECT count(*) FROM user", [], |_| Ok(()))
        .unwrap();
    let error = bench
        .run("--json db vacuum --at-most 0")
        .refused(6, "ERR_STORAGE_LOCKED");
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("nothing was changed"),
        "{error}"
    );
    assert_eq!(fs::read(bench.file()).unwrap(), before);
}

#[test]
fn what_is_no_sound_database_is_not_vacuumed() {
    let bench = roomy();
    bench
        .run("--json --db none.db db vacuum")
        .refused(6, "ERR_STORAGE_NOT_FOUND");
    let before = common::flip_a_page(&bench, "olga");
    bench
        .run("--json db vacuum")
        .refused(6, "ERR_STORAGE_CORRUPT");
    // The log was left before; the pages are as they were.
    let after = fs::read(bench.file()).unwrap();
    assert_eq!(after[4096..], before[4096..]);
    assert_eq!(bench.names(), ["portal.db"]);
}

#[test]
fn of_this_versions_schema_nothing_is_to_be_done() {
    let bench = Bench::with_people();
    let before = fs::read(bench.file()).unwrap();
    for words in ["db migrate", "--dry-run db migrate"] {
        let told = bench.run(&format!("--json {words}")).json();
        assert_eq!(
            (&told["steps"], &told["backup"]),
            (&json!([]), &Value::Null)
        );
        assert_eq!(told["file_version"], told["program_version"]);
        let ran = bench.run(words).exits(0);
        assert!(ran.err.contains("nothing to do"), "{}", ran.err);
    }
    assert_eq!(fs::read(bench.file()).unwrap(), before);
    assert_eq!(bench.names(), ["portal.db"]);
}

#[test]
fn a_newer_file_is_refused_with_both_versions() {
    let bench = Bench::with_people();
    bench
        .raw()
        .pragma_update(None, "user_version", 999)
        .unwrap();
    for words in [
        "db migrate",
        "db migrate --dry-run",
        "db check",
        "db vacuum",
        "db backup copy.db",
    ] {
        let error = bench
            .run(&format!("--json {words}"))
            .refused(6, "ERR_STORAGE_NEWER");
        let message = error["message"].as_str().unwrap();
        assert!(
            message.contains("schema 999") && message.contains("upgrade"),
            "{message}"
        );
    }
    assert_eq!(bench.names(), ["portal.db"]);
}

/// A file of ours without any schema yet is the oldest that there can be.
fn before_the_first() -> Bench {
    let bench = Bench::bare();
    let db = bench.raw();
    db.execute_batch("PRAGMA application_id = 0x5052544C; VACUUM")
        .unwrap();
    bench
}

#[test]
fn an_older_file_is_backed_up_and_then_brought_up_to_date() {
    let bench = before_the_first();
    let before = fs::read(bench.file()).unwrap();
    let planned = bench.run("--json --dry-run db migrate").json();
    assert_eq!(
        (&planned["file_version"], &planned["steps"][0]),
        (&json!(0), &json!("0001_init"))
    );
    let ran = bench.run("--dry-run db migrate").exits(0);
    assert!(ran.err.contains("0001_init"), "{}", ran.err);
    assert_eq!(fs::read(bench.file()).unwrap(), before);
    assert_eq!(bench.names(), ["portal.db"]);

    let done = bench.run("--json db migrate --backup old.db").json();
    assert_eq!(
        (&done["steps"], &done["backup"]),
        (&planned["steps"], &json!("old.db"))
    );
    assert_eq!(bench.names(), ["old.db", "portal.db"]);
    let old = Connection::open(bench.path("old.db")).unwrap();
    let tables: i64 = old
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .unwrap();
    assert_eq!(tables, 0, "the backup is from before");
    assert_eq!(bench.run("--json db check").json()["ok"], true);
    bench.run("user create olga --role owner").exits(0);
}

#[test]
fn a_file_in_use_or_without_room_for_its_backup_is_not_migrated() {
    let bench = before_the_first();
    let other = bench.raw();
    other
        .execute_batch("BEGIN; SELECT count(*) FROM sqlite_schema")
        .unwrap();
    bench
        .run("--json db migrate")
        .refused(6, "ERR_STORAGE_LOCKED");
    drop(other);
    fs::write(bench.path("portal.db.before-schema-1"), "precious").unwrap();
    bench
        .run("--json db migrate")
        .refused(5, "ERR_STORAGE_EXISTS");
    assert_eq!(
        bench.number("portal.db", "SELECT count(*) FROM sqlite_schema"),
        0
    );
    let precious = fs::read_to_string(bench.path("portal.db.before-schema-1")).unwrap();
    assert_eq!(precious, "precious");
}
