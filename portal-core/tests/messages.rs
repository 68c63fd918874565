//! Sending (SPEC 6.1-6.3, 6.6, 6.7).

mod common;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use common::talk::{Talker, envelope, envelope3};
use common::{ADMIN, BASIC, MODERATOR, OTHER, OWNER, PREMIUM, START, STRANGER, Stage, user};
use portal_core::Actor;
use portal_core::model::{ChatId, ChatType, MINUTE};
use serde_json::{Value, json};

/// What can stand in the way of a message, in the order of SPEC 6.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Obstacle {
    Hidden,
    Forbidden,
    Banned,
    KnownClientId,
    NotJoined,
    HardMuted,
    Muted,
    BadEnvelope,
    OldEpoch,
    NoKey,
    TooFast,
}

const IN_ORDER: [Obstacle; 11] = [
    Obstacle::Hidden,
    Obstacle::Forbidden,
    Obstacle::Banned,
    Obstacle::KnownClientId,
    Obstacle::NotJoined,
    Obstacle::HardMuted,
    Obstacle::Muted,
    Obstacle::BadEnvelope,
    Obstacle::OldEpoch,
    Obstacle::NoKey,
    Obstacle::TooFast,
];

/// One attempt to send, that succeeds unless something is put in its way.
struct Attempt {
    stage: Stage,
    chat: ChatId,
    talker: Talker,
    version: u8,
    epoch: u64,
    client_id: Option<&'static str>,
}

impl Attempt {
    fn new(chat_type: ChatType, who: i64) -> Self {
        let stage = Stage::new();
        let slug = (chat_type == ChatType::Public).then_some("a-chat");
        let chat = stage.chat(chat_type, PREMIUM, slug);
        stage.member(chat, who);
        let talker = stage.talker(chat, who);
        let first =
            json!({ "chat_id": chat, "content": envelope(1, "first"), "client_id": "known" });
        stage.ok(&talker.actor, "message.send", first);
        Self {
            stage,
            chat,
            talker,
            version: 2,
            epoch: 1,
            client_id: None,
        }
    }

    /// A ground on which this obstacle can stand.
    fn against(obstacle: Obstacle) -> Self {
        match obstacle {
            Obstacle::Hidden => Self::new(ChatType::Private, BASIC),
            Obstacle::Forbidden => Self::new(ChatType::Private, ADMIN),
            _ => Self::new(ChatType::Public, BASIC),
        }
    }

    fn punish(&self, kind: &str, chat: Option<ChatId>, seconds: i64) {
        let now = START.as_millis();
        self.stage
            .raw()
            .execute(
                "INSERT INTO punishment (user_id, chat_id, kind, by_actor, at, until) VALUES (?, ?, ?, 'test', ?, ?)",
                (self.talker.user, chat.map(ChatId::get), kind, now, now + seconds * 1000),
            )
            .unwrap();
    }

    fn meet(&mut self, obstacle: Obstacle) {
        let chat = self.chat.get();
        match obstacle {
            Obstacle::Hidden | Obstacle::Forbidden => {
                let sql = "DELETE FROM membership WHERE chat_id = ?";
                self.stage.raw().execute(sql, [chat]).unwrap();
            }
            Obstacle::Banned => self.punish("ban", Some(self.chat), 900),
            Obstacle::KnownClientId => self.client_id = Some("known"),
            Obstacle::NotJoined => {
                let params = json!({ "chat_id": self.chat });
                self.stage.ok(&self.talker.actor, "room.leave", params);
            }
            Obstacle::HardMuted => self.punish("hard_mute", None, 100),
            Obstacle::Muted => self.punish("mute", Some(self.chat), 200),
            Obstacle::BadEnvelope => self.version = 3,
            Obstacle::OldEpoch => self.epoch = 9,
            Obstacle::NoKey => {
                let sql = "DELETE FROM room_key WHERE chat_id = ?";
                self.stage.raw().execute(sql, [chat]).unwrap();
            }
            Obstacle::TooFast => self
                .stage
                .configure(self.chat, "slow_mode_seconds", json!(60)),
        }
    }

