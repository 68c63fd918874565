//! Calls: every operation by its name, and what only the door itself does.

use std::ffi::c_char;

use portal_core::actor::Who;
use portal_core::model::{ConnectionId, Timestamp};
use portal_core::{Error, Result};

use crate::actor::{self, Caller};
use crate::boundary::{answer, out};
use crate::buf::Buf;
use crate::error::Failure;
use crate::handle::{self, Handle};
use crate::input;

/// - What: runs an operation or query by its name, such as "chat.create", with parameters and reply as
///   JSON objects. Returns when the change is on disk; after an error nothing of it is stored.
/// - Ownership: the inputs are read during the call only. *reply belongs to the caller, who disposes of
///   it with portal_buf_dispose; what it held before is overwritten, not freed.
/// - NULL: handle, actor and reply may not be NULL. op and params may be, with length 0; no params are {}.
/// - Threads: any, also several at once; changes that wait together are committed together.
/// - Statuses: PORTAL_ERR_UNKNOWN_OPERATION, PORTAL_ERR_INVALID with the first wrong field,
///   PORTAL_ERR_UNAUTHENTICATED, PORTAL_ERR_NOT_CONNECTED, PORTAL_ERR_TIMED_OUT, PORTAL_ERR_BANNED and
///   PORTAL_ERR_STRANGER_FORBIDDEN for the actor, PORTAL_ERR_CLOSED, PORTAL_ERR_STORAGE and its kind,
///   PORTAL_ERR_INTERNAL, and those of the operation.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_call(
    handle: *mut Handle,
    actor: *const Caller,
    op: *const c_char,
    op_len: usize,
    params: *const c_char,
    params_len: usize,
    reply: *mut Buf,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for a live handle and for inputs that can be read.
        let (gate, actor, op, params) = unsafe {
            (
                handle::gate(handle)?,
                actor::actor(actor)?,
                input::text(op, op_len, "op")?,
                input::text(params, params_len, "params")?,
            )
        };
        let portal = gate.enter()?;
        let reply = portal.call_json(&actor, op, params);
        portal.told(op, reply).map(Buf::new)
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe { answer(out(reply, "reply"), error, body) }
}

/// - What: finds the live session of a token, for portal_actor.id of PORTAL_ACTOR_SESSION.
/// - Ownership: the token is read during the call only.
/// - NULL: handle and session_id may not be NULL. token may be, with length 0.
/// - Threads: any, also several at once.
/// - Statuses: PORTAL_ERR_UNAUTHENTICATED, PORTAL_ERR_INVALID, PORTAL_ERR_CLOSED,
///   PORTAL_ERR_STORAGE and its kind, PORTAL_ERR_INTERNAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_authenticate(
    handle: *mut Handle,
    token: *const c_char,
    token_len: usize,
    session_id: *mut i64,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for a live handle and for inputs that can be read.
        let (gate, token) = unsafe {
            (
                handle::gate(handle)?,
                input::text(token, token_len, "token")?,
            )
        };
        let portal = gate.enter()?;
        portal
            .told("authenticate", portal.authenticate(token))
            .map(i64::from)
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe { answer(out(session_id, "session_id"), error, body) }
}

/// - What: finds the bot of an API key, for portal_actor.id of PORTAL_ACTOR_BOT.
/// - Ownership: the key is read during the call only.
/// - NULL: handle and bot_id may not be NULL. key may be, with length 0.
/// - Threads: any, also several at once.
/// - Statuses: PORTAL_ERR_UNAUTHENTICATED, PORTAL_ERR_INVALID, PORTAL_ERR_CLOSED,
///   PORTAL_ERR_STORAGE and its kind, PORTAL_ERR_INTERNAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_authenticate_bot(
    handle: *mut Handle,
    key: *const c_char,
    key_len: usize,
    bot_id: *mut i64,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for a live handle and for inputs that can be read.
        let (gate, key) = unsafe { (handle::gate(handle)?, input::text(key, key_len, "key")?) };
        let portal = gate.enter()?;
        portal
            .told("authenticate_bot", portal.authenticate_bot(key))
            .map(i64::from)
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe { answer(out(bot_id, "bot_id"), error, body) }
}

/// - What: notes a live connection of a session (PORTAL_ACTOR_SESSION) or a guest, for portal_actor.id
///   of PORTAL_ACTOR_CONNECTION. Needs PORTAL_OPEN_PRESENCE.
/// - Ownership: the actor is read during the call only. The connection lasts until
///   portal_disconnect, portal_close, or the end of its session.
/// - NULL: handle, actor and connection_id may not be NULL.
/// - Threads: any, also several at once.
/// - Statuses: PORTAL_ERR_INVALID, also for an actor of another kind, PORTAL_ERR_NOT_CONNECTED where
///   presence is off, PORTAL_ERR_UNAUTHENTICATED, PORTAL_ERR_TIMED_OUT, PORTAL_ERR_BANNED,
///   PORTAL_ERR_CLOSED, PORTAL_ERR_STORAGE and its kind, PORTAL_ERR_INTERNAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_connect(
    handle: *mut Handle,
    actor: *const Caller,
    connection_id: *mut i64,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for a live handle and for an actor that can be read.
        let (gate, actor) = unsafe { (handle::gate(handle)?, actor::actor(actor)?) };
        let portal = gate.enter()?;
        if !matches!(actor.who, Who::Session(_) | Who::Guest) {
            return Err(Error::invalid(
                "actor.kind",
                "A connection is a session's (PORTAL_ACTOR_SESSION) or a guest's; session.create makes a session.",
            ));
        }
        portal
            .told("connect", portal.connect(&actor))
            .map(i64::from)
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe { answer(out(connection_id, "connection_id"), error, body) }
}

/// - What: forgets a live connection, at once and whatever is answered, and writes down who left a room
///   with it. What could not be written, the next portal_tick writes. Repeatable.
/// - Ownership: nothing changes hands.
/// - NULL: handle may not be NULL.
/// - Threads: any, also several at once.
/// - Statuses: PORTAL_ERR_INVALID, PORTAL_ERR_CLOSED, PORTAL_ERR_STORAGE and its kind,
///   PORTAL_ERR_INTERNAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_disconnect(
    handle: *mut Handle,
    connection_id: i64,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for a live handle.
        let gate = unsafe { handle::gate(handle) }?;
        let portal = gate.enter()?;
        portal.told("disconnect", portal.disconnect(connection(connection_id)?))
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe { answer((), error, body) }
}

/// - What: does what is due by the clock, and says when it next wants to be called, in UTC
///   milliseconds since 1970. Late calls are caught up, and nothing is done twice.
/// - Ownership: nothing changes hands.
/// - NULL: handle and next_ms may not be NULL.
/// - Threads: any, also several at once; the library has no thread that would do it.
/// - Statuses: PORTAL_ERR_INVALID, PORTAL_ERR_CLOSED, PORTAL_ERR_STORAGE and its kind,
///   PORTAL_ERR_INTERNAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_tick(
    handle: *mut Handle,
    next_ms: *mut i64,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for a live handle.
        let gate = unsafe { handle::gate(handle) }?;
        let portal = gate.enter()?;
        portal.told("tick", portal.tick()).map(Timestamp::as_millis)
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe { answer(out(next_ms, "next_ms"), error, body) }
}

fn connection(id: i64) -> Result<ConnectionId> {
    ConnectionId::try_from(id).map_err(|message| Error::invalid("connection_id", message))
}
