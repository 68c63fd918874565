//! `db backup`: a copy of the file while others use it, into a file or dated into a directory.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use jiff::Timestamp;
use portal_core::upkeep::{self, BackedUp, Contents, Progress};
use portal_core::{Error, ErrorKind};
use serde_json::{Value, json};

use super::{check, size};
use crate::exit::Failure;
use crate::grammar::Globals;
use crate::output::{self, Output};
use crate::table::number_of;

pub(crate) const AFTER_HELP: &str = "\
Into a directory it goes under a name by the time, like portal-20260131-030000-000.db.
The copy holds every change that was acknowledged before it began, is checked, and readable by its owner only.";

/// Where to.
#[derive(Debug, Args)]
pub(crate) struct Wanted {
    /// A file that is not there yet, or a directory that is
    #[arg(value_name = "FILE|DIRECTORY")]
    target: PathBuf,
    /// Of the dated backups in the directory, keeps this many, the new one among them, and removes the older
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    keep: Option<u32>,
}

pub(super) fn run(wanted: &Wanted, globals: &Globals, out: Output) -> Result<(), Failure> {
    let place = Place::of(wanted, globals)?;
    if globals.dry_run {
        return rehearse(&place, wanted, globals, out);
    }
    let backed_up = globals.look_after(|options| {
        upkeep::back_up(&globals.db, &place.file, options, &mut watching("copied"))
    })?;
    let removed = place.remove_older(wanted.keep)?;
    let file = place.file.display().to_string();
    out.done(
        &document(&file, &backed_up, &removed)?,
        &sentence(&file, &backed_up, &removed),
    )?;
    check::done_unless_broken(&backed_up.checked, "The backup is made")
}

fn rehearse(place: &Place, wanted: &Wanted, globals: &Globals, out: Output) -> Result<(), Failure> {
    if place.file.exists() {
        let message = format!(
            "{} exists already; nothing was changed.",
            place.file.display()
        );
        return Err(Error::with_message(ErrorKind::StorageExists, message).into());
    }
    let checked = globals.look_after(|options| upkeep::check(&globals.db, options))?;
    if checked.is_damaged() {
        check::show_findings(&checked.findings)?;
        return Err(Failure::Findings);
    }
    output::note("A rehearsal: nothing was changed.");
    let file = place.file.display().to_string();
    let removed: Vec<_> = place
        .older(wanted.keep)?
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    let mut document = check::document(&checked)?;
    document["file"] = file.as_str().into();
    document["removed"] = json!(removed);
    let mut said = format!("{file} would be made.");
    for old in &removed {
        said = format!("{said}\n{old} would be removed.");
    }
    out.done(&document, &said)
}

fn document(file: &str, backed_up: &BackedUp, removed: &[String]) -> Result<Value, Failure> {
    let mut document = check::document(&backed_up.checked)?;
    document["file"] = file.into();
    document["bytes"] = backed_up.bytes.into();
    document["contents"] = json!(backed_up.contents);
    document["removed"] = json!(removed);
    Ok(document)
}

fn sentence(file: &str, backed_up: &BackedUp, removed: &[String]) -> String {
    let mut said = format!(
        "{file}: {}, {}; checked.",
        size(backed_up.bytes),
        counted(&backed_up.contents)
    );
    for old in removed {
        said = format!("{said}\nRemoved {old}.");
    }
    said
}

/// What a file holds, for people.
pub(super) fn counted(contents: &Contents) -> String {
    let of = |count: u64, what| number_of(usize::try_from(count).unwrap_or(usize::MAX), what);
    format!(
        "{}, {}, {}",
        of(contents.users, "user"),
        of(contents.chats, "chat"),
        of(contents.messages, "message")
    )
}

/// Where a backup goes.
struct Place {
    file: PathBuf,
    /// The directory and the name before the time, where the name is by the time.
    dated: Option<(PathBuf, String)>,
}

