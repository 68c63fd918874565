//! Backends that hang, break off or lie (SPEC 11.2, 11.4): nobody elsewhere waits for them, and what they did is found
//! out.

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use common::browsers::House;
use common::{ADMIN, BASIC, OTHER, PREMIUM, on, user};

use portal_core::backend::FaultKind;
use portal_core::model::{ChatId, ChatType, SECOND, Timestamp, UserId};
use serde_json::{Value, json};

fn of(chat: ChatId) -> Value {
    json!({ "chat_id": chat })
}

/// A house with a PUBLIC chat and three people in it.
fn full_square() -> (House, ChatId) {
    let house = House::new();
    let chat = house
        .stage
        .chat(ChatType::Public, PREMIUM, Some("a-square"));
    for person in [BASIC, OTHER, ADMIN] {
        house.seat(person, chat);
    }
    (house, chat)
}

/// How many of the calls since this was last asked begin so.
fn count(house: &House, call: &str) -> usize {
    let calls = house.fake.calls();
    calls.iter().filter(|made| made.starts_with(call)).count()
}

#[test]
fn one_that_does_not_answer_is_not_asked_for_each_person_spec_11_2() {
    let (mut house, chat) = full_square();
    house.fake.fail("admit", &[FaultKind::Unreachable; 3]);
    house.stage.ok(&user(PREMIUM), "browser.start", of(chat));
    house.tend();
    assert_eq!(count(&house, "admit"), 1);
    // Later everybody gets in.
    house.stage.clock.advance(10 * SECOND);
    house.fake.fail("admit", &[]);
    house.tend();
    assert_eq!(house.fake.viewers(chat), [ADMIN, BASIC, OTHER]);
}

#[test]
fn who_was_kicked_while_another_thread_had_the_chat_is_let_out_by_it_spec_11_2() {
    let (mut house, chat) = full_square();
    house.started(PREMIUM, chat);
    house.stage.ok(&user(PREMIUM), "mod.kick", on(chat, OTHER));
    let portal = house.stage.portal.clone();
    let mut other = portal.keeper().unwrap();
    house.fake.during("dismiss", move || {
        let kick = on(chat, BASIC).to_string();
        portal.call_json(&user(PREMIUM), "mod.kick", &kick).unwrap();
        other.tend().unwrap();
    });
    house.tend();
    assert_eq!(house.fake.viewers(chat), [ADMIN]);
}

#[test]
fn who_only_lets_out_leaves_the_start_to_whoever_wanted_to_spec_11_2() {
    let (house, chat) = full_square();
    house.stage.ok(&user(PREMIUM), "browser.start", of(chat));
    let mut lets_out = house.stage.portal.keeper().unwrap().without_starts();
    let mut starts = house.stage.portal.keeper().unwrap();
    // While the first has the chat, the other comes to it.
    house.stage.ok(&user(PREMIUM), "browser.stop", of(chat));
    let (portal, early) = (house.stage.portal.clone(), Arc::new(Mutex::new(None)));
    let kept = Arc::clone(&early);
    house.fake.during("stop", move || {
        let start = of(chat).to_string();
        portal
            .call_json(&user(PREMIUM), "browser.start", &start)
            .unwrap();
        starts.tend().unwrap();
        *kept.lock().unwrap() = Some(starts);
    });
    lets_out.tend().unwrap();
    let mut starts = early.lock().unwrap().take().unwrap();
    assert!(starts.wait(std::time::Duration::ZERO).unwrap());
    starts.tend().unwrap();
    assert_eq!(house.state(chat), "running");
}

