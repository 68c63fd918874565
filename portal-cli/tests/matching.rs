//! `match` and `stranger`.

mod common;

use std::sync::Arc;

use common::{Bench, Ran};
use portal_core::clock::ManualClock;
use portal_core::model::{MINUTE, Timestamp};
use portal_core::{Options, Portal};
use serde_json::{Value, json};

/// The usual people and mona (5), a moderator.
fn furnished() -> Bench {
    let bench = Bench::with_people();
    bench.run("user create mona --role moderator").exits(0);
    bench
}

/// Has pia (3) and ben (4) matched by tea; answers the chat.
fn matched(bench: &Bench) -> i64 {
    bench.run("--as pia match enqueue tea chess").exits(0);
    let found = bench.run("--json --as ben match enqueue tea").json();
    found["chat"]["chat_id"].as_i64().unwrap()
}

fn status(bench: &Bench, who: &str) -> Value {
    bench.run(&format!("--json match status {who}")).json()
}

/// A new stranger, by id.
fn stranger(bench: &Bench) -> i64 {
    let made = bench.run("op call stranger.create").json();
    made["user_id"].as_i64().unwrap()
}

/// The last line of what a person reads on stderr.
fn said(ran: &Ran) -> &str {
    ran.err.lines().last().unwrap_or_default()
}

// Asking ------------------------------------------------------------------------------------------

#[test]
fn who_asks_waits_and_who_shares_an_interest_is_matched_spec_9_3() {
    let bench = furnished();
    let waits = bench.run("--as pia match enqueue tea chess").exits(0).out;
    let fields: Vec<_> = waits.lines().map(str::split_whitespace).collect();
    let fields: Vec<Vec<_>> = fields.into_iter().map(Iterator::collect).collect();
    assert_eq!(fields[0], ["chat", "-"]);
    assert_eq!((fields[1][0], fields[1][1].len()), ("expires_at", 20));
    assert_eq!(fields[2..], [["paused", "no"], ["state", "searching"]]);

    let found = bench.run("--as ben match enqueue tea music").exits(0).out;
    let (fields, table) = found.split_once("\n\n").unwrap();
    assert!(fields.ends_with("state       matched"), "{found}");
    let rows: Vec<_> = table.lines().collect();
    assert_eq!(rows.len(), 2, "{found}");
    assert!(
        rows[0].starts_with("CHAT") && rows[1].contains("pia") && rows[1].contains("tea"),
        "{found}"
    );
    // What was said of the match is what `match status` says of it.
    let shown = bench.run("--as ben match status").exits(0).out;
    assert!(shown.ends_with(table), "{shown}");
}

#[test]
fn programs_read_the_whole_answer() {
    let bench = furnished();
    let waits = bench
        .run("--json --as pia match enqueue chess tea nuts")
        .json();
    assert_eq!(
        (&waits["state"], &waits["chat"], &waits["paused"]),
        (&json!("searching"), &json!(null), &json!(false))
    );
    let found = bench.run("--json --as ben match enqueue tea nuts").json();
    assert_eq!(
        (&found["state"], &found["chat"]["peer"]),
        (
            &json!("matched"),
            &json!({ "id": 3, "name": "pia", "country_code": null })
        )
    );
    assert_eq!(found["chat"]["interests"], json!(["nuts", "tea"]));
}

#[test]
fn asking_is_refused_with_the_reason_spec_9_2() {
    let bench = furnished();
    matched(&bench);
    let stranger = stranger(&bench);
    bench.run(&format!("stranger block {stranger}")).exits(0);
    bench.run("user create tim").exits(0);
    bench.run("mod timeout tim --for 1h --yes").exits(0);
    bench.run("--as pia match enqueue music").exits(0);
    for (words, exit, code) in [
        ("match enqueue tea", 4, "ERR_FORBIDDEN"),
        ("--as carl match enqueue tea", 3, "ERR_USER_NOT_FOUND"),
        ("--as ada match enqueue", 2, "ERR_INVALID"),
        ("--as tim match enqueue tea", 4, "ERR_TIMED_OUT"),
        (
            "--as pia match enqueue tea",
            5,
            "ERR_MATCH_ALREADY_SEARCHING",
        ),
        ("--as ben match enqueue tea", 4, "ERR_MATCH_SLOT_LIMIT"),
    ] {
        bench.run(&format!("--json {words}")).refused(exit, code);
    }
    bench
        .run(&format!("--json --as {stranger} match enqueue tea"))
        .refused(4, "ERR_STRANGER_BLOCKED");
    for (interests, field) in [
        ("tea Chess", "interests[1]"),
        ("ab", "interests[0]"),
        ("tea chess tea", "interests[2]"),
        ("one two three four", "interests"),
    ] {
        let error = bench
            .run(&format!("--json --as ada match enqueue {interests}"))
            .refused(2, "ERR_MATCH_BAD_INTEREST");
        assert_eq!(error["field"], field, "{interests}");
    }
    assert_eq!(status(&bench, "ada")["state"], "idle");
}

