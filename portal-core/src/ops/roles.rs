//! Roles (SPEC 1.2, 1.6).

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::error::{Error, ErrorKind, Result};
use crate::model::{ChatId, ChatType, Role, UserId};
use crate::operation::{Context, Done, Operation};
use crate::ops::sessions::{self, Ending};
use crate::ops::{audit, chats, users};
use crate::policy::{TargetFacts, Transfer, may_grant_role, permit};

/// Gives a user a role, and ends their sessions. People grant roles below their own to whom they may act
/// on; platform owners grant any.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetRole {
    /// Whom.
    pub user_id: UserId,
    /// Which.
    pub role: Role,
    /// The admin or platform owner who takes the user's OFFICIAL chats: needed if the user has any and
    /// falls below admin.
    #[serde(default)]
    pub chats_to: Option<UserId>,
}

impl Operation for SetRole {
    const NAME: &'static str = "user.set_role";
    type Reply = Done;

    fn apply(self, cx: &mut Context<'_>) -> Result<Done> {
        let person = users::named(cx, self.user_id)?;
        let leave = may_grant_role(&cx.actor, &TargetFacts::from(&person), self.role)?;
        if person.stranger {
            return Err(ErrorKind::StrangerForbidden.into());
        }
        if person.role == self.role {
            return Ok(Done {});
        }
        if users::is_last_owner(cx.db, &person)? {
            return Err(ErrorKind::LastOwner.into());
        }
        let handed_over = if self.role < Role::Admin {
            hand_over_official(cx, person.id, self.chats_to)?
        } else {
            Vec::new()
        };
        users::set_role(cx.db, &leave, self.role)?;
        sessions::end_all(cx, person.id, Ending::RoleChanged)?;
        let details = json!({
            "from": person.role, "to": self.role, "chats": handed_over, "chats_to": self.chats_to,
        });
        audit::record(
            cx,
            Self::NAME,
            audit::Act {
                target: Some(person.id),
                details,
                ..Default::default()
            },
        )?;
        users::announce(cx, person.id, "role")?;
        Ok(Done {})
    }
}

/// Gives a falling admin's OFFICIAL chats to another; answers which.
fn hand_over_official(
    cx: &mut Context<'_>,
    from: UserId,
    to: Option<UserId>,
) -> Result<Vec<ChatId>> {
    let mut handed_over = Vec::new();
    for chat in chats::owned_by(cx.db, from)? {
        let (_, facts) = chats::load(cx, chat)?;
        if facts.chat_type != ChatType::Official {
            continue;
        }
        let to = to.ok_or(ErrorKind::UserOwnsChats)?;
        if to == from {
            return Err(Error::invalid("chats_to", "name somebody else"));
        }
        permit::<Transfer>(&cx.actor, &facts)?;
        chats::hand_over(cx, chat, to)?;
        handed_over.push(chat);
    }
    Ok(handed_over)
}
