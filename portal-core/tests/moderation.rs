//! Kick, mute, unmute, ban, unban (SPEC 7.1-7.3), who is told why.

mod common;

use common::talk::envelope;
use common::{ADMIN, BASIC, LIFETIME, MODERATOR, OTHER, OWNER, PREMIUM, START, Stage, on, user};
use portal_core::Actor;
use portal_core::model::{ChatId, ChatType, SECOND};
use serde_json::json;

const ACTS: [&str; 5] = ["mod.kick", "mod.mute", "mod.unmute", "mod.ban", "mod.unban"];

fn public() -> (Stage, ChatId) {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("a-chat"));
    (stage, chat)
}

fn send(stage: &Stage, actor: &Actor, chat: ChatId) -> &'static str {
    let content = envelope(stage.epoch(chat), "hello");
    let params = json!({ "chat_id": chat, "content": content });
    stage.code(actor, "message.send", params)
}

#[test]
fn a_kick_takes_membership_seat_and_key_and_moves_the_epoch_spec_7_1() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Private, PREMIUM, None);
    stage.member(chat, BASIC);
    let owner = stage.talker(chat, PREMIUM);
    let (first, second) = (stage.talker(chat, BASIC), stage.talker(chat, BASIC));
    assert_eq!(send(&stage, &first.actor, chat), "ok");
    let before = stage.as_of();
    let mut kick = on(chat, BASIC);
    kick["reason"] = json!("spam");
    stage.ok(&owner.actor, "mod.kick", kick);
    let events = stage.events(before);
    assert_eq!(
        stage.event_names(before),
        [
            "room:kicked",
            "portal:key_removed",
            "portal:key_removed",
            "room:epoch_changed"
        ]
    );
    assert_eq!(
        events[0]["data"],
        json!({ "chat_id": chat, "user_id": BASIC })
    );
    let sessions = [first.session, second.session];
    for (event, session) in events[1..3].iter().zip(sessions) {
        assert_eq!(
            event["data"],
            json!({ "chat_id": chat, "user_id": BASIC, "session_id": session })
        );
    }
    assert_eq!(events[3]["data"]["reason"], "member_removed");
    assert_eq!(stage.epoch(chat), 2);
    // The chat is gone for them, at once, on every device.
    for gone in [&first, &second] {
        assert_eq!(send(&stage, &gone.actor, chat), "ERR_CHAT_NOT_FOUND");
    }
    // Let in again, they have no seat and no key.
    stage.member(chat, BASIC);
    assert_eq!(send(&stage, &first.actor, chat), "ERR_NOT_JOINED");
    stage.ok(&first.actor, "room.join", json!({ "chat_id": chat }));
    assert_eq!(send(&stage, &first.actor, chat), "ERR_NO_ROOM_KEY");
}

#[test]
fn the_distributors_own_key_goes_with_a_kick_spec_8_3() {
    let (stage, chat) = public();
    let distributor = stage.talker(chat, BASIC);
    let before = stage.as_of();
    stage.ok(&user(PREMIUM), "mod.kick", on(chat, BASIC));
    assert_eq!(
        stage.event_names(before),
        ["room:kicked", "portal:key_removed", "room:epoch_changed"]
    );
    let events = stage.events(before);
    assert_eq!(events[1]["data"]["session_id"], json!(distributor.session));
}

#[test]
fn whoever_is_put_out_is_not_asked_for_the_next_key_spec_8_4() {
    for act in ["mod.kick", "mod.ban"] {
        let (stage, chat) = public();
        let target = stage.talker(chat, BASIC);
        let other = stage.talker(chat, OTHER);
        for session in [target.session, other.session] {
            let sql = "UPDATE session SET public_key = randomblob(32) WHERE id = ?";
            stage.raw().execute(sql, [session.get()]).unwrap();
        }
        let before = stage.as_of();
        stage.ok(&user(PREMIUM), act, on(chat, BASIC));
        let moved = stage.events(before).pop().unwrap();
        assert_eq!(moved["data"]["distributor"], json!(other.session), "{act}");
    }
}

#[test]
fn a_kick_moves_the_epoch_even_of_somebody_never_seen_spec_8_1() {
    let (stage, chat) = public();
    stage.ok(&user(PREMIUM), "mod.kick", on(chat, BASIC));
    assert_eq!(stage.epoch(chat), 2);
}