#[test]
fn asking_in_a_rehearsal_changes_nothing() {
    let bench = furnished();
    bench.run("--as pia match enqueue tea").exits(0);
    let ran = bench.run("--as ben match enqueue tea --dry-run").exits(0);
    assert_eq!(said(&ran), "A rehearsal: nothing was changed.");
    assert!(ran.out.contains("matched"), "{}", ran.out);
    assert_eq!(status(&bench, "ben")["state"], "idle");
    assert_eq!(status(&bench, "pia")["state"], "searching");
}

#[test]
fn asking_is_taken_back_and_matches_stay_spec_9_6() {
    let bench = furnished();
    let chat = matched(&bench);
    bench.run("--as pia match enqueue music").exits(0);
    for was_searching in [true, false] {
        let reply = bench.run("--json --as pia match dequeue").json();
        assert_eq!(reply, json!({ "was_searching": was_searching }));
    }
    let pia = status(&bench, "pia");
    assert_eq!(
        (&pia["state"], &pia["searching"]),
        (&json!("matched"), &json!(false))
    );
    assert_eq!(pia["chats"][0]["chat_id"], chat);
    let ran = bench.run("--as pia match dequeue").exits(0);
    assert_eq!(
        (ran.out.as_str(), said(&ran)),
        ("", "They do not wait for a match.")
    );
    bench
        .run("--json match dequeue")
        .refused(4, "ERR_FORBIDDEN");
}

#[test]
fn somebody_elses_standing_is_for_the_operator_spec_9_6() {
    let bench = furnished();
    let chat = matched(&bench);
    let shown = bench.run("match status @ben").exits(0).out;
    assert!(
        shown.starts_with("as_of") && shown.contains("pia"),
        "{shown}"
    );
    assert_eq!(status(&bench, "4")["chats"][0]["chat_id"], chat);
    assert_eq!(
        bench.run("--json --as ben match status ben").json(),
        bench.run("--json --as ben match status").json()
    );
    let idle = status(&bench, "ada");
    assert_eq!(
        (&idle["state"], &idle["chats"], &idle["slots"]),
        (&json!("idle"), &json!([]), &json!(1))
    );
    for (words, exit, code) in [
        ("match status", 4, "ERR_FORBIDDEN"),
        ("--as ada match status ben", 4, "ERR_FORBIDDEN"),
        ("match status carl", 3, "ERR_USER_NOT_FOUND"),
        ("match status 99", 3, "ERR_USER_NOT_FOUND"),
    ] {
        bench.run(&format!("--json {words}")).refused(exit, code);
    }
}

#[test]
fn who_is_matched_here_has_a_minute_to_come_to_the_server_spec_9_9() {
    let bench = furnished();
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(0)));
    let options = Options {
        presence: true,
        clock: clock.clone(),
        ..Options::default()
    };
    let server = Portal::open(bench.file(), options).unwrap();
    // Nobody is connected there; here nobody need be.
    matched(&bench);
    server.tick().unwrap();
    let direct = status(&bench, "ben")["chats"][0].take();
    let until = direct["peer_grace_until"].as_i64().unwrap();
    let began = direct["expires_at"].as_i64().unwrap() - 24 * 60 * MINUTE;
    assert_eq!(until, began + MINUTE);
    clock.set(Timestamp::from_millis(until));
    server.tick().unwrap();
    assert_eq!(status(&bench, "ben")["state"], "idle");
}

// Leaving -----------------------------------------------------------------------------------------

