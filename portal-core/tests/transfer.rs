//! Giving a chat to somebody else (SPEC 3.7).

mod common;

use common::{ADMIN, BASIC, LIFETIME, OTHER, OWNER, PREMIUM, STRANGER, Stage, user};
use portal_core::Actor;
use portal_core::model::{ChatId, ChatType, DAY};
use serde_json::{Value, json};

fn to(chat: ChatId, receiver: i64) -> Value {
    json!({ "chat_id": chat, "user_id": receiver })
}

fn accept(chat: ChatId) -> Value {
    json!({ "chat_id": chat })
}

fn ban_from_platform(stage: &Stage, who: i64) {
    stage
        .raw()
        .execute(
            "INSERT INTO punishment (user_id, kind, by_actor, at) VALUES (?, 'platform_ban', 'operator', 0)",
            [who],
        )
        .unwrap();
}

#[test]
fn a_transfer_takes_effect_when_the_receiver_accepts_spec_3_7() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Private, PREMIUM, None);
    let before = stage.as_of();
    stage.ok(&user(PREMIUM), "chat.transfer", to(chat, LIFETIME));
    let events = stage.events(before);
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["name"], "room:transfer_offered");
    assert_eq!(events[0]["data"]["user_id"], LIFETIME);
    let mine = stage.ok(&user(PREMIUM), "chat.list", json!({}));
    assert_eq!(mine["chats"][0]["owner"], PREMIUM, "an offer moves nothing");

    let offered = stage.ok(&user(LIFETIME), "chat.list", json!({}));
    assert_eq!(
        (&offered["chats"], &offered["offers"][0]["chat_id"]),
        (&json!([]), &json!(chat))
    );
    let before = stage.as_of();
    let accepted = stage.ok(&user(LIFETIME), "chat.accept_transfer", accept(chat));
    assert_eq!(
        (&accepted["owner"], &accepted["epoch"]),
        (&json!(LIFETIME), &json!(2))
    );
    let events = stage.events(before);
    let names: Vec<_> = events.iter().map(|event| event["name"].clone()).collect();
    assert_eq!(names, ["room:epoch_changed", "message:new", "room:updated"]);
    assert_eq!(events[0]["data"]["reason"], "transferred");
    assert_eq!(events[2]["data"]["changed"], json!(["owner"]));
    let said = stage.ok(&user(LIFETIME), "message.history", accept(chat))["messages"][0].clone();
    assert_eq!(
        (&said["code"], &said["sender"]),
        (&json!("transferred"), &Value::Null)
    );
    assert!(said["content"].as_str().unwrap().contains("lis-lifetime"));
}

#[test]
fn the_former_owner_stays_a_member_spec_3_7() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Private, PREMIUM, None);
    stage.clock.advance(DAY);
    stage.ok(&user(PREMIUM), "chat.transfer", to(chat, LIFETIME));
    stage.ok(&user(LIFETIME), "chat.accept_transfer", accept(chat));
    let mine = stage.ok(&user(PREMIUM), "chat.list", json!({}));
    assert_eq!(mine["chats"][0]["relation"], "member");
    let members = stage.ok(&user(PREMIUM), "member.list", accept(chat));
    assert_eq!(members["owner"]["user_id"], LIFETIME);
    assert_eq!(members["members"][0]["user_id"], PREMIUM);
    assert_eq!(
        members["members"][0]["joined_at"],
        common::START.as_millis(),
        "from the beginning, for what they may read"
    );
    stage.refused(
        &user(LIFETIME),
        "chat.leave",
        accept(chat),
        "ERR_OWNER_CANNOT_LEAVE",
    );
    stage.ok(&user(PREMIUM), "chat.leave", accept(chat));
}

#[test]
fn an_offer_stands_for_seven_days_spec_3_7() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Private, PREMIUM, None);
    stage.ok(&user(PREMIUM), "chat.transfer", to(chat, LIFETIME));
    stage.clock.advance(7 * DAY);
    let late = user(LIFETIME);
    stage.refused(
        &late,
        "chat.accept_transfer",
        accept(chat),
        "ERR_TRANSFER_NOT_FOUND",
    );
    assert_eq!(stage.ok(&late, "chat.list", json!({}))["offers"], json!([]));
    stage.ok(&user(PREMIUM), "chat.transfer", to(chat, LIFETIME));
    stage.clock.advance(7 * DAY - 1);
    stage.ok(&late, "chat.accept_transfer", accept(chat));
    stage.refused(
        &late,
        "chat.accept_transfer",
        accept(chat),
        "ERR_TRANSFER_NOT_FOUND",
    );
}

