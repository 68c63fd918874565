//! Sending (SPEC 6.1, 6.2, 6.6, 6.7): the tables `sent`, `send_window` and `chat_pace`.
//!
//! Check, insert and event are one transaction, so no message of an epoch is ever stored after the
//! chat has moved on from it. The surprise: when people last sent is kept apart from their messages,
//! because the limits hold although messages are deleted meanwhile.

use rusqlite::Connection;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::New;
use crate::e2ee::Envelope;
use crate::error::{Error, ErrorKind, Result};
use crate::event::MessageNew;
use crate::model::{
    ChatId, ClientId, MINUTE, MessageId, Role, SECOND, SessionId, Timestamp, UserId,
};
use crate::operation::{Context, Operation};
use crate::ops::chats::{self, ChatRow};
use crate::ops::{epochs, punishments};
use crate::policy::{ChatAction, ChatFacts, Permit, Talk, may, permit};
use crate::store;

/// How long a `client_id` is remembered.
pub(super) const CLIENT_ID_KEPT: i64 = 10 * MINUTE;

/// Sends a message: an envelope that only holders of the epoch's key can open (SPEC 6.1).
///
/// The first that fails answers: `ERR_CHAT_NOT_FOUND`; `ERR_BANNED`, `ERR_FORBIDDEN`; a known
/// `client_id` answers the first message; `ERR_UNAUTHENTICATED` without a session, `ERR_NOT_JOINED`;
/// `ERR_MUTED`; `ERR_ENVELOPE_INVALID`; `ERR_EPOCH_MISMATCH`; `ERR_NO_ROOM_KEY`; `ERR_RATE_LIMITED`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
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

    /// The checks are in the order of SPEC 6.2.
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
            "SELECT message_id, at FROM sent
             WHERE chat_id = ? AND sender_id = ? AND client_id = ? AND at > ?",
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
        let message = New::User {
            sender,
            role: cx.actor.person().map_or(Role::User, |person| person.role),
            epoch: row.chat.epoch,
            content: &self.content,
        };
        let id = row.next_message_id;
        super::insert(cx, chat_id, id, message)?;
        note_pace(cx, row, sender, times)?;
        if let Some(client_id) = &self.client_id {
            store::execute(
                cx.db,
                "INSERT OR REPLACE INTO sent (chat_id, sender_id, client_id, message_id, at)
                 VALUES (?, ?, ?, ?, ?)",
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

fn check_joined(cx: &Context<'_>, session: SessionId, chat: ChatId) -> Result<()> {
    match cx.presence() {
        // Where presence is off, joined means may talk (SPEC 6.2, 10.1).
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

/// Slow mode and limits (SPEC 6.6); a limit of 0 is none. Answers when the sender sent lately, this
/// message included: what the next one is judged by.
fn check_pace(
    cx: &Context<'_>,
    sender: UserId,
    row: &ChatRow,
    facts: &ChatFacts,
) -> Result<Vec<Timestamp>> {
    let chat = row.chat.id;
    let window = i64::from(cx.settings.send_window_seconds) * SECOND;
    let mut times = sends_of(cx.db, chat, sender)?;
    if let Some(last) = times.last() {
        let pause = i64::from(row.chat_config.slow_mode_seconds.seconds()) * SECOND;
        if cx.now.since(*last) < pause && may(ChatAction::Moderate, &cx.actor, facts).is_err() {
            return Err(wait_until(last.plus(pause), cx.now));
        }
    }
    let per_user = cx.settings.sends_per_user as usize;
    let full = times
        .len()
        .checked_sub(per_user)
        .and_then(|first| times.get(first));
    check_room(full.copied().filter(|_| per_user > 0), window, cx.now)?;
    check_room(taken_before(cx, row)?, window, cx.now)?;
    // As many as the limit looks back upon, and one for slow mode.
    times.push(cx.now);
    times.drain(..times.len().saturating_sub(per_user.max(1)));
    Ok(times)
}

/// Refuses while the message that the limit counts back to lies in the window; says when it has left.
fn check_room(counted: Option<Timestamp>, window: i64, now: Timestamp) -> Result<()> {
    match counted {
        Some(first) if now.since(first) < window => Err(wait_until(first.plus(window), now)),
        _ => Ok(()),
    }
}

/// When the chat took the message that lies a whole limit back.
fn taken_before(cx: &Context<'_>, row: &ChatRow) -> Result<Option<Timestamp>> {
    let Some(slot) = slot(cx, row) else {
        return Ok(None);
    };
    store::first(
        cx.db,
        "SELECT at FROM chat_pace WHERE chat_id = ? AND slot = ?",
        (row.chat.id, slot),
        |row| row.get(0),
    )
}

/// The slot of the chat's ring that the next message takes; none without a limit.
fn slot(cx: &Context<'_>, row: &ChatRow) -> Option<u64> {
    row.sent_count
        .checked_rem(u64::from(cx.settings.sends_per_chat))
}

fn note_pace(cx: &Context<'_>, row: &ChatRow, sender: UserId, times: &[Timestamp]) -> Result<()> {
    let chat = row.chat.id;
    store::execute(
        cx.db,
        "INSERT INTO send_window (chat_id, user_id, times) VALUES (?1, ?2, ?3)
         ON CONFLICT DO UPDATE SET times = excluded.times",
        (chat, sender, pack(times)),
    )?;
    if let Some(slot) = slot(cx, row) {
        store::execute(
            cx.db,
            "INSERT INTO chat_pace (chat_id, slot, at) VALUES (?1, ?2, ?3)
             ON CONFLICT DO UPDATE SET at = excluded.at",
            (chat, slot, cx.now),
        )?;
    }
    Ok(())
}

fn wait_until(then: Timestamp, now: Timestamp) -> Error {
    Error::rate_limited(u64::try_from(then.since(now)).unwrap_or(1))
}

/// When the person last sent to the chat, in order.
fn sends_of(db: &Connection, chat: ChatId, sender: UserId) -> Result<Vec<Timestamp>> {
    let packed = store::first(
        db,
        "SELECT times FROM send_window WHERE chat_id = ? AND user_id = ?",
        (chat, sender),
        |row| Ok(unpack(row.get_ref(0)?.as_blob()?)),
    )?;
    Ok(packed.unwrap_or_default())
}

/// When a person last wrote to a chat.
#[derive(Debug, Serialize, JsonSchema)]
pub struct LastSends {
    /// Where.
    pub chat_id: ChatId,
    /// The last few times, oldest first; also of what is deleted since.
    pub at: Vec<Timestamp>,
}

/// When a person last wrote, chat by chat.
pub(super) fn last_sends(db: &Connection, sender: UserId) -> Result<Vec<LastSends>> {
    store::all(
        db,
        "SELECT chat_id, times FROM send_window WHERE user_id = ? ORDER BY chat_id",
        [sender],
        |row| {
            Ok(LastSends {
                chat_id: row.get(0)?,
                at: unpack(row.get_ref(1)?.as_blob()?),
            })
        },
    )
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
