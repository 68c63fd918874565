//! The connection tracker (SPEC 10): connection, session, rooms. Pure and in memory.
//!
//! It changes only after a commit: by what an operation did with a connection, and by the events of
//! whoever committed, this process or another. So it never runs ahead of the database.

use std::collections::{BTreeMap, BTreeSet};

use crate::event::Event;
use crate::model::{ChatId, ConnectionId, SessionId, UserId};

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
    /// Counts up with every joining: the smallest is the longest present.
    pub order: u64,
}

#[derive(Debug, Default)]
struct Connection {
    identity: Identity,
    rooms: BTreeSet<ChatId>,
}

/// Every live connection of this process.
#[derive(Debug, Default)]
pub struct Presence {
    connections: BTreeMap<ConnectionId, Connection>,
    sessions: BTreeMap<SessionId, BTreeSet<ConnectionId>>,
    users: BTreeMap<UserId, BTreeSet<ConnectionId>>,
    rooms: BTreeMap<ChatId, BTreeMap<ConnectionId, Seat>>,
    last_connection: i64,
    last_order: u64,
}

impl Presence {
    /// Takes in a new connection.
    pub fn connect(&mut self, identity: Identity) -> ConnectionId {
        self.last_connection += 1;
        let id = ConnectionId::try_from(self.last_connection).expect("fewer than 2^53 connections");
        self.connections.insert(
            id,
            Connection {
                identity,
                rooms: BTreeSet::new(),
            },
        );
        if let Some(session) = identity.session {
            self.sessions.entry(session).or_default().insert(id);
        }
        if let Some(user) = identity.user {
            self.users.entry(user).or_default().insert(id);
        }
        id
    }

    /// Forgets a connection; answers the rooms it was in. Repeatable.
    pub fn disconnect(&mut self, id: ConnectionId) -> BTreeSet<ChatId> {
        let Some(connection) = self.connections.remove(&id) else {
            return BTreeSet::new();
        };
        for chat in &connection.rooms {
            remove_from(&mut self.rooms, *chat, id);
        }
        if let Some(session) = connection.identity.session {
            forget(&mut self.sessions, session, id);
        }
        if let Some(user) = connection.identity.user {
            forget(&mut self.users, user, id);
        }
        connection.rooms
    }

    /// Whose connection it is, while it lives.
    pub fn identity(&self, id: ConnectionId) -> Option<Identity> {
        self.connections
            .get(&id)
            .map(|connection| connection.identity)
    }

    /// Puts a connection into a room; joining again keeps its seat.
    pub fn join(&mut self, id: ConnectionId, chat: ChatId, since: u64) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        if connection.rooms.insert(chat) {
            self.last_order += 1;
            let seat = Seat {
                since,
                order: self.last_order,
            };
            self.rooms.entry(chat).or_default().insert(id, seat);
        }
    }

    /// Takes a connection out of a room.
    pub fn leave(&mut self, id: ConnectionId, chat: ChatId) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.rooms.remove(&chat);
        }
        remove_from(&mut self.rooms, chat, id);
    }

    /// Whether a live connection of the session is in the room (SPEC 6.2).
    pub fn has_joined(&self, session: SessionId, chat: ChatId) -> bool {
        let Some(room) = self.rooms.get(&chat) else {
            return false;
        };
        self.sessions
            .get(&session)
            .is_some_and(|ids| ids.iter().any(|id| room.contains_key(id)))
    }

    /// Whether the person has any live connection.
    pub fn is_connected(&self, user: UserId) -> bool {
        self.users.contains_key(&user)
    }

    /// The connections in a room.
    pub fn room(&self, chat: ChatId) -> impl Iterator<Item = (ConnectionId, Seat)> {
        self.rooms
            .get(&chat)
            .into_iter()
            .flatten()
            .map(|(id, seat)| (*id, *seat))
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

    /// Viewers: a person counts once, guests count singly (SPEC 10.1).
    pub fn viewers(&self, chat: ChatId) -> usize {
        let mut people = BTreeSet::new();
        let mut guests = 0;
        for (id, _) in self.room(chat) {
            match self.identity(id).and_then(|identity| identity.user) {
                Some(user) => drop(people.insert(user)),
                None => guests += 1,
            }
        }
        people.len() + guests
    }

    /// The rooms a session has a connection in.
    pub fn rooms_of_session(&self, session: SessionId) -> BTreeSet<ChatId> {
        let ids = self.sessions.get(&session).into_iter().flatten();
        ids.filter_map(|id| self.connections.get(id))
            .flat_map(|c| c.rooms.iter().copied())
            .collect()
    }

    /// A session's connections.
    pub fn of_session(&self, session: SessionId) -> Vec<ConnectionId> {
        self.sessions
            .get(&session)
            .into_iter()
            .flatten()
            .copied()
            .collect()
    }

    /// A person's connections.
    pub fn of_user(&self, user: UserId) -> Vec<ConnectionId> {
        self.users
            .get(&user)
            .into_iter()
            .flatten()
            .copied()
            .collect()
    }

    /// Every connection.
    pub fn everyone(&self) -> Vec<ConnectionId> {
        self.connections.keys().copied().collect()
    }

    /// Every room with somebody in it.
    pub fn occupied(&self) -> Vec<ChatId> {
        self.rooms.keys().copied().collect()
    }

    /// Takes a person's connections out of a room.
    pub fn evict(&mut self, user: UserId, chat: ChatId) {
        for id in self.of_user(user) {
            self.leave(id, chat);
        }
    }

    /// Does at once what a committed event means for who is where (SPEC 10.0). The connections of an
    /// ended session leave every room here; their face closes them when the event is delivered.
    pub fn observe(&mut self, event: &Event, may_stay: impl Fn(UserId, ChatId) -> bool) {
        match event {
            Event::RoomKicked(e) => self.evict(e.user_id, e.chat_id),
            Event::UserBanned(e) => self.evict(e.user_id, e.chat_id),
            Event::RoomEvicted(e) => match e.user_id {
                Some(user) => self.evict(user, e.chat_id),
                None => {
                    let seated: Vec<_> = self.room(e.chat_id).map(|(id, _)| id).collect();
                    for id in seated {
                        let user = self.identity(id).and_then(|identity| identity.user);
                        if !user.is_some_and(|user| may_stay(user, e.chat_id)) {
                            self.leave(id, e.chat_id);
                        }
                    }
                }
            },
            Event::RoomDestroyed(e) => {
                let seated: Vec<_> = self.room(e.chat_id).map(|(id, _)| id).collect();
                for id in seated {
                    self.leave(id, e.chat_id);
                }
            }
            Event::SessionEnded(e) => {
                for id in self.of_session(e.session_id) {
                    for chat in self
                        .connections
                        .get(&id)
                        .map(|c| c.rooms.clone())
                        .unwrap_or_default()
                    {
                        self.leave(id, chat);
                    }
                }
            }
            _ => {}
        }
    }
}

fn remove_from(
    rooms: &mut BTreeMap<ChatId, BTreeMap<ConnectionId, Seat>>,
    chat: ChatId,
    id: ConnectionId,
) {
    if let Some(room) = rooms.get_mut(&chat) {
        room.remove(&id);
        if room.is_empty() {
            rooms.remove(&chat);
        }
    }
}

fn forget<K: Ord>(index: &mut BTreeMap<K, BTreeSet<ConnectionId>>, key: K, id: ConnectionId) {
    if let Some(ids) = index.get_mut(&key) {
        ids.remove(&id);
        if ids.is_empty() {
            index.remove(&key);
        }
    }
}