#[test]
fn a_start_that_a_crash_cut_off_is_made_again_and_not_taken_for_dead_spec_11_2() {
    let (mut house, chat) = full_square();
    let portal = house.stage.portal.clone();
    house.fake.during("start", move || portal.close());
    house.stage.ok(&user(PREMIUM), "browser.start", of(chat));
    house.keeper.tend().unwrap_err();
    assert_eq!(house.fake.chats(), [chat]);

    let mut house = house.reopened();
    house.seat(BASIC, chat);
    let (portal, clock, fake) = (
        house.stage.portal.clone(),
        Arc::clone(&house.stage.clock),
        Arc::clone(&house.fake),
    );
    // As a container does that is made anew: for a while it is not there, and just then it is asked what runs.
    house.fake.during("start", move || {
        fake.die();
        clock.advance(15 * SECOND);
        portal.keeper().unwrap().tend().unwrap();
    });
    let before = house.stage.as_of();
    house.tend();
    assert_eq!(house.state(chat), "running");
    assert_eq!(house.events_since(before), ["room:started"]);
    assert_eq!(house.fake.viewers(chat), [BASIC]);
}

#[test]
fn while_it_is_asked_what_runs_nobody_else_is_told_to_ask_at_once_spec_11_2() {
    let (mut house, _) = full_square();
    house.fake.fail("list", &[FaultKind::Unreachable; 2]);
    house.tend();
    house.stage.clock.advance(11 * SECOND);
    let seen: Arc<Mutex<Option<(Timestamp, Timestamp)>>> = Arc::default();
    let (portal, noted) = (house.stage.portal.clone(), Arc::clone(&seen));
    house.fake.during("list", move || {
        let next_at = portal.keeper().unwrap().tend().unwrap().next_at;
        *noted.lock().unwrap() = Some((portal.now(), next_at));
    });
    house.tend();
    let (now, next_at) = seen.lock().unwrap().unwrap();
    assert!(next_at > now, "{next_at:?} is not after {now:?}");
}

#[test]
fn a_backend_that_panics_is_asked_again_what_runs_spec_11_2() {
    let (mut house, chat) = full_square();
    house.started(PREMIUM, chat);
    house.stage.clock.advance(15 * SECOND);
    house.fake.during("list", || panic!("a defect"));
    catch_unwind(AssertUnwindSafe(|| house.keeper.tend())).unwrap_err();
    house.fake.die();
    house.stage.clock.advance(10 * SECOND);
    house.tend();
    assert_eq!(house.state(chat), "failed: died");
}

#[test]
fn after_closing_nothing_more_is_asked_spec_17_5() {
    let (mut house, chat) = full_square();
    house.started(PREMIUM, chat);
    for person in [BASIC, OTHER] {
        house.stage.ok(&user(PREMIUM), "mod.kick", on(chat, person));
    }
    house.fake.calls();
    let portal = house.stage.portal.clone();
    house.fake.during("dismiss", move || portal.close());
    house.keeper.tend().unwrap_err();
    assert_eq!(count(&house, ""), 1);
}

#[test]
fn nobody_is_let_into_what_was_stopped_during_its_start_spec_11_2() {
    let (mut house, chat) = full_square();
    let portal = house.stage.portal.clone();
    house.fake.during("start", move || {
        let stop = of(chat).to_string();
        portal
            .call_json(&user(PREMIUM), "browser.stop", &stop)
            .unwrap();
    });
    house.stage.ok(&user(PREMIUM), "browser.start", of(chat));
    house.tend();
    assert_eq!(count(&house, "admit"), 0);
    house.tend();
    assert_eq!(
        (house.state(chat), house.fake.chats()),
        ("none".to_owned(), vec![])
    );
}

#[test]
fn what_dies_while_people_are_let_in_is_not_said_to_have_started_spec_11_2() {
    let (mut house, chat) = full_square();
    house.fake.fail("admit", &[FaultKind::Gone]);
    let before = house.stage.as_of();
    house.stage.ok(&user(PREMIUM), "browser.start", of(chat));
    house.tend();
    assert_eq!(count(&house, "admit"), 1);
    assert_eq!(house.state(chat), "failed: died");
    assert_eq!(
        house.events_since(before),
        ["room:starting", "room:stopped"]
    );
}

