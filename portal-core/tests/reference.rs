//! The generated references: docs/reference/. `PORTAL_BLESS=1 cargo test -p portal-core --test reference`
//! writes them anew.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use portal_core::{Options, Portal, catalogue, reference};
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

/// What a page says of types: of each field's, and of what a type or reply is instead of having fields.
fn kinds(page: &str) -> impl Iterator<Item = &str> {
    page.lines().filter_map(|line| {
        let cells: Vec<_> = line.split(" | ").collect();
        match cells[..] {
            [_, kind, _] if line.starts_with("| `") => Some(kind),
            _ => line.strip_prefix("Type: ")?.strip_suffix('.'),
        }
    })
}

#[test]
fn every_type_that_is_named_is_defined_once_and_described() {
    for page in [reference::operations(), reference::events()] {
        let (_, types) = page.split_once("\n## Types\n").unwrap();
        let mut defined = BTreeSet::new();
        for definition in types.split("\n### ").skip(1) {
            let (name, rest) = definition.split_once("\n\n").unwrap();
            assert!(
                defined.insert(format!("#{}", name.to_lowercase())),
                "{name}"
            );
            assert!(
                rest.starts_with(|first: char| first.is_ascii_uppercase()),
                "{definition}"
            );
            assert!(!rest.contains("|  |"), "{definition}");
        }
        let mut named = BTreeSet::new();
        for word in kinds(&page).flat_map(str::split_whitespace) {
            let link = word
                .split_once("](")
                .map(|(_, link)| link.trim_end_matches(')'));
            match link {
                // The log has a page of its own.
                Some("events.md") => (),
                Some(link) => _ = named.insert(link.to_owned()),
                None => assert!(
                    !word.starts_with(char::is_uppercase),
                    "{word} leads nowhere"
                ),
            }
        }
        assert_eq!(named, defined);
    }
}

/// The reference defines a type once, so it has to be the same everywhere.
#[test]
fn a_type_of_one_name_is_one_type() {
    let mut known = BTreeMap::new();
    for entry in catalogue::all() {
        for schema in [entry.parameters().to_value(), entry.reply().to_value()] {
            for (name, definition) in schema["$defs"].as_object().into_iter().flatten() {
                let first = known
                    .entry(name.clone())
                    .or_insert_with(|| definition.clone());
                assert_eq!(first, definition, "{name} of {}", entry.name());
            }
        }
    }
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
