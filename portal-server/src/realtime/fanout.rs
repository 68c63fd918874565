//! From the event log to the sockets.
//!
//! A thread of its own reads the log and decides with the library who gets what; each packet is written
//! out once. The runtime's one task hands the packets to the sockets and lets them write in between, so
//! that a burst neither starves requests nor piles up in memory.
//!
//! The surprise: a panic ends neither. What the sockets missed by it nobody knows, so they are let go and come back, as
//! when the log was pruned; and a log that is not read at all makes `/health` fail.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use portal_core::model::ConnectionId;
use portal_core::{Delivery, ErrorKind, Follower};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::{Peer, Realtime, packet, peer};
use crate::engine::{Packet, Sent, Turns};
use crate::metrics::Metrics;
use crate::server::Server;

/// Events that are read, and handed out, in one go.
const BATCH: usize = 256;

/// Batches that are read ahead of the sockets.
const AHEAD: usize = 4;

/// How often other processes' commits and live news are looked for (SPEC 12.1: within 250 ms).
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How long to wait after a failure or a panic: one that comes every time must not fill the server's log.
const PAUSE: Duration = Duration::from_secs(1);

/// Deliveries, written out.
pub(crate) struct Batch {
    parcels: Vec<Parcel>,
    /// When the wake-up came that this answers.
    woken: Instant,
}

enum Parcel {
    Send(Vec<ConnectionId>, Packet),
    Close(ConnectionId),
    /// The log was pruned before it was read, or the reading failed: every socket may have missed something, its end
    /// too.
    Behind,
}

impl Batch {
    fn behind() -> Self {
        Self {
            parcels: vec![Parcel::Behind],
            woken: Instant::now(),
        }
    }
}

/// Wakes the thread.
#[derive(Default)]
pub(crate) struct Bell {
    rung: Mutex<bool>,
    changed: Condvar,
    over: AtomicBool,
}

impl Bell {
    pub(crate) fn ring(&self) {
        *self.rung.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_one();
    }

    fn wait(&self) {
        let rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut rung, _) = self
            .changed
            .wait_timeout_while(rung, LOOK_EVERY, |rung| !*rung)
            .unwrap_or_else(PoisonError::into_inner);
        *rung = false;
    }

    /// Waits whoever rings, unless it is the end.
    fn rest(&self) {
        let rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = self
            .changed
            .wait_timeout_while(rung, PAUSE, |_| !self.over.load(SeqCst));
    }

    /// Ends the thread once it has read what there is.
    pub(crate) fn finish(&self) {
        self.over.store(true, SeqCst);
        self.ring();
    }
}

/// Starts the thread that reads.
pub(crate) fn start(
    server: Arc<Server>,
    follower: Follower,
    bell: Arc<Bell>,
) -> std::io::Result<(JoinHandle<()>, mpsc::Receiver<Batch>)> {
    let (batches, received) = mpsc::channel(AHEAD);
    let mut reading = Reading {
        server,
        follower: Some(follower),
        batches,
    };
    let thread = std::thread::Builder::new()
        .name("fan-out".into())
        .spawn(move || {
            loop {
                let over = bell.over.load(SeqCst);
                let read = catch_unwind(AssertUnwindSafe(|| reading.read_to_the_end()));
                if over {
                    return;
                }
                match read {
                    Ok(Read::ToTheEnd) => bell.wait(),
                    Ok(Read::InVain) => bell.rest(),
                    Ok(Read::ForNobody) => return,
                    Err(_) => {
                        reading.server.metrics.panicked("reading the event log");
                        reading.follower = None;
                        bell.rest();
                    }
                }
            }
        })?;
    Ok((thread, received))
}

/// What came of reading.
enum Read {
    /// Nothing is new.
    ToTheEnd,
    /// It failed, and that was logged. The next try goes on where it was.
    InVain,
    /// The portal is closed, or nobody hands anything out any more.
    ForNobody,
}

/// What the thread reads with.
struct Reading {
    server: Arc<Server>,
    /// None once nobody knows what the sockets missed: it is made anew, and they are told.
    follower: Option<Follower>,
    batches: mpsc::Sender<Batch>,
}

impl Reading {
    /// Reads until nothing is new.
    fn read_to_the_end(&mut self) -> Read {
        let portal = &self.server.portal;
        let woken = Instant::now();
        loop {
            let Some(follower) = &mut self.follower else {
                return self.start_over();
            };
            let before = follower.position().after;
            let mut deliveries = match portal.deliver(follower, BATCH) {
                Ok(deliveries) => deliveries,
                Err(error) if error.kind() == ErrorKind::Closed => return Read::ForNobody,
                Err(error) => {
                    tracing::error!(%error, "cannot read the event log");
                    if error.kind() != ErrorKind::EventsPruned {
                        return Read::InVain;
                    }
                    return self.start_over();
                }
            };
            let at_the_end = follower.position().after == before;
            let mut read = Read::ToTheEnd;
            if at_the_end {
                match portal.deliver_live() {
                    Ok(live) => deliveries.extend(live),
                    Err(error) => {
                        tracing::error!(%error, "cannot tell who is where");
                        read = Read::InVain;
                    }
                }
            }
            let parcels: Vec<_> = deliveries.into_iter().map(wrap).collect();
            if !parcels.is_empty()
                && self
                    .batches
                    .blocking_send(Batch { parcels, woken })
                    .is_err()
            {
                return Read::ForNobody;
            }
            self.server.has_read();
            if at_the_end {
                return read;
            }
        }
    }