    fn send(&self) -> Result<Value, portal_core::Error> {
        let content = if self.version == 3 {
            envelope3(self.epoch, "second")
        } else {
            envelope(self.epoch, "second")
        };
        let params =
            json!({ "chat_id": self.chat, "content": content, "client_id": self.client_id });
        self.stage.call(&self.talker.actor, "message.send", params)
    }

    #[track_caller]
    fn expect(&self, obstacle: Obstacle, met: &[Obstacle]) {
        let answer = self.send();
        let told = match &answer {
            Ok(reply) => reply["id"].to_string(),
            Err(error) => error.kind().code().to_owned(),
        };
        let expected = match obstacle {
            Obstacle::Hidden => "ERR_CHAT_NOT_FOUND",
            Obstacle::Forbidden => "ERR_FORBIDDEN",
            Obstacle::Banned => "ERR_BANNED",
            Obstacle::KnownClientId => "1",
            Obstacle::NotJoined => "ERR_NOT_JOINED",
            Obstacle::HardMuted | Obstacle::Muted => "ERR_MUTED",
            Obstacle::BadEnvelope => "ERR_ENVELOPE_INVALID",
            Obstacle::OldEpoch => "ERR_EPOCH_MISMATCH",
            Obstacle::NoKey => "ERR_NO_ROOM_KEY",
            Obstacle::TooFast => "ERR_RATE_LIMITED",
        };
        assert_eq!(told, expected, "with {met:?}");
        let Err(error) = answer else { return };
        let extras = error.extras();
        match obstacle {
            Obstacle::HardMuted => assert_eq!(extras.ttl_seconds, Some(100), "with {met:?}"),
            Obstacle::Muted => assert_eq!(extras.ttl_seconds, Some(200), "with {met:?}"),
            Obstacle::OldEpoch => assert_eq!(extras.epoch, Some(1)),
            Obstacle::TooFast => assert_eq!(extras.retry_after_ms, Some(60_000)),
            _ => {}
        }
    }
}

#[test]
fn nothing_in_the_way_lets_a_message_through() {
    for obstacle in [Obstacle::Hidden, Obstacle::Forbidden, Obstacle::Banned] {
        assert_eq!(Attempt::against(obstacle).send().unwrap()["id"], 2);
    }
}

#[test]
fn the_first_failing_check_answers_pairwise_spec_6_2() {
    for (place, earlier) in IN_ORDER.into_iter().enumerate() {
        for later in &IN_ORDER[place..] {
            // These two stand on different ground: one sees the chat, the other does not.
            if (earlier, *later) == (Obstacle::Hidden, Obstacle::Forbidden)
                || (earlier, *later) == (Obstacle::Forbidden, Obstacle::Banned)
            {
                continue;
            }
            let mut attempt = Attempt::against(earlier);
            attempt.meet(*later);
            if earlier != *later {
                attempt.meet(earlier);
            }
            attempt.expect(earlier, &[earlier, *later]);
        }
    }
}

#[test]
fn a_refused_message_leaves_nothing_behind() {
    let mut attempt = Attempt::against(Obstacle::Muted);
    attempt.meet(Obstacle::Muted);
    let before = attempt.stage.as_of();
    attempt.send().unwrap_err();
    assert_eq!(attempt.stage.as_of(), before);
    assert_eq!(attempt.stage.history(&Actor::operator(), attempt.chat), [1]);
}

#[test]
fn whoever_is_no_session_sends_nothing_spec_6_2() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("a-chat"));
    let params = json!({ "chat_id": chat, "content": "" });
    for (actor, code) in [
        (Actor::guest(), "ERR_UNAUTHENTICATED"),
        (user(BASIC), "ERR_UNAUTHENTICATED"),
        (user(STRANGER), "ERR_STRANGER_FORBIDDEN"),
        (Actor::operator(), "ERR_FORBIDDEN"),
    ] {
        stage.refused(&actor, "message.send", params.clone(), code);
    }
}

#[test]
fn joined_is_the_session_and_not_the_person_spec_6_2() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("a-chat"));
    let talker = stage.talker(chat, BASIC);
    let elsewhere = stage.session(BASIC);
    stage.give_key(chat, elsewhere);
    let params = json!({ "chat_id": chat, "content": envelope(1, "hello") });
    stage.refused(
        &Actor::session(elsewhere),
        "message.send",
        params.clone(),
        "ERR_NOT_JOINED",
    );
    // Any request of the session whose connection is there will do.
    stage.ok(&Actor::session(talker.session), "message.send", params);
}

