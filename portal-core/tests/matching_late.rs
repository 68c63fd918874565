//! Whom housekeeping matches later than at once, and when it is itself late (SPEC 9.3, 9.5, 14.2).

mod common;

use common::{BASIC, OTHER, Stage, user};
use portal_core::model::{ConnectionId, SECOND};
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
fn whoever_was_passed_over_is_looked_for_although_they_are_gone_again_spec_9_5() {
    let stage = Stage::new();
    let ben = person(&stage, BASIC);
    enqueue(&stage, BASIC).unwrap();
    stage.portal.disconnect(ben).unwrap();
    // Housekeeping is late: the entry has ended, and is still there.
    stage.clock.advance(16 * SECOND);
    person(&stage, OTHER);
    assert_eq!(enqueue(&stage, OTHER).unwrap()["state"], "searching");
    let ben = person(&stage, BASIC);
    stage.portal.disconnect(ben).unwrap();
    assert_eq!(state(&stage, BASIC), "searching");
    stage.portal.tick().unwrap();
    assert_eq!(state(&stage, OTHER), "matched");
    assert_eq!(state(&stage, BASIC), "matched");
}
