//! Members added and removed by the operator.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Via, admit, dismiss};
use crate::error::Result;
use crate::event::EpochReason;
use crate::model::{ChatId, ChatType, UserId};
use crate::operation::{Context, Operation};
use crate::ops::{audit, chats, epochs, users};
use crate::policy::{Denial, PlatformAction, enter, may_evict, on_platform};

/// Makes a user a member by hand; for the operator. `ERR_BANNED` for who is banned from the chat,
/// `ERR_STRANGER_FORBIDDEN` for strangers; a DIRECT chat takes no third.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Add {
    /// Where.
    pub chat_id: ChatId,
    /// Whom.
    pub user_id: UserId,
}

/// What adding did.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Added {
    /// False if they belonged to the chat already.
    pub added: bool,
}

impl Operation for Add {
    const NAME: &'static str = "member.add";
    type Reply = Added;

    fn apply(self, cx: &mut Context<'_>) -> Result<Added> {
        on_platform(PlatformAction::Operate, &cx.actor)?;
        let person = users::person(cx.db, self.user_id, cx.now)?;
        let (row, facts) = chats::load_for(cx.db, Some(person.id), self.chat_id, cx.now)?;
        if facts.is_member || facts.is_owned_by(person.id) {
            return Ok(Added { added: false });
        }
        let permit = enter(&person, &facts)?;
        admit(cx, &permit, &row, Via::Operator, None)?;
        record(cx, Self::NAME, self.chat_id, self.user_id)?;
        Ok(Added { added: true })
    }
}

/// Ends a user's membership by hand; for the operator. The epoch moves. `ERR_TARGET_IS_OWNER` for the
/// owner, `ERR_DIRECT_UNMODERATED` in a DIRECT chat.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Remove {
    /// Where.
    pub chat_id: ChatId,
    /// Whom.
    pub user_id: UserId,
}

/// What removing did.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Removed {
    /// False if they were no member.
    pub removed: bool,
}

impl Operation for Remove {
    const NAME: &'static str = "member.remove";
    type Reply = Removed;

    fn apply(self, cx: &mut Context<'_>) -> Result<Removed> {
        on_platform(PlatformAction::Operate, &cx.actor)?;
        let target = users::target(cx.db, self.user_id)?;
        let (_, facts) = chats::load(cx, self.chat_id)?;
        if facts.chat_type == ChatType::Direct {
            return Err(Denial::DirectUnmoderated.into());
        }
        may_evict(&facts, &target)?;
        let removed = dismiss(cx, self.chat_id, self.user_id, "removed")?;
        if removed {
            epochs::move_on(cx, self.chat_id, EpochReason::MemberRemoved)?;
            record(cx, Self::NAME, self.chat_id, self.user_id)?;
        }
        Ok(Removed { removed })
    }
}

fn record(cx: &Context<'_>, action: &str, chat: ChatId, target: UserId) -> Result<()> {
    let act = audit::Act {
        chat: Some(chat),
        target: Some(target),
        ..Default::default()
    };
    audit::record(cx, action, act)
}
