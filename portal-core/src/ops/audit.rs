//! The audit log (SPEC 7.8): the table `audit`, append only.
//!
//! Rows go by retention alone, and the database itself refuses the rest: it lets go what lies before
//! `audit_horizon` in `meta`, which nothing but [`prune`] moves.

use rusqlite::Connection;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::Result;
use crate::model::{AuditId, ChatId, Timestamp, UserId};
use crate::operation::{Context, Query, View};
use crate::policy::{ActingAs, PlatformAction, on_platform};
use crate::store;

/// What an audit row says of an act.
#[derive(Debug, Default)]
pub(crate) struct Act {
    pub(crate) chat: Option<ChatId>,
    pub(crate) target: Option<UserId>,
    pub(crate) details: Value,
}

/// Writes a row for the acting person, operator or system, with the transaction of the act.
pub(crate) fn record(cx: &Context<'_>, action: &str, act: Act) -> Result<()> {
    let actor = match cx.actor {
        ActingAs::Guest => "guest",
        ActingAs::Person(_) => "user",
        ActingAs::Operator => "operator",
        ActingAs::System => "system",
    };
    let details = if act.details.is_null() {
        "{}".to_owned()
    } else {
        act.details.to_string()
    };
    store::execute(
        cx.db,
        "INSERT INTO audit (at, actor, user_id, os_user, action, chat_id, target, details)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            cx.now,
            actor,
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

/// What one call of [`prune`] forgets at most.
const PRUNED_A_CALL: usize = 1000;

/// Forgets acts older than `audit_days`, at most 1000 a call (SPEC 14.3). Answers when to call again: at
/// once, while there are more.
///
/// They go in the order they were written: a row that a wrong clock dated back goes no earlier than
/// those before it, and one that it dated ahead keeps none of the others.
pub(crate) fn prune(cx: &Context<'_>) -> Result<Option<Timestamp>> {
    let kept_from = cx.settings.audit_kept_from(cx.now);
    let kept_from = kept_from.unwrap_or(Timestamp::from_millis(0));
    let is_kept = |at: Timestamp| (kept_from..=cx.now).contains(&at);
    let mut old = first_written(cx.db, 1)?;
    if old.iter().any(|(_, at)| !is_kept(*at)) {
        old = first_written(cx.db, PRUNED_A_CALL + 1)?;
    }
    if let Some(end) = old.iter().position(|(_, at)| is_kept(*at)) {
        old.truncate(end);
    }
    let is_more = old.len() > PRUNED_A_CALL;
    old.truncate(PRUNED_A_CALL);
    old.retain(|(_, at)| *at < kept_from);
    let Some((last, _)) = old.last() else {
        // A clock was set back, or more is kept than before: what was let go by then is kept again.
        if horizon(cx.db)?.is_some_and(|horizon| horizon > kept_from) {
            move_horizon(cx.db, kept_from)?;
        }
        return Ok(None);
    };
    move_horizon(cx.db, kept_from)?;
    store::execute(
        cx.db,
        "DELETE FROM audit WHERE id <= ? AND at < ?",
        (last, kept_from),
    )?;
    Ok(is_more.then_some(cx.now))
}

/// The rows that were written first, and when.
fn first_written(db: &Connection, limit: usize) -> Result<Vec<(AuditId, Timestamp)>> {
    store::all(
        db,
        "SELECT id, at FROM audit WHERE id > 0 ORDER BY id LIMIT ?",
        [limit],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// What is older than this may be deleted.
fn horizon(db: &Connection) -> Result<Option<Timestamp>> {
    store::first(
        db,
        "SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'audit_horizon'",
        [],
        |row| row.get(0),
    )
}

fn move_horizon(db: &Connection, to: Timestamp) -> Result<()> {
    store::execute(
        db,
        "INSERT OR REPLACE INTO meta (key, value) VALUES ('audit_horizon', ?)",
        [to],
    )?;
    Ok(())
}

/// Lists the audit log, newest first: who did what to whom.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct List {
    /// Only rows before this one; from the last page's end.
    pub before: Option<AuditId>,
    /// Only this action, such as `chat.destroy`.
    pub action: Option<String>,
    /// Only this chat.
    pub chat_id: Option<ChatId>,
    /// Only what was done to this person.
    pub target: Option<UserId>,
    /// Only what this person did.
    pub user_id: Option<UserId>,
    /// At most this many, 1 to 200; default 50.
    pub limit: Option<u16>,
}

/// One act.
#[derive(Debug, Serialize, JsonSchema)]
pub struct AuditRow {
    /// Its id, rising.
    pub id: AuditId,
    /// When.
    pub at: Timestamp,
    /// `user`, `operator`, `system` or `guest`.
    pub actor: String,
    /// The person, if it was one.
    pub user_id: Option<UserId>,
    /// The operating-system user of an operator.
    pub os_user: Option<String>,
    /// The operation.
    pub action: String,
    /// The chat it was done to.
    pub chat_id: Option<ChatId>,
    /// The person it was done to.
    pub target: Option<UserId>,
    /// What else there is to know.
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
        on_platform(PlatformAction::Audit, &view.actor)?;
        let limit = super::page_size(self.limit, 50, 200)?;
        let rows = store::all(
            view.db,
            "SELECT id, at, actor, user_id, os_user, action, chat_id, target, details FROM audit
             WHERE (?1 IS NULL OR id < ?1) AND (?2 IS NULL OR action = ?2) AND (?3 IS NULL OR chat_id = ?3)
               AND (?4 IS NULL OR target = ?4) AND (?5 IS NULL OR user_id = ?5)
             ORDER BY id DESC LIMIT ?6",
            (
                self.before,
                self.action,
                self.chat_id,
                self.target,
                self.user_id,
                i64::try_from(limit).unwrap_or(i64::MAX),
            ),
            |row| {
                Ok(AuditRow {
                    id: row.get(0)?,
                    at: row.get(1)?,
                    actor: row.get(2)?,
                    user_id: row.get(3)?,
                    os_user: row.get(4)?,
                    action: row.get(5)?,
                    chat_id: row.get(6)?,
                    target: row.get(7)?,
                    details: serde_json::from_str(row.get_ref(8)?.as_str()?).unwrap_or(Value::Null),
                })
            },
        )?;
        Ok(AuditPage { rows })
    }
}
