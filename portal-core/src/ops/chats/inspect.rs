//! An admin's look into others' PRIVATE chat (SPEC 4.5): the reason first, then an hour of reading.
//!
//! There is no table of such looks: what was audited is the leave itself, so none is ever without a trace.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::load;
use crate::error::Result;
use crate::model::{ChatId, Reason, Timestamp};
use crate::operation::{Context, Operation, View};
use crate::ops::audit;
use crate::policy::{ChatFacts, LookIn, Permit, looks_as_staff, permit, read};

/// Says why an admin looks into a PRIVATE chat that they do not belong to; for an hour they can read there:
/// rows, not plaintext. It is audited, sends them no events and counts no viewer.
///
/// `ERR_CHAT_NOT_FOUND`, `ERR_INVALID`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Inspect {
    /// Which.
    pub chat_id: ChatId,
    /// Why: at most 500 characters, for staff.
    pub reason: Reason,
}

/// Leave to read.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Inspected {
    /// Until when; null where the caller reads without a reason, and nothing was noted.
    pub until: Option<Timestamp>,
}

impl Operation for Inspect {
    const NAME: &'static str = "chat.inspect";
    type Reply = Inspected;

    fn apply(self, cx: &mut Context<'_>) -> Result<Inspected> {
        let (row, facts) = load(cx, self.chat_id)?;
        let permit = permit::<LookIn>(&cx.actor, &facts)?;
        if !looks_as_staff(&cx.actor, &facts) {
            return Ok(Inspected { until: None });
        }
        let act = audit::Act {
            chat: Some(permit.subject()),
            target: row.chat.kind.owner(),
            details: json!({ "reason": self.reason }),
        };
        audit::record(cx, Self::NAME, act)?;
        Ok(Inspected {
            until: Some(audit::reason_holds_until(cx.now)),
        })
    }
}

/// Leave to read in a chat, of which the facts were read just now.
pub(crate) fn may_read(view: &View<'_>, facts: &ChatFacts) -> Result<Permit<LookIn>> {
    let gave_reason = looks_as_staff(&view.actor, facts)
        && audit::gave_reason(view, Inspect::NAME, audit::On::Chat(facts.id))?;
    Ok(read(&view.actor, facts, gave_reason)?)
}
