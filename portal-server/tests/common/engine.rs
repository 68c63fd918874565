//! Engine.IO by bare frames and bare requests.

use serde_json::{Value, json};
use tokio::io::AsyncReadExt;

use super::raw::Raw;
use super::{Answer, TestServer};

pub const WEBSOCKET: &str = "/socket.io/?EIO=4&transport=websocket";
pub const POLLING: &str = "/socket.io/?EIO=4&transport=polling";

/// The first byte of a text frame.
pub const TEXT: u8 = 0x81;

/// A WebSocket that has been opened; and what the opening packet said.
pub async fn opened(server: &TestServer) -> (Raw, Value) {
    let mut raw = Raw::to(server).await.upgraded(server, WEBSOCKET).await;
    let open = raw.text().await.unwrap();
    let open = open.strip_prefix('0').expect("the opening packet is first");
    (raw, serde_json::from_str(open).unwrap())
}

/// One that is connected, as a guest.
pub async fn connected(server: &TestServer) -> Raw {
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
pub async fn answers(raw: &mut Raw, id: u64) {
    raw.frame(TEXT, format!("42{id}[\"room:explode\",{{}}]").as_bytes())
        .await;
    let answer = raw.text().await.expect("it is open");
    let begins = format!("43{id}[{{\"error\":{{\"code\":\"ERR_UNKNOWN_OPERATION\"");
    assert!(answer.starts_with(&begins), "{answer}");
}

pub async fn is_closed(raw: &mut Raw) {
    while let Some(text) = raw.text().await {
        assert!(!text.starts_with("43"), "{text}");
    }
}

/// Opens a polling socket; answers where it is.
pub async fn polling(server: &TestServer) -> String {
    let answer = server.get(None, POLLING).await;
    let open: Value = serde_json::from_str(answer.text.strip_prefix('0').unwrap()).unwrap();
    assert_eq!(open["upgrades"], json!(["websocket"]));
    format!("{POLLING}&sid={}", open["sid"].as_str().unwrap())
}

pub async fn post(server: &TestServer, path: &str, packets: &str) -> Answer {
    server.ask("POST", path, &[], packets.to_owned()).await
}

/// Polls until a packet begins so.
pub async fn polled(server: &TestServer, path: &str, wanted: &str) -> String {
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

/// Begins to go over from polling at this path to a WebSocket.
pub async fn upgrading(server: &TestServer, path: &str) -> Raw {
    let sid = path.rsplit('=').next().unwrap();
    let upgrade = format!("{WEBSOCKET}&sid={sid}");
    Raw::to(server).await.upgraded(server, &upgrade).await
}

/// The next frame, however long it takes by the clock that stands still: a limit would be what it goes on to.
pub async fn next_without_limit(raw: &mut Raw) -> Option<(u8, Vec<u8>)> {
    let first = raw.0.read_u8().await.ok()?;
    let length = raw.0.read_u8().await.ok()?;
    assert!(length < 126, "a short frame");
    let mut payload = vec![0; length.into()];
    raw.0.read_exact(&mut payload).await.ok()?;
    Some((first, payload))
}
