//! Many starts, and several keepers at once (SPEC 11.2): what runs in the end is what is wanted, and nothing is left.

mod common;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use common::browsers::House;
use common::{BASIC, OTHER, PREMIUM, user};
use portal_core::backend::FaultKind;
use portal_core::model::{ChatId, ChatType, MINUTE};
use portal_core::{Actor, Portal};
use proptest::prelude::*;
use serde_json::{Value, json};

fn of(chat: ChatId) -> Value {
    json!({ "chat_id": chat })
}

#[test]
fn fifty_starts_and_stops_leave_nothing_spec_11_2() {
    let mut house = House::new();
    let chat = house
        .stage
        .chat(ChatType::Public, PREMIUM, Some("a-square"));
    house.seat(BASIC, chat);
    for round in 0..50 {
        if round % 5 == 0 {
            house.fake.fail("start", &[FaultKind::Failed]);
        }
        house.stage.ok(&user(PREMIUM), "browser.start", of(chat));
        house.tend();
        house.stage.ok(&user(PREMIUM), "browser.stop", of(chat));
        house.tend();
        assert_eq!(house.fake.chats(), []);
    }
    house.stage.ok(&user(PREMIUM), "chat.destroy", of(chat));
    house.fake.calls();
    // Nothing is known, wanted or to be tried again.
    let tended = house.tend();
    assert_eq!(tended.next_at, house.stage.portal.now().plus(MINUTE));
    assert_eq!(house.fake.calls(), [""; 0]);
}

#[test]
fn a_chat_that_somebody_looks_after_is_left_to_them_spec_11_2() {
    let mut house = House::new();
    let chat = house
        .stage
        .chat(ChatType::Public, PREMIUM, Some("a-square"));
    house.seat(BASIC, chat);
    let portal = house.stage.portal.clone();
    house.fake.during("start", move || {
        for _ in 0..3 {
            portal.keeper().unwrap().tend().unwrap();
        }
    });
    house.stage.ok(&user(PREMIUM), "browser.start", of(chat));
    house.fake.calls();
    house.tend();
    let calls = house.fake.calls();
    let of_chat = calls.iter().filter(|call| *call != "list");
    assert_eq!(
        of_chat.collect::<Vec<_>>(),
        [&format!("start {chat}"), &format!("admit {BASIC}")]
    );
}

#[test]
fn one_that_starts_none_lets_out_while_others_are_starting_spec_11_2() {
    let mut house = House::new();
    let runs = house
        .stage
        .chat(ChatType::Public, PREMIUM, Some("a-square"));
    let begins = house.stage.chat(ChatType::Public, PREMIUM, Some("another"));
    house.seat(BASIC, runs);
    house.started(PREMIUM, runs);
    house.stage.ok(&user(PREMIUM), "browser.start", of(begins));
    let (portal, fake) = (house.stage.portal.clone(), house.fake.clone());
    let kick = json!({ "chat_id": runs, "user_id": BASIC }).to_string();
    house.fake.during("start", move || {
        portal.call_json(&user(PREMIUM), "mod.kick", &kick).unwrap();
        fake.calls();
        let mut other = portal.keeper().unwrap().without_starts();
        other.tend().unwrap();
        assert_eq!(fake.calls(), [format!("dismiss {BASIC}")]);
    });
    house.tend();
    assert_eq!(house.state(begins), "running");
    // Alone, it leaves what is to be started.
    house.stage.ok(&user(PREMIUM), "browser.stop", of(begins));
    house.tend();
    house.stage.ok(&user(PREMIUM), "browser.start", of(begins));
    let mut other = house.stage.portal.keeper().unwrap().without_starts();
    other.tend().unwrap();
    assert_eq!(house.state(begins), "starting");
}

