//! `portal_keeper`: keeping the browsers as they are wanted, from a thread of the host's (SPEC 11).
//!
//! The surprise: a keeper that is in use refuses a second call instead of making it wait. Within a callback of the
//! browsers' the first call is further up the same stack, and the wait would have no end.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::time::Duration;

use portal_core::{Error, ErrorKind, Result, Tended};
use serde_json::json;

use crate::boundary::{answer, boundary, out};
use crate::browsers::word;
use crate::buf::Buf;
use crate::error::Failure;
use crate::handle::{self, Child, Gate, Handle};
use crate::input;

/// How often a waiting keeper looks whether it was woken.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Keeps the browsers of a file as they are wanted. Each thread that does has one of its own.
pub struct Keeper {
    gate: Arc<Gate>,
    tending: Arc<Tending>,
}

/// The part of a keeper that closing the portal reaches.
struct Tending {
    /// None once the portal is closed. Locked while in use.
    keeper: Mutex<Option<portal_core::Keeper>>,
    woken: AtomicBool,
}

impl Child for Tending {
    fn end(&self) {
        self.keeper
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
    }
}

impl Keeper {
    /// Works with it while its portal is open. What it needs is held by the call: a callback may free
    /// the keeper.
    fn with<T>(
        &self,
        work: impl FnOnce(&mut portal_core::Keeper, &AtomicBool) -> Result<T>,
    ) -> Result<T> {
        let (gate, tending) = (Arc::clone(&self.gate), Arc::clone(&self.tending));
        let _inside = gate.enter()?;
        let mut keeper = match tending.keeper.try_lock() {
            Ok(keeper) => keeper,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => {
                return Err(Error::invalid(
                    "keeper",
                    "This keeper is in use; each thread has one of its own.",
                ));
            }
        };
        work(keeper.as_mut().ok_or(ErrorKind::Closed)?, &tending.woken)
    }
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
        let tending = Arc::new(Tending {
            keeper: Mutex::new(Some(inside.keeper()?)),
            woken: AtomicBool::new(false),
        });
        gate.adopt(&tending);
        let gate = Arc::clone(gate);
        Ok(Box::into_raw(Box::new(Keeper { gate, tending })))
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
        // SAFETY: the header asks for a keeper that is not freed meanwhile.
        let keeper = unsafe { input::reference(keeper, "keeper") }?;
        let tended = keeper.with(|keeper, _| keeper.tend())?;
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
        let keeper = unsafe { input::reference(keeper, "keeper") }?;
        keeper.with(|keeper, woken| {
            let mut left = Duration::from_millis(timeout_ms.into());
            loop {
                let slice = left.min(LOOK_EVERY);
                let has_news = keeper.wait(slice)?;
                left -= slice;
                if has_news || left.is_zero() || woken.swap(false, Ordering::SeqCst) {
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
            keeper.tending.woken.store(true, Ordering::SeqCst);
        }
    });
}

/// - What: frees a keeper.
/// - Ownership: takes the keeper back; before or after its portal, as it comes.
/// - NULL: allowed, does nothing.
/// - Threads: any, while no other thread uses the keeper.
/// - Statuses: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_keeper_free(keeper: *mut Keeper) {
    boundary((), || {
        if !keeper.is_null() {
            // SAFETY: `portal_keeper_open` made it, and it is freed once.
            let Keeper { gate, tending } = *unsafe { Box::from_raw(keeper) };
            // A portal that closes meanwhile waits for this, or has ended the keeping itself.
            let inside = gate.enter();
            drop(tending);
            drop(inside);
        }
    });
}
