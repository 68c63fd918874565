//! The end of a chat: messages, members, invites and keys go with its row, by the schema's own cascades.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::{load, slugs};
use crate::error::Result;
use crate::event::RoomDestroyed;
use crate::model::{ChatId, ChatType};
use crate::operation::{Context, Done, Operation};
use crate::ops::matching::{self, Ending};
use crate::ops::{audit, events};
use crate::policy::{self, permit};
use crate::store;

/// Destroys a chat with everything in it, for good (SPEC 3.6). Nobody is disconnected. People end
/// a DIRECT chat by leaving it; if the operator destroys one, the match is over for both.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Destroy {
    /// Which.
    pub chat_id: ChatId,
}

impl Operation for Destroy {
    const NAME: &'static str = "chat.destroy";
    type Reply = Done;

    fn apply(self, cx: &mut Context<'_>) -> Result<Done> {
        let (row, facts) = load(cx, self.chat_id)?;
        let permit = permit::<policy::Destroy>(&cx.actor, &facts)?;
        let kind = &row.chat.kind;
        let act = audit::Act {
            chat: Some(permit.subject()),
            target: kind.owner(),
            details: json!({ "chat_type": kind.chat_type(), "slug": kind.slug() }),
        };
        audit::record(cx, Self::NAME, act)?;
        if kind.chat_type() == ChatType::Direct {
            matching::end(cx, permit.subject(), Ending::Destroyed)?;
        } else {
            destroy_now(cx, permit.subject())?;
        }
        Ok(Done {})
    }
}

/// Destroys a chat with everything in it. What this operation has written to the event log stays,
/// everything earlier about the chat goes (SPEC 3.6). Leave and audit are the caller's business.
pub(crate) fn destroy_now(cx: &mut Context<'_>, chat: ChatId) -> Result<()> {
    let (row, _) = load(cx, chat)?;
    if let (Some(slug), Some(owner)) = (row.chat.kind.slug(), row.chat.kind.owner()) {
        slugs::hold(cx.db, slug, owner, cx.now)?;
    }
    // The newest event can never be deleted: this one has to be there first.
    cx.emit(RoomDestroyed { chat_id: chat })?;
    if let Some(first) = cx.first_emitted() {
        events::forget_chat(cx.db, chat, first)?;
    }
    store::execute(cx.db, "DELETE FROM chat WHERE id = ?", [chat])?;
    Ok(())
}
