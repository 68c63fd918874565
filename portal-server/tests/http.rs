//! Requests and answers over real connections (SPEC 13.1, 15).

mod common;

use std::sync::Arc;

use common::TestServer;
use portal_core::catalogue;
use portal_core::clock::ManualClock;
use portal_core::model::{SECOND, Timestamp};
use portal_server::http::routes::{ROUTES, Verb};
use portal_server::{Config, EVENTS, Rates};
use serde_json::json;
use tokio::time::timeout;

#[test]
fn every_route_and_event_names_an_operation() {
    let routes = ROUTES.iter().map(|route| route.operation);
    let missing: Vec<_> = routes
        .chain(EVENTS.iter().map(|(_, operation)| *operation))
        .filter(|name| catalogue::find(name).is_err())
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn only_queries_are_read_with_get() {
    for route in ROUTES {
        if let Ok(entry) = catalogue::find(route.operation) {
            // Whom a bot asks about belongs in no address, and so in no log of addresses.
            let posts = entry.writes() || entry.name() == "account.lookup";
            assert_eq!(posts, route.verb == Verb::Post, "{}", route.path);
        }
    }
}

#[tokio::test]
async fn a_bearer_reads_and_writes() {
    let server = TestServer::start().await;
    let olga = server.person_with_role("olga", "owner");
    let new = json!({ "chat_type": "OFFICIAL", "name": "Hall", "e2ee": 3, "slug": "hall" });
    let chat = server.post(Some(&olga), "/v1/portal/chats", new).await.ok();
    let path = format!("/v1/portal/chats/{}", chat["id"]);
    assert_eq!(server.get(Some(&olga), &path).await.ok()["name"], "Hall");
    let update = format!("{path}/config/update");
    server
        .post(Some(&olga), &update, json!({ "name": "Great hall" }))
        .await
        .ok();
    let history = format!("{path}/history?limit=5");
    assert!(server.get(Some(&olga), &history).await.ok()["messages"].is_array());
}

#[tokio::test]
async fn an_error_has_code_sentence_and_request_id_spec_13_1() {
    let server = TestServer::start().await;
    let olga = server.person_with_role("olga", "owner");
    let answer = server.get(Some(&olga), "/v1/portal/chats/77").await;
    let error = answer.refused(404, "ERR_CHAT_NOT_FOUND");
    assert_eq!(
        error["request_id"],
        answer.headers["x-request-id"].to_str().unwrap()
    );
    let wrong = json!({ "chat_type": "OFFICIAL", "name": 5 });
    let answer = server.post(Some(&olga), "/v1/portal/chats", wrong).await;
    assert_eq!(answer.refused(400, "ERR_INVALID")["field"], "name");
    let unknown = json!({ "chat_type": "OFFICIAL", "name": "x", "colour": "red" });
    let answer = server.post(Some(&olga), "/v1/portal/chats", unknown).await;
    assert_eq!(answer.refused(400, "ERR_INVALID")["field"], "colour");
}

#[tokio::test]
async fn what_is_no_json_object_is_refused() {
    let server = TestServer::start().await;
    let olga = server.person_with_role("olga", "owner");
    let bearer = format!("Bearer {}", olga.token);
    let headers = [
        ("authorization", bearer.as_str()),
        ("content-type", "application/json"),
    ];
    for body in [
        &b"{"[..],
        b"[]",
        b"nul",
        b"\"text\"",
        b"{}{}",
        b"\xff\xfe{}",
        b"{\"name\":\"\xc3\x28\"}",
    ] {
        let answer = server.ask("POST", "/v1/portal/chats", &headers, body).await;
        answer.refused(400, "ERR_INVALID");
    }
}

#[tokio::test]
async fn a_body_that_is_too_long_or_no_json_by_its_own_word_is_refused() {
    let server = TestServer::start().await;
    let olga = server.person_with_role("olga", "owner");
    let bearer = format!("Bearer {}", olga.token);
    let long = format!("{{\"name\":\"{}\"}}", "x".repeat(65 * 1024));
    let json = ("content-type", "application/json");
    let auth = ("authorization", bearer.as_str());
    let answer = server
        .ask("POST", "/v1/portal/chats", &[json, auth], long)
        .await;
    answer.refused(413, "ERR_PAYLOAD_TOO_LARGE");
    for other in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonx",
    ] {
        let headers = [("content-type", other), auth];
        let answer = server.ask("POST", "/v1/portal/chats", &headers, "{}").await;
        answer.refused(415, "ERR_UNSUPPORTED_MEDIA");
    }
    let answer = server.ask("POST", "/v1/portal/chats", &[auth], "{}").await;
    answer.refused(415, "ERR_UNSUPPORTED_MEDIA");
}

