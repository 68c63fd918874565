//! A chat's browser through the server's doors: paths, sockets, and what each is told (SPEC 11, 12.2, 15.2, 15.3).

mod common;

use std::sync::Arc;
use std::sync::mpsc::channel;

use common::fake::Fake;
use common::socket::{Client, Next};
use common::{Answer, PATIENCE, Person, TestServer};
use portal_core::model::ChatId;
use serde_json::{Value, json};
use tokio::time::timeout;

/// A PUBLIC chat of pia's with requests for control, on a server that runs browsers.
struct Square {
    server: TestServer,
    fake: Arc<Fake>,
    chat: i64,
    pia: Person,
}

impl Square {
    async fn new() -> Self {
        let fake = Arc::new(Fake::default());
        let server = TestServer::with_browsers(fake.clone()).await;
        let pia = server.person("pia");
        let tier = json!({ "user_id": pia.id, "tier": "lifetime" });
        server.operator("user.set_tier", tier);
        let new = json!({
            "chat_type": "PUBLIC", "name": "Square", "slug": "a-square", "e2ee": 3,
            "chat_config": { "allow_control_requests": true },
        });
        let chat = server.post(Some(&pia), "/v1/portal/chats", new).await.ok();
        Self {
            chat: chat["id"].as_i64().unwrap(),
            server,
            fake,
            pia,
        }
    }

    fn here(&self) -> Value {
        json!({ "chat_id": self.chat })
    }

    /// Somebody's socket in the room.
    async fn seat(&self, who: &Person) -> Client {
        let mut client = Client::of(&self.server, who).await;
        client.ok("room:join", self.here()).await;
        client
    }

    async fn guest(&self) -> Client {
        let mut client = Client::with(&self.server, json!({})).await;
        client.ok("room:join", self.here()).await;
        client
    }

    fn path(&self, what: &str) -> String {
        format!("/v1/portal/chats/{}/{what}", self.chat)
    }

    async fn get(&self, who: &Person, what: &str) -> Answer {
        self.server.get(Some(who), &self.path(what)).await
    }

    async fn post(&self, who: &Person, what: &str, body: Value) -> Answer {
        self.server.post(Some(who), &self.path(what), body).await
    }

    /// Starts the browser, and sees to it that it runs and who is there has heard of it.
    async fn started(&self, there: &mut [&mut Client]) {
        self.post(&self.pia, "start", json!({})).await.ok();
        for client in there {
            client.event("room:started").await;
        }
    }

    async fn browser(&self) -> Value {
        self.get(&self.pia, "browser").await.ok()["browser"].clone()
    }

    /// Waits until these, and nobody else, are let in.
    async fn lets_in(&self, people: &[&Person]) {
        let ids: Vec<_> = people.iter().map(|person| person.id).collect();
        let chat = ChatId::try_from(self.chat).unwrap();
        let asking = async {
            while self.fake.viewers(chat) != ids {
                self.browser().await;
            }
        };
        timeout(PATIENCE, asking)
            .await
            .expect("let in, or out, in time");
    }

    async fn controls(&self, who: Option<&Person>) {
        let chat = ChatId::try_from(self.chat).unwrap();
        let wanted = who.map(|person| person.id);
        let asking = async {
            while self.fake.controller(chat) != wanted {
                self.browser().await;
            }
        };
        timeout(PATIENCE, asking).await.expect("control in time");
    }

    /// Whose password somebody was given.
    #[track_caller]
    fn whose(&self, told: &Value) -> i64 {
        let whose = self.fake.whose(&told["access"]["password"]);
        whose.unwrap_or_else(|| panic!("nobody's password: {told}"))
    }
}

