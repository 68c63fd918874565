//! `db check` finds each kind of damage, names it, and leaves every byte as it was (SPEC 16.2).

mod common;

use std::fs;

use common::{Bench, flip_a_page};
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use serde_json::{Value, json};

/// The bytes of the file, of its log and of the log's index.
fn bytes(bench: &Bench) -> [Option<Vec<u8>>; 3] {
    ["portal.db", "portal.db-wal", "portal.db-shm"].map(|name| fs::read(bench.path(name)).ok())
}

#[track_caller]
fn is_as_it_was(bench: &Bench, before: &[Option<Vec<u8>>; 3]) {
    let after = bytes(bench);
    for (name, (before, after)) in ["the file", "its log", "the index"]
        .into_iter()
        .zip(before.iter().zip(after))
    {
        let sizes = (before.as_ref().map(Vec::len), after.as_ref().map(Vec::len));
        assert!(*before == after, "the check changed {name}, {sizes:?}");
    }
}

/// Checks twice, for programs and for people, and that nothing was changed by it; answers the document.
#[track_caller]
fn found(bench: &Bench, code: &str) -> Value {
    let before = bytes(bench);
    let ran = bench.run("--json db check").exits(6);
    is_as_it_was(bench, &before);
    let checked: Value = serde_json::from_str(&ran.out).unwrap();
    let findings = checked["findings"].as_array().unwrap();
    let finding = findings.iter().find(|finding| finding["code"] == code);
    let finding = finding.unwrap_or_else(|| panic!("{code}: {checked}"));
    assert_eq!(
        (&finding["weight"], &checked["ok"]),
        (&json!("problem"), &json!(false))
    );
    for said in ["meaning", "advice"] {
        assert!(finding[said].as_str().unwrap().ends_with('.'), "{finding}");
    }
    assert!(finding["count"].as_u64() >= Some(1), "{finding}");
    let ran = bench.run("db check").exits(6);
    assert!(
        ran.out.contains(&format!("problem: {code} (")),
        "{}",
        ran.out
    );
    assert!(ran.out.contains("  What to do: "), "{}", ran.out);
    is_as_it_was(bench, &before);
    let ran = bench.run("--json db check --fix").exits(6);
    if finding["fixable"] == false {
        let checked: Value = serde_json::from_str(&ran.out).unwrap();
        assert_eq!(checked["ok"], false);
    }
    checked
}

/// The file with every rule of its own off.
fn lawless(bench: &Bench) -> Connection {
    let db = bench.raw();
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)
        .unwrap();
    db.pragma_update(None, "ignore_check_constraints", true)
        .unwrap();
    db.pragma_update(None, "foreign_keys", false).unwrap();
    db
}

fn with_chat() -> Bench {
    let bench = Bench::with_people();
    let words = "chat create --type PRIVATE --name A~chat --owner 3";
    bench.run(words).exits(0);
    bench
}

/// Three commits in the log of a killed process.
const COMMITS: [&str; 3] = [
    "INSERT INTO user (id, username, created_at) VALUES (51, 'first', 0)",
    "INSERT INTO user (id, username, created_at) VALUES (52, 'second', 0)",
    "INSERT INTO user (id, username, created_at) VALUES (53, 'third', 0)",
];

#[test]
fn a_flipped_page() {
    let bench = with_chat();
    let before = flip_a_page(&bench, "olga");
    found(&bench, "damaged");
    assert_eq!(
        fs::read(bench.file()).unwrap(),
        before,
        "and a --fix changes nothing either"
    );
}

#[test]
fn every_page_flipped_in_turn_is_looked_at_without_an_end() {
    let bench = with_chat();
    let sound = fs::read(bench.file()).unwrap();
    let pages = sound.len() / 4096;
    let mut noticed = 0;
    // Every sixth will do: among them are pages of the schema, of tables and of indexes.
    for page in (0..pages).step_by(6) {
        let mut bytes = sound.clone();
        let start = if page == 0 { 100 } else { page * 4096 };
        for byte in &mut bytes[start..(page + 1) * 4096] {
            *byte ^= 0xFF;
        }
        fs::write(bench.file(), &bytes).unwrap();
        let ran = bench.run("--json db check").exits(6);
        let checked: Value = serde_json::from_str(&ran.out).unwrap();
        assert_eq!(checked["ok"], false, "page {page}");
        assert_eq!(fs::read(bench.file()).unwrap(), bytes, "page {page}");
        noticed += 1;
    }
    assert!(noticed > 10);
}

