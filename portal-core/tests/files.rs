//! Files that are not what they should be: each gets its own error, and is left as it was (SPEC 13.1,
//! 14.0). Files without rights are opened by a child that is not root, since root has every right.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use common::Stage;
use portal_core::{Actor, ErrorKind, Options, Portal};
use rusqlite::Connection;
use serde_json::json;
use tempfile::TempDir;

fn existing() -> Options {
    Options {
        create: false,
        busy_timeout_ms: 50,
        ..Options::default()
    }
}

#[track_caller]
fn refused(path: &Path, options: Options, kind: ErrorKind) -> portal_core::Error {
    match Portal::open(path, options) {
        Ok(_) => panic!("{} opened", path.display()),
        Err(error) => {
            assert_eq!(
                error.kind(),
                kind,
                "{error}: {:?}",
                std::error::Error::source(&error)
            );
            error
        }
    }
}

/// A database of ours, closed.
fn database() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("portal.db");
    drop(Portal::open(&path, Options::default()).unwrap());
    (dir, path)
}

#[test]
fn a_file_of_text_is_foreign_and_stays_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notes.txt");
    let text = "Dear diary, this is not a database.\n".repeat(100);
    fs::write(&path, &text).unwrap();
    refused(&path, existing(), ErrorKind::StorageForeign);
    refused(&path, Options::default(), ErrorKind::StorageForeign);
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn another_programs_database_is_foreign_and_stays_as_it_was() {
    for mark in [0, 0x1234] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("other.db");
        let other = Connection::open(&path).unwrap();
        other
            .execute_batch("CREATE TABLE bookmark (url TEXT)")
            .unwrap();
        other.pragma_update(None, "application_id", mark).unwrap();
        drop(other);
        let before = fs::read(&path).unwrap();
        refused(&path, existing(), ErrorKind::StorageForeign);
        refused(&path, Options::default(), ErrorKind::StorageForeign);
        assert_eq!(fs::read(&path).unwrap(), before);
    }
}

#[test]
fn a_newer_file_is_refused_untouched() {
    let (_dir, path) = database();
    let db = Connection::open(&path).unwrap();
    db.pragma_update(None, "user_version", 999).unwrap();
    let _: String = db
        .pragma_update_and_check(None, "journal_mode", "delete", |row| row.get(0))
        .unwrap();
    drop(db);
    let before = fs::read(&path).unwrap();
    refused(&path, existing(), ErrorKind::StorageNewer);
    refused(&path, Options::default(), ErrorKind::StorageNewer);
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn a_missing_file_is_not_made_by_the_way() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("portal.db");
    refused(&path, existing(), ErrorKind::StorageNotFound);
    assert!(!path.exists());
    refused(
        &dir.path().join("no/portal.db"),
        Options::default(),
        ErrorKind::StorageNotFound,
    );
    refused(dir.path(), existing(), ErrorKind::StorageNotFound);
}

/// `SQLite` has names for what is no file; the library makes none of them by mistake.
#[test]
fn a_path_is_the_name_of_a_file_and_nothing_else_spec_13_1() {
    let dir = tempfile::tempdir().unwrap();
    for path in [
        "",
        "a\0b",
        ":memory:",
        "file:portal.db",
        "file:portal.db?mode=memory",
    ] {
        let refused = refused(Path::new(path), Options::default(), ErrorKind::Invalid);
        assert_eq!(refused.extras().field.as_deref(), Some("path"));
        assert!(!Path::new(path).exists(), "{path}");
    }
    let path = dir.path().join(":memory:");
    drop(Portal::open(&path, Options::default()).unwrap());
    assert!(path.exists());
}

#[test]
fn an_empty_file_becomes_a_database_only_where_one_may_be_made() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("portal.db");
    fs::write(&path, "").unwrap();
    refused(&path, existing(), ErrorKind::StorageNotFound);
    assert_eq!(fs::metadata(&path).unwrap().len(), 0);
    drop(Portal::open(&path, Options::default()).unwrap());
    drop(Portal::open(&path, existing()).unwrap());
}

