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

/// Somebody is in a room no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Departure {
    /// Since when.
    pub at: Timestamp,
    /// Which room.
    pub chat: ChatId,
    /// Who.
    pub who: Leaver,
}

/// What is still to be written down: of each the last time only.
#[derive(Debug, Default)]
pub(super) struct Departures(BTreeMap<(ChatId, Leaver), Timestamp>);

impl Departures {
    pub(super) fn add(&mut self, Departure { at, chat, who }: Departure) {
        self.0.insert((chat, who), at);
    }

    /// It is written down. One that happened later still is not.
    pub(super) fn noted(&mut self, Departure { at, chat, who }: Departure) {
        if self.0.get(&(chat, who)) == Some(&at) {
            self.0.remove(&(chat, who));
        }
    }

    pub(super) fn came_back(&mut self, chat: ChatId, identity: Identity) {
        for who in leavers(identity) {
            self.0.remove(&(chat, who));
        }
    }

    pub(super) fn destroyed(&mut self, gone: ChatId) {
        self.0.retain(|(chat, _), _| *chat != gone);
    }

    pub(super) fn when(&self, chat: ChatId, who: Leaver) -> Option<Timestamp> {
        self.0.get(&(chat, who)).copied()
    }

    /// All of them, in the order in which they happened.
    pub(super) fn all(&self) -> Vec<Departure> {
        let all = self.0.iter();
        let mut all: Vec<_> = all
            .map(|(&(chat, who), &at)| Departure { at, chat, who })
            .collect();
        all.sort_unstable();
        all
    }
}

/// Whose leaving is written down: a session's and its person's. Of guests nothing is.
pub(super) fn leavers(identity: Identity) -> impl Iterator<Item = Leaver> {
    let session = identity.session.map(Leaver::Session);
    let user = identity.user.filter(|_| session.is_some());
    session.into_iter().chain(user.map(Leaver::User))
}