#[test]
fn leaving_says_what_goes_and_asks_spec_9_8() {
    let bench = furnished();
    let chat = matched(&bench);
    let what_goes = format!(
        "This ends the match with pia: DIRECT chat {chat} is destroyed for both, with its messages and keys."
    );
    let asked = bench.run("--as ben match leave").exits(4);
    assert_eq!(asked.err.lines().next(), Some(what_goes.as_str()));
    assert!(
        said(&asked).ends_with("(ERR_NOT_CONFIRMED)"),
        "{}",
        asked.err
    );
    bench
        .run(&format!("--json --as ben match leave {chat}"))
        .refused(4, "ERR_NOT_CONFIRMED");
    // An answer on stdin that is no terminal is not an answer.
    bench
        .run_with_stdin(&["--as", "ben", "match", "leave"], "y\n")
        .exits(4);
    let rehearsed = bench.run("--as ben match leave --dry-run").exits(0);
    assert_eq!(rehearsed.err.lines().next(), Some(what_goes.as_str()));
    assert!(
        rehearsed.err.contains("nothing was changed"),
        "{}",
        rehearsed.err
    );
    assert_eq!(status(&bench, "pia")["chats"][0]["chat_id"], chat);

    let left = bench.run("--json --yes --as ben match leave").json();
    assert_eq!(left, json!({ "chat_id": chat }));
    assert_eq!(status(&bench, "pia")["state"], "idle");
    bench
        .run(&format!("--json chat show {chat}"))
        .refused(3, "ERR_CHAT_NOT_FOUND");
    let told = bench.run("--json event tail --last 4").exits(0).out;
    let told: Vec<Value> = told
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        told[0]["data"],
        json!({ "chat_id": chat, "user_id": 3, "grace_until_ms": 0 })
    );
    assert_eq!(
        told.iter().map(|event| &event["name"]).collect::<Vec<_>>(),
        [
            "room:peer_left",
            "match:ended",
            "match:ended",
            "room:destroyed"
        ]
    );
}

#[test]
fn what_cannot_be_left_is_refused_before_anybody_is_asked() {
    let bench = furnished();
    let first = matched(&bench);
    bench.run("--as mona match enqueue nuts").exits(0);
    bench.run("--as pia match enqueue nuts").exits(0);
    let of_others = format!("--as mona match leave {first}");
    for (words, exit, code) in [
        ("--as pia match leave", 5, "ERR_MATCH_AMBIGUOUS"),
        ("--as ada match leave", 3, "ERR_MATCH_NO_ACTIVE_DIRECT"),
        (&of_others, 3, "ERR_CHAT_NOT_FOUND"),
        ("--as pia match leave a-slug", 3, "ERR_CHAT_NOT_FOUND"),
        ("match leave", 4, "ERR_FORBIDDEN"),
    ] {
        let ran = bench.run(&format!("--json --yes {words}"));
        assert_eq!(ran.err.lines().count(), 1, "{words}: {}", ran.err);
        ran.refused(exit, code);
    }
    let ran = bench
        .run(&format!("--yes --as pia match leave {first}"))
        .exits(0);
    assert_eq!((ran.out.as_str(), said(&ran)), ("", "The match is over."));
    assert_eq!(status(&bench, "pia")["chats"][0]["peer"]["name"], "mona");
}

// The matcher itself ------------------------------------------------------------------------------

#[test]
fn the_matcher_says_how_it_does_spec_9_10a() {
    let bench = furnished();
    matched(&bench);
    bench.run("--as ada match enqueue chess music").exits(0);
    bench.run("--as olga match enqueue nuts").exits(0);
    bench.run("--as mona match enqueue opera").exits(0);
    let stats = bench.run("--json --as mona match stats").json();
    assert_eq!(
        (
            &stats["waiting"],
            &stats["active_chats"],
            &stats["pairs_per_hour"]
        ),
        (&json!(3), &json!(1), &json!(1))
    );
    assert_eq!(stats["interests"].as_array().unwrap().len(), 4);
    let shown = bench.run("match stats --limit 2").exits(0).out;
    let (fields, table) = shown.split_once("\n\n").unwrap();
    let waiting = fields
        .lines()
        .find(|line| line.starts_with("waiting_since"));
    assert!(waiting.unwrap().ends_with('Z'), "{shown}");
    assert!(!fields.contains("interests"), "{shown}");
    assert_eq!(
        table,
        "INTEREST  WAITING\nchess           1\nmusic           1\n"
    );
    bench
        .run("--json --as ben match stats")
        .refused(4, "ERR_FORBIDDEN");
    let error = bench
        .run("--json match stats --limit 0")
        .refused(2, "ERR_INVALID");
    assert_eq!(error["field"], "limit");
}

