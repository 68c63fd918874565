//! The sessions that a chat's key concerns: whose they are, what they may and what they hold
//! (SPEC 8.4, 8.5). Reads only.
//!
//! The surprise: where presence is off nobody knows who is in the room, so the live sessions of owner and
//! members stand for those who are (SPEC 10.1).

use crate::error::{ErrorKind, Result};
use crate::model::{ChatId, SessionId, UserId};
use crate::operation::View;
use crate::ops::punishments::holds;
use crate::ops::users;
use crate::policy::{ActingAs, ChatAction, ChatFacts, may};
use crate::store;

/// A live session and how it stands to a chat's key.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own; none rules another out"
)]
pub(crate) struct Seat {
    pub(crate) session: SessionId,
    pub(crate) user: UserId,
    /// X25519, checked when it was registered.
    pub(crate) public_key: Option<[u8; 32]>,
    pub(crate) may_talk: bool,
    pub(crate) has_blob: bool,
    pub(crate) distributes: bool,
    /// Joined while a move was due already, and gets no blob before it (SPEC 8.6a).
    pub(crate) waits: bool,
}

impl Seat {
    /// Whether it holds the current epoch's key.
    pub(crate) const fn holds(&self) -> bool {
        self.has_blob || self.distributes
    }

    /// Whether a key could be wrapped for it at all.
    pub(crate) const fn can_hold(&self) -> bool {
        self.may_talk && self.public_key.is_some()
    }
}

/// How a live session stands to a chat; none if it has ended. `chat` gives the chat and its owner; the
/// rest is read for the session's own user.
pub(crate) fn find(view: &View<'_>, chat: &ChatFacts, session: SessionId) -> Result<Option<Seat>> {
    let presence_off = view.presence().is_none();
    // One statement, because a room has many sessions; the facts are those of `chats::load_for`. Without
    // presence a joiner is a new member, who has no request yet: then the membership's time decides.
    store::first(
        view.db,
        concat!(
            "SELECT u.role, u.tier, u.tier_expires_at, u.stranger, s.user_id, s.public_key,
           m.user_id IS NOT NULL,
           EXISTS (SELECT 1 FROM punishment p WHERE p.user_id = s.user_id AND p.kind = 'ban' AND p.chat_id = ?1
                   AND ",
            holds!("?3"),
            "),
           EXISTS (SELECT 1 FROM key_blob b WHERE b.chat_id = ?1 AND b.session_id = s.id),
           EXISTS (SELECT 1 FROM room_key k WHERE k.chat_id = ?1 AND k.distributor_session = s.id),
           EXISTS (SELECT 1 FROM key_request r WHERE r.chat_id = ?1 AND r.session_id = s.id AND r.waits = 1)
             OR (?4 AND EXISTS (SELECT 1 FROM chat c WHERE c.id = ?1 AND c.move_due_at IS NOT NULL
                   AND m.joined_at >= c.epoch_moved_at AND NOT c.chat_config ->> 'history_visible'))
         FROM session s JOIN user u ON u.id = s.user_id
           LEFT JOIN membership m ON m.chat_id = ?1 AND m.user_id = s.user_id
         WHERE s.id = ?2 AND s.expires_at > ?3"
        ),
        (chat.id, session, view.now, presence_off),
        |row| {
            let user = row.get(4)?;
            let person = users::person_from(user, view.now, row, 0)?;
            let facts = ChatFacts {
                is_member: row.get(6)?,
                is_banned: row.get(7)?,
                ..*chat
            };
            Ok(Seat {
                session,
                user,
                public_key: row.get(5)?,
                may_talk: may(ChatAction::Talk, &ActingAs::Person(person), &facts).is_ok(),
                has_blob: row.get(8)?,
                distributes: row.get(9)?,
                waits: row.get(10)?,
            })
        },
    )
}

/// The sessions in the room, the longest present first.
pub(crate) fn here(view: &View<'_>, chat: ChatId) -> Result<Vec<SessionId>> {
    if let Some(presence) = view.presence() {
        let seated = presence.sessions_in(chat);
        return Ok(seated.into_iter().map(|(session, _)| session).collect());
    }
    store::all(
        view.db,
        "SELECT id FROM session WHERE expires_at > ?2 AND user_id IN (
           SELECT user_id FROM membership WHERE chat_id = ?1
           UNION SELECT owner_id FROM chat WHERE id = ?1 AND owner_id IS NOT NULL)
         ORDER BY id",
        (chat, view.now),
        |row| row.get(0),
    )
}

/// Everyone in the room whose user may talk, the longest present first.
pub(crate) fn talking(view: &View<'_>, chat: &ChatFacts) -> Result<Vec<Seat>> {
    let mut seats = Vec::new();
    for session in here(view, chat.id)? {
        if let Some(seat) = find(view, chat, session)?
            && seat.may_talk
        {
            seats.push(seat);
        }
    }
    Ok(seats)
}

/// Whether the session is in the room; where presence is off, whoever may talk counts as joined.
pub(crate) fn is_here(view: &View<'_>, chat: ChatId, session: SessionId) -> bool {
    view.presence()
        .is_none_or(|presence| presence.has_joined(session, chat))
}

/// Refuses a session that has not joined the room: `ERR_NOT_JOINED`.
pub(crate) fn check_here(view: &View<'_>, chat: ChatId, session: SessionId) -> Result<()> {
    if is_here(view, chat, session) {
        Ok(())
    } else {
        Err(ErrorKind::NotJoined.into())
    }
}
