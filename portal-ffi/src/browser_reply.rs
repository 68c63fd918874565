//! `portal_browser_reply`: where a host's callback puts what it answers (SPEC 11.3).
//!
//! It is copied at once and may be a way into a browser, so it is kept as a secret. The surprise: a wrong
//! answer is refused and remembered. A callback that does not look at the status has failed all the same, and its
//! fault says why.

use std::ffi::c_char;
use std::sync::{Mutex, PoisonError};

use portal_core::backend::Picture;
use portal_core::model::Secret;
use portal_core::{Error, Result};

use crate::boundary::answer;
use crate::error::Failure;
use crate::input;

/// Where a callback of portal_browser_backend puts its answer. It lasts until the callback returns.
pub struct Reply(Mutex<Given>);

/// What a callback has answered so far.
pub(crate) enum Given {
    Nothing,
    Text(Secret),
    Picture(Picture),
    /// Something that could not be taken, and why.
    Wrong(String),
}

impl Reply {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Given::Nothing))
    }

    pub(crate) fn into_given(self) -> Given {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps it, in the place of what was given before.
    fn give(&self, given: Result<Given>) -> Result<()> {
        let (given, outcome) = match given {
            Ok(given) => (given, Ok(())),
            Err(error) => (Given::Wrong(error.message().to_owned()), Err(error)),
        };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = given;
        outcome
    }
}

/// Whether it names a kind of picture: `image/` and a word.
fn is_picture(media_type: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"+-.".contains(&b);
    media_type
        .strip_prefix("image/")
        .is_some_and(|kind| (1..=64).contains(&kind.len()) && kind.bytes().all(allowed))
}

/// - What: answers a callback of portal_browser_backend with a text or JSON document; where the
///   callback returns a fault, it is the detail for the log: a sentence, no document. What was answered
///   before is replaced.
/// - Ownership: the text is copied. The reply is the library's and lasts until the callback returns.
/// - NULL: reply may not be NULL. text may be, with length 0.
/// - Threads: any, while the callback has not returned.
/// - Statuses: PORTAL_ERR_INVALID, also if the text is not UTF-8: the callback has failed then,
///   whatever it returns. PORTAL_ERR_INTERNAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_browser_reply_text(
    reply: *mut Reply,
    text: *const c_char,
    text_len: usize,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for the reply of a callback that has not returned.
        let reply = unsafe { input::reference(reply, "reply") }?;
        // SAFETY: the header asks for a text that can be read.
        let text = unsafe { input::text(text, text_len, "text") };
        reply.give(text.map(|text| Given::Text(Secret::new(text))))
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe { answer((), error, body) }
}

/// - What: answers portal_browser_backend.screenshot with a picture and its media type, such as
///   "image/jpeg". What was answered before is replaced.
/// - Ownership: both are copied. The reply is the library's and lasts until the callback returns.
/// - NULL: reply may not be NULL. media_type and bytes may be, with length 0.
/// - Threads: any, while the callback has not returned.
/// - Statuses: PORTAL_ERR_INVALID, also for an empty picture and for what is no picture's media type:
///   the callback has failed then, whatever it returns. PORTAL_ERR_INTERNAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_browser_reply_picture(
    reply: *mut Reply,
    media_type: *const c_char,
    media_type_len: usize,
    bytes: *const u8,
    bytes_len: usize,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for the reply of a callback that has not returned.
        let reply = unsafe { input::reference(reply, "reply") }?;
        // SAFETY: the header asks for a text and bytes that can be read.
        let (media_type, bytes) = unsafe {
            (
                input::text(media_type, media_type_len, "media_type"),
                input::bytes(bytes, bytes_len, "bytes"),
            )
        };
        reply.give(media_type.and_then(|media_type| picture(media_type, bytes?)))
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe { answer((), error, body) }
}

fn picture(media_type: &str, bytes: &[u8]) -> Result<Given> {
    if !is_picture(media_type) {
        let why = "`media_type` is such as image/jpeg.";
        return Err(Error::invalid("media_type", why));
    }
    if bytes.is_empty() {
        return Err(Error::invalid("bytes", "`bytes` is empty."));
    }
    Ok(Given::Picture(Picture {
        media_type: media_type.to_owned(),
        bytes: bytes.to_owned(),
    }))
}
