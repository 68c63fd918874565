//! Membership: leaving, the operator's hand, and who is shown it (SPEC 3.2a, 3.10).

mod common;

use common::{ADMIN, BASIC, LIFETIME, MODERATOR, OTHER, OWNER, PREMIUM, STRANGER, Stage, user};
use portal_core::Actor;
use portal_core::model::{ChatId, ChatType, MINUTE, SECOND, SessionId};
use serde_json::{Value, json};

fn at(chat: ChatId) -> Value {
    json!({ "chat_id": chat })
}

fn names(events: &[Value]) -> Vec<&str> {
    events
        .iter()
        .map(|event| event["name"].as_str().unwrap())
        .collect()
}

fn epoch(stage: &Stage, chat: ChatId) -> i64 {
    stage.ok(&Actor::operator(), "chat.get", at(chat))["epoch"]
        .as_i64()
        .unwrap()
}

/// Gives a session a public key and the chat's key, past the rules.
fn hold_key(stage: &Stage, chat: ChatId, session: SessionId) {
    let db = stage.raw();
    db.execute(
        "UPDATE session SET public_key = zeroblob(32) WHERE id = ?",
        [session.get()],
    )
    .unwrap();
    db.execute(
        "INSERT INTO key_blob (chat_id, epoch, session_id, publisher_user, publisher_session, publisher_public_key, blob, at)
         VALUES (?, 1, ?, 1, 1, zeroblob(32), zeroblob(72), 0)",
        [chat.get(), session.get()],
    )
    .unwrap();
}

#[test]
fn leaving_ends_the_membership_for_good_spec_3_2a() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Private, PREMIUM, None);
    stage.member(chat, BASIC);
    let (session, connection) = stage.connect(BASIC);
    stage.ok(&Actor::connection(connection), "room.join", at(chat));
    hold_key(&stage, chat, session);
    let before = stage.as_of();
    stage.ok(&user(BASIC), "chat.leave", at(chat));

    let events = stage.events(before);
    assert_eq!(
        names(&events),
        [
            "room:evicted",
            "message:new",
            "portal:key_removed",
            "room:epoch_changed"
        ]
    );
    assert_eq!(
        events[0]["data"],
        json!({ "chat_id": chat, "reason": "left", "user_id": BASIC })
    );
    assert_eq!(
        events[2]["data"],
        json!({ "chat_id": chat, "user_id": BASIC, "session_id": session })
    );
    assert_eq!(events[3]["data"]["reason"], "member_left");
    stage.refused(&user(BASIC), "chat.get", at(chat), "ERR_CHAT_NOT_FOUND");
    let said = stage.ok(&user(PREMIUM), "message.history", at(chat))["messages"][0].clone();
    assert_eq!(
        (&said["code"], &said["content"]),
        (&json!("left"), &json!("ben-basic left"))
    );
    let row: (String, i64) = stage
        .raw()
        .query_row(
            "SELECT kind, user_id FROM activity ORDER BY id DESC LIMIT 1",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .unwrap();
    assert_eq!(row, ("leave".to_owned(), BASIC));
}

#[test]
fn who_leaves_is_out_of_the_room_spec_10_0() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("a-chat"));
    stage.member(chat, BASIC);
    let (_, connection) = stage.connect(BASIC);
    stage.ok(&Actor::connection(connection), "room.join", at(chat));
    let viewers = || {
        stage.ok(&Actor::guest(), "directory.list", json!({}))["chats"][0]["viewer_count"].clone()
    };
    assert_eq!(viewers(), 1);
    stage.ok(&user(BASIC), "chat.leave", at(chat));
    assert_eq!(viewers(), 0);
}

#[test]
fn moves_of_leavers_are_gathered_spec_8_6a() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Private, PREMIUM, None);
    stage.member(chat, BASIC);
    stage.member(chat, OTHER);
    stage.ok(&user(BASIC), "chat.leave", at(chat));
    let after_first = epoch(&stage, chat);
    stage.clock.advance(SECOND);
    stage.ok(&user(OTHER), "chat.leave", at(chat));
    assert_eq!(
        epoch(&stage, chat),
        after_first,
        "less than 10 s after the last"
    );
    let (due, reason): (i64, String) = stage
        .raw()
        .query_row("SELECT move_due_at, move_reason FROM chat", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .unwrap();
    assert_eq!(
        (due - common::START.as_millis(), reason.as_str()),
        (10 * SECOND, "member_left")
    );
}

#[test]
fn an_owner_cannot_leave_and_others_lose_nothing_by_it_spec_3_2a() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("a-chat"));
    stage.refused(
        &user(PREMIUM),
        "chat.leave",
        at(chat),
        "ERR_OWNER_CANNOT_LEAVE",
    );
    stage.refused(
        &Actor::guest(),
        "chat.leave",
        at(chat),
        "ERR_UNAUTHENTICATED",
    );
    let before = stage.as_of();
    stage.ok(&user(BASIC), "chat.leave", at(chat));
    assert_eq!(stage.as_of(), before, "who was no member leaves nothing");
}

