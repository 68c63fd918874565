//! Messages: the tables `message`, `sent`, `send_window` (SPEC 6). Only ciphertext passes here.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::e2ee::Envelope;
use crate::error::{Error, ErrorKind, Result};
use crate::event::{MessageDeleted, MessageNew};
use crate::model::{ChatId, ClientId, MessageId, Role, SECOND, SessionId, Timestamp, UserId};
use crate::operation::{Context, Operation, Query, View};
use crate::ops::chats::{self, ChatRow};
use crate::ops::{epochs, punishments};
use crate::policy::{ActOn, ChatAction, ChatFacts, LookIn, Permit, Talk, may, permit};
use crate::store;

/// Sends a message: an envelope that only holders of the epoch's key can open (SPEC 6.1, 6.2).
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Send {
    /// Where.
    pub chat_id: ChatId,
    /// The envelope, as JSON text of at most 4096 bytes.
    pub content: String,
    /// The sender's own name for the message: a retry with it stores nothing and answers the first
    /// message's id, for 10 minutes.
    #[serde(default)]
    pub client_id: Option<ClientId>,
}

/// A stored message's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Sent {
    /// Its id within the chat.
    pub id: MessageId,
    /// When it was stored; for a retry, when the first was.
    pub created_at: Timestamp,
}

impl Operation for Send {
    const NAME: &'static str = "message.send";
    type Reply = Sent;

    /// The checks are in the order of SPEC 6.2; the first that fails answers.
    fn apply(self, cx: &mut Context<'_>) -> Result<Sent> {
        let (row, facts) = chats::load(cx, self.chat_id)?;
        let permit = permit::<Talk>(&cx.actor, &facts)?;
        let sender = cx.user_id()?;
        if let Some(first) = self.already_sent(cx, sender)? {
            return Ok(first);
        }
        let session = cx.session_id()?;
        check_joined(cx, session, self.chat_id)?;
        punishments::check_muted(cx.db, sender, self.chat_id, cx.now)?;
        check_envelope(&self.content, &row)?;
        if !epochs::holds_key(cx.db, self.chat_id, session)? {
            return Err(ErrorKind::NoRoomKey.into());
        }
        let times = check_pace(cx, sender, &row, &facts)?;
        self.store(cx, &permit, sender, &row, &times)
    }
}

impl Send {
    /// What a retry is answered with (SPEC 6.7).
    fn already_sent(&self, cx: &Context<'_>, sender: UserId) -> Result<Option<Sent>> {
        let Some(client_id) = &self.client_id else {
            return Ok(None);
        };
        store::first(
            cx.db,
            "SELECT message_id, at FROM sent WHERE chat_id = ? AND sender_id = ? AND client_id = ? AND at > ?",
            (
                self.chat_id,
                sender,
                client_id,
                cx.now.plus(-CLIENT_ID_KEPT),
            ),
            |row| {
                Ok(Sent {
                    id: row.get(0)?,
                    created_at: row.get(1)?,
                })
            },
        )
    }

    fn store(
        self,
        cx: &mut Context<'_>,
        permit: &Permit<Talk>,
        sender: UserId,
        row: &ChatRow,
        times: &[Timestamp],
    ) -> Result<Sent> {
        let chat_id = permit.subject();
        let role = cx.actor.person().map_or(Role::User, |person| person.role);
        let id = insert(
            cx,
            row,
            New::User {
                sender,
                role,
                content: &self.content,
            },
        )?;
        store::execute(
            cx.db,
            "INSERT INTO send_window (chat_id, user_id, times) VALUES (?1, ?2, ?3)
             ON CONFLICT DO UPDATE SET times = excluded.times",
            (chat_id, sender, pack(times)),
        )?;
        if let Some(client_id) = &self.client_id {
            store::execute(
                cx.db,
                "INSERT OR REPLACE INTO sent (chat_id, sender_id, client_id, message_id, at) VALUES (?, ?, ?, ?, ?)",
                (chat_id, sender, client_id, id, cx.now),
            )?;
        }
        cx.emit(MessageNew { chat_id, id })?;
        Ok(Sent {
            id,
            created_at: cx.now,
        })
    }
}

/// How long a `client_id` is remembered.
const CLIENT_ID_KEPT: i64 = 10 * 60 * SECOND;

fn check_joined(cx: &Context<'_>, session: SessionId, chat: ChatId) -> Result<()> {
    match cx.presence() {
        // Where presence is off, joined means may talk (SPEC 10.1).
        None => Ok(()),
        Some(presence) if presence.has_joined(session, chat) => Ok(()),
        Some(_) => Err(ErrorKind::NotJoined.into()),
    }
}

