//! One socket, whatever carries it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::sync::Notify;
use tokio::time::Instant;

use super::handshake::Sid;
use super::heartbeat::{Beat, Heartbeat};
use super::packet::{Packet, SEPARATOR};
use super::queue::Queue;
use super::{Sent, Transport};

/// A client's socket, with what its handler keeps of it.
pub(crate) struct Socket<D> {
    pub(crate) id: Sid,
    pub(crate) data: D,
    state: Mutex<State>,
    /// Another carrier, or the end. Whoever waits for packets is woken besides.
    turned: Notify,
}

struct State {
    queue: Queue,
    carrier: Carrier,
    heartbeat: Heartbeat,
    over: Option<Over>,
    /// Its handler knows that it is over.
    told: bool,
    busy: Busy,
    /// Whoever writes, or waits to.
    writer: Option<Waker>,
    /// It waits for a packet, and not for its client to take the ones before.
    idle: bool,
    /// It is to be woken when its turn comes.
    waits_its_turn: bool,
}

/// What carries a socket at the moment, in the order of an upgrade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Carrier {
    Polling,
    /// Polling, with a WebSocket that has not proved yet that it works.
    Trying,
    /// Polls end at once, so that the client can stop and change over.
    Probed,
    WebSocket,
}

/// Why a socket is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Over {
    /// The client said so.
    Left,
    /// It does not answer, or not as the protocol has it, or its connection broke.
    Fault,
    /// The handler closed it.
    Closed,
}

/// Requests of which a polling socket has one at a time.
#[derive(Default)]
struct Busy {
    poll: bool,
    post: bool,
}

/// The two of them.
#[derive(Clone, Copy)]
pub(super) enum Request {
    Poll,
    Post,
}

impl Busy {
    fn with(&mut self, request: Request) -> &mut bool {
        match request {
            Request::Poll => &mut self.poll,
            Request::Post => &mut self.post,
        }
    }
}

/// A request's being under way.
pub(crate) struct UnderWay<'a, D> {
    socket: &'a Socket<D>,
    request: Request,
}

impl<D> Drop for UnderWay<'_, D> {
    fn drop(&mut self) {
        *self.socket.state().busy.with(self.request) = false;
    }
}

/// What a poll is answered.
pub(super) struct Fetched {
    pub(super) payload: String,
    /// It holds the last packet of all.
    pub(super) last: bool,
}

