//! A chat's activity log: who joined, left, was kicked or banned (SPEC 10.4). The table `activity`.
//!
//! That somebody left a room comes a minute late, unless they are back by then, with the time at which they went.

use rusqlite::Connection;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::model::{ActivityId, ChatId, ChatType, DAY, MINUTE, Timestamp, UserId};
use crate::operation::{Context, Query, View};
use crate::ops::{chats, messages, users};
use crate::policy::{ActivityLog, permit, reads_private_days};
use crate::settings::Settings;
use crate::store::{self, words};

/// Joining and leaving are written once per person and chat within this (SPEC 10.4).
const JOINING_PAUSE: i64 = 10 * MINUTE;

/// What happened to somebody in a chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActivityKind {
    /// Came into the room.
    Join,
    /// Left the room.
    Leave,
    /// Was kicked.
    Kick,
    /// Was banned.
    Ban,
}

words! { ActivityKind { Join "join", Leave "leave", Kick "kick", Ban "ban" } }

/// By which door somebody came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// The open door of an OFFICIAL or PUBLIC chat.
    Open,
    /// Its address.
    Slug,
    /// An invite.
    Invite,
    /// A match.
    Match,
}

words! { Method { Open "open", Slug "slug", Invite "invite", Match "match" } }

impl Method {
    /// The door of this type of chat (SPEC 3.2), where nothing more precise is known.
    pub(crate) const fn usual(chat_type: ChatType) -> Self {
        match chat_type {
            ChatType::Official => Self::Open,
            ChatType::Public => Self::Slug,
            ChatType::Private => Self::Invite,
            ChatType::Direct => Self::Match,
        }
    }
}

/// Writes down what happened; answers whether it did. Joining and leaving are passed over when the
/// same was written less than 10 minutes ago.
pub(crate) fn record(
    cx: &Context<'_>,
    chat: ChatId,
    user: UserId,
    kind: ActivityKind,
    method: Option<Method>,
) -> Result<bool> {
    record_at(cx.db, cx.now, chat, user, kind, method)
}

/// Like [`record`], for what happened before it could be written.
pub(crate) fn record_at(
    db: &Connection,
    at: Timestamp,
    chat: ChatId,
    user: UserId,
    kind: ActivityKind,
    method: Option<Method>,
) -> Result<bool> {
    if matches!(kind, ActivityKind::Join | ActivityKind::Leave) {
        let lately = store::first(
            db,
            "SELECT 1 FROM activity WHERE chat_id = ? AND user_id = ? AND kind = ? AND at > ? LIMIT 1",
            (chat, user, kind, at.plus(-JOINING_PAUSE)),
            |_| Ok(()),
        )?;
        if lately.is_some() {
            return Ok(false);
        }
    }
    store::execute(
        db,
        "INSERT INTO activity (chat_id, user_id, kind, method, chat_type, at)
         SELECT id, ?2, ?3, ?4, chat_type, ?5 FROM chat WHERE id = ?1",
        (chat, user, kind, method, at),
    )?;
    Ok(true)
}

/// Writes down that somebody joined or left, and says it in the chat: both at most once in 10 minutes
/// (SPEC 10.4).
pub(crate) fn announce(
    cx: &mut Context<'_>,
    at: Timestamp,
    chat: ChatId,
    user: UserId,
    kind: ActivityKind,
    method: Option<Method>,
) -> Result<()> {
    if !record_at(cx.db, at, chat, user, kind, method)? {
        return Ok(());
    }
    // Somebody who left may be deleted by the time it is written down.
    let Some((name, _)) = users::name_and_role(cx.db, user)? else {
        return Ok(());
    };
    let (row, _) = chats::load_for(cx.db, None, chat, cx.now)?;
    let (code, word) = match (row.chat.kind.chat_type(), kind) {
        // That the two are there, `match_opened` has said.
        (ChatType::Direct, ActivityKind::Join) => return Ok(()),
        (ChatType::Direct, _) => ("match_left", "left"),
        (_, ActivityKind::Join) => ("joined", "joined"),
        (_, _) => ("left", "left"),
    };
    messages::system(cx, chat, code, &format!("{name} {word}"))
}

