//! Durable matches and their ends, with everything SPEC 9 checks, against bare `rusqlite` that makes the very
//! same changes in the same batches at the same durability. Prints ratios; absolute figures are the machine's.
//!
//! The bare side works on a copy of the file, with all its indexes, triggers and constraints. It is told what
//! to write, reads nothing and decides nothing. In the end the files are compared, row by row.
//!
//! `cargo bench -p portal-core --bench pairs`

#![allow(missing_docs, reason = "a benchmark has no callers")]
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "it measures and reports"
)]

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use portal_core::clock::ManualClock;
use portal_core::model::{DAY, MINUTE, SessionId, Timestamp};
use portal_core::ops::matching::{Enqueue, Leave, MatchState};
use portal_core::{Actor, Options, Portal, Request};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, Params, params};

const ROUNDS: usize = 5;
/// How many pairs share a commit, and how many commits of them a round has.
const SIZES: [(i64, i64); 4] = [(1, 400), (8, 120), (64, 30), (128, 20)];

const START: i64 = 1_800_000_000_000;
/// Everybody has a session of the same number.
const PEOPLE: &str = "
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 80000)
    INSERT INTO user (id, username, created_at) SELECT i, 'person-' || i, 0 FROM n;
    INSERT INTO session (id, user_id, token_hash, created_at, expires_at)
    SELECT id, id, CAST(printf('%032d', id) AS BLOB), 0, 1900000000000 FROM user;";

/// Some pairs of people who have not been matched before, each person next to the other. One asks at a
/// moment, the other a millisecond later, and a millisecond after that they part.
#[derive(Clone, Copy)]
struct Pairs {
    first: i64,
    count: i64,
    now: i64,
}

impl Pairs {
    fn firsts(self) -> impl Iterator<Item = i64> {
        (0..self.count).map(move |place| self.first + 2 * place)
    }
}

/// Two things that nobody else wants to talk about, and one that they do not share.
fn interests(first: i64, person: i64) -> [String; 3] {
    let [one, two] = shared(first);
    [one, format!("own{person}"), two]
}

fn shared(first: i64) -> [String; 2] {
    [format!("one{first}"), format!("two{first}")]
}

/// Who does it. Each step is one commit.
trait Side {
    /// The first of each pair asks, and waits.
    fn wait(&mut self, pairs: Pairs);
    /// The second asks, and they are matched.
    fn meet(&mut self, pairs: Pairs);
    /// The first leaves, and what they had is gone.
    fn leave(&mut self, pairs: Pairs);
}

struct Ours {
    portal: Portal,
    clock: Arc<ManualClock>,
}

impl Ours {
    fn open(path: &Path) -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(START)));
        let options = Options {
            clock: clock.clone(),
            ..Options::default()
        };
        let portal = Portal::open(path, options).unwrap();
        Self { portal, clock }
    }

    fn ask(&self, pairs: Pairs, second: i64, expected: MatchState) {
        self.clock.set(Timestamp::from_millis(pairs.now + second));
        let requests = pairs.firsts().map(|first| {
            let person = first + second;
            let asking = Enqueue {
                interests: interests(first, person).into(),
            };
            Request::new(&self.portal, actor(person), asking, move |answer| {
                assert_eq!(answer.unwrap().state, expected);
            })
        });
        self.portal.batch(requests.collect());
    }
}

fn actor(person: i64) -> Actor {
    Actor::session(SessionId::try_from(person).unwrap())
}

impl Side for Ours {
    fn wait(&mut self, pairs: Pairs) {
        self.ask(pairs, 0, MatchState::Searching);
    }

    fn meet(&mut self, pairs: Pairs) {
        self.ask(pairs, 1, MatchState::Matched);
    }

    fn leave(&mut self, pairs: Pairs) {
        self.clock.set(Timestamp::from_millis(pairs.now + 2));
        let requests = pairs.firsts().map(|first| {
            Request::new(&self.portal, actor(first), Leave::default(), |answer| {
                assert!(answer.is_ok());
            })
        });
        self.portal.batch(requests.collect());
    }
}

struct Bare {
    db: Connection,
    /// What the library would write into every chat.
    configs: (String, String),
    chats: VecDeque<i64>,
    /// Whether it keeps deleted content out of the log, as the library does (SPEC 7.4).
    truncates: bool,
}

