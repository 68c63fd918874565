//! Hard mute, timeout, platform ban and warning (SPEC 4.3, 7.1): what they bring with them, how long they
//! last, who is told.

mod common;

use common::talk::{Talker, envelope};
use common::{ADMIN, BASIC, MODERATOR, OTHER, PREMIUM, STRANGER, Stage, user};
use portal_core::model::{ChatId, ChatType, ConnectionId, DAY, MINUTE, SECOND};
use portal_core::{Actor, Delivery, Follower};
use serde_json::{Value, json};

fn send(stage: &Stage, talker: &Talker, chat: ChatId) -> &'static str {
    let content = envelope(stage.epoch(chat), "hello");
    let params = json!({ "chat_id": chat, "content": content });
    match stage.call(&talker.actor, "message.send", params) {
        Ok(_) => "ok",
        Err(error) => error.kind().code(),
    }
}

fn act(stage: &Stage, name: &str, target: i64) -> Value {
    stage.ok(&user(ADMIN), name, json!({ "user_id": target }))
}

fn time_out(stage: &Stage, target: i64, seconds: i64) {
    let params = json!({ "user_id": target, "duration_seconds": seconds, "reason": "enough" });
    stage.ok(&user(MODERATOR), "mod.timeout", params);
}

/// Everything that is to be delivered now: to whom, what.
fn delivered(stage: &Stage, follower: &mut Follower) -> Vec<(Vec<ConnectionId>, String, Value)> {
    let batch = stage.portal.deliver(follower, 1000).unwrap();
    let told = batch.into_iter().map(|delivery| match delivery {
        Delivery::Send { to, name, data } => {
            (to, name.to_owned(), serde_json::from_str(&data).unwrap())
        }
        Delivery::Close { connection, reason } => {
            (vec![connection], "close".to_owned(), json!(reason))
        }
    });
    told.collect()
}

/// A suite 2 DIRECT chat of the two, both in it with the key.
fn direct(stage: &Stage, low: i64, high: i64) -> (ChatId, Talker, Talker) {
    let chat = stage.direct(low, high);
    let db = stage.raw();
    db.execute_batch("DROP TRIGGER chat_e2ee_is_fixed; UPDATE chat SET e2ee = 2;")
        .unwrap();
    (chat, stage.talker(chat, low), stage.talker(chat, high))
}

// Hard mute ---------------------------------------------------------------------------------------

#[test]
fn a_hard_mute_silences_everywhere_on_every_device_spec_7_1() {
    let stage = Stage::new();
    let open = stage.chat(ChatType::Public, PREMIUM, Some("a-chat"));
    let talkers = [stage.talker(open, BASIC), stage.talker(open, BASIC)];
    let (pair, in_direct, peer) = direct(&stage, BASIC, OTHER);
    act(&stage, "mod.hard_mute", BASIC);
    for talker in &talkers {
        assert_eq!(send(&stage, talker, open), "ERR_MUTED");
        let typing = json!({ "chat_id": open });
        stage.refused(&talker.actor, "room.typing", typing, "ERR_MUTED");
    }
    assert_eq!(send(&stage, &in_direct, pair), "ERR_MUTED");
    assert_eq!(send(&stage, &peer, pair), "ok");
    // Not by a device that comes later either.
    assert_eq!(send(&stage, &stage.talker(open, BASIC), open), "ERR_MUTED");
}

#[test]
fn a_hard_mute_ends_by_itself_without_a_tick_spec_7_3() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("a-chat"));
    let ben = stage.talker(chat, BASIC);
    act(&stage, "mod.hard_mute", BASIC);
    stage.clock.advance(299 * SECOND);
    let content = envelope(1, "hello");
    let params = json!({ "chat_id": chat, "content": content });
    let muted = stage.refused(&ben.actor, "message.send", params, "ERR_MUTED");
    assert_eq!(muted.extras().ttl_seconds, Some(1));
    stage.clock.advance(SECOND);
    assert_eq!(send(&stage, &ben, chat), "ok");
}

