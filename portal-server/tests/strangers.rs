//! Strangers by their cookie, and what moderators do about them and the matcher (SPEC 1.8, 9.10a, 9.11).

mod common;

use common::matched::{after, answer_where, enqueue, server, status};
use common::socket::Client;
use common::{Answer, TestServer};
use portal_core::model::SECOND;
use serde_json::{Value, json};

/// A stranger in a browser: all they have is the cookie.
struct Stranger {
    id: i64,
    cookie: String,
}

impl Stranger {
    async fn new(server: &TestServer) -> Self {
        let path = "/v1/authentication/stranger";
        let answer = server.post(None, path, json!({})).await;
        let id = answer.ok()["user_id"].as_i64().unwrap();
        let header = answer.headers["set-cookie"].to_str().unwrap();
        let cookie = header.split(';').next().unwrap().to_owned();
        Self { id, cookie }
    }

    async fn socket(&self, server: &TestServer) -> Client {
        let origin = server.url();
        let headers = [("cookie", self.cookie.as_str()), ("origin", &origin)];
        let open = Client::open(server, &headers).await.unwrap();
        let client = open.connect(Value::Null).await.unwrap();
        assert_eq!(client.ready["user_id"], self.id);
        client
    }

    async fn ask(&self, server: &TestServer, method: &str, path: &str, body: Value) -> Answer {
        let origin = server.url();
        let headers = [
            ("cookie", self.cookie.as_str()),
            ("origin", &origin),
            ("content-type", "application/json"),
        ];
        server.ask(method, path, &headers, body.to_string()).await
    }

    async fn enqueue(&self, server: &TestServer) -> Answer {
        let wish = json!({ "interests": ["music"] });
        self.ask(server, "POST", "/v1/portal/match", wish).await
    }
}

#[tokio::test]
async fn a_stranger_is_matched_and_has_that_chat_and_no_other_spec_1_8() {
    let (server, _clock) = server().await;
    let stranger = Stranger::new(&server).await;
    let ada = server.person("ada");
    let mut at_ada = Client::of(&server, &ada).await;
    let mut at_stranger = stranger.socket(&server).await;
    enqueue(&server, &ada, &["music"]).await.ok();
    let found = stranger.enqueue(&server).await.ok();
    assert_eq!(at_ada.event("match:found").await["peer"]["id"], stranger.id);
    at_stranger.event("match:found").await;
    let path = format!("/v1/portal/chats/{}/history", found["chat"]["chat_id"]);
    let page = stranger.ask(&server, "GET", &path, json!({})).await.ok();
    assert_eq!(page["messages"][0]["code"], "match_opened");
    let new = json!({ "chat_type": "PRIVATE", "name": "Mine", "e2ee": 3 });
    stranger
        .ask(&server, "POST", "/v1/portal/chats", new)
        .await
        .refused(403, "ERR_STRANGER_FORBIDDEN");
    // Another site's page cannot ask for them.
    let headers = [
        ("cookie", stranger.cookie.as_str()),
        ("origin", "https://evil.example"),
        ("content-type", "application/json"),
    ];
    server
        .ask("POST", "/v1/portal/match/leave", &headers, "{}")
        .await
        .refused(403, "ERR_CROSS_SITE");
    let answer = stranger
        .ask(&server, "POST", "/v1/portal/match/leave", json!({}))
        .await;
    answer.ok();
    assert_eq!(at_ada.event("match:ended").await["reason"], "peer_left");
}

#[tokio::test]
async fn a_blocked_stranger_stays_blocked_whenever_they_come_back_spec_9_11() {
    let (mut server, _clock) = server().await;
    let stranger = Stranger::new(&server).await;
    let mona = server.person_with_role("mona", "moderator");
    let mut at_stranger = stranger.socket(&server).await;
    stranger.enqueue(&server).await.ok();
    let block = format!("/v1/portal/strangers/{}/block", stranger.id);
    let reason = json!({ "reason": "Shouting" });
    server.post(Some(&mona), &block, reason).await.ok();
    let gone = at_stranger.event("match:dequeued").await;
    assert_eq!(gone["reason"], "blocked");
    assert_eq!(at_stranger.event("match:blocked").await["blocked"], true);
    stranger
        .enqueue(&server)
        .await
        .refused(403, "ERR_STRANGER_BLOCKED");

    // With another socket, and with another server.
    at_stranger.vanish();
    let at_stranger = stranger.socket(&server).await;
    stranger
        .enqueue(&server)
        .await
        .refused(403, "ERR_STRANGER_BLOCKED");
    drop(at_stranger);
    server.begin_stop();
    server.stopped().await;
    let server = server.again().await;
    let mut at_stranger = stranger.socket(&server).await;
    stranger
        .enqueue(&server)
        .await
        .refused(403, "ERR_STRANGER_BLOCKED");

    let unblock = format!("/v1/portal/strangers/{}/unblock", stranger.id);
    server.post(Some(&mona), &unblock, json!({})).await.ok();
    assert_eq!(at_stranger.event("match:blocked").await["blocked"], false);
    assert_eq!(stranger.enqueue(&server).await.ok()["state"], "searching");
}

