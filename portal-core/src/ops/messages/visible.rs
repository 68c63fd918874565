//! From which message on the caller reads a chat: the rows of `earlier_reader`, and `joining`'s.
//!
//! The database itself writes `earlier_reader`, whenever a chat goes public, so that nobody who
//! changes a chat's type has to think of it.

use rusqlite::Connection;

use super::joining;
use crate::error::{ErrorKind, Result};
use crate::model::{ChatId, ChatKind, MessageId, Timestamp, UserId};
use crate::operation::View;
use crate::ops::chats::ChatRow;
use crate::ops::members;
use crate::policy::{ChatFacts, reads_all};
use crate::store;

/// What of a chat's past the caller may know. That they may look in at all is the caller's business.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sight {
    /// The first message that they may read (SPEC 3.4, 6.4); none: nothing of it.
    pub(crate) first_message: Option<MessageId>,
    /// Where history is not visible to them: since when they are there.
    pub(crate) joined_at: Option<Timestamp>,
}

/// The first message of the chat that the caller may read; none: nothing of it.
pub(crate) fn first_visible(
    view: &View<'_>,
    row: &ChatRow,
    facts: &ChatFacts,
) -> Result<Option<MessageId>> {
    Ok(sight(view, row, facts)?.first_message)
}

/// What of the chat's past the caller may know.
pub(crate) fn sight(view: &View<'_>, row: &ChatRow, facts: &ChatFacts) -> Result<Sight> {
    let start = MessageId::try_from(1).map_err(|_| ErrorKind::Internal)?;
    let public = match row.chat.kind {
        ChatKind::Public { public_from, .. }
            if public_from > start && !knows_private_times(view, row)? =>
        {
            public_from
        }
        _ => start,
    };
    if row.chat_config.history_visible || reads_all(&view.actor, facts) {
        return Ok(Sight {
            first_message: Some(public),
            joined_at: None,
        });
    }
    let joined = match (view.actor.user_id(), view.session, view.presence()) {
        (None, ..) | (Some(_), None, Some(_)) => None,
        (Some(_), Some(session), Some(presence)) => {
            let seated = presence.has_joined(session, row.chat.id);
            drop(presence);
            joining::since(view.db, row.chat.id, session, seated, view.now)?
        }
        // Where presence is off, joining means gaining the membership row (SPEC 10.1).
        (Some(user), _, None) => members::since(view.db, row.chat.id, user)?,
    };
    Ok(Sight {
        first_message: joined.map(|(first, _)| first.max(public)),
        joined_at: Some(joined.map_or(view.now, |(_, at)| at)),
    })
}

/// Whether the caller was there before the chat went public: what was said then stays with those who were
/// (SPEC 3.4).
pub(crate) fn knows_private_times(view: &View<'_>, row: &ChatRow) -> Result<bool> {
    match (&row.chat.kind, view.actor.user_id()) {
        (ChatKind::Public { .. }, _) if view.actor.is_operator() => Ok(true),
        (ChatKind::Public { .. }, Some(user)) => read_before(view.db, row.chat.id, user),
        (ChatKind::Public { .. }, None) => Ok(false),
        _ => Ok(true),
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

/// The chats that a person reads from before they went public.
pub(super) fn earlier_reader_of(db: &Connection, user: UserId) -> Result<Vec<ChatId>> {
    store::all(
        db,
        "SELECT chat_id FROM earlier_reader WHERE user_id = ? ORDER BY chat_id",
        [user],
        |row| row.get(0),
    )
}
