//! What the log tells: every request by its route, and nothing that lets somebody in or was said.

mod common;

use std::io::BufRead as _;

use common::program::{Beside, Program};
use common::socket::Client;
use common::{Answer, ask};
use portal_core::e2ee::SecretKey;
use portal_core::random::SystemRandom;
use serde_json::{Value, json};

const JSON: (&str, &str) = ("content-type", "application/json");

/// A server whose secrets are all used, in every place where a client may put one.
struct Used {
    program: Program,
    secrets: Vec<(&'static str, String)>,
    answers: Vec<(&'static str, &'static str, Answer)>,
    _dir: tempfile::TempDir,
}

impl Used {
    async fn by(arguments: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("portal.db");
        let arguments = [&["--limits", "off"], arguments].concat();
        let mut program = Program::start(&file, &arguments);
        let mut lines = String::new();
        for _ in 0..2 {
            program.out.read_line(&mut lines).unwrap();
        }
        let code = lines.trim().rsplit_once("owner:").unwrap().1.to_owned();
        let mut used = Self {
            program,
            secrets: vec![("the owner's code", code)],
            answers: Vec::new(),
            _dir: dir,
        };
        used.use_all(&Beside::open(&file)).await;
        used
    }

    /// Asks for a path, which is logged as its route.
    async fn ask(
        &mut self,
        method: &'static str,
        route: &'static str,
        path: &str,
        headers: &[(&str, &str)],
        body: Value,
    ) -> Value {
        let headers = [&[JSON], headers].concat();
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let answer = ask(self.program.address, method, path, &headers, body).await;
        let read = serde_json::from_str(&answer.text).unwrap_or_default();
        self.answers.push((method, route, answer));
        read
    }

    fn secret(&mut self, what: &'static str, secret: &str) -> String {
        assert!(
            secret.len() >= 8,
            "{what}: {secret:?} could be there by chance"
        );
        self.secrets.push((what, secret.to_owned()));
        secret.to_owned()
    }

    async fn use_all(&mut self, beside: &Beside) {
        let verify = "/v1/authentication/verify";
        let code = self.secrets[0].1.clone();
        let right = json!({ "username": "owner", "secret": code });
        let session = self.ask("POST", verify, verify, &[], right.clone()).await;
        let token = self.secret("a token", session["token"].as_str().unwrap());
        // The same again is refused, as is what never was one.
        self.ask("POST", verify, verify, &[], right).await;
        let wrong = self.secret("a wrong secret", "wrong-secret-of-somebody");
        let wrong = json!({ "username": "owner", "secret": wrong });
        self.ask("POST", verify, verify, &[], wrong).await;

        let register = "/v1/authentication/register";
        let open = json!({ "key": "registration", "value": "open" });
        beside.operator("config.set", open);
        let new = json!({ "username": "newcomer" });
        let account = self.ask("POST", register, register, &[], new).await;
        let key = self.secret("an account key", account["account_key"].as_str().unwrap());
        let by_key = json!({ "username": "newcomer", "secret": key });
        let other = self.ask("POST", verify, verify, &[], by_key).await;
        let other = self.secret("another token", other["token"].as_str().unwrap());

        let bearer = format!("Bearer {token}");
        let bearer = ("authorization", bearer.as_str());
        let (me, origin) = ("/v1/users/me", format!("http://{}", self.program.address));
        self.ask("GET", me, me, &[bearer], Value::Null).await;
        let cookie = format!("psession={other}");
        self.ask("GET", me, me, &[("cookie", &cookie)], Value::Null)
            .await;
        let stale = self.secret("a token that is none", "Zm9yZ2VkLXRva2Vu");
        let stale = format!("Bearer {stale}");
        self.ask("GET", me, me, &[("authorization", &stale)], Value::Null)
            .await;
        let mistaken = format!("{me}?token={token}");
        self.ask("GET", me, &mistaken, &[bearer], Value::Null).await;
        let misspelt = format!("/v1/user/{token}");
        self.ask("GET", "-", &misspelt, &[bearer], Value::Null)
            .await;
        let page = format!("/?token={token}");
        self.ask("GET", "/", &page, &[], Value::Null).await;

        let id = session["user_id"].as_i64().unwrap();
        beside.operator("user.set_tier", json!({ "user_id": id, "tier": "premium" }));
        let new = json!({ "chat_type": "PRIVATE", "name": "A whispered name", "e2ee": 3 });
        let chats = "/v1/portal/chats";
        let chat = self.ask("POST", chats, chats, &[bearer], new).await;
        self.secret("a chat's name", "A whispered name");
        let chat = chat["id"].as_i64().unwrap();
        let invites = format!("{chats}/{chat}/invites");
        let route = "/v1/portal/chats/{chat_id}/invites";
        let invite = self
            .ask("POST", route, &invites, &[bearer], json!({}))
            .await;
        let invite = self.secret("an invite", invite["code"].as_str().unwrap());
        let resolve = format!("/v1/portal/resolve/{invite}");
        let route = "/v1/portal/resolve/{code}";
        let by_cookie = [("cookie", cookie.as_str()), ("origin", origin.as_str())];
        self.ask("POST", route, &resolve, &by_cookie, Value::Null)
            .await;
        self.ask("GET", route, &resolve, &[], Value::Null).await;
        self.ask("POST", "-", &format!("{resolve}/"), &[], Value::Null)
            .await;
        let revoke = format!("{invites}/{invite}/delete");
        let route = "/v1/portal/chats/{chat_id}/invites/{code}/delete";
        self.ask("POST", route, &revoke, &[bearer], Value::Null)
            .await;

        self.talk(id, &token, chat).await;
        // What is no HTTP has no line, and nothing of it is in those about connections.
        let garbled = format!("GET / HTTP/1.1\r\nHost: x\r\nBad header {token}\r\n\r\n");
        self.program.ask(&garbled);
        let framed = format!(
            "POST {resolve} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{token}"
        );
        self.program.ask(&framed);
    }

