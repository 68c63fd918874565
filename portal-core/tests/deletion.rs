//! Deleting a user, and what becomes of what was theirs (SPEC 1.7).

mod common;

use common::{
    ADMIN, BASIC, LIFETIME, MODERATOR, OTHER, OWNER, PREMIUM, START, STRANGER, Stage, delivered,
    user,
};
use portal_core::Actor;
use portal_core::model::{ChatId, ChatType, DAY, SessionId};
use serde_json::{Value, json};

fn delete(id: i64) -> Value {
    json!({ "user_id": id })
}

fn count(stage: &Stage, sql: &str) -> i64 {
    stage.raw().query_row(sql, [], |row| row.get(0)).unwrap()
}

fn epoch(stage: &Stage, chat: ChatId) -> i64 {
    let sql = format!("SELECT epoch FROM chat WHERE id = {chat}");
    count(stage, &sql)
}

fn write(stage: &Stage, chat: ChatId, id: i64, sender: i64) {
    let db = stage.raw();
    db.execute(
        "UPDATE chat SET next_message_id = max(next_message_id, ?2 + 1) WHERE id = ?1",
        (chat.get(), id),
    )
    .unwrap();
    db.execute(
        "INSERT INTO message (chat_id, id, sender_id, sender_role, epoch, content, created_at)
             VALUES (?, ?, ?, 0, 1, '{}', ?)",
        (chat.get(), id, sender, START.as_millis()),
    )
    .unwrap();
}

#[test]
fn people_delete_themselves_and_admins_whom_they_may_act_on() {
    let stage = Stage::new();
    for (actor, target) in [
        (OTHER, BASIC),
        (MODERATOR, BASIC),
        (ADMIN, OWNER),
        (BASIC, ADMIN),
    ] {
        stage.refused(&user(actor), "user.delete", delete(target), "ERR_FORBIDDEN");
    }
    stage.refused(
        &Actor::guest(),
        "user.delete",
        delete(BASIC),
        "ERR_UNAUTHENTICATED",
    );
    stage.ok(&user(BASIC), "user.delete", delete(BASIC));
    stage.ok(&user(ADMIN), "user.delete", delete(OTHER));
    stage.ok(&Actor::operator(), "user.delete", delete(ADMIN));
    stage.refused(
        &user(MODERATOR),
        "user.delete",
        delete(BASIC),
        "ERR_USER_NOT_FOUND",
    );
}

#[test]
fn an_owner_of_chats_is_deleted_only_with_a_word_on_them_spec_1_7() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("a-chat"));
    let said = |chats: Value| json!({ "user_id": PREMIUM, "chats": chats });
    let refused = [
        (Value::Null, "ERR_USER_OWNS_CHATS"),
        (json!({ "destroy": false }), "ERR_USER_OWNS_CHATS"),
        (json!({ "transfer_to": PREMIUM }), "ERR_INVALID"),
        (json!({ "transfer_to": BASIC }), "ERR_PREMIUM_REQUIRED"),
        (json!({ "give_to": LIFETIME }), "ERR_INVALID"),
    ];
    for (chats, code) in refused {
        stage.refused(&user(PREMIUM), "user.delete", said(chats), code);
    }
    stage.ok(&user(PREMIUM), "user.me", json!({}));
    let transfer = said(json!({ "transfer_to": LIFETIME }));
    stage.ok(&user(PREMIUM), "user.delete", transfer);
    let shown = stage.ok(&user(BASIC), "chat.get", json!({ "chat_id": chat }));
    assert_eq!(shown["owner"], LIFETIME);
    assert_eq!(
        epoch(&stage, chat),
        2,
        "the former owner's key opens nothing new"
    );
}

#[test]
fn deletion_can_destroy_the_chats_spec_1_7() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Private, PREMIUM, None);
    let before = stage.as_of();
    let destroy = json!({ "user_id": PREMIUM, "chats": { "destroy": true } });
    stage.ok(&user(PREMIUM), "user.delete", destroy);
    let names: Vec<_> = stage
        .events(before)
        .iter()
        .map(|e| e["name"].clone())
        .collect();
    assert!(names.contains(&json!("room:destroyed")), "{names:?}");
    assert_eq!(names.last().unwrap(), "user:deleted");
    stage.refused(
        &Actor::operator(),
        "chat.get",
        json!({ "chat_id": chat }),
        "ERR_CHAT_NOT_FOUND",
    );
}

#[test]
fn deleting_the_owner_is_no_way_round_the_table_spec_4_1() {
    let stage = Stage::new();
    stage.chat(ChatType::Public, PREMIUM, Some("a-chat"));
    stage.chat(ChatType::Private, LIFETIME, None);
    for (owner, chats, admin) in [
        (PREMIUM, json!({ "destroy": true }), "ERR_FORBIDDEN"),
        (PREMIUM, json!({ "transfer_to": LIFETIME }), "ERR_FORBIDDEN"),
        (LIFETIME, json!({ "transfer_to": PREMIUM }), "ERR_FORBIDDEN"),
    ] {
        let params = json!({ "user_id": owner, "chats": chats });
        stage.refused(&user(ADMIN), "user.delete", params, admin);
    }
    let destroy = |owner: i64| json!({ "user_id": owner, "chats": { "destroy": true } });
    stage.ok(&user(ADMIN), "user.delete", destroy(LIFETIME));
    stage.ok(&user(OWNER), "user.delete", destroy(PREMIUM));
}

