//! Who belongs to a chat: the table `membership` (SPEC 3.2a).
//!
//! A membership is a row and lasts; being in the room is a connection and does not. An owner may have a
//! row too, from before the chat was theirs or since it was given to them.

mod by_hand;
mod leave;
mod list;

pub use by_hand::{Add, Added, Remove, Removed};
pub use leave::Leave;
pub use list::{List, Member, Members};

use std::collections::BTreeSet;

use rusqlite::Connection;
use schemars::JsonSchema;
use serde::Serialize;

use crate::error::Result;
use crate::event::{EpochReason, Event, MemberAdded, RoomEvicted};
use crate::model::{
    ChatId, ChatName, ChatType, CountryCode, Interest, Interests, MessageId, Timestamp, UserId,
};
use crate::operation::Context;
use crate::ops::activity::{self, ActivityKind, Method};
use crate::ops::chats::{self, ChatRow};
use crate::ops::{browser, epochs, sessions};
use crate::policy::{Enter, Permit};
use crate::store;

/// How a membership came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Via {
    Invite,
    Operator,
    Transfer,
}

impl Via {
    const fn as_str(self) -> &'static str {
        match self {
            Via::Invite => "invite",
            Via::Operator => "operator",
            Via::Transfer => "transfer",
        }
    }
}

/// The chat's owner and members.
pub(crate) fn ids(db: &Connection, chat: ChatId) -> Result<Vec<UserId>> {
    store::all(
        db,
        "SELECT user_id FROM membership WHERE chat_id = ?1
         UNION SELECT owner_id FROM chat WHERE id = ?1 AND owner_id IS NOT NULL",
        [chat],
        |row| row.get(0),
    )
}

/// How many belong to a chat besides its owner.
pub(crate) fn count(db: &Connection, chat: ChatId, owner: Option<UserId>) -> Result<u64> {
    let count = store::first(
        db,
        "SELECT count(*) FROM membership WHERE chat_id = ? AND user_id IS NOT ?",
        (chat, owner),
        |row| row.get(0),
    )?;
    Ok(count.unwrap_or_default())
}

/// Whom an event that empties a room lets stay there; nobody, for every other event.
pub(crate) fn staying(db: &Connection, event: &Event) -> Result<Vec<UserId>> {
    match event {
        Event::RoomEvicted(e) if e.user_id.is_none() => ids(db, e.chat_id),
        _ => Ok(Vec::new()),
    }
}

/// The first message since somebody became a member, and when that was.
pub(crate) fn since(
    db: &Connection,
    chat: ChatId,
    user: UserId,
) -> Result<Option<(MessageId, Timestamp)>> {
    store::first(
        db,
        "SELECT since, joined_at FROM membership WHERE chat_id = ? AND user_id = ?",
        (chat, user),
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// Ends a membership; answers whether there was one.
pub(crate) fn remove(db: &Connection, chat: ChatId, user: UserId) -> Result<bool> {
    let removed = store::execute(
        db,
        "DELETE FROM membership WHERE chat_id = ? AND user_id = ?",
        (chat, user),
    )?;
    Ok(removed == 1)
}

/// Adds a membership; answers whether it is new.
pub(crate) fn insert(
    db: &Connection,
    chat: ChatId,
    user: UserId,
    via: Via,
    now: Timestamp,
) -> Result<bool> {
    let added = store::execute(
        db,
        "INSERT OR IGNORE INTO membership (chat_id, user_id, via, joined_at) VALUES (?, ?, ?, ?)",
        (chat, user, via.as_str(), now),
    )?;
    Ok(added == 1)
}

/// Makes somebody a member who is none yet, and says so in the chat. Where history is not visible, the
/// epoch moves, so that the key they get opens nothing earlier (SPEC 8.1).
pub(crate) fn admit(
    cx: &mut Context<'_>,
    permit: &Permit<Enter>,
    chat: &ChatRow,
    via: Via,
    method: Option<Method>,
) -> Result<()> {
    let (chat_id, user_id) = permit.subject();
    insert(cx.db, chat_id, user_id, via, cx.now)?;
    cx.emit(MemberAdded { chat_id, user_id })?;
    activity::announce(cx, cx.now, chat_id, user_id, ActivityKind::Join, method)?;
    if chat.chat_config.history_visible {
        return Ok(());
    }
    epochs::schedule_move(cx, chat_id, EpochReason::Joined)
}

/// Ends a membership: out of the room, without the chat's key. Answers whether there was one. The move
/// of the epoch is the caller's.
fn dismiss(cx: &mut Context<'_>, chat_id: ChatId, user_id: UserId, reason: &str) -> Result<bool> {
    if !remove(cx.db, chat_id, user_id)? {
        return Ok(false);
    }
    // First of all: who is out hears nothing of what comes after.
    cx.emit(RoomEvicted {
        chat_id,
        reason: reason.to_owned(),
        user_id: Some(user_id),
    })?;
    browser::drop_person(cx, chat_id, user_id)?;
    activity::announce(cx, cx.now, chat_id, user_id, ActivityKind::Leave, None)?;
    epochs::drop_keys_of(cx, chat_id, user_id)?;
    Ok(true)
}

/// A membership as it is stored.
#[derive(Debug, Serialize, JsonSchema)]
pub struct StoredMembership {
    /// Of which chat.
    pub chat_id: ChatId,
    /// The chat's type.
    pub chat_type: ChatType,
    /// The chat's name.
    pub name: ChatName,
    /// How it came to be: `invite`, `match`, `operator` or `transfer`.
    pub via: String,
    /// Since when.
    pub joined_at: Timestamp,
    /// Of a DIRECT chat: by which interests they were matched.
    pub interests: Option<Vec<Interest>>,
    /// Of a DIRECT chat: from where they asked to be matched, if that is known.
    pub country_code: Option<CountryCode>,
}

/// Every membership of a person, for their export; DIRECT chats are among them.
pub(crate) fn export_of(db: &Connection, user: UserId) -> Result<Vec<StoredMembership>> {
    store::all(
        db,
        "SELECT m.chat_id, c.chat_type, c.name, m.via, m.joined_at, c.interests,
           CASE m.user_id WHEN c.pair_low THEN c.low_country WHEN c.pair_high THEN c.high_country END
         FROM membership m JOIN chat c ON c.id = m.chat_id WHERE m.user_id = ? ORDER BY m.chat_id",
        [user],
        |row| {
            Ok(StoredMembership {
                chat_id: row.get(0)?,
                chat_type: row.get(1)?,
                name: row.get(2)?,
                via: row.get(3)?,
                joined_at: row.get(4)?,
                interests: row.get::<_, Option<Interests>>(5)?.map(Vec::from),
                country_code: row.get(6)?,
            })
        },
    )
}

/// The chats whose key a person could hold, DIRECT ones aside: as owner or member, or by a session.
pub(crate) fn could_hold_keys_of(db: &Connection, user: UserId) -> Result<BTreeSet<ChatId>> {
    let belongs: Vec<ChatId> = store::all(
        db,
        "SELECT m.chat_id FROM membership m JOIN chat c ON c.id = m.chat_id
         WHERE m.user_id = ?1 AND c.chat_type <> 'DIRECT'
         UNION SELECT id FROM chat WHERE owner_id = ?1",
        [user],
        |row| row.get(0),
    )?;
    let mut held: BTreeSet<_> = belongs.into_iter().collect();
    for session in sessions::ids_of(db, user)? {
        held.extend(epochs::chats_of_session(db, session)?);
    }
    for direct in chats::directs_of(db, user)? {
        held.remove(&direct);
    }
    Ok(held)
}