fn check_envelope(content: &str, row: &ChatRow) -> Result<()> {
    let envelope = Envelope::parse(content)?;
    if envelope.suite().number() != row.chat.e2ee {
        return Err(Error::with_message(
            ErrorKind::EnvelopeInvalid,
            format!(
                "This chat speaks suite {}; `v` says otherwise.",
                row.chat.e2ee
            ),
        ));
    }
    if envelope.epoch() == row.chat.epoch {
        Ok(())
    } else {
        Err(Error::epoch_mismatch(row.chat.epoch))
    }
}

/// Slow mode and limits (SPEC 6.6). Answers when the sender sent lately, this message included.
fn check_pace(
    cx: &Context<'_>,
    sender: UserId,
    row: &ChatRow,
    facts: &ChatFacts,
) -> Result<Vec<Timestamp>> {
    let window = i64::from(cx.settings.send_window_seconds) * SECOND;
    let mut times = recent_sends(cx.db, row.chat.id, sender)?;
    let slow_mode = i64::from(row.chat_config.slow_mode_seconds.seconds()) * SECOND;
    if let Some(last) = times.last().filter(|_| slow_mode > 0)
        && cx.now.since(*last) < slow_mode
        && may(ChatAction::Moderate, &cx.actor, facts).is_err()
    {
        return Err(wait_until(last.plus(slow_mode), cx.now));
    }
    let per_user = cx.settings.sends_per_user as usize;
    if let Some(earlier) = times
        .len()
        .checked_sub(per_user)
        .and_then(|index| times.get(index))
        && cx.now.since(*earlier) < window
    {
        return Err(wait_until(earlier.plus(window), cx.now));
    }
    if let Some(earlier) = sent_before(cx.db, row, cx.settings.sends_per_chat)?
        && cx.now.since(earlier) < window
    {
        return Err(wait_until(earlier.plus(window), cx.now));
    }
    times.push(cx.now);
    times.drain(..times.len().saturating_sub(per_user.max(1)));
    Ok(times)
}

fn wait_until(then: Timestamp, now: Timestamp) -> Error {
    Error::rate_limited(u64::try_from(then.since(now)).unwrap_or(1))
}

fn recent_sends(db: &Connection, chat: ChatId, sender: UserId) -> Result<Vec<Timestamp>> {
    let packed = store::first(
        db,
        "SELECT times FROM send_window WHERE chat_id = ? AND user_id = ?",
        (chat, sender),
        |row| Ok(unpack(row.get_ref(0)?.as_blob()?)),
    )?;
    Ok(packed.unwrap_or_default())
}

fn pack(times: &[Timestamp]) -> Vec<u8> {
    times
        .iter()
        .flat_map(|time| time.as_millis().to_be_bytes())
        .collect()
}

fn unpack(bytes: &[u8]) -> Vec<Timestamp> {
    let (chunks, _) = bytes.as_chunks::<8>();
    chunks
        .iter()
        .map(|chunk| Timestamp::from_millis(i64::from_be_bytes(*chunk)))
        .collect()
}

/// When the chat's `count`-th last message was stored.
fn sent_before(db: &Connection, row: &ChatRow, count: u32) -> Result<Option<Timestamp>> {
    let id = row.next_message_id.get() - i64::from(count);
    if id < 1 {
        return Ok(None);
    }
    // Where that one was deleted, the one before it was not sent later.
    store::first(
        db,
        "SELECT created_at FROM message WHERE chat_id = ? AND id <= ? ORDER BY id DESC LIMIT 1",
        (row.chat.id, id),
        |row| row.get(0),
    )
}

/// A message to be stored.
enum New<'a> {
    User {
        sender: UserId,
        role: Role,
        content: &'a str,
    },
    System {
        code: &'a str,
        content: &'a str,
    },
}

/// Stores a message under the chat's next id.
fn insert(cx: &Context<'_>, row: &ChatRow, message: New<'_>) -> Result<MessageId> {
    let chat = row.chat.id;
    let (sender, role, epoch, code, content) = match message {
        New::User {
            sender,
            role,
            content,
        } => (Some(sender), Some(role), row.chat.epoch, None, content),
        New::System { code, content } => (None, None, 0, Some(code), content),
    };
    let id: MessageId = cx
        .db
        .prepare_cached(
            "UPDATE chat SET next_message_id = next_message_id + 1,
               last_activity_at = CASE WHEN ?2 THEN ?3 ELSE last_activity_at END
             WHERE id = ?1 RETURNING next_message_id - 1",
        )?
        .query_row((chat, sender.is_some(), cx.now), |row| row.get(0))?;
    store::execute(
        cx.db,
        "INSERT INTO message (chat_id, id, sender_id, sender_role, epoch, code, content, created_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (chat, id, sender, role, epoch, code, content, cx.now),
    )?;
    Ok(id)
}

