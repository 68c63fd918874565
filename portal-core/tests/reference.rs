//! The generated references: docs/reference/. `PORTAL_BLESS=1 cargo test -p portal-core --test reference`
//! writes them anew.

use std::path::PathBuf;

use portal_core::{Options, Portal, reference};
use rusqlite::Connection;

fn made(text: &str) -> String {
    format!("<!-- Made by portal-core/tests/reference.rs; not written by hand. -->\n\n{text}")
}

/// Compares a document with the one in the tree, or writes it.
fn hold(name: &str, text: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../docs/reference")
        .join(name);
    if std::env::var_os("PORTAL_BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == text,
        "docs/reference/{name} is out of date: PORTAL_BLESS=1 cargo test -p portal-core --test reference"
    );
}

#[test]
fn operations_are_listed() {
    hold("operations.md", &made(&reference::operations()));
}

#[test]
fn errors_are_listed() {
    hold("errors.md", &made(&reference::errors()));
}

#[test]
fn events_are_listed() {
    hold("events.md", &made(&reference::events()));
}

#[test]
fn the_schema_is_listed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("portal.db");
    Portal::open(&path, Options::default()).unwrap().close();
    let db = Connection::open(path).unwrap();
    let mut statement = db
        .prepare("SELECT sql || ';' FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY tbl_name, type = 'trigger', type = 'index', name")
        .unwrap();
    let rows = statement
        .query_map([], |row| row.get::<_, String>(0))
        .unwrap();
    let statements: Vec<_> = rows.map(Result::unwrap).collect();
    let text = format!(
        "-- Made by portal-core/tests/reference.rs; not written by hand.\n\n{}\n",
        statements.join("\n\n")
    );
    hold("schema.sql", &text);
}
