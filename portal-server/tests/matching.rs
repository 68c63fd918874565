//! Being matched over HTTP, and hearing of it by socket (SPEC 9.1 to 9.6, 9.10a, 9.11).

mod common;

use common::TestServer;
use common::matched::{
    CHAT_GRACE, CHAT_LASTS, Matched, QUEUE_GRACE, QUEUE_LASTS, START, Talker, after, answer_where,
    enqueue, leave, server, sockets_left, status,
};
use common::socket::Client;
use hyper::header::HeaderName;
use portal_core::Actor;
use portal_core::model::{MINUTE, SECOND, UserId};
use portal_server::{Config, Rates};
use serde_json::{Value, json};

#[tokio::test]
async fn two_who_ask_are_told_and_in_the_room_on_every_socket_of_theirs_spec_9_4() {
    let (server, _clock) = server().await;
    let (ada, ben) = (server.person("ada"), server.person("ben"));
    let phone = server.session_of(ada.id);
    let mut at_ada = Client::of(&server, &ada).await;
    let mut in_another_tab = Client::of(&server, &ada).await;
    let mut on_the_phone = Client::of(&server, &phone).await;
    let mut at_ben = Client::of(&server, &ben).await;

    let waits = enqueue(&server, &ada, &["music", "chess"]).await.ok();
    assert_eq!(
        (&waits["state"], &waits["expires_at"], &waits["chat"]),
        (&json!("searching"), &after(QUEUE_LASTS), &Value::Null)
    );
    for client in [&mut at_ada, &mut in_another_tab, &mut on_the_phone] {
        let queued = client.event("match:queued").await;
        assert_eq!(queued["expires_at"], after(QUEUE_LASTS));
    }
    let found = enqueue(&server, &ben, &["tea", "music"]).await.ok();
    assert_eq!(found["state"], "matched");
    let chat = found["chat"]["chat_id"].clone();

    let peer = |id: i64, name: &str| json!({ "id": id, "name": name, "country_code": null });
    for (client, sees) in [
        (&mut at_ada, peer(ben.id, "ben")),
        (&mut in_another_tab, peer(ben.id, "ben")),
        (&mut on_the_phone, peer(ben.id, "ben")),
        (&mut at_ben, peer(ada.id, "ada")),
    ] {
        let told = client.event("match:found").await;
        assert_eq!(told["peer"], sees);
        assert_eq!(told["interests"], json!(["music"]));
        assert_eq!(
            (&told["chat_id"], &told["expires_at"]),
            (&chat, &after(CHAT_LASTS))
        );
        // They are in the room: nobody has joined it, and its first message comes.
        let opened = client.event("message:new").await;
        assert_eq!(
            (&opened["chat_id"], &opened["message"]["code"]),
            (&chat, &json!("match_opened"))
        );
    }
}

#[tokio::test]
async fn the_two_exchange_keys_and_talk_without_joining_spec_9_7() {
    let mut matched = Matched::new().await;
    let Matched {
        ref server, chat, ..
    } = matched;
    let mut ada = Talker::new(&matched.ada, &mut matched.at_ada).await;
    let mut ben = Talker::new(&matched.ben, &mut matched.at_ben).await;
    let mut at_ada = ada.publish(server, chat).await;
    let mut at_ben = ben.take().await;
    ada.say(chat, &mut at_ada, "Do you play too?").await;
    assert_eq!(ben.hear(&mut at_ben).await, "Do you play too?");
    ben.say(chat, &mut at_ben, "The cello.").await;
    assert_eq!(ada.hear(&mut at_ada).await, "The cello.");
    // Nobody else gets there, whatever they know.
    let eve = server.person("eve");
    let mut at_eve = Client::of(server, &eve).await;
    at_eve
        .refused(
            "room:join",
            json!({ "chat_id": chat }),
            "ERR_CHAT_NOT_FOUND",
        )
        .await;
}

