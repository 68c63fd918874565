//! `portal_follower`: the event log for a host, in order, missing none (SPEC 12.2).

use std::ffi::c_char;

use portal_core::model::ConnectionId;
use portal_core::{Delivery, Error, ErrorKind, Portal, Position, Result};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::boundary::{answer, boundary, out};
use crate::buf::Buf;
use crate::child::{Child, Wait};
use crate::error::Failure;
use crate::handle::{self, Handle};
use crate::input;

/// As event.list.
const LARGEST_LIMIT: u32 = 1000;

/// A reader of the event log with a place of its own.
pub struct Follower(Child<portal_core::Follower>);

/// The child behind a follower. A clone, as for a keeper.
///
/// # Safety
/// NULL, or a follower that is not freed before this returns.
unsafe fn child(follower: *const Follower) -> Result<Child<portal_core::Follower>> {
    // SAFETY: as the caller says.
    unsafe { input::reference(follower, "follower") }.map(|follower| follower.0.clone())
}

/// The next events as a JSON array.
fn next(follower: &mut portal_core::Follower, limit: usize, mut wait: Wait<'_>) -> Result<Buf> {
    let events = loop {
        let events = wait.a_moment(|moment| follower.next(limit, moment))?;
        if !events.is_empty() || wait.is_over() || wait.is_woken() {
            break events;
        }
    };
    Buf::document(&events)
}

/// What is to be done with connections, as a JSON array.
fn deliver(
    follower: &mut portal_core::Follower,
    portal: &Portal,
    limit: usize,
    mut wait: Wait<'_>,
) -> Result<Buf> {
    let deliveries = loop {
        let before = follower.position().after;
        let mut deliveries = portal.deliver(follower, limit)?;
        let at_the_end = follower.position().after == before;
        if at_the_end {
            deliveries = portal.deliver_live()?;
        }
        if !deliveries.is_empty() || at_the_end && wait.is_over() || wait.is_woken() {
            break deliveries;
        }
        if at_the_end {
            // Asks for no event: it only waits for one.
            wait.a_moment(|moment| follower.next(0, moment))?;
        }
    };
    let deliveries: Vec<_> = deliveries.into_iter().map(write).collect::<Result<_>>()?;
    Buf::document(&deliveries)
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
            data: RawValue::from_string(data)
                .map_err(|error| Error::new(ErrorKind::Internal).caused_by(error))?,
        },
        Delivery::Close { connection, reason } => Written::Close {
            close: connection,
            reason,
        },
    })
}

fn checked(limit: u32) -> Result<usize> {
    if (1..=LARGEST_LIMIT).contains(&limit) {
        Ok(limit as usize)
    } else {
        Err(Error::invalid("limit", "`limit` has to be 1 to 1000."))
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
        let follower = Follower(Child::new(
            &inside,
            inside.told("follower", inside.follow(position))?,
        ));
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
        let child = unsafe { child(follower) }?;
        let limit = checked(limit)?;
        child.in_turn("follower", |follower, _, woken| {
            next(follower, limit, Wait::new(timeout_ms, woken))
        })
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
        let child = unsafe { child(follower) }?;
        let limit = checked(limit)?;
        child.in_turn("follower", |follower, portal, woken| {
            deliver(follower, portal, limit, Wait::new(timeout_ms, woken))
        })
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
        let child = unsafe { child(follower) }?;
        let position =
            child.in_turn("follower", |follower, _, _| Ok(follower.position().clone()))?;
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
            follower.0.wake();
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
            let Follower(child) = *unsafe { Box::from_raw(follower) };
            child.free();
        }
    });
}
