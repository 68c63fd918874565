//! `portal_options`, and the clock, randomness and log that a host can give (SPEC 14.1, 17.4).

use std::ffi::{CString, c_char, c_void};
use std::mem::offset_of;
use std::sync::Arc;

use portal_core::clock::Clock;
use portal_core::log::{Level, Log};
use portal_core::model::Timestamp;
use portal_core::random::{Random, SystemRandom};
use portal_core::{Durability, Error, ErrorKind, Result};

use crate::browsers::{self, BrowserBackend, Within};
use crate::input::{self, SizeFirst};

/// portal_options.flags: do not create a file that is not there; PORTAL_ERR_STORAGE_NOT_FOUND instead.
pub const PORTAL_OPEN_EXISTING: u32 = 1;
/// portal_options.flags: an fsync per checkpoint instead of one per commit. A killed process still
/// loses nothing; a loss of power may take the last moments, never the consistency.
pub const PORTAL_OPEN_NORMAL_DURABILITY: u32 = 2;
/// portal_options.flags: track live connections. One process per file can; another gets
/// PORTAL_ERR_PRESENCE_TAKEN.
pub const PORTAL_OPEN_PRESENCE: u32 = 4;

/// A level of portal_options.log: something is broken, a defect or a file that cannot be read or written.
pub const PORTAL_LOG_ERROR: i32 = 1;
/// A level of portal_options.log: something did not work and is tried again.
pub const PORTAL_LOG_WARNING: i32 = 2;
/// A level of portal_options.log: something that happens once in a while.
pub const PORTAL_LOG_INFO: i32 = 3;

const KNOWN_FLAGS: u32 =
    PORTAL_OPEN_EXISTING | PORTAL_OPEN_NORMAL_DURABILITY | PORTAL_OPEN_PRESENCE;

/// How a file is opened. It begins with its size: zero it, then set size to sizeof(portal_options).
/// Zero is every default: create the file if need be, be durable, keep no presence, take time and
/// randomness from the system. It is read during portal_open only.
///
/// The callbacks may be called from any thread that calls the library, several at once, until release
/// is. They must not call the library, throw, or jump out.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Options {
    /// sizeof(portal_options).
    pub size: usize,
    /// PORTAL_OPEN_... flags.
    pub flags: u32,
    /// 0.
    pub reserved: u32,
    /// Handed to every callback.
    pub host: *mut c_void,
    /// The time in UTC milliseconds since 1970; NULL: the system's.
    pub now_ms: Option<unsafe extern "C" fn(host: *mut c_void) -> i64>,
    /// Fills out with len bytes nobody can predict and returns 0; NULL: the system's. Anything else
    /// says that there are none: the call that needed them answers PORTAL_ERR_INTERNAL and stores
    /// nothing. Keys and tokens are made of these bytes.
    pub random: Option<unsafe extern "C" fn(host: *mut c_void, out: *mut u8, len: usize) -> i32>,
    /// Called once, when no callback will be called any more: by the portal_close or portal_free that
    /// ends the work, or by a portal_open that fails. A portal_open without a place for the handle, or
    /// with a wrong size, reads nothing of this struct. NULL: nothing to release.
    pub release: Option<unsafe extern "C" fn(host: *mut c_void)>,
    /// What runs browsers, for a host that keeps them with a portal_keeper; needs PORTAL_OPEN_PRESENCE.
    /// It has a host and a release of its own. NULL: this handle runs none. browser.start, stop and get
    /// work all the same while another process of the file runs browsers, else they answer
    /// PORTAL_ERR_BROWSER_UNAVAILABLE, as control, the clipboard and the screen always do. browser.list
    /// always answers.
    pub browsers: *const BrowserBackend,
    /// Told what an operator would want to know and no answer tells, in a sentence or a few: that a file
    /// was created, opened, migrated, closed or could not be opened, and why; what the system said when a
    /// call could not read or write the file; a defect that was taken back, by the operation's name. level is
    /// PORTAL_LOG_...; text is UTF-8 with a NUL after its length, and lasts during the call. It holds no
    /// secret and no content, and its words may change. NULL: nobody is told.
    pub log: Option<
        unsafe extern "C" fn(host: *mut c_void, level: i32, text: *const c_char, text_len: usize),
    >,
}

// SAFETY: `repr(C)`, the size comes first, and the rest are numbers, pointers and callbacks, which may be NULL; it
// has grown.
unsafe impl SizeFirst for Options {
    const EARLIER: &'static [usize] = &[offset_of!(Options, browsers), offset_of!(Options, log)];
}

/// The host's callbacks; dropping it releases the host.
struct Host(Options);

// SAFETY: the header asks for callbacks that any thread may call, several at once.
unsafe impl Send for Host {}
// SAFETY: as above.
unsafe impl Sync for Host {}

