//! A chat's shared browser from its start to its end (SPEC 11.1, 11.2), with a backend that remembers what it was asked.

mod common;

use common::browsers::House;
use common::{BASIC, OTHER, OWNER, PREMIUM, user};
use portal_core::backend::FaultKind;
use portal_core::model::{ChatId, ChatType, MINUTE, SECOND};
use portal_core::{Actor, ErrorKind};
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
fn starting_and_stopping_is_wanted_first_and_done_by_the_keeper_spec_11_2() {
    let mut house = House::new();
    let chat = square(&house);
    let before = house.stage.as_of();
    assert_eq!(house.state(chat), "none");
    for _ in 0..2 {
        house.stage.ok(&user(PREMIUM), "browser.start", of(chat));
    }
    assert_eq!(house.state(chat), "starting");
    assert_eq!(house.fake.chats(), []);
    assert_eq!(house.events_since(before), ["room:starting"]);
    house.tend();
    assert_eq!(house.state(chat), "running");
    assert_eq!(house.fake.chats(), [chat]);
    house.stage.ok(&user(PREMIUM), "browser.start", of(chat));
    for _ in 0..2 {
        house.stage.ok(&user(OWNER), "browser.stop", of(chat));
    }
    assert_eq!(house.state(chat), "stopping: asked");
    house.tend();
    assert_eq!(house.state(chat), "none");
    assert_eq!(house.fake.chats(), []);
    house.stage.ok(&user(PREMIUM), "browser.stop", of(chat));
    assert_eq!(
        house.events_since(before),
        [
            "room:starting",
            "room:started",
            "room:stopping",
            "room:stopped"
        ]
    );
    house.fake.calls();
    house.tend();
    assert_eq!(house.fake.calls(), [""; 0]);
}

#[test]
fn a_start_gets_the_chats_own_configuration_spec_3_9() {
    let mut house = House::new();
    let chat = square(&house);
    let config = json!({ "chat_id": chat, "browser_config": { "browser": "brave", "kiosk": true,
        "start_url": "https://example.org/" }, "chat_config": { "inactive_cursors": true } });
    house.stage.ok(&user(PREMIUM), "chat.update", config);
    house.started(PREMIUM, chat);
    let state = house.fake.0.lock().unwrap();
    let order = &state.running.values().next().unwrap().order;
    assert_eq!(order.browser.browser.as_str(), "brave");
    assert!(order.browser.kiosk && order.room.inactive_cursors);
    assert!(order.browser.start_url.is_some());
}

#[test]
fn one_is_in_the_chat_before_its_browser_runs_spec_11_1() {
    let mut house = House::new();
    let chat = square(&house);
    let ben = house.seat(BASIC, chat);
    house.told(&[]);
    house.started(PREMIUM, chat);
    let told = house.told(&["room:started"]);
    let [(to, _, data)] = told.as_slice() else {
        panic!("{told:?}")
    };
    assert_eq!(to, &[ben]);
    assert_eq!(house.fake.whose(&data["access"]["password"]), Some(BASIC));
}

#[test]
fn stopping_puts_nobody_out_spec_11_1() {
    let mut house = House::new();
    let chat = square(&house);
    let seats = [house.seat(BASIC, chat), house.seat(OTHER, chat)];
    house.started(PREMIUM, chat);
    house.told(&[]);
    house.stage.ok(&user(PREMIUM), "browser.stop", of(chat));
    house.tend();
    let told = house.told(&["room:stopped", "room:evicted", "room:kicked", "close"]);
    let [(to, name, data)] = told.as_slice() else {
        panic!("{told:?}")
    };
    assert_eq!(
        (to.as_slice(), name.as_str()),
        (seats.as_slice(), "room:stopped")
    );
    assert_eq!(data["reason"], "asked");
    let typing = house
        .stage
        .code(&Actor::connection(seats[0]), "room.typing", of(chat));
    assert_eq!(typing, "ok");
}

