//! DIRECT chats from birth to destruction (SPEC 9.7 to 9.9, 9.12, 10.1).

mod common;

use common::{
    BASIC, LIFETIME, MODERATOR, OTHER, OWNER, PREMIUM, START, STRANGER, Stage, delivered, user,
};
use portal_core::model::{ChatId, ChatType, ConnectionId, DAY, HOUR, MINUTE, SECOND};
use portal_core::{Actor, Delivery, Follower};
use serde_json::{Value, json};

/// To whom, what, with which data.
type Sent = (Vec<ConnectionId>, String, Value);

/// What of it a connection receives.
fn received(sent: &[Sent], to: ConnectionId) -> Vec<(String, Value)> {
    let mine = sent.iter().filter(|(all, ..)| all.contains(&to));
    mine.map(|(_, name, data)| (name.clone(), data.clone()))
        .collect()
}

/// What a connection is told now, in the order in which it is.
fn told(stage: &Stage, follower: &mut Follower, to: ConnectionId) -> Vec<(String, Value)> {
    received(&delivered(stage, follower), to)
}

fn names(told: &[(String, Value)]) -> Vec<&str> {
    told.iter().map(|(name, _)| name.as_str()).collect()
}

fn at(chat: ChatId) -> Value {
    json!({ "chat_id": chat })
}

/// Rows of a chat that is gone, in whatever table.
fn leftovers(stage: &Stage, chat: ChatId) -> i64 {
    let db = stage.raw();
    let tables = "SELECT count(*) FROM (
        SELECT 1 FROM chat WHERE id = ?1 UNION ALL SELECT 1 FROM membership WHERE chat_id = ?1
        UNION ALL SELECT 1 FROM message WHERE chat_id = ?1 UNION ALL SELECT 1 FROM room_key WHERE chat_id = ?1
        UNION ALL SELECT 1 FROM key_blob WHERE chat_id = ?1 UNION ALL SELECT 1 FROM activity WHERE chat_id = ?1)";
    db.query_row(tables, [chat.get()], |row| row.get(0))
        .unwrap()
}

// Leaving -----------------------------------------------------------------------------------------

#[test]
fn leaving_destroys_the_chat_with_its_keys_and_tells_the_other_spec_9_8() {
    let stage = Stage::new();
    let (bens, oskars) = (stage.device(BASIC), stage.device(OTHER));
    assert_eq!(stage.partner(BASIC, &["music"]), Ok(None));
    let found = stage.enqueue(OTHER, &["music"]);
    let chat = ChatId::try_from(found["chat"]["chat_id"].as_i64().unwrap()).unwrap();
    stage.publish(&bens, chat, &[&oskars]);
    assert!(stage.holds(&oskars, chat));
    let (ben, oskar) = (bens.connection, oskars.connection);
    let (_, elsewhere) = stage.connect(OTHER);
    let mut follower = stage.portal.follow(None).unwrap();
    let reply = stage.ok(&user(BASIC), "match.leave", json!({}));
    assert_eq!(reply, at(chat));
    let all = delivered(&stage, &mut follower);
    let of = |to: ConnectionId| received(&all, to);
    assert_eq!(
        names(&of(oskar)),
        ["room:peer_left", "match:ended", "room:destroyed"]
    );
    // A connection that is not in the room hears of it too.
    assert_eq!(names(&of(elsewhere)), ["room:peer_left", "match:ended"]);
    assert_eq!(names(&of(ben)), ["match:ended", "room:destroyed"]);
    let (_, left) = &of(oskar)[0];
    assert_eq!(
        (&left["chat_id"], &left["grace_until_ms"]),
        (&json!(chat), &json!(0))
    );
    assert_eq!(of(oskar)[1].1["reason"], "peer_left");
    assert_eq!(of(ben)[0].1["reason"], "left");
    assert_eq!(leftovers(&stage, chat), 0);
    for name in ["message.history", "key.list", "chat.get"] {
        for who in [ben, oskar] {
            stage.refused(
                &Actor::connection(who),
                name,
                at(chat),
                "ERR_CHAT_NOT_FOUND",
            );
        }
    }
    assert_eq!(stage.match_state(OTHER), "idle");
}

