//! Typed calls about messages.

use std::ffi::c_char;

use portal_core::ops::messages;

use crate::actor::Caller;
use crate::boundary::{answer, out};
use crate::buf::Buf;
use crate::error::Failure;
use crate::handle::Handle;
use crate::input;
use crate::typed::{Call, fields, given, query};

/// - What: sends a message: content is an envelope, sealed by the sender. client_id is the sender's own
///   name for it, of at most 64 characters: a retry with it stores nothing and answers the first
///   message's id.
/// - Ownership: the inputs are read during the call only.
/// - NULL: handle, actor and message_id may not be NULL. content and client_id may be, with length 0.
/// - Threads: any, also several at once.
/// - Statuses: PORTAL_ERR_CHAT_NOT_FOUND, PORTAL_ERR_BANNED, PORTAL_ERR_FORBIDDEN,
///   PORTAL_ERR_NOT_JOINED, PORTAL_ERR_MUTED, PORTAL_ERR_ENVELOPE_INVALID, PORTAL_ERR_EPOCH_MISMATCH,
///   PORTAL_ERR_NO_ROOM_KEY, PORTAL_ERR_RATE_LIMITED; the first that fails answers. And those that
///   portal_call has for every operation.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_message_send(
    handle: *mut Handle,
    actor: *const Caller,
    chat_id: i64,
    content: *const c_char,
    content_len: usize,
    client_id: *const c_char,
    client_id_len: usize,
    message_id: *mut i64,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for a live handle and for inputs that can be read.
        let (call, content, client_id) = unsafe {
            (
                Call::new(handle, actor)?,
                input::text(content, content_len, "content")?,
                input::optional_text(client_id, client_id_len, "client_id")?,
            )
        };
        let params = fields![chat_id, content, client_id];
        call.change::<messages::Send>(params)
            .map(|reply| reply.id.into())
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe { answer(out(message_id, "message_id"), error, body) }
}

/// - What: reads a chat's messages, newest first, as a JSON object of messages, epoch, epoch_start and
///   as_of: before and after these ids, 0 for no bound, at most limit (1 to 100), 0 for 50.
/// - Ownership: the inputs are read during the call only. *messages belongs to the caller, who disposes
///   of it with portal_buf_dispose.
/// - NULL: handle, actor and messages may not be NULL.
/// - Threads: any, also several at once.
/// - Statuses: PORTAL_ERR_CHAT_NOT_FOUND, PORTAL_ERR_BANNED, PORTAL_ERR_REASON_REQUIRED. And those that
///   portal_call has for every operation.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_message_history(
    handle: *mut Handle,
    actor: *const Caller,
    chat_id: i64,
    before: i64,
    after: i64,
    limit: u32,
    messages: *mut Buf,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for a live handle and an actor that can be read.
        let call = unsafe { Call::new(handle, actor) }?;
        call.ask(query!(messages::History {
            chat_id,
            before: given(before),
            after: given(after),
            limit: given(limit),
        }))
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe { answer(out(messages, "messages"), error, body) }
}

/// - What: deletes count messages (1 to 100) by id, whoever wrote them, for who moderates the chat, and
///   answers how many there were.
/// - Ownership: the inputs are read during the call only.
/// - NULL: handle, actor and deleted may not be NULL. ids may be, with count 0.
/// - Threads: any, also several at once.
/// - Statuses: PORTAL_ERR_CHAT_NOT_FOUND, PORTAL_ERR_BANNED, PORTAL_ERR_FORBIDDEN,
///   PORTAL_ERR_DIRECT_UNMODERATED. And those that portal_call has for every operation.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_message_delete(
    handle: *mut Handle,
    actor: *const Caller,
    chat_id: i64,
    ids: *const i64,
    count: usize,
    deleted: *mut i64,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for a live handle and for inputs that can be read.
        let (call, ids) = unsafe {
            (
                Call::new(handle, actor)?,
                input::numbers(ids, count, "ids")?,
            )
        };
        call.change::<messages::Delete>(fields![chat_id, ids])
            .map(|reply| reply.deleted.cast_signed())
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe { answer(out(deleted, "deleted"), error, body) }
}

/// - What: deletes a chat's last count messages (1 to 100), whoever wrote them, for who moderates the
///   chat, and answers how many there were.
/// - Ownership: the inputs are read during the call only.
/// - NULL: handle, actor and deleted may not be NULL.
/// - Threads: any, also several at once.
/// - Statuses: PORTAL_ERR_CHAT_NOT_FOUND, PORTAL_ERR_BANNED, PORTAL_ERR_FORBIDDEN,
///   PORTAL_ERR_DIRECT_UNMODERATED. And those that portal_call has for every operation.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_message_delete_last(
    handle: *mut Handle,
    actor: *const Caller,
    chat_id: i64,
    count: u32,
    deleted: *mut i64,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for a live handle and an actor that can be read.
        let call = unsafe { Call::new(handle, actor) }?;
        let params = fields![chat_id, count];
        call.change::<messages::DeleteLast>(params)
            .map(|reply| reply.deleted.cast_signed())
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe { answer(out(deleted, "deleted"), error, body) }
}

/// - What: deletes the actor's own messages: count of them (1 to 100) by id, or all with count 0, and
///   answers how many there were.
/// - Ownership: the inputs are read during the call only.
/// - NULL: handle, actor and deleted may not be NULL. ids may be, with count 0.
/// - Threads: any, also several at once.
/// - Statuses: PORTAL_ERR_CHAT_NOT_FOUND, PORTAL_ERR_BANNED, PORTAL_ERR_FORBIDDEN. And those that
///   portal_call has for every operation.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_message_delete_mine(
    handle: *mut Handle,
    actor: *const Caller,
    chat_id: i64,
    ids: *const i64,
    count: usize,
    deleted: *mut i64,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for a live handle and for inputs that can be read.
        let (call, ids) = unsafe {
            (
                Call::new(handle, actor)?,
                input::numbers(ids, count, "ids")?,
            )
        };
        let params = fields![chat_id, ids: (!ids.is_empty()).then_some(ids)];
        call.change::<messages::DeleteMine>(params)
            .map(|reply| reply.deleted.cast_signed())
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe { answer(out(deleted, "deleted"), error, body) }
}
