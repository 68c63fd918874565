//! The way of an operation: parameters, facts, policy, rows, events, commit.

mod common;

use common::{ADMIN, BASIC, OTHER, PREMIUM, STRANGER, Stage, user};
use portal_core::Actor;
use portal_core::model::ChatType;
use serde_json::json;

#[test]
fn a_change_writes_its_event_in_the_same_transaction_spec_12_1() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Private, PREMIUM, None);
    let before = stage.as_of();
    stage.ok(
        &user(PREMIUM),
        "chat.update",
        json!({ "chat_id": chat, "name": "Renamed" }),
    );
    let events = stage.events(before);
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["name"], "room:updated");
    assert_eq!(
        events[0]["data"],
        json!({ "chat_id": chat, "changed": ["name"] })
    );
}

#[test]
fn a_refusal_changes_nothing() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("a-chat"));
    let before = stage.as_of();
    let rename = json!({ "chat_id": chat, "name": "Renamed" });
    stage.refused(&user(BASIC), "chat.update", rename, "ERR_FORBIDDEN");
    assert_eq!(stage.as_of(), before);
    assert_eq!(
        stage.ok(&user(BASIC), "chat.get", json!({ "chat_id": chat }))["name"],
        "A chat"
    );
}

#[test]
fn what_the_actor_may_not_see_does_not_exist_spec_4_4() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Private, PREMIUM, None);
    for (name, params) in [
        ("chat.get", json!({ "chat_id": chat })),
        ("message.history", json!({ "chat_id": chat })),
        ("chat.update", json!({ "chat_id": chat, "name": "Renamed" })),
        ("room.join", json!({ "chat_id": chat })),
    ] {
        let hidden = stage.refused(&user(OTHER), name, params.clone(), "ERR_CHAT_NOT_FOUND");
        let mut elsewhere = params;
        elsewhere["chat_id"] = json!(999);
        let absent = stage.refused(&user(OTHER), name, elsewhere, "ERR_CHAT_NOT_FOUND");
        assert_eq!(hidden.to_string(), absent.to_string());
    }
}

#[test]
fn bad_parameters_name_the_first_wrong_field_spec_13_1() {
    let stage = Stage::new();
    for (params, field) in [
        (json!({ "chat_type": "PRIVATE" }), "name"),
        (json!({ "chat_type": "PRIVATE", "name": "x" }), "name"),
        (
            json!({ "chat_type": "SECRET", "name": "Fine" }),
            "chat_type",
        ),
        (
            json!({ "chat_type": "PRIVATE", "name": "Fine", "colour": 1 }),
            "colour",
        ),
        (
            json!({ "chat_type": "PRIVATE", "name": "Fine", "chat_config": { "wipe_preset": "2h" } }),
            "chat_config.wipe_preset",
        ),
        (json!(["PRIVATE", "a list"]), "."),
    ] {
        let error = stage.refused(&user(PREMIUM), "chat.create", params, "ERR_INVALID");
        assert!(!error.message().contains(" column "), "{error}");
        assert_eq!(error.extras().field.as_deref(), Some(field), "{error}");
    }
    let nonsense = stage
        .portal
        .call_json(&Actor::operator(), "chat.create", "{\"name\":");
    assert_eq!(nonsense.unwrap_err().kind().code(), "ERR_INVALID");
    let unknown = stage
        .portal
        .call_json(&Actor::operator(), "chat.paint", "{}");
    assert_eq!(unknown.unwrap_err().kind().code(), "ERR_UNKNOWN_OPERATION");
}

#[test]
fn what_is_wrong_is_said_in_the_words_of_json_spec_13_1() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Private, PREMIUM, None);
    let said = |name: &str, params: &str| {
        let refused = stage.portal.call_json(&user(PREMIUM), name, params);
        refused.unwrap_err().to_string()
    };
    let limit = |limit: &str| {
        said(
            "message.history",
            &format!(r#"{{"chat_id":{chat},"limit":{limit}}}"#),
        )
    };
    for (told, of) in [
        (limit("70000"), "a whole number from 0 to 65535"),
        (limit("-1"), "a whole number from 0 to 65535"),
        (limit("\"many\""), "a whole number from 0 to 65535"),
        (said("message.history", "null"), "expected an object"),
        (said("message.history", "nonsense"), "this is not JSON"),
        (said("match.status", "{} {}"), "this is not JSON"),
        (
            said("message.delete", r#"{"chat_id":1,"ids":3}"#),
            "expected a list",
        ),
        (
            said("invite.create", r#"{"chat_id":1,"max_uses":-1}"#),
            "a whole number from 1 to",
        ),
    ] {
        assert!(told.contains(of), "{told}");
        assert!(!told.contains("u16") && !told.contains("struct"), "{told}");
    }
}

#[test]
fn a_refusal_says_what_would_help() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Official, ADMIN, None);
    let sent = json!({ "chat_id": chat, "content": "" });
    let refused = stage.refused(&user(ADMIN), "message.send", sent, "ERR_UNAUTHENTICATED");
    assert!(refused.to_string().contains("session.create"), "{refused}");
    let direct = json!({ "chat_type": "DIRECT", "name": "Us" });
    let refused = stage.refused(&user(ADMIN), "chat.create", direct.clone(), "ERR_FORBIDDEN");
    assert!(refused.to_string().contains("match.enqueue"), "{refused}");
    // What the rules say comes first.
    let refused = "ERR_STRANGER_FORBIDDEN";
    stage.refused(&user(STRANGER), "chat.create", direct, refused);
}