#[tokio::test]
async fn a_pair_that_another_process_makes_reaches_their_sockets_spec_12_1() {
    let (server, _clock) = server().await;
    let (ada, ben) = (server.person("ada"), server.person("ben"));
    let mut at_ada = Client::of(&server, &ada).await;
    let mut at_ben = Client::of(&server, &ben).await;
    // The one asks the server, the other's wish comes by another process.
    enqueue(&server, &ada, &["music"]).await.ok();
    let beside = |id: i64, interest: &str| {
        let actor = Actor::user(UserId::try_from(id).unwrap());
        let params = json!({ "interests": [interest] }).to_string();
        let reply = server.beside.call_json(&actor, "match.enqueue", &params);
        serde_json::from_str::<Value>(&reply.unwrap()).unwrap()
    };
    let found = beside(ben.id, "music");
    assert_eq!(found["chat"]["peer"]["id"], ada.id);
    let chat = found["chat"]["chat_id"].as_i64().unwrap();
    for client in [&mut at_ada, &mut at_ben] {
        assert_eq!(client.event("match:found").await["chat_id"], chat);
        let opened = client.event("message:new").await;
        assert_eq!(opened["message"]["code"], "match_opened");
    }
    // They are seated as by a match of the server's own: each can send at once.
    let mut ada = Talker::new(&ada, &mut at_ada).await;
    let mut ben = Talker::new(&ben, &mut at_ben).await;
    let mut at_ben = ben.publish(&server, chat).await;
    let mut at_ada = ada.take().await;
    ben.say(chat, &mut at_ben, "Found you.").await;
    assert_eq!(ada.hear(&mut at_ada).await, "Found you.");

    // Whoever is matched there without a socket here is away at once, and the other is told (SPEC 9.4).
    let (cleo, dan) = (server.person("cleo"), server.person("dan"));
    let mut at_cleo = Client::of(&server, &cleo).await;
    enqueue(&server, &cleo, &["tea"]).await.ok();
    beside(dan.id, "tea");
    let left = at_cleo.event("room:peer_left").await;
    assert_eq!(left["grace_until_ms"], after(CHAT_GRACE));
}

#[tokio::test]
async fn asking_needs_a_session_and_a_socket_spec_9_5() {
    let (server, _clock) = server().await;
    let ada = server.person("ada");
    let wish = json!({ "interests": ["music"] });
    server
        .post(None, "/v1/portal/match", wish)
        .await
        .refused(401, "ERR_UNAUTHENTICATED");
    enqueue(&server, &ada, &["music"])
        .await
        .refused(409, "ERR_NOT_CONNECTED");
    let at_ada = Client::of(&server, &ada).await;
    enqueue(&server, &ada, &["music"]).await.ok();
    // Any socket of the person is one; none is none, also after there was one.
    server
        .post(Some(&ada), "/v1/portal/match/dequeue", json!({}))
        .await
        .ok();
    at_ada.vanish();
    sockets_left(&server, 0).await;
    enqueue(&server, &ada, &["music"])
        .await
        .refused(409, "ERR_NOT_CONNECTED");
}

#[tokio::test]
async fn every_refusal_says_what_is_wrong_spec_9_2() {
    let (server, _clock) = server().await;
    let (ada, ben) = (server.person("ada"), server.person("ben"));
    // The words are looked at before anything else: she has no socket either.
    for (interests, field) in [
        (&[][..], "interests"),
        (&["one", "two", "three", "four"], "interests"),
        (&["ab"], "interests[0]"),
        (&["chess", "thirteenchars"], "interests[1]"),
        (&["chess", "Chess"], "interests[1]"),
        (&["chess", "tea", "chess"], "interests[2]"),
        (&["schöne", "tea"], "interests[0]"),
    ] {
        let answer = enqueue(&server, &ada, interests).await;
        let error = answer.refused(400, "ERR_MATCH_BAD_INTEREST");
        assert_eq!(error["field"], field, "{interests:?}");
    }
    for (body, field) in [
        (json!({}), "interests"),
        (json!({ "interests": "chess" }), "interests"),
        (json!({ "interests": ["chess", 7] }), "interests[1]"),
        (
            json!({ "interests": ["chess"], "country": "NO" }),
            "country",
        ),
    ] {
        let answer = server.post(Some(&ada), "/v1/portal/match", body).await;
        assert_eq!(answer.refused(400, "ERR_INVALID")["field"], field);
    }
    leave(&server, &ada)
        .await
        .refused(404, "ERR_MATCH_NO_ACTIVE_DIRECT");

    let _at_ada = Client::of(&server, &ada).await;
    let _at_ben = Client::of(&server, &ben).await;
    enqueue(&server, &ada, &["chess"]).await.ok();
    enqueue(&server, &ada, &["music"])
        .await
        .refused(409, "ERR_MATCH_ALREADY_SEARCHING");
    enqueue(&server, &ben, &["chess"]).await.ok();
    enqueue(&server, &ada, &["music"])
        .await
        .refused(409, "ERR_MATCH_SLOT_LIMIT");
    let path = "/v1/portal/match/leave";
    let other = server.post(Some(&ada), path, json!({ "chat_id": 77 }));
    other.await.refused(404, "ERR_CHAT_NOT_FOUND");
}