impl Drop for Host {
    fn drop(&mut self) {
        if let Some(release) = self.0.release {
            // SAFETY: the host's own function with the host's own pointer, for the first and last time.
            unsafe { release(self.0.host) };
        }
    }
}

struct HostClock(Arc<Host>);

impl Clock for HostClock {
    fn now(&self) -> Timestamp {
        let Options { host, now_ms, .. } = self.0.0;
        let now_ms = now_ms.expect("a host's clock is made of a callback");
        // SAFETY: the host's own function with the host's own pointer, before it is released.
        Timestamp::from_millis(unsafe { now_ms(host) })
    }
}

struct HostRandom(Arc<Host>);

impl Random for HostRandom {
    /// # Panics
    /// When the host has no random bytes. The operation is taken back and answers `ERR_INTERNAL`:
    /// bytes that somebody could guess would be worse.
    fn fill(&self, bytes: &mut [u8]) {
        let Options { host, random, .. } = self.0.0;
        let random = random.expect("a host's randomness is made of a callback");
        // SAFETY: as for the clock; the bytes can be written for that length.
        let status = unsafe { random(host, bytes.as_mut_ptr(), bytes.len()) };
        assert!(
            status == 0,
            "the host's random source does not answer: {status}"
        );
    }
}

struct HostLog(Arc<Host>);

impl Log for HostLog {
    fn log(&self, level: Level, text: &str) {
        let Options { host, log, .. } = self.0.0;
        let log = log.expect("a host's log is made of a callback");
        let level = match level {
            Level::Error => PORTAL_LOG_ERROR,
            Level::Warning => PORTAL_LOG_WARNING,
            Level::Info => PORTAL_LOG_INFO,
        };
        let text = CString::new(text.replace('\0', "\u{fffd}")).unwrap_or_default();
        // SAFETY: as for the clock; the text can be read for its length and the NUL after it.
        unsafe { log(host, level, text.as_ptr(), text.as_bytes().len()) };
    }
}

/// The options that C describes; NULL is every default. `within` is told which threads are in a
/// callback of the browsers'.
///
/// # Safety
/// NULL, or a `portal_options` that keeps what the header asks of its callbacks.
pub(crate) unsafe fn options(
    pointer: *const Options,
    within: &Arc<Within>,
) -> Result<portal_core::Options> {
    let mut options = portal_core::Options::default();
    if pointer.is_null() {
        check_system_random()?;
        return Ok(options);
    }
    // SAFETY: as the caller says.
    let given = unsafe { input::sized(pointer, "options") }?;
    // From here on the host is released, whatever happens.
    let host = Arc::new(Host(given));
    // SAFETY: as the caller says.
    options.browsers = unsafe { browsers::browsers(given.browsers, within) }?;
    let unknown = given.flags & !KNOWN_FLAGS;
    if unknown != 0 {
        return Err(Error::invalid(
            "options.flags",
            format!("`options.flags` has unknown flags: {unknown:#x}."),
        ));
    }
    if given.reserved != 0 {
        return Err(Error::invalid(
            "options.reserved",
            "`options.reserved` has to be 0.",
        ));
    }
    options.create = given.flags & PORTAL_OPEN_EXISTING == 0;
    options.presence = given.flags & PORTAL_OPEN_PRESENCE != 0;
    if options.browsers.is_some() && !options.presence {
        return Err(Error::invalid(
            "options.browsers",
            "`options.browsers` needs PORTAL_OPEN_PRESENCE: those in the room are let in.",
        ));
    }
    if given.flags & PORTAL_OPEN_NORMAL_DURABILITY != 0 {
        options.durability = Durability::Normal;
    }
    if given.log.is_some() {
        options.log = Some(Arc::new(HostLog(Arc::clone(&host))));
    }
    match given.random {
        Some(_) => options.random = Arc::new(HostRandom(Arc::clone(&host))),
        None => check_system_random()?,
    }
    // The clock holds the host even if it is the system's own: somebody must, until the end.
    options.clock = match given.now_ms {
        Some(_) => Arc::new(HostClock(host)),
        None => Arc::new(SystemClockOf(host)),
    };
    Ok(options)
}

/// The machine's clock, for a host that gives none.
struct SystemClockOf(#[expect(dead_code, reason = "released when the clock is dropped")] Arc<Host>);

impl Clock for SystemClockOf {
    fn now(&self) -> Timestamp {
        portal_core::clock::SystemClock.now()
    }
}

/// A missing source is an error here, where somebody is listening.
fn check_system_random() -> Result<()> {
    SystemRandom::check().map_err(|error| Error::new(ErrorKind::Internal).caused_by(error))
}
