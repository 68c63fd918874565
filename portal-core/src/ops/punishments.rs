//! What holds a person back at a moment: the table `punishment`. Those that ran out count as absent
//! without any sweep (SPEC 7.3); rows stay, so that the person and staff can read why.

mod of_chat;

pub use of_chat::{HeldBack, HeldBackPage, OfChat};

use rusqlite::Connection;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::model::{ChatId, Reason, Role, Standing, Timestamp, UserId};
use crate::operation::{Context, Query, View};
use crate::ops::users;
use crate::policy::{ActOn, ActOnInChat, Permit, on_person};
use crate::store;

/// Whether the punishment `p` holds at a moment, in SQL: for statements that ask it beside other things.
macro_rules! holds {
    ($now:literal) => {
        concat!(
            "p.lifted_at IS NULL AND (p.until IS NULL OR p.until > ",
            $now,
            ")"
        )
    };
}
pub(crate) use holds;

/// What can be done to a person within a chat (SPEC 7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InChat {
    /// Put out once: over at once, the row keeps the reason.
    Kick,
    /// Cannot send.
    Mute,
    /// Cannot come back.
    Ban,
}

impl InChat {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Kick => "kick",
            Self::Mute => "mute",
            Self::Ban => "ban",
        }
    }
}

/// What can be done to a person everywhere (SPEC 4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Everywhere {
    /// Cannot send.
    HardMute,
    /// Cannot come back for a while.
    Timeout,
    /// Cannot come back.
    Ban,
    /// A stranger who is not matched any more (SPEC 9.11).
    Block,
}

impl Everywhere {
    const fn as_str(self) -> &'static str {
        match self {
            Self::HardMute => "hard_mute",
            Self::Timeout => "timeout",
            Self::Ban => "platform_ban",
            Self::Block => "block",
        }
    }
}

/// Punishes a person in a chat. It takes the place of one of the same kind that still holds, whether
/// that would have ended sooner or later (SPEC 7.3).
pub(crate) fn punish(
    cx: &Context<'_>,
    permit: &Permit<ActOnInChat>,
    kind: InChat,
    reason: Option<&Reason>,
    until: Option<Timestamp>,
) -> Result<()> {
    lift(cx, permit, kind)?;
    let (chat, user) = permit.subject();
    let over = (kind == InChat::Kick).then_some(cx.now);
    insert(cx, user, Some(chat), kind.as_str(), reason, until, over).map(drop)
}

/// Punishes a person everywhere, in place of one of the same kind as [`punish`] does; answers its id.
pub(crate) fn punish_everywhere(
    cx: &Context<'_>,
    permit: &Permit<ActOn>,
    kind: Everywhere,
    reason: Option<&Reason>,
    until: Option<Timestamp>,
) -> Result<i64> {
    lift_everywhere(cx, permit, kind)?;
    let user = permit.subject();
    insert(cx, user, None, kind.as_str(), reason, until, None)
}

/// Puts a warning on record; answers its id.
pub(crate) fn warn(
    cx: &Context<'_>,
    permit: &Permit<ActOn>,
    chat: Option<ChatId>,
    reason: &Reason,
) -> Result<i64> {
    insert(cx, permit.subject(), chat, "warn", Some(reason), None, None)
}

fn insert(
    cx: &Context<'_>,
    user: UserId,
    chat: Option<ChatId>,
    kind: &str,
    reason: Option<&Reason>,
    until: Option<Timestamp>,
    lifted_at: Option<Timestamp>,
) -> Result<i64> {
    let by = super::actor_word(&cx.actor);
    store::execute(
        cx.db,
        "INSERT INTO punishment (user_id, chat_id, kind, reason, by_actor, at, until, lifted_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (user, chat, kind, reason, by, cx.now, until, lifted_at),
    )?;
    Ok(cx.db.last_insert_rowid())
}

/// Lifts what holds a person back in a chat; answers whether anything did.
pub(crate) fn lift(cx: &Context<'_>, permit: &Permit<ActOnInChat>, kind: InChat) -> Result<bool> {
    let (chat, user) = permit.subject();
    lift_kind(cx, user, Some(chat), kind.as_str())
}