#[test]
fn control_that_was_given_although_the_answer_was_lost_is_taken_back_spec_11_4() {
    let (mut house, chat) = full_square();
    house.started(PREMIUM, chat);
    let grant = |who| ("browser.grant_control", on(chat, who));
    for (first, then) in [(None, None), (Some(ADMIN), Some(ADMIN))] {
        if let Some(first) = first {
            let (name, params) = grant(first);
            house.stage.ok(&user(PREMIUM), name, params);
            house.tend();
        }
        house.fake.fail_unheard("control", FaultKind::Unreachable);
        let (name, params) = grant(BASIC);
        house.stage.ok(&user(PREMIUM), name, params);
        house.tend();
        assert_eq!(house.fake.controller(chat), Some(BASIC));
        match then {
            Some(then) => {
                let (name, params) = grant(then);
                house.stage.ok(&user(PREMIUM), name, params);
            }
            None => drop(house.stage.ok(&user(PREMIUM), "mod.kick", on(chat, BASIC))),
        }
        house.stage.clock.advance(10 * SECOND);
        house.tend();
        assert_eq!(house.fake.controller(chat), then);
        house.seat(BASIC, chat);
        house.tend();
    }
}

#[test]
fn who_was_let_in_by_nobody_here_is_let_out_spec_11_2() {
    let (mut house, chat) = full_square();
    house.started(PREMIUM, chat);
    {
        let mut state = house.fake.0.lock().unwrap();
        let browser = state.running.values_mut().next().unwrap();
        let intruder = UserId::try_from(PREMIUM).unwrap();
        browser.viewers.insert(intruder, "taken".to_owned());
    }
    house.stage.clock.advance(15 * SECOND);
    house.tend();
    assert_eq!(house.fake.viewers(chat), [ADMIN, BASIC, OTHER]);
}

#[test]
fn what_turns_out_to_be_gone_at_an_errand_is_told_at_once_spec_11_5() {
    let (mut house, chat) = full_square();
    house.started(PREMIUM, chat);
    house.fake.die();
    let asked = house
        .stage
        .code(&user(PREMIUM), "browser.clipboard", of(chat));
    assert_eq!(asked, "ERR_BROWSER_UNAVAILABLE");
    assert!(house.keeper.wait(std::time::Duration::ZERO).unwrap());
    house.tend();
    assert_eq!(house.state(chat), "failed: died");
}

#[test]
fn a_clock_that_is_set_back_keeps_nobody_in_spec_11_2() {
    let (mut house, chat) = full_square();
    house.started(PREMIUM, chat);
    house.stage.ok(&user(PREMIUM), "mod.kick", on(chat, OTHER));
    house.fake.fail("dismiss", &[FaultKind::Failed]);
    house.tend();
    house.stage.clock.advance(-3_600 * SECOND);
    house.tend();
    assert_eq!(house.fake.viewers(chat), [ADMIN, BASIC]);
}

#[test]
fn what_failed_is_told_although_the_file_failed_too_spec_11_2() {
    let (mut house, chat) = full_square();
    house.fake.fail("start", &[FaultKind::Full]);
    house.stage.ok(&user(PREMIUM), "browser.start", of(chat));
    let raw = house.stage.raw();
    raw.execute_batch(
        "CREATE TRIGGER no_more BEFORE UPDATE ON browser BEGIN SELECT RAISE(ABORT, 'full'); END",
    )
    .unwrap();
    house.keeper.tend().unwrap_err();
    raw.execute_batch("DROP TRIGGER no_more").unwrap();
    let faults = house.tend().faults;
    assert!(
        faults
            .iter()
            .any(|(_, fault)| fault.kind == FaultKind::Full),
        "{faults:?}"
    );
}

#[test]
fn a_start_behind_one_that_cannot_be_ended_says_why_it_is_none_spec_11_2() {
    let (mut house, chat) = full_square();
    house.fake.fail("start", &[FaultKind::Unreachable]);
    house.fake.fail("stop", &[FaultKind::Unreachable; 2]);
    for _ in 0..2 {
        house.stage.ok(&user(PREMIUM), "browser.start", of(chat));
        house.tend();
        assert_eq!(house.state(chat), "failed: unreachable");
    }
    // What runs browsers is back: no time has to pass.
    house.started(PREMIUM, chat);
}
