//! The command line: help, usage errors, exit codes, where output goes.

mod common;

use std::fmt::Write as _;
use std::io::Read;
use std::process::Stdio;

use common::Bench;

const NOUNS: &[(&str, &[&str])] = &[
    (
        "db",
        &[
            "init", "check", "backup", "restore", "vacuum", "migrate", "stats",
        ],
    ),
    (
        "user",
        &[
            "create",
            "list",
            "show",
            "set-role",
            "set-tier",
            "subscription",
            "rename",
            "sign-in-code",
            "block",
            "unblock",
            "blocks",
            "inspect",
            "export",
            "delete",
        ],
    ),
    ("session", &["create", "list", "destroy"]),
    ("signup", &["create", "list", "revoke"]),
    (
        "chat",
        &[
            "create",
            "list",
            "show",
            "inspect",
            "update",
            "label",
            "transfer",
            "accept-transfer",
            "leave",
            "clear",
            "destroy",
        ],
    ),
    ("member", &["list", "add", "remove"]),
    (
        "mod",
        &[
            "kick",
            "mute",
            "unmute",
            "ban",
            "unban",
            "hard-mute",
            "hard-unmute",
            "timeout",
            "lift-timeout",
            "platform-ban",
            "platform-unban",
            "warn",
            "punishments",
            "activity",
        ],
    ),
    ("invite", &["create", "list", "revoke", "resolve"]),
    ("message", &["list", "delete", "delete-last"]),
    ("report", &["list", "show", "resolve"]),
    (
        "match",
        &[
            "status", "enqueue", "dequeue", "leave", "stats", "pause", "resume",
        ],
    ),
    ("stranger", &["list", "block", "unblock"]),
    ("bot", &["add", "list", "rotate", "remove"]),
    ("event", &["tail"]),
    ("audit", &["list"]),
    ("config", &["get", "set", "unset"]),
    ("op", &["list", "show", "call"]),
];

/// The whole grammar as people read it. `UPDATE_HELP=1` writes it anew.
#[test]
fn the_help_is_as_it_was_reviewed() {
    let bench = Bench::bare();
    let mut help = bench.run("--help").exits(0).out;
    for (noun, verbs) in NOUNS {
        let _ = write!(
            help,
            "\n==== {noun}\n\n{}",
            bench.run(&format!("{noun} -h")).exits(0).out
        );
        for verb in *verbs {
            let shown = bench.run(&format!("{noun} {verb} -h")).exits(0).out;
            // The global options are the same everywhere.
            let own = shown.split("\nGlobal options:").next().unwrap_or_default();
            let _ = write!(help, "\n== {noun} {verb}\n\n{own}");
        }
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/help.txt");
    if std::env::var_os("UPDATE_HELP").is_some() {
        std::fs::write(path, &help).unwrap();
    }
    let reviewed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        help == reviewed,
        "the help changed: run with UPDATE_HELP=1 and review tests/help.txt\n{help}"
    );
}

#[test]
fn every_noun_and_verb_is_in_the_reviewed_help() {
    let bench = Bench::bare();
    for (noun, verbs) in
        std::iter::once(("", NOUNS.iter().map(|(noun, _)| *noun).collect::<Vec<_>>()))
            .chain(NOUNS.iter().map(|(noun, verbs)| (*noun, verbs.to_vec())))
    {
        let help = bench.run(format!("{noun} -h").trim()).exits(0).out;
        let listed: Vec<&str> = help
            .lines()
            .skip_while(|line| *line != "Commands:")
            .skip(1)
            .take_while(|line| !line.is_empty())
            // What is indented further is a line that goes on.
            .filter_map(|line| {
                line.strip_prefix("  ")
                    .filter(|rest| !rest.starts_with(' '))
            })
            .filter_map(|line| line.split_whitespace().next())
            .filter(|word| *word != "help")
            .collect();
        assert_eq!(listed, verbs, "{noun}");
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
