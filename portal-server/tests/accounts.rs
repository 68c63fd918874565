//! Signing in and out by HTTP, and what follows for cookies, sockets and `op/{name}` (SPEC 2, 15).

mod common;

use common::socket::Client;
use common::{Answer, Person, TestServer};
use portal_server::{Config, Rates};
use serde_json::{Value, json};

/// A login code of a person, as the operator makes one.
fn login_code(server: &TestServer, person: &Person) -> Value {
    let code = server.operator("login_code.create", json!({ "user_id": person.id }));
    json!({ "username": code["username"], "secret": code["code"] })
}

/// The value of the session cookie that an answer sets, and all of the header.
fn cookie(answer: &Answer) -> (String, String) {
    let header = answer.headers["set-cookie"].to_str().unwrap().to_owned();
    let value = header.split(';').next().unwrap();
    (value.to_owned(), header)
}

#[tokio::test]
async fn a_code_signs_in_once_and_gives_cookie_and_token_spec_2_3() {
    let server = TestServer::start().await;
    let ben = server.person("ben");
    let code = login_code(&server, &ben);
    let answer = server
        .post(None, "/v1/authentication/verify", code.clone())
        .await;
    let session = answer.ok();
    let (pair, header) = cookie(&answer);
    assert_eq!(
        pair,
        format!("psession={}", session["token"].as_str().unwrap())
    );
    for part in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=2592000"] {
        assert!(header.contains(part), "{header}");
    }
    assert!(!header.contains("Secure"), "{header}");
    let me = server
        .ask("GET", "/v1/users/me", &[("cookie", &pair)], "")
        .await
        .ok();
    assert_eq!(
        (&me["id"], &me["username"]),
        (&json!(ben.id), &json!("ben"))
    );
    let again = server.post(None, "/v1/authentication/verify", code).await;
    again.refused(401, "ERR_LOGIN_INVALID");
}

#[tokio::test]
async fn under_https_the_cookie_is_secure_spec_15_1() {
    let server = TestServer::with(Config {
        public_url: Some("https://chat.example".into()),
        rates: Rates::OFF,
        ..Config::default()
    })
    .await;
    let ben = server.person("ben");
    let code = login_code(&server, &ben);
    let answer = server.post(None, "/v1/authentication/verify", code).await;
    answer.ok();
    assert!(cookie(&answer).1.ends_with("; Secure"));
    assert!(answer.headers.contains_key("strict-transport-security"));
}

#[tokio::test]
async fn another_site_signs_nobody_in() {
    let server = TestServer::start().await;
    let ben = server.person("ben");
    let headers = [
        ("content-type", "application/json"),
        ("origin", "https://evil.example"),
    ];
    let code = login_code(&server, &ben).to_string();
    let answer = server
        .ask("POST", "/v1/authentication/verify", &headers, code)
        .await;
    answer.refused(403, "ERR_CROSS_SITE");
    assert!(!answer.headers.contains_key("set-cookie"));
}

#[tokio::test]
async fn signing_up_gives_a_session_and_signing_out_takes_it_back_spec_2_4() {
    let server = TestServer::start().await;
    let new = json!({ "username": "newcomer" });
    let answer = server
        .post(None, "/v1/authentication/register", new.clone())
        .await;
    assert_ne!(answer.status, 200, "registration is by invite");
    server.operator(
        "config.set",
        json!({ "key": "registration", "value": "open" }),
    );
    let answer = server.post(None, "/v1/authentication/register", new).await;
    let account = answer.ok();
    let (pair, _) = cookie(&answer);

    // Signed in by cookie: a page of another site cannot sign out, our own can.
    let own = server.url();
    let theirs = [
        ("cookie", pair.as_str()),
        ("origin", "https://evil.example"),
    ];
    let answer = server
        .ask("POST", "/v1/authentication/logout", &theirs, "")
        .await;
    answer.refused(403, "ERR_CROSS_SITE");
    let ours = [("cookie", pair.as_str()), ("origin", own.as_str())];
    let answer = server
        .ask("POST", "/v1/authentication/logout", &ours, "")
        .await;
    answer.ok();
    assert!(cookie(&answer).1.contains("Max-Age=0"));
    let answer = server
        .ask("GET", "/v1/users/me", &[("cookie", &pair)], "")
        .await;
    answer.refused(401, "ERR_UNAUTHENTICATED");

    let key = json!({ "username": "newcomer", "secret": account["account_key"] });
    server
        .post(None, "/v1/authentication/verify", key)
        .await
        .ok();
}

