//! Rooms: who is where at the moment (SPEC 10).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{ErrorKind, Result};
use crate::event::EpochReason;
use crate::model::{ChatId, Timestamp};
use crate::operation::{Context, Done, Effect, Operation};
use crate::ops::activity::{self, ActivityKind, Method};
use crate::ops::messages::joining;
use crate::ops::{browser, chats, epochs, keys, matching, punishments};
use crate::policy::{Talk, permit, sit};
use crate::presence::{Departure, Identity, Leaver, Left};

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
        let may_talk = sit(&cx.actor, &facts)?;
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
                let (at, kind) = (cx.now, ActivityKind::Join);
                activity::announce(cx, at, self.chat_id, user, kind, Some(method))?;
                matching::peer_is_back(cx, self.chat_id, user)?;
            }
            browser::joins(cx, self.chat_id, &row.chat_config, may_talk)?;
            cx.afterwards(Effect::Joined {
                connection,
                identity: Identity {
                    session: cx.session,
                    user: cx.actor.user_id(),
                },
                chat: self.chat_id,
                since: as_of,
                at: cx.now,
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
            let (chat, at) = (self.chat_id, cx.now);
            let departing = cx
                .presence()
                .map(|presence| presence.departing(connection, chat, at));
            cx.afterwards(Effect::Left {
                connection,
                chat,
                at,
            });
            for departure in departing.unwrap_or_default() {
                note(cx, departure)?;
            }
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

/// Begins to keep presence of a file: nobody is anywhere yet (SPEC 10.1). For whoever opens it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BeginPresence {}

impl Operation for BeginPresence {
    const NAME: &'static str = "room.begin_presence";
    type Reply = Done;

    fn apply(self, cx: &mut Context<'_>) -> Result<Done> {
        joining::note_all_left(cx.db, cx.now)?;
        matching::begin_presence(cx)?;
        browser::begin_presence(cx)?;
        Ok(Done {})
    }
}

/// Writes down who left a room because connections were lost ([`crate::Portal::forget`]), as far as it is not
/// written yet; what the others are told of it, once it was more than a minute ago. For whoever keeps presence.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoteDepartures {}

impl Operation for NoteDepartures {
    const NAME: &'static str = "room.note_departures";
    type Reply = Done;

    fn apply(self, cx: &mut Context<'_>) -> Result<Done> {
        if !cx.actor.is_operator() {
            return Err(ErrorKind::Forbidden.into());
        }
        note_departures(cx)?;
        Ok(Done {})
    }
}

/// Writes down who left a room and is not written down as gone. Once it is committed memory forgets them,
/// so that nobody is written down twice.
pub(crate) fn note_departures(cx: &mut Context<'_>) -> Result<()> {
    let now = cx.now;
    let departures = cx.presence().map(|presence| presence.departures(now));
    for departure in departures.unwrap_or_default() {
        note(cx, departure)?;
    }
    Ok(())
}

/// When there will be more to write down, unless they come back.
pub(crate) fn departures_due(cx: &Context<'_>) -> Option<Timestamp> {
    cx.presence()
        .and_then(|presence| presence.next_departure_at())
}

fn note(cx: &mut Context<'_>, departure: Departure) -> Result<()> {
    let Departure {
        at,
        opened_at,
        left,
        who,
    } = departure;
    match (left, who) {
        (Left::Room(chat), Leaver::Session(session)) => {
            joining::note_left(cx.db, session, chat, at)?;
        }
        (Left::Room(chat), Leaver::User(user)) => {
            browser::drop_person(cx, chat, user)?;
            // The other of a DIRECT chat is told at once, for they have a minute to wait (SPEC 9.9). Who is away
            // already, or was matched while away, has not left now.
            if matching::peer_is_away(cx, chat, user, at)? == Some(true) {
                activity::announce(cx, at, chat, user, ActivityKind::Leave, None)?;
            }
        }
        (Left::RoomForLong(chat), Leaver::User(user)) => {
            if chats::peer_of(cx.db, chat, user)?.is_none() {
                activity::announce(cx, at, chat, user, ActivityKind::Leave, None)?;
            }
        }
        (Left::Platform, Leaver::User(user)) => matching::is_gone(cx, user, opened_at, at)?,
        // Of a session alone nothing is kept but where it was.
        (Left::RoomForLong(_) | Left::Platform, Leaver::Session(_)) => {}
    }
    cx.afterwards(Effect::Noted(departure));
    Ok(())
}
