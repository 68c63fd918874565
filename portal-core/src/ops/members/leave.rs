//! Ending one's own membership.

use schemars::JsonSchema;
use serde::Deserialize;

use super::dismiss;
use crate::error::{ErrorKind, Result};
use crate::event::EpochReason;
use crate::model::{ChatId, ChatType};
use crate::operation::{Context, Done, Operation};
use crate::ops::matching::{self, Ending};
use crate::ops::{chats, epochs};
use crate::policy::{LookIn, permit};

/// Leaves a chat for good: the caller's membership ends (SPEC 3.2a). An owner gets
/// `ERR_OWNER_CANNOT_LEAVE`. Leaving a DIRECT chat destroys it. Where there is no membership, nothing
/// happens; `room.leave` goes out of a room.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Leave {
    /// Which.
    pub chat_id: ChatId,
}

impl Operation for Leave {
    const NAME: &'static str = "chat.leave";
    type Reply = Done;

    fn apply(self, cx: &mut Context<'_>) -> Result<Done> {
        let leaver = cx.user_id()?;
        let (_, facts) = chats::load(cx, self.chat_id)?;
        permit::<LookIn>(&cx.actor, &facts)?;
        if facts.chat_type == ChatType::Direct {
            matching::end(cx, self.chat_id, Ending::Left(leaver))?;
        } else if facts.is_owned_by(leaver) {
            return Err(ErrorKind::OwnerCannotLeave.into());
        } else if dismiss(cx, self.chat_id, leaver, "left")? {
            epochs::schedule_move(cx, self.chat_id, EpochReason::MemberLeft)?;
        }
        Ok(Done {})
    }
}
