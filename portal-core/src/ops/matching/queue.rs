//! Who waits: the tables `match_entry` and, kept by its triggers, `match_queue`.

use rusqlite::{Connection, Row};
use schemars::JsonSchema;
use serde::Serialize;

use crate::error::Result;
use crate::event::{MatchDequeued, MatchQueued};
use crate::model::{CountryCode, Interest, Interests, MINUTE, SECOND, Timestamp, UserId};
use crate::operation::{Context, View};
use crate::policy::{Permit, Seek};
use crate::store;

/// How long an entry lives after the last sign of presence (SPEC 9.5).
const LIFETIME: i64 = 10 * MINUTE;

/// How long an entry outlives its person's last connection (SPEC 9.5).
const GRACE: i64 = 15 * SECOND;

/// Entries of people who are there are prolonged this long before they would end, so that a process that
/// keeps no presence never meets one that only looks ended.
const AHEAD: i64 = MINUTE;

/// Rows that one call deals with at most.
pub(super) const BATCH: usize = 1000;

/// Somebody's place in the queues.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) user: UserId,
    pub(super) interests: Interests,
    pub(super) country: Option<CountryCode>,
    pub(super) since: Timestamp,
    pub(super) expires_at: Timestamp,
}

const COLUMNS: &str = "user_id, interests, country, since, expires_at";

fn from_row(row: &Row<'_>) -> rusqlite::Result<Entry> {
    Ok(Entry {
        user: row.get(0)?,
        interests: row.get(1)?,
        country: row.get(2)?,
        since: row.get(3)?,
        expires_at: row.get(4)?,
    })
}

/// Whether a person has a live connection; none where presence is off.
pub(super) fn is_connected(view: &View<'_>, user: UserId) -> Option<bool> {
    view.presence().map(|presence| presence.is_connected(user))
}

/// Whether an entry of that end still counts. While a person is there it has no end; whoever came back too
/// late has none any more.
pub(super) fn counts(view: &View<'_>, user: UserId, expires_at: Timestamp) -> bool {
    let stayed = || {
        view.presence()
            .is_some_and(|presence| presence.is_connected_since(user, expires_at))
    };
    expires_at > view.now || stayed()
}

/// A person's entry, while it counts.
pub(super) fn of(view: &View<'_>, user: UserId) -> Result<Option<Entry>> {
    let entry = stored(view.db, user)?;
    Ok(entry.filter(|entry| counts(view, user, entry.expires_at)))
}

fn stored(db: &Connection, user: UserId) -> Result<Option<Entry>> {
    store::first(
        db,
        &format!("SELECT {COLUMNS} FROM match_entry WHERE user_id = ?"),
        [user],
        from_row,
    )
}

/// When an entry ends, as things stand: a connection is a sign of presence.
pub(super) fn end_of(view: &View<'_>, entry: &Entry) -> Timestamp {
    match is_connected(view, entry.user) {
        Some(true) => view.now.plus(LIFETIME),
        Some(false) | None => entry.expires_at,
    }
}

/// Puts a person into the queues of their interests; answers until when.
pub(super) fn insert(
    cx: &mut Context<'_>,
    permit: &Permit<Seek>,
    interests: &Interests,
) -> Result<Timestamp> {
    let user_id = permit.subject();
    let expires_at = cx.now.plus(LIFETIME);
    store::execute(
        cx.db,
        "INSERT INTO match_entry (user_id, interests, country, since, expires_at) VALUES (?, ?, ?, ?, ?)",
        (user_id, interests, &cx.caller.country, cx.now, expires_at),
    )?;
    cx.emit(MatchQueued {
        user_id,
        expires_at,
    })?;
    Ok(expires_at)
}

/// Takes a person out of every queue; answers whether they were in any.
pub(super) fn remove(db: &Connection, user: UserId) -> Result<bool> {
    let removed = store::execute(db, "DELETE FROM match_entry WHERE user_id = ?", [user])?;
    Ok(removed == 1)
}

/// Why somebody waits no longer without having been matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Withdrawal {
    Asked,
    Expired,
    Blocked,
    TimedOut,
    Banned,
}

impl Withdrawal {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Expired => "expired",
            Self::Blocked => "blocked",
            Self::TimedOut => "timed_out",
            Self::Banned => "banned",
        }
    }
}

/// Takes a person out of every queue and says so; answers whether they waited.
pub(crate) fn withdraw(cx: &mut Context<'_>, user_id: UserId, why: Withdrawal) -> Result<bool> {
    let waited = remove(cx.db, user_id)?;
    if waited {
        let reason = why.as_str().to_owned();
        cx.emit(MatchDequeued { user_id, reason })?;
    }
    Ok(waited)
}

/// Takes note that a person's last connection was lost, which was opened then: unless they come back, they
/// wait 15 s longer, if they waited still when it was. Whoever looked ended was passed over meanwhile.
pub(crate) fn is_gone(
    cx: &Context<'_>,
    user: UserId,
    opened_at: Timestamp,
    at: Timestamp,
) -> Result<()> {
    store::execute(
        cx.db,
        "UPDATE match_entry SET expires_at = ?2, look_again = look_again OR (expires_at <= ?3 AND rests = 0)
         WHERE user_id = ?1 AND expires_at > ?4",
        (user, at.plus(GRACE), cx.now, opened_at),
    )?;
    Ok(())
}

