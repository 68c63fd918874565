//! What a person owns, belongs to, and is offered.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::transfer::{Offer, offers_to};
use super::{COLUMNS, ChatView, from_row};
use crate::error::Result;
use crate::model::{ChatId, ChatType, UserId};
use crate::operation::{Query, View};
use crate::policy::{PlatformAction, on_platform};
use crate::store;

/// Lists the chats that the caller owns, is a member of, or is matched into, by id, and the chats that
/// are offered to them (SPEC 3.7, 3.10). Somebody else's only for the operator.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct List {
    /// Whose; default the caller's own.
    pub user_id: Option<UserId>,
    /// Only chats after this one; from the last page's end.
    pub after: Option<ChatId>,
    /// At most this many, 1 to 200; default 100.
    pub limit: Option<u16>,
}

/// How somebody stands to a chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    /// Owns it.
    Owner,
    /// Is a member.
    Member,
    /// Is one of the two of a DIRECT chat.
    Matched,
}

/// A chat of somebody's.
#[derive(Debug, Serialize, JsonSchema)]
pub struct OwnChat {
    /// The chat.
    #[serde(flatten)]
    pub chat: ChatView,
    /// How they stand to it.
    pub relation: Relation,
}

/// Somebody's chats.
#[derive(Debug, Serialize, JsonSchema)]
pub struct OwnChats {
    /// By id.
    pub chats: Vec<OwnChat>,
    /// What is offered to them.
    pub offers: Vec<Offer>,
    /// The place in the event log that this is true at.
    pub as_of: u64,
}

impl Query for List {
    const NAME: &'static str = "chat.list";
    type Reply = OwnChats;

    fn answer(self, view: &View<'_>) -> Result<OwnChats> {
        let user = match self.user_id {
            Some(user) if view.actor.user_id() == Some(user) => user,
            // An admin's look into a PRIVATE chat takes a reason and an audit row (SPEC 4.5): no way round.
            Some(user) => on_platform(PlatformAction::Operate, &view.actor).map(|_| user)?,
            None => view.user_id()?,
        };
        let limit = crate::ops::page_size(self.limit, 100, 200)?;
        let chats = store::all(
            view.db,
            &format!(
                "SELECT {COLUMNS} FROM chat c
                 WHERE c.id IN (SELECT id FROM chat WHERE owner_id = ?1
                                UNION SELECT chat_id FROM membership WHERE user_id = ?1)
                   AND c.id > ?2
                 ORDER BY c.id LIMIT ?3"
            ),
            (user, self.after.map_or(0, ChatId::get), limit),
            from_row,
        )?;
        let relation = |chat: &ChatView| match chat.chat_type {
            ChatType::Direct => Relation::Matched,
            _ if chat.owner == Some(user) => Relation::Owner,
            _ => Relation::Member,
        };
        let chats = chats
            .into_iter()
            .map(ChatView::from)
            .map(|chat| OwnChat {
                relation: relation(&chat),
                chat,
            })
            .collect();
        Ok(OwnChats {
            chats,
            offers: offers_to(view.db, user, view.now)?,
            as_of: view.as_of()?,
        })
    }
}
