//! A follower reads no event ahead of what memory makes of it.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::{Actor, Options};

#[test]
fn a_follower_looks_at_the_log_while_memory_is_level_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let portal = Portal::open(dir.path().join("portal.db"), Options::default()).unwrap();
    let mut follower = portal.follow(None).unwrap();
    let create = r#"{"username":"somebody"}"#;
    portal
        .call_json(&Actor::operator(), "user.create", create)
        .unwrap();

    let level = Arc::new(AtomicBool::new(false));
    let (seen, shared) = (Arc::clone(&level), Arc::clone(&portal.shared));
    portal.shared.store.readers.hook_next("event", move || {
        seen.store(shared.store.writer.is_settled(), Ordering::SeqCst);
    });
    assert_eq!(follower.poll(10).unwrap().len(), 1);
    assert!(level.load(Ordering::SeqCst));
    assert!(!portal.shared.store.writer.is_settled());
}