/// Says something to a chat in the system's name: a machine code and plain text (SPEC 6.3).
pub(crate) fn system(cx: &mut Context<'_>, chat: ChatId, code: &str, content: &str) -> Result<()> {
    let (row, _) = chats::load(cx, chat)?;
    let id = insert(cx, &row, New::System { code, content })?;
    cx.emit(MessageNew { chat_id: chat, id })
}

/// Who sent a message.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Sender {
    /// The id: part of what the encryption binds.
    pub id: UserId,
    /// The name; null once the user is deleted.
    pub username: Option<String>,
    /// The platform role at the time.
    pub role: Role,
}

/// Whose message it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MessageKind {
    /// A person's: ciphertext.
    User,
    /// The system's: plain text.
    System,
}

/// A message as it is stored.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Message {
    /// Its id within the chat.
    pub id: MessageId,
    /// Where.
    pub chat_id: ChatId,
    /// Who; null for the system's.
    pub sender: Option<Sender>,
    /// A person's or the system's.
    pub kind: MessageKind,
    /// What kind of system message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The envelope, or the system's words.
    pub content: String,
    /// The epoch it belongs to; 0 for the system's.
    pub epoch: u64,
    /// When.
    pub created_at: Timestamp,
}

/// The columns of a [`Message`], of `message m LEFT JOIN user u`.
const COLUMNS: &str = "m.id, m.chat_id, m.sender_id, u.username, m.sender_role, m.code, m.content, m.epoch, m.created_at";

fn from_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Message> {
    let sender = match row.get::<_, Option<UserId>>(2)? {
        Some(id) => Some(Sender {
            id,
            username: row.get(3)?,
            role: row.get(4)?,
        }),
        None => None,
    };
    Ok(Message {
        id: row.get(0)?,
        chat_id: row.get(1)?,
        kind: if sender.is_some() {
            MessageKind::User
        } else {
            MessageKind::System
        },
        sender,
        code: row.get(5)?,
        content: row.get(6)?,
        epoch: row.get(7)?,
        created_at: row.get(8)?,
    })
}

/// One message, while it is there.
pub(crate) fn get(db: &Connection, chat: ChatId, id: MessageId) -> Result<Option<Message>> {
    store::first(
        db,
        &format!(
            "SELECT {COLUMNS} FROM message m LEFT JOIN user u ON u.id = m.sender_id
             WHERE m.chat_id = ? AND m.id = ?"
        ),
        (chat, id),
        from_row,
    )
}

/// The first message that the acting session may read (SPEC 6.4); none if it may read none.
pub(crate) fn first_visible(
    _view: &View<'_>,
    _row: &ChatRow,
    _facts: &ChatFacts,
) -> Result<Option<MessageId>> {
    Ok(MessageId::try_from(1).ok())
}

/// Reads a chat's messages, newest first (SPEC 6.4).
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct History {
    /// Where.
    pub chat_id: ChatId,
    /// Only messages before this one.
    #[serde(default)]
    pub before: Option<MessageId>,
    /// Only messages after this one.
    #[serde(default)]
    pub after: Option<MessageId>,
    /// At most this many, 1 to 100; default 50.
    #[serde(default)]
    pub limit: Option<u16>,
}

/// A page of history.
#[derive(Debug, Serialize, JsonSchema)]
pub struct HistoryPage {
    /// Newest first.
    pub messages: Vec<Message>,
    /// The chat's epoch.
    pub epoch: u64,
    /// The first id of the current epoch.
    pub epoch_start: MessageId,
    /// The place in the event log that this is true at.
    pub as_of: u64,
}

impl Query for History {
    const NAME: &'static str = "message.history";
    type Reply = HistoryPage;

    fn answer(self, view: &View<'_>) -> Result<HistoryPage> {
        let (row, facts) = chats::load(view, self.chat_id)?;
        permit::<LookIn>(&view.actor, &facts)?;
        let limit = super::page_size(self.limit, 50, 100)?;
        let messages = store::all(
            view.db,
            &format!(
                "SELECT {COLUMNS} FROM message m LEFT JOIN user u ON u.id = m.sender_id
                 WHERE m.chat_id = ?1 AND m.id < ?2 AND m.id > ?3 ORDER BY m.id DESC LIMIT ?4"
            ),
            (
                self.chat_id,
                self.before.map_or(i64::MAX, MessageId::get),
                self.after.map_or(0, MessageId::get),
                i64::try_from(limit).unwrap_or(i64::MAX),
            ),
            from_row,
        )?;
        Ok(HistoryPage {
            messages,
            epoch: row.chat.epoch,
            epoch_start: row.epoch_start,
            as_of: view.as_of()?,
        })
    }
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
    for (chat_id, ids) in by_chat {
        let ids = ids.into_iter().collect();
        cx.emit(MessageDeleted { chat_id, ids })?;
    }
    Ok(())
}
