//! Attacks below the requests: framing that two readers read differently, and connections that cost more than
//! they say (SPEC 15.4, 15.5).

mod common;

use std::time::Duration;

use common::TestServer;
use common::raw::{Raw, status_of};
use common::socket::Client;
use portal_server::http::serve;
use portal_server::{Config, Rates};
use tokio::io::AsyncWriteExt;

async fn with(connections: serve::Limits, rates: Rates) -> TestServer {
    TestServer::with(Config {
        connections,
        rates,
        ..Config::default()
    })
    .await
}

/// A request that is there twice if its end is read differently: the second one is the smuggled.
fn smuggling(head: &str, body: &str) -> String {
    format!(
        "POST /v1/authentication/logout HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{head}\r\n\r\n{body}\
         GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
    )
}

#[tokio::test]
async fn framing_that_can_be_read_in_two_ways_is_refused_and_ends_the_connection() {
    let server = TestServer::start().await;
    for (head, body) in [
        ("Content-Length: 5\r\nContent-Length: 6", "hello"),
        ("Content-Length: 5, 6", "hello"),
        ("Content-Length: +5", "hello"),
        ("Content-Length: 0x5", "hello"),
        ("Content-Length: 99999999999999999999999", "hello"),
        ("Transfer-Encoding: chunked, identity", "0\r\n\r\n"),
        ("Transfer-Encoding: xchunked", "0\r\n\r\n"),
        ("Content-Length : 5", "hello"),
        ("X-Folded: one\r\n two\r\nContent-Length: 5", "hello"),
        ("X-\0: nul", ""),
        ("X-Header: a\rb", ""),
    ] {
        let mut raw = Raw::to(&server).await;
        raw.say(smuggling(head, body)).await;
        let text = raw.rest().await;
        assert_eq!(status_of(&text), 400, "{head:?}: {text}");
        assert_eq!(text.matches("HTTP/1.1 ").count(), 1, "{head:?}: {text}");
    }
    server.get(None, "/health").await.ok();
}

#[tokio::test]
async fn a_body_in_chunks_is_refused_with_a_length_beside_it_and_without() {
    let server = TestServer::start().await;
    // Read by its length, the body would hold the second request.
    for head in [
        "Content-Length: 60\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked",
    ] {
        let mut raw = Raw::to(&server).await;
        raw.say(smuggling(head, "0\r\n\r\n")).await;
        let text = raw.rest().await;
        assert_eq!(status_of(&text), 400, "{head:?}: {text}");
        assert_eq!(text.matches("HTTP/1.1 ").count(), 1, "{head:?}: {text}");
    }
}

#[tokio::test]
async fn a_body_in_chunks_that_are_none_is_refused() {
    let server = TestServer::start().await;
    for body in [
        "zz\r\nhello\r\n0\r\n\r\n",
        "-1\r\nhello\r\n0\r\n\r\n",
        "ffffffffffffffffff\r\nhello\r\n0\r\n\r\n",
        "5\r\nhelloXX0\r\n\r\n",
        "5\nhello\n0\n\n",
    ] {
        let mut raw = Raw::to(&server).await;
        raw.say(smuggling("Transfer-Encoding: chunked", body)).await;
        let text = raw.rest().await;
        assert_eq!(status_of(&text), 400, "{body:?}: {text}");
        assert!(!text.contains("ERR_NOT_FOUND"), "{body:?}: {text}");
    }
}

