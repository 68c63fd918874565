//! The platform's endorsement of a chat.

use rusqlite::Connection;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::load;
use crate::error::{ErrorKind, Result};
use crate::event::RoomUpdated;
use crate::model::{ChatId, ChatType, Label};
use crate::operation::{Context, Done, Operation};
use crate::ops::audit;
use crate::policy::{LookIn, PlatformAction, PlatformPermit, on_platform, permit};
use crate::store;

/// Sets a chat's label, or takes it away with null (SPEC 3.1); for admins. A DIRECT chat has none.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetLabel {
    /// Which.
    pub chat_id: ChatId,
    /// The endorsement; null is none.
    pub label: Option<Label>,
}

impl Operation for SetLabel {
    const NAME: &'static str = "chat.set_label";
    type Reply = Done;

    fn apply(self, cx: &mut Context<'_>) -> Result<Done> {
        let (row, facts) = load(cx, self.chat_id)?;
        permit::<LookIn>(&cx.actor, &facts)?;
        let permit = on_platform(PlatformAction::Label, &cx.actor)?;
        if facts.chat_type == ChatType::Direct {
            return Err(ErrorKind::Forbidden.into());
        }
        if row.label == self.label {
            return Ok(Done {});
        }
        write(cx.db, &permit, self.chat_id, self.label.as_ref())?;
        let act = audit::Act {
            chat: Some(self.chat_id),
            details: json!({ "from": row.label, "to": self.label }),
            ..Default::default()
        };
        audit::record(cx, Self::NAME, act)?;
        cx.emit(RoomUpdated {
            chat_id: self.chat_id,
            changed: vec!["label".to_owned()],
        })?;
        Ok(Done {})
    }
}

fn write(
    db: &Connection,
    permit: &PlatformPermit,
    chat: ChatId,
    label: Option<&Label>,
) -> Result<()> {
    debug_assert_eq!(
        permit.subject(),
        PlatformAction::Label,
        "the permit is for labels"
    );
    store::execute(db, "UPDATE chat SET label = ? WHERE id = ?", (label, chat))?;
    Ok(())
}
