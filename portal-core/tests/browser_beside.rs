//! Another process than the one that runs browsers: what it can ask for, and how it knows that there is one
//! (SPEC 10.1, 11.3, 12.1, 16.1).

mod common;

use std::time::Duration;

use common::browsers::House;
use common::{BASIC, PREMIUM, START, user};
use portal_core::model::{ChatId, ChatType};
use portal_core::{Actor, Options, Portal};
use serde_json::{Value, json};

const NONE: &str = "ERR_BROWSER_UNAVAILABLE";

fn of(chat: ChatId) -> Value {
    json!({ "chat_id": chat })
}

/// What the operator is answered by a process of their own: a document, or a code.
fn call(portal: &Portal, name: &str, params: &Value) -> Result<Value, &'static str> {
    let reply = portal.call_json(&Actor::operator(), name, &params.to_string());
    reply
        .map(|text| serde_json::from_str(&text).unwrap())
        .map_err(|error| error.kind().code())
}

fn square(house: &House) -> ChatId {
    let chat = house
        .stage
        .chat(ChatType::Public, PREMIUM, Some("a-square"));
    house.seat(BASIC, chat);
    chat
}

#[test]
fn another_process_starts_stops_and_looks_spec_16_1() {
    let mut house = House::new();
    let chat = square(&house);
    let beside = house.stage.beside();
    call(&beside, "browser.start", &of(chat)).unwrap();
    house.tend();
    let seen = call(&beside, "browser.get", &of(chat)).unwrap();
    assert_eq!(seen["browser"]["state"], "running");
    assert_eq!(house.fake.viewers(chat), [BASIC]);

    let grant = json!({ "chat_id": chat, "user_id": BASIC });
    house
        .stage
        .ok(&user(PREMIUM), "browser.grant_control", grant);
    let listed = call(&beside, "browser.list", &json!({})).unwrap();
    assert_eq!(listed["are_run"], true);
    let browser = &listed["browsers"][0];
    let wanted = json!({
        "chat_id": chat, "chat_name": browser["chat_name"], "chat_type": "PUBLIC", "state": "running",
        "since": START, "reason": null, "run": browser["run"], "browser": "firefox",
        "holder": BASIC, "holder_name": browser["holder_name"], "requests": 0, "people": 1,
    });
    assert_eq!(browser, &wanted);
    assert!(browser["chat_name"].is_string() && browser["holder_name"].is_string());
    assert_eq!(browser["run"].as_str().unwrap().len(), 32);
    assert_eq!(listed["browsers"].as_array().unwrap().len(), 1);
    let behind = json!({ "after": chat, "limit": 1 });
    let behind = call(&beside, "browser.list", &behind).unwrap();
    assert_eq!(behind["browsers"], json!([]));
    // The process itself says the same.
    let here = house
        .stage
        .ok(&Actor::operator(), "browser.list", json!({}));
    assert_eq!(here["browsers"], listed["browsers"]);

    call(&beside, "browser.stop", &of(chat)).unwrap();
    house.tend();
    assert_eq!(house.fake.chats(), []);
    let listed = call(&beside, "browser.list", &json!({})).unwrap();
    assert_eq!(listed["browsers"], json!([]));
}

#[test]
fn what_is_for_those_in_the_room_stays_with_the_process_that_runs_it_spec_11_4() {
    let mut house = House::new();
    let chat = square(&house);
    house.started(PREMIUM, chat);
    let beside = house.stage.beside();
    let grant = json!({ "chat_id": chat, "user_id": BASIC });
    let text = json!({ "chat_id": chat, "text": "a text" });
    for (name, params) in [
        ("browser.grant_control", &grant),
        ("browser.take_control", &of(chat)),
        ("browser.release_control", &of(chat)),
        ("browser.clipboard", &of(chat)),
        ("browser.set_clipboard", &text),
        ("browser.screen", &of(chat)),
    ] {
        assert_eq!(call(&beside, name, params), Err(NONE), "{name}");
    }
}

#[test]
fn a_process_that_died_runs_no_browsers_spec_10_1() {
    let mut house = House::new();
    let chat = square(&house);
    house.started(PREMIUM, chat);
    let beside = house.stage.beside();
    // It writes nothing when it ends, as it could not if it were killed.
    house.stage.portal.close();
    for name in ["browser.start", "browser.stop", "browser.get"] {
        assert_eq!(call(&beside, name, &of(chat)), Err(NONE), "{name}");
    }
    // What is written down is still to be seen: the next process of its kind goes on with it.
    let listed = call(&beside, "browser.list", &json!({})).unwrap();
    assert_eq!(listed["are_run"], false);
    assert_eq!(listed["browsers"][0]["state"], "running");
    let house = house.reopened();
    call(&beside, "browser.stop", &of(chat)).unwrap();
    assert_eq!(house.state(chat), "stopping: asked");
}

#[test]
fn a_process_with_presence_and_without_browsers_says_so_spec_11_3() {
    let mut house = House::new();
    let chat = square(&house);
    house.started(PREMIUM, chat);
    let stage = house.stage.reopened(true);
    let beside = stage.beside();
    assert_eq!(call(&beside, "browser.start", &of(chat)), Err(NONE));
    let listed = call(&beside, "browser.list", &json!({})).unwrap();
    assert_eq!(listed["are_run"], false);
    assert_eq!(listed["browsers"][0]["reason"], "unavailable");
}

#[test]
fn asking_whether_browsers_are_run_keeps_nobody_from_running_them_spec_10_1() {
    let house = House::new();
    let chat = square(&house);
    let beside = house.stage.beside();
    house.stage.portal.close();
    let file = house.stage.portal.path();
    let over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(std::sync::atomic::Ordering::SeqCst) {
                call(&beside, "browser.get", &of(chat)).ok();
            }
        });
        for _ in 0..20 {
            let options = Options {
                presence: true,
                browsers: Some(house.fake.clone()),
                ..Options::default()
            };
            let portal = Portal::open(&file, options);
            let opened = portal.map(|portal| portal.close());
            over.store(opened.is_err(), std::sync::atomic::Ordering::SeqCst);
            opened.unwrap();
        }
        over.store(true, std::sync::atomic::Ordering::SeqCst);
    });
}

#[test]
fn what_another_process_asks_for_wakes_whoever_keeps_browsers_spec_12_1() {
    let mut house = House::new();
    let chat = square(&house);
    house.tend();
    let beside = house.stage.beside();
    call(&beside, "browser.start", &of(chat)).unwrap();
    // Whoever follows the log takes in what others have committed; so does whatever is written next.
    house.follower.poll(100).unwrap();
    assert!(house.keeper.wait(Duration::from_mins(1)).unwrap());
    house.tend();
    assert_eq!(house.fake.chats(), [chat]);
}

#[test]
fn browsers_are_listed_to_platform_owners_spec_4_6() {
    use common::{ADMIN, OWNER};
    let house = House::new();
    let codes = [PREMIUM, ADMIN, OWNER]
        .map(|person| house.stage.code(&user(person), "browser.list", json!({})));
    assert_eq!(codes, ["ERR_FORBIDDEN", "ERR_FORBIDDEN", "ok"]);
    let guest = house.stage.code(&Actor::guest(), "browser.list", json!({}));
    assert_eq!(guest, "ERR_UNAUTHENTICATED");
    for limit in [0, 201] {
        let params = json!({ "limit": limit });
        house
            .stage
            .refused(&user(OWNER), "browser.list", params, "ERR_INVALID");
    }
}
