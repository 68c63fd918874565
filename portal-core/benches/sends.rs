//! Durable sends, with everything SPEC 6.2 checks, against bare `rusqlite` writing the same rows in the
//! same batches at the same durability. Prints ratios; absolute figures are the machine's.
//!
//! `cargo bench -p portal-core --bench sends`

#![allow(missing_docs, reason = "a benchmark has no callers")]
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "it measures and reports"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use portal_core::clock::ManualClock;
use portal_core::model::Timestamp;
use portal_core::ops::messages::Send;
use portal_core::ops::rooms::Join;
use portal_core::{Actor, Options, Portal, Request};
use rusqlite::{Connection, params};

const PEOPLE: i64 = 64;
const CONTENT: &str = include_str!("envelope.json");

/// Runs `batch` for a while; answers how many messages a second it stored.
fn rate(batch_size: usize, mut batch: impl FnMut(usize)) -> f64 {
    for _ in 0..20 {
        batch(batch_size);
    }
    let start = Instant::now();
    let mut stored = 0_u32;
    while start.elapsed() < Duration::from_millis(700) {
        batch(batch_size);
        stored += u32::try_from(batch_size).unwrap();
    }
    f64::from(stored) / start.elapsed().as_secs_f64()
}

struct Ours {
    portal: Portal,
    clock: Arc<ManualClock>,
    senders: Vec<Actor>,
    chat: i64,
}

/// A chat of ten people who hold its key and are in its room.
fn ours(dir: &std::path::Path) -> Ours {
    let path = dir.join("ours.db");
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_800_000_000_000)));
    let options = Options {
        presence: true,
        clock: clock.clone(),
        ..Options::default()
    };
    let open = || Portal::open(&path, options.clone()).unwrap();
    drop(open());
    let db = Connection::open(&path).unwrap();
    db.execute_batch(
        "INSERT INTO setting (key, value) VALUES ('sends_per_chat', '1000');
         INSERT INTO user (id, username, tier, created_at) VALUES (1, 'owner', 3, 0);
         INSERT INTO chat (id, chat_type, name, owner_id, e2ee, epoch_moved_at, chat_config, browser_config,
           created_at, last_activity_at) VALUES (1, 'PRIVATE', 'Bench', 1, 2, 0, '{}', '{}', 0, 0);
         INSERT INTO room_key (chat_id, epoch, distributor_user, published_at) VALUES (1, 1, 1, 0);",
    )
    .unwrap();
    for id in 10..10 + PEOPLE {
        let name = format!("person-{id}");
        db.execute(
            "INSERT INTO user (id, username, created_at) VALUES (?, ?, 0)",
            params![id, name],
        )
        .unwrap();
        db.execute(
            "INSERT INTO membership (chat_id, user_id, via, joined_at) VALUES (1, ?, 'invite', 0)",
            [id],
        )
        .unwrap();
    }
    drop(db);
    let portal = open();
    let chat_id = portal_core::model::ChatId::try_from(1).unwrap();
    let senders = (10..10 + PEOPLE)
        .map(|id| {
            let params = format!(r#"{{"user_id":{id}}}"#);
            let made = portal.call_json(&Actor::operator(), "session.create", &params).unwrap();
            let made: serde_json::Value = serde_json::from_str(&made).unwrap();
            let session = made["session_id"].as_i64().unwrap();
            let connection =
                portal.connect(&Actor::session(session.try_into().unwrap())).unwrap();
            portal.call(&Actor::connection(connection), Join { chat_id }).unwrap();
            let db = Connection::open(&path).unwrap();
            db.execute(
                "INSERT INTO key_blob (chat_id, epoch, session_id, publisher_user, publisher_session,
                   publisher_public_key, blob, at) VALUES (1, 1, ?, 1, 1, zeroblob(32), zeroblob(72), 0)",
                [session],
            )
            .unwrap();
            Actor::connection(connection)
        })
        .collect();
    Ours {
        portal,
        clock,
        senders,
        chat: 1,
    }
}

