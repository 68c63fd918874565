//! `db migrate`: the file brought to this version's schema.

use std::path::PathBuf;

use clap::Args;
use portal_core::upkeep;
use serde_json::json;

use super::backup::watching;
use crate::exit::Failure;
use crate::grammar::Globals;
use crate::output::{self, Output};

pub(crate) const AFTER_HELP: &str = "\
Stop the server first. Without --backup the copy is made beside the file, like portal.db.before-schema-2.
With --dry-run it tells what would be done. A file that a newer version wrote is refused.";

/// What to keep.
#[derive(Debug, Args)]
pub(crate) struct Wanted {
    /// Where the file is copied to before, if there is something to do
    #[arg(long, value_name = "FILE")]
    backup: Option<PathBuf>,
}

pub(super) fn run(wanted: Wanted, globals: &Globals, out: Output) -> Result<(), Failure> {
    let migration = globals.look_after(|options| upkeep::migration(&globals.db, options))?;
    let (from, to) = (migration.file_version, migration.program_version);
    let backup = wanted.backup.unwrap_or_else(|| {
        let mut name = globals.db.clone().into_os_string();
        name.push(format!(".before-schema-{to}"));
        name.into()
    });
    let steps = migration.steps.join(", ");
    if migration.steps.is_empty() {
        let mut document = json!(migration);
        document["backup"] = json!(null);
        return out.done(
            &document,
            &format!("The file is of schema {from}, as this program writes it: nothing to do."),
        );
    }
    if globals.dry_run {
        output::note("A rehearsal: nothing was changed.");
        let mut document = json!(migration);
        document["backup"] = backup.display().to_string().into();
        let said = format!(
            "The file is of schema {from}, this program of {to}. After a backup to {} these steps would run: {steps}.",
            backup.display()
        );
        return out.done(&document, &said);
    }
    let migrated = globals.look_after(|options| {
        upkeep::migrate(&globals.db, &backup, options, &mut watching("copied"))
    })?;
    let said = format!(
        "From schema {from} to {to}: {steps}. What it was before is {}.",
        backup.display()
    );
    out.done(&json!(migrated), &said)
}