#[test]
fn a_second_hard_mute_replaces_the_end_of_the_first_spec_7_3() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("a-chat"));
    let ben = stage.talker(chat, BASIC);
    let hard_mute = |seconds: i64| {
        let params = json!({ "user_id": BASIC, "duration_seconds": seconds });
        stage.ok(&user(ADMIN), "mod.hard_mute", params);
    };
    hard_mute(0);
    stage.clock.advance(40 * DAY);
    assert_eq!(send(&stage, &ben, chat), "ERR_UNAUTHENTICATED");
    let ben = stage.talker(chat, BASIC);
    assert_eq!(send(&stage, &ben, chat), "ERR_MUTED");
    hard_mute(60);
    stage.clock.advance(MINUTE);
    assert_eq!(send(&stage, &ben, chat), "ok");
}

#[test]
fn a_chats_unmute_lifts_no_hard_mute_and_a_hard_unmute_no_chats_mute_spec_7_1() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("a-chat"));
    let ben = stage.talker(chat, BASIC);
    let here = json!({ "chat_id": chat, "user_id": BASIC });
    act(&stage, "mod.hard_mute", BASIC);
    stage.ok(&user(PREMIUM), "mod.mute", here.clone());
    stage.ok(&user(PREMIUM), "mod.unmute", here.clone());
    assert_eq!(send(&stage, &ben, chat), "ERR_MUTED");
    stage.ok(&user(PREMIUM), "mod.mute", here.clone());
    act(&stage, "mod.hard_unmute", BASIC);
    assert_eq!(send(&stage, &ben, chat), "ERR_MUTED");
    stage.ok(&user(PREMIUM), "mod.unmute", here);
    assert_eq!(send(&stage, &ben, chat), "ok");
}

#[test]
fn everyone_hears_of_a_hard_mute_and_nobody_why_spec_7_1() {
    let stage = Stage::new();
    let (_, ben) = stage.connect(BASIC);
    let guest = stage.portal.connect(&Actor::guest()).unwrap();
    let mut follower = stage.portal.follow(None).unwrap();
    let params = json!({ "user_id": BASIC, "reason": "a secret reason" });
    stage.ok(&user(ADMIN), "mod.hard_mute", params);
    act(&stage, "mod.hard_unmute", BASIC);
    let told = delivered(&stage, &mut follower);
    let names: Vec<_> = told.iter().map(|(_, name, _)| name.as_str()).collect();
    assert_eq!(names, ["user:hard_muted", "user:hard_unmuted"]);
    for (to, _, data) in &told {
        assert_eq!(to, &[ben, guest]);
        assert_eq!(data["user_id"], BASIC);
        assert!(!data.to_string().contains("secret"), "{data}");
    }
    let own = stage.ok(&user(BASIC), "user.punishments", json!({}));
    assert_eq!(own["rows"][0]["reason"], "a secret reason");
}

// Timeout and platform ban ------------------------------------------------------------------------

#[test]
fn a_timeout_ends_sessions_and_closes_sockets_at_once_spec_1_5() {
    let stage = Stage::new();
    let (first, second) = (stage.connect(BASIC), stage.connect(BASIC));
    let mut follower = stage.portal.follow(None).unwrap();
    time_out(&stage, BASIC, 60);
    for (session, connection) in [first, second] {
        for actor in [Actor::session(session), Actor::connection(connection)] {
            stage.refused(&actor, "user.me", json!({}), "ERR_UNAUTHENTICATED");
        }
    }
    let told = delivered(&stage, &mut follower);
    // They hear it before the sockets close.
    assert_eq!(told[0].0, [first.1, second.1]);
    assert_eq!(told[0].1, "user:timed_out");
    let closed: Vec<_> = told
        .iter()
        .filter(|(_, name, _)| name == "close")
        .map(|(to, _, why)| (to[0], why.as_str().unwrap()))
        .collect();
    assert_eq!(closed, [(first.1, "timed_out"), (second.1, "timed_out")]);
}

