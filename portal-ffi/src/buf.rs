//! `portal_buf`: the one type in which texts and documents go out.

use std::ffi::{c_char, c_void};

use crate::boundary::{Zero, boundary};

/// A text or document that the library hands out: UTF-8, with a NUL after its length. Give it back
/// with portal_buf_dispose. All zeros is an empty one.
#[repr(C)]
pub struct Buf {
    /// The first byte; NULL if there is nothing.
    pub data: *const c_char,
    /// Bytes, without the NUL.
    pub len: usize,
    /// The library's; not to be touched.
    pub owner: *mut c_void,
}

// SAFETY: NULL and 0.
unsafe impl Zero for Buf {}

impl Buf {
    /// Hands a text over to C.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        let mut bytes = text.into().into_bytes();
        let len = bytes.len();
        bytes.push(0);
        // In a box of its own, so that freeing it does not depend on what C did to `data` and `len`.
        let owner = Box::new(bytes);
        Self {
            data: owner.as_ptr().cast(),
            len,
            owner: Box::into_raw(owner).cast(),
        }
    }
}

/// - What: frees what a buffer holds and zeroes it.
/// - Ownership: the buffer itself stays the caller's. Disposing of it twice is harmless; of a copy of
///   it, it is not.
/// - NULL: allowed, does nothing.
/// - Threads: any, one at a time for one buffer.
/// - Statuses: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_buf_dispose(buf: *mut Buf) {
    boundary((), || {
        // SAFETY: NULL, or a buffer nobody else uses now.
        let Some(buf) = (unsafe { buf.as_mut() }) else {
            return;
        };
        let owner = std::mem::replace(&mut buf.owner, std::ptr::null_mut());
        buf.data = std::ptr::null();
        buf.len = 0;
        if !owner.is_null() {
            // SAFETY: `Buf::new` made it, and it was just taken out of the buffer.
            drop(unsafe { Box::from_raw(owner.cast::<Vec<u8>>()) });
        }
    });
}
