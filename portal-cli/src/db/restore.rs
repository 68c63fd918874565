//! `db restore`: a backup in the place of the file.

use std::path::PathBuf;

use clap::Args;
use portal_core::upkeep::{Contents, Restored, Restoring};
use serde_json::{Value, json};

use super::backup::{counted, watching};
use super::check;
use crate::desk::{self, operator};
use crate::exit::Failure;
use crate::grammar::Globals;
use crate::output::{self, Output};
use crate::table;

pub(crate) const AFTER_HELP: &str = "\
Stop the server first. The backup is checked, and copied; the replaced file is kept beside the new one.
Every chat's key is thrown away (its epoch moves on by 2^20) and clients start over.";

/// From where.
#[derive(Debug, Args)]
pub(crate) struct Wanted {
    /// The backup
    #[arg(value_name = "FILE")]
    backup: PathBuf,
}

pub(super) fn run(wanted: &Wanted, globals: &Globals, out: Output) -> Result<(), Failure> {
    let ready = globals.look_after(|options| {
        let copying = &mut watching("copied");
        Restoring::prepare(&globals.db, &wanted.backup, options, &operator(), copying)
    })?;
    check::show_problems_aside(&ready.checked.findings);
    if ready.replaces {
        desk::confirm(globals, &what_goes(&ready, globals))?;
    }
    if globals.dry_run {
        output::note("A rehearsal: nothing was changed.");
        let document = json!({
            "contents": ready.backup,
            "present": ready.present,
            "replaced": ready.replaces.then(|| ready.aside().display().to_string()),
        });
        let file = globals.db.display();
        return out.done(&document, &format!("{file} would be restored."));
    }
    let restored = ready.put_in_place()?;
    out.done(
        &document(&restored, globals)?,
        &sentence(&restored, globals),
    )?;
    check::done_unless_broken(&restored.checked, "The file is restored")
}

fn what_goes(ready: &Restoring, globals: &Globals) -> String {
    let present = ready
        .present
        .as_ref()
        .map_or_else(|| "which cannot be read".to_owned(), described);
    format!(
        "This replaces {} ({present}) by the backup ({}). What happened since is gone from it; the file as it is \
         stays as {}.",
        globals.db.display(),
        described(&ready.backup),
        ready.aside().display()
    )
}

fn described(contents: &Contents) -> String {
    let newest = json!({ "at": contents.newest_event_at });
    format!("{}, until {}", counted(contents), table::at(&newest, "at"))
}

fn document(restored: &Restored, globals: &Globals) -> Result<Value, Failure> {
    let mut document = check::document(&restored.checked)?;
    document["file"] = globals.db.display().to_string().into();
    document["contents"] = json!(restored.contents);
    document["replaced"] = json!(restored.replaced);
    document["chats_moved_on"] = restored.chats_moved_on.into();
    document["log_id"] = restored.log_id.as_str().into();
    Ok(document)
}

fn sentence(restored: &Restored, globals: &Globals) -> String {
    let mut said = format!(
        "{} is restored: {}. {} for a new key.",
        globals.db.display(),
        described(&restored.contents),
        match restored.chats_moved_on {
            1 => "1 chat waits".to_owned(),
            chats => format!("{chats} chats wait"),
        }
    );
    if let Some(replaced) = &restored.replaced {
        said = format!(
            "{said}\nThe replaced file is {replaced}; remove it when you do not want it back."
        );
    }
    said
}
