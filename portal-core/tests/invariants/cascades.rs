//! What goes with a chat, a person, a session that is deleted, and what stays.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;

use super::harness::{strings, world};

/// How many rows each table holds that names a column, for a value of it.
fn counts(db: &Connection, column: &str, value: i64) -> BTreeMap<String, i64> {
    let tables = strings(
        db,
        "SELECT t.name FROM pragma_table_list t JOIN pragma_table_info(t.name) c
         WHERE t.schema = 'main' AND c.name = ? ORDER BY t.name",
        column,
    );
    let count = |table: &String| {
        let sql = format!("SELECT count(*) FROM {table} WHERE {column} = ?");
        db.query_row(&sql, [value], |row| row.get(0)).unwrap()
    };
    tables.iter().map(|t| (t.clone(), count(t))).collect()
}

/// The tables that hang on another, with what becomes of their rows and the column.
fn hanging_on(db: &Connection, parent: &str) -> BTreeSet<(String, String, String)> {
    let mut statement = db
        .prepare(
            "SELECT t.name, f.\"from\", f.on_delete FROM pragma_table_list t, pragma_foreign_key_list(t.name) f
             WHERE t.schema = 'main' AND f.\"table\" = ?",
        )
        .unwrap();
    let rows = statement
        .query_map([parent], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

#[test]
fn what_belongs_to_a_chat_goes_with_it_and_nothing_else_spec_3_6() {
    let (_stage, db) = world();
    // The logs outlive the chat, and what was reported does (SPEC 7.6).
    let stays = ["audit", "event", "report"];
    let before = counts(&db, "chat_id", 103);
    let elsewhere = counts(&db, "chat_id", 105);
    for (table, rows) in before.iter().chain(&elsewhere) {
        assert!(*rows > 0, "{table} has no row for both chats in world.sql");
    }
    let hanging = hanging_on(&db, "chat");
    for (table, column, becomes) in &hanging {
        assert_eq!(
            (column.as_str(), becomes.as_str()),
            ("chat_id", "CASCADE"),
            "{table}"
        );
    }
    let belongs: BTreeSet<_> = hanging.iter().map(|(table, _, _)| table.as_str()).collect();
    for table in before.keys().map(String::as_str) {
        assert_ne!(belongs.contains(table), stays.contains(&table), "{table}");
    }

    db.execute("DELETE FROM chat WHERE id = 103", []).unwrap();
    for (table, rows) in counts(&db, "chat_id", 103) {
        let left = if stays.contains(&table.as_str()) {
            before[&table]
        } else {
            0
        };
        assert_eq!(rows, left, "{table}");
    }
    assert_eq!(counts(&db, "chat_id", 105), elsewhere);
}

#[test]
fn a_direct_chat_goes_as_a_whole_spec_9_8() {
    let (_stage, db) = world();
    db.execute("DELETE FROM chat WHERE id = 104", []).unwrap();
    assert_eq!(counts(&db, "chat_id", 104)["membership"], 0);
}

#[test]
fn a_persons_sessions_keys_and_memberships_go_with_them_what_they_wrote_stays_spec_1_7() {
    let (_stage, db) = world();
    db.execute("DELETE FROM chat WHERE id = 104", []).unwrap();
    let written = counts(&db, "sender_id", 5000);
    assert!(written["message"] > 0 && written["report"] > 0);
    db.execute("DELETE FROM user WHERE id = 5000", []).unwrap();
    for (table, column, becomes) in hanging_on(&db, "user") {
        let goes = if table == "chat" {
            "NO ACTION"
        } else {
            "CASCADE"
        };
        assert_eq!(becomes, goes, "{table}.{column}");
    }
    for table in ["session", "membership", "login_code", "punishment"] {
        assert_eq!(counts(&db, "user_id", 5000)[table], 0, "{table}");
    }
    assert_eq!(counts(&db, "session_id", 502)["key_blob"], 0);
    let left = counts(&db, "sender_id", 5000);
    for table in ["message", "report"] {
        assert_eq!(left[table], written[table], "{table}");
    }
}

#[test]
fn whoever_owns_a_chat_or_is_one_of_two_is_not_deleted_spec_1_7() {
    let (_stage, db) = world();
    for user in [4000, 6000] {
        let refused = db.execute("DELETE FROM user WHERE id = ?", [user]);
        assert!(refused.is_err(), "{user}");
    }
    let left: i64 = db
        .query_row(
            "SELECT count(*) FROM user WHERE id IN (4000, 6000)",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(left, 2);
}

#[test]
fn a_sessions_blobs_go_with_it_and_its_epoch_key_loses_a_holder_spec_8_3() {
    let (_stage, db) = world();
    db.execute("DELETE FROM session WHERE id IN (501, 502)", [])
        .unwrap();
    assert_eq!(counts(&db, "session_id", 502)["key_blob"], 0);
    let distributor: Option<i64> = db
        .query_row(
            "SELECT distributor_session FROM room_key WHERE chat_id = 103",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(distributor, None);
}