#[tokio::test]
async fn paths_and_methods_that_there_are_not_say_so() {
    let server = TestServer::start().await;
    for path in [
        "/v1/",
        "/v1/nothing",
        "/v2/users/me",
        "/nothing",
        "/v1/users/0x1",
        "/web/../main.rs",
    ] {
        server.get(None, path).await.refused(404, "ERR_NOT_FOUND");
    }
    let answer = server
        .ask("DELETE", "/v1/portal/chats/7/invites", &[], "")
        .await;
    answer.refused(405, "ERR_METHOD_NOT_ALLOWED");
    assert_eq!(answer.headers["allow"], "GET, HEAD, POST");
    let answer = server.ask("POST", "/", &[], "").await;
    answer.refused(405, "ERR_METHOD_NOT_ALLOWED");
    let answer = server.get(None, "/v1/op/chat.get").await;
    answer.refused(405, "ERR_METHOD_NOT_ALLOWED");
    let answer = server.post(None, "/v1/portal/status", json!({})).await;
    answer.refused(405, "ERR_METHOD_NOT_ALLOWED");
    assert_eq!(answer.headers["allow"], "GET, HEAD");
}

#[tokio::test]
async fn without_a_session_what_needs_one_is_refused() {
    let server = TestServer::start().await;
    let answer = server
        .post(
            None,
            "/v1/portal/chats",
            json!({ "chat_type": "PUBLIC", "name": "A room", "slug": "some-name" }),
        )
        .await;
    answer.refused(401, "ERR_UNAUTHENTICATED");
    assert_eq!(answer.headers["www-authenticate"], "Bearer");
    let answer = server
        .ask(
            "GET",
            "/v1/portal/chats/1",
            &[("authorization", "Bearer none")],
            "",
        )
        .await;
    answer.refused(401, "ERR_UNAUTHENTICATED");
}

#[tokio::test]
async fn a_cookie_changes_things_only_from_our_pages_spec_15_1() {
    let server = TestServer::start().await;
    let olga = server.person_with_role("olga", "owner");
    let cookie = format!("psession={}", olga.token);
    let own = server.url();
    let body = r#"{"chat_type":"OFFICIAL","name":"A room","e2ee":3}"#;
    let base = [
        ("cookie", cookie.as_str()),
        ("content-type", "application/json"),
    ];
    for (name, value, fine) in [
        ("origin", own.as_str(), true),
        ("sec-fetch-site", "same-origin", true),
        ("origin", "https://evil.example", false),
        ("sec-fetch-site", "cross-site", false),
        ("x-nothing", "1", false),
    ] {
        let headers = [base[0], base[1], (name, value)];
        let answer = server.ask("POST", "/v1/portal/chats", &headers, body).await;
        if fine {
            answer.ok();
        } else {
            answer.refused(403, "ERR_CROSS_SITE");
        }
    }
    // Reading is harmless: the browser shows the answer to nobody.
    let answer = server
        .ask("GET", "/v1/portal/chats/1", &base[..1], "")
        .await;
    answer.ok();
}

#[tokio::test]
async fn a_write_runs_to_its_end_although_the_client_left() {
    use tokio::io::AsyncWriteExt;
    let server = TestServer::start().await;
    let olga = server.person_with_role("olga", "owner");
    let chat = server.official_chat(&olga);
    let mut follower = server.beside.follow(None).unwrap();
    let body = r#"{"name":"Left"}"#;
    let request = format!(
        "POST /v1/portal/chats/{chat}/config/update HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        olga.token,
        body.len(),
    );
    let mut stream = tokio::net::TcpStream::connect(server.address)
        .await
        .unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    drop(stream);
    let events = tokio::task::spawn_blocking(move || follower.next(1, common::PATIENCE).unwrap())
        .await
        .unwrap();
    assert_eq!(events[0].event.name(), "room:updated");
}

