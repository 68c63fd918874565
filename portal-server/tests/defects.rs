//! What a defect of ours may not end: the way of events to the sockets (SPEC 12.1, 15.6).
//!
//! The library is given its time (SPEC 14.1), so a clock that panics is a defect wherever time is read.

mod common;

use std::backtrace::Backtrace;
use std::io::{BufRead as _, BufReader};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::socket::Client;
use common::{PATIENCE, Person, TestServer};
use portal_core::clock::{Clock, SystemClock};
use portal_core::model::Timestamp;
use serde_json::{Value, json};
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};

/// Panics where it is read, once it is broken.
struct Breaking {
    /// Whether this reading of it is to fail.
    here: fn() -> bool,
    broken: AtomicBool,
    /// By how much it is fast, in milliseconds.
    ahead: AtomicI64,
    /// It fails for good, not once.
    for_good: bool,
}

impl Breaking {
    fn at(here: fn() -> bool, for_good: bool) -> Arc<Self> {
        Arc::new(Self {
            here,
            broken: AtomicBool::new(false),
            ahead: 0.into(),
            for_good,
        })
    }

    fn break_down(&self) {
        self.broken.store(true, SeqCst);
    }
}

impl Clock for Breaking {
    fn now(&self) -> Timestamp {
        if self.broken.load(SeqCst) && (self.here)() {
            self.broken.store(self.for_good, SeqCst);
            panic!("a defect, as the test wants it");
        }
        SystemClock.now().plus(self.ahead.load(SeqCst))
    }
}

/// Where the log is read.
fn reading() -> bool {
    std::thread::current().name() == Some("fan-out")
}

/// Where its events are given to the sockets.
fn handing_out() -> bool {
    !reading() && Backtrace::force_capture().to_string().contains("hand_out")
}

/// Every socket is let go, comes back, and hears again what happens.
async fn all_goes_on(server: &TestServer, mut client: Client, who: &Person, chat: i64) {
    assert_eq!(client.event("server:closing").await["reason"], "behind");
    client.closed().await;
    let mut back = Client::of(server, who).await;
    back.ok("room:join", json!({ "chat_id": chat })).await;
    let name = json!({ "chat_id": chat, "name": "Afterwards" });
    server.operator("chat.update", name);
    let updated = back.event("room:updated").await;
    assert_eq!(updated["chat"]["name"], "Afterwards");
    let metrics = server.get(None, "/metrics").await.text;
    assert!(metrics.contains("\nportal_panics_total 1\n"), "{metrics}");
    server.get(None, "/health").await.ok();
}

#[tokio::test]
async fn a_panic_while_the_log_is_read_does_not_end_the_events_spec_12_1() {
    let clock = Breaking::at(reading, false);
    let server = TestServer::by(Arc::clone(&clock)).await;
    let olga = server.person_with_role("olga", "owner");
    let chat = server.official_chat(&olga);
    let client = Client::of(&server, &olga).await;
    clock.break_down();
    all_goes_on(&server, client, &olga, chat).await;
}

#[tokio::test]
async fn a_panic_while_events_are_handed_out_does_not_end_them_spec_12_1() {
    let clock = Breaking::at(handing_out, false);
    let server = TestServer::by(Arc::clone(&clock)).await;
    let olga = server.person_with_role("olga", "owner");
    let ben = server.person("ben");
    let chat = server.official_chat(&olga);
    let client = Client::of(&server, &olga).await;
    let _closing = Client::of(&server, &ben).await;
    clock.break_down();
    // Whoever's session ends is closed by whoever hands out that it did.
    let paused = json!({ "user_id": ben.id, "duration_seconds": 60 });
    server.operator("mod.timeout", paused);
    all_goes_on(&server, client, &olga, chat).await;
}

#[tokio::test]
async fn health_says_it_when_the_log_is_not_read_spec_15_6() {
    let clock = Breaking::at(reading, true);
    let server = TestServer::by(Arc::clone(&clock)).await;
    server.get(None, "/health").await.ok();
    clock.break_down();
    clock.ahead.store(31_000, SeqCst);
    // Housekeeping goes on, and is not what fails.
    let failing = async {
        loop {
            let health: Value = server.get(None, "/health").await.json();
            if health["tick_age_seconds"].as_f64().unwrap() < 30.0 {
                return health;
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    let failing = timeout(PATIENCE, failing).await.unwrap();
    assert_eq!(failing["status"], "failing");
    assert!(failing["events_age_seconds"].as_f64().unwrap() > 30.0);
}

#[tokio::test]
async fn a_log_that_cannot_be_read_for_a_while_is_read_on_from_where_it_was_spec_12_1() {
    let server = TestServer::start().await;
    let olga = server.person_with_role("olga", "owner");
    let chat = server.official_chat(&olga);
    let mut client = Client::of(&server, &olga).await;
    client.ok("room:join", json!({ "chat_id": chat })).await;

    let (log, written) = std::io::pipe().unwrap();
    let subscriber = tracing_subscriber::fmt().with_ansi(false);
    subscriber.with_writer(Mutex::new(written)).init();
    let file = rusqlite::Connection::open(server.beside.path()).unwrap();
    file.execute_batch("ALTER TABLE event RENAME TO gone")
        .unwrap();
    let failed = spawn_blocking(|| {
        let mut lines = BufReader::new(log).lines().map_while(Result::ok);
        lines.any(|line| line.contains("cannot read the event log"))
    });
    assert!(timeout(PATIENCE, failed).await.unwrap().unwrap());
    file.execute_batch("ALTER TABLE gone RENAME TO event")
        .unwrap();

    let name = json!({ "chat_id": chat, "name": "Afterwards" });
    server.operator("chat.update", name);
    // By the same socket: nothing was missed.
    let updated = client.event("room:updated").await;
    assert_eq!(updated["chat"]["name"], "Afterwards");
}