#[test]
fn a_wipe_leaves_membership_and_browser_alone_spec_11_1() {
    let mut house = House::new();
    let chat = house.stage.chat(ChatType::Private, PREMIUM, None);
    house.stage.member(chat, BASIC);
    house.seat(BASIC, chat);
    house.started(PREMIUM, chat);
    let control = json!({ "chat_id": chat, "user_id": BASIC });
    house
        .stage
        .ok(&user(PREMIUM), "browser.grant_control", control);
    house.tend();
    house.fake.calls();
    let wipe = json!({ "chat_id": chat, "chat_config": { "wipe_preset": "1m" } });
    house.stage.ok(&user(PREMIUM), "chat.clear", of(chat));
    house.stage.ok(&user(PREMIUM), "chat.update", wipe);
    house.stage.written(chat, BASIC, 1);
    house.stage.clock.advance(MINUTE);
    house.stage.portal.tick().unwrap();
    let cleared = house.told(&["portal:cleared"]);
    assert_eq!(cleared.len(), 2);
    house.tend();
    assert_eq!(house.fake.calls(), ["list"]);
    assert_eq!(house.state(chat), "running");
    assert_eq!(house.get(chat)["holder"], BASIC);
    assert_eq!(house.fake.viewers(chat), [BASIC]);
    let members = house.stage.ok(&user(PREMIUM), "member.list", of(chat));
    assert!(members.to_string().contains("ben-basic"));
}

#[test]
fn destroying_a_chat_stops_its_browser_spec_3_6() {
    let mut house = House::new();
    let chat = square(&house);
    house.started(PREMIUM, chat);
    house.stage.ok(&user(PREMIUM), "chat.destroy", of(chat));
    house.fake.calls();
    house.tend();
    assert_eq!(house.fake.calls(), ["stop"]);
    assert_eq!(house.fake.chats(), []);
}

#[test]
fn another_process_destroys_a_chat_and_its_browser_ends_spec_3_6() {
    let mut house = House::new();
    let chat = square(&house);
    house.started(PREMIUM, chat);
    let beside = house.stage.beside();
    let call = |name| beside.call_json(&Actor::operator(), name, &of(chat).to_string());
    call("chat.destroy").unwrap();
    house.tend();
    assert_eq!(house.fake.chats(), []);
}

#[test]
fn a_start_that_fails_says_why_and_leaves_nothing_spec_11_3() {
    for (kind, reason) in [
        (FaultKind::Unreachable, "unreachable"),
        (FaultKind::Full, "full"),
        (FaultKind::Misconfigured, "misconfigured"),
        (FaultKind::Gone, "failed"),
        (FaultKind::Failed, "failed"),
    ] {
        let mut house = House::new();
        let chat = square(&house);
        house.seat(BASIC, chat);
        house.told(&[]);
        house.fake.fail("start", &[kind]);
        house.stage.ok(&user(PREMIUM), "browser.start", of(chat));
        let tended = house.tend();
        assert_eq!(tended.faults.len(), 1);
        assert_eq!(tended.faults[0].0, Some(chat));
        assert_eq!(house.state(chat), format!("failed: {reason}"));
        assert_eq!(
            house.fake.calls(),
            [
                "list".to_owned(),
                format!("start {chat}"),
                "stop".to_owned()
            ]
        );
        let told = house.told(&["room:stopped"]);
        assert_eq!(told[0].2["reason"], reason);
        // The chat is as it was, and whoever may tries again.
        house.started(PREMIUM, chat);
    }
}

#[test]
fn what_a_failed_start_left_is_stopped_later_spec_11_3() {
    let mut house = House::new();
    let chat = square(&house);
    house.fake.fail("start", &[FaultKind::Failed]);
    house.fake.fail("stop", &[FaultKind::Unreachable]);
    house.stage.ok(&user(PREMIUM), "browser.start", of(chat));
    let tended = house.tend();
    assert_eq!(tended.next_at, house.stage.portal.now().plus(10 * SECOND));
    house.fake.calls();
    house.tend();
    assert_eq!(house.fake.calls(), [""; 0]);
    house.stage.clock.advance(10 * SECOND);
    house.tend();
    assert_eq!(house.fake.calls(), ["stop"]);
}

