//! Epochs: when a chat's key is thrown away, and who should make the next one (SPEC 8.1, 8.2, 8.6a). The
//! epoch's columns of `chat`, the table `distributor_pause`, and what is held of `room_key` and `key_blob`.
//!
//! Whoever removes a person or ends a session says so here; when the epoch moves then is decided here.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rusqlite::Connection;
use serde_json::{Map, Value, json};

use crate::error::{ErrorKind, Result};
use crate::event::{EpochReason, KeyRemoved, RoomEpochChanged};
use crate::model::{BlobId, ChatId, HOUR, SECOND, SessionId, Timestamp, UserId};
use crate::operation::{Context, View};
use crate::ops::{chats, keys, seats};
use crate::policy::ChatFacts;
use crate::store;

/// How long the hinted distributor is left alone to be first (SPEC 8.4).
const HINT_HOLDS: i64 = 3 * SECOND;

/// Gathered moves are at least this far apart (SPEC 8.6a).
const GATHERING: i64 = 10 * SECOND;

/// How long a user may not be first after a key that did not reach people (SPEC 8.6).
const PAUSE: i64 = HOUR;

/// More moves than a chat makes between two backups.
const BEYOND_A_BACKUP: i64 = 1 << 20;

/// Moves a chat's epoch on, in the transaction of what makes it move (SPEC 8.2). The database itself
/// drops the keys of the epoch before. Answers the new epoch.
pub(crate) fn move_on(cx: &mut Context<'_>, chat: ChatId, reason: EpochReason) -> Result<u64> {
    move_by(cx, chat, 1, reason)
}

/// Moves a chat's epoch on past every one that there can have been since a backup (SPEC 16.3).
pub(crate) fn move_far_on(cx: &mut Context<'_>, chat: ChatId, reason: EpochReason) -> Result<u64> {
    move_by(cx, chat, BEYOND_A_BACKUP, reason)
}

fn move_by(cx: &mut Context<'_>, chat: ChatId, epochs: i64, reason: EpochReason) -> Result<u64> {
    let distributor = hint(cx, chat)?;
    let epoch = cx
        .db
        .prepare_cached(
            "UPDATE chat SET epoch = epoch + ?4, epoch_start = next_message_id, epoch_moved_at = ?2,
           hinted_session = ?3, move_due_at = NULL, move_reason = NULL
         WHERE id = ?1 RETURNING epoch",
        )?
        .query_row((chat, cx.now, distributor, epochs), |row| row.get(0))?;
    cx.emit(RoomEpochChanged {
        chat_id: chat,
        epoch,
        reason,
        distributor,
    })?;
    Ok(epoch)
}

/// Moves a chat's epoch on for a joiner, a leaver or an own destroyed session: at once if the last move is
/// 10 s ago, else when it will be, together with whatever comes until then (SPEC 8.6a).
pub(crate) fn schedule_move(cx: &mut Context<'_>, chat: ChatId, reason: EpochReason) -> Result<()> {
    let pace = pace(cx.db, chat)?;
    let earliest = match pace.due {
        Some(due) => due,
        // Epoch 1 is no move.
        None if pace.epoch == 1 => cx.now,
        None => pace.moved_at.plus(GATHERING).min(cx.now.plus(GATHERING)),
    };
    if earliest <= cx.now {
        return move_on(cx, chat, reason).map(drop);
    }
    store::execute(
        cx.db,
        "UPDATE chat SET move_due_at = ?2, move_reason = ?3 WHERE id = ?1 AND move_due_at IS NULL",
        (chat, earliest, reason.as_str()),
    )?;
    Ok(())
}