#[test]
fn without_a_name_the_only_match_is_left_spec_9_8() {
    let stage = Stage::new();
    let leave = |params: Value| stage.code(&user(PREMIUM), "match.leave", params);
    assert_eq!(leave(json!({})), "ERR_MATCH_NO_ACTIVE_DIRECT");
    let (.., first) = stage.matched(PREMIUM, BASIC);
    let (.., second) = stage.matched(PREMIUM, OTHER);
    assert_eq!(leave(json!({})), "ERR_MATCH_AMBIGUOUS");
    assert_eq!(leave(at(first)), "ok");
    assert_eq!(leave(at(first)), "ERR_CHAT_NOT_FOUND");
    assert_eq!(leave(json!({})), "ok");
    assert_eq!(leave(at(second)), "ERR_CHAT_NOT_FOUND");
    assert_eq!(stage.match_state(BASIC), "idle");
}

#[test]
fn nobody_leaves_others_matches_or_other_chats_this_way_spec_9_8() {
    let stage = Stage::new();
    let (.., chat) = stage.matched(BASIC, OTHER);
    let square = stage.chat(ChatType::Public, PREMIUM, Some("a-square"));
    stage.refused(
        &user(PREMIUM),
        "match.leave",
        at(chat),
        "ERR_CHAT_NOT_FOUND",
    );
    stage.refused(
        &user(PREMIUM),
        "match.leave",
        at(square),
        "ERR_CHAT_NOT_FOUND",
    );
    stage.refused(
        &Actor::guest(),
        "match.leave",
        json!({}),
        "ERR_UNAUTHENTICATED",
    );
    stage.refused(&Actor::operator(), "match.leave", at(chat), "ERR_FORBIDDEN");
    assert_eq!(stage.peers(BASIC), [OTHER]);
}

#[test]
fn whoever_is_shut_out_or_deleted_leaves_their_matches_and_the_other_learns_no_more_spec_4_3() {
    for (name, params) in [
        (
            "mod.timeout",
            json!({ "user_id": BASIC, "duration_seconds": 60 }),
        ),
        ("mod.platform_ban", json!({ "user_id": BASIC })),
        ("user.delete", json!({ "user_id": BASIC })),
    ] {
        let stage = Stage::new();
        let (_, oskar, chat) = stage.matched(BASIC, OTHER);
        let mut follower = stage.portal.follow(None).unwrap();
        stage.ok(&user(OWNER), name, params);
        let told = told(&stage, &mut follower, oskar);
        assert_eq!(
            names(&told)[..2],
            ["room:peer_left", "match:ended"],
            "{name}"
        );
        assert_eq!(told[1].1["reason"], "peer_left", "{name}");
        assert_eq!(leftovers(&stage, chat), 0, "{name}");
    }
}

#[test]
fn a_slot_that_a_match_gives_back_is_used_by_whoever_waits_for_it_spec_9_5() {
    let stage = Stage::new();
    let (.., chat) = stage.matched(BASIC, OTHER);
    // Ben waits without a slot, as after a tier that ran out.
    stage
        .raw()
        .execute_batch(&format!(
            "INSERT INTO match_entry (user_id, interests, since, expires_at) VALUES ({BASIC}, '[\"tea\"]', 0, 9000000000000)"
        ))
        .unwrap();
    let (_, waits) = stage.seek(PREMIUM, &["tea"]);
    assert_eq!(waits["state"], "searching");
    stage.ok(&user(OTHER), "match.leave", at(chat));
    stage.after(SECOND);
    assert_eq!(stage.peers(BASIC), [PREMIUM]);
}

// Losing the connection ---------------------------------------------------------------------------