#[test]
fn what_appears_although_it_was_said_to_be_gone_is_stopped_spec_11_2() {
    let mut house = House::new();
    let chat = square(&house);
    house.started(PREMIUM, chat);
    house.stage.ok(&user(PREMIUM), "browser.stop", of(chat));
    house.fake.fail("stop", &[FaultKind::Gone]);
    house.tend();
    assert_eq!(
        (house.state(chat), house.fake.chats()),
        ("none".into(), vec![chat])
    );
    house.stage.clock.advance(MINUTE);
    house.tend();
    assert_eq!(house.fake.chats(), []);
}

#[test]
fn a_slow_start_holds_nothing_and_a_stop_meanwhile_counts_spec_11_2() {
    let mut house = House::new();
    let chat = square(&house);
    house.stage.ok(&user(PREMIUM), "browser.start", of(chat));
    let portal = house.stage.portal.clone();
    // On the same thread: a lock or a transaction that were held would never be given.
    house.fake.during("start", move || {
        portal
            .call_json(&user(PREMIUM), "browser.stop", &of(chat).to_string())
            .unwrap();
        portal.tick().unwrap();
        portal.keeper().unwrap().tend().unwrap();
    });
    // Whoever wanted to stop it meanwhile has gone on, so this one does.
    house.tend();
    assert_eq!(house.state(chat), "none");
    assert_eq!(house.fake.chats(), []);
}

#[test]
fn a_slow_start_keeps_no_other_chat_waiting_spec_11_2() {
    let mut house = House::new();
    let slow = square(&house);
    let quick = house.stage.chat(ChatType::Private, PREMIUM, None);
    house.stage.ok(&user(PREMIUM), "browser.start", of(slow));
    let portal = house.stage.portal.clone();
    let fake = house.fake.clone();
    house.fake.during("start", move || {
        portal
            .call_json(&user(PREMIUM), "browser.start", &of(quick).to_string())
            .unwrap();
        portal.keeper().unwrap().tend().unwrap();
        assert_eq!(fake.chats(), [quick]);
    });
    house.tend();
    assert_eq!(
        (house.state(slow), house.state(quick)),
        ("running".into(), "running".into())
    );
}

#[test]
fn stopped_and_started_at_once_is_another_run_spec_11_2() {
    let mut house = House::new();
    let chat = square(&house);
    house.started(PREMIUM, chat);
    let run = |house: &House| house.fake.0.lock().unwrap().running.keys().next().cloned();
    let first = run(&house);
    for name in ["browser.stop", "browser.start"] {
        house.stage.ok(&user(PREMIUM), name, of(chat));
    }
    house.fake.calls();
    house.tend();
    assert_eq!(
        house.fake.calls(),
        ["stop".to_owned(), format!("start {chat}")]
    );
    assert_eq!(house.state(chat), "running");
    assert_ne!(run(&house), first);
}

#[test]
fn a_browser_that_dies_is_noticed_and_the_chat_goes_on_spec_11_3() {
    let mut house = House::new();
    let chat = square(&house);
    let ben = house.seat(BASIC, chat);
    house.started(PREMIUM, chat);
    house.told(&[]);
    house.fake.die();
    house.stage.clock.advance(15 * SECOND);
    house.tend();
    assert_eq!(house.state(chat), "failed: died");
    let told = house.told(&["room:stopped"]);
    assert_eq!(
        (&told[0].0, &told[0].2["reason"]),
        (&vec![ben], &json!("died"))
    );
    assert_eq!(
        house
            .stage
            .code(&Actor::connection(ben), "room.typing", of(chat)),
        "ok"
    );
    house.started(PREMIUM, chat);
}

#[test]
fn a_browser_that_dies_is_noticed_by_whoever_is_to_be_let_in_spec_11_3() {
    let mut house = House::new();
    let chat = square(&house);
    house.started(PREMIUM, chat);
    house.fake.die();
    house.seat(BASIC, chat);
    house.tend();
    assert_eq!(house.state(chat), "failed: died");
}