#[cfg(unix)]
#[test]
fn a_new_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let stage = Stage::new();
    for suffix in ["", "-wal", "-shm"] {
        let path = stage.dir.path().join(format!("portal.db{suffix}"));
        let mode = fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{suffix}");
    }
}

#[test]
fn a_file_damaged_at_its_root_is_corrupt() {
    let (_dir, path) = database();
    let mut bytes = fs::read(&path).unwrap();
    bytes[100..1000].fill(0x5A);
    fs::write(&path, bytes).unwrap();
    refused(&path, existing(), ErrorKind::StorageCorrupt);
}

#[test]
fn a_file_damaged_within_opens_and_its_check_says_so() {
    let (_dir, path) = database();
    let portal = Portal::open(&path, existing()).unwrap();
    for number in 0..200 {
        let params = json!({ "username": format!("person-{number:03}") }).to_string();
        portal
            .call_json(&Actor::operator(), "user.create", &params)
            .unwrap();
    }
    drop(portal);
    // A page far behind the schema's.
    let mut bytes = fs::read(&path).unwrap();
    let name = b"person-150";
    let at = bytes
        .windows(name.len())
        .position(|window| window == name)
        .unwrap();
    let page = at / 4096 * 4096;
    bytes[page..page + 4096].fill(0x5A);
    fs::write(&path, bytes).unwrap();
    let portal = Portal::open(&path, existing()).unwrap();
    let checked = portal
        .call_json(&Actor::operator(), "db.check", "")
        .unwrap();
    assert!(checked.contains(r#""code":"damaged""#), "{checked}");
}

#[test]
fn a_row_that_its_type_refuses_is_damage_and_no_defect_of_ours() {
    let stage = Stage::new();
    let chat = stage.chat(portal_core::model::ChatType::Private, common::PREMIUM, None);
    stage
        .raw()
        .execute(
            "UPDATE chat SET chat_config = '{\"wipe_preset\":\"2h\"}'",
            [],
        )
        .unwrap();
    let get = json!({ "chat_id": chat });
    stage.refused(&Actor::operator(), "chat.get", get, "ERR_STORAGE_CORRUPT");
}

#[test]
fn a_write_behind_a_foreign_lock_gives_up_and_works_afterwards() {
    let (_dir, path) = database();
    let portal = Portal::open(&path, existing()).unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let params = json!({ "username": "newcomer" }).to_string();
    let create = || portal.call_json(&Actor::operator(), "user.create", &params);
    assert_eq!(create().unwrap_err().kind(), ErrorKind::StorageLocked);
    // Reading waits for no writer, and neither does opening.
    portal
        .call_json(&Actor::operator(), "db.stats", "")
        .unwrap();
    drop(Portal::open(&path, existing()).unwrap());
    other.execute_batch("ROLLBACK").unwrap();
    create().unwrap();
}

#[test]
fn a_file_that_another_process_keeps_to_itself_is_locked() {
    let (_dir, path) = database();
    let other = Connection::open(&path).unwrap();
    other.busy_timeout(Duration::ZERO).unwrap();
    let _: String = other
        .pragma_update_and_check(None, "locking_mode", "exclusive", |row| row.get(0))
        .unwrap();
    other.execute_batch("BEGIN EXCLUSIVE; COMMIT").unwrap();
    refused(&path, existing(), ErrorKind::StorageLocked);
    drop(other);
    drop(Portal::open(&path, existing()).unwrap());
}

#[test]
fn a_full_file_stores_nothing_of_what_does_not_fit_and_works_again_afterwards() {
    let (_dir, path) = database();
    let limit = fs::metadata(&path).unwrap().len() + 16 * 4096;
    let options = Options {
        max_file_bytes: Some(limit),
        ..existing()
    };
    let portal = Portal::open(&path, options).unwrap();
    let create = |portal: &Portal, number: usize| {
        let name = format!("person-{number:020}");
        let params = json!({ "username": name }).to_string();
        portal.call_json(&Actor::operator(), "user.create", &params)
    };
    let mut stored = 0;
    let error = loop {
        match create(&portal, stored) {
            Ok(_) => stored += 1,
            Err(error) => break error,
        }
        assert!(stored < 10_000, "the limit holds");
    };
    assert_eq!(error.kind(), ErrorKind::StorageFull, "{error}");
    assert_eq!(
        create(&portal, stored).unwrap_err().kind(),
        ErrorKind::StorageFull
    );
    assert_eq!(
        people(&path),
        (stored, stored),
        "a person and the audit row go together"
    );
    let checked = portal
        .call_json(&Actor::operator(), "db.check", "")
        .unwrap();
    assert!(checked.contains(r#""ok":true"#), "{checked}");
    drop(portal);
    assert!(fs::metadata(&path).unwrap().len() <= limit);
    let roomier = Portal::open(&path, existing()).unwrap();
    create(&roomier, stored).unwrap();
    assert_eq!(people(&path), (stored + 1, stored + 1));
}

/// How many users and audit rows there are.
fn people(path: &Path) -> (usize, usize) {
    let db = Connection::open(path).unwrap();
    let count = |table: &str| {
        db.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| {
            row.get(0)
        })
        .unwrap()
    };
    (count("user"), count("audit"))
}

#[cfg(unix)]
mod without_rights {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::os::unix::process::CommandExt;
    use std::process::{Command, Stdio};
    use std::sync::Mutex;

    use super::*;

    /// Names the file to the child.
    const FILE: &str = "PORTAL_TEST_FILE";
    /// Held from copying the program until it runs: a child that another test started meanwhile would have the copy open
    /// for writing, and what is, does not run.
    static COPYING: Mutex<()> = Mutex::new(());
    /// Whom the child runs as when this process is root.
    const NOBODY: u32 = 65_534;

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    /// Runs a test of this program again, with this file, as somebody without root's rights.
    fn in_child(dir: &Path, test: &str, file: &Path) {
        let elsewhere = tempfile::tempdir().unwrap();
        set_mode(elsewhere.path(), 0o755);
        let program = elsewhere.path().join("child");
        let mut child = Command::new(&program);
        child
            .args(["--exact", test, "--nocapture", "--test-threads=1"])
            .env(FILE, file)
            .current_dir("/")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if fs::metadata(dir).unwrap().uid() == 0 {
            child.uid(NOBODY).gid(NOBODY);
        }
        let child = {
            let _alone = COPYING.lock().unwrap();
            fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
            child.spawn().unwrap()
        };
        let output = child.wait_with_output().unwrap();
        set_mode(dir, 0o755);
        assert!(
            output.status.success(),
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
    }

    #[test]
    fn a_file_that_cannot_be_written_is_read_only() {
        if let Some(file) = std::env::var_os(FILE) {
            refused(Path::new(&file), existing(), ErrorKind::StorageReadOnly);
            return;
        }
        let (dir, path) = database();
        set_mode(dir.path(), 0o777);
        set_mode(&path, 0o444);
        in_child(
            dir.path(),
            "without_rights::a_file_that_cannot_be_written_is_read_only",
            &path,
        );
    }

    #[test]
    fn a_directory_that_cannot_be_written_is_read_only() {
        if let Some(file) = std::env::var_os(FILE) {
            let file = Path::new(&file);
            let error = refused(file, existing(), ErrorKind::StorageReadOnly);
            assert!(error.message().contains("directory"), "{error}");
            let beside = file.with_file_name("new.db");
            refused(&beside, Options::default(), ErrorKind::StorageReadOnly);
            return;
        }
        let (dir, path) = database();
        set_mode(&path, 0o666);
        set_mode(dir.path(), 0o555);
        in_child(
            dir.path(),
            "without_rights::a_directory_that_cannot_be_written_is_read_only",
            &path,
        );
    }

    #[test]
    fn a_file_that_cannot_be_read_is_not_found() {
        if let Some(file) = std::env::var_os(FILE) {
            refused(Path::new(&file), existing(), ErrorKind::StorageNotFound);
            return;
        }
        let (dir, path) = database();
        set_mode(dir.path(), 0o777);
        set_mode(&path, 0o000);
        in_child(
            dir.path(),
            "without_rights::a_file_that_cannot_be_read_is_not_found",
            &path,
        );
    }
}
