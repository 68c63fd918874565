//! Whom a chat keeps from sending or from coming back, for those who look after it (SPEC 4.1, 7.1).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::holds;
use crate::error::Result;
use crate::model::{ChatId, Reason, Role, Timestamp, UserId, Username};
use crate::operation::{Query, View};
use crate::ops::{actor_word, chats};
use crate::policy::{Moderate, TargetFacts, may_read_reason, permit};
use crate::store;

/// Lists the mutes and bans of a chat that hold at the moment, newest first; for who moderates it. An admin
/// who does not belong to a PRIVATE one says why first, with `chat.inspect`. A reason is shown to whoever gave
/// it, and to staff who may act on the person.
///
/// `ERR_CHAT_NOT_FOUND`, `ERR_BANNED`, `ERR_UNAUTHENTICATED`, `ERR_STRANGER_FORBIDDEN`, `ERR_FORBIDDEN`,
/// `ERR_DIRECT_UNMODERATED`, `ERR_REASON_REQUIRED`, `ERR_INVALID`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OfChat {
    /// Of which chat.
    pub chat_id: ChatId,
    /// Only rows before this one; from the last page's end.
    #[serde(default)]
    pub before: Option<i64>,
    /// At most this many, 1 to 200; default 50.
    #[serde(default)]
    #[schemars(range(min = 1, max = 200))]
    pub limit: Option<u16>,
}

/// Somebody whom a chat holds back.
#[derive(Debug, Serialize, JsonSchema)]
pub struct HeldBack {
    /// The punishment's id, rising.
    pub id: i64,
    /// `mute` or `ban`.
    pub kind: String,
    /// Who.
    pub user_id: UserId,
    /// Their name.
    pub username: Username,
    /// Their platform role.
    pub role: Role,
    /// Why, if that is the caller's to read.
    pub reason: Option<Reason>,
    /// When it began.
    pub at: Timestamp,
    /// When it ends by itself; null: not by itself.
    pub until: Option<Timestamp>,
}

/// A page of those whom a chat holds back.
#[derive(Debug, Serialize, JsonSchema)]
pub struct HeldBackPage {
    /// Newest first.
    pub rows: Vec<HeldBack>,
    /// The place in the event log that this is true at.
    pub as_of: u64,
}

impl Query for OfChat {
    const NAME: &'static str = "mod.list";
    type Reply = HeldBackPage;

    fn answer(self, view: &View<'_>) -> Result<HeldBackPage> {
        let (_, facts) = chats::load(view, self.chat_id)?;
        chats::may_read(view, &facts)?;
        let permit = permit::<Moderate>(&view.actor, &facts)?;
        let limit = crate::ops::page_size(self.limit, 50, 200)?;
        let caller = actor_word(&view.actor);
        let rows = store::all(
            view.db,
            concat!(
                "SELECT p.id, p.kind, p.user_id, u.username, u.role, p.reason, p.at, p.until, p.by_actor = ?5
                 FROM punishment p JOIN user u ON u.id = p.user_id
                 WHERE p.chat_id = ?1 AND p.id < ?2 AND p.kind IN ('mute', 'ban') AND ",
                holds!("?3"),
                " ORDER BY p.id DESC LIMIT ?4"
            ),
            (
                permit.subject(),
                self.before.unwrap_or(i64::MAX),
                view.now,
                limit,
                caller,
            ),
            |row| {
                let target = TargetFacts {
                    id: row.get(2)?,
                    role: row.get(4)?,
                };
                let is_readable = may_read_reason(&view.actor, row.get(8)?, &target);
                let reason: Option<Reason> = row.get(5)?;
                Ok(HeldBack {
                    id: row.get(0)?,
                    kind: row.get(1)?,
                    user_id: target.id,
                    username: row.get(3)?,
                    role: target.role,
                    reason: reason.filter(|_| is_readable),
                    at: row.get(6)?,
                    until: row.get(7)?,
                })
            },
        )?;
        Ok(HeldBackPage {
            rows,
            as_of: view.as_of()?,
        })
    }
}