#[tokio::test]
async fn who_asks_too_often_is_told_when_to_come_back_spec_15_4() {
    let rates = Rates {
        public: 3,
        signed_in: 4,
        ..Rates::default()
    };
    let server = TestServer::with(Config {
        rates,
        ..Config::default()
    })
    .await;
    for _ in 0..3 {
        server.get(None, "/v1/portal/status").await.ok();
    }
    let answer = server.get(None, "/v1/portal/status").await;
    let error = answer.refused(429, "ERR_RATE_LIMITED");
    assert!(error["retry_after_ms"].as_u64().unwrap() <= 20_000);
    let seconds: u64 = answer.headers["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=20).contains(&seconds));
    // What sessions do is counted by itself.
    let olga = server.person_with_role("olga", "owner");
    server
        .get(Some(&olga), "/v1/portal/chats/7")
        .await
        .refused(404, "ERR_CHAT_NOT_FOUND");
}

#[tokio::test]
async fn who_proves_nothing_counts_as_a_guest_spec_15_4() {
    let rates = Rates {
        public: 2,
        ..Rates::default()
    };
    let cookie = [("cookie", "psession=abc")];
    let bearer = [("authorization", "Bearer abc")];
    let bot = [("authorization", "Bearer pbot_abc")];
    let passed_on = [("x-forwarded-for", "192.0.2.1")];
    for (method, path, headers, status) in [
        ("GET", "/v1/users/me", &bearer, 401),
        ("POST", "/v1/authentication/bot/send-code", &bot, 401),
        ("POST", "/v1/authentication/logout", &cookie, 403),
        ("GET", "/socket.io/?EIO=4&transport=polling", &bearer, 401),
        ("GET", "/metrics", &passed_on, 403),
        ("GET", "/health", &passed_on, 200),
    ] {
        let server = TestServer::with(Config {
            rates,
            ..Config::default()
        })
        .await;
        for _ in 0..2 {
            let answer = server.ask(method, path, headers, "").await;
            assert_eq!(answer.status, status, "{path}: {answer:?}");
        }
        let answer = server.ask(method, path, headers, "").await;
        answer.refused(429, "ERR_RATE_LIMITED");
        // Who watches over the server from its own machine is not in their way, nor they in his.
        server.get(None, "/health").await.ok();
    }
}

#[tokio::test]
async fn every_answer_tells_browsers_to_do_no_more_with_it() {
    let server = TestServer::start().await;
    for path in [
        "/",
        "/web/page.js",
        "/web/page.css",
        "/v1/portal/status",
        "/nothing",
    ] {
        let answer = server.get(None, path).await;
        assert_eq!(
            answer.headers["x-content-type-options"], "nosniff",
            "{path}"
        );
        assert!(
            answer.headers.contains_key("content-security-policy"),
            "{path}"
        );
    }
    let page = server.get(None, "/").await;
    assert!(page.text.starts_with("<!doctype html>"));
    assert!(
        !page.text.contains("<style")
            && !page.text.contains("style=")
            && !page.text.contains("onclick")
    );
}

#[tokio::test]
async fn health_and_metrics_tell_loopback_the_details_spec_15_6() {
    let server = TestServer::start().await;
    let near = server.get(None, "/health").await.ok();
    assert_eq!(near["status"], "ok");
    assert!(near["disk_free_bytes"].as_u64().unwrap() > 0);
    let passed_on = [("x-forwarded-for", "192.0.2.1")];
    let far = server.ask("GET", "/health", &passed_on, "").await.ok();
    assert_eq!(far, json!({ "status": "ok" }));
    let text = server.get(None, "/metrics").await.text;
    assert!(text.contains("\nportal_connections 1\n"), "{text}");
    let far = server.ask("GET", "/metrics", &passed_on, "").await;
    far.refused(403, "ERR_FORBIDDEN");
}

#[tokio::test]
async fn health_fails_while_housekeeping_does_not_run_spec_15_6() {
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_800_000_000_000)));
    let server = TestServer::by(Arc::clone(&clock)).await;
    // Housekeeping and reading each go on once a second, perhaps between this and the asking.
    let failing = async {
        loop {
            clock.advance(31 * SECOND);
            let answer = server.get(None, "/health").await;
            let (status, body) = (answer.status, answer.json());
            if body["tick_age_seconds"].as_f64().unwrap() > 30.0 {
                return (status, body);
            }
        }
    };
    let (status, failing) = timeout(common::PATIENCE, failing).await.unwrap();
    assert_eq!(status, 503);
    assert_eq!(failing["status"], "failing");
    let well = async { while server.get(None, "/health").await.status != 200 {} };
    timeout(common::PATIENCE, well).await.unwrap();
}