#[tokio::test]
async fn heads_without_measure_are_refused() {
    let server = TestServer::start().await;
    let many = "X-Many: 1\r\n".repeat(500);
    let long = format!("X-Long: {}\r\n", "a".repeat(20_000));
    for (line, headers, status) in [
        ("/".to_owned(), many, 431),
        ("/".to_owned(), long, 431),
        (format!("/{}", "a".repeat(20_000)), String::new(), 431),
    ] {
        let mut raw = Raw::to(&server).await;
        raw.say(format!("GET {line} HTTP/1.1\r\nHost: x\r\n{headers}\r\n"))
            .await;
        let text = raw.rest().await;
        assert_eq!(status_of(&text), status, "{text}");
    }
    for line in [
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/9.9\r\nHost: x\r\n\r\n",
        "\x16\x03\x01\x02\0\x01\0\r\n\r\n",
    ] {
        let mut raw = Raw::to(&server).await;
        raw.say(line).await;
        raw.0.shutdown().await.ok();
        let text = raw.rest().await;
        assert!(!text.contains(" 500 "), "{text}");
    }
    server.get(None, "/health").await.ok();
}

#[tokio::test]
async fn a_head_that_comes_byte_by_byte_is_cut_off_spec_15_5() {
    let limits = serve::Limits {
        head_within: Duration::from_millis(300),
        ..serve::Limits::default()
    };
    let server = with(limits, Rates::OFF).await;
    let mut raw = Raw::to(&server).await;
    // It never pauses for as long as the limit; the head as a whole takes longer. The server's closing ends it.
    let mut drip = tokio::time::interval(Duration::from_millis(20));
    let (mut reader, mut writer) = raw.0.split();
    let dripping = async {
        let head = "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ";
        writer.write_all(head.as_bytes()).await.unwrap();
        loop {
            drip.tick().await;
            if writer.write_all(b"a").await.is_err() {
                return;
            }
        }
    };
    let closing = async {
        let mut text = String::new();
        tokio::io::AsyncReadExt::read_to_string(&mut reader, &mut text)
            .await
            .ok();
        text
    };
    let ended = tokio::time::timeout(common::PATIENCE, async {
        tokio::select! {
            text = closing => text,
            () = dripping => String::new(),
        }
    });
    assert!(!ended.await.expect("cut off in time").contains("200 OK"));
}