/// Lifts what holds a person back everywhere; answers whether anything did.
pub(crate) fn lift_everywhere(
    cx: &Context<'_>,
    permit: &Permit<ActOn>,
    kind: Everywhere,
) -> Result<bool> {
    lift_kind(cx, permit.subject(), None, kind.as_str())
}

fn lift_kind(cx: &Context<'_>, user: UserId, chat: Option<ChatId>, kind: &str) -> Result<bool> {
    let lifted = store::execute(
        cx.db,
        "UPDATE punishment SET lifted_at = ?1
         WHERE user_id = ?2 AND kind = ?3 AND chat_id IS ?4 AND kind <> 'warn'
           AND lifted_at IS NULL AND (until IS NULL OR until > ?1)",
        (cx.now, user, kind, chat),
    )?;
    Ok(lifted > 0)
}

/// The reason of a punishment, while there is one.
pub(crate) fn reason(db: &Connection, punishment: i64) -> Result<Option<Reason>> {
    let found = store::first(
        db,
        "SELECT reason FROM punishment WHERE id = ?",
        [punishment],
        |row| row.get(0),
    )?;
    Ok(found.flatten())
}

/// Lists a person's punishments, newest first, with their reasons: one's own, or, for staff, those of
/// somebody they may act on (SPEC 7.5).
///
/// `ERR_UNAUTHENTICATED`, `ERR_USER_NOT_FOUND`, `ERR_FORBIDDEN`, `ERR_INVALID`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct List {
    /// Whose; absent: the caller's own.
    pub user_id: Option<UserId>,
    /// Only rows before this one; from the last page's end.
    pub before: Option<i64>,
    /// At most this many, 1 to 200; default 50.
    #[schemars(range(min = 1, max = 200))]
    pub limit: Option<u16>,
}

/// One punishment.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Punishment {
    /// Its id, rising.
    pub id: i64,
    /// `kick`, `mute`, `ban`, `hard_mute`, `timeout`, `platform_ban`, `warn` or `block`.
    pub kind: String,
    /// In which chat; null: everywhere.
    pub chat_id: Option<ChatId>,
    /// Why.
    pub reason: Option<Reason>,
    /// When it began.
    pub at: Timestamp,
    /// When it ends by itself; null: not by itself.
    pub until: Option<Timestamp>,
    /// When it was lifted or replaced; a kick is over at once.
    pub lifted_at: Option<Timestamp>,
    /// Whether it holds now.
    pub holds: bool,
}

/// A page of punishments.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PunishmentPage {
    /// Newest first.
    pub rows: Vec<Punishment>,
}

impl Query for List {
    const NAME: &'static str = "user.punishments";
    type Reply = PunishmentPage;

    fn answer(self, view: &View<'_>) -> Result<PunishmentPage> {
        let user = match self.user_id {
            None => view.user_id()?,
            Some(user) if view.actor.user_id() == Some(user) => user,
            Some(user) => {
                let target = users::target(view.db, user)?;
                on_person(Role::Moderator, &view.actor, &target)?;
                user
            }
        };
        let limit = super::page_size(self.limit, 50, 200)?;
        let before = self.before.unwrap_or(i64::MAX);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = rows_of(view.db, user, before, limit, view.now)?;
        Ok(PunishmentPage { rows })
    }
}

fn rows_of(
    db: &Connection,
    user: UserId,
    before: i64,
    limit: i64,
    now: Timestamp,
) -> Result<Vec<Punishment>> {
    store::all(
        db,
        "SELECT id, kind, chat_id, reason, at, until, lifted_at,
           lifted_at IS NULL AND kind <> 'warn' AND (until IS NULL OR until > ?4)
         FROM punishment WHERE user_id = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3",
        (user, before, limit, now),
        |row| {
            Ok(Punishment {
                id: row.get(0)?,
                kind: row.get(1)?,
                chat_id: row.get(2)?,
                reason: row.get(3)?,
                at: row.get(4)?,
                until: row.get(5)?,
                lifted_at: row.get(6)?,
                holds: row.get(7)?,
            })
        },
    )
}

/// Every punishment of a person, for their export: why, and not by whom.
pub(crate) fn export_of(db: &Connection, user: UserId, now: Timestamp) -> Result<Vec<Punishment>> {
    rows_of(db, user, i64::MAX, i64::MAX, now)
}

/// What is left of a punishment, in seconds; 0 has no end.
fn ttl(until: Option<Timestamp>, now: Timestamp) -> u64 {
    until.map_or(0, |until| until.seconds_after(now))
}

