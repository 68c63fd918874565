//! Invites: the table `invite` (SPEC 5). A code is a key: whoever has it comes in, so it is written to no
//! event and no log, and only those who may invite ever read it.

mod resolve;

pub use resolve::{Resolve, Resolved};

use std::num::NonZeroU32;

use rusqlite::{Connection, Row};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::codes::{LETTERS_AND_DIGITS, pick};
use crate::error::{Error, ErrorKind, Result};
use crate::event::RoomUpdated;
use crate::model::{ChatId, DAY, InviteCode, Timestamp, UserId};
use crate::operation::{Context, Done, Operation, Query, View};
use crate::ops::{audit, chats};
use crate::policy::{Invites, Permit, permit};
use crate::settings::Settings;
use crate::store;

/// Live invites a chat may have (SPEC 5.2).
const LIVE_AT_MOST: u32 = 20;

/// What makes an invite live at the moment `?2`, of the table `invite i`.
macro_rules! live {
    () => {
        "i.revoked_at IS NULL AND (i.expires_at IS NULL OR i.expires_at > ?2)
         AND (i.max_uses IS NULL OR i.uses < i.max_uses)"
    };
}
use live;

/// An invite, as those who may invite see it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Invite {
    /// What is passed on.
    pub code: InviteCode,
    /// Where it leads.
    pub chat_id: ChatId,
    /// Who made it; null: the operator.
    pub created_by: Option<UserId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends; null: never.
    pub expires_at: Option<Timestamp>,
    /// How many it lets in; null: any number.
    pub max_uses: Option<u32>,
    /// How many it has let in.
    pub uses: u32,
}

/// The columns of an [`Invite`], of the table `invite i`.
const COLUMNS: &str =
    "i.code, i.chat_id, i.created_by, i.created_at, i.expires_at, i.max_uses, i.uses";

fn from_row(row: &Row<'_>) -> rusqlite::Result<Invite> {
    Ok(Invite {
        code: row.get(0)?,
        chat_id: row.get(1)?,
        created_by: row.get(2)?,
        created_at: row.get(3)?,
        expires_at: row.get(4)?,
        max_uses: row.get(5)?,
        uses: row.get(6)?,
    })
}

/// Makes an invite to a chat (SPEC 5.1). A chat has at most 20 live ones: `ERR_INVITE_QUOTA`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Create {
    /// To which.
    pub chat_id: ChatId,
    /// When it ends, in the future; default never.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
    /// How many it lets in, at least 1; default any number.
    #[serde(default)]
    pub max_uses: Option<NonZeroU32>,
}

impl Operation for Create {
    const NAME: &'static str = "invite.create";
    type Reply = Invite;

    fn apply(self, cx: &mut Context<'_>) -> Result<Invite> {
        let (_, facts) = chats::load(cx, self.chat_id)?;
        let permit = permit::<Invites>(&cx.actor, &facts)?;
        if self.expires_at.is_some_and(|end| end <= cx.now) {
            let why = "an invite ends in the future";
            return Err(Error::invalid("expires_at", why));
        }
        if count_live(cx.db, &permit, cx.now)? >= LIVE_AT_MOST {
            return Err(ErrorKind::InviteQuota.into());
        }
        let invite = Invite {
            code: InviteCode::try_from(pick(cx.random, LETTERS_AND_DIGITS, 16))
                .map_err(|_| ErrorKind::Internal)?,
            chat_id: self.chat_id,
            created_by: cx.actor.user_id(),
            created_at: cx.now,
            expires_at: self.expires_at,
            max_uses: self.max_uses.map(NonZeroU32::get),
            uses: 0,
        };
        insert(cx.db, &permit, &invite)?;
        let details = json!({ "expires_at": invite.expires_at, "max_uses": invite.max_uses });
        tell(cx, Self::NAME, self.chat_id, details)?;
        Ok(invite)
    }
}

pub(crate) fn count_live(db: &Connection, permit: &Permit<Invites>, now: Timestamp) -> Result<u32> {
    let count = store::first(
        db,
        concat!(
            "SELECT count(*) FROM invite i WHERE i.chat_id = ?1 AND ",
            live!()
        ),
        (permit.subject(), now),
        |row| row.get(0),
    )?;
    Ok(count.unwrap_or_default())
}

fn insert(db: &Connection, permit: &Permit<Invites>, invite: &Invite) -> Result<()> {
    store::execute(
        db,
        "INSERT INTO invite (code, chat_id, created_by, created_at, expires_at, max_uses)
         VALUES (?, ?, ?, ?, ?, ?)",
        (
            &invite.code,
            permit.subject(),
            invite.created_by,
            invite.created_at,
            invite.expires_at,
            invite.max_uses,
        ),
    )?;
    Ok(())
}

/// Keeps an act on a chat's invites for the audit log and tells those who look at the list. No code is
/// in either.
fn tell(
    cx: &mut Context<'_>,
    action: &str,
    chat_id: ChatId,
    details: serde_json::Value,
) -> Result<()> {
    let act = audit::Act {
        chat: Some(chat_id),
        details,
        ..Default::default()
    };
    audit::record(cx, action, act)?;
    cx.emit(RoomUpdated {
        chat_id,
        changed: vec!["invites".to_owned()],
    })
}

