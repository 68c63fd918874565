//! `portal_follower`: the event log for a host, in order, missing none (SPEC 12.2).

use std::ffi::c_char;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use portal_core::model::ConnectionId;
use portal_core::{Delivery, Error, ErrorKind, Portal, Position, Result};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::boundary::{answer, boundary, out};
use crate::buf::Buf;
use crate::error::Failure;
use crate::handle::{self, Child, Gate, Handle};
use crate::input;

/// How often a waiting follower looks whether it was woken.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// As event.list.
const LARGEST_LIMIT: u32 = 1000;

/// A reader of the event log with a place of its own.
pub struct Follower {
    gate: Arc<Gate>,
    reading: Arc<Reading>,
}

/// The part of a follower that closing the portal reaches.
struct Reading {
    /// None once the portal is closed. Locked during a wait.
    follower: Mutex<Option<portal_core::Follower>>,
    woken: AtomicBool,
}

impl Child for Reading {
    /// Gives its connection to the file back.
    fn end(&self) {
        self.follower
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
    }
}

impl Reading {
    fn with<T>(&self, work: impl FnOnce(&mut portal_core::Follower) -> Result<T>) -> Result<T> {
        let mut follower = self.follower.lock().unwrap_or_else(PoisonError::into_inner);
        work(follower.as_mut().ok_or(ErrorKind::Closed)?)
    }

    /// The next events as a JSON array.
    fn next(&self, limit: usize, timeout: Duration) -> Result<String> {
        self.with(|follower| {
            let mut left = timeout;
            let events = loop {
                let slice = left.min(LOOK_EVERY);
                let events = follower.next(limit, slice)?;
                left -= slice;
                if !events.is_empty() || left.is_zero() || self.woken.swap(false, Ordering::SeqCst)
                {
                    break events;
                }
            };
            serde_json::to_string(&events).map_err(internal)
        })
    }

    /// What is to be done with connections, as a JSON array.
    fn deliver(&self, portal: &Portal, limit: usize, timeout: Duration) -> Result<String> {
        self.with(|follower| {
            let mut left = timeout;
            let deliveries = loop {
                let before = follower.position().after;
                let mut deliveries = portal.deliver(follower, limit)?;
                let at_the_end = follower.position().after == before;
                if at_the_end {
                    deliveries = portal.deliver_live()?;
                }
                if !deliveries.is_empty()
                    || at_the_end && left.is_zero()
                    || self.woken.swap(false, Ordering::SeqCst)
                {
                    break deliveries;
                }
                if at_the_end {
                    let slice = left.min(LOOK_EVERY);
                    // Asks for no event: it only waits for one.
                    follower.next(0, slice)?;
                    left -= slice;
                }
            };
            let deliveries: Vec<_> = deliveries.into_iter().map(write).collect::<Result<_>>()?;
            serde_json::to_string(&deliveries).map_err(internal)
        })
    }
}

/// A delivery as C reads it.
#[derive(Serialize)]
#[serde(untagged)]
enum Written {
    Send {
        to: Vec<ConnectionId>,
        name: &'static str,
        data: Box<RawValue>,
    },
    Close {
        close: ConnectionId,
        reason: String,
    },
}

fn write(delivery: Delivery) -> Result<Written> {
    Ok(match delivery {
        Delivery::Send { to, name, data } => Written::Send {
            to,
            name,
            data: RawValue::from_string(data).map_err(internal)?,
        },
        Delivery::Close { connection, reason } => Written::Close {
            close: connection,
            reason,
        },
    })
}

fn internal(error: serde_json::Error) -> Error {
    Error::new(ErrorKind::Internal).caused_by(error)
}

fn checked(limit: u32) -> Result<usize> {
    if (1..=LARGEST_LIMIT).contains(&limit) {
        Ok(limit as usize)
    } else {
        Err(Error::invalid("limit", "`limit` is 1 to 1000."))
    }
}

/// - What: follows the event log: after an event of a log, as portal_follower_position gave them, or
///   without a log_id from the log's present end, where after is 0.
/// - Ownership: log_id is read during the call only. *follower belongs to the caller, who gives it back
///   with portal_follower_free.
/// - NULL: handle and follower may not be NULL. log_id may be, with length 0.
/// - Threads: any, also several at once.
/// - Statuses: PORTAL_ERR_EVENTS_PRUNED if the log no longer reaches back to the place, ends before it,
///   or is another one: read the state again and follow from there. PORTAL_ERR_INVALID,
///   PORTAL_ERR_CLOSED, PORTAL_ERR_STORAGE and its kind, PORTAL_ERR_INTERNAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_follower_open(
    handle: *mut Handle,
    log_id: *const c_char,
    log_id_len: usize,
    after: u64,
    follower: *mut *mut Follower,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for a live handle and for a text that can be read.
        let (gate, log_id) = unsafe {
            (
                handle::gate(handle)?,
                input::optional_text(log_id, log_id_len, "log_id")?,
            )
        };
        let position = match log_id {
            Some(log_id) => Some(Position {
                log_id: log_id.to_owned(),
                after,
            }),
            None if after == 0 => None,
            None => {
                return Err(Error::invalid(
                    "log_id",
                    "A place in the log needs the log it is in.",
                ));
            }
        };
        let inside = gate.enter()?;
        let reading = Arc::new(Reading {
            follower: Mutex::new(Some(inside.follow(position)?)),
            woken: AtomicBool::new(false),
        });
        gate.adopt(&reading);
        let follower = Follower {
            gate: Arc::clone(gate),
            reading,
        };
        Ok(Box::into_raw(Box::new(follower)))
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe { answer(out(follower, "follower"), error, body) }
}

