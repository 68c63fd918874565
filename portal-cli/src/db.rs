//! `db`: the file itself.

use clap::Subcommand;
use portal_core::{Error, ErrorKind, Options};
use serde_json::{Value, json};

use crate::desk::open_file;
use crate::exit::Failure;
use crate::grammar::Globals;
use crate::output::{self, Output};
use crate::table;

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Make an empty database; refused where there is one
    Init,
    /// Look for damage and broken rules, and say what to do
    #[command(
        after_help = "Exits 0 where the file keeps every rule, also when there is advice; 6 where it does not."
    )]
    Check,
    /// Count rows and bytes
    Stats,
}

pub(crate) fn run(verb: &Verb, globals: &Globals, out: Output) -> Result<(), Failure> {
    match verb {
        Verb::Init => init(globals, out),
        Verb::Check => check(globals, out),
        Verb::Stats => stats(globals, out),
    }
}

fn init(globals: &Globals, out: Output) -> Result<(), Failure> {
    let file = globals.db.display();
    // An empty file is as good as none: some tools make one first to set its rights.
    if std::fs::metadata(&globals.db).is_ok_and(|file| file.len() > 0) {
        let message = format!("{file} exists already; nothing was changed.");
        return Err(Error::with_message(ErrorKind::StorageExists, message).into());
    }
    if globals.dry_run {
        output::note("A rehearsal: nothing was changed.");
        return out.done(
            &json!({ "file": file.to_string() }),
            &format!("{file} would be made."),
        );
    }
    let options = Options {
        create: true,
        ..globals.options()
    };
    drop(open_file(&globals.db, options)?);
    out.done(
        &json!({ "file": file.to_string() }),
        &format!(
            "{file} is ready. Make its owner: portal-cli --db {file} user create NAME --role owner"
        ),
    )
}

fn check(globals: &Globals, out: Output) -> Result<(), Failure> {
    let desk = globals.open(out)?;
    let checked = desk.call("db.check", json!({}))?;
    if out.is_json() {
        output::document(&checked)?;
    } else {
        let findings = checked["findings"]
            .as_array()
            .ok_or_else(|| Failure::unexpected("findings"))?;
        for finding in findings {
            show_finding(finding)?;
        }
        let verdict = if checked["ok"] == true {
            "The file keeps every rule"
        } else {
            "The file has problems"
        };
        output::note(&format!("{verdict}; {} checks.", checked["checks"]));
    }
    if checked["ok"] == true {
        Ok(())
    } else {
        Err(Failure::Findings)
    }
}

fn show_finding(finding: &Value) -> Result<(), Failure> {
    let said = |field| table::at(finding, field);
    output::line(&format!(
        "{}: {} ({}x)",
        said("weight"),
        said("code"),
        said("count")
    ))?;
    output::line(&format!("  {}", said("meaning")))?;
    for example in finding["examples"].as_array().into_iter().flatten() {
        output::line(&format!("  - {}", table::text(example)))?;
    }
    output::line(&format!("  What to do: {}", said("advice")))
}

fn stats(globals: &Globals, out: Output) -> Result<(), Failure> {
    let desk = globals.open(out)?;
    let mut stats = desk.call("db.stats", json!({}))?;
    if out.is_json() {
        return output::document(&stats);
    }
    let tables = json!({ "tables": stats["tables"].take() });
    if let Some(fields) = stats.as_object_mut() {
        fields.remove("tables");
        for end in ["oldest_event", "newest_event"] {
            let text = match &fields[end] {
                Value::Null => Value::Null,
                event => format!("{} at {}", event["seq"], table::at(event, "at")).into(),
            };
            fields.insert(end.to_owned(), text);
        }
    }
    out.fields(&stats)?;
    output::line("")?;
    out.rows(
        &tables,
        "tables",
        &[("table", "table"), ("rows", "rows"), ("bytes", "bytes")],
    )
}
