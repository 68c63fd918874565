//! Socket.IO v5 over Engine.IO v4 as their specifications have it (SPEC 15.3), by bare frames and bare requests:
//! what no client library would send.

mod common;

use std::time::Duration;

use common::raw::Raw;
use common::{Answer, TestServer};
use serde_json::{Value, json};
use tokio::time::Instant;

const WEBSOCKET: &str = "/socket.io/?EIO=4&transport=websocket";
const POLLING: &str = "/socket.io/?EIO=4&transport=polling";
const TEXT: u8 = 0x81;

/// A WebSocket that has been opened; and what the opening packet said.
async fn opened(server: &TestServer) -> (Raw, Value) {
    let mut raw = Raw::to(server).await.upgraded(server, WEBSOCKET).await;
    let open = raw.text().await.unwrap();
    let open = open.strip_prefix('0').expect("the opening packet is first");
    (raw, serde_json::from_str(open).unwrap())
}

/// One that is connected, as a guest.
async fn connected(server: &TestServer) -> Raw {
    let (mut raw, _) = opened(server).await;
    raw.frame(TEXT, b"40").await;
    assert!(raw.text().await.unwrap().starts_with("40{\"sid\":\""));
    assert!(
        raw.text()
            .await
            .unwrap()
            .starts_with("42[\"session:ready\",")
    );
    raw
}

/// Proves that a socket is well: what was sent before has been dealt with.
async fn answers(raw: &mut Raw, id: u64) {
    raw.frame(TEXT, format!("42{id}[\"room:explode\",{{}}]").as_bytes())
        .await;
    let answer = raw.text().await.expect("it is open");
    let begins = format!("43{id}[{{\"error\":{{\"code\":\"ERR_UNKNOWN_OPERATION\"");
    assert!(answer.starts_with(&begins), "{answer}");
}

async fn is_closed(raw: &mut Raw) {
    while let Some(text) = raw.text().await {
        assert!(!text.starts_with("43"), "{text}");
    }
}

/// Opens a polling socket; answers where it is.
async fn polling(server: &TestServer) -> String {
    let answer = server.get(None, POLLING).await;
    let open: Value = serde_json::from_str(answer.text.strip_prefix('0').unwrap()).unwrap();
    assert_eq!(open["upgrades"], json!(["websocket"]));
    format!("{POLLING}&sid={}", open["sid"].as_str().unwrap())
}

async fn post(server: &TestServer, path: &str, packets: &str) -> Answer {
    server.ask("POST", path, &[], packets.to_owned()).await
}

/// Polls until a packet begins so.
async fn polled(server: &TestServer, path: &str, wanted: &str) -> String {
    for _ in 0..20 {
        let answer = server.get(None, path).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        for packet in answer.text.split('\x1e') {
            if packet.starts_with(wanted) {
                return packet.to_owned();
            }
            if packet == "2" {
                assert_eq!(post(server, path, "3").await.text, "ok");
            }
        }
    }
    panic!("no {wanted}");
}

#[tokio::test]
async fn the_opening_packet_says_what_the_server_keeps_to() {
    let server = TestServer::start().await;
    let (_, open) = opened(&server).await;
    assert_eq!(open["upgrades"], json!([]));
    assert_eq!(open["pingInterval"], 25_000);
    assert_eq!(open["pingTimeout"], 20_000);
    assert_eq!(open["maxPayload"], 64 * 1024);
    let answer = server.get(None, POLLING).await;
    assert_eq!(answer.headers["content-type"], "text/plain; charset=UTF-8");
    assert!(answer.text.starts_with("0{") && !answer.text.contains(open["sid"].as_str().unwrap()));
}

#[tokio::test]
async fn other_namespaces_are_refused_and_the_root_is_still_open() {
    let server = TestServer::start().await;
    let (mut raw, _) = opened(&server).await;
    for (asked, refused) in [
        ("40/admin,", "44/admin,{"),
        ("40/admin,{\"token\":\"a\"}", "44/admin,{"),
        ("40/admin", "44/admin,{"),
        ("40{\"token\":5}", "44{"),
        ("40[1]", "44{"),
    ] {
        raw.frame(TEXT, asked.as_bytes()).await;
        let answer = raw.text().await.unwrap();
        assert!(answer.starts_with(refused), "{asked}: {answer}");
        let error: Value = serde_json::from_str(&answer[refused.len() - 1..]).unwrap();
        assert!(
            error["message"].is_string() && error["data"]["code"].is_string(),
            "{answer}"
        );
    }
    raw.frame(TEXT, b"40/,{}").await;
    assert!(raw.text().await.unwrap().starts_with("40{"));
    assert!(
        raw.text()
            .await
            .unwrap()
            .starts_with("42[\"session:ready\"")
    );
    // A second time is neither a mistake nor another connection.
    raw.frame(TEXT, b"40").await;
    answers(&mut raw, 1).await;
    // An event there ends the socket, as whatever is no packet here does.
    raw.frame(TEXT, b"42/admin,[\"room:join\",{}]").await;
    is_closed(&mut raw).await;
}