#[test]
fn a_lost_connection_starts_a_minute_of_grace_and_coming_back_ends_it_spec_9_9() {
    let stage = Stage::new();
    let (ben, oskar, chat) = stage.matched(BASIC, OTHER);
    let mut follower = stage.portal.follow(None).unwrap();
    stage.clock.advance(SECOND);
    stage.portal.disconnect(ben).unwrap();
    let lost = told(&stage, &mut follower, oskar);
    assert_eq!(names(&lost), ["room:peer_left", "message:new"]);
    let until = START.plus(SECOND + MINUTE);
    assert_eq!(lost[0].1["grace_until_ms"], json!(until));
    assert_eq!(
        stage.match_status(OTHER)["chats"][0]["peer_grace_until"],
        json!(until)
    );
    assert_eq!(
        stage.match_status(BASIC)["chats"][0]["peer_grace_until"],
        Value::Null
    );
    stage.after(MINUTE - 1);
    let (_, again) = stage.connect(BASIC);
    stage.ok(&Actor::connection(again), "room.join", at(chat));
    let back = told(&stage, &mut follower, oskar);
    assert_eq!(names(&back), ["room:peer_returned"]);
    stage.after(HOUR);
    assert_eq!(stage.peers(OTHER), [BASIC], "nothing is left of the grace");
    assert_eq!(
        stage.match_status(OTHER)["chats"][0]["peer_grace_until"],
        Value::Null
    );
}

#[test]
fn a_grace_that_runs_out_destroys_the_chat_spec_9_9() {
    let stage = Stage::new();
    let (ben, oskar, chat) = stage.matched(BASIC, OTHER);
    stage.portal.disconnect(ben).unwrap();
    // Connected, but not in the room: that is not back.
    let (_, elsewhere) = stage.connect(BASIC);
    let mut follower = stage.portal.follow(None).unwrap();
    let next = stage.portal.tick().unwrap();
    assert!(
        next <= START.plus(MINUTE),
        "housekeeping wants to be there: {next:?}"
    );
    stage.after(MINUTE - 1);
    assert_eq!(stage.peers(OTHER), [BASIC]);
    stage.after(1);
    let all = delivered(&stage, &mut follower);
    let of = |to: ConnectionId| received(&all, to);
    assert_eq!(
        names(&of(oskar)),
        ["room:peer_left", "match:ended", "room:destroyed"]
    );
    assert_eq!(of(oskar)[0].1["grace_until_ms"], 0);
    assert_eq!(of(oskar)[1].1["reason"], "peer_stayed_away");
    assert_eq!(of(elsewhere)[0].1["reason"], "stayed_away");
    assert_eq!(leftovers(&stage, chat), 0);
}

#[test]
fn tabs_count_as_one_spec_9_9() {
    let stage = Stage::new();
    let (ben, oskar, chat) = stage.matched(BASIC, OTHER);
    let (_, tab) = stage.connect(BASIC);
    stage.ok(&Actor::connection(tab), "room.join", at(chat));
    let mut follower = stage.portal.follow(None).unwrap();
    stage.portal.disconnect(ben).unwrap();
    assert_eq!(names(&told(&stage, &mut follower, oskar)), [""; 0]);
    // Taking the last tab out of the room is losing the last connection to the chat.
    stage.ok(&Actor::connection(tab), "room.leave", at(chat));
    let lost = told(&stage, &mut follower, oskar);
    assert_eq!(names(&lost), ["room:peer_left", "message:new"]);
    // Leaving for good in one ends it for all.
    stage.ok(&Actor::connection(tab), "match.leave", json!({}));
    assert_eq!(leftovers(&stage, chat), 0);
}

#[test]
fn both_may_stay_away_spec_9_9() {
    let stage = Stage::new();
    let (ben, oskar, chat) = stage.matched(BASIC, OTHER);
    stage.portal.forget(ben);
    stage.clock.advance(SECOND);
    stage.portal.forget(oskar);
    stage.portal.tick().unwrap();
    stage.after(MINUTE);
    assert_eq!(leftovers(&stage, chat), 0);
    assert_eq!(
        (stage.match_state(BASIC), stage.match_state(OTHER)),
        ("idle".into(), "idle".into())
    );
}

#[test]
fn a_session_that_ends_is_a_connection_lost_spec_9_9() {
    let stage = Stage::new();
    let (ben, oskar, _) = stage.matched(BASIC, OTHER);
    let mut follower = stage.portal.follow(None).unwrap();
    stage.ok(&Actor::connection(ben), "session.logout", json!({}));
    stage.portal.tick().unwrap();
    let lost = told(&stage, &mut follower, oskar);
    assert!(names(&lost).contains(&"room:peer_left"), "{lost:?}");
    stage.after(MINUTE);
    assert_eq!(stage.match_state(OTHER), "idle");
}

