//! The event log (SPEC 12): the table `event`, and the log's identity.

use rusqlite::Connection;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::event::{Event, StoredEvent};
use crate::model::{ChatId, HOUR, Seq, SessionId, Timestamp, UserId};
use crate::operation::{Context, Query, View};
use crate::policy::{PlatformAction, on_platform};
use crate::random::Random;
use crate::settings::Settings;
use crate::store;

/// Writes an event with the transaction of its change; answers its place. The row names the chat that the
/// event tells of, whoever it is for, so that it goes when the chat is destroyed; unless it outlives the chat.
pub(crate) fn append(db: &Connection, now: Timestamp, event: &Event) -> Result<u64> {
    let audience = event.audience();
    store::execute(
        db,
        "INSERT INTO event (at, name, audience, chat_id, user_id, session_id, data)
         VALUES (?1, ?2, ?3, CASE WHEN ?7 THEN NULL ELSE json_extract(?6, '$.chat_id') END, ?4, ?5, ?6)",
        (
            now,
            event.name(),
            audience.as_str(),
            audience.user(),
            audience.session(),
            event.data(),
            event.outlives_its_chat(),
        ),
    )?;
    Ok(db.last_insert_rowid().unsigned_abs())
}

/// Forgets what happened in a chat before a place in the log (SPEC 3.6). That place stays, so that the
/// newest event always does.
pub(crate) fn forget_chat(db: &Connection, chat: ChatId, before: u64) -> Result<()> {
    store::execute(
        db,
        "DELETE FROM event WHERE chat_id = ? AND seq < ?",
        (chat, before),
    )?;
    Ok(())
}

/// The end of the log; 0 before the first event.
pub(crate) fn last_seq(db: &Connection) -> Result<u64> {
    let last = store::first(
        db,
        "SELECT seq FROM event ORDER BY seq DESC LIMIT 1",
        [],
        |row| row.get::<_, i64>(0),
    )?;
    Ok(last.map_or(0, i64::unsigned_abs))
}

/// The events after a place, in order.
pub(crate) fn read_after(db: &Connection, after: u64, limit: usize) -> Result<Vec<StoredEvent>> {
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = store::all(
        db,
        "SELECT seq, at, name, data FROM event WHERE seq > ? ORDER BY seq LIMIT ?",
        (after, limit),
        raw,
    )?;
    rows.into_iter().map(stored).collect()
}

/// A row of the log, not yet understood.
type Raw = (Seq, Timestamp, Result<Event>);

fn raw(row: &rusqlite::Row<'_>) -> rusqlite::Result<Raw> {
    let event = Event::from_row(row.get_ref(2)?.as_str()?, row.get_ref(3)?.as_str()?);
    Ok((row.get(0)?, row.get(1)?, event))
}

fn stored((seq, at, event): Raw) -> Result<StoredEvent> {
    Ok(StoredEvent {
        seq,
        at,
        event: event?,
    })
}

/// A stretch of the log: what is later than the first place, up to the second.
pub(crate) type Span = (u64, u64);

macro_rules! of_chat {
    () => {
        "SELECT seq, at, name, data FROM event
         WHERE chat_id = ?1 AND audience = 'chat' AND seq > ?2 AND seq <= ?3 ORDER BY seq LIMIT ?4"
    };
}

/// The events of a stretch for one chat, at most `limit` and the oldest of them.
pub(crate) fn of_chat(
    db: &Connection,
    chat: ChatId,
    (after, until): Span,
    limit: usize,
) -> Result<Vec<StoredEvent>> {
    let rows = store::all(db, of_chat!(), (chat, after, until, limit), raw)?;
    rows.into_iter().map(stored).collect()
}

/// How many they are, if not more than `limit`.
pub(crate) fn count_of_chat(
    db: &Connection,
    chat: ChatId,
    (after, until): Span,
    limit: usize,
) -> Result<usize> {
    let sql = concat!("SELECT count(*) FROM (", of_chat!(), ")");
    let count = store::first(db, sql, (chat, after, until, limit), |row| row.get(0))?;
    Ok(count.unwrap_or_default())
}

/// The last event of a stretch by which somebody may have come to belong to the chat, or to see it, that is one by
/// `wanted`.
pub(crate) fn last_entry(
    db: &Connection,
    chat: ChatId,
    (after, until): Span,
    wanted: impl Fn(&Event) -> bool,
) -> Result<Option<u64>> {
    store::lazily(
        db,
        "SELECT seq, at, name, data FROM event WHERE chat_id = ? AND audience = 'chat' AND seq > ? AND seq <= ?
           AND name IN ('room:member_added', 'room:epoch_changed') ORDER BY seq DESC",
        (chat, after, until),
        raw,
        |rows| {
            for row in rows {
                let entry = stored(row?)?;
                if wanted(&entry.event) {
                    return Ok(Some(entry.place()));
                }
            }
            Ok(None)
        },
    )
}

macro_rules! of_person {
    () => {
        "SELECT seq, at, name, data FROM event WHERE audience = 'everyone' AND seq > ?3 AND seq <= ?4
         UNION ALL
         SELECT seq, at, name, data FROM event WHERE user_id = ?1 AND audience IN ('user', 'chat')
           AND seq > ?3 AND seq <= ?4
         UNION ALL
         SELECT seq, at, name, data FROM event WHERE session_id = ?2 AND audience = 'session'
           AND seq > ?3 AND seq <= ?4
         UNION ALL
         SELECT seq, at, name, data FROM event WHERE ?6 AND audience = 'staff' AND seq > ?3 AND seq <= ?4
         ORDER BY seq LIMIT ?5"
    };
}

