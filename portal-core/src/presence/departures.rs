//! Who left a room, until it is written down.
//!
//! A connection is lost whether the file can be written or not: memory forgets it at once, and keeps here
//! what the file has still to be told. Whoever comes back before that has not left.

use std::collections::BTreeMap;

use super::Identity;
use crate::model::{ChatId, SessionId, Timestamp, UserId};

/// Who left with their last connection in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Leaver {
    /// A session.
    Session(SessionId),
    /// A person, with all of their sessions.
    User(UserId),
}

/// What somebody has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Left {
    /// A room.
    Room(ChatId),
    /// Everything: there is no connection of theirs any more.
    Platform,
}

/// Somebody is gone from somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Departure {
    /// Since when.
    pub at: Timestamp,
    /// Of who left everything: when the last of their connections was opened. Of a room: `at` again.
    pub opened_at: Timestamp,
    /// From where.
    pub left: Left,
    /// Who.
    pub who: Leaver,
}

/// What is still to be written down: of each the last time only.
#[derive(Debug, Default)]
pub(super) struct Departures(BTreeMap<(Left, Leaver), (Timestamp, Timestamp)>);

impl Departure {
    pub(super) const fn from_room(chat: ChatId, who: Leaver, at: Timestamp) -> Self {
        let left = Left::Room(chat);
        Self {
            at,
            opened_at: at,
            left,
            who,
        }
    }
}

impl Departures {
    pub(super) fn add(&mut self, departure: Departure) {
        let Departure {
            at,
            opened_at,
            left,
            who,
        } = departure;
        self.0.insert((left, who), (at, opened_at));
    }

    /// It is written down. One that happened later still is not.
    pub(super) fn noted(&mut self, departure: Departure) {
        let of = (departure.left, departure.who);
        if self.0.get(&of).is_some_and(|(at, _)| *at == departure.at) {
            self.0.remove(&of);
        }
    }

    pub(super) fn came_back(&mut self, to: Left, identity: Identity) {
        for who in leavers(identity) {
            self.0.remove(&(to, who));
        }
    }

    pub(super) fn destroyed(&mut self, gone: ChatId) {
        self.0.retain(|(left, _), _| *left != Left::Room(gone));
    }

    pub(super) fn when(&self, chat: ChatId, who: Leaver) -> Option<Timestamp> {
        self.0.get(&(Left::Room(chat), who)).map(|(at, _)| *at)
    }

    /// All of them, in the order in which they happened.
    pub(super) fn all(&self) -> Vec<Departure> {
        let all = self.0.iter();
        let mut all: Vec<_> = all
            .map(|(&(left, who), &(at, opened_at))| Departure {
                at,
                opened_at,
                left,
                who,
            })
            .collect();
        all.sort_unstable();
        all
    }
}

/// Whose leaving is written down: a session's and its person's. Of guests nothing is.
pub(super) fn leavers(identity: Identity) -> impl Iterator<Item = Leaver> {
    let session = identity.session.map(Leaver::Session);
    let user = identity.user.map(Leaver::User);
    session.into_iter().chain(user)
}