#[test]
fn whoever_is_matched_without_a_connection_starts_in_grace_spec_9_4() {
    let stage = Stage::new();
    let (ben, _) = stage.seek(BASIC, &["music"]);
    stage.portal.disconnect(ben).unwrap();
    stage.clock.advance(10 * SECOND);
    let (_, oskar) = stage.connect(OTHER);
    let mut follower = stage.portal.follow(None).unwrap();
    let found = stage.enqueue(OTHER, &["music"]);
    let oskar = told(&stage, &mut follower, oskar);
    assert_eq!(
        names(&oskar),
        ["match:found", "message:new", "room:peer_left"]
    );
    let until = START.plus(10 * SECOND + MINUTE);
    assert_eq!(found["chat"]["peer_grace_until"], json!(until));
    stage.after(MINUTE - 1);
    assert_eq!(stage.peers(OTHER), [BASIC]);
    let messages = stage.ok(
        &user(OTHER),
        "message.history",
        json!({ "chat_id": found["chat"]["chat_id"] }),
    );
    let messages = messages["messages"].as_array().unwrap();
    assert_eq!(
        messages.len(),
        1,
        "who never came has not left: {messages:?}"
    );
    stage.after(1);
    assert_eq!(stage.match_state(OTHER), "idle");
}

#[test]
fn a_match_made_by_another_process_puts_the_connections_into_the_room_spec_9_4() {
    let stage = Stage::new();
    let (_, ben) = stage.connect(BASIC);
    let beside = stage.beside();
    let mut follower = stage.portal.follow(None).unwrap();
    let interests = r#"{"interests":["music"]}"#;
    beside
        .call_json(&user(BASIC), "match.enqueue", interests)
        .unwrap();
    let found = beside
        .call_json(&user(OTHER), "match.enqueue", interests)
        .unwrap();
    let found: Value = serde_json::from_str(&found).unwrap();
    let told = told(&stage, &mut follower, ben);
    assert_eq!(names(&told), ["match:queued", "match:found", "message:new"]);
    let chat = json!({ "chat_id": found["chat"]["chat_id"] });
    stage.ok(&Actor::connection(ben), "room.typing", chat);
    // Nobody has seen the other here: they are away.
    stage.portal.tick().unwrap();
    let status = stage.match_status(BASIC);
    assert_eq!(
        status["chats"][0]["peer_grace_until"],
        json!(START.plus(MINUTE))
    );
}

// The end -----------------------------------------------------------------------------------------

#[test]
fn a_direct_chat_ends_by_itself_after_a_day_spec_9_12() {
    let stage = Stage::new();
    let (ben, oskar, chat) = stage.matched(BASIC, OTHER);
    let mut follower = stage.portal.follow(None).unwrap();
    stage.after(DAY - 1);
    assert_eq!(stage.peers(BASIC), [OTHER]);
    stage.after(1);
    assert_eq!(leftovers(&stage, chat), 0);
    let all = delivered(&stage, &mut follower);
    for who in [ben, oskar] {
        let mine = all.iter().filter(|(all, ..)| all.contains(&who));
        let mine: Vec<_> = mine
            .map(|(_, name, data)| (name.as_str(), &data["reason"]))
            .collect();
        assert_eq!(
            mine,
            [
                ("match:ended", &json!("expired")),
                ("room:destroyed", &Value::Null)
            ]
        );
    }
}

#[test]
fn any_process_ends_a_chat_after_a_day_and_only_the_holder_of_presence_a_grace_spec_10_1() {
    let stage = Stage::new();
    let (ben, ..) = stage.matched(BASIC, OTHER);
    stage.portal.disconnect(ben).unwrap();
    let beside = stage.beside();
    stage.clock.advance(2 * MINUTE);
    beside.tick().unwrap();
    assert_eq!(stage.peers(OTHER), [BASIC], "not theirs to judge");
    stage.clock.advance(DAY);
    beside.tick().unwrap();
    assert_eq!(stage.match_state(OTHER), "idle");
}

