//! The connection loop: accepts, serves HTTP/1.1 with upgrades, and ends in two stages.
//!
//! It knows nothing of routes: what answers is a function from request to response. The surprising
//! thing is what counts as a connection. An upgraded one leaves hyper's hands when its WebSocket
//! begins, so the count lives in the [`Wire`] below both, and the end waits for the count.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::gate::{Gate, Pass};
use super::wire::Wire;

/// What one connection may cost, and how long things may take.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections in all.
    pub connections: usize,
    /// Connections from one network. Behind a proxy: as many as in all.
    pub connections_per_network: usize,
    /// For a request's head to come whole, and for a kept connection to send the next one.
    pub head_within: Duration,
    /// For a request's body to come whole. Whoever reads bodies keeps it.
    pub body_within: Duration,
    /// For a client to take something of what is written to it.
    pub write_within: Duration,
    /// For requests under way to end once the server is asked to stop.
    pub drain_within: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            connections_per_network: 200,
            head_within: Duration::from_secs(15),
            body_within: Duration::from_secs(15),
            write_within: Duration::from_secs(15),
            drain_within: Duration::from_secs(4),
        }
    }
}

/// A connection as it is served; an upgrade hands out the same.
pub(crate) type Connection = Wire<TcpStream, Pass>;

/// A head is refused beyond this. hyper's own limit is 400 KiB a connection.
const MAX_HEAD: usize = 16 * 1024;

/// Said to whom the gate does not let in; nothing is read from them.
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\n\
    Content-Length: 0\r\nConnection: close\r\n\r\n";

/// Serves `listener` with `answer` until `shutdown` resolves; then ends and tells how many
/// connections did not close by themselves.
///
/// Ending has two stages. First nothing new is taken: the listener closes, idle connections close,
/// requests under way get their replies. Upgraded connections are closed by whoever owns them, who
/// is expected to watch for the same `shutdown`. After [`Limits::drain_within`] the requests left
/// are cut off.
///
/// `gate` is made of the two counts of `limits`; whoever holds a clone can ask it how many there are.
///
/// `answer` gets the peer's address; see [`client_address`](super::address::client_address). It is
/// dropped where it waits when the client leaves, so work that must run to its end has to be
/// handed to a task of its own.
pub async fn run<A, F, B>(
    listener: TcpListener,
    limits: Limits,
    gate: Gate,
    answer: A,
    shutdown: impl Future<Output = ()>,
) -> usize
where
    A: Fn(IpAddr, Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let (ending, _) = watch::channel(());
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);

    loop {
        tokio::select! {
            () = &mut shutdown => break,
            accepted = accept(&listener, &gate) => {
                let (stream, peer, pass) = accepted;
                let wire = Wire::new(stream, limits.write_within, pass);
                connections.spawn(connection(
                    wire,
                    peer.ip(),
                    limits.head_within,
                    answer.clone(),
                    ending.subscribe(),
                ));
            }
            // Takes finished tasks out of the set, which would otherwise keep them all.
            Some(_) = connections.join_next() => {}
        }
    }

    drop(listener);
    drop(ending);
    if timeout(limits.drain_within, gate.emptied()).await.is_ok() {
        return 0;
    }
    let left = gate.count();
    connections.shutdown().await;
    left
}

/// The next connection the gate lets in.
async fn accept(listener: &TcpListener, gate: &Gate) -> (TcpStream, SocketAddr, Pass) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // Replies and events are written whole; waiting to fill a packet only delays them.
                stream.set_nodelay(true).ok();
                match gate.enter(peer.ip()) {
                    Some(pass) => return (stream, peer, pass),
                    None => _ = stream.try_write(FULL),
                }
            }
            Err(error) if concerns_one_connection(&error) => {}
            Err(error) => {
                // Out of file descriptors, mostly. Trying again at once would spin.
                tracing::error!(%error, "cannot accept connections");
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

fn concerns_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
    )
}

/// Serves one connection until it closes, is upgraded, or the server ends.
async fn connection<A, F, B>(
    wire: Connection,
    peer: IpAddr,
    head_within: Duration,
    answer: A,
    mut ending: watch::Receiver<()>,
) where
    A: Fn(IpAddr, Request<Incoming>) -> F,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let service = service_fn(|request| {
        let answered = answer(peer, request);
        async { Ok::<_, std::convert::Infallible>(answered.await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head_within)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(wire), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = &mut connection => ended,
        // The sender is dropped, never used.
        _ = ending.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        // A client's doing, nearly always: it left, or sent what is no HTTP.
        tracing::debug!(%error, "connection ended");
    }
}
