//! `bot`.

mod common;

use common::Bench;
use serde_json::{Value, json};

fn key(made: &Value) -> String {
    made["key"].as_str().unwrap().to_owned()
}

#[test]
fn a_key_is_printed_once_and_stored_nowhere_spec_2_5() {
    let bench = Bench::with_people();
    let made = bench
        .run("--as ada --json bot add telegram Door~man")
        .json();
    let first = key(&made);
    assert!(first.starts_with("pbot_"), "{made}");
    assert_eq!(
        (&made["bot_id"], &made["platform"], &made["name"]),
        (&json!(1), &json!("telegram"), &json!("Door man"))
    );
    let shown = bench.run("bot rotate 1").exits(0).out;
    let second = shown
        .lines()
        .find_map(|line| line.strip_prefix("key"))
        .unwrap()
        .trim()
        .to_owned();
    assert!(second.starts_with("pbot_") && second != first, "{shown}");
    let files = std::fs::read_dir(bench.dir.path()).unwrap();
    let files: Vec<_> = files
        .map(|file| std::fs::read(file.unwrap().path()).unwrap())
        .collect();
    for secret in [first, second] {
        let list = bench.run("--json bot list").exits(0).out;
        assert!(!list.contains(&secret), "{list}");
        let holds = |file: &Vec<u8>| file.windows(secret.len()).any(|w| w == secret.as_bytes());
        let kept = files.iter().any(holds);
        assert!(!kept, "the key is in the file");
    }
    let table = bench.run("bot list").exits(0).out;
    assert_eq!(table.lines().count(), 2, "{table}");
    assert!(
        table.contains("telegram") && table.contains("Door man") && table.contains("KEY REPLACED"),
        "{table}"
    );
}

#[test]
fn removing_a_bot_asks_first_spec_16_1() {
    let bench = Bench::with_people();
    bench.run("bot add telegram Doorman").exits(0);
    let refused = bench
        .run("--json bot remove 1")
        .refused(4, "ERR_NOT_CONFIRMED");
    assert!(refused["message"].is_string());
    let tried = bench.run("--dry-run --json bot remove 1").json();
    assert_eq!(tried, json!({}));
    let bots = |bench: &Bench| bench.run("--json bot list").json()["bots"].clone();
    assert_eq!(bots(&bench).as_array().unwrap().len(), 1);
    bench.run("--yes bot remove 1").exits(0);
    assert_eq!(bots(&bench), json!([]));
    bench
        .run("--yes --json bot remove 1")
        .refused(3, "ERR_BOT_NOT_FOUND");
    bench
        .run("--json bot rotate 1")
        .refused(3, "ERR_BOT_NOT_FOUND");
}

#[test]
fn bots_are_for_admins_and_platforms_have_short_names_spec_4_6() {
    let bench = Bench::with_people();
    for words in ["add telegram Doorman", "list", "rotate 1"] {
        bench
            .run(&format!("--as ben --json bot {words}"))
            .refused(4, "ERR_FORBIDDEN");
    }
    let refused = bench
        .run("--json bot add Telegram Doorman")
        .refused(2, "ERR_INVALID");
    assert_eq!(refused["field"], "platform");
}
