//! Getting a room key that is missing or does not open (SPEC 8.5, 8.6), and waiting for a gathered move
//! (SPEC 8.6a).

mod common;

use common::keys::{Device, check};
use common::{ADMIN, BASIC, LIFETIME, MODERATOR, OTHER, PREMIUM, STRANGER, Stage};
use portal_core::model::{ChatId, ChatType};
use serde_json::{Value, json};

/// A room whose distributor is the owner and whose other holder is the basic user, both present.
fn published(stage: &Stage, members: &[i64]) -> (ChatId, Device, Device) {
    let chat = stage.room(members);
    let [owner, basic] = [PREMIUM, BASIC].map(|user| stage.joined(user, chat));
    stage.publish(&owner, chat, &[&basic]);
    (chat, owner, basic)
}

fn reject(stage: &Stage, device: &Device, chat: ChatId) {
    stage.ok(&device.actor, "key.reject", json!({ "chat_id": chat }));
}

/// As `room.join` leaves a chat in which somebody's joining moves the epoch later.
fn schedule(stage: &Stage, chat: ChatId, seconds: i64) {
    stage
        .raw()
        .execute(
            "UPDATE chat SET move_due_at = ?2, move_reason = 'joined',
               chat_config = json_set(chat_config, '$.history_visible', json('false')) WHERE id = ?1",
            (chat.get(), stage.portal.now().plus(seconds * 1000).as_millis()),
        )
        .unwrap();
}

#[test]
fn a_joiner_without_a_blob_is_announced_to_the_holder_longest_present_spec_8_5() {
    let stage = Stage::new();
    let (chat, owner, basic) = published(&stage, &[BASIC, OTHER, LIFETIME]);
    let before = stage.as_of();
    let other = stage.joined(OTHER, chat);
    let expected = json!({ "chat_id": chat, "epoch": 1, "user_id": OTHER, "session_id": other.session,
        "holder_session": owner.session });
    assert_eq!(stage.named("portal:key_needed", before), [expected]);

    // The longest present now is the basic user.
    stage.portal.disconnect(owner.connection).unwrap();
    let last = stage.joined(LIFETIME, chat);
    assert_eq!(stage.asked(&last, before), [json!(basic.session)]);
}

#[test]
fn the_next_holder_is_asked_after_two_seconds_and_each_once_spec_8_5() {
    let stage = Stage::new();
    let (chat, owner, basic) = published(&stage, &[BASIC, OTHER, LIFETIME]);
    let lifetime = stage.joined(LIFETIME, chat);
    stage.publish(&owner, chat, &[&lifetime]);
    let before = stage.as_of();
    let other = stage.joined(OTHER, chat);
    let asked = || stage.asked(&other, before);
    assert_eq!(asked(), [json!(owner.session)]);
    stage.clock.advance(1999);
    stage.tick();
    assert_eq!(asked().len(), 1, "not before 2 s");
    stage.clock.advance(1);
    assert_eq!(stage.portal.tick().unwrap(), stage.portal.now().plus(2000));
    stage.pass(2);
    stage.tick();
    assert_eq!(
        asked(),
        [owner.session, basic.session, lifetime.session].map(|s| json!(s))
    );
    stage.pass(60);
    stage.tick();
    stage.tick();
    assert_eq!(asked().len(), 3, "then nobody is left");
}

#[test]
fn a_request_ends_when_the_blob_comes_spec_8_5() {
    let stage = Stage::new();
    let (chat, owner, _) = published(&stage, &[BASIC, OTHER]);
    let before = stage.as_of();
    let other = stage.joined(OTHER, chat);
    stage.publish(&owner, chat, &[&other]);
    stage.pass(10);
    stage.tick();
    assert_eq!(stage.asked(&other, before).len(), 1);
    // Who comes back with its blob needs nothing.
    stage.enter(&other, chat);
    assert_eq!(stage.asked(&other, before).len(), 1);
}

#[test]
fn nothing_is_asked_for_who_is_gone_or_cannot_hold_a_key_spec_8_5() {
    let stage = Stage::new();
    let chat = stage.suite3(ChatType::Public, Some("open-door"));
    let [owner, basic] = [PREMIUM, BASIC].map(|user| stage.joined(user, chat));
    stage.publish(&owner, chat, &[&basic]);
    let before = stage.as_of();
    let keyless = stage.keyless(OTHER);
    stage.enter(&keyless, chat);
    stage.joined(STRANGER, chat);
    assert_eq!(
        stage.named("portal:key_needed", before),
        Vec::<Value>::new()
    );

    let gone = stage.joined(OTHER, chat);
    stage.portal.disconnect(gone.connection).unwrap();
    stage.pass(2);
    stage.tick();
    assert_eq!(
        stage.asked(&gone, before).len(),
        1,
        "the second holder is left alone"
    );
}

#[test]
fn a_key_registered_in_the_room_is_asked_for_spec_8_5() {
    let stage = Stage::new();
    let (chat, owner, _) = published(&stage, &[BASIC, OTHER]);
    let late = stage.keyless(OTHER);
    stage.enter(&late, chat);
    let before = stage.as_of();
    let key = json!({ "public_key": late.public_key });
    stage.ok(&late.actor, "key.register", key);
    assert_eq!(stage.asked(&late, before), [json!(owner.session)]);
}