/// - What: the next events as a JSON array of {seq, at, name, data}, at most limit (1 to 1000). Waits
///   about timeout_ms for the first, 0 not at all; without any, the array is empty.
/// - Ownership: *events belongs to the caller, who disposes of it with portal_buf_dispose; what it held
///   before is overwritten, not freed.
/// - NULL: follower and events may not be NULL.
/// - Threads: any; of several at once on one follower, each waits for its turn. portal_close from
///   another thread ends the wait with PORTAL_ERR_CLOSED, portal_follower_wake with what there is.
/// - Statuses: PORTAL_ERR_EVENTS_PRUNED if the log was pruned past this follower: read the state again
///   and open another. PORTAL_ERR_INVALID, PORTAL_ERR_CLOSED, PORTAL_ERR_STORAGE and its kind,
///   PORTAL_ERR_INTERNAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_follower_next(
    follower: *mut Follower,
    limit: u32,
    timeout_ms: u32,
    events: *mut Buf,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for a follower that is not freed meanwhile.
        let follower = unsafe { input::reference(follower, "follower") }?;
        let limit = checked(limit)?;
        let _inside = follower.gate.enter()?;
        let timeout = Duration::from_millis(timeout_ms.into());
        follower.reading.next(limit, timeout).map(Buf::new)
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe { answer(out(events, "events"), error, body) }
}

/// - What: the next events, at most limit (1 to 1000), as what is to be written to which connection: a
///   JSON array of {to: connection ids, name, data}, and {close: connection id, reason} for one whose
///   session ended. Who gets what, in which words, is decided here: each viewer of a browser finds
///   their own way in. Who is in a room and who types comes along; there is no other way to them. Waits
///   about timeout_ms for something, 0 not at all. Needs PORTAL_OPEN_PRESENCE; one follower of a file
///   delivers.
/// - Ownership: *deliveries belongs to the caller, who disposes of it with portal_buf_dispose; what it
///   held before is overwritten, not freed.
/// - NULL: follower and deliveries may not be NULL.
/// - Threads: as portal_follower_next.
/// - Statuses: PORTAL_ERR_NOT_CONNECTED where presence is off, and those of portal_follower_next.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_follower_deliver(
    follower: *mut Follower,
    limit: u32,
    timeout_ms: u32,
    deliveries: *mut Buf,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for a follower that is not freed meanwhile.
        let follower = unsafe { input::reference(follower, "follower") }?;
        let limit = checked(limit)?;
        let portal = follower.gate.enter()?;
        let timeout = Duration::from_millis(timeout_ms.into());
        let deliveries = follower.reading.deliver(&portal, limit, timeout);
        deliveries.map(Buf::new)
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe { answer(out(deliveries, "deliveries"), error, body) }
}

/// - What: the place a follower has read to: the log and its last event seen. Kept by the host, it is
///   where portal_follower_open goes on after a restart.
/// - Ownership: *log_id belongs to the caller, who disposes of it with portal_buf_dispose.
/// - NULL: follower, log_id and after may not be NULL.
/// - Threads: any; waits for a portal_follower_next of another thread.
/// - Statuses: PORTAL_ERR_INVALID, PORTAL_ERR_CLOSED, PORTAL_ERR_INTERNAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_follower_position(
    follower: *mut Follower,
    log_id: *mut Buf,
    after: *mut u64,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for a follower that is not freed meanwhile.
        let follower = unsafe { input::reference(follower, "follower") }?;
        let _inside = follower.gate.enter()?;
        let position = follower
            .reading
            .with(|reading| Ok(reading.position().clone()))?;
        Ok((Buf::new(position.log_id), position.after))
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe { answer((out(log_id, "log_id"), out(after, "after")), error, body) }
}

/// - What: ends one wait of a follower within about 50 ms: the one under way, or else the next one.
/// - Ownership: nothing changes hands.
/// - NULL: allowed, does nothing.
/// - Threads: any, also while another waits; that is what it is for.
/// - Statuses: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_follower_wake(follower: *mut Follower) {
    boundary((), || {
        // SAFETY: NULL, or a follower that is not freed meanwhile.
        if let Some(follower) = unsafe { follower.as_ref() } {
            follower.reading.woken.store(true, Ordering::SeqCst);
        }
    });
}

/// - What: frees a follower.
/// - Ownership: takes the follower back; before or after its portal, as it comes.
/// - NULL: allowed, does nothing.
/// - Threads: any, while no other thread uses the follower.
/// - Statuses: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_follower_free(follower: *mut Follower) {
    boundary((), || {
        if !follower.is_null() {
            // SAFETY: `portal_follower_open` made it, and it is freed once.
            let Follower { gate, reading } = *unsafe { Box::from_raw(follower) };
            // A portal that closes meanwhile waits for this, or has ended the reading itself.
            let inside = gate.enter();
            drop(reading);
            drop(inside);
        }
    });
}