impl Ours {
    fn send(&self, size: usize) {
        // Every batch has the whole of its limits.
        self.clock.advance(10_000);
        let requests = (0..size).map(|index| {
            let operation = Send {
                chat_id: self.chat.try_into().unwrap(),
                content: CONTENT.to_owned(),
                client_id: None,
            };
            let caller = self.senders[index % self.senders.len()].clone();
            Request::new(&self.portal, caller, operation, |answer| {
                assert!(answer.is_ok());
            })
        });
        self.portal.batch(requests.collect());
    }
}

/// The same tables and indexes, without our triggers.
fn bare(dir: &std::path::Path, ours: &std::path::Path) -> Connection {
    let db = Connection::open(dir.join("bare.db")).unwrap();
    for (name, value) in [
        ("journal_mode", "wal"),
        ("synchronous", "full"),
        ("secure_delete", "on"),
    ] {
        db.pragma_update_and_check(None, name, value, |_| Ok(()))
            .ok();
    }
    let source = Connection::open(ours).unwrap();
    let mut schema = source
        .prepare("SELECT sql FROM sqlite_schema WHERE type IN ('table', 'index') AND sql IS NOT NULL AND name NOT LIKE 'sqlite_%'")
        .unwrap();
    for sql in schema.query_map([], |row| row.get::<_, String>(0)).unwrap() {
        db.execute_batch(&sql.unwrap()).unwrap();
    }
    db.execute_batch(
        "INSERT INTO user (id, username, created_at) VALUES (1, 'owner', 0);
         INSERT INTO chat (id, chat_type, name, owner_id, e2ee, epoch_moved_at, chat_config, browser_config,
           created_at, last_activity_at) VALUES (1, 'PRIVATE', 'Bench', 1, 2, 0, '{}', '{}', 0, 0);",
    )
    .unwrap();
    for id in 10..10 + PEOPLE {
        let name = format!("person-{id}");
        db.execute(
            "INSERT INTO user (id, username, created_at) VALUES (?, ?, 0)",
            params![id, name],
        )
        .unwrap();
    }
    db
}

fn send_bare(db: &Connection, next: &mut i64, size: usize) {
    db.prepare_cached("BEGIN IMMEDIATE")
        .unwrap()
        .execute([])
        .unwrap();
    for index in 0..size {
        let sender = 10 + i64::try_from(index).unwrap() % PEOPLE;
        db.prepare_cached("UPDATE chat SET next_message_id = ?1, sent_count = ?1, last_activity_at = ?2 WHERE id = 1")
            .unwrap()
            .execute(params![*next + 1, *next])
            .unwrap();
        db.prepare_cached("INSERT INTO message VALUES (1, ?, ?, 0, 1, NULL, ?, ?)")
            .unwrap()
            .execute(params![*next, sender, CONTENT, *next])
            .unwrap();
        db.prepare_cached("INSERT OR REPLACE INTO chat_pace VALUES (1, ?, ?)")
            .unwrap()
            .execute(params![*next % 1000, *next])
            .unwrap();
        db.prepare_cached("INSERT OR REPLACE INTO send_window VALUES (1, ?, ?)")
            .unwrap()
            .execute(params![sender, [0_u8; 80]])
            .unwrap();
        db.prepare_cached("INSERT INTO event (at, name, audience, chat_id, data) VALUES (?, 'message:new', 'chat', 1, ?)")
            .unwrap()
            .execute(params![*next, format!(r#"{{"chat_id":1,"id":{next}}}"#)])
            .unwrap();
        *next += 1;
    }
    db.prepare_cached("COMMIT").unwrap().execute([]).unwrap();
}

fn main() {
    let dir = tempfile::tempdir().unwrap();
    let ours = ours(dir.path());
    let bare = bare(dir.path(), &dir.path().join("ours.db"));
    let mut next = 1;
    println!("batch     bare/s     ours/s  ours/bare");
    for size in [1, 8, 64, 256] {
        let mut ratios = Vec::new();
        for _ in 0..5 {
            let bare_rate = rate(size, |size| send_bare(&bare, &mut next, size));
            let our_rate = rate(size, |size| ours.send(size));
            ratios.push((our_rate / bare_rate, bare_rate, our_rate));
        }
        ratios.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (ratio, bare_rate, our_rate) = ratios[2];
        println!("{size:>5} {bare_rate:>10.0} {our_rate:>10.0} {ratio:>10.2}");
    }
}
