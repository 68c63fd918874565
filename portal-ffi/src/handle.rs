//! `portal`: an open file as C holds it, and how its work ends (SPEC 17.5).
//!
//! A gate counts the calls that are inside. Closing shuts it, wakes who waits, and returns when the last
//! call is out and the file is closed. The surprise: followers and keepers are reached from here too, because
//! each keeps a connection to the file or the portal itself, and the host's callbacks are released with the portal,
//! not with the last handle. What is released may call back, so nothing is locked then.

use std::ffi::c_char;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use portal_core::log::{Level, why};
use portal_core::{Error, ErrorKind, Portal, Result};

use crate::boundary::{answer, boundary, out};
use crate::browsers::Within;
use crate::child::Part;
use crate::error::Failure;
use crate::input;
use crate::options::{self, Options};

/// An open database file.
pub struct Handle(Arc<Gate>);

/// The way into a portal, for the handle, its followers and its keepers.
pub(crate) struct Gate {
    state: Mutex<State>,
    left: Condvar,
    within: Arc<Within>,
}

struct State {
    /// None once somebody closes.
    portal: Option<Portal>,
    /// Calls between `enter` and leaving.
    inside: usize,
    /// Those that are not given back.
    children: Vec<Arc<dyn Part>>,
    /// Whether closing has come to its end.
    is_closed: bool,
}

impl Gate {
    pub(crate) fn new(portal: Portal, within: Arc<Within>) -> Self {
        let state = State {
            portal: Some(portal),
            inside: 0,
            children: Vec::new(),
            is_closed: false,
        };
        Self {
            state: Mutex::new(state),
            left: Condvar::new(),
            within,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let woken = self.left.wait(state);
        woken.unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a call, or `ERR_CLOSED`.
    pub(crate) fn enter(self: &Arc<Self>) -> Result<Inside<'_>> {
        let mut state = self.lock();
        let portal = state.portal.clone().ok_or(ErrorKind::Closed)?;
        state.inside += 1;
        Ok(Inside {
            gate: self,
            portal: Some(portal),
        })
    }

    /// A child was given back.
    pub(crate) fn forget(&self, child: &Arc<dyn Part>) {
        let mut state = self.lock();
        state
            .children
            .retain(|known| !std::ptr::addr_eq(Arc::as_ptr(known), Arc::as_ptr(child)));
    }

    /// Ends the work, unless this is called from within it: then it would wait for itself.
    pub(crate) fn close(&self) -> Result<()> {
        if self.within.is_here() {
            return Err(Error::invalid(
                "handle",
                "A handle is not closed from within a callback of its browsers, or while its host is released.",
            ));
        }
        let mut state = self.lock();
        let Some(portal) = state.portal.take() else {
            // Another thread is at it, and this one returns no earlier.
            while !state.is_closed {
                state = self.wait(state);
            }
            return Ok(());
        };
        drop(state);
        portal.close();
        state = self.lock();
        while state.inside > 0 {
            state = self.wait(state);
        }
        let children = std::mem::take(&mut state.children);
        drop(state);
        for child in children {
            child.end();
        }
        // Calls that were inside have given their readers back after the first time.
        portal.close();
        // It is the last, so the host is released here, and may do what it likes with what it has: nothing is locked.
        self.within.during(|| drop(portal));
        self.lock().is_closed = true;
        self.left.notify_all();
        Ok(())
    }
}

/// A call that is inside; dropping it leaves.
pub(crate) struct Inside<'a> {
    gate: &'a Arc<Gate>,
    portal: Option<Portal>,
}

impl Inside<'_> {
    /// Tells the host's log why a call failed, as far as the answer does not.
    pub(crate) fn told<T>(&self, what: &str, answer: Result<T>) -> Result<T> {
        answer.inspect_err(|error| self.tell_failure(what, error))
    }

    /// Has a child end with the portal.
    pub(crate) fn adopt(&self, child: Arc<dyn Part>) -> Arc<Gate> {
        self.gate.lock().children.push(child);
        Arc::clone(self.gate)
    }
}

impl std::ops::Deref for Inside<'_> {
    type Target = Portal;

    fn deref(&self) -> &Portal {
        self.portal
            .as_ref()
            .expect("a call has its portal until it leaves")
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        // First, so that nobody who finds the gate empty finds the portal in use.
        self.portal = None;
        let mut state = self.gate.lock();
        state.inside -= 1;
        // Only who closes waits, and waking nobody is a call to the system all the same.
        if state.portal.is_none() {
            drop(state);
            self.gate.left.notify_all();
        }
    }
}

/// The gate behind a handle.
///
/// # Safety
/// NULL, or a handle that is not freed before the call ends.
pub(crate) unsafe fn gate<'a>(handle: *const Handle) -> Result<&'a Arc<Gate>> {
    // SAFETY: as the caller says.
    unsafe { input::reference(handle, "handle") }.map(|handle| &handle.0)
}

