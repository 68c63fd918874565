//! Who belongs to a chat, as it is shown.

use rusqlite::{Connection, Row};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::model::{ChatId, Role, Timestamp, UserId, Username};
use crate::operation::{Query, View};
use crate::ops::chats;
use crate::policy::{LookIn, Permit, list_members};
use crate::store;

/// Lists a chat's owner and members: in a PRIVATE chat to whoever may look in, in OFFICIAL and PUBLIC to
/// the members, the owner and who moderates. An admin who does not belong to a PRIVATE one says why first,
/// with `chat.inspect`.
///
/// `ERR_CHAT_NOT_FOUND`, `ERR_BANNED`, `ERR_FORBIDDEN`, `ERR_REASON_REQUIRED`, `ERR_INVALID`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct List {
    /// Which.
    pub chat_id: ChatId,
    /// Only members after this one; from the last page's end.
    #[serde(default)]
    pub after: Option<UserId>,
    /// At most this many, 1 to 500; default 100.
    #[serde(default)]
    pub limit: Option<u16>,
}

/// Somebody who belongs to a chat.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Member {
    /// Who.
    pub user_id: UserId,
    /// Their name.
    pub username: Username,
    /// Their platform role.
    pub role: Role,
    /// Since when; null for an owner who made the chat.
    pub joined_at: Option<Timestamp>,
}

/// Who belongs to a chat.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Members {
    /// The owner; DIRECT chats have none.
    pub owner: Option<Member>,
    /// The others, by id.
    pub members: Vec<Member>,
    /// The place in the event log that this is true at.
    pub as_of: u64,
}

impl Query for List {
    const NAME: &'static str = "member.list";
    type Reply = Members;

    fn answer(self, view: &View<'_>) -> Result<Members> {
        let (_, facts) = chats::load(view, self.chat_id)?;
        chats::may_read(view, &facts)?;
        let permit = list_members(&view.actor, &facts)?;
        let limit = crate::ops::page_size(self.limit, 100, 500)?;
        let owner_id = facts.owner.map(|owner| owner.id);
        let owner = match owner_id {
            Some(owner) => owner_of(view.db, &permit, owner)?,
            None => None,
        };
        let members = store::all(
            view.db,
            "SELECT u.id, u.username, u.role, m.joined_at
             FROM membership m JOIN user u ON u.id = m.user_id
             WHERE m.chat_id = ?1 AND m.user_id > ?2 AND m.user_id IS NOT ?3
             ORDER BY m.user_id LIMIT ?4",
            (
                self.chat_id,
                self.after.map_or(0, UserId::get),
                owner_id,
                limit,
            ),
            from_row,
        )?;
        Ok(Members {
            owner,
            members,
            as_of: view.as_of()?,
        })
    }
}

fn owner_of(db: &Connection, permit: &Permit<LookIn>, owner: UserId) -> Result<Option<Member>> {
    store::first(
        db,
        "SELECT u.id, u.username, u.role, m.joined_at
         FROM user u LEFT JOIN membership m ON m.user_id = u.id AND m.chat_id = ?1 WHERE u.id = ?2",
        (permit.subject(), owner),
        from_row,
    )
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Member> {
    Ok(Member {
        user_id: row.get(0)?,
        username: row.get(1)?,
        role: row.get(2)?,
        joined_at: row.get(3)?,
    })
}
