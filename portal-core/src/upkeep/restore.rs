//! Putting a backup back (SPEC 16.3): first a copy of it beside its place, made a file of its own and checked;
//! then, where nobody has the old file open, one renaming.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use super::backup::checked_copy;
use super::{Checked, Contents, Progress, contents, name_of, patience, sound};
use crate::actor::Actor;
use crate::error::{Error, ErrorKind, Result};
use crate::ops::check;
use crate::ops::restored::{BeginAnew, BegunAnew};
use crate::portal::{Options, Portal};
use crate::store::{self, FileLock, Hold, Look, Partial, forget_second_name};

/// A copy of a backup that is ready to be put in place. Dropping it removes it; nothing was changed then.
pub struct Restoring {
    file: PathBuf,
    aside: PathBuf,
    copy: Partial,
    options: Options,
    /// What the backup holds.
    pub backup: Contents,
    /// What the file holds that would be replaced; none where there is none, or where it cannot be read.
    pub present: Option<Contents>,
    /// Whether there is a file that would be replaced.
    pub replaces: bool,
    /// What a check of the restored file found.
    pub checked: Checked,
    begun: BegunAnew,
}

/// A file that was restored.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Restored {
    /// What it holds.
    pub contents: Contents,
    /// Where the replaced file is now; null if there was none.
    pub replaced: Option<String>,
    /// How many chats' epochs were moved on.
    pub chats_moved_on: u64,
    /// The event log's new name.
    pub log_id: String,
    /// What a check of it found.
    pub checked: Checked,
}

impl Restoring {
    /// Checks a backup and prepares a copy of it for its place: of this version's schema, with every chat's
    /// epoch moved on by 2^20, which drops every key, and with a new name of the event log.
    ///
    /// # Errors
    /// `ERR_STORAGE_LOCKED` while any process has the file open; `ERR_STORAGE_CORRUPT`
    /// for a damaged backup; `ERR_STORAGE_NEWER`, and those of [`super::back_up`].
    pub fn prepare(
        file: &Path,
        backup: &Path,
        options: &Options,
        caller: &Actor,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Self> {
        refuse_itself(file, backup)?;
        if store::beside(file, "-presence").exists() {
            drop(keep_servers_away(file)?);
        }
        Hold::probe(file)?;
        let replaces = file.exists();
        let aside = free_name(file, options)?;
        let (copy, backed_up) = checked_copy(backup, file, options, progress).map_err(|error| {
            let message = format!("{}: {}", backup.display(), error.message());
            error.saying(message)
        })?;
        let wanted = BeginAnew {
            backup: name_of(backup),
            replaced: replaces.then(|| name_of(&aside)),
        };
        let begun = begin_anew(copy.path(), options, caller, wanted)?;
        let look = Look::at(copy.path(), patience(options))?;
        let checked = check::examine_look(&look, copy.path(), options.clock.now())?;
        drop(look);
        Ok(Self {
            present: Look::at(file, patience(options))
                .and_then(|look| contents(&look))
                .ok(),
            file: file.to_owned(),
            aside,
            copy,
            options: options.clone(),
            backup: backed_up.contents,
            replaces,
            checked: sound(checked, "The restored copy", "nothing was changed")?,
            begun,
        })
    }

    /// The name that the replaced file keeps.
    pub fn aside(&self) -> &Path {
        &self.aside
    }

    /// Puts it in place. Whatever stops this on the way leaves the file that was there or the restored one,
    /// whole.
    ///
    /// # Errors
    /// `ERR_STORAGE_LOCKED` if a process has opened the file meanwhile.
    pub fn put_in_place(self) -> Result<Restored> {
        let _no_server = keep_servers_away(&self.file)?;
        forget_second_name(&self.file, &kept_before(&self.file)?)?;
        let hold = Hold::of(&self.file)?;
        hold.replace(&self.file, self.copy, Some(&self.aside))?;
        let placed = Look::at(&self.file, patience(&self.options))?;
        if events_log(&placed)? != self.begun.log_id {
            return Err(Error::new(ErrorKind::Storage));
        }
        Ok(Restored {
            contents: contents(&placed)?,
            replaced: self.replaces.then(|| self.aside.display().to_string()),
            chats_moved_on: self.begun.chats,
            log_id: self.begun.log_id,
            checked: self.checked,
        })
    }
}

fn events_log(look: &Look) -> Result<String> {
    crate::ops::events::log_id(look.db()?)
}

/// A file restored from itself would be lost where the copy failed.
fn refuse_itself(file: &Path, backup: &Path) -> Result<()> {
    match (file.canonicalize(), backup.canonicalize()) {
        (Ok(file), Ok(backup)) if file == backup => Err(Error::invalid(
            "FILE",
            "A file cannot be restored from itself.",
        )),
        _ => Ok(()),
    }
}

/// No server keeps presence for the file while this is held.
fn keep_servers_away(file: &Path) -> Result<FileLock> {
    FileLock::beside(file).map_err(|error| {
        if error.kind() != ErrorKind::PresenceTaken {
            return error;
        }
        let message = format!(
            "A server has {} open. Stop it first; nothing was changed.",
            file.display()
        );
        Error::with_message(ErrorKind::StorageLocked, message)
    })
}

/// Begins names of replaced files.
const ASIDE: &str = ".replaced-";

/// A name beside the file that is free: by the time, and a number where that is taken.
fn free_name(file: &Path, options: &Options) -> Result<PathBuf> {
    let at = options.clock.now().as_millis();
    let taken = kept_before(file)?;
    let names = std::iter::once(String::new()).chain((2_u32..).map(|number| format!("-{number}")));
    names
        .map(|suffix| store::beside(file, &format!("{ASIDE}{at}{suffix}")))
        .find(|name| !taken.contains(name))
        .ok_or_else(|| ErrorKind::Internal.into())
}

/// The replaced files that are kept beside the file.
fn kept_before(file: &Path) -> Result<Vec<PathBuf>> {
    let start = name_of(&store::beside(file, ASIDE));
    let directory = store::directory_of(file);
    let entries = std::fs::read_dir(directory).map_err(store::failed)?;
    let names = entries.flatten().filter_map(|entry| {
        let name = entry.file_name();
        let is_one = name.to_string_lossy().starts_with(&start);
        // By the name as the caller says the file's, so that the two compare.
        is_one.then(|| file.with_file_name(name))
    });
    Ok(names.collect())
}

/// Opens the copy, which brings it to this version's schema, and makes it a file of its own.
fn begin_anew(
    copy: &Path,
    options: &Options,
    caller: &Actor,
    wanted: BeginAnew,
) -> Result<BegunAnew> {
    let alone = Options {
        create: false,
        presence: false,
        max_file_bytes: None,
        clock: Arc::clone(&options.clock),
        random: Arc::clone(&options.random),
        ..options.clone()
    };
    let portal = Portal::open(copy, alone)?;
    let begun = portal.call(caller, wanted);
    portal.close();
    store::without_log(copy)?;
    begun
}