/// What holds at this moment, on the platform and in `chat`, the longest first. Hardly ever anything,
/// and every call asks, so the few rows are put in order here and not in SQL.
fn holding(
    db: &Connection,
    user: UserId,
    chat: Option<ChatId>,
    now: Timestamp,
) -> Result<Vec<(String, Option<Timestamp>)>> {
    let mut rows = store::all(
        db,
        concat!(
            "SELECT p.kind, p.until FROM punishment p
             WHERE p.user_id = ?1 AND p.kind <> 'warn' AND (p.chat_id IS NULL OR p.chat_id = ?2) AND ",
            holds!("?3")
        ),
        (user, chat, now),
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    // No end is the longest.
    rows.sort_by_key(|(_, until): &(_, Option<Timestamp>)| {
        std::cmp::Reverse(until.map_or(i64::MAX, Timestamp::as_millis))
    });
    Ok(rows)
}

/// The end of the longest of one kind that holds; within, none is no end.
#[expect(
    clippy::option_option,
    reason = "nothing that holds is not something that never ends"
)]
fn longest(held: &[(String, Option<Timestamp>)], kind: &str) -> Option<Option<Timestamp>> {
    held.iter()
        .find(|(held, _)| held == kind)
        .map(|(_, until)| *until)
}

/// A person's standing on the platform at this moment; a ban says more than a timeout (SPEC 1.5).
pub(crate) fn standing(db: &Connection, user: UserId, now: Timestamp) -> Result<Standing> {
    let held = holding(db, user, None, now)?;
    if let Some(until) = longest(&held, "platform_ban") {
        return Ok(Standing::Banned { until });
    }
    Ok(match longest(&held, "timeout").flatten() {
        Some(until) => Standing::TimedOut { until },
        None => Standing::Active,
    })
}

/// Refuses whoever is timed out or banned on the platform (SPEC 1.5), with the reason: they can read it
/// nowhere else. For the person alone, once they have proven to be it.
pub(crate) fn check_standing(db: &Connection, user: UserId, now: Timestamp) -> Result<()> {
    let (kind, word, until) = match standing(db, user, now)? {
        Standing::Active => return Ok(()),
        Standing::TimedOut { until } => (ErrorKind::TimedOut, "timeout", Some(until)),
        Standing::Banned { until } => (ErrorKind::Banned, "platform_ban", until),
    };
    let reason = store::first(
        db,
        "SELECT reason FROM punishment
         WHERE user_id = ? AND kind = ? AND lifted_at IS NULL AND until IS ? ORDER BY id DESC LIMIT 1",
        (user, word, until),
        |row| row.get::<_, Option<Reason>>(0),
    )?;
    Err(Error::punished(kind, ttl(until, now)).for_reason(reason.flatten().map(String::from)))
}

/// How many bans and how many mutes of a chat hold at this moment.
pub(crate) fn count_in(db: &Connection, chat: ChatId, now: Timestamp) -> Result<(u64, u64)> {
    let counts = store::first(
        db,
        concat!(
            "SELECT coalesce(sum(p.kind = 'ban'), 0), coalesce(sum(p.kind = 'mute'), 0)
             FROM punishment p WHERE p.chat_id = ?1 AND ",
            holds!("?2")
        ),
        (chat, now),
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    Ok(counts.unwrap_or_default())
}

/// Refuses whoever is muted everywhere or in this chat, in that order (SPEC 6.2).
pub(crate) fn check_muted(
    db: &Connection,
    user: UserId,
    chat: ChatId,
    now: Timestamp,
) -> Result<()> {
    let held = holding(db, user, Some(chat), now)?;
    let mute = longest(&held, "hard_mute").or_else(|| longest(&held, "mute"));
    mute.map_or(Ok(()), |until| {
        Err(Error::punished(ErrorKind::Muted, ttl(until, now)))
    })
}

/// Refuses a stranger whom a moderator has blocked (SPEC 9.11).
pub(crate) fn check_blocked(db: &Connection, user: UserId, now: Timestamp) -> Result<()> {
    let held = holding(db, user, None, now)?;
    longest(&held, "block").map_or(Ok(()), |_| Err(ErrorKind::StrangerBlocked.into()))
}