#[tokio::test]
async fn with_premium_one_searches_while_matched_and_says_which_to_leave_spec_9_1() {
    let (server, _clock) = server().await;
    let ada = server.person("ada");
    server.operator(
        "user.set_tier",
        json!({ "user_id": ada.id, "tier": "premium" }),
    );
    let mut at_ada = Client::of(&server, &ada).await;
    let mut chats = Vec::new();
    let mut others = Vec::new();
    for name in ["ben", "cleo", "dan"] {
        let other = server.person(name);
        others.push(Client::of(&server, &other).await);
        enqueue(&server, &ada, &["music"]).await.ok();
        let standing = status(&server, &ada).await;
        let expected = if chats.is_empty() {
            "searching"
        } else {
            "matched"
        };
        assert_eq!(
            (&standing["state"], &standing["searching"]),
            (&json!(expected), &json!(true))
        );
        enqueue(&server, &other, &["music"]).await.ok();
        chats.push(at_ada.event("match:found").await["chat_id"].clone());
    }
    enqueue(&server, &ada, &["music"])
        .await
        .refused(409, "ERR_MATCH_SLOT_LIMIT");
    leave(&server, &ada)
        .await
        .refused(409, "ERR_MATCH_AMBIGUOUS");
    let which = json!({ "chat_id": chats[1] });
    let left = server.post(Some(&ada), "/v1/portal/match/leave", which);
    assert_eq!(left.await.ok()["chat_id"], chats[1]);
    // The others go on.
    let standing = status(&server, &ada).await;
    let active = standing["chats"].as_array().unwrap().iter();
    let active: Vec<_> = active.map(|direct| direct["chat_id"].clone()).collect();
    assert_eq!(active, [chats[0].clone(), chats[2].clone()]);
}

#[tokio::test]
async fn whoever_takes_it_back_waits_no_longer_and_may_do_so_twice_spec_9_6() {
    let (server, _clock) = server().await;
    let ada = server.person("ada");
    let mut at_ada = Client::of(&server, &ada).await;
    enqueue(&server, &ada, &["music"]).await.ok();
    for was_searching in [true, false] {
        let path = "/v1/portal/match/dequeue";
        let answer = server.post(Some(&ada), path, json!({})).await;
        assert_eq!(answer.ok()["was_searching"], was_searching);
    }
    assert_eq!(at_ada.event("match:dequeued").await["reason"], "asked");
    assert_eq!(status(&server, &ada).await["state"], "idle");
    // Twice taken back, once told: what comes next is the next wish.
    enqueue(&server, &ada, &["tea"]).await.ok();
    let (_, before) = at_ada.events_to("match:queued").await;
    assert!(before.is_empty(), "{before:?}");
}

#[tokio::test]
async fn an_entry_goes_15_s_after_the_last_connection_however_often_it_is_looked_at_spec_9_5() {
    let (server, clock) = server().await;
    let (ada, ben) = (server.person("ada"), server.person("ben"));
    let mona = server.person_with_role("mona", "moderator");
    let mut at_ada = Client::of(&server, &ada).await;
    let at_ben = Client::of(&server, &ben).await;
    enqueue(&server, &ada, &["music"]).await.ok();
    enqueue(&server, &ben, &["chess"]).await.ok();
    let seen = at_ada.event("match:queued").await["seq"].clone();
    // A live connection is itself the sign of presence.
    clock.advance(MINUTE);
    let standing = status(&server, &ada).await;
    assert_eq!(standing["expires_at"], after(MINUTE + QUEUE_LASTS));
    at_ada.vanish();
    at_ben.vanish();
    let end = MINUTE + QUEUE_GRACE;
    for who in [&ada, &ben] {
        let path = "/v1/portal/match/status";
        answer_where(&server, who, path, |status| {
            status["expires_at"] == after(end)
        })
        .await;
    }
    // Looking changes nothing: neither the end, nor the log.
    let log_end = status(&server, &ada).await["as_of"].clone();
    for _ in 0..3 {
        clock.advance(SECOND);
        let standing = status(&server, &ada).await;
        assert_eq!(
            (
                &standing["state"],
                &standing["expires_at"],
                &standing["as_of"]
            ),
            (&json!("searching"), &after(end), &log_end)
        );
    }
    // One comes back in time, the other does not.
    let mut at_ben = Client::of(&server, &ben).await;
    clock.set(START.plus(end));
    assert_eq!(status(&server, &ada).await["state"], "idle");
    let standing = status(&server, &ben).await;
    assert_eq!(standing["expires_at"], after(end + QUEUE_LASTS));
    let path = "/v1/portal/match/stats";
    answer_where(&server, &mona, path, |stats| stats["waiting"] == 1).await;
    let auth = json!({ "token": ada.token, "after": seen });
    let mut at_ada = Client::with(&server, auth).await;
    assert_eq!(at_ada.event("match:dequeued").await["reason"], "expired");
    // He still waits, and is found.
    enqueue(&server, &ada, &["chess"]).await.ok();
    assert_eq!(at_ben.event("match:found").await["peer"]["id"], ada.id);
}