    /// Goes on from the log's end. Nobody knows what the sockets missed, so they are let go and come back.
    fn start_over(&mut self) -> Read {
        self.follower = None;
        match self.server.portal.follow(None) {
            Ok(fresh) => self.follower = Some(fresh),
            Err(error) if error.kind() == ErrorKind::Closed => return Read::ForNobody,
            Err(error) => {
                tracing::error!(%error, "cannot follow the event log");
                return Read::InVain;
            }
        }
        match self.batches.blocking_send(Batch::behind()) {
            Ok(()) => Read::ToTheEnd,
            Err(_) => Read::ForNobody,
        }
    }
}

fn wrap(delivery: Delivery) -> Parcel {
    match delivery {
        Delivery::Send { to, name, data } => Parcel::Send(to, packet::emit(name, &data).into()),
        Delivery::Close { connection, .. } => Parcel::Close(connection),
    }
}

/// Hands batches to sockets until the thread ends.
pub(crate) async fn hand_out(realtime: Arc<Realtime>, mut batches: mpsc::Receiver<Batch>) {
    let mut under_way = UnderWay::default();
    let mut astray = false;
    loop {
        let batch = if astray {
            tokio::time::sleep(PAUSE).await;
            Some(Batch::behind())
        } else if under_way.turns.is_waiting() {
            let turns = &under_way.turns;
            turns.has_room().then(|| batches.try_recv().ok()).flatten()
        } else {
            let Some(batch) = batches.recv().await else {
                return;
            };
            Some(batch)
        };
        let step = catch_unwind(AssertUnwindSafe(|| under_way.go_on(&realtime, batch)));
        astray = step.is_err();
        if astray {
            realtime
                .server
                .metrics
                .panicked("handing events to the sockets");
            under_way = UnderWay::default();
        }
        // The sockets write, and everybody else has a turn too.
        tokio::task::yield_now().await;
    }
}

/// What the sockets are being given.
#[derive(Default)]
struct UnderWay {
    turns: Turns<Peer>,
    /// The last packet of each batch, and when the wake-up came that it answers.
    batches: VecDeque<(usize, Instant)>,
}

impl UnderWay {
    fn go_on(&mut self, realtime: &Realtime, batch: Option<Batch>) {
        let turns = &mut self.turns;
        if let Some(batch) = batch {
            for client in hand_out_one(realtime, &batch, turns) {
                realtime.too_slow(&client);
            }
            self.batches.push_back((turns.given(), batch.woken));
        }
        turns.go_on();
        while let Some((_, woken)) = self.batches.pop_front_if(|(last, _)| turns.is_done(*last)) {
            let micros = u64::try_from(woken.elapsed().as_micros()).unwrap_or(u64::MAX);
            realtime.server.metrics.lagged(micros);
        }
    }
}

/// Answers the sockets that do not keep up.
fn hand_out_one(realtime: &Realtime, batch: &Batch, turns: &mut Turns<Peer>) -> Vec<super::Client> {
    let mut late = Vec::new();
    let mut handed = 0;
    let mut closing = Vec::new();
    let mut behind = false;
    let connected = realtime.registry.connected();
    let mut parcels = batch.parcels.as_slice();
    while let Some((first, rest)) = parcels.split_first() {
        parcels = rest;
        match first {
            Parcel::Send(to, packet) => {
                // A busy room's come one after the other, all to the same people.
                let more = rest.iter().map_while(|parcel| match parcel {
                    Parcel::Send(others, packet) if others == to => Some(packet),
                    _ => None,
                });
                let packets: Vec<_> = std::iter::once(packet).chain(more).collect();
                parcels = &rest[packets.len() - 1..];
                turns.begin(packets.len());
                for client in to.iter().filter_map(|id| connected.get(id)) {
                    handed += packets.len() as u64;
                    if turns.send(client, &packets) == Sent::Full {
                        late.push(client.clone());
                    }
                }
            }
            Parcel::Close(id) => closing.extend(connected.get(id).cloned()),
            Parcel::Behind => behind = true,
        }
    }
    drop(connected);
    for client in closing {
        realtime.forget(&client);
        peer::close(&client);
    }
    if behind {
        realtime.let_everyone_go();
    }
    Metrics::add(&realtime.server.metrics.delivered, handed);
    late
}
