//! Typed calls about chats.

use std::ffi::c_char;
use std::iter;

use portal_core::Error;
use portal_core::ops::{chats, members};

use crate::actor::Caller;
use crate::boundary::{answer, out};
use crate::buf::Buf;
use crate::error::Failure;
use crate::handle::Handle;
use crate::input;
use crate::typed::{Call, fields, given, parsed, query};

/// - What: makes a chat of chat_type "OFFICIAL", "PUBLIC" or "PRIVATE" in suite 3: PUBLIC with a slug,
///   PRIVATE without. owner_id is whose it is where the operator makes it, else 0. The owner of a
///   PUBLIC or PRIVATE one needs the tier premium, that of an OFFICIAL one the role admin.
/// - Ownership: the inputs are read during the call only.
/// - NULL: handle, actor and chat_id may not be NULL. chat_type, name and slug may be, with
///   length 0.
/// - Threads: any, also several at once.
/// - Statuses: PORTAL_ERR_PREMIUM_REQUIRED, PORTAL_ERR_CHAT_SLOT_LIMIT, PORTAL_ERR_SLUG_TAKEN,
///   PORTAL_ERR_FORBIDDEN, PORTAL_ERR_USER_NOT_FOUND. And those that portal_call has for every
///   operation.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_chat_create(
    handle: *mut Handle,
    actor: *const Caller,
    chat_type: *const c_char,
    chat_type_len: usize,
    name: *const c_char,
    name_len: usize,
    slug: *const c_char,
    slug_len: usize,
    owner_id: i64,
    chat_id: *mut i64,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for a live handle and for inputs that can be read.
        let (call, chat_type, name, slug) = unsafe {
            (
                Call::new(handle, actor)?,
                input::text(chat_type, chat_type_len, "chat_type")?,
                input::text(name, name_len, "name")?,
                input::optional_text(slug, slug_len, "slug")?,
            )
        };
        let params = fields![chat_type, name, slug, owner_id: given(owner_id)];
        call.change::<chats::Create>(params)
            .map(|reply| reply.id.into())
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe { answer(out(chat_id, "chat_id"), error, body) }
}

/// - What: shows a chat that the actor may look into as a JSON object: id, name, chat_type, slug,
///   owner, epoch, both configurations and more.
/// - Ownership: the inputs are read during the call only. *chat belongs to the caller, who disposes of
///   it with portal_buf_dispose.
/// - NULL: handle, actor and chat may not be NULL.
/// - Threads: any, also several at once.
/// - Statuses: PORTAL_ERR_CHAT_NOT_FOUND, PORTAL_ERR_BANNED, PORTAL_ERR_REASON_REQUIRED. And those that
///   portal_call has for every operation.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_chat_get(
    handle: *mut Handle,
    actor: *const Caller,
    chat_id: i64,
    chat: *mut Buf,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for a live handle and an actor that can be read.
        let call = unsafe { Call::new(handle, actor) }?;
        call.ask(query!(chats::Get { chat_id }))
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe { answer(out(chat, "chat"), error, body) }
}

/// - What: lists the chats that somebody owns, is a member of, or is matched into, by id, as a JSON
///   object with chats and offers. user_id is whose, for the operator, 0 for the actor's own; after the
///   id after, 0 from the first, at most limit (1 to 200), 0 for 100.
/// - Ownership: the inputs are read during the call only. *chats belongs to the caller, who disposes of
///   it with portal_buf_dispose.
/// - NULL: handle, actor and chats may not be NULL.
/// - Threads: any, also several at once.
/// - Statuses: PORTAL_ERR_UNAUTHENTICATED, PORTAL_ERR_FORBIDDEN, PORTAL_ERR_USER_NOT_FOUND. And those
///   that portal_call has for every operation.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_chat_list(
    handle: *mut Handle,
    actor: *const Caller,
    user_id: i64,
    after: i64,
    limit: u32,
    chats: *mut Buf,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for a live handle and an actor that can be read.
        let call = unsafe { Call::new(handle, actor) }?;
        call.ask(query!(chats::List {
            user_id: given(user_id),
            after: given(after),
            limit: given(limit),
        }))
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe { answer(out(chats, "chats"), error, body) }
}

/// - What: changes a chat. changes is a JSON object of what becomes different, of name, description, slug,
///   chat_config and browser_config; null empties a description or a slug. A slug makes a PRIVATE chat PUBLIC,
///   none a PUBLIC one PRIVATE.
/// - Ownership: the inputs are read during the call only.
/// - NULL: handle and actor may not be NULL. changes may be, with length 0.
/// - Threads: any, also several at once.
/// - Statuses: PORTAL_ERR_CHAT_NOT_FOUND, PORTAL_ERR_FORBIDDEN, PORTAL_ERR_SLUG_TAKEN,
///   PORTAL_ERR_PREMIUM_REQUIRED, PORTAL_ERR_CHAT_TYPE_FIXED. And those that portal_call has for every operation.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_chat_update(
    handle: *mut Handle,
    actor: *const Caller,
    chat_id: i64,
    changes: *const c_char,
    changes_len: usize,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for a live handle and for inputs that can be read.
        let (call, changes) = unsafe {
            (
                Call::new(handle, actor)?,
                input::text(changes, changes_len, "changes")?,
            )
        };
        let mut changes = parsed(changes, "changes")?;
        let changes = changes
            .as_object_mut()
            .ok_or_else(|| Error::invalid("changes", "`changes` is a JSON object."))?;
        changes.remove("chat_id");
        let changes = changes
            .iter()
            .map(|(name, change)| (name.as_str(), change.into()));
        let params: Vec<_> = iter::once(("chat_id", chat_id.into()))
            .chain(changes)
            .collect();
        call.change::<chats::Update>(&params).map(drop)
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe { answer((), error, body) }
}

/// - What: destroys a chat with everything in it, for good. Nobody is disconnected.
/// - Ownership: the inputs are read during the call only.
/// - NULL: handle and actor may not be NULL.
/// - Threads: any, also several at once.
/// - Statuses: PORTAL_ERR_CHAT_NOT_FOUND, PORTAL_ERR_FORBIDDEN. And those that portal_call has for
///   every operation.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_chat_destroy(
    handle: *mut Handle,
    actor: *const Caller,
    chat_id: i64,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for a live handle and an actor that can be read.
        let call = unsafe { Call::new(handle, actor) }?;
        call.change::<chats::Destroy>(fields![chat_id]).map(drop)
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe { answer((), error, body) }
}

/// - What: ends the actor's membership for good; a DIRECT chat is destroyed by it. Where there is no
///   membership, nothing happens. portal_room_leave goes out of a room.
/// - Ownership: the inputs are read during the call only.
/// - NULL: handle and actor may not be NULL.
/// - Threads: any, also several at once.
/// - Statuses: PORTAL_ERR_CHAT_NOT_FOUND, PORTAL_ERR_OWNER_CANNOT_LEAVE. And those that portal_call has
///   for every operation.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_chat_leave(
    handle: *mut Handle,
    actor: *const Caller,
    chat_id: i64,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for a live handle and an actor that can be read.
        let call = unsafe { Call::new(handle, actor) }?;
        call.change::<members::Leave>(fields![chat_id]).map(drop)
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe { answer((), error, body) }
}