/// Makes the gathered moves that are due, and answers when the next one is (SPEC 14.2).
pub(crate) fn moves_due(cx: &mut Context<'_>) -> Result<Option<Timestamp>> {
    let due = store::all(
        cx.db,
        "SELECT id, move_reason FROM chat WHERE move_due_at <= ? ORDER BY move_due_at, id",
        [cx.now],
        |row| Ok((row.get::<_, ChatId>(0)?, row.get::<_, String>(1)?)),
    )?;
    for (chat, word) in due {
        let reason = EpochReason::ALL
            .into_iter()
            .find(|reason| reason.as_str() == word)
            .ok_or(ErrorKind::StorageCorrupt)?;
        move_on(cx, chat, reason)?;
    }
    let next = store::first(
        cx.db,
        "SELECT min(move_due_at) FROM chat WHERE move_due_at IS NOT NULL",
        [],
        |row| row.get(0),
    )?;
    Ok(next.flatten())
}

/// When a gathered move of the chat is due; none if none is pending.
pub(crate) fn pending_move(db: &Connection, chat: ChatId) -> Result<Option<Timestamp>> {
    pace(db, chat).map(|pace| pace.due)
}

struct Pace {
    epoch: u64,
    moved_at: Timestamp,
    due: Option<Timestamp>,
    hinted: Option<SessionId>,
}

fn pace(db: &Connection, chat: ChatId) -> Result<Pace> {
    store::first(
        db,
        "SELECT epoch, epoch_moved_at, move_due_at, hinted_session FROM chat WHERE id = ?",
        [chat],
        |row| {
            Ok(Pace {
                epoch: row.get(0)?,
                moved_at: row.get(1)?,
                due: row.get(2)?,
                hinted: row.get(3)?,
            })
        },
    )?
    .ok_or_else(|| ErrorKind::ChatNotFound.into())
}

/// The session that should publish the key: of those that may, the one longest present (SPEC 8.4).
fn hint(cx: &Context<'_>, chat: ChatId) -> Result<Option<SessionId>> {
    if cx.presence().is_none() {
        return Ok(None);
    }
    let (_, facts) = chats::load_for(cx.db, None, chat, cx.now)?;
    for session in seats::here(cx, chat)? {
        if let Some(seat) = seats::find(cx, &facts, session)?
            && seat.can_hold()
            && !cx.is_leaving(chat, seat.user, session)
            && paused_until(cx, chat, seat.user)?.is_none()
        {
            return Ok(Some(session));
        }
    }
    Ok(None)
}

/// From when on a session may be first with the key of the current epoch: not while its user is paused
/// (SPEC 8.6), nor while the hinted distributor is there and has not had its 3 s (SPEC 8.4).
pub(crate) fn first_at(
    view: &View<'_>,
    chat: &ChatFacts,
    session: SessionId,
    user: UserId,
) -> Result<Timestamp> {
    if let Some(until) = paused_until(view, chat.id, user)? {
        return Ok(until);
    }
    let pace = pace(view.db, chat.id)?;
    let until = pace.moved_at.plus(HINT_HOLDS);
    match pace.hinted {
        Some(hinted) if hinted != session && until > view.now => {
            let ready = seats::is_here(view, chat.id, hinted)
                && seats::find(view, chat, hinted)?.is_some_and(|seat| seat.can_hold());
            Ok(if ready {
                until.min(view.now.plus(HINT_HOLDS))
            } else {
                view.now
            })
        }
        _ => Ok(view.now),
    }
}

fn paused_until(view: &View<'_>, chat: ChatId, user: UserId) -> Result<Option<Timestamp>> {
    store::first(
        view.db,
        "SELECT until FROM distributor_pause WHERE chat_id = ? AND user_id = ? AND until > ?",
        (chat, user, view.now),
        |row| row.get(0),
    )
}

/// Keeps a user from being first with the key of a chat for an hour; answers until when, or none if the
/// user is gone.
pub(crate) fn pause_distributor(
    cx: &Context<'_>,
    chat: ChatId,
    user: UserId,
) -> Result<Option<Timestamp>> {
    store::execute(
        cx.db,
        "DELETE FROM distributor_pause WHERE chat_id = ? AND until <= ?",
        (chat, cx.now),
    )?;
    let until = cx.now.plus(PAUSE);
    let paused = store::execute(
        cx.db,
        "INSERT INTO distributor_pause (chat_id, user_id, until) SELECT ?1, id, ?3 FROM user WHERE id = ?2
         ON CONFLICT DO UPDATE SET until = excluded.until",
        (chat, user, until),
    )?;
    Ok((paused == 1).then_some(until))
}

