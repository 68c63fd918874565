//! The command line: help, usage errors, exit codes, where output goes.

mod common;

use std::fmt::Write as _;
use std::io::Read;
use std::process::Stdio;

use common::{Bench, grammar, hold, verbs};

/// The whole grammar as people read it: tests/help has a file for each noun.
#[test]
fn the_help_is_as_it_was_reviewed() {
    let bench = Bench::bare();
    hold(
        "portal-cli/tests/help/portal-cli.txt",
        &bench.run("--help").exits(0).out,
    );
    let mut kept = vec!["portal-cli.txt".to_owned()];
    for (noun, verbs) in grammar(&bench) {
        let mut help = bench.run(&format!("{noun} -h")).exits(0).out;
        for verb in verbs {
            let shown = bench.run(&format!("{noun} {verb} -h")).exits(0).out;
            // The global options are the same everywhere.
            let (own, rest) = shown.split_once("\nGlobal options:").unwrap();
            let (_, after) = rest.split_once("\n\n").unwrap();
            let _ = write!(help, "\n==== {noun} {verb}\n\n{own}\n{after}");
        }
        hold(&format!("portal-cli/tests/help/{noun}.txt"), &help);
        kept.push(format!("{noun}.txt"));
    }
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/help");
    for file in std::fs::read_dir(folder).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        assert!(kept.contains(&name), "tests/help/{name} is of no noun");
    }
}

#[test]
fn every_verb_has_an_example_in_its_help() {
    let bench = Bench::bare();
    for verb in verbs(&bench) {
        let help = bench.run(&format!("{verb} -h")).exits(0).out;
        let (_, examples) = help
            .split_once("Example")
            .unwrap_or_else(|| panic!("{verb}"));
        assert!(examples.contains("portal-cli "), "{verb}");
    }
}

#[test]
fn a_wrong_command_line_exits_2_and_says_so_on_stderr() {
    let bench = Bench::new();
    for words in [
        "",
        "paint",
        "user",
        "user paint",
        "user create",
        "chat create --type SECRET --name X",
        "user list --limit many",
        "user create ada --role king",
        "--wait-ms soon user list",
        "invite create 1 --expires-in 5w",
        "event tail --after 1 --last 2",
    ] {
        let words: Vec<&str> = words.split_whitespace().collect();
        let ran = bench.run_args(&words).exits(2);
        assert_eq!(ran.out, "", "{words:?}");
        assert!(!ran.err.is_empty(), "{words:?}");
    }
}

#[test]
fn a_wrong_command_line_is_json_where_json_was_asked_for() {
    let bench = Bench::new();
    let error = bench.run("user create --json").refused(2, "ERR_INVALID");
    let message = error["message"].as_str().unwrap();
    assert!(
        message.contains("NAME") && !message.contains("Usage"),
        "{message}"
    );
}

#[test]
fn each_kind_of_failure_has_its_exit_code_spec_16_1() {
    let bench = Bench::with_people();
    bench.run("--json user create x").refused(2, "ERR_INVALID");
    bench
        .run("--json op call chat.paint")
        .refused(2, "ERR_UNKNOWN_OPERATION");
    bench
        .run("--json chat show 99")
        .refused(3, "ERR_CHAT_NOT_FOUND");
    bench
        .run("--json --as 4 user create carl")
        .refused(4, "ERR_FORBIDDEN");
    bench
        .run("--json --as 99 user create carl")
        .refused(3, "ERR_USER_NOT_FOUND");
    bench
        .run("--json user create ADA")
        .refused(5, "ERR_USERNAME_TAKEN");
    bench
        .run("--json --db nowhere.db user list")
        .refused(6, "ERR_STORAGE_NOT_FOUND");
}

#[test]
fn people_read_a_sentence_the_code_and_the_field() {
    let bench = Bench::new();
    let ran = bench.run("user create x").exits(2);
    assert!(
        ran.err.starts_with("error: ") && ran.err.contains("(ERR_INVALID; field: username)"),
        "{}",
        ran.err
    );
    assert_eq!(ran.out, "");
}

#[test]
fn the_file_is_named_by_option_or_environment() {
    let bench = Bench::bare();
    let elsewhere = bench.dir.path().join("elsewhere.db");
    common::ran(
        bench
            .command()
            .args(["db", "init"])
            .env("PORTAL_DB", &elsewhere),
    )
    .exits(0);
    assert!(elsewhere.exists() && !bench.file().exists());
    bench.run("--db elsewhere.db user create ada").exits(0);
}

#[test]
fn a_reader_who_leaves_early_is_no_failure() {
    let bench = Bench::with_people();
    // More than a pipe holds.
    let params = format!(
        "{{\"chat_type\":\"PRIVATE\",\"name\":\"A chat\",\"owner_id\":3,\"description\":\"{}\"}}",
        "x".repeat(400)
    );
    bench
        .run_args(&["op", "call", "chat.create", &params])
        .exits(0);
    let mut child = bench
        .command()
        .args(["op", "list", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut said = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    assert_eq!((child.wait().unwrap().code(), said.as_str()), (Some(0), ""));
}

#[cfg(target_os = "linux")]
#[test]
fn an_answer_that_cannot_be_written_out_is_no_defect_of_ours_and_what_was_done_stays() {
    let bench = Bench::new();
    let full = std::fs::File::options()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let mut command = bench.command();
    command.args(["--json", "user", "create", "zoe"]);
    let ran = command.stdout(full).output().unwrap();
    assert_eq!(ran.status.code(), Some(6), "{ran:?}");
    let said = String::from_utf8(ran.stderr).unwrap();
    assert!(said.contains("ERR_STORAGE_FULL"), "{said}");
    assert!(said.contains("stays changed"), "{said}");
    bench.run("user show zoe").exits(0);
}

#[test]
fn colours_are_for_terminals_or_whoever_asks() {
    let bench = Bench::with_people();
    for words in [
        "user list",
        "--color never user list",
        "--json --color always user list",
    ] {
        let ran = bench.run(words).exits(0);
        assert!(!ran.out.contains('\u{1b}'), "{words}: {}", ran.out);
    }
    let table = bench.run("--color always user list").exits(0).out;
    assert!(table.starts_with("\u{1b}[1mID  USERNAME"), "{table:?}");
    let refusal = bench.run("--color always user create x").exits(2).err;
    assert!(
        refusal.starts_with("\u{1b}[1;31merror:\u{1b}[0m "),
        "{refusal:?}"
    );
    bench.run("--color sometimes user list").exits(2);
}
