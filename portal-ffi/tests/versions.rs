//! One version, Cargo's, wherever it is said (SPEC 17.8). `tests/header.rs` has the header's, and
//! `tests/installed/files.sh` compares what is installed.

#![allow(missing_docs)]

mod common;

use common::read;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Libraries of one series can stand for each other: the major version, before 1.0 with the minor one.
fn series() -> String {
    let (major, minor) = (
        env!("CARGO_PKG_VERSION_MAJOR"),
        env!("CARGO_PKG_VERSION_MINOR"),
    );
    if major == "0" {
        format!("{major}.{minor}")
    } else {
        major.to_owned()
    }
}

#[track_caller]
fn says(path: &str, what: &str) {
    assert!(read(path).contains(what), "{path} does not say {what}");
}

#[test]
fn cmake_says_the_version_of_cargo_spec_17_8() {
    says(
        "portal-ffi/cmake/portal-config-version.cmake",
        &format!("set(PACKAGE_VERSION \"{VERSION}\")"),
    );
}

#[test]
fn the_library_says_the_version_of_cargo_spec_17_8() {
    let parts = [
        env!("CARGO_PKG_VERSION_MAJOR"),
        env!("CARGO_PKG_VERSION_MINOR"),
        env!("CARGO_PKG_VERSION_PATCH"),
    ];
    let [major, minor, patch] = parts.map(|part| part.parse::<i32>().unwrap());
    assert_eq!(
        portal::portal_version_number(),
        major * 1_000_000 + minor * 1_000 + patch
    );
}

/// An example that loads another series would call functions that take something else.
#[test]
fn the_examples_ask_for_this_series_spec_17_8() {
    let series = series();
    for path in ["examples/c/CMakeLists.txt", "examples/cpp/CMakeLists.txt"] {
        says(path, &format!("find_package(portal {series} REQUIRED)"));
    }
    for path in ["examples/python/portal/_c.py", "examples/node/library.js"] {
        says(path, &format!("SERIES = \"{series}\""));
    }
    says(
        "examples/python/pyproject.toml",
        &format!("version = \"{VERSION}\""),
    );
    says(
        "examples/node/package.json",
        &format!("\"version\": \"{VERSION}\""),
    );
}