#[test]
fn where_presence_is_off_joined_means_may_talk_spec_10_1() {
    let stage = Stage::with_presence(false);
    let chat = stage.chat(ChatType::Private, PREMIUM, None);
    stage.member(chat, BASIC);
    let session = stage.session(BASIC);
    stage.give_key(chat, session);
    let params = json!({ "chat_id": chat, "content": envelope(1, "hello") });
    stage.ok(&Actor::session(session), "message.send", params.clone());
    let outsider = stage.session(OTHER);
    stage.refused(
        &Actor::session(outsider),
        "message.send",
        params,
        "ERR_CHAT_NOT_FOUND",
    );
}

#[test]
fn what_is_no_envelope_of_the_chat_is_refused_spec_6_1() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("a-chat"));
    let talker = stage.talker(chat, BASIC);
    for content in [
        String::new(),
        "hello".to_owned(),
        r#"{"v":2,"epoch":1}"#.to_owned(),
        r#"{"v":2,"epoch":"1","ct":"AAAA"}"#.to_owned(),
        envelope3(1, "hello"),
    ] {
        let params = json!({ "chat_id": chat, "content": content });
        stage.refused(
            &talker.actor,
            "message.send",
            params,
            "ERR_ENVELOPE_INVALID",
        );
    }
}

#[test]
fn a_message_is_stored_as_spec_6_3_says() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("a-chat"));
    let talker = stage.talker(chat, MODERATOR);
    let before = stage.as_of();
    let id = stage.say(&talker, chat, "hello");
    let page = stage.ok(
        &Actor::guest(),
        "message.history",
        json!({ "chat_id": chat }),
    );
    assert_eq!(
        page["messages"],
        json!([{
            "id": id, "chat_id": chat, "kind": "user", "content": envelope(1, "hello"), "epoch": 1,
            "sender": { "id": MODERATOR, "username": "mo-moderator", "role": "moderator" },
            "created_at": START.as_millis(),
        }])
    );
    // The event points at the message and holds nothing of it (SPEC 12.2).
    let events = stage.events(before);
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["name"], "message:new");
    assert_eq!(events[0]["data"], json!({ "chat_id": chat, "id": id }));
}

#[test]
fn a_message_keeps_the_role_its_sender_had_and_outlives_the_name_spec_6_3() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("a-chat"));
    let talker = stage.talker(chat, MODERATOR);
    stage.say(&talker, chat, "hello");
    stage
        .raw()
        .execute_batch(
            "UPDATE user SET role = 0 WHERE id = 3000; DELETE FROM user WHERE id = 3000;",
        )
        .unwrap();
    let page = stage.ok(
        &Actor::guest(),
        "message.history",
        json!({ "chat_id": chat }),
    );
    assert_eq!(
        page["messages"][0]["sender"],
        json!({ "id": MODERATOR, "username": null, "role": "moderator" })
    );
}

#[test]
fn ids_count_up_per_chat_and_never_come_back_spec_6_3() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("a-chat"));
    let other = stage.chat(ChatType::Private, PREMIUM, None);
    let talker = stage.talker(chat, PREMIUM);
    let there = stage.talker(other, PREMIUM);
    assert_eq!(stage.say(&talker, chat, "a"), 1);
    assert_eq!(stage.say(&there, other, "a"), 1);
    assert_eq!(stage.say(&talker, chat, "b"), 2);
    let last = json!({ "chat_id": chat, "count": 1 });
    stage.ok(&user(PREMIUM), "message.delete_last", last);
    assert_eq!(stage.say(&talker, chat, "c"), 3);
    stage.ok(&user(PREMIUM), "chat.clear", json!({ "chat_id": chat }));
    stage.give_key(chat, talker.session);
    // The system's word about the clearing is the fourth.
    assert_eq!(stage.say(&talker, chat, "d"), 5);
}

