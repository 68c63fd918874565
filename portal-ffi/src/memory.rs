//! A caller's own buffers as outputs: keys of one length, and texts of any (SPEC 17.3).
//!
//! A buffer is zeroed to its end before anything else, so that after a failure nothing of a secret is in it, and after
//! success nothing of an earlier one. The surprise: that is why an output may not overlap an input, and why it is
//! refused: zeros would be sealed instead of the text.

use std::ffi::c_char;

use portal_core::{Error, Result};
use zeroize::Zeroizing;

use crate::boundary::Outputs;
use crate::input;

/// What goes out into a buffer; on the heap, so that moving it leaves nothing behind.
pub(crate) type Contents = Zeroizing<Vec<u8>>;

/// A buffer for bytes of one length.
#[derive(Clone, Copy)]
pub(crate) struct Exactly {
    bytes: Buffer,
    length: usize,
}

/// A buffer of `size` bytes for so many.
pub(crate) fn exactly(pointer: *mut u8, size: usize, length: usize, name: &'static str) -> Exactly {
    let bytes = Buffer {
        pointer,
        size,
        name,
    };
    Exactly { bytes, length }
}

impl Outputs for Exactly {
    type Value = Contents;

    unsafe fn clear(self) -> Result<()> {
        // SAFETY: as the caller says.
        unsafe { self.bytes.clear() }?;
        length(self.bytes.size, self.length, self.bytes.name)
    }

    unsafe fn fill(self, value: Contents) {
        // SAFETY: as the caller says; the buffer is as long as every value of it.
        unsafe { self.bytes.write(&value) };
    }
}

/// A buffer for a text with a NUL after it, or for bytes, and where its length goes.
#[derive(Clone, Copy)]
pub(crate) struct UpTo {
    bytes: Buffer,
    /// How many bytes stand after what is written.
    after: usize,
    len: *mut usize,
    len_name: &'static str,
}

/// A buffer for a text with a NUL after it.
pub(crate) fn text(
    pointer: *mut c_char,
    size: usize,
    name: &'static str,
    len: *mut usize,
    len_name: &'static str,
) -> UpTo {
    let bytes = Buffer {
        pointer: pointer.cast(),
        size,
        name,
    };
    UpTo {
        bytes,
        after: 1,
        len,
        len_name,
    }
}

/// A buffer for bytes.
pub(crate) fn bytes(
    pointer: *mut u8,
    size: usize,
    name: &'static str,
    len: *mut usize,
    len_name: &'static str,
) -> UpTo {
    let bytes = Buffer {
        pointer,
        size,
        name,
    };
    UpTo {
        bytes,
        after: 0,
        len,
        len_name,
    }
}

impl Outputs for UpTo {
    type Value = Contents;

    unsafe fn clear(self) -> Result<()> {
        // SAFETY: as the caller says. Both are zeroed, whichever of them is missing.
        let cleared = unsafe { self.bytes.clear() };
        if self.len.is_null() {
            return cleared.and(Err(input::null(self.len_name)));
        }
        // SAFETY: not NULL, so it can be written.
        unsafe { self.len.write(0) };
        cleared
    }

    fn admit(self, value: &Contents) -> Result<()> {
        let (needed, Buffer { size, name, .. }) = (value.len() + self.after, self.bytes);
        if needed <= size {
            Ok(())
        } else {
            let why = format!("`{name}` has room for {size} bytes; {needed} are needed.");
            Err(Error::invalid(name, why))
        }
    }

    unsafe fn fill(self, value: Contents) {
        // SAFETY: as the caller says; `admit` has found that there is room, and a NUL is there already.
        unsafe {
            self.bytes.write(&value);
            self.len.write(value.len());
        }
    }
}

/// Memory of the caller's.
#[derive(Clone, Copy)]
struct Buffer {
    pointer: *mut u8,
    size: usize,
    name: &'static str,
}

impl Buffer {
    /// # Safety
    /// NULL, or `size` bytes can be written.
    unsafe fn clear(self) -> Result<()> {
        let Self {
            pointer,
            size,
            name,
        } = self;
        if pointer.is_null() {
            return Err(input::null(name));
        }
        // No object is larger; it is most likely a negative number.
        if isize::try_from(size).is_err() {
            let why = format!("The size of `{name}` is not possible.");
            return Err(Error::invalid(name, why));
        }
        // SAFETY: not NULL and of a possible size, so it can be written, says the caller.
        unsafe { pointer.write_bytes(0, size) };
        Ok(())
    }

    /// # Safety
    /// As many bytes can be written.
    unsafe fn write(self, bytes: &[u8]) {
        // SAFETY: as the caller says; `bytes` are the library's own.
        unsafe {
            self.pointer
                .copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
        };
    }
}

/// Refuses a length that is not the one there is.
pub(crate) fn length(found: usize, expected: usize, name: &'static str) -> Result<()> {
    if found == expected {
        Ok(())
    } else {
        let why = format!("`{name}` has {expected} bytes, not {found}.");
        Err(Error::invalid(name, why))
    }
}

/// Refuses an output that overlaps an input.
pub(crate) fn apart(
    input: (*const c_char, usize),
    output: (*mut c_char, usize),
    name: &'static str,
) -> Result<()> {
    let (input, output) = ((input.0.addr(), input.1), (output.0.addr(), output.1));
    // Neither can be longer than what is left of memory.
    let before =
        |first: (usize, usize), second: (usize, usize)| first.0.saturating_add(first.1) <= second.0;
    if before(input, output) || before(output, input) {
        Ok(())
    } else {
        let why = format!("`{name}` overlaps what is read; outputs are zeroed first.");
        Err(Error::invalid(name, why))
    }
}
