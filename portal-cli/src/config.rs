//! `config`: settings.

use clap::Subcommand;
use serde_json::{Value, json};

use crate::desk::Desk;
use crate::exit::Failure;
use crate::input::json_or_text;
use crate::output;
use crate::table::Column;

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Show all settings, or one
    Get { key: Option<String> },
    /// Set a setting; the value is JSON where it can be read as such, else text
    Set { key: String, value: String },
    /// Put a setting back to its default
    Unset { key: String },
}

const LIST: &[Column] = &[("key", "key"), ("value", "value"), ("set", "set")];

pub(crate) fn run(verb: Verb, desk: &Desk) -> Result<(), Failure> {
    let out = desk.out;
    match verb {
        Verb::Get { key: None } => {
            let reply = desk.call("config.get", json!({}))?;
            if out.is_json() {
                return output::document(&reply);
            }
            out.rows(&as_rows(&reply), "settings", LIST)
        }
        Verb::Get { key: Some(key) } => {
            let reply = desk.call("config.get", json!({}))?;
            let value = reply["settings"]
                .get(&key)
                .ok_or_else(|| Failure::usage("KEY", format!("There is no setting {key:?}.")))?;
            match value {
                Value::String(text) if !out.is_json() => output::line(text),
                value => output::document(value),
            }
        }
        Verb::Set { key, value } => {
            let params = json!({ "key": key, "value": json_or_text(&value) });
            out.done(
                &desk.call("config.set", params)?,
                "The setting is in force.",
            )
        }
        Verb::Unset { key } => {
            let reply = desk.call("config.unset", json!({ "key": key }))?;
            out.done(&reply, "The setting has its default.")
        }
    }
}

fn as_rows(reply: &Value) -> Value {
    let set = reply["set"].as_array();
    let rows: Vec<Value> = reply["settings"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, value)| {
            let was_set = set.is_some_and(|set| set.iter().any(|name| name == key.as_str()));
            json!({ "key": key, "value": value, "set": was_set })
        })
        .collect();
    json!({ "settings": rows })
}
