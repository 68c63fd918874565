//! Chats: making, labelling and destroying them (SPEC 3.1, 3.2, 3.5, 3.6).

mod common;

use common::{
    ADMIN, BASIC, LIFETIME, MODERATOR, OTHER, OWNER, PREMIUM, START, STRANGER, Stage, user,
};
use portal_core::Actor;
use portal_core::model::{ChatId, ChatType};
use serde_json::{Value, json};

fn get(stage: &Stage, chat: ChatId) -> Value {
    stage.ok(&Actor::operator(), "chat.get", json!({ "chat_id": chat }))
}

fn update(stage: &Stage, chat: ChatId, mut change: Value) {
    change["chat_id"] = json!(chat);
    stage.ok(&user(PREMIUM), "chat.update", change);
}

fn count(stage: &Stage, sql: &str) -> i64 {
    stage.raw().query_row(sql, [], |row| row.get(0)).unwrap()
}

#[test]
fn a_new_chat_has_every_field_and_its_defaults_spec_3_1() {
    let stage = Stage::new();
    let made = stage.ok(
        &user(PREMIUM),
        "chat.create",
        json!({ "chat_type": "PRIVATE", "name": "  Den  ", "description": "Ours" }),
    );
    assert_eq!(
        (&made["name"], &made["description"]),
        (&json!("Den"), &json!("Ours"))
    );
    assert_eq!(
        (&made["slug"], &made["label"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!((&made["e2ee"], &made["epoch"]), (&json!(3), &json!(1)));
    assert_eq!(made["owner"], PREMIUM);
    assert_eq!(
        made["chat_config"],
        json!({
            "wipe_preset": "off", "history_visible": true, "allow_control_requests": false,
            "locked_controls": false, "implicit_hosting": false, "inactive_cursors": false,
            "slow_mode_seconds": 0
        })
    );
    assert_eq!(
        made["browser_config"],
        json!({ "browser": "firefox", "start_url": null, "kiosk": false, "adblock": true })
    );
    assert_eq!(made["created_at"], START.as_millis());
    assert_eq!(made["last_activity_at"], START.as_millis());
}

#[test]
fn the_owner_hears_of_a_chat_that_was_made_for_them_spec_12_1() {
    let stage = Stage::new();
    let before = stage.as_of();
    let chat = stage.chat(ChatType::Private, PREMIUM, None);
    let events = stage.events(before);
    assert_eq!(events[0]["name"], "room:created");
    assert_eq!(
        events[0]["data"],
        json!({ "chat_id": chat, "user_id": PREMIUM })
    );
}

#[test]
fn each_type_is_made_by_those_that_spec_3_2_names() {
    let stage = Stage::new();
    let cases = [
        (ADMIN, "OFFICIAL", None),
        (MODERATOR, "OFFICIAL", Some("ERR_FORBIDDEN")),
        (PREMIUM, "OFFICIAL", Some("ERR_FORBIDDEN")),
        (PREMIUM, "PRIVATE", None),
        (LIFETIME, "PRIVATE", None),
        (BASIC, "PRIVATE", Some("ERR_PREMIUM_REQUIRED")),
        // Whatever the role (SPEC 3.5).
        (OWNER, "PRIVATE", Some("ERR_PREMIUM_REQUIRED")),
        (STRANGER, "PRIVATE", Some("ERR_STRANGER_FORBIDDEN")),
        (PREMIUM, "DIRECT", Some("ERR_FORBIDDEN")),
    ];
    for (who, chat_type, refusal) in cases {
        let params = json!({ "chat_type": chat_type, "name": "A chat" });
        match refusal {
            None => drop(stage.ok(&user(who), "chat.create", params)),
            Some(code) => drop(stage.refused(&user(who), "chat.create", params, code)),
        }
    }
    let params = json!({ "chat_type": "PRIVATE", "name": "A chat" });
    stage.refused(
        &Actor::guest(),
        "chat.create",
        params,
        "ERR_UNAUTHENTICATED",
    );
    // The operator asks for someone, and the rule holds for the owner all the same.
    let params = json!({ "chat_type": "PRIVATE", "name": "A chat", "owner_id": BASIC });
    stage.refused(
        &Actor::operator(),
        "chat.create",
        params,
        "ERR_PREMIUM_REQUIRED",
    );
}

#[test]
fn nobody_makes_a_chat_for_somebody_else_but_the_operator() {
    let stage = Stage::new();
    let params = json!({ "chat_type": "PRIVATE", "name": "A chat", "owner_id": PREMIUM });
    stage.refused(&user(OWNER), "chat.create", params, "ERR_FORBIDDEN");
}

#[test]
fn slots_are_limited_by_tier_and_role_spec_3_5() {
    let stage = Stage::new();
    let make = |owner: i64, chat_type: &str| {
        let params = json!({ "chat_type": chat_type, "name": "A chat" });
        stage.call(&user(owner), "chat.create", params)
    };
    for (owner, chat_type, slots) in [
        (PREMIUM, "PRIVATE", 3),
        (LIFETIME, "PRIVATE", 5),
        (ADMIN, "OFFICIAL", 10),
    ] {
        for _ in 0..slots {
            make(owner, chat_type).unwrap();
        }
        let full = make(owner, chat_type).unwrap_err();
        assert_eq!(full.kind().code(), "ERR_CHAT_SLOT_LIMIT", "{owner}");
    }
    for _ in 0..11 {
        make(OWNER, "OFFICIAL").unwrap();
    }
    // A slot is free again when a chat goes.
    let chat = stage.ok(&user(PREMIUM), "chat.list", json!({}))["chats"][0]["id"].clone();
    stage.ok(&user(PREMIUM), "chat.destroy", json!({ "chat_id": chat }));
    make(PREMIUM, "PRIVATE").unwrap();
}

#[test]
fn public_and_private_share_their_slots_and_official_has_its_own_spec_3_5() {
    let stage = Stage::new();
    let give_premium = "UPDATE user SET tier = 2 WHERE id = ?";
    stage.raw().execute(give_premium, [ADMIN]).unwrap();
    stage.chat(ChatType::Private, ADMIN, None);
    stage.chat(ChatType::Private, ADMIN, None);
    stage.chat(ChatType::Public, ADMIN, Some("third"));
    let another = json!({ "chat_type": "PRIVATE", "name": "A chat" });
    stage.refused(&user(ADMIN), "chat.create", another, "ERR_CHAT_SLOT_LIMIT");
    for _ in 0..10 {
        stage.chat(ChatType::Official, ADMIN, None);
    }
    // Ten chats of the one kind leave the slots of the other as they are.
    let private = stage.ok(&user(ADMIN), "chat.list", json!({}))["chats"][0]["id"].clone();
    stage.ok(&user(ADMIN), "chat.destroy", json!({ "chat_id": private }));
    stage.chat(ChatType::Private, ADMIN, None);
}

#[test]
fn the_operator_sets_how_many_slots_there_are_spec_3_5() {
    let stage = Stage::new();
    stage
        .raw()
        .execute("INSERT INTO setting VALUES ('chats_premium', '1')", [])
        .unwrap();
    stage.chat(ChatType::Private, PREMIUM, None);
    let params = json!({ "chat_type": "PRIVATE", "name": "A chat", "owner_id": PREMIUM });
    stage.refused(
        &Actor::operator(),
        "chat.create",
        params,
        "ERR_CHAT_SLOT_LIMIT",
    );
}

#[test]
fn public_needs_a_slug_and_private_has_none_spec_3_2() {
    let stage = Stage::new();
    for params in [
        json!({ "chat_type": "PUBLIC", "name": "A chat" }),
        json!({ "chat_type": "PRIVATE", "name": "A chat", "slug": "a-chat" }),
    ] {
        let error = stage.refused(&user(PREMIUM), "chat.create", params, "ERR_INVALID");
        assert_eq!(error.extras().field.as_deref(), Some("slug"));
    }
}

#[test]
fn admins_endorse_chats_with_a_label_spec_4_6() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("a-chat"));
    let label = |label: Value| json!({ "chat_id": chat, "label": label });
    stage.refused(
        &user(PREMIUM),
        "chat.set_label",
        label(json!("Best")),
        "ERR_FORBIDDEN",
    );
    stage.refused(
        &user(MODERATOR),
        "chat.set_label",
        label(json!("Best")),
        "ERR_FORBIDDEN",
    );
    let before = stage.as_of();
    stage.ok(&user(ADMIN), "chat.set_label", label(json!("Best")));
    assert_eq!(get(&stage, chat)["label"], "Best");
    assert_eq!(stage.events(before)[0]["data"]["changed"], json!(["label"]));
    stage.ok(&user(ADMIN), "chat.set_label", label(Value::Null));
    assert_eq!(get(&stage, chat)["label"], Value::Null);
    let direct = stage.direct(BASIC, OTHER);
    let params = json!({ "chat_id": direct, "label": "Best" });
    stage.refused(
        &Actor::operator(),
        "chat.set_label",
        params.clone(),
        "ERR_FORBIDDEN",
    );
    stage.refused(&user(ADMIN), "chat.set_label", params, "ERR_CHAT_NOT_FOUND");
}

#[test]
fn destroying_leaves_only_its_own_event_spec_3_6() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("a-chat"));
    let other = stage.chat(ChatType::Private, PREMIUM, None);
    stage.member(chat, BASIC);
    stage.ok(&user(PREMIUM), "invite.create", json!({ "chat_id": chat }));
    let offer = json!({ "chat_id": chat, "user_id": LIFETIME });
    stage.ok(&user(PREMIUM), "chat.transfer", offer);
    update(
        &stage,
        chat,
        json!({ "chat_config": { "slow_mode_seconds": 1 } }),
    );
    stage.ok(&user(PREMIUM), "chat.destroy", json!({ "chat_id": chat }));
    for table in [
        "message",
        "membership",
        "invite",
        "transfer_offer",
        "activity",
    ] {
        let left = format!("SELECT count(*) FROM {table} WHERE chat_id = {chat}");
        assert_eq!(count(&stage, &left), 0, "{table}");
    }
    let about: Vec<_> = stage
        .events(0)
        .into_iter()
        .filter(|event| event["data"]["chat_id"] == json!(chat))
        .collect();
    assert_eq!(
        about.len(),
        1,
        "also the offer, which was for one person: {about:?}"
    );
    assert_eq!(about[0]["name"], "room:destroyed");
    let spared = format!("SELECT count(*) FROM event WHERE chat_id = {other}");
    assert_eq!(count(&stage, &spared), 1);
    let gone = json!({ "chat_id": chat });
    stage.refused(&user(PREMIUM), "chat.get", gone, "ERR_CHAT_NOT_FOUND");
}

