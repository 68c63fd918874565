//! Rooms: who is where at the moment (SPEC 10).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{ErrorKind, Result};
use crate::event::EpochReason;
use crate::model::{ChatId, ConnectionId, SessionId, UserId};
use crate::operation::{Context, Done, Effect, Operation};
use crate::ops::activity::{self, ActivityKind, Method};
use crate::ops::messages::joining;
use crate::ops::{chats, epochs, keys, punishments};
use crate::policy::{ActingAs, ChatAction, ChatFacts, LookIn, Permit, Talk, may, permit};

/// Joins a chat's room with the caller's connection: from here on its events are delivered. Guests may
/// look into OFFICIAL and PUBLIC chats.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Join {
    /// Which.
    pub chat_id: ChatId,
}

/// Being in a room.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Joined {
    /// The chat.
    pub chat: chats::ChatView,
    /// Whether the caller may talk there, or only look.
    pub may_talk: bool,
    /// The place in the event log from which on events are delivered.
    pub as_of: u64,
}

impl Operation for Join {
    const NAME: &'static str = "room.join";
    type Reply = Joined;

    fn apply(self, cx: &mut Context<'_>) -> Result<Joined> {
        let (row, facts) = chats::load(cx, self.chat_id)?;
        let permit = permit::<LookIn>(&cx.actor, &facts)?;
        let may_talk = may(ChatAction::Talk, &cx.actor, &facts).is_ok();
        check_may_sit(cx, &permit, &facts, may_talk)?;
        let is_new = cx.connection.is_some() && joining::note_joining(cx, self.chat_id)?;
        // What was said before is to stay closed to whoever joins now (SPEC 8.1). Before the request for
        // a key, which then waits for the move.
        if is_new && may_talk && !row.chat_config.history_visible {
            epochs::schedule_move(cx, self.chat_id, EpochReason::Joined)?;
        }
        if let Some(session) = cx.session {
            keys::request_key(cx, self.chat_id, session)?;
        }
        let as_of = cx.as_of()?;
        if let Some(connection) = cx.connection {
            if let Some(user) = cx.actor.user_id() {
                let method = Method::usual(facts.chat_type);
                activity::announce(cx, self.chat_id, user, ActivityKind::Join, Some(method))?;
            }
            cx.afterwards(Effect::Joined {
                connection,
                chat: self.chat_id,
                since: as_of,
            });
        }
        let chat = chats::view(cx.db, self.chat_id)?.ok_or(ErrorKind::ChatNotFound)?;
        Ok(Joined {
            chat,
            may_talk,
            as_of,
        })
    }
}

/// An admin's look into a PRIVATE chat is no seat in it (SPEC 4.5).
fn check_may_sit(
    cx: &Context<'_>,
    permit: &Permit<LookIn>,
    facts: &ChatFacts,
    may_talk: bool,
) -> Result<()> {
    debug_assert_eq!(permit.subject(), facts.id, "the permit is for this chat");
    match cx.actor {
        _ if may_talk || facts.chat_type.is_open() => Ok(()),
        ActingAs::Person(_) | ActingAs::Guest | ActingAs::Operator | ActingAs::System => {
            Err(ErrorKind::Forbidden.into())
        }
    }
}

/// Takes the caller's connection out of a room. Membership stays.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Leave {
    /// Which.
    pub chat_id: ChatId,
}

impl Operation for Leave {
    const NAME: &'static str = "room.leave";
    type Reply = Done;

    fn apply(self, cx: &mut Context<'_>) -> Result<Done> {
        if let Some(connection) = cx.connection {
            leave(cx, connection, self.chat_id)?;
            cx.afterwards(Effect::Left {
                connection,
                chat: self.chat_id,
            });
        }
        Ok(Done {})
    }
}

/// Shows the room that the caller is typing: passed on at most once a second a person, not stored
/// (SPEC 10.3).
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Typing {
    /// Where.
    pub chat_id: ChatId,
}

impl Operation for Typing {
    const NAME: &'static str = "room.typing";
    type Reply = Done;

    fn apply(self, cx: &mut Context<'_>) -> Result<Done> {
        let (_, facts) = chats::load(cx, self.chat_id)?;
        permit::<Talk>(&cx.actor, &facts)?;
        let user = cx.user_id()?;
        let connection = cx.connection.ok_or(ErrorKind::NotConnected)?;
        let seated = cx
            .presence()
            .is_some_and(|presence| presence.seat(connection, self.chat_id).is_some());
        if !seated {
            return Err(ErrorKind::NotJoined.into());
        }
        // A mute silences typing too (SPEC 4.2).
        punishments::check_muted(cx.db, user, self.chat_id, cx.now)?;
        cx.afterwards(Effect::Typed {
            chat: self.chat_id,
            user,
        });
        Ok(Done {})
    }
}

/// Forgets a connection that was lost or closed. For whoever keeps presence.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Disconnect {
    /// Which.
    pub connection_id: ConnectionId,
}

impl Operation for Disconnect {
    const NAME: &'static str = "room.disconnect";
    type Reply = Done;

    fn apply(self, cx: &mut Context<'_>) -> Result<Done> {
        if !cx.actor.is_operator() {
            return Err(ErrorKind::Forbidden.into());
        }
        let rooms = cx
            .presence()
            .map(|presence| presence.rooms_of(self.connection_id))
            .unwrap_or_default();
        for chat in rooms {
            leave(cx, self.connection_id, chat)?;
        }
        cx.afterwards(Effect::Disconnected {
            connection: self.connection_id,
        });
        Ok(Done {})
    }
}

/// Writes down that a connection leaves a room, if it is its session's or its person's last one there.
fn leave(cx: &mut Context<'_>, connection: ConnectionId, chat: ChatId) -> Result<()> {
    let Some((session, user, last)) = last_there(cx, connection, chat) else {
        return Ok(());
    };
    if last.of_session {
        joining::note_left(cx, session, chat)?;
    }
    if last.of_user {
        activity::announce(cx, chat, user, ActivityKind::Leave, None)?;
    }
    Ok(())
}

struct Last {
    of_session: bool,
    of_user: bool,
}

/// Whose connection it is and whether it is the last in the room; none for guests and who is not there.
fn last_there(
    cx: &Context<'_>,
    connection: ConnectionId,
    chat: ChatId,
) -> Option<(SessionId, UserId, Last)> {
    let presence = cx.presence()?;
    let own = presence.identity(connection)?;
    let (session, user) = (own.session?, own.user?);
    let mut seated = false;
    let mut last = Last {
        of_session: true,
        of_user: true,
    };
    for (id, _) in presence.room(chat) {
        if id == connection {
            seated = true;
        } else if let Some(other) = presence.identity(id) {
            last.of_session &= other.session != own.session;
            last.of_user &= other.user != own.user;
        }
    }
    seated.then_some((session, user, last))
}
