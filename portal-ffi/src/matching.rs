//! Typed calls of the matcher.

use std::ffi::c_char;

use portal_core::ops::matching;

use crate::actor::Caller;
use crate::boundary::{answer, out};
use crate::buf::Buf;
use crate::error::Failure;
use crate::handle::Handle;
use crate::input;
use crate::typed::{Call, fields, given, query};

/// - What: asks to be matched with somebody who shares an interest. interests is 1 to 3 of 3 to 12
///   small letters or digits, with commas between them: "tea,films". *chat_id is the DIRECT chat if
///   somebody waited, else 0: match:found tells.
/// - Ownership: the inputs are read during the call only.
/// - NULL: handle, actor and chat_id may not be NULL. interests may be, with length 0.
/// - Threads: any, also several at once.
/// - Statuses: PORTAL_ERR_MATCH_BAD_INTEREST, PORTAL_ERR_UNAUTHENTICATED, PORTAL_ERR_STRANGER_BLOCKED,
///   PORTAL_ERR_MATCH_ALREADY_SEARCHING, PORTAL_ERR_MATCH_SLOT_LIMIT, PORTAL_ERR_NOT_CONNECTED where
///   presence is kept and the person has no connection. And those that portal_call has for every
///   operation.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_match_enqueue(
    handle: *mut Handle,
    actor: *const Caller,
    interests: *const c_char,
    interests_len: usize,
    chat_id: *mut i64,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for a live handle and for inputs that can be read.
        let (call, interests) = unsafe {
            (
                Call::new(handle, actor)?,
                input::text(interests, interests_len, "interests")?,
            )
        };
        let interests = tags(interests);
        let params = fields![interests: &interests];
        let enqueued = call.change::<matching::Enqueue>(params)?;
        Ok(enqueued.chat.map_or(0, |chat| chat.chat_id.into()))
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe { answer(out(chat_id, "chat_id"), error, body) }
}

/// - What: waits for a match no longer. Repeatable; matches that there are stay.
/// - Ownership: the inputs are read during the call only.
/// - NULL: handle and actor may not be NULL.
/// - Threads: any, also several at once.
/// - Statuses: PORTAL_ERR_UNAUTHENTICATED. And those that portal_call has for every operation.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_match_dequeue(
    handle: *mut Handle,
    actor: *const Caller,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for a live handle and an actor that can be read.
        let call = unsafe { Call::new(handle, actor) }?;
        call.change::<matching::Dequeue>(fields![]).map(drop)
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe { answer((), error, body) }
}

/// - What: shows whether the actor waits, and their matches, as a JSON object: state, interests,
///   expires_at, chats with each peer, and more. Asking prolongs nothing.
/// - Ownership: the inputs are read during the call only. *status belongs to the caller, who disposes
///   of it with portal_buf_dispose.
/// - NULL: handle, actor and status may not be NULL.
/// - Threads: any, also several at once.
/// - Statuses: PORTAL_ERR_UNAUTHENTICATED. And those that portal_call has for every operation.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_match_status(
    handle: *mut Handle,
    actor: *const Caller,
    status: *mut Buf,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for a live handle and an actor that can be read.
        let call = unsafe { Call::new(handle, actor) }?;
        call.ask(query!(matching::Status {
            user_id: None::<i64>
        }))
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe { answer(out(status, "status"), error, body) }
}

/// - What: leaves a match: the DIRECT chat is destroyed at once, for both. chat_id is which, 0 for the
///   only one; *left_chat_id is which it was.
/// - Ownership: the inputs are read during the call only.
/// - NULL: handle, actor and left_chat_id may not be NULL.
/// - Threads: any, also several at once.
/// - Statuses: PORTAL_ERR_MATCH_NO_ACTIVE_DIRECT, PORTAL_ERR_MATCH_AMBIGUOUS,
///   PORTAL_ERR_CHAT_NOT_FOUND, PORTAL_ERR_UNAUTHENTICATED. And those that portal_call has for every
///   operation.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_match_leave(
    handle: *mut Handle,
    actor: *const Caller,
    chat_id: i64,
    left_chat_id: *mut i64,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for a live handle and an actor that can be read.
        let call = unsafe { Call::new(handle, actor) }?;
        call.change::<matching::Leave>(fields![chat_id: given(chat_id)])
            .map(|reply| reply.chat_id.into())
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe { answer(out(left_chat_id, "left_chat_id"), error, body) }
}

/// The texts between the commas.
fn tags(interests: &str) -> Vec<&str> {
    interests.split(',').collect()
}