#[test]
fn who_the_distributor_left_out_is_asked_for_after_two_seconds_spec_8_5() {
    let stage = Stage::new();
    let chat = stage.room(&[BASIC, OTHER]);
    let [owner, basic, other] = [PREMIUM, BASIC, OTHER].map(|user| stage.joined(user, chat));
    stage.publish(&owner, chat, &[&basic]);
    assert_eq!(
        stage.asked(&other, 0),
        Vec::<Value>::new(),
        "more calls may follow"
    );
    stage.pass(2);
    stage.tick();
    assert_eq!(stage.asked(&other, 0), [json!(owner.session)]);
    assert_eq!(stage.asked(&basic, 0), Vec::<Value>::new());
}

#[test]
fn a_request_that_rests_goes_to_whoever_holds_the_key_next_spec_8_5() {
    let stage = Stage::new();
    let (chat, owner, basic) = published(&stage, &[BASIC, OTHER, LIFETIME, MODERATOR]);
    stage.portal.disconnect(owner.connection).unwrap();
    stage.portal.disconnect(basic.connection).unwrap();
    let before = stage.as_of();
    let other = stage.joined(OTHER, chat);
    let gone = stage.joined(MODERATOR, chat);
    stage.portal.disconnect(gone.connection).unwrap();
    stage.pass(60);
    stage.tick();
    assert_eq!(
        stage.asked(&other, before),
        Vec::<Value>::new(),
        "no holder is there"
    );

    // A holder comes back, with the session it had.
    let back = stage
        .portal
        .connect(&portal_core::Actor::session(basic.session))
        .unwrap();
    let back = portal_core::Actor::connection(back);
    stage.ok(&back, "room.join", json!({ "chat_id": chat }));
    assert_eq!(stage.asked(&other, before), [json!(basic.session)]);
    stage.pass(2);
    stage.tick();

    // Another becomes one.
    let lifetime = stage.joined(LIFETIME, chat);
    let params =
        json!({ "chat_id": chat, "epoch": 1, "key_check": check(), "blobs": [lifetime.wrapped()] });
    stage.ok(&back, "key.publish", params);
    let asked = stage.asked(&other, before);
    assert_eq!(asked, [json!(basic.session), json!(lifetime.session)]);
    assert_eq!(stage.asked(&gone, before), Vec::<Value>::new());
}

#[test]
fn a_rejected_blob_goes_and_the_others_are_asked_spec_8_6() {
    let stage = Stage::new();
    let (chat, owner, basic) = published(&stage, &[BASIC, OTHER]);
    let other = stage.joined(OTHER, chat);
    stage.publish(&owner, chat, &[&other]);
    let before = stage.as_of();
    reject(&stage, &other, chat);
    assert!(!stage.holds(&other, chat));
    assert_eq!(
        stage.asked(&other, before),
        [json!(basic.session)],
        "not who was rejected"
    );
    stage.pass(2);
    stage.tick();
    assert_eq!(stage.asked(&other, before).len(), 1);

    let again = stage.publish(&owner, chat, &[&other]);
    assert_eq!(again["skipped"][0]["reason"], "rejected");
    let better = stage.publish(&basic, chat, &[&other]);
    assert_eq!(better["stored"], json!([other.session]));
    assert!(stage.holds(&other, chat));
}

#[test]
fn a_rejection_counts_for_its_epoch_only_spec_8_6() {
    let stage = Stage::new();
    let chat = stage.room(&[BASIC]);
    let [owner, basic] = [PREMIUM, BASIC].map(|user| stage.joined(user, chat));
    stage.publish(&owner, chat, &[&basic]);
    reject(&stage, &basic, chat);
    stage.ok(&basic.actor, "key.renew", json!({ "chat_id": chat }));
    stage.publish(&basic, chat, &[&owner]);
    reject(&stage, &owner, chat);
    stage.pass(3600);
    stage.ok(&owner.actor, "key.renew", json!({ "chat_id": chat }));
    let reply = stage.publish(&owner, chat, &[&basic]);
    assert_eq!(reply["stored"], json!([basic.session]));
}

#[test]
fn a_distributor_that_lost_its_key_says_so_and_is_helped_spec_8_6() {
    let stage = Stage::new();
    let (chat, owner, basic) = published(&stage, &[BASIC]);
    reject(&stage, &owner, chat);
    assert!(!stage.holds(&owner, chat));
    assert_eq!(stage.asked(&owner, 0), [json!(basic.session)]);
    stage.publish(&basic, chat, &[&owner]);
    assert!(stage.holds(&owner, chat));
}

