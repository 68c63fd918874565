//! Who is matched with whom, and when (SPEC 9.1 to 9.6).

mod common;

use common::{BASIC, LIFETIME, MODERATOR, OTHER, PREMIUM, START, STRANGER, Stage, delivered, user};
use portal_core::Actor;
use portal_core::model::{ConnectionId, MINUTE, SECOND, Timestamp};
use serde_json::{Value, json};

/// A person who is connected.
fn person(stage: &Stage, id: i64) -> (Actor, ConnectionId) {
    let (_, connection) = stage.connect(id);
    (user(id), connection)
}

fn enqueue(stage: &Stage, who: i64, interests: &[&str]) -> Value {
    stage.ok(
        &user(who),
        "match.enqueue",
        json!({ "interests": interests }),
    )
}

fn status(stage: &Stage, who: i64) -> Value {
    stage.ok(&user(who), "match.status", json!({}))
}

#[test]
fn two_who_share_an_interest_are_matched_at_once_spec_9_3() {
    let stage = Stage::new();
    let (_, ben) = person(&stage, BASIC);
    let (_, oskar) = person(&stage, OTHER);
    let mut follower = stage.portal.follow(None).unwrap();
    let waits = enqueue(&stage, BASIC, &["chess", "music"]);
    assert_eq!(waits["state"], "searching");
    assert_eq!(waits["expires_at"], json!(START.plus(10 * MINUTE)));
    delivered(&stage, &mut follower);
    let found = enqueue(&stage, OTHER, &["music", "tea"]);
    assert_eq!(found["state"], "matched");
    let chat = found["chat"]["chat_id"].clone();
    let sent = delivered(&stage, &mut follower);
    let names: Vec<_> = sent
        .iter()
        .map(|(to, name, _)| (to.clone(), name.as_str()))
        .collect();
    assert_eq!(
        names,
        [
            (vec![ben], "match:found"),
            (vec![oskar], "match:found"),
            (vec![ben, oskar], "message:new"),
        ]
    );
    let (_, _, told) = &sent[0];
    assert_eq!(told["chat_id"], chat);
    assert_eq!(
        told["peer"],
        json!({ "id": OTHER, "name": "oskar-other", "country_code": null })
    );
    assert_eq!(told["interests"], json!(["music"]));
    assert_eq!(told["expires_at"], json!(START.plus(24 * 60 * MINUTE)));
    assert_eq!(status(&stage, BASIC)["state"], "matched");
    assert_eq!(status(&stage, OTHER)["chats"][0]["peer"]["id"], BASIC);
}
