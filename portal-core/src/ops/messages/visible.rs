//! From which message on the caller reads a chat: the rows of `earlier_reader`, and `joining`'s.
//!
//! The database itself writes `earlier_reader`, whenever a chat goes public, so that nobody who
//! changes a chat's type has to think of it.

use rusqlite::Connection;

use super::joining;
use crate::error::{ErrorKind, Result};
use crate::model::{ChatId, ChatKind, MessageId, UserId};
use crate::operation::View;
use crate::ops::chats::ChatRow;
use crate::policy::{ChatFacts, reads_all};
use crate::store;

/// The first message of the chat that the caller may read (SPEC 3.4, 6.4); none: nothing of it. That
/// the caller may look in at all is the caller's business.
pub(crate) fn first_visible(
    view: &View<'_>,
    row: &ChatRow,
    facts: &ChatFacts,
) -> Result<Option<MessageId>> {
    let public = public_from(view, row)?;
    if row.chat_config.history_visible || reads_all(&view.actor, facts) {
        return Ok(Some(public));
    }
    let joined = match (view.actor.user_id(), view.session, view.presence()) {
        (None, ..) | (Some(_), None, Some(_)) => None,
        (Some(_), Some(session), Some(presence)) => {
            let seated = presence.has_joined(session, row.chat.id);
            drop(presence);
            joining::since(view.db, row.chat.id, session, seated, view.now)?
        }
        // Where presence is off, joining means gaining the membership row (SPEC 10.1).
        (Some(user), _, None) => member_since(view.db, row.chat.id, user)?,
    };
    Ok(joined.map(|joined| joined.max(public)))
}

/// What was said before a chat went public stays with those who were there (SPEC 3.4).
fn public_from(view: &View<'_>, row: &ChatRow) -> Result<MessageId> {
    let start = MessageId::try_from(1).map_err(|_| ErrorKind::Internal)?;
    match row.chat.kind {
        ChatKind::Public { public_from, .. } if public_from > start => {
            let knows = view.actor.is_operator()
                || match view.actor.user_id() {
                    Some(user) => read_before(view.db, row.chat.id, user)?,
                    None => false,
                };
            Ok(if knows { start } else { public_from })
        }
        _ => Ok(start),
    }
}

fn read_before(db: &Connection, chat: ChatId, user: UserId) -> Result<bool> {
    let found = store::first(
        db,
        "SELECT 1 FROM earlier_reader WHERE chat_id = ? AND user_id = ?",
        (chat, user),
        |_| Ok(()),
    )?;
    Ok(found.is_some())
}

fn member_since(db: &Connection, chat: ChatId, user: UserId) -> Result<Option<MessageId>> {
    store::first(
        db,
        "SELECT since FROM membership WHERE chat_id = ? AND user_id = ?",
        (chat, user),
        |row| row.get(0),
    )
}

/// The chats that a person reads from before they went public.
pub(super) fn earlier_reader_of(db: &Connection, user: UserId) -> Result<Vec<ChatId>> {
    store::all(
        db,
        "SELECT chat_id FROM earlier_reader WHERE user_id = ? ORDER BY chat_id",
        [user],
        |row| row.get(0),
    )
}
