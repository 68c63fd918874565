//! Warning a person (SPEC 4.3, 7.1): it holds nobody back, it stays on record.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::everywhere::{leave_for, record};
use crate::error::Result;
use crate::event::UserWarned;
use crate::model::{ChatId, Reason, UserId};
use crate::operation::{Context, Operation};
use crate::ops::{chats, messages, punishments, users};
use crate::policy::{Moderate, PersonAction, permit};

/// Warns a person; for moderators and above. They are told, with the reason; where a chat is named, it
/// reads that they were warned.
///
/// `ERR_CHAT_NOT_FOUND`, `ERR_BANNED`, `ERR_DIRECT_UNMODERATED`, `ERR_USER_NOT_FOUND`, `ERR_FORBIDDEN`,
/// `ERR_INVALID`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Warn {
    /// Whom.
    pub user_id: UserId,
    /// Why: at most 500 characters, for the target and staff.
    pub reason: Reason,
    /// Where it came to it, a chat that the caller moderates: it reads that they were warned, not why.
    #[serde(default)]
    pub chat_id: Option<ChatId>,
}

/// A warning on record.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Warned {
    /// Its id in the person's list of punishments.
    pub punishment_id: i64,
}

impl Operation for Warn {
    const NAME: &'static str = "mod.warn";
    type Reply = Warned;

    fn apply(self, cx: &mut Context<'_>) -> Result<Warned> {
        if let Some(chat) = self.chat_id {
            let (_, facts) = chats::load(cx, chat)?;
            permit::<Moderate>(&cx.actor, &facts)?;
        }
        let leave = leave_for(cx, PersonAction::Warn, self.user_id)?;
        let punishment_id = punishments::warn(cx, &leave, self.chat_id, &self.reason)?;
        cx.emit(UserWarned {
            user_id: self.user_id,
            chat_id: self.chat_id,
            punishment_id,
        })?;
        if let Some(chat) = self.chat_id {
            let name = users::name(cx.db, self.user_id)?;
            messages::system(cx, chat, "warned", &format!("{name} was warned"))?;
        }
        let details = json!({ "reason": self.reason });
        record(cx, Self::NAME, &leave, self.chat_id, details)?;
        Ok(Warned { punishment_id })
    }
}
