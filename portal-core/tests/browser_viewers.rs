//! Who is let into a chat's browser (SPEC 11.2, 11.5), and what each is told.

mod common;

use common::browsers::House;
use common::{ADMIN, BASIC, OTHER, PREMIUM, STRANGER, on, user};
use portal_core::backend::FaultKind;
use portal_core::model::{ChatId, ChatType, ConnectionId, SECOND};
use portal_core::{Actor, Delivery};
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

/// Whose way in each connection was told; 0 where it was told of none.
fn ways_in(house: &mut House) -> Vec<(ConnectionId, i64)> {
    let told = house.told(&["room:started"]);
    let mut ways = Vec::new();
    for (to, _, data) in told {
        let access = &data["access"];
        let whose = match access {
            Value::Null => 0,
            access => house.fake.whose(&access["password"]).unwrap(),
        };
        ways.extend(to.into_iter().map(|id| (id, whose)));
    }
    ways.sort_unstable();
    ways
}

// Ways in -----------------------------------------------------------------------------------------

#[test]
fn each_is_told_their_own_way_in_and_nobody_elses_spec_11_2() {
    let (mut house, chat) = square(json!({}));
    let ben = house.seat(BASIC, chat);
    let oskar = house.seat(OTHER, chat);
    let tab = house.seat(BASIC, chat);
    let elsewhere = house.stage.connect(BASIC).1;
    let guest = house.stage.portal.connect(&Actor::guest()).unwrap();
    house.join(guest, chat);
    let stranger = house.seat(STRANGER, chat);
    house.told(&[]);
    house.started(PREMIUM, chat);
    // Who may only look is told that it runs, and no more.
    let expected = [
        (ben, BASIC),
        (oskar, OTHER),
        (tab, BASIC),
        (guest, 0),
        (stranger, 0),
    ];
    let mut expected = expected.to_vec();
    expected.sort_unstable();
    assert_eq!(ways_in(&mut house), expected);
    assert!(!expected.iter().any(|(id, _)| *id == elsewhere));
    assert_eq!(house.fake.viewers(chat), [BASIC, OTHER]);
}

#[test]
fn no_event_and_no_file_holds_a_way_in_spec_12_2() {
    let (mut house, chat) = square(json!({}));
    let ben = house.seat(BASIC, chat);
    house.started(PREMIUM, chat);
    assert_eq!(ways_in(&mut house), [(ben, BASIC)]);
    let log = json!(house.stage.events(0)).to_string();
    assert!(log.contains("room:started") && !log.contains("secret-"));
    assert!(!house.stage.on_disk("secret-ben-basic"));
}

#[test]
fn whoever_joins_later_is_told_too_spec_11_2() {
    let (mut house, chat) = square(json!({}));
    let ben = house.seat(BASIC, chat);
    house.started(PREMIUM, chat);
    ways_in(&mut house);
    let oskar = house.seat(OTHER, chat);
    house.tend();
    assert_eq!(ways_in(&mut house), [(oskar, OTHER)]);
    // Another tab of somebody who is let in: nobody is let in anew.
    house.fake.calls();
    let tab = house.seat(BASIC, chat);
    house.tend();
    assert_eq!(house.fake.calls(), [""; 0]);
    assert_eq!(ways_in(&mut house), [(ben, BASIC), (tab, BASIC)]);
    house.tend();
    assert_eq!(ways_in(&mut house), []);
}

#[test]
fn whoever_joins_while_it_starts_is_let_in_spec_11_2() {
    let (mut house, chat) = square(json!({}));
    let (_, ben) = house.stage.connect(BASIC);
    house.stage.ok(&user(PREMIUM), "browser.start", of(chat));
    let portal = house.stage.portal.clone();
    house.fake.during("start", move || {
        let join = of(chat).to_string();
        portal
            .call_json(&Actor::connection(ben), "room.join", &join)
            .unwrap();
    });
    house.tend();
    assert_eq!(ways_in(&mut house), [(ben, BASIC)]);
    assert_eq!(house.fake.viewers(chat), [BASIC]);
}