#[test]
fn there_is_no_signing_in_until_a_timeout_ends_by_itself_spec_7_1() {
    let stage = Stage::new();
    time_out(&stage, BASIC, 3600);
    let sign_in = || {
        let code = stage.ok(
            &Actor::operator(),
            "login_code.create",
            json!({ "user_id": BASIC }),
        );
        let params = json!({ "username": "ben-basic", "secret": code["code"] });
        stage.call(&Actor::guest(), "session.sign_in", params)
    };
    let refused = sign_in().unwrap_err();
    assert_eq!(refused.kind().code(), "ERR_TIMED_OUT");
    assert_eq!(refused.extras().ttl_seconds, Some(3600));
    stage.refused(&user(BASIC), "user.me", json!({}), "ERR_TIMED_OUT");
    stage.clock.advance(3600 * SECOND);
    sign_in().unwrap();
}

#[test]
fn whoever_is_shut_out_learns_why_and_nobody_else_spec_7_1() {
    for (name, told, code) in [
        ("mod.timeout", "user:timed_out", "ERR_TIMED_OUT"),
        ("mod.platform_ban", "user:banned", "ERR_BANNED"),
    ] {
        let stage = Stage::new();
        let (_, ben) = stage.connect(BASIC);
        stage.connect(OTHER);
        let mut follower = stage.portal.follow(None).unwrap();
        let params = json!({ "user_id": BASIC, "duration_seconds": 60, "reason": "enough of it" });
        stage.ok(&user(ADMIN), name, params);
        let all = delivered(&stage, &mut follower);
        let reading: Vec<_> = all
            .iter()
            .filter(|(_, _, data)| data.to_string().contains("enough"))
            .map(|(to, name, data)| (to.clone(), name.as_str(), &data["reason"]))
            .collect();
        assert_eq!(reading, [(vec![ben], told, &json!("enough of it"))]);
        // They can ask for it nowhere else: the refusal says it.
        let refused = stage.refused(&user(BASIC), "user.me", json!({}), code);
        assert_eq!(refused.extras().reason.as_deref(), Some("enough of it"));
    }
}

#[test]
fn a_second_timeout_or_ban_replaces_the_end_of_the_first_spec_7_3() {
    for (name, code) in [
        ("mod.timeout", "ERR_TIMED_OUT"),
        ("mod.platform_ban", "ERR_BANNED"),
    ] {
        let stage = Stage::new();
        for seconds in [3600, 60] {
            let params = json!({ "user_id": BASIC, "duration_seconds": seconds });
            stage.ok(&user(ADMIN), name, params);
        }
        stage.clock.advance(59 * SECOND);
        stage.refused(&user(BASIC), "user.me", json!({}), code);
        stage.clock.advance(SECOND);
        stage.ok(&user(BASIC), "user.me", json!({}));
    }
}

#[test]
fn the_chat_in_which_it_came_to_a_timeout_is_in_the_audit_log_spec_7_8() {
    let stage = Stage::new();
    let open = stage.chat(ChatType::Public, PREMIUM, Some("a-chat"));
    let pair = stage.direct(BASIC, OTHER);
    // The act ends the DIRECT chat itself; what was noted of it stays.
    for (chat, actor) in [(pair, Actor::operator()), (open, user(MODERATOR))] {
        let params = json!({ "user_id": BASIC, "duration_seconds": 60, "chat_id": chat });
        stage.ok(&actor, "mod.timeout", params);
        let page = stage.ok(
            &Actor::operator(),
            "audit.list",
            json!({ "action": "mod.timeout" }),
        );
        assert_eq!(page["rows"][0]["chat_id"], json!(chat));
    }
}

#[test]
fn a_timeout_is_lifted_and_a_ban_is_lifted_each_by_its_own_act_spec_7_1() {
    let stage = Stage::new();
    time_out(&stage, BASIC, 3600);
    act(&stage, "mod.platform_ban", BASIC);
    act(&stage, "mod.lift_timeout", BASIC);
    stage.refused(&user(BASIC), "user.me", json!({}), "ERR_BANNED");
    stage.clock.advance(4000 * DAY);
    stage.refused(&user(BASIC), "user.me", json!({}), "ERR_BANNED");
    act(&stage, "mod.platform_unban", BASIC);
    stage.ok(&user(BASIC), "user.me", json!({}));
    let events = stage.event_names(0);
    for told in ["user:timeout_lifted", "user:unbanned"] {
        assert!(events.iter().any(|name| name == told), "{told}");
    }
    // Lifting what does not hold says nothing new.
    let before = stage.as_of();
    act(&stage, "mod.platform_unban", BASIC);
    act(&stage, "mod.lift_timeout", BASIC);
    assert_eq!(stage.as_of(), before);
}

