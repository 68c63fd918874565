//! `portal`: an open file as C holds it, and how its work ends (SPEC 17.5).
//!
//! A gate lets calls in. Closing shuts it, wakes who waits, and returns when the last call is out and the file is
//! closed. The surprise: followers and keepers are reached from here too, because each keeps a connection to the file or
//! the portal itself, and the host's callbacks are released with the portal, not with the last handle. What is released
//! may call back, so nothing is locked then.

use std::ffi::c_char;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{
    Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, TryLockError,
};

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

impl Handle {
    /// A portal that Rust has opened, for the benchmarks, which call one portal from both languages. Closing the handle
    /// closes it, and releases nothing while Rust holds it; its browsers' callbacks must not close the handle.
    #[doc(hidden)]
    pub fn new(portal: Portal) -> Self {
        Self(Arc::new(Gate::new(portal, Arc::default())))
    }
}

/// The way into a portal, for the handle, its followers and its keepers.
pub(crate) struct Gate {
    /// Read by each call from its beginning to its end, and taken out by whoever closes: that waits for the calls. Calls
    /// only try to read. One that comes from within another would else wait behind who closes, who waits for the other.
    portal: RwLock<Option<Portal>>,
    /// Somebody closes.
    is_shut: AtomicBool,
    end: Mutex<End>,
    has_ended: Condvar,
    within: Arc<Within>,
}

#[derive(Default)]
struct End {
    /// Those that are not given back.
    children: Vec<Arc<dyn Part>>,
    /// Whether closing has come to its end.
    is_closed: bool,
}

impl Gate {
    pub(crate) fn new(portal: Portal, within: Arc<Within>) -> Self {
        Self {
            portal: RwLock::new(Some(portal)),
            is_shut: AtomicBool::new(false),
            end: Mutex::default(),
            has_ended: Condvar::new(),
            within,
        }
    }

    fn lock_end(&self) -> MutexGuard<'_, End> {
        self.end.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a call, or `ERR_CLOSED`.
    #[inline(always)]
    pub(crate) fn enter(self: &Arc<Self>) -> Result<Inside<'_>> {
        if !self.is_shut.load(Ordering::SeqCst)
            && let Some(portal) = self.reading()
        {
            return Ok(Inside { gate: self, portal });
        }
        Err(closed())
    }

    /// The portal, unless it is being taken out or is: nobody writes but to close.
    fn reading(&self) -> Option<RwLockReadGuard<'_, Option<Portal>>> {
        let portal = match self.portal.try_read() {
            Ok(portal) => portal,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        portal.is_some().then_some(portal)
    }

    /// A child was given back.
    pub(crate) fn forget(&self, child: &Arc<dyn Part>) {
        self.lock_end()
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
        if self.is_shut.swap(true, Ordering::SeqCst) {
            // Another thread is at it, and this one returns no earlier.
            drop(
                self.has_ended
                    .wait_while(self.lock_end(), |end| !end.is_closed),
            );
            return Ok(());
        }
        let _ended = Ended(self);
        if let Some(portal) = &*self.portal.read().unwrap_or_else(PoisonError::into_inner) {
            // Whoever is inside and waits comes out.
            portal.close();
        }
        // Waits for the last of them.
        let portal = self
            .portal
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let children = std::mem::take(&mut self.lock_end().children);
        for child in children {
            child.end();
        }
        // It is the last, unless Rust holds one: the host is released here, and may do what it likes with what it has, for
        // nothing is locked.
        self.within.during(|| drop(portal));
        Ok(())
    }
}

/// Dropped once closing is over, even by a panic: whoever closes besides must not wait for ever.
struct Ended<'a>(&'a Gate);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.lock_end().is_closed = true;
        self.0.has_ended.notify_all();
    }
}

#[cold]
fn closed() -> Error {
    ErrorKind::Closed.into()
}

/// A call that is inside; dropping it leaves.
pub(crate) struct Inside<'a> {
    gate: &'a Arc<Gate>,
    portal: RwLockReadGuard<'a, Option<Portal>>,
}

