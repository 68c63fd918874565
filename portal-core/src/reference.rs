//! The references that docs/reference keeps and `portal-cli docs` prints: operations, errors, events, out of
//! the catalogue and the types themselves.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use crate::catalogue;
use crate::error::ErrorKind;
use crate::event::StoredEvent;

/// Every operation and query with its parameters and its reply, in Markdown.
pub fn operations() -> String {
    let mut out = String::from(
        "# Operations and queries\n\nThe same in every face: `portal_call` in C, `op call` on the command line, `POST \
         /v1/op/{name}` over HTTP. A `?` marks what may be left out.\n",
    );
    let mut entries: Vec<_> = catalogue::all().iter().collect();
    entries.sort_by_key(|entry| entry.name());
    for entry in entries {
        let parameters = entry.parameters().to_value();
        let reply = entry.reply().to_value();
        let what = if entry.writes() { "operation" } else { "query" };
        let _ = write!(
            out,
            "\n## {}\n\n{}. {}\n\n",
            entry.name(),
            what,
            line(&parameters)
        );
        out.push_str("Parameters:\n\n");
        fields(&mut out, &parameters, &parameters["$defs"]);
        out.push_str("\nReply:\n\n");
        fields(&mut out, &reply, &reply["$defs"]);
    }
    out
}

/// Every error with its numbers, in Markdown.
pub fn errors() -> String {
    let mut out = String::from(
        "# Errors\n\nThe code is what programs compare; it and the numbers never change. C is the status of the C API, \
         exit the exit code of `portal-cli`.\n\n| code | C | HTTP | exit | |\n|---|---|---|---|---|\n",
    );
    for kind in ErrorKind::ALL {
        let (status, http, exit) = (kind.status(), kind.http(), kind.exit() as u8);
        let _ = writeln!(
            out,
            "| `{}` | {status} | {http} | {exit} | {} |",
            kind.code(),
            kind.sentence()
        );
    }
    out
}

/// Every event of the log with its data, in Markdown.
pub fn events() -> String {
    let schema = schemars::schema_for!(StoredEvent).to_value();
    let definitions = &schema["$defs"];
    let variants = schema["oneOf"].as_array().into_iter().flatten();
    let name = |variant: &'_ Value| {
        variant["properties"]["name"]["const"]
            .as_str()
            .map(str::to_owned)
    };
    let by_name: BTreeMap<_, _> = variants
        .filter_map(|variant| Some((name(variant)?, variant)))
        .collect();
    let mut out = String::from(
        "# Events\n\nWhat the log holds. At delivery a socket gets the data with `seq` and `at`, and what the event \
         points at: the message, the chat, the public key, the wrapped key, the own way into a browser.\n",
    );
    for (name, variant) in by_name {
        let data = &variant["properties"]["data"];
        let data = match data["$ref"].as_str() {
            Some(path) => &definitions[path.rsplit('/').next().unwrap_or_default()],
            None => data,
        };
        let _ = write!(out, "\n## {name}\n\n{}\n\n", line(variant));
        fields(&mut out, data, definitions);
    }
    out
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
        &definitions[path.rsplit('/').next().unwrap_or_default()]
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
        let _ = writeln!(out, "| `{name}`{optional} | {kind} | {} |", line(field));
    }
}
