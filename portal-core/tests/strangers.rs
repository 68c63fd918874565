//! Strangers come with a session and go with it (SPEC 1.8).

mod common;

use std::collections::BTreeSet;
use std::sync::Arc;

use common::{BASIC, OTHER, Stage, user};
use portal_core::model::{DAY, SessionId};
use portal_core::random::{Random, SystemRandom};
use portal_core::{Actor, Options, Portal};
use serde_json::{Value, json};

fn at(ip: &str) -> Actor {
    Actor::guest().from_ip(ip.parse().unwrap())
}

fn come(stage: &Stage) -> (i64, Actor) {
    let new = stage.ok(&Actor::guest(), "stranger.create", json!({}));
    let session = SessionId::try_from(new["session_id"].as_i64().unwrap()).unwrap();
    (new["user_id"].as_i64().unwrap(), Actor::session(session))
}

fn exists(stage: &Stage, id: i64) -> bool {
    stage
        .call(&Actor::operator(), "user.get", json!({ "user_id": id }))
        .is_ok()
}

#[test]
fn a_stranger_is_a_plain_user_with_a_two_word_name_spec_1_8() {
    let stage = Stage::new();
    let (id, stranger) = come(&stage);
    let me = stage.ok(&stranger, "user.me", json!({}));
    assert_eq!(me["id"], id);
    assert_eq!(
        (&me["role"], &me["tier"]),
        (&json!("user"), &json!("basic"))
    );
    assert_eq!(me["stranger"], true);
    let words: Vec<_> = me["username"].as_str().unwrap().split('-').collect();
    assert!(
        words.len() == 2 && words.iter().all(|word| word.len() >= 2),
        "{words:?}"
    );
}

#[test]
fn only_who_is_not_signed_in_becomes_a_stranger() {
    let stage = Stage::new();
    let (_, stranger) = come(&stage);
    for actor in [user(BASIC), stranger] {
        stage.refused(&actor, "stranger.create", json!({}), "ERR_FORBIDDEN");
    }
}

#[test]
fn three_strangers_live_on_an_ip_spec_1_8() {
    let stage = Stage::new();
    let mut sessions = Vec::new();
    for host in 1..=3 {
        let guest = at(&format!("2001:db8::{host}"));
        let new = stage.ok(&guest, "stranger.create", json!({}));
        sessions.push(SessionId::try_from(new["session_id"].as_i64().unwrap()).unwrap());
    }
    let fourth = at("2001:db8::4");
    stage.refused(&fourth, "stranger.create", json!({}), "ERR_STRANGER_LIMIT");
    stage.ok(&at("2001:db8:0:1::4"), "stranger.create", json!({}));
    stage.ok(&Actor::session(sessions[0]), "session.logout", json!({}));
    stage.ok(&fourth, "stranger.create", json!({}));
    let more = json!({ "key": "strangers_per_ip", "value": 4 });
    stage.ok(&Actor::operator(), "config.set", more);
    stage.ok(&fourth, "stranger.create", json!({}));
    stage.refused(&fourth, "stranger.create", json!({}), "ERR_STRANGER_LIMIT");
    // Those whose sessions ran out are not live, swept or not.
    stage.clock.advance(30 * DAY);
    stage.ok(&fourth, "stranger.create", json!({}));
}

#[test]
fn a_stranger_vanishes_with_the_session_spec_1_8() {
    let stage = Stage::new();
    let (by_logout, stranger) = come(&stage);
    stage.ok(&stranger, "session.logout", json!({}));
    assert!(!exists(&stage, by_logout));

    let (by_expiry, _) = come(&stage);
    stage.portal.tick().unwrap();
    assert!(exists(&stage, by_expiry));
    stage.clock.advance(30 * DAY);
    stage.portal.tick().unwrap();
    assert!(!exists(&stage, by_expiry));
}

#[test]
fn a_stranger_stays_while_a_direct_chat_lives_spec_1_8() {
    let stage = Stage::new();
    let (id, stranger) = come(&stage);
    let direct = stage.direct(BASIC, id);
    stage.ok(&stranger, "session.logout", json!({}));
    stage.portal.tick().unwrap();
    assert!(exists(&stage, id));
    stage
        .raw()
        .execute("DELETE FROM chat WHERE id = ?", [direct.get()])
        .unwrap();
    stage.portal.tick().unwrap();
    assert!(!exists(&stage, id));
}

#[test]
fn signing_in_or_up_leaves_the_stranger_behind_spec_1_8() {
    let stage = Stage::new();
    let open = json!({ "key": "registration", "value": "open" });
    stage.ok(&Actor::operator(), "config.set", open);
    let code = stage.ok(&user(OTHER), "login_code.create", json!({}))["code"].clone();
    let ways: [(&str, Value); 2] = [
        ("user.sign_up", json!({ "username": "newcomer" })),
        (
            "session.sign_in",
            json!({ "username": "oskar-other", "secret": code }),
        ),
    ];
    for (name, params) in ways {
        let (id, stranger) = come(&stage);
        let direct = stage.direct(BASIC, id);
        let before = stage.as_of();
        let new = stage.ok(&stranger, name, params);
        assert_ne!(new["user_id"], id);
        stage
            .portal
            .authenticate(new["token"].as_str().unwrap())
            .unwrap();
        stage.refused(&stranger, "user.me", json!({}), "ERR_UNAUTHENTICATED");
        assert!(!exists(&stage, id));
        let names: Vec<_> = stage
            .events(before)
            .iter()
            .map(|e| e["name"].clone())
            .collect();
        assert!(names.contains(&json!("session:ended")), "{names:?}");
        assert!(names.contains(&json!("room:destroyed")), "{names:?}");
        let gone = json!({ "chat_id": direct });
        stage.refused(&user(BASIC), "chat.get", gone, "ERR_CHAT_NOT_FOUND");
    }
}

#[test]
fn a_failed_sign_in_keeps_the_stranger_spec_1_8() {
    let stage = Stage::new();
    let (id, stranger) = come(&stage);
    let wrong = json!({ "username": "oskar-other", "secret": "WRONG" });
    stage.refused(&stranger, "session.sign_in", wrong, "ERR_LOGIN_INVALID");
    assert!(exists(&stage, id));
    stage.ok(&stranger, "user.me", json!({}));
}

/// Draws the same two words every time.
struct SameWords;

impl Random for SameWords {
    fn fill(&self, bytes: &mut [u8]) {
        if bytes.len() == 2 {
            bytes.fill(0);
        } else {
            SystemRandom.fill(bytes);
        }
    }
}

#[test]
fn names_stay_unique_when_the_words_are_crowded() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        random: Arc::new(SameWords),
        ..Options::default()
    };
    let portal = Portal::open(dir.path().join("portal.db"), options).unwrap();
    let mut names = BTreeSet::new();
    for _ in 0..20 {
        let new = portal
            .call_json(&Actor::guest(), "stranger.create", "{}")
            .unwrap();
        let new: Value = serde_json::from_str(&new).unwrap();
        names.insert(new["username"].as_str().unwrap().to_owned());
    }
    assert_eq!(names.len(), 20);
    let words: BTreeSet<_> = names.iter().map(|name| name.split('-').next()).collect();
    assert_eq!(words.len(), 1, "{names:?}");
}
