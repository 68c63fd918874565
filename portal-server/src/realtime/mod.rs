//! Socket.IO (SPEC 15.3): sockets in, events in, events out.
//!
//! The engine ([`engine`](crate::engine)) does transports, heartbeats and framing. What is here: who a socket is
//! ([`handshake`]), what a packet says ([`packet`]), which operation an event runs ([`events`]), and how
//! the log reaches the sockets ([`fanout`]). Nothing here decides who may what; the library does.

mod events;
mod fanout;
mod handshake;
mod packet;
mod peer;
mod registry;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread::JoinHandle;
use std::time::Duration;

use portal_core::model::{ChatId, ConnectionId, SessionId};
use portal_core::ops::rooms;
use portal_core::presence::Identity;
use portal_core::{Actor, Error, ErrorKind, Request, Result, catalogue};
use serde::Deserialize;
use tokio::runtime::Handle;

pub use events::EVENTS;
pub(crate) use peer::Peer;

use crate::engine::{Engine, Handler, Sent, Socket, Sockets};
use crate::http::body::MAX_BODY;
use crate::limits::Class;
use crate::metrics::Metrics;
use crate::server::Server;
use packet::Packet;
use registry::Registry;

/// A socket of the engine's, with our state in it.
type Client = Arc<Socket<Peer>>;

/// For a client to ask to connect, once its socket is open.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// What the opening request of a socket proved.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Opening {
    pub(crate) ip: IpAddr,
    /// Of the cookie or the bearer token.
    pub(crate) session: Option<SessionId>,
}

/// The sockets of a server.
pub(crate) struct Realtime {
    server: Arc<Server>,
    /// All there are.
    sockets: Arc<Sockets<Peer>>,
    /// Those that the library knows.
    registry: Registry,
    runtime: Handle,
    bell: Arc<fanout::Bell>,
    /// The event log's name (SPEC 12.2).
    log_id: String,
    ending: AtomicBool,
}

impl std::fmt::Debug for Realtime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Realtime").finish_non_exhaustive()
    }
}

/// The threads and tasks behind the sockets.
pub(crate) struct Running {
    reader: JoinHandle<()>,
    writer: tokio::task::JoinHandle<()>,
}

impl Realtime {
    /// Starts following the log. Must be called within the runtime.
    pub(crate) fn start(server: Arc<Server>) -> Result<(Arc<Self>, Running)> {
        let follower = server.portal.follow(None)?;
        let bell = Arc::new(fanout::Bell::default());
        let realtime = Arc::new(Self {
            sockets: Arc::default(),
            registry: Registry::default(),
            runtime: Handle::current(),
            bell: Arc::clone(&bell),
            log_id: follower.position().log_id.clone(),
            ending: AtomicBool::new(false),
            server: Arc::clone(&server),
        });
        // The portal keeps this for good: it must not keep the server.
        let commits = Arc::downgrade(&server);
        let ringing = Arc::clone(&bell);
        server.portal.on_commit(move || {
            if let Some(server) = commits.upgrade() {
                Metrics::add(&server.metrics.commits, 1);
            }
            ringing.ring();
        });
        let (reader, batches) = fanout::start(server, follower, bell)
            .map_err(|error| Error::new(ErrorKind::Internal).caused_by(error))?;
        let writer = tokio::spawn(fanout::hand_out(Arc::clone(&realtime), batches));
        Ok((realtime, Running { reader, writer }))
    }

    /// The engine that serves them.
    pub(crate) fn engine(self: &Arc<Self>) -> Arc<Engine<Self>> {
        Engine::new(Arc::clone(self), Arc::clone(&self.sockets), MAX_BODY)
    }

    /// How many sockets there are, and how many of them are signed in.
    pub(crate) fn count(&self) -> (usize, usize) {
        (self.sockets.count(), self.registry.signed_in())
    }