#[test]
fn the_kicked_may_come_back_the_banned_may_not_spec_7_1() {
    let (stage, chat) = public();
    let talker = stage.talker(chat, BASIC);
    let room = json!({ "chat_id": chat });
    stage.ok(&user(PREMIUM), "mod.kick", on(chat, BASIC));
    assert_eq!(send(&stage, &talker.actor, chat), "ERR_NOT_JOINED");
    stage.ok(&talker.actor, "room.join", room.clone());
    let before = stage.as_of();
    stage.ok(&user(PREMIUM), "mod.ban", on(chat, BASIC));
    assert_eq!(
        stage.event_names(before),
        ["user:banned", "portal:key_removed", "room:epoch_changed"]
    );
    assert_eq!(
        stage.events(before)[0]["data"],
        json!({ "chat_id": chat, "user_id": BASIC, "until": null })
    );
    assert_eq!(stage.epoch(chat), 3);
    let elsewhere = Actor::session(stage.session(BASIC));
    for who in [&talker.actor, &elsewhere] {
        for name in ["room.join", "chat.get", "message.history"] {
            assert_eq!(stage.code(who, name, room.clone()), "ERR_BANNED");
        }
        assert_eq!(send(&stage, who, chat), "ERR_BANNED");
    }
    // Signed out they see what a guest sees (SPEC 4.4).
    stage.ok(&Actor::guest(), "message.history", room.clone());
    let before = stage.as_of();
    stage.ok(&user(PREMIUM), "mod.unban", on(chat, BASIC));
    stage.ok(&user(PREMIUM), "mod.unban", on(chat, BASIC));
    assert_eq!(stage.event_names(before), ["user:unbanned"]);
    stage.ok(&talker.actor, "room.join", room);
}

#[test]
fn for_the_banned_a_private_chat_does_not_exist_spec_4_4() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Private, PREMIUM, None);
    stage.member(chat, BASIC);
    stage.ok(&user(PREMIUM), "mod.ban", on(chat, BASIC));
    // Even if a membership came back.
    stage.member(chat, BASIC);
    let room = json!({ "chat_id": chat });
    stage.refused(&user(BASIC), "chat.get", room, "ERR_CHAT_NOT_FOUND");
}

#[test]
fn a_mute_silences_on_every_device_until_it_ends_spec_7_1() {
    let (stage, chat) = public();
    let other_chat = stage.chat(ChatType::Public, PREMIUM, Some("b-chat"));
    let (first, second) = (stage.talker(chat, BASIC), stage.talker(chat, BASIC));
    let there = stage.talker(other_chat, BASIC);
    let before = stage.as_of();
    stage.ok(&user(PREMIUM), "mod.mute", on(chat, BASIC));
    let until = START.plus(300 * SECOND).as_millis();
    assert_eq!(stage.event_names(before), ["user:muted"]);
    assert_eq!(
        stage.events(before)[0]["data"],
        json!({ "chat_id": chat, "user_id": BASIC, "until": until })
    );
    for talker in [&first, &second] {
        let params = json!({ "chat_id": chat, "content": envelope(1, "hello") });
        let error = stage.refused(&talker.actor, "message.send", params, "ERR_MUTED");
        assert_eq!(error.extras().ttl_seconds, Some(300));
    }
    assert_eq!(send(&stage, &there.actor, other_chat), "ok");
    // No seat, key or epoch is touched, and what is over is over without any sweep (SPEC 7.3).
    stage.clock.advance(300 * SECOND - 1);
    assert_eq!(send(&stage, &first.actor, chat), "ERR_MUTED");
    stage.clock.advance(1);
    assert_eq!(send(&stage, &first.actor, chat), "ok");
}

#[test]
fn muting_the_muted_replaces_the_end_spec_7_3() {
    let (stage, chat) = public();
    let talker = stage.talker(chat, BASIC);
    // Later, sooner, without end, and with one again.
    for (seconds, ttl) in [(500, 500), (60, 60), (0, 0), (5, 5)] {
        let mut mute = on(chat, BASIC);
        mute["duration_seconds"] = json!(seconds);
        stage.ok(&user(PREMIUM), "mod.mute", mute);
        let params = json!({ "chat_id": chat, "content": envelope(1, "hello") });
        let error = stage.refused(&talker.actor, "message.send", params, "ERR_MUTED");
        assert_eq!(error.extras().ttl_seconds, Some(ttl));
    }
    stage.clock.advance(5 * SECOND);
    assert_eq!(send(&stage, &talker.actor, chat), "ok");
}

#[test]
fn banning_the_banned_replaces_the_end_and_bans_run_out_spec_7_3() {
    let (stage, chat) = public();
    let room = json!({ "chat_id": chat });
    for seconds in [0, 60] {
        let mut ban = on(chat, BASIC);
        ban["duration_seconds"] = json!(seconds);
        stage.ok(&user(PREMIUM), "mod.ban", ban);
        stage.refused(&user(BASIC), "chat.get", room.clone(), "ERR_BANNED");
    }
    stage.clock.advance(60 * SECOND);
    stage.ok(&user(BASIC), "chat.get", room);
    // What ran out is nothing to lift.
    let before = stage.as_of();
    stage.ok(&user(PREMIUM), "mod.unban", on(chat, BASIC));
    assert_eq!(stage.as_of(), before);
}