#[test]
fn leaving_a_direct_chat_destroys_it_and_tells_the_other_spec_8_1() {
    for (leaver, stays) in [(BASIC, OTHER), (OTHER, BASIC)] {
        let stage = Stage::new();
        let chat = stage.direct(BASIC, OTHER);
        let before = stage.as_of();
        stage.ok(&user(leaver), "chat.leave", at(chat));
        let events = stage.events(before);
        assert_eq!(
            names(&events),
            [
                "room:peer_left",
                "match:ended",
                "match:ended",
                "room:destroyed"
            ]
        );
        assert_eq!(
            events[0]["data"],
            json!({ "chat_id": chat, "user_id": stays, "grace_until_ms": 0 })
        );
        stage.refused(&user(stays), "chat.get", at(chat), "ERR_CHAT_NOT_FOUND");
    }
}

#[test]
fn a_third_cannot_leave_a_direct_chat_for_the_two() {
    let stage = Stage::new();
    let chat = stage.direct(BASIC, OTHER);
    stage.refused(&user(OWNER), "chat.leave", at(chat), "ERR_CHAT_NOT_FOUND");
    stage.ok(&user(BASIC), "chat.get", at(chat));
}

#[test]
fn joining_and_leaving_are_said_once_in_ten_minutes_spec_10_4() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Private, PREMIUM, None);
    let there_and_back = || {
        let member = json!({ "chat_id": chat, "user_id": BASIC });
        stage.ok(&Actor::operator(), "member.add", member);
        stage.ok(&user(BASIC), "chat.leave", at(chat));
    };
    let said = || {
        let count = "SELECT count(*) FROM message WHERE code IN ('joined', 'left')";
        let rows = "SELECT count(*) FROM activity";
        [count, rows]
            .map(|sql| -> i64 { stage.raw().query_row(sql, [], |row| row.get(0)).unwrap() })
    };
    there_and_back();
    there_and_back();
    assert_eq!(said(), [2, 2]);
    stage.clock.advance(10 * MINUTE);
    there_and_back();
    assert_eq!(said(), [4, 4]);
}

#[test]
fn the_operator_adds_and_removes_members_spec_3_2a() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Private, PREMIUM, None);
    let who = json!({ "chat_id": chat, "user_id": BASIC });
    let before = stage.as_of();
    let operator = Actor::operator();
    assert_eq!(
        stage.ok(&operator, "member.add", who.clone())["added"],
        true
    );
    assert_eq!(
        names(&stage.events(before)),
        ["room:member_added", "message:new"]
    );
    assert_eq!(
        stage.ok(&operator, "member.add", who.clone())["added"],
        false
    );
    stage.ok(&user(BASIC), "chat.get", at(chat));

    let before = stage.as_of();
    assert_eq!(
        stage.ok(&operator, "member.remove", who.clone())["removed"],
        true
    );
    let events = stage.events(before);
    assert_eq!(
        names(&events),
        ["room:evicted", "message:new", "room:epoch_changed"]
    );
    assert_eq!(events[0]["data"]["reason"], "removed");
    assert_eq!(events[2]["data"]["reason"], "member_removed");
    assert_eq!(
        stage.ok(&operator, "member.remove", who.clone())["removed"],
        false
    );
    stage.refused(&user(BASIC), "chat.get", at(chat), "ERR_CHAT_NOT_FOUND");
    for name in ["member.add", "member.remove"] {
        stage.refused(&user(OWNER), name, who.clone(), "ERR_FORBIDDEN");
        stage.refused(&user(PREMIUM), name, who.clone(), "ERR_FORBIDDEN");
    }
}

#[test]
fn by_hand_too_the_rules_of_membership_hold_spec_3_2() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Private, PREMIUM, None);
    let direct = stage.direct(BASIC, OTHER);
    stage
        .raw()
        .execute(
            "INSERT INTO punishment (user_id, chat_id, kind, by_actor, at) VALUES (?, ?, 'ban', 'operator', 0)",
            [LIFETIME, chat.get()],
        )
        .unwrap();
    for (name, chat, who, code) in [
        ("member.add", chat, STRANGER, "ERR_STRANGER_FORBIDDEN"),
        ("member.add", chat, LIFETIME, "ERR_BANNED"),
        ("member.add", direct, LIFETIME, "ERR_FORBIDDEN"),
        ("member.remove", chat, PREMIUM, "ERR_TARGET_IS_OWNER"),
        ("member.remove", direct, BASIC, "ERR_DIRECT_UNMODERATED"),
    ] {
        let params = json!({ "chat_id": chat, "user_id": who });
        stage.refused(&Actor::operator(), name, params, code);
    }
    let owner = json!({ "chat_id": chat, "user_id": PREMIUM });
    assert_eq!(
        stage.ok(&Actor::operator(), "member.add", owner)["added"],
        false
    );
}

