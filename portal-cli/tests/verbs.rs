//! Every verb through the real program: verbs.txt says what is run and how it ends, for people and with
//! `--json`. Every verb of the grammar has to be there, and every error that docs/cli-json.md names.

mod common;
#[path = "../../portal-core/tests/common/fake.rs"]
#[allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "another's tests use all of it"
)]
mod fake;

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::{Bench, Ran, verbs};
use portal_core::{Options, Portal};
use serde_json::Value;

/// Errors that are documented and not to be had from the command line.
const UNREACHABLE: &[(&str, &str)] = &[
    ("ERR_UNAUTHENTICATED", "nobody here is a guest"),
    ("ERR_NOT_CONNECTED", "this program keeps no presence"),
    (
        "invite resolve ERR_RATE_LIMITED",
        "ten runs within a minute; portal-core/tests/resolve.rs",
    ),
    (
        "mod mute ERR_TARGET_IS_OWNER",
        "said of kick and ban, in the sentence that they share",
    ),
    ("mod unmute ERR_TARGET_IS_OWNER", "as above"),
    ("mod unban ERR_TARGET_IS_OWNER", "as above"),
    (
        "mod unmute ERR_INVALID",
        "it takes nothing that could be wrong",
    ),
    ("mod unban ERR_INVALID", "as above"),
];

/// What prints something else than JSON, whatever is asked for.
const NOT_JSON: &[&str] = &["completions", "docs"];

/// A run of a verb.
struct Case {
    exit: i32,
    code: Option<String>,
    words: Vec<String>,
    stdin: Option<String>,
    line: String,
}

fn cases() -> BTreeMap<String, Vec<Case>> {
    let mut cases: BTreeMap<String, Vec<Case>> = BTreeMap::new();
    let mut verb = String::new();
    let text = include_str!("verbs.txt").lines();
    for line in text.filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix("== ") {
            name.clone_into(&mut verb);
            assert!(
                cases.insert(verb.clone(), Vec::new()).is_none(),
                "{name} twice"
            );
            continue;
        }
        let (run, stdin) = match line.split_once(" <") {
            Some((run, stdin)) => (run, Some(stdin.trim_start().replace("\\n", "\n"))),
            None => (line, None),
        };
        let mut words = run.split(' ').map(|word| word.replace('~', " "));
        let exit = words.next().unwrap().parse().unwrap();
        let mut words: Vec<_> = words.collect();
        let code = words[0].starts_with("ERR_").then(|| words.remove(0));
        cases.get_mut(&verb).unwrap().push(Case {
            exit,
            code,
            words,
            stdin,
            line: line.to_owned(),
        });
    }
    cases
}

/// What docs/cli-json.md says of a verb: the operation that it is, if it is one, and the errors.
struct Documented {
    operation: Option<String>,
    errors: Vec<String>,
}

fn documented() -> BTreeMap<String, Documented> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/cli-json.md");
    let text = std::fs::read_to_string(path).unwrap();
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.map(|row| {
        let (verb, rest) = row.split_once("` | ").unwrap();
        let (document, errors) = rest.trim_end_matches('|').rsplit_once(" | ").unwrap();
        let operation = document
            .strip_prefix("the reply of `")
            .and_then(|rest| rest.strip_suffix('`'))
            .filter(|operation| !operation.contains('`'));
        let errors = errors
            .split(',')
            .map(|code| code.trim().trim_matches('`').to_owned());
        let documented = Documented {
            operation: operation.map(str::to_owned),
            errors: errors.filter(|code| !code.is_empty()).collect(),
        };
        (verb.to_owned(), documented)
    })
    .collect()
}

