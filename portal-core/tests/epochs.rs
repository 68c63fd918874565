//! When an epoch moves, who makes its key, and renewing one that did not reach people (SPEC 8.1, 8.2, 8.4,
//! 8.6, 8.6a).

mod common;

use std::thread;

use common::keys::{Device, check};
use common::{BASIC, LIFETIME, MODERATOR, OTHER, PREMIUM, Stage, user};
use portal_core::model::{ChatId, ChatType, HOUR, SECOND};
use portal_core::{Actor, Options, Portal};
use serde_json::{Value, json};

fn renew(stage: &Stage, device: &Device, chat: ChatId) -> Value {
    stage.ok(&device.actor, "key.renew", json!({ "chat_id": chat }))
}

/// Runs `key.renew` into `ERR_RATE_LIMITED`; answers the wait.
fn too_early(stage: &Stage, device: &Device, chat: ChatId) -> u64 {
    let params = json!({ "chat_id": chat });
    let error = stage.refused(&device.actor, "key.renew", params, "ERR_RATE_LIMITED");
    error.extras().retry_after_ms.unwrap()
}

/// Moves the epoch on as housekeeping does when a gathered move is due.
fn move_on(stage: &Stage, chat: ChatId) -> Value {
    let before = stage.as_of();
    stage
        .raw()
        .execute(
            "UPDATE chat SET move_due_at = 0, move_reason = 'member_left' WHERE id = ?",
            [chat.get()],
        )
        .unwrap();
    stage.tick();
    let moved = stage.named("room:epoch_changed", before);
    assert_eq!(moved.len(), 1);
    moved[0].clone()
}

#[test]
fn moving_on_clears_the_keys_and_says_why_and_who_is_next_spec_8_2() {
    let stage = Stage::new();
    let chat = stage.room(&[BASIC]);
    let [owner, basic] = [PREMIUM, BASIC].map(|user| stage.joined(user, chat));
    stage.publish(&owner, chat, &[&basic]);
    let moved = move_on(&stage, chat);
    let expected = json!({ "chat_id": chat, "epoch": 2, "reason": "member_left", "distributor": owner.session });
    assert_eq!(moved, expected);
    let list = stage.keys(&basic, chat);
    assert_eq!(
        (&list["published"], &list["blob"]),
        (&json!(false), &Value::Null)
    );
    assert_eq!(list["key_check"], Value::Null);
    let kept = "SELECT (SELECT count(*) FROM key_blob) + (SELECT count(*) FROM room_key)";
    let kept: i64 = stage.raw().query_row(kept, [], |row| row.get(0)).unwrap();
    assert_eq!(kept, 0);
}

#[test]
fn the_hint_is_the_one_longest_present_with_a_key_who_may_talk_spec_8_4() {
    let stage = Stage::new();
    let chat = stage.suite3(ChatType::Public, Some("open-door"));
    assert_eq!(move_on(&stage, chat)["distributor"], Value::Null);
    let keyless = stage.keyless(PREMIUM);
    stage.enter(&keyless, chat);
    stage.joined(common::STRANGER, chat);
    assert_eq!(move_on(&stage, chat)["distributor"], Value::Null);
    let basic = stage.joined(BASIC, chat);
    let other = stage.joined(OTHER, chat);
    assert_eq!(move_on(&stage, chat)["distributor"], json!(basic.session));
    stage.portal.disconnect(basic.connection).unwrap();
    assert_eq!(move_on(&stage, chat)["distributor"], json!(other.session));
}

#[test]
fn others_are_held_back_for_three_seconds_spec_8_4() {
    let stage = Stage::new();
    let chat = stage.room(&[BASIC]);
    let [owner, basic] = [PREMIUM, BASIC].map(|user| stage.joined(user, chat));
    move_on(&stage, chat);
    assert_eq!(stage.keys(&owner, chat)["holdback_ms"], 0);
    stage.pass(1);
    assert_eq!(stage.keys(&basic, chat)["holdback_ms"], 2000);
    let error = stage.try_publish(&basic, chat, &[]).unwrap_err();
    assert_eq!(error.kind().code(), "ERR_RATE_LIMITED");
    assert_eq!(error.extras().retry_after_ms, Some(2000));
    stage.pass(2);
    assert_eq!(stage.keys(&basic, chat)["holdback_ms"], 0);
    assert_eq!(stage.publish(&basic, chat, &[])["first"], true);
}

