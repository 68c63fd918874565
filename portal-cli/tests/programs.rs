//! `event`, `op`, `config`: what programs and operators build upon.

mod common;

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use common::Bench;
use serde_json::{Value, json};

/// A chat with two events behind it.
fn with_events() -> Bench {
    let bench = Bench::with_people();
    bench
        .run("chat create --type PRIVATE --name A~chat --owner 3")
        .exits(0);
    bench.run("chat update 1 --name First").exits(0);
    bench.run("chat update 1 --name Second").exits(0);
    bench
}

#[test]
fn the_tail_is_the_last_events_in_order() {
    let bench = with_events();
    let lines = bench.run("event tail --json --last 2").exits(0).out;
    let events: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(events.len(), 2);
    assert!(events[0]["seq"].as_u64() < events[1]["seq"].as_u64());
    assert_eq!(events[1]["name"], "room:updated");
    assert_eq!(events[1]["data"]["changed"], json!(["name"]));
    let people = bench.run("event tail").exits(0).out;
    assert!(
        people.contains("room:updated") && people.contains("Z  "),
        "{people}"
    );
    assert_eq!(
        bench
            .run("event tail --after 0 --count 1")
            .exits(0)
            .out
            .lines()
            .count(),
        1
    );
    bench
        .run("--json --as 4 event tail")
        .refused(4, "ERR_FORBIDDEN");
}

#[test]
fn a_place_that_the_log_does_not_reach_is_refused_spec_12_2() {
    let bench = with_events();
    let end = bench.number("portal.db", "SELECT max(seq) FROM event");
    bench.run(&format!("event tail --after {end}")).exits(0);
    let beyond = format!("--json event tail --follow --after {}", end + 1);
    bench.run(&beyond).refused(5, "ERR_EVENTS_PRUNED");
    // As if they had been there for longer than `event_hours`.
    let db = bench.raw();
    db.execute_batch(
        "DROP TRIGGER event_is_never_rewritten; UPDATE event SET at = 0 WHERE seq <= 3;",
    )
    .unwrap();
    bench.run("op call housekeeping.tick").exits(0);
    assert_eq!(bench.number("portal.db", "SELECT min(seq) FROM event"), 4);
    bench
        .run("--json event tail --after 2")
        .refused(5, "ERR_EVENTS_PRUNED");
    for place in ["0", "3"] {
        let ran = bench.run(&format!("event tail --after {place}")).exits(0);
        assert!(ran.out.starts_with("4  "), "{}", ran.out);
    }
}

#[test]
fn who_follows_sees_what_another_process_does_spec_12_1() {
    let bench = with_events();
    let mut child = bench
        .command()
        .args([
            "event", "tail", "--follow", "--json", "--last", "1", "--count", "2",
        ])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || serde_json::from_str::<Value>(&lines.next().unwrap().unwrap()).unwrap();
    let first = next();
    bench.run("chat update 1 --name Third").exits(0);
    let second = next();
    assert!(first["seq"].as_u64() < second["seq"].as_u64());
    assert_eq!(second["name"], "room:updated");
    assert!(child.wait().unwrap().success());
}

#[test]
fn the_catalogue_is_listed_with_its_schemas() {
    let bench = Bench::bare();
    let all = bench.run("op list --json").json();
    let all = all.as_array().unwrap();
    let names: Vec<&str> = all
        .iter()
        .map(|entry| entry["name"].as_str().unwrap())
        .collect();
    assert!(
        names.is_sorted() && names.contains(&"chat.create"),
        "{names:?}"
    );
    for entry in all {
        assert!(!entry["doc"].as_str().unwrap().is_empty(), "{entry}");
        assert!(
            entry["parameters"].is_object() && entry["reply"].is_object(),
            "{entry}"
        );
    }
    let table = bench.run("op list").exits(0).out;
    assert_eq!(table.lines().count(), all.len() + 1);
    let one = bench.run("op show chat.create --json").json();
    assert!(one["parameters"]["properties"]["name"].is_object(), "{one}");
    bench
        .run("--json op show chat.paint")
        .refused(2, "ERR_UNKNOWN_OPERATION");
}

#[test]
fn any_operation_is_called_with_json_from_argument_or_stdin() {
    let bench = with_events();
    let get = |ran: common::Ran| ran.json()["name"].clone();
    assert_eq!(
        get(bench.run_args(&["op", "call", "chat.get", r#"{"chat_id":1}"#])),
        "Second"
    );
    assert_eq!(
        get(bench.run_with_stdin(&["op", "call", "chat.get", "-"], r#"{"chat_id":1}"#)),
        "Second"
    );
    let all = bench.run("op call event.list").json();
    assert!(all["as_of"].is_u64());
    let error = bench
        .run_args(&["--json", "op", "call", "chat.get", r#"{"chat":1}"#])
        .refused(2, "ERR_INVALID");
    assert_eq!(error["field"], "chat");
    bench
        .run_args(&["--json", "op", "call", "chat.get", "{"])
        .refused(2, "ERR_INVALID");
    let created = bench.run_args(&[
        "--as",
        "3",
        "op",
        "call",
        "chat.create",
        r#"{"chat_type":"PRIVATE","name":"Hers"}"#,
    ]);
    assert_eq!(created.json()["owner"], 3);
}

#[test]
fn an_operation_is_rehearsed() {
    let bench = with_events();
    let ran = bench
        .run_args(&[
            "--dry-run",
            "op",
            "call",
            "user.create",
            r#"{"username":"carl"}"#,
        ])
        .exits(0);
    assert_eq!(ran.out, "{\"user_id\":5}\n");
    let users: i64 = bench
        .raw()
        .query_row("SELECT count(*) FROM user", [], |row| row.get(0))
        .unwrap();
    assert_eq!(users, 4);
}

#[test]
fn a_name_cannot_steer_the_terminal_but_json_stays_json() {
    let bench = Bench::with_people();
    bench
        .run_args(&[
            "chat",
            "create",
            "--type",
            "PRIVATE",
            "--name",
            "left\u{202e}right",
            "--owner",
            "3",
        ])
        .exits(0);
    let people = bench.run("chat show 1").exits(0).out;
    assert!(
        !people.contains('\u{202e}') && people.contains("\\u{202e}"),
        "{people}"
    );
    let ran = bench.run_args(&["op", "call", "chat.get", r#"{"chat_id":1}"#]);
    assert_eq!(ran.json()["name"], "left\u{202e}right");
}

#[test]
fn settings_are_shown_set_and_put_back() {
    let bench = Bench::new();
    assert_eq!(
        bench.run("config get registration").exits(0).out,
        "invite\n"
    );
    bench.run("config set registration open").exits(0);
    bench.run("config set chats_premium 4").exits(0);
    let all = bench.run("--json config get").json();
    assert_eq!(
        (
            &all["settings"]["registration"],
            &all["settings"]["chats_premium"]
        ),
        (&json!("open"), &json!(4))
    );
    assert_eq!(all["set"], json!(["chats_premium", "registration"]));
    bench.run("config unset registration").exits(0);
    assert_eq!(
        bench.run("--json config get registration").json(),
        json!("invite")
    );
    let table = bench.run("config get").exits(0).out;
    assert!(
        table
            .lines()
            .any(|line| line.starts_with("chats_premium") && line.ends_with("yes")),
        "{table}"
    );
    bench
        .run("--json config set colour red")
        .refused(2, "ERR_INVALID");
    bench
        .run("--json config set chats_premium many")
        .refused(2, "ERR_INVALID");
    bench
        .run("--json config get colour")
        .refused(2, "ERR_INVALID");
}