#[test]
fn destroying_empties_the_room_and_disconnects_nobody_spec_3_6() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("a-chat"));
    let (_, connection) = stage.connect(BASIC);
    let viewer = Actor::connection(connection);
    stage.ok(&viewer, "room.join", json!({ "chat_id": chat }));
    stage.ok(&user(PREMIUM), "chat.destroy", json!({ "chat_id": chat }));
    let another = stage.chat(ChatType::Public, PREMIUM, Some("another"));
    stage.ok(&viewer, "room.join", json!({ "chat_id": another }));
}

#[test]
fn who_may_destroy_is_what_spec_4_1_says() {
    let stage = Stage::new();
    let open = stage.chat(ChatType::Public, PREMIUM, Some("open"));
    let closed = stage.chat(ChatType::Private, PREMIUM, None);
    let direct = stage.direct(BASIC, OTHER);
    let destroy =
        |who: i64, chat: ChatId| stage.call(&user(who), "chat.destroy", json!({ "chat_id": chat }));
    let code =
        |answer: Result<Value, portal_core::Error>| answer.map_err(|error| error.kind().code());
    assert_eq!(code(destroy(ADMIN, open)), Err("ERR_FORBIDDEN"));
    assert_eq!(code(destroy(BASIC, closed)), Err("ERR_CHAT_NOT_FOUND"));
    assert_eq!(code(destroy(BASIC, direct)), Err("ERR_FORBIDDEN"));
    assert!(destroy(OWNER, open).is_ok() && destroy(ADMIN, closed).is_ok());
}