#[tokio::test]
async fn an_ended_session_closes_its_sockets_and_no_other_spec_2_2() {
    let server = TestServer::start().await;
    let ben = server.person("ben");
    let phone = server.session_of(ben.id);
    let mut on_phone = Client::of(&server, &phone).await;
    let mut here = Client::of(&server, &ben).await;
    let sessions = server.get(Some(&ben), "/v1/users/me/sessions").await.ok();
    let list = sessions["sessions"].as_array().unwrap();
    let suffix = list
        .iter()
        .find(|session| session["session_id"] == phone.session)
        .unwrap()["suffix"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("/v1/users/me/sessions/{suffix}/destroy");
    server.post(Some(&ben), &path, json!({})).await.ok();
    on_phone.closed().await;
    here.refused("room:join", json!({ "chat_id": 77 }), "ERR_CHAT_NOT_FOUND")
        .await;
    server
        .post(Some(&ben), "/v1/authentication/logout", json!({}))
        .await
        .ok();
    here.closed().await;
}

#[tokio::test]
async fn any_operation_by_name_is_for_admins_and_keeps_their_limits_spec_15_2() {
    let server = TestServer::start().await;
    let ada = server.person_with_role("ada", "admin");
    let ben = server.person("ben");
    let path = "/v1/op/user.get";
    let about = json!({ "user_id": ben.id });
    assert_eq!(
        server.post(Some(&ada), path, about.clone()).await.ok()["username"],
        "ben"
    );
    server
        .post(Some(&ben), path, about.clone())
        .await
        .refused(403, "ERR_FORBIDDEN");
    server
        .post(None, path, about)
        .await
        .refused(401, "ERR_UNAUTHENTICATED");
    let none = server
        .post(Some(&ada), "/v1/op/user.explode", json!({}))
        .await;
    none.refused(404, "ERR_UNKNOWN_OPERATION");
    // What only the operator may, an admin may not by this way either.
    for (operation, params) in [
        ("housekeeping.tick", json!({})),
        ("session.create", json!({ "user_id": ben.id })),
        ("event.list", json!({})),
        ("user.first_owner", json!({})),
    ] {
        let answer = server
            .post(Some(&ada), &format!("/v1/op/{operation}"), params)
            .await;
        answer.refused(403, "ERR_FORBIDDEN");
    }
}

#[tokio::test]
async fn a_moderator_reads_what_was_done_in_open_chats_spec_7_8() {
    let server = TestServer::start().await;
    let mo = server.person_with_role("mona", "moderator");
    let pia = server.person("pia");
    server.operator(
        "user.set_tier",
        json!({ "user_id": pia.id, "tier": "lifetime" }),
    );
    let new = json!({ "chat_type": "PUBLIC", "name": "Square", "slug": "a-square", "e2ee": 3 });
    let chat = server.post(Some(&pia), "/v1/portal/chats", new).await.ok();
    let path = format!(
        "/v1/portal/audit?action=chat.&chat_id={}&limit=5",
        chat["id"]
    );
    let page = server.get(Some(&mo), &path).await.ok();
    assert_eq!(page["rows"][0]["action"], "chat.create");
    assert_eq!(page["rows"][0]["username"], "pia");
    let all = server.get(Some(&mo), "/v1/portal/audit").await.ok();
    assert_eq!(all["rows"].as_array().unwrap().len(), 1);
    server
        .get(Some(&pia), &path)
        .await
        .refused(403, "ERR_FORBIDDEN");
    server
        .get(Some(&mo), "/v1/portal/audit?from=yesterday")
        .await
        .refused(400, "ERR_INVALID");
}

#[tokio::test]
async fn people_and_strangers_block_spec_7_7() {
    let server = TestServer::start().await;
    let ben = server.person("ben");
    let ada = server.person("ada");
    let block = format!("/v1/users/{}/block", ada.id);
    server.post(Some(&ben), &block, json!({})).await.ok();
    let list = "/v1/users/me/blocks?limit=5";
    let page = server.get(Some(&ben), list).await.ok();
    assert_eq!(page["users"][0]["username"], "ada");
    let stranger = server
        .post(None, "/v1/authentication/stranger", json!({}))
        .await
        .ok();
    let stranger = Person {
        id: stranger["user_id"].as_i64().unwrap(),
        session: stranger["session_id"].as_i64().unwrap(),
        token: stranger["token"].as_str().unwrap().to_owned(),
    };
    server.post(Some(&stranger), &block, json!({})).await.ok();
    let unblock = format!("/v1/users/{}/unblock", ada.id);
    server.post(Some(&ben), &unblock, json!({})).await.ok();
    let page = server.get(Some(&ben), list).await.ok();
    assert_eq!(page["users"], json!([]));
    server
        .post(None, &block, json!({}))
        .await
        .refused(401, "ERR_UNAUTHENTICATED");
}

#[tokio::test]
async fn one_takes_out_what_is_stored_of_oneself_spec_1_9() {
    let server = TestServer::start().await;
    let ben = server.person("ben");
    let all = server.get(Some(&ben), "/v1/users/me/export").await.ok();
    assert_eq!(all["user"]["username"], "ben");
    assert_eq!(all["sessions"][0]["session_id"], ben.session);
    server
        .get(None, "/v1/users/me/export")
        .await
        .refused(401, "ERR_UNAUTHENTICATED");
}

#[tokio::test]
async fn signing_in_is_limited_by_the_minute_spec_15_4() {
    let server = TestServer::with(Config {
        rates: Rates {
            login: 2,
            ..Rates::default()
        },
        ..Config::default()
    })
    .await;
    let wrong = json!({ "username": "nobody", "secret": "WRONGONE" });
    for _ in 0..2 {
        let answer = server
            .post(None, "/v1/authentication/verify", wrong.clone())
            .await;
        answer.refused(401, "ERR_LOGIN_INVALID");
    }
    let answer = server.post(None, "/v1/authentication/verify", wrong).await;
    answer.refused(429, "ERR_RATE_LIMITED");
    assert!(answer.headers.contains_key("retry-after"));
}

#[tokio::test]
async fn the_client_address_is_a_proxys_word_only_if_configured_spec_15_4() {
    let rates = Rates {
        public: 1,
        ..Rates::default()
    };
    let asked_by = |server: TestServer| async move {
        let mut statuses = Vec::new();
        for from in ["192.0.2.1", "192.0.2.2", "192.0.2.2"] {
            let headers = [("x-forwarded-for", from)];
            let answer = server.ask("GET", "/v1/portal/status", &headers, "").await;
            statuses.push(answer.status.as_u16());
        }
        statuses
    };
    let server = TestServer::with(Config {
        rates,
        ..Config::default()
    })
    .await;
    assert_eq!(asked_by(server).await, [200, 429, 429]);
    let server = TestServer::with(Config {
        rates,
        client_address_header: Some("x-forwarded-for".parse().unwrap()),
        ..Config::default()
    })
    .await;
    assert_eq!(asked_by(server).await, [200, 200, 429]);
}