/// Takes note that nobody is connected: whoever waits has 15 s to come back (SPEC 10.1).
pub(super) fn all_are_gone(cx: &Context<'_>) -> Result<()> {
    store::execute(
        cx.db,
        "UPDATE match_entry SET expires_at = ?1 WHERE expires_at > ?2",
        (cx.now.plus(GRACE), cx.now),
    )?;
    Ok(())
}

/// Prolongs the entries of those who are there, and ends those of the others whose time has come; answers
/// when to come back.
pub(super) fn run_out(cx: &mut Context<'_>) -> Result<Option<Timestamp>> {
    let mut due: Vec<(UserId, Timestamp)> = store::all(
        cx.db,
        "SELECT user_id, expires_at FROM match_entry WHERE expires_at <= ?
         ORDER BY expires_at, id LIMIT ?",
        (cx.now.plus(AHEAD), BATCH),
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let is_full = due.len() == BATCH;
    due.retain(|(user, end)| {
        let counts = counts(cx, *user, *end);
        !counts || is_connected(cx, *user) == Some(true)
    });
    for (user, end) in &due {
        if counts(cx, *user, *end) {
            store::execute(
                cx.db,
                "UPDATE match_entry SET expires_at = ? WHERE user_id = ?",
                (cx.now.plus(LIFETIME), user),
            )?;
        } else {
            withdraw(cx, *user, Withdrawal::Expired)?;
        }
    }
    if is_full && !due.is_empty() {
        return Ok(Some(cx.now));
    }
    let next: Option<Timestamp> = store::first(
        cx.db,
        "SELECT expires_at FROM match_entry ORDER BY expires_at LIMIT 1",
        [],
        |row| row.get(0),
    )?;
    let ahead = |end: Timestamp| {
        let renewal = end.plus(-AHEAD);
        if renewal > cx.now { renewal } else { end }
    };
    Ok(next.map(ahead))
}

/// Takes a person without a free slot out of the queues, until one may be free.
pub(super) fn rest(db: &Connection, user: UserId) -> Result<()> {
    store::execute(
        db,
        "UPDATE match_entry SET rests = 1, look_again = 0 WHERE user_id = ?",
        [user],
    )?;
    Ok(())
}

/// Takes note that a person may have a free slot again: if they wait, housekeeping looks.
pub(crate) fn slot_may_be_free(db: &Connection, user: UserId) -> Result<()> {
    store::execute(
        db,
        "UPDATE match_entry SET rests = 0, look_again = 1 WHERE user_id = ? AND rests = 1",
        [user],
    )?;
    Ok(())
}

/// Takes note that nothing keeps these two apart any more: if both wait, housekeeping looks.
pub(crate) fn may_be_matched(db: &Connection, one: UserId, other: UserId) -> Result<()> {
    store::execute(
        db,
        "UPDATE match_entry SET look_again = 1 WHERE user_id = ?1 AND rests = 0
           AND EXISTS (SELECT 1 FROM match_entry WHERE user_id = ?2 AND rests = 0)",
        (one, other),
    )?;
    Ok(())
}

/// Has housekeeping look for everybody.
pub(super) fn look_for_all(db: &Connection) -> Result<()> {
    store::execute(
        db,
        "UPDATE match_entry SET look_again = 1 WHERE rests = 0 AND look_again = 0",
        [],
    )?;
    Ok(())
}

/// Those for whom housekeeping is to look, the longest waiting first, at most so many.
pub(super) fn to_look_for(db: &Connection, limit: usize) -> Result<Vec<UserId>> {
    store::all(
        db,
        "SELECT user_id FROM match_entry WHERE look_again = 1 ORDER BY since, id LIMIT ?",
        [limit],
        |row| row.get(0),
    )
}

/// Takes note that housekeeping has looked.
pub(super) fn looked(db: &Connection, user: UserId) -> Result<()> {
    store::execute(
        db,
        "UPDATE match_entry SET look_again = 0 WHERE user_id = ?",
        [user],
    )?;
    Ok(())
}

/// A wish to be matched, as it is stored.
#[derive(Debug, Serialize, JsonSchema)]
pub struct StoredEntry {
    /// What they would talk about.
    pub interests: Vec<Interest>,
    /// From where they asked, if that is known.
    pub country_code: Option<CountryCode>,
    /// Since when they wait.
    pub since: Timestamp,
    /// Until when, unless there is another sign of presence.
    pub expires_at: Timestamp,
}

/// Whether a person waits to be matched, for their export.
pub(crate) fn export_of(db: &Connection, user: UserId) -> Result<Option<StoredEntry>> {
    Ok(stored(db, user)?.map(|entry| StoredEntry {
        interests: entry.interests.into(),
        country_code: entry.country,
        since: entry.since,
        expires_at: entry.expires_at,
    }))
}
