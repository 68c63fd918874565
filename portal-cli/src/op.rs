//! `op`: any operation or query by its name, with JSON. Asks nothing: it is the door for programs.

use clap::Subcommand;
use portal_core::catalogue::{self, Entry};
use serde_json::{Value, json};

use crate::exit::Failure;
use crate::grammar::Globals;
use crate::input::stdin;
use crate::output::{self, Output};
use crate::table::Column;

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// List every operation and query; with --json also their schemas
    List,
    /// Show an operation's parameters and reply as JSON schemas
    Show { name: String },
    /// Run an operation or query; prints its reply as JSON. Does not ask, whatever it destroys
    Call {
        name: String,
        /// The parameters as a JSON object; `-` reads them from stdin, where secrets belong
        #[arg(default_value = "{}", value_name = "JSON")]
        params: String,
    },
}

const LIST: &[Column] = &[
    ("name", "name"),
    ("writes", "writes"),
    ("doc", "what it does"),
];

pub(crate) fn run(verb: Verb, globals: &Globals, out: Output) -> Result<(), Failure> {
    match verb {
        Verb::List => list(out),
        Verb::Show { name } => output::document(&described(catalogue::find(&name)?)),
        Verb::Call { name, params } => {
            catalogue::find(&name)?;
            let params = if params == "-" { stdin()? } else { params };
            let reply = globals.open(out)?.call_text(&name, &params)?;
            output::text(&reply)
        }
    }
}

fn list(out: Output) -> Result<(), Failure> {
    let mut entries: Vec<&Entry> = catalogue::all().iter().collect();
    entries.sort_by_key(|entry| entry.name());
    if out.is_json() {
        return output::document(&entries.into_iter().map(described).collect());
    }
    let rows: Vec<Value> = entries
        .into_iter()
        .map(|entry| {
            let doc = entry.doc();
            let doc = doc.lines().next().unwrap_or_default();
            json!({ "name": entry.name(), "writes": entry.writes(), "doc": doc })
        })
        .collect();
    out.rows(&json!({ "operations": rows }), "operations", LIST)
}

fn described(entry: &Entry) -> Value {
    json!({
        "name": entry.name(),
        "writes": entry.writes(),
        "doc": entry.doc(),
        "parameters": entry.parameters(),
        "reply": entry.reply(),
    })
}
