//! Socket.IO over real sockets (SPEC 12, 15.3).

mod common;

use common::socket::{Client, Next};
use common::{PATIENCE, TestServer};
use portal_core::{Actor, Options, Portal, Request, catalogue};
use portal_server::{Config, Rates};
use serde_json::{Value, json};

#[tokio::test]
async fn a_guest_connects_and_browses_spec_15_3() {
    let server = TestServer::start().await;
    let owner = server.person_with_role("olga", "owner");
    let chat = server.official_chat(&owner);
    let mut guest = Client::with(&server, Value::Null).await;
    assert_eq!(guest.ready["user_id"], Value::Null);
    let joined = guest.ok("room:join", json!({ "chat_id": chat })).await;
    assert_eq!(joined["may_talk"], false);
    guest
        .refused(
            "message:send",
            json!({ "chat_id": chat, "content": "{}" }),
            "ERR_UNAUTHENTICATED",
        )
        .await;
}

#[tokio::test]
async fn a_token_that_is_none_is_refused_with_a_reason() {
    let server = TestServer::start().await;
    let open = Client::open(&server, &[]).await.unwrap();
    let refused = open
        .connect(json!({ "token": "made-up" }))
        .await
        .err()
        .unwrap();
    assert_eq!(refused["data"]["code"], "ERR_UNAUTHENTICATED");
    let open = Client::open(&server, &[]).await.unwrap();
    let refused = open.connect(json!({ "pass": "word" })).await.err().unwrap();
    assert_eq!(refused["data"]["field"], "auth");
}