#[test]
fn a_damaged_root_does_not_keep_the_rest_from_being_told() {
    let bench = with_chat();
    let mut bytes = fs::read(bench.file()).unwrap();
    bytes[100..2000].fill(0x5A);
    fs::write(bench.file(), bytes).unwrap();
    found(&bench, "damaged");
    // The other verbs have nothing to work with.
    bench
        .run("--json user list")
        .refused(6, "ERR_STORAGE_CORRUPT");
}

#[test]
fn a_damaged_header_is_known_by_our_mark() {
    let bench = with_chat();
    let mut bytes = fs::read(bench.file()).unwrap();
    bytes[..16].fill(0);
    fs::write(bench.file(), bytes).unwrap();
    let checked = found(&bench, "damaged");
    assert!(checked.to_string().contains("header"), "{checked}");
}

#[test]
fn a_file_that_was_cut() {
    let bench = with_chat();
    let bytes = fs::read(bench.file()).unwrap();
    fs::write(bench.file(), &bytes[..bytes.len() / 2]).unwrap();
    found(&bench, "damaged");
}

#[test]
fn broken_foreign_keys() {
    let bench = with_chat();
    lawless(&bench)
        .execute_batch(
            "INSERT INTO membership (chat_id, user_id, via, joined_at) VALUES (1, 77, 'invite', 0)",
        )
        .unwrap();
    found(&bench, "orphans");
}

#[test]
fn an_invariant_broken_with_triggers_off() {
    let bench = with_chat();
    lawless(&bench)
        .execute_batch("UPDATE chat SET chat_type = 'OFFICIAL', owner_id = 4")
        .unwrap();
    let checked = found(&bench, "official_owner_too_low");
    assert_eq!(
        checked["findings"][0]["examples"],
        json!(["chat 1, user 4"])
    );
}

#[test]
fn a_schema_and_a_mark_that_were_changed() {
    let bench = with_chat();
    lawless(&bench)
        .execute_batch("DROP TRIGGER user_last_owner_not_deleted")
        .unwrap();
    found(&bench, "schema_differs");
    let bench = with_chat();
    bench
        .raw()
        .pragma_update(None, "application_id", 7)
        .unwrap();
    found(&bench, "not_marked");
}

#[test]
fn a_log_that_was_left_whole_is_no_problem() {
    let left = with_chat().left_by_a_kill(&COMMITS);
    let before = bytes(&left);
    let checked = left.run("--json db check").json();
    assert_eq!(checked["ok"], true, "{checked}");
    assert_eq!(checked["findings"][0]["code"], "log_not_empty");
    is_as_it_was(&left, &before);
    // Without its index too: a copy lacks it.
    fs::remove_file(left.path("portal.db-shm")).unwrap();
    let before = bytes(&left);
    assert_eq!(left.run("--json db check").json()["ok"], true);
    is_as_it_was(&left, &before);
}

#[test]
fn a_truncated_log_wherever_it_was_cut() {
    let whole = with_chat().left_by_a_kill(&COMMITS);
    let log = fs::read(whole.path("portal.db-wal")).unwrap();
    let frame = 24 + 4096;
    let frames = (log.len() - 32) / frame;
    assert_eq!((log.len() - 32) % frame, 0);
    let boundary = 32 + (frames - 1) * frame;
    for length in [0, 20, 32, 32 + frame, boundary - 1, boundary, log.len() - 7] {
        for name in ["portal.db-shm", "portal.db-wal"] {
            fs::copy(whole.path(name), whole.path(&format!("kept-{name}"))).ok();
        }
        fs::write(whole.path("portal.db-wal"), &log[..length]).unwrap();
        found(&whole, "log_cut");
        // Looking began the index anew; put it back for the next.
        fs::copy(
            whole.path("kept-portal.db-shm"),
            whole.path("portal.db-shm"),
        )
        .unwrap();
    }
}

#[test]
fn a_truncated_log_without_its_index_if_it_was_cut_amid_a_frame() {
    let left = with_chat().left_by_a_kill(&COMMITS);
    let log = fs::read(left.path("portal.db-wal")).unwrap();
    for length in [20, 32 + 24 + 100, log.len() - 7] {
        fs::remove_file(left.path("portal.db-shm")).ok();
        fs::write(left.path("portal.db-wal"), &log[..length]).unwrap();
        found(&left, "log_torn");
    }
}

