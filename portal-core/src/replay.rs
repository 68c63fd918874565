//! What a connection missed while its person was away (SPEC 12.2).
//!
//! It comes in parts: of the person at connecting, of each chat at joining it again. An event that names
//! the person is in the first part, wherever it happened, and so in no other. Each part comes in pages, so that
//! whoever reads slowly has little waiting; what of it they may know is judged with each page.
//!
//! The surprise: where a part ends is settled with its first page. Whoever leaves a room meanwhile and comes back has
//! another seat there, which begins later; what lies between was never missed.

use crate::actor::Actor;
use crate::delivery::{self, Delivery};
use crate::error::{ErrorKind, Result};
use crate::event::{Audience, EpochReason, Event, StoredEvent};
use crate::model::{ChatId, ConnectionId, Role, UserId};
use crate::operation::View;
use crate::ops::events::{self, Span};
use crate::ops::{chats, messages};
use crate::policy::sit;
use crate::portal::Portal;

/// As many events as one part brings. Whoever missed more reads the state, which is less.
const MOST: usize = 5000;

/// As many events as one page is made of.
const PAGE: usize = 200;

/// A page of what a connection missed.
#[derive(Debug)]
pub struct Missed {
    /// In the log's order; at most 200. None do not mean that there is no rest.
    pub deliveries: Vec<Delivery>,
    /// For the next page; none after the last.
    pub rest: Option<Rest>,
}

/// What is left of what a connection missed, for [`Portal::replay_rest`].
#[derive(Clone, Copy, Debug)]
pub struct Rest {
    connection: ConnectionId,
    chat: Option<ChatId>,
    span: Span,
}

impl Portal {
    /// The first page of what a connection missed since `after` (SPEC 12.2): of a chat that it has joined again, or,
    /// without a chat, of its person and session. Guests get nothing.
    ///
    /// # Errors
    /// `ERR_EVENTS_PRUNED` if the log no longer reaches back, or if it is more than 5000 events: read
    /// the state instead. `ERR_NOT_JOINED`; `ERR_NOT_CONNECTED`.
    pub fn replay(
        &self,
        connection: ConnectionId,
        chat: Option<ChatId>,
        after: u64,
    ) -> Result<Missed> {
        self.missed(connection, chat, |view| {
            let until = reaches_to(view, connection, chat)?;
            let span = (after, until);
            if after > events::last_seq(view.db)? || count(view, chat, span)? > MOST {
                return Err(ErrorKind::EventsPruned.into());
            }
            Ok(span)
        })
    }

    /// The next page. What it brings goes out behind the page before it.
    ///
    /// # Errors
    /// `ERR_EVENTS_PRUNED` if the log no longer reaches back to it. `ERR_NOT_JOINED` for whoever may not be in the chat
    /// any more: the event that says so comes live. `ERR_NOT_CONNECTED`.
    pub fn replay_rest(&self, rest: Rest) -> Result<Missed> {
        self.missed(rest.connection, rest.chat, |_| Ok(rest.span))
    }

    fn missed(
        &self,
        connection: ConnectionId,
        chat: Option<ChatId>,
        span: impl FnOnce(&View<'_>) -> Result<Span>,
    ) -> Result<Missed> {
        let mut missed = Missed {
            deliveries: Vec::new(),
            rest: None,
        };
        let caller = Actor::connection(connection);
        let reader = self.reader()?;
        let view = View::new(&reader, &self.shared, &caller)?;
        if view.session.is_none() {
            return Ok(missed);
        }
        let (after, until) = span(&view)?;
        if events::horizon(&reader)? > after {
            return Err(ErrorKind::EventsPruned.into());
        }
        let (page, rest) = match chat {
            None => of_person(&view, (after, until))?,
            Some(chat) => of_chat(&view, chat, (after, until))?,
        };
        for stored in page {
            if let Some(data) = delivery::payload(&reader, &stored)? {
                let name = stored.event.name();
                delivery::push(&mut missed.deliveries, vec![connection], name, &data)?;
            }
        }
        missed.rest = rest.map(|span| Rest {
            connection,
            chat,
            span,
        });
        Ok(missed)
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

/// Whether staff's events are among what the caller may have missed. Of which role they are, each event says.
fn is_staff(view: &View<'_>) -> bool {
    view.actor.has_role(Role::Moderator)
}

/// How many events a part is made of; [`MOST`] and one for all that are more.
fn count(view: &View<'_>, chat: Option<ChatId>, span: Span) -> Result<usize> {
    let most = MOST + 1;
    if let Some(chat) = chat {
        return events::count_of_chat(view.db, chat, span, most);
    }
    let (user, session) = (view.user_id()?, view.session_id()?);
    events::count_of_person(view.db, user, session, is_staff(view), span, most)
}

/// The stretch behind a page of all that was there; none if that was the last.
fn behind(page: &[StoredEvent], until: u64) -> Option<Span> {
    let last = page.last().filter(|_| page.len() == PAGE)?.place();
    (last < until).then_some((last, until))
}

/// A page of the events, and the stretch behind it.
type Page = (Vec<StoredEvent>, Option<Span>);

fn of_person(view: &View<'_>, span: Span) -> Result<Page> {
    let (user, session) = (view.user_id()?, view.session_id()?);
    let mut page = events::of_person(view.db, user, session, is_staff(view), span, PAGE)?;
    let rest = behind(&page, span.1);
    // Judged now, as at any delivery: whoever has the role since hears what they missed.
    page.retain(|stored| match stored.event.audience() {
        Audience::Staff(least) => view.actor.has_role(least),
        _ => true,
    });
    Ok((page, rest))
}

/// What happened in the chat, as far as it is the caller's to know: not from before the membership, nor
/// what SPEC 3.4 and 6.4 hide.
fn of_chat(view: &View<'_>, chat: ChatId, (after, until): Span) -> Result<Page> {
    let user = view.user_id()?;
    // They may have been put out since they asked, and the chat may be gone.
    let (row, facts) = chats::load(view, chat).map_err(|error| match error.kind() {
        ErrorKind::ChatNotFound => ErrorKind::NotJoined.into(),
        _ => error,
    })?;
    sit(&view.actor, &facts).map_err(|_| ErrorKind::NotJoined)?;
    let sight = messages::sight(view, &row, &facts)?;
    let was_there = messages::knows_private_times(view, &row)?;
    let entry = events::last_entry(view.db, chat, (after, until), |event| {
        is_entry(event, user, was_there)
    })?;
    let from = entry.map_or(after, |entry| after.max(entry - 1));
    let mut page = events::of_chat(view.db, chat, (from, until), PAGE)?;
    let rest = behind(&page, until);
    page.retain(|stored| {
        let visible = match &stored.event {
            Event::MessageNew(e) => sight.first_message.is_some_and(|first| e.id >= first),
            _ => sight.joined_at.is_none_or(|joined| stored.at >= joined),
        };
        visible && stored.event.audience().user() != Some(user)
    });
    Ok((page, rest))
}

/// Whether the chat became the person's to look into with this event.
fn is_entry(event: &Event, user: UserId, was_there: bool) -> bool {
    match event {
        Event::MemberAdded(e) => e.user_id == user,
        Event::RoomEpochChanged(e) => e.reason == EpochReason::WentPublic && !was_there,
        _ => false,
    }
}