/// Something that happens to one of the chats.
#[derive(Clone, Copy, Debug)]
enum Step {
    Start,
    Stop,
    Join(usize),
    Leave(usize),
    Kick(usize),
    Grant(usize),
    Fail(&'static str, FaultKind),
    Die,
    Pass(i64),
}

const PEOPLE: [i64; 3] = [PREMIUM, BASIC, OTHER];

fn steps() -> impl Strategy<Value = Vec<(usize, Step)>> {
    let call = prop::sample::select(vec!["start", "stop", "list", "admit", "dismiss", "control"]);
    let kind = prop::sample::select(vec![
        FaultKind::Unreachable,
        FaultKind::Failed,
        FaultKind::Gone,
    ]);
    let step = prop_oneof![
        3 => Just(Step::Start),
        2 => Just(Step::Stop),
        4 => (0..3_usize).prop_map(Step::Join),
        2 => (0..3_usize).prop_map(Step::Leave),
        1 => (1..3_usize).prop_map(Step::Kick),
        2 => (0..3_usize).prop_map(Step::Grant),
        2 => (call, kind).prop_map(|(call, kind)| Step::Fail(call, kind)),
        1 => Just(Step::Die),
        3 => (0..30_000_i64).prop_map(Step::Pass),
    ];
    prop::collection::vec((0..2_usize, step), 1..60)
}

/// Keeps browsers until told that nothing more happens.
fn keep(portal: &Portal, over: &AtomicBool) {
    let mut keeper = portal.keeper().unwrap();
    while !over.load(Ordering::SeqCst) {
        keeper.tend().unwrap();
        keeper.wait(Duration::from_millis(1)).unwrap();
    }
}

/// Does a step; refusals are part of it.
fn take(house: &House, chat: ChatId, seats: &[portal_core::model::ConnectionId], step: Step) {
    let on = |who: usize| json!({ "chat_id": chat, "user_id": PEOPLE[who] });
    let owner = user(PREMIUM);
    let stage = &house.stage;
    match step {
        Step::Start => drop(stage.call(&owner, "browser.start", of(chat))),
        Step::Stop => drop(stage.call(&owner, "browser.stop", of(chat))),
        Step::Join(who) => drop(stage.call(&Actor::connection(seats[who]), "room.join", of(chat))),
        Step::Leave(who) => {
            drop(stage.call(&Actor::connection(seats[who]), "room.leave", of(chat)));
        }
        Step::Kick(who) => drop(stage.call(&owner, "mod.kick", on(who))),
        Step::Grant(who) => drop(stage.call(&owner, "browser.grant_control", on(who))),
        Step::Fail(call, kind) => house.fake.fail(call, &[kind]),
        Step::Die => house.fake.die(),
        Step::Pass(millis) => {
            stage.clock.advance(millis);
            stage.portal.tick().unwrap();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_what_runs_in_the_end_is_what_is_wanted_spec_11_2(program in steps(), keepers in 0..3_usize) {
        let mut house = House::new();
        let chats = [
            house.stage.chat(ChatType::Public, PREMIUM, Some("a-square")),
            house.stage.chat(ChatType::Public, PREMIUM, Some("another")),
        ];
        let seats = PEOPLE.map(|person| house.stage.connect(person).1);
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..keepers {
                scope.spawn(|| keep(&house.stage.portal, &over));
            }
            for (chat, step) in &program {
                take(&house, chats[*chat], &seats, *step);
            }
            over.store(true, Ordering::SeqCst);
        });
        // Now that nothing fails any more, two looks a minute apart settle it.
        house.fake.0.lock().unwrap().faults.clear();
        for _ in 0..3 {
            house.stage.portal.tick().unwrap();
            house.stage.clock.advance(MINUTE);
            house.tend();
        }
        for chat in chats {
            let state = house.state(chat);
            let is_there = house.fake.chats().iter().filter(|other| **other == chat).count();
            prop_assert_eq!(is_there, usize::from(state == "running"), "{}", &state);
            prop_assert!(state == "running" || state == "none" || state.starts_with("failed"), "{}", &state);
            if state == "running" {
                let here: Vec<_> = PEOPLE.into_iter().zip(seats).filter(|(_, seat)| {
                    house.stage.code(&Actor::connection(*seat), "room.typing", of(chat)) == "ok"
                }).map(|(person, _)| person).collect();
                let mut let_in = house.fake.viewers(chat);
                let_in.sort_unstable();
                prop_assert_eq!(let_in, here);
                prop_assert_eq!(house.fake.controller(chat), house.get(chat)["holder"].as_i64());
            }
        }
    }
}
