//! Keyrings as clients of a real portal (e2ee-bytes.md 8, SPEC 8.3 to 8.6a): who gets which key, when, and what is asked for.

mod common;

use common::rings::{Input, Ring};
use common::{BASIC, OTHER, PREMIUM, on};
use portal_core::Actor;
use portal_core::e2ee::keyring::{OnKey, Policy, Trust};
use portal_core::e2ee::{PublicKey, suite3};
use portal_core::model::{ChatId, ChatType};
use serde_json::json;

/// A PRIVATE chat where Pia and Ben talk.
fn two(members: &[i64]) -> (Ring, ChatId, usize, usize) {
    let mut ring = Ring::new();
    let chat = ring.stage.room(members);
    let pia = ring.joined(PREMIUM, chat);
    let ben = ring.joined(BASIC, chat);
    (ring, chat, pia, ben)
}

#[test]
fn two_people_start_to_talk_spec_8_4() {
    let (mut ring, chat, pia, ben) = two(&[BASIC]);
    ring.all_talk(chat, &[pia, ben]);
    assert_eq!(ring.people[pia].keys, [(chat.into(), 1)]);
    assert_eq!(ring.people[ben].keys, [(chat.into(), 1)]);
    assert_eq!(ring.people[ben].alarm_kinds(), ["key_new"]);
    assert_eq!(ring.people[ben].alarms[0]["accepted"], json!(true));
    let wakes = [pia, ben].map(|who| ring.people[who].wake);
    assert_eq!(wakes, [None, None], "nothing is left to do");
}

#[test]
fn a_third_joins_and_gets_the_key_from_one_who_holds_it_spec_8_5() {
    let (mut ring, chat, pia, ben) = two(&[BASIC, OTHER]);
    let (id, envelope) = ring.say(pia, chat, "before");
    let oskar = ring.joined(OTHER, chat);
    assert_eq!(ring.reads(oskar, chat, id, pia, &envelope), "before");
    ring.all_talk(chat, &[pia, ben, oskar]);
    // The longest present was asked, and nobody else.
    let wrapped = |ring: &Ring, who: usize| ring.people[who].outcomes("key.publish").len();
    assert_eq!((wrapped(&ring, pia), wrapped(&ring, ben)), (3, 0));
}

#[test]
fn a_kick_moves_the_epoch_and_the_kicked_reads_no_more_spec_8_1() {
    let (mut ring, chat, pia, ben) = two(&[BASIC, OTHER]);
    let oskar = ring.joined(OTHER, chat);
    let (old_id, old) = ring.say(ben, chat, "before");
    assert_eq!(ring.reads(pia, chat, old_id, ben, &old), "before");
    let actor = ring.people[pia].actor.clone();
    ring.stage.ok(&actor, "mod.kick", on(chat, OTHER));
    ring.pump();
    ring.pass(4);
    ring.all_talk(chat, &[pia, ben]);
    let (id, envelope) = ring.say(pia, chat, "after");
    assert_eq!(
        ring.reads(oskar, chat, id, pia, &envelope),
        "ERR_NO_ROOM_KEY"
    );
    assert_eq!(
        ring.reads(oskar, chat, old_id, ben, &old),
        "ERR_NO_ROOM_KEY",
        "zeroed"
    );
    assert!(!ring.people[oskar].ring.holds(chat.into(), 1));
    // Those who stay keep the key of before, for history that is still there.
    assert_eq!(ring.reads(ben, chat, old_id, ben, &old), "before");
    assert_eq!(ring.people[oskar].ring.epoch(chat.into()), Some(1));
}

#[test]
fn who_was_kicked_and_has_come_back_is_not_out_when_that_is_told_late_spec_12_2() {
    let (mut ring, chat, pia, ben) = two(&[BASIC]);
    let actor = ring.people[pia].actor.clone();
    ring.stage.ok(&actor, "mod.kick", on(chat, BASIC));
    ring.stage.member(chat, BASIC);
    // Joined again before the kick is delivered.
    ring.join(ben, chat);
    ring.pump();
    ring.pass(4);
    ring.all_talk(chat, &[pia, ben]);
}