#[test]
fn a_log_damaged_before_its_end() {
    let left = with_chat().left_by_a_kill(&COMMITS);
    let mut log = fs::read(left.path("portal.db-wal")).unwrap();
    log[32 + 24 + 2000] ^= 0xFF;
    fs::write(left.path("portal.db-wal"), &log).unwrap();
    found(&left, "log_broken");
    fs::remove_file(left.path("portal.db-shm")).unwrap();
    found(&left, "log_broken");
}

#[test]
fn a_check_leaves_no_file_behind() {
    let bench = with_chat();
    bench.run("db check").exits(0);
    assert_eq!(bench.names(), ["portal.db"]);
}

#[test]
fn a_file_with_an_odd_name_is_looked_at_all_the_same() {
    let bench = with_chat();
    fs::rename(bench.file(), bench.path("a b?c#d%41.db")).unwrap();
    bench
        .run_args(&["--db", "a b?c#d%41.db", "db", "check"])
        .exits(0);
}

#[test]
fn what_is_safe_is_put_right_on_demand_with_an_audit_row() {
    let bench = with_chat();
    lawless(&bench)
        .execute_batch(
            "INSERT INTO message (chat_id, id, epoch, code, content, created_at) VALUES (1, 7, 0, 'joined', 'x', 0);
             INSERT INTO key_request (chat_id, session_id, requested_at) VALUES (1, 99, 0);",
        )
        .unwrap();
    let counter = || bench.number("portal.db", "SELECT next_message_id FROM chat");
    let before = counter();
    bench.run("--json db check").exits(6);
    let ran = bench.run("--json --dry-run db check --fix").exits(6);
    let rehearsed: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(counter(), before);
    let done = bench.run("--json db check --fix").json();
    assert_eq!(
        done["fixed"],
        json!([{ "code": "message_beyond_counter", "rows": 1 }, { "code": "keys_orphaned", "rows": 1 }])
    );
    assert_eq!(rehearsed["fixed"], done["fixed"]);
    assert_eq!((&done["ok"], counter()), (&json!(true), 8));
    assert_eq!(bench.number("portal.db", "SELECT count(*) FROM message"), 1);
    let audit = bench.run("--json audit list --action db.fix").json();
    assert_eq!(audit["rows"].as_array().unwrap().len(), 2);
    assert_eq!(audit["rows"][0]["os_user"], "tester");
    let ran = bench.run("db check --fix").exits(0);
    assert!(ran.err.contains("keeps every rule"), "{}", ran.err);
}

#[test]
fn what_takes_a_persons_decision_is_left_alone() {
    let bench = with_chat();
    lawless(&bench)
        .execute_batch("UPDATE chat SET owner_id = NULL")
        .unwrap();
    let ran = bench.run("db check --fix").exits(6);
    assert!(
        ran.out.contains("problem: chat_owner_missing"),
        "{}",
        ran.out
    );
    assert!(!ran.out.contains("put right"), "{}", ran.out);
}

#[cfg(unix)]
#[test]
fn rights_of_others_are_told_and_taken_away_on_demand() {
    use std::os::unix::fs::PermissionsExt;
    let bench = with_chat();
    let mode = |name: &str| fs::metadata(bench.path(name)).unwrap().permissions().mode() & 0o777;
    fs::set_permissions(bench.file(), fs::Permissions::from_mode(0o644)).unwrap();
    fs::set_permissions(bench.dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let ran = bench.run("db check").exits(0);
    for code in ["advice: readable_by_others", "advice: directory_writable"] {
        assert!(ran.out.contains(code), "{}", ran.out);
    }
    let ran = bench.run("db check --fix").exits(0);
    assert!(
        ran.out.contains("put right: readable_by_others"),
        "{}",
        ran.out
    );
    assert_eq!(mode("portal.db"), 0o640);
    fs::set_permissions(bench.dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn rows_of_the_future_are_told() {
    let bench = with_chat();
    bench
        .raw()
        .execute_batch("UPDATE chat SET last_activity_at = 9000000000000")
        .unwrap();
    let checked = bench.run("--json db check").json();
    assert_eq!(checked["findings"][0]["code"], "from_the_future");
}
