//! `db`: the file itself.

mod backup;
mod check;
mod migrate;
mod restore;
mod vacuum;

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
        after_help = "Changes nothing without --fix. Exits 0 where the file keeps every rule, also when there is advice; 6 where it does not."
    )]
    Check(check::Wanted),
    /// Copy the file, while a server runs on it too
    #[command(after_help = backup::AFTER_HELP)]
    Backup(backup::Wanted),
    /// Put a backup in the place of the file; refused while any process has the file open
    #[command(after_help = restore::AFTER_HELP)]
    Restore(restore::Wanted),
    /// Give back the room that nothing uses
    #[command(after_help = vacuum::AFTER_HELP)]
    Vacuum(vacuum::Wanted),
    /// Bring the file to this version's schema, after a backup
    #[command(after_help = migrate::AFTER_HELP)]
    Migrate(migrate::Wanted),
    /// Count rows and bytes, how fast they grow, and what retention would take
    Stats,
}

pub(crate) fn run(verb: Verb, globals: &Globals, out: Output) -> Result<(), Failure> {
    match verb {
        Verb::Init => init(globals, out),
        Verb::Check(wanted) => check::run(&wanted, globals, out),
        Verb::Backup(wanted) => backup::run(&wanted, globals, out),
        Verb::Restore(wanted) => restore::run(&wanted, globals, out),
        Verb::Vacuum(wanted) => vacuum::run(&wanted, globals, out),
        Verb::Migrate(wanted) => migrate::run(wanted, globals, out),
        Verb::Stats => stats(globals, out),
    }
}

impl Globals {
    /// Looks after a file as a whole, which is the operator's alone; names the file in what goes wrong.
    fn look_after<T>(&self, work: impl FnOnce(&Options) -> Result<T, Error>) -> Result<T, Failure> {
        if self.acting.is_some() {
            let message = "Only the operator looks after the file: leave --as out.";
            return Err(Error::with_message(ErrorKind::Forbidden, message).into());
        }
        work(&self.options()).map_err(|error| {
            if error.message() != error.kind().sentence() {
                return error.into();
            }
            let message = format!("{}: {}", self.db.display(), error.message());
            self.where_to_begin(error.saying(message)).into()
        })
    }
}

/// A size for people.
fn size(bytes: u64) -> String {
    let units = ["kB", "MB", "GB", "TB"];
    if bytes < 1000 {
        return format!("{bytes} bytes");
    }
    // In tenths of the unit, so that nothing is rounded through a float.
    let (mut tenths, mut unit) = (bytes / 100, 0);
    while tenths >= 10_000 && unit + 1 < units.len() {
        (tenths, unit) = (tenths / 1000, unit + 1);
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, units[unit])
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

fn stats(globals: &Globals, out: Output) -> Result<(), Failure> {
    let desk = globals.open(out)?;
    let mut stats = desk.call("db.stats", json!({}))?;
    if out.is_json() {
        return output::document(&stats);
    }
    let tables = json!({ "tables": stats["tables"].take() });
    let prunable = json!({ "prunable": stats["prunable"].take() });
    if let Some(fields) = stats.as_object_mut() {
        fields.remove("tables");
        fields.remove("prunable");
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
        &[
            ("table", "table"),
            ("rows", "rows"),
            ("bytes", "bytes"),
            ("rows_last_week", "new in 7 days"),
            ("bytes_last_week", "in bytes"),
        ],
    )?;
    output::line("")?;
    output::line("Retention would take:")?;
    out.rows(
        &prunable,
        "prunable",
        &[("table", "table"), ("rows", "rows")],
    )
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes_are_read_at_a_glance() {
        let said = [0, 999, 1000, 4096, 999_999, 1_000_000, 1_234_567_890].map(size);
        assert_eq!(
            said,
            [
                "0 bytes",
                "999 bytes",
                "1.0 kB",
                "4.0 kB",
                "999.9 kB",
                "1.0 MB",
                "1.2 GB"
            ]
        );
    }
}