#[test]
fn somebody_who_cannot_be_let_in_yet_is_told_when_they_are_spec_11_2() {
    let (mut house, chat) = square(json!({}));
    let ben = house.seat(BASIC, chat);
    let oskar = house.seat(OTHER, chat);
    house.told(&[]);
    house.fake.fail("admit", &[FaultKind::Failed]);
    house.stage.ok(&user(PREMIUM), "browser.start", of(chat));
    assert_eq!(house.tend().faults.len(), 1);
    assert_eq!(ways_in(&mut house), [(ben, 0), (oskar, OTHER)]);
    // A way in that failed is tried again; meanwhile whoever is put out is put out.
    house.stage.ok(&user(PREMIUM), "mod.kick", on(chat, OTHER));
    house.tend();
    assert_eq!(house.fake.viewers(chat), [0; 0]);
    house.stage.clock.advance(10 * SECOND);
    house.tend();
    assert_eq!(ways_in(&mut house), [(ben, BASIC)]);
}

#[test]
fn whoever_is_out_of_the_room_loses_their_way_in_spec_11_2() {
    type Out = fn(&House, ChatId, ConnectionId);
    let ways_out: [(&str, Out); 7] = [
        ("a kick", |house, chat, _| {
            house.stage.ok(&user(PREMIUM), "mod.kick", on(chat, BASIC));
        }),
        ("a ban", |house, chat, _| {
            house.stage.ok(&user(PREMIUM), "mod.ban", on(chat, BASIC));
        }),
        ("a timeout", |house, _, _| {
            let params = json!({ "user_id": BASIC, "duration_seconds": 600, "reason": "rude" });
            house.stage.ok(&user(ADMIN), "mod.timeout", params);
        }),
        ("going private", |house, chat, _| {
            let params = json!({ "chat_id": chat, "slug": null });
            house.stage.ok(&user(PREMIUM), "chat.update", params);
        }),
        ("leaving", |house, chat, ben| {
            house
                .stage
                .ok(&Actor::connection(ben), "room.leave", of(chat));
        }),
        ("a lost connection", |house, _, ben| {
            house.stage.portal.forget(ben);
        }),
        ("being deleted", |house, _, _| {
            let params = json!({ "user_id": BASIC });
            house.stage.ok(&Actor::operator(), "user.delete", params);
        }),
    ];
    for (what, out) in ways_out {
        let (mut house, chat) = square(json!({ "allow_control_requests": true }));
        let ben = house.seat(BASIC, chat);
        house.seat(PREMIUM, chat);
        house.started(PREMIUM, chat);
        house
            .stage
            .ok(&user(PREMIUM), "browser.grant_control", on(chat, BASIC));
        house.tend();
        assert_eq!(house.fake.controller(chat), Some(BASIC), "{what}");
        let before = house.stage.as_of();
        out(&house, chat, ben);
        house.tend();
        assert_eq!(house.fake.viewers(chat), [PREMIUM], "{what}");
        assert_eq!(house.fake.controller(chat), None, "{what}");
        house.stage.portal.tick().unwrap();
        assert_eq!(house.get(chat)["holder"], Value::Null, "{what}");
        assert_eq!(house.events_since(before), ["control:changed"], "{what}");
        assert_eq!(house.state(chat), "running", "{what}");
    }
}

#[test]
fn whoever_was_kicked_and_is_back_has_another_way_in_spec_11_2() {
    let (mut house, chat) = square(json!({}));
    let ben = house.seat(BASIC, chat);
    house.started(PREMIUM, chat);
    house.stage.ok(&user(PREMIUM), "mod.kick", on(chat, BASIC));
    house.join(ben, chat);
    house.told(&[]);
    house.fake.calls();
    house.tend();
    assert_eq!(
        house.fake.calls(),
        [format!("dismiss {BASIC}"), format!("admit {BASIC}")]
    );
    assert_eq!(ways_in(&mut house), [(ben, BASIC)]);
}

#[test]
fn a_kick_that_the_browser_does_not_hear_of_is_repeated_spec_11_2() {
    let (mut house, chat) = square(json!({}));
    house.seat(BASIC, chat);
    house.started(PREMIUM, chat);
    house.stage.ok(&user(PREMIUM), "mod.kick", on(chat, BASIC));
    house.fake.fail("dismiss", &[FaultKind::Failed]);
    let next = house.tend().next_at;
    assert_eq!(next, house.stage.portal.now().plus(10 * SECOND));
    // Back in the room, they are not let in with what they had.
    house.seat(BASIC, chat);
    house.told(&[]);
    house.tend();
    assert_eq!(ways_in(&mut house), []);
    house.stage.clock.set(next);
    house.tend();
    assert_eq!(ways_in(&mut house).len(), 1);
}

