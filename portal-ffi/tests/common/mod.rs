//! Where the sources and the built libraries are.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

use std::path::{Path, PathBuf};

/// The directory of the workspace.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// Reads a file of the workspace.
#[track_caller]
pub fn read(path: impl AsRef<Path>) -> String {
    let path = workspace().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The directory of the libraries this test belongs to. Cargo builds every crate type of a package
/// before its integration tests, and leaves them beside the tests' executables.
pub fn libraries() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().unwrap().to_owned()
}

/// The built library `libportal.{extension}`.
#[track_caller]
pub fn library(extension: &str) -> PathBuf {
    let path = libraries().join(format!("libportal.{extension}"));
    assert!(path.is_file(), "{} has not been built", path.display());
    path
}

/// Runs a program and answers what it wrote to its output; its failure fails the test.
#[track_caller]
pub fn run(command: &mut std::process::Command) -> String {
    let done = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let output = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(
        done.status.success(),
        "{command:?}: {}\n{output}{}",
        done.status,
        String::from_utf8_lossy(&done.stderr)
    );
    output
}
