//! What comes in from C: pointers become checked Rust values here, or `ERR_INVALID` with the name of the
//! parameter (SPEC 17.2).
//!
//! What makes an error is kept apart (`cold`), for every call comes by here.

use std::ffi::c_char;
use std::mem::MaybeUninit;

use portal_core::{Error, Result};

/// The error of a pointer that must not be NULL.
#[cold]
pub(crate) fn null(parameter: &'static str) -> Error {
    Error::invalid(parameter, format!("`{parameter}` is NULL."))
}

/// What a handle points to.
///
/// # Safety
/// NULL, or a pointer this library made and that is not freed before the reference is last used.
pub(crate) unsafe fn reference<'a, T>(pointer: *const T, parameter: &'static str) -> Result<&'a T> {
    // SAFETY: NULL or valid, says the caller.
    unsafe { pointer.as_ref() }.ok_or_else(|| null(parameter))
}

/// A text given as pointer and length. NULL with length 0 is the empty text, which is what C++ and
/// others hand over for one.
///
/// # Safety
/// NULL, or `len` bytes can be read and do not change while the result is in use.
pub(crate) unsafe fn text<'a>(
    data: *const c_char,
    len: usize,
    parameter: &'static str,
) -> Result<&'a str> {
    // SAFETY: as the caller says.
    let bytes = unsafe { bytes(data.cast(), len, parameter) }?;
    std::str::from_utf8(bytes).map_err(|error| not_utf8(error, parameter))
}

#[cold]
fn not_utf8(error: std::str::Utf8Error, parameter: &'static str) -> Error {
    let place = error.valid_up_to();
    Error::invalid(
        parameter,
        format!("`{parameter}` is not UTF-8 from byte {place} on."),
    )
}

/// Bytes given as pointer and length; none for NULL with length 0.
///
/// # Safety
/// As for [`text`].
pub(crate) unsafe fn bytes<'a>(
    data: *const u8,
    len: usize,
    parameter: &'static str,
) -> Result<&'a [u8]> {
    if len == 0 {
        return Ok(&[]);
    }
    if data.is_null() {
        return Err(null(parameter));
    }
    // No object is larger; it is most likely a negative number.
    if isize::try_from(len).is_err() {
        return Err(not_possible(parameter));
    }
    // SAFETY: not NULL, of a possible length, and readable, says the caller.
    Ok(unsafe { std::slice::from_raw_parts(data, len) })
}

#[cold]
fn not_possible(parameter: &'static str) -> Error {
    Error::invalid(
        parameter,
        format!("The length of `{parameter}` is not possible."),
    )
}

/// Numbers given as pointer and count; none for NULL with count 0.
///
/// # Safety
/// As for [`text`], of `count` numbers.
pub(crate) unsafe fn numbers<'a>(
    data: *const i64,
    count: usize,
    parameter: &'static str,
) -> Result<&'a [i64]> {
    // Whatever is more than can be is refused as a length in bytes.
    let len = count.saturating_mul(size_of::<i64>());
    // SAFETY: as the caller says.
    let bytes = unsafe { bytes(data.cast(), len, parameter) }?;
    if bytes.is_empty() {
        return Ok(&[]);
    }
    if !data.is_aligned() {
        return Err(Error::invalid(
            parameter,
            format!("`{parameter}` does not point to numbers."),
        ));
    }
    // SAFETY: not NULL, aligned, of a possible length, and readable, says the caller.
    Ok(unsafe { std::slice::from_raw_parts(data, count) })
}

/// A text that may be left out: empty is absent.
///
/// # Safety
/// As for [`text`].
pub(crate) unsafe fn optional_text<'a>(
    data: *const c_char,
    len: usize,
    parameter: &'static str,
) -> Result<Option<&'a str>> {
    if len == 0 {
        return Ok(None);
    }
    // SAFETY: as the caller says.
    unsafe { text(data, len, parameter) }.map(Some)
}

/// A struct that begins with its size, so that it can grow at its end.
///
/// # Safety
/// `repr(C)`, its first field is `size: usize`, and zero bytes are a value of every field. No earlier size
/// is larger than the struct.
pub(crate) unsafe trait SizeFirst: Copy {
    /// The sizes it had in earlier headers.
    const EARLIER: &'static [usize] = &[];
}

/// No version of such a struct will be larger; a larger size is one that was never set.
const LARGEST: usize = 4096;

/// How many bytes are known of a struct that begins with its size. One of a newer header is taken if everything this
/// library does not know of it is zero.
///
/// # Safety
/// NULL, or as many bytes can be read as the struct itself says.
unsafe fn known<T: SizeFirst>(pointer: *const T, parameter: &'static str) -> Result<usize> {
    if pointer.is_null() {
        return Err(null(parameter));
    }
    // SAFETY: every such struct begins with this field.
    let size = unsafe { pointer.cast::<usize>().read_unaligned() };
    if size == size_of::<T>() {
        return Ok(size);
    }
    // SAFETY: as the caller says.
    unsafe { known_of_another(pointer, size, parameter) }
}

/// The same for a struct of another header.
///
/// # Safety
/// As many bytes can be read as `size` says.
#[cold]
unsafe fn known_of_another<T: SizeFirst>(
    pointer: *const T,
    size: usize,
    parameter: &'static str,
) -> Result<usize> {
    let known = size_of::<T>();
    if !(known..=LARGEST).contains(&size) && !T::EARLIER.contains(&size) {
        return Err(Error::invalid(
            format!("{parameter}.size"),
            format!("Set `{parameter}.size` to the size of the struct, {known} here, not {size}."),
        ));
    }
    let read = size.min(known);
    // SAFETY: the struct says that it reaches to `size`.
    let rest = unsafe { std::slice::from_raw_parts(pointer.cast::<u8>().add(read), size - read) };
    if rest.iter().any(|byte| *byte != 0) {
        return Err(Error::invalid(
            format!("{parameter}.size"),
            format!(
                "`{parameter}` asks for something that only a newer version of the library has."
            ),
        ));
    }
    Ok(read)
}

/// Reads a struct that begins with its size. What one of an earlier header lacks is zero: a default.
///
/// # Safety
/// NULL, or as many bytes can be read as the struct itself says.
pub(crate) unsafe fn sized<T: SizeFirst>(pointer: *const T, parameter: &'static str) -> Result<T> {
    // SAFETY: as the caller says.
    let read = unsafe { known(pointer, parameter) }?;
    if read == size_of::<T>() {
        // SAFETY: the bytes of a struct of this type.
        return Ok(unsafe { pointer.read_unaligned() });
    }
    let mut value = MaybeUninit::<T>::zeroed();
    // SAFETY: the first bytes of a struct of this type before zeros, which are a value.
    Ok(unsafe {
        let into = value.as_mut_ptr().cast::<u8>();
        into.copy_from_nonoverlapping(pointer.cast(), read);
        value.assume_init()
    })
}

/// The same where it lies, for what should not be copied: a secret.
///
/// # Safety
/// As for [`sized`], and it does not change while the result is in use.
pub(crate) unsafe fn in_place<'a, T: SizeFirst>(
    pointer: *const T,
    parameter: &'static str,
) -> Result<&'a T> {
    const { assert!(T::EARLIER.is_empty(), "what is shorter is not all there") };
    // SAFETY: as the caller says.
    unsafe { known(pointer, parameter) }?;
    if !pointer.is_aligned() {
        return Err(Error::invalid(
            parameter,
            format!("`{parameter}` does not point to such a struct."),
        ));
    }
    // SAFETY: not NULL, aligned, as long as the type, of which any bytes are a value.
    Ok(unsafe { &*pointer })
}
