//! `db restore` (SPEC 16.3): from a sound backup, over a file that nobody has open, with keys and log made anew.

mod common;

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use common::Bench;
use rusqlite::Connection;
use serde_json::{Value, json};

/// A chat with its key published, a backup of that in `copy.db`, and since then a user `late`.
fn with_backup() -> Bench {
    let bench = Bench::with_people();
    let words = "chat create --type PRIVATE --name A~chat --owner 3";
    bench.run(words).exits(0);
    bench.run("session create 3").exits(0);
    bench
        .raw()
        .execute_batch(
            "INSERT INTO room_key (chat_id, epoch, distributor_user, distributor_session, published_at) VALUES (1, 1, 3, 1, 0);
             INSERT INTO key_blob (chat_id, epoch, session_id, publisher_user, publisher_session, publisher_public_key, blob, at)
               SELECT 1, 1, 1, 3, 1, zeroblob(32), zeroblob(CASE e2ee WHEN 2 THEN 72 ELSE 80 END), 0 FROM chat;",
        )
        .unwrap();
    bench.run("db backup copy.db").exits(0);
    bench.run("user create late").exits(0);
    bench
}

const LATE: &str = "SELECT count(*) FROM user WHERE username = 'late'";
const EPOCH: &str = "SELECT epoch FROM chat";
const KEYS: &str = "SELECT (SELECT count(*) FROM key_blob) + (SELECT count(*) FROM room_key)";

fn log_id(bench: &Bench, name: &str) -> String {
    let db = Connection::open(bench.path(name)).unwrap();
    let sql = "SELECT value FROM meta WHERE key = 'log_id'";
    db.query_row(sql, [], |row| row.get(0)).unwrap()
}

#[test]
fn a_restored_file_is_the_backup_with_keys_and_log_made_anew_spec_16_3() {
    let bench = with_backup();
    let before = log_id(&bench, "portal.db");
    let done = bench.run("--json --yes db restore copy.db").json();
    assert_eq!(
        (&done["ok"], &done["chats_moved_on"]),
        (&json!(true), &json!(1))
    );
    assert_eq!(bench.number("portal.db", LATE), 0);
    assert_eq!(bench.number("portal.db", EPOCH), 1 + (1 << 20));
    assert_eq!(bench.number("portal.db", KEYS), 0);
    let after = log_id(&bench, "portal.db");
    assert_ne!(after, before);
    assert_eq!(done["log_id"], after.as_str());
    let checked = bench.run("--json db check").json();
    assert_eq!(checked["ok"], true, "{checked}");
    let audit = bench.run("--json audit list --action db.restore").json();
    let row = &audit["rows"][0];
    assert_eq!(
        (&row["actor"], &row["os_user"]),
        (&json!("operator"), &json!("tester"))
    );
    assert_eq!(row["details"]["backup"], "copy.db");
    assert_eq!(row["details"]["log_id_before"], before.as_str());
    let events = bench.run("--json event tail --last 1").exits(0).out;
    let event: Value = serde_json::from_str(&events).unwrap();
    assert_eq!(event["name"], "room:epoch_changed");
    assert_eq!(event["data"]["reason"], "restored");
    // The backup is as it was, and good for another time.
    assert_eq!(bench.number("copy.db", EPOCH), 1);
    assert_eq!(bench.number("copy.db", KEYS), 2);
}

#[test]
fn the_replaced_file_is_kept_whole() {
    let bench = with_backup();
    let done = bench.run("--json --yes db restore copy.db").json();
    let kept = done["replaced"].as_str().unwrap().trim_start_matches("./");
    assert_eq!(bench.number(kept, LATE), 1);
    let checked = bench.run(&format!("--json --db {kept} db check")).json();
    assert_eq!(checked["ok"], true);
    let names = bench.names();
    let stray: Vec<_> = names
        .iter()
        .filter(|name| name.contains("partial"))
        .collect();
    assert!(stray.is_empty(), "{names:?}");
    // And the way back.
    bench.run(&format!("--yes db restore {kept}")).exits(0);
    assert_eq!(bench.number("portal.db", LATE), 1);
    assert_eq!(bench.number("portal.db", EPOCH), 1 + (1 << 20));
}

