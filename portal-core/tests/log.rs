//! What an operator is told (SPEC 17.4), and what never.

#![allow(missing_docs)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use portal_core::clock::{Clock, SystemClock};
use portal_core::log::{Level, Log};
use portal_core::model::Timestamp;
use portal_core::random::{Random, SystemRandom};
use portal_core::{Actor, ErrorKind, Options, Portal, Request};

/// Hears everything; its time and its randomness fail when they are told to.
#[derive(Default)]
struct Host {
    heard: Mutex<Vec<(Level, String)>>,
    breaks: AtomicBool,
    deaf: AtomicBool,
}

impl Host {
    fn fail_if_broken(&self) {
        assert!(!self.breaks.load(Ordering::SeqCst), "ada's secret");
    }

    fn heard(&self) -> Vec<(Level, String)> {
        std::mem::take(&mut self.heard.lock().unwrap())
    }

    fn open(self: &Arc<Self>, path: &Path) -> Portal {
        let options = Options {
            log: Some(Arc::clone(self) as Arc<dyn Log>),
            clock: Arc::clone(self) as Arc<dyn Clock>,
            random: Arc::clone(self) as Arc<dyn Random>,
            ..Options::default()
        };
        Portal::open(path, options).unwrap()
    }
}

impl Log for Host {
    fn log(&self, level: Level, text: &str) {
        assert!(!self.deaf.load(Ordering::SeqCst), "who listens fails too");
        self.heard.lock().unwrap().push((level, text.to_owned()));
    }
}

impl Random for Host {
    fn fill(&self, bytes: &mut [u8]) {
        self.fail_if_broken();
        SystemRandom.fill(bytes);
    }
}

impl Clock for Host {
    fn now(&self) -> Timestamp {
        SystemClock.now()
    }
}

/// Time that fails, for what draws no random bytes.
struct Stopped(Arc<Host>);

impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        self.0.fail_if_broken();
        SystemClock.now()
    }
}

#[track_caller]
fn one(heard: &[(Level, String)]) -> (Level, &str) {
    let [(level, text)] = heard else {
        panic!("{heard:?}");
    };
    (*level, text)
}

#[test]
fn a_file_that_is_made_opened_and_closed_is_told_spec_17_4() {
    let dir = tempfile::tempdir().unwrap();
    let (path, host) = (dir.path().join("portal.db"), Arc::new(Host::default()));
    let portal = host.open(&path);
    assert_eq!(
        one(&host.heard()),
        (Level::Info, "Created the database, schema 1.")
    );
    portal.close();
    portal.close();
    assert_eq!(one(&host.heard()), (Level::Info, "Closed the database."));
    let portal = host.open(&path);
    assert_eq!(
        one(&host.heard()),
        (Level::Info, "Opened the database, schema 1.")
    );
    // What is refused has an answer, and is not told besides.
    portal
        .call_json(&Actor::operator(), "chat.get", r#"{"chat_id": 7}"#)
        .unwrap_err();
    portal
        .call_json(&Actor::operator(), "user.create", r#"{"username": "ada"}"#)
        .unwrap();
    assert_eq!(host.heard(), []);
}

#[test]
fn a_panic_in_an_operation_is_told_once_by_its_name_and_without_its_words_spec_17_4() {
    let dir = tempfile::tempdir().unwrap();
    let host = Arc::new(Host::default());
    let portal = host.open(&dir.path().join("portal.db"));
    let call = |name, params| portal.call_json(&Actor::operator(), name, params);
    call("user.create", r#"{"username": "ada"}"#).unwrap();
    host.heard();

    host.breaks.store(true, Ordering::SeqCst);
    let refused = call("session.create", r#"{"user_id": 1}"#).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Internal);
    let heard = host.heard();
    let (level, text) = one(&heard);
    assert_eq!(level, Level::Error);
    assert!(
        text.contains("`session.create`") && text.contains("taken back"),
        "{text}"
    );
    assert!(!text.contains("ada"), "{text}");

    // A log that fails itself takes nothing with it.
    host.deaf.store(true, Ordering::SeqCst);
    let refused = call("session.create", r#"{"user_id": 1}"#).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Internal);
    host.breaks.store(false, Ordering::SeqCst);
    call("session.create", r#"{"user_id": 1}"#).unwrap();
}

#[test]
fn a_panic_in_a_query_is_told_and_goes_on_to_whoever_asked_spec_17_4() {
    let dir = tempfile::tempdir().unwrap();
    let host = Arc::new(Host::default());
    let options = Options {
        log: Some(Arc::clone(&host) as Arc<dyn Log>),
        clock: Arc::new(Stopped(Arc::clone(&host))),
        ..Options::default()
    };
    let portal = Portal::open(dir.path().join("portal.db"), options).unwrap();
    host.heard();
    host.breaks.store(true, Ordering::SeqCst);
    let asked = || portal.call_json(&Actor::operator(), "user.list", "{}");
    assert!(catch_unwind(AssertUnwindSafe(asked)).is_err());
    let heard = host.heard();
    let (level, text) = one(&heard);
    assert!(
        level == Level::Error && text.contains("`user.list`"),
        "{text}"
    );
}

#[test]
fn a_callers_own_panic_is_told_as_that_spec_17_4() {
    let dir = tempfile::tempdir().unwrap();
    let host = Arc::new(Host::default());
    let portal = host.open(&dir.path().join("portal.db"));
    host.heard();
    let entry = portal_core::catalogue::find("user.create").unwrap();
    let done = Box::new(|_| panic!("the caller's"));
    let params = r#"{"username": "ada"}"#;
    let request = Request::json(&portal, Actor::operator(), entry, params, done);
    portal.batch(vec![request.unwrap()]);
    let heard = host.heard();
    let (level, text) = one(&heard);
    assert!(
        level == Level::Error && text.contains("`user.create`"),
        "{text}"
    );
}

#[test]
fn a_face_tells_what_the_system_said_and_nothing_of_what_was_stored_spec_17_4() {
    let dir = tempfile::tempdir().unwrap();
    let host = Arc::new(Host::default());
    let options = Options {
        log: Some(Arc::clone(&host) as Arc<dyn Log>),
        // Less than an empty file has: it is full from the start.
        max_file_bytes: Some(1),
        ..Options::default()
    };
    drop(host.open(&dir.path().join("portal.db")));
    let portal = Portal::open(dir.path().join("portal.db"), options).unwrap();
    let mut refusal = None;
    for number in 0..10_000 {
        let params = format!(r#"{{"username": "person{number}"}}"#);
        let made = portal.call_json(&Actor::operator(), "user.create", &params);
        refusal = made.err();
        if refusal.is_some() {
            break;
        }
    }
    let refusal = refusal.unwrap();
    assert_eq!(refusal.kind(), ErrorKind::StorageFull);
    host.heard();
    portal.tell_failure("user.create", &refusal);
    let heard = host.heard();
    let (level, text) = one(&heard);
    assert_eq!(level, Level::Error);
    assert!(
        text.contains("`user.create`") && text.contains("(database or disk is full)"),
        "{text}"
    );

    // What is not the system's may quote what was stored.
    let other = portal_core::Error::new(ErrorKind::Internal).caused_by("ada's secret");
    portal.tell_failure("user.create", &other);
    assert_eq!(host.heard(), []);
}