#[test]
fn deletion_takes_what_was_the_persons_alone_spec_1_7() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Private, PREMIUM, None);
    stage.member(chat, BASIC);
    let direct = stage.direct(BASIC, OTHER);
    let (session, connection) = stage.connect(BASIC);
    stage.ok(
        &Actor::connection(connection),
        "room.join",
        json!({ "chat_id": chat }),
    );
    stage.ok(&user(BASIC), "login_code.create", json!({}));
    let before = stage.as_of();
    stage.ok(&user(BASIC), "user.delete", delete(BASIC));
    let rows = [
        "SELECT count(*) FROM session WHERE user_id = 5000",
        "SELECT count(*) FROM membership WHERE user_id = 5000",
        "SELECT count(*) FROM login_code",
        "SELECT count(*) FROM chat WHERE chat_type = 'DIRECT'",
    ];
    for sql in rows {
        assert_eq!(count(&stage, sql), 0, "{sql}");
    }
    let events = stage.events(before);
    let told = |name: &str, data: Value| {
        events
            .iter()
            .any(|e| e["name"] == name && e["data"] == data)
    };
    assert!(told(
        "session:ended",
        json!({ "session_id": session, "user_id": BASIC, "reason": "deleted" })
    ));
    assert!(told("room:destroyed", json!({ "chat_id": direct })));
    assert!(told("user:deleted", json!({ "user_id": BASIC })));
}

#[test]
fn the_other_of_a_direct_chat_is_told_wherever_they_are_spec_9_8() {
    for by in [BASIC, ADMIN] {
        let stage = Stage::new();
        let direct = stage.direct(BASIC, OTHER);
        // Not in the room.
        let (_, elsewhere) = stage.connect(OTHER);
        let (_, somebody) = stage.connect(PREMIUM);
        let mut follower = stage.portal.follow(None).unwrap();
        stage.ok(&user(by), "user.delete", delete(BASIC));
        let sent = delivered(&stage, &mut follower);
        let told = sent.iter().find(|(_, name, _)| name == "room:peer_left");
        let (to, _, data) = told.unwrap();
        assert_eq!(to, &[elsewhere]);
        assert_eq!(
            (&data["chat_id"], &data["user_id"], &data["grace_until_ms"]),
            (&json!(direct), &json!(OTHER), &json!(0))
        );
        assert!(sent.iter().all(|(to, ..)| !to.contains(&somebody)));
    }
}

#[test]
fn a_stranger_who_signs_in_leaves_their_direct_chats_spec_1_8() {
    let stage = Stage::new();
    let direct = stage.direct(BASIC, STRANGER);
    let secret = stage.ok(&user(OTHER), "login_code.create", json!({}))["code"].clone();
    let before = stage.as_of();
    let session = SessionId::try_from(9_000_000).unwrap();
    stage.ok(
        &Actor::session(session),
        "session.sign_in",
        json!({ "username": "oskar-other", "secret": secret }),
    );
    let told = stage.named("room:peer_left", before);
    assert_eq!(
        told,
        [json!({ "chat_id": direct, "user_id": BASIC, "grace_until_ms": 0 })]
    );
    let gone = json!({ "chat_id": direct });
    stage.refused(&user(BASIC), "chat.get", gone, "ERR_CHAT_NOT_FOUND");
}

#[test]
fn the_keys_of_their_sessions_go_and_it_is_said_spec_8_3() {
    let stage = Stage::new();
    let chat = stage.room(&[BASIC, OTHER]);
    let [owner, basic, other] = [PREMIUM, BASIC, OTHER].map(|user| stage.joined(user, chat));
    stage.publish(&owner, chat, &[&basic, &other]);
    let before = stage.as_of();
    stage.ok(&user(ADMIN), "user.delete", delete(BASIC));
    let removed = stage.named("portal:key_removed", before);
    assert_eq!(
        removed,
        [json!({ "chat_id": chat, "user_id": BASIC, "session_id": basic.session })]
    );
    let moved = stage.named("room:epoch_changed", before);
    assert_eq!(
        (moved.len(), &moved[0]["reason"]),
        (1, &json!("member_removed"))
    );
    assert_eq!(moved[0]["distributor"], json!(owner.session));
    let keys = "SELECT (SELECT count(*) FROM key_blob) + (SELECT count(*) FROM room_key)
                  + (SELECT count(*) FROM session WHERE user_id = 5000)";
    assert_eq!(count(&stage, keys), 0);
}

