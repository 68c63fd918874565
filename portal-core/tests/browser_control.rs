//! Who has control of a chat's browser (SPEC 11.4), and what each is told.

mod common;

use common::browsers::House;
use common::{ADMIN, BASIC, LIFETIME, MODERATOR, OTHER, PREMIUM, STRANGER, on, user};
use portal_core::Actor;
use portal_core::model::{ChatId, ChatType};
use serde_json::{Value, json};

fn of(chat: ChatId) -> Value {
    json!({ "chat_id": chat })
}

/// A house with a PUBLIC chat, configured so.
fn square(chat_config: Value) -> (House, ChatId) {
    let house = House::new();
    let chat = house
        .stage
        .chat(ChatType::Public, PREMIUM, Some("a-square"));
    let config = json!({ "chat_id": chat, "chat_config": chat_config });
    house.stage.ok(&user(PREMIUM), "chat.update", config);
    (house, chat)
}

#[test]
fn control_has_one_holder_at_most_spec_11_4() {
    let (mut house, chat) = square(json!({ "allow_control_requests": true }));
    for person in [BASIC, OTHER, PREMIUM] {
        house.seat(person, chat);
    }
    house.started(PREMIUM, chat);
    let before = house.stage.as_of();
    let holder = |house: &mut House| {
        house.tend();
        let holder = house.get(chat)["holder"].as_i64();
        assert_eq!(house.fake.controller(chat), holder);
        holder
    };
    for _ in 0..2 {
        house
            .stage
            .ok(&user(BASIC), "browser.request_control", of(chat));
    }
    house
        .stage
        .ok(&user(OTHER), "browser.request_control", of(chat));
    assert_eq!(house.get(chat)["requests"], json!([BASIC, OTHER]));
    house
        .stage
        .ok(&user(PREMIUM), "browser.grant_control", on(chat, BASIC));
    assert_eq!(holder(&mut house), Some(BASIC));
    assert_eq!(house.get(chat)["requests"], json!([OTHER]));
    // Whoever has it passes it on; whoever does not, does not.
    house.stage.refused(
        &user(OTHER),
        "browser.grant_control",
        on(chat, OTHER),
        "ERR_FORBIDDEN",
    );
    house
        .stage
        .ok(&user(BASIC), "browser.grant_control", on(chat, OTHER));
    assert_eq!(holder(&mut house), Some(OTHER));
    house
        .stage
        .ok(&user(PREMIUM), "browser.take_control", of(chat));
    assert_eq!(holder(&mut house), Some(PREMIUM));
    for _ in 0..2 {
        house
            .stage
            .ok(&user(PREMIUM), "browser.take_control", of(chat));
    }
    for _ in 0..2 {
        house
            .stage
            .ok(&user(PREMIUM), "browser.release_control", of(chat));
    }
    assert_eq!(holder(&mut house), None);
    let changed = "control:changed";
    let expected = [
        "control:requested",
        "control:requested",
        changed,
        changed,
        changed,
        changed,
    ];
    assert_eq!(house.events_since(before), expected);
}

#[test]
fn who_asks_and_who_has_control_is_told_to_the_room_spec_11_4() {
    let (mut house, chat) = square(json!({ "allow_control_requests": true }));
    let ben = house.seat(BASIC, chat);
    let pia = house.seat(PREMIUM, chat);
    house.started(PREMIUM, chat);
    house.told(&[]);
    house
        .stage
        .ok(&user(BASIC), "browser.request_control", of(chat));
    house
        .stage
        .ok(&user(PREMIUM), "browser.grant_control", on(chat, BASIC));
    house
        .stage
        .ok(&user(BASIC), "browser.release_control", of(chat));
    let told = house.told(&["control:requested", "control:changed"]);
    let told: Vec<_> = told
        .iter()
        .map(|(to, name, data)| (to.as_slice(), name.as_str(), &data["user_id"]))
        .collect();
    let all = &[ben, pia][..];
    assert_eq!(
        told,
        [
            (all, "control:requested", &json!(BASIC)),
            (all, "control:changed", &json!(BASIC)),
            (all, "control:changed", &Value::Null),
        ]
    );
}

