//! Requests of one batch: each is judged by what those before it did, in memory too (SPEC 10.0).

mod common;

use std::sync::{Arc, Mutex};

use common::talk::{Talker, envelope};
use common::{BASIC, PREMIUM, Stage, user};
use portal_core::model::{ChatId, ChatType};
use portal_core::{Actor, Request, catalogue};
use serde_json::{Value, json};

/// Runs requests in one call; answers the code of each, `OK` if all went well.
fn batch(stage: &Stage, calls: Vec<(&Actor, &str, Value)>) -> Vec<&'static str> {
    batch_amid(stage, calls, false)
}

/// The same, with others waiting or not.
fn batch_amid(stage: &Stage, calls: Vec<(&Actor, &str, Value)>, more: bool) -> Vec<&'static str> {
    let codes = Arc::new(Mutex::new(Vec::new()));
    let requests = calls.into_iter().map(|(actor, name, params)| {
        let codes = Arc::clone(&codes);
        let done = Box::new(move |reply: Result<String, portal_core::Error>| {
            let code = reply.map_or_else(|error| error.kind().code(), |_| "OK");
            codes.lock().unwrap().push(code);
        });
        let (entry, params) = (catalogue::find(name).unwrap(), params.to_string());
        Request::json(&stage.portal, actor.clone(), entry, &params, done).unwrap()
    });
    stage.portal.batch_amid(requests.collect(), || more);
    std::mem::take(&mut *codes.lock().unwrap())
}

fn stage() -> (Stage, ChatId, Talker) {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("open-door"));
    let talker = stage.talker(chat, BASIC);
    (stage, chat, talker)
}

fn message(chat: ChatId) -> Value {
    json!({ "chat_id": chat, "content": envelope(1, "hello") })
}

#[test]
fn whoever_joins_may_talk_in_the_same_batch_spec_6_2() {
    let (stage, chat, talker) = stage();
    let here = json!({ "chat_id": chat });
    let who = &talker.actor;
    let calls = vec![
        (who, "room.leave", here.clone()),
        (who, "message.send", message(chat)),
        (who, "room.join", here),
        (who, "message.send", message(chat)),
    ];
    assert_eq!(batch(&stage, calls), ["OK", "ERR_NOT_JOINED", "OK", "OK"]);
}

#[test]
fn whoever_is_put_out_is_out_for_the_rest_of_the_batch_spec_10_0() {
    let (stage, chat, talker) = stage();
    let kick = json!({ "chat_id": chat, "user_id": BASIC });
    let owner = user(PREMIUM);
    let calls = vec![
        (&talker.actor, "message.send", message(chat)),
        (&owner, "mod.kick", kick),
        (&talker.actor, "message.send", message(chat)),
    ];
    assert_eq!(batch(&stage, calls), ["OK", "OK", "ERR_NOT_JOINED"]);
}

#[test]
fn a_setting_holds_for_the_rest_of_the_batch_spec_6_6() {
    let (stage, chat, talker) = stage();
    let operator = Actor::operator();
    let calls = vec![
        (&talker.actor, "message.send", message(chat)),
        (
            &operator,
            "config.set",
            json!({ "key": "sends_per_user", "value": 1 }),
        ),
        (&talker.actor, "message.send", message(chat)),
    ];
    assert_eq!(batch(&stage, calls), ["OK", "OK", "ERR_RATE_LIMITED"]);
}

#[test]
fn the_log_is_emptied_while_others_wait_but_not_after_every_batch_spec_7_4() {
    let (stage, chat, talker) = stage();
    let owner = user(PREMIUM);
    let written = || {
        let calls = vec![(&talker.actor, "message.send", message(chat))];
        assert_eq!(batch(&stage, calls), ["OK"]);
    };
    let deleting = |more| {
        let last = json!({ "chat_id": chat, "count": 1 });
        let calls = vec![(&owner, "message.delete_last", last)];
        assert_eq!(batch_amid(&stage, calls, more), ["OK"]);
    };
    for _ in 0..9 {
        written();
    }
    let log = stage.dir.path().join("portal.db-wal");
    let is_empty = || std::fs::metadata(&log).unwrap().len() == 0;

    deleting(false);
    assert!(is_empty());
    deleting(true);
    assert!(!is_empty(), "the next batch is not kept waiting");
    stage.clock.advance(249);
    deleting(true);
    assert!(!is_empty());
    stage.clock.advance(1);
    deleting(true);
    assert!(is_empty(), "however many wait");

    deleting(true);
    deleting(false);
    assert!(is_empty(), "with the last");
    deleting(true);
    stage.portal.tick().unwrap();
    assert!(is_empty(), "by housekeeping, where nobody came");

    // A clock that was set back keeps nothing in the log.
    stage.clock.advance(-1);
    deleting(true);
    assert!(is_empty());
}

#[test]
fn a_callback_may_read_and_forget_a_connection() {
    let (stage, chat, talker) = stage();
    let (portal, connection) = (stage.portal.clone(), talker.connection);
    let read = Arc::new(Mutex::new(None));
    let found = Arc::clone(&read);
    let done = Box::new(move |reply: Result<String, portal_core::Error>| {
        reply.unwrap();
        portal.forget(connection);
        let here = json!({ "chat_id": chat }).to_string();
        let chat = portal.call_json(&Actor::operator(), "chat.get", &here);
        *found.lock().unwrap() = Some(chat.unwrap());
    });
    let entry = catalogue::find("chat.update").unwrap();
    let rename = json!({ "chat_id": chat, "name": "Renamed" }).to_string();
    let request = Request::json(&stage.portal, user(PREMIUM), entry, &rename, done);
    stage.portal.batch(vec![request.unwrap()]);
    let read = read.lock().unwrap().take().unwrap();
    assert!(read.contains("Renamed"), "{read}");
    assert!(stage.portal.connection(connection).is_none());
}
