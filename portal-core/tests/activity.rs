//! Who came and who left: the activity log and its notices (SPEC 10.4).

mod common;

use common::{ADMIN, BASIC, MODERATOR, OTHER, PREMIUM, Stage, on, user};
use portal_core::Actor;
use portal_core::model::{ChatId, ChatType, DAY, MINUTE, SessionId};
use serde_json::{Value, json};

fn public() -> (Stage, ChatId) {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("a-chat"));
    (stage, chat)
}

fn activity(stage: &Stage, chat: ChatId) -> Vec<(String, i64, Value)> {
    let page = stage.ok(&user(PREMIUM), "activity.list", json!({ "chat_id": chat }));
    let rows = page["rows"].as_array().unwrap().iter();
    rows.map(|row| {
        let kind = row["kind"].as_str().unwrap().to_owned();
        (
            kind,
            row["user_id"].as_i64().unwrap(),
            row["method"].clone(),
        )
    })
    .collect()
}

#[test]
fn the_activity_log_tells_who_came_left_and_was_put_out_spec_10_4() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Private, PREMIUM, None);
    for who in [BASIC, OTHER] {
        stage.member(chat, who);
    }
    let (_, first) = visitor(&stage, chat, BASIC);
    visitor(&stage, chat, OTHER);
    stage.ok(&first, "room.leave", json!({ "chat_id": chat }));
    stays_away(&stage);
    stage.ok(&user(PREMIUM), "mod.kick", on(chat, OTHER));
    stage.ok(&user(PREMIUM), "mod.ban", on(chat, BASIC));
    let invite = json!("invite");
    assert_eq!(
        activity(&stage, chat),
        [
            ("ban".to_owned(), BASIC, Value::Null),
            ("kick".to_owned(), OTHER, Value::Null),
            ("leave".to_owned(), BASIC, Value::Null),
            ("join".to_owned(), OTHER, invite.clone()),
            ("join".to_owned(), BASIC, invite),
        ]
    );
    let page = stage.ok(
        &user(PREMIUM),
        "activity.list",
        json!({ "chat_id": chat, "limit": 1 }),
    );
    assert_eq!(page["rows"][0]["username"], "ben-basic");
    let now = stage.portal.now();
    assert_eq!(page["rows"][0]["at"], now.as_millis());
    let before = json!({ "chat_id": chat, "before": page["rows"][0]["id"], "limit": 2 });
    let page = stage.ok(&user(PREMIUM), "activity.list", before);
    let kinds: Vec<_> = page["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["kind"])
        .collect();
    assert_eq!(kinds, ["kick", "leave"]);
}

/// Whoever has left does not come back in time.
fn stays_away(stage: &Stage) {
    stage.clock.advance(MINUTE + 1);
    stage.portal.tick().unwrap();
}

/// Somebody who comes into the room by its door: the session, and the connection that is there.
fn visitor(stage: &Stage, chat: ChatId, who: i64) -> (SessionId, Actor) {
    let (session, connection) = stage.connect(who);
    let visitor = Actor::connection(connection);
    stage.ok(&visitor, "room.join", json!({ "chat_id": chat }));
    (session, visitor)
}

#[test]
fn joining_and_leaving_are_written_once_in_ten_minutes_spec_10_4() {
    let (stage, chat) = public();
    let room = json!({ "chat_id": chat });
    let (session, there) = visitor(&stage, chat, BASIC);
    let tab = stage.portal.connect(&Actor::session(session)).unwrap();
    stage.ok(&Actor::connection(tab), "room.join", room.clone());
    stage.portal.disconnect(tab).unwrap();
    let count = || activity(&stage, chat).len();
    // One tab of two came and went: the person stayed.
    assert_eq!(count(), 1);
    for _ in 0..3 {
        stage.ok(&there, "room.leave", room.clone());
        stays_away(&stage);
        stage.ok(&there, "room.join", room.clone());
    }
    assert_eq!(count(), 2);
    stage.clock.advance(10 * MINUTE);
    stage.ok(&there, "room.leave", room.clone());
    stays_away(&stage);
    assert_eq!(count(), 3);
    // Somebody else, and being put out, always count.
    visitor(&stage, chat, OTHER);
    for _ in 0..2 {
        stage.ok(&user(PREMIUM), "mod.kick", on(chat, BASIC));
    }
    assert_eq!(count(), 6);
}

/// The notices in a chat, oldest first.
fn notices(stage: &Stage, chat: ChatId) -> Vec<String> {
    let page = stage.ok(
        &Actor::operator(),
        "message.history",
        json!({ "chat_id": chat }),
    );
    let messages = page["messages"].as_array().unwrap();
    let mut contents: Vec<_> = messages
        .iter()
        .map(|message| {
            assert_eq!(
                (&message["kind"], &message["sender"]),
                (&json!("system"), &Value::Null)
            );
            let code = message["code"].as_str().unwrap();
            let code = code.trim_start_matches("match_");
            assert!(message["content"].as_str().unwrap().ends_with(code));
            message["content"].as_str().unwrap().to_owned()
        })
        .collect();
    contents.reverse();
    contents
}

