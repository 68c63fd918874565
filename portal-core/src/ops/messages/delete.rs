//! Deleting messages (SPEC 6.5): by id, the last ones, one's own.
//!
//! Numbers are never used again and a retry still answers its first id: what a deletion takes is the
//! content, and that also from the file (SPEC 7.4).

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Row;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::error::{Error, Result};
use crate::event::MessageDeleted;
use crate::model::{ChatId, MessageId, UserId};
use crate::operation::{Context, Operation};
use crate::ops::{audit, chats};
use crate::policy::{ActOn, DeleteOwn, Moderate, Permit, permit};
use crate::store;

/// How many one call takes, by id or from the end.
const MOST: usize = 100;

/// Deletes messages by id, whoever wrote them; for those who moderate the chat. Ids that are not
/// there are passed over.
///
/// `ERR_CHAT_NOT_FOUND`, `ERR_BANNED`, `ERR_FORBIDDEN`, `ERR_DIRECT_UNMODERATED`, `ERR_INVALID`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Delete {
    /// Where.
    pub chat_id: ChatId,
    /// Which, 1 to 100.
    #[schemars(length(min = 1, max = 100))]
    pub ids: Vec<MessageId>,
}

/// Deletes the chat's last messages, whoever wrote them; for those who moderate the chat.
///
/// `ERR_CHAT_NOT_FOUND`, `ERR_BANNED`, `ERR_FORBIDDEN`, `ERR_DIRECT_UNMODERATED`, `ERR_INVALID`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeleteLast {
    /// Where.
    pub chat_id: ChatId,
    /// How many, 1 to 100.
    #[schemars(range(min = 1, max = 100))]
    pub count: u16,
}

/// Deletes the caller's own messages in a chat: those named, or all of them. Others' are passed over.
///
/// `ERR_CHAT_NOT_FOUND`, `ERR_BANNED`, `ERR_FORBIDDEN`, `ERR_INVALID`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeleteMine {
    /// Where.
    pub chat_id: ChatId,
    /// Which, 1 to 100; absent: all.
    #[serde(default)]
    #[schemars(length(min = 1, max = 100))]
    pub ids: Option<Vec<MessageId>>,
}

/// What was deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Deleted {
    /// How many messages.
    pub deleted: u64,
}

/// A message that is gone, and who had written it: nobody, if the system.
type Gone = (MessageId, Option<UserId>);

impl Operation for Delete {
    const NAME: &'static str = "message.delete";
    type Reply = Deleted;

    fn apply(self, cx: &mut Context<'_>) -> Result<Deleted> {
        let (_, facts) = chats::load(cx, self.chat_id)?;
        let permit = permit::<Moderate>(&cx.actor, &facts)?;
        let mut gone = Vec::new();
        for id in checked(&self.ids)? {
            gone.extend(delete_one(cx, &permit, id)?);
        }
        audit_others(cx, Self::NAME, self.chat_id, &gone)?;
        tell(cx, self.chat_id, gone.iter().map(|(id, _)| *id).collect())
    }
}

impl Operation for DeleteLast {
    const NAME: &'static str = "message.delete_last";
    type Reply = Deleted;

    fn apply(self, cx: &mut Context<'_>) -> Result<Deleted> {
        let (_, facts) = chats::load(cx, self.chat_id)?;
        let permit = permit::<Moderate>(&cx.actor, &facts)?;
        if !(1..=MOST).contains(&usize::from(self.count)) {
            return Err(Error::invalid("count", "count is 1 to 100"));
        }
        let gone = delete_last(cx, &permit, self.count)?;
        audit_others(cx, Self::NAME, self.chat_id, &gone)?;
        tell(cx, self.chat_id, gone.iter().map(|(id, _)| *id).collect())
    }
}

impl Operation for DeleteMine {
    const NAME: &'static str = "message.delete_mine";
    type Reply = Deleted;

    fn apply(self, cx: &mut Context<'_>) -> Result<Deleted> {
        let (_, facts) = chats::load(cx, self.chat_id)?;
        let permit = permit::<DeleteOwn>(&cx.actor, &facts)?;
        let author = cx.user_id()?;
        let gone = match self.ids {
            None => delete_all_of(cx, &permit, author)?,
            Some(ids) => {
                let mut gone = Vec::new();
                for id in checked(&ids)? {
                    gone.extend(delete_one_of(cx, &permit, author, id)?);
                }
                gone
            }
        };
        tell(cx, self.chat_id, gone)
    }
}