#[tokio::test]
async fn what_a_proxy_of_its_own_header_passes_on_is_not_loopback_spec_15_6() {
    let server = TestServer::with(Config {
        client_address_header: Some("x-real-ip".parse().unwrap()),
        ..Config::default()
    })
    .await;
    // Also where the proxy is asked from its own machine, or says nothing that is an address.
    for told in ["127.0.0.1", "unknown"] {
        let passed_on = [("x-real-ip", told)];
        let far = server.ask("GET", "/metrics", &passed_on, "").await;
        far.refused(403, "ERR_FORBIDDEN");
    }
    assert_eq!(server.get(None, "/metrics").await.status, 200);
}

#[tokio::test]
async fn a_request_with_head_gets_no_body() {
    let server = TestServer::start().await;
    let answer = server.ask("HEAD", "/v1/portal/status", &[], "").await;
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, ""));
}

#[tokio::test]
async fn an_outsider_gets_nothing_of_a_private_chat_by_any_path_spec_4() {
    let server = TestServer::start().await;
    let pia = server.person("pia");
    let ben = server.person("ben");
    server.operator(
        "user.set_tier",
        json!({ "user_id": pia.id, "tier": "lifetime" }),
    );
    let new = json!({ "chat_type": "PRIVATE", "name": "Secret room", "e2ee": 3 });
    let chat = server.post(Some(&pia), "/v1/portal/chats", new).await.ok();
    let id = chat["id"].to_string();
    server
        .get(Some(&pia), &format!("/v1/portal/chats/{id}/history"))
        .await
        .ok();
    for route in ROUTES
        .iter()
        .filter(|route| route.path.contains("{chat_id#}"))
    {
        let path = route
            .path
            .split('?')
            .next()
            .unwrap()
            .replace("{chat_id#}", &id);
        let path = format!("/v1/{}", path.replace("{code}", "AAAAAAAA"));
        for who in [Some(&ben), None] {
            let answer = match route.verb {
                Verb::Get => server.get(who, &path).await,
                Verb::Post => server.post(who, &path, json!({})).await,
            };
            assert!(answer.status.is_client_error(), "{path}: {answer:?}");
            assert!(!answer.text.contains("Secret room"), "{path}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn a_guest_gets_what_is_public_and_nothing_else_by_any_path() {
    let server = TestServer::start().await;
    let olga = server.person_with_role("olga", "owner");
    let chat = server.official_chat(&olga).to_string();
    let mut open = Vec::new();
    for route in ROUTES {
        let path = route
            .path
            .split('?')
            .next()
            .unwrap()
            .replace("{chat_id#}", &chat);
        let path = path
            .replace("{user_id#}", "1")
            .replace("{report_id#}", "1")
            .replace("{code}", "AAAAAAAA");
        let path = format!("/v1/{}", path.replace("{suffix}", "aaaaaa"));
        let answer = match route.verb {
            Verb::Get => server.get(None, &path).await,
            Verb::Post => server.post(None, &path, json!({})).await,
        };
        assert!(!answer.status.is_server_error(), "{path}: {answer:?}");
        if answer.status.is_success() {
            open.push(route.operation);
        }
    }
    open.sort_unstable();
    assert_eq!(
        open,
        [
            "chat.get",
            "directory.list",
            "directory.statistics",
            "message.history",
            "stranger.create"
        ]
    );
}

#[test]
fn every_path_is_in_the_documentation_and_no_other() {
    let documented: Vec<&str> = include_str!("../../docs/server.md")
        .lines()
        .filter(|line| line.starts_with("| GET |") || line.starts_with("| POST |"))
        // These two run no operation of their own.
        .filter(|line| !line.contains("`op/{name}`") && !line.contains("`portal/status`"))
        .collect();
    assert_eq!(documented.len(), ROUTES.len());
    for (line, route) in documented.iter().zip(ROUTES) {
        let verb = if route.verb == Verb::Get {
            "GET"
        } else {
            "POST"
        };
        let path = route.path.replace('#', "");
        let begins = format!("| {verb} | `{path}` | `{}`", route.operation);
        assert!(line.starts_with(&begins), "{line}\n{begins}");
    }
}