/// A file in which every verb has something to do:
///
/// olga (1) owner, ada (2) admin, pia (3) premium and waiting for a match, ben (4), mona (5) moderator and tim (6), both
/// banned from /square, two strangers (7, and 10 who is blocked), lia (8) lifetime, tad (9) timed out, bob
/// (11) banned, full (12) premium without a free slot, old (13) whose premium is over. Chats: 1 OFFICIAL /lobby
/// of ada, 2 PRIVATE of pia with ben, offered to lia, 3 PUBLIC /square of pia with 20 invites, offered to full, 4 DIRECT of
/// ben and lia, 5 DIRECT of lia and tim, 6 to 8 PRIVATE of full, 6 offered to old, 9 of old. ben has a session, blocked ada,
/// reported pia's message 11; there is a bot, and a code of each kind.
fn stage() -> Bench {
    let bench = Bench::with_people();
    for words in [
        "user create mona --role moderator",
        "user create tim",
        "op call stranger.create",
        "user create lia --tier lifetime",
        "user create tad",
        "op call stranger.create",
        "user create bob",
        "user create full --tier premium",
        "user create old --tier premium",
        "chat create --type OFFICIAL --name Lobby --owner ada --slug lobby",
        "chat create --type PRIVATE --name Den --owner pia",
        "chat create --type PUBLIC --name Square --owner pia --slug square",
        "member add 2 ben",
        "--as ben match enqueue tea",
        "--as lia match enqueue tea",
        "--as tim match enqueue nuts",
        "--as lia match enqueue nuts",
        "chat create --type PRIVATE --name One --owner full",
        "chat transfer 6 old",
        "chat transfer square full",
        "chat create --type PRIVATE --name Two --owner full",
        "chat create --type PRIVATE --name Three --owner full",
        "chat create --type PRIVATE --name Old --owner old",
        "user set-tier old basic",
        "--as pia match enqueue music",
        "--as ben user block ada",
        "chat transfer 2 lia",
        "mod ban square tim",
        "mod ban square mona",
        "mod timeout tad --for 7d --yes",
        "mod platform-ban bob --yes",
        "stranger block 10",
        "bot add telegram Door~man",
    ] {
        bench.run(words).exits(0);
    }
    for _ in 0..20 {
        bench.run("invite create square").exits(0);
    }
    // Past the library, so that names are known: codes, a session, messages that took no key.
    bench
        .raw()
        .execute_batch(
            "INSERT INTO invite (code, chat_id, created_at) VALUES ('invitecode000001', 2, 0);
             INSERT INTO signup_code (code, created_at) VALUES ('signupcode000001', 0);
             INSERT INTO session (user_id, token_hash, created_at, expires_at)
             VALUES (4, x'0000000000000000000000000000000000000000000000000000000000abcdef', 0, 9000000000000);
             UPDATE chat SET next_message_id = 20 WHERE id = 2;
             INSERT INTO message (chat_id, id, sender_id, sender_role, epoch, content, created_at)
             SELECT 2, value, iif(value = 14, 4, 3), 0, epoch, 'sealed', 0
             FROM chat, json_each('[11, 12, 13, 14]') WHERE chat.id = 2;",
        )
        .unwrap();
    let report = r#"{"chat_id":2,"message_id":11,"reason":"rude"}"#;
    bench
        .run_args(&["--as", "ben", "op", "call", "report.create", report])
        .exits(0);
    bench
}

/// As a server does that runs browsers, of which nobody sees any.
fn serve_browsers(bench: &Bench) -> Portal {
    let options = Options {
        presence: true,
        browsers: Some(Arc::new(fake::Fake::default())),
        ..Options::default()
    };
    Portal::open(bench.file(), options).unwrap()
}

/// Runs a case on a copy of the stage.
fn run(stage: &Bench, verb: &str, case: &Case, json: bool) -> Ran {
    let bench = Bench::bare();
    std::fs::copy(stage.file(), bench.file()).unwrap();
    let none_are_run = case.code.as_deref() == Some("ERR_BROWSER_UNAVAILABLE");
    let _server = (verb.starts_with("browser ") && !none_are_run).then(|| serve_browsers(&bench));
    let mut words: Vec<&str> = case.words.iter().map(String::as_str).collect();
    if json {
        words.insert(0, "--json");
    }
    match &case.stdin {
        Some(stdin) => bench.run_with_stdin(&words, stdin),
        None => bench.run_args(&words),
    }
}

/// The schema of every operation's reply.
fn replies(bench: &Bench) -> BTreeMap<String, Value> {
    let all = bench.run("op list --json").json();
    let entry = |entry: &Value| {
        let name = entry["name"].as_str().unwrap().to_owned();
        (name, entry["reply"].clone())
    };
    all.as_array().unwrap().iter().map(entry).collect()
}

/// Whether a document has what the schema of the operation's reply asks for, and nothing else.
fn check_reply(schema: &Value, document: &Value, line: &str) {
    let Some(properties) = schema["properties"].as_object() else {
        return;
    };
    let fields = document
        .as_object()
        .unwrap_or_else(|| panic!("{line}: {document}"));
    for required in schema["required"].as_array().into_iter().flatten() {
        assert!(
            fields.contains_key(required.as_str().unwrap()),
            "{line}: no {required}"
        );
    }
    // What is flattened into a reply and may be absent is open in its schema.
    if schema["anyOf"].is_null() && schema["oneOf"].is_null() {
        for field in fields.keys() {
            assert!(
                properties.contains_key(field),
                "{line}: {field} is not in the schema"
            );
        }
    }
}

fn check(stage: &Bench, verb: &str, reply: Option<&Value>, case: &Case) {
    let line = &case.line;
    let people = run(stage, verb, case, false);
    assert_eq!(people.code, case.exit, "{line}: {people:?}");
    let programs = run(stage, verb, case, true);
    assert_eq!(programs.code, case.exit, "{line}: {programs:?}");
    match &case.code {
        // A list tells of its lines on stdout.
        Some(code) if !programs.out.is_empty() => check_list(code, &people, &programs, line),
        Some(code) => check_refusal(code, &people, &programs, line),
        None => check_success(verb, reply, (&people, &programs), line),
    }
}

