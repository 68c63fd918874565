//! `portal_actor`: on whose behalf C calls.

use std::borrow::Cow;
use std::ffi::c_char;
use std::mem::offset_of;

use portal_core::actor::Who;
use portal_core::{Actor, Error, Result};

use crate::input::{self, SizeFirst};

/// portal_actor.kind: nobody signed in. Has no id.
pub const PORTAL_ACTOR_GUEST: i32 = 0;
/// portal_actor.kind: a session, by the id that portal_authenticate answers.
pub const PORTAL_ACTOR_SESSION: i32 = 1;
/// portal_actor.kind: a live connection, by the id that portal_connect answers.
pub const PORTAL_ACTOR_CONNECTION: i32 = 2;
/// portal_actor.kind: a user, by id, whom the host has identified by itself.
pub const PORTAL_ACTOR_USER: i32 = 3;
/// portal_actor.kind: whoever holds the database file, such as the host itself. Has no id.
pub const PORTAL_ACTOR_OPERATOR: i32 = 4;
/// portal_actor.kind: a bot of another platform, by the id that portal_authenticate_bot answers.
pub const PORTAL_ACTOR_BOT: i32 = 5;

/// On whose behalf a call is made, and from where. It begins with its size: zero it, then set size to
/// sizeof(portal_actor). Everything else at zero is a guest from nowhere. It is read during the call
/// only. Texts are pointer and length in UTF-8; NULL with length 0 is absent.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Caller {
    /// sizeof(portal_actor).
    pub size: usize,
    /// The session, connection, user or bot; 0 for the kinds that have no id.
    pub id: i64,
    /// One of PORTAL_ACTOR_...
    pub kind: i32,
    /// 0.
    pub reserved: i32,
    /// The client's IP address, for limits: "192.0.2.7" or "2001:db8::7".
    pub ip: *const c_char,
    /// Bytes of ip.
    pub ip_len: usize,
    /// The client's program, for the list of sessions.
    pub user_agent: *const c_char,
    /// Bytes of user_agent.
    pub user_agent_len: usize,
    /// The operating-system user of an operator, for the audit log.
    pub os_user: *const c_char,
    /// Bytes of os_user.
    pub os_user_len: usize,
    /// Where the client is, two capital letters such as "NL": match.enqueue keeps it for whom they are
    /// matched with.
    pub country: *const c_char,
    /// Bytes of country.
    pub country_len: usize,
}

// SAFETY: `repr(C)`, the size comes first, and the rest are numbers and pointers; it has grown.
unsafe impl SizeFirst for Caller {
    const EARLIER: &'static [usize] = &[offset_of!(Caller, country)];
}

/// The actor that C describes.
///
/// # Safety
/// NULL, or a `portal_actor` whose texts can be read.
#[inline(always)]
pub(crate) unsafe fn actor(pointer: *const Caller) -> Result<Actor> {
    // SAFETY: as the caller says.
    let caller = unsafe { input::sized(pointer, "actor") }?;
    if caller.reserved != 0 {
        return Err(wrong("actor.reserved", "`actor.reserved` has to be 0."));
    }
    let who = match caller.kind {
        PORTAL_ACTOR_GUEST => without_id(Who::Guest, caller.id)?,
        PORTAL_ACTOR_OPERATOR => without_id(Who::Operator, caller.id)?,
        PORTAL_ACTOR_SESSION => Who::Session(id(caller.id)?),
        PORTAL_ACTOR_CONNECTION => Who::Connection(id(caller.id)?),
        PORTAL_ACTOR_USER => Who::User(id(caller.id)?),
        PORTAL_ACTOR_BOT => Who::Bot(id(caller.id)?),
        other => {
            let why = format!("`actor.kind` is one of PORTAL_ACTOR_..., not {other}.");
            return Err(wrong("actor.kind", why));
        }
    };
    // SAFETY: as the caller says, for all four.
    let (ip, user_agent, os_user, country) = unsafe {
        (
            input::optional_text(caller.ip, caller.ip_len, "actor.ip")?,
            input::optional_text(caller.user_agent, caller.user_agent_len, "actor.user_agent")?,
            input::optional_text(caller.os_user, caller.os_user_len, "actor.os_user")?,
            input::optional_text(caller.country, caller.country_len, "actor.country")?,
        )
    };
    let ip = ip.map(|ip| {
        ip.parse()
            .map_err(|_| wrong("actor.ip", "`actor.ip` is not an IP address."))
    });
    let ip = ip.transpose()?;
    let country = country.map(|country| {
        country
            .parse()
            .map_err(|_| wrong("actor.country", "`actor.country` is two capital letters."))
    });
    // Made in one piece: moving it about shows in what a call costs.
    Ok(Actor {
        who,
        ip,
        user_agent: user_agent.map(str::to_owned),
        os_user: os_user.map(str::to_owned),
        country: country.transpose()?,
    })
}

fn id<T: TryFrom<i64, Error = String>>(id: i64) -> Result<T> {
    T::try_from(id).map_err(|message| wrong("actor.id", message))
}

#[cold]
fn wrong(field: &'static str, why: impl Into<Cow<'static, str>>) -> Error {
    Error::invalid(field, why)
}

/// An id without its kind is a mistake that must not pass for a guest's call, or an operator's.
fn without_id(who: Who, id: i64) -> Result<Who> {
    if id == 0 {
        Ok(who)
    } else {
        Err(wrong(
            "actor.id",
            "A guest and an operator have no id; set `actor.kind` to what the id is of.",
        ))
    }
}