impl Bare {
    /// A copy of a closed file, set up as the library does.
    fn of(file: &Path, copy: &Path, configs: &(String, String), truncates: bool) -> Self {
        std::fs::copy(file, copy).unwrap();
        let db = Connection::open(copy).unwrap();
        for (name, value) in [
            ("journal_mode", "wal"),
            ("synchronous", "full"),
            ("foreign_keys", "on"),
            ("secure_delete", "on"),
            ("cache_size", "-2048"),
            ("temp_store", "memory"),
        ] {
            db.pragma_update_and_check(None, name, value, |_| Ok(()))
                .ok();
        }
        db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
            .unwrap();
        db.set_prepared_statement_cache_capacity(256);
        Self {
            db,
            configs: configs.clone(),
            chats: VecDeque::new(),
            truncates,
        }
    }

    fn run(&self, sql: &str, params: impl Params) {
        self.db
            .prepare_cached(sql)
            .unwrap()
            .execute(params)
            .unwrap();
    }

    /// An event of a person, or without one of a chat.
    fn event(&self, now: i64, name: &str, chat: Option<i64>, user: Option<i64>, data: String) {
        let audience = if user.is_some() { "user" } else { "chat" };
        self.run(
            "INSERT INTO event (at, name, audience, chat_id, user_id, data) VALUES (?, ?, ?, ?, ?, ?)",
            params![now, name, audience, chat, user, data],
        );
    }

    fn meet_one(&self, first: i64, now: i64) -> i64 {
        let second = first + 1;
        let shared = shared(first);
        let ends_at = now + DAY;
        self.run("DELETE FROM match_entry WHERE user_id = ?", [first]);
        for waited in [1, 0] {
            self.run(
                "INSERT INTO match_wait (minute, step, people) VALUES (?, ?, 1)
                 ON CONFLICT DO UPDATE SET people = people + 1",
                [now / MINUTE, waited],
            );
        }
        self.run(
            "INSERT INTO chat (chat_type, name, pair_low, pair_high, e2ee, epoch_moved_at, chat_config,
               browser_config, ends_at, interests, created_at, last_activity_at)
             VALUES ('DIRECT', 'Direct', ?1, ?2, 3, ?3, ?4, ?5, ?6, ?7, ?3, ?3)",
            params![
                first,
                second,
                now,
                self.configs.0,
                self.configs.1,
                ends_at,
                serde_json::to_string(&shared).unwrap()
            ],
        );
        let chat = self.db.last_insert_rowid();
        self.run(
            "INSERT INTO rematch_pause (low, high, until) VALUES (?, ?, ?)",
            [first, second, now + MINUTE],
        );
        for (user, peer) in [(first, second), (second, first)] {
            let data = format!(
                r#"{{"chat_id":{chat},"user_id":{user},"peer_id":{peer},"expires_at":{ends_at}}}"#
            );
            self.event(now, "match:found", Some(chat), Some(user), data);
        }
        self.run("UPDATE chat SET next_message_id = 2 WHERE id = ?", [chat]);
        let opening = format!("You were matched by: {}", shared.join(", "));
        self.run(
            "INSERT INTO message (chat_id, id, epoch, code, content, created_at) VALUES (?, 1, 0, 'match_opened', ?, ?)",
            params![chat, opening, now],
        );
        let data = format!(r#"{{"chat_id":{chat},"id":1}}"#);
        self.event(now, "message:new", Some(chat), None, data);
        chat
    }

