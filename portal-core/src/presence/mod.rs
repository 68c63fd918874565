//! The connection tracker (SPEC 10): connection, session, rooms. Pure and in memory.
//!
//! It changes only after a commit: by what an operation did with a connection, and by the events of
//! whoever committed, this process or another. That a connection opens or is lost is no commit's doing and
//! counts at once. A seat remembers between which places of the event log it was held, so that events find
//! exactly those who were there, however late they are delivered.

mod departures;
mod index;
mod observe;

use std::collections::{BTreeMap, BTreeSet};

pub use departures::{Departure, Leaver, Left};
use departures::{Departures, leavers};
use index::Index;

use crate::model::{ChatId, ConnectionId, SECOND, SessionId, Timestamp, UserId};

/// Whose connection it is; a guest's has neither.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The session it was opened with.
    pub session: Option<SessionId>,
    /// The session's user.
    pub user: Option<UserId>,
}

/// One connection's place in one room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seat {
    /// The event log's end when the connection joined: what is later is delivered.
    pub since: u64,
    /// The event that took the seat away; it is the last one delivered.
    pub until: Option<u64>,
    /// Counts up with every joining: the smallest is the longest present.
    pub order: u64,
}

#[derive(Debug)]
struct Connection {
    identity: Identity,
    /// The event log's end when it was opened.
    since: u64,
    opened_at: Timestamp,
    /// The event that ended its session; it is the last one delivered.
    ended: Option<u64>,
    rooms: BTreeSet<ChatId>,
    /// Rooms that an event took it out of: a seat may still wait there for the event's delivery.
    taken: BTreeSet<ChatId>,
}

impl Connection {
    fn hears(&self, seq: u64) -> bool {
        self.since < seq && self.ended.is_none_or(|ended| seq <= ended)
    }
}

/// How often a room's members are told at most (SPEC 10.2), in milliseconds.
pub const MEMBERS_EVERY: i64 = 250;

/// How often a person's typing is passed on at most (SPEC 10.3), in milliseconds.
pub const TYPING_EVERY: i64 = SECOND;

/// Every live connection of this process.
#[derive(Debug, Default)]
pub struct Presence {
    connections: BTreeMap<ConnectionId, Connection>,
    sessions: Index<SessionId>,
    users: Index<UserId>,
    rooms: BTreeMap<ChatId, BTreeMap<ConnectionId, Seat>>,
    departures: Departures,
    /// The last event whose receivers were looked up.
    addressed: u64,
    last_connection: i64,
    last_order: u64,
    /// Rooms whose members changed since they were last told.
    changed: BTreeSet<ChatId>,
    told: BTreeMap<ChatId, Timestamp>,
    typed: BTreeMap<(ChatId, UserId), Timestamp>,
    typing: Vec<(ChatId, UserId)>,
}

impl Presence {
    /// Takes in a new connection, opened when the event log ended at `since`, or later: of an event whose
    /// receivers have been looked up it can be none.
    pub fn connect(&mut self, identity: Identity, since: u64, at: Timestamp) -> ConnectionId {
        self.last_connection += 1;
        let id = ConnectionId::try_from(self.last_connection).expect("fewer than 2^53 connections");
        self.connections.insert(
            id,
            Connection {
                identity,
                since: since.max(self.addressed),
                opened_at: at,
                ended: None,
                rooms: BTreeSet::new(),
                taken: BTreeSet::new(),
            },
        );
        if let Some(session) = identity.session {
            self.sessions.insert(session, id);
        }
        if let Some(user) = identity.user {
            self.users.insert(user, id);
        }
        self.departures.came_back(Left::Platform, identity);
        id
    }

    /// Forgets a connection that was lost or closed: it is in no room and nobody's. Who left a room with it is
    /// kept for writing down. Repeatable.
    pub fn depart(&mut self, id: ConnectionId, now: Timestamp) {
        for chat in self.rooms_of(id) {
            self.leave(id, chat, now);
        }
        let Some(connection) = self.connections.remove(&id) else {
            return;
        };
        for chat in connection.taken {
            self.remove_seat(chat, id);
        }
        if let Some(session) = connection.identity.session {
            self.sessions.remove(session, id);
        }
        if let Some(user) = connection.identity.user {
            self.users.remove(user, id);
            if connection.ended.is_none() {
                self.note_gone(user, connection.opened_at, now);
            }
        }
    }

