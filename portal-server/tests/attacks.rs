//! Attacks by requests that are well formed (SPEC 2, 4, 5.4, 15.1): from other sites, with planted cookies, by
//! guessing codes and ids, and by asking for more than one is given.

mod common;

use common::matched::Matched;
use common::socket::Client;
use common::{Answer, Person, TestServer};
use portal_server::EVENTS;
use portal_server::http::openapi::document;
use portal_server::http::routes::{ROUTES, Route, Verb};
use serde_json::{Map, Value, json};

/// What an answer says to whoever compares it with another.
fn said(answer: &Answer) -> (u16, Value) {
    let mut body = answer.json();
    if let Some(error) = body["error"].as_object_mut() {
        error.remove("request_id").expect("every error has its id");
    }
    (answer.status.as_u16(), body)
}

/// A route's path, as the document has it.
fn path_of(route: &Route) -> String {
    let path = route.path.split('?').next().unwrap();
    format!("/v1/{}", path.replace('#', ""))
}

/// A route's address with these values; a name that is not among them stands for something that there is not.
fn address(route: &Route, values: &[(&str, i64)]) -> String {
    let mut path = path_of(route);
    for (name, value) in values {
        path = path.replace(&format!("{{{name}}}"), &value.to_string());
    }
    let path = path.replace("{user_id}", "1").replace("{report_id}", "1");
    path.replace("{suffix}", "aaaaaa")
        .replace("{code}", "aaaaaaaaaaaaaaaa")
}