    /// Takes nothing more, answers what is under way, says goodbye to every socket.
    pub(crate) async fn end(&self, running: Running) {
        self.ending.store(true, SeqCst);
        self.server.writer.settled().await;
        self.bell.finish();
        let reader = running.reader;
        tokio::task::spawn_blocking(|| reader.join()).await.ok();
        running.writer.await.ok();
        let word = packet::emit("server:closing", r#"{"reason":"stopping"}"#);
        for client in self.sockets.open() {
            client.send(word.as_str());
            self.forget(&client);
            peer::close(&client);
        }
    }

    /// The library forgets a socket at once, however long the client takes for its last words. No event reaches it
    /// any more.
    fn forget(&self, client: &Client) {
        client.cut();
        if let Some(id) = client.data.leave() {
            self.registry.connected().remove(&id);
            self.disconnect(id);
        }
    }

    fn disconnect(&self, id: ConnectionId) {
        self.server.portal.forget(id);
        let note = rooms::NoteDepartures {};
        let request = Request::new(&self.server.portal, Actor::system(), note, |_| {});
        // Where the queue is full, or the file cannot be written, the next tick does it.
        self.server.writer.push(request).ok();
    }

    /// Closes a socket that does not get as far as connecting.
    fn expect_to_connect(&self, client: &Client) {
        let waiting = Arc::downgrade(client);
        let closing = self.runtime.spawn(async move {
            tokio::time::sleep(CONNECT_WITHIN).await;
            if let Some(client) = waiting.upgrade().filter(|client| client.data.is_silent()) {
                client.close();
            }
        });
        client.data.expect(closing.abort_handle());
    }

    /// Lets go of a client that does not read what it is sent; it can come back and resume.
    fn too_slow(&self, client: &Client) {
        self.forget(client);
        Metrics::add(&self.server.metrics.too_slow, 1);
        let word = packet::emit("server:closing", r#"{"reason":"too_slow"}"#);
        self.runtime
            .spawn(peer::dismiss(client.clone(), word.into()));
    }

    /// Lets go of every socket, because nobody knows what they missed; they come back and are told.
    fn let_everyone_go(&self) {
        let word = packet::emit("server:closing", r#"{"reason":"behind"}"#);
        for client in self.sockets.open() {
            self.forget(&client);
            self.runtime
                .spawn(peer::dismiss(client.clone(), word.clone().into()));
        }
    }

    /// Answers an event, if the client wants to know.
    fn answer(&self, client: &Client, ack: Option<u64>, reply: &Result<String>) {
        let Some(ack) = ack else { return };
        let packet = match reply {
            Ok(reply) => packet::done(ack, reply),
            Err(error) => packet::failed(ack, error),
        };
        if client.send(packet) == Sent::Full {
            self.too_slow(client);
        }
    }

    fn on_event(self: &Arc<Self>, client: &Client, event: &packet::Event<'_>) {
        let Some((id, identity)) = client.data.connection() else {
            return client.close();
        };
        if let Err(error) = self.run(client, id, identity, event) {
            if error.kind() == ErrorKind::RateLimited {
                Metrics::add(&self.server.metrics.limited, 1);
            }
            self.answer(client, event.ack, &Err(error));
        }
    }

    /// Sets an event's operation going; its answer comes later.
    fn run(
        self: &Arc<Self>,
        client: &Client,
        id: ConnectionId,
        identity: Identity,
        event: &packet::Event<'_>,
    ) -> Result<()> {
        if self.ending.load(SeqCst) {
            return Err(ErrorKind::Closed.into());
        }
        let operation = events::operation(&event.name).ok_or(ErrorKind::UnknownOperation)?;
        if !event.data.starts_with('{') {
            return Err(Error::invalid(".", "An event's data is a JSON object."));
        }
        let entry = catalogue::find(operation)?;
        let ip = client.data.opening.ip;
        let limiter = &self.server.limiter;
        limiter.count(Class::Usual, identity.session.is_some(), ip)?;
        if event.name == events::JOIN {
            limiter.count_join(identity.user, ip)?;
        }
        if !client.data.take_up() {
            return Err(Error::rate_limited(1000));
        }
        let caller = Actor::connection(id).from_ip(ip);
        let this = Arc::clone(self);
        let answered = client.clone();
        let ack = event.ack;
        let submitted = if event.name == events::JOIN {
            client.hold();
            let chat = chat_of(event.data);
            let submitted = self
                .server
                .writer
                .submit(caller, entry, event.data, move |reply| {
                    let runtime = this.runtime.clone();
                    runtime.spawn(this.joined(answered, id, chat, ack, reply));
                });
            if submitted.is_err() {
                let client = client.clone();
                self.runtime
                    .spawn(async move { peer::release(&client).await });
            }
            submitted
        } else {
            self.server
                .writer
                .submit(caller, entry, event.data, move |reply| {
                    answered.data.put_down();
                    this.answer(&answered, ack, &reply);
                })
        };
        if submitted.is_err() {
            client.data.put_down();
        }
        submitted
    }

    /// Answers a joining, gives what the client missed there, and opens the way for what is new.
    async fn joined(
        self: Arc<Self>,
        client: Client,
        id: ConnectionId,
        chat: Option<ChatId>,
        ack: Option<u64>,
        reply: Result<String>,
    ) {
        client.data.put_down();
        self.answer(&client, ack, &reply);
        let mut handed = Sent::On;
        if let Some(chat) = chat.filter(|_| reply.is_ok())
            && let Some(after) = client.data.replay_of(chat)
        {
            handed = self.replay(&client, id, Some(chat), after).await;
        }
        self.open_the_way(&client, handed).await;
    }

    /// Ends a holding back, or the socket if it took too little of what it missed.
    async fn open_the_way(&self, client: &Client, replayed: Sent) {
        if peer::release(client).await == Sent::Full || replayed == Sent::Full {
            self.too_slow(client);
        }
    }
}

/// The chat that a joining names; parameters that name none are refused by the operation.
fn chat_of(data: &str) -> Option<ChatId> {
    #[derive(Deserialize)]
    struct Named {
        chat_id: ChatId,
    }
    serde_json::from_str(data)
        .ok()
        .map(|named: Named| named.chat_id)
}

impl Handler for Realtime {
    type Data = Peer;

    fn opened(self: &Arc<Self>, client: &Client) {
        if self.ending.load(SeqCst) {
            return peer::close(client);
        }
        self.expect_to_connect(client);
    }

    fn closed(&self, client: &Client) {
        self.forget(client);
    }

    fn message(self: &Arc<Self>, client: &Client, text: &str) {
        match Packet::parse(text) {
            Ok(Packet::Connect(auth)) => self.on_connect_packet(client.clone(), auth),
            Ok(Packet::ConnectElsewhere(namespace)) => {
                self.refuse(client, namespace, &ErrorKind::NotFound.into());
            }
            Ok(Packet::Event(event)) => self.on_event(client, &event),
            Ok(Packet::Ack) => {}
            Ok(Packet::Disconnect) | Err(packet::NoPacket) => {
                self.forget(client);
                client.close();
            }
        }
    }
}