#[test]
fn control_is_of_what_runs_and_for_who_is_there_spec_11_4() {
    let (mut house, chat) = square(json!({ "allow_control_requests": true }));
    house.seat(STRANGER, chat);
    let asks = |house: &House, person: i64| {
        house
            .stage
            .code(&user(person), "browser.request_control", of(chat))
    };
    assert_eq!(asks(&house, BASIC), "ERR_BROWSER_UNAVAILABLE");
    house.started(PREMIUM, chat);
    assert_eq!(asks(&house, BASIC), "ERR_NOT_JOINED");
    assert_eq!(
        house
            .stage
            .code(&user(PREMIUM), "browser.take_control", of(chat)),
        "ERR_NOT_JOINED"
    );
    for absent in [BASIC, STRANGER] {
        house.stage.refused(
            &user(PREMIUM),
            "browser.grant_control",
            on(chat, absent),
            "ERR_NOT_JOINED",
        );
    }
    house.seat(BASIC, chat);
    assert_eq!(asks(&house, BASIC), "ok");
    house.stage.refused(
        &Actor::operator(),
        "browser.take_control",
        of(chat),
        "ERR_FORBIDDEN",
    );
    house.stage.ok(&user(PREMIUM), "browser.stop", of(chat));
    assert_eq!(house.get(chat)["requests"], json!([]));
    assert_eq!(asks(&house, BASIC), "ERR_BROWSER_UNAVAILABLE");
}

#[test]
fn locked_controls_leave_granting_to_the_owner_and_admins_spec_11_4() {
    let (mut house, chat) = square(json!({ "locked_controls": true }));
    for person in [BASIC, OTHER] {
        house.seat(person, chat);
    }
    house.started(PREMIUM, chat);
    let grants = |house: &House, who: i64, whom: i64| {
        house
            .stage
            .code(&user(who), "browser.grant_control", on(chat, whom))
    };
    assert_eq!(grants(&house, PREMIUM, BASIC), "ok");
    assert_eq!(grants(&house, BASIC, OTHER), "ERR_FORBIDDEN");
    assert_eq!(grants(&house, MODERATOR, OTHER), "ERR_FORBIDDEN");
    assert_eq!(grants(&house, ADMIN, OTHER), "ok");
    assert_eq!(grants(&house, LIFETIME, OTHER), "ERR_FORBIDDEN");
    house
        .stage
        .ok(&user(OTHER), "browser.release_control", of(chat));
}

#[test]
fn implicit_hosting_gives_control_to_the_first_who_joins_spec_11_4() {
    let (mut house, chat) = square(json!({ "implicit_hosting": true }));
    let guest = house.stage.portal.connect(&Actor::guest()).unwrap();
    house.join(guest, chat);
    house.started(PREMIUM, chat);
    assert_eq!(house.get(chat)["holder"], Value::Null, "a guest only looks");
    let ben = house.seat(BASIC, chat);
    house.seat(OTHER, chat);
    house.tend();
    assert_eq!(house.fake.controller(chat), Some(BASIC));
    // Of those who are there when it begins, it is whoever has been there longest.
    house
        .stage
        .ok(&Actor::connection(ben), "room.leave", of(chat));
    house.seat(BASIC, chat);
    house.stage.ok(&user(PREMIUM), "browser.stop", of(chat));
    house.tend();
    house.started(PREMIUM, chat);
    assert_eq!(house.fake.controller(chat), Some(OTHER));
}

#[test]
fn a_kick_drops_a_request_spec_11_4() {
    let (mut house, chat) = square(json!({ "allow_control_requests": true }));
    let ben = house.seat(BASIC, chat);
    let pia = house.seat(PREMIUM, chat);
    house.started(PREMIUM, chat);
    house
        .stage
        .ok(&user(BASIC), "browser.request_control", of(chat));
    house.told(&[]);
    house.stage.ok(&user(PREMIUM), "mod.kick", on(chat, BASIC));
    assert_eq!(house.get(chat)["requests"], json!([]));
    let told = house.told(&["room:kicked", "control:changed"]);
    let told: Vec<_> = told
        .iter()
        .map(|(to, name, _)| (to.as_slice(), name.as_str()))
        .collect();
    let expected = [
        (&[ben, pia][..], "room:kicked"),
        (&[pia][..], "control:changed"),
    ];
    assert_eq!(told, expected);
}