impl Place {
    fn of(wanted: &Wanted, globals: &Globals) -> Result<Self, Failure> {
        if wanted.target.is_dir() {
            let stem = globals.db.file_stem().unwrap_or_default();
            let stem = stem.to_string_lossy().into_owned();
            let name = dated_name(&stem, globals.options().clock.now().as_millis());
            return Ok(Self {
                file: wanted.target.join(name),
                dated: Some((wanted.target.clone(), stem)),
            });
        }
        if wanted.keep.is_some() {
            let message = "--keep is for backups into a directory, and there is none of that name";
            return Err(Failure::usage("--keep", message));
        }
        Ok(Self {
            file: wanted.target.clone(),
            dated: None,
        })
    }

    /// The dated backups that are one too many beside the one of this place. That one stays whatever the
    /// names of the others say: a clock that was wrong once must not cost the backup of today.
    fn older(&self, keep: Option<u32>) -> Result<Vec<PathBuf>, Failure> {
        let (Some(keep), Some((directory, stem))) = (keep, &self.dated) else {
            return Ok(Vec::new());
        };
        let mut names = Vec::new();
        for entry in fs::read_dir(directory)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if is_dated(&name, stem) && !self.file.ends_with(&name) {
                names.push(name);
            }
        }
        // By name is by time.
        names.sort();
        let kept = (keep as usize).saturating_sub(1);
        names.truncate(names.len().saturating_sub(kept));
        Ok(names.iter().map(|name| directory.join(name)).collect())
    }

    fn remove_older(&self, keep: Option<u32>) -> Result<Vec<String>, Failure> {
        let mut removed = Vec::new();
        for path in self.older(keep)? {
            remove(&path)?;
            removed.push(path.display().to_string());
        }
        Ok(removed)
    }
}

fn remove(path: &Path) -> Result<(), Failure> {
    fs::remove_file(path).map_err(|error| {
        let message = format!(
            "The backup is made, but {} cannot be removed.",
            path.display()
        );
        Error::with_message(ErrorKind::StorageReadOnly, message)
            .caused_by(error)
            .into()
    })
}

/// The name of a backup that is made then: `portal-20260131-030000-000.db`.
fn dated_name(stem: &str, millis: i64) -> String {
    let at = Timestamp::from_millisecond(millis).unwrap_or_default();
    let second = at.strftime("%Y%m%d-%H%M%S");
    format!("{stem}-{second}-{:03}.db", millis.rem_euclid(1000))
}

fn is_dated(name: &str, stem: &str) -> bool {
    let date = name
        .strip_prefix(stem)
        .and_then(|rest| rest.strip_prefix('-'))
        .and_then(|rest| rest.strip_suffix(".db"));
    date.is_some_and(|date| {
        let parts: Vec<_> = date.split('-').collect();
        let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        parts.iter().map(|part| part.len()).eq([8, 6, 3])
            && parts.iter().all(|part| is_number(part))
    })
}

/// Shows on a terminal how far it is.
pub(super) fn watching(done: &'static str) -> impl FnMut(Progress) {
    let mut shown = None;
    move |progress| {
        let percent = (progress.done * 100)
            .checked_div(progress.total)
            .unwrap_or(100);
        if shown != Some(percent) {
            shown = Some(percent);
            let of = size(progress.total);
            output::progress(&format!("{percent} % of {of} {done}"), percent == 100);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dated_name_is_known_again_and_others_are_left_alone() {
        let name = dated_name("portal", 1_800_000_000_007);
        assert_eq!(name, "portal-20270115-080000-007.db");
        assert!(is_dated(&name, "portal"));
        for other in [
            "portal.db",
            "portal-20270115-080000-007.db-wal",
            "portal-20270115-080000.db",
            "portal-20270115-08000x-007.db",
            "other-20270115-080000-007.db",
            "portal-old-20270115-080000-007.db",
        ] {
            assert!(!is_dated(other, "portal"), "{other}");
        }
    }
}
