//! Epochs and keys: the tables `room_key`, `key_blob`, `key_rejection`, `key_request` (SPEC 8).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rusqlite::Connection;
use serde_json::{Map, Value, json};

use crate::error::Result;
use crate::event::{EpochReason, RoomEpochChanged};
use crate::model::{BlobId, ChatId, SessionId};
use crate::operation::Context;
use crate::store;

/// Moves a chat's epoch on, in the transaction of what makes it move (SPEC 8.2). The database itself
/// drops the keys of the epoch before. Answers the new epoch.
pub(crate) fn move_on(cx: &mut Context<'_>, chat: ChatId, reason: EpochReason) -> Result<u64> {
    let epoch = cx
        .db
        .prepare_cached(
            "UPDATE chat SET epoch = epoch + 1, epoch_start = next_message_id, epoch_moved_at = ?2,
           move_due_at = NULL, move_reason = NULL
         WHERE id = ?1 RETURNING epoch",
        )?
        .query_row((chat, cx.now), |row| row.get(0))?;
    let distributor = hint(cx, chat)?;
    cx.emit(RoomEpochChanged {
        chat_id: chat,
        epoch,
        reason,
        distributor,
    })?;
    Ok(epoch)
}

/// The session that should publish the key: the one longest present with a registered key (SPEC 8.4).
fn hint(cx: &Context<'_>, chat: ChatId) -> Result<Option<SessionId>> {
    let seated = cx
        .presence()
        .map(|presence| presence.sessions_in(chat))
        .unwrap_or_default();
    for (session, _) in seated {
        if has_public_key(cx.db, session)? {
            return Ok(Some(session));
        }
    }
    Ok(None)
}

/// Whether the session has registered a public key.
pub(crate) fn has_public_key(db: &Connection, session: SessionId) -> Result<bool> {
    let key = store::first(
        db,
        "SELECT 1 FROM session WHERE id = ? AND public_key IS NOT NULL",
        [session],
        |_| Ok(()),
    )?;
    Ok(key.is_some())
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
