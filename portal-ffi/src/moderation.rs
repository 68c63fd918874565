//! Typed calls that moderate.

use std::ffi::c_char;

use portal_core::ops::moderation;

use crate::actor::Caller;
use crate::boundary::answer;
use crate::error::Failure;
use crate::handle::Handle;
use crate::input;
use crate::typed::{Call, fields};

/// - What: puts a person out of a chat; they may come back. The reason, of at most 500 characters, is
///   for them and staff.
/// - Ownership: the inputs are read during the call only.
/// - NULL: handle and actor may not be NULL. reason may be, with length 0.
/// - Threads: any, also several at once.
/// - Statuses: PORTAL_ERR_CHAT_NOT_FOUND, PORTAL_ERR_USER_NOT_FOUND, PORTAL_ERR_FORBIDDEN,
///   PORTAL_ERR_BANNED, PORTAL_ERR_DIRECT_UNMODERATED, PORTAL_ERR_TARGET_IS_OWNER. And those that
///   portal_call has for every operation.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_mod_kick(
    handle: *mut Handle,
    actor: *const Caller,
    chat_id: i64,
    user_id: i64,
    reason: *const c_char,
    reason_len: usize,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for a live handle and for inputs that can be read.
        let (call, reason) = unsafe {
            (
                Call::new(handle, actor)?,
                input::optional_text(reason, reason_len, "reason")?,
            )
        };
        let params = fields![chat_id, user_id, reason];
        call.change::<moderation::Kick>(params).map(drop)
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe { answer((), error, body) }
}

/// - What: keeps a person from sending in a chat for duration_seconds (1 to 86400), 0 without end; it
///   replaces the end of an earlier mute.
/// - Ownership: the inputs are read during the call only.
/// - NULL: handle and actor may not be NULL. reason may be, with length 0.
/// - Threads: any, also several at once.
/// - Statuses: PORTAL_ERR_CHAT_NOT_FOUND, PORTAL_ERR_USER_NOT_FOUND, PORTAL_ERR_FORBIDDEN,
///   PORTAL_ERR_BANNED, PORTAL_ERR_DIRECT_UNMODERATED. And those that portal_call has for every
///   operation.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_mod_mute(
    handle: *mut Handle,
    actor: *const Caller,
    chat_id: i64,
    user_id: i64,
    duration_seconds: i64,
    reason: *const c_char,
    reason_len: usize,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for a live handle and for inputs that can be read.
        let (call, reason) = unsafe {
            (
                Call::new(handle, actor)?,
                input::optional_text(reason, reason_len, "reason")?,
            )
        };
        let params = fields![chat_id, user_id, duration_seconds, reason];
        call.change::<moderation::Mute>(params).map(drop)
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe { answer((), error, body) }
}

/// - What: lifts a person's mute in a chat, if there is one; a hard mute stays.
/// - Ownership: the inputs are read during the call only.
/// - NULL: handle and actor may not be NULL.
/// - Threads: any, also several at once.
/// - Statuses: PORTAL_ERR_CHAT_NOT_FOUND, PORTAL_ERR_USER_NOT_FOUND, PORTAL_ERR_FORBIDDEN,
///   PORTAL_ERR_BANNED, PORTAL_ERR_DIRECT_UNMODERATED. And those that portal_call has for every
///   operation.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_mod_unmute(
    handle: *mut Handle,
    actor: *const Caller,
    chat_id: i64,
    user_id: i64,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for a live handle and an actor that can be read.
        let call = unsafe { Call::new(handle, actor) }?;
        call.change::<moderation::Unmute>(fields![chat_id, user_id])
            .map(drop)
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe { answer((), error, body) }
}

/// - What: puts a person out of a chat and keeps them out for duration_seconds (1 to 2592000), 0
///   without end.
/// - Ownership: the inputs are read during the call only.
/// - NULL: handle and actor may not be NULL. reason may be, with length 0.
/// - Threads: any, also several at once.
/// - Statuses: PORTAL_ERR_CHAT_NOT_FOUND, PORTAL_ERR_USER_NOT_FOUND, PORTAL_ERR_FORBIDDEN,
///   PORTAL_ERR_BANNED, PORTAL_ERR_DIRECT_UNMODERATED, PORTAL_ERR_TARGET_IS_OWNER. And those that
///   portal_call has for every operation.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_mod_ban(
    handle: *mut Handle,
    actor: *const Caller,
    chat_id: i64,
    user_id: i64,
    duration_seconds: i64,
    reason: *const c_char,
    reason_len: usize,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for a live handle and for inputs that can be read.
        let (call, reason) = unsafe {
            (
                Call::new(handle, actor)?,
                input::optional_text(reason, reason_len, "reason")?,
            )
        };
        let params = fields![chat_id, user_id, duration_seconds, reason];
        call.change::<moderation::Ban>(params).map(drop)
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe { answer((), error, body) }
}

/// - What: lifts a person's ban from a chat, if there is one.
/// - Ownership: the inputs are read during the call only.
/// - NULL: handle and actor may not be NULL.
/// - Threads: any, also several at once.
/// - Statuses: PORTAL_ERR_CHAT_NOT_FOUND, PORTAL_ERR_USER_NOT_FOUND, PORTAL_ERR_FORBIDDEN,
///   PORTAL_ERR_BANNED, PORTAL_ERR_DIRECT_UNMODERATED. And those that portal_call has for every
///   operation.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_mod_unban(
    handle: *mut Handle,
    actor: *const Caller,
    chat_id: i64,
    user_id: i64,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for a live handle and an actor that can be read.
        let call = unsafe { Call::new(handle, actor) }?;
        call.change::<moderation::Unban>(fields![chat_id, user_id])
            .map(drop)
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe { answer((), error, body) }
}

/// - What: keeps a person from sending anywhere for duration_seconds (1 to 86400), 0 without end; for
///   admins. Everyone is told, without the reason.
/// - Ownership: the inputs are read during the call only.
/// - NULL: handle and actor may not be NULL. reason may be, with length 0.
/// - Threads: any, also several at once.
/// - Statuses: PORTAL_ERR_USER_NOT_FOUND, PORTAL_ERR_FORBIDDEN. And those that portal_call has for
///   every operation.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_mod_hard_mute(
    handle: *mut Handle,
    actor: *const Caller,
    user_id: i64,
    duration_seconds: i64,
    reason: *const c_char,
    reason_len: usize,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for a live handle and for inputs that can be read.
        let (call, reason) = unsafe {
            (
                Call::new(handle, actor)?,
                input::optional_text(reason, reason_len, "reason")?,
            )
        };
        let params = fields![user_id, duration_seconds, reason];
        call.change::<moderation::HardMute>(params).map(drop)
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe { answer((), error, body) }
}

/// - What: lifts a person's hard mute, if there is one; for admins. Mutes in chats stay.
/// - Ownership: the inputs are read during the call only.
/// - NULL: handle and actor may not be NULL.
/// - Threads: any, also several at once.
/// - Statuses: PORTAL_ERR_USER_NOT_FOUND, PORTAL_ERR_FORBIDDEN. And those that portal_call has for
///   every operation.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_mod_hard_unmute(
    handle: *mut Handle,
    actor: *const Caller,
    user_id: i64,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for a live handle and an actor that can be read.
        let call = unsafe { Call::new(handle, actor) }?;
        call.change::<moderation::HardUnmute>(fields![user_id])
            .map(drop)
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe { answer((), error, body) }
}