#[test]
fn unmuting_lifts_the_chats_mute_and_not_a_hard_mute_spec_7_1() {
    let (stage, chat) = public();
    let talker = stage.talker(chat, BASIC);
    stage.ok(&user(PREMIUM), "mod.mute", on(chat, BASIC));
    let before = stage.as_of();
    stage.ok(&user(PREMIUM), "mod.unmute", on(chat, BASIC));
    stage.ok(&user(PREMIUM), "mod.unmute", on(chat, BASIC));
    assert_eq!(stage.event_names(before), ["user:unmuted"]);
    assert_eq!(send(&stage, &talker.actor, chat), "ok");
    stage
        .raw()
        .execute(
            "INSERT INTO punishment (user_id, kind, by_actor, at) VALUES (?, 'hard_mute', 'test', ?)",
            (BASIC, START.as_millis()),
        )
        .unwrap();
    stage.ok(&user(PREMIUM), "mod.unmute", on(chat, BASIC));
    assert_eq!(send(&stage, &talker.actor, chat), "ERR_MUTED");
}

#[test]
fn a_muted_owner_still_manages_spec_4_2() {
    let (stage, chat) = public();
    let owner = stage.talker(chat, PREMIUM);
    stage.ok(&user(MODERATOR), "mod.mute", on(chat, PREMIUM));
    assert_eq!(send(&stage, &owner.actor, chat), "ERR_MUTED");
    stage.ok(&owner.actor, "mod.kick", on(chat, BASIC));
    stage.ok(&owner.actor, "chat.clear", json!({ "chat_id": chat }));
}

#[test]
fn durations_have_bounds_spec_7_1() {
    let (stage, chat) = public();
    for (name, longest) in [("mod.mute", 86_400), ("mod.ban", 2_592_000)] {
        for (seconds, expected) in [
            (longest, "ok"),
            (longest + 1, "ERR_INVALID"),
            (-1, "ERR_INVALID"),
        ] {
            let mut act = on(chat, BASIC);
            act["duration_seconds"] = json!(seconds);
            assert_eq!(stage.code(&user(PREMIUM), name, act.clone()), expected);
            if expected == "ERR_INVALID" {
                let error = stage.refused(&user(PREMIUM), name, act, expected);
                assert_eq!(error.extras().field.as_deref(), Some("duration_seconds"));
            }
        }
    }
}

#[test]
fn a_direct_chat_takes_no_moderation_spec_7_2() {
    let stage = Stage::new();
    let chat = stage.direct(BASIC, OTHER);
    for act in ACTS {
        for (who, expected) in [
            (user(BASIC), "ERR_DIRECT_UNMODERATED"),
            (Actor::operator(), "ERR_DIRECT_UNMODERATED"),
            (user(OWNER), "ERR_CHAT_NOT_FOUND"),
            (Actor::guest(), "ERR_CHAT_NOT_FOUND"),
        ] {
            assert_eq!(stage.code(&who, act, on(chat, OTHER)), expected, "{act}");
            // Who the target is does not matter, not even whether there is one.
            assert_eq!(stage.code(&who, act, on(chat, 77)), expected, "{act}");
        }
    }
    assert_eq!(stage.epoch(chat), 1);
}

#[test]
fn whoever_does_not_moderate_is_refused_spec_4_1() {
    let stage = Stage::new();
    let open = stage.chat(ChatType::Public, PREMIUM, Some("a-chat"));
    let private = stage.chat(ChatType::Private, PREMIUM, None);
    stage.member(private, BASIC);
    for act in ACTS {
        for (who, chat, expected) in [
            (user(BASIC), open, "ERR_FORBIDDEN"),
            (user(BASIC), private, "ERR_FORBIDDEN"),
            (user(MODERATOR), private, "ERR_CHAT_NOT_FOUND"),
            (Actor::guest(), open, "ERR_UNAUTHENTICATED"),
        ] {
            for target in [OTHER, PREMIUM, 77] {
                assert_eq!(stage.code(&who, act, on(chat, target)), expected, "{act}");
            }
        }
        for (who, chat) in [
            (user(PREMIUM), open),
            (user(MODERATOR), open),
            (user(PREMIUM), private),
            (user(ADMIN), private),
            (Actor::operator(), private),
        ] {
            assert_eq!(
                stage.code(&who, act, on(chat, OTHER)),
                "ok",
                "{act} by {who:?}"
            );
        }
    }
}

