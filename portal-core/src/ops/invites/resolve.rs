//! What a code or an address leads to (SPEC 5.3, 5.4).
//!
//! Every code that lets nobody in takes the same way: one statement finds the good ones, and whatever it
//! does not find is wrong, counted and answered alike.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{COLUMNS, Invite, from_row, live};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{ChatId, InviteCode, MINUTE, Slug};
use crate::operation::{Context, Operation};
use crate::ops::activity::Method;
use crate::ops::chats::{self, ChatView};
use crate::ops::limits::{self, Limit};
use crate::ops::members::{self, Via};
use crate::ops::punishments::holds;
use crate::policy::{Enter, LookIn, Permit, enter, invitee, permit};
use crate::store;

/// Wrong codes, counted for the session and for the address (SPEC 5.4).
const WRONG_CODES: Limit = Limit {
    kind: "invite.wrong_code",
    max: 10,
    window_ms: MINUTE,
};

/// Follows an invite code and becomes a member, or an address of an OFFICIAL or PUBLIC chat and sees where
/// it leads (SPEC 5.3). A code or address that leads nowhere is `ERR_INVITE_INVALID`; after 10 of those in
/// a minute, `ERR_RATE_LIMITED`. The banned get `ERR_BANNED`. Owner and members spend no use.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Resolve {
    /// The code or the address.
    pub code: String,
}

/// Where it leads.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Resolved {
    /// To which chat.
    pub chat_id: ChatId,
    /// The chat.
    pub chat: ChatView,
    /// Whether the caller owned it or was a member before.
    pub already_member: bool,
    /// Whether the caller is a member now because of this.
    pub joined: bool,
}

impl Operation for Resolve {
    const NAME: &'static str = "invite.resolve";
    type Reply = Resolved;

    fn apply(self, cx: &mut Context<'_>) -> Result<Resolved> {
        for subject in counted_by(cx) {
            limits::check(cx.db, WRONG_CODES, &subject, cx.now)?;
        }
        // No address has the form of a code (SPEC 3.3).
        match self.code.parse() {
            Ok(code) => by_invite(cx, &code),
            Err(_) => by_address(cx, &self.code),
        }
    }
}

/// Whose wrong codes are counted: the session's, or a person's who has none, and the network's.
fn counted_by(cx: &Context<'_>) -> Vec<String> {
    let who = match (cx.session, cx.actor.user_id()) {
        (Some(session), _) => Some(format!("session:{session}")),
        (None, Some(user)) => Some(format!("user:{user}")),
        (None, None) => None,
    };
    let network = cx.caller.network().map(|network| format!("ip:{network}"));
    who.into_iter().chain(network).collect()
}

/// Counts a wrong code; the answer for all of them.
fn wrong(cx: &mut Context<'_>) -> Error {
    for subject in counted_by(cx) {
        cx.count_failure(WRONG_CODES.kind, subject);
    }
    ErrorKind::InviteInvalid.into()
}

fn by_address(cx: &mut Context<'_>, text: &str) -> Result<Resolved> {
    let chat = match text.parse::<Slug>() {
        Ok(slug) => chats::by_slug(cx.db, &slug)?,
        Err(_) => None,
    };
    let Some(chat_id) = chat else {
        return Err(wrong(cx));
    };
    let (row, facts) = chats::load(cx, chat_id)?;
    permit::<LookIn>(&cx.actor, &facts)?;
    let owns = cx.actor.user_id().is_some_and(|id| facts.is_owned_by(id));
    Ok(Resolved {
        chat_id,
        chat: row.into(),
        already_member: facts.is_member || owns,
        joined: false,
    })
}

fn by_invite(cx: &mut Context<'_>, code: &InviteCode) -> Result<Resolved> {
    let person = invitee(&cx.actor)?;
    let Some(invite) = good(cx, code)? else {
        return Err(wrong(cx));
    };
    let (row, facts) = chats::load(cx, invite.chat_id)?;
    let permit = enter(&person, &facts)?;
    let already_member = facts.is_member || facts.is_owned_by(person.id);
    if !already_member {
        spend(cx, &permit, &invite)?;
        members::admit(cx, &permit, &row, Via::Invite, Some(Method::Invite))?;
    }
    let (row, _) = chats::load(cx, invite.chat_id)?;
    Ok(Resolved {
        chat_id: invite.chat_id,
        chat: row.into(),
        already_member,
        joined: !already_member,
    })
}

/// The invite of a code that is good at this moment. It rests while whoever made it is timed out or
/// banned on the platform (SPEC 4.2).
fn good(cx: &Context<'_>, code: &InviteCode) -> Result<Option<Invite>> {
    store::first(
        cx.db,
        &format!(
            "SELECT {COLUMNS} FROM invite i WHERE i.code = ?1 AND {}
               AND NOT EXISTS (SELECT 1 FROM punishment p
                 WHERE p.user_id = i.created_by AND p.kind IN ('timeout', 'platform_ban') AND {})",
            live!(),
            holds!("?2")
        ),
        (code, cx.now),
        from_row,
    )
}

/// Spends a use. The database itself refuses one too many.
fn spend(cx: &Context<'_>, permit: &Permit<Enter>, invite: &Invite) -> Result<()> {
    store::execute(
        cx.db,
        "UPDATE invite SET uses = uses + 1 WHERE code = ? AND chat_id = ?",
        (&invite.code, permit.subject().0),
    )?;
    Ok(())
}
