//! `portal_browser_backend`: what runs browsers, as a host gives it when it opens a file (SPEC 11.3).
//!
//! The surprise: unlike the clock, these callbacks may call the library, for nothing is locked meanwhile. Only
//! ending the handle from within one would wait for itself, so it is kept which threads are in one.

use std::ffi::{c_char, c_void};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use portal_core::Result;
use portal_core::backend::{BrowserBackend as Backend, FaultKind};

use crate::browser_reply::Reply;
use crate::input::{self, SizeFirst};

/// A callback of portal_browser_backend: what runs browsers does not answer, or not in time.
pub const PORTAL_BROWSER_FAULT_UNREACHABLE: i32 = 1;
/// A callback of portal_browser_backend: there is no room for another browser.
pub const PORTAL_BROWSER_FAULT_FULL: i32 = 2;
/// A callback of portal_browser_backend: this browser cannot be run as it is set up.
pub const PORTAL_BROWSER_FAULT_MISCONFIGURED: i32 = 3;
/// A callback of portal_browser_backend: that run is not there any more.
pub const PORTAL_BROWSER_FAULT_GONE: i32 = 4;
/// A callback of portal_browser_backend: anything else.
pub const PORTAL_BROWSER_FAULT_FAILED: i32 = 5;

/// Each fault's number and its word in the documents that go out.
const FAULTS: [(i32, FaultKind, &str); 5] = [
    (
        PORTAL_BROWSER_FAULT_UNREACHABLE,
        FaultKind::Unreachable,
        "unreachable",
    ),
    (PORTAL_BROWSER_FAULT_FULL, FaultKind::Full, "full"),
    (
        PORTAL_BROWSER_FAULT_MISCONFIGURED,
        FaultKind::Misconfigured,
        "misconfigured",
    ),
    (PORTAL_BROWSER_FAULT_GONE, FaultKind::Gone, "gone"),
    (PORTAL_BROWSER_FAULT_FAILED, FaultKind::Failed, "failed"),
];

/// The fault of that number.
pub(crate) fn kind(number: i32) -> Option<FaultKind> {
    let found = FAULTS.iter().find(|(of, _, _)| *of == number);
    found.map(|(_, kind, _)| *kind)
}

/// The word of a fault.
pub(crate) fn word(kind: FaultKind) -> &'static str {
    let found = FAULTS.iter().find(|(_, of, _)| *of == kind);
    found.map_or("failed", |(_, _, word)| word)
}

/// What runs browsers, for portal_options.browsers. It begins with its size: zero it, then set size to
/// sizeof(portal_browser_backend) and every callback. It is read during portal_open only.
///
/// A run is one browser of one chat from its start to its end, named by 32 of [0-9a-f]; whatever runs
/// is to be labelled with it. Every call can come again: starting what runs, stopping what does not,
/// letting in who is in and out who is not are all well. The calls of one run come one after the other,
/// but for those of the clipboard and the screen.
///
/// Each callback returns 0 or a PORTAL_BROWSER_FAULT_..., and puts its answer, or the detail of its
/// fault for the operator's log, which is no place for a secret, into reply: portal_browser_reply_text.
/// A detail that begins with { is taken for an answer, and not told. What a callback is given is read
/// during it only; texts have a NUL after their length. A wrong or missing answer counts as
/// PORTAL_BROWSER_FAULT_FAILED.
///
/// They are called from within portal_keeper_tend and portal_call, on the calling thread, until release
/// is. Nothing is locked meanwhile: they may take as long as they need, portal_close waits for them,
/// and they may call the library. What they may not is end the handle, with portal_close or portal_free,
/// or use the keeper they are called from but to wake or free it. They must not throw or jump out.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct BrowserBackend {
    /// sizeof(portal_browser_backend).
    pub size: usize,
    /// Handed to every callback.
    pub host: *mut c_void,
    /// Runs a browser, and returns once viewers can be let in. The order is a JSON object: chat_id,
    /// run, browser_config and chat_config as chat.get answers them. After a fault, stop is called for
    /// what may be left.
    pub start: Option<
        unsafe extern "C" fn(
            host: *mut c_void,
            chat_id: i64,
            run: *const c_char,
            run_len: usize,
            order: *const c_char,
            order_len: usize,
            reply: *mut Reply,
        ) -> i32,
    >,
    /// Ends a run with everything that belongs to it. After a fault it is called again later.
    pub stop: Option<
        unsafe extern "C" fn(
            host: *mut c_void,
            run: *const c_char,
            run_len: usize,
            reply: *mut Reply,
        ) -> i32,
    >,
    /// Answers everything that runs, whichever process started it, as a JSON array of {chat_id, run,
    /// viewers: the ids of who is let in, controller: who has control, or null}. Of the viewers, whoever
    /// was not let in through admit here is dismissed; the controller is read the first time that a run
    /// is seen, when another process left it.
    pub list: Option<unsafe extern "C" fn(host: *mut c_void, reply: *mut Reply) -> i32>,
    /// Lets a viewer in, with a password that opens nothing else, and answers the way in as a JSON
    /// object of {url, username, password}. The name is to be shown. For who is in already it may be
    /// the same or a new one.
    pub admit: Option<
        unsafe extern "C" fn(
            host: *mut c_void,
            run: *const c_char,
            run_len: usize,
            user_id: i64,
            name: *const c_char,
            name_len: usize,
            reply: *mut Reply,
        ) -> i32,
    >,
    /// Takes a viewer's way in away, cuts them off, and takes control from them.
    pub dismiss: Option<
        unsafe extern "C" fn(
            host: *mut c_void,
            run: *const c_char,
            run_len: usize,
            user_id: i64,
            reply: *mut Reply,
        ) -> i32,
    >,
    /// Gives control to this viewer alone; 0: to nobody.
    pub give_control: Option<
        unsafe extern "C" fn(
            host: *mut c_void,
            run: *const c_char,
            run_len: usize,
            user_id: i64,
            reply: *mut Reply,
        ) -> i32,
    >,
    /// Answers the text on the clipboard.
    pub clipboard: Option<
        unsafe extern "C" fn(
            host: *mut c_void,
            run: *const c_char,
            run_len: usize,
            reply: *mut Reply,
        ) -> i32,
    >,
    /// Puts a text on the clipboard.
    pub set_clipboard: Option<
        unsafe extern "C" fn(
            host: *mut c_void,
            run: *const c_char,
            run_len: usize,
            text: *const c_char,
            text_len: usize,
            reply: *mut Reply,
        ) -> i32,
    >,
    /// Answers a picture of the screen, with portal_browser_reply_picture.
    pub screenshot: Option<
        unsafe extern "C" fn(
            host: *mut c_void,
            run: *const c_char,
            run_len: usize,
            reply: *mut Reply,
        ) -> i32,
    >,
    /// Called once, when no callback will be called any more: by the portal_close or portal_free that
    /// ends the work, or by a portal_open that fails. A portal_open that does not come to read this
    /// struct, or finds a wrong size, does not call it. It may free keepers and followers, and as little
    /// as a callback end the handle. NULL: nothing to release.
    pub release: Option<unsafe extern "C" fn(host: *mut c_void)>,
}

