//! Engine.IO v4 as its specification has it (SPEC 15.3), by bare frames and bare requests: opening, heartbeats, polling,
//! and going over from polling to a WebSocket.

mod common;

use std::time::Duration;

use common::TestServer;
use common::engine::{
    POLLING, TEXT, WEBSOCKET, answers, connected, next_without_limit, opened, polled, polling,
    post, upgrading,
};
use common::raw::{Raw, status_of};
use serde_json::{Value, json};
use tokio::time::Instant;

#[tokio::test]
async fn the_opening_packet_says_what_the_server_keeps_to() {
    let server = TestServer::start().await;
    let (_, open) = opened(&server).await;
    assert_eq!(open["upgrades"], json!([]));
    assert_eq!(open["pingInterval"], 25_000);
    assert_eq!(open["pingTimeout"], 20_000);
    assert_eq!(open["maxPayload"], 64 * 1024);
    let fields = |open: &Value| open.as_object().unwrap().len();
    assert_eq!(fields(&open), 5);
    let answer = server.get(None, POLLING).await;
    let polled: Value = serde_json::from_str(&answer.text[1..]).unwrap();
    assert_eq!(polled["upgrades"], json!(["websocket"]));
    assert_eq!(fields(&polled), 5);
    assert_eq!(answer.headers["content-type"], "text/plain; charset=UTF-8");
    assert!(answer.text.starts_with("0{") && !answer.text.contains(open["sid"].as_str().unwrap()));
}

#[tokio::test]
async fn what_cannot_be_answered_is_refused_by_its_number() {
    let server = TestServer::start().await;
    let path = polling(&server).await;
    let unknown = format!("{POLLING}&sid={}", "0".repeat(32));
    let websocket = path.replace("polling", "websocket");
    for (method, path, code, message) in [
        ("GET", "/socket.io/?EIO=4", 0, "Transport unknown"),
        (
            "GET",
            "/socket.io/?EIO=4&transport=abc",
            0,
            "Transport unknown",
        ),
        ("GET", unknown.as_str(), 1, "Session ID unknown"),
        ("POST", unknown.as_str(), 1, "Session ID unknown"),
        ("POST", POLLING, 2, "Bad handshake method"),
        ("PUT", POLLING, 2, "Bad handshake method"),
        ("PUT", path.as_str(), 3, "Bad request"),
        ("GET", websocket.as_str(), 3, "Bad request"),
        ("GET", WEBSOCKET, 3, "Bad request"),
        (
            "GET",
            "/socket.io/?transport=polling",
            5,
            "Unsupported protocol version",
        ),
        (
            "GET",
            "/socket.io/?EIO=3&transport=polling",
            5,
            "Unsupported protocol version",
        ),
        (
            "GET",
            "/socket.io/?EIO=abc&transport=websocket",
            5,
            "Unsupported protocol version",
        ),
    ] {
        let answer = server.ask(method, path, &[], "").await;
        assert_eq!(answer.status, 400, "{method} {path}: {answer:?}");
        let refused = json!({ "code": code, "message": message });
        assert_eq!(answer.json(), refused, "{method} {path}");
    }
}