/// The events of a stretch for one person and session, wherever they are, and with `staff` what any staff is
/// told: at most `limit` and the oldest of them.
pub(crate) fn of_person(
    db: &Connection,
    user: UserId,
    session: SessionId,
    staff: bool,
    (after, until): Span,
    limit: usize,
) -> Result<Vec<StoredEvent>> {
    let params = (user, session, after, until, limit, staff);
    let rows = store::all(db, of_person!(), params, raw)?;
    rows.into_iter().map(stored).collect()
}

/// How many they are, if not more than `limit`.
pub(crate) fn count_of_person(
    db: &Connection,
    user: UserId,
    session: SessionId,
    staff: bool,
    (after, until): Span,
    limit: usize,
) -> Result<usize> {
    let sql = concat!("SELECT count(*) FROM (", of_person!(), ")");
    let params = (user, session, after, until, limit, staff);
    let count = store::first(db, sql, params, |row| row.get(0))?;
    Ok(count.unwrap_or_default())
}

/// What one call of [`prune`] forgets at most.
const PRUNED_A_CALL: u16 = 1000;

/// Forgets events older than `event_hours`, at most 1000 a call and never the newest, and notes how far
/// (SPEC 12.2). Answers when to call again: at once, while there are more.
pub(crate) fn prune(cx: &Context<'_>) -> Result<Option<Timestamp>> {
    let kept_from = cx.now.plus(-i64::from(cx.settings.event_hours) * HOUR);
    let first = |limit: u16| {
        store::all(
            cx.db,
            "SELECT seq, at FROM event WHERE seq > 0 ORDER BY seq LIMIT ?",
            [limit],
            |row| Ok((row.get::<_, u64>(0)?, row.get::<_, Timestamp>(1)?)),
        )
    };
    if first(1)?.iter().all(|(_, at)| *at >= kept_from) {
        return Ok(None);
    }
    let newest = last_seq(cx.db)?;
    let mut old = first(PRUNED_A_CALL)?;
    old.retain(|(seq, at)| *at < kept_from && *seq < newest);
    let Some((last, _)) = old.last() else {
        return Ok(None);
    };
    store::execute(cx.db, "DELETE FROM event WHERE seq <= ?", [last])?;
    store::execute(
        cx.db,
        "INSERT OR REPLACE INTO meta (key, value) VALUES ('event_horizon', ?)",
        [last],
    )?;
    let is_full = old.len() == usize::from(PRUNED_A_CALL);
    Ok(is_full.then_some(cx.now))
}

/// How many events are older than `event_hours`; the newest stays.
pub(crate) fn prunable(db: &Connection, settings: &Settings, now: Timestamp) -> Result<u64> {
    let kept_from = now.plus(-i64::from(settings.event_hours) * HOUR);
    let sql = "SELECT count(*) FROM event WHERE at < ?1 AND seq < (SELECT max(seq) FROM event)";
    Ok(store::first(db, sql, [kept_from], |row| row.get(0))?.unwrap_or_default())
}

/// The last event that retention pruned; whoever has not read up to there missed some.
pub(crate) fn horizon(db: &Connection) -> Result<u64> {
    let horizon = store::first(
        db,
        "SELECT value FROM meta WHERE key = 'event_horizon'",
        [],
        |row| row.get(0),
    )?;
    Ok(horizon.unwrap_or_default())
}

/// Names the log, once, so that a follower notices when it belongs to another (SPEC 12.2).
pub(crate) fn ensure_log_id(db: &Connection, random: &dyn Random) -> Result<()> {
    // Asked before it is written, so that opening a file waits for no writer.
    if !log_id(db)?.is_empty() {
        return Ok(());
    }
    store::execute(
        db,
        "INSERT OR IGNORE INTO meta (key, value) VALUES ('log_id', ?)",
        [new_name(random)],
    )?;
    Ok(())
}

/// Names the log anew, so that every follower starts over; answers the name.
pub(crate) fn rename_log(db: &Connection, random: &dyn Random) -> Result<String> {
    let name = new_name(random);
    store::execute(
        db,
        "INSERT OR REPLACE INTO meta (key, value) VALUES ('log_id', ?)",
        [&name],
    )?;
    Ok(name)
}

fn new_name(random: &dyn Random) -> String {
    let mut bytes = [0; 16];
    random.fill(&mut bytes);
    format!("{:032x}", u128::from_be_bytes(bytes))
}

/// The log's name: new for every file and after a restore.
pub(crate) fn log_id(db: &Connection) -> Result<String> {
    let id = store::first(
        db,
        "SELECT value FROM meta WHERE key = 'log_id'",
        [],
        |row| row.get(0),
    )?;
    Ok(id.unwrap_or_default())
}

/// Lists events after a place in the log, for the operator: the whole log, as a linking host's own
/// follower sees it (SPEC 12.2).
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct List {
    /// Events after this seq; 0 is from the start.
    pub after: u64,
    /// At most this many, 1 to 1000; default 100.
    pub limit: Option<u16>,
}

/// A stretch of the event log.
#[derive(Debug, Serialize, JsonSchema)]
pub struct EventPage {
    /// In order.
    pub events: Vec<StoredEvent>,
    /// The log's name.
    pub log_id: String,
    /// The end of the log.
    pub as_of: u64,
}

impl Query for List {
    const NAME: &'static str = "event.list";
    type Reply = EventPage;

    fn answer(self, view: &View<'_>) -> Result<EventPage> {
        on_platform(PlatformAction::Operate, &view.actor)?;
        let limit = super::page_size(self.limit, 100, 1000)?;
        Ok(EventPage {
            events: read_after(view.db, self.after, limit)?,
            log_id: log_id(view.db)?,
            as_of: view.as_of()?,
        })
    }
}