#[test]
fn the_hinted_one_is_not_held_back_spec_8_4() {
    let stage = Stage::new();
    let chat = stage.room(&[BASIC]);
    let [owner, _] = [PREMIUM, BASIC].map(|user| stage.joined(user, chat));
    move_on(&stage, chat);
    assert_eq!(stage.publish(&owner, chat, &[])["first"], true);
}

#[test]
fn nobody_is_held_back_for_a_distributor_that_is_gone_spec_8_4() {
    let stage = Stage::new();
    let chat = stage.room(&[BASIC]);
    let [owner, basic] = [PREMIUM, BASIC].map(|user| stage.joined(user, chat));
    move_on(&stage, chat);
    stage.portal.disconnect(owner.connection).unwrap();
    assert_eq!(stage.keys(&basic, chat)["holdback_ms"], 0);
    assert_eq!(stage.publish(&basic, chat, &[])["first"], true);
}

#[test]
fn exactly_one_of_two_who_publish_at_once_is_first_spec_8_4() {
    let stage = Stage::new();
    let chat = stage.room(&[BASIC]);
    let devices = [PREMIUM, BASIC].map(|user| stage.joined(user, chat));
    // Another process, as far as the file can tell.
    let options = Options {
        clock: stage.clock.clone(),
        ..Options::default()
    };
    let elsewhere = Portal::open(stage.portal.path(), options).unwrap();
    for round in 0..20 {
        let next = "UPDATE chat SET epoch = epoch + 1";
        stage.raw().execute(next, []).unwrap();
        let params = json!({ "chat_id": chat, "epoch": stage.epoch(chat), "key_check": check() });
        let params = params.to_string();
        let rival = if round % 2 == 0 {
            &stage.portal
        } else {
            &elsewhere
        };
        let start = std::sync::Barrier::new(2);
        let publish = |portal: &Portal, device: &Device| {
            start.wait();
            portal.call_json(&Actor::session(device.session), "key.publish", &params)
        };
        let racers = [(&stage.portal, &devices[0]), (rival, &devices[1])];
        let outcomes = thread::scope(|scope| {
            let threads = racers.map(|(portal, device)| scope.spawn(|| publish(portal, device)));
            threads.map(|thread| thread.join().unwrap())
        });
        let lost: Vec<_> = outcomes.iter().filter_map(|o| o.as_ref().err()).collect();
        assert_eq!(lost.len(), 1, "round {round}");
        assert_eq!(lost[0].kind().code(), "ERR_KEY_CONFLICT");
        let holding = devices.iter().filter(|device| stage.holds(device, chat));
        assert_eq!(holding.count(), 1, "round {round}");
    }
}

#[test]
fn the_end_of_a_session_withdraws_its_key_spec_8_3() {
    let stage = Stage::new();
    let chat = stage.room(&[BASIC, OTHER]);
    let [owner, basic, other] = [PREMIUM, BASIC, OTHER].map(|user| stage.joined(user, chat));
    stage.publish(&owner, chat, &[&basic]);
    let end = "DELETE FROM session WHERE id IN (?, ?)";
    stage
        .raw()
        .execute(end, (owner.session.get(), basic.session.get()))
        .unwrap();
    let list = stage.keys(&other, chat);
    assert_eq!(list["published"], true, "logging out moves no epoch");
    assert_eq!(list["distributor_session_id"], Value::Null);
    assert_eq!(list["distributor_user_id"], PREMIUM);
    let blobs: i64 = stage
        .raw()
        .query_row("SELECT count(*) FROM key_blob", [], |row| row.get(0))
        .unwrap();
    assert_eq!(blobs, 0);
    assert_eq!(list["sessions"].as_array().unwrap().len(), 1);
}

