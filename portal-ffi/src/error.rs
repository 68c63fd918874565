//! `portal_error`: the owned, immutable detail of a failure, and the names of statuses (SPEC 17.2).

use std::ffi::{CStr, CString, c_char};

use portal_core::Error;

use crate::boundary::boundary;
use crate::status;

/// Why a call failed: status, code, a sentence for a person, and typed extras. It belongs to whoever
/// received it, never changes, and holds nothing of the handle it came from.
pub struct Failure {
    status: i32,
    code: &'static CStr,
    message: CString,
    extras: CString,
}

impl Failure {
    pub(crate) fn new(error: &Error) -> Self {
        let status = error.kind().status();
        let extras = serde_json::to_string(error.extras()).unwrap_or_else(|_| "{}".to_owned());
        Self {
            status,
            code: name_of(status).unwrap_or(c"ERR_INTERNAL"),
            message: terminated(error.message()),
            extras: terminated(&extras),
        }
    }

    pub(crate) fn into_raw(self) -> *mut Self {
        Box::into_raw(Box::new(self))
    }
}

/// The text for C. A NUL within it, which a caller can bring in with a parameter, would cut it off.
fn terminated(text: &str) -> CString {
    CString::new(text.replace('\0', "\u{fffd}")).unwrap_or_default()
}

fn name_of(status: i32) -> Option<&'static CStr> {
    status::NAMES
        .iter()
        .find(|(number, _)| *number == status)
        .map(|(_, name)| *name)
}

/// - What: the status of an error, the same number that the failed call returned.
/// - Ownership: the error stays the caller's.
/// - NULL: allowed, answers 0.
/// - Threads: any, also several at once.
/// - Statuses: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_error_status(error: *const Failure) -> i32 {
    boundary(0, || {
        // SAFETY: NULL, or an error that is not freed yet.
        unsafe { error.as_ref() }.map_or(0, |error| error.status)
    })
}

/// - What: the code of an error, such as "ERR_CHAT_NOT_FOUND".
/// - Ownership: the text is the library's and lasts for ever.
/// - NULL: allowed, answers "".
/// - Threads: any, also several at once.
/// - Statuses: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_error_code(error: *const Failure) -> *const c_char {
    boundary(c"".as_ptr(), || {
        // SAFETY: NULL, or an error that is not freed yet.
        unsafe { error.as_ref() }
            .map_or(c"", |error| error.code)
            .as_ptr()
    })
}

/// - What: a sentence that tells a person what went wrong and what to do about it.
/// - Ownership: the text belongs to the error and lasts until it is freed.
/// - NULL: allowed, answers "".
/// - Threads: any, also several at once.
/// - Statuses: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_error_message(error: *const Failure) -> *const c_char {
    boundary(c"".as_ptr(), || {
        // SAFETY: NULL, or an error that is not freed yet.
        unsafe { error.as_ref() }.map_or(c"".as_ptr(), |error| error.message.as_ptr())
    })
}

/// - What: the typed details of an error as a JSON object: those of ttl_seconds, epoch,
///   retry_after_ms and field that it has.
/// - Ownership: the text belongs to the error and lasts until it is freed.
/// - NULL: allowed, answers "{}".
/// - Threads: any, also several at once.
/// - Statuses: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_error_extras(error: *const Failure) -> *const c_char {
    boundary(c"{}".as_ptr(), || {
        // SAFETY: NULL, or an error that is not freed yet.
        unsafe { error.as_ref() }.map_or(c"{}".as_ptr(), |error| error.extras.as_ptr())
    })
}

/// - What: frees an error.
/// - Ownership: takes the error back; its texts, except for the code, end with it.
/// - NULL: allowed, does nothing.
/// - Threads: any, while no other thread uses the error.
/// - Statuses: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_error_free(error: *mut Failure) {
    boundary((), || {
        if !error.is_null() {
            // SAFETY: `Failure::into_raw` made it, and it is freed once.
            drop(unsafe { Box::from_raw(error) });
        }
    });
}

/// - What: the code of a status, such as "ERR_CHAT_NOT_FOUND" for 201, or "OK" for 0.
/// - Ownership: the text is the library's and lasts for ever.
/// - NULL: takes no pointer; answers NULL for a number that is no status.
/// - Threads: any, also several at once.
/// - Statuses: none.
#[unsafe(no_mangle)]
pub extern "C" fn portal_status_code(status: i32) -> *const c_char {
    boundary(std::ptr::null(), || match status {
        0 => c"OK".as_ptr(),
        _ => name_of(status).map_or(std::ptr::null(), CStr::as_ptr),
    })
}
