//! The browser's paths and events where no browser is run (SPEC 11.3, 15.2, 15.3), and the public statistics.

mod common;

use common::socket::Client;
use common::{Person, TestServer};
use serde_json::{Value, json};

const NONE: &str = "ERR_BROWSER_UNAVAILABLE";

/// A PUBLIC chat with requests for control, its owner, and somebody who talks there.
async fn square(server: &TestServer) -> (i64, Person, Person) {
    let (pia, ben) = (server.person("pia"), server.person("ben"));
    let tier = json!({ "user_id": pia.id, "tier": "lifetime" });
    server.operator("user.set_tier", tier);
    let new = json!({
        "chat_type": "PUBLIC", "name": "Square", "slug": "a-square", "e2ee": 3,
        "chat_config": { "allow_control_requests": true },
    });
    let chat = server.post(Some(&pia), "/v1/portal/chats", new).await.ok();
    (chat["id"].as_i64().unwrap(), pia, ben)
}

#[tokio::test]
async fn whoever_may_is_told_that_no_browser_is_run_and_others_that_they_may_not_spec_11_3() {
    let server = TestServer::start().await;
    let (chat, pia, ben) = square(&server).await;
    let grant = json!({ "user_id": ben.id });
    let text = json!({ "text": "a text" });
    // What, and whether somebody who only talks there may.
    for (what, body, for_all) in [
        ("browser", None, true),
        ("start", Some(json!({})), false),
        ("stop", Some(json!({})), false),
        ("control/request", Some(json!({})), true),
        ("control/grant", Some(grant), true),
        ("control/release", Some(json!({})), true),
        ("control/take", Some(json!({})), false),
        ("clipboard", None, false),
        ("clipboard", Some(text), false),
        ("screen", None, true),
    ] {
        let ask = async |who: Option<&Person>, chat: i64| {
            let path = format!("/v1/portal/chats/{chat}/{what}");
            match &body {
                Some(body) => server.post(who, &path, body.clone()).await,
                None => server.get(who, &path).await,
            }
        };
        ask(Some(&pia), chat).await.refused(409, NONE);
        let others = ask(Some(&ben), chat).await;
        if for_all {
            others.refused(409, NONE);
        } else {
            others.refused(403, "ERR_FORBIDDEN");
        }
        let guest = ask(None, chat).await;
        if what == "browser" {
            // Whoever may look in may look here too.
            guest.refused(409, NONE);
        } else {
            guest.refused(401, "ERR_UNAUTHENTICATED");
        }
        ask(Some(&pia), 77).await.refused(404, "ERR_CHAT_NOT_FOUND");
    }
}

#[tokio::test]
async fn sockets_are_answered_the_same_spec_15_3() {
    let server = TestServer::start().await;
    let (chat, pia, ben) = square(&server).await;
    let mut owner = Client::of(&server, &pia).await;
    let mut talker = Client::of(&server, &ben).await;
    let here = json!({ "chat_id": chat });
    let grant = json!({ "chat_id": chat, "user_id": ben.id });
    for (event, params, talkers) in [
        ("room:start", &here, "ERR_FORBIDDEN"),
        ("room:stop", &here, "ERR_FORBIDDEN"),
        ("control:request", &here, NONE),
        ("control:grant", &grant, NONE),
        ("control:release", &here, NONE),
        ("control:take", &here, "ERR_FORBIDDEN"),
    ] {
        owner.refused(event, params.clone(), NONE).await;
        talker.refused(event, params.clone(), talkers).await;
    }
}

#[tokio::test]
async fn anybody_reads_how_many_look_at_open_chats_spec_15_2() {
    let server = TestServer::start().await;
    let (chat, pia, ben) = square(&server).await;
    let private = json!({ "chat_type": "PRIVATE", "name": "Parlour", "e2ee": 3 });
    let parlour = server
        .post(Some(&pia), "/v1/portal/chats", private)
        .await
        .ok();
    let mut here = Client::of(&server, &pia).await;
    let mut there = Client::of(&server, &ben).await;
    here.ok("room:join", json!({ "chat_id": chat })).await;
    here.ok("room:join", json!({ "chat_id": parlour["id"] }))
        .await;
    there.ok("room:join", json!({ "chat_id": chat })).await;
    let none = json!({ "chats": 0, "viewed": 0, "viewers": 0 });
    for who in [None, Some(&ben)] {
        let got: Value = server.get(who, "/v1/statistics/chats").await.ok();
        assert_eq!(got["official"], none);
        let public = json!({ "chats": 1, "viewed": 1, "viewers": 2 });
        assert_eq!(got["public"], public);
    }
    let other = server.post(None, "/v1/statistics/chats", json!({})).await;
    other.refused(405, "ERR_METHOD_NOT_ALLOWED");
}