#[test]
fn only_a_holder_in_the_room_rejects_spec_8_6() {
    let stage = Stage::new();
    let (chat, owner, _) = published(&stage, &[BASIC, OTHER]);
    let other = stage.joined(OTHER, chat);
    let params = json!({ "chat_id": chat });
    stage.refused(
        &other.actor,
        "key.reject",
        params.clone(),
        "ERR_NO_ROOM_KEY",
    );
    stage.ok(&owner.actor, "room.leave", params.clone());
    stage.refused(&owner.actor, "key.reject", params.clone(), "ERR_NOT_JOINED");
    let admin = stage.device(ADMIN);
    stage.refused(&admin.actor, "key.reject", params, "ERR_FORBIDDEN");
}

#[test]
fn a_waiting_joiner_gets_no_blob_before_the_move_spec_8_6a() {
    let stage = Stage::new();
    let (chat, owner, basic) = published(&stage, &[BASIC, OTHER]);
    let old = stage.joined(BASIC, chat);
    schedule(&stage, chat, 5);
    let before = stage.as_of();
    let other = stage.joined(OTHER, chat);
    assert_eq!(stage.asked(&other, before), Vec::<Value>::new());
    let reply = stage.publish(&owner, chat, &[&other, &old]);
    assert_eq!(
        reply["skipped"],
        json!([{ "session_id": other.session, "reason": "waits" }])
    );
    assert_eq!(
        reply["stored"],
        json!([old.session]),
        "who was there before does not wait"
    );
    let waits = |device: &Device| {
        let list = stage.keys(&owner, chat);
        let mut sessions = list["sessions"].as_array().unwrap().iter();
        sessions.any(|s| s["session_id"] == json!(device.session) && s["waits"] == true)
    };
    assert!(waits(&other) && !waits(&basic));
    // Coming in again, another key and a renewal change nothing.
    stage.enter(&other, chat);
    stage.ok(
        &other.actor,
        "key.register",
        json!({ "public_key": basic.public_key }),
    );
    let renew = json!({ "chat_id": chat });
    let error = stage.refused(&other.actor, "key.renew", renew, "ERR_RATE_LIMITED");
    assert_eq!(error.extras().retry_after_ms, Some(5000));
    assert!(waits(&other));
    stage.pass(2);
    stage.tick();
    assert_eq!(stage.asked(&other, before), Vec::<Value>::new());

    stage.pass(3);
    stage.tick();
    assert_eq!(stage.epoch(chat), 2);
    assert!(!waits(&other));
    let mut wrapped = other.wrapped();
    wrapped["public_key"] = json!(basic.public_key);
    let params = json!({ "chat_id": chat, "epoch": 2, "key_check": check(), "blobs": [wrapped] });
    let reply = stage.ok(&owner.actor, "key.publish", params);
    assert_eq!(reply["stored"], json!([other.session]));
}

#[test]
fn without_presence_a_new_member_waits_for_the_move_spec_8_6a() {
    let stage = Stage::with_presence(false);
    let chat = stage.room(&[]);
    let session = |user: i64| {
        let session = stage.session(user);
        let key = portal_core::e2ee::SecretKey::generate(&portal_core::random::SystemRandom);
        let key = key.public_key().to_base64();
        let actor = portal_core::Actor::session(session);
        stage.ok(&actor, "key.register", json!({ "public_key": key }));
        (actor, session)
    };
    let (owner, _) = session(PREMIUM);
    let (_, basic) = session(BASIC);
    let waits = || {
        let list = stage.ok(&owner, "key.list", json!({ "chat_id": chat }));
        let mut sessions = list["sessions"].as_array().unwrap().iter();
        sessions.any(|s| s["session_id"] == json!(basic) && s["waits"] == true)
    };
    schedule(&stage, chat, 5);
    stage.member(chat, BASIC);
    assert!(waits());
    stage.pass(5);
    stage.tick();
    assert!(!waits());
}

#[test]
fn the_database_keeps_the_rules_of_blobs_by_name_spec_3_2() {
    let stage = Stage::new();
    let (chat, owner, basic) = published(&stage, &[BASIC, OTHER]);
    reject(&stage, &basic, chat);
    let broken = |sql: &str| {
        let sql = sql
            .replace(":chat", &chat.to_string())
            .replace(":basic", &basic.session.to_string())
            .replace(":owner", &owner.session.to_string());
        stage.raw().execute_batch(&sql).unwrap_err().to_string()
    };
    let blob = "INSERT INTO key_blob (chat_id, epoch, session_id, publisher_user, publisher_session,
        publisher_public_key, blob, at) VALUES (:chat, 1, :basic, 4000, :owner, zeroblob(32), zeroblob(80), 0);";
    assert_eq!(broken(blob), "key_blob_not_from_the_rejected");
    let waiting = "DELETE FROM key_rejection; UPDATE key_request SET waits = 1, next_at = NULL;";
    let error = broken(&format!("BEGIN; {waiting} {blob}"));
    assert_eq!(error, "key_blob_not_before_the_move");
    let error = broken("UPDATE key_request SET waits = 1, next_at = 5 WHERE session_id = :basic");
    assert!(error.contains("key_request_waiting_asks_nobody"), "{error}");
    let error =
        broken("UPDATE key_request SET waits = 2, next_at = NULL WHERE session_id = :basic");
    assert!(error.contains("key_request_waits_is_bool"), "{error}");
}
