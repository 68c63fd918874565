//! Who left a room, until it is written down.
//!
//! A connection is lost whether the file can be written or not: memory forgets it at once, and keeps here
//! what the file has still to be told. Whoever comes back before that has not left.
//!
//! The surprise: a person's leaving a room is told twice. At once, for what must not wait, such as control of a browser;
//! and once they have stayed away for longer than a minute, because only then it is a leaving to the others: a page that
//! is loaded again comes back within seconds.

use std::collections::{BTreeMap, BTreeSet};

use super::Identity;
use crate::model::{ChatId, MINUTE, SessionId, Timestamp, UserId};

/// Whoever comes back within this has not left, to the others (SPEC 6.4, 10.4).
const SAME_STAY: i64 = MINUTE;

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
    /// A room, more than a minute ago.
    RoomForLong(ChatId),
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
pub(super) struct Departures {
    owed: BTreeMap<(Left, Leaver), (Timestamp, Timestamp)>,
    away: Away,
}

/// The people who are away from a room and may be back within a minute. There may be many, so whose minute is over is
/// found without looking at the others.
#[derive(Debug, Default)]
struct Away {
    since: BTreeMap<(ChatId, Leaver), Timestamp>,
    in_order: BTreeSet<(Timestamp, ChatId, Leaver)>,
}

impl Away {
    fn add(&mut self, chat: ChatId, who: Leaver, at: Timestamp) {
        self.remove(chat, who);
        self.since.insert((chat, who), at);
        self.in_order.insert((at, chat, who));
    }

    fn remove(&mut self, chat: ChatId, who: Leaver) {
        if let Some(at) = self.since.remove(&(chat, who)) {
            self.in_order.remove(&(at, chat, who));
        }
    }

    /// Whose minute is over.
    fn for_long(&self, now: Timestamp) -> impl Iterator<Item = Departure> {
        let all = self.in_order.iter();
        all.take_while(move |(at, ..)| now.since(*at) > SAME_STAY)
            .map(|&(at, chat, who)| Departure {
                left: Left::RoomForLong(chat),
                ..Departure::from_room(chat, who, at)
            })
    }
}

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
        self.owed.insert((left, who), (at, opened_at));
        if let (Left::Room(chat), Leaver::User(_)) = (left, who) {
            self.away.add(chat, who, at);
        }
    }

    /// It is written down. One that happened later still is not.
    pub(super) fn noted(&mut self, departure: Departure) {
        let Departure { at, left, who, .. } = departure;
        if let Left::RoomForLong(chat) = left {
            if self.away.since.get(&(chat, who)) == Some(&at) {
                self.away.remove(chat, who);
            }
        } else if self.owed.get(&(left, who)).is_some_and(|(of, _)| *of == at) {
            self.owed.remove(&(left, who));
        }
    }

    pub(super) fn came_back(&mut self, to: Left, identity: Identity) {
        for who in leavers(identity) {
            self.owed.remove(&(to, who));
            if let Left::Room(chat) = to {
                self.away.remove(chat, who);
            }
        }
    }

    pub(super) fn destroyed(&mut self, gone: ChatId) {
        self.owed.retain(|(left, _), _| *left != Left::Room(gone));
        self.away.since.retain(|(chat, _), _| *chat != gone);
        self.away.in_order.retain(|(_, chat, _)| *chat != gone);
    }

    pub(super) fn when(&self, chat: ChatId, who: Leaver) -> Option<Timestamp> {
        self.owed.get(&(Left::Room(chat), who)).map(|(at, _)| *at)
    }

    /// What is to be written down now, in the order in which it happened.
    pub(super) fn due(&self, now: Timestamp) -> Vec<Departure> {
        let all = self.owed.iter();
        let mut all: Vec<_> = all
            .map(|(&(left, who), &(at, opened_at))| Departure {
                at,
                opened_at,
                left,
                who,
            })
            .collect();
        all.extend(self.away.for_long(now));
        all.sort_unstable();
        all
    }

    /// When the first of those who are away will have been so for long.
    pub(super) fn next_at(&self) -> Option<Timestamp> {
        let (first, ..) = self.away.in_order.first()?;
        Some(first.plus(SAME_STAY + 1))
    }
}

/// Whose leaving is written down: a session's and its person's. Of guests nothing is.
pub(super) fn leavers(identity: Identity) -> impl Iterator<Item = Leaver> {
    let session = identity.session.map(Leaver::Session);
    let user = identity.user.map(Leaver::User);
    session.into_iter().chain(user)
}
