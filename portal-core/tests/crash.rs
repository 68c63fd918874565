//! SPEC 14.0: killing the process at any point loses nothing acknowledged and leaves nothing half done.
//!
//! The test starts itself as a child that sends as fast as it can and writes down every acknowledgement,
//! kills it without warning after a number of acknowledgements drawn from a seed, opens the file again and
//! looks. `PORTAL_SEED` replays a run, `PORTAL_KILLS` makes it longer.

#![expect(
    clippy::print_stdout,
    reason = "the child's acknowledgements, and the run's summary"
)]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use portal_core::model::{ChatId, SessionId};
use portal_core::ops::messages::Send;
use portal_core::{Actor, Options, Portal};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rusqlite::Connection;

const CONTENT: &str =
    r#"{"v":2,"epoch":1,"ct":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="}"#;
const SENDERS: i64 = 8;
const CHAT: i64 = 1;

fn main() {
    if let Some(path) = std::env::var_os("PORTAL_CRASH_CHILD") {
        return send_for_ever(Path::new(&path));
    }
    let number = |name: &str, default| {
        std::env::var(name)
            .ok()
            .and_then(|text| text.parse::<u64>().ok())
            .unwrap_or(default)
    };
    let (seed, kills) = (
        number("PORTAL_SEED", 20_261_122),
        number("PORTAL_KILLS", 50),
    );
    let mut random = StdRng::seed_from_u64(seed);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("portal.db");
    prepare(&path);
    let mut acknowledged = BTreeSet::new();
    for kill in 0..kills {
        let after = random.random_range(0..150);
        acknowledged.extend(run_and_kill(&path, after));
        check(
            &path,
            &acknowledged,
            &format!("seed {seed}, kill {kill} after {after}"),
        );
    }
    assert!(
        acknowledged.len() as u64 > kills,
        "the children hardly sent anything"
    );
    println!(
        "{kills} kills, seed {seed}: all of {} acknowledged messages kept",
        acknowledged.len()
    );
    println!("1 passed, 0 failed");
}

/// A chat whose key every sender holds, and limits that never refuse.
fn prepare(path: &Path) {
    let portal = Portal::open(path, Options::default()).unwrap();
    let db = Connection::open(path).unwrap();
    db.execute_batch(
        "INSERT INTO setting (key, value) VALUES ('sends_per_user', '0'), ('sends_per_chat', '0');
         INSERT INTO user (id, username, created_at) VALUES (1, 'owner', 0);
         INSERT INTO chat (id, chat_type, name, owner_id, e2ee, epoch_moved_at, chat_config, browser_config,
           created_at, last_activity_at) VALUES (1, 'PRIVATE', 'Crash', 1, 2, 0, '{}', '{}', 0, 0);
         INSERT INTO room_key (chat_id, epoch, distributor_user, published_at) VALUES (1, 1, 1, 0);",
    )
    .unwrap();
    for id in 1..=SENDERS {
        let user = 100 + id;
        db.execute(
            "INSERT INTO user (id, username, created_at) VALUES (?1, 'person-' || ?1, 0)",
            [user],
        )
        .unwrap();
        db.execute(
            "INSERT INTO membership (chat_id, user_id, via, joined_at) VALUES (1, ?, 'operator', 0)",
            [user],
        )
        .unwrap();
        let params = format!(r#"{{"user_id":{user}}}"#);
        portal
            .call_json(&Actor::operator(), "session.create", &params)
            .unwrap();
    }
    db.execute_batch(
        "INSERT INTO key_blob (chat_id, epoch, session_id, publisher_user, publisher_session,
           publisher_public_key, blob, at) SELECT 1, 1, id, 1, 1, zeroblob(32), zeroblob(72), 0 FROM session",
    )
    .unwrap();
}

/// The child: eight people send at once, and every acknowledged id is a line.
fn send_for_ever(path: &Path) {
    let portal = Portal::open(path, Options::default()).unwrap();
    std::thread::scope(|scope| {
        for id in 1..=SENDERS {
            let caller = Actor::session(SessionId::try_from(id).unwrap());
            let portal = &portal;
            scope.spawn(move || {
                let chat_id = ChatId::try_from(CHAT).unwrap();
                loop {
                    let send = Send {
                        chat_id,
                        content: CONTENT.to_owned(),
                        client_id: None,
                    };
                    let stored = portal.call(&caller, send).unwrap();
                    let line = format!("{}\n", stored.id);
                    std::io::stdout().write_all(line.as_bytes()).unwrap();
                }
            });
        }
    });
}

/// Starts a child, reads `after` acknowledgements, kills it, and reads what was still on its way.
fn run_and_kill(path: &Path, after: usize) -> Vec<i64> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .env("PORTAL_CRASH_CHILD", path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok);
    let mut acknowledged: Vec<i64> = lines
        .by_ref()
        .take(after)
        .map(|id| id.parse().unwrap())
        .collect();
    child.kill().unwrap();
    child.wait().unwrap();
    // The last line may be cut off by the kill; a cut number is a smaller one, and that exists too.
    acknowledged.extend(lines.filter_map(|id| id.parse::<i64>().ok()));
    acknowledged
}

fn check(path: &Path, acknowledged: &BTreeSet<i64>, run: &str) {
    let portal = Portal::open(path, Options::default()).unwrap();
    let findings = portal
        .call_json(&Actor::operator(), "db.check", "{}")
        .unwrap();
    let findings: serde_json::Value = serde_json::from_str(&findings).unwrap();
    // A kill leaves the log behind: that is advice, not a problem.
    assert_eq!(findings["ok"], true, "{run}: {findings}");
    let db = Connection::open(path).unwrap();
    let numbers = |sql: &str| -> Vec<i64> {
        let mut statement = db.prepare(sql).unwrap();
        statement
            .query_map([], |row| row.get(0))
            .unwrap()
            .map(Result::unwrap)
            .collect()
    };
    let stored = numbers("SELECT id FROM message WHERE chat_id = 1 ORDER BY id");
    let counter = numbers("SELECT next_message_id FROM chat WHERE id = 1")[0];
    assert_eq!(
        stored,
        (1..counter).collect::<Vec<_>>(),
        "{run}: messages have no hole"
    );
    let seqs = numbers("SELECT seq FROM event ORDER BY seq");
    let last = seqs.last().copied().unwrap_or_default();
    assert_eq!(
        seqs,
        (1..=last).collect::<Vec<_>>(),
        "{run}: the event log has no hole"
    );
    let announced =
        numbers("SELECT data ->> 'id' FROM event WHERE name = 'message:new' ORDER BY seq");
    assert_eq!(
        announced, stored,
        "{run}: every message has its event, in order"
    );
    let kept: BTreeSet<_> = stored.into_iter().collect();
    let missing: Vec<_> = acknowledged.difference(&kept).collect();
    assert!(
        missing.is_empty(),
        "{run}: acknowledged but gone: {missing:?}"
    );
}
