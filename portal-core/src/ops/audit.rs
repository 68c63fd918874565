//! The audit log (SPEC 7.8): the table `audit`, append only.
//!
//! Rows go by retention alone, and the database itself refuses the rest: it lets go what lies before
//! `audit_horizon` in `meta`, which nothing but `prune` moves.

mod export;
mod list;
#[cfg(test)]
mod plans;
mod retention;

pub(crate) use export::export_of;
pub use export::{ActOnThem, AuditOfPerson, OwnAct};
pub use list::{AuditPage, AuditRow, List};
pub(crate) use retention::{prunable, prune};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::Result;
use crate::model::{ChatId, HOUR, Timestamp, UserId};
use crate::operation::{Context, View};
use crate::policy::ActingAs;
use crate::store::{self, words};

/// What kind of actor did something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActorKind {
    /// Nobody signed in.
    Guest,
    /// A person.
    User,
    /// A bot.
    Bot,
    /// Whoever holds the database file.
    Operator,
    /// Housekeeping.
    System,
}

words! { ActorKind { Guest "guest", User "user", Bot "bot", Operator "operator", System "system" } }

impl From<&ActingAs> for ActorKind {
    fn from(actor: &ActingAs) -> Self {
        match actor {
            ActingAs::Guest => Self::Guest,
            ActingAs::Person(_) => Self::User,
            ActingAs::Bot(_) => Self::Bot,
            ActingAs::Operator => Self::Operator,
            ActingAs::System => Self::System,
        }
    }
}

/// What an audit row says of an act.
#[derive(Debug, Default)]
pub(crate) struct Act {
    pub(crate) chat: Option<ChatId>,
    pub(crate) target: Option<UserId>,
    pub(crate) details: Value,
}

/// Writes a row for the acting person, operator or system, with the transaction of the act. Of a chat it
/// keeps the type of the moment: what was done in a PRIVATE one stays so when that goes PUBLIC.
pub(crate) fn record(cx: &Context<'_>, action: &str, act: Act) -> Result<()> {
    let details = if act.details.is_null() {
        "{}".to_owned()
    } else {
        act.details.to_string()
    };
    store::execute(
        cx.db,
        "INSERT INTO audit (at, actor, user_id, os_user, action, chat_id, chat_type, target, details)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, (SELECT chat_type FROM chat WHERE id = ?6), ?7, ?8)",
        (
            cx.now,
            ActorKind::from(&cx.actor),
            cx.actor.user_id(),
            &cx.caller.os_user,
            action,
            act.chat,
            act.target,
            details,
        ),
    )?;
    Ok(())
}

/// What an act was done to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum On {
    Chat(ChatId),
    Person(UserId),
}

/// How long a reason for a look holds.
const REASON_HOLDS: i64 = HOUR;

/// Until when a reason holds that is given at this moment.
pub(crate) fn reason_holds_until(now: Timestamp) -> Timestamp {
    now.plus(REASON_HOLDS)
}

/// Whether the acting person has given a reason by this act, and it still holds.
pub(crate) fn gave_reason(view: &View<'_>, action: &str, on: On) -> Result<bool> {
    let (sql, id) = match on {
        On::Chat(chat) => (
            "SELECT 1 FROM audit WHERE chat_id = ? AND user_id = ? AND action = ? AND at > ? LIMIT 1",
            chat.get(),
        ),
        On::Person(person) => (
            "SELECT 1 FROM audit WHERE target = ? AND user_id = ? AND action = ? AND at > ? LIMIT 1",
            person.get(),
        ),
    };
    let since = view.now.plus(-REASON_HOLDS);
    let did = (id, view.actor.user_id(), action, since);
    let found = store::first(view.db, sql, did, |_| Ok(()))?;
    Ok(found.is_some())
}