#[tokio::test]
async fn whoever_was_refused_may_try_again_on_the_same_socket() {
    let server = TestServer::start().await;
    let ben = server.person("ben");
    let mut client = Client::open(&server, &[]).await.unwrap();
    client.raw(r#"40{"token":"made-up"}"#).await;
    assert!(matches!(client.next().await, Next::Refused(_)));
    let client = client.connect(json!({ "token": ben.token })).await.unwrap();
    assert_eq!(client.ready["user_id"], ben.id);
}

#[tokio::test]
async fn another_namespace_is_refused() {
    let server = TestServer::start().await;
    let mut client = Client::open(&server, &[]).await.unwrap();
    client.raw("40/admin,").await;
    let Next::Refused(refused) = client.next().await else {
        panic!("no refusal");
    };
    assert_eq!(refused["data"]["code"], "ERR_NOT_FOUND");
}

#[tokio::test]
async fn a_cookie_counts_only_from_our_pages_spec_15_3() {
    let server = TestServer::with(Config {
        rates: Rates::OFF,
        allowed_origins: vec!["http://localhost:5173".into()],
        ..Config::default()
    })
    .await;
    let ben = server.person("ben");
    let cookie = format!("psession={}", ben.token);
    let own = server.url();
    for (origin, user) in [
        (Some(own.as_str()), json!(ben.id)),
        (Some("http://localhost:5173"), json!(ben.id)),
        (Some("https://evil.example"), Value::Null),
        (None, Value::Null),
    ] {
        let mut headers = vec![("cookie", cookie.as_str())];
        headers.extend(origin.map(|origin| ("origin", origin)));
        let client = Client::open(&server, &headers).await.unwrap();
        let client = client.connect(Value::Null).await.unwrap();
        assert_eq!(client.ready["user_id"], user, "{origin:?}");
    }
}

#[tokio::test]
async fn a_message_reaches_the_room_and_its_retry_stores_nothing_spec_6_7() {
    let server = TestServer::start().await;
    let olga = server.person_with_role("olga", "owner");
    let ben = server.person("ben");
    let chat = server.official_chat(&olga);
    let mut receiver = Client::of(&server, &ben).await;
    receiver.ok("room:join", json!({ "chat_id": chat })).await;
    let mut sender = Client::of(&server, &olga).await;
    let mut cipher = sender.join_and_publish(chat).await;
    let content = cipher
        .seal(
            olga.id.unsigned_abs(),
            "hello",
            &portal_core::random::SystemRandom,
        )
        .unwrap();
    let send = json!({ "chat_id": chat, "content": content, "client_id": "one" });
    let first = sender.ok("message:send", send.clone()).await;
    let again = sender.ok("message:send", send).await;
    assert_eq!(first["id"], again["id"]);

    let got = said(&mut receiver).await;
    assert_eq!(got["message"]["id"], first["id"]);
    assert_eq!(
        cipher
            .open(
                olga.id.unsigned_abs(),
                got["message"]["content"].as_str().unwrap()
            )
            .unwrap(),
        "hello"
    );
    // The sender gets it too, once: what comes next is another.
    said(&mut sender).await;
    let second = sender.message(chat, &olga, &mut cipher, "again").await;
    assert_eq!(said(&mut sender).await["message"]["id"], second["id"]);
}

/// The next message that a person wrote; notices are passed over.
async fn said(client: &mut Client) -> Value {
    loop {
        let event = client.event("message:new").await;
        if event["message"]["kind"] == "user" {
            return event;
        }
    }
}

#[tokio::test]
async fn what_is_wrong_with_an_event_is_acknowledged() {
    let server = TestServer::start().await;
    let ben = server.person("ben");
    let mut client = Client::of(&server, &ben).await;
    let refused = client
        .refused(
            "room:join",
            json!({ "chat_id": 1, "colour": 2 }),
            "ERR_INVALID",
        )
        .await;
    assert_eq!(refused["field"], "colour");
    let refused = client
        .refused("room:join", json!({ "chat_id": "one" }), "ERR_INVALID")
        .await;
    assert_eq!(refused["field"], "chat_id");
    client.refused("room:join", json!([1]), "ERR_INVALID").await;
    client
        .refused(
            "room:join",
            json!({ "chat_id": 12_345 }),
            "ERR_CHAT_NOT_FOUND",
        )
        .await;
    client
        .refused("room:explode", json!({}), "ERR_UNKNOWN_OPERATION")
        .await;
    client
        .refused("housekeeping.tick", json!({}), "ERR_UNKNOWN_OPERATION")
        .await;
    client
        .refused(
            "room:typing",
            json!({ "chat_id": 12_345 }),
            "ERR_CHAT_NOT_FOUND",
        )
        .await;
}

#[tokio::test]
async fn what_is_no_packet_ends_the_socket() {
    let server = TestServer::start().await;
    let ben = server.person("ben");
    for wrong in [
        "42{",
        "42[1]",
        "45",
        r#"451-["a",{"_placeholder":true,"num":0}]"#,
        "9",
        "42[\"a\",1,2]",
    ] {
        let mut client = Client::of(&server, &ben).await;
        client.raw(wrong).await;
        client.closed().await;
    }
    let mut client = Client::of(&server, &ben).await;
    client.raw_binary(b"\x01\x02").await;
    client.closed().await;
    // An event before connecting.
    let mut client = Client::open(&server, &[]).await.unwrap();
    client.raw(r#"420["room:join",{"chat_id":1}]"#).await;
    client.closed().await;
    // Longer than any frame may be.
    let mut client = Client::of(&server, &ben).await;
    client
        .raw(&format!(
            r#"420["room:join",{{"chat_id":"{}"}}]"#,
            "x".repeat(70_000)
        ))
        .await;
    client.closed().await;
}

#[tokio::test]
async fn a_change_from_another_process_reaches_the_socket_spec_12_1() {
    let server = TestServer::start().await;
    let olga = server.person_with_role("olga", "owner");
    let chat = server.official_chat(&olga);
    let mut client = Client::of(&server, &olga).await;
    client.ok("room:join", json!({ "chat_id": chat })).await;
    let start = tokio::time::Instant::now();
    server.operator(
        "chat.update",
        json!({ "chat_id": chat, "name": "From outside" }),
    );
    let updated = client.event("room:updated").await;
    assert_eq!(updated["chat"]["name"], "From outside");
    assert!(start.elapsed() < PATIENCE / 4, "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_client_that_was_away_gets_what_it_missed_in_order_spec_15_3() {
    let server = TestServer::start().await;
    let olga = server.person_with_role("olga", "owner");
    let ben = server.person("ben");
    let chat = server.official_chat(&olga);
    let mut away = Client::of(&server, &ben).await;
    away.ok("room:join", json!({ "chat_id": chat })).await;
    let rename = |name: &str| {
        server.operator("chat.update", json!({ "chat_id": chat, "name": name }));
    };
    rename("One");
    let after = away.event("room:updated").await["seq"].as_u64().unwrap();
    away.vanish();
    for name in ["Two", "Three", "Four"] {
        rename(name);
    }
    let log_id = {
        let other = Client::of(&server, &ben).await;
        other.ready["log_id"].clone()
    };
    let auth = json!({ "token": ben.token, "after": after, "log_id": log_id });
    let mut back = Client::with(&server, auth).await;
    // The acknowledgement comes first, then what was missed, then what is new.
    let joined = back.ok("room:join", json!({ "chat_id": chat })).await;
    let as_of = joined["as_of"].as_u64().unwrap();
    rename("Five");
    let mut seqs = Vec::new();
    for _ in 0..4 {
        seqs.push(back.event("room:updated").await["seq"].as_u64().unwrap());
    }
    assert!(after < seqs[0] && seqs.is_sorted(), "{seqs:?}");
    assert!(seqs[2] <= as_of && as_of < seqs[3], "{seqs:?}, {as_of}");
    // Joining again replays nothing twice.
    back.ok("room:leave", json!({ "chat_id": chat })).await;
    back.ok("room:join", json!({ "chat_id": chat })).await;
    rename("Six");
    assert_eq!(back.event("room:updated").await["chat"]["name"], "Six");
}

#[tokio::test]
async fn what_was_missed_comes_whole_and_before_what_is_new_however_much_spec_12_2() {
    // More than a socket's queue holds, while more is written.
    const MISSED: u64 = 1500;
    const MORE: u64 = 300;
    let server = TestServer::start().await;
    let olga = server.person_with_role("olga", "owner");
    let chat = server.official_chat(&olga);
    let after = Client::of(&server, &olga).await.ready["as_of"]
        .as_u64()
        .unwrap();
    let rename = move |portal: &Portal, numbers: std::ops::Range<u64>| {
        let mut requests = Vec::new();
        for number in numbers {
            let entry = catalogue::find("chat.update").unwrap();
            let params = json!({ "chat_id": chat, "name": format!("Name {number}") });
            let done = Box::new(|reply: Result<String, _>| drop(reply.unwrap()));
            let params = params.to_string();
            let request = Request::json(portal, Actor::operator(), entry, &params, done);
            requests.push(request.unwrap());
        }
        portal.batch(requests);
    };
    rename(&server.beside, 0..MISSED);
    let auth = json!({ "token": olga.token, "after": after });
    let mut back = Client::with(&server, auth).await;
    let beside = server.beside.clone();
    let writing = tokio::task::spawn_blocking(move || {
        for number in MISSED..MISSED + MORE {
            rename(&beside, number..number + 1);
        }
    });
    back.ok("room:join", json!({ "chat_id": chat })).await;
    let mut last = after;
    for number in 0..MISSED + MORE {
        let event = back.event("room:updated").await;
        let seq = event["seq"].as_u64().unwrap();
        assert!(last < seq, "{number}: {seq} after {last}");
        last = seq;
    }
    writing.await.unwrap();
    // Nothing is between them but the notice of the joining, unless that came last.
    let others = last - after - (MISSED + MORE);
    assert!(others <= 1, "{others}");
}

#[tokio::test]
async fn a_client_of_another_log_starts_over_spec_12_2() {
    let server = TestServer::start().await;
    let ben = server.person("ben");
    for auth in [
        json!({ "token": ben.token, "after": 0, "log_id": "another" }),
        json!({ "token": ben.token, "after": 9_999_999 }),
    ] {
        let mut client = Client::with(&server, auth).await;
        assert_eq!(
            client.event("resume:failed").await["code"],
            "ERR_EVENTS_PRUNED"
        );
        // It is connected all the same.
        client
            .refused("room:join", json!({ "chat_id": 77 }), "ERR_CHAT_NOT_FOUND")
            .await;
    }
}

#[tokio::test]
async fn typing_passes_through_to_the_others_spec_10_3() {
    let server = TestServer::start().await;
    let olga = server.person_with_role("olga", "owner");
    let ben = server.person("ben");
    let chat = server.official_chat(&olga);
    let mut one = Client::of(&server, &olga).await;
    one.ok("room:join", json!({ "chat_id": chat })).await;
    let mut other = Client::of(&server, &ben).await;
    other
        .refused("room:typing", json!({ "chat_id": chat }), "ERR_NOT_JOINED")
        .await;
    other.ok("room:join", json!({ "chat_id": chat })).await;
    other.ok("room:typing", json!({ "chat_id": chat })).await;
    assert_eq!(one.event("room:typing").await["user_id"], ben.id);
}

#[tokio::test]
async fn members_are_told_when_somebody_comes_and_goes_spec_10_2() {
    let server = TestServer::start().await;
    let olga = server.person_with_role("olga", "owner");
    let chat = server.official_chat(&olga);
    let mut stays = Client::of(&server, &olga).await;
    stays.ok("room:join", json!({ "chat_id": chat })).await;
    let mut leaves = Client::with(&server, Value::Null).await;
    leaves.ok("room:join", json!({ "chat_id": chat })).await;
    while stays.event("room:members").await["viewer_count"] != 2 {}
    leaves.vanish();
    while stays.event("room:members").await["viewer_count"] != 1 {}
}

#[tokio::test]
async fn a_lost_socket_counts_for_nobody_although_the_file_is_locked_spec_10_1() {
    let server = TestServer::start().await;
    let olga = server.person_with_role("olga", "owner");
    let ben = server.person("ben");
    let chat = server.official_chat(&olga);
    let mut stays = Client::of(&server, &olga).await;
    stays.ok("room:join", json!({ "chat_id": chat })).await;
    let mut leaves = Client::of(&server, &ben).await;
    leaves.ok("room:join", json!({ "chat_id": chat })).await;
    while stays.event("room:members").await["viewer_count"] != 2 {}
    let locked = rusqlite::Connection::open(server.beside.path()).unwrap();
    locked.execute_batch("BEGIN IMMEDIATE").unwrap();
    leaves.vanish();
    while stays.event("room:members").await["viewer_count"] != 1 {}
    drop(locked);
    // What is answered now was queued behind it.
    stays.ok("room:typing", json!({ "chat_id": chat })).await;
    let db = rusqlite::Connection::open(server.beside.path()).unwrap();
    let left = "SELECT left_at IS NOT NULL FROM joining WHERE session_id = ?";
    let has_left: bool = db.query_row(left, [ben.session], |row| row.get(0)).unwrap();
    assert!(has_left);
}

#[tokio::test]
async fn room_joins_are_limited_by_person_spec_15_4() {
    let server = TestServer::with(Config {
        rates: Rates {
            join: 2,
            ..Rates::default()
        },
        ..Config::default()
    })
    .await;
    let ben = server.person("ben");
    let mut client = Client::of(&server, &ben).await;
    for _ in 0..2 {
        client
            .refused("room:join", json!({ "chat_id": 77 }), "ERR_CHAT_NOT_FOUND")
            .await;
    }
    let mut elsewhere = Client::of(&server, &server.session_of(ben.id)).await;
    let refused = elsewhere
        .refused("room:join", json!({ "chat_id": 77 }), "ERR_RATE_LIMITED")
        .await;
    assert!(refused["retry_after_ms"].as_u64().unwrap() > 0);
}

#[tokio::test]
async fn a_socket_that_closes_in_the_middle_of_its_events_is_forgotten() {
    let server = TestServer::start().await;
    let olga = server.person_with_role("olga", "owner");
    let chat = server.official_chat(&olga);
    let mut watcher = Client::of(&server, &olga).await;
    watcher.ok("room:join", json!({ "chat_id": chat })).await;
    for _ in 0..20 {
        let mut client = Client::with(&server, Value::Null).await;
        for ack in 0..5 {
            client
                .raw(&format!(r#"42{ack}["room:join",{{"chat_id":{chat}}}]"#))
                .await;
        }
        client.vanish();
    }
    // A last guest is counted, and in the end nobody else but the watcher is there.
    let mut last = Client::with(&server, Value::Null).await;
    last.ok("room:join", json!({ "chat_id": chat })).await;
    last.vanish();
    while watcher.event("room:members").await["viewer_count"] != 1 {}
}

#[tokio::test]
async fn the_end_answers_what_is_under_way_and_frees_presence_spec_15_5() {
    let mut server = TestServer::start().await;
    let olga = server.person_with_role("olga", "owner");
    let chat = server.official_chat(&olga);
    let mut client = Client::of(&server, &olga).await;
    for ack in 1..=20 {
        client
            .raw(&format!(r#"42{ack}["room:join",{{"chat_id":{chat}}}]"#))
            .await;
    }
    client.until("4320[").await;
    server.begin_stop();
    assert_eq!(client.event("server:closing").await["reason"], "stopping");
    client.closed().await;
    assert_eq!(server.stopped().await, 0);
    let options = Options {
        presence: true,
        ..Options::default()
    };
    Portal::open(server.beside.path(), options).unwrap();
}

#[tokio::test]
async fn a_log_that_was_pruned_before_it_was_read_lets_every_socket_go_spec_12_2() {
    let server = TestServer::start().await;
    let ben = server.person("ben");
    let mut client = Client::of(&server, &ben).await;
    // In one transaction of another process, so that the server sees only the end of it.
    let db = rusqlite::Connection::open(server.beside.path()).unwrap();
    db.busy_timeout(PATIENCE).unwrap();
    db.execute_batch(
        "BEGIN IMMEDIATE;
         INSERT INTO event (at, name, audience, data) VALUES (0, 'config:changed', 'staff', '{\"key\":\"a\"}');
         INSERT INTO event (at, name, audience, data) VALUES (0, 'config:changed', 'staff', '{\"key\":\"b\"}');
         INSERT OR REPLACE INTO meta (key, value) SELECT 'event_horizon', max(seq) - 1 FROM event;
         DELETE FROM event WHERE seq < (SELECT max(seq) FROM event);
         COMMIT;",
    )
    .unwrap();
    assert_eq!(client.event("server:closing").await["reason"], "behind");
    client.closed().await;
    // The session goes on.
    Client::of(&server, &ben).await;
}
