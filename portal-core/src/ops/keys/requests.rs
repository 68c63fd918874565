//! Asking holders to wrap a room key for a session that lacks it: the table `key_request` (SPEC 8.5, 8.6).
//!
//! One holder is asked at a time, the longest present first, the next after 2 s. When all were asked the
//! request rests until somebody else holds the key: then that one is asked. It goes when the blob comes.

use rusqlite::Connection;

use super::publish::has_rejected;
use super::room_key;
use crate::error::Result;
use crate::event::KeyNeeded;
use crate::model::{ChatId, MINUTE, SECOND, SessionId, Timestamp};
use crate::operation::{Context, View};
use crate::ops::seats::{self, Seat};
use crate::ops::{chats, epochs};
use crate::policy::ChatFacts;
use crate::store;

/// How long a holder has before the next is asked.
const PATIENCE: i64 = 2 * SECOND;

/// Who comes back within this time goes on with the request from before.
const SAME_REQUEST: i64 = MINUTE;

/// Sees to it that a session in the room, or joining it, gets the room key if it can have it. Does nothing
/// for one that may not talk or has no public key; one that holds the key is asked for those who wait for
/// a holder. A joiner's move is to be scheduled before: while it is pending, and history is not visible, the
/// session gets no blob (SPEC 8.6a).
pub(crate) fn request_key(cx: &mut Context<'_>, chat: ChatId, session: SessionId) -> Result<()> {
    let (row, facts) = chats::load_for(cx.db, None, chat, cx.now)?;
    let Some(seat) = seats::find(cx, &facts, session)?.filter(Seat::can_hold) else {
        return Ok(());
    };
    let epoch = row.chat.epoch;
    if seat.holds() {
        return offer(cx, &facts, epoch, &[session]);
    }
    let waits = !row.chat_config.history_visible && epochs::pending_move(cx.db, chat)?.is_some();
    store::execute(
        cx.db,
        "INSERT INTO key_request (chat_id, session_id, requested_at, waits) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO UPDATE SET asked_session = NULL, next_at = NULL, waits = excluded.waits,
           requested_at = CASE WHEN requested_at > ?5 THEN requested_at ELSE excluded.requested_at END",
        (chat, session, cx.now, waits, cx.now.plus(-SAME_REQUEST)),
    )?;
    if waits || room_key(cx.db, chat)?.is_none() {
        return Ok(());
    }
    ask_next(cx, &facts, epoch, &seat, None)
}

/// Asks the next holder wherever one has not answered in time, and says when to look again (SPEC 14.2).
pub(crate) fn requests_due(cx: &mut Context<'_>) -> Result<Option<Timestamp>> {
    let due = store::all(
        cx.db,
        "SELECT chat_id, session_id, asked_session FROM key_request WHERE next_at <= ?
         ORDER BY next_at, chat_id, session_id",
        [cx.now],
        |row| {
            let asked: Option<SessionId> = row.get(2)?;
            Ok((row.get::<_, ChatId>(0)?, row.get::<_, SessionId>(1)?, asked))
        },
    )?;
    for (chat, session, asked) in due {
        let (row, facts) = chats::load_for(cx.db, None, chat, cx.now)?;
        match seats::find(cx, &facts, session)? {
            Some(seat) if seat.can_hold() && seats::is_here(cx, chat, session) => {
                ask_next(cx, &facts, row.chat.epoch, &seat, asked)?;
            }
            // Whoever comes back asks anew.
            _ => forget_request(cx.db, chat, session)?,
        }
    }
    let next = store::first(
        cx.db,
        "SELECT min(next_at) FROM key_request WHERE next_at IS NOT NULL",
        [],
        |row| row.get(0),
    )?;
    Ok(next.flatten())
}

/// Ends a session's request.
pub(crate) fn forget_request(db: &Connection, chat: ChatId, session: SessionId) -> Result<()> {
    store::execute(
        db,
        "DELETE FROM key_request WHERE chat_id = ? AND session_id = ?",
        (chat, session),
    )?;
    Ok(())
}

/// When a session's request was made; none if it has none.
pub(super) fn requested_at(
    db: &Connection,
    chat: ChatId,
    session: SessionId,
) -> Result<Option<Timestamp>> {
    store::first(
        db,
        "SELECT requested_at FROM key_request WHERE chat_id = ? AND session_id = ?",
        (chat, session),
        |row| row.get(0),
    )
}

