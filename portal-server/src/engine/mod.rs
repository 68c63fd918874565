//! Engine.IO v4: sockets over WebSocket and over polling, with the heartbeat that tells who is gone.
//!
//! It knows nothing of what the messages say. Whoever uses it is a [`Handler`], which hears of sockets and their
//! messages, and sends through [`Socket`]. HTTP stays outside too: requests come in as what they ask for
//! ([`Asked`]), connections as streams that somebody has upgraded.
//!
//! Every socket has one queue (`queue`), whatever carries it, and one task: `websocket` while it is a WebSocket,
//! `polling` before. [`tungstenite`] reads and writes the frames, and is given no buffer to keep: a socket that has
//! nothing to say holds no buffer at all.

mod handshake;
mod heartbeat;
#[cfg(test)]
mod host;
mod packet;
mod polling;
mod queue;
mod reader;
mod socket;
mod turns;
mod websocket;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(crate) use handshake::{Asked, Refused, Sid, Transport};
pub(crate) use packet::Packet;
pub(crate) use socket::Socket;
pub(crate) use turns::Turns;

use packet::Incoming;
use socket::Over;

/// Frames, or packets of a request, that one client is heard before others have their turn: one thread serves all.
const HEARD_AT_ONCE: usize = 32;

/// Hears what happens to sockets. It must not wait: everything else waits for it.
pub(crate) trait Handler: Send + Sync + 'static {
    /// What a socket carries with it.
    type Data: Send + Sync + 'static;

    /// There is a new socket.
    fn opened(self: &Arc<Self>, socket: &Arc<Socket<Self::Data>>);

    /// The client says something.
    fn message(self: &Arc<Self>, socket: &Arc<Socket<Self::Data>>, text: &str);

    /// A socket is over, whoever ended it. Told once, before what is left is written.
    fn closed(&self, socket: &Arc<Socket<Self::Data>>);
}

/// What came of sending a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// It is on its way, or held back.
    On,
    /// The client does not keep up: no more fits.
    Full,
    /// The socket is over, or takes no more of these.
    Closed,
}

/// The sockets there are.
pub(crate) struct Sockets<D>(Mutex<HashMap<Sid, Arc<Socket<D>>>>);

impl<D> Default for Sockets<D> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<D> Sockets<D> {
    fn all_by_sid(&self) -> MutexGuard<'_, HashMap<Sid, Arc<Socket<D>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn find(&self, sid: Sid) -> Option<Arc<Socket<D>>> {
        self.all_by_sid().get(&sid).cloned()
    }

    /// Those that are not over.
    pub(crate) fn open(&self) -> Vec<Arc<Socket<D>>> {
        let sockets = self.all_by_sid();
        let open = sockets.values().filter(|socket| !socket.is_over());
        open.cloned().collect()
    }

    /// How many are not over.
    pub(crate) fn count(&self) -> usize {
        let sockets = self.all_by_sid();
        sockets.values().filter(|socket| !socket.is_over()).count()
    }
}

/// Opens sockets and carries them.
pub(crate) struct Engine<H: Handler> {
    handler: Arc<H>,
    sockets: Arc<Sockets<H::Data>>,
    /// For a message, and for all the packets of one polling request, in bytes.
    max_payload: usize,
}

impl<H: Handler> Engine<H> {
    pub(crate) fn new(
        handler: Arc<H>,
        sockets: Arc<Sockets<H::Data>>,
        max_payload: usize,
    ) -> Arc<Self> {
        Arc::new(Self {
            handler,
            sockets,
            max_payload,
        })
    }

    /// The socket of this name, if it is still there.
    pub(crate) fn find(&self, sid: Sid) -> Option<Arc<Socket<H::Data>>> {
        self.sockets.find(sid)
    }

    fn take_in(&self, socket: Socket<H::Data>) -> Arc<Socket<H::Data>> {
        let socket = Arc::new(socket);
        let known = socket.clone();
        self.sockets.all_by_sid().insert(socket.id, known);
        socket
    }

    /// Deals with what a client says. The error is that the socket is over, and why.
    fn hear(&self, socket: &Arc<Socket<H::Data>>, text: &str) -> Result<(), Over> {
        match Incoming::parse(text).ok_or(Over::Fault)? {
            Incoming::Message(message) => self.handler.message(socket, message),
            Incoming::Pong => socket.pong(),
            Incoming::Close => return Err(Over::Left),
            Incoming::Idle => {}
        }
        Ok(())
    }

    /// Ends a socket, unless it is over already; whoever handles it is told.
    fn end(&self, socket: &Arc<Socket<H::Data>>, why: Over) {
        socket.finish(why);
        self.tell(socket);
        self.sockets.all_by_sid().remove(&socket.id);
    }

    fn tell(&self, socket: &Arc<Socket<H::Data>>) {
        if socket.is_to_be_told() {
            self.handler.closed(socket);
        }
    }
}
