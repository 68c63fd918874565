//! `db`, and files that are not what they should be: exit 6 with the right code.

mod common;

use std::fs;
use std::process::{Command, Stdio};

use common::{Bench, ran};
use rusqlite::config::DbConfig;
use serde_json::Value;

#[test]
fn init_makes_a_file_once() {
    let bench = Bench::bare();
    let made = bench.run("db init --json").json();
    assert_eq!(made["file"], "./portal.db");
    bench.run("user create ada").exits(0);
    let before = fs::read(bench.file()).unwrap();
    bench.run("db init --json").refused(5, "ERR_STORAGE_EXISTS");
    assert_eq!(fs::read(bench.file()).unwrap(), before);
    bench
        .run("db init --db no/such/dir.db --json")
        .refused(6, "ERR_STORAGE_NOT_FOUND");
}

#[test]
fn init_rehearsed_makes_nothing() {
    let bench = Bench::bare();
    bench.run("db init --dry-run").exits(0);
    assert!(!bench.file().exists());
}

#[test]
fn other_verbs_make_no_file_and_say_what_to_run() {
    let bench = Bench::bare();
    for words in [
        "user list",
        "db check",
        "db stats",
        "op call event.list",
        "event tail",
    ] {
        let error = bench
            .run(&format!("{words} --json"))
            .refused(6, "ERR_STORAGE_NOT_FOUND");
        let message = error["message"].as_str().unwrap();
        assert!(
            message.contains("portal-cli --db ./portal.db db init"),
            "{message}"
        );
        assert!(!bench.file().exists(), "{words}");
    }
    fs::write(bench.file(), "").unwrap();
    bench
        .run("db check --json")
        .refused(6, "ERR_STORAGE_NOT_FOUND");
}

#[test]
fn a_foreign_a_newer_and_a_damaged_file_exit_6() {
    let bench = Bench::new();
    fs::write(
        bench.dir.path().join("notes"),
        "not a database, but long enough to look at\n".repeat(50),
    )
    .unwrap();
    bench
        .run("--json --db notes user list")
        .refused(6, "ERR_STORAGE_FOREIGN");
    bench
        .raw()
        .pragma_update(None, "user_version", 999)
        .unwrap();
    bench
        .run("--json user list")
        .refused(6, "ERR_STORAGE_NEWER");
    bench.raw().pragma_update(None, "user_version", 1).unwrap();
    let mut bytes = fs::read(bench.file()).unwrap();
    bytes[100..2000].fill(0x5A);
    fs::write(bench.file(), bytes).unwrap();
    let error = bench
        .run("--json user list")
        .refused(6, "ERR_STORAGE_CORRUPT");
    assert!(error["cause"].is_string(), "{error}");
}

#[test]
fn a_file_that_another_process_writes_is_locked_for_writing_only() {
    let bench = Bench::with_people();
    let other = bench.raw();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let words = "--json --wait-ms 50 user create carl";
    bench.run(words).refused(6, "ERR_STORAGE_LOCKED");
    bench.run("--wait-ms 50 event tail").exits(0);
    other.execute_batch("ROLLBACK").unwrap();
    bench.run(words).exits(0);
}

#[test]
fn a_sound_file_checks_clean() {
    let bench = Bench::with_people();
    let checked = bench.run("db check --json").json();
    assert_eq!(checked["ok"], true);
    assert_eq!(checked["findings"], serde_json::json!([]));
    let ran = bench.run("db check").exits(0);
    assert_eq!(ran.out, "");
    assert!(ran.err.contains("keeps every rule"), "{}", ran.err);
}

#[test]
fn problems_exit_6_and_say_what_to_do_spec_16_2() {
    let bench = Bench::with_people();
    bench
        .run_args(&[
            "chat", "create", "--type", "OFFICIAL", "--name", "Lobby", "--owner", "2",
        ])
        .exits(0);
    let db = bench.raw();
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)
        .unwrap();
    db.execute("UPDATE user SET role = 0 WHERE id = 2", [])
        .unwrap();
    drop(db);
    let ran = bench.run("db check").exits(6);
    assert!(
        ran.out.contains("problem: official_owner_too_low (1x)"),
        "{}",
        ran.out
    );
    assert!(
        ran.out.contains("- chat 1, user 2") && ran.out.contains("What to do: "),
        "{}",
        ran.out
    );
    let ran = bench.run("db check --json").exits(6);
    let checked: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(checked["findings"][0]["code"], "official_owner_too_low");
    assert_eq!(ran.err, "");
}

#[cfg(unix)]
#[test]
fn advice_alone_exits_0() {
    use std::os::unix::fs::PermissionsExt;
    let bench = Bench::new();
    fs::set_permissions(bench.file(), fs::Permissions::from_mode(0o644)).unwrap();
    let ran = bench.run("db check").exits(0);
    assert!(
        ran.out.contains("advice: readable_by_others") && ran.out.contains("portal.db"),
        "{}",
        ran.out
    );
}

#[test]
fn stats_count_tables() {
    let bench = Bench::with_people();
    let stats = bench.run("db stats --json").json();
    let users = stats["tables"]
        .as_array()
        .unwrap()
        .iter()
        .find(|table| table["table"] == "user");
    assert_eq!(users.unwrap()["rows"], 4);
    let ran = bench.run("db stats").exits(0);
    assert!(
        ran.out.contains("TABLE") && ran.out.contains("schema_version"),
        "{}",
        ran.out
    );
}

/// A file-size limit of the process stands for a disk that takes no more.
#[cfg(unix)]
#[test]
fn a_disk_that_takes_no_more_leaves_nothing_half_done_and_works_again_afterwards() {
    let bench = Bench::new();
    let limited = |number: usize, blocks: usize| {
        let program = bench.command().get_program().to_owned();
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
        let description = format!("description={}", "x".repeat(400));
        let name = format!("person-{number}");
        ran(Command::new("sh")
            .current_dir(bench.dir.path())
            .stdin(Stdio::null())
            .args(["-c", &script])
            .arg(program)
            .args(["--json", "user", "create", &name])
            .env("USER", description))
    };
    // Without room for the log's first frame; then with room for everything.
    let full = limited(1, 1);
    let error = full.refused(6, "ERR_STORAGE");
    assert!(error["cause"].is_string(), "{error}");
    assert_eq!(counts(&bench), (0, 0));
    limited(1, 100_000).exits(0);
    assert_eq!(counts(&bench), (1, 1));
    bench.run("db check").exits(0);
}

fn counts(bench: &Bench) -> (i64, i64) {
    let db = bench.raw();
    let count = |table: &str| {
        db.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| {
            row.get(0)
        })
        .unwrap()
    };
    (count("user"), count("audit"))
}