impl Inside<'_> {
    /// Tells the host's log why a call failed, as far as the answer does not.
    pub(crate) fn told<T>(&self, what: &str, answer: Result<T>) -> Result<T> {
        answer.inspect_err(|error| self.tell_failure(what, error))
    }

    /// Has a child end with the portal.
    pub(crate) fn adopt(&self, child: Arc<dyn Part>) -> Arc<Gate> {
        self.gate.lock_end().children.push(child);
        Arc::clone(self.gate)
    }
}

impl std::ops::Deref for Inside<'_> {
    type Target = Portal;

    fn deref(&self) -> &Portal {
        self.portal
            .as_ref()
            .expect("it is taken out once nobody is inside")
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
/// - NULL: options may be NULL, which is every default; handle may not. path may be, with length 0.
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

#[cfg(test)]
mod tests {
    use std::sync::Weak;
    use std::sync::atomic::AtomicUsize;

    use portal_core::clock::{Clock, SystemClock};

    use super::*;

    fn open(path: &std::path::Path) -> (Arc<Gate>, Weak<SystemClock>) {
        let clock = Arc::new(SystemClock);
        let of_the_host = Arc::downgrade(&clock);
        let options = portal_core::Options {
            clock: clock as Arc<dyn Clock>,
            ..Default::default()
        };
        let portal = Portal::open(path, options).unwrap();
        (Arc::new(Gate::new(portal, Arc::default())), of_the_host)
    }

    /// Calls, each with another one within it, until it is closed.
    fn call(gate: &Arc<Gate>, inside: &AtomicUsize) {
        loop {
            let Ok(call) = gate.enter() else { break };
            inside.fetch_add(1, Ordering::SeqCst);
            call.now();
            match gate.enter() {
                Ok(within) => drop(within.now()),
                Err(error) => assert_eq!(error.kind(), ErrorKind::Closed),
            }
            inside.fetch_sub(1, Ordering::SeqCst);
        }
        assert!(gate.enter().is_err(), "it was closed and is open again");
    }

    /// A call from within a callback of another would otherwise wait for who closes, who waits for that other.
    #[test]
    fn whoever_is_inside_calls_without_waiting_for_who_closes_spec_17_5() {
        let directory = tempfile::tempdir().unwrap();
        let (gate, _) = open(&directory.path().join("chat.db"));
        let (done, is_done) = std::sync::mpsc::channel();
        let closing = Arc::clone(&gate);
        std::thread::spawn(move || {
            let inside = gate.enter().unwrap();
            let closes = std::thread::spawn(move || closing.close());
            // The lock lets nobody in from when on somebody waits for it.
            while gate.reading().is_some() {
                std::thread::yield_now();
            }
            assert!(gate.enter().is_err());
            drop(inside);
            closes.join().unwrap().unwrap();
            done.send(()).unwrap();
        });
        is_done
            .recv_timeout(std::time::Duration::from_mins(1))
            .expect("nobody waits for who waits for them");
    }

    #[test]
    fn a_panic_while_closing_keeps_nobody_waiting_spec_17_5() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("chat.db");
        let portal = Portal::open(path, portal_core::Options::default()).unwrap();
        // Closing announces itself to whoever follows the log.
        portal.on_commit(|| panic!("a defect of the host"));
        let gate = Gate::new(portal, Arc::default());
        let panicked = crate::boundary::boundary(true, || gate.close().is_err());
        assert!(panicked);
        gate.close().unwrap();
    }

    #[test]
    fn closing_amid_calls_returns_after_the_last_and_with_the_host_released_spec_17_5() {
        let directory = tempfile::tempdir().unwrap();
        for _ in 0..100 {
            let (gate, of_the_host) = open(&directory.path().join("chat.db"));
            let inside = AtomicUsize::new(0);
            let begun = std::sync::Barrier::new(5);
            std::thread::scope(|threads| {
                for _ in 0..3 {
                    threads.spawn(|| {
                        begun.wait();
                        call(&gate, &inside);
                    });
                }
                for _ in 0..2 {
                    threads.spawn(|| {
                        begun.wait();
                        gate.close().unwrap();
                        let left = (inside.load(Ordering::SeqCst), of_the_host.strong_count());
                        assert_eq!(left, (0, 0));
                    });
                }
            });
        }
    }
}
