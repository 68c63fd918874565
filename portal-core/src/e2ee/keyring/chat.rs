//! One chat as a keyring knows it: the suite it speaks, the highest epoch seen, the keys of its epochs, and, while this
//! session sits in its room, how far it is with the key of the present epoch.
//!
//! The surprise: a chat whose keys had to go leaves its suite and epoch behind, the marks of its keys, and what was read
//! in the present epoch, unless it is over. That they go is the server's word; what the client has learned must not go with them.

use std::collections::{BTreeMap, BTreeSet};

use super::replays::Replays;
use crate::e2ee::check::KeyCheck;
use crate::e2ee::keys::{KeyMark, PublicKey};
use crate::e2ee::room::RoomCipher;
use crate::e2ee::suite::Suite;

/// So many epochs' keys of one chat are held; the oldest goes first.
pub(super) const MOST_EPOCHS: usize = 4_096;

/// So many marks of one chat's former keys are kept; the oldest goes first.
const MOST_MARKS: usize = 65_536;

/// So many sessions are remembered that a key was asked for without saying theirs, or that wait for a decision.
const MOST_WAITING: usize = 1_024;

pub(super) struct Chat {
    pub(super) suite: Suite,
    /// The highest seen.
    pub(super) epoch: u64,
    pub(super) keys: BTreeMap<u64, Held>,
    /// The marks of keys that were here, by epoch: none of them becomes the key of another.
    pub(super) former: BTreeSet<(u64, KeyMark)>,
    /// The present epoch's key, if it was here and had to go.
    pub(super) left: Option<Left>,
    /// What was first said of the present epoch's check.
    told: Option<Told>,
    pub(super) seat: Option<Seat>,
}

/// What is left of an epoch's key.
pub(super) struct Left {
    /// Should a key come for this epoch again, it is this one.
    pub(super) mark: KeyMark,
    /// And this is what was read with it. None for a chat that was said to be over: no key is taken again in this epoch.
    pub(super) replays: Option<Replays>,
}

/// What the server said of an epoch's check; in suite 2 perhaps that there is none.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Told(Option<KeyCheck>);

/// A room key.
pub(super) struct Held {
    pub(super) cipher: RoomCipher,
    /// As it was published; in suite 2 perhaps without.
    pub(super) check: Option<KeyCheck>,
    /// Not before the server has said so of a key that was made here.
    pub(super) is_published: bool,
    /// For whom it was wrapped, by user and key.
    pub(super) wrapped: BTreeMap<(u64, PublicKey), Wrapped>,
    pub(super) replays: Replays,
}

/// When a room key was first wrapped for somebody, and for which session as the server called it.
#[derive(Clone, Copy)]
pub(super) struct Wrapped {
    pub(super) session_id: u64,
    pub(super) at_ms: i64,
}

/// A session in the room that can be given the key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Recipient {
    pub(super) user_id: u64,
    pub(super) session_id: u64,
    pub(super) key: PublicKey,
}

/// How far this session is with the present epoch's key.
#[derive(Default)]
pub(super) struct Seat {
    /// The place in the event log from which on this session sits here.
    pub(super) since: u64,
    /// A request about our own key is under way.
    pub(super) is_busy: bool,
    /// Something happened meanwhile, so that its answer is out of date.
    pub(super) is_stale: bool,
    pub(super) look_at: Option<i64>,
    /// How often an answer led to nothing.
    pub(super) tries: u32,
    /// A blob is here, and whoever wrapped it is to be decided on.
    pub(super) deciding: Option<PublicKey>,
    /// Sessions that the key was asked for, and that are to be looked up.
    asked: BTreeSet<u64>,
    /// Keys that the room key would be wrapped for, once decided.
    pub(super) held_back: BTreeSet<PublicKey>,
    /// Whom the key of this epoch is still to be wrapped for, beyond one call's measure.
    pub(super) rest: Vec<Recipient>,
}

impl Seat {
    pub(super) fn new(since: u64) -> Self {
        Self {
            since,
            ..Self::default()
        }
    }

    pub(super) fn was_asked_for(&mut self, session: u64) {
        if self.asked.len() < MOST_WAITING {
            self.asked.insert(session);
        }
    }

    pub(super) fn hold_back(&mut self, key: PublicKey) {
        if self.held_back.len() < MOST_WAITING {
            self.held_back.insert(key);
        }
    }