#[tokio::test]
async fn a_body_that_does_not_come_is_given_up_spec_15_5() {
    let limits = serve::Limits {
        body_within: Duration::from_millis(200),
        ..serve::Limits::default()
    };
    let server = with(limits, Rates::OFF).await;
    let mut raw = Raw::to(&server).await;
    raw.say(
        "POST /v1/authentication/verify HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
         Content-Length: 20\r\n\r\n{",
    )
    .await;
    let head = raw.until("\r\n\r\n").await;
    assert_eq!(status_of(&head), 408, "{head}");
    assert!(raw.rest().await.contains("ERR_REQUEST_TIMEOUT"));
    let mut raw = Raw::to(&server).await;
    raw.say(
        "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n4",
    )
    .await;
    assert_eq!(raw.status().await, 408);
}

/// How many connections there are at once: more if asked for, where the system lets one process have as many.
fn idle_connections() -> usize {
    let wanted = std::env::var("PORTAL_IDLE_CONNECTIONS").ok();
    let wanted = wanted.map_or(2_000, |count| {
        count.parse().expect("a number of connections")
    });
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    // Each has two ends in this process.
    let room = limit.map_or(usize::MAX, |limit| {
        usize::try_from(limit).unwrap_or(usize::MAX) / 2
    });
    wanted.min(room.saturating_sub(200))
}

#[tokio::test]
async fn idle_connections_by_the_thousand_keep_nobody_from_being_served() {
    let limits = serve::Limits {
        connections: 20_000,
        connections_per_network: 20_000,
        head_within: Duration::from_mins(10),
        ..serve::Limits::default()
    };
    let server = with(limits, Rates::OFF).await;
    let count = idle_connections();
    assert!(
        count >= 100,
        "a limit of {count} files is too few to test with"
    );
    let mut idle = Vec::with_capacity(count);
    for number in 0..count {
        let mut raw = Raw::to(&server).await;
        // Half of them have begun to ask.
        if number % 2 == 0 {
            raw.say("GET / HT").await;
        }
        idle.push(raw);
    }
    for _ in 0..20 {
        server.get(None, "/v1/portal/directory").await.ok();
    }
    let metrics = server.get(None, "/metrics").await.text;
    let open = metrics
        .lines()
        .find_map(|line| line.strip_prefix("portal_connections "));
    assert!(open.unwrap().parse::<usize>().unwrap() > count, "{open:?}");
    // The first one, all this time later, is still served.
    let mut first = idle.swap_remove(0);
    first
        .say("TP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .await;
    assert_eq!(status_of(&first.rest().await), 200);
}

#[tokio::test]
async fn one_network_cannot_take_all_the_connections_spec_15_5() {
    let limits = serve::Limits {
        connections: 100,
        connections_per_network: 10,
        ..serve::Limits::default()
    };
    let server = with(limits, Rates::OFF).await;
    let mut held = Vec::new();
    for _ in 0..10 {
        let mut raw = Raw::from(&server, 2).await;
        raw.say("GET /health HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert_eq!(raw.status().await, 200);
        held.push(raw);
    }
    let mut raw = Raw::from(&server, 2).await;
    assert_eq!(status_of(&raw.rest().await), 503);
    let mut other = Raw::from(&server, 3).await;
    other.say("GET /health HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!(other.status().await, 200);
}

#[tokio::test]
async fn a_flood_from_one_address_costs_another_nothing_spec_15_4() {
    let server = with(serve::Limits::default(), Rates::default()).await;
    let request = "GET /v1/portal/directory HTTP/1.1\r\nHost: x\r\n\r\n";
    let mut flood = Raw::from(&server, 2).await;
    let mut limited = 0;
    for number in 0..400 {
        flood.say(request).await;
        let status = flood.status().await;
        assert!(matches!(status, 200 | 429), "{status}");
        limited += u32::from(status == 429);
        if number % 40 == 0 {
            let mut other = Raw::from(&server, 3).await;
            other.say(request).await;
            assert_eq!(other.status().await, 200);
        }
    }
    assert!(limited > 200, "{limited}");
}

#[tokio::test]
async fn who_asks_without_reading_the_answers_is_cut_off_spec_15_5() {
    let limits = serve::Limits {
        write_within: Duration::from_millis(300),
        ..serve::Limits::default()
    };
    let server = with(limits, Rates::OFF).await;
    let mut raw = Raw::to(&server).await;
    let requests = "GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n".repeat(200);
    // 200 answers of a quarter of a megabyte: more than any buffer on the way takes.
    let asking = async { while raw.say(&requests).await {} };
    tokio::time::timeout(common::PATIENCE, asking)
        .await
        .expect("cut off in time");
    let gone = async {
        loop {
            let metrics = server.get(None, "/metrics").await.text;
            if metrics.lines().any(|line| line == "portal_connections 1") {
                return;
            }
        }
    };
    tokio::time::timeout(common::PATIENCE, gone).await.unwrap();
}

#[tokio::test]
async fn a_socket_leaves_no_more_than_256_events_unanswered_spec_15_5() {
    let server = TestServer::start().await;
    let mut client = Client::of(&server, &server.person("ben")).await;
    let locked = rusqlite::Connection::open(server.beside.path()).unwrap();
    locked.execute_batch("BEGIN IMMEDIATE").unwrap();
    let ask = |number: u32| format!(r#"42{number}["room:leave",{{"chat_id":7}}]"#);
    for number in 0..=256 {
        client.raw(&ask(number)).await;
    }
    let answer = client.text().await.unwrap();
    assert!(answer.starts_with("43256[") && answer.contains("ERR_RATE_LIMITED"));
    drop(locked);
    for _ in 0..256 {
        assert!(!client.text().await.unwrap().contains("ERR_RATE_LIMITED"));
    }
    client.raw(&ask(300)).await;
    let answer = client.text().await.unwrap();
    assert!(answer.starts_with("43300[") && !answer.contains("ERR_RATE_LIMITED"));
}
