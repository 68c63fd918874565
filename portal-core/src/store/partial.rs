//! A file in the making: written under a name of its own in the directory where it belongs, and put into
//! its place whole or not at all. Whoever is killed meanwhile leaves a name that the next one clears away.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use super::beside;
use crate::error::{Error, ErrorKind, Result};

/// How such a name ends.
const SUFFIX: &str = ".portal-partial";

/// What `SQLite` may have put beside a file.
const COMPANIONS: [&str; 3] = ["-wal", "-shm", "-journal"];

/// A file that is not in its place yet, for its owner's eyes only. Dropping it removes it.
pub(crate) struct Partial {
    path: PathBuf,
    /// Held locked, so that nobody takes it for one that a killed process left.
    file: File,
    is_placed: bool,
}

impl Partial {
    /// An empty file in the directory of the target.
    ///
    /// # Errors
    /// `ERR_STORAGE_NOT_FOUND` or `ERR_STORAGE_READONLY` where none can be made there.
    pub(crate) fn for_target(target: &Path) -> Result<Self> {
        let path = beside(target, &format!(".{}{SUFFIX}", std::process::id()));
        clear_away(directory_of(&path));
        let file = create(&path).map_err(|error| cannot_make(target, error))?;
        // Before it was locked it could be taken for a left one.
        if file.try_lock().is_err() || !path.exists() {
            let message = "Another process is at work in that directory; try again.";
            return Err(Error::with_message(ErrorKind::StorageLocked, message));
        }
        Ok(Self {
            path,
            file,
            is_placed: false,
        })
    }

    /// Where it is for now.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Waits until it is on disk.
    pub(crate) fn flush(&self) -> Result<()> {
        self.file.sync_all().map_err(failed)
    }

    /// Gives it the owner and the rights of another file: root may look after a file that a server of
    /// another user is to open again.
    pub(crate) fn belong_like(&self, other: &Path) -> Result<()> {
        let theirs = fs::metadata(other).map_err(failed)?;
        give_to_owner_of(&self.file, &theirs).map_err(failed)?;
        self.file
            .set_permissions(theirs.permissions())
            .map_err(failed)
    }

    /// Puts it where nothing is yet.
    ///
    /// # Errors
    /// `ERR_STORAGE_EXISTS`.
    pub(crate) fn place_new(mut self, target: &Path) -> Result<()> {
        self.flush()?;
        // Unlike a renaming, a link never replaces what somebody else put there meanwhile.
        match fs::hard_link(&self.path, target) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(exists(target));
            }
            // A filesystem without links.
            Err(_) if !target.exists() => {
                fs::rename(&self.path, target).map_err(failed)?;
                self.is_placed = true;
            }
            Err(error) => return Err(failed(error)),
        }
        flush_directory(target)
    }

    /// Puts it in the place of another, which is gone at that moment.
    pub(crate) fn place_over(mut self, target: &Path) -> Result<()> {
        self.flush()?;
        fs::rename(&self.path, target).map_err(failed)?;
        self.is_placed = true;
        flush_directory(target)
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.is_placed {
            remove(&self.path);
        }
    }
}

/// Gives a file the owner that another has.
pub(super) fn give_to_owner_of(file: &File, other: &fs::Metadata) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, fchown};
        let ours = file.metadata()?;
        if (ours.uid(), ours.gid()) != (other.uid(), other.gid()) {
            fchown(file, Some(other.uid()), Some(other.gid()))?;
        }
    }
    Ok(())
}

/// `ERR_STORAGE_EXISTS`, with the file's name.
pub(crate) fn exists(file: &Path) -> Error {
    let message = format!("{} exists already; nothing was changed.", file.display());
    Error::with_message(ErrorKind::StorageExists, message)
}

/// A failure of the filesystem.
pub(crate) fn failed(error: io::Error) -> Error {
    let kind = match error.kind() {
        io::ErrorKind::StorageFull => ErrorKind::StorageFull,
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            ErrorKind::StorageReadOnly
        }
        io::ErrorKind::NotFound => ErrorKind::StorageNotFound,
        _ => ErrorKind::Storage,
    };
    Error::new(kind).caused_by(error)
}

/// Waits until the names in a file's directory are on disk.
pub(crate) fn flush_directory(file: &Path) -> Result<()> {
    if cfg!(unix) {
        let directory = File::open(directory_of(file)).map_err(failed)?;
        directory.sync_all().map_err(failed)?;
    }
    Ok(())
}

/// The directory of a file; of a bare name, this one.
pub(crate) fn directory_of(file: &Path) -> &Path {
    match file.parent() {
        Some(directory) if directory != Path::new("") => directory,
        _ => Path::new("."),
    }
}

fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn cannot_make(target: &Path, error: io::Error) -> Error {
    let directory = directory_of(target).display().to_string();
    let message = match error.kind() {
        io::ErrorKind::AlreadyExists => {
            "Another process is at work in that directory; try again.".to_owned()
        }
        _ => format!("No file can be made in {directory}."),
    };
    let kind = match error.kind() {
        io::ErrorKind::AlreadyExists => ErrorKind::StorageLocked,
        _ => failed(io::Error::from(error.kind())).kind(),
    };
    Error::with_message(kind, message).caused_by(error)
}

/// Removes what killed processes left in a directory. What somebody is writing is locked.
pub(crate) fn clear_away(directory: &Path) {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    for entry in entries {
        let path = entry.path();
        if is_partial(&path)
            && let Ok(file) = File::open(&path)
            && file.try_lock().is_ok()
        {
            remove(&path);
        }
    }
}

fn is_partial(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.strip_suffix(SUFFIX)
        .and_then(|rest| rest.rsplit_once('.'))
        .is_some_and(|(_, pid)| !pid.is_empty() && pid.bytes().all(|b| b.is_ascii_digit()))
}

/// What cannot be removed is tried again by the next one.
fn remove(path: &Path) {
    for companion in COMPANIONS {
        let _ = fs::remove_file(beside(path, companion));
    }
    let _ = fs::remove_file(path);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn what_a_killed_process_left_is_cleared_away_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        for name in [
            "a.db.17.portal-partial",
            "a.db.17.portal-partial-wal",
            "b.portal-partial",
            "a.db",
        ] {
            fs::write(dir.path().join(name), "x").unwrap();
        }
        let busy = dir.path().join("c.db.18.portal-partial");
        let theirs = create(&busy).unwrap();
        theirs.try_lock().unwrap();
        drop(Partial::for_target(&dir.path().join("new.db")).unwrap());
        assert_eq!(
            names(dir.path()),
            ["a.db", "b.portal-partial", "c.db.18.portal-partial"]
        );
    }

    #[test]
    fn a_new_place_must_be_empty_and_another_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("place");
        let partial = || {
            let partial = Partial::for_target(&place).unwrap();
            fs::write(partial.path(), "new").unwrap();
            partial
        };
        partial().place_new(&place).unwrap();
        fs::write(&place, "old").unwrap();
        let refused = partial().place_new(&place).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::StorageExists);
        assert_eq!(fs::read_to_string(&place).unwrap(), "old");
        partial().place_over(&place).unwrap();
        assert_eq!(fs::read_to_string(&place).unwrap(), "new");
        assert_eq!(names(dir.path()), ["place"]);
    }
}