#[test]
fn joining_and_leaving_are_told_once_in_ten_minutes_spec_10_4() {
    let (stage, chat) = public();
    let room = json!({ "chat_id": chat });
    let (_, ben) = visitor(&stage, chat, BASIC);
    let guest = stage.portal.connect(&Actor::guest()).unwrap();
    stage.ok(&Actor::connection(guest), "room.join", room.clone());
    for _ in 0..2 {
        stage.ok(&ben, "room.leave", room.clone());
        stays_away(&stage);
        stage.ok(&ben, "room.join", room.clone());
    }
    assert_eq!(
        notices(&stage, chat),
        ["ben-basic joined", "ben-basic left"]
    );
    stage.clock.advance(10 * MINUTE);
    stage.ok(&ben, "room.leave", room);
    stays_away(&stage);
    assert_eq!(notices(&stage, chat).len(), 3);
}

#[test]
fn whoever_loads_the_page_again_has_not_left_spec_10_4() {
    for kind in [ChatType::Official, ChatType::Public, ChatType::Private] {
        let stage = Stage::new();
        let owner = if kind == ChatType::Official {
            ADMIN
        } else {
            PREMIUM
        };
        let slug = (kind == ChatType::Public).then_some("a-chat");
        let chat = stage.chat(kind, owner, slug);
        if kind == ChatType::Private {
            stage.member(chat, BASIC);
        }
        let room = json!({ "chat_id": chat });
        let (session, mut there) = stage.connect(BASIC);
        stage.ok(&Actor::connection(there), "room.join", room.clone());
        let rows = || {
            let log = stage.ok(&Actor::operator(), "activity.list", room.clone());
            log["rows"].as_array().unwrap().len()
        };
        for away in [0, 1000, MINUTE] {
            stage.portal.disconnect(there).unwrap();
            stage.clock.advance(away);
            stage.portal.tick().unwrap();
            there = stage.portal.connect(&Actor::session(session)).unwrap();
            stage.ok(&Actor::connection(there), "room.join", room.clone());
            stays_away(&stage);
            assert_eq!(
                notices(&stage, chat),
                ["ben-basic joined"],
                "{kind:?} {away}"
            );
            assert_eq!(rows(), 1, "{kind:?} {away}");
        }
        let left_at = stage.portal.now();
        stage.portal.disconnect(there).unwrap();
        let next = stage.portal.tick().unwrap();
        assert!(next <= left_at.plus(MINUTE + 1), "{kind:?}");
        stays_away(&stage);
        let said = notices(&stage, chat);
        assert_eq!(said, ["ben-basic joined", "ben-basic left"], "{kind:?}");
        let log = stage.ok(&Actor::operator(), "activity.list", room.clone());
        assert_eq!(log["rows"][0]["at"], left_at.as_millis(), "{kind:?}");
    }
}

#[test]
fn an_invite_and_the_room_behind_it_are_one_joining_spec_10_4() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Private, PREMIUM, None);
    let invite = stage.ok(&user(PREMIUM), "invite.create", json!({ "chat_id": chat }));
    stage.ok(
        &user(BASIC),
        "invite.resolve",
        json!({ "code": invite["code"] }),
    );
    visitor(&stage, chat, BASIC);
    assert_eq!(notices(&stage, chat), ["ben-basic joined"]);
}

#[test]
fn in_a_direct_chat_only_going_is_told_spec_6_3() {
    let stage = Stage::new();
    let direct = stage.direct(BASIC, OTHER);
    let (_, ben) = visitor(&stage, direct, BASIC);
    assert_eq!(notices(&stage, direct), [""; 0]);
    for _ in 0..2 {
        stage.ok(&ben, "room.leave", json!({ "chat_id": direct }));
        stage.ok(&ben, "room.join", json!({ "chat_id": direct }));
    }
    assert_eq!(notices(&stage, direct), ["ben-basic left"]);
}

#[test]
fn who_reads_the_activity_log_spec_4_1() {
    let stage = Stage::new();
    let open = stage.chat(ChatType::Public, PREMIUM, Some("a-chat"));
    let private = stage.chat(ChatType::Private, PREMIUM, None);
    let direct = stage.direct(BASIC, OTHER);
    for (who, chat, expected) in [
        (user(PREMIUM), open, "ok"),
        (user(MODERATOR), open, "ok"),
        (user(BASIC), open, "ERR_FORBIDDEN"),
        (Actor::guest(), open, "ERR_UNAUTHENTICATED"),
        (user(PREMIUM), private, "ok"),
        (user(ADMIN), private, "ERR_FORBIDDEN"),
        (user(BASIC), private, "ERR_CHAT_NOT_FOUND"),
        (user(BASIC), direct, "ERR_FORBIDDEN"),
        (Actor::operator(), direct, "ERR_FORBIDDEN"),
        (Actor::operator(), private, "ok"),
    ] {
        let params = json!({ "chat_id": chat });
        assert_eq!(
            stage.code(&who, "activity.list", params),
            expected,
            "{who:?} {chat}"
        );
    }
    for limit in [0, 201] {
        let params = json!({ "chat_id": open, "limit": limit });
        assert_eq!(
            stage.code(&user(PREMIUM), "activity.list", params),
            "ERR_INVALID"
        );
    }
}

#[test]
fn the_activity_log_is_kept_for_so_many_days_spec_14_3() {
    let (stage, chat) = public();
    stage.set("activity_days", json!(2));
    stage.ok(&user(PREMIUM), "mod.kick", on(chat, BASIC));
    stage.clock.advance(2 * DAY);
    stage.ok(&user(PREMIUM), "mod.kick", on(chat, OTHER));
    stage.portal.tick().unwrap();
    assert_eq!(activity(&stage, chat).len(), 2);
    stage.clock.advance(1);
    stage.portal.tick().unwrap();
    assert_eq!(
        activity(&stage, chat),
        [("kick".to_owned(), OTHER, Value::Null)]
    );
}
