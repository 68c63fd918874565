//! Typed calls about people.

use std::ffi::c_char;

use portal_core::ops::{profiles, users};

use crate::actor::Caller;
use crate::boundary::{answer, out};
use crate::buf::Buf;
use crate::error::Failure;
use crate::handle::Handle;
use crate::input;
use crate::typed::{Call, fields, given, query};

/// - What: makes a user by hand, for the operator: role user, tier basic, which can own no chat.
///   portal_call with user.create takes a role and a tier as well, and user.set_tier changes it.
/// - Ownership: the inputs are read during the call only.
/// - NULL: handle, actor and user_id may not be NULL. username may be, with length 0.
/// - Threads: any, also several at once.
/// - Statuses: PORTAL_ERR_USERNAME_TAKEN, PORTAL_ERR_FORBIDDEN. And those that portal_call has for
///   every operation.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_user_create(
    handle: *mut Handle,
    actor: *const Caller,
    username: *const c_char,
    username_len: usize,
    user_id: *mut i64,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for a live handle and for inputs that can be read.
        let (call, username) = unsafe {
            (
                Call::new(handle, actor)?,
                input::text(username, username_len, "username")?,
            )
        };
        call.change::<users::Create>(fields![username])
            .map(|reply| reply.user_id.into())
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe { answer(out(user_id, "user_id"), error, body) }
}

/// - What: shows a user as a JSON object: id, username, role, created_at, stranger; to themself and to
///   staff who may act on them also tier and state.
/// - Ownership: the inputs are read during the call only. *user belongs to the caller, who disposes of
///   it with portal_buf_dispose.
/// - NULL: handle, actor and user may not be NULL.
/// - Threads: any, also several at once.
/// - Statuses: PORTAL_ERR_USER_NOT_FOUND. And those that portal_call has for every operation.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_user_get(
    handle: *mut Handle,
    actor: *const Caller,
    user_id: i64,
    user: *mut Buf,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for a live handle and an actor that can be read.
        let call = unsafe { Call::new(handle, actor) }?;
        call.ask(query!(profiles::Get { user_id }))
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe { answer(out(user, "user"), error, body) }
}

/// - What: lists users by id, for moderators and above, as a JSON object with users: those with search
///   in their name, after the id after, 0 from the first, at most limit (1 to 200), 0 for 50.
/// - Ownership: the inputs are read during the call only. *users belongs to the caller, who disposes of
///   it with portal_buf_dispose.
/// - NULL: handle, actor and users may not be NULL. search may be, with length 0.
/// - Threads: any, also several at once.
/// - Statuses: PORTAL_ERR_UNAUTHENTICATED, PORTAL_ERR_FORBIDDEN. And those that portal_call has for
///   every operation.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_user_list(
    handle: *mut Handle,
    actor: *const Caller,
    search: *const c_char,
    search_len: usize,
    after: i64,
    limit: u32,
    users: *mut Buf,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for a live handle and for inputs that can be read.
        let (call, search) = unsafe {
            (
                Call::new(handle, actor)?,
                input::optional_text(search, search_len, "search")?,
            )
        };
        call.ask(query!(profiles::List {
            search,
            username: None::<&str>,
            after: given(after),
            limit: given(limit),
        }))
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe { answer(out(users, "users"), error, body) }
}