/// Sends with a client id in the current epoch; answers the id.
#[track_caller]
fn send_as(stage: &Stage, talker: &Talker, chat: ChatId, client_id: &str) -> i64 {
    let content = envelope(stage.epoch(chat), "hello");
    let params = json!({ "chat_id": chat, "content": content, "client_id": client_id });
    stage.ok(&talker.actor, "message.send", params)["id"]
        .as_i64()
        .unwrap()
}

#[test]
fn a_retry_answers_the_first_id_and_stores_nothing_spec_6_7() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("a-chat"));
    let talker = stage.talker(chat, BASIC);
    let first = send_as(&stage, &talker, chat, "one");
    let before = stage.as_of();
    stage.clock.advance(9 * MINUTE);
    assert_eq!(send_as(&stage, &talker, chat, "one"), first);
    assert_eq!(stage.as_of(), before);
    assert_ne!(send_as(&stage, &talker, chat, "two"), first);
}

#[test]
fn a_client_id_belongs_to_one_sender_and_chat_spec_6_7() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("a-chat"));
    let other = stage.chat(ChatType::Public, PREMIUM, Some("b-chat"));
    let (talker, peer) = (stage.talker(chat, BASIC), stage.talker(chat, OTHER));
    let there = stage.talker(other, BASIC);
    send_as(&stage, &talker, chat, "x");
    assert_eq!(send_as(&stage, &peer, chat, "x"), 2);
    assert_eq!(send_as(&stage, &there, other, "x"), 1);
    assert_eq!(stage.history(&Actor::guest(), other), [1]);
    // The same person's other device is the same sender.
    let again = stage.talker(chat, BASIC);
    assert_eq!(send_as(&stage, &again, chat, "x"), 1);
}

#[test]
fn a_retry_answers_the_first_id_across_a_wipe_spec_6_7() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("a-chat"));
    let talker = stage.talker(chat, BASIC);
    let first = send_as(&stage, &talker, chat, "one");
    stage.ok(&user(PREMIUM), "chat.clear", json!({ "chat_id": chat }));
    stage.portal.tick().unwrap();
    assert_eq!(send_as(&stage, &talker, chat, "one"), first);
    assert_eq!(stage.history(&Actor::guest(), chat), [2]);
}

#[test]
fn after_ten_minutes_a_client_id_is_new_again_spec_6_7() {
    for ticked in [false, true] {
        let stage = Stage::new();
        let chat = stage.chat(ChatType::Public, PREMIUM, Some("a-chat"));
        let talker = stage.talker(chat, BASIC);
        let first = send_as(&stage, &talker, chat, "one");
        stage.clock.advance(10 * MINUTE - 1);
        stage.portal.tick().unwrap();
        assert_eq!(send_as(&stage, &talker, chat, "one"), first);
        stage.clock.advance(1);
        if ticked {
            stage.portal.tick().unwrap();
        }
        let second = send_as(&stage, &talker, chat, "one");
        assert_ne!(second, first);
        assert_eq!(send_as(&stage, &talker, chat, "one"), second);
    }
}

#[test]
fn a_client_id_has_1_to_64_characters_spec_6_7() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("a-chat"));
    let talker = stage.talker(chat, BASIC);
    for client_id in [String::new(), "é".repeat(65)] {
        let params =
            json!({ "chat_id": chat, "content": envelope(1, "a"), "client_id": client_id });
        let error = stage.refused(&talker.actor, "message.send", params, "ERR_INVALID");
        assert_eq!(error.extras().field.as_deref(), Some("client_id"));
    }
    send_as(&stage, &talker, chat, &"é".repeat(64));
}

/// Expects the next message of the current epoch to be too fast by so much.
#[track_caller]
fn too_fast(stage: &Stage, talker: &Talker, chat: ChatId, retry_after_ms: u64) {
    let content = envelope(stage.epoch(chat), "fast");
    let params = json!({ "chat_id": chat, "content": content });
    let error = stage.refused(&talker.actor, "message.send", params, "ERR_RATE_LIMITED");
    assert_eq!(error.extras().retry_after_ms, Some(retry_after_ms));
}