#[test]
fn a_match_whose_chat_the_operator_destroys_is_over_for_both_spec_9_1() {
    let stage = Stage::new();
    let chat = stage.direct(BASIC, OTHER);
    let before = stage.as_of();
    let operator = Actor::operator();
    stage.ok(&operator, "chat.destroy", json!({ "chat_id": chat }));
    let told: Vec<_> = stage
        .events(before)
        .into_iter()
        .map(|event| (event["name"].clone(), event["data"].clone()))
        .collect();
    let ended = |user: i64| json!({ "chat_id": chat, "user_id": user, "reason": "destroyed" });
    assert_eq!(
        told,
        [
            (json!("match:ended"), ended(BASIC)),
            (json!("match:ended"), ended(OTHER)),
            (json!("room:destroyed"), json!({ "chat_id": chat })),
        ]
    );
    let idle = stage.ok(&user(BASIC), "match.status", json!({}));
    assert_eq!(idle["state"], "idle");
}

#[test]
fn an_act_on_a_chat_leaves_an_audit_row_spec_7_8() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("a-chat"));
    update(&stage, chat, json!({ "slug": "elsewhere" }));
    stage.ok(&user(OWNER), "chat.destroy", json!({ "chat_id": chat }));
    let rows = stage.ok(&user(ADMIN), "audit.list", json!({ "chat_id": chat }));
    let rows = rows["rows"].as_array().unwrap().clone();
    let actions: Vec<_> = rows.iter().map(|row| row["action"].clone()).collect();
    assert_eq!(actions, ["chat.destroy", "chat.update", "chat.create"]);
    assert_eq!(rows[0]["user_id"], OWNER);
    assert_eq!(rows[0]["target"], PREMIUM);
    assert_eq!(
        rows[1]["details"],
        json!({ "changed": ["slug"], "from_slug": "a-chat", "to_slug": "elsewhere" })
    );
}
