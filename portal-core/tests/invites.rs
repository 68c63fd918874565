//! Invites: making, listing and revoking them (SPEC 5.1, 5.2).

mod common;

use std::collections::BTreeSet;

use common::{ADMIN, BASIC, LIFETIME, MODERATOR, OTHER, PREMIUM, START, Stage, user};
use portal_core::Actor;
use portal_core::model::{ChatId, ChatType, DAY, MINUTE};
use serde_json::{Value, json};

fn at(chat: ChatId) -> Value {
    json!({ "chat_id": chat })
}

fn invite(stage: &Stage, chat: ChatId, mut params: Value) -> String {
    params["chat_id"] = json!(chat);
    let made = stage.ok(&Actor::operator(), "invite.create", params);
    made["code"].as_str().unwrap().to_owned()
}

fn follow(code: &str) -> Value {
    json!({ "code": code })
}

/// A code of the right form that nobody made.
const UNKNOWN: &str = "zzzzzzzzzzzzzzzz";

#[test]
fn an_invite_has_the_fields_of_spec_5_1() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Private, PREMIUM, None);
    let params = json!({ "chat_id": chat, "expires_at": START.plus(DAY), "max_uses": 3 });
    let made = stage.ok(&user(PREMIUM), "invite.create", params);
    let code = made["code"].as_str().unwrap();
    assert_eq!(code.len(), 16);
    assert!(
        code.bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    );
    let mut expected = json!({
        "chat_id": chat, "created_by": PREMIUM, "created_at": START, "expires_at": START.plus(DAY),
        "max_uses": 3, "uses": 0
    });
    expected["code"] = json!(code);
    assert_eq!(made, expected);
    let listed = stage.ok(&user(PREMIUM), "invite.list", at(chat));
    assert_eq!(listed["invites"], json!([expected]));
}

#[test]
fn bounds_of_an_invite_are_checked_spec_5_1() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Private, PREMIUM, None);
    for (field, value) in [
        ("expires_at", json!(START)),
        ("expires_at", json!(START.plus(-1))),
        ("max_uses", json!(0)),
        ("max_uses", json!(-1)),
    ] {
        let mut params = at(chat);
        params[field] = value;
        let error = stage.refused(&user(PREMIUM), "invite.create", params, "ERR_INVALID");
        assert_eq!(error.extras().field.as_deref(), Some(field));
    }
}

#[test]
fn who_may_invite_is_what_spec_4_1_says() {
    let stage = Stage::new();
    let closed = stage.chat(ChatType::Private, PREMIUM, None);
    let open = stage.chat(ChatType::Public, PREMIUM, Some("open"));
    let direct = stage.direct(BASIC, OTHER);
    stage.member(closed, BASIC);
    let code = invite(&stage, open, json!({}));
    for name in ["invite.create", "invite.list", "invite.revoke"] {
        let params = |chat| match name {
            "invite.revoke" => json!({ "chat_id": chat, "code": code }),
            _ => at(chat),
        };
        stage.refused(&user(BASIC), name, params(closed), "ERR_FORBIDDEN");
        stage.refused(&user(ADMIN), name, params(closed), "ERR_FORBIDDEN");
        stage.refused(&user(BASIC), name, params(open), "ERR_FORBIDDEN");
        stage.refused(&user(BASIC), name, params(direct), "ERR_FORBIDDEN");
        stage.refused(&Actor::operator(), name, params(direct), "ERR_FORBIDDEN");
        stage.ok(&user(MODERATOR), name, params(open));
    }
}

