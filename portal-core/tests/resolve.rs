//! What a code or an address leads to (SPEC 5.3, 5.4).

mod common;

use std::collections::BTreeSet;
use std::net::IpAddr;

use common::{ADMIN, BASIC, LIFETIME, OTHER, PREMIUM, START, STRANGER, Stage, user};
use portal_core::Actor;
use portal_core::model::{ChatId, ChatType, DAY};
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

fn uses(stage: &Stage, code: &str) -> i64 {
    let sql = "SELECT uses FROM invite WHERE code = ?";
    stage
        .raw()
        .query_row(sql, [code], |row| row.get(0))
        .unwrap()
}

fn punish(stage: &Stage, who: i64, chat: Option<ChatId>, kind: &str, until: Option<i64>) {
    stage
        .raw()
        .execute(
            "INSERT INTO punishment (user_id, chat_id, kind, by_actor, at, until) VALUES (?, ?, ?, 'operator', 0, ?)",
            (who, chat.map(ChatId::get), kind, until),
        )
        .unwrap();
}

/// A code of the right form that nobody made.
const UNKNOWN: &str = "zzzzzzzzzzzzzzzz";

#[test]
fn a_good_code_makes_a_member_spec_5_3() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Private, PREMIUM, None);
    let code = invite(&stage, chat, json!({}));
    let before = stage.as_of();
    let reply = stage.ok(&user(BASIC), "invite.resolve", follow(&code));
    assert_eq!(
        (&reply["chat_id"], &reply["chat"]["id"]),
        (&json!(chat), &json!(chat))
    );
    assert_eq!(
        (&reply["already_member"], &reply["joined"]),
        (&json!(false), &json!(true))
    );
    stage.ok(&user(BASIC), "chat.get", at(chat));
    assert_eq!(uses(&stage, &code), 1);
    let via: String = stage
        .raw()
        .query_row(
            "SELECT via FROM membership WHERE user_id = ?",
            [BASIC],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(via, "invite");
    let events = stage.events(before);
    assert_eq!(events[0]["name"], "room:member_added");
    assert_eq!(
        events[0]["data"],
        json!({ "chat_id": chat, "user_id": BASIC })
    );
    let said = stage.ok(&user(PREMIUM), "message.history", at(chat))["messages"][0].clone();
    assert_eq!(
        (&said["code"], &said["content"]),
        (&json!("joined"), &json!("ben-basic joined"))
    );
    let row: (String, String) = stage
        .raw()
        .query_row("SELECT kind, method FROM activity", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .unwrap();
    assert_eq!(row, ("join".to_owned(), "invite".to_owned()));
}

#[test]
fn owner_and_members_spend_no_use_spec_5_3() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Private, PREMIUM, None);
    stage.member(chat, OTHER);
    let code = invite(&stage, chat, json!({ "max_uses": 1 }));
    let before = stage.as_of();
    for who in [PREMIUM, OTHER] {
        let reply = stage.ok(&user(who), "invite.resolve", follow(&code));
        assert_eq!(
            (&reply["already_member"], &reply["joined"]),
            (&json!(true), &json!(false))
        );
    }
    assert_eq!((uses(&stage, &code), stage.as_of()), (0, before));
    stage.ok(&user(BASIC), "invite.resolve", follow(&code));
}

#[test]
fn every_code_that_opens_nothing_answers_alike_spec_5_3() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Private, PREMIUM, None);
    let expired = invite(&stage, chat, json!({ "expires_at": START.plus(1) }));
    let exhausted = invite(&stage, chat, json!({ "max_uses": 1 }));
    let revoked = invite(&stage, chat, json!({}));
    stage.ok(&user(LIFETIME), "invite.resolve", follow(&exhausted));
    stage.ok(
        &user(PREMIUM),
        "invite.revoke",
        json!({ "chat_id": chat, "code": revoked }),
    );
    stage.clock.advance(1);
    let wrong = [
        &expired,
        &exhausted,
        &revoked,
        UNKNOWN,
        "no-such-address",
        "Not a code!",
        "",
    ];
    let answers: BTreeSet<String> = wrong
        .into_iter()
        .map(|code| {
            let error = stage.refused(
                &user(BASIC),
                "invite.resolve",
                follow(code),
                "ERR_INVITE_INVALID",
            );
            serde_json::to_string(&error).unwrap()
        })
        .collect();
    assert_eq!(answers.len(), 1);
    let counted: i64 = stage
        .raw()
        .query_row("SELECT count(*) FROM attempt", [], |row| row.get(0))
        .unwrap();
    assert_eq!(counted, 7, "each is counted alike");
}

#[test]
fn codes_are_for_people_who_signed_up_spec_1_8() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Private, PREMIUM, None);
    let code = invite(&stage, chat, json!({}));
    // They learn nothing of the code: a good one and a wrong one answer alike.
    for code in [code.as_str(), UNKNOWN] {
        stage.refused(
            &Actor::guest(),
            "invite.resolve",
            follow(code),
            "ERR_UNAUTHENTICATED",
        );
        stage.refused(
            &user(STRANGER),
            "invite.resolve",
            follow(code),
            "ERR_STRANGER_FORBIDDEN",
        );
        stage.refused(
            &Actor::operator(),
            "invite.resolve",
            follow(code),
            "ERR_FORBIDDEN",
        );
    }
    assert_eq!(uses(&stage, &code), 0);
}