#[test]
fn moderators_pause_the_matcher_and_people_still_ask_spec_9_10a() {
    let bench = furnished();
    bench.run("--as pia match enqueue tea").exits(0);
    for verb in ["pause", "resume"] {
        bench
            .run(&format!("--json --as ben match {verb}"))
            .refused(4, "ERR_FORBIDDEN");
    }
    bench.run("--as mona match pause --dry-run").exits(0);
    assert_eq!(status(&bench, "pia")["paused"], false);
    for _ in 0..2 {
        let ran = bench.run("--as mona match pause").exits(0);
        let sentence = "Nobody is matched until the matcher is resumed.";
        assert_eq!((ran.out.as_str(), said(&ran)), ("", sentence));
    }
    let waits = bench.run("--json --as ben match enqueue tea").json();
    assert_eq!(
        (&waits["state"], &waits["paused"]),
        (&json!("searching"), &json!(true))
    );
    assert_eq!(bench.run("--json match resume").json(), json!({}));
    // Both waited; whoever asks now is matched with the one who waited longest.
    let found = bench.run("--json --as ada match enqueue tea").json();
    assert_eq!(found["chat"]["peer"]["name"], "pia");
    let acts = bench.run("--json audit list --action match.").json();
    let acts: Vec<_> = acts["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["action"])
        .collect();
    assert_eq!(acts, ["match.resume", "match.pause"]);
}

// Strangers ---------------------------------------------------------------------------------------

#[test]
fn strangers_are_listed_page_by_page() {
    let bench = furnished();
    let [first, second] = [stranger(&bench), stranger(&bench)];
    bench
        .run(&format!("--as {second} match enqueue tea"))
        .exits(0);
    let page = bench.run("--json --as mona stranger list").json();
    let shown: Vec<_> = page["strangers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["user_id"].as_i64().unwrap(), row["searching"] == true))
        .collect();
    assert_eq!(shown, [(first, false), (second, true)]);
    let ids = |words: &str| -> Vec<Value> {
        let page = bench.run(&format!("--json stranger list {words}")).json();
        let rows = page["strangers"].as_array().unwrap().iter();
        rows.map(|row| row["user_id"].clone()).collect()
    };
    assert_eq!(ids("--limit 1"), [json!(first)]);
    assert_eq!(ids(&format!("--after {first}")), [json!(second)]);
    let table = bench.run("stranger list").exits(0).out;
    assert_eq!(table.lines().count(), 3, "{table}");
    assert!(table.starts_with("ID  USERNAME"), "{table}");
    bench
        .run("--json --as ben stranger list")
        .refused(4, "ERR_FORBIDDEN");
    bench
        .run("--json stranger list --limit 201")
        .refused(2, "ERR_INVALID");
}

#[test]
fn a_blocked_stranger_waits_no_longer_and_keeps_their_match_spec_9_11() {
    let bench = furnished();
    let [waits, is_matched] = [stranger(&bench), stranger(&bench)];
    bench
        .run(&format!("--as {is_matched} match enqueue tea"))
        .exits(0);
    bench.run("--as ben match enqueue tea").exits(0);
    bench
        .run(&format!("--as {waits} match enqueue music"))
        .exits(0);
    let rehearsal = format!("stranger block {waits} --dry-run");
    bench.run(&rehearsal).exits(0);
    assert_eq!(status(&bench, &waits.to_string())["state"], "searching");
    for who in [waits, is_matched] {
        for _ in 0..2 {
            let words = format!("--as mona stranger block {who} --reason Rude~words");
            let ran = bench.run(&words).exits(0);
            assert_eq!(
                (ran.out.as_str(), said(&ran)),
                ("", "They are not matched any more.")
            );
        }
        let held = bench.run(&format!("--json mod punishments {who}")).json();
        assert_eq!(
            (&held["rows"][0]["kind"], &held["rows"][0]["reason"]),
            (&json!("block"), &json!("Rude words"))
        );
    }
    assert_eq!(status(&bench, &waits.to_string())["state"], "idle");
    assert_eq!(status(&bench, &is_matched.to_string())["state"], "matched");
    bench
        .run(&format!("--json --as {waits} match enqueue tea"))
        .refused(4, "ERR_STRANGER_BLOCKED");
    let ran = bench.run(&format!("stranger unblock {waits}")).exits(0);
    assert_eq!(
        (ran.out.as_str(), said(&ran)),
        ("", "They can be matched again.")
    );
    bench
        .run(&format!("--as {waits} match enqueue tea"))
        .exits(0);
}

#[test]
fn only_strangers_are_blocked_by_moderators_and_above_spec_9_11() {
    let bench = furnished();
    let stranger = stranger(&bench);
    for verb in ["block", "unblock"] {
        let error = bench
            .run(&format!("--json stranger {verb} ben"))
            .refused(2, "ERR_INVALID");
        assert_eq!(error["field"], "user_id");
        bench
            .run(&format!("--json stranger {verb} nobody"))
            .refused(3, "ERR_USER_NOT_FOUND");
        bench
            .run(&format!("--json --as ben stranger {verb} {stranger}"))
            .refused(4, "ERR_FORBIDDEN");
    }
    let page = bench.run("--json stranger list").json();
    assert_eq!(page["strangers"][0]["blocked"], false);
}
