//! One socket's own state: how far its connecting has come, and how much it asks at once.
//!
//! The surprising thing is holding back. While a client connects or joins a room, what it missed is
//! still being read; events that come meanwhile wait in its queue, so that it gets everything in order.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use portal_core::model::{ChatId, ConnectionId, UserId};
use portal_core::presence::Identity;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::{Client, Opening, packet};
use crate::engine::{Packet, Sent};
use crate::http::gate::Pass;

/// Events of one socket that may be unanswered.
const UNDER_WAY: u32 = 256;

/// How long a client that fell behind may read on before its socket closes.
const GRACE: Duration = Duration::from_secs(15);

/// How often a full queue is tried again.
const TRY_EVERY: Duration = Duration::from_millis(20);

/// As few packets may be left of a page when the next one is read.
const NEARLY_ALL: usize = 50;

/// How long a replay waits for a client to read on.
const REPLAY_WITHIN: Duration = Duration::from_secs(30);

/// What a socket carries with it.
pub(crate) struct Peer {
    pub(crate) opening: Opening,
    state: Mutex<State>,
    under_way: AtomicU32,
    /// Given back with the socket.
    _place: Option<Pass>,
}

#[derive(Default)]
struct State {
    stage: Stage,
    /// What closes it unless it connects.
    expected: Option<AbortHandle>,
    /// Where the client left off, and the rooms it has got replayed.
    after: Option<u64>,
    replayed: BTreeSet<ChatId>,
}

/// How far a socket has come.
#[derive(Clone, Copy, Default)]
enum Stage {
    /// The engine has it; the client has not asked to connect.
    #[default]
    Opened,
    /// It has, and is being let in.
    Connecting,
    /// The library knows it.
    Connected(ConnectionId, Identity),
    /// It is closed, or as good as.
    Gone,
}

impl Peer {
    pub(crate) fn new(opening: Opening) -> Self {
        Self {
            opening,
            state: Mutex::default(),
            under_way: AtomicU32::new(0),
            _place: None,
        }
    }

    /// The same, with the place that it takes.
    pub(crate) fn in_place(self, place: Pass) -> Self {
        Self {
            _place: Some(place),
            ..self
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Is closed by this task unless it connects.
    pub(crate) fn expect(&self, closing: AbortHandle) {
        self.state().expected = Some(closing);
    }

    /// Is connected from now on; false if the socket went away meanwhile.
    pub(crate) fn connected(&self, id: ConnectionId, identity: Identity) -> bool {
        let mut state = self.state();
        let waiting = matches!(state.stage, Stage::Connecting);
        if waiting {
            state.stage = Stage::Connected(id, identity);
            // A burst of sockets need not keep its timers side by side.
            if let Some(closing) = state.expected.take() {
                closing.abort();
            }
        }
        waiting
    }

    /// Whether a client has still not asked to connect.
    pub(crate) fn is_silent(&self) -> bool {
        matches!(self.state().stage, Stage::Opened)
    }

    /// The library's connection, while there is one.
    pub(crate) fn connection(&self) -> Option<(ConnectionId, Identity)> {
        match self.state().stage {
            Stage::Connected(id, identity) => Some((id, identity)),
            _ => None,
        }
    }

    /// Whose it is.
    pub(crate) fn user(&self) -> Option<UserId> {
        self.connection().and_then(|(_, identity)| identity.user)
    }

    /// Is gone; answers the connection that the library is to forget, once.
    pub(crate) fn leave(&self) -> Option<ConnectionId> {
        match std::mem::replace(&mut self.state().stage, Stage::Gone) {
            Stage::Connected(id, _) => Some(id),
            _ => None,
        }
    }

    /// Takes note of where the client left off.
    pub(crate) fn resume_after(&self, after: u64) {
        self.state().after = Some(after);
    }

    /// From where to replay a room now joined; only at its first joining.
    pub(crate) fn replay_of(&self, chat: ChatId) -> Option<u64> {
        let mut state = self.state();
        let after = state.after?;
        state.replayed.insert(chat).then_some(after)
    }

    /// Takes note of an event to be answered; false if there are too many.
    pub(crate) fn take_up(&self) -> bool {
        self.under_way
            .fetch_update(SeqCst, SeqCst, |count| {
                (count < UNDER_WAY).then_some(count + 1)
            })
            .is_ok()
    }

    /// An event was answered.
    pub(crate) fn put_down(&self) {
        self.under_way.fetch_sub(1, SeqCst);
    }
}

/// Begins to connect, holding events back; false if it has done so before.
pub(crate) fn begin(client: &Client) -> bool {
    let mut state = client.data.state();
    let first = matches!(state.stage, Stage::Opened);
    if first {
        state.stage = Stage::Connecting;
        client.hold();
    }
    first
}

/// Was not let in; the client may ask again. Nothing is held back from one whom the library does not know.
pub(crate) fn turned_away(client: &Client) {
    let mut state = client.data.state();
    if matches!(state.stage, Stage::Connecting) {
        state.stage = Stage::Opened;
        client.release();
    }
}

/// Until when a replay that begins now waits for its client.
pub(crate) fn replay_deadline() -> Instant {
    Instant::now() + REPLAY_WITHIN
}

/// Gives packets one after the other, waiting while the client's queue is full.
pub(crate) async fn give_all(
    client: &Client,
    packets: impl IntoIterator<Item = Packet>,
    deadline: Instant,
) -> Sent {
    for packet in packets {
        let sent = try_until(deadline, || client.send(packet.clone()), Sent::Full).await;
        if sent != Sent::On {
            return sent;
        }
    }
    Sent::On
}

/// Waits until the client has taken nearly all that it was given.
pub(crate) async fn has_taken(client: &Client, deadline: Instant) -> Sent {
    if try_until(deadline, || client.waiting() <= NEARLY_ALL, false).await {
        Sent::On
    } else {
        Sent::Full
    }
}

/// Ends one holding back; with the last of them, what was held goes out, once the client has room for it.
pub(crate) async fn release(client: &Client) -> Sent {
    let deadline = Instant::now() + REPLAY_WITHIN;
    if try_until(deadline, || client.release(), false).await {
        Sent::On
    } else {
        Sent::Full
    }
}

/// Waits for room to say a last word in, behind what is queued, then closes. Whoever does not read in
/// time gets none.
pub(crate) async fn dismiss(client: Client, word: Packet) {
    let deadline = Instant::now() + GRACE;
    try_until(deadline, || client.send(word.clone()), Sent::Full).await;
    close(&client);
}

/// Says goodbye in order, and closes at once.
pub(crate) fn close(client: &Client) {
    client.send(packet::DISCONNECT);
    client.close();
}

/// Tries again while nothing but `failed` comes of it.
async fn try_until<T: PartialEq>(deadline: Instant, attempt: impl Fn() -> T, failed: T) -> T {
    loop {
        let came = attempt();
        if came != failed || Instant::now() > deadline {
            return came;
        }
        tokio::time::sleep(TRY_EVERY).await;
    }
}