#[test]
fn the_keys_of_chats_left_behind_move_on_spec_8_1() {
    let stage = Stage::new();
    let chats = [
        stage.chat(ChatType::Private, PREMIUM, None),
        stage.chat(ChatType::Private, PREMIUM, None),
    ];
    stage.member(chats[0], BASIC);
    stage.member(chats[0], OTHER);
    // By staff: at once, although the last move was a moment ago.
    stage.ok(&user(ADMIN), "user.delete", delete(OTHER));
    assert_eq!([epoch(&stage, chats[0]), epoch(&stage, chats[1])], [2, 1]);
    // By themself: gathered with what else happens within 10 s.
    stage.ok(&user(BASIC), "user.delete", delete(BASIC));
    let due = format!("SELECT move_due_at FROM chat WHERE id = {}", chats[0]);
    assert_eq!(epoch(&stage, chats[0]), 2);
    assert_eq!(count(&stage, &due), START.plus(10_000).as_millis());
}

#[test]
fn keys_of_chats_that_end_or_change_hands_move_no_further() {
    for (chats, expected) in [
        (json!({ "destroy": true }), None),
        (json!({ "transfer_to": LIFETIME }), Some(2)),
    ] {
        let stage = Stage::new();
        let owned = stage.chat(ChatType::Private, PREMIUM, None);
        let direct = stage.direct(PREMIUM, OTHER);
        let session = stage.session(PREMIUM);
        for chat in [owned, direct] {
            stage
                .raw()
                .execute(
                    "INSERT INTO room_key (chat_id, epoch, distributor_user, distributor_session, published_at)
                     VALUES (?, 1, ?, ?, 0)",
                    (chat.get(), PREMIUM, session.get()),
                )
                .unwrap();
        }
        let params = json!({ "user_id": PREMIUM, "chats": chats });
        stage.ok(&user(OWNER), "user.delete", params);
        let sql = format!("SELECT max(epoch) FROM chat WHERE id = {owned}");
        let epoch: Option<i64> = stage.raw().query_row(&sql, [], |row| row.get(0)).unwrap();
        assert_eq!(epoch, expected);
    }
}

#[test]
fn messages_keep_the_numeric_sender_spec_1_7() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("a-chat"));
    write(&stage, chat, 1, BASIC);
    stage.ok(&user(BASIC), "user.delete", delete(BASIC));
    let page = stage.ok(&user(OTHER), "message.history", json!({ "chat_id": chat }));
    let sender = json!({ "id": BASIC, "username": null, "role": "user" });
    assert_eq!(page["messages"][0]["sender"], sender);
}

#[test]
fn erasure_deletes_what_they_wrote_and_nothing_else_spec_1_7() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("a-chat"));
    for (id, sender) in [(1, BASIC), (2, OTHER), (3, BASIC)] {
        write(&stage, chat, id, sender);
    }
    let before = stage.as_of();
    let erase = json!({ "user_id": BASIC, "erase_messages": true });
    stage.ok(&user(BASIC), "user.delete", erase);
    let page = stage.ok(&user(OTHER), "message.history", json!({ "chat_id": chat }));
    let left: Vec<_> = page["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| &m["id"])
        .collect();
    assert_eq!(left, [2]);
    let deleted: Vec<_> = stage
        .events(before)
        .into_iter()
        .filter(|event| event["name"] == "message:deleted")
        .map(|event| event["data"].clone())
        .collect();
    assert_eq!(deleted, [json!({ "chat_id": chat, "ids": [1, 3] })]);
}

#[test]
fn the_name_is_held_for_30_days_spec_1_7() {
    let stage = Stage::new();
    stage.ok(&user(BASIC), "user.delete", delete(BASIC));
    let name = json!({ "username": "BEN-basic" });
    stage.clock.advance(30 * DAY - 1);
    stage.refused(
        &user(OTHER),
        "user.update",
        name.clone(),
        "ERR_USERNAME_TAKEN",
    );
    stage.clock.advance(1);
    stage.ok(&user(OTHER), "user.update", name);
}

#[test]
fn deletion_leaves_no_dangling_reference() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Official, ADMIN, None);
    stage.member(chat, BASIC);
    stage.direct(BASIC, OTHER);
    stage.session(BASIC);
    stage.ok(&user(ADMIN), "user.delete", delete(BASIC));
    let broken = stage
        .raw()
        .prepare("PRAGMA foreign_key_check")
        .unwrap()
        .exists([])
        .unwrap();
    assert!(!broken);
}

#[test]
fn deletion_is_audited_spec_7_8() {
    let stage = Stage::new();
    stage.ok(&user(ADMIN), "user.delete", delete(BASIC));
    let rows = stage.ok(
        &user(OWNER),
        "audit.list",
        json!({ "action": "user.delete" }),
    );
    assert_eq!(rows["rows"][0]["user_id"], ADMIN);
    assert_eq!(rows["rows"][0]["target"], BASIC);
    assert_eq!(rows["rows"][0]["target_username"], Value::Null);
}
