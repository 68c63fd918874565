//! The file among its neighbours: what its log holds, and who else may read or replace them.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Report, Rule, Weight};
use crate::store::{beside, directory_of};

/// The code of what [`close_to_others`] puts right.
pub(crate) const READABLE: &str = "readable_by_others";

pub(super) fn examine(file: &Path, report: &mut Report) {
    let log = beside(file, "-wal");
    let held = fs::metadata(log).map_or(0, |log| log.len());
    report.checks += 1;
    if held > 0 {
        let rule = Rule {
            code: "log_not_empty",
            meaning: "The write-ahead log holds commits; what was deleted lately may still be read in it.",
            advice: "Normal while a server runs: it empties the log by itself. Otherwise run `portal-cli op call housekeeping.tick`.",
            sql: "",
        };
        report.add(Weight::Advice, &rule, &[format!("{held} bytes")]);
    }
    report.checks += 1;
    let rule = Rule {
        code: READABLE,
        meaning: "Other users of this machine can read or write the file: names, memberships and who talked when.",
        advice: "Run `chmod 600` on the files named, and keep them in a directory of their own.",
        sql: "",
    };
    let open: Vec<String> = files(file)
        .filter(|file| mode(file) & 0o007 != 0)
        .map(|file| file.display().to_string())
        .collect();
    report.add(Weight::Advice, &rule, &open);
    report.checks += 1;
    let directory = directory_of(file);
    if mode(directory) & 0o002 != 0 {
        let rule = Rule {
            code: "directory_writable",
            meaning: "Other users of this machine can make files in the directory, such as a log beside the database.",
            advice: "Keep the database in a directory of its own that only its user may write to.",
            sql: "",
        };
        report.add(Weight::Advice, &rule, &[directory.display().to_string()]);
    }
}

/// The file and what lies beside it.
fn files(file: &Path) -> impl Iterator<Item = PathBuf> {
    ["", "-wal", "-shm"]
        .map(|suffix| beside(file, suffix))
        .into_iter()
}

/// Takes the rights of other users of the machine away. What cannot be changed, the next check tells.
pub(crate) fn close_to_others(file: &Path) {
    #[cfg(unix)]
    for file in files(file).filter(|file| mode(file) & 0o007 != 0) {
        use std::os::unix::fs::PermissionsExt;
        let kept = fs::Permissions::from_mode(mode(&file) & 0o770);
        let _ = fs::set_permissions(file, kept);
    }
}

#[cfg(unix)]
fn mode(file: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(file).map_or(0, |metadata| metadata.permissions().mode())
}

#[cfg(not(unix))]
fn mode(_: &Path) -> u32 {
    0
}