#[test]
fn the_target_has_to_be_lawful_spec_4_2() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("a-chat"));
    let staffed = stage.chat(ChatType::Official, ADMIN, None);
    for act in ACTS {
        let evicts = matches!(act, "mod.kick" | "mod.ban");
        let owner = |otherwise| {
            if evicts {
                "ERR_TARGET_IS_OWNER"
            } else {
                otherwise
            }
        };
        for (who, chat, target, expected) in [
            // The owner: anyone whose role is not above their own, and not themself.
            (PREMIUM, chat, BASIC, "ok"),
            (PREMIUM, chat, LIFETIME, "ok"),
            (PREMIUM, chat, MODERATOR, "ERR_FORBIDDEN"),
            (PREMIUM, chat, PREMIUM, owner("ERR_FORBIDDEN")),
            (PREMIUM, chat, 77, "ERR_USER_NOT_FOUND"),
            // Everyone else: strictly below.
            (MODERATOR, chat, BASIC, "ok"),
            (MODERATOR, chat, MODERATOR, "ERR_FORBIDDEN"),
            (MODERATOR, chat, ADMIN, "ERR_FORBIDDEN"),
            (MODERATOR, chat, PREMIUM, owner("ok")),
            (ADMIN, staffed, MODERATOR, "ok"),
            (ADMIN, staffed, OWNER, "ERR_FORBIDDEN"),
            (OWNER, staffed, ADMIN, owner("ok")),
        ] {
            let answer = stage.code(&user(who), act, on(chat, target));
            assert_eq!(answer, expected, "{act} by {who} on {target}");
        }
        let operator = stage.code(&Actor::operator(), act, on(chat, PREMIUM));
        assert_eq!(operator, owner("ok"), "{act}");
    }
}

#[test]
fn a_reason_goes_to_the_target_and_staff_only_spec_7_1() {
    let (stage, chat) = public();
    let before = stage.as_of();
    for act in ["mod.kick", "mod.mute", "mod.ban"] {
        let mut params = on(chat, BASIC);
        params["reason"] = json!("because of spam");
        stage.ok(&user(PREMIUM), act, params.clone());
        params["reason"] = json!("x".repeat(501));
        let error = stage.refused(&user(PREMIUM), act, params, "ERR_INVALID");
        assert_eq!(error.extras().field.as_deref(), Some("reason"));
    }
    for event in stage.events(before) {
        assert!(!event.to_string().contains("spam"), "{event}");
    }
    // The target reads it, and staff who may act on them (SPEC 7.5).
    for (who, params) in [
        (user(BASIC), json!({})),
        (user(BASIC), json!({ "user_id": BASIC })),
        (user(MODERATOR), json!({ "user_id": BASIC })),
        (Actor::operator(), json!({ "user_id": BASIC })),
    ] {
        let page = stage.ok(&who, "user.punishments", params);
        let rows = page["rows"].as_array().unwrap();
        let kinds: Vec<_> = rows
            .iter()
            .map(|row| (&row["kind"], &row["holds"]))
            .collect();
        assert_eq!(
            json!(kinds),
            json!([["ban", true], ["mute", true], ["kick", false]])
        );
        assert!(rows.iter().all(|row| row["reason"] == "because of spam"));
    }
    for who in [user(PREMIUM), user(OTHER)] {
        let params = json!({ "user_id": BASIC });
        stage.refused(&who, "user.punishments", params, "ERR_FORBIDDEN");
    }
    let above = json!({ "user_id": ADMIN });
    stage.refused(&user(MODERATOR), "user.punishments", above, "ERR_FORBIDDEN");
    let page = stage.ok(&user(OTHER), "user.punishments", json!({}));
    assert_eq!(page["rows"], json!([]));
}

#[test]
fn every_act_leaves_an_audit_row_and_a_refused_one_none_spec_7_8() {
    let (stage, chat) = public();
    for act in ACTS {
        stage.code(&user(PREMIUM), act, on(chat, MODERATOR));
        let page = stage.ok(&Actor::operator(), "audit.list", json!({ "action": act }));
        assert_eq!(page["rows"], json!([]), "{act}");
        stage.ok(&user(PREMIUM), act, on(chat, BASIC));
        let page = stage.ok(&Actor::operator(), "audit.list", json!({ "action": act }));
        let row = &page["rows"][0];
        assert_eq!(page["rows"].as_array().unwrap().len(), 1, "{act}");
        assert_eq!(
            (
                &row["actor"],
                &row["user_id"],
                &row["chat_id"],
                &row["target"]
            ),
            (&json!("user"), &json!(PREMIUM), &json!(chat), &json!(BASIC))
        );
    }
}
