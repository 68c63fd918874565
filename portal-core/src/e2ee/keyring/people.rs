//! People's public keys: every one that was seen, when first, and whether it is trusted.
//!
//! The surprise: nothing is ever forgotten to make room. Whoever could have a known key forgotten could bring a false
//! one as the first. When the memory is full, new keys are ignored instead, until the host lets go of a person.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::e2ee::bind::in_range;
use crate::e2ee::encoding;
use crate::e2ee::error::Result;
use crate::e2ee::keys::PublicKey;

/// What happens when a key comes that is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnKey {
    /// It is accepted, and an alarm says so.
    Accept,
    /// An alarm asks; until [`super::Keyring::decide`] nothing is wrapped for it and no room key taken from it.
    Ask,
}

/// Whom to trust without asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// The first key of a user.
    pub on_new: OnKey,
    /// A further key of a user, another device's for instance. The user of the keyring is known by its own key, so
    /// that all other devices count as further ones.
    pub on_change: OnKey,
}

impl Default for Policy {
    /// Accept on first use, ask on change.
    fn default() -> Self {
        Self {
            on_new: OnKey::Accept,
            on_change: OnKey::Ask,
        }
    }
}

/// How a key stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trust {
    /// It was seen in a room and not needed yet. Should it be, it is told as new, or as changed if another was seen
    /// before it.
    Seen,
    /// Room keys are wrapped for it and taken from it.
    Accepted,
    /// The host was asked and has not decided.
    Asked,
    /// The host refused it.
    Refused,
}

/// A key that was seen of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) first_seen_ms: i64,
    pub(super) trust: Trust,
    /// Whether no other key of that user was seen before it.
    pub(super) is_first: bool,
}

/// How a key was met that is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Novelty {
    New,
    Changed,
    /// There is no room for it: it is not remembered.
    Ignored,
}

/// So many keys are remembered, of everybody together: some megabytes.
pub(super) const MOST_KEYS: usize = 65_536;

/// And so many of one person: three years with a new session every day.
pub(super) const MOST_OF_ONE: usize = 1_000;

/// Beyond so many, keys are remembered only when they are needed: rooms full of people do not take the room of those
/// that somebody talks with.
const MOST_ON_SIGHT: usize = MOST_KEYS / 2;

#[derive(Default)]
pub(super) struct People {
    of: BTreeMap<u64, BTreeMap<PublicKey, Known>>,
    count: usize,
}

impl People {
    /// Reads a user's key. One that is known has been checked, which takes about as long as wrapping for it.
    ///
    /// # Errors
    /// `ERR_INVALID` naming `public_key`, or `user_id` for what is no id.
    pub(super) fn read(&self, user: u64, text: &str) -> Result<PublicKey> {
        in_range(user, "user_id")?;
        let keys = self.of.get(&user);
        let bytes = encoding::decode_exact::<32>(text);
        let known = keys
            .zip(bytes)
            .and_then(|(keys, bytes)| keys.get_key_value(&*bytes));
        known.map_or_else(|| PublicKey::from_base64(text), |(key, _)| Ok(*key))
    }

    /// Sees a key that nothing is wrapped for or taken from now. That it was there first is what makes another one a
    /// change.
    pub(super) fn sight(&mut self, user: u64, key: PublicKey, now: i64) {
        if self.count < MOST_ON_SIGHT {
            self.note(user, key, now);
        }
    }

    /// Needs a key of a user; answers whether it is trusted, and how it was new if it was.
    pub(super) fn meet(
        &mut self,
        user: u64,
        key: PublicKey,
        now: i64,
        policy: Policy,
    ) -> (Trust, Option<Novelty>) {
        let Some(known) = self.note(user, key, now) else {
            return (Trust::Refused, Some(Novelty::Ignored));
        };
        if known.trust != Trust::Seen {
            return (known.trust, None);
        }
        let (novelty, rule) = if known.is_first {
            (Novelty::New, policy.on_new)
        } else {
            (Novelty::Changed, policy.on_change)
        };
        known.trust = match rule {
            OnKey::Accept => Trust::Accepted,
            OnKey::Ask => Trust::Asked,
        };
        (known.trust, Some(novelty))
    }

