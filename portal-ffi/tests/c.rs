//! C is tested in C: compiles the header, the tests and the examples without a warning, and runs
//! them against the built libraries (SPEC 17.1, 17.8).
//!
//! Cargo has no way to name a library for a C compiler. What this relies on: the package's library is
//! one unit of all its crate types, and integration tests depend on it, so that `libportal.so` and
//! `libportal.a` of the same sources lie beside this test's executable. The tests call the compiler
//! that `SQLite` was built with, `cc`, or what `CC` and `CXX` name.

#![allow(missing_docs)]
#![cfg(unix)]

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;

use common::{libraries, library, run, workspace};

const STRICT: [&str; 4] = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"];

fn compiler(variable: &str, default: &str) -> Command {
    let name = std::env::var(variable).unwrap_or_else(|_| default.to_owned());
    let mut compiler = Command::new(name);
    compiler
        .args(STRICT)
        .arg("-I")
        .arg(workspace().join("include"));
    compiler
}

fn c99() -> Command {
    let mut compiler = compiler("CC", "cc");
    // Threads and the clock of the tests themselves are POSIX, which plain C99 hides.
    compiler.args(["-std=c99", "-D_POSIX_C_SOURCE=200809L", "-g"]);
    compiler
}

/// Compiles a program against the shared library.
fn program(source: &str, into: &Path) -> PathBuf {
    let program = into.join("program");
    let _ = library(if cfg!(target_os = "macos") {
        "dylib"
    } else {
        "so"
    });
    run(c99()
        .arg(workspace().join(source))
        .args(["-o".as_ref(), program.as_os_str()])
        .arg("-L")
        .arg(libraries())
        .args(["-lportal", "-pthread"]));
    program
}

/// Runs a program with the library beside this test. Cargo also puts `target/debug` on the search path,
/// where an older one may lie that `cargo build` has left.
fn start(program: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .env("LD_LIBRARY_PATH", libraries())
        .env("DYLD_LIBRARY_PATH", libraries());
    command
}

fn passes(source: &str) {
    let dir = tempfile::tempdir().unwrap();
    let program = program(source, dir.path());
    run(start(&program).arg(dir.path()));
}

#[test]
fn the_header_stands_alone_as_c99_and_as_cpp17_spec_17_1() {
    let header = workspace().join("include/portal.h");
    // As a file that includes nothing else; a header compiled by itself warns of being one.
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("alone.c");
    std::fs::write(
        &source,
        format!(
            "#include \"{}\"\nint main(void) {{ return 0; }}\n",
            header.display()
        ),
    )
    .unwrap();
    run(compiler("CC", "cc")
        .args(["-std=c99", "-fsyntax-only"])
        .arg(&source));
    run(compiler("CXX", "c++")
        .args(["-std=c++17", "-fsyntax-only", "-x", "c++"])
        .arg(&source));
}

#[test]
fn mistakes_are_statuses_spec_17_2() {
    passes("portal-ffi/tests/c/misuse.c");
}

#[test]
fn the_engine_answers_waits_and_closes_spec_17_3() {
    passes("portal-ffi/tests/c/engine.c");
}

#[test]
fn two_people_are_matched_spec_9_4() {
    passes("portal-ffi/tests/c/matching.c");
}

#[test]
fn what_is_done_all_day_has_functions_spec_17_3() {
    passes("portal-ffi/tests/c/typed.c");
}

#[test]
fn each_mistake_in_a_typed_call_has_a_name_spec_17_2() {
    passes("portal-ffi/tests/c/typed_misuse.c");
}

#[test]
fn two_people_talk_and_nobody_else_reads_spec_8_8() {
    passes("portal-ffi/tests/c/e2ee.c");
}

#[test]
fn each_mistake_with_a_key_or_a_buffer_has_a_name_spec_17_2() {
    passes("portal-ffi/tests/c/e2ee_misuse.c");
}

#[test]
fn a_host_hears_what_no_answer_tells_spec_17_4() {
    passes("portal-ffi/tests/c/log.c");
}

#[test]
fn a_host_runs_the_browsers_spec_11_3() {
    passes("portal-ffi/tests/c/browsers.c");
}

#[test]
fn a_host_that_runs_browsers_badly_does_no_harm_spec_17_2() {
    passes("portal-ffi/tests/c/browsers_misuse.c");
}

#[test]
fn keepers_work_side_by_side_and_end_with_their_portal_spec_17_5() {
    passes("portal-ffi/tests/c/browsers_threads.c");
}

#[test]
fn two_people_talk_with_keyrings_e2ee_8() {
    passes("portal-ffi/tests/c/keyring.c");
}

#[test]
fn each_mistake_in_a_call_of_a_keyring_has_a_name_spec_17_2() {
    passes("portal-ffi/tests/c/keyring_misuse.c");
}

#[test]
fn the_first_program_runs() {
    let dir = tempfile::tempdir().unwrap();
    let program = program("examples/c/first.c", dir.path());
    let said = run(start(&program).arg(dir.path().join("chat.db")));
    assert!(said.contains("\"name\":\"Lobby\""), "{said}");
}

#[test]
fn the_program_that_runs_browsers_runs_spec_11_3() {
    let dir = tempfile::tempdir().unwrap();
    let program = program("examples/c/browsers.c", dir.path());
    let said = run(start(&program).arg(dir.path().join("chat.db")));
    assert!(said.contains("\"password\":\"open sesame\""), "{said}");
}

#[test]
fn the_matchers_minute_of_grace_runs_out_by_the_hosts_clock_spec_9_9() {
    let dir = tempfile::tempdir().unwrap();
    let program = program("examples/c/matcher.c", dir.path());
    let said = run(start(&program).arg(dir.path().join("chat.db")));
    let back = said.find("room:peer_returned").expect("ben is back");
    let ended = said.find("\"reason\":\"peer_stayed_away\"");
    assert!(ended.is_some_and(|ended| ended > back), "{said}");
}

#[test]
fn a_chat_in_c_is_read_by_those_who_are_in_it_and_a_kick_moves_its_keys_spec_8_1() {
    let dir = tempfile::tempdir().unwrap();
    let program = program("examples/c/e2ee.c", dir.path());
    let said = run(start(&program).arg(dir.path().join("chat.db")));
    let after = said.split("ben says: Where were we?").nth(1).unwrap();
    assert!(after.contains("ada reads: Where were we?"), "{said}");
    assert!(after.contains("cyd reads: ERR_NO_ROOM_KEY"), "{said}");
    // What was said while she was there she can have kept.
    assert!(after.contains("cyd reads: Good morning, Ben"), "{said}");
    assert!(!after.contains("cyd reads: Where were we?"), "{said}");
}

/// The static library needs the system's libraries named; those of Linux.
#[test]
#[cfg(target_os = "linux")]
fn the_first_program_runs_from_the_static_library() {
    let dir = tempfile::tempdir().unwrap();
    let program = dir.path().join("program");
    run(c99()
        .arg(workspace().join("examples/c/first.c"))
        .args(["-o".as_ref(), program.as_os_str()])
        .arg(library("a"))
        .args(["-pthread", "-ldl", "-lm"]));
    run(Command::new(program).arg(dir.path().join("chat.db")));
}
