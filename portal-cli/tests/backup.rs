//! `db backup` (SPEC 16.3): whole, private, checked, and never over something that is there.

mod common;

use std::fs;

use common::Bench;
use rusqlite::config::DbConfig;
use serde_json::{Value, json};

/// With a PRIVATE chat of pia's, number 1.
fn with_chat() -> Bench {
    let bench = Bench::with_people();
    let words = "chat create --type PRIVATE --name A~chat --owner 3";
    bench.run(words).exits(0);
    bench
}

#[test]
fn a_backup_is_a_whole_sound_file_spec_16_3() {
    let bench = with_chat();
    let made = bench.run("--json db backup copy.db").json();
    assert_eq!(
        (&made["file"], &made["ok"]),
        (&json!("copy.db"), &json!(true))
    );
    assert_eq!(
        (&made["contents"]["users"], &made["contents"]["chats"]),
        (&json!(4), &json!(1))
    );
    let bytes = fs::metadata(bench.path("copy.db")).unwrap().len();
    assert_eq!(made["bytes"], bytes);
    assert_eq!(bench.names(), ["copy.db", "portal.db"]);
    let checked = bench.run("--json --db copy.db db check").json();
    assert_eq!(
        (&checked["ok"], &checked["findings"]),
        (&json!(true), &json!([]))
    );
    assert_eq!(
        bench.names(),
        ["copy.db", "portal.db"],
        "a backup is one file"
    );
    let users = bench.run("--json --db copy.db user list").json();
    assert_eq!(users["users"].as_array().unwrap().len(), 4);
    let ran = bench.run("db backup other.db").exits(0);
    assert_eq!(ran.out, "");
    assert!(
        ran.err.contains("other.db: ") && ran.err.contains("4 users"),
        "{}",
        ran.err
    );
}

