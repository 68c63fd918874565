//! A file that a verb writes besides the database: new, and for its owner's eyes only.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind as Io, Write};
use std::path::Path;

use portal_core::{Error, ErrorKind};

use crate::exit::Failure;

/// Writes what `text` answers into a new file. One that is there is left alone, before anything is asked;
/// where something fails, half a file is left nowhere.
pub(crate) fn write_new(
    path: &Path,
    text: impl FnOnce() -> Result<String, Failure>,
) -> Result<(), Failure> {
    let mut file = create(path)?;
    let written = text().and_then(|text| Ok(file.write_all(text.as_bytes())?));
    if written.is_err() {
        // What went wrong first is what is told.
        let _ = fs::remove_file(path);
    }
    written
}

fn create(path: &Path) -> Result<File, Failure> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(|error| {
        let file = path.display();
        if error.kind() == Io::AlreadyExists {
            let message = format!("{file} exists already; nothing was changed.");
            return Error::with_message(ErrorKind::StorageExists, message).into();
        }
        Failure::usage("--output", format!("{file} cannot be made: {error}"))
    })
}
