//! `portal_buf`: the one type in which texts and documents go out.

use std::ffi::{c_char, c_void};

use portal_core::{Error, ErrorKind, Result};
use serde::Serialize;

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

/// Room for most documents: growing from little on would cost more than all else of handing one over.
const USUAL: usize = 1024;

/// What `owner` points to. It lies behind the NUL, in the same allocation, so that freeing that does not depend on what C
/// did to `data` and `len`. Packed, for it lies wherever a text ends.
#[repr(C, packed)]
struct Tail {
    /// How many bytes of the allocation are before this.
    before: usize,
    /// How many there are in all.
    capacity: usize,
}

impl Buf {
    /// Hands a text over to C.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self::of(text.into().into_bytes())
    }

    /// Hands a document over to C.
    pub(crate) fn document(value: &impl Serialize) -> Result<Self> {
        let mut bytes = Vec::with_capacity(USUAL);
        serde_json::to_writer(&mut bytes, value)
            .map_err(|error| Error::new(ErrorKind::Internal).caused_by(error))?;
        Ok(Self::of(bytes))
    }

    fn of(mut bytes: Vec<u8>) -> Self {
        bytes.reserve(1 + size_of::<Tail>());
        let (data, len, capacity) = bytes.into_raw_parts();
        let before = len + 1;
        // SAFETY: there is room for both behind the text, and the tail may lie anywhere.
        let owner = unsafe {
            data.add(len).write(0);
            let owner = data.add(before).cast::<Tail>();
            owner.write(Tail { before, capacity });
            owner
        };
        Self {
            data: data.cast(),
            len,
            owner: owner.cast(),
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
            // SAFETY: `Buf::of` made it, and it was just taken out of the buffer. Bytes need no drop.
            drop(unsafe {
                let Tail { before, capacity } = owner.cast::<Tail>().read();
                Vec::from_raw_parts(owner.cast::<u8>().sub(before), 0, capacity)
            });
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(buf: &Buf) -> &[u8] {
        // SAFETY: the text and the NUL behind it, of a buffer that nobody disposes of meanwhile.
        unsafe { std::slice::from_raw_parts(buf.data.cast(), buf.len + 1) }
    }

    #[test]
    fn a_text_of_any_length_goes_out_whole_whatever_room_it_had_spec_17_3() {
        for length in (0..40).chain(USUAL - 40..USUAL + 40) {
            let text = "x".repeat(length);
            let mut roomy = String::with_capacity(2 * length + 64);
            roomy.push_str(&text);
            let mut document = text.clone().into_bytes();
            document.push(0);
            for mut buf in [Buf::new(text), Buf::new(roomy)] {
                assert_eq!(text_of(&buf), document);
                // SAFETY: given back once, and then empty.
                unsafe {
                    portal_buf_dispose(&raw mut buf);
                    portal_buf_dispose(&raw mut buf);
                }
                assert!(buf.data.is_null() && buf.len == 0);
            }
        }
    }
}
