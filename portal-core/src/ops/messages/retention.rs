//! How far back messages and what belongs to sending are kept (SPEC 14.3). In small steps, so that no
//! tick holds the writer for long.

use rusqlite::Connection;

use super::{delete, send};
use crate::error::Result;
use crate::model::{ChatId, DAY, HOUR, MessageId, Timestamp};
use crate::operation::Context;
use crate::settings::Settings;
use crate::store;

/// What one call deletes at most.
const ROWS_A_CALL: usize = 1000;

/// Between two passes over the chats: looking at each of them is not for every tick.
const BETWEEN_PASSES: i64 = HOUR;

/// In `meta`: when the last pass over the chats was finished.
const PASSED_AT: &str = "messages_pruned_at";

/// Deletes messages past `message_days` and `messages_per_chat`, oldest first, and forgets client ids
/// that have run out. Answers when it next wants to be called: now, while there is more.
pub(crate) fn prune(cx: &mut Context<'_>) -> Result<Timestamp> {
    forget_client_ids(cx)?;
    if let Some(passed) = passed_at(cx)? {
        let next = passed.plus(BETWEEN_PASSES);
        // A clock that was set back does not put the next pass off.
        if (passed..next).contains(&cx.now) {
            return Ok(next);
        }
    }
    let mut room = ROWS_A_CALL;
    let chats = store::all(cx.db, "SELECT id FROM chat ORDER BY id", [], |row| {
        row.get(0)
    })?;
    for chat in chats {
        let mut gone = too_many(cx, chat, room)?;
        room -= gone.len();
        let old = too_old(cx, chat, room)?;
        room -= old.len();
        gone.extend(old);
        gone.sort_unstable();
        delete::tell(cx, chat, gone)?;
        if room == 0 {
            return Ok(cx.now);
        }
    }
    store::execute(
        cx.db,
        "INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)",
        (PASSED_AT, cx.now),
    )?;
    Ok(cx.now.plus(BETWEEN_PASSES))
}

fn passed_at(cx: &Context<'_>) -> Result<Option<Timestamp>> {
    store::first(
        cx.db,
        "SELECT value FROM meta WHERE key = ?",
        [PASSED_AT],
        |row| row.get(0),
    )
}

/// The oldest messages beyond `messages_per_chat`.
fn too_many(cx: &Context<'_>, chat: ChatId, room: usize) -> Result<Vec<MessageId>> {
    let kept = i64::from(cx.settings.messages_per_chat);
    if kept == 0 || !could_be_more_than(cx, chat, kept)? {
        return Ok(Vec::new());
    }
    store::all(
        cx.db,
        "DELETE FROM message WHERE chat_id = ?1 AND id IN (
           SELECT id FROM message WHERE chat_id = ?1
             AND id <= (SELECT id FROM message WHERE chat_id = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)
           ORDER BY id LIMIT ?3)
         RETURNING id",
        (chat, kept, as_limit(room)),
        |row| row.get(0),
    )
}

/// Whether the numbers leave room for more than so many messages: counting them would read them all.
fn could_be_more_than(cx: &Context<'_>, chat: ChatId, kept: i64) -> Result<bool> {
    let span = store::first(
        cx.db,
        "SELECT c.next_message_id - (SELECT id FROM message WHERE chat_id = c.id ORDER BY id LIMIT 1)
         FROM chat c WHERE c.id = ?",
        [chat],
        |row| row.get::<_, Option<i64>>(0),
    )?;
    Ok(span.flatten().is_some_and(|span| span > kept))
}

/// The oldest messages, while they are older than `message_days`.
fn too_old(cx: &Context<'_>, chat: ChatId, room: usize) -> Result<Vec<MessageId>> {
    let days = i64::from(cx.settings.message_days);
    let before = cx.now.plus(-days * DAY);
    if days == 0 || !is_oldest_before(cx, chat, before)? {
        return Ok(Vec::new());
    }
    store::all(
        cx.db,
        "DELETE FROM message WHERE chat_id = ?1 AND created_at < ?2
           AND id IN (SELECT id FROM message WHERE chat_id = ?1 ORDER BY id LIMIT ?3)
         RETURNING id",
        (chat, before, as_limit(room)),
        |row| row.get(0),
    )
}

fn is_oldest_before(cx: &Context<'_>, chat: ChatId, before: Timestamp) -> Result<bool> {
    let oldest = store::first(
        cx.db,
        "SELECT created_at FROM message WHERE chat_id = ? ORDER BY id LIMIT 1",
        [chat],
        |row| row.get::<_, Timestamp>(0),
    )?;
    Ok(oldest.is_some_and(|oldest| oldest < before))
}

fn forget_client_ids(cx: &Context<'_>) -> Result<()> {
    store::execute(
        cx.db,
        "DELETE FROM sent WHERE (chat_id, sender_id, client_id) IN (
           SELECT chat_id, sender_id, client_id FROM sent WHERE at <= ? ORDER BY at LIMIT ?)",
        (cx.now.plus(-send::CLIENT_ID_KEPT), as_limit(ROWS_A_CALL)),
    )?;
    Ok(())
}

fn as_limit(room: usize) -> i64 {
    i64::try_from(room).unwrap_or(i64::MAX)
}

/// How many messages are older than `message_days`, or beyond `messages_per_chat`.
pub(crate) fn prunable(db: &Connection, settings: &Settings, now: Timestamp) -> Result<u64> {
    let days = i64::from(settings.message_days);
    let before = (days > 0).then(|| now.plus(-days * DAY));
    let kept = i64::from(settings.messages_per_chat);
    let sql = "SELECT count(*) FROM message m
               LEFT JOIN (SELECT c.id, (SELECT id FROM message WHERE chat_id = c.id ORDER BY id DESC LIMIT 1 OFFSET ?2) AS last
                 FROM chat c WHERE ?2 > 0) beyond ON beyond.id = m.chat_id
               WHERE m.created_at < ?1 OR m.id <= beyond.last";
    let count = store::first(db, sql, (before, kept), |row| row.get(0))?;
    Ok(count.unwrap_or_default())
}
