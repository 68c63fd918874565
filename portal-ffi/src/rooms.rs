//! Typed calls about ways into chats: invites and rooms.

use std::ffi::c_char;

use portal_core::ops::{invites, rooms};

use crate::actor::Caller;
use crate::boundary::{answer, out};
use crate::buf::Buf;
use crate::error::Failure;
use crate::handle::Handle;
use crate::input;
use crate::typed::{Call, fields, given, query};

/// - What: makes an invite to a chat and answers its code. expires_at is in UTC milliseconds since
///   1970, 0 for never; max_uses 0 for any number.
/// - Ownership: the inputs are read during the call only. *code belongs to the caller, who disposes of
///   it with portal_buf_dispose.
/// - NULL: handle, actor and code may not be NULL.
/// - Threads: any, also several at once.
/// - Statuses: PORTAL_ERR_CHAT_NOT_FOUND, PORTAL_ERR_FORBIDDEN, PORTAL_ERR_INVITE_QUOTA. And those that
///   portal_call has for every operation.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_invite_create(
    handle: *mut Handle,
    actor: *const Caller,
    chat_id: i64,
    expires_at: i64,
    max_uses: i64,
    code: *mut Buf,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for a live handle and an actor that can be read.
        let call = unsafe { Call::new(handle, actor) }?;
        let params = fields![chat_id, expires_at: given(expires_at), max_uses: given(max_uses)];
        call.change::<invites::Create>(params)
            .map(|reply| Buf::new(reply.code.as_str()))
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe { answer(out(code, "code"), error, body) }
}

/// - What: lists a chat's live invites, oldest first, as a JSON object with invites.
/// - Ownership: the inputs are read during the call only. *invites belongs to the caller, who disposes
///   of it with portal_buf_dispose.
/// - NULL: handle, actor and invites may not be NULL.
/// - Threads: any, also several at once.
/// - Statuses: PORTAL_ERR_CHAT_NOT_FOUND, PORTAL_ERR_FORBIDDEN. And those that portal_call has for
///   every operation.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_invite_list(
    handle: *mut Handle,
    actor: *const Caller,
    chat_id: i64,
    invites: *mut Buf,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for a live handle and an actor that can be read.
        let call = unsafe { Call::new(handle, actor) }?;
        call.ask(query!(invites::List { chat_id }))
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe { answer(out(invites, "invites"), error, body) }
}

/// - What: revokes an invite, for good. Repeatable.
/// - Ownership: the inputs are read during the call only.
/// - NULL: handle and actor may not be NULL. code may be, with length 0.
/// - Threads: any, also several at once.
/// - Statuses: PORTAL_ERR_CHAT_NOT_FOUND, PORTAL_ERR_FORBIDDEN, PORTAL_ERR_INVITE_INVALID. And those
///   that portal_call has for every operation.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_invite_revoke(
    handle: *mut Handle,
    actor: *const Caller,
    chat_id: i64,
    code: *const c_char,
    code_len: usize,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for a live handle and for inputs that can be read.
        let (call, code) = unsafe {
            (
                Call::new(handle, actor)?,
                input::text(code, code_len, "code")?,
            )
        };
        call.change::<invites::Revoke>(fields![chat_id, code])
            .map(drop)
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe { answer((), error, body) }
}

/// - What: follows an invite code and makes the actor a member, or the slug of an OFFICIAL or PUBLIC
///   chat and answers where it leads. *joined is 1 if the actor is a member now because of this, else
///   0.
/// - Ownership: the inputs are read during the call only.
/// - NULL: handle, actor, chat_id and joined may not be NULL. code may be, with length 0.
/// - Threads: any, also several at once.
/// - Statuses: PORTAL_ERR_INVITE_INVALID, PORTAL_ERR_BANNED, PORTAL_ERR_RATE_LIMITED after 10 wrong
///   ones in a minute, PORTAL_ERR_STRANGER_FORBIDDEN. And those that portal_call has for every
///   operation.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_invite_resolve(
    handle: *mut Handle,
    actor: *const Caller,
    code: *const c_char,
    code_len: usize,
    chat_id: *mut i64,
    joined: *mut i32,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for a live handle and for inputs that can be read.
        let (call, code) = unsafe {
            (
                Call::new(handle, actor)?,
                input::text(code, code_len, "code")?,
            )
        };
        let resolved = call.change::<invites::Resolve>(fields![code])?;
        Ok((resolved.chat_id.into(), i32::from(resolved.joined)))
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe {
        answer(
            (out(chat_id, "chat_id"), out(joined, "joined")),
            error,
            body,
        )
    }
}

/// - What: joins a chat's room with the actor's connection: from here on its events are delivered to
///   it. *room is a JSON object of as_of, chat and may_talk. An actor without a connection is answered,
///   and joins nothing.
/// - Ownership: the inputs are read during the call only. *room belongs to the caller, who disposes of
///   it with portal_buf_dispose.
/// - NULL: handle, actor and room may not be NULL.
/// - Threads: any, also several at once.
/// - Statuses: PORTAL_ERR_CHAT_NOT_FOUND, PORTAL_ERR_BANNED. And those that portal_call has for every
///   operation.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_room_join(
    handle: *mut Handle,
    actor: *const Caller,
    chat_id: i64,
    room: *mut Buf,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for a live handle and an actor that can be read.
        let call = unsafe { Call::new(handle, actor) }?;
        Buf::document(&call.change::<rooms::Join>(fields![chat_id])?)
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe { answer(out(room, "room"), error, body) }
}

/// - What: takes the actor's connection out of a room. Repeatable. Membership stays; portal_chat_leave
///   ends it.
/// - Ownership: the inputs are read during the call only.
/// - NULL: handle and actor may not be NULL.
/// - Threads: any, also several at once.
/// - Statuses: those that portal_call has for every operation.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_room_leave(
    handle: *mut Handle,
    actor: *const Caller,
    chat_id: i64,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for a live handle and an actor that can be read.
        let call = unsafe { Call::new(handle, actor) }?;
        call.change::<rooms::Leave>(fields![chat_id]).map(drop)
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe { answer((), error, body) }
}
