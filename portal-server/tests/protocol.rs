//! Socket.IO v5 and the WebSocket protocol as their specifications have them (SPEC 15.3), by bare frames: what no client
//! library would send. Engine.IO between the two is in `engine.rs`.

mod common;

use common::TestServer;
use common::engine::{TEXT, answers, connected, is_closed, opened};
use portal_server::{Config, Rates};
use serde_json::Value;
use tokio::time::Instant;

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
async fn each_refused_connecting_counts_and_one_too_many_ends_the_socket_spec_15_4() {
    let server = TestServer::with(Config {
        rates: Rates {
            public: 4,
            ..Rates::default()
        },
        ..Config::default()
    })
    .await;
    // Opening it is the first.
    let (mut raw, _) = opened(&server).await;
    let elsewhere = format!("40/{},", "x".repeat(60_000));
    for (asked, code) in [
        (elsewhere.as_str(), "ERR_NOT_FOUND"),
        ("40[1]", "ERR_INVALID"),
        ("40{\"token\":\"abc\"}", "ERR_UNAUTHENTICATED"),
        ("40/elsewhere,", "ERR_RATE_LIMITED"),
    ] {
        raw.frame(TEXT, asked.as_bytes()).await;
        let answer = raw.text().await.unwrap();
        assert!(answer.contains(code), "{asked}: {answer}");
    }
    assert_eq!(raw.text().await.as_deref(), Some("1"));
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