#[test]
fn the_slower_of_two_distributors_takes_the_others_key_spec_8_4() {
    let mut ring = Ring::new();
    let chat = ring.stage.room(&[BASIC]);
    let [pia, ben] = [PREMIUM, BASIC].map(|user| ring.device(user));
    for who in [pia, ben] {
        ring.join(who, chat);
        // Registers and looks: both find that nobody has published.
        assert!(ring.call_next(who) && ring.call_next(who));
    }
    assert_eq!(ring.people[pia].queue[0].op, "key.publish");
    assert_eq!(ring.people[ben].queue[0].op, "key.publish");
    assert!(ring.call_next(ben) && ring.call_next(pia));
    assert_eq!(ring.people[ben].outcomes("key.publish"), ["ok"]);
    assert_eq!(
        ring.people[pia].outcomes("key.publish"),
        ["ERR_KEY_CONFLICT"]
    );
    ring.pump();
    ring.all_talk(chat, &[pia, ben]);
}

#[test]
fn another_than_the_hinted_waits_with_publishing_spec_8_4() {
    let (mut ring, chat, pia, ben) = two(&[BASIC]);
    let actor = ring.people[pia].actor.clone();
    ring.stage
        .ok(&actor, "chat.clear", json!({ "chat_id": chat }));
    ring.deliver();
    // The hinted one is Pia, who does nothing yet.
    assert!(ring.call_next(ben));
    assert_eq!(ring.people[ben].wake, Some(ring.now() + 3_000));
    assert!(ring.people[ben].queue.is_empty());
    ring.people[pia].queue.clear();
    ring.stage.clock.advance(3_000);
    let now = ring.now();
    ring.people[ben].feed(Input::Tick(now));
    assert!(ring.call_next(ben) && ring.call_next(ben));
    assert_eq!(ring.people[ben].outcomes("key.publish"), ["ok"]);
    assert_eq!(ring.people[ben].keys.last(), Some(&(chat.into(), 2)));
}

#[test]
fn a_blob_that_does_not_open_is_rejected_and_another_holder_wraps_spec_8_6() {
    let (mut ring, chat, pia, ben) = two(&[BASIC, OTHER]);
    let oskar = ring.device(OTHER);
    ring.join(oskar, chat);
    ring.call_next(oskar);
    // Pia is asked, and what she wraps is damaged on its way.
    ring.deliver();
    let request = ring.people[pia].queue.front_mut().unwrap();
    let blob = &mut request.params["blobs"][0]["blob"];
    let damaged = blob.as_str().unwrap().replacen(|c| c != 'A', "A", 1);
    *blob = json!(damaged);
    ring.call_next(pia);
    ring.pump();
    assert_eq!(ring.people[oskar].outcomes("key.reject"), ["ok"]);
    assert!(ring.people[oskar].alarm_kinds().contains(&"key_refused"));
    ring.pass(3);
    ring.all_talk(chat, &[pia, ben, oskar]);
    let publisher = &ring.people[ben].outcomes("key.publish");
    assert_eq!(publisher.len(), 1, "Ben wrapped it");
}

#[test]
fn the_epoch_is_renewed_when_no_holder_is_there_spec_8_6() {
    let (mut ring, chat, pia, ben) = two(&[BASIC, OTHER]);
    ring.disconnect(pia);
    ring.disconnect(ben);
    let oskar = ring.joined(OTHER, chat);
    ring.pass(5);
    assert_eq!(ring.people[oskar].outcomes("key.renew"), ["ok"]);
    assert_eq!(ring.people[oskar].keys, [(chat.into(), 2)]);
    for who in [pia, ben] {
        ring.reconnect(who);
        ring.join(who, chat);
    }
    ring.pump();
    ring.all_talk(chat, &[pia, ben, oskar]);
}

