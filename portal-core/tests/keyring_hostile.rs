//! Keyrings against a server that lies (e2ee-bytes.md 8, 9).

mod common;

use common::rings::{Ring, Seeded};
use common::victim::{CHAT, FRIEND, OWN, Victim, same_key};
use common::{BASIC, OTHER, PREMIUM};
use portal_core::e2ee::keyring::{Alarm, Trust};
use portal_core::e2ee::{Ctx, RoomCipher, SecretKey, Suite};
use serde_json::{Value, json};

#[test]
fn a_key_whose_check_differs_is_given_back_e2ee_2() {
    let mut victim = Victim::new();
    let ctx = Ctx::new(CHAT, 1).unwrap();
    let [cipher, other] = [0, 1].map(|_| RoomCipher::generate(Suite::Three, ctx, &victim.random));
    let step = victim.join(CHAT, 3, 1);
    let list = victim.list(ctx, Some(&cipher), other.check());
    let step = victim.done(&step, &list);
    assert_eq!(step.requests[0].op, "key.reject");
    let refused = Alarm::KeyRefused {
        chat_id: CHAT,
        epoch: 1,
        user_id: FRIEND,
    };
    assert_eq!(step.alarms, [refused]);
    assert!(!victim.ring.holds(CHAT, 1));
    // Given back, it is asked for again, and renewed if there is nobody to ask.
    let step = victim.done(&step, &json!({}));
    assert_eq!(step.requests[0].op, "key.list");
    let mut list = victim.list(ctx, None, other.check());
    list["blob"] = Value::Null;
    let step = victim.done(&step, &list);
    assert_eq!(step.requests[0].op, "key.renew");
    let step = victim.refused(&step, "ERR_RATE_LIMITED", r#"{"retry_after_ms": 7000}"#);
    assert_eq!((step.requests.len(), step.wake_at_ms), (0, Some(8_000)));
}

#[test]
fn a_check_that_changes_within_an_epoch_is_not_followed_e2ee_8() {
    let mut victim = Victim::new();
    let cipher = victim.holding(Suite::Three, CHAT, 4);
    let step = victim.join(CHAT, 3, 4);
    let other = RoomCipher::generate(Suite::Three, cipher.ctx(), &victim.random);
    let step = victim.done(
        &step,
        &victim.list(cipher.ctx(), Some(&other), other.check()),
    );
    let alarm = Alarm::CheckChanged {
        chat_id: CHAT,
        epoch: 4,
    };
    assert_eq!(step.alarms, [alarm]);
    let sealed = victim.ring.seal(CHAT, "as before", &victim.random).unwrap();
    let mut cipher = cipher;
    assert_eq!(cipher.open(OWN, &sealed).unwrap(), "as before");
}

#[test]
fn a_key_is_not_taken_under_another_epoch_or_chat_e2ee_8() {
    let mut victim = Victim::new();
    let cipher = victim.holding(Suite::Three, CHAT, 1);
    for (chat, epoch) in [(CHAT, 2), (CHAT + 1, 1)] {
        let ctx = Ctx::new(chat, epoch).unwrap();
        let again = RoomCipher::new(Suite::Three, ctx, same_key(&cipher));
        let step = victim.join(chat, 3, epoch);
        let list = victim.list(ctx, Some(&again), again.check());
        let step = victim.done(&step, &list);
        assert_eq!(step.requests[0].op, "key.reject", "{chat} {epoch}");
        assert!(!victim.ring.holds(chat, epoch));
    }
}

#[test]
fn the_suite_of_a_chat_is_pinned_also_beyond_its_end_e2ee_8() {
    let mut victim = Victim::new();
    victim.holding(Suite::Three, CHAT, 3);
    let changed = Alarm::SuiteChanged {
        chat_id: CHAT,
        e2ee: 2,
    };
    let chat = json!({ "chat_id": CHAT, "chat": { "id": CHAT, "e2ee": 2, "epoch": 9 }, "changed": ["name"] });
    let step = victim.event("room:updated", &chat);
    assert_eq!(step.alarms, std::slice::from_ref(&changed));
    assert_eq!(victim.ring.epoch(CHAT), Some(3));
    let step = victim.join(CHAT, 2, 4);
    assert_eq!(
        (step.alarms, step.requests),
        (vec![changed.clone()], vec![])
    );
    victim.event("room:destroyed", &json!({ "chat_id": CHAT }));
    assert_eq!(victim.join(CHAT, 2, 4).alarms, [changed]);
}

#[test]
fn nothing_is_sealed_below_the_highest_epoch_seen_e2ee_8() {
    let mut victim = Victim::new();
    victim.holding(Suite::Three, CHAT, 5);
    let moved =
        json!({ "chat_id": CHAT, "epoch": 6, "reason": "member_removed", "distributor": 22 });
    let step = victim.event("room:epoch_changed", &moved);
    assert_eq!(step.requests[0].op, "key.list");
    let sealed = victim.ring.seal(CHAT, "no", &victim.random);
    assert_eq!(sealed.unwrap_err().code(), "ERR_NO_ROOM_KEY");
    // The server goes back to the epoch whose key is held, in every way it can say so.
    let ctx = Ctx::new(CHAT, 5).unwrap();
    let cipher = RoomCipher::generate(Suite::Three, ctx, &victim.random);
    let step = victim.done(&step, &victim.list(ctx, Some(&cipher), cipher.check()));
    assert_eq!(
        (step.requests.len(), step.wake_at_ms),
        (0, Some(victim.now + 5_000))
    );
    let back = json!({ "chat_id": CHAT, "epoch": 5, "reason": "cleared", "distributor": null });
    victim.event("room:epoch_changed", &back);
    victim.join(CHAT, 3, 5);
    assert_eq!(victim.ring.epoch(CHAT), Some(6));
    let sealed = victim.ring.seal(CHAT, "no", &victim.random);
    assert_eq!(sealed.unwrap_err().code(), "ERR_NO_ROOM_KEY");
}

#[test]
fn a_message_of_a_newer_epoch_is_a_sign_of_it_e2ee_8() {
    let mut victim = Victim::new();
    victim.holding(Suite::Three, CHAT, 1);
    let message =
        |epoch: u64| json!({ "chat_id": CHAT, "id": 4, "message": { "id": 4, "epoch": epoch } });
    assert_eq!(victim.event("message:new", &message(0)).requests, []);
    assert_eq!(
        victim.event("message:new", &message(2)).requests[0].op,
        "key.list"
    );
    assert_eq!(victim.ring.epoch(CHAT), Some(2));
}

#[test]
fn a_message_is_the_same_only_under_its_id_and_with_its_bytes_e2ee_8() {
    let mut victim = Victim::new();
    let mut cipher = victim.holding(Suite::Three, CHAT, 1);
    let first = cipher.seal(FRIEND, "yes", &victim.random).unwrap();
    let second = cipher.seal(FRIEND, "no", &victim.random).unwrap();
    let mut read = |id, envelope: &str| {
        victim
            .ring
            .open(CHAT, id, FRIEND, envelope)
            .map_err(|e| e.code())
    };
    assert_eq!(read(10, &first).unwrap(), "yes");
    assert_eq!(read(10, &first).unwrap(), "yes", "as in history");
    assert_eq!(read(11, &first), Err("ERR_DECRYPT"));
    assert_eq!(
        read(10, &second),
        Err("ERR_DECRYPT"),
        "another under its id"
    );
    assert_eq!(read(11, &second).unwrap(), "no");
    // Spaces between tokens are not part of what was said.
    assert_eq!(read(10, &first.replace(',', " , ")).unwrap(), "yes");
    let other_epoch = first.replace(r#""epoch":1"#, r#""epoch":2"#);
    assert_eq!(read(12, &other_epoch), Err("ERR_NO_ROOM_KEY"));
    assert_eq!(read(12, "no envelope"), Err("ERR_DECRYPT"));
    // A repetition cannot be reported as another message either.
    let disclosed = victim.ring.disclose(CHAT, 13, FRIEND, &first);
    assert_eq!(disclosed.unwrap_err().code(), "ERR_DECRYPT");
}

#[test]
fn what_does_not_open_leaves_no_trace_e2ee_8() {
    let mut victim = Victim::new();
    let mut cipher = victim.holding(Suite::Three, CHAT, 1);
    let good = cipher.seal(FRIEND, "yes", &victim.random).unwrap();
    // The same salt under another sender, before the true one is seen.
    let refused = victim.ring.open(CHAT, 10, OWN, &good);
    assert_eq!(refused.unwrap_err().code(), "ERR_DECRYPT");
    assert_eq!(victim.ring.open(CHAT, 11, FRIEND, &good).unwrap(), "yes");
}

#[test]
fn a_person_with_another_key_is_noticed_before_anything_is_wrapped_e2ee_8() {
    let mut ring = Ring::new();
    let chat = ring.stage.room(&[BASIC, OTHER]);
    let pia = ring.joined(PREMIUM, chat);
    ring.joined(BASIC, chat);
    // The server slips in a session of its own as Ben's.
    let listener = SecretKey::generate(&Seeded::new(99));
    let now = ring.now();
    let needed = json!({
        "chat_id": chat, "epoch": 1, "user_id": BASIC, "session_id": 4711,
        "holder_session": ring.people[pia].session, "public_key": listener.public_key().to_base64()
    });
    ring.people[pia].event("portal:key_needed", &needed, now);
    assert_eq!(ring.people[pia].queue.len(), 0);
    let alarm = ring.people[pia].alarms.last().unwrap();
    assert_eq!(
        (&alarm["kind"], &alarm["accepted"]),
        (&json!("key_changed"), &json!(false))
    );
    // Once more, and as one of Pia's own.
    ring.people[pia].event("portal:key_needed", &needed, now);
    assert_eq!(ring.people[pia].alarms.len(), 2, "once is enough");
    let mut own = needed.clone();
    own["user_id"] = json!(PREMIUM);
    ring.people[pia].event("portal:key_needed", &own, now);
    assert_eq!(
        ring.people[pia].alarms.last().unwrap()["kind"],
        "key_changed"
    );
    assert_eq!(ring.people[pia].queue.len(), 0);
    let readers = ring.people[pia].ring.sessions(chat.into(), 1);
    assert_eq!(readers.len(), 1);
}

#[test]
fn a_key_seen_beside_makes_another_one_a_change_e2ee_8() {
    let mut ring = Ring::new();
    let chat = ring.stage.room(&[BASIC, OTHER]);
    // Pia wraps for Ben, who sees Oskar's key and has nothing to do with it.
    ring.joined(PREMIUM, chat);
    ring.joined(OTHER, chat);
    let ben = ring.joined(BASIC, chat);
    assert_eq!(ring.people[ben].alarm_kinds(), ["key_new"]);
    let seen = ring.people[ben].ring.people();
    let of_oskar = seen
        .iter()
        .find(|known| known.user_id == OTHER.unsigned_abs())
        .unwrap();
    assert_eq!(of_oskar.trust, Trust::Seen);
    let false_key = SecretKey::generate(&Seeded::new(98));
    let now = ring.now();
    let needed = json!({
        "chat_id": chat, "epoch": 1, "user_id": OTHER, "session_id": 4711,
        "holder_session": ring.people[ben].session, "public_key": false_key.public_key().to_base64()
    });
    ring.people[ben].event("portal:key_needed", &needed, now);
    assert_eq!(ring.people[ben].alarm_kinds(), ["key_new", "key_changed"]);
    assert_eq!(ring.people[ben].queue.len(), 0);
}

#[test]
fn an_epochs_published_key_is_never_replaced_e2ee_1() {
    let mut victim = Victim::new();
    let step = victim.join(CHAT, 3, 1);
    let ctx = Ctx::new(CHAT, 1).unwrap();
    let other = RoomCipher::generate(Suite::Three, ctx, &victim.random);
    let mut list = victim.list(ctx, None, other.check());
    list["published"] = json!(false);
    list["key_check"] = Value::Null;
    let step = victim.done(&step, &list);
    let first = step.requests[0].params["key_check"].clone();
    victim.done(
        &step,
        &json!({ "epoch": 1, "first": true, "stored": [], "skipped": [] }),
    );
    // The server says that nobody has published: it gets the same again.
    let step = victim.join(CHAT, 3, 1);
    let step = victim.done(&step, &list);
    assert_eq!(step.requests[0].params["key_check"], first);
}

/// Removed, says the server, and there again in the same epoch.
fn removed(victim: &mut Victim) -> portal_core::e2ee::keyring::Step {
    let kicked = json!({ "chat_id": CHAT, "user_id": OWN, "reason": null });
    victim.event("room:kicked", &kicked);
    assert!(!victim.ring.holds(CHAT, 1));
    victim.join(CHAT, 3, 1)
}

#[test]
fn what_was_read_before_a_removal_is_the_same_after_it_e2ee_8() {
    for is_restarted in [false, true] {
        let mut victim = Victim::new();
        let mut cipher = victim.holding(Suite::Three, CHAT, 1);
        let ctx = cipher.ctx();
        let said = cipher.seal(FRIEND, "yes", &victim.random).unwrap();
        assert_eq!(victim.ring.open(CHAT, 10, FRIEND, &said).unwrap(), "yes");
        let mut step = removed(&mut victim);
        if is_restarted {
            victim.restart();
            step = victim.join(CHAT, 3, 1);
            step = match step.requests[0].op {
                "key.register" => victim.done(&step, &json!({ "status": "unchanged" })),
                _ => step,
            };
        }
        let step = victim.done(&step, &victim.list(ctx, Some(&cipher), cipher.check()));
        assert_eq!(step.keys.len(), 1, "the same key is taken again");
        let again = victim.ring.open(CHAT, 11, FRIEND, &said);
        assert_eq!(again.unwrap_err().code(), "ERR_DECRYPT");
        let other = cipher.seal(FRIEND, "no", &victim.random).unwrap();
        let under_its_id = victim.ring.open(CHAT, 10, FRIEND, &other);
        assert_eq!(under_its_id.unwrap_err().code(), "ERR_DECRYPT");
        assert_eq!(victim.ring.open(CHAT, 10, FRIEND, &said).unwrap(), "yes");
    }
}

#[test]
fn an_epochs_key_is_not_replaced_by_way_of_a_removal_e2ee_8() {
    for suite in [Suite::Two, Suite::Three] {
        let mut victim = Victim::new();
        let cipher = victim.holding(suite, CHAT, 1);
        let ctx = cipher.ctx();
        let kicked = json!({ "chat_id": CHAT, "user_id": OWN, "reason": null });
        victim.event("room:kicked", &kicked);
        let step = victim.join(CHAT, suite.number().into(), 1);
        // Another one, under its own check and under that of before.
        let other = RoomCipher::generate(suite, ctx, &victim.random);
        let step = victim.done(&step, &victim.list(ctx, Some(&other), other.check()));
        let [Alarm::CheckChanged { .. }] = step.alarms[..] else {
            panic!("{step:?}");
        };
        let step = victim.done(&step, &victim.list(ctx, Some(&other), cipher.check()));
        let [Alarm::KeyRefused { .. }] = step.alarms[..] else {
            panic!("{step:?}");
        };
        let step = victim.done(&step, &json!({}));
        // And the server says that nobody has published.
        let mut list = victim.list(ctx, None, cipher.check());
        list["published"] = json!(false);
        list["key_check"] = Value::Null;
        let step = victim.done(&step, &list);
        let [Alarm::CheckChanged { .. }] = step.alarms[..] else {
            panic!("{step:?}");
        };
        assert!(step.requests.iter().all(|request| request.op == "key.list"));
        assert!(!victim.ring.holds(CHAT, 1));
    }
}

#[test]
fn a_chat_that_is_over_is_not_gone_on_with_in_its_epoch_e2ee_8() {
    for is_restarted in [false, true] {
        let mut victim = Victim::new();
        let cipher = victim.holding(Suite::Three, CHAT, 1);
        victim.event("room:destroyed", &json!({ "chat_id": CHAT }));
        if is_restarted {
            victim.restart();
        }
        let mut step = victim.join(CHAT, 3, 1);
        if step.requests[0].op == "key.register" {
            step = victim.done(&step, &json!({ "status": "unchanged" }));
        }
        let list = victim.list(cipher.ctx(), Some(&cipher), cipher.check());
        assert_eq!(victim.done(&step, &list).requests[0].op, "key.reject");
        assert!(!victim.ring.holds(CHAT, 1));
        // A later epoch is another matter: the server's file may have been brought back from a backup.
        victim.holding(Suite::Three, CHAT, 2);
    }
}

#[test]
fn a_key_that_had_to_go_does_not_become_another_epochs_or_chats_e2ee_8() {
    // Suite 2 binds neither to the other: a server could deliver the old blob anew, for those who were removed.
    for (reason, is_restarted) in [("cleared", false), ("wiped", true)] {
        for (chat, epoch) in [(CHAT, 2), (CHAT + 1, 1)] {
            let mut victim = Victim::new();
            let cipher = victim.holding(Suite::Two, CHAT, 1);
            let moved =
                json!({ "chat_id": CHAT, "epoch": 2, "reason": reason, "distributor": null });
            victim.event("room:epoch_changed", &moved);
            assert!(!victim.ring.holds(CHAT, 1));
            if is_restarted {
                victim.restart();
            }
            let ctx = Ctx::new(chat, epoch).unwrap();
            let again = RoomCipher::new(Suite::Two, ctx, same_key(&cipher));
            let mut step = victim.join(chat, 2, epoch);
            if step.requests[0].op == "key.register" {
                step = victim.done(&step, &json!({ "status": "unchanged" }));
            }
            let mut list = victim.list(ctx, Some(&again), again.check());
            list["key_check"] = Value::Null;
            let step = victim.done(&step, &list);
            assert_eq!(step.requests[0].op, "key.reject", "{chat} {epoch}");
            assert!(!victim.ring.holds(chat, epoch));
        }
    }
}

#[test]
fn the_key_of_nobody_is_not_taken_e2ee_8() {
    for nobody in [0, 1 << 53, u64::MAX] {
        let mut victim = Victim::new();
        let ctx = Ctx::new(CHAT, 1).unwrap();
        let cipher = RoomCipher::generate(Suite::Three, ctx, &victim.random);
        let step = victim.join(CHAT, 3, 1);
        let mut list = victim.list(ctx, Some(&cipher), cipher.check());
        list["blob"]["publisher_user_id"] = json!(nobody);
        list["sessions"][1]["user_id"] = json!(nobody);
        let step = victim.done(&step, &list);
        assert_eq!(step.requests[0].op, "key.reject");
        assert_eq!(victim.ring.people(), []);
    }
}