    fn leave_one(&self, chat: i64, first: i64, now: i64) {
        let second = first + 1;
        let data = format!(r#"{{"chat_id":{chat},"user_id":{second},"grace_until_ms":0}}"#);
        self.event(now, "room:peer_left", Some(chat), Some(second), data);
        let first_event = self.db.last_insert_rowid();
        for (user, reason) in [(first, "left"), (second, "peer_left")] {
            let data = format!(r#"{{"chat_id":{chat},"user_id":{user},"reason":"{reason}"}}"#);
            self.event(now, "match:ended", Some(chat), Some(user), data);
        }
        let data = format!(r#"{{"chat_id":{chat}}}"#);
        self.event(now, "room:destroyed", Some(chat), None, data);
        self.run(
            "DELETE FROM event WHERE chat_id = ? AND seq < ?",
            [chat, first_event],
        );
        self.run("DELETE FROM chat WHERE id = ?", [chat]);
    }
}

impl Side for Bare {
    fn wait(&mut self, pairs: Pairs) {
        let expires_at = pairs.now + 10 * MINUTE;
        self.run("BEGIN IMMEDIATE", []);
        for first in pairs.firsts() {
            let interests = serde_json::to_string(&interests(first, first)).unwrap();
            self.run(
                "INSERT INTO match_entry (user_id, interests, since, expires_at) VALUES (?, ?, ?, ?)",
                params![first, interests, pairs.now, expires_at],
            );
            let data = format!(r#"{{"user_id":{first},"expires_at":{expires_at}}}"#);
            self.event(pairs.now, "match:queued", None, Some(first), data);
        }
        self.run("COMMIT", []);
    }

    fn meet(&mut self, pairs: Pairs) {
        self.run("BEGIN IMMEDIATE", []);
        for first in pairs.firsts() {
            let chat = self.meet_one(first, pairs.now + 1);
            self.chats.push_back(chat);
        }
        self.run("COMMIT", []);
    }

    fn leave(&mut self, pairs: Pairs) {
        let now = pairs.now + 2;
        self.run("BEGIN IMMEDIATE", []);
        for first in pairs.firsts() {
            let chat = self.chats.pop_front().unwrap();
            self.leave_one(chat, first, now);
        }
        self.run("COMMIT", []);
        if self.truncates {
            self.db
                .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
                .unwrap();
        }
    }
}

/// A round of one side: pairs a second, and ends a second.
fn rates(side: &mut dyn Side, batches: &[Pairs]) -> [f64; 2] {
    let start = Instant::now();
    for pairs in batches {
        side.wait(*pairs);
        side.meet(*pairs);
    }
    let met = start.elapsed();
    for pairs in batches {
        side.leave(*pairs);
    }
    let left = start.elapsed().saturating_sub(met);
    let count: i64 = batches.iter().map(|pairs| pairs.count).sum();
    let count = f64::from(u32::try_from(count).unwrap());
    [count / met.as_secs_f64(), count / left.as_secs_f64()]
}

/// The round of the median ratio: the rates of both, and the ratio.
fn median(mut rounds: Vec<(f64, f64)>) -> String {
    rounds.sort_by(|a, b| (a.1 / a.0).total_cmp(&(b.1 / b.0)));
    let (theirs, ours) = rounds[rounds.len() / 2];
    format!("{theirs:>10.0} {ours:>10.0} {:>6.2}", ours / theirs)
}

/// Whether two files hold the same rows.
fn compare(one: &Path, other: &Path) {
    let db = Connection::open(one).unwrap();
    db.execute("ATTACH ? AS other", [other.to_str()]).unwrap();
    let mut tables = db
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")
        .unwrap();
    for table in tables.query_map([], |row| row.get::<_, String>(0)).unwrap() {
        let table = table.unwrap();
        for (one, other) in [("main", "other"), ("other", "main")] {
            let sql = format!(
                "SELECT count(*) FROM (SELECT * FROM {one}.{table} EXCEPT SELECT * FROM {other}.{table})"
            );
            let more: i64 = db.query_row(&sql, [], |row| row.get(0)).unwrap();
            assert_eq!(more, 0, "rows of {table} that only one side has written");
        }
    }
}

fn main() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str| dir.path().join(name);
    let path = file("ours.db");
    Ours::open(&path).portal.close();
    let db = Connection::open(&path).unwrap();
    db.execute_batch(PEOPLE).unwrap();
    // Both go on from the same match.
    let mut pairs = Pairs {
        first: 2,
        count: 1,
        now: START,
    };
    let mut ours = Ours::open(&path);
    ours.wait(pairs);
    ours.meet(pairs);
    let configs = db
        .query_row("SELECT chat_config, browser_config FROM chat", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .unwrap();
    ours.leave(pairs);
    ours.portal.close();
    drop(db);
    let mut bare = Bare::of(&path, &file("bare.db"), &configs, false);
    let mut tidy = Bare::of(&path, &file("tidy.db"), &configs, true);
    let mut ours = Ours::open(&path);

    println!(
        "a commit  {:<28} {:<28} ends, the log truncated",
        "pairs", "ends"
    );
    let columns = format!("{:>10} {:>10} {:>6}", "bare/s", "ours/s", "ratio");
    println!("{:>6} {columns} {columns} {columns}", "");
    for (count, commits) in SIZES {
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            let batches: Vec<_> = (0..commits)
                .map(|_| {
                    pairs = Pairs {
                        first: pairs.first + 2 * pairs.count,
                        count,
                        now: pairs.now + 10,
                    };
                    pairs
                })
                .collect();
            let sides: [&mut dyn Side; 3] = [&mut bare, &mut tidy, &mut ours];
            rounds.push(sides.map(|side| rates(side, &batches)));
        }
        let of = |theirs: usize, what: usize| {
            let rates = rounds
                .iter()
                .map(|sides| (sides[theirs][what], sides[2][what]));
            median(rates.collect())
        };
        println!("{count:>6} {} {} {}", of(0, 0), of(0, 1), of(1, 1));
    }
    ours.portal.close();
    drop((bare, tidy));
    compare(&path, &file("bare.db"));
    compare(&path, &file("tidy.db"));
}
