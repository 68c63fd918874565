//! Requests that two readers could read in two ways are refused, and nothing after them is read (SPEC 15.1).

mod common;

use common::{PATIENCE, TestServer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// What would be smuggled: whether it is answered shows whether it was read as a request.
const SECOND: &str = "GET /v1/portal/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

/// Sends this as it is; answers all that comes back until the server closes.
async fn answers(server: &TestServer, bytes: &str) -> String {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(bytes.as_bytes()).await.unwrap();
    let mut read = Vec::new();
    // A server that closes with bytes unread resets; what it said before counts.
    timeout(PATIENCE, stream.read_to_end(&mut read))
        .await
        .expect("the connection closes")
        .ok();
    String::from_utf8(read).unwrap()
}

fn statuses(answers: &str) -> Vec<&str> {
    let heads = answers.match_indices("HTTP/1.1 ");
    heads.map(|(at, _)| &answers[at + 9..at + 12]).collect()
}

#[tokio::test]
async fn two_requests_in_a_row_are_answered_which_shows_that_the_others_are_not() {
    let server = TestServer::start().await;
    let first = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n";
    let both = answers(&server, &format!("{first}{SECOND}")).await;
    assert_eq!(statuses(&both), ["200", "200"], "{both}");
}

#[tokio::test]
async fn a_body_of_two_lengths_is_refused_and_nothing_is_read_after_it() {
    let server = TestServer::start().await;
    let json = "Content-Type: application/json\r\n";
    for (lengths, body) in [
        (
            "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
            "0\r\n\r\n",
        ),
        (
            "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
            "0\r\n\r\n",
        ),
        ("Transfer-Encoding: chunked\r\n", "0\r\n\r\n"),
        (
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
            "0\r\n\r\n",
        ),
        ("Transfer-Encoding: xchunked\r\n", ""),
        ("Transfer-Encoding : chunked\r\n", "0\r\n\r\n"),
        ("Transfer-Encoding:\u{b}chunked\r\n", "0\r\n\r\n"),
        ("Content-Length: 2\r\nContent-Length: 0\r\n", "{}"),
        ("Content-Length: 2, 0\r\n", "{}"),
        ("Content-Length: +2\r\n", "{}"),
        ("Content-Length: -2\r\n", "{}"),
        ("Content-Length: 0x2\r\n", "{}"),
        ("Content-Length : 2\r\n", "{}"),
    ] {
        for path in ["/v1/users/me/update", "/socket.io/?EIO=4&transport=polling"] {
            let first = format!("POST {path} HTTP/1.1\r\nHost: x\r\n{json}{lengths}\r\n{body}");
            let all = answers(&server, &format!("{first}{SECOND}")).await;
            assert_eq!(statuses(&all), ["400"], "{path} {lengths:?}: {all}");
        }
    }
}

#[tokio::test]
async fn a_request_is_for_one_host() {
    let server = TestServer::start().await;
    for head in [
        "GET /health HTTP/1.1\r\nHost: x\r\nHost: y\r\n",
        "GET /health HTTP/1.1\r\nHost: x\r\nHost: x\r\n",
        "GET /health HTTP/1.1\r\n",
        "GET /health HTTP/1.0\r\nHost: x\r\nHost: y\r\n",
    ] {
        let all = answers(&server, &format!("{head}\r\n{SECOND}")).await;
        let all = all.replace("HTTP/1.0 ", "HTTP/1.1 ");
        assert_eq!(statuses(&all), ["400"], "{head:?}: {all}");
    }
    let old = answers(&server, "GET /health HTTP/1.0\r\n\r\n").await;
    assert!(old.starts_with("HTTP/1.0 200"), "{old}");
}

#[tokio::test]
async fn a_header_ends_where_its_line_ends() {
    let server = TestServer::start().await;
    for head in [
        "GET /health HTTP/1.1\r\nHost: x\r\nX-A: b\rX-C: d\r\n",
        "GET /health HTTP/1.1\r\nHost: x\r\nX-A: b\0c\r\n",
        "GET /health HTTP/1.1\r\nHost: x\r\nX-A: b\r\n folded\r\n",
        "GET /health HTTP/1.1\r\nHost: x\r\nX A: b\r\n",
        "GET /health HTTP/1.1\r\nHost: x\r\n: b\r\n",
        "GET /health\rX: y HTTP/1.1\r\nHost: x\r\n",
        "GET  /health HTTP/1.1\r\nHost: x\r\n",
        "GET /health HTTP/1.1 \r\nHost: x\r\n",
    ] {
        let all = answers(&server, &format!("{head}\r\n{SECOND}")).await;
        assert_eq!(statuses(&all), ["400"], "{head:?}: {all}");
    }
}

#[tokio::test]
async fn what_a_path_says_stays_out_of_the_answers_headers() {
    let server = TestServer::start().await;
    let path = "/v1/portal/resolve/a%0d%0aSet-Cookie:%20psession=evil";
    let all = answers(
        &server,
        &format!("POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
    )
    .await;
    let head = all.split("\r\n\r\n").next().unwrap().to_lowercase();
    assert!(!head.contains("set-cookie"), "{all}");
    assert_eq!(statuses(&all).len(), 1, "{all}");
}