    /// Keeps for writing down that a person is gone, unless a connection of theirs is left.
    fn note_gone(&mut self, user: UserId, opened_at: Timestamp, at: Timestamp) {
        if !self.is_connected(user) {
            let (left, who) = (Left::Platform, Leaver::User(user));
            self.departures.add(Departure {
                at,
                opened_at,
                left,
                who,
            });
        }
    }

    /// Whose connection it is, while it lives.
    pub fn identity(&self, id: ConnectionId) -> Option<Identity> {
        self.connections
            .get(&id)
            .map(|connection| connection.identity)
    }

    /// Keeps those whom an event at this place of the log is for at all: they were there, and their session had not
    /// ended before. The ids come in ascending order: who is in a room often came one after the other, and then
    /// nobody is looked up.
    pub fn keep_hearing(&self, ids: &mut Vec<ConnectionId>, seq: u64) {
        let mut connections = self.connections.range(..);
        ids.retain(|id| {
            let mut next = connections.next();
            if next.is_none_or(|(next, _)| next != id) {
                connections = self.connections.range(id..);
                next = connections.next();
            }
            next.is_some_and(|(next, connection)| next == id && connection.hears(seq))
        });
    }

    /// The event log's end when the connection was opened.
    pub fn connected_since(&self, id: ConnectionId) -> Option<u64> {
        self.connections.get(&id).map(|connection| connection.since)
    }

    /// Puts a connection into a room. Joining again keeps its seat; after an eviction it is a new one.
    /// False if the connection is gone.
    pub fn join(&mut self, id: ConnectionId, chat: ChatId, since: u64) -> bool {
        let Some(connection) = self.connections.get_mut(&id) else {
            return false;
        };
        if connection.rooms.insert(chat) {
            connection.taken.remove(&chat);
            self.last_order += 1;
            let seat = Seat {
                since,
                until: None,
                order: self.last_order,
            };
            self.departures
                .came_back(Left::Room(chat), connection.identity);
            self.rooms.entry(chat).or_default().insert(id, seat);
            self.changed.insert(chat);
        }
        true
    }

    /// Takes note that somebody joined a room with a connection that was lost before it had its seat.
    pub fn came_and_left(&mut self, identity: Identity, chat: ChatId, now: Timestamp) {
        for who in leavers(identity) {
            if self.is_last(who, chat, None) {
                self.departures.add(Departure::from_room(chat, who, now));
            }
        }
    }