#[tokio::test]
async fn a_websocket_that_asks_wrongly_is_not_begun() {
    let server = TestServer::start().await;
    for (path, version) in [
        ("/socket.io/?transport=websocket", 13),
        ("/socket.io/?EIO=3&transport=websocket", 13),
        ("/socket.io/?EIO=4", 13),
        ("/socket.io/?EIO=4&transport=abc", 13),
        (WEBSOCKET, 8),
    ] {
        let mut raw = Raw::to(&server).await;
        raw.say(format!(
            "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: {version}\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        ))
        .await;
        let head = raw.until("\r\n\r\n").await;
        assert_eq!(status_of(&head), 400, "{path}: {head}");
    }
}

#[tokio::test]
async fn the_first_ping_comes_after_the_interval_and_not_at_once() {
    let server = TestServer::start().await;
    let mut raw = connected(&server).await;
    let path = polling(&server).await;
    post(&server, &path, "40").await;
    polled(&server, &path, "42[\"session:ready\"").await;
    tokio::time::pause();
    let mut last = Instant::now();
    for _ in 0..3 {
        let ping = next_without_limit(&mut raw).await;
        assert_eq!(ping, Some((TEXT, b"2".to_vec())));
        let waited = last.elapsed().as_secs();
        assert!((23..=26).contains(&waited), "{waited} s");
        last = Instant::now();
        raw.frame(TEXT, b"3").await;
        assert_eq!(server.get(None, &path).await.text, "2");
        assert_eq!(post(&server, &path, "3").await.text, "ok");
    }
    // A ping of the client's own is no mistake, and no answer to ours.
    raw.frame(TEXT, b"2").await;
    tokio::time::resume();
    answers(&mut raw, 1).await;
}

#[tokio::test]
async fn a_socket_that_leaves_a_ping_unanswered_is_closed_and_one_that_answers_stays() {
    let server = TestServer::start().await;
    let mut quiet = connected(&server).await;
    let mut lively = connected(&server).await;
    tokio::time::pause();
    let begin = Instant::now();
    let mut last = begin;
    while begin.elapsed() < Duration::from_mins(2) {
        let Some((TEXT, packet)) = next_without_limit(&mut lively).await else {
            panic!("closed after {:?}", begin.elapsed());
        };
        assert_eq!(packet, b"2");
        let apart = last.elapsed();
        assert!(apart <= Duration::from_secs(26), "{apart:?}");
        last = Instant::now();
        lively.frame(TEXT, b"3").await;
    }
    tokio::time::resume();
    answers(&mut lively, 1).await;
    // It was told that it is over, and that was the end.
    let mut packets = Vec::new();
    while let Some((TEXT, packet)) = next_without_limit(&mut quiet).await {
        packets.push(String::from_utf8(packet).unwrap());
    }
    assert_eq!(packets.pop().as_deref(), Some("1"));
    assert!(packets.len() <= 2, "{packets:?}");
    assert!(packets.iter().all(|packet| packet == "2"), "{packets:?}");
    let status = server.get(None, "/v1/portal/status").await.ok();
    assert_eq!(status["sockets"], 1);
}

#[tokio::test]
async fn a_polling_socket_that_leaves_a_ping_unanswered_is_over() {
    let server = TestServer::start().await;
    let path = polling(&server).await;
    post(&server, &path, "40").await;
    polled(&server, &path, "42[\"session:ready\"").await;
    tokio::time::pause();
    let begin = Instant::now();
    assert_eq!(server.get(None, &path).await.text, "2");
    assert_eq!(server.get(None, &path).await.text, "1");
    let waited = begin.elapsed().as_secs();
    assert!((43..=46).contains(&waited), "{waited} s");
    for answer in [
        server.get(None, &path).await,
        post(&server, &path, "3").await,
    ] {
        assert_eq!(answer.status, 400);
        assert_eq!(answer.json()["code"], 1);
    }
}

#[tokio::test]
async fn several_packets_come_in_one_post_and_what_is_none_ends_the_socket() {
    let server = TestServer::start().await;
    let path = polling(&server).await;
    let both = "40\x1e421[\"room:explode\",{}]";
    assert_eq!(post(&server, &path, "40").await.text, "ok");
    polled(&server, &path, "42[\"session:ready\"").await;
    assert_eq!(post(&server, &path, both).await.text, "ok");
    polled(&server, &path, "431[").await;
    // Nothing at all is no packet, nor a mistake.
    assert_eq!(post(&server, &path, "").await.text, "ok");
    for wrong in ["9", "x", "4\x1e\x1e4", "bAQID", "b!!", "0{}"] {
        let path = polling(&server).await;
        post(&server, &path, "40").await;
        polled(&server, &path, "42[\"session:ready\"").await;
        let answer = post(&server, &path, wrong).await;
        assert!(!answer.status.is_server_error(), "{wrong:?}: {answer:?}");
        // Refused at once, or the packet within it ends the socket; an event after it is not run.
        post(&server, &path, "429[\"room:explode\",{}]").await;
        let mut polls = 0;
        loop {
            let answer = server.get(None, &path).await;
            assert!(!answer.text.contains("439["), "{wrong:?}: {answer:?}");
            if answer.status == 400 || answer.text == "1" {
                break;
            }
            polls += 1;
            assert!(polls < 10, "{wrong:?} ended nothing: {answer:?}");
        }
    }
}

#[tokio::test]
async fn what_waits_is_fetched_with_one_poll_in_its_order() {
    let server = TestServer::start().await;
    let path = polling(&server).await;
    post(&server, &path, "40").await;
    polled(&server, &path, "42[\"session:ready\"").await;
    let three = [1, 2, 3].map(|id| format!("42{id}[\"room:explode\",{{}}]"));
    assert_eq!(post(&server, &path, &three.join("\x1e")).await.text, "ok");
    let answer = server.get(None, &path).await;
    let begins: Vec<_> = answer
        .text
        .split('\x1e')
        .map(|packet| &packet[..4])
        .collect();
    assert_eq!(begins, ["431[", "432[", "433["]);
}

#[tokio::test]
async fn a_second_poll_beside_the_first_ends_the_socket() {
    let server = TestServer::start().await;
    let path = polling(&server).await;
    post(&server, &path, "40").await;
    polled(&server, &path, "42[\"session:ready\"").await;
    let (first, second) = tokio::join!(server.get(None, &path), server.get(None, &path));
    let mut both = [first, second];
    both.sort_by_key(|answer| answer.status);
    assert_eq!([both[0].status, both[1].status], [200, 400]);
    assert_eq!(both[0].text, "1");
    assert_eq!(both[1].json()["code"], 3);
    assert_eq!(server.get(None, &path).await.status, 400);
    let status = server.get(None, "/v1/portal/status").await.ok();
    assert_eq!(status["sockets"], 0);
}

#[tokio::test]
async fn a_second_post_beside_the_first_ends_the_socket() {
    let server = TestServer::start().await;
    let path = polling(&server).await;
    let mut slow = Raw::to(&server).await;
    slow.say(format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n4"
    ))
    .await;
    // The server reads in the order of what comes: after this answer the first one is under way.
    server.get(None, "/health").await.ok();
    let answer = post(&server, &path, "40").await;
    assert_eq!(
        (answer.status.as_u16(), answer.json()["code"].as_u64()),
        (400, Some(3))
    );
    assert_eq!(server.get(None, &path).await.json()["code"], 1);
    // What the first one brings comes too late.
    slow.say("0").await;
    let head = slow.until("\r\n\r\n").await;
    assert_eq!(status_of(&head), 200, "{head}");
    let status = server.get(None, "/v1/portal/status").await.ok();
    assert_eq!(status["sockets"], 0);
}

#[tokio::test]
async fn a_client_that_leaves_has_its_poll_answered_first() {
    let server = TestServer::start().await;
    let path = polling(&server).await;
    post(&server, &path, "40").await;
    polled(&server, &path, "42[\"session:ready\"").await;
    let (poll, left) = tokio::join!(server.get(None, &path), post(&server, &path, "1"));
    assert_eq!((left.status.as_u16(), left.text.as_str()), (200, "ok"));
    // A poll that came after the leaving knows the socket no more.
    match poll.status.as_u16() {
        200 => assert_eq!(poll.text, "6"),
        status => assert_eq!(status, 400),
    }
    assert_eq!(server.get(None, &path).await.status, 400);
    let (mut raw, _) = opened(&server).await;
    raw.frame(TEXT, b"1").await;
    assert_eq!(raw.next_frame_of(0x88).await, 1000_u16.to_be_bytes());
    assert_eq!(raw.next_frame().await, None);
}

#[tokio::test]
async fn a_socket_that_was_closed_keeps_its_last_words_for_the_next_poll() {
    let server = TestServer::start().await;
    let path = polling(&server).await;
    post(&server, &path, "40").await;
    polled(&server, &path, "42[\"session:ready\"").await;
    let event = "421[\"room:explode\",{}]\x1e41\x1e422[\"room:explode\",{}]";
    assert_eq!(post(&server, &path, event).await.text, "ok");
    let answer = server.get(None, &path).await;
    let packets: Vec<_> = answer.text.split('\x1e').collect();
    assert!(packets[0].starts_with("431["), "{packets:?}");
    assert_eq!(packets[1..], ["1"]);
    assert_eq!(server.get(None, &path).await.status, 400);
}

#[tokio::test]
async fn a_close_frame_is_answered_with_one() {
    let server = TestServer::start().await;
    let mut raw = connected(&server).await;
    raw.frame(0x88, &1001_u16.to_be_bytes()).await;
    assert_eq!(raw.next_frame_of(0x88).await, 1001_u16.to_be_bytes());
    assert_eq!(raw.next_frame().await, None);
}

#[tokio::test]
async fn a_binary_message_is_refused_with_the_word_for_it() {
    let server = TestServer::start().await;
    let mut raw = connected(&server).await;
    raw.frame(0x82, &[1, 2, 3, 4]).await;
    assert_eq!(raw.next_frame_of(0x88).await, 1003_u16.to_be_bytes());
    assert_eq!(raw.next_frame().await, None);
}

#[tokio::test]
async fn polling_is_upgraded_and_goes_on_where_it_was() {
    let server = TestServer::start().await;
    let path = polling(&server).await;
    assert_eq!(post(&server, &path, "40").await.text, "ok");
    polled(&server, &path, "42[\"session:ready\"").await;
    let mut raw = upgrading(&server, &path).await;
    raw.frame(TEXT, b"2probe").await;
    assert_eq!(raw.text().await.unwrap(), "3probe");
    // A poll meanwhile is not left hanging.
    let answer = server.get(None, &path).await;
    assert!(
        answer.text.split('\x1e').any(|packet| packet == "6"),
        "{answer:?}"
    );
    raw.frame(TEXT, b"5").await;
    answers(&mut raw, 3).await;
    // From now on it is a WebSocket's, and one's alone.
    assert_eq!(server.get(None, &path).await.status, 400);
    let mut second = upgrading(&server, &path).await;
    second.frame(TEXT, b"2probe").await;
    assert_eq!(second.text().await, None);
    answers(&mut raw, 4).await;
}

#[tokio::test]
async fn nothing_is_lost_or_out_of_order_over_an_upgrade() {
    let server = TestServer::start().await;
    let event = |id: u32| format!("42{id}[\"room:explode\",{{}}]");
    // What waits is fetched by the poll that ends, or comes over the WebSocket, before what is newer.
    for polls in [true, false] {
        let path = polling(&server).await;
        post(&server, &path, "40").await;
        polled(&server, &path, "42[\"session:ready\"").await;
        let before: Vec<_> = (1..=5).map(event).collect();
        post(&server, &path, &before.join("\x1e")).await;
        let mut raw = upgrading(&server, &path).await;
        raw.frame(TEXT, b"2probe").await;
        assert_eq!(raw.text().await.unwrap(), "3probe");
        let mut got = Vec::new();
        if polls {
            let answer = server.get(None, &path).await;
            got.extend(answer.text.split('\x1e').map(str::to_owned));
            assert_eq!(got.len(), 5, "{got:?}");
        }
        raw.frame(TEXT, b"5").await;
        for id in 6..=9 {
            raw.frame(TEXT, event(id).as_bytes()).await;
        }
        while got.len() < 9 {
            got.push(raw.text().await.unwrap());
        }
        for (packet, id) in got.iter().zip(1..) {
            assert!(packet.starts_with(&format!("43{id}[")), "{id}: {packet}");
        }
    }
}

#[tokio::test]
async fn a_poll_that_waits_is_ended_by_the_upgrade() {
    let server = TestServer::start().await;
    let path = polling(&server).await;
    post(&server, &path, "40").await;
    polled(&server, &path, "42[\"session:ready\"").await;
    let upgrade = async {
        let mut raw = upgrading(&server, &path).await;
        raw.frame(TEXT, b"2probe").await;
        raw.frame(TEXT, b"5").await;
        assert_eq!(raw.text().await.unwrap(), "3probe");
        raw
    };
    let (poll, mut raw) = tokio::join!(server.get(None, &path), upgrade);
    assert_eq!((poll.status.as_u16(), poll.text.as_str()), (200, "6"));
    answers(&mut raw, 1).await;
}

#[tokio::test]
async fn a_client_whose_websocket_comes_to_nothing_polls_on() {
    let server = TestServer::start().await;
    let path = polling(&server).await;
    post(&server, &path, "40").await;
    polled(&server, &path, "42[\"session:ready\"").await;
    let event = "421[\"room:explode\",{}]";
    // It breaks before the probe, and after it; and it is tried again.
    for probes in [false, true] {
        let mut raw = upgrading(&server, &path).await;
        if probes {
            raw.frame(TEXT, b"2probe").await;
            assert_eq!(raw.text().await.unwrap(), "3probe");
        }
        drop(raw);
        assert_eq!(post(&server, &path, event).await.text, "ok");
        polled(&server, &path, "431[").await;
    }
    // It is never finished.
    let mut idle = upgrading(&server, &path).await;
    tokio::time::pause();
    assert_eq!(
        next_without_limit(&mut idle).await.map(|frame| frame.0),
        Some(0x88)
    );
    tokio::time::resume();
    assert_eq!(post(&server, &path, event).await.text, "ok");
    polled(&server, &path, "431[").await;
    let mut raw = upgrading(&server, &path).await;
    raw.frame(TEXT, b"2probe").await;
    raw.frame(TEXT, b"5").await;
    assert_eq!(raw.text().await.unwrap(), "3probe");
    answers(&mut raw, 2).await;
}

#[tokio::test]
async fn an_upgrade_that_is_none_ends_the_socket() {
    let server = TestServer::start().await;
    for (first, second) in [("2", "5"), ("40", "5"), ("2probe", "40")] {
        let path = polling(&server).await;
        let mut raw = upgrading(&server, &path).await;
        raw.frame(TEXT, first.as_bytes()).await;
        raw.frame(TEXT, second.as_bytes()).await;
        while let Some(text) = raw.text().await {
            assert_eq!(text, "3probe");
        }
        let asking = async { while server.get(None, &path).await.status != 400 {} };
        tokio::time::timeout(common::PATIENCE, asking)
            .await
            .unwrap();
    }
}