fn check_list(code: &str, people: &Ran, programs: &Ran, line: &str) {
    let list: Value = serde_json::from_str(&programs.out).unwrap();
    let lines = list["lines"].as_array().unwrap();
    let of = |kind: &str| lines.iter().filter(|line| line[kind].is_object()).count();
    assert_eq!(
        (&list["done"], &list["failed"]),
        (&of("reply").into(), &of("error").into()),
        "{line}"
    );
    assert!(
        lines.iter().any(|line| line["error"]["code"] == code),
        "{line}: {list}"
    );
    assert_eq!(
        people.out.lines().count(),
        lines.len(),
        "{line}: {people:?}"
    );
    assert!(
        people.out.contains(&format!("({code})")),
        "{line}: {people:?}"
    );
    for ran in [people, programs] {
        assert!(ran.err.ends_with(" not tried\n"), "{line}: {ran:?}");
    }
}

fn check_refusal(code: &str, people: &Ran, programs: &Ran, line: &str) {
    assert_eq!(
        (people.out.as_str(), programs.out.as_str()),
        ("", ""),
        "{line}"
    );
    let said = programs.err.lines().last().unwrap_or_default();
    let body: Value = serde_json::from_str(said).unwrap_or_else(|_| panic!("{line}: {programs:?}"));
    assert_eq!(body["error"]["code"], code, "{line}: {programs:?}");
    // A wrong word of the command line is explained by its usage, without a code.
    let explained = people.err.contains(&format!("({code}"));
    assert!(explained || people.code == 2, "{line}: {people:?}");
    assert!(
        people.err.lines().any(|line| line.starts_with("error: ")),
        "{line}: {people:?}"
    );
}

fn check_success(verb: &str, reply: Option<&Value>, (people, programs): (&Ran, &Ran), line: &str) {
    assert!(
        !(people.out.is_empty() && people.err.is_empty()) || verb == "docs",
        "{line}: silence"
    );
    if NOT_JSON.contains(&verb) {
        return;
    }
    let documents: Vec<Value> = programs
        .out
        .lines()
        .map(|text| serde_json::from_str(text).unwrap_or_else(|_| panic!("{line}: {text}")))
        .collect();
    assert!(!documents.is_empty(), "{line}: no document");
    if let Some(schema) = reply {
        assert_eq!(documents.len(), 1, "{line}");
        check_reply(schema, &documents[0], line);
    }
}

#[test]
fn every_verb_does_what_it_says_and_fails_as_documented() {
    let stage = stage();
    let documented = documented();
    let replies = replies(&stage);
    let cases = cases();
    let all: Vec<_> = cases
        .iter()
        .flat_map(|(verb, cases)| cases.iter().map(move |case| (verb, case)))
        .collect();
    let failures = AtomicUsize::new(0);
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for part in all.chunks(all.len().div_ceil(workers)) {
            let (stage, documented, replies) = (&stage, &documented, &replies);
            let failures = &failures;
            scope.spawn(move || {
                for (verb, case) in part {
                    let operation = documented
                        .get(*verb)
                        .and_then(|says| says.operation.as_ref());
                    let reply = operation.map(|name| &replies[name]);
                    // Each says for itself what was wrong.
                    let checked =
                        catch_unwind(AssertUnwindSafe(|| check(stage, verb, reply, case)));
                    failures.fetch_add(usize::from(checked.is_err()), Ordering::SeqCst);
                }
            });
        }
    });
    assert_eq!(failures.into_inner(), 0, "runs of verbs.txt");
}

#[test]
fn every_verb_of_the_grammar_is_run_with_success_and_failure() {
    let grammar: BTreeSet<String> = verbs(&Bench::bare()).into_iter().collect();
    let cases = cases();
    let run: BTreeSet<String> = cases.keys().cloned().collect();
    assert_eq!(
        grammar, run,
        "verbs.txt and the grammar are not of the same verbs"
    );
    for (verb, cases) in &cases {
        // A server is needed: tests/watching.rs.
        let succeeds = cases.iter().any(|case| case.exit == 0) || verb == "server status";
        assert!(succeeds, "{verb} is never run with success");
    }
}

#[test]
fn every_documented_error_is_shown() {
    let cases = cases();
    let mut missing = Vec::new();
    for (verb, says) in documented() {
        let shown: Vec<&str> = cases[&verb]
            .iter()
            .filter_map(|case| case.code.as_deref())
            .collect();
        for error in &says.errors {
            let unreachable = UNREACHABLE
                .iter()
                .any(|(code, _)| code == error || format!("{verb} {error}") == **code);
            if !unreachable && !shown.contains(&error.as_str()) {
                missing.push(format!("{verb}: {error}"));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}
