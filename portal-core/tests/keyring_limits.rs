//! Keyrings and input that is none, is not theirs, or never ends (e2ee-bytes.md 8).

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};

use common::rings::{Input, Ring, Seeded};
use common::victim::{CHAT, OWN, SESSION, Victim};
use common::{BASIC, PREMIUM};
use portal_core::e2ee::keyring::{Answer, Step};
use portal_core::e2ee::{Ctx, RoomCipher, Suite};
use portal_core::random::Random;
use serde_json::{Value, json};

#[test]
fn a_server_that_never_says_yes_does_not_keep_a_host_busy_spec_8_6() {
    let mut victim = Victim::new();
    let ctx = Ctx::new(CHAT, 1).unwrap();
    let other = RoomCipher::generate(Suite::Three, ctx, &victim.random);
    let mut step = victim.join(CHAT, 3, 1);
    let mut calls = 0;
    let mut epoch = 1;
    while !step.requests.is_empty() {
        calls += 1;
        assert!(calls < 50, "it does not end");
        step = match step.requests[0].op {
            "key.list" => {
                let ctx = Ctx::new(CHAT, epoch).unwrap();
                let mut list = victim.list(ctx, None, other.check());
                list["published"] = json!(epoch % 2 == 0);
                victim.done(&step, &list)
            }
            "key.publish" => {
                epoch += 1;
                let details = json!({ "epoch": epoch }).to_string();
                victim.refused(&step, "ERR_EPOCH_MISMATCH", &details)
            }
            "key.renew" => {
                epoch += 1;
                victim.done(
                    &step,
                    &json!({ "status": "moved", "epoch": epoch, "retry_after_ms": 0 }),
                )
            }
            other => panic!("{other}"),
        };
    }
    assert_eq!(step.wake_at_ms, Some(victim.now + 200));
    // And the longer it goes on, the rarer.
    for _ in 0..12 {
        victim.now = step.wake_at_ms.unwrap();
        step = victim.ring.tick(victim.now, &victim.random);
        step = victim.refused(&step, "ERR_INTERNAL", "");
        assert_eq!(step.requests, []);
    }
    assert_eq!(step.wake_at_ms, Some(victim.now + 60_000));
}

#[test]
fn a_server_that_says_that_nobody_has_published_does_not_keep_a_host_busy_spec_8_4() {
    let mut victim = Victim::new();
    let ctx = Ctx::new(CHAT, 1).unwrap();
    let other = RoomCipher::generate(Suite::Three, ctx, &victim.random);
    let mut list = victim.list(ctx, None, other.check());
    list["published"] = json!(false);
    list["key_check"] = Value::Null;
    let published = json!({ "epoch": 1, "first": true, "stored": [], "skipped": [] });
    let step = victim.join(CHAT, 3, 1);
    let step = victim.done(&step, &list);
    assert_eq!(victim.done(&step, &published).requests, []);
    // Somebody needs the key, whom the state never shows.
    let needed = json!({
        "chat_id": CHAT, "epoch": 1, "user_id": OWN, "session_id": 4711, "holder_session": SESSION
    });
    let mut step = victim.event("portal:key_needed", &needed);
    let mut calls = 0;
    while !step.requests.is_empty() {
        calls += 1;
        assert!(calls < 20, "it does not end");
        step = match step.requests[0].op {
            "key.list" => victim.done(&step, &list),
            _ => victim.done(&step, &published),
        };
    }
    assert_eq!(step.wake_at_ms, Some(victim.now + 200));
}

