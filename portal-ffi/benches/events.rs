//! How fast a program of C reads the event log with `portal_follower_next`, against the rate at which `SQLite` reads the
//! same rows. Prints the rates of rounds that take turns, and the median of their ratios.
//!
//! `cargo bench -p portal-ffi --bench events`

#![allow(missing_docs, reason = "a benchmark has no callers")]
#![expect(
    unsafe_code,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "it calls the exported functions as a program of C does, measures and reports"
)]

mod common;

use std::path::Path;
use std::ptr::{null, null_mut};
use std::time::{Duration, Instant};

use common::document;
use portal::{
    Follower, Handle, portal_follower_free, portal_follower_next, portal_follower_open,
    portal_free, portal_open,
};
use portal_core::e2ee::{Ctx, RoomCipher, SecretKey, Suite};
use portal_core::model::ChatId;
use portal_core::ops::messages::Send;
use portal_core::random::SystemRandom;
use portal_core::{Actor, Durability, Options, Portal, Request};
use rusqlite::Connection;
use serde_json::{Value, json};

const MESSAGES: usize = 200_000;
const AT_ONCE: usize = 500;
const LIMIT: u32 = 1000;
const ROUNDS: usize = 5;

fn call(portal: &Portal, caller: &Actor, op: &str, params: Value) -> Value {
    let reply = portal.call_json(caller, op, &params.to_string()).expect(op);
    serde_json::from_str(&reply).expect("JSON")
}

fn id(reply: &Value, place: &str) -> i64 {
    reply[place].as_i64().expect("an id")
}

/// Writes a log of messages that somebody sent; answers its id.
fn fill(path: &Path) -> String {
    let options = Options {
        presence: true,
        durability: Durability::Normal,
        ..Options::default()
    };
    let portal = Portal::open(path, options).expect("opens");
    let operator = Actor::operator();
    for limit in ["sends_per_user", "sends_per_chat"] {
        call(
            &portal,
            &operator,
            "config.set",
            json!({ "key": limit, "value": 0 }),
        );
    }
    let new = json!({ "username": "ada", "role": "admin" });
    let user = id(&call(&portal, &operator, "user.create", new), "user_id");
    let new = json!({ "chat_type": "OFFICIAL", "name": "Lobby", "owner_id": user });
    let chat = id(&call(&portal, &operator, "chat.create", new), "id");
    let new = json!({ "user_id": user });
    let session = id(
        &call(&portal, &operator, "session.create", new),
        "session_id",
    );
    let session = Actor::session(session.try_into().expect("an id"));
    let sender = Actor::connection(portal.connect(&session).expect("connects"));
    call(&portal, &sender, "room.join", json!({ "chat_id": chat }));

    let secret = SecretKey::generate(&SystemRandom);
    let public_key = secret.public_key().to_base64();
    call(
        &portal,
        &sender,
        "key.register",
        json!({ "public_key": public_key }),
    );
    let ctx = Ctx::new(chat.unsigned_abs(), 1).expect("in range");
    let mut cipher = RoomCipher::generate(Suite::Three, ctx, &SystemRandom);
    let key_check = cipher.check().to_base64();
    let publish = json!({ "chat_id": chat, "epoch": 1, "key_check": key_check, "blobs": [] });
    call(&portal, &sender, "key.publish", publish);

    let content = cipher
        .seal(user.unsigned_abs(), "hello, everybody", &SystemRandom)
        .expect("seals");
    let chat_id = ChatId::try_from(chat).expect("an id");
    for _ in 0..MESSAGES / AT_ONCE {
        let requests = (0..AT_ONCE).map(|_| {
            let send = Send {
                chat_id,
                content: content.clone(),
                client_id: None,
            };
            Request::new(&portal, sender.clone(), send, |sent| {
                sent.expect("is sent");
            })
        });
        portal.batch(requests.collect());
    }
    let follower = portal.follow(None).expect("follows");
    follower.position().log_id.clone()
}

/// Reads the whole log as a program of C does; answers how many events that were.
fn in_c(handle: *mut Handle, log_id: &str) -> usize {
    let mut follower: *mut Follower = null_mut();
    // SAFETY: the handle lives, the text can be read, the follower written.
    let status = unsafe {
        portal_follower_open(
            handle,
            log_id.as_ptr().cast(),
            log_id.len(),
            0,
            &raw mut follower,
            null_mut(),
        )
    };
    assert_eq!(status, 0);
    let mut bytes = 0;
    loop {
        // SAFETY: the follower lives, the buffer can be written.
        let read = document(|events| unsafe {
            portal_follower_next(follower, LIMIT, 0, events, null_mut())
        });
        if read <= "[]".len() {
            break;
        }
        bytes += read;
    }
    // SAFETY: it is freed once.
    unsafe { portal_follower_free(follower) };
    bytes
}

/// Reads the same rows from the table, in pages of the same size; answers how many they were.
fn in_sqlite(db: &Connection) -> usize {
    let mut page = db
        .prepare("SELECT seq, at, name, data FROM event WHERE seq > ? ORDER BY seq LIMIT ?")
        .expect("prepares");
    let (mut after, mut count) = (0_i64, 0);
    loop {
        let mut rows = page.query((after, LIMIT)).expect("queries");
        let before = after;
        while let Some(row) = rows.next().expect("reads") {
            after = row.get(0).expect("a number");
            let at: i64 = row.get(1).expect("a number");
            let length = |column| {
                row.get_ref(column)
                    .expect("a column")
                    .as_str()
                    .expect("a text")
                    .len()
            };
            let (name, data) = (length(2), length(3));
            std::hint::black_box((at, name, data));
            count += 1;
        }
        if after == before {
            return count;
        }
    }
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let begin = Instant::now();
    let done = work();
    (done, begin.elapsed())
}

fn main() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("bench.db");
    let log_id = fill(&path);
    let name = path.to_str().expect("UTF-8");
    let mut handle = null_mut();
    // SAFETY: the path can be read, the handle written.
    let status = unsafe {
        portal_open(
            name.as_ptr().cast(),
            name.len(),
            null(),
            &raw mut handle,
            null_mut(),
        )
    };
    assert_eq!(status, 0);
    let db = Connection::open(&path).expect("opens");

    let mut ratios = Vec::new();
    for _ in 0..ROUNDS {
        let (count, bare) = timed(|| in_sqlite(&db));
        let (_, ours) = timed(|| in_c(handle, &log_id));
        let a_second =
            |took: Duration| f64::from(u32::try_from(count).unwrap()) / took.as_secs_f64();
        println!(
            "{count} events: {:.0} a second in C, {:.0} in SQLite",
            a_second(ours),
            a_second(bare)
        );
        ratios.push(ours.as_secs_f64() / bare.as_secs_f64());
    }
    ratios.sort_by(f64::total_cmp);
    println!("in C each takes {:.2} times as long", ratios[ROUNDS / 2]);
    // SAFETY: it is freed once.
    unsafe { portal_free(handle) };
}
