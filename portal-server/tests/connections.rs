//! The connection loop over real sockets: limits, upgrades and the two stages of ending.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, UPGRADE};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use portal_server::http::gate::Gate;
use portal_server::http::serve::{Limits, run};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

/// A server on a port of its own. `/slow` answers once `release` is notified; `/upgrade` hands the
/// connection to a task that echoes one byte at a time; all else says hello.
struct Server {
    address: SocketAddr,
    entered: Arc<Notify>,
    release: Arc<Notify>,
    stop: oneshot::Sender<()>,
    running: JoinHandle<usize>,
}

async fn serve(limits: Limits) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let (entered, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let answer = {
        let (entered, release) = (entered.clone(), release.clone());
        move |_: IpAddr, request| answer(request, entered.clone(), release.clone())
    };
    let gate = Gate::new(limits.connections, limits.connections_per_network);
    let running = tokio::spawn(run(listener, limits, gate, answer, async {
        stopped.await.ok();
    }));
    Server {
        address,
        entered,
        release,
        stop,
        running,
    }
}

async fn answer(
    mut request: Request<Incoming>,
    entered: Arc<Notify>,
    release: Arc<Notify>,
) -> Response<Full<Bytes>> {
    match request.uri().path() {
        "/slow" => {
            entered.notify_one();
            release.notified().await;
        }
        "/upgrade" => {
            let upgrading = hyper::upgrade::on(&mut request);
            tokio::spawn(async move {
                let mut upgraded = TokioIo::new(upgrading.await.unwrap());
                while let Ok(byte) = upgraded.read_u8().await {
                    upgraded.write_u8(byte).await.unwrap();
                }
            });
            return Response::builder()
                .status(StatusCode::SWITCHING_PROTOCOLS)
                .header(CONNECTION, "upgrade")
                .header(UPGRADE, "echo")
                .body(Full::default())
                .unwrap();
        }
        _ => {}
    }
    Response::new(Full::new(Bytes::from_static(b"hello")))
}

impl Server {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// An upgraded connection, proved by an echo.
    async fn upgraded(&self) -> TcpStream {
        let mut stream = self.connect().await;
        stream
            .write_all(
                b"GET /upgrade HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n",
            )
            .await
            .unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        assert!(head.starts_with(b"HTTP/1.1 101"));
        stream.write_u8(7).await.unwrap();
        assert_eq!(stream.read_u8().await.unwrap(), 7);
        stream
    }

    /// A connection kept open after a request. The reply proves that the loop has taken it in:
    /// one that only the kernel has accepted is reset when the listener closes.
    async fn idle(&self) -> TcpStream {
        let mut stream = self.connect().await;
        let request = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";
        stream.write_all(request).await.unwrap();
        let mut reply = Vec::new();
        while !reply.ends_with(b"hello") {
            reply.push(stream.read_u8().await.unwrap());
        }
        stream
    }

    async fn stop(self) -> usize {
        self.stop.send(()).unwrap();
        self.running.await.unwrap()
    }
}

async fn get(mut stream: TcpStream, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    rest(stream).await
}

async fn rest(mut stream: TcpStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

#[tokio::test]
async fn a_request_is_answered_and_the_server_ends() {
    let server = serve(Limits::default()).await;
    let reply = get(server.connect().await, "/").await;
    assert!(reply.starts_with("HTTP/1.1 200 OK"), "{reply}");
    assert!(reply.ends_with("hello"), "{reply}");
    assert_eq!(server.stop().await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_head_that_never_ends_is_given_up() {
    let server = serve(Limits::default()).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET / HTTP/1.1\r\nHo").await.unwrap();
    assert!(!rest(stream).await.contains("200 OK"));
}

#[tokio::test(start_paused = true)]
async fn a_kept_connection_that_says_nothing_is_closed() {
    let server = serve(Limits::default()).await;
    assert_eq!(rest(server.connect().await).await, "");
}

#[tokio::test]
async fn one_too_many_is_told_to_come_back() {
    let server = serve(Limits {
        connections: 1,
        ..Limits::default()
    })
    .await;
    let first = server.upgraded().await;
    let reply = rest(server.connect().await).await;
    assert!(reply.starts_with("HTTP/1.1 503"), "{reply}");
    assert!(reply.contains("Retry-After"), "{reply}");
    drop(first);
}

#[tokio::test]
async fn a_request_under_way_gets_its_reply_although_the_server_ends() {
    let server = serve(Limits::default()).await;
    let asking = tokio::spawn(get(server.connect().await, "/slow"));
    server.entered.notified().await;
    let idle = server.idle().await;
    let release = server.release.clone();
    let address = server.address;

    let ending = tokio::spawn(server.stop());
    // The idle one closes, so the end has begun; nobody new is let in.
    assert_eq!(rest(idle).await, "");
    assert!(TcpStream::connect(address).await.is_err());
    assert!(!asking.is_finished());

    release.notify_one();
    assert!(asking.await.unwrap().ends_with("hello"));
    assert_eq!(ending.await.unwrap(), 0);
}

#[tokio::test]
async fn the_end_waits_for_upgraded_connections() {
    let server = serve(Limits::default()).await;
    let mut upgraded = server.upgraded().await;
    let idle = server.idle().await;
    let ending = tokio::spawn(server.stop());
    assert_eq!(rest(idle).await, "");
    upgraded.write_u8(9).await.unwrap();
    assert_eq!(upgraded.read_u8().await.unwrap(), 9);
    drop(upgraded);
    assert_eq!(ending.await.unwrap(), 0);
}

#[tokio::test]
async fn the_end_does_not_wait_for_ever() {
    let server = serve(Limits {
        drain_within: Duration::from_millis(1),
        ..Limits::default()
    })
    .await;
    let upgraded = server.upgraded().await;
    assert_eq!(server.stop().await, 1);
    drop(upgraded);
}

#[tokio::test]
async fn a_head_beyond_the_limit_is_refused() {
    let server = serve(Limits::default()).await;
    let mut stream = server.connect().await;
    let head = format!(
        "GET / HTTP/1.1\r\nHost: x\r\nCookie: {}",
        "a".repeat(20_000)
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut reply = [0; 12];
    stream.read_exact(&mut reply).await.unwrap();
    assert_eq!(&reply, b"HTTP/1.1 431");
}