/// The key has just been published. The distributor may need more calls for everybody in the room: whoever
/// then still lacks it is asked for.
pub(super) fn after_the_first(
    cx: &mut Context<'_>,
    chat: &ChatFacts,
    distributor: SessionId,
) -> Result<()> {
    forget_request(cx.db, chat.id, distributor)?;
    let next_at = cx.now.plus(PATIENCE);
    store::execute(
        cx.db,
        "UPDATE key_request SET asked_session = NULL, next_at = ?2, requested_at = ?3
         WHERE chat_id = ?1 AND waits = 0",
        (chat.id, next_at, cx.now),
    )?;
    for seat in seats::talking(cx, chat)? {
        if seat.can_hold() && !seat.holds() && !seat.waits {
            store::execute(
                cx.db,
                "INSERT OR IGNORE INTO key_request (chat_id, session_id, next_at, requested_at) VALUES (?, ?, ?, ?)",
                (chat.id, seat.session, next_at, cx.now),
            )?;
        }
    }
    Ok(())
}

/// Asks new holders of the key for those whose requests rest because nobody else was left to ask.
pub(super) fn offer(
    cx: &mut Context<'_>,
    chat: &ChatFacts,
    epoch: u64,
    holders: &[SessionId],
) -> Result<()> {
    if holders.is_empty() {
        return Ok(());
    }
    let resting = store::all(
        cx.db,
        "SELECT session_id FROM key_request WHERE chat_id = ? AND next_at IS NULL AND waits = 0
         ORDER BY requested_at, session_id",
        [chat.id],
        |row| row.get::<_, SessionId>(0),
    )?;
    for session in resting {
        let Some(seat) = seats::find(cx, chat, session)?.filter(Seat::can_hold) else {
            continue;
        };
        if !seats::is_here(cx, chat.id, session) {
            continue;
        }
        for holder in holders {
            if !has_rejected(cx.db, chat.id, session, *holder)? {
                ask(cx, chat.id, epoch, &seat, *holder)?;
                break;
            }
        }
    }
    Ok(())
}

/// The holder to ask for a session after `asked`, or the first; none when there is no other. Whoever is
/// gone was asked in vain, so the round begins again.
pub(super) fn next_holder(
    view: &View<'_>,
    chat: &ChatFacts,
    session: SessionId,
    asked: Option<SessionId>,
) -> Result<Option<SessionId>> {
    let here = seats::here(view, chat.id)?;
    let place = asked.and_then(|asked| here.iter().position(|holder| *holder == asked));
    for holder in &here[place.map_or(0, |place| place + 1)..] {
        if *holder == session || !epochs::holds_key(view.db, chat.id, *holder)? {
            continue;
        }
        if let Some(seat) = seats::find(view, chat, *holder)?
            && seat.may_talk
            && !has_rejected(view.db, chat.id, session, *holder)?
        {
            return Ok(Some(*holder));
        }
    }
    Ok(None)
}

fn ask_next(
    cx: &mut Context<'_>,
    chat: &ChatFacts,
    epoch: u64,
    seat: &Seat,
    asked: Option<SessionId>,
) -> Result<()> {
    if let Some(holder) = next_holder(cx, chat, seat.session, asked)? {
        return ask(cx, chat.id, epoch, seat, holder);
    }
    store::execute(
        cx.db,
        "UPDATE key_request SET next_at = NULL WHERE chat_id = ? AND session_id = ?",
        (chat.id, seat.session),
    )?;
    Ok(())
}

fn ask(
    cx: &mut Context<'_>,
    chat_id: ChatId,
    epoch: u64,
    seat: &Seat,
    holder_session: SessionId,
) -> Result<()> {
    store::execute(
        cx.db,
        "UPDATE key_request SET asked_session = ?3, next_at = ?4 WHERE chat_id = ?1 AND session_id = ?2",
        (chat_id, seat.session, holder_session, cx.now.plus(PATIENCE)),
    )?;
    cx.emit(KeyNeeded {
        chat_id,
        epoch,
        user_id: seat.user,
        session_id: seat.session,
        holder_session,
    })
}