    /// Over a socket: keys, a message, and packets that are none.
    async fn talk(&mut self, id: i64, token: &str, chat: i64) {
        let address = self.program.address;
        let open = Client::open_at(address, &[]).await.unwrap();
        let mut client = open.connect(json!({ "token": token })).await.unwrap();
        let mut cipher = client.join_and_publish(chat).await;
        self.secret("a key's check", &cipher.check().to_base64());
        let sealed = cipher
            .seal(id.unsigned_abs(), "hello", &SystemRandom)
            .unwrap();
        self.secret("a message", &sealed);
        let message = json!({ "chat_id": chat, "content": sealed });
        client.ok("message:send", message).await;
        let public = SecretKey::generate(&SystemRandom).public_key().to_base64();
        client
            .ok("keys:register", json!({ "public_key": public }))
            .await;
        self.secret("a public key", &public);
        client
            .say("message:send", json!({ "content": token }))
            .await;
        client.say(token, json!({})).await;
        client.raw(&format!("9{token}")).await;
        client.closed().await;
    }

    fn ended(self) -> (String, Vec<(&'static str, &'static str, Answer)>) {
        let ended = self.program.stop("-TERM");
        assert_eq!(ended.code, Some(0));
        for (what, secret) in &self.secrets {
            let at = ended
                .log
                .lines()
                .find(|line| line.contains(secret.as_str()));
            assert_eq!(at, None, "{what} is in the log");
        }
        assert!(!ended.log.contains("127.0.0.1"), "{}", ended.log);
        (ended.log, self.answers)
    }
}

#[tokio::test]
async fn no_secret_is_in_the_log_though_it_tells_everything() {
    let used = Used::by(&["--log", "trace"]).await;
    let (log, answers) = used.ended();
    for (method, route, answer) in answers {
        let id = answer.headers["x-request-id"].to_str().unwrap();
        let line = log
            .lines()
            .find(|line| line.contains(&format!("request_id=\"{id}\"")) && line.contains(" ms="));
        let line = line.unwrap_or_else(|| panic!("{method} {route} is not in the log: {log}"));
        for part in [
            format!("method=\"{method}\""),
            format!("path=\"{route}\""),
            format!("status={}", answer.status.as_u16()),
        ] {
            assert!(line.contains(&part), "{line} has no {part}");
        }
    }
}

#[tokio::test]
async fn nor_when_a_program_reads_the_log() {
    let used = Used::by(&["--log", "trace", "--log-format", "json"]).await;
    let (log, answers) = used.ended();
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
        .collect();
    for (method, route, answer) in answers {
        let id = answer.headers["x-request-id"].to_str().unwrap();
        let line = lines
            .iter()
            .find(|line| line["request_id"] == id && line["message"] == "request")
            .unwrap_or_else(|| panic!("{method} {route} is not in the log"));
        assert_eq!(
            (&line["method"], &line["path"], &line["status"]),
            (
                &json!(method),
                &json!(route),
                &json!(answer.status.as_u16())
            )
        );
        assert!(
            line["ms"].is_u64() && line["timestamp"].is_string(),
            "{line}"
        );
        assert_eq!(line["level"], "DEBUG");
    }
}

#[tokio::test]
async fn by_default_requests_have_no_line() {
    let used = Used::by(&[]).await;
    let (log, answers) = used.ended();
    assert!(answers.len() > 15);
    assert!(
        log.contains("stopping") && !log.contains("request_id"),
        "{log}"
    );
}
