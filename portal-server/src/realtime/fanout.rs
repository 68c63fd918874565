//! From the event log to the sockets.
//!
//! A thread of its own reads the log and decides with the library who gets what; each packet is written
//! out once. The runtime's one task hands the packets to the sockets and lets them write in between, so
//! that a burst neither starves requests nor piles up in memory.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use portal_core::model::ConnectionId;
use portal_core::{Delivery, ErrorKind, Follower, Portal};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::{Peer, Realtime, packet, peer};
use crate::engine::{Packet, Sent, Turns};
use crate::metrics::Metrics;

/// Events that are read, and handed out, in one go.
const BATCH: usize = 256;

/// Batches that are read ahead of the sockets.
const AHEAD: usize = 4;

/// How often other processes' commits and live news are looked for (SPEC 12.1: within 250 ms).
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Deliveries, written out.
pub(crate) struct Batch {
    parcels: Vec<Parcel>,
    /// When the wake-up came that this answers.
    woken: Instant,
}

enum Parcel {
    Send(Vec<ConnectionId>, Packet),
    Close(ConnectionId),
    /// The log was pruned before it was read: every socket may have missed something, its end too.
    Behind,
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

    /// Ends the thread once it has read what there is.
    pub(crate) fn finish(&self) {
        self.over.store(true, SeqCst);
        self.ring();
    }
}

/// Starts the thread that reads.
pub(crate) fn start(
    portal: Portal,
    mut follower: Follower,
    bell: Arc<Bell>,
) -> std::io::Result<(JoinHandle<()>, mpsc::Receiver<Batch>)> {
    let (batches, received) = mpsc::channel(AHEAD);
    let thread = std::thread::Builder::new()
        .name("fan-out".into())
        .spawn(move || {
            loop {
                let over = bell.over.load(SeqCst);
                if !read_to_the_end(&portal, &mut follower, &batches) || over {
                    return;
                }
                bell.wait();
            }
        })?;
    Ok((thread, received))
}

/// Reads until nothing is new; false when nobody wants any more.
fn read_to_the_end(
    portal: &Portal,
    follower: &mut Follower,
    batches: &mpsc::Sender<Batch>,
) -> bool {
    let woken = Instant::now();
    loop {
        let before = follower.position().after;
        let mut deliveries = match portal.deliver(follower, BATCH) {
            Ok(deliveries) => deliveries,
            Err(error) if error.kind() == ErrorKind::Closed => return false,
            Err(error) => {
                // Transient, or the next try says it again; events stay in the log meanwhile.
                tracing::error!(%error, "cannot read the event log");
                if error.kind() != ErrorKind::EventsPruned {
                    return true;
                }
                return start_over(portal, follower, batches);
            }
        };
        let at_the_end = follower.position().after == before;
        if at_the_end {
            match portal.deliver_live() {
                Ok(live) => deliveries.extend(live),
                Err(error) => tracing::error!(%error, "cannot tell who is where"),
            }
        }
        let parcels: Vec<_> = deliveries.into_iter().map(wrap).collect();
        if !parcels.is_empty() && batches.blocking_send(Batch { parcels, woken }).is_err() {
            return false;
        }
        if at_the_end {
            return true;
        }
    }
}

/// After the log was pruned past this reader, goes on from its end. Nobody knows what the sockets missed, so
/// they are let go and come back. False if nobody wants any more.
fn start_over(portal: &Portal, follower: &mut Follower, batches: &mpsc::Sender<Batch>) -> bool {
    match portal.follow(None) {
        Ok(fresh) => *follower = fresh,
        // The next reading finds the same, and tries again.
        Err(error) => return error.kind() != ErrorKind::Closed,
    }
    let batch = Batch {
        parcels: vec![Parcel::Behind],
        woken: Instant::now(),
    };
    batches.blocking_send(batch).is_ok()
}

fn wrap(delivery: Delivery) -> Parcel {
    match delivery {
        Delivery::Send { to, name, data } => Parcel::Send(to, packet::emit(name, &data).into()),
        Delivery::Close { connection, .. } => Parcel::Close(connection),
    }
}

/// Hands batches to sockets until the thread ends.
pub(crate) async fn hand_out(realtime: Arc<Realtime>, mut batches: mpsc::Receiver<Batch>) {
    let mut turns = Turns::default();
    let mut under_way = VecDeque::new();
    loop {
        let batch = if turns.is_waiting() {
            turns.has_room().then(|| batches.try_recv().ok()).flatten()
        } else {
            let Some(batch) = batches.recv().await else {
                return;
            };
            Some(batch)
        };
        if let Some(batch) = batch {
            for client in hand_out_one(&realtime, &batch, &mut turns) {
                realtime.too_slow(&client);
            }
            under_way.push_back((turns.given(), batch.woken));
        }
        turns.go_on();
        while let Some((_, woken)) = under_way.pop_front_if(|(last, _)| turns.is_done(*last)) {
            let micros = u64::try_from(woken.elapsed().as_micros()).unwrap_or(u64::MAX);
            realtime.server.metrics.lagged(micros);
        }
        // The sockets write, and everybody else has a turn too.
        tokio::task::yield_now().await;
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