#[test]
fn an_address_answers_where_it_leads_and_spends_nothing_spec_5_3() {
    let stage = Stage::new();
    let open = stage.chat(ChatType::Public, PREMIUM, Some("open-door"));
    let official = stage.chat(ChatType::Official, ADMIN, Some("help-desk"));
    for (slug, chat) in [("open-door", open), ("help-desk", official)] {
        for who in [Actor::guest(), user(BASIC), user(STRANGER)] {
            let before = stage.as_of();
            let reply = stage.ok(&who, "invite.resolve", follow(slug));
            assert_eq!(
                (&reply["chat_id"], &reply["joined"]),
                (&json!(chat), &json!(false))
            );
            assert_eq!(reply["already_member"], false);
            assert_eq!(stage.as_of(), before);
        }
    }
    let own = stage.ok(&user(PREMIUM), "invite.resolve", follow("open-door"));
    assert_eq!(own["already_member"], true);
    assert_eq!(
        stage.ok(&user(BASIC), "chat.list", json!({}))["chats"],
        json!([])
    );
}

#[test]
fn the_banned_are_told_so_by_a_good_code_alone_spec_4_4() {
    let stage = Stage::new();
    let closed = stage.chat(ChatType::Private, PREMIUM, None);
    let open = stage.chat(ChatType::Public, PREMIUM, Some("open-door"));
    for chat in [closed, open] {
        punish(&stage, BASIC, Some(chat), "ban", None);
        let code = invite(&stage, chat, json!({}));
        stage.refused(&user(BASIC), "invite.resolve", follow(&code), "ERR_BANNED");
        assert_eq!(uses(&stage, &code), 0);
        stage.ok(
            &user(PREMIUM),
            "invite.revoke",
            json!({ "chat_id": chat, "code": code }),
        );
        stage.refused(
            &user(BASIC),
            "invite.resolve",
            follow(&code),
            "ERR_INVITE_INVALID",
        );
    }
    stage.refused(
        &user(BASIC),
        "invite.resolve",
        follow("open-door"),
        "ERR_BANNED",
    );
}

#[test]
fn invites_rest_while_their_maker_is_timed_out_or_banned_spec_4_2() {
    for (kind, until) in [
        ("timeout", Some(START.plus(DAY).as_millis())),
        ("platform_ban", None),
    ] {
        let stage = Stage::new();
        let chat = stage.chat(ChatType::Private, PREMIUM, None);
        let made = stage.ok(&user(PREMIUM), "invite.create", at(chat));
        let code = made["code"].as_str().unwrap();
        punish(&stage, PREMIUM, None, kind, until);
        stage.refused(
            &user(BASIC),
            "invite.resolve",
            follow(code),
            "ERR_INVITE_INVALID",
        );
        let lift = "UPDATE punishment SET lifted_at = 1";
        match until {
            Some(_) => stage.clock.advance(DAY),
            None => drop(stage.raw().execute(lift, []).unwrap()),
        }
        stage.ok(&user(BASIC), "invite.resolve", follow(code));
    }
}

#[test]
fn an_invite_leads_into_open_chats_too_spec_3_2a() {
    let stage = Stage::new();
    let open = stage.chat(ChatType::Public, PREMIUM, Some("open-door"));
    let code = invite(&stage, open, json!({}));
    stage.ok(&user(BASIC), "invite.resolve", follow(&code));
    let mine = stage.ok(&user(BASIC), "chat.list", json!({}));
    assert_eq!(mine["chats"][0]["relation"], "member");
}

#[test]
fn ten_wrong_codes_a_minute_and_session_spec_5_4() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Private, PREMIUM, None);
    let code = invite(&stage, chat, json!({}));
    let guesser = Actor::session(stage.session(BASIC));
    for _ in 0..10 {
        stage.refused(
            &guesser,
            "invite.resolve",
            follow(UNKNOWN),
            "ERR_INVITE_INVALID",
        );
        stage.clock.advance(1000);
    }
    // Now a good code does not help either, or guessing would go on.
    for code in [UNKNOWN, &code] {
        let error = stage.refused(&guesser, "invite.resolve", follow(code), "ERR_RATE_LIMITED");
        assert_eq!(error.extras().retry_after_ms, Some(50_000));
    }
    let another = Actor::session(stage.session(OTHER));
    stage.ok(&another, "invite.resolve", follow(&code));
    stage.clock.advance(50_000);
    stage.ok(&guesser, "invite.resolve", follow(&code));
}

#[test]
fn ten_wrong_codes_a_minute_and_network_spec_5_4() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Private, PREMIUM, None);
    let code = invite(&stage, chat, json!({}));
    let from = |who: i64, ip: &str| {
        Actor::session(stage.session(who)).from_ip(ip.parse::<IpAddr>().unwrap())
    };
    for n in 0..10 {
        let guesser = from(BASIC, &format!("2001:db8:1:2::{n}"));
        stage.refused(
            &guesser,
            "invite.resolve",
            follow(UNKNOWN),
            "ERR_INVITE_INVALID",
        );
    }
    let neighbour = from(OTHER, "2001:db8:1:2:ffff::1");
    stage.refused(
        &neighbour,
        "invite.resolve",
        follow(&code),
        "ERR_RATE_LIMITED",
    );
    let elsewhere = from(OTHER, "2001:db8:1:3::1");
    stage.ok(&elsewhere, "invite.resolve", follow(&code));
}

#[test]
fn good_codes_are_not_counted_spec_5_4() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Private, PREMIUM, None);
    let code = invite(&stage, chat, json!({}));
    let session = Actor::session(stage.session(BASIC));
    for _ in 0..12 {
        stage.ok(&session, "invite.resolve", follow(&code));
    }
    stage.refused(
        &session,
        "invite.resolve",
        follow(UNKNOWN),
        "ERR_INVITE_INVALID",
    );
}