#[test]
fn slow_mode_holds_and_spares_who_may_moderate_spec_6_6() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("a-chat"));
    stage.configure(chat, "slow_mode_seconds", json!(30));
    let talker = stage.talker(chat, BASIC);
    stage.say(&talker, chat, "a");
    stage.clock.advance(29_999);
    too_fast(&stage, &talker, chat, 1);
    // Another device is the same person.
    too_fast(&stage, &stage.talker(chat, BASIC), chat, 1);
    stage.clock.advance(1);
    stage.say(&talker, chat, "b");
    // The owner, and whoever outranks the owner.
    for spared in [PREMIUM, MODERATOR, OWNER] {
        let spared = stage.talker(chat, spared);
        stage.say(&spared, chat, "c");
        stage.say(&spared, chat, "d");
    }
}

#[test]
fn slow_mode_holds_although_the_message_was_deleted_spec_6_6() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("a-chat"));
    stage.configure(chat, "slow_mode_seconds", json!(30));
    let talker = stage.talker(chat, BASIC);
    stage.say(&talker, chat, "a");
    let mine = json!({ "chat_id": chat });
    stage.ok(&talker.actor, "message.delete_mine", mine.clone());
    stage.clock.advance(20_000);
    too_fast(&stage, &talker, chat, 10_000);
    stage.ok(&user(PREMIUM), "chat.clear", mine);
    stage.give_key(chat, talker.session);
    too_fast(&stage, &talker, chat, 10_000);
}

#[test]
fn a_person_sends_ten_in_ten_seconds_spec_6_6() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("a-chat"));
    let talker = stage.talker(chat, BASIC);
    stage.say(&talker, chat, "first");
    stage.clock.advance(4_000);
    for _ in 0..9 {
        stage.say(&talker, chat, "more");
    }
    too_fast(&stage, &talker, chat, 6_000);
    stage.ok(
        &talker.actor,
        "message.delete_mine",
        json!({ "chat_id": chat }),
    );
    too_fast(&stage, &talker, chat, 6_000);
    // Others, and other chats, have their own count.
    stage.say(&stage.talker(chat, OTHER), chat, "other");
    let other = stage.chat(ChatType::Public, PREMIUM, Some("b-chat"));
    stage.say(&stage.talker(other, BASIC), other, "there");
    // The window slides: one leaves it, one comes in.
    stage.clock.advance(6_000);
    stage.say(&talker, chat, "again");
    too_fast(&stage, &talker, chat, 4_000);
    stage.clock.advance(4_000);
    for _ in 0..9 {
        stage.say(&talker, chat, "more");
    }
    too_fast(&stage, &talker, chat, 6_000);
}

#[test]
fn a_chat_takes_so_many_in_ten_seconds_whoever_sends_spec_6_6() {
    let stage = Stage::new();
    stage.set("sends_per_chat", json!(4));
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("a-chat"));
    let (talker, peer) = (stage.talker(chat, BASIC), stage.talker(chat, OTHER));
    stage.say(&talker, chat, "a");
    stage.clock.advance(1_000);
    stage.say(&peer, chat, "b");
    stage.say(&peer, chat, "c");
    stage.clock.advance(1_000);
    stage.say(&talker, chat, "d");
    // Also for whoever has not sent yet, and may moderate.
    let owner = stage.talker(chat, PREMIUM);
    too_fast(&stage, &owner, chat, 8_000);
    // Also although nothing of it is left.
    stage.ok(&user(PREMIUM), "chat.clear", json!({ "chat_id": chat }));
    for talker in [&owner, &talker, &peer] {
        stage.give_key(chat, talker.session);
    }
    too_fast(&stage, &owner, chat, 8_000);
    stage.clock.advance(8_000);
    stage.say(&owner, chat, "e");
    too_fast(&stage, &owner, chat, 1_000);
    stage.clock.advance(1_000);
    stage.say(&owner, chat, "f");
    stage.say(&peer, chat, "g");
    too_fast(&stage, &peer, chat, 1_000);
}

#[test]
fn the_limits_are_settings_spec_6_6() {
    let stage = Stage::new();
    stage.set("sends_per_user", json!(2));
    stage.set("send_window_seconds", json!(3));
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("a-chat"));
    let talker = stage.talker(chat, BASIC);
    stage.say(&talker, chat, "a");
    stage.say(&talker, chat, "b");
    too_fast(&stage, &talker, chat, 3_000);
    stage.set("sends_per_user", json!(0));
    for _ in 0..20 {
        stage.say(&talker, chat, "c");
    }
}