#[test]
fn taking_up_presence_replaces_graces_by_fresh_ones_spec_10_1() {
    let stage = Stage::new();
    let (ben, _, chat) = stage.matched(BASIC, OTHER);
    let (.., second) = stage.matched(PREMIUM, LIFETIME);
    stage.portal.disconnect(ben).unwrap();
    stage.clock.advance(59 * SECOND);
    let stage = stage.reopened(true);
    let now = stage.portal.now();
    for who in [BASIC, OTHER, PREMIUM, LIFETIME] {
        let grace = &stage.match_status(who)["chats"][0]["peer_grace_until"];
        assert_eq!(*grace, json!(now.plus(MINUTE)), "{who}");
    }
    for who in [BASIC, OTHER, PREMIUM] {
        let (_, connection) = stage.connect(who);
        let chat = if who == PREMIUM { second } else { chat };
        stage.ok(&Actor::connection(connection), "room.join", at(chat));
    }
    stage.after(MINUTE);
    assert_eq!(stage.peers(BASIC), [OTHER]);
    assert_eq!(
        stage.match_state(PREMIUM),
        "idle",
        "the other has not come back"
    );
}

#[test]
fn a_stranger_vanishes_once_the_last_chat_is_over_spec_1_8() {
    let stage = Stage::new();
    let (quiet, ..) = stage.matched(STRANGER, BASIC);
    stage.ok(&Actor::connection(quiet), "session.logout", json!({}));
    stage
        .raw()
        .execute("DELETE FROM session WHERE user_id = ?", [STRANGER])
        .unwrap();
    stage.portal.tick().unwrap();
    let there = |stage: &Stage| -> bool {
        let sql = "SELECT EXISTS (SELECT 1 FROM user WHERE id = ?)";
        stage
            .raw()
            .query_row(sql, [STRANGER], |row| row.get(0))
            .unwrap()
    };
    assert!(there(&stage), "a DIRECT chat still waits for them");
    stage.after(MINUTE);
    assert!(!there(&stage));
    assert_eq!(stage.match_state(BASIC), "idle");
}

#[test]
fn a_hard_mute_silences_in_a_direct_chat_too_spec_7_2() {
    let stage = Stage::new();
    let (ben, _, chat) = stage.matched(BASIC, OTHER);
    stage.ok(&user(OWNER), "mod.hard_mute", json!({ "user_id": BASIC }));
    stage.refused(
        &Actor::connection(ben),
        "room.typing",
        at(chat),
        "ERR_MUTED",
    );
    for act in ["mod.kick", "mod.mute", "mod.ban"] {
        let params = json!({ "chat_id": chat, "user_id": BASIC });
        stage.refused(
            &Actor::operator(),
            act,
            params.clone(),
            "ERR_DIRECT_UNMODERATED",
        );
        stage.refused(&user(MODERATOR), act, params, "ERR_CHAT_NOT_FOUND");
    }
}

#[test]
fn who_was_away_reads_in_the_replay_that_they_were_matched_spec_12_2() {
    let stage = Stage::new();
    let (ben, _) = stage.seek(BASIC, &["music"]);
    stage.portal.disconnect(ben).unwrap();
    let after = stage.as_of();
    let (_, found) = stage.seek(OTHER, &["music"]);
    let (_, again) = stage.connect(BASIC);
    let missed = stage.portal.replay(again, None, after).unwrap().deliveries;
    let names: Vec<_> = missed
        .iter()
        .map(|delivery| match delivery {
            Delivery::Send { name, data, .. } => {
                let data: Value = serde_json::from_str(data).unwrap();
                (*name, data["chat_id"].clone())
            }
            Delivery::Close { .. } => panic!("nothing closes"),
        })
        .collect();
    assert_eq!(names[0], ("match:found", found["chat"]["chat_id"].clone()));
    // A match that is over by then is not told any more; that it is over, is.
    stage.ok(&user(OTHER), "match.leave", json!({}));
    let missed = stage.portal.replay(again, None, after).unwrap().deliveries;
    assert!(
        missed.iter().all(
            |delivery| !matches!(delivery, Delivery::Send { name, .. } if *name == "match:found")
        ),
        "{missed:?}"
    );
}