/// Each id once, in order.
fn checked(ids: &[MessageId]) -> Result<BTreeSet<MessageId>> {
    if (1..=MOST).contains(&ids.len()) {
        Ok(ids.iter().copied().collect())
    } else {
        Err(Error::invalid("ids", "name 1 to 100 messages"))
    }
}

/// Reads a message that is gone. A damaged row goes like any other, though nobody can say whose it was.
fn gone(row: &Row<'_>) -> rusqlite::Result<Gone> {
    Ok((row.get(0)?, row.get(1).unwrap_or_default()))
}

fn delete_one(cx: &Context<'_>, permit: &Permit<Moderate>, id: MessageId) -> Result<Option<Gone>> {
    store::first(
        cx.db,
        "DELETE FROM message WHERE chat_id = ? AND id = ? RETURNING id, sender_id",
        (permit.subject(), id),
        gone,
    )
}

fn delete_last(cx: &Context<'_>, permit: &Permit<Moderate>, count: u16) -> Result<Vec<Gone>> {
    let mut gone: Vec<Gone> = store::all(
        cx.db,
        "DELETE FROM message WHERE chat_id = ?1
           AND id IN (SELECT id FROM message WHERE chat_id = ?1 ORDER BY id DESC LIMIT ?2)
         RETURNING id, sender_id",
        (permit.subject(), count),
        gone,
    )?;
    gone.sort_unstable();
    Ok(gone)
}

fn delete_one_of(
    cx: &Context<'_>,
    permit: &Permit<DeleteOwn>,
    author: UserId,
    id: MessageId,
) -> Result<Option<MessageId>> {
    store::first(
        cx.db,
        "DELETE FROM message WHERE chat_id = ? AND id = ? AND sender_id = ? RETURNING id",
        (permit.subject(), id, author),
        |row| row.get(0),
    )
}

fn delete_all_of(
    cx: &Context<'_>,
    permit: &Permit<DeleteOwn>,
    author: UserId,
) -> Result<Vec<MessageId>> {
    let mut gone: Vec<MessageId> = store::all(
        cx.db,
        "DELETE FROM message WHERE chat_id = ? AND sender_id = ? RETURNING id",
        (permit.subject(), author),
        |row| row.get(0),
    )?;
    gone.sort_unstable();
    Ok(gone)
}

/// Taking away what others said leaves an audit row; taking back one's own words does not. The row names
/// the senders too, as the messages that knew them are gone (SPEC 7.8).
fn audit_others(cx: &Context<'_>, action: &str, chat: ChatId, gone: &[Gone]) -> Result<()> {
    let own = cx.actor.user_id();
    let others = gone.iter().filter(|(_, sender)| *sender != own);
    let (others, senders): (Vec<_>, BTreeSet<_>) = others.copied().unzip();
    if others.is_empty() {
        return Ok(());
    }
    let senders: Vec<UserId> = senders.into_iter().flatten().collect();
    let act = audit::Act {
        chat: Some(chat),
        details: json!({ "ids": others, "senders": senders }),
        ..Default::default()
    };
    audit::record(cx, action, act)
}

/// What one event names at most: it is written to every socket of the room.
const MOST_AN_EVENT: usize = 1000;

/// Announces what is gone, once, if anything is; of everything that a person wrote, in as many events as it
/// takes.
pub(super) fn tell(cx: &mut Context<'_>, chat_id: ChatId, ids: Vec<MessageId>) -> Result<Deleted> {
    for some in ids.chunks(MOST_AN_EVENT) {
        let ids = some.to_vec();
        cx.emit(MessageDeleted { chat_id, ids })?;
    }
    Ok(Deleted {
        deleted: ids.len() as u64,
    })
}

/// Deletes everything a person wrote, in every chat (SPEC 1.7).
pub(crate) fn erase_of(cx: &mut Context<'_>, permit: &Permit<ActOn>) -> Result<()> {
    let written: Vec<(ChatId, MessageId)> = store::all(
        cx.db,
        "DELETE FROM message WHERE sender_id = ? RETURNING chat_id, id",
        [permit.subject()],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let mut by_chat: BTreeMap<ChatId, BTreeSet<MessageId>> = BTreeMap::new();
    for (chat, id) in written {
        by_chat.entry(chat).or_default().insert(id);
    }
    for (chat, ids) in by_chat {
        tell(cx, chat, ids.into_iter().collect())?;
    }
    Ok(())
}