const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");

/// - What: the library's version, such as "0.1.0"; PORTAL_VERSION is the header's.
/// - Ownership: the text is the library's and lasts for ever.
/// - NULL: takes no pointer.
/// - Threads: any, also several at once.
/// - Statuses: none.
#[unsafe(no_mangle)]
pub extern "C" fn portal_version() -> *const c_char {
    boundary(c"".as_ptr(), || VERSION.as_ptr().cast())
}

/// - What: the library's version as a number that rises with it: 1000000 for each major, 1000 for each
///   minor, 1 for each patch version; PORTAL_VERSION_NUMBER is the header's.
/// - Ownership: nothing changes hands.
/// - NULL: takes no pointer.
/// - Threads: any, also several at once.
/// - Statuses: none.
#[unsafe(no_mangle)]
pub extern "C" fn portal_version_number() -> i32 {
    boundary(0, || {
        let part = |text: &str| text.parse::<i32>().unwrap_or(0);
        part(env!("CARGO_PKG_VERSION_MAJOR")) * 1_000_000
            + part(env!("CARGO_PKG_VERSION_MINOR")) * 1_000
            + part(env!("CARGO_PKG_VERSION_PATCH"))
    })
}

/// - What: opens a database file, and creates and migrates it as the options allow.
/// - Ownership: *handle belongs to the caller, who gives it back with portal_free.
/// - NULL: options may be NULL, which is every default; path and handle may not.
/// - Threads: any, also several at once; a file may be open in several handles and processes.
/// - Statuses: PORTAL_ERR_INVALID with the first wrong field of the options, PORTAL_ERR_PRESENCE_TAKEN,
///   PORTAL_ERR_STORAGE, PORTAL_ERR_STORAGE_NOT_FOUND, PORTAL_ERR_STORAGE_FOREIGN,
///   PORTAL_ERR_STORAGE_NEWER, PORTAL_ERR_STORAGE_READONLY, PORTAL_ERR_STORAGE_LOCKED,
///   PORTAL_ERR_STORAGE_CORRUPT, PORTAL_ERR_STORAGE_FULL, PORTAL_ERR_INTERNAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_open(
    path: *const c_char,
    path_len: usize,
    options: *const Options,
    handle: *mut *mut Handle,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        let within = Arc::new(Within::default());
        // SAFETY: the header asks for options and a path that can be read.
        let (options, path) = unsafe {
            (
                options::options(options, &within)?,
                input::text(path, path_len, "path")?,
            )
        };
        // For SQLite an empty name is a file of its own that vanishes.
        if path.is_empty() || path.contains('\0') {
            return Err(Error::invalid(
                "path",
                "`path` is empty or has a NUL in it.",
            ));
        }
        let log = options.log.clone();
        let portal = Portal::open(path, options).inspect_err(|error| {
            if let Some(log) = &log {
                let text = format!("Cannot open the database: {}", why(error));
                log.log(Level::Error, &text);
            }
        })?;
        let handle = Handle(Arc::new(Gate::new(portal, within)));
        Ok(Box::into_raw(Box::new(handle)))
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe { answer(out(handle, "handle"), error, body) }
}

/// - What: ends the work: refuses new calls with PORTAL_ERR_CLOSED, wakes followers and keepers that
///   wait, lets running calls and callbacks finish, closes the file, then returns. Repeatable.
/// - Ownership: the handle stays the caller's, to be freed with portal_free.
/// - NULL: handle may not be NULL.
/// - Threads: any, also while others are in calls on the handle; not from within a callback.
/// - Statuses: PORTAL_ERR_INVALID, also from within a callback of portal_browser_backend or a release,
///   where it does nothing. PORTAL_ERR_INTERNAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_close(handle: *mut Handle, error: *mut *mut Failure) -> i32 {
    let body = || {
        // SAFETY: the header asks for a handle that is not freed meanwhile.
        unsafe { gate(handle) }?.close()
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe { answer((), error, body) }
}

/// - What: frees a handle, closing it first as portal_close does.
/// - Ownership: takes the handle back. Followers, keepers, buffers and errors that came from it stay
///   valid and are freed on their own, before or after; its followers and keepers answer
///   PORTAL_ERR_CLOSED.
/// - NULL: allowed, does nothing.
/// - Threads: any, while no other thread uses the handle; not from within a callback. In one of
///   portal_browser_backend or a release it does nothing, and the handle is still the caller's.
/// - Statuses: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_free(handle: *mut Handle) {
    boundary((), || {
        if !handle.is_null() {
            // SAFETY: `portal_open` made it, and it is not freed yet.
            let closed = unsafe { (*handle).0.close() };
            // Where it cannot be closed it is in use, up the stack of this very thread. A leak is the lesser harm.
            if closed.is_ok() {
                // SAFETY: as above; it is freed once.
                drop(unsafe { Box::from_raw(handle) });
            }
        }
    });
}
