//! Bots and signing in from another platform by HTTP (SPEC 2.3, 2.5, 15.2).

mod common;

use common::{Answer, Person, TestServer};
use portal_server::{Config, Rates};
use serde_json::{Value, json};

const REQUEST: &str = "/v1/authentication/request";
const VERIFY: &str = "/v1/authentication/verify";
const SEND_CODE: &str = "/v1/authentication/bot/send-code";
const LOGIN_CODE: &str = "/v1/authentication/bot/login-code";
const LOOKUP: &str = "/v1/authentication/lookup";

/// A bot: all that there is to it is a key.
fn bot(server: &TestServer, platform: &str) -> Person {
    let made = server.operator(
        "bot.add",
        json!({ "platform": platform, "name": "Doorman" }),
    );
    Person {
        id: made["bot_id"].as_i64().unwrap(),
        session: 0,
        token: made["key"].as_str().unwrap().to_owned(),
    }
}

fn open_registration(server: &TestServer) {
    let params = json!({ "key": "registration", "value": "open" });
    server.operator("config.set", params);
}

/// A post of our own page, with these cookies.
async fn from_page(server: &TestServer, path: &str, cookies: &str, body: Value) -> Answer {
    let origin = server.url();
    let headers = [
        ("content-type", "application/json"),
        ("origin", origin.as_str()),
        ("cookie", cookies),
    ];
    server.ask("POST", path, &headers, body.to_string()).await
}

fn cookie(answer: &Answer, name: &str) -> Option<String> {
    let set = answer.headers.get_all("set-cookie").iter();
    let mut set = set.map(|header| header.to_str().unwrap().to_owned());
    set.find(|header| header.starts_with(&format!("{name}=")))
}

fn pair(header: &str) -> String {
    header.split(';').next().unwrap().to_owned()
}

fn whom(identity: &str) -> Value {
    json!({ "platform": "telegram", "identity": identity })
}

fn claim(identity: &str, code: &Value) -> Value {
    json!({ "platform": "telegram", "identity": identity, "secret": code })
}

#[tokio::test]
async fn somebody_signs_in_from_another_platform_in_the_browser_that_asked_spec_2_3() {
    let server = TestServer::start().await;
    open_registration(&server);
    let bot = bot(&server, "telegram");
    let asked = from_page(&server, REQUEST, "", whom("4711")).await;
    assert_eq!(
        asked.ok().as_object().unwrap().keys().collect::<Vec<_>>(),
        ["expires_at"]
    );
    let header = cookie(&asked, "pbrowser").unwrap();
    for part in [
        "HttpOnly",
        "SameSite=Lax",
        "Path=/v1/authentication",
        "Max-Age=1200",
    ] {
        assert!(header.contains(part), "{header}");
    }
    assert!(!header.contains("Secure"), "{header}");

    let fetched = server.post(Some(&bot), SEND_CODE, json!({})).await.ok();
    assert_eq!(
        (&fetched["codes"][0]["identity"], &fetched["more"]),
        (&json!("4711"), &json!(false))
    );
    let code = &fetched["codes"][0]["code"];
    let again = server.post(Some(&bot), SEND_CODE, json!({})).await.ok();
    assert_eq!(again["codes"], json!([]));

    // Elsewhere it does not work: without a cookie, or with another browser's.
    let elsewhere = from_page(&server, REQUEST, "", whom("4712")).await;
    let other = pair(&cookie(&elsewhere, "pbrowser").unwrap());
    for cookies in ["", &other] {
        let answer = from_page(&server, VERIFY, cookies, claim("4711", code)).await;
        answer.refused(401, "ERR_LOGIN_INVALID");
    }
    let ours = pair(&header);
    let answer = from_page(&server, VERIFY, &ours, claim("4711", code)).await;
    let session = answer.ok();
    let signed_in = pair(&cookie(&answer, "psession").unwrap());
    let me = server
        .ask("GET", "/v1/users/me", &[("cookie", &signed_in)], "")
        .await
        .ok();
    assert_eq!(me["id"], session["user_id"]);
    assert!(me["username"].as_str().unwrap().starts_with("user_"));
}

#[tokio::test]
async fn a_browser_keeps_its_secret_and_another_site_uses_it_for_nothing_spec_15_1() {
    let server = TestServer::start().await;
    open_registration(&server);
    let bot = bot(&server, "telegram");
    let asked = from_page(&server, REQUEST, "", whom("4711")).await;
    let ours = pair(&cookie(&asked, "pbrowser").unwrap());
    // Asking again leaves the first code good.
    let again = from_page(&server, REQUEST, &ours, whom("4711")).await;
    again.ok();
    assert_eq!(pair(&cookie(&again, "pbrowser").unwrap()), ours);
    let fetched = server.post(Some(&bot), SEND_CODE, json!({})).await.ok();
    let code = &fetched["codes"][0]["code"];
    // What is no secret of ours is replaced.
    let planted = from_page(&server, REQUEST, "pbrowser=planted", whom("4711")).await;
    assert_ne!(
        pair(&cookie(&planted, "pbrowser").unwrap()),
        "pbrowser=planted"
    );

    for (path, body) in [(REQUEST, whom("4711")), (VERIFY, claim("4711", code))] {
        let body = body.to_string();
        let foreign = [
            ("content-type", "application/json"),
            ("origin", "https://evil.example"),
        ];
        let answer = server.ask("POST", path, &foreign, body.clone()).await;
        answer.refused(403, "ERR_CROSS_SITE");
        assert_eq!(cookie(&answer, "pbrowser"), None);
        // A cookie without a word of where it comes from.
        let unsaid = [
            ("content-type", "application/json"),
            ("cookie", ours.as_str()),
        ];
        let answer = server.ask("POST", path, &unsaid, body).await;
        answer.refused(403, "ERR_CROSS_SITE");
    }
    let answer = from_page(&server, VERIFY, &ours, claim("4711", code)).await;
    answer.ok();
}

