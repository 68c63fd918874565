//! `report`.

mod common;

use common::Bench;
use serde_json::json;

/// Two messages of pia's in the PRIVATE chat 1, reported by ben: 1 with its words proven, 2 without.
fn furnished() -> Bench {
    let bench = Bench::with_people();
    bench
        .run("chat create --type private --name A~chat --owner 3")
        .exits(0);
    bench.run("member add 1 ben").exits(0);
    // What a proof leaves; the proof itself is the library's matter.
    bench
        .raw()
        .execute_batch(
            "UPDATE chat SET next_message_id = 13;
             INSERT INTO message (chat_id, id, sender_id, sender_role, epoch, content, created_at)
             VALUES (1, 11, 3, 0, 1, 'sealed', 0), (1, 12, 3, 0, 1, 'sealed', 0);
             INSERT INTO report (chat_id, chat_type, chat_name, message_id, epoch, message_at, sender_id, reporter_id,
               reason, at, verified, plaintext)
             VALUES (1, 'PRIVATE', 'A chat', 12, 1, 0, 3, 4, 'rude', 1800000000000, 1, 'You smell' || char(10, 27) || '[2J')",
        )
        .unwrap();
    let create = ["--as", "ben", "op", "call", "report.create", "-"];
    let params = r#"{"chat_id": 1, "message_id": 11, "reason": "ruder"}"#;
    let made = bench.run_with_stdin(&create, params).json();
    assert_eq!(made, json!({ "report_id": 2, "verified": false }));
    bench
}

#[test]
fn reports_are_listed_newest_first_and_narrowed() {
    let bench = furnished();
    let ids = |words: &str| -> Vec<i64> {
        let page = bench.run(&format!("--json report list {words}")).json();
        let rows = page["rows"].as_array().unwrap().iter();
        rows.map(|row| row["id"].as_i64().unwrap()).collect()
    };
    assert_eq!(ids("--limit 9"), [2, 1]);
    assert_eq!(ids("--before 2"), [1]);
    assert_eq!(ids("--chat 1 --user pia --state open --limit 1"), [2]);
    assert_eq!(ids("--user ben"), Vec::<i64>::new());
    assert_eq!(ids("--state dismissed"), Vec::<i64>::new());
    let table = bench.run("report list").exits(0).out;
    assert_eq!(table.lines().count(), 3, "{table}");
    assert!(
        table.contains("pia") && table.contains("2027-01-15T08:00:00Z"),
        "{table}"
    );
    assert!(!table.contains("You smell"), "{table}");
}

#[test]
fn a_report_is_shown_with_its_words_which_steer_no_terminal() {
    let bench = furnished();
    let shown = bench.run("report show 1").exits(0).out;
    assert!(shown.starts_with("id "), "{shown}");
    let words = shown.lines().find(|line| line.starts_with("plaintext"));
    assert!(words.unwrap().ends_with(r"You smell\n\u{1b}[2J"), "{shown}");
    let whole = bench.run("--json report show 1").json();
    assert_eq!(whole["plaintext"], "You smell\n\u{1b}[2J");
    bench
        .run("--json report show 9")
        .refused(3, "ERR_REPORT_NOT_FOUND");
}

#[test]
fn a_report_is_settled_and_put_back() {
    let bench = furnished();
    let settled = bench
        .run("--json --as ada report resolve 1 dismissed --note Nothing~in~it")
        .json();
    assert_eq!(
        (&settled["state"], &settled["handled_by"], &settled["note"]),
        (&json!("dismissed"), &json!("2"), &json!("Nothing in it"))
    );
    bench
        .run("--json report resolve 1 actioned")
        .refused(2, "ERR_INVALID");
    let ran = bench.run("report resolve 1 reviewing").exits(0);
    assert_eq!((ran.out.as_str(), ran.err.lines().count()), ("", 1));
    bench.run("report resolve 1 actioned --dry-run").exits(0);
    let whole = bench.run("--json report show 1").json();
    assert_eq!(whole["state"], "reviewing");
    bench.run("report resolve 1 open").exits(2);
}

#[test]
fn reports_are_for_admins_and_above_spec_4_6() {
    let bench = furnished();
    for verb in ["list", "show 1", "resolve 1 dismissed"] {
        bench
            .run(&format!("--json --as ben report {verb}"))
            .refused(4, "ERR_FORBIDDEN");
        bench
            .run(&format!("--as ada report {verb} --dry-run"))
            .exits(0);
    }
}
