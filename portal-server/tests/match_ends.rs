//! How DIRECT chats end, and how they outlive a lost connection (SPEC 9.8, 9.9, 9.12, 10.1).

mod common;

use common::matched::{
    CHAT_GRACE, CHAT_LASTS, Matched, Talker, after, assert_gone, enqueue, leave, sockets_left,
    status,
};
use common::socket::Client;
use common::{Person, TestServer};
use portal_core::model::{MINUTE, SECOND};
use serde_json::{Value, json};

/// Hears that the other is away, and until when they can come back.
async fn peer_is_away(client: &mut Client, until: &Value) {
    assert_eq!(
        &client.event("room:peer_left").await["grace_until_ms"],
        until
    );
}

/// Hears that the other is gone for good and the chat with them.
async fn peer_is_gone(client: &mut Client, chat: i64, reason: &str) {
    let left = client.event("room:peer_left").await;
    assert_eq!(
        (&left["chat_id"], &left["grace_until_ms"]),
        (&json!(chat), &json!(0))
    );
    is_over(client, chat, reason).await;
}

/// Hears that the chat is over, and of nobody's leaving.
async fn is_over(client: &mut Client, chat: i64, reason: &str) {
    let (ended, before) = client.events_to("match:ended").await;
    assert_eq!(
        (&ended["chat_id"], &ended["reason"]),
        (&json!(chat), &json!(reason))
    );
    let of_a_peer = before.iter().any(|name| name.starts_with("room:peer_"));
    assert!(!of_a_peer, "{before:?}");
    assert_eq!(client.event("room:destroyed").await["chat_id"], chat);
}

#[tokio::test]
async fn leaving_ends_it_at_once_for_both_in_every_tab_spec_9_8() {
    let mut matched = Matched::new().await;
    let Matched {
        ref server, chat, ..
    } = matched;
    let mut in_another_tab = Client::of(server, &matched.ada).await;
    let joined = json!({ "chat_id": chat });
    in_another_tab.ok("room:join", joined.clone()).await;
    let mut ada = Talker::new(&matched.ada, &mut matched.at_ada).await;
    Talker::new(&matched.ben, &mut matched.at_ben).await;
    let mut cipher = ada.publish(server, chat).await;
    ada.say(chat, &mut cipher, "Bye.").await;

    assert_eq!(leave(server, &matched.ada).await.ok()["chat_id"], chat);
    peer_is_gone(&mut matched.at_ben, chat, "peer_left").await;
    is_over(&mut matched.at_ada, chat, "left").await;
    is_over(&mut in_another_tab, chat, "left").await;
    for who in [&matched.ada, &matched.ben] {
        assert_gone(server, who, chat).await;
        assert_eq!(status(server, who).await["state"], "idle");
    }
    in_another_tab
        .refused("room:join", joined, "ERR_CHAT_NOT_FOUND")
        .await;
    leave(server, &matched.ben)
        .await
        .refused(404, "ERR_MATCH_NO_ACTIVE_DIRECT");
}

#[tokio::test]
async fn who_is_lost_has_a_minute_to_come_back_spec_9_9() {
    let mut matched = Matched::new().await;
    let Matched {
        ref server, chat, ..
    } = matched;
    let clock = &matched.clock;
    matched.at_ada.vanish();
    peer_is_away(&mut matched.at_ben, &after(CHAT_GRACE)).await;
    let seen = status(server, &matched.ben).await;
    assert_eq!(seen["chats"][0]["peer_grace_until"], after(CHAT_GRACE));

    // A socket alone is not the way back: the room is.
    clock.advance(CHAT_GRACE - 1);
    let mut at_ada = Client::of(server, &matched.ada).await;
    at_ada.ok("room:join", json!({ "chat_id": chat })).await;
    let returned = matched.at_ben.event("room:peer_returned").await;
    assert_eq!(returned["chat_id"], chat);
    let seen = status(server, &matched.ben).await;
    assert_eq!(seen["chats"][0]["peer_grace_until"], Value::Null);

    // The minute begins anew, and runs out.
    at_ada.vanish();
    peer_is_away(&mut matched.at_ben, &after(CHAT_GRACE - 1 + CHAT_GRACE)).await;
    clock.advance(CHAT_GRACE);
    peer_is_gone(&mut matched.at_ben, chat, "peer_stayed_away").await;
    for who in [&matched.ada, &matched.ben] {
        assert_gone(server, who, chat).await;
    }
}