/// Lists a chat's live invites, oldest first (SPEC 5.2).
///
/// `ERR_CHAT_NOT_FOUND`, `ERR_FORBIDDEN`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct List {
    /// Whose.
    pub chat_id: ChatId,
}

/// A chat's live invites.
#[derive(Debug, Serialize, JsonSchema)]
pub struct InviteList {
    /// Oldest first.
    pub invites: Vec<Invite>,
}

impl Query for List {
    const NAME: &'static str = "invite.list";
    type Reply = InviteList;

    fn answer(self, view: &View<'_>) -> Result<InviteList> {
        let (_, facts) = chats::load(view, self.chat_id)?;
        let permit = permit::<Invites>(&view.actor, &facts)?;
        let invites = store::all(
            view.db,
            &format!(
                "SELECT {COLUMNS} FROM invite i WHERE i.chat_id = ?1 AND {} ORDER BY i.created_at, i.code",
                live!()
            ),
            (permit.subject(), view.now),
            from_row,
        )?;
        Ok(InviteList { invites })
    }
}

/// Revokes an invite, for good (SPEC 5.2). Repeatable; a code that is none of this chat's is
/// `ERR_INVITE_INVALID`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Revoke {
    /// Whose.
    pub chat_id: ChatId,
    /// Which.
    pub code: InviteCode,
}

impl Operation for Revoke {
    const NAME: &'static str = "invite.revoke";
    type Reply = Done;

    fn apply(self, cx: &mut Context<'_>) -> Result<Done> {
        let (_, facts) = chats::load(cx, self.chat_id)?;
        let permit = permit::<Invites>(&cx.actor, &facts)?;
        let revoked = store::first(
            cx.db,
            "SELECT revoked_at IS NOT NULL FROM invite WHERE code = ? AND chat_id = ?",
            (&self.code, self.chat_id),
            |row| row.get::<_, bool>(0),
        )?
        .ok_or(ErrorKind::InviteInvalid)?;
        if !revoked {
            revoke(cx.db, &permit, &self.code, cx.now)?;
            // Dead now, so its name gives nothing away.
            tell(cx, Self::NAME, self.chat_id, json!({ "code": self.code }))?;
        }
        Ok(Done {})
    }
}

fn revoke(
    db: &Connection,
    permit: &Permit<Invites>,
    code: &InviteCode,
    now: Timestamp,
) -> Result<()> {
    store::execute(
        db,
        "UPDATE invite SET revoked_at = ? WHERE code = ? AND chat_id = ?",
        (now, code, permit.subject()),
    )?;
    Ok(())
}

/// An invite as it is stored, but for its code: whoever reads that comes in.
#[derive(Debug, Serialize, JsonSchema)]
pub struct InviteMade {
    /// Where it leads.
    pub chat_id: ChatId,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends; null: never.
    pub expires_at: Option<Timestamp>,
    /// How many it lets in; null: any number.
    pub max_uses: Option<u32>,
    /// How many it has let in.
    pub uses: u32,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// Every invite that a person made, for their export.
pub(crate) fn export_of(db: &Connection, user: UserId) -> Result<Vec<InviteMade>> {
    store::all(
        db,
        "SELECT chat_id, created_at, expires_at, max_uses, uses, revoked_at FROM invite
         WHERE created_by = ? ORDER BY created_at, code",
        [user],
        |row| {
            Ok(InviteMade {
                chat_id: row.get(0)?,
                created_at: row.get(1)?,
                expires_at: row.get(2)?,
                max_uses: row.get(3)?,
                uses: row.get(4)?,
                revoked_at: row.get(5)?,
            })
        },
    )
}

/// Forgets invites that have been dead for `dead_invite_days` (SPEC 14.3), 1000 rows a call. When the
/// last use was is not kept: an exhausted one goes by its age.
pub(crate) fn prune(db: &Connection, now: Timestamp, dead_days: u32) -> Result<usize> {
    let horizon = now.plus(-i64::from(dead_days) * DAY);
    store::execute(
        db,
        "DELETE FROM invite WHERE code IN (SELECT code FROM invite
           WHERE revoked_at <= ?1 OR expires_at <= ?1 OR (uses = max_uses AND created_at <= ?1) LIMIT 1000)",
        [horizon],
    )
}

/// How many invites have been dead for `dead_invite_days`.
pub(crate) fn prunable(db: &Connection, settings: &Settings, now: Timestamp) -> Result<u64> {
    let horizon = now.plus(-i64::from(settings.dead_invite_days) * DAY);
    let sql = "SELECT count(*) FROM invite
               WHERE revoked_at <= ?1 OR expires_at <= ?1 OR (uses = max_uses AND created_at <= ?1)";
    Ok(store::first(db, sql, [horizon], |row| row.get(0))?.unwrap_or_default())
}