/// The fields of a route's body, and the smallest body that its operation reads.
fn body_of(document: &Value, route: &Route, who: &Person) -> (Map<String, Value>, Value) {
    let schema = &document["paths"][path_of(route)]["post"]["requestBody"]["content"]["application/json"]
        ["schema"];
    let fields = schema["properties"]
        .as_object()
        .cloned()
        .unwrap_or_default();
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let body = required.iter().map(|name| {
        let name = name.as_str().unwrap();
        let value = match name {
            "user_id" | "to" => json!(who.id),
            "reason" => json!("A reason"),
            "duration_seconds" => json!(60),
            "message_id" | "epoch" => json!(1),
            "ids" => json!([1]),
            "interests" => json!(["music"]),
            "chat_type" => json!("PRIVATE"),
            "state" => json!("resolved"),
            "secret" => json!("AAAAAAAA"),
            "public_key" => json!("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
            _ => json!("made-up"),
        };
        (name.to_owned(), value)
    });
    (fields, body.collect())
}

#[tokio::test]
async fn nothing_is_changed_by_cookie_from_another_sites_page_spec_15_1() {
    let server = TestServer::start().await;
    let olga = server.person_with_role("olga", "owner");
    let chat = server.official_chat(&olga);
    let before = server.operator("event.list", json!({}));
    let cookie = format!("psession={}", olga.token);
    let document = document();
    for route in ROUTES.iter().filter(|route| route.verb == Verb::Post) {
        let path = address(route, &[("chat_id", chat)]);
        let body = body_of(&document, route, &olga).1.to_string();
        for proof in [
            &[("origin", "https://evil.example")][..],
            &[("origin", "null")],
            &[("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "same-site")],
            &[
                ("origin", "https://evil.example"),
                ("sec-fetch-site", "same-origin"),
            ],
            &[],
        ] {
            let mut headers = vec![
                ("cookie", cookie.as_str()),
                ("content-type", "application/json"),
            ];
            headers.extend(proof);
            let answer = server.ask("POST", &path, &headers, body.clone()).await;
            answer.refused(403, "ERR_CROSS_SITE");
            assert!(!answer.headers.contains_key("set-cookie"), "{path}");
        }
        // What a form can send without being asked is not read at all, whoever sends it.
        let bearer = format!("Bearer {}", olga.token);
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "text/plain"),
        ];
        let answer = server.ask("POST", &path, &headers, "{}").await;
        answer.refused(415, "ERR_UNSUPPORTED_MEDIA");
    }
    let after = server.operator("event.list", json!({}));
    assert_eq!(before, after);
}

#[tokio::test]
async fn a_cookie_planted_before_signing_in_is_not_the_session_afterwards() {
    let server = TestServer::start().await;
    let (eve, ben) = (server.person("eve"), server.person("ben"));
    let own = server.url();
    for planted in [eve.token.as_str(), "chosen-by-an-attacker", ""] {
        let code = server.operator("login_code.create", json!({ "user_id": ben.id }));
        let body = json!({ "username": "ben", "secret": code["code"] }).to_string();
        let cookie = format!("psession={planted}");
        let headers = [
            ("cookie", cookie.as_str()),
            ("origin", own.as_str()),
            ("content-type", "application/json"),
        ];
        let answer = server
            .ask("POST", "/v1/authentication/verify", &headers, body)
            .await;
        let token = answer.ok()["token"].as_str().unwrap().to_owned();
        assert_ne!(token, planted);
        let set = answer.headers["set-cookie"].to_str().unwrap();
        assert!(set.starts_with(&format!("psession={token};")), "{set}");
        // The planted one is what it was: hers, or nothing.
        let headers = [("cookie", cookie.as_str())];
        let me = server.ask("GET", "/v1/users/me", &headers, "").await;
        if planted == eve.token {
            assert_eq!(me.ok()["id"], eve.id);
        } else {
            me.refused(401, "ERR_UNAUTHENTICATED");
        }
    }
    // Two cookies of that name prove nothing: one of them is somebody else's.
    let both = format!("psession={}; psession={}", eve.token, ben.token);
    let me = server
        .ask("GET", "/v1/users/me", &[("cookie", &both)], "")
        .await;
    me.refused(401, "ERR_UNAUTHENTICATED");
}

#[tokio::test]
async fn a_guessed_invite_says_nothing_and_ten_a_minute_are_all_spec_5_4() {
    let server = TestServer::start().await;
    let (pia, ben) = (server.person("pia"), server.person("ben"));
    server.operator(
        "user.set_tier",
        json!({ "user_id": pia.id, "tier": "lifetime" }),
    );
    let new = json!({ "chat_type": "PRIVATE", "name": "Closed" });
    let chat = server.post(Some(&pia), "/v1/portal/chats", new).await.ok()["id"].clone();
    let invites = format!("/v1/portal/chats/{chat}/invites");
    let mut codes = Vec::new();
    for uses in [json!({}), json!({ "max_uses": 1 }), json!({})] {
        let made = server.post(Some(&pia), &invites, uses).await.ok();
        codes.push(made["code"].as_str().unwrap().to_owned());
    }
    let [revoked, used, good] = &codes[..] else {
        unreachable!()
    };
    let revoke = format!("{invites}/{revoked}/delete");
    server.post(Some(&pia), &revoke, json!({})).await.ok();
    let cleo = server.person("cleo");
    let resolve = |code: &str| format!("/v1/portal/resolve/{code}");
    server
        .post(Some(&cleo), &resolve(used), json!({}))
        .await
        .ok();

    // What was never there, is spent, is revoked, or is no code at all: one answer.
    let unknown = "a".repeat(good.len());
    let mut wrong = Vec::new();
    for code in [revoked, used, &unknown, "no-such-address", "%20"] {
        wrong.push(said(
            &server.post(Some(&ben), &resolve(code), json!({})).await,
        ));
    }
    assert_eq!(wrong[0].1["error"]["code"], "ERR_INVITE_INVALID");
    assert!(wrong.iter().all(|answer| *answer == wrong[0]), "{wrong:?}");
    for _ in wrong.len()..10 {
        server
            .post(Some(&ben), &resolve(&unknown), json!({}))
            .await
            .refused(404, "ERR_INVITE_INVALID");
    }
    // From now on the right one says no more than a wrong one; another session of the same network is in it too.
    let dora = server.person("dora");
    for who in [&ben, &dora] {
        for code in [good, &unknown] {
            let answer = server.post(Some(who), &resolve(code), json!({})).await;
            let refused = answer.refused(429, "ERR_RATE_LIMITED");
            assert!(refused["retry_after_ms"].as_u64().unwrap() <= 60_000);
        }
    }
    let answer = server
        .get(Some(&ben), &format!("/v1/portal/chats/{chat}"))
        .await;
    answer.refused(404, "ERR_CHAT_NOT_FOUND");
}

#[tokio::test]
async fn a_guessed_login_says_nothing_and_ten_a_minute_are_all_spec_2_3() {
    let server = TestServer::start().await;
    let (ben, cleo) = (server.person("ben"), server.person("cleo"));
    let code = |of: &Person| {
        server.operator("login_code.create", json!({ "user_id": of.id }))["code"].clone()
    };
    let (his, hers) = (code(&ben), code(&cleo));
    let verify = async |name: &str, secret: &Value| {
        let body = json!({ "username": name, "secret": secret });
        server.post(None, "/v1/authentication/verify", body).await
    };
    // A name that there is not, one without a code, and one with another's.
    let made_up = json!("AAAAAAAA");
    let nobody = said(&verify("nobody", &made_up).await);
    assert_eq!(
        (nobody.0, &nobody.1["error"]["code"]),
        (401, &json!("ERR_LOGIN_INVALID"))
    );
    assert_eq!(said(&verify("ben", &made_up).await), nobody);
    assert_eq!(said(&verify("ben", &hers).await), nobody);
    for _ in 2..10 {
        assert_eq!(said(&verify("BEN", &made_up).await), nobody);
    }
    for secret in [&his, &made_up] {
        verify("ben", secret).await.refused(429, "ERR_RATE_LIMITED");
    }
    // Nobody else is locked out by it, and the code did not die by others' tries.
    verify("cleo", &hers).await.ok();
    let elsewhere = portal_core::Actor::guest().from_ip([127, 0, 0, 9].into());
    let body = json!({ "username": "ben", "secret": his }).to_string();
    server
        .beside
        .call_json(&elsewhere, "session.sign_in", &body)
        .unwrap();
}

#[tokio::test]
async fn others_closed_chats_are_as_if_they_were_not_by_any_path_or_event_spec_4() {
    let Matched {
        server,
        ada,
        ben,
        chat: direct,
        ..
    } = Matched::new().await;
    server.operator(
        "user.set_tier",
        json!({ "user_id": ada.id, "tier": "lifetime" }),
    );
    let new = json!({ "chat_type": "PRIVATE", "name": "Closed" });
    let closed = server.post(Some(&ada), "/v1/portal/chats", new).await.ok()["id"]
        .as_i64()
        .unwrap();
    let max = server.person_with_role("max", "moderator");
    let eve = server.person("eve");
    // As long as theirs: an error may say at which column it is.
    let nothing = 9;
    assert!(closed < nothing && direct < nothing);
    let document = document();
    let mut compared = 0;
    for route in ROUTES
        .iter()
        .filter(|route| route.path.contains("{chat_id#}"))
    {
        for who in [Some(&eve), Some(&max), None] {
            let body = body_of(&document, route, &ben).1;
            let ask = async |chat| {
                let path = address(route, &[("chat_id", chat)]);
                let answer = match route.verb {
                    Verb::Get => server.get(who, &path).await,
                    Verb::Post => server.post(who, &path, body.clone()).await,
                };
                said(&answer)
            };
            let none = ask(nothing).await;
            for chat in [closed, direct] {
                assert_eq!(
                    ask(chat).await,
                    none,
                    "{} of {chat} for {who:?}",
                    route.path
                );
            }
            compared += usize::from(none.1["error"]["code"] == "ERR_CHAT_NOT_FOUND");
        }
    }
    assert!(compared > 40, "only {compared} came as far as the chat");
    for who in [Some(&eve), None] {
        let auth = who.map_or(Value::Null, |who| json!({ "token": who.token }));
        let mut client = Client::with(&server, auth).await;
        for (event, _) in EVENTS {
            let mut answers = Vec::new();
            for chat in [nothing, closed, direct] {
                let mut data = json!({ "chat_id": chat });
                match *event {
                    "room:kick" => data["user_id"] = json!(ben.id),
                    "message:send" => data["content"] = json!("made-up"),
                    "keys:publish" => data["epoch"] = json!(1),
                    _ => {}
                }
                answers.push(client.say(event, data).await);
            }
            assert!(
                answers.iter().all(|answer| *answer == answers[0]),
                "{event}: {answers:?}"
            );
        }
    }
}

#[tokio::test]
async fn nobody_gives_themself_more_than_they_have_by_any_field_spec_1_6() {
    let server = TestServer::start().await;
    let (olga, ben) = (
        server.person_with_role("olga", "owner"),
        server.person("ben"),
    );
    let max = server.person_with_role("max", "moderator");
    let chat = server.official_chat(&olga);
    let more = [
        ("role", json!("owner")),
        ("tier", json!("lifetime")),
        ("tier_expires_at", Value::Null),
        ("owner", json!(ben.id)),
        ("owner_id", json!(ben.id)),
        ("user_id", json!(olga.id)),
        ("id", json!(olga.id)),
        ("session_id", json!(olga.session)),
        ("is_admin", json!(true)),
        ("state", json!("active")),
        ("actor", json!("operator")),
        ("as_user", json!(olga.id)),
        ("label", json!("Endorsed")),
        ("__proto__", json!({ "role": "owner" })),
    ];
    let document = document();
    let mut unknown = 0;
    for who in [&ben, &max] {
        let before = server.get(Some(who), "/v1/users/me").await.ok();
        let own = server
            .get(Some(who), "/v1/users/me/subscription")
            .await
            .ok();
        for route in ROUTES.iter().filter(|route| route.verb == Verb::Post) {
            // Those answer a new session, or end this one; the fields are refused there as everywhere.
            let path = address(route, &[("chat_id", chat), ("user_id", olga.id)]);
            let (fields, body) = body_of(&document, route, &olga);
            for (name, value) in &more {
                let in_path = route.path.contains(&format!("{{{name}"));
                if in_path || (fields.contains_key(*name) && body.get(*name).is_some()) {
                    continue;
                }
                let mut body = body.clone();
                body[*name] = value.clone();
                let answer = server.post(Some(who), &path, body).await;
                assert!(
                    answer.status.is_client_error(),
                    "{path} with {name}: {answer:?}"
                );
                if !fields.contains_key(*name) {
                    let refused = answer.refused(400, "ERR_INVALID");
                    unknown += usize::from(refused["field"] == *name);
                }
            }
        }
        let after = server.get(Some(who), "/v1/users/me").await.ok();
        for same in ["id", "role", "tier", "username", "premium_now"] {
            assert_eq!(before[same], after[same]);
        }
        let after = server
            .get(Some(who), "/v1/users/me/subscription")
            .await
            .ok();
        assert_eq!(own["history"], after["history"]);
    }
    assert!(
        unknown > 1000,
        "only {unknown} were refused for the field itself"
    );
}

#[tokio::test]
async fn staff_do_not_raise_themselves_nor_act_upwards_spec_1_4() {
    let server = TestServer::start().await;
    let olga = server.person_with_role("olga", "owner");
    let anna = server.person_with_role("anna", "admin");
    let max = server.person_with_role("max", "moderator");
    for (who, target, role) in [
        (&max, &max, "admin"),
        (&max, &max, "moderator"),
        (&anna, &anna, "owner"),
        (&anna, &max, "admin"),
        (&anna, &olga, "user"),
    ] {
        let body = json!({ "user_id": target.id, "role": role });
        let answer = server.post(Some(who), "/v1/op/user.set_role", body).await;
        answer.refused(403, "ERR_FORBIDDEN");
    }
    for (who, target) in [
        (&max, &max),
        (&max, &anna),
        (&max, &olga),
        (&anna, &anna),
        (&anna, &olga),
    ] {
        for (path, more) in [
            ("hard-mute", json!({})),
            ("timeout", json!({ "duration_seconds": 60 })),
            ("ban", json!({})),
            ("warn", json!({ "reason": "A reason" })),
        ] {
            let mut body = more.clone();
            body["user_id"] = json!(target.id);
            body["reason"] = json!("A reason");
            let answer = server
                .post(Some(who), &format!("/v1/portal/{path}"), body)
                .await;
            answer.refused(403, "ERR_FORBIDDEN");
        }
    }
    // The operator's own are nobody's over the network, by name neither.
    for name in ["config.set", "session.create", "login_code.create"] {
        let body = match name {
            "config.set" => json!({ "key": "registration", "value": "open" }),
            _ => json!({ "user_id": olga.id }),
        };
        let answer = server
            .post(Some(&anna), &format!("/v1/op/{name}"), body)
            .await;
        answer.refused(403, "ERR_FORBIDDEN");
    }
}