#[test]
fn both_of_a_direct_chat_can_talk_there_and_nobody_else() {
    let stage = Stage::new();
    let chat = stage.direct(BASIC, STRANGER);
    for who in [BASIC, STRANGER] {
        let talker = stage.talker(chat, who);
        let params = json!({ "chat_id": chat, "content": envelope3(1, "hello") });
        stage.ok(&talker.actor, "message.send", params);
    }
    let params = json!({ "chat_id": chat, "content": envelope3(1, "hello") });
    let outsider = Actor::session(stage.session(ADMIN));
    stage.refused(&outsider, "message.send", params, "ERR_CHAT_NOT_FOUND");
}

/// Threads send while another moves the epoch on. Whatever the interleaving, a message of an epoch
/// stands before the first of the next, in the table and in the event log.
#[test]
fn no_message_of_an_epoch_is_stored_after_it_moved_on_spec_6_2() {
    const MOVES: u64 = 10;
    let stage = Stage::new();
    stage.set("sends_per_user", json!(0));
    stage.set("sends_per_chat", json!(0));
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("a-chat"));
    let owner = stage.talker(chat, PREMIUM);
    let others = [BASIC, MODERATOR, ADMIN].map(|who| stage.talker(chat, who));
    // Whoever was in the room gets each new key at once, as if the distributor were that quick.
    stage
        .raw()
        .execute_batch(
            "CREATE TRIGGER give_keys AFTER INSERT ON event WHEN NEW.name = 'room:epoch_changed'
             BEGIN
                 INSERT INTO key_blob (chat_id, epoch, session_id, publisher_user, publisher_session,
                   publisher_public_key, blob, at)
                 SELECT c.id, c.epoch, s.id, 1, 1, zeroblob(32), zeroblob(72), 0 FROM chat c, session s
                 WHERE c.id = NEW.chat_id;
             END",
        )
        .unwrap();
    let (done, stored, late) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
    let send = |talker: &Talker, epoch: u64| {
        let params = json!({ "chat_id": chat, "content": envelope(epoch, "race") });
        match stage.call(&talker.actor, "message.send", params) {
            Ok(_) => {
                stored.fetch_add(1, Ordering::SeqCst);
                epoch
            }
            Err(error) => {
                assert_eq!(error.kind().code(), "ERR_EPOCH_MISMATCH");
                late.fetch_add(1, Ordering::SeqCst);
                error.extras().epoch.unwrap()
            }
        }
    };
    std::thread::scope(|threads| {
        for talker in &others {
            let (send, done) = (&send, &done);
            threads.spawn(move || {
                let mut epoch = 1;
                for _ in 0..500 {
                    if done.load(Ordering::SeqCst) {
                        break;
                    }
                    epoch = send(talker, epoch);
                }
            });
        }
        for epoch in 1..=MOVES {
            for _ in 0..4 {
                assert_eq!(send(&owner, epoch), epoch);
            }
            let kick = json!({ "chat_id": chat, "user_id": OTHER });
            stage.ok(&owner.actor, "mod.kick", kick);
        }
        done.store(true, Ordering::SeqCst);
    });
    assert!(late.load(Ordering::SeqCst) > 0, "the race did not happen");
    let epochs: Vec<u64> = stage
        .raw()
        .prepare("SELECT epoch FROM message ORDER BY id")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert!(epochs.is_sorted(), "{epochs:?}");
    assert_eq!(epochs.len() as u64, stored.load(Ordering::SeqCst));
    let mut current = 1;
    let mut rest = epochs.iter();
    let mut after = 0;
    loop {
        let events = stage.events(after);
        let Some(last) = events.last() else { break };
        after = last["seq"].as_u64().unwrap();
        for event in events {
            match event["name"].as_str().unwrap() {
                "room:epoch_changed" => current = event["data"]["epoch"].as_u64().unwrap(),
                "message:new" => assert_eq!(rest.next(), Some(&current), "{event}"),
                _ => {}
            }
        }
    }
    assert_eq!((rest.next(), current), (None, MOVES + 1));
}