#[tokio::test]
async fn three_strangers_come_from_one_address_and_no_fourth_spec_1_8() {
    let (server, _clock) = server().await;
    for _ in 0..3 {
        Stranger::new(&server).await;
    }
    let path = "/v1/authentication/stranger";
    let answer = server.post(None, path, json!({})).await;
    answer.refused(429, "ERR_STRANGER_LIMIT");
    assert!(!answer.headers.contains_key("set-cookie"));
}

#[tokio::test]
async fn moderators_see_who_the_strangers_are_page_by_page_spec_9_11() {
    let (server, _clock) = server().await;
    let mona = server.person_with_role("mona", "moderator");
    let (one, other) = (Stranger::new(&server).await, Stranger::new(&server).await);
    let block = format!("/v1/portal/strangers/{}/block", other.id);
    server.post(Some(&mona), &block, json!({})).await.ok();
    let mut seen = Vec::new();
    let mut path = "/v1/portal/strangers?limit=1".to_owned();
    loop {
        let page = server.get(Some(&mona), &path).await.ok();
        let Some(stranger) = page["strangers"].get(0) else {
            break;
        };
        let id = stranger["user_id"].as_i64().unwrap();
        seen.push((id, stranger["blocked"].as_bool().unwrap()));
        path = format!("/v1/portal/strangers?limit=1&after={id}");
    }
    assert_eq!(seen, [(one.id, false), (other.id, true)]);
    // Somebody with an account is no stranger, and nobody is nobody.
    let ada = server.person("ada");
    let path = format!("/v1/portal/strangers/{}/block", ada.id);
    let answer = server.post(Some(&mona), &path, json!({})).await;
    assert_eq!(answer.refused(400, "ERR_INVALID")["field"], "user_id");
    let path = "/v1/portal/strangers/777777/block";
    let answer = server.post(Some(&mona), path, json!({})).await;
    answer.refused(404, "ERR_USER_NOT_FOUND");
}

#[tokio::test]
async fn a_paused_matcher_lets_people_wait_and_resumed_matches_them_spec_9_10a() {
    let (server, clock) = server().await;
    let mona = server.person_with_role("mona", "moderator");
    let (ada, ben) = (server.person("ada"), server.person("ben"));
    let mut at_mona = Client::of(&server, &mona).await;
    let mut at_ada = Client::of(&server, &ada).await;
    let mut at_ben = Client::of(&server, &ben).await;
    let switch = async |word: &str| {
        let path = format!("/v1/portal/match/{word}");
        server.post(Some(&mona), &path, json!({})).await.ok();
    };
    switch("pause").await;
    assert_eq!(at_mona.event("match:paused").await["paused"], true);
    for (who, interests) in [(&ada, ["music", "tea"]), (&ben, ["chess", "music"])] {
        let waits = enqueue(&server, who, &interests).await.ok();
        assert_eq!(
            (&waits["state"], &waits["paused"]),
            (&json!("searching"), &json!(true))
        );
    }
    assert_eq!(status(&server, &ada).await["paused"], true);
    clock.advance(40 * SECOND);
    let path = "/v1/portal/match/stats?limit=2";
    let stats = server.get(Some(&mona), path).await.ok();
    assert_eq!(
        (
            &stats["paused"],
            &stats["waiting"],
            &stats["waiting_since"],
            &stats["active_chats"]
        ),
        (&json!(true), &json!(2), &after(0), &json!(0))
    );
    assert_eq!(
        stats["interests"],
        json!([{ "interest": "music", "waiting": 2 }, { "interest": "chess", "waiting": 1 }])
    );

    switch("resume").await;
    assert_eq!(at_mona.event("match:paused").await["paused"], false);
    for client in [&mut at_ada, &mut at_ben] {
        client.event("match:found").await;
    }
    answer_where(&server, &mona, path, |stats| stats["pairs_per_hour"] == 1).await;
    let stats = server.get(Some(&mona), path).await.ok();
    assert_eq!(
        (&stats["waiting"], &stats["active_chats"]),
        (&json!(0), &json!(1))
    );
    // A waiting time is at most an eighth too long.
    for percentile in ["wait_p50_ms", "wait_p99_ms"] {
        let waited = stats[percentile].as_u64().unwrap();
        assert!((40_000..=45_000).contains(&waited), "{waited}");
    }
}

#[tokio::test]
async fn the_matcher_is_looked_after_by_moderators_alone_spec_4_6() {
    let (server, _clock) = server().await;
    let ada = server.person("ada");
    let stranger = Stranger::new(&server).await;
    let block = format!("/v1/portal/strangers/{}/block", stranger.id);
    let unblock = format!("/v1/portal/strangers/{}/unblock", stranger.id);
    for (method, path) in [
        ("GET", "/v1/portal/match/stats"),
        ("POST", "/v1/portal/match/pause"),
        ("POST", "/v1/portal/match/resume"),
        ("GET", "/v1/portal/strangers"),
        ("POST", &block),
        ("POST", &unblock),
    ] {
        let answers = [
            match method {
                "GET" => server.get(Some(&ada), path).await,
                _ => server.post(Some(&ada), path, json!({})).await,
            },
            stranger.ask(&server, method, path, json!({})).await,
        ];
        for answer in answers {
            assert_eq!(answer.status, 403, "{path}: {answer:?}");
        }
    }
    // Nothing of it was done.
    assert_eq!(status(&server, &ada).await["paused"], false);
    stranger.socket(&server).await;
}