#[test]
fn holders_who_do_not_answer_are_waited_for_before_the_epoch_is_renewed_spec_8_6() {
    let (mut ring, chat, pia, ben) = two(&[BASIC, OTHER]);
    let oskar = ring.device(OTHER);
    ring.join(oskar, chat);
    let mut waited = 0;
    while ring.people[oskar].keys.is_empty() {
        // The others hear nothing and do nothing.
        for who in [pia, ben] {
            ring.people[who].queue.clear();
            ring.people[who].wake = None;
        }
        while ring.call_next(oskar) {}
        ring.deliver();
        for who in [pia, ben] {
            ring.people[who].queue.clear();
        }
        ring.stage.clock.advance(1_000);
        ring.stage.tick();
        let now = ring.now();
        if ring.people[oskar].wake.is_some_and(|wake| wake <= now) {
            ring.people[oskar].feed(Input::Tick(now));
        }
        waited += 1;
        assert!(waited < 30, "{:?}", ring.people[oskar].called);
    }
    assert!(waited >= 10, "{waited}");
    let renewals = ring.people[oskar].outcomes("key.renew");
    assert_eq!(renewals, ["ERR_RATE_LIMITED", "ok"]);
}

#[test]
fn suite_2_is_spoken_too_e2ee_3() {
    let mut ring = Ring::new();
    let chat = ring.stage.chat(ChatType::Private, PREMIUM, None);
    ring.stage.member(chat, BASIC);
    let pia = ring.joined(PREMIUM, chat);
    let ben = ring.joined(BASIC, chat);
    ring.all_talk(chat, &[pia, ben]);
    let (id, envelope) = ring.say(pia, chat, "two");
    assert!(envelope.starts_with(r#"{"v":2,"#));
    // The same under another id, or another name: the nonce gives it away.
    assert_eq!(ring.reads(ben, chat, id, pia, &envelope), "two");
    assert_eq!(ring.reads(ben, chat, id + 1, pia, &envelope), "ERR_DECRYPT");
    assert_eq!(ring.reads(ben, chat, id, ben, &envelope), "ERR_DECRYPT");
    assert_eq!(ring.reads(ben, chat, id + 1, ben, &envelope), "ERR_DECRYPT");
    let chat = u64::from(chat);
    let sender = ring.people[pia].id();
    let error = ring.people[ben].ring.disclose(chat, id, sender, &envelope);
    assert_eq!(error.unwrap_err().field(), Some("disclosure"));
}

#[test]
fn more_than_one_calls_measure_of_sessions_get_the_key_spec_8_5() {
    let mut ring = Ring::new();
    ring.policy.on_change = OnKey::Accept;
    let chat = ring.stage.room(&[]);
    // Twenty sessions each; the rest of the room is made of people who did not exist before.
    let mut there = Vec::new();
    for number in 0..270 {
        let user = 20_000 + number;
        ring.stage
            .raw()
            .execute(
                "INSERT INTO user (id, username, role, tier, stranger, created_at) VALUES (?, ?, 0, 0, 0, 0)",
                (user, format!("crowd-{number}")),
            )
            .unwrap();
        ring.stage.member(chat, user);
        there.push(ring.stage.joined(user, chat));
    }
    let pia = ring.joined(PREMIUM, chat);
    assert_eq!(ring.people[pia].outcomes("key.publish"), ["ok", "ok"]);
    let sizes = ring.people[pia]
        .called
        .iter()
        .filter(|call| call.0 == "key.publish");
    let sizes: Vec<_> = sizes
        .map(|call| call.1["blobs"].as_array().unwrap().len())
        .collect();
    assert_eq!(sizes, [256, 14]);
    assert!(there.iter().all(|device| ring.stage.holds(device, chat)));
    assert_eq!(ring.people[pia].ring.sessions(chat.into(), 1).len(), 270);
}

#[test]
fn the_keyring_says_for_whom_it_has_wrapped_a_key_e2ee_8() {
    let (ring, chat, pia, ben) = two(&[BASIC]);
    let readers = ring.people[pia].ring.sessions(chat.into(), 1);
    let reader = &readers[0];
    let device = &ring.people[ben];
    assert_eq!((readers.len(), reader.user_id), (1, device.id()));
    assert_eq!(reader.session_id, device.session.get().unsigned_abs());
    assert_eq!(reader.public_key, *device.ring.public_key());
    let [own, other] = [pia, ben].map(|who| ring.people[who].ring.public_key());
    assert_eq!(
        reader.fingerprint,
        portal_core::e2ee::fingerprint(own, other)
    );
    assert_eq!(reader.first_seen_ms, Some(ring.now()));
    assert_eq!(ring.people[pia].ring.sessions(chat.into(), 2), []);
}

#[test]
fn another_key_of_somebody_waits_for_a_decision_and_holds_back_only_itself_e2ee_8() {
    let (mut ring, chat, pia, ben) = two(&[BASIC, OTHER]);
    let second = ring.joined(BASIC, chat);
    let oskar = ring.joined(OTHER, chat);
    ring.all_talk(chat, &[pia, ben, oskar]);
    assert_eq!(ring.people[second].keys, []);
    let asked = |alarm: &&serde_json::Value| alarm["accepted"] == json!(false);
    let alarms: Vec<_> = ring.people[pia]
        .alarms
        .iter()
        .filter(asked)
        .cloned()
        .collect();
    assert_eq!(alarms.len(), 1);
    assert_eq!(alarms[0]["kind"], "key_changed");
    assert_eq!(alarms[0]["user_id"], json!(BASIC));
    let key = PublicKey::from_base64(alarms[0]["public_key"].as_str().unwrap()).unwrap();
    assert_eq!(key, *ring.people[second].ring.public_key());
    let waiting = ring.people[pia].ring.people();
    let waiting: Vec<_> = waiting
        .iter()
        .filter(|known| known.trust == Trust::Asked)
        .collect();
    assert_eq!(waiting.len(), 1);

    let (now, user) = (ring.now(), ring.people[ben].id());
    let person = &mut ring.people[pia];
    let step = person
        .ring
        .decide(user, &key, true, now, &person.random)
        .unwrap();
    person.take(step);
    ring.pump();
    // He for his part has to accept Pia's key, which is the first he sees of her.
    assert_eq!(ring.people[second].keys, [(chat.into(), 1)]);
    ring.all_talk(chat, &[pia, ben, second, oskar]);
}

#[test]
fn a_room_key_from_an_unknown_key_waits_for_a_decision_e2ee_8() {
    let mut ring = Ring::new();
    let chat = ring.stage.room(&[BASIC, OTHER]);
    let pia = ring.joined(PREMIUM, chat);
    ring.policy = Policy {
        on_new: OnKey::Ask,
        on_change: OnKey::Ask,
    };
    let ben = ring.joined(BASIC, chat);
    let oskar = ring.joined(OTHER, chat);
    ring.pass(30);
    for who in [ben, oskar] {
        assert_eq!(ring.people[who].keys, []);
        assert_eq!(ring.people[who].outcomes("key.reject").len(), 0);
        assert_eq!(
            ring.people[who].outcomes("key.renew").len(),
            0,
            "it has a blob"
        );
    }
    let key = *ring.people[pia].ring.public_key();
    let (now, user) = (ring.now(), ring.people[pia].id());
    for (who, accept) in [(ben, true), (oskar, false)] {
        let person = &mut ring.people[who];
        let step = person
            .ring
            .decide(user, &key, accept, now, &person.random)
            .unwrap();
        person.take(step);
    }
    ring.pump();
    assert_eq!(ring.people[ben].keys, [(chat.into(), 1)]);
    assert_eq!(ring.people[oskar].outcomes("key.reject"), ["ok"]);
    assert_eq!(ring.people[oskar].keys, []);
    // Of the refused nothing is taken again; a decision about a key that nobody has is refused by name.
    let other = *ring.people[oskar].ring.public_key();
    let person = &mut ring.people[ben];
    let error = person.ring.decide(user, &other, true, now, &person.random);
    assert_eq!(error.unwrap_err().field(), Some("public_key"));
}

#[test]
fn the_keys_of_a_destroyed_chat_are_gone_spec_3_6() {
    let (mut ring, chat, pia, ben) = two(&[BASIC]);
    let (id, envelope) = ring.say(pia, chat, "gone");
    ring.stage.ok(
        &Actor::operator(),
        "chat.destroy",
        json!({ "chat_id": chat }),
    );
    ring.pump();
    for who in [pia, ben] {
        assert_eq!(ring.reads(who, chat, id, pia, &envelope), "ERR_NO_ROOM_KEY");
        assert_eq!(ring.people[who].wake, None);
    }
}

#[test]
fn a_clear_takes_the_keys_of_what_is_gone_spec_7_4() {
    let (mut ring, chat, pia, ben) = two(&[BASIC, OTHER]);
    let actor = ring.people[pia].actor.clone();
    ring.joined(OTHER, chat);
    ring.stage.ok(&actor, "mod.kick", on(chat, OTHER));
    ring.pump();
    assert!(ring.people[ben].ring.holds(chat.into(), 1));
    ring.stage
        .ok(&actor, "chat.clear", json!({ "chat_id": chat }));
    ring.pump();
    ring.pass(4);
    let held = |who: usize| [1, 2, 3].map(|epoch| ring.people[who].ring.holds(chat.into(), epoch));
    assert_eq!(held(pia), [false, false, true]);
    assert_eq!(held(ben), [false, false, true]);
}

#[test]
fn a_device_whose_session_is_destroyed_from_elsewhere_forgets_its_keys_spec_2_2() {
    let (mut ring, chat, _, ben) = two(&[BASIC]);
    let of = json!({ "user_id": BASIC });
    let listed = ring.stage.ok(&Actor::operator(), "session.list", of);
    let suffix = &listed["sessions"][0]["suffix"];
    ring.stage.ok(
        &Actor::operator(),
        "session.destroy",
        json!({ "suffix": suffix, "user_id": BASIC }),
    );
    ring.pump();
    assert!(!ring.people[ben].ring.holds(chat.into(), 1));
}

#[test]
fn a_message_is_disclosed_for_a_report_e2ee_6() {
    let (mut ring, chat, pia, ben) = two(&[BASIC]);
    let (id, envelope) = ring.say(ben, chat, "I mean it");
    let sender = ring.people[ben].id();
    let key = ring.people[pia]
        .ring
        .disclose(chat.into(), id, sender, &envelope)
        .unwrap();
    let params = json!({
        "chat_id": chat, "message_id": id, "reason": "rude", "disclosure": *key.to_base64()
    });
    let actor = ring.people[pia].actor.clone();
    assert_eq!(
        ring.stage.ok(&actor, "report.create", params)["verified"],
        json!(true)
    );
    let ctx = portal_core::e2ee::Ctx::new(chat.into(), 1).unwrap();
    let parsed = portal_core::e2ee::Envelope::parse(&envelope).unwrap();
    let said = suite3::verify_disclosure(ctx.sender(sender).unwrap(), &parsed, &key);
    assert_eq!(said.unwrap(), "I mean it");
}

#[test]
fn a_log_that_names_no_keys_is_enough_for_a_host_that_follows_it_spec_12_2() {
    // As `portal_follower_next` gives events: without what is added at delivery.
    let mut ring = Ring::new();
    let chat = ring.stage.room(&[BASIC]);
    let pia = ring.joined(PREMIUM, chat);
    let before = ring.stage.as_of();
    let ben = ring.device(BASIC);
    ring.join(ben, chat);
    let mut seen = before;
    for _ in 0..20 {
        while ring.call_next(pia) | ring.call_next(ben) {}
        let now = ring.now();
        for event in ring.stage.events(seen) {
            seen = event["seq"].as_u64().unwrap();
            for who in [pia, ben] {
                ring.people[who].event(event["name"].as_str().unwrap(), &event["data"], now);
            }
        }
    }
    assert_eq!(ring.people[ben].keys, [(chat.into(), 1)]);
}