#[tokio::test]
async fn closing_one_of_two_tabs_tells_nobody_spec_9_9() {
    let mut matched = Matched::new().await;
    let Matched {
        ref server, chat, ..
    } = matched;
    let mut in_another_tab = Client::of(server, &matched.ada).await;
    in_another_tab
        .ok("room:join", json!({ "chat_id": chat }))
        .await;
    matched.at_ada.vanish();
    sockets_left(server, 2).await;
    // What the server does now, it does after it has written down the loss.
    let mut ada = Talker::new(&matched.ada, &mut in_another_tab).await;
    Talker::new(&matched.ben, &mut matched.at_ben).await;
    ada.publish(server, chat).await;
    let (_, before) = matched.at_ben.events_to("portal:key_blob").await;
    assert!(
        !before.iter().any(|name| name.starts_with("room:peer_")),
        "{before:?}"
    );
    let seen = status(server, &matched.ben).await;
    assert_eq!(seen["chats"][0]["peer_grace_until"], Value::Null);
    // The last one is another matter.
    in_another_tab.vanish();
    peer_is_away(&mut matched.at_ben, &after(CHAT_GRACE)).await;
}

#[tokio::test]
async fn it_ends_by_itself_after_a_day_spec_9_12() {
    let mut matched = Matched::new().await;
    matched.clock.advance(CHAT_LASTS);
    for client in [&mut matched.at_ada, &mut matched.at_ben] {
        is_over(client, matched.chat, "expired").await;
    }
    assert_gone(&matched.server, &matched.ada, matched.chat).await;
}

#[tokio::test]
async fn who_is_put_out_of_the_platform_leaves_their_match_and_the_queue_spec_4_3() {
    let mut matched = Matched::new().await;
    let Matched {
        ref server, chat, ..
    } = matched;
    let mona = server.person_with_role("mona", "moderator");
    let dan = server.person("dan");
    let mut at_dan = Client::of(server, &dan).await;
    enqueue(server, &dan, &["chess"]).await.ok();
    for who in [&matched.ada, &dan] {
        let params = json!({ "user_id": who.id, "duration_seconds": 600 });
        let path = "/v1/portal/timeout";
        server.post(Some(&mona), path, params).await.ok();
    }
    peer_is_gone(&mut matched.at_ben, chat, "peer_left").await;
    assert_eq!(at_dan.event("match:dequeued").await["reason"], "timed_out");
    at_dan.event("session:ended").await;
    at_dan.closed().await;
    let stats = server.get(Some(&mona), "/v1/portal/match/stats").await.ok();
    assert_eq!(
        (&stats["waiting"], &stats["active_chats"]),
        (&json!(0), &json!(0))
    );
}

/// A socket of somebody who has heard of all up to this place in the log.
async fn comes_back(server: &TestServer, who: &Person, seen: &Value) -> Client {
    let auth = json!({ "token": who.token, "after": seen });
    Client::with(server, auth).await
}

#[tokio::test]
async fn a_match_outlives_the_server_for_those_who_come_back_spec_10_1() {
    let Matched {
        mut server,
        clock,
        ada,
        ben,
        mut at_ada,
        mut at_ben,
        chat,
    } = Matched::new().await;
    let join = json!({ "chat_id": chat });
    let mut talks = Talker::new(&ada, &mut at_ada).await;
    let mut hears = Talker::new(&ben, &mut at_ben).await;
    let mut cipher_of_ada = talks.publish(&server, chat).await;
    let mut cipher_of_ben = hears.take().await;
    let seen = status(&server, &ada).await["as_of"].clone();

    // Both come back within the minute that begins anew with the server: the chat lives.
    server.begin_stop();
    for client in [&mut at_ada, &mut at_ben] {
        client.event("server:closing").await;
    }
    server.stopped().await;
    clock.advance(30 * SECOND);
    let mut server = server.again().await;
    let until = after(30 * SECOND + CHAT_GRACE);
    clock.advance(MINUTE - 1);
    let mut at_ada = comes_back(&server, &ada, &seen).await;
    while at_ada.event("room:peer_left").await["grace_until_ms"] != until {}
    at_ada.ok("room:join", join.clone()).await;
    let mut at_ben = comes_back(&server, &ben, &seen).await;
    at_ben.event("room:peer_returned").await;
    at_ben.ok("room:join", join.clone()).await;
    at_ada.event("room:peer_returned").await;
    at_ada
        .message(chat, &ada, &mut cipher_of_ada, "Still here?")
        .await;
    let said = loop {
        let told = at_ben.event("message:new").await;
        if told["message"]["kind"] == "user" {
            break told["message"]["content"].as_str().unwrap().to_owned();
        }
    };
    let opened = cipher_of_ben.open(ada.id.unsigned_abs(), &said);
    assert_eq!(opened.unwrap(), "Still here?");

    // The next time one of them does not.
    server.begin_stop();
    server.stopped().await;
    let server = server.again().await;
    let mut at_ada = Client::of(&server, &ada).await;
    at_ada.ok("room:join", join).await;
    clock.advance(CHAT_GRACE);
    peer_is_gone(&mut at_ada, chat, "peer_stayed_away").await;
    let mut at_ben = comes_back(&server, &ben, &seen).await;
    assert_eq!(at_ben.event("match:ended").await["reason"], "stayed_away");
    for who in [&ada, &ben] {
        assert_gone(&server, who, chat).await;
    }
}