#[test]
fn a_session_that_expired_holds_nothing_and_is_no_distributor_spec_2_1() {
    let stage = Stage::new();
    let chat = stage.room(&[BASIC]);
    let [_, basic] = [PREMIUM, BASIC].map(|user| stage.joined(user, chat));
    let soon = stage.portal.now().plus(SECOND).as_millis();
    stage
        .raw()
        .execute(
            "UPDATE session SET expires_at = ?1 WHERE user_id = 4000",
            [soon],
        )
        .unwrap();
    stage.pass(1);
    assert_eq!(move_on(&stage, chat)["distributor"], json!(basic.session));
}

#[test]
fn a_renewal_moves_the_epoch_at_once_if_no_other_holder_is_there_spec_8_6() {
    let stage = Stage::new();
    let chat = stage.room(&[BASIC]);
    let owner = stage.joined(PREMIUM, chat);
    stage.publish(&owner, chat, &[]);
    stage.portal.disconnect(owner.connection).unwrap();
    let basic = stage.joined(BASIC, chat);
    let before = stage.as_of();
    let reply = renew(&stage, &basic, chat);
    assert_eq!(
        reply,
        json!({ "status": "moved", "epoch": 2, "retry_after_ms": 0 })
    );
    let moved = &stage.named("room:epoch_changed", before)[0];
    assert_eq!(
        (&moved["reason"], &moved["epoch"]),
        (&json!("key_lost"), &json!(2))
    );
    let again = renew(&stage, &basic, chat);
    assert_eq!(again["status"], "unpublished", "there is nothing to renew");
}

#[test]
fn a_holder_who_was_rejected_is_not_waited_for_spec_8_6() {
    let stage = Stage::new();
    let chat = stage.room(&[BASIC]);
    let [owner, basic] = [PREMIUM, BASIC].map(|user| stage.joined(user, chat));
    stage.publish(&owner, chat, &[&basic]);
    stage.ok(&basic.actor, "key.reject", json!({ "chat_id": chat }));
    assert_eq!(renew(&stage, &basic, chat)["status"], "moved");
}

#[test]
fn a_renewal_waits_until_holders_did_not_answer_for_ten_seconds_spec_8_6() {
    let stage = Stage::new();
    let chat = stage.room(&[BASIC]);
    let owner = stage.joined(PREMIUM, chat);
    stage.publish(&owner, chat, &[]);
    let basic = stage.joined(BASIC, chat);
    assert_eq!(too_early(&stage, &basic, chat), 10_000);
    stage.clock.advance(9_999);
    // Coming in again is no new request.
    stage.enter(&basic, chat);
    assert_eq!(too_early(&stage, &basic, chat), 1);
    stage.clock.advance(1);
    assert_eq!(renew(&stage, &basic, chat)["status"], "moved");
}

#[test]
fn a_renewal_that_nothing_was_asked_for_asks_first_spec_8_6() {
    let stage = Stage::new();
    let chat = stage.room(&[BASIC]);
    let owner = stage.joined(PREMIUM, chat);
    stage.publish(&owner, chat, &[]);
    let basic = stage.joined(BASIC, chat);
    stage.raw().execute("DELETE FROM key_request", []).unwrap();
    let before = stage.as_of();
    let reply = renew(&stage, &basic, chat);
    assert_eq!(
        reply,
        json!({ "status": "asked", "epoch": 1, "retry_after_ms": 10_000 })
    );
    assert_eq!(stage.asked(&basic, before), [json!(owner.session)]);
    stage.pass(10);
    assert_eq!(renew(&stage, &basic, chat)["status"], "moved");
}