#[test]
fn a_chat_has_at_most_twenty_live_invites_spec_5_2() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Private, PREMIUM, None);
    let mut codes: Vec<_> = (0..18).map(|_| invite(&stage, chat, json!({}))).collect();
    codes.push(invite(
        &stage,
        chat,
        json!({ "expires_at": START.plus(MINUTE) }),
    ));
    codes.push(invite(&stage, chat, json!({ "max_uses": 1 })));
    let distinct: BTreeSet<_> = codes.iter().collect();
    assert_eq!(distinct.len(), 20);
    let full = || {
        let owner = user(PREMIUM);
        stage.refused(&owner, "invite.create", at(chat), "ERR_INVITE_QUOTA");
    };
    full();
    // Revoked, used up, expired: each makes room for one.
    let revoke = json!({ "chat_id": chat, "code": codes[0] });
    stage.ok(&user(PREMIUM), "invite.revoke", revoke);
    invite(&stage, chat, json!({}));
    full();
    stage.ok(&user(BASIC), "invite.resolve", follow(&codes[19]));
    invite(&stage, chat, json!({}));
    full();
    stage.clock.advance(MINUTE);
    invite(&stage, chat, json!({}));
    full();
    let listed = stage.ok(&user(PREMIUM), "invite.list", at(chat))["invites"].clone();
    let listed: Vec<_> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|i| i["code"].clone())
        .collect();
    assert_eq!(listed.len(), 20);
    for dead in [&codes[0], &codes[18], &codes[19]] {
        assert!(
            !listed.contains(&json!(dead)),
            "the list shows live ones only"
        );
    }
}

#[test]
fn a_revoked_code_opens_nothing_spec_5_2() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Private, PREMIUM, None);
    let code = invite(&stage, chat, json!({}));
    let revoke = json!({ "chat_id": chat, "code": code });
    stage.ok(&user(PREMIUM), "invite.revoke", revoke.clone());
    stage.refused(
        &user(BASIC),
        "invite.resolve",
        follow(&code),
        "ERR_INVITE_INVALID",
    );
    // Revoking is final, and repeatable.
    stage.ok(&user(PREMIUM), "invite.revoke", revoke);
    stage.refused(
        &user(BASIC),
        "invite.resolve",
        follow(&code),
        "ERR_INVITE_INVALID",
    );
    let unknown = json!({ "chat_id": chat, "code": UNKNOWN });
    stage.refused(
        &user(PREMIUM),
        "invite.revoke",
        unknown,
        "ERR_INVITE_INVALID",
    );
}

#[test]
fn an_invite_is_revoked_only_through_its_own_chat() {
    let stage = Stage::new();
    let mine = stage.chat(ChatType::Private, PREMIUM, None);
    let theirs = stage.chat(ChatType::Private, LIFETIME, None);
    let code = invite(&stage, theirs, json!({}));
    let revoke = json!({ "chat_id": mine, "code": code });
    stage.refused(
        &user(PREMIUM),
        "invite.revoke",
        revoke,
        "ERR_INVITE_INVALID",
    );
    stage.ok(&user(BASIC), "invite.resolve", follow(&code));
}

#[test]
fn no_event_holds_a_live_code_spec_12_2() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Private, PREMIUM, None);
    let before = stage.as_of();
    let code = invite(&stage, chat, json!({}));
    stage.ok(&user(BASIC), "invite.resolve", follow(&code));
    let events = stage.events(before);
    assert_eq!(events[0]["data"]["changed"], json!(["invites"]));
    assert!(!json!(events).to_string().contains(&code));
    let audit = stage.ok(&user(ADMIN), "audit.list", at(chat));
    assert!(!audit.to_string().contains(&code));
}

#[test]
fn dead_invites_are_forgotten_after_thirty_days_spec_14_3() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Private, PREMIUM, None);
    let live = invite(&stage, chat, json!({}));
    invite(&stage, chat, json!({ "expires_at": START.plus(1) }));
    let used_up = invite(&stage, chat, json!({ "max_uses": 1 }));
    stage.ok(&user(BASIC), "invite.resolve", follow(&used_up));
    let revoked = invite(&stage, chat, json!({}));
    stage.ok(
        &user(PREMIUM),
        "invite.revoke",
        json!({ "chat_id": chat, "code": revoked }),
    );
    let left = || -> i64 {
        stage.portal.tick().unwrap();
        let sql = "SELECT count(*) FROM invite";
        stage.raw().query_row(sql, [], |row| row.get(0)).unwrap()
    };
    stage.clock.advance(30 * DAY - 1);
    assert_eq!(left(), 4);
    stage.clock.advance(2);
    assert_eq!(left(), 1);
    stage.ok(&user(OTHER), "invite.resolve", follow(&live));
}