#[tokio::test]
async fn it_starts_and_stops_by_path_and_is_seen_by_whoever_looks_in_spec_11_2() {
    let square = Square::new().await;
    let ben = square.server.person("ben");
    let mut at_pia = square.seat(&square.pia).await;
    assert_eq!(square.browser().await, Value::Null);
    square
        .post(&ben, "start", json!({}))
        .await
        .refused(403, "ERR_FORBIDDEN");

    assert_eq!(
        square.post(&square.pia, "start", json!({})).await.ok(),
        json!({})
    );
    at_pia.event("room:starting").await;
    let started = at_pia.event("room:started").await;
    assert_eq!(square.whose(&started), square.pia.id);
    assert_eq!(started["access"]["username"], "pia");
    assert!(started["access"]["url"].is_string() && started["seq"].is_u64());
    // Again is no other start.
    square.post(&square.pia, "start", json!({})).await.ok();
    // A guest learns that it runs, as everybody who may look in.
    let seen = square.server.get(None, &square.path("browser")).await.ok();
    assert_eq!(seen["browser"]["state"], "running");
    assert_eq!(seen["browser"]["holder"], Value::Null);
    assert!(seen["as_of"].is_u64());

    square
        .post(&ben, "stop", json!({}))
        .await
        .refused(403, "ERR_FORBIDDEN");
    square.post(&square.pia, "stop", json!({})).await.ok();
    let (stopped, before) = at_pia.events_to("room:stopped").await;
    assert_eq!(
        (&stopped["reason"], &stopped["chat_id"]),
        (&json!("asked"), &json!(square.chat))
    );
    assert!(before.contains(&"room:stopping".to_owned()), "{before:?}");
    assert!(!before.contains(&"room:started".to_owned()), "{before:?}");
    square.post(&square.pia, "stop", json!({})).await.ok();
    assert_eq!(square.browser().await, Value::Null);
}

#[tokio::test]
async fn it_starts_and_stops_by_socket_spec_15_3() {
    let square = Square::new().await;
    let mut at_pia = square.seat(&square.pia).await;
    at_pia.ok("room:start", square.here()).await;
    assert_eq!(
        square.whose(&at_pia.event("room:started").await),
        square.pia.id
    );
    at_pia.ok("room:stop", square.here()).await;
    assert_eq!(at_pia.event("room:stopped").await["reason"], "asked");
}