#[test]
fn whoever_is_shut_out_could_hold_no_key_any_more_spec_8_1() {
    for name in ["mod.timeout", "mod.platform_ban"] {
        let stage = Stage::new();
        let member_of = stage.chat(ChatType::Private, PREMIUM, None);
        stage.member(member_of, BASIC);
        let looked_into = stage.chat(ChatType::Public, PREMIUM, Some("a-chat"));
        stage.talker(looked_into, BASIC);
        let never_seen = stage.chat(ChatType::Public, PREMIUM, Some("b-chat"));
        let mut params = json!({ "user_id": BASIC });
        if name == "mod.timeout" {
            params["duration_seconds"] = json!(60);
        }
        stage.ok(&user(ADMIN), name, params);
        // At once, not gathered with what others do.
        assert_eq!(stage.epoch(member_of), 2, "{name}");
        assert_eq!(stage.epoch(looked_into), 2, "{name}");
        assert_eq!(stage.epoch(never_seen), 1, "{name}");
        let members = stage.ok(
            &user(PREMIUM),
            "member.list",
            json!({ "chat_id": member_of }),
        );
        assert_eq!(members["members"][0]["user_id"], BASIC, "{name}");
    }
}

#[test]
fn whoever_is_shut_out_loses_direct_chats_and_the_peer_is_told_spec_4_3() {
    let stage = Stage::new();
    let (chat, ..) = direct(&stage, BASIC, OTHER);
    let (_, elsewhere) = stage.connect(OTHER);
    let mut follower = stage.portal.follow(None).unwrap();
    time_out(&stage, BASIC, 60);
    stage.refused(
        &user(OTHER),
        "chat.get",
        json!({ "chat_id": chat }),
        "ERR_CHAT_NOT_FOUND",
    );
    let told = delivered(&stage, &mut follower);
    let left = told
        .iter()
        .find(|(_, name, _)| name == "room:peer_left")
        .unwrap();
    assert!(left.0.contains(&elsewhere));
    assert_eq!(left.2["grace_until_ms"], 0);
}

#[test]
fn an_owner_who_is_shut_out_keeps_the_chats_spec_4_2() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Private, PREMIUM, None);
    act(&stage, "mod.platform_ban", PREMIUM);
    let shown = stage.ok(&Actor::operator(), "chat.get", json!({ "chat_id": chat }));
    assert_eq!(shown["owner"], PREMIUM);
    assert_eq!(stage.epoch(chat), 2);
}

#[test]
fn a_stranger_who_is_shut_out_vanishes_spec_1_8() {
    let stage = Stage::new();
    time_out(&stage, STRANGER, 60);
    let gone = json!({ "user_id": STRANGER });
    stage.refused(&user(ADMIN), "user.get", gone, "ERR_USER_NOT_FOUND");
}

#[test]
fn how_long_each_act_may_hold_spec_7_1() {
    let stage = Stage::new();
    let timeout = |seconds: Value| {
        let mut params = json!({ "user_id": BASIC });
        if !seconds.is_null() {
            params["duration_seconds"] = seconds;
        }
        params
    };
    for (name, allowed, refused) in [
        (
            "mod.timeout",
            vec![json!(60), json!(2_592_000)],
            vec![json!(59), json!(2_592_001), json!(0), Value::Null],
        ),
        (
            "mod.hard_mute",
            vec![json!(0), json!(86_400), Value::Null],
            vec![json!(86_401), json!(-1)],
        ),
        (
            "mod.platform_ban",
            vec![json!(0), json!(2_592_000), Value::Null],
            vec![json!(2_592_001)],
        ),
    ] {
        for seconds in allowed {
            stage.ok(&user(ADMIN), name, timeout(seconds));
        }
        for seconds in refused {
            let error = stage.refused(&user(ADMIN), name, timeout(seconds), "ERR_INVALID");
            assert_eq!(
                error.extras().field.as_deref(),
                Some("duration_seconds"),
                "{name}"
            );
        }
    }
}

// Warning -----------------------------------------------------------------------------------------

