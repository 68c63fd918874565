//! `portal_keeper`: keeping the browsers as they are wanted, from a thread of the host's (SPEC 11).
//!
//! The surprise: a keeper that is in use refuses a second call instead of making it wait. Within a callback of the
//! browsers' the first call is further up the same stack, and the wait would have no end.

use portal_core::{Result, Tended};
use serde_json::json;

use crate::boundary::{answer, boundary, out};
use crate::browsers::word;
use crate::buf::Buf;
use crate::child::{Child, Wait};
use crate::error::Failure;
use crate::handle::{self, Handle};
use crate::input;

/// Keeps the browsers of a file as they are wanted. Each thread that does has one of its own.
pub struct Keeper(Child<portal_core::Keeper>);

/// The child behind a keeper. A clone: a callback may free the keeper.
///
/// # Safety
/// NULL, or a keeper that is not freed before this returns.
unsafe fn child(keeper: *const Keeper) -> Result<Child<portal_core::Keeper>> {
    // SAFETY: as the caller says.
    unsafe { input::reference(keeper, "keeper") }.map(|keeper| keeper.0.clone())
}

/// What the backend did not do, as a JSON array.
fn faults(tended: &Tended) -> String {
    let faults = tended.faults.iter().map(|(chat, fault)| {
        json!({ "chat_id": chat, "kind": word(fault.kind), "detail": fault.detail })
    });
    faults.collect::<serde_json::Value>().to_string()
}

/// - What: makes a keeper for the browsers of a file. Until one tends, a browser that was started stays
///   wanted and does not run.
/// - Ownership: *keeper belongs to the caller, who gives it back with portal_keeper_free.
/// - NULL: handle and keeper may not be NULL.
/// - Threads: any, also several at once; each thread that tends has a keeper of its own.
/// - Statuses: PORTAL_ERR_BROWSER_UNAVAILABLE where portal_options.browsers was NULL,
///   PORTAL_ERR_INVALID, PORTAL_ERR_CLOSED, PORTAL_ERR_POISONED, PORTAL_ERR_INTERNAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_keeper_open(
    handle: *mut Handle,
    keeper: *mut *mut Keeper,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for a live handle.
        let gate = unsafe { handle::gate(handle) }?;
        let inside = gate.enter()?;
        let keeper = Keeper(Child::new(&inside, inside.keeper()?));
        Ok(Box::into_raw(Box::new(keeper)))
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe { answer(out(keeper, "keeper"), error, body) }
}

/// - What: asks the browsers' callbacks for what is wanted and not so, and returns when that is done,
///   which may take as long as they take. Chats that another keeper is busy with are left to it.
///   *next_ms is when to call again at the latest, in UTC milliseconds since 1970; sooner, once
///   portal_keeper_wait has news. *faults is what the callbacks did not do, for the operator's log: a
///   JSON array of {chat_id: null for list, kind: unreachable, full, misconfigured, gone or failed,
///   detail}. It is tried again where that helps.
/// - Ownership: *faults belongs to the caller, who disposes of it with portal_buf_dispose; what it held
///   before is overwritten, not freed.
/// - NULL: keeper, next_ms and faults may not be NULL.
/// - Threads: any, one at a time for one keeper; the callbacks are called on this one. portal_close
///   from another thread waits for a callback that is running, and ends the rest with
///   PORTAL_ERR_CLOSED.
/// - Statuses: PORTAL_ERR_INVALID, also for a keeper in use, PORTAL_ERR_CLOSED, PORTAL_ERR_POISONED,
///   PORTAL_ERR_STORAGE and its kind, PORTAL_ERR_INTERNAL. After one, call again: what was done is
///   found.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_keeper_tend(
    keeper: *mut Keeper,
    next_ms: *mut i64,
    faults: *mut Buf,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for a keeper that nobody frees but a callback.
        let child = unsafe { child(keeper) }?;
        let tended = child.alone("keeper", |keeper, _, _| keeper.tend())?;
        Ok((tended.next_at.as_millis(), Buf::new(self::faults(&tended))))
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe {
        answer(
            (out(next_ms, "next_ms"), out(faults, "faults")),
            error,
            body,
        )
    }
}

/// - What: waits until there may be something to do since this keeper's last portal_keeper_tend began,
///   about timeout_ms at most; 0 not at all. *news is 1 if there may be, else 0.
/// - Ownership: nothing changes hands.
/// - NULL: keeper and news may not be NULL.
/// - Threads: any, one at a time for one keeper. portal_close from another thread ends the wait with
///   PORTAL_ERR_CLOSED, portal_keeper_wake as if the time were over.
/// - Statuses: PORTAL_ERR_INVALID, also for a keeper in use, PORTAL_ERR_CLOSED, PORTAL_ERR_POISONED,
///   PORTAL_ERR_INTERNAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_keeper_wait(
    keeper: *mut Keeper,
    timeout_ms: u32,
    news: *mut i32,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for a keeper that is not freed meanwhile.
        let child = unsafe { child(keeper) }?;
        child.alone("keeper", |keeper, _, woken| {
            let mut wait = Wait::new(timeout_ms, woken);
            loop {
                let has_news = wait.a_moment(|moment| keeper.wait(moment))?;
                if has_news || wait.is_over() || wait.is_woken() {
                    return Ok(i32::from(has_news));
                }
            }
        })
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe { answer(out(news, "news"), error, body) }
}

/// - What: ends one wait of a keeper within about 50 ms: the one under way, or else the next one.
/// - Ownership: nothing changes hands.
/// - NULL: allowed, does nothing.
/// - Threads: any, also while another waits; that is what it is for.
/// - Statuses: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_keeper_wake(keeper: *mut Keeper) {
    boundary((), || {
        // SAFETY: NULL, or a keeper that is not freed meanwhile.
        if let Some(keeper) = unsafe { keeper.as_ref() } {
            keeper.0.wake();
        }
    });
}

/// - What: frees a keeper.
/// - Ownership: takes the keeper back; before or after its portal, as it comes.
/// - NULL: allowed, does nothing.
/// - Threads: any, while no other thread uses the keeper. A callback may free the keeper it is called
///   from, whose portal_keeper_tend then goes on to its end.
/// - Statuses: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_keeper_free(keeper: *mut Keeper) {
    boundary((), || {
        if !keeper.is_null() {
            // SAFETY: `portal_keeper_open` made it, and it is freed once.
            let Keeper(child) = *unsafe { Box::from_raw(keeper) };
            child.free();
        }
    });
}