/// The chats whose current key the session holds.
pub(crate) fn chats_of_session(db: &Connection, session: SessionId) -> Result<Vec<ChatId>> {
    store::all(
        db,
        "SELECT chat_id FROM key_blob WHERE session_id = ?1
         UNION SELECT chat_id FROM room_key WHERE distributor_session = ?1 ORDER BY 1",
        [session],
        |row| row.get(0),
    )
}

/// Takes a chat's key from the sessions of a person who was kicked, banned or left, and announces it
/// (SPEC 8.3). Their public keys stay.
pub(crate) fn drop_keys_of(cx: &mut Context<'_>, chat: ChatId, user: UserId) -> Result<()> {
    let sessions = store::all(
        cx.db,
        "SELECT id FROM session WHERE user_id = ? AND public_key IS NOT NULL ORDER BY id",
        [user],
        |row| row.get::<_, SessionId>(0),
    )?;
    for session in sessions {
        let held = take_key(cx.db, chat, session)?;
        keys::forget_request(cx.db, chat, session)?;
        let present = cx
            .presence()
            .is_some_and(|presence| presence.has_joined(session, chat));
        if held || present {
            cx.emit(KeyRemoved {
                chat_id: chat,
                user_id: user,
                session_id: session,
            })?;
        }
    }
    Ok(())
}

/// Takes a chat's current key from a session: its blob, and its standing as the distributor. Answers
/// whether it held the key.
pub(crate) fn take_key(db: &Connection, chat: ChatId, session: SessionId) -> Result<bool> {
    let blobs = store::execute(
        db,
        "DELETE FROM key_blob WHERE chat_id = ? AND session_id = ?",
        (chat, session),
    )?;
    let standing = store::execute(
        db,
        "UPDATE room_key SET distributor_session = NULL WHERE chat_id = ? AND distributor_session = ?",
        (chat, session),
    )?;
    Ok(blobs + standing > 0)
}

/// A session's public key, in base64.
pub(crate) fn public_key(db: &Connection, session: SessionId) -> Result<Option<String>> {
    let key = store::first(
        db,
        "SELECT public_key FROM session WHERE id = ?",
        [session],
        |row| row.get::<_, Option<Vec<u8>>>(0),
    )?;
    Ok(key.flatten().map(|key| STANDARD.encode(key)))
}

/// A wrapped key with what its receiver needs to open it (SPEC 8.5).
pub(crate) fn blob(db: &Connection, blob: BlobId) -> Result<Option<Map<String, Value>>> {
    store::first(
        db,
        "SELECT b.blob, b.publisher_user, b.publisher_session, b.publisher_public_key, k.key_check
         FROM key_blob b JOIN room_key k ON k.chat_id = b.chat_id WHERE b.id = ?",
        [blob],
        |row| {
            let key_check = row
                .get_ref(4)?
                .as_blob_or_null()?
                .map(|check| STANDARD.encode(check));
            let object = json!({
                "blob": STANDARD.encode(row.get_ref(0)?.as_blob()?),
                "publisher_user_id": row.get::<_, i64>(1)?,
                "publisher_session_id": row.get::<_, i64>(2)?,
                "publisher_public_key": STANDARD.encode(row.get_ref(3)?.as_blob()?),
                "key_check": key_check,
            });
            Ok(object.as_object().cloned().unwrap_or_default())
        },
    )
}

/// Whether the session holds the current epoch's key: as its distributor, or by a blob (SPEC 6.2).
pub(crate) fn holds_key(db: &Connection, chat: ChatId, session: SessionId) -> Result<bool> {
    let holds = store::first(
        db,
        "SELECT EXISTS (SELECT 1 FROM room_key WHERE chat_id = ?1 AND distributor_session = ?2)
             OR EXISTS (SELECT 1 FROM key_blob WHERE chat_id = ?1 AND session_id = ?2)",
        (chat, session),
        |row| row.get(0),
    )?;
    Ok(holds.unwrap_or_default())
}

#[cfg(test)]
mod tests;