#[tokio::test]
async fn each_is_told_their_own_way_in_and_nobody_elses_spec_11_2() {
    let square = Square::new().await;
    let (ben, cleo) = (square.server.person("ben"), square.server.person("cleo"));
    let mut at_pia = square.seat(&square.pia).await;
    let mut at_ben = square.seat(&ben).await;
    let mut at_guest = square.guest().await;
    square.post(&square.pia, "start", json!({})).await.ok();
    assert_eq!(
        square.whose(&at_pia.event("room:started").await),
        square.pia.id
    );
    assert_eq!(square.whose(&at_ben.event("room:started").await), ben.id);
    let seen = at_guest.event("room:started").await;
    assert_eq!(seen["access"], Value::Null, "guests only look");

    // Whoever joins later is let in too, with every tab, and others hear nothing of it.
    let mut at_cleo = square.seat(&cleo).await;
    let told = at_cleo.event("room:started").await;
    assert_eq!(
        (square.whose(&told), &told["user_id"]),
        (cleo.id, &json!(cleo.id))
    );
    let mut in_another_tab = square.seat(&ben).await;
    assert_eq!(
        square.whose(&in_another_tab.event("room:started").await),
        ben.id
    );
    square.post(&square.pia, "stop", json!({})).await.ok();
    for (who, client) in [("pia", &mut at_pia), ("a guest", &mut at_guest)] {
        loop {
            match client.next().await {
                Next::Event(name, _) if name == "room:stopped" => break,
                Next::Event(name, data) => assert_ne!(name, "room:started", "{who}: {data}"),
                other => panic!("{other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn no_way_in_is_in_the_log_the_file_or_a_replay_spec_12_2() {
    let square = Square::new().await;
    let ben = square.server.person("ben");
    let mut at_pia = square.seat(&square.pia).await;
    let mut at_ben = square.seat(&ben).await;
    let after = at_ben.ready["as_of"].clone();
    let log_id = at_ben.ready["log_id"].clone();
    square.started(&mut [&mut at_pia, &mut at_ben]).await;

    let list = square
        .server
        .operator("event.list", json!({ "limit": 1000 }));
    assert!(list.to_string().contains("room:started") && !list.to_string().contains("secret-"));
    for entry in std::fs::read_dir(square.server.dir.path()).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let holds = bytes.windows(7).any(|window| window == b"secret-");
        assert!(!holds, "{}", path.display());
    }

    // Coming back replays that it was started without a way in, and brings a new one.
    at_ben.vanish();
    square.lets_in(&[&square.pia]).await;
    let auth = json!({ "token": ben.token, "after": after, "log_id": log_id });
    let mut back = Client::with(&square.server, auth).await;
    back.ok("room:join", square.here()).await;
    let mut told = back.event("room:started").await;
    if told["user_id"].is_null() {
        assert!(told["access"].is_null(), "{told}");
        told = back.event("room:started").await;
    }
    assert_eq!(square.whose(&told), ben.id);
}

#[tokio::test]
async fn control_goes_from_hand_to_hand_by_socket_spec_11_4() {
    let square = Square::new().await;
    let ben = square.server.person("ben");
    let mut at_pia = square.seat(&square.pia).await;
    let mut at_ben = square.seat(&ben).await;
    at_ben
        .refused("control:request", square.here(), "ERR_BROWSER_UNAVAILABLE")
        .await;
    square.started(&mut [&mut at_pia, &mut at_ben]).await;

    at_ben.ok("control:request", square.here()).await;
    let asked = at_pia.event("control:requested").await;
    assert_eq!(
        (&asked["user_id"], &asked["chat_id"]),
        (&json!(ben.id), &json!(square.chat))
    );
    assert_eq!(square.browser().await["requests"], json!([ben.id]));
    let to_ben = json!({ "chat_id": square.chat, "user_id": ben.id });
    at_ben
        .refused("control:grant", to_ben.clone(), "ERR_FORBIDDEN")
        .await;
    at_pia.ok("control:grant", to_ben).await;
    assert_eq!(at_ben.event("control:changed").await["user_id"], ben.id);
    square.controls(Some(&ben)).await;
    let browser = square.browser().await;
    assert_eq!(
        (&browser["holder"], &browser["requests"]),
        (&json!(ben.id), &json!([]))
    );

    at_ben
        .refused("control:take", square.here(), "ERR_FORBIDDEN")
        .await;
    at_pia.ok("control:take", square.here()).await;
    assert_eq!(
        at_ben.event("control:changed").await["user_id"],
        square.pia.id
    );
    square.controls(Some(&square.pia)).await;
    at_pia.ok("control:release", square.here()).await;
    assert_eq!(
        at_ben.event("control:changed").await["user_id"],
        Value::Null
    );
    square.controls(None).await;
}

#[tokio::test]
async fn control_goes_from_hand_to_hand_by_path_spec_15_2() {
    let square = Square::new().await;
    let ben = square.server.person("ben");
    let mut at_pia = square.seat(&square.pia).await;
    let mut at_ben = square.seat(&ben).await;
    square.started(&mut [&mut at_pia, &mut at_ben]).await;
    square.post(&ben, "control/request", json!({})).await.ok();
    let to_ben = json!({ "user_id": ben.id });
    square.post(&square.pia, "control/grant", to_ben).await.ok();
    square.controls(Some(&ben)).await;
    square.post(&ben, "control/release", json!({})).await.ok();
    square.controls(None).await;
    square
        .post(&square.pia, "control/take", json!({}))
        .await
        .ok();
    square.controls(Some(&square.pia)).await;
    // Whoever is not in the room can have none.
    let cleo = square.server.person("cleo");
    let to_cleo = json!({ "user_id": cleo.id });
    let refused = square.post(&square.pia, "control/grant", to_cleo).await;
    refused.refused(409, "ERR_NOT_JOINED");
    let refused = square.post(&cleo, "control/request", json!({})).await;
    refused.refused(409, "ERR_NOT_JOINED");
}

#[tokio::test]
async fn the_clipboard_and_pictures_go_through_spec_11_5() {
    let square = Square::new().await;
    let ben = square.server.person("ben");
    let mut at_pia = square.seat(&square.pia).await;
    square.started(&mut [&mut at_pia]).await;
    let text = json!({ "text": "a text, 🦊" });
    square
        .post(&square.pia, "clipboard", text.clone())
        .await
        .ok();
    assert_eq!(square.get(&square.pia, "clipboard").await.ok(), text);
    square
        .get(&ben, "clipboard")
        .await
        .refused(403, "ERR_FORBIDDEN");
    square
        .post(&ben, "clipboard", text)
        .await
        .refused(403, "ERR_FORBIDDEN");
    let long = json!({ "text": "é".repeat(10_001) });
    let refused = square.post(&square.pia, "clipboard", long).await;
    assert_eq!(refused.refused(400, "ERR_INVALID")["field"], "text");

    // As JSON, whoever may talk there: nothing that a container made is a page of ours.
    let seen = square.get(&ben, "screen").await;
    assert_eq!(seen.headers["content-type"], "application/json");
    assert_eq!(
        seen.ok(),
        json!({ "media_type": "image/png", "image": "YSBwaWN0dXJl" })
    );
    let guest = square.server.get(None, &square.path("screen")).await;
    guest.refused(401, "ERR_UNAUTHENTICATED");
}

#[tokio::test]
async fn a_browser_that_does_not_answer_keeps_nobody_else_waiting_spec_15_5() {
    let square = Square::new().await;
    let mut at_pia = square.seat(&square.pia).await;
    square.started(&mut [&mut at_pia]).await;
    let (pia, path) = (square.pia.clone(), square.path("screen"));
    let (go_on, told_to) = channel::<()>();
    let told_to = Arc::new(std::sync::Mutex::new(told_to));
    let mut hanging = Vec::new();
    for _ in 0..2 {
        let (begun, has_begun) = channel();
        let told_to = Arc::clone(&told_to);
        square.fake.during("screenshot", move || {
            begun.send(()).unwrap();
            told_to.lock().unwrap().recv().ok();
        });
        let headers = format!("Bearer {}", pia.token);
        let (address, path) = (square.server.address, path.clone());
        hanging.push(tokio::spawn(async move {
            common::ask(address, "GET", &path, &[("authorization", &headers)], "").await
        }));
        tokio::task::spawn_blocking(move || has_begun.recv().unwrap())
            .await
            .unwrap();
    }
    let third = square.get(&pia, "screen").await;
    third.refused(429, "ERR_RATE_LIMITED");
    // Everything else goes on, of this chat too.
    assert_eq!(square.browser().await["state"], "running");
    square.post(&pia, "stop", json!({})).await.ok();
    at_pia.event("room:stopped").await;
    drop(go_on);
    for answer in hanging {
        answer
            .await
            .unwrap()
            .refused(409, "ERR_BROWSER_UNAVAILABLE");
    }
}

#[tokio::test]
async fn kick_ban_and_a_lost_connection_let_out_spec_11_2() {
    let square = Square::new().await;
    let (ben, cleo) = (square.server.person("ben"), square.server.person("cleo"));
    let mut at_pia = square.seat(&square.pia).await;
    let mut at_ben = square.seat(&ben).await;
    let mut at_cleo = square.seat(&cleo).await;
    square
        .started(&mut [&mut at_pia, &mut at_ben, &mut at_cleo])
        .await;
    square.lets_in(&[&square.pia, &ben, &cleo]).await;

    square.post(&ben, "control/request", json!({})).await.ok();
    let kick = json!({ "chat_id": square.chat, "user_id": ben.id });
    at_pia.ok("room:kick", kick).await;
    at_ben.event("room:kicked").await;
    square.lets_in(&[&square.pia, &cleo]).await;
    assert_eq!(
        square.browser().await["requests"],
        json!([]),
        "a kick drops a request"
    );
    square
        .post(&square.pia, "ban", json!({ "user_id": cleo.id }))
        .await
        .ok();
    at_cleo.event("user:banned").await;
    square.lets_in(&[&square.pia]).await;
    square
        .get(&cleo, "browser")
        .await
        .refused(403, "ERR_BANNED");
    at_cleo
        .refused("control:request", square.here(), "ERR_BANNED")
        .await;

    // Whoever was kicked from an open chat may come back, with another password.
    at_ben.ok("room:join", square.here()).await;
    let again = at_ben.event("room:started").await;
    assert_eq!(square.whose(&again), ben.id);
    at_ben.vanish();
    square.lets_in(&[&square.pia]).await;
}

#[tokio::test]
async fn chat_and_browser_are_independent_seed() {
    let square = Square::new().await;
    let ben = square.server.person("ben");
    let mut at_pia = square.seat(&square.pia).await;
    let mut at_ben = square.seat(&ben).await;
    // One talks before it runs.
    let mut cipher = at_pia.join_and_publish(square.chat).await;
    at_pia
        .message(square.chat, &square.pia, &mut cipher, "before")
        .await;
    square.started(&mut [&mut at_pia, &mut at_ben]).await;

    // A wipe leaves the browser, and who is in it, alone.
    square.lets_in(&[&square.pia, &ben]).await;
    square.fake.calls();
    square.post(&square.pia, "clear", json!({})).await.ok();
    at_ben.event("portal:cleared").await;
    assert_eq!(square.browser().await["state"], "running");
    square.lets_in(&[&square.pia, &ben]).await;
    let calls = square.fake.calls();
    assert!(calls.iter().all(|call| call == "list"), "{calls:?}");
    let history = square.get(&square.pia, "history").await.ok();
    assert!(
        history["messages"]
            .as_array()
            .unwrap()
            .iter()
            .all(|line| line["kind"] == "system")
    );

    // Stopping puts nobody out: who was there hears what is said next.
    at_pia.ok("room:stop", square.here()).await;
    at_ben.event("room:stopped").await;
    let mut cipher = at_pia.join_and_publish(square.chat).await;
    at_pia
        .message(square.chat, &square.pia, &mut cipher, "after")
        .await;
    let (_, before) = at_ben.events_to("message:new").await;
    assert!(
        !before.iter().any(|name| name == "room:evicted"),
        "{before:?}"
    );
}

#[tokio::test]
async fn other_peoples_chats_are_as_if_they_were_not_there_spec_4_4() {
    let square = Square::new().await;
    let new = json!({ "chat_type": "PRIVATE", "name": "Parlour", "e2ee": 3 });
    let parlour = square
        .server
        .post(Some(&square.pia), "/v1/portal/chats", new)
        .await
        .ok();
    let chat = parlour["id"].as_i64().unwrap();
    let here = json!({ "chat_id": chat });
    let mut at_pia = Client::of(&square.server, &square.pia).await;
    at_pia.ok("room:join", here.clone()).await;
    at_pia.ok("room:start", here.clone()).await;
    at_pia.event("room:started").await;

    let ben = square.server.person("ben");
    let mut at_ben = Client::of(&square.server, &ben).await;
    let grant = json!({ "chat_id": chat, "user_id": ben.id });
    for event in [
        "room:join",
        "room:start",
        "room:stop",
        "control:request",
        "control:release",
        "control:take",
    ] {
        at_ben
            .refused(event, here.clone(), "ERR_CHAT_NOT_FOUND")
            .await;
    }
    at_ben
        .refused("control:grant", grant, "ERR_CHAT_NOT_FOUND")
        .await;
    for chat in [chat, 77] {
        for what in ["browser", "clipboard", "screen"] {
            let path = format!("/v1/portal/chats/{chat}/{what}");
            square
                .server
                .get(Some(&ben), &path)
                .await
                .refused(404, "ERR_CHAT_NOT_FOUND");
        }
        let body = |what| match what {
            "control/grant" => json!({ "user_id": ben.id }),
            "clipboard" => json!({ "text": "a text" }),
            _ => json!({}),
        };
        for what in [
            "start",
            "stop",
            "control/request",
            "control/grant",
            "control/release",
            "control/take",
            "clipboard",
        ] {
            let path = format!("/v1/portal/chats/{chat}/{what}");
            let answer = square.server.post(Some(&ben), &path, body(what)).await;
            answer.refused(404, "ERR_CHAT_NOT_FOUND");
        }
    }
    // They were told nothing either.
    let asked = Client::say(&mut at_ben, "room:join", square.here()).await;
    assert_eq!(asked["ok"], true);
    at_pia.ok("room:stop", here).await;
    at_pia.event("room:stopped").await;
    at_pia.ok("room:join", square.here()).await;
    at_ben.ok("room:typing", square.here()).await;
    loop {
        match at_ben.next().await {
            Next::Event(name, _) if name == "room:members" => break,
            Next::Event(name, data) => assert_ne!(data["chat_id"], chat, "{name}"),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn the_server_says_whether_it_runs_browsers_spec_11_3() {
    let square = Square::new().await;
    let status = square.server.get(None, "/v1/portal/status").await.ok();
    assert_eq!(status["browsers"][0], "firefox");
    let without = TestServer::start().await;
    let status = without.get(None, "/v1/portal/status").await.ok();
    assert_eq!(status["browsers"], json!([]));
}

#[tokio::test]
async fn what_the_operator_does_to_the_file_reaches_the_browser_and_the_room_spec_12_1() {
    let square = Square::new().await;
    let mut at_pia = square.seat(&square.pia).await;
    square.server.operator("browser.start", square.here());
    let started = at_pia.event("room:started").await;
    assert_eq!(square.whose(&started), square.pia.id);
    let listed = square.server.operator("browser.list", json!({}));
    let browser = &listed["browsers"][0];
    assert_eq!(
        (&browser["state"], &browser["people"], &listed["are_run"]),
        (&json!("running"), &json!(1), &json!(true))
    );
    square.server.operator("browser.stop", square.here());
    assert_eq!(at_pia.event("room:stopped").await["reason"], "asked");
    let listed = square.server.operator("browser.list", json!({}));
    assert_eq!(listed["browsers"], json!([]));
}
