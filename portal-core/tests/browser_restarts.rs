//! A browser and the processes that keep it (SPEC 10.1, 11.2, 11.3): one that dies is followed by one that puts right what it
//! was about.

mod common;

use std::sync::Arc;

use common::browsers::{Fake, House};
use common::{BASIC, PREMIUM, Stage, user};
use portal_core::model::{ChatId, ChatType};
use portal_core::{Actor, ErrorKind, Options, Portal};
use serde_json::{Value, json};

fn square(house: &House) -> ChatId {
    house
        .stage
        .chat(ChatType::Public, PREMIUM, Some("a-square"))
}

fn of(chat: ChatId) -> Value {
    json!({ "chat_id": chat })
}

#[test]
fn whatever_a_process_was_about_the_next_one_puts_right_spec_11_2() {
    // Started, and not a word of it written down.
    let mut house = House::new();
    let chat = square(&house);
    house.stage.ok(&user(PREMIUM), "browser.start", of(chat));
    let portal = house.stage.portal.clone();
    house.fake.during("admit", move || portal.close());
    house.seat(BASIC, chat);
    assert_eq!(house.keeper.tend().unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(house.fake.chats(), [chat]);
    let mut house = house.reopened();
    assert_eq!(house.state(chat), "starting");
    house.tend();
    assert_eq!(
        (house.state(chat), house.fake.chats()),
        ("running".into(), vec![chat])
    );
    assert_eq!(
        house.fake.viewers(chat),
        [0; 0],
        "nobody is in the room any more"
    );

    // To be stopped, and stopped, or not.
    house.stage.ok(&user(PREMIUM), "browser.stop", of(chat));
    let mut house = house.reopened();
    house.tend();
    assert_eq!(
        (house.state(chat), house.fake.chats()),
        ("none".into(), vec![])
    );

    // Running, and gone meanwhile.
    house.started(PREMIUM, chat);
    house.fake.die();
    let mut house = house.reopened();
    house.tend();
    assert_eq!(house.state(chat), "failed: died");

    // Running, and its chat gone before anybody stopped it.
    house.started(PREMIUM, chat);
    house.stage.ok(&user(PREMIUM), "chat.destroy", of(chat));
    let mut house = house.reopened();
    house.tend();
    assert_eq!(house.fake.chats(), []);
}

#[test]
fn a_browser_that_outlived_its_process_goes_on_spec_11_2() {
    let mut house = House::new();
    let chat = square(&house);
    house.seat(BASIC, chat);
    house.started(PREMIUM, chat);
    let give = json!({ "chat_id": chat, "user_id": BASIC });
    house
        .stage
        .ok(&user(PREMIUM), "browser.grant_control", give);
    house.tend();
    let mut house = house.reopened();
    house.fake.calls();
    assert_eq!(house.get(chat)["holder"], Value::Null);
    let ben = house.seat(BASIC, chat);
    house.tend();
    // His old way in is not known here: it is taken away, and he gets another.
    let ben_s = [
        "list".to_owned(),
        format!("dismiss {BASIC}"),
        format!("admit {BASIC}"),
    ];
    assert_eq!(house.fake.calls(), ben_s);
    assert_eq!(
        (house.state(chat), house.fake.controller(chat)),
        ("running".into(), None)
    );
    let told = house.told(&["room:started"]);
    assert_eq!(told[0].0, [ben]);
    assert_eq!(
        house.fake.whose(&told[0].2["access"]["password"]),
        Some(BASIC)
    );
}

#[test]
fn where_browsers_are_not_run_any_more_none_runs_spec_11_3() {
    let mut house = House::new();
    let chat = square(&house);
    house.started(PREMIUM, chat);
    let stage = house.stage.reopened(true);
    let listed = stage.ok(&Actor::guest(), "directory.list", json!({}));
    assert_eq!(listed["chats"][0]["running"], false);
    stage.refused(
        &user(PREMIUM),
        "browser.start",
        of(chat),
        "ERR_BROWSER_UNAVAILABLE",
    );
    let last = stage.events(0).pop().unwrap();
    assert_eq!(
        (&last["name"], &last["data"]["reason"]),
        (&json!("room:stopped"), &json!("unavailable"))
    );
}

#[test]
fn whoever_runs_browsers_keeps_presence_spec_10_1() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        browsers: Some(Arc::new(Fake::default())),
        ..Options::default()
    };
    let refused = Portal::open(dir.path().join("portal.db"), options)
        .err()
        .unwrap();
    assert_eq!(refused.extras().field.as_deref(), Some("browsers"));
    let none = Stage::new().portal.keeper().err().unwrap();
    assert_eq!(none.kind(), ErrorKind::BrowserUnavailable);
}
