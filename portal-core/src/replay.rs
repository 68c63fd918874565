//! What a connection missed while its person was away (SPEC 12.2).
//!
//! It comes in parts: of the person at connecting, of each chat at joining it again. An event that names
//! the person is in the first part, wherever it happened, and so in no other.

use crate::actor::Actor;
use crate::delivery::{self, Delivery};
use crate::error::{ErrorKind, Result};
use crate::event::{Audience, EpochReason, Event, StoredEvent};
use crate::model::{ChatId, ConnectionId, Role, UserId};
use crate::operation::View;
use crate::ops::{chats, events, messages};
use crate::portal::Portal;

/// As many events as one part brings. Whoever missed more reads the state, which is less.
const MOST: usize = 5000;

impl Portal {
    /// What a connection missed since `after` (SPEC 12.2): of a chat that it has joined again, or, without
    /// a chat, of its person and session. Guests get nothing.
    ///
    /// # Errors
    /// `ERR_EVENTS_PRUNED` if the log no longer reaches back, or if it is more than 5000 events: read
    /// the state instead. `ERR_NOT_JOINED`; `ERR_NOT_CONNECTED`.
    pub fn replay(
        &self,
        connection: ConnectionId,
        chat: Option<ChatId>,
        after: u64,
    ) -> Result<Vec<Delivery>> {
        let caller = Actor::connection(connection);
        let reader = self.reader()?;
        let view = View::new(&reader, &self.shared, &caller)?;
        if view.session.is_none() {
            return Ok(Vec::new());
        }
        let until = reaches_to(&view, connection, chat)?;
        if events::horizon(&reader)? > after || after > events::last_seq(&reader)? {
            return Err(ErrorKind::EventsPruned.into());
        }
        let missed = match chat {
            None => of_person(&view, after, until)?,
            Some(chat) => of_chat(&view, chat, after, until)?,
        };
        let mut deliveries = Vec::new();
        for stored in missed {
            if let Some(data) = delivery::payload(&reader, &stored)? {
                let name = stored.event.name();
                delivery::push(&mut deliveries, vec![connection], name, &data)?;
            }
        }
        Ok(deliveries)
    }
}

/// Where what is delivered live begins.
fn reaches_to(view: &View<'_>, connection: ConnectionId, chat: Option<ChatId>) -> Result<u64> {
    let presence = view.presence().ok_or(ErrorKind::NotConnected)?;
    let since = match chat {
        None => presence.connected_since(connection),
        Some(chat) => presence.seat(connection, chat).map(|seat| seat.since),
    };
    let missing = chat.map_or(ErrorKind::NotConnected, |_| ErrorKind::NotJoined);
    since.ok_or_else(|| missing.into())
}

/// All of them, or `ERR_EVENTS_PRUNED`.
fn unless_too_many(events: Vec<StoredEvent>) -> Result<Vec<StoredEvent>> {
    if events.len() > MOST {
        return Err(ErrorKind::EventsPruned.into());
    }
    Ok(events)
}

fn of_person(view: &View<'_>, after: u64, until: u64) -> Result<Vec<StoredEvent>> {
    let (user, session) = (view.user_id()?, view.session_id()?);
    let staff = view.actor.has_role(Role::Moderator);
    let span = (after, until);
    let mut missed = unless_too_many(events::of_person(
        view.db,
        user,
        session,
        staff,
        span,
        MOST + 1,
    )?)?;
    // Judged now, as at any delivery: whoever has the role since hears what they missed.
    missed.retain(|stored| match stored.event.audience() {
        Audience::Staff(least) => view.actor.has_role(least),
        _ => true,
    });
    Ok(missed)
}

/// What happened in the chat, as far as it is the caller's to know: not from before the membership, nor
/// what SPEC 3.4 and 6.4 hide.
fn of_chat(view: &View<'_>, chat: ChatId, after: u64, until: u64) -> Result<Vec<StoredEvent>> {
    let user = view.user_id()?;
    let (row, facts) = chats::load(view, chat)?;
    let sight = messages::sight(view, &row, &facts)?;
    let mut missed = unless_too_many(events::of_chat(view.db, chat, after, until, MOST + 1)?)?;
    let was_there = messages::knows_private_times(view, &row)?;
    let entry = missed
        .iter()
        .rposition(|stored| is_entry(&stored.event, user, was_there));
    missed.drain(..entry.unwrap_or_default());
    missed.retain(|stored| {
        let visible = match &stored.event {
            Event::MessageNew(e) => sight.first_message.is_some_and(|first| e.id >= first),
            _ => sight.joined_at.is_none_or(|joined| stored.at >= joined),
        };
        visible && stored.event.audience().user() != Some(user)
    });
    Ok(missed)
}

/// Whether the chat became the person's to look into with this event.
fn is_entry(event: &Event, user: UserId, was_there: bool) -> bool {
    match event {
        Event::MemberAdded(e) => e.user_id == user,
        Event::RoomEpochChanged(e) => e.reason == EpochReason::WentPublic && !was_there,
        _ => false,
    }
}
