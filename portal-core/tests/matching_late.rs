//! Whom housekeeping matches later than at once, and when it is itself late (SPEC 9.3, 9.5, 14.2).

mod common;

use common::{ADMIN, BASIC, OTHER, Stage, user};
use portal_core::model::{ConnectionId, MINUTE, SECOND};
use portal_core::{Actor, Error};
use serde_json::{Value, json};

fn person(stage: &Stage, id: i64) -> ConnectionId {
    stage.connect(id).1
}

fn enqueue(stage: &Stage, who: i64) -> Result<Value, Error> {
    let interests = json!({ "interests": ["tea"] });
    stage.call(&user(who), "match.enqueue", interests)
}

fn state(stage: &Stage, who: i64) -> Value {
    stage.ok(&user(who), "match.status", json!({}))["state"].clone()
}

#[test]
fn housekeeping_is_back_when_a_pause_ends_that_began_with_it_spec_14_2() {
    let stage = Stage::new();
    let operator = Actor::operator();
    let short = json!({ "key": "rematch_pause_seconds", "value": 1 });
    stage.ok(&operator, "config.set", short);
    stage.ok(&operator, "match.pause", json!({}));
    for who in [BASIC, OTHER] {
        person(&stage, who);
        enqueue(&stage, who).unwrap();
    }
    stage.ok(&operator, "match.resume", json!({}));
    let wanted_at = stage.portal.tick().unwrap();
    assert_eq!(state(&stage, BASIC), "matched");
    assert_eq!(wanted_at, stage.portal.now().plus(SECOND));
}

#[test]
fn whoever_was_passed_over_is_looked_for_although_they_are_gone_spec_9_5() {
    let stage = Stage::new();
    let ben = person(&stage, BASIC);
    enqueue(&stage, BASIC).unwrap();
    // Housekeeping is late: nobody has prolonged the entry, nor written down that its person is gone just now.
    stage.clock.advance(11 * MINUTE);
    stage.portal.forget(ben);
    person(&stage, OTHER);
    assert_eq!(enqueue(&stage, OTHER).unwrap()["state"], "searching");
    stage.portal.tick().unwrap();
    assert_eq!(state(&stage, OTHER), "matched");
    assert_eq!(state(&stage, BASIC), "matched");
}

#[test]
fn whoever_came_back_too_late_and_went_again_waits_no_longer_spec_9_5() {
    let stage = Stage::new();
    let ben = person(&stage, BASIC);
    enqueue(&stage, BASIC).unwrap();
    stage.portal.disconnect(ben).unwrap();
    stage.clock.advance(16 * SECOND);
    let ben = person(&stage, BASIC);
    stage.portal.disconnect(ben).unwrap();
    assert_eq!(state(&stage, BASIC), "idle");
}

#[test]
fn nobody_who_came_later_is_matched_in_place_of_the_longest_waiting_spec_9_3() {
    let stage = Stage::new();
    let [first, second, last] = [BASIC, ADMIN, OTHER];
    let block = |by: i64, name: &str, whom: i64| {
        stage.ok(&user(by), name, json!({ "user_id": whom }));
    };
    block(second, "user.block", first);
    for by in [first, second] {
        block(last, "user.block", by);
    }
    for who in [first, second, last] {
        person(&stage, who);
        assert_eq!(enqueue(&stage, who).unwrap()["state"], "searching");
        stage.clock.advance(SECOND);
    }
    // From now on both of those who came before the last can be matched with them. Only of the second, who
    // makes it known, housekeeping would know that there is something to look for.
    block(second, "user.block", last);
    for by in [first, second] {
        block(last, "user.unblock", by);
    }
    block(second, "user.unblock", last);
    stage.portal.tick().unwrap();
    let states = [first, second, last].map(|who| state(&stage, who));
    assert_eq!(states, ["matched", "searching", "matched"]);
}