#[test]
fn an_engine_that_does_not_say_what_runs_makes_nothing_gone_spec_11_3() {
    let mut house = House::new();
    let chat = square(&house);
    house.started(PREMIUM, chat);
    house.stage.clock.advance(15 * SECOND);
    house.fake.fail("list", &[FaultKind::Unreachable]);
    let tended = house.tend();
    assert_eq!(tended.faults[0].0, None);
    assert_eq!(house.state(chat), "running");
}

// Idle --------------------------------------------------------------------------------------------

#[test]
fn a_browser_without_viewers_stops_after_ten_minutes_spec_11_2() {
    let mut house = House::new();
    let chat = square(&house);
    house.started(PREMIUM, chat);
    house.stage.clock.advance(10 * MINUTE - 1);
    house.stage.portal.tick().unwrap();
    assert_eq!(house.state(chat), "running");
    let guest = house.stage.portal.connect(&Actor::guest()).unwrap();
    house.join(guest, chat);
    house.stage.clock.advance(20 * MINUTE);
    house.stage.portal.tick().unwrap();
    assert_eq!(house.state(chat), "running", "a guest looks");
    house.stage.portal.forget(guest);
    let next = house.stage.portal.tick().unwrap();
    assert!(next <= house.stage.portal.now().plus(MINUTE));
    house.stage.clock.advance(10 * MINUTE);
    house.stage.portal.tick().unwrap();
    assert_eq!(house.state(chat), "stopping: idle");
    house.tend();
    assert_eq!(house.state(chat), "none");
    let last = house.stage.events(0).pop().unwrap();
    assert_eq!(
        (&last["name"], &last["data"]["reason"]),
        (&json!("room:stopped"), &json!("idle"))
    );
}

#[test]
fn only_who_keeps_presence_stops_what_is_idle_spec_10_1() {
    let mut house = House::new();
    let chat = square(&house);
    house.started(PREMIUM, chat);
    house.stage.clock.advance(20 * MINUTE);
    house.stage.beside().tick().unwrap();
    assert_eq!(house.state(chat), "running");
}

// Live --------------------------------------------------------------------------------------------

#[test]
fn the_directory_and_chat_status_say_whether_it_runs_spec_10_2() {
    let mut house = House::new();
    let chat = square(&house);
    let lobby = house.stage.portal.connect(&Actor::guest()).unwrap();
    let status = |house: &House| -> Vec<Value> {
        house.stage.clock.advance(250);
        let live = house.stage.portal.deliver_live().unwrap();
        let status = live.into_iter().filter_map(|delivery| match delivery {
            portal_core::Delivery::Send {
                to,
                name: "chat:status",
                data,
            } => {
                assert_eq!(to, [lobby]);
                Some(serde_json::from_str::<Value>(&data).unwrap()["running"].clone())
            }
            _ => None,
        });
        status.collect()
    };
    let listed = |house: &House| {
        house.stage.ok(&Actor::guest(), "directory.list", json!({}))["chats"][0]["running"].clone()
    };
    assert_eq!((status(&house), listed(&house)), (vec![], json!(false)));
    house.started(PREMIUM, chat);
    assert_eq!(
        (status(&house), listed(&house)),
        (vec![json!(true)], json!(true))
    );
    house.stage.ok(&user(PREMIUM), "browser.stop", of(chat));
    house.tend();
    assert_eq!(
        (status(&house), listed(&house)),
        (vec![json!(false)], json!(false))
    );
}

#[test]
fn a_keeper_waits_for_what_concerns_it() {
    let mut house = House::new();
    let chat = square(&house);
    house.tend();
    let patience = std::time::Duration::from_mins(1);
    let portal = house.stage.portal.clone();
    let helper = std::thread::spawn(move || {
        portal
            .call_json(&user(PREMIUM), "browser.start", &of(chat).to_string())
            .unwrap();
    });
    assert!(house.keeper.wait(patience).unwrap());
    helper.join().unwrap();
    house.tend();
    assert_eq!(house.state(chat), "running");
    house.stage.portal.close();
    assert_eq!(
        house.keeper.wait(patience).unwrap_err().kind(),
        ErrorKind::Closed
    );
}
