//! Reading the audit log: who reads how much of it is policy's, which acts are asked for is the caller's.

use rusqlite::{Row, ToSql, params_from_iter};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ActorKind;
use crate::error::{Error, Result};
use crate::model::{AuditId, ChatId, Timestamp, UserId, Username};
use crate::operation::{Query, View};
use crate::policy::{AuditScope, read_audit};
use crate::store;

/// Lists the audit log, newest first: who did what to whom. Admins and above read all of it; moderators
/// read what was done in OFFICIAL and PUBLIC chats that are still there, of owners they may act on.
///
/// `ERR_UNAUTHENTICATED`, `ERR_STRANGER_FORBIDDEN`, `ERR_FORBIDDEN`, `ERR_INVALID`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct List {
    /// Only rows before this one; from the last page's end.
    pub before: Option<AuditId>,
    /// Only this action, such as `chat.destroy`; or all of an area, by its name and a dot: `chat.`.
    pub action: Option<String>,
    /// Only this chat.
    pub chat_id: Option<ChatId>,
    /// Only what was done to this person.
    pub target: Option<UserId>,
    /// Only what this person did.
    pub user_id: Option<UserId>,
    /// Only what this kind of actor did.
    pub actor: Option<ActorKind>,
    /// Only what this operating-system user did.
    pub os_user: Option<String>,
    /// Only what was done then or later.
    pub from: Option<Timestamp>,
    /// Only what was done before then.
    pub until: Option<Timestamp>,
    /// At most this many, 1 to 200; default 50.
    #[schemars(range(min = 1, max = 200))]
    pub limit: Option<u16>,
}

/// An entry of the audit log: one act.
#[derive(Debug, Serialize, JsonSchema)]
pub struct AuditRow {
    /// Its id, rising.
    pub id: AuditId,
    /// When.
    pub at: Timestamp,
    /// What kind of actor did it.
    pub actor: ActorKind,
    /// The person, if it was one.
    pub user_id: Option<UserId>,
    /// That person's name; null once they are gone.
    pub username: Option<Username>,
    /// The operating-system user of an operator.
    pub os_user: Option<String>,
    /// The operation.
    pub action: String,
    /// The chat it was done to.
    pub chat_id: Option<ChatId>,
    /// The person it was done to.
    pub target: Option<UserId>,
    /// That person's name; null once they are gone.
    pub target_username: Option<Username>,
    /// What else there is to know, in fields that depend on the operation.
    pub details: Value,
}

/// A page of the audit log.
#[derive(Debug, Serialize, JsonSchema)]
pub struct AuditPage {
    /// Newest first.
    pub rows: Vec<AuditRow>,
}

impl Query for List {
    const NAME: &'static str = "audit.list";
    type Reply = AuditPage;

    fn answer(self, view: &View<'_>) -> Result<AuditPage> {
        let permit = read_audit(&view.actor)?;
        let limit = crate::ops::page_size(self.limit, 50, 200)?;
        let mut wanted = Conditions::default();
        wanted.add("a.id < ?", Some(self.before.map_or(i64::MAX, AuditId::get)));
        match permit.subject() {
            AuditScope::Everything => {}
            AuditScope::OpenChats {
                owners_below,
                without,
            } => {
                wanted.add(IN_OPEN_CHATS, Some(owners_below));
                wanted.add("instr(a.action, ?) <> 1", Some(without));
            }
        }
        match self.action {
            Some(area) if area.ends_with('.') => wanted.add(OF_AREA, Some(area)),
            Some(action) if !action.contains('.') => {
                let why = "an action is like `chat.destroy`, an area like `chat.`";
                return Err(Error::invalid("action", why));
            }
            action => wanted.add("a.action = ?", action),
        }
        wanted.add("a.chat_id = ?", self.chat_id);
        wanted.add("a.target = ?", self.target);
        wanted.add("a.user_id = ?", self.user_id);
        wanted.add("a.actor = ?", self.actor);
        wanted.add("a.os_user = ?", self.os_user);
        wanted.add("a.at >= ?", self.from);
        wanted.add("a.at < ?", self.until);
        wanted.values.push(Box::new(limit));
        let rows = store::all(
            view.db,
            &wanted.statement(),
            params_from_iter(wanted.values),
            from_row,
        )?;
        Ok(AuditPage { rows })
    }
}

/// Acts in chats that were open when it was done and are now, of an owner below a role.
const IN_OPEN_CHATS: &str = "a.chat_type IN ('OFFICIAL', 'PUBLIC') AND EXISTS
    (SELECT 1 FROM chat c JOIN user o ON o.id = c.owner_id
     WHERE c.id = a.chat_id AND c.chat_type IN ('OFFICIAL', 'PUBLIC') AND o.role < ?)";

/// As the index `audit_by_area` has it.
const OF_AREA: &str = "substr(a.action, 1, instr(a.action, '.')) = ?";

/// What was asked for, and nothing else: so each statement has the index that fits it.
#[derive(Default)]
struct Conditions {
    texts: Vec<&'static str>,
    values: Vec<Box<dyn ToSql>>,
}

impl Conditions {
    fn add(&mut self, text: &'static str, value: Option<impl ToSql + 'static>) {
        if let Some(value) = value {
            self.texts.push(text);
            self.values.push(Box::new(value));
        }
    }

    fn statement(&self) -> String {
        format!(
            "SELECT a.id, a.at, a.actor, a.user_id, u.username, a.os_user, a.action, a.chat_id, a.target, \
               t.username, a.details \
             FROM audit a LEFT JOIN user u ON u.id = a.user_id LEFT JOIN user t ON t.id = a.target \
             WHERE {} ORDER BY a.id DESC LIMIT ?",
            self.texts.join(" AND ")
        )
    }
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<AuditRow> {
    Ok(AuditRow {
        id: row.get(0)?,
        at: row.get(1)?,
        actor: row.get(2)?,
        user_id: row.get(3)?,
        username: row.get(4)?,
        os_user: row.get(5)?,
        action: row.get(6)?,
        chat_id: row.get(7)?,
        target: row.get(8)?,
        target_username: row.get(9)?,
        details: details(row, 10)?,
    })
}

/// What else a row says.
pub(super) fn details(row: &Row<'_>, column: usize) -> rusqlite::Result<Value> {
    Ok(serde_json::from_str(row.get_ref(column)?.as_str()?).unwrap_or(Value::Null))
}
