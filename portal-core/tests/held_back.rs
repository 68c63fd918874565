//! Whom a chat holds back, and who may read it: `mod.list` (SPEC 4.1, 7.1).

mod common;

use common::{ADMIN, BASIC, LIFETIME, MODERATOR, OTHER, OWNER, PREMIUM, STRANGER, Stage, on, user};
use portal_core::Actor;
use portal_core::model::{ChatId, ChatType, SECOND};
use serde_json::{Value, json};

fn public() -> (Stage, ChatId) {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("a-chat"));
    (stage, chat)
}

fn held(stage: &Stage, reader: &Actor, chat: ChatId) -> Vec<Value> {
    let page = stage.ok(reader, "mod.list", json!({ "chat_id": chat }));
    page["rows"].as_array().unwrap().clone()
}

/// What holds and whom, newest first.
fn brief(rows: &[Value]) -> Vec<(&str, i64)> {
    let brief = |row: &'_ Value| row["user_id"].as_i64().unwrap();
    rows.iter()
        .map(|row| (row["kind"].as_str().unwrap(), brief(row)))
        .collect()
}

#[test]
fn what_holds_in_the_chat_is_listed_newest_first_and_nothing_else() {
    let (stage, chat) = public();
    let elsewhere = stage.chat(ChatType::Public, PREMIUM, Some("another"));
    let owner = user(PREMIUM);
    let mut short = on(chat, LIFETIME);
    short["duration_seconds"] = json!(60);
    stage.ok(&owner, "mod.mute", short);
    stage.ok(&owner, "mod.ban", on(chat, BASIC));
    stage.ok(&owner, "mod.kick", on(chat, OTHER));
    stage.ok(&owner, "mod.ban", on(elsewhere, OTHER));
    let everywhere = json!({ "user_id": OTHER });
    stage.ok(&user(ADMIN), "mod.hard_mute", everywhere);
    let rows = held(&stage, &owner, chat);
    assert_eq!(brief(&rows), [("ban", BASIC), ("mute", LIFETIME)]);
    assert_eq!(
        (&rows[0]["username"], &rows[0]["role"], &rows[0]["until"]),
        (&json!("ben-basic"), &json!("user"), &Value::Null)
    );
    let until = stage.portal.now().plus(60 * SECOND).as_millis();
    assert_eq!(rows[1]["until"], until);
    // What runs out or is lifted is not there any more (SPEC 7.3).
    stage.clock.advance(60 * SECOND);
    assert_eq!(brief(&held(&stage, &owner, chat)), [("ban", BASIC)]);
    stage.ok(&owner, "mod.unban", on(chat, BASIC));
    assert_eq!(held(&stage, &owner, chat), Vec::<Value>::new());
}

#[test]
fn it_comes_in_pages() {
    let (stage, chat) = public();
    for who in [BASIC, OTHER, LIFETIME] {
        stage.ok(&user(PREMIUM), "mod.ban", on(chat, who));
    }
    let page = |before: &Value| {
        let params = json!({ "chat_id": chat, "before": before, "limit": 2 });
        let page = stage.ok(&user(PREMIUM), "mod.list", params);
        page["rows"].as_array().unwrap().clone()
    };
    let first = page(&Value::Null);
    assert_eq!(brief(&first), [("ban", LIFETIME), ("ban", OTHER)]);
    assert_eq!(brief(&page(&first[1]["id"])), [("ban", BASIC)]);
    for limit in [0, 201] {
        let params = json!({ "chat_id": chat, "limit": limit });
        let error = stage.refused(&user(PREMIUM), "mod.list", params, "ERR_INVALID");
        assert_eq!(error.extras().field.as_deref(), Some("limit"));
    }
}

#[test]
fn who_moderates_reads_it_spec_4_1() {
    let stage = Stage::new();
    let open = stage.chat(ChatType::Public, PREMIUM, Some("a-chat"));
    let private = stage.chat(ChatType::Private, PREMIUM, None);
    stage.member(private, BASIC);
    let direct = stage.direct(BASIC, OTHER);
    for (who, chat, expected) in [
        (user(PREMIUM), open, "ok"),
        (user(MODERATOR), open, "ok"),
        (user(BASIC), open, "ERR_FORBIDDEN"),
        (user(STRANGER), open, "ERR_STRANGER_FORBIDDEN"),
        (Actor::guest(), open, "ERR_UNAUTHENTICATED"),
        (user(PREMIUM), private, "ok"),
        (user(BASIC), private, "ERR_FORBIDDEN"),
        (user(MODERATOR), private, "ERR_CHAT_NOT_FOUND"),
        (Actor::operator(), private, "ok"),
        (user(BASIC), direct, "ERR_DIRECT_UNMODERATED"),
        (Actor::operator(), direct, "ERR_DIRECT_UNMODERATED"),
        (user(OWNER), direct, "ERR_CHAT_NOT_FOUND"),
    ] {
        let code = stage.code(&who, "mod.list", json!({ "chat_id": chat }));
        assert_eq!(code, expected, "{who:?} {chat}");
    }
    // The banned read nothing there, whoever they outrank.
    stage.ok(&user(OWNER), "mod.ban", on(open, MODERATOR));
    let here = json!({ "chat_id": open });
    stage.refused(&user(MODERATOR), "mod.list", here, "ERR_BANNED");
}

#[test]
fn an_admin_says_why_before_reading_it_of_a_private_chat_spec_4_5() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Private, PREMIUM, None);
    stage.ok(&user(PREMIUM), "mod.ban", on(chat, BASIC));
    let here = json!({ "chat_id": chat });
    stage.refused(&user(ADMIN), "mod.list", here, "ERR_REASON_REQUIRED");
    stage.inspect(&user(ADMIN), chat);
    assert_eq!(brief(&held(&stage, &user(ADMIN), chat)), [("ban", BASIC)]);
}

#[test]
fn a_reason_is_read_by_whoever_gave_it_and_by_staff_who_may_act_spec_7_1() {
    let (stage, chat) = public();
    let because = |who: i64, why: &str| {
        let mut params = on(chat, who);
        params["reason"] = json!(why);
        params
    };
    stage.ok(&user(PREMIUM), "mod.mute", because(BASIC, "the owner's"));
    stage.ok(&user(ADMIN), "mod.ban", because(OTHER, "an admin's"));
    stage.ok(&user(OWNER), "mod.mute", because(ADMIN, "from above"));
    let reasons = |reader: &Actor| {
        let rows = held(&stage, reader, chat);
        rows.iter().map(|row| row["reason"].clone()).collect()
    };
    let all = ["from above", "an admin's", "the owner's"].map(|why| json!(why));
    let [above, admins, owners] = all.clone();
    let seen: Vec<Value> = reasons(&user(PREMIUM));
    assert_eq!(seen, [Value::Null, Value::Null, owners.clone()]);
    let seen: Vec<Value> = reasons(&user(MODERATOR));
    assert_eq!(seen, [Value::Null, admins, owners]);
    for reader in [user(OWNER), Actor::operator()] {
        let seen: Vec<Value> = reasons(&reader);
        assert_eq!(seen, all);
    }
    assert_eq!(above, "from above");
}
