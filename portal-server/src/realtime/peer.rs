//! One socket's own state: how far its connecting has come, and what is held back from it.
//!
//! The surprising thing is holding back. While a client connects or joins a room, what it missed is
//! still being read; events that come meanwhile wait here, so that it gets everything in order.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use engineioxide::{DisconnectReason, Str};
use portal_core::model::{ChatId, ConnectionId, UserId};
use portal_core::presence::Identity;
use tokio::task::AbortHandle;

use super::{Client, packet};

/// Packets that wait for one socket, in the engine's queue and again while held back.
pub(crate) const QUEUE: usize = 1024;

/// Events of one socket that may be unanswered.
const UNDER_WAY: u32 = 256;

/// How long a client that fell behind may read on before its socket closes.
const GRACE: Duration = Duration::from_secs(15);

/// How often a full queue is tried again.
const TRY_EVERY: Duration = Duration::from_millis(20);

/// How long a replay waits for a client to read on.
const REPLAY_WITHIN: Duration = Duration::from_secs(30);

/// What a socket carries with it.
#[derive(Default)]
pub(crate) struct Peer {
    state: Mutex<State>,
    under_way: AtomicU32,
}

#[derive(Default)]
struct State {
    stage: Stage,
    /// What closes it unless it connects.
    expected: Option<AbortHandle>,
    /// It did not keep up: from here on it gets nothing, rather than something with a hole in it.
    late: bool,
    /// How many connectings and joinings hold events back at the moment.
    holds: u32,
    held: Vec<Str>,
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

/// What came of handing a packet to a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Handed {
    /// It is on its way, or held back, or the socket is gone anyway.
    On,
    /// The client does not keep up: no more fits.
    Full,
}

impl Peer {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Is closed by this task unless it connects.
    pub(crate) fn expect(&self, closing: AbortHandle) {
        self.state().expected = Some(closing);
    }

    /// Begins to connect, holding events back; false if it has done so before.
    pub(crate) fn begin(&self) -> bool {
        let mut state = self.state();
        let first = matches!(state.stage, Stage::Opened);
        if first {
            state.stage = Stage::Connecting;
            state.holds += 1;
        }
        first
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

    /// Was not let in; the client may ask again.
    pub(crate) fn turned_away(&self) {
        let mut state = self.state();
        if matches!(state.stage, Stage::Connecting) {
            state.stage = Stage::Opened;
            state.holds -= 1;
        }
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
        let mut state = self.state();
        state.held = Vec::new();
        match std::mem::replace(&mut state.stage, Stage::Gone) {
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

    /// Holds events back until [`release`].
    pub(crate) fn hold(&self) {
        self.state().holds += 1;
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

/// Hands an event of the log to a socket, behind what is held back. `Full` is said once.
pub(crate) fn hand(client: &Client, packet: &Str) -> Handed {
    let mut state = client.data.state();
    if state.late || matches!(state.stage, Stage::Gone) {
        return Handed::On;
    }
    if state.holds > 0 && state.held.len() < QUEUE {
        state.held.push(packet.clone());
        return Handed::On;
    }
    if state.holds == 0 && give(client, packet.clone()) == Handed::On {
        return Handed::On;
    }
    state.late = true;
    Handed::Full
}

/// Gives a packet to the engine, past what is held back: answers, and what was missed.
pub(crate) fn give(client: &Client, packet: impl Into<Str>) -> Handed {
    match client.reserve() {
        Ok(place) => {
            place.emit(packet.into());
            Handed::On
        }
        Err(_) if client.is_closed() => Handed::On,
        Err(_) => Handed::Full,
    }
}

/// Gives packets one after the other, waiting while the client's queue is full.
pub(crate) async fn give_all(client: &Client, packets: impl IntoIterator<Item = Str>) -> Handed {
    let deadline = tokio::time::Instant::now() + REPLAY_WITHIN;
    for packet in packets {
        while give(client, packet.clone()) == Handed::Full {
            if tokio::time::Instant::now() > deadline {
                return Handed::Full;
            }
            tokio::time::sleep(TRY_EVERY).await;
        }
    }
    Handed::On
}

/// Ends one holding back; with the last of them, what was held goes out.
pub(crate) async fn release(client: &Client) -> Handed {
    loop {
        let held = {
            let mut state = client.data.state();
            if state.holds > 1 || state.held.is_empty() {
                state.holds -= 1;
                return Handed::On;
            }
            std::mem::take(&mut state.held)
        };
        // Still holding: what comes meanwhile queues up behind.
        if give_all(client, held).await == Handed::Full {
            client.data.state().holds -= 1;
            return Handed::Full;
        }
    }
}

/// Waits for room to say a last word in, behind what is queued, then closes. Whoever does not read in
/// time gets none.
pub(crate) async fn dismiss(client: Client, word: String) {
    let deadline = tokio::time::Instant::now() + GRACE;
    while give(&client, word.clone()) == Handed::Full && tokio::time::Instant::now() < deadline {
        tokio::time::sleep(TRY_EVERY).await;
    }
    close(&client);
}

/// Says goodbye in order, and closes at once.
pub(crate) fn close(client: &Client) {
    give(client, packet::DISCONNECT);
    client.close(DisconnectReason::ClosingServer);
}