#[test]
fn what_would_go_is_said_and_asked() {
    let bench = with_backup();
    let bytes = fs::read(bench.file()).unwrap();
    bench
        .run("--json db restore copy.db")
        .refused(4, "ERR_NOT_CONFIRMED");
    let ran = bench.run("db restore copy.db").exits(4);
    assert!(
        ran.err.contains("5 users") && ran.err.contains("4 users"),
        "{}",
        ran.err
    );
    assert_eq!(fs::read(bench.file()).unwrap(), bytes);
    assert_eq!(bench.names(), ["copy.db", "portal.db"]);
}

#[test]
fn a_rehearsed_restore_changes_nothing() {
    let bench = with_backup();
    let bytes = fs::read(bench.file()).unwrap();
    let planned = bench.run("--json --dry-run db restore copy.db").json();
    assert_eq!(planned["contents"]["users"], 4);
    assert_eq!(planned["present"]["users"], 5);
    bench.run("--dry-run db restore copy.db").exits(0);
    assert_eq!(fs::read(bench.file()).unwrap(), bytes);
    assert_eq!(bench.names(), ["copy.db", "portal.db"]);
}

#[test]
fn a_file_that_a_process_has_open_is_not_replaced_yes_or_not_spec_16_3() {
    let bench = with_backup();
    let mut child = bench
        .command()
        .args(["event", "tail", "--follow", "--last", "1"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines.next().unwrap().unwrap();
    let id = log_id(&bench, "portal.db");
    for words in ["--yes db restore copy.db", "--dry-run db restore copy.db"] {
        let error = bench
            .run(&format!("--json {words}"))
            .refused(6, "ERR_STORAGE_LOCKED");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("Stop it first"), "{message}");
    }
    assert_eq!(log_id(&bench, "portal.db"), id);
    // Whoever follows goes on following the same file.
    bench.run("user create ursa").exits(0);
    assert!(lines.next().unwrap().unwrap().contains("user:created"));
    child.kill().unwrap();
    child.wait().unwrap();
    bench.run("--yes db restore copy.db").exits(0);
    assert_ne!(log_id(&bench, "portal.db"), id);
}

#[test]
fn a_file_that_an_idle_process_has_open_is_not_replaced() {
    let bench = with_backup();
    let idle = bench.raw();
    let sql = "SELECT count(*) FROM user";
    let users: i64 = idle.query_row(sql, [], |row| row.get(0)).unwrap();
    bench
        .run("--json --yes db restore copy.db")
        .refused(6, "ERR_STORAGE_LOCKED");
    assert_eq!(idle.query_row(sql, [], |row| row.get(0)), Ok(users));
    drop(idle);
    bench.run("--yes db restore copy.db").exits(0);
}

#[test]
fn a_backup_that_cannot_be_trusted_is_refused() {
    let bench = with_backup();
    let bytes = fs::read(bench.file()).unwrap();
    let refused = |name: &str, exit: i32, code: &str| {
        bench
            .run(&format!("--json --yes db restore {name}"))
            .refused(exit, code)
    };
    refused("none.db", 6, "ERR_STORAGE_NOT_FOUND");
    fs::write(
        bench.path("notes"),
        "not a database, but long enough\n".repeat(50),
    )
    .unwrap();
    refused("notes", 6, "ERR_STORAGE_FOREIGN");
    refused("portal.db", 2, "ERR_INVALID");
    let copy = fs::read(bench.path("copy.db")).unwrap();
    fs::write(bench.path("cut.db"), &copy[..copy.len() / 2]).unwrap();
    let error = refused("cut.db", 6, "ERR_STORAGE_CORRUPT");
    assert!(
        error["message"].as_str().unwrap().contains("cut.db"),
        "{error}"
    );
    let newer = Connection::open(bench.path("copy.db")).unwrap();
    newer.pragma_update(None, "user_version", 999).unwrap();
    drop(newer);
    let error = refused("copy.db", 6, "ERR_STORAGE_NEWER");
    assert!(
        error["message"].as_str().unwrap().contains("999"),
        "{error}"
    );
    assert_eq!(fs::read(bench.file()).unwrap(), bytes);
    assert_eq!(bench.names(), ["copy.db", "cut.db", "notes", "portal.db"]);
}

#[test]
fn a_backup_is_restored_to_where_nothing_is_without_asking() {
    let bench = with_backup();
    let done = bench.run("--json --db new.db db restore copy.db").json();
    assert_eq!(done["replaced"], Value::Null);
    assert_eq!(bench.number("new.db", EPOCH), 1 + (1 << 20));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(bench.path("new.db"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[cfg(unix)]
#[test]
fn the_restored_file_has_the_rights_of_the_replaced_one() {
    use std::os::unix::fs::PermissionsExt;
    let bench = with_backup();
    fs::set_permissions(bench.file(), fs::Permissions::from_mode(0o660)).unwrap();
    bench.run("--yes db restore copy.db").exits(0);
    let mode = fs::metadata(bench.file()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
}

/// Only root can give a file away, so only root runs into this: their server could not start any more.
#[cfg(unix)]
#[test]
fn whatever_root_leaves_beside_anothers_file_is_theirs_too() {
    use std::os::unix::fs::{MetadataExt, chown};
    let bench = with_backup();
    if chown(bench.file(), Some(65_534), Some(65_534)).is_err() {
        return;
    }
    bench.run("--yes db restore copy.db").exits(0);
    for name in bench.names() {
        let whose = fs::metadata(bench.path(&name)).unwrap().uid();
        assert_eq!(whose == 65_534, name.starts_with("portal.db"), "{name}");
    }
    assert!(bench.path("portal.db-presence").exists());
}

/// The log that a killed process left belongs to the file that is replaced.
#[test]
fn the_old_files_log_goes_with_it_and_is_not_read_into_the_new_one() {
    let bench = with_backup();
    let left = bench.left_by_a_kill(&[
        "INSERT INTO user (id, username, created_at) VALUES (50, 'in-the-log', 0)",
    ]);
    fs::copy(bench.path("copy.db"), left.path("copy.db")).unwrap();
    let done = left.run("--json --yes db restore copy.db").json();
    let sql = "SELECT count(*) FROM user WHERE id = 50";
    assert_eq!(left.number("portal.db", sql), 0);
    assert_eq!(left.run("--json db check").json()["ok"], true);
    let kept = done["replaced"]
        .as_str()
        .unwrap()
        .trim_start_matches("./")
        .to_owned();
    assert_eq!(left.number(&kept, sql), 1);
}

#[test]
fn a_file_that_cannot_be_read_is_replaced_and_kept_with_its_log() {
    let bench = with_backup();
    let left = bench.left_by_a_kill(&[
        "INSERT INTO user (id, username, created_at) VALUES (50, 'in-the-log', 0)",
    ]);
    fs::copy(bench.path("copy.db"), left.path("copy.db")).unwrap();
    let log = fs::read(left.path("portal.db-wal")).unwrap();
    fs::write(left.file(), "no database any more\n".repeat(1000)).unwrap();
    let done = left.run("--json --yes db restore copy.db").json();
    assert_eq!(left.number("portal.db", "SELECT count(*) FROM user"), 4);
    assert_eq!(left.run("--json db check").json()["ok"], true);
    let kept = done["replaced"]
        .as_str()
        .unwrap()
        .trim_start_matches("./")
        .to_owned();
    assert!(
        fs::read(left.path(&kept))
            .unwrap()
            .starts_with(b"no database")
    );
    assert_eq!(fs::read(left.path(&format!("{kept}-wal"))).unwrap(), log);
}

#[test]
fn a_stray_log_without_its_file_is_not_read_into_the_new_one() {
    let bench = with_backup();
    let left = bench.left_by_a_kill(&[
        "INSERT INTO user (id, username, created_at) VALUES (50, 'in-the-log', 0)",
    ]);
    fs::copy(bench.path("copy.db"), left.path("copy.db")).unwrap();
    fs::remove_file(left.file()).unwrap();
    left.run("db restore copy.db").exits(0);
    let sql = "SELECT count(*) FROM user WHERE id = 50";
    assert_eq!(left.number("portal.db", sql), 0);
    let kept = |name: &String| name.contains(".replaced-") && name.ends_with("-wal");
    assert!(left.names().iter().any(kept), "{:?}", left.names());
}

#[test]
fn a_backup_that_breaks_a_rule_is_restored_and_that_is_said() {
    let bench = with_backup();
    let db = Connection::open(bench.path("copy.db")).unwrap();
    db.execute_batch("UPDATE sqlite_sequence SET seq = 1 WHERE name = 'user'")
        .unwrap();
    drop(db);
    let ran = bench.run("--json --yes db restore copy.db").exits(7);
    let done: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(done["findings"][0]["code"], "id_reused");
    assert_eq!(bench.number("portal.db", LATE), 0);
}
