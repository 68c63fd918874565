//! The generated references: docs/reference/. `PORTAL_BLESS=1 cargo test -p portal-core --test reference`
//! writes them anew.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use portal_core::event::StoredEvent;
use portal_core::{ErrorKind, Options, Portal, catalogue};
use rusqlite::Connection;
use serde_json::Value;

const MADE: &str = "<!-- Made by portal-core/tests/reference.rs; not written by hand. -->\n\n";

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

/// One line of prose.
fn line(schema: &Value) -> String {
    let text = schema["description"].as_str().unwrap_or_default();
    text.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace('|', "\\|")
}

/// What a schema takes, in a word or two.
fn kind(schema: &Value, definitions: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.rsplit('/').next().unwrap_or_default();
        let target = &definitions[name];
        let plain = matches!(target["type"].as_str(), Some("integer" | "string"));
        return if plain && target["enum"].is_null() {
            kind(target, definitions)
        } else {
            name.into()
        };
    }
    if let Some(options) = schema["anyOf"]
        .as_array()
        .or_else(|| schema["oneOf"].as_array())
    {
        let kinds: Vec<_> = options
            .iter()
            .map(|option| kind(option, definitions))
            .collect();
        return kinds.join(" or ");
    }
    match &schema["type"] {
        Value::String(name) if name == "array" => {
            format!("list of {}", kind(&schema["items"], definitions))
        }
        Value::String(name) => name.clone(),
        Value::Array(names) => names
            .iter()
            .filter_map(Value::as_str)
            .collect::<Vec<_>>()
            .join(" or "),
        _ => "any".into(),
    }
}

/// The fields of an object as a table.
fn fields(out: &mut String, schema: &Value, definitions: &Value) {
    // A reply that may be null is its other half here.
    let schema = schema["anyOf"][0]["$ref"].as_str().map_or(schema, |path| {
        &definitions[path.rsplit('/').next().unwrap()]
    });
    let Some(properties) = schema["properties"]
        .as_object()
        .filter(|fields| !fields.is_empty())
    else {
        out.push_str("None.\n");
        return;
    };
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    out.push_str("| field | type | |\n|---|---|---|\n");
    for (name, field) in properties {
        let optional = if required.contains(&Value::from(name.as_str())) {
            ""
        } else {
            "?"
        };
        let kind = kind(field, definitions);
        writeln!(out, "| `{name}`{optional} | {kind} | {} |", line(field)).unwrap();
    }
}

#[test]
fn operations_are_listed() {
    let mut out = format!(
        "{MADE}# Operations and queries\n\nThe same in every face: `portal_call` in C, `op call` on the command line, `POST \
         /v1/op/{{name}}` over HTTP. A `?` marks what may be left out.\n"
    );
    let mut entries: Vec<_> = catalogue::all().iter().collect();
    entries.sort_by_key(|entry| entry.name());
    for entry in entries {
        let parameters = entry.parameters().to_value();
        let reply = entry.reply().to_value();
        let what = if entry.writes() { "operation" } else { "query" };
        write!(
            out,
            "\n## {}\n\n{}. {}\n\n",
            entry.name(),
            what,
            line(&parameters)
        )
        .unwrap();
        out.push_str("Parameters:\n\n");
        fields(&mut out, &parameters, &parameters["$defs"]);
        out.push_str("\nReply:\n\n");
        fields(&mut out, &reply, &reply["$defs"]);
    }
    hold("operations.md", &out);
}

#[test]
fn errors_are_listed() {
    let mut out = format!(
        "{MADE}# Errors\n\nThe code is what programs compare; it and the numbers never change. C is the status of the C API, \
         exit the exit code of `portal-cli`.\n\n| code | C | HTTP | exit | |\n|---|---|---|---|---|\n"
    );
    for kind in ErrorKind::ALL {
        let (status, http, exit) = (kind.status(), kind.http(), kind.exit() as u8);
        writeln!(
            out,
            "| `{}` | {status} | {http} | {exit} | {} |",
            kind.code(),
            kind.sentence()
        )
        .unwrap();
    }
    hold("errors.md", &out);
}

#[test]
fn events_are_listed() {
    let schema = schemars::schema_for!(StoredEvent).to_value();
    let definitions = &schema["$defs"];
    let variants = schema["oneOf"]
        .as_array()
        .expect("an event is one of several")
        .iter();
    let by_name: BTreeMap<_, _> = variants
        .map(|variant| {
            (
                variant["properties"]["name"]["const"].as_str().unwrap(),
                variant,
            )
        })
        .collect();
    let mut out = format!(
        "{MADE}# Events\n\nWhat the log holds. At delivery a socket gets the data with `seq` and `at`, and what the event \
         points at: the message, the chat, the public key, the wrapped key.\n"
    );
    for (name, variant) in by_name {
        let data = &variant["properties"]["data"];
        let data = match data["$ref"].as_str() {
            Some(path) => &definitions[path.rsplit('/').next().unwrap()],
            None => data,
        };
        write!(out, "\n## {name}\n\n{}\n\n", line(variant)).unwrap();
        fields(&mut out, data, definitions);
    }
    hold("events.md", &out);
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
