//! `portal`: an open file as C holds it, and how its work ends (SPEC 17.5).
//!
//! A gate counts the calls that are inside. Closing shuts it, wakes who waits, and returns when the last
//! call is out and the file is closed. The surprise: followers are reached from here too, because each
//! keeps a connection to the file, and the host's callbacks are released with the portal itself, not
//! with the last handle.

use std::ffi::c_char;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};

use portal_core::{Error, ErrorKind, Portal, Result};

use crate::boundary::{answer, boundary, out};
use crate::error::Failure;
use crate::follower::Reading;
use crate::input;
use crate::options::{self, Options};

/// An open database file.
pub struct Handle(Arc<Gate>);

/// The way into a portal, for the handle and its followers.
pub(crate) struct Gate {
    state: Mutex<State>,
    left: Condvar,
}

struct State {
    /// None once closed.
    portal: Option<Portal>,
    closing: bool,
    /// Calls between `enter` and leaving.
    inside: usize,
    followers: Vec<Weak<Reading>>,
}

impl Gate {
    fn new(portal: Portal) -> Self {
        let state = State {
            portal: Some(portal),
            closing: false,
            inside: 0,
            followers: Vec::new(),
        };
        Self {
            state: Mutex::new(state),
            left: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a call, or `ERR_CLOSED`.
    pub(crate) fn enter(&self) -> Result<Inside<'_>> {
        let mut state = self.lock();
        let portal = match &state.portal {
            Some(portal) if !state.closing => portal.clone(),
            _ => return Err(ErrorKind::Closed.into()),
        };
        state.inside += 1;
        Ok(Inside {
            gate: self,
            portal: Some(portal),
        })
    }

    /// Has a follower closed with the portal.
    pub(crate) fn adopt(&self, follower: &Arc<Reading>) {
        let mut state = self.lock();
        state.followers.retain(|known| known.strong_count() > 0);
        state.followers.push(Arc::downgrade(follower));
    }

    fn close(&self) {
        let mut state = self.lock();
        state.closing = true;
        let Some(portal) = state.portal.clone() else {
            return;
        };
        drop(state);
        portal.close();
        state = self.lock();
        while state.inside > 0 {
            state = self
                .left
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        // Under the lock, so that another thread that closes returns no earlier either.
        for follower in state
            .followers
            .drain(..)
            .filter_map(|known| known.upgrade())
        {
            follower.end();
        }
        // Calls that were inside have given their readers back after the first time.
        portal.close();
        drop(portal);
        state.portal = None;
    }
}

/// A call that is inside; dropping it leaves.
pub(crate) struct Inside<'a> {
    gate: &'a Gate,
    portal: Option<Portal>,
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
        self.gate.lock().inside -= 1;
        self.gate.left.notify_all();
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

/// - What: opens a database file, and creates and migrates it as the options allow.
/// - Ownership: *handle belongs to the caller, who gives it back with portal_free.
/// - NULL: options may be NULL, which is every default; path and handle may not.
/// - Threads: any, also several at once; a file may be open in several handles and processes.
/// - Statuses: PORTAL_ERR_INVALID, PORTAL_ERR_PRESENCE_TAKEN, PORTAL_ERR_STORAGE,
///   PORTAL_ERR_STORAGE_NOT_FOUND, PORTAL_ERR_STORAGE_FOREIGN, PORTAL_ERR_STORAGE_NEWER,
///   PORTAL_ERR_STORAGE_READONLY, PORTAL_ERR_STORAGE_LOCKED, PORTAL_ERR_STORAGE_CORRUPT,
///   PORTAL_ERR_STORAGE_FULL, PORTAL_ERR_INTERNAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_open(
    path: *const c_char,
    path_len: usize,
    options: *const Options,
    handle: *mut *mut Handle,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for options and a path that can be read.
        let (options, path) = unsafe {
            (
                options::options(options)?,
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
        let portal = Portal::open(path, options)?;
        let handle = Handle(Arc::new(Gate::new(portal)));
        Ok(Box::into_raw(Box::new(handle)))
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe { answer(out(handle, "handle"), error, body) }
}

/// - What: ends the work: refuses new calls with PORTAL_ERR_CLOSED, wakes followers that wait, lets
///   running calls finish, closes the file, then returns. Repeatable.
/// - Ownership: the handle stays the caller's, to be freed with portal_free.
/// - NULL: handle may not be NULL.
/// - Threads: any, also while others are in calls on the handle; not from within a callback.
/// - Statuses: PORTAL_ERR_INVALID, PORTAL_ERR_INTERNAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_close(handle: *mut Handle, error: *mut *mut Failure) -> i32 {
    let body = || {
        // SAFETY: the header asks for a handle that is not freed meanwhile.
        unsafe { gate(handle) }?.close();
        Ok(())
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe { answer((), error, body) }
}

/// - What: frees a handle, closing it first as portal_close does.
/// - Ownership: takes the handle back. Followers, buffers and errors that came from it stay valid and
///   are freed on their own, before or after; its followers answer PORTAL_ERR_CLOSED.
/// - NULL: allowed, does nothing.
/// - Threads: any, while no other thread uses the handle; not from within a callback.
/// - Statuses: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_free(handle: *mut Handle) {
    boundary((), || {
        if !handle.is_null() {
            // SAFETY: `portal_open` made it, and it is freed once.
            let handle = unsafe { Box::from_raw(handle) };
            handle.0.close();
        }
    });
}
