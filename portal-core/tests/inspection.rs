//! An admin's look into others' PRIVATE chat takes a reason (SPEC 4.5).

mod common;

use common::{ADMIN, BASIC, MODERATOR, OWNER, PREMIUM, STRANGER, Stage, user};
use portal_core::Actor;
use portal_core::model::{ChatId, ChatType};
use serde_json::{Value, json};

/// What an admin could read there.
const READS: [&str; 3] = ["chat.get", "message.history", "member.list"];

fn private(stage: &Stage) -> (ChatId, Value) {
    let chat = stage.chat(ChatType::Private, PREMIUM, None);
    stage.member(chat, BASIC);
    stage.written(chat, BASIC, 3);
    (chat, json!({ "chat_id": chat }))
}

#[test]
fn without_a_reason_staff_reads_nothing_of_a_private_chat_spec_4_5() {
    let stage = Stage::new();
    let (chat, here) = private(&stage);
    for staff in [ADMIN, OWNER] {
        for read in READS {
            stage.refused(&user(staff), read, here.clone(), "ERR_REASON_REQUIRED");
        }
        stage.inspect(&user(staff), chat);
        for read in READS {
            stage.ok(&user(staff), read, here.clone());
        }
    }
    for read in READS {
        stage.refused(&user(MODERATOR), read, here.clone(), "ERR_CHAT_NOT_FOUND");
    }
}

#[test]
fn a_reason_is_one_persons_for_one_chat_and_an_hour_spec_4_5() {
    let stage = Stage::new();
    let (chat, here) = private(&stage);
    let (_, elsewhere) = private(&stage);
    stage.inspect(&user(ADMIN), chat);
    let read = "message.history";
    stage.refused(&user(ADMIN), read, elsewhere, "ERR_REASON_REQUIRED");
    stage.refused(&user(OWNER), read, here.clone(), "ERR_REASON_REQUIRED");
    stage.clock.advance(3_600_000 - 1);
    stage.ok(&user(ADMIN), read, here.clone());
    stage.clock.advance(1);
    stage.refused(&user(ADMIN), read, here, "ERR_REASON_REQUIRED");
}

#[test]
fn the_look_is_audited_with_its_reason_spec_4_5() {
    let stage = Stage::new();
    let (chat, _) = private(&stage);
    let until = stage.inspect(&user(ADMIN), chat)["until"].as_i64();
    assert_eq!(until, Some(stage.portal.now().as_millis() + 3_600_000));
    let filter = json!({ "action": "chat.inspect" });
    let page = stage.ok(&Actor::operator(), "audit.list", filter);
    let row = &page["rows"][0];
    assert_eq!(row["user_id"], ADMIN);
    assert_eq!(row["chat_id"], json!(chat));
    assert_eq!(row["target"], PREMIUM);
    assert_eq!(row["details"]["reason"], "a report says so");
    assert_eq!(page["rows"].as_array().unwrap().len(), 1);
}

#[test]
fn whoever_belongs_there_reads_without_one_and_nothing_is_noted_spec_4_5() {
    let stage = Stage::new();
    let (chat, here) = private(&stage);
    stage.member(chat, ADMIN);
    for actor in [user(PREMIUM), user(BASIC), user(ADMIN), Actor::operator()] {
        for read in READS {
            stage.ok(&actor, read, here.clone());
        }
        assert_eq!(stage.inspect(&actor, chat)["until"], Value::Null);
    }
    let filter = json!({ "action": "chat.inspect" });
    let page = stage.ok(&Actor::operator(), "audit.list", filter);
    assert_eq!(page["rows"], json!([]));
}

#[test]
fn a_look_is_no_seat_in_the_room_spec_4_5() {
    let stage = Stage::new();
    let (chat, here) = private(&stage);
    let (_, connection) = stage.connect(ADMIN);
    stage.inspect(&user(ADMIN), chat);
    let admin = Actor::connection(connection);
    stage.refused(&admin, "room.join", here.clone(), "ERR_FORBIDDEN");
    let mut follower = stage.portal.follow(None).unwrap();
    let rename = json!({ "chat_id": chat, "name": "Renamed" });
    stage.ok(&user(PREMIUM), "chat.update", rename);
    assert!(stage.portal.deliver(&mut follower, 10).unwrap().is_empty());
}

#[test]
fn a_reason_opens_no_chat_that_is_not_there_for_the_caller_spec_4_4() {
    let stage = Stage::new();
    let (chat, _) = private(&stage);
    let direct = stage.direct(BASIC, STRANGER);
    let params = |chat: ChatId| json!({ "chat_id": chat, "reason": "let me" });
    for (who, chat) in [(MODERATOR, chat), (ADMIN, direct), (OWNER, direct)] {
        stage.refused(
            &user(who),
            "chat.inspect",
            params(chat),
            "ERR_CHAT_NOT_FOUND",
        );
    }
    let empty = json!({ "chat_id": chat, "reason": "" });
    stage.refused(&user(ADMIN), "chat.inspect", empty, "ERR_INVALID");
}