    /// Takes a connection out of a room. Who left with it is kept for writing down.
    pub fn leave(&mut self, id: ConnectionId, chat: ChatId, now: Timestamp) {
        for departure in self.departing(id, chat, now) {
            self.departures.add(departure);
        }
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.rooms.remove(&chat);
        }
        self.remove_seat(chat, id);
    }

    /// Who would leave a room with this connection: it is their last one there.
    pub fn departing(&self, id: ConnectionId, chat: ChatId, now: Timestamp) -> Vec<Departure> {
        let seated = self.identity(id).filter(|_| self.seat(id, chat).is_some());
        leavers(seated.unwrap_or_default())
            .filter(|who| self.is_last(*who, chat, Some(id)))
            .map(|who| Departure::from_room(chat, who, now))
            .collect()
    }

    /// Whether somebody has no connection in a room but perhaps this one.
    fn is_last(&self, who: Leaver, chat: ChatId, but: Option<ConnectionId>) -> bool {
        let ids = match who {
            Leaver::Session(session) => self.of_session(session),
            Leaver::User(user) => self.of_user(user),
        };
        let mut others = ids.into_iter().filter(|id| Some(*id) != but);
        others.all(|id| self.seat(id, chat).is_none())
    }

    /// Who left a room and is now to be written down as gone, in the order in which they went.
    pub fn departures(&self, now: Timestamp) -> Vec<Departure> {
        self.departures.due(now)
    }

    /// When somebody will have been away from a room for long, unless they come back.
    pub fn next_departure_at(&self) -> Option<Timestamp> {
        self.departures.next_at()
    }

    /// Takes note that a departure is written down.
    pub fn noted(&mut self, departure: Departure) {
        self.departures.noted(departure);
    }

    /// When a session was last in the room, as far as memory knows better than the file: now, or when it
    /// left, if that is not written down.
    pub fn last_seen(&self, session: SessionId, chat: ChatId, now: Timestamp) -> Option<Timestamp> {
        if self.has_joined(session, chat) {
            return Some(now);
        }
        self.departures.when(chat, Leaver::Session(session))
    }

    /// A connection's seat in a room that it has joined.
    pub fn seat(&self, id: ConnectionId, chat: ChatId) -> Option<Seat> {
        self.rooms
            .get(&chat)?
            .get(&id)
            .copied()
            .filter(|seat| seat.until.is_none())
    }

    /// Whether a live connection of the session is in the room (SPEC 6.2).
    pub fn has_joined(&self, session: SessionId, chat: ChatId) -> bool {
        let mut ids = self.sessions.of(session);
        ids.any(|id| self.seat(id, chat).is_some())
    }

    /// Whether the person has a live connection in the room.
    pub fn is_in_room(&self, user: UserId, chat: ChatId) -> bool {
        let mut ids = self.users.of(user);
        ids.any(|id| self.seat(id, chat).is_some())
    }

    /// Whether the person has any live connection.
    pub fn is_connected(&self, user: UserId) -> bool {
        self.live_of(user).next().is_some()
    }

    /// Whether the person has a live connection that was opened before then.
    pub fn is_connected_since(&self, user: UserId, before: Timestamp) -> bool {
        self.live_of(user).any(|id| {
            let connection = self.connections.get(&id);
            connection.is_some_and(|connection| connection.opened_at < before)
        })
    }

    /// A person's connections whose sessions have not ended.
    fn live_of(&self, user: UserId) -> impl Iterator<Item = ConnectionId> {
        self.users.of(user).filter(|id| {
            let connection = self.connections.get(id);
            connection.is_some_and(|connection| connection.ended.is_none())
        })
    }

    /// The connections in a room.
    pub fn room(&self, chat: ChatId) -> impl Iterator<Item = (ConnectionId, Seat)> {
        let seats = self.rooms.get(&chat).into_iter().flatten();
        seats
            .filter(|(_, seat)| seat.until.is_none())
            .map(|(id, seat)| (*id, *seat))
    }

    /// Takes note that the receivers of the events up to here are being looked up.
    pub fn address(&mut self, seq: u64) {
        self.addressed = self.addressed.max(seq);
    }

    /// The connections that an event of the room is for: seated when it was written.
    pub fn seated_at(&self, chat: ChatId, seq: u64) -> Vec<ConnectionId> {
        let seats = self.rooms.get(&chat).into_iter().flatten();
        seats
            .filter(|(_, seat)| seat.since < seq && seat.until.is_none_or(|until| seq <= until))
            .map(|(id, _)| *id)
            .collect()
    }

    /// Drops the seats that an event took away, once it is delivered.
    pub fn delivered(&mut self, chat: ChatId, seq: u64) {
        if let Some(room) = self.rooms.get_mut(&chat) {
            room.retain(|id, seat| {
                let stays = seat.until.is_none_or(|until| until > seq);
                if !stays && let Some(connection) = self.connections.get_mut(id) {
                    connection.taken.remove(&chat);
                }
                stays
            });
            if room.is_empty() {
                self.rooms.remove(&chat);
            }
        }
    }

    /// The signed-in sessions in a room with their users, the longest present first.
    pub fn sessions_in(&self, chat: ChatId) -> Vec<(SessionId, UserId)> {
        let mut seated: Vec<_> = self
            .room(chat)
            .filter_map(|(id, seat)| {
                let identity = self.identity(id)?;
                Some((seat.order, identity.session?, identity.user?))
            })
            .collect();
        seated.sort_unstable();
        let mut seen = BTreeSet::new();
        seated.retain(|(_, session, _)| seen.insert(*session));
        seated
            .into_iter()
            .map(|(_, session, user)| (session, user))
            .collect()
    }

    /// The people in a room with the order of each of their seats there: who left and came back has none of the
    /// former.
    pub fn places_in(&self, chat: ChatId) -> BTreeMap<UserId, BTreeSet<u64>> {
        let mut places: BTreeMap<UserId, BTreeSet<u64>> = BTreeMap::new();
        for (id, seat) in self.room(chat) {
            if let Some(user) = self.identity(id).and_then(|identity| identity.user) {
                places.entry(user).or_default().insert(seat.order);
            }
        }
        places
    }

    /// The people in a room, and how many guests.
    pub fn people_in(&self, chat: ChatId) -> (BTreeSet<UserId>, usize) {
        let mut people = BTreeSet::new();
        let mut guests = 0;
        for (id, _) in self.room(chat) {
            match self.identity(id).and_then(|identity| identity.user) {
                Some(user) => drop(people.insert(user)),
                None => guests += 1,
            }
        }
        (people, guests)
    }

    /// Viewers: a person counts once, guests count singly (SPEC 10.1).
    pub fn viewers(&self, chat: ChatId) -> usize {
        let (people, guests) = self.people_in(chat);
        people.len() + guests
    }

    /// Every room that somebody is in, with its viewers.
    pub fn all_viewers(&self) -> Vec<(ChatId, usize)> {
        let rooms = self.rooms.keys().map(|chat| (*chat, self.viewers(*chat)));
        rooms.filter(|(_, viewers)| *viewers > 0).collect()
    }

    /// The rooms a session has a connection in.
    pub fn rooms_of_session(&self, session: SessionId) -> BTreeSet<ChatId> {
        let ids = self.sessions.of(session);
        ids.filter_map(|id| self.connections.get(&id))
            .flat_map(|c| c.rooms.iter().copied())
            .collect()
    }

    /// The rooms a connection is in.
    pub fn rooms_of(&self, id: ConnectionId) -> BTreeSet<ChatId> {
        self.connections
            .get(&id)
            .map(|connection| connection.rooms.clone())
            .unwrap_or_default()
    }

    /// A session's connections.
    pub fn of_session(&self, session: SessionId) -> Vec<ConnectionId> {
        self.sessions.of(session).collect()
    }

    /// A person's connections.
    pub fn of_user(&self, user: UserId) -> Vec<ConnectionId> {
        self.users.of(user).collect()
    }

    /// Every connection.
    pub fn everyone(&self) -> Vec<ConnectionId> {
        self.connections.keys().copied().collect()
    }

    /// The connections that are in no room: whoever looks at what there is (SPEC 10.2).
    pub fn lobby(&self) -> Vec<ConnectionId> {
        let connections = self.connections.iter();
        connections
            .filter(|(_, connection)| connection.rooms.is_empty() && connection.ended.is_none())
            .map(|(id, _)| *id)
            .collect()
    }

    /// Takes note that a person types in a room; false if they did less than a second ago.
    pub fn type_in(&mut self, chat: ChatId, user: UserId, now: Timestamp) -> bool {
        self.typed.retain(|_, last| now.since(*last) < TYPING_EVERY);
        if self.typed.contains_key(&(chat, user)) {
            return false;
        }
        self.typed.insert((chat, user), now);
        self.typing.push((chat, user));
        true
    }

    /// Who has typed where since this was last asked.
    pub fn take_typing(&mut self) -> Vec<(ChatId, UserId)> {
        std::mem::take(&mut self.typing)
    }

    /// The rooms whose members are to be told now, at most every 250 ms each (SPEC 10.2); the others
    /// stay for a later call.
    pub fn take_changed(&mut self, now: Timestamp) -> Vec<ChatId> {
        self.told.retain(|_, last| now.since(*last) < MEMBERS_EVERY);
        let due: Vec<_> = self
            .changed
            .iter()
            .copied()
            .filter(|chat| !self.told.contains_key(chat))
            .collect();
        for chat in &due {
            self.changed.remove(chat);
            self.told.insert(*chat, now);
        }
        due
    }

    /// Whether a room's members or typing are still to be told.
    pub fn has_live_news(&self) -> bool {
        !self.changed.is_empty() || !self.typing.is_empty()
    }

    fn remove_seat(&mut self, chat: ChatId, id: ConnectionId) {
        if let Some(room) = self.rooms.get_mut(&chat) {
            if room.remove(&id).is_some() {
                self.changed.insert(chat);
            }
            if room.is_empty() {
                self.rooms.remove(&chat);
            }
        }
    }
}