    /// What is known of a key, from now on at the latest; none if there is no room for it.
    fn note(&mut self, user: u64, key: PublicKey, now: i64) -> Option<&mut Known> {
        let of_one = self.of.get(&user).map_or(0, BTreeMap::len);
        if self.get(user, &key).is_none() {
            if self.count >= MOST_KEYS || of_one >= MOST_OF_ONE {
                return None;
            }
            let known = Known {
                first_seen_ms: now,
                trust: Trust::Seen,
                is_first: of_one == 0,
            };
            self.put(user, key, known);
        }
        self.of.get_mut(&user)?.get_mut(&key)
    }

    /// Remembers a key as it is said to stand.
    pub(super) fn put(&mut self, user: u64, key: PublicKey, known: Known) {
        let before = self.of.entry(user).or_default().insert(key, known);
        self.count += usize::from(before.is_none());
    }

    /// The host has decided; answers whether the key is known at all.
    pub(super) fn decide(&mut self, user: u64, key: &PublicKey, accept: bool) -> bool {
        let known = self.of.get_mut(&user).and_then(|keys| keys.get_mut(key));
        let found = known.is_some();
        if let Some(known) = known {
            known.trust = if accept {
                Trust::Accepted
            } else {
                Trust::Refused
            };
        }
        found
    }

    pub(super) fn forget(&mut self, user: u64) {
        let keys = self.of.remove(&user);
        self.count -= keys.map_or(0, |keys| keys.len());
    }

    pub(super) fn get(&self, user: u64, key: &PublicKey) -> Option<Known> {
        self.of.get(&user).and_then(|keys| keys.get(key)).copied()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (u64, PublicKey, Known)> + '_ {
        let of_one = |(user, keys): (&u64, &'_ BTreeMap<PublicKey, Known>)| {
            let user = *user;
            keys.iter()
                .map(move |(key, known)| (user, *key, *known))
                .collect::<Vec<_>>()
        };
        self.of.iter().flat_map(of_one)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Points that are no small ones; which, does not matter here.
    fn key(number: usize) -> PublicKey {
        let mut bytes = [9; 32];
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        PublicKey::from_bytes(bytes).unwrap()
    }

    #[test]
    fn a_key_on_sight_makes_another_one_a_change_e2ee_8() {
        let mut people = People::default();
        people.sight(7, key(1), 5);
        let policy = Policy::default();
        let other = people.meet(7, key(2), 6, policy);
        assert_eq!(other, (Trust::Asked, Some(Novelty::Changed)));
        let first = people.meet(7, key(1), 7, policy);
        assert_eq!(first, (Trust::Accepted, Some(Novelty::New)));
        assert_eq!(people.meet(7, key(1), 8, policy), (Trust::Accepted, None));
        assert_eq!(people.get(7, &key(1)).unwrap().first_seen_ms, 5);
    }

    #[test]
    fn a_full_memory_ignores_what_is_new_and_keeps_what_it_knows_e2ee_8() {
        let mut people = People::default();
        let policy = Policy {
            on_new: OnKey::Accept,
            on_change: OnKey::Accept,
        };
        for number in 0..MOST_OF_ONE {
            people.meet(7, key(number), 1, policy);
        }
        let beyond = people.meet(7, key(MOST_OF_ONE), 2, policy);
        assert_eq!(beyond, (Trust::Refused, Some(Novelty::Ignored)));
        assert!(people.get(7, &key(MOST_OF_ONE)).is_none());
        assert_eq!(people.meet(7, key(0), 2, policy), (Trust::Accepted, None));
        // Others are not affected, and the host can make room.
        let other = people.meet(8, key(MOST_OF_ONE), 2, policy);
        assert_eq!(other, (Trust::Accepted, Some(Novelty::New)));
        people.forget(7);
        assert_eq!(people.count, 1);
        let again = people.meet(7, key(MOST_OF_ONE), 3, policy);
        assert_eq!(again, (Trust::Accepted, Some(Novelty::New)));
    }
}
