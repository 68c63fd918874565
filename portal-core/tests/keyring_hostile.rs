//! Keyrings against a server that lies, and against input that is none (E2EE.md 8, 9).

mod common;

use common::rings::{Input, Ring, Seeded};
use common::{BASIC, OTHER, PREMIUM};
use portal_core::e2ee::keyring::{Alarm, Answer, Keyring, Options, Step};
use portal_core::e2ee::{Ctx, KeyCheck, RoomCipher, RoomKey, SecretKey, Suite};
use serde_json::{Value, json};

const OWN: u64 = 1_001;
const SESSION: u64 = 11;
const FRIEND: u64 = 2_002;
const CHAT: u64 = 7;

/// A keyring whose server is the test.
struct Victim {
    ring: Keyring,
    random: Seeded,
    now: i64,
    friend: SecretKey,
}

impl Victim {
    fn new() -> Self {
        let random = Seeded::new(1);
        let secret = SecretKey::generate(&random);
        let friend = SecretKey::generate(&random);
        let mut victim = Self {
            ring: Keyring::new(Options::new(OWN, SESSION, secret)).unwrap(),
            random,
            now: 1_000,
            friend,
        };
        let step = victim.ring.tick(victim.now, &victim.random);
        assert_eq!(step.requests[0].op, "key.register");
        victim.done(&step, &json!({ "status": "registered" }));
        victim
    }

    fn event(&mut self, name: &str, data: &Value) -> Step {
        let event = self
            .ring
            .event(name, &data.to_string(), self.now, &self.random);
        event.unwrap()
    }

    fn done(&mut self, step: &Step, document: &Value) -> Step {
        let id = step.requests[0].id;
        let document = document.to_string();
        let answer = Answer::Done(&document);
        self.ring.reply(id, answer, self.now, &self.random).unwrap()
    }

    fn refused(&mut self, step: &Step, code: &str, details: &str) -> Step {
        let answer = Answer::Refused { code, details };
        let id = step.requests[0].id;
        self.ring.reply(id, answer, self.now, &self.random).unwrap()
    }

    fn join(&mut self, chat: u64, suite: u64, epoch: u64) -> Step {
        let chat = json!({ "id": chat, "e2ee": suite, "epoch": epoch });
        self.event("room.join", &json!({ "chat": chat, "may_talk": true }))
    }

    /// What `key.list` says when the friend has published this.
    fn list(&self, ctx: Ctx, wrapped: Option<&RoomCipher>, check: KeyCheck) -> Value {
        let blob = wrapped.map(|cipher| {
            let own = self.ring.public_key();
            let blob = cipher.wrap(OWN, own, &self.friend, &self.random).unwrap();
            json!({
                "blob": blob, "publisher_user_id": FRIEND, "publisher_session_id": 22,
                "publisher_public_key": self.friend.public_key().to_base64()
            })
        });
        let holds = blob.is_some();
        json!({
            "epoch": ctx.epoch(), "published": true, "key_check": check.to_base64(), "holdback_ms": 0,
            "sessions": [
                { "user_id": OWN, "session_id": SESSION, "public_key": self.ring.public_key().to_base64(),
                  "has_blob": holds, "holds": holds, "waits": false },
                { "user_id": FRIEND, "session_id": 22, "public_key": self.friend.public_key().to_base64(),
                  "has_blob": false, "holds": true, "waits": false },
            ],
            "blob": blob, "as_of": 1
        })
    }

    /// Joins and is given the friend's key.
    fn holding(&mut self, suite: Suite, chat: u64, epoch: u64) -> RoomCipher {
        let ctx = Ctx::new(chat, epoch).unwrap();
        let cipher = RoomCipher::generate(suite, ctx, &self.random);
        let step = self.join(chat, suite.number().into(), epoch);
        let step = self.done(&step, &self.list(ctx, Some(&cipher), cipher.check()));
        assert_eq!(step.keys.len(), 1, "{step:?}");
        cipher
    }
}

fn same_key(cipher: &RoomCipher) -> RoomKey {
    RoomKey::from_base64(&cipher.room_key().to_base64()).unwrap()
}

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
fn a_server_that_forgets_our_key_again_and_again_is_not_told_at_once_spec_8_3() {
    let mut victim = Victim::new();
    let ctx = Ctx::new(CHAT, 1).unwrap();
    let other = RoomCipher::generate(Suite::Three, ctx, &victim.random);
    let mut list = victim.list(ctx, None, other.check());
    list["sessions"][0]["public_key"] = Value::Null;
    let mut step = victim.join(CHAT, 3, 1);
    let mut calls = 0;
    loop {
        while !step.requests.is_empty() {
            calls += 1;
            assert!(calls < 30, "it does not end");
            step = match step.requests[0].op {
                "key.list" => victim.done(&step, &list),
                _ => victim.done(&step, &json!({ "status": "registered" })),
            };
        }
        if step.wake_at_ms.unwrap() > victim.now {
            break;
        }
        step = victim.ring.tick(victim.now, &victim.random);
    }
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
    assert_eq!(of_oskar.trust, portal_core::e2ee::keyring::Trust::Seen);
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
