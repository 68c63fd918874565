//! What sockets are carried by: polling, and clients that do not read (SPEC 15.3, 15.5).

mod common;

use std::time::Duration;

use common::raw::{Raw, status_of};
use common::socket::Client;
use common::{Answer, TestServer};
use portal_core::{Actor, Request, catalogue};
use portal_server::http::serve;
use portal_server::{Config, Rates};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

const POLLING: &str = "/socket.io/?EIO=4&transport=polling";

/// A polling client.
struct Poller<'a> {
    server: &'a TestServer,
    headers: Vec<(&'a str, &'a str)>,
    sid: String,
}

impl<'a> Poller<'a> {
    async fn open(server: &'a TestServer, headers: Vec<(&'a str, &'a str)>) -> Self {
        let answer = server.ask("GET", POLLING, &headers, "").await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let open: Value = serde_json::from_str(&answer.text[1..]).unwrap();
        let sid = open["sid"].as_str().unwrap().to_owned();
        Self {
            server,
            headers,
            sid,
        }
    }

    async fn post(&self, packets: &str) -> Answer {
        let path = format!("{POLLING}&sid={}", self.sid);
        self.server
            .ask("POST", &path, &self.headers, packets.to_owned())
            .await
    }

    async fn poll(&self) -> Answer {
        let path = format!("{POLLING}&sid={}", self.sid);
        self.server.ask("GET", &path, &self.headers, "").await
    }

    /// Polls until a packet holds this.
    async fn until(&self, wanted: &str) -> String {
        loop {
            let answer = self.poll().await;
            assert_eq!(answer.status, 200, "{answer:?}");
            if let Some(packet) = answer
                .text
                .split('\x1e')
                .find(|packet| packet.contains(wanted))
            {
                return packet.to_owned();
            }
            if answer.text.contains('2') {
                self.post("3").await;
            }
        }
    }
}