impl<D> Socket<D> {
    pub(super) fn new(id: Sid, data: D, transport: Transport) -> Self {
        Self {
            id,
            data,
            state: Mutex::new(State {
                queue: Queue::default(),
                carrier: match transport {
                    Transport::Polling => Carrier::Polling,
                    Transport::WebSocket => Carrier::WebSocket,
                },
                heartbeat: Heartbeat::begin(Instant::now()),
                over: None,
                told: false,
                busy: Busy::default(),
                writer: None,
                idle: false,
                waits_its_turn: false,
            }),
            turned: Notify::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fill(&self, give: impl FnOnce(&mut Queue) -> Sent) -> Sent {
        let mut state = self.state();
        if state.over.is_some() {
            return Sent::Closed;
        }
        let sent = give(&mut state.queue);
        let waker = state.wakes();
        drop(state);
        wake(waker);
        sent
    }

    /// Puts packets in behind what is held back, and wakes nobody for them: whoever gives them sees to that
    /// ([`Turns`](super::Turns)). `Full` is said once: after it none of these is taken, so that the client gets nothing
    /// rather than something with a hole in it. Besides, whether the socket is to have a turn, said once until it has
    /// had it.
    pub(super) fn give_in_turn(&self, packets: &[&Packet]) -> (Sent, bool) {
        let mut state = self.state();
        if state.over.is_some() {
            return (Sent::Closed, false);
        }
        let mut sent = Sent::On;
        for packet in packets {
            sent = state.queue.give_in_turn((*packet).clone());
            if sent != Sent::On {
                break;
            }
        }
        let wants_a_turn = state.idle && state.queue.is_ready() && !state.waits_its_turn;
        state.waits_its_turn |= wants_a_turn;
        (sent, wants_a_turn)
    }

    /// Has its turn: whoever writes is woken if something is there to be written still.
    pub(super) fn have_turn(&self) {
        let mut state = self.state();
        state.waits_its_turn = false;
        let waker = state.wakes();
        drop(state);
        wake(waker);
    }

    /// Sends a packet, past what is held back.
    pub(crate) fn send(&self, packet: impl Into<Packet>) -> Sent {
        let packet = packet.into();
        self.fill(|queue| queue.give(packet))
    }

    /// How many packets wait for the client to read on; what is held back does not count. None once it is over.
    pub(crate) fn waiting(&self) -> usize {
        let state = self.state();
        match state.over {
            Some(_) => 0,
            None => state.queue.ready(),
        }
    }

    /// Holds back what is sent in turn until [`Socket::release`].
    pub(crate) fn hold(&self) {
        self.state().queue.hold();
    }

    /// Ends one holding back; with the last of them, what was held goes out. False, and nothing done, while the
    /// client has too much before it still.
    pub(crate) fn release(&self) -> bool {
        let mut released = false;
        let sent = self.fill(|queue| {
            released = queue.release();
            Sent::On
        });
        released || sent == Sent::Closed
    }

    /// Drops what is held back, and takes nothing more in turn.
    pub(crate) fn cut(&self) {
        self.state().queue.cut();
    }

    /// Ends the socket, behind what is queued: nothing more is taken.
    pub(crate) fn close(&self) {
        self.finish(Over::Closed);
    }

    pub(super) fn is_over(&self) -> bool {
        self.state().over.is_some()
    }

    /// Is over from now on, unless it was before.
    pub(super) fn finish(&self, why: Over) {
        let mut state = self.state();
        if state.over.is_some() {
            return;
        }
        state.over = Some(why);
        let waker = state.writer.take();
        drop(state);
        wake(waker);
        self.turned.notify_waiters();
    }

    /// Whether its handler is yet to hear that it is over; true once.
    pub(super) fn is_to_be_told(&self) -> bool {
        !std::mem::replace(&mut self.state().told, true)
    }

    /// Waits until it is over.
    pub(super) async fn over(&self) {
        loop {
            // Made before looking, so that nothing that turns in between is missed.
            let turned = self.turned.notified();
            if self.is_over() {
                return;
            }
            turned.await;
        }
    }

    /// Waits until it is over or a WebSocket carries it; answers which.
    pub(super) async fn polled_no_more(&self) -> Option<Over> {
        loop {
            let turned = self.turned.notified();
            let (over, carrier) = {
                let state = self.state();
                (state.over, state.carrier)
            };
            if over.is_some() || carrier == Carrier::WebSocket {
                return over;
            }
            turned.await;
        }
    }

    /// Goes from one carrier to another; false if it is not where it was thought to be.
    pub(super) fn turn(&self, from: Carrier, to: Carrier) -> bool {
        let mut state = self.state();
        if state.carrier != from {
            return false;
        }
        state.carrier = to;
        let waker = state.writer.take();
        drop(state);
        wake(waker);
        self.turned.notify_waiters();
        true
    }

    /// Is polled again, as before a WebSocket was tried out.
    pub(super) fn turn_back(&self) {
        let _ = self.turn(Carrier::Trying, Carrier::Polling)
            || self.turn(Carrier::Probed, Carrier::Polling);
    }

    pub(super) fn is_websocket(&self) -> bool {
        self.state().carrier == Carrier::WebSocket
    }

    /// When its heart is to be listened to next.
    pub(super) fn due(&self) -> Instant {
        self.state().heartbeat.due()
    }

    /// Listens to its heart; false if it does not beat any more.
    pub(super) fn beat(&self) -> bool {
        let mut state = self.state();
        let beat = state.heartbeat.beat(Instant::now());
        if beat == Beat::Ping {
            state.queue.put(Packet::ping());
            let waker = state.wakes();
            drop(state);
            wake(waker);
        }
        beat != Beat::Dead
    }

    pub(super) fn pong(&self) {
        self.state().heartbeat.pong(Instant::now());
    }

    /// Begins a request; none if one of its kind is under way.
    pub(super) fn begin(&self, request: Request) -> Option<UnderWay<'_, D>> {
        let before = std::mem::replace(self.state().busy.with(request), true);
        (!before).then_some(UnderWay {
            socket: self,
            request,
        })
    }

    /// Who writes from now on; whether the socket is over.
    pub(super) fn attend(&self, waker: &Waker) -> Option<Over> {
        let mut state = self.state();
        state.attended_by(waker);
        state.over
    }

    /// Takes packets to write. If there are none, whoever attends is woken for the next.
    pub(super) fn take(&self, count: usize) -> Vec<Packet> {
        let mut state = self.state();
        state.idle = !state.queue.is_ready();
        state.queue.take(count, usize::MAX)
    }

    /// Takes what a poll is answered, in no more than `bytes` unless one packet is longer.
    pub(super) fn poll_fetch(&self, cx: &Context<'_>, bytes: usize) -> Poll<Fetched> {
        let mut state = self.state();
        // From here on everything goes over the WebSocket.
        let count = match state.carrier {
            Carrier::WebSocket => 0,
            _ => usize::MAX,
        };
        let packets = state.queue.take(count, bytes);
        let over = state.over.filter(|_| !state.queue.is_ready());
        if packets.is_empty() && over.is_none() && state.carrier < Carrier::Probed {
            state.attended_by(cx.waker());
            state.idle = true;
            return Poll::Pending;
        }
        drop(state);
        let mut payload = String::new();
        for packet in &packets {
            let text = std::str::from_utf8(packet.text()).expect("packets are made of text");
            separate(&mut payload);
            payload.push_str(text);
        }
        match over {
            Some(Over::Fault | Over::Closed) => {
                separate(&mut payload);
                payload.push('1');
            }
            // Nothing to say, but the poll is not to go on.
            Some(Over::Left) | None if payload.is_empty() => payload.push('6'),
            Some(Over::Left) | None => {}
        }
        let last = over.is_some();
        Poll::Ready(Fetched { payload, last })
    }
}

impl State {
    fn attended_by(&mut self, waker: &Waker) {
        self.idle = false;
        match &mut self.writer {
            Some(known) => known.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
    }

    /// Whom to wake for a packet that has just come in.
    fn wakes(&mut self) -> Option<Waker> {
        if !self.idle || !self.queue.is_ready() {
            return None;
        }
        self.idle = false;
        self.writer.take()
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

fn separate(payload: &mut String) {
    if !payload.is_empty() {
        payload.push(SEPARATOR);
    }
}