#[test]
fn a_server_that_always_asks_for_a_moments_patience_is_asked_rarely_spec_8_6() {
    let mut victim = Victim::new();
    let ctx = Ctx::new(CHAT, 1).unwrap();
    let other = RoomCipher::generate(Suite::Three, ctx, &victim.random);
    let mut list = victim.list(ctx, None, other.check());
    list["published"] = json!(false);
    list["key_check"] = Value::Null;
    list["holdback_ms"] = json!(1);
    let mut step = victim.join(CHAT, 3, 1);
    for round in 0..16 {
        step = if round % 2 == 0 {
            victim.done(&step, &list)
        } else {
            victim.refused(&step, "ERR_RATE_LIMITED", r#"{"retry_after_ms": 1}"#)
        };
        assert_eq!(step.requests, []);
        if round < 4 {
            assert_eq!(step.wake_at_ms, Some(victim.now + 200));
        }
        if round < 15 {
            victim.now = step.wake_at_ms.unwrap();
            step = victim.ring.tick(victim.now, &victim.random);
        }
    }
    assert_eq!(step.wake_at_ms, Some(victim.now + 60_000));
}

/// Has so many bytes, and then none.
struct Scarce(Seeded, std::sync::atomic::AtomicI64);

impl Random for Scarce {
    fn fill(&self, bytes: &mut [u8]) {
        let left = self.1.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
        assert!(left > 0, "no randomness");
        self.0.fill(bytes);
    }
}

#[test]
fn a_random_source_that_fails_takes_no_alarm_with_it_e2ee_8() {
    for fills in 0..2 {
        let mut victim = Victim::new();
        let ctx = Ctx::new(CHAT, 1).unwrap();
        let other = RoomCipher::generate(Suite::Three, ctx, &victim.random);
        let mut list = victim.list(ctx, None, other.check());
        list["published"] = json!(false);
        list["key_check"] = Value::Null;
        let step = victim.join(CHAT, 3, 1);
        let scarce = Scarce(Seeded::new(7), fills.into());
        let (id, document) = (step.requests[0].id, list.to_string());
        let answer = Answer::Done(&document);
        let broken = catch_unwind(AssertUnwindSafe(|| {
            victim.ring.reply(id, answer, victim.now, &scarce)
        }));
        assert!(broken.is_err());
        // The friend was met before there was no randomness to wrap with: that is told next.
        let step = victim.ring.tick(victim.now, &victim.random);
        assert_eq!(step.alarms.len(), usize::from(fills > 0));
        // And it goes on by itself.
        victim.now = step.wake_at_ms.unwrap();
        let step = victim.ring.tick(victim.now, &victim.random);
        let step = victim.done(&step, &list);
        assert_eq!(step.requests[0].op, "key.publish");
    }
}

#[test]
fn a_server_that_forgets_our_key_again_and_again_is_not_told_at_once_spec_8_3() {
    let mut victim = Victim::new();
    let ctx = Ctx::new(CHAT, 1).unwrap();
    let other = RoomCipher::generate(Suite::Three, ctx, &victim.random);
    let mut list = victim.list(ctx, None, other.check());
    list["sessions"][0]["public_key"] = Value::Null;
    let mut step = victim.join(CHAT, 3, 1);
    let mut calls = 0;
    while !step.requests.is_empty() {
        calls += 1;
        assert!(calls < 30, "it does not end");
        step = match step.requests[0].op {
            "key.list" => victim.done(&step, &list),
            _ => victim.done(&step, &json!({ "status": "registered" })),
        };
    }
    // Woken for the next look, it waits for the registration, which is not due yet.
    for _ in 0..3 {
        victim.now = step.wake_at_ms.unwrap();
        step = victim.ring.tick(victim.now, &victim.random);
        assert!(step.wake_at_ms.is_none_or(|wake| wake > victim.now));
        if !step.requests.is_empty() {
            break;
        }
    }
    assert_eq!(step.requests[0].op, "key.register");
    assert_eq!(victim.now, 61_000);
    assert!(calls > 4);
}

#[test]
fn a_ban_from_the_platform_takes_every_key_and_a_timeout_none_spec_4_3() {
    let mut victim = Victim::new();
    victim.holding(Suite::Three, CHAT, 1);
    victim.holding(Suite::Two, CHAT + 1, 1);
    let timed_out = json!({ "user_id": OWN, "until": 5, "punishment_id": 1, "reason": null });
    assert_eq!(victim.event("user:timed_out", &timed_out), Step::default());
    assert!(victim.ring.holds(CHAT, 1) && victim.ring.holds(CHAT + 1, 1));
    let banned = json!({ "chat_id": CHAT, "user_id": OWN, "until": null });
    victim.event("user:banned", &banned);
    assert!(!victim.ring.holds(CHAT, 1) && victim.ring.holds(CHAT + 1, 1));
    victim.event("user:banned", &json!({ "user_id": OWN, "until": null }));
    assert!(!victim.ring.holds(CHAT + 1, 1));
}

#[test]
fn whoever_may_not_stay_asks_whether_that_is_them_spec_3_4() {
    for (code, is_gone) in [("ERR_CHAT_NOT_FOUND", true), ("ERR_NOT_JOINED", false)] {
        let mut victim = Victim::new();
        victim.holding(Suite::Three, CHAT, 1);
        let evicted = json!({ "chat_id": CHAT, "reason": "went_private" });
        let step = victim.event("room:evicted", &evicted);
        assert_eq!(step.requests[0].op, "key.list");
        assert_eq!(victim.refused(&step, code, ""), Step::default());
        assert_eq!(victim.ring.holds(CHAT, 1), !is_gone, "{code}");
    }
}

#[test]
fn what_is_no_event_or_reply_is_refused_by_name_and_changes_nothing_spec_13_1() {
    let mut victim = Victim::new();
    let now = victim.now;
    let step = victim.join(CHAT, 3, 1);
    let before = victim.ring.export(&[7; 32], &Seeded::new(5)).unwrap();
    for (name, data, field) in [
        ("room:epoch_changed", "", "data"),
        ("room:epoch_changed", "[]", "data"),
        (
            "room:epoch_changed",
            r#"{"chat_id": 7, "epoch": "2"}"#,
            "data",
        ),
        (
            "room:epoch_changed",
            r#"{"chat_id": 7, "epoch": 0}"#,
            "epoch",
        ),
        (
            "room:epoch_changed",
            r#"{"chat_id": 7, "epoch": 9007199254740992}"#,
            "epoch",
        ),
        (
            "room.join",
            r#"{"chat": {"id": 8, "e2ee": 4, "epoch": 1}}"#,
            "chat.e2ee",
        ),
        (
            "room.join",
            r#"{"chat": {"id": 0, "e2ee": 3, "epoch": 1}}"#,
            "chat_id",
        ),
        ("room:destroyed", "{}", "chat_id"),
        ("no.such.event", "{", "data"),
    ] {
        let error = victim
            .ring
            .event(name, data, now, &victim.random)
            .unwrap_err();
        assert_eq!(
            (error.code(), error.field()),
            ("ERR_INVALID", Some(field)),
            "{name} {data}"
        );
    }
    for (id, document, field) in [
        (0, "{}", "request_id"),
        (99, "{}", "request_id"),
        (step.requests[0].id, "{}", "document"),
        (
            step.requests[0].id,
            r#"{"epoch": 1, "published": true, "key_check": "x", "sessions": []}"#,
            "key_check",
        ),
    ] {
        let error = victim
            .ring
            .reply(id, Answer::Done(document), now, &victim.random)
            .unwrap_err();
        assert_eq!(
            (error.code(), error.field()),
            ("ERR_INVALID", Some(field)),
            "{id} {document}"
        );
    }
    assert_eq!(
        victim.ring.export(&[7; 32], &Seeded::new(5)).unwrap(),
        before
    );
    // The request still waits for an answer; one that is answered does not any more.
    let next = victim.refused(&step, "ERR_INTERNAL", "");
    assert_eq!(next.requests[0].op, "key.list");
    assert_eq!(victim.refused(&step, "ERR_INTERNAL", "").requests, []);
}

#[test]
fn what_is_for_others_is_nobodys_business_spec_8_5() {
    let mut ring = Ring::new();
    let chat = ring.stage.room(&[BASIC]);
    let pia = ring.joined(PREMIUM, chat);
    let now = ring.now();
    let before = ring.people[pia].log.len();
    for (name, data) in [
        (
            "portal:key_needed",
            json!({ "chat_id": chat, "epoch": 1, "user_id": BASIC, "session_id": 5, "holder_session": 1 }),
        ),
        (
            "portal:key_blob",
            json!({ "chat_id": chat, "epoch": 2, "blob_id": 1, "session_id": 1 }),
        ),
        ("room:kicked", json!({ "chat_id": chat, "user_id": BASIC })),
        ("user:banned", json!({ "user_id": BASIC, "until": null })),
        (
            "session:ended",
            json!({ "session_id": 1, "user_id": BASIC, "reason": "destroyed" }),
        ),
        ("message:new", json!({ "chat_id": 99, "id": 1 })),
        ("room:destroyed", json!({ "chat_id": 99 })),
    ] {
        ring.people[pia].event(name, &data, now);
    }
    for (input, step) in &ring.people[pia].log[before..] {
        assert!(
            step.requests.is_empty() && step.alarms.is_empty(),
            "{input:?}: {step:?}"
        );
        assert!(matches!(input, Input::Event(..)));
    }
    assert!(ring.people[pia].ring.holds(chat.into(), 1));
    assert_eq!(ring.people[pia].ring.epoch(chat.into()), Some(1));
}

#[test]
fn chats_that_are_over_make_room_for_others_e2ee_8() {
    let mut victim = Victim::new();
    for chat in 1..=4_096 {
        victim.join(chat, 3, 1);
        victim.event("room:destroyed", &json!({ "chat_id": chat }));
    }
    victim.join(5_000, 3, 1);
    assert_eq!(
        (victim.ring.epoch(1), victim.ring.epoch(2)),
        (None, Some(1))
    );
    assert_eq!(victim.ring.epoch(5_000), Some(1));
}