/// Forgets what is older than `activity_days` (SPEC 14.3), 1000 rows a call; 0 days keeps everything.
pub(crate) fn prune(cx: &Context<'_>) -> Result<usize> {
    let days = i64::from(cx.settings.activity_days);
    if days == 0 {
        return Ok(0);
    }
    store::execute(
        cx.db,
        "DELETE FROM activity WHERE id IN (SELECT id FROM activity WHERE at < ? ORDER BY at LIMIT 1000)",
        [cx.now.plus(-days * DAY)],
    )
}

/// How many rows are older than `activity_days`.
pub(crate) fn prunable(db: &Connection, settings: &Settings, now: Timestamp) -> Result<u64> {
    let days = i64::from(settings.activity_days);
    if days == 0 {
        return Ok(0);
    }
    let sql = "SELECT count(*) FROM activity WHERE at < ?";
    Ok(store::first(db, sql, [now.plus(-days * DAY)], |row| row.get(0))?.unwrap_or_default())
}

/// Lists a chat's activity log, newest first: who joined, left, was kicked or banned. What happened while
/// a chat was PRIVATE is listed to its owner only.
///
/// `ERR_CHAT_NOT_FOUND`, `ERR_BANNED`, `ERR_FORBIDDEN`, `ERR_INVALID`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct List {
    /// Of which chat.
    pub chat_id: ChatId,
    /// Only rows before this one; from the last page's end.
    #[serde(default)]
    pub before: Option<ActivityId>,
    /// At most this many, 1 to 200; default 50.
    #[serde(default)]
    #[schemars(range(min = 1, max = 200))]
    pub limit: Option<u16>,
}

/// An entry of a chat's activity log: one thing that happened.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ActivityRow {
    /// Its id, rising.
    pub id: ActivityId,
    /// When.
    pub at: Timestamp,
    /// Who joined, left or was put out.
    pub user_id: UserId,
    /// The name; null once the user is deleted.
    pub username: Option<String>,
    /// What happened.
    pub kind: ActivityKind,
    /// By which door somebody came in.
    pub method: Option<Method>,
}

/// A page of the activity log.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ActivityPage {
    /// Newest first.
    pub rows: Vec<ActivityRow>,
}

impl Query for List {
    const NAME: &'static str = "activity.list";
    type Reply = ActivityPage;

    fn answer(self, view: &View<'_>) -> Result<ActivityPage> {
        let (_, facts) = chats::load(view, self.chat_id)?;
        let permit = permit::<ActivityLog>(&view.actor, &facts)?;
        let limit = super::page_size(self.limit, 50, 200)?;
        let rows = store::all(
            view.db,
            "SELECT a.id, a.at, a.user_id, u.username, a.kind, a.method
             FROM activity a LEFT JOIN user u ON u.id = a.user_id
             WHERE a.chat_id = ? AND a.id < ? AND (? OR a.chat_type <> 'PRIVATE') ORDER BY a.id DESC LIMIT ?",
            (
                permit.subject(),
                self.before.map_or(i64::MAX, ActivityId::get),
                reads_private_days(&view.actor, &facts),
                i64::try_from(limit).unwrap_or(i64::MAX),
            ),
            |row| {
                Ok(ActivityRow {
                    id: row.get(0)?,
                    at: row.get(1)?,
                    user_id: row.get(2)?,
                    username: row.get(3)?,
                    kind: row.get(4)?,
                    method: row.get(5)?,
                })
            },
        )?;
        Ok(ActivityPage { rows })
    }
}

/// Something that a person did in a chat, or that was done to them there.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ActivityOfPerson {
    /// Where.
    pub chat_id: ChatId,
    /// When.
    pub at: Timestamp,
    /// What happened.
    pub kind: ActivityKind,
    /// By which door they came in.
    pub method: Option<Method>,
}

/// Every row of a person, for their export.
pub(crate) fn export_of(db: &Connection, user: UserId) -> Result<Vec<ActivityOfPerson>> {
    store::all(
        db,
        "SELECT chat_id, at, kind, method FROM activity WHERE user_id = ? ORDER BY id",
        [user],
        |row| {
            Ok(ActivityOfPerson {
                chat_id: row.get(0)?,
                at: row.get(1)?,
                kind: row.get(2)?,
                method: row.get(3)?,
            })
        },
    )
}