#[tokio::test]
async fn polling_does_all_that_a_websocket_does() {
    let server = TestServer::start().await;
    let olga = server.person_with_role("olga", "owner");
    let chat = server.official_chat(&olga);
    let client = Poller::open(&server, Vec::new()).await;
    client
        .post(&format!("40{}", json!({ "token": olga.token })))
        .await;
    assert!(
        client
            .until("session:ready")
            .await
            .contains(&format!("\"user_id\":{}", olga.id))
    );
    client
        .post(&format!(r#"420["room:join",{{"chat_id":{chat}}}]"#))
        .await;
    assert!(client.until("430[").await.contains("\"ok\":true"));
    server.operator("chat.update", json!({ "chat_id": chat, "name": "Polled" }));
    assert!(client.until("room:updated").await.contains("Polled"));
}

#[tokio::test]
async fn a_polling_sid_is_bound_to_the_session_that_opened_it_spec_15_3() {
    let server = TestServer::start().await;
    let olga = server.person_with_role("olga", "owner");
    let ben = server.person("ben");
    let own = server.url();
    let (hers, his) = (
        format!("psession={}", olga.token),
        format!("psession={}", ben.token),
    );
    let origin = ("origin", own.as_str());
    let mut client = Poller::open(&server, vec![("cookie", &hers), origin]).await;
    assert_eq!(client.post("40").await.status, 200);
    assert!(
        client
            .until("session:ready")
            .await
            .contains(&format!("\"user_id\":{}", olga.id))
    );
    for headers in [
        vec![("cookie", his.as_str()), origin],
        vec![("cookie", hers.as_str())],
        Vec::new(),
    ] {
        client.headers = headers;
        for answer in [
            client.post(r#"420["room:join",{"chat_id":1}]"#).await,
            client.poll().await,
        ] {
            assert_eq!(answer.status, 400);
            assert_eq!(answer.json()["code"], 1);
        }
    }
    client.headers = vec![("cookie", &hers), origin];
    assert_eq!(
        client
            .post(r#"420["room:join",{"chat_id":99}]"#)
            .await
            .status,
        200
    );
    assert!(client.until("430[").await.contains("ERR_CHAT_NOT_FOUND"));
}

#[tokio::test]
async fn an_allowed_origin_may_poll_and_no_other() {
    let server = TestServer::with(Config {
        allowed_origins: vec!["http://localhost:5173".into()],
        rates: Rates::OFF,
        ..Config::default()
    })
    .await;
    for (origin, allowed) in [
        ("http://localhost:5173", true),
        ("https://evil.example", false),
    ] {
        let headers = [("origin", origin)];
        let answer = server.ask("OPTIONS", POLLING, &headers, "").await;
        assert_eq!(answer.status.is_success(), allowed);
        let answer = server.ask("GET", POLLING, &headers, "").await;
        let header = answer.headers.get("access-control-allow-origin");
        assert_eq!(
            header.map(|header| header == origin),
            allowed.then_some(true)
        );
    }
}

#[tokio::test]
async fn bad_socket_requests_are_answered() {
    let server = TestServer::start().await;
    for path in [
        "/socket.io/",
        "/socket.io/?EIO=9&transport=polling",
        "/socket.io/?EIO=4&transport=pigeon",
        "/socket.io/?EIO=4&transport=polling&sid=none",
        "/socket.io/?EIO=4&transport=websocket",
    ] {
        let answer = server.get(None, path).await;
        assert!(answer.status.is_client_error(), "{path}: {answer:?}");
    }
    let client = Poller::open(&server, Vec::new()).await;
    let answer = client.post(&"4".repeat(70_000)).await;
    answer.refused(413, "ERR_PAYLOAD_TOO_LARGE");
}

#[tokio::test]
async fn one_network_keeps_no_more_polling_sockets_than_connections_spec_15_5() {
    let server = TestServer::with(Config {
        rates: Rates::OFF,
        connections: serve::Limits {
            connections: 4,
            connections_per_network: 3,
            ..serve::Limits::default()
        },
        ..Config::default()
    })
    .await;
    let open = format!("GET {POLLING} HTTP/1.1\r\nHost: x\r\n\r\n");
    // They need no connection each.
    let mut one = Raw::from(&server, 2).await;
    let mut opened = String::new();
    for _ in 0..3 {
        one.say(&open).await;
        opened = one.until("}").await;
        assert_eq!(status_of(&opened), 200, "{opened}");
    }
    one.say(&open).await;
    assert_eq!(one.status().await, 429);
    let mut other = Raw::from(&server, 3).await;
    other.say(&open).await;
    assert_eq!(status_of(&other.until("}").await), 200);
    // Nor are there more in all; and one that leaves makes room.
    let mut third = Raw::from(&server, 4).await;
    third.say(&open).await;
    assert_eq!(third.status().await, 429);
    let (_, open_packet) = opened.split_once("\r\n\r\n0").unwrap();
    let opening: Value = serde_json::from_str(open_packet).unwrap();
    let sid = opening["sid"].as_str().unwrap();
    one.say(format!(
        "POST {POLLING}&sid={sid} HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n1"
    ))
    .await;
    assert_eq!(one.status().await, 200);
    let let_in = async {
        loop {
            third.say(&open).await;
            if third.status().await == 200 {
                return;
            }
        }
    };
    tokio::time::timeout(common::PATIENCE, let_in)
        .await
        .unwrap();
}

/// A guest in a room who stops reading, with next to no room in its own buffers.
async fn deaf(server: &TestServer, chat: i64) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream = socket.connect(server.address).await.unwrap();
    let request = format!(
        "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        server.address
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    for text in [
        "40".to_owned(),
        format!(r#"420["room:join",{{"chat_id":{chat}}}]"#),
    ] {
        let mut frame = vec![0x81, 0x80 | u8::try_from(text.len()).unwrap(), 0, 0, 0, 0];
        frame.extend_from_slice(text.as_bytes());
        stream.write_all(&frame).await.unwrap();
        let wanted: &[u8] = if text == "40" {
            b"session:ready"
        } else {
            b"430["
        };
        let mut got = Vec::new();
        while !got.windows(wanted.len()).any(|window| window == wanted) {
            got.push(stream.read_u8().await.unwrap());
        }
    }
    stream
}

/// Writes more than the kernel buffers for a connection, and the queue above it; all of it reaches
/// who reads.
async fn flood(server: &TestServer, chat: i64, reader: &mut Client) {
    const EVENTS: usize = 8000;
    let beside = server.beside.clone();
    let writing = tokio::task::spawn_blocking(move || {
        let entry = catalogue::find("chat.update").unwrap();
        for chunk in 0..EVENTS / 100 {
            let requests = (0..100).map(|number| {
                let text = format!("{:漢>400}", chunk * 100 + number);
                let params = json!({ "chat_id": chat, "description": text }).to_string();
                let done = Box::new(|reply: Result<String, _>| drop(reply.unwrap()));
                Request::json(&beside, Actor::operator(), entry, &params, done).unwrap()
            });
            beside.batch(requests.collect());
        }
    });
    for _ in 0..EVENTS {
        reader.event("room:updated").await;
    }
    writing.await.unwrap();
}

/// Asks for the metrics until they say this.
async fn metrics_say(server: &TestServer, wanted: &[&str]) {
    let asking = async {
        loop {
            let metrics = server.get(None, "/metrics").await.text;
            if wanted
                .iter()
                .all(|line| metrics.lines().any(|l| l == *line))
            {
                return;
            }
        }
    };
    tokio::time::timeout(common::PATIENCE, asking)
        .await
        .unwrap();
}

async fn with_patience(write_within: Duration) -> TestServer {
    TestServer::with(Config {
        rates: Rates::OFF,
        connections: serve::Limits {
            write_within,
            ..serve::Limits::default()
        },
        ..Config::default()
    })
    .await
}

#[tokio::test]
async fn who_falls_behind_is_let_go_and_costs_the_others_nothing_spec_15_5() {
    let server = with_patience(Duration::from_mins(10)).await;
    let olga = server.person_with_role("olga", "owner");
    let chat = server.official_chat(&olga);
    let mut reader = Client::of(&server, &olga).await;
    reader.ok("room:join", json!({ "chat_id": chat })).await;
    let mut stuck = deaf(&server, chat).await;
    let falling_behind = async {
        metrics_say(&server, &["portal_sockets_too_slow_total 1"]).await;
        let viewers = async || {
            let directory = server.get(None, "/v1/portal/directory").await.ok();
            directory["chats"][0]["viewer_count"].clone()
        };
        while viewers().await != 1 {}
        // Reading again, it gets what was queued, the reason, and the end; nothing is left out before.
        let mut rest = Vec::new();
        stuck.read_to_end(&mut rest).await.unwrap();
        rest
    };
    let (rest, ()) = tokio::join!(falling_behind, flood(&server, chat, &mut reader));
    let text = String::from_utf8_lossy(&rest);
    assert!(text.contains(r#"["server:closing",{"reason":"too_slow"}]"#));
    let seqs: Vec<u64> = text
        .split("\"seq\":")
        .skip(1)
        .map(|rest| rest.split(|c: char| !c.is_ascii_digit()).next().unwrap())
        .map(|digits| digits.parse().unwrap())
        .collect();
    assert!(seqs.len() > 1000 && seqs.windows(2).all(|pair| pair[1] == pair[0] + 1));
}

#[tokio::test]
async fn who_takes_nothing_at_all_is_cut_off_spec_15_5() {
    let server = with_patience(Duration::from_millis(300)).await;
    let olga = server.person_with_role("olga", "owner");
    let chat = server.official_chat(&olga);
    let mut reader = Client::of(&server, &olga).await;
    reader.ok("room:join", json!({ "chat_id": chat })).await;
    let stuck = deaf(&server, chat).await;
    flood(&server, chat, &mut reader).await;
    // Ours and the one that asks; the deaf one is gone although it never closed.
    metrics_say(&server, &["portal_sockets 1", "portal_connections 2"]).await;
    drop(stuck);
}
