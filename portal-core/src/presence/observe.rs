//! What a committed event means for who is where: who is put out of a room, who is seated in one, whose session is over.

use super::Presence;
use super::departures::{Departure, Leaver, leavers};
use crate::event::Event;
use crate::model::{ChatId, ConnectionId, Timestamp, UserId};

impl Presence {
    /// Does at once what a committed event means for who is where (SPEC 10.0). `staying` are those who
    /// may stay in a room that went private.
    pub fn observe(&mut self, seq: u64, at: Timestamp, event: &Event, staying: &[UserId]) {
        match event {
            Event::RoomKicked(e) => {
                self.evict(e.chat_id, seq, |user| user == Some(e.user_id));
            }
            Event::UserBanned(e) => {
                if let Some(chat) = e.chat_id {
                    self.evict(chat, seq, |user| user == Some(e.user_id));
                }
            }
            Event::RoomEvicted(e) => {
                let goes = |user: Option<UserId>| match e.user_id {
                    Some(evicted) => user == Some(evicted),
                    None => !user.is_some_and(|user| staying.contains(&user)),
                };
                let gone = self.evict(e.chat_id, seq, goes);
                // Who is named by nobody's act is written down by nobody's act.
                if e.user_id.is_none() {
                    for id in gone {
                        self.note_person(id, e.chat_id, at);
                    }
                }
            }
            Event::RoomDestroyed(e) => {
                self.evict(e.chat_id, seq, |_| true);
                self.departures.destroyed(e.chat_id);
            }
            Event::SessionEnded(e) => {
                for id in self.of_session(e.session_id) {
                    for chat in self.rooms_of(id) {
                        self.take_seat(id, chat, seq);
                        self.note_person(id, chat, at);
                    }
                    if let Some(connection) = self.connections.get_mut(&id)
                        && connection.ended.is_none()
                    {
                        connection.ended = Some(seq);
                        let opened_at = connection.opened_at;
                        self.note_gone(e.user_id, opened_at, at);
                    }
                }
            }
            // Whether it runs is told with the members (SPEC 10.2).
            Event::RoomStarted(e) if e.user_id.is_none() => drop(self.changed.insert(e.chat_id)),
            Event::RoomStopping(e) => drop(self.changed.insert(e.chat_id)),
            Event::RoomStopped(e) => drop(self.changed.insert(e.chat_id)),
            Event::MatchFound(e) => self.seat_person(e.user_id, e.chat_id, seq, at),
            _ => {}
        }
    }

    /// Puts every connection of a matched person into the room (SPEC 9.4). Whoever has none left already.
    fn seat_person(&mut self, user: UserId, chat: ChatId, seq: u64, at: Timestamp) {
        let ids: Vec<_> = self.live_of(user).collect();
        for id in &ids {
            self.join(*id, chat, seq);
        }
        if ids.is_empty() {
            let who = Leaver::User(user);
            self.departures.add(Departure::from_room(chat, who, at));
        }
    }

    /// Answers who was put out.
    fn evict(
        &mut self,
        chat: ChatId,
        seq: u64,
        who: impl Fn(Option<UserId>) -> bool,
    ) -> Vec<ConnectionId> {
        let mut gone: Vec<_> = self.room(chat).map(|(id, _)| id).collect();
        gone.retain(|id| who(self.identity(*id).and_then(|identity| identity.user)));
        for id in &gone {
            self.take_seat(*id, chat, seq);
        }
        gone
    }

    /// Keeps for writing down that a person left the room whose connection was taken out of it, unless
    /// another one is there.
    fn note_person(&mut self, id: ConnectionId, chat: ChatId, at: Timestamp) {
        for who in leavers(self.identity(id).unwrap_or_default()) {
            if matches!(who, Leaver::User(_)) && self.is_last(who, chat, None) {
                self.departures.add(Departure::from_room(chat, who, at));
            }
        }
    }

    /// The connection is out of the room from now on; its seat stays until the event is delivered.
    fn take_seat(&mut self, id: ConnectionId, chat: ChatId, seq: u64) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.rooms.remove(&chat);
            connection.taken.insert(chat);
        }
        if let Some(seat) = self.rooms.get_mut(&chat).and_then(|room| room.get_mut(&id)) {
            seat.until.get_or_insert(seq);
            self.changed.insert(chat);
        }
    }
}
