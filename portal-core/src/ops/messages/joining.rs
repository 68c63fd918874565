//! From when on a session is in a room: the table `joining`. Where history is not visible, a session
//! reads from there (SPEC 6.4).
//!
//! A row outlives the connection by a minute, because coming back within 60 s is the same joining.
//! The surprise: a row without an end does not say that the session is there. Somebody put out of a
//! room, or a process that died, writes none; who is there, presence says.

use rusqlite::Connection;
use schemars::JsonSchema;
use serde::Serialize;

use crate::error::Result;
use crate::model::{ChatId, MINUTE, MessageId, SessionId, Timestamp, UserId};
use crate::operation::Context;
use crate::store;

/// Whoever comes back within this has not left.
const SAME_JOINING: i64 = MINUTE;

struct Joining {
    since: MessageId,
    joined_at: Timestamp,
    left_at: Option<Timestamp>,
}

impl Joining {
    /// Whether it still counts. `seen` is when presence last saw the session in the room, if it knows: it
    /// may not be written down yet.
    fn lasts(&self, seen: Option<Timestamp>, now: Timestamp) -> bool {
        let last_seen = seen.or(self.left_at).unwrap_or(self.joined_at);
        now.since(last_seen) <= SAME_JOINING
    }
}

fn find(db: &Connection, chat: ChatId, session: SessionId) -> Result<Option<Joining>> {
    store::first(
        db,
        "SELECT since, joined_at, left_at FROM joining WHERE chat_id = ? AND session_id = ?",
        (chat, session),
        |row| {
            Ok(Joining {
                since: row.get(0)?,
                joined_at: row.get(1)?,
                left_at: row.get(2)?,
            })
        },
    )
}

/// The first message since the session joined, and when that was; none if it has not, or was `seen` there
/// more than a minute ago.
pub(super) fn since(
    db: &Connection,
    chat: ChatId,
    session: SessionId,
    seen: Option<Timestamp>,
    now: Timestamp,
) -> Result<Option<(MessageId, Timestamp)>> {
    Ok(find(db, chat, session)?
        .filter(|joining| joining.lasts(seen, now))
        .map(|joining| (joining.since, joining.joined_at)))
}

/// Notes that the acting session joins the chat's room, with its first connection there or another.
/// Guests, and everyone where presence is off, have no joining. Answers whether it is a new one.
pub(crate) fn note_joining(cx: &Context<'_>, chat: ChatId) -> Result<bool> {
    let Some(session) = cx.session else {
        return Ok(false);
    };
    let Some(seen) = cx.presence().map(|p| p.last_seen(session, chat, cx.now)) else {
        return Ok(false);
    };
    let same = find(cx.db, chat, session)?.is_some_and(|joining| joining.lasts(seen, cx.now));
    if same {
        store::execute(
            cx.db,
            "UPDATE joining SET left_at = NULL
             WHERE chat_id = ? AND session_id = ? AND left_at IS NOT NULL",
            (chat, session),
        )?;
    } else {
        store::execute(
            cx.db,
            "INSERT OR REPLACE INTO joining (chat_id, session_id, since, joined_at)
             SELECT id, ?2, next_message_id, ?3 FROM chat WHERE id = ?1",
            (chat, session, cx.now),
        )?;
    }
    Ok(!same)
}

/// Notes that the session's last connection left the chat's room.
pub(crate) fn note_left(
    db: &Connection,
    session: SessionId,
    chat: ChatId,
    at: Timestamp,
) -> Result<()> {
    store::execute(
        db,
        "UPDATE joining SET left_at = ?3
         WHERE chat_id = ?1 AND session_id = ?2 AND left_at IS NULL",
        (chat, session, at),
    )?;
    Ok(())
}

/// How many people are in a chat's room, as far as the file knows: for a process that keeps no presence.
pub(crate) fn people_in(db: &Connection, chat: ChatId) -> Result<usize> {
    let count = store::first(
        db,
        "SELECT count(DISTINCT s.user_id) FROM joining j JOIN session s ON s.id = j.session_id
         WHERE j.chat_id = ? AND j.left_at IS NULL",
        [chat],
        |row| row.get(0),
    )?;
    Ok(count.unwrap_or_default())
}

/// When a session came into a room.
#[derive(Debug, Serialize, JsonSchema)]
pub struct StoredJoining {
    /// Which session.
    pub session_id: SessionId,
    /// Which room.
    pub chat_id: ChatId,
    /// When it came.
    pub joined_at: Timestamp,
    /// When it left.
    pub left_at: Option<Timestamp>,
}

/// The joinings of a person's sessions.
pub(super) fn of_person(db: &Connection, user: UserId) -> Result<Vec<StoredJoining>> {
    store::all(
        db,
        "SELECT j.session_id, j.chat_id, j.joined_at, j.left_at
         FROM session s JOIN joining j ON j.session_id = s.id WHERE s.user_id = ? ORDER BY 1, 2",
        [user],
        |row| {
            Ok(StoredJoining {
                session_id: row.get(0)?,
                chat_id: row.get(1)?,
                joined_at: row.get(2)?,
                left_at: row.get(3)?,
            })
        },
    )
}

/// Ends the joinings of a person who was put out of the chat: coming back begins anew.
pub(crate) fn forget(db: &Connection, chat: ChatId, user: UserId) -> Result<()> {
    store::execute(
        db,
        "DELETE FROM joining WHERE chat_id = ?1
           AND session_id IN (SELECT id FROM session WHERE user_id = ?2)",
        (chat, user),
    )?;
    Ok(())
}

/// Notes that nobody is anywhere: whoever takes up presence begins with that, and those who come back
/// within a minute of it have not left.
pub(crate) fn note_all_left(db: &Connection, now: Timestamp) -> Result<()> {
    store::execute(
        db,
        "UPDATE joining SET left_at = ? WHERE left_at IS NULL",
        [now],
    )?;
    Ok(())
}