#[tokio::test]
async fn a_program_without_cookies_says_its_own_secret_spec_2_3() {
    let server = TestServer::start().await;
    open_registration(&server);
    let bot = bot(&server, "telegram");
    let mut ask = whom("4711");
    ask["browser"] = json!("of-a-program");
    let asked = server.post(None, REQUEST, ask).await;
    asked.ok();
    assert_eq!(cookie(&asked, "pbrowser"), None);
    let fetched = server.post(Some(&bot), SEND_CODE, json!({})).await.ok();
    let mut claim = claim("4711", &fetched["codes"][0]["code"]);
    server
        .post(None, VERIFY, claim.clone())
        .await
        .refused(401, "ERR_LOGIN_INVALID");
    claim["browser"] = json!("of-a-program");
    server.post(None, VERIFY, claim).await.ok();
}

#[tokio::test]
async fn under_https_the_browsers_cookie_is_secure_spec_15_1() {
    let server = TestServer::with(Config {
        public_url: Some("https://chat.example".into()),
        rates: Rates::OFF,
        ..Config::default()
    })
    .await;
    bot(&server, "telegram");
    let answer = server.post(None, REQUEST, whom("4711")).await;
    answer.ok();
    assert!(cookie(&answer, "pbrowser").unwrap().ends_with("; Secure"));
}

#[tokio::test]
async fn a_bot_looks_up_and_makes_codes_for_whom_it_brought_spec_2_5() {
    let server = TestServer::start().await;
    open_registration(&server);
    let bot = bot(&server, "telegram");
    let who = json!({ "identity": "4711" });
    let found = server.post(Some(&bot), LOOKUP, who.clone()).await.ok();
    assert_eq!(found, json!({ "has_account": false }));
    server
        .post(Some(&bot), LOGIN_CODE, who.clone())
        .await
        .refused(404, "ERR_USER_NOT_FOUND");
    let mut ask = whom("4711");
    ask["browser"] = json!("b");
    server.post(None, REQUEST, ask).await.ok();
    let fetched = server.post(Some(&bot), SEND_CODE, json!({})).await.ok();
    let mut first = claim("4711", &fetched["codes"][0]["code"]);
    first["browser"] = json!("b");
    let new = server.post(None, VERIFY, first).await.ok();
    let found = server.post(Some(&bot), LOOKUP, who.clone()).await.ok();
    assert_eq!(found, json!({ "has_account": true }));
    let made = server.post(Some(&bot), LOGIN_CODE, who).await.ok();
    let session = server
        .post(None, VERIFY, claim("4711", &made["code"]))
        .await
        .ok();
    assert_eq!(session["user_id"], new["user_id"]);
}

#[tokio::test]
async fn a_key_opens_the_bots_doors_and_no_other_spec_2_5() {
    let server = TestServer::start().await;
    let bot = bot(&server, "telegram");
    let ben = server.person("ben");
    let ada = server.person_with_role("ada", "admin");
    let hall = server.official_chat(&ada);
    for (path, body) in [
        (LOOKUP, json!({ "identity": "4711" })),
        (LOGIN_CODE, json!({ "identity": "4711" })),
        (SEND_CODE, json!({})),
    ] {
        let unsigned = server.post(None, path, body.clone()).await;
        unsigned.refused(401, "ERR_UNAUTHENTICATED");
        for person in [&ben, &ada] {
            let answer = server.post(Some(person), path, body.clone()).await;
            answer.refused(403, "ERR_FORBIDDEN");
        }
        let wrong = Person {
            token: "pbot_wrong".to_owned(),
            ..bot.clone()
        };
        let answer = server.post(Some(&wrong), path, body).await;
        answer.refused(401, "ERR_UNAUTHENTICATED");
    }
    server
        .get(Some(&bot), &format!("/v1/portal/chats/{hall}"))
        .await
        .refused(404, "ERR_CHAT_NOT_FOUND");
    server
        .get(Some(&bot), "/v1/users/me")
        .await
        .refused(403, "ERR_FORBIDDEN");
    server
        .post(Some(&bot), "/v1/op/user.list", json!({}))
        .await
        .refused(403, "ERR_FORBIDDEN");
    // A key that was replaced or taken away is none.
    server.operator("bot.rotate", json!({ "bot_id": bot.id }));
    server
        .post(Some(&bot), SEND_CODE, json!({}))
        .await
        .refused(401, "ERR_UNAUTHENTICATED");
}

#[tokio::test]
async fn bots_count_by_their_key_spec_15_4() {
    let server = TestServer::with(Config {
        rates: Rates {
            bot: 2,
            public: 1,
            login: 1,
            ..Rates::default()
        },
        ..Config::default()
    })
    .await;
    let (one, other) = (bot(&server, "telegram"), bot(&server, "matrix"));
    for _ in 0..2 {
        server.post(Some(&one), SEND_CODE, json!({})).await.ok();
    }
    let answer = server.post(Some(&one), SEND_CODE, json!({})).await;
    answer.refused(429, "ERR_RATE_LIMITED");
    assert!(answer.headers.contains_key("retry-after"));
    server.post(Some(&other), SEND_CODE, json!({})).await.ok();
    // Asking for codes is signing in.
    let ask = json!({ "platform": "telegram", "identity": "4711", "browser": "b" });
    server.post(None, REQUEST, ask.clone()).await.ok();
    server
        .post(None, REQUEST, ask)
        .await
        .refused(429, "ERR_RATE_LIMITED");
}
