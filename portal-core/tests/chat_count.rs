//! What a chat holds, counted (`chat.count`): for whom, and what counts.

mod common;

use common::{ADMIN, BASIC, LIFETIME, MODERATOR, OTHER, OWNER, PREMIUM, STRANGER, Stage, user};
use portal_core::Actor;
use portal_core::model::{ChatId, ChatType, MINUTE};
use serde_json::{Value, json};

fn counted(stage: &Stage, who: &Actor, chat: ChatId) -> Value {
    stage.ok(who, "chat.count", json!({ "chat_id": chat }))
}

#[test]
fn what_is_over_does_not_count_spec_7_3() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Private, PREMIUM, None);
    stage.member(chat, BASIC);
    stage.member(chat, LIFETIME);
    stage.written(chat, BASIC, 3);
    let here = |more: Value| {
        let mut params = more;
        params["chat_id"] = json!(chat);
        params
    };
    let owner = user(PREMIUM);
    let short = json!({ "user_id": BASIC, "duration_seconds": 60 });
    stage.ok(&owner, "mod.mute", here(short.clone()));
    stage.ok(&owner, "mod.mute", here(json!({ "user_id": LIFETIME })));
    stage.ok(&owner, "mod.ban", here(json!({ "user_id": OTHER })));
    let once = stage.ok(&owner, "invite.create", here(json!({ "max_uses": 1 })));
    stage.ok(&owner, "invite.create", here(json!({})));
    let before = counted(&stage, &owner, chat);
    assert_eq!(
        (&before["members"], &before["mutes"], &before["bans"]),
        (&json!(2), &json!(2), &json!(1))
    );
    assert_eq!(before["invites"], 2);

    stage.clock.advance(MINUTE + 1);
    stage.ok(&owner, "mod.unban", here(json!({ "user_id": OTHER })));
    let code = json!({ "code": once["code"] });
    stage.ok(&user(OTHER), "invite.resolve", code);
    let after = counted(&stage, &owner, chat);
    assert_eq!(
        (&after["members"], &after["mutes"], &after["bans"]),
        (&json!(3), &json!(1), &json!(0))
    );
    assert_eq!(after["invites"], 1);
    let stored: i64 = stage
        .raw()
        .query_row(
            "SELECT count(*) FROM message WHERE chat_id = ?",
            [chat.get()],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(after["messages"], stored);
    assert_eq!(
        (
            &after["key_published"],
            &after["key_holders"],
            &after["viewer_count"]
        ),
        (&json!(false), &json!(0), &json!(0))
    );
    let beside = stage.beside();
    let params = json!({ "chat_id": chat }).to_string();
    let reply = beside.call_json(&owner, "chat.count", &params).unwrap();
    let reply: Value = serde_json::from_str(&reply).unwrap();
    assert_eq!(reply["viewer_count"], Value::Null, "presence is off");
}

#[test]
fn messages_are_counted_as_far_as_was_asked_for() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Private, PREMIUM, None);
    stage.member(chat, BASIC);
    stage.written(chat, BASIC, 5);
    let all = &counted(&stage, &user(PREMIUM), chat)["messages"];
    let all = all.as_u64().unwrap();
    for (at_most, messages, more) in [
        (0, 0, true),
        (all - 1, all - 1, true),
        (all, all, false),
        (all + 1, all, false),
        (u64::from(u32::MAX), all, false),
    ] {
        let params = json!({ "chat_id": chat, "messages_at_most": at_most });
        let told = stage.ok(&user(PREMIUM), "chat.count", params);
        let told = (&told["messages"], &told["messages_more"]);
        assert_eq!(told, (&json!(messages), &json!(more)), "at most {at_most}");
    }
}

#[test]
fn who_moderates_a_chat_counts_what_is_in_it_spec_4_1() {
    let stage = Stage::new();
    let public = stage.chat(ChatType::Public, PREMIUM, Some("a-chat"));
    let private = stage.chat(ChatType::Private, PREMIUM, None);
    stage.member(private, BASIC);
    let direct = stage.direct(BASIC, OTHER);
    let code =
        |who: &Actor, chat: ChatId| stage.code(who, "chat.count", json!({ "chat_id": chat }));
    for (who, in_public, in_private, in_direct) in [
        (Actor::operator(), "ok", "ok", "ok"),
        (user(PREMIUM), "ok", "ok", "ERR_CHAT_NOT_FOUND"),
        (
            user(OWNER),
            "ok",
            "ERR_REASON_REQUIRED",
            "ERR_CHAT_NOT_FOUND",
        ),
        (
            user(ADMIN),
            "ok",
            "ERR_REASON_REQUIRED",
            "ERR_CHAT_NOT_FOUND",
        ),
        (
            user(MODERATOR),
            "ok",
            "ERR_CHAT_NOT_FOUND",
            "ERR_CHAT_NOT_FOUND",
        ),
        (
            user(BASIC),
            "ERR_FORBIDDEN",
            "ERR_FORBIDDEN",
            "ERR_DIRECT_UNMODERATED",
        ),
        (
            user(STRANGER),
            "ERR_STRANGER_FORBIDDEN",
            "ERR_CHAT_NOT_FOUND",
            "ERR_CHAT_NOT_FOUND",
        ),
    ] {
        assert_eq!(code(&who, public), in_public, "{who:?}");
        assert_eq!(code(&who, private), in_private, "{who:?}");
        assert_eq!(code(&who, direct), in_direct, "{who:?}");
    }
    // Who looks for a reason moderates, and does not invite.
    let params = json!({ "chat_id": private, "reason": "a report" });
    stage.ok(&user(ADMIN), "chat.inspect", params);
    assert_eq!(
        counted(&stage, &user(ADMIN), private)["invites"],
        Value::Null
    );
    assert_eq!(counted(&stage, &user(PREMIUM), private)["invites"], 0);
}
