//! `portal_random`: the randomness of one call that has no handle to take it from (SPEC 14.1).

use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, Ordering};

use portal_core::random::{Random, SystemRandom};
use portal_core::{Error, ErrorKind, Result};

use crate::input::{self, SizeFirst};

/// Where random bytes come from, for a host that has a source of its own. It begins with its size.
/// It is used during the call only that it is given to.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct RandomSource {
    /// sizeof(portal_random).
    pub size: usize,
    /// Handed to the callback.
    pub host: *mut c_void,
    /// Fills out with len bytes nobody can predict and returns 0; NULL: the system's. Anything else
    /// says that there are none: the call answers PORTAL_ERR_INTERNAL. Keys and nonces are made of these
    /// bytes: a nonce that comes twice gives away what it hides. It must not throw or jump out.
    pub fill: Option<unsafe extern "C" fn(host: *mut c_void, out: *mut u8, len: usize) -> i32>,
}

// SAFETY: `repr(C)`, the size comes first, and the rest are a pointer and a callback, which may be NULL.
unsafe impl SizeFirst for RandomSource {}

/// The randomness of one call.
pub(crate) struct Source {
    given: Option<RandomSource>,
    failed: AtomicBool,
}

// SAFETY: it is asked on the thread of the call that it was given to, and nowhere else.
unsafe impl Send for Source {}
// SAFETY: as above.
unsafe impl Sync for Source {}

impl Source {
    /// # Safety
    /// NULL, or a `portal_random` that keeps what the header asks of its callback until the call ends.
    pub(crate) unsafe fn new(pointer: *const RandomSource) -> Result<Self> {
        let given = if pointer.is_null() {
            None
        } else {
            // SAFETY: as the caller says.
            Some(unsafe { input::sized(pointer, "random") }?)
        };
        let given = given.filter(|given| given.fill.is_some());
        if given.is_none() {
            // A missing source is an error where somebody is listening.
            SystemRandom::check()
                .map_err(|error| Error::new(ErrorKind::Internal).caused_by(error))?;
        }
        Ok(Self {
            given,
            failed: AtomicBool::new(false),
        })
    }

    /// Refuses what was made of bytes that were none.
    pub(crate) fn has_answered(&self) -> Result<()> {
        if self.failed.load(Ordering::Relaxed) {
            let why = "The random source that was given does not answer.";
            Err(Error::with_message(ErrorKind::Internal, why))
        } else {
            Ok(())
        }
    }
}

impl Random for Source {
    fn fill(&self, bytes: &mut [u8]) {
        let Some(RandomSource {
            host,
            fill: Some(fill),
            ..
        }) = self.given
        else {
            return SystemRandom.fill(bytes);
        };
        // SAFETY: the host's own function with the host's own pointer; the bytes can be written for that length.
        if unsafe { fill(host, bytes.as_mut_ptr(), bytes.len()) } != 0 {
            self.failed.store(true, Ordering::Relaxed);
        }
    }
}