#[tokio::test]
async fn who_waits_has_15_s_to_come_back_to_a_new_server_spec_10_1() {
    let (mut server, clock) = server().await;
    let (ada, ben) = (server.person("ada"), server.person("ben"));
    let at_ada = Client::of(&server, &ada).await;
    let at_ben = Client::of(&server, &ben).await;
    enqueue(&server, &ada, &["music"]).await.ok();
    enqueue(&server, &ben, &["chess"]).await.ok();
    server.begin_stop();
    server.stopped().await;
    drop((at_ada, at_ben));
    // What was left of the time after the old server let them go does not count.
    clock.advance(QUEUE_GRACE - 1);
    let server = server.again().await;
    let standing = status(&server, &ada).await;
    assert_eq!(standing["expires_at"], after(2 * QUEUE_GRACE - 1));
    let mut at_ada = Client::of(&server, &ada).await;
    clock.advance(QUEUE_GRACE);
    assert_eq!(status(&server, &ada).await["state"], "searching");
    assert_eq!(status(&server, &ben).await["state"], "idle");
    let cleo = server.person("cleo");
    let _at_cleo = Client::of(&server, &cleo).await;
    enqueue(&server, &cleo, &["music"]).await.ok();
    assert_eq!(at_ada.event("match:found").await["peer"]["id"], cleo.id);
}

#[tokio::test]
async fn those_who_parted_are_matched_again_after_the_pause_spec_9_3() {
    let mut matched = Matched::new().await;
    let Matched {
        ref server,
        ref clock,
        ..
    } = matched;
    leave(server, &matched.ada).await.ok();
    for who in [&matched.ada, &matched.ben] {
        let waits = enqueue(server, who, &["music"]).await.ok();
        assert_eq!(waits["state"], "searching");
    }
    clock.advance(MINUTE);
    // Nobody asks for it: housekeeping does it (SPEC 9.5).
    for client in [&mut matched.at_ada, &mut matched.at_ben] {
        let found = client.event("match:found").await;
        assert_ne!(found["chat_id"], matched.chat);
    }
}

/// What the first of two sees of the country of the second, whose requests carry these headers.
async fn country_seen(trusted: Option<&str>, headers: &[(&str, &str)]) -> Value {
    let server = TestServer::with(Config {
        rates: Rates::OFF,
        client_country_header: trusted.map(|name| name.parse::<HeaderName>().unwrap()),
        ..Config::default()
    })
    .await;
    let (ada, ben) = (server.person("ada"), server.person("ben"));
    let mut at_ada = Client::of(&server, &ada).await;
    let _at_ben = Client::of(&server, &ben).await;
    enqueue(&server, &ada, &["music"]).await.ok();
    let bearer = format!("Bearer {}", ben.token);
    let mut all = vec![
        ("authorization", bearer.as_str()),
        ("content-type", "application/json"),
    ];
    all.extend(headers);
    let wish = r#"{"interests":["music"]}"#;
    let found = server.ask("POST", "/v1/portal/match", &all, wish).await;
    // Of whoever waits nothing was said.
    assert_eq!(found.ok()["chat"]["peer"]["country_code"], Value::Null);
    at_ada.event("match:found").await["peer"]["country_code"].clone()
}

#[tokio::test]
async fn a_country_is_a_proxys_word_only_if_configured_spec_9_4() {
    let named = [("cf-ipcountry", "pt")];
    assert_eq!(country_seen(Some("CF-IPCountry"), &named).await, "PT");
    for (trusted, headers) in [
        (None, &named[..]),
        (Some("x-country"), &named[..]),
        (Some("cf-ipcountry"), &[]),
        (Some("cf-ipcountry"), &[("cf-ipcountry", "XX")]),
        (Some("cf-ipcountry"), &[("cf-ipcountry", "T1")]),
    ] {
        let seen = country_seen(trusted, headers).await;
        assert_eq!(seen, Value::Null, "{trusted:?} {headers:?}");
    }
}