#[tokio::test]
async fn an_event_is_acknowledged_once_by_its_own_number_or_not_at_all() {
    let server = TestServer::start().await;
    let mut raw = connected(&server).await;
    for id in [0, 1, 1, 7, u64::MAX] {
        answers(&mut raw, id).await;
    }
    // Without a number there is no answer; an acknowledgement of nothing is passed over.
    raw.frame(TEXT, b"42[\"room:explode\",{}]").await;
    raw.frame(TEXT, b"4399[1]").await;
    answers(&mut raw, 2).await;
    raw.frame(TEXT, b"41").await;
    is_closed(&mut raw).await;
}

#[tokio::test]
async fn frames_that_are_no_websocket_end_the_socket() {
    let server = TestServer::start().await;
    let event = b"421[\"room:explode\",{}]";
    for (first, payload) in [
        (TEXT, &b"4\xff\xfe"[..]),
        // A binary message, an unknown kind, a bit that is reserved, a control frame in pieces, and one too long.
        (0x82, &event[..]),
        (0x83, &event[..]),
        (0xc1, &event[..]),
        (0x09, b"ping"),
        (0x89, &[0; 126]),
        // The rest of a message that has no beginning.
        (0x80, &event[..]),
    ] {
        let mut raw = connected(&server).await;
        raw.frame(first, payload).await;
        is_closed(&mut raw).await;
    }
    // Not masked, as a client's have to be.
    let mut raw = connected(&server).await;
    let mut frame = vec![TEXT, u8::try_from(event.len()).unwrap()];
    frame.extend(event);
    raw.say(frame).await;
    is_closed(&mut raw).await;
    // Said to be longer than anything may be, before a byte of it is there.
    let mut raw = connected(&server).await;
    let mut frame = vec![TEXT, 0xff];
    frame.extend(u64::from(u32::MAX).to_be_bytes());
    frame.extend([0; 4]);
    raw.say(frame).await;
    is_closed(&mut raw).await;
}

#[tokio::test]
async fn a_message_may_come_in_pieces_but_not_be_longer_for_it() {
    let server = TestServer::start().await;
    let mut raw = connected(&server).await;
    raw.frame(0x01, b"425[\"room:").await;
    raw.frame(0x89, b"between").await;
    raw.frame(0x80, b"explode\",{}]").await;
    assert_eq!(raw.next_frame_of(0x8a).await, b"between");
    assert!(raw.text().await.unwrap().starts_with("435["));
    raw.frame(0x01, b"425[\"room:").await;
    for _ in 0..70 {
        raw.frame(0x00, &[b'x'; 1000]).await;
    }
    is_closed(&mut raw).await;
}

#[tokio::test(start_paused = true)]
async fn who_does_not_ask_to_connect_is_let_go() {
    let server = TestServer::start().await;
    let begin = Instant::now();
    let (mut raw, _) = opened(&server).await;
    is_closed(&mut raw).await;
    let waited = begin.elapsed().as_secs();
    assert!((10..20).contains(&waited), "{waited} s");
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

/// The next frame, however long it takes by the clock that stands still: a limit would be what it goes on to.
async fn next_without_limit(raw: &mut Raw) -> Option<(u8, Vec<u8>)> {
    use tokio::io::AsyncReadExt;
    let first = raw.0.read_u8().await.ok()?;
    let length = raw.0.read_u8().await.ok()?;
    assert!(length < 126, "a short frame");
    let mut payload = vec![0; length.into()];
    raw.0.read_exact(&mut payload).await.ok()?;
    Some((first, payload))
}

#[tokio::test]
async fn polling_is_upgraded_and_goes_on_where_it_was() {
    let server = TestServer::start().await;
    let path = polling(&server).await;
    assert_eq!(post(&server, &path, "40").await.text, "ok");
    polled(&server, &path, "42[\"session:ready\"").await;
    let sid = path.rsplit('=').next().unwrap();
    let upgrade = format!("{WEBSOCKET}&sid={sid}");
    let mut raw = Raw::to(&server).await.upgraded(&server, &upgrade).await;
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
    let mut second = Raw::to(&server).await.upgraded(&server, &upgrade).await;
    second.frame(TEXT, b"2probe").await;
    assert_eq!(second.text().await, None);
    answers(&mut raw, 4).await;
}

#[tokio::test]
async fn an_upgrade_that_is_none_ends_the_socket() {
    let server = TestServer::start().await;
    for (first, second) in [("2", "5"), ("40", "5"), ("2probe", "40")] {
        let path = polling(&server).await;
        let sid = path.rsplit('=').next().unwrap();
        let upgrade = format!("{WEBSOCKET}&sid={sid}");
        let mut raw = Raw::to(&server).await.upgraded(&server, &upgrade).await;
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
async fn a_socket_is_polled_by_one_request_at_a_time() {
    let server = TestServer::start().await;
    let path = polling(&server).await;
    post(&server, &path, "40").await;
    polled(&server, &path, "42[\"session:ready\"").await;
    post(&server, &path, "3").await;
    let (first, second) = tokio::join!(server.get(None, &path), server.get(None, &path));
    let refused = [first.status, second.status]
        .iter()
        .filter(|status| **status == 400)
        .count();
    assert!(refused >= 1, "{first:?} {second:?}");
    assert_eq!(server.get(None, &path).await.status, 400);
}