#[test]
fn a_joiner_moves_the_epoch_where_history_is_hidden_spec_8_1() {
    let stage = Stage::new();
    let open = stage.chat(ChatType::Private, PREMIUM, None);
    let hidden = stage.chat(ChatType::Private, PREMIUM, None);
    let hide = json!({ "chat_id": hidden, "chat_config": { "history_visible": false } });
    stage.ok(&user(PREMIUM), "chat.update", hide);
    for chat in [open, hidden] {
        let who = json!({ "chat_id": chat, "user_id": BASIC });
        stage.ok(&Actor::operator(), "member.add", who);
    }
    assert_eq!((epoch(&stage, open), epoch(&stage, hidden)), (1, 2));
}

#[test]
fn members_are_shown_to_those_who_belong_or_look_after() {
    let stage = Stage::new();
    let closed = stage.chat(ChatType::Private, PREMIUM, None);
    let open = stage.chat(ChatType::Public, PREMIUM, Some("open"));
    for chat in [closed, open] {
        stage.member(chat, BASIC);
        for who in [PREMIUM, BASIC, ADMIN] {
            stage.inspect(&user(who), chat);
            let shown = stage.ok(&user(who), "member.list", at(chat));
            assert_eq!(shown["owner"]["username"], "pia-premium");
            assert_eq!(shown["members"][0]["username"], "ben-basic");
            assert_eq!(shown["members"][0]["role"], "user");
        }
    }
    stage.refused(
        &user(OTHER),
        "member.list",
        at(closed),
        "ERR_CHAT_NOT_FOUND",
    );
    stage.refused(
        &user(MODERATOR),
        "member.list",
        at(closed),
        "ERR_CHAT_NOT_FOUND",
    );
    stage.ok(&user(MODERATOR), "member.list", at(open));
    stage.refused(&user(OTHER), "member.list", at(open), "ERR_FORBIDDEN");
    stage.refused(
        &user(STRANGER),
        "member.list",
        at(open),
        "ERR_STRANGER_FORBIDDEN",
    );
    stage.refused(
        &Actor::guest(),
        "member.list",
        at(open),
        "ERR_UNAUTHENTICATED",
    );
    let direct = stage.direct(BASIC, OTHER);
    let two = stage.ok(&user(BASIC), "member.list", at(direct));
    assert_eq!(
        (&two["owner"], two["members"].as_array().unwrap().len()),
        (&Value::Null, 2)
    );
}

#[test]
fn members_come_in_pages() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Private, PREMIUM, None);
    for who in [ADMIN, BASIC, OTHER] {
        stage.member(chat, who);
    }
    let page = |after: Value| {
        let params = json!({ "chat_id": chat, "after": after, "limit": 2 });
        let page = stage.ok(&user(PREMIUM), "member.list", params);
        let ids = page["members"]
            .as_array()
            .unwrap()
            .iter()
            .map(|member| member["user_id"].clone());
        ids.collect::<Vec<_>>()
    };
    assert_eq!(page(Value::Null), [ADMIN, BASIC]);
    assert_eq!(page(json!(BASIC)), [OTHER]);
}

#[test]
fn chat_list_is_what_one_owns_belongs_to_or_is_matched_into_spec_3_10() {
    let stage = Stage::new();
    let owned = stage.chat(ChatType::Public, PREMIUM, Some("mine"));
    let joined = stage.chat(ChatType::Private, LIFETIME, None);
    let direct = stage.direct(PREMIUM, OTHER);
    stage.chat(ChatType::Private, LIFETIME, None);
    stage.member(joined, PREMIUM);
    let list = |actor: &Actor, params: Value| {
        let reply = stage.ok(actor, "chat.list", params);
        let chats = reply["chats"].as_array().unwrap().clone();
        chats
            .iter()
            .map(|chat| (chat["id"].clone(), chat["relation"].clone()))
            .collect::<Vec<_>>()
    };
    let all = [
        (json!(owned), json!("owner")),
        (json!(joined), json!("member")),
        (json!(direct), json!("matched")),
    ];
    assert_eq!(list(&user(PREMIUM), json!({})), all);
    assert_eq!(list(&user(PREMIUM), json!({ "user_id": PREMIUM })), all);
    assert_eq!(list(&Actor::operator(), json!({ "user_id": PREMIUM })), all);
    assert_eq!(
        list(&user(PREMIUM), json!({ "after": owned, "limit": 1 })),
        all[1..2]
    );
    assert_eq!(list(&user(BASIC), json!({})), []);
    stage.refused(
        &user(OWNER),
        "chat.list",
        json!({ "user_id": PREMIUM }),
        "ERR_FORBIDDEN",
    );
    stage.refused(
        &Actor::guest(),
        "chat.list",
        json!({}),
        "ERR_UNAUTHENTICATED",
    );
}