#[test]
fn what_is_delivered_late_is_judged_late_spec_12_2() {
    let (mut house, chat) = square(json!({}));
    let ben = house.seat(BASIC, chat);
    house.told(&[]);
    house.started(PREMIUM, chat);
    house.stage.ok(&user(PREMIUM), "mod.ban", on(chat, BASIC));
    // He was there when it began, and is not any more: the keeper has not even heard of it yet.
    assert_eq!(house.fake.viewers(chat), [BASIC]);
    assert_eq!(ways_in(&mut house), [(ben, 0)]);
}

#[test]
fn a_replay_holds_no_way_in_spec_12_2() {
    let (mut house, chat) = square(json!({}));
    let (session, ben) = house.stage.connect(BASIC);
    house.started(PREMIUM, chat);
    house.join(ben, chat);
    house.tend();
    house.stage.portal.forget(ben);
    let again = house
        .stage
        .portal
        .connect(&Actor::session(session))
        .unwrap();
    house.join(again, chat);
    house.tend();
    for of in [None, Some(chat)] {
        let page = house.stage.portal.replay(again, of, 1).unwrap();
        assert!(page.rest.is_none());
        for delivery in page.deliveries {
            let Delivery::Send { name, data, .. } = delivery else {
                panic!("{delivery:?}")
            };
            assert!(!data.contains("secret-"), "{name}: {data}");
            assert!(of.is_some() || name != "room:started");
        }
    }
}

// Clipboard and pictures ---------------------------------------------------------------------------

#[test]
fn clipboard_and_pictures_go_through_the_browser_spec_11_5() {
    let (mut house, chat) = square(json!({}));
    let pia = user(PREMIUM);
    for name in ["browser.clipboard", "browser.screen"] {
        let refused = house
            .stage
            .refused(&pia, name, of(chat), "ERR_BROWSER_UNAVAILABLE");
        assert!(refused.message().contains("start it first"), "{name}");
    }
    house.started(PREMIUM, chat);
    let text = json!({ "chat_id": chat, "text": "grüße" });
    // A rehearsal judges, and puts nothing there.
    let rehearsed =
        house
            .stage
            .portal
            .rehearse_json(&pia, "browser.set_clipboard", &text.to_string());
    assert_eq!(rehearsed.unwrap(), "{}");
    assert_eq!(
        house.stage.ok(&pia, "browser.clipboard", of(chat))["text"],
        ""
    );
    house.stage.ok(&pia, "browser.set_clipboard", text);
    assert_eq!(
        house.stage.ok(&pia, "browser.clipboard", of(chat))["text"],
        "grüße"
    );
    let picture = house.stage.ok(&user(BASIC), "browser.screen", of(chat));
    assert_eq!(
        picture,
        json!({ "media_type": "image/png", "image": "YSBwaWN0dXJl" })
    );
    house
        .stage
        .refused(&user(BASIC), "browser.clipboard", of(chat), "ERR_FORBIDDEN");
    assert!(!house.stage.on_disk("grüße"));
}

#[test]
fn a_browser_that_does_not_answer_is_an_error_and_holds_nothing_spec_11_5() {
    let (mut house, chat) = square(json!({}));
    house.started(PREMIUM, chat);
    let portal = house.stage.portal.clone();
    house.fake.during("screenshot", move || {
        let rename = json!({ "chat_id": chat, "name": "Meanwhile" }).to_string();
        portal
            .call_json(&user(PREMIUM), "chat.update", &rename)
            .unwrap();
        portal.tick().unwrap();
    });
    house.fake.fail("screenshot", &[FaultKind::Unreachable]);
    let screen = "browser.screen";
    let refused = house
        .stage
        .refused(&user(BASIC), screen, of(chat), "ERR_BROWSER_UNAVAILABLE");
    // What exactly went wrong is for the operator's log.
    assert!(!refused.message().contains("as told"));
    assert!(format!("{refused:?}").contains("as told"));
    house.stage.ok(&user(BASIC), screen, of(chat));
}