#[test]
fn a_warning_reaches_its_person_with_the_reason_and_nobody_else_spec_7_1() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("a-chat"));
    let (ben, oskar) = (stage.talker(chat, BASIC), stage.talker(chat, OTHER));
    let mut follower = stage.portal.follow(None).unwrap();
    let params = json!({ "user_id": BASIC, "chat_id": chat, "reason": "mind your words" });
    let warned = stage.ok(&user(MODERATOR), "mod.warn", params);
    let told = delivered(&stage, &mut follower);
    assert_eq!(told[0].1, "user:warned");
    assert_eq!(told[0].0, [ben.connection]);
    assert_eq!(told[0].2["reason"], "mind your words");
    // The chat reads that, not why.
    assert_eq!(told[1].1, "message:new");
    assert!(told[1].0.contains(&oskar.connection));
    assert_eq!(told[1].2["message"]["code"], "warned");
    assert!(!told[1].2.to_string().contains("mind"), "{}", told[1].2);
    // It holds nobody back, and stays on record.
    assert_eq!(send(&stage, &ben, chat), "ok");
    let own = stage.ok(&user(BASIC), "user.punishments", json!({}));
    assert_eq!(own["rows"][0]["id"], warned["punishment_id"]);
    assert_eq!(
        (&own["rows"][0]["kind"], &own["rows"][0]["holds"]),
        (&json!("warn"), &json!(false))
    );
}

#[test]
fn a_warning_outlives_the_chat_that_it_named_spec_7_1() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("a-chat"));
    let params = json!({ "user_id": PREMIUM, "chat_id": chat, "reason": "mind your words" });
    stage.ok(&user(MODERATOR), "mod.warn", params);
    let before = stage.as_of();
    // The warned person owns the chat, and takes it away.
    stage.ok(&user(PREMIUM), "chat.destroy", json!({ "chat_id": chat }));
    let rows = stage.ok(
        &user(MODERATOR),
        "user.punishments",
        json!({ "user_id": PREMIUM }),
    );
    assert_eq!(rows["rows"][0]["reason"], "mind your words");
    assert_eq!(rows["rows"][0]["chat_id"], Value::Null);
    let earlier = stage.events(0);
    let kept = earlier
        .iter()
        .any(|event| event["name"] == "user:warned" && event["seq"].as_u64() <= Some(before));
    assert!(kept, "{earlier:?}");
}

#[test]
fn a_warning_needs_a_reason_spec_7_1() {
    let stage = Stage::new();
    for params in [
        json!({ "user_id": BASIC }),
        json!({ "user_id": BASIC, "reason": "  " }),
    ] {
        let error = stage.refused(&user(MODERATOR), "mod.warn", params, "ERR_INVALID");
        assert_eq!(error.extras().field.as_deref(), Some("reason"));
    }
}

// The record --------------------------------------------------------------------------------------

#[test]
fn each_act_everywhere_leaves_an_audit_row_and_no_reason_in_the_log_of_events_spec_7_1() {
    let stage = Stage::new();
    let acts = [
        ("mod.hard_mute", json!({ "reason": "a secret reason" })),
        ("mod.hard_unmute", json!({})),
        (
            "mod.timeout",
            json!({ "reason": "a secret reason", "duration_seconds": 60 }),
        ),
        ("mod.lift_timeout", json!({})),
        ("mod.platform_ban", json!({ "reason": "a secret reason" })),
        ("mod.platform_unban", json!({})),
        ("mod.warn", json!({ "reason": "a secret reason" })),
    ];
    for (name, mut params) in acts {
        params["user_id"] = json!(BASIC);
        stage.ok(&user(ADMIN), name, params.clone());
        let page = stage.ok(&Actor::operator(), "audit.list", json!({ "action": name }));
        let row = &page["rows"][0];
        assert_eq!(row["user_id"], ADMIN, "{name}");
        assert_eq!(row["target"], BASIC, "{name}");
        assert_eq!(row["details"]["reason"], params["reason"], "{name}");
    }
    let events = stage.events(0);
    assert!(
        events
            .iter()
            .all(|event| !event.to_string().contains("secret")),
        "{events:?}"
    );
}