#[test]
fn only_a_present_session_with_a_public_key_and_no_blob_renews_spec_8_6() {
    let stage = Stage::new();
    let chat = stage.room(&[BASIC, OTHER]);
    let [owner, basic] = [PREMIUM, BASIC].map(|user| stage.joined(user, chat));
    stage.publish(&owner, chat, &[&basic]);
    let params = json!({ "chat_id": chat });
    let refused =
        |device: &Device, code| stage.refused(&device.actor, "key.renew", params.clone(), code);
    refused(&owner, "ERR_FORBIDDEN");
    refused(&basic, "ERR_FORBIDDEN");
    refused(&stage.device(OTHER), "ERR_NOT_JOINED");
    refused(&stage.device(LIFETIME), "ERR_CHAT_NOT_FOUND");
    let keyless = stage.keyless(OTHER);
    stage.enter(&keyless, chat);
    refused(&keyless, "ERR_NO_PUBLIC_KEY");
    assert_eq!(stage.epoch(chat), 1);
}

/// A chat whose key nobody can hand on, and somebody in it without.
fn stuck(stage: &Stage, chat: ChatId, device: &Device) {
    stage.enter(device, chat);
    let sql = "INSERT INTO room_key SELECT id, epoch, NULL, 7000, NULL, 0 FROM chat
               WHERE id = ? AND NOT EXISTS (SELECT 1 FROM room_key WHERE chat_id = chat.id)";
    stage.raw().execute(sql, [chat.get()]).unwrap();
}

#[test]
fn a_chat_is_renewed_once_a_minute_spec_8_6() {
    let stage = Stage::new();
    let chat = stage.room(&[BASIC, OTHER]);
    let [basic, other] = [BASIC, OTHER].map(|user| stage.device(user));
    stuck(&stage, chat, &basic);
    renew(&stage, &basic, chat);
    stuck(&stage, chat, &other);
    stage.pass(59);
    assert_eq!(too_early(&stage, &other, chat), 1000);
    stage.pass(1);
    assert_eq!(renew(&stage, &other, chat)["status"], "moved");
}

#[test]
fn a_user_renews_five_times_an_hour_spec_8_6() {
    let stage = Stage::new();
    let basic = stage.device(BASIC);
    // More rooms of one owner than the slots of SPEC 3.5 allow by default.
    let slots = "INSERT INTO setting VALUES ('chats_premium', '6')";
    stage.raw().execute(slots, []).unwrap();
    let rooms: Vec<_> = (0..6).map(|_| stage.room(&[BASIC, OTHER])).collect();
    for chat in &rooms {
        stuck(&stage, *chat, &basic);
    }
    for chat in &rooms[..5] {
        assert_eq!(renew(&stage, &basic, *chat)["status"], "moved");
    }
    assert_eq!(too_early(&stage, &basic, rooms[5]), HOUR.unsigned_abs());
    let other = stage.device(OTHER);
    stuck(&stage, rooms[5], &other);
    assert_eq!(
        renew(&stage, &other, rooms[5])["status"],
        "moved",
        "each user for themself"
    );
}

#[test]
fn who_shares_a_key_with_too_few_may_not_be_first_for_an_hour_spec_8_6() {
    let stage = Stage::new();
    let chat = stage.room(&[BASIC, OTHER, LIFETIME]);
    let [owner, basic, other, _] =
        [PREMIUM, BASIC, OTHER, LIFETIME].map(|user| stage.joined(user, chat));
    // Another device of the distributor's own user is no witness.
    let tablet = stage.joined(PREMIUM, chat);
    stage.publish(&owner, chat, &[&tablet, &basic]);
    stage.pass(12);
    let before = stage.as_of();
    renew(&stage, &other, chat);
    let moved = &stage.named("room:epoch_changed", before)[0];
    assert_eq!(
        moved["distributor"],
        json!(basic.session),
        "the hint passes the paused user over"
    );
    for device in [&owner, &tablet] {
        let error = stage.try_publish(device, chat, &[]).unwrap_err();
        assert_eq!(error.extras().retry_after_ms, Some(HOUR.unsigned_abs()));
        assert_eq!(stage.keys(device, chat)["holdback_ms"], HOUR);
    }
    let audit = stage.ok(
        &Actor::operator(),
        "audit.list",
        json!({ "action": "key.renew" }),
    );
    assert_eq!(audit["rows"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&audit["rows"][0]["target"], &audit["rows"][0]["user_id"]),
        (&json!(PREMIUM), &json!(OTHER))
    );

    // It may still hand on what another published, and be first elsewhere and later.
    stage.publish(&basic, chat, &[&owner]);
    assert_eq!(
        stage.publish(&owner, chat, &[&other])["stored"],
        json!([other.session])
    );
    let elsewhere = stage.room(&[]);
    stage.enter(&owner, elsewhere);
    stage.publish(&owner, elsewhere, &[]);
    stage.pass(3600);
    move_on(&stage, chat);
    stage.publish(&owner, chat, &[]);
}