#[test]
fn only_the_one_it_was_offered_to_accepts_and_a_new_offer_replaces_the_old() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Official, ADMIN, None);
    let refused =
        |who: &Actor, code| drop(stage.refused(who, "chat.accept_transfer", accept(chat), code));
    refused(&user(OWNER), "ERR_TRANSFER_NOT_FOUND");
    refused(&Actor::guest(), "ERR_UNAUTHENTICATED");
    stage
        .raw()
        .execute("UPDATE user SET role = 2 WHERE id IN (5000, 6000)", [])
        .unwrap();
    stage.ok(&user(ADMIN), "chat.transfer", to(chat, BASIC));
    refused(&user(OTHER), "ERR_TRANSFER_NOT_FOUND");
    stage.ok(&user(ADMIN), "chat.transfer", to(chat, OTHER));
    refused(&user(BASIC), "ERR_TRANSFER_NOT_FOUND");
    stage.ok(&user(OTHER), "chat.accept_transfer", accept(chat));
}

#[test]
fn the_receiver_could_have_made_it_at_the_offer_and_at_acceptance_spec_3_7() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Private, PREMIUM, None);
    let official = stage.chat(ChatType::Official, ADMIN, None);
    for (chat, from, receiver, code) in [
        (chat, PREMIUM, BASIC, "ERR_PREMIUM_REQUIRED"),
        (chat, PREMIUM, STRANGER, "ERR_STRANGER_FORBIDDEN"),
        (chat, PREMIUM, PREMIUM, "ERR_INVALID"),
        (chat, PREMIUM, 12_345, "ERR_USER_NOT_FOUND"),
        (official, ADMIN, LIFETIME, "ERR_FORBIDDEN"),
    ] {
        stage.refused(&user(from), "chat.transfer", to(chat, receiver), code);
    }
    stage.ok(&user(PREMIUM), "chat.transfer", to(chat, LIFETIME));
    let tier = |tier: i64| {
        let set = format!("UPDATE user SET tier = {tier} WHERE id = {LIFETIME}");
        stage.raw().execute(&set, []).unwrap();
    };
    tier(0);
    stage.refused(
        &user(LIFETIME),
        "chat.accept_transfer",
        accept(chat),
        "ERR_PREMIUM_REQUIRED",
    );
    tier(3);
    for _ in 0..5 {
        stage.chat(ChatType::Private, LIFETIME, None);
    }
    stage.refused(
        &user(LIFETIME),
        "chat.accept_transfer",
        accept(chat),
        "ERR_CHAT_SLOT_LIMIT",
    );
    stage.refused(
        &user(PREMIUM),
        "chat.transfer",
        to(chat, LIFETIME),
        "ERR_CHAT_SLOT_LIMIT",
    );
}

#[test]
fn who_may_transfer_is_what_spec_4_1_says() {
    let stage = Stage::new();
    let open = stage.chat(ChatType::Public, PREMIUM, Some("open"));
    let direct = stage.direct(BASIC, OTHER);
    stage.refused(
        &user(ADMIN),
        "chat.transfer",
        to(open, LIFETIME),
        "ERR_FORBIDDEN",
    );
    stage.refused(
        &user(BASIC),
        "chat.transfer",
        to(direct, LIFETIME),
        "ERR_FORBIDDEN",
    );
    stage.ok(&user(OWNER), "chat.transfer", to(open, LIFETIME));
    // The operator's takes effect at acceptance as well.
    stage.ok(&Actor::operator(), "chat.transfer", to(open, LIFETIME));
    assert_eq!(
        stage.ok(&Actor::guest(), "chat.get", accept(open))["owner"],
        PREMIUM
    );
}

#[test]
fn a_platform_owner_takes_a_private_chat_from_the_banned_alone_spec_3_7() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Private, PREMIUM, None);
    stage.refused(
        &user(OWNER),
        "chat.transfer",
        to(chat, LIFETIME),
        "ERR_FORBIDDEN",
    );
    ban_from_platform(&stage, PREMIUM);
    stage.ok(&user(OWNER), "chat.transfer", to(chat, LIFETIME));
    stage.ok(&user(LIFETIME), "chat.accept_transfer", accept(chat));
}

#[test]
fn the_address_goes_with_the_chat_and_is_held_for_the_new_owner_spec_3_3() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("corner"));
    stage.ok(&user(PREMIUM), "chat.transfer", to(chat, LIFETIME));
    stage.ok(&user(LIFETIME), "chat.accept_transfer", accept(chat));
    stage.ok(&user(LIFETIME), "chat.destroy", accept(chat));
    let params = json!({ "chat_type": "PUBLIC", "name": "A chat", "slug": "corner" });
    stage.refused(
        &user(PREMIUM),
        "chat.create",
        params.clone(),
        "ERR_SLUG_TAKEN",
    );
    stage.ok(&user(LIFETIME), "chat.create", params);
}
