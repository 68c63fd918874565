//! Typed calls about the keys of epochs. Keys of sessions come as bytes, and go to the operations in base64.

use std::ffi::c_char;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portal_core::ops::keys;

use crate::actor::Caller;
use crate::boundary::{answer, out};
use crate::buf::Buf;
use crate::error::Failure;
use crate::handle::Handle;
use crate::input;
use crate::typed::{Call, fields, parsed, query};

/// - What: registers the X25519 public key, 32 bytes, of the actor's session, for which others wrap
///   room keys. Another than before replaces it, at most 5 times an hour, and gives up what was wrapped
///   for that.
/// - Ownership: the inputs are read during the call only.
/// - NULL: handle and actor may not be NULL. public_key may be, with length 0.
/// - Threads: any, also several at once.
/// - Statuses: PORTAL_ERR_UNAUTHENTICATED, PORTAL_ERR_RATE_LIMITED. And those that portal_call has for
///   every operation.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_key_register(
    handle: *mut Handle,
    actor: *const Caller,
    public_key: *const u8,
    public_key_len: usize,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for a live handle and for inputs that can be read.
        let (call, public_key) = unsafe {
            (
                Call::new(handle, actor)?,
                input::bytes(public_key, public_key_len, "public_key")?,
            )
        };
        let public_key = STANDARD.encode(public_key);
        let params = fields![public_key: &public_key];
        call.change::<keys::Register>(params).map(drop)
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe { answer((), error, body) }
}

/// - What: lists who is there to hold the key of a chat's current epoch, and what is wrapped for the
///   actor's session, as a JSON object: epoch, published, key_check, sessions, blob and more.
/// - Ownership: the inputs are read during the call only. *keys belongs to the caller, who disposes of
///   it with portal_buf_dispose.
/// - NULL: handle, actor and keys may not be NULL.
/// - Threads: any, also several at once.
/// - Statuses: PORTAL_ERR_CHAT_NOT_FOUND, PORTAL_ERR_FORBIDDEN. And those that portal_call has for
///   every operation.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_key_list(
    handle: *mut Handle,
    actor: *const Caller,
    chat_id: i64,
    keys: *mut Buf,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for a live handle and an actor that can be read.
        let call = unsafe { Call::new(handle, actor) }?;
        call.ask(query!(keys::List { chat_id }))
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe { answer(out(keys, "keys"), error, body) }
}

/// - What: publishes the key of a chat's current epoch, wrapped for sessions: the first to do so is its
///   distributor. key_check is 16 bytes, needed in suite 3. blobs is a JSON array of {session_id,
///   public_key, blob}, the last two in base64, at most 256. *published is a JSON object of epoch,
///   first, stored and skipped.
/// - Ownership: the inputs are read during the call only. *published belongs to the caller, who
///   disposes of it with portal_buf_dispose.
/// - NULL: handle, actor and published may not be NULL. key_check and blobs may be, with length 0.
/// - Threads: any, also several at once.
/// - Statuses: PORTAL_ERR_CHAT_NOT_FOUND, PORTAL_ERR_NOT_JOINED, PORTAL_ERR_NO_PUBLIC_KEY,
///   PORTAL_ERR_EPOCH_MISMATCH, PORTAL_ERR_KEY_CONFLICT, PORTAL_ERR_NO_ROOM_KEY,
///   PORTAL_ERR_RATE_LIMITED. And those that portal_call has for every operation.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_key_publish(
    handle: *mut Handle,
    actor: *const Caller,
    chat_id: i64,
    epoch: i64,
    key_check: *const u8,
    key_check_len: usize,
    blobs: *const c_char,
    blobs_len: usize,
    published: *mut Buf,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for a live handle and for inputs that can be read.
        let (call, key_check, blobs) = unsafe {
            (
                Call::new(handle, actor)?,
                input::bytes(key_check, key_check_len, "key_check")?,
                input::text(blobs, blobs_len, "blobs")?,
            )
        };
        let key_check = (!key_check.is_empty()).then(|| STANDARD.encode(key_check));
        let blobs = parsed(blobs, "blobs")?;
        let params = fields![
            chat_id,
            epoch,
            key_check: key_check.as_ref(),
            blobs: &blobs,
        ];
        Buf::document(&call.change::<keys::Publish>(params)?)
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe { answer(out(published, "published"), error, body) }
}

/// - What: gives back a room key that does not open or fails the key check, so that another holder
///   wraps it anew.
/// - Ownership: the inputs are read during the call only.
/// - NULL: handle and actor may not be NULL.
/// - Threads: any, also several at once.
/// - Statuses: PORTAL_ERR_CHAT_NOT_FOUND, PORTAL_ERR_FORBIDDEN, PORTAL_ERR_NOT_JOINED,
///   PORTAL_ERR_NO_ROOM_KEY. And those that portal_call has for every operation.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_key_reject(
    handle: *mut Handle,
    actor: *const Caller,
    chat_id: i64,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for a live handle and an actor that can be read.
        let call = unsafe { Call::new(handle, actor) }?;
        call.change::<keys::Reject>(fields![chat_id]).map(drop)
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe { answer((), error, body) }
}

/// - What: moves the epoch on because the actor's session cannot get its key, as a JSON object of
///   status, epoch and retry_after_ms: moved; asked, where others hold the key and have that long to
///   hand it over; or unpublished, where whoever comes first may publish one.
/// - Ownership: the inputs are read during the call only. *renewal belongs to the caller, who disposes
///   of it with portal_buf_dispose.
/// - NULL: handle, actor and renewal may not be NULL.
/// - Threads: any, also several at once.
/// - Statuses: PORTAL_ERR_CHAT_NOT_FOUND, PORTAL_ERR_FORBIDDEN, PORTAL_ERR_NOT_JOINED,
///   PORTAL_ERR_NO_PUBLIC_KEY, PORTAL_ERR_RATE_LIMITED. And those that portal_call has for every
///   operation.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_key_renew(
    handle: *mut Handle,
    actor: *const Caller,
    chat_id: i64,
    renewal: *mut Buf,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for a live handle and an actor that can be read.
        let call = unsafe { Call::new(handle, actor) }?;
        Buf::document(&call.change::<keys::Renew>(fields![chat_id])?)
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe { answer(out(renewal, "renewal"), error, body) }
}