#[cfg(unix)]
#[test]
fn a_backup_is_its_owners_alone_whatever_the_file_is() {
    use std::os::unix::fs::PermissionsExt;
    let bench = with_chat();
    fs::set_permissions(bench.file(), fs::Permissions::from_mode(0o644)).unwrap();
    bench.run("db backup copy.db").exits(0);
    let mode = fs::metadata(bench.path("copy.db"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn what_is_there_is_not_overwritten() {
    let bench = with_chat();
    fs::write(bench.path("copy.db"), "precious").unwrap();
    for words in [
        "db backup copy.db",
        "--yes db backup portal.db",
        "--dry-run db backup copy.db",
    ] {
        bench
            .run(&format!("--json {words}"))
            .refused(5, "ERR_STORAGE_EXISTS");
    }
    let ran = bench.run("db backup copy.db").exits(5);
    assert!(ran.err.contains("copy.db exists already"), "{}", ran.err);
    assert_eq!(
        fs::read_to_string(bench.path("copy.db")).unwrap(),
        "precious"
    );
    assert_eq!(bench.names(), ["copy.db", "portal.db"]);
}

#[test]
fn dated_backups_are_rotated_and_other_files_left_alone() {
    let bench = with_chat();
    let shelf = bench.path("shelf");
    fs::create_dir(&shelf).unwrap();
    for name in [
        "portal-20200101-000000-000.db",
        "portal-20200102-000000-000.db",
        "other-20200101-000000-000.db",
        "portal-before-the-move.db",
    ] {
        fs::write(shelf.join(name), "older").unwrap();
    }
    let names = || {
        let entries = fs::read_dir(&shelf).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    let before = names();
    let planned = bench
        .run("--json --dry-run db backup shelf --keep 2")
        .json();
    assert_eq!(
        planned["removed"],
        json!(["shelf/portal-20200101-000000-000.db"])
    );
    assert_eq!(names(), before);

    let made = bench.run("--json db backup shelf --keep 2").json();
    assert_eq!(made["removed"], planned["removed"]);
    let newest = made["file"]
        .as_str()
        .unwrap()
        .strip_prefix("shelf/")
        .unwrap();
    assert_eq!(
        names(),
        [
            "other-20200101-000000-000.db",
            "portal-20200102-000000-000.db",
            newest,
            "portal-before-the-move.db"
        ]
    );
    let ran = bench.run("db backup shelf").exits(0);
    assert!(!ran.err.contains("Removed"), "{}", ran.err);
    assert_eq!(names().len(), 5, "without --keep none goes");
    let ran = bench.run("db backup shelf --keep 1").exits(0);
    assert_eq!(
        ran.err.matches("Removed shelf/portal-").count(),
        3,
        "{}",
        ran.err
    );
    assert_eq!(names().len(), 3);
}

/// By their names these are newer: the machine's clock was wrong when they were made.
#[test]
fn the_backup_that_was_just_made_is_never_the_one_that_goes() {
    let bench = with_chat();
    let shelf = bench.path("shelf");
    fs::create_dir(&shelf).unwrap();
    for name in [
        "portal-29990101-000000-000.db",
        "portal-29990102-000000-000.db",
    ] {
        fs::write(shelf.join(name), "of the future").unwrap();
    }
    let first = json!(["shelf/portal-29990101-000000-000.db"]);
    let planned = bench
        .run("--json --dry-run db backup shelf --keep 2")
        .json();
    assert_eq!(planned["removed"], first);
    let made = bench.run("--json db backup shelf --keep 2").json();
    assert_eq!(made["removed"], first);
    assert!(bench.path(made["file"].as_str().unwrap()).exists());
    let made = bench.run("--json db backup shelf --keep 1").json();
    assert_eq!(made["removed"].as_array().unwrap().len(), 2, "{made}");
    assert!(bench.path(made["file"].as_str().unwrap()).exists());
}

#[test]
fn a_number_to_keep_is_for_a_directory_and_at_least_one() {
    let bench = with_chat();
    let error = bench
        .run("--json db backup copy.db --keep 3")
        .refused(2, "ERR_INVALID");
    assert_eq!(error["field"], "--keep");
    bench
        .run("--json db backup . --keep 0")
        .refused(2, "ERR_INVALID");
    assert_eq!(bench.names(), ["portal.db"]);
}

#[test]
fn a_rehearsed_backup_makes_nothing() {
    let bench = with_chat();
    let planned = bench.run("--json --dry-run db backup copy.db").json();
    assert_eq!(
        (&planned["file"], &planned["ok"]),
        (&json!("copy.db"), &json!(true))
    );
    let ran = bench.run("--dry-run db backup copy.db").exits(0);
    assert!(ran.err.contains("copy.db would be made"), "{}", ran.err);
    assert_eq!(bench.names(), ["portal.db"]);
}

#[test]
fn only_the_operator_looks_after_the_file() {
    let bench = with_chat();
    for words in [
        "db check",
        "db check --fix",
        "db backup copy.db",
        "db restore copy.db",
        "db vacuum",
        "db vacuum --dry-run",
        "db migrate",
    ] {
        bench
            .run(&format!("--json --as olga {words}"))
            .refused(4, "ERR_FORBIDDEN");
    }
    assert_eq!(bench.names(), ["portal.db"]);
}

#[test]
fn where_nothing_can_be_made_nothing_is_left() {
    let bench = with_chat();
    bench
        .run("--json db backup no/such/copy.db")
        .refused(6, "ERR_STORAGE_NOT_FOUND");
    bench
        .run("--json --db none.db db backup copy.db")
        .refused(6, "ERR_STORAGE_NOT_FOUND");
    fs::write(
        bench.path("notes"),
        "not a database, but long enough\n".repeat(50),
    )
    .unwrap();
    bench
        .run("--json --db notes db backup copy.db")
        .refused(6, "ERR_STORAGE_FOREIGN");
    assert_eq!(bench.names(), ["notes", "portal.db"]);
}

#[test]
fn of_a_damaged_file_no_copy_is_kept() {
    let bench = with_chat();
    let bytes = common::flip_a_page(&bench, "olga");
    let error = bench
        .run("--json db backup copy.db")
        .refused(6, "ERR_STORAGE_CORRUPT");
    let message = error["message"].as_str().unwrap();
    assert!(message.starts_with("The file is damaged ("), "{message}");
    let ran = bench.run("--dry-run db backup copy.db").exits(6);
    assert!(ran.out.contains("problem: damaged"), "{}", ran.out);
    assert_eq!(bench.names(), ["portal.db"]);
    assert_eq!(fs::read(bench.file()).unwrap(), bytes);
}

/// A nightly backup goes to another directory, and who ended a restore with Ctrl-C may never run another.
#[test]
fn a_copy_that_was_left_beside_the_file_is_cleared_away() {
    let bench = with_chat();
    fs::create_dir(bench.path("shelf")).unwrap();
    fs::write(bench.path("portal.db.17.portal-partial"), "a copy").unwrap();
    bench.run("db backup shelf").exits(0);
    assert_eq!(bench.names(), ["portal.db", "shelf"]);
}

#[test]
fn a_file_that_breaks_a_rule_is_copied_and_that_is_said() {
    let bench = with_chat();
    let db = bench.raw();
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)
        .unwrap();
    db.execute_batch("UPDATE chat SET epoch_start = 1, next_message_id = 1; INSERT INTO message (chat_id, id, epoch, code, content, created_at) VALUES (1, 7, 0, 'joined', 'x', 0)").unwrap();
    drop(db);
    let ran = bench.run("--json db backup copy.db").exits(7);
    let made: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(made["ok"], false);
    assert_eq!(made["findings"][0]["code"], "message_beyond_counter");
    assert!(ran.err.contains("message_beyond_counter"), "{}", ran.err);
    assert_eq!(bench.number("copy.db", "SELECT count(*) FROM message"), 1);
}

/// What was deleted is in neither, also where it is the log that held it last.
#[test]
fn nothing_that_was_deleted_is_in_a_backup_spec_7_4() {
    let bench = with_chat();
    let content = format!("unmistakable-{}", "x".repeat(900));
    let holds = |name: &str| {
        let bytes = fs::read(bench.path(name)).unwrap();
        bytes
            .windows(13)
            .filter(|window| window == b"unmistakable-")
            .count()
    };
    let db = bench.raw();
    // As the library writes: what a page that is split had is no copy.
    db.pragma_update(None, "secure_delete", true).unwrap();
    db.execute_batch("UPDATE chat SET next_message_id = 41")
        .unwrap();
    for id in 1..=40 {
        let sql = "INSERT INTO message (chat_id, id, sender_id, sender_role, epoch, content, created_at) VALUES (1, ?1, 3, 0, 1, ?2, 0)";
        db.execute(sql, (id, &content)).unwrap();
    }
    drop(db);
    bench.run("db backup before.db").exits(0);
    assert_eq!(holds("before.db"), 40);
    // Somebody reads, so that the log cannot be emptied.
    let reader = bench.raw();
    reader
        .execute_batch("BEGIN; SELECT count(*) FROM message")
        .unwrap();
    bench.run("--yes message delete-last 1 35").exits(0);
    assert_eq!(bench.number("portal.db", "SELECT count(*) FROM message"), 5);
    bench.run("db backup after.db").exits(0);
    assert_eq!(holds("after.db"), 5);
    assert_eq!(bench.number("after.db", "SELECT count(*) FROM message"), 5);
}

#[test]
fn a_backup_holds_what_the_log_alone_holds() {
    let bench = with_chat();
    let left = bench.left_by_a_kill(&[
        "INSERT INTO user (id, username, created_at) VALUES (50, 'in-the-log', 0)",
    ]);
    left.run("db backup copy.db").exits(0);
    let sql = "SELECT count(*) FROM user WHERE id = 50";
    assert_eq!(left.number("copy.db", sql), 1);
}