#[test]
fn who_shares_a_key_with_most_stays_a_distributor_spec_8_6() {
    let stage = Stage::new();
    let chat = stage.room(&[BASIC, OTHER, LIFETIME, MODERATOR]);
    let [owner, basic, other, lifetime, moderator] =
        [PREMIUM, BASIC, OTHER, LIFETIME, MODERATOR].map(|user| stage.joined(user, chat));
    // Who could not have had the key is not counted.
    let keyless = stage.keyless(LIFETIME);
    stage.enter(&keyless, chat);
    stage.publish(&owner, chat, &[&basic, &lifetime, &moderator]);
    stage.ok(&moderator.actor, "key.reject", json!({ "chat_id": chat }));
    stage.pass(12);
    renew(&stage, &other, chat);
    assert_eq!(
        stage.publish(&owner, chat, &[])["first"],
        true,
        "two lack it, two have it"
    );
}

#[test]
fn a_rejection_counts_against_the_distributor_though_another_helped_spec_8_6() {
    let stage = Stage::new();
    let chat = stage.room(&[BASIC, OTHER, LIFETIME]);
    let [owner, basic, other, lifetime] =
        [PREMIUM, BASIC, OTHER, LIFETIME].map(|user| stage.joined(user, chat));
    stage.publish(&owner, chat, &[&basic, &lifetime]);
    stage.ok(&lifetime.actor, "key.reject", json!({ "chat_id": chat }));
    stage.publish(&basic, chat, &[&lifetime]);
    stage.pass(12);
    renew(&stage, &other, chat);
    let error = stage.try_publish(&owner, chat, &[]).unwrap_err();
    assert_eq!(error.kind().code(), "ERR_RATE_LIMITED");
}

#[test]
fn joining_the_room_of_hidden_history_moves_the_epoch_coming_back_does_not_spec_8_1() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("hidden"));
    let room = json!({ "chat_id": chat });
    let epoch = || stage.ok(&user(PREMIUM), "chat.get", room.clone())["epoch"].clone();
    let (_, first) = stage.connect(BASIC);
    stage.ok(&Actor::connection(first), "room.join", room.clone());
    assert_eq!(epoch(), 1, "history is visible");

    stage.ok(
        &user(PREMIUM),
        "chat.update",
        json!({ "chat_id": chat, "chat_config": { "history_visible": false } }),
    );
    let (session, second) = stage.connect(OTHER);
    let joined = stage.ok(&Actor::connection(second), "room.join", room.clone());
    assert_eq!((epoch(), &joined["chat"]["epoch"]), (json!(2), &json!(2)));

    // Gone for less than a minute: the same joining. A guest moves nothing.
    stage.clock.advance(20_000);
    stage.portal.disconnect(second).unwrap();
    stage.clock.advance(20_000);
    let again = stage.portal.connect(&Actor::session(session)).unwrap();
    stage.ok(&Actor::connection(again), "room.join", room.clone());
    let guest = stage.portal.connect(&Actor::guest()).unwrap();
    stage.ok(&Actor::connection(guest), "room.join", room.clone());
    stage.portal.tick().unwrap();
    assert_eq!(epoch(), 2);

    // Longer, and it is a new one.
    stage.portal.disconnect(again).unwrap();
    stage.clock.advance(61_000);
    let later = stage.portal.connect(&Actor::session(session)).unwrap();
    stage.ok(&Actor::connection(later), "room.join", room.clone());
    assert_eq!(epoch(), 3);
}