// SAFETY: `repr(C)`, the size comes first, and the rest are pointers and callbacks, which may be NULL.
unsafe impl SizeFirst for BrowserBackend {}

/// The system's number of this thread, of no other while it lives. Rust's own would leave something in a thread that
/// is not ours.
fn this_thread() -> usize {
    #[cfg(unix)]
    {
        unsafe extern "C" {
            safe fn pthread_self() -> usize;
        }
        pthread_self()
    }
    #[cfg(windows)]
    {
        unsafe extern "system" {
            safe fn GetCurrentThreadId() -> u32;
        }
        GetCurrentThreadId() as usize
    }
}

/// Which threads are in a callback of a backend.
#[derive(Default)]
pub(crate) struct Within(Mutex<Vec<usize>>);

impl Within {
    fn threads(&self) -> MutexGuard<'_, Vec<usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this thread is in one.
    pub(crate) fn is_here(&self) -> bool {
        self.threads().contains(&this_thread())
    }

    /// Notes that this thread is in one, while it is.
    pub(crate) fn during<T>(&self, call: impl FnOnce() -> T) -> T {
        let here = this_thread();
        self.threads().push(here);
        let answer = call();
        let mut threads = self.threads();
        if let Some(at) = threads.iter().rposition(|thread| *thread == here) {
            threads.swap_remove(at);
        }
        answer
    }
}

/// The host's callbacks; dropping it releases the host.
pub(crate) struct HostBrowsers {
    pub(crate) given: BrowserBackend,
    pub(crate) within: Arc<Within>,
}

// SAFETY: the header asks for callbacks that any thread may call, several at once.
unsafe impl Send for HostBrowsers {}
// SAFETY: as above.
unsafe impl Sync for HostBrowsers {}

impl Drop for HostBrowsers {
    fn drop(&mut self) {
        if let Some(release) = self.given.release {
            // SAFETY: the host's own function with the host's own pointer, for the first and last time.
            unsafe { release(self.given.host) };
        }
    }
}

/// The backend that C describes; NULL is none.
///
/// # Safety
/// NULL, or a `portal_browser_backend` that keeps what the header asks of its callbacks.
pub(crate) unsafe fn browsers(
    pointer: *const BrowserBackend,
    within: &Arc<Within>,
) -> Result<Option<Arc<dyn Backend>>> {
    if pointer.is_null() {
        return Ok(None);
    }
    // SAFETY: as the caller says.
    let given = unsafe { input::sized(pointer, "options.browsers") }?;
    // From here on the host is released, whatever happens.
    let host = Arc::new(HostBrowsers {
        given,
        within: Arc::clone(within),
    });
    let callbacks = [
        ("options.browsers.start", given.start.is_some()),
        ("options.browsers.stop", given.stop.is_some()),
        ("options.browsers.list", given.list.is_some()),
        ("options.browsers.admit", given.admit.is_some()),
        ("options.browsers.dismiss", given.dismiss.is_some()),
        (
            "options.browsers.give_control",
            given.give_control.is_some(),
        ),
        ("options.browsers.clipboard", given.clipboard.is_some()),
        (
            "options.browsers.set_clipboard",
            given.set_clipboard.is_some(),
        ),
        ("options.browsers.screenshot", given.screenshot.is_some()),
    ];
    match callbacks.into_iter().find(|(_, is_there)| !is_there) {
        Some((missing, _)) => Err(input::null(missing)),
        None => Ok(Some(host)),
    }
}