    /// Whether somebody is to be looked up.
    pub(super) fn is_wanted(&self) -> bool {
        !self.asked.is_empty()
    }

    pub(super) fn take_asked(&mut self) -> BTreeSet<u64> {
        std::mem::take(&mut self.asked)
    }
}

impl Held {
    pub(super) fn new(cipher: RoomCipher, check: Option<KeyCheck>, is_published: bool) -> Self {
        Self {
            cipher,
            check,
            is_published,
            wrapped: BTreeMap::new(),
            replays: Replays::default(),
        }
    }
}

impl Chat {
    pub(super) const fn new(suite: Suite, epoch: u64) -> Self {
        Self {
            suite,
            epoch,
            keys: BTreeMap::new(),
            former: BTreeSet::new(),
            left: None,
            told: None,
            seat: None,
        }
    }

    /// The key to write with.
    pub(super) fn current(&mut self) -> Option<&mut Held> {
        let held = self.keys.get_mut(&self.epoch);
        held.filter(|held| held.is_published)
    }

    /// Hears of an epoch; answers whether it is a newer one. Never goes back.
    pub(super) fn move_to(&mut self, epoch: u64) -> bool {
        if epoch <= self.epoch {
            return false;
        }
        self.epoch = epoch;
        self.told = None;
        self.left = None;
        if let Some(seat) = &mut self.seat {
            seat.deciding = None;
            seat.asked.clear();
            seat.held_back.clear();
            seat.rest.clear();
        }
        true
    }

    /// Hears the check of the present epoch; answers whether it is what was heard before.
    pub(super) fn hear_check(&mut self, check: Option<KeyCheck>) -> bool {
        let held = self.keys.get(&self.epoch).filter(|held| held.is_published);
        let known = held.map(|held| Told(held.check)).or(self.told);
        let told = known.unwrap_or(Told(check));
        self.told = Some(told);
        told == Told(check)
    }

    /// Whether this key was here before, for another epoch than this one.
    pub(super) fn had(&self, mark: &KeyMark, but_for: Option<u64>) -> bool {
        let mut former = self.former.iter();
        former.any(|(epoch, former)| former == mark && Some(*epoch) != but_for)
    }

    /// Holds a key.
    pub(super) fn keep(&mut self, epoch: u64, mut held: Held) {
        if epoch == self.epoch
            && let Some(left) = self.left.take()
        {
            held.replays = left.replays.unwrap_or_default();
        }
        if let Some(before) = self.keys.insert(epoch, held) {
            self.mark(epoch, &before);
        }
        if self.keys.len() > MOST_EPOCHS
            && let Some((oldest, held)) = self.keys.pop_first()
        {
            self.mark(oldest, &held);
        }
    }

    /// Forgets a key.
    pub(super) fn drop_key(&mut self, epoch: u64) {
        if let Some(held) = self.keys.remove(&epoch) {
            self.mark(epoch, &held);
        }
    }

    /// Forgets the keys of epochs before this one: their messages are gone.
    pub(super) fn drop_before(&mut self, epoch: u64) {
        let kept = self.keys.split_off(&epoch);
        for (epoch, held) in std::mem::replace(&mut self.keys, kept) {
            self.mark(epoch, &held);
        }
    }

    /// Forgets every key.
    pub(super) fn drop_keys(&mut self) {
        self.seat = None;
        for (epoch, held) in std::mem::take(&mut self.keys) {
            self.mark(epoch, &held);
            if epoch == self.epoch && held.is_published {
                self.told = Some(Told(held.check));
                self.left = Some(Left {
                    mark: held.cipher.room_key().mark(),
                    replays: Some(held.replays),
                });
            }
        }
    }

    /// The same for a chat that is over. Much of what a client has is such chats, so that little is kept of one.
    pub(super) fn end(&mut self) {
        self.drop_keys();
        if let Some(left) = &mut self.left {
            left.replays = None;
        }
    }

    fn mark(&mut self, epoch: u64, held: &Held) {
        self.put_mark(epoch, held.cipher.room_key().mark());
    }

    /// Remembers a key that is not here any more.
    pub(super) fn put_mark(&mut self, epoch: u64, mark: KeyMark) {
        self.former.insert((epoch, mark));
        if self.former.len() > MOST_MARKS {
            self.former.pop_first();
        }
    }
}
