//! The matcher as SPEC 9 tells it, in plain collections and the longest way round: whatever is asked,
//! everybody is looked at. It keeps nothing that could be worked out, and knows nothing of how the library
//! does it. Connections and time are in `presence`.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

pub(crate) type Id = i64;

/// What a call answers: what is said, or a code.
pub(crate) type Answer = Result<Value, &'static str>;

/// In milliseconds, as everything here.
pub(crate) const SECOND: i64 = 1_000;
pub(crate) const MINUTE: i64 = 60 * SECOND;
pub(crate) const HOUR: i64 = 60 * MINUTE;

/// An end that never comes.
pub(crate) const NEVER: i64 = i64::MAX;

#[derive(Debug, Default)]
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) is_stranger: bool,
    /// A moderator keeps this stranger from being matched (SPEC 9.11).
    pub(crate) is_blocked: bool,
    pub(crate) premium_until: i64,
    pub(crate) timed_out_until: i64,
    pub(crate) has_session: bool,
    /// Live connections, each with the rooms that it is in.
    pub(crate) connections: BTreeMap<Id, BTreeSet<Id>>,
    /// When each connection that there ever was was opened.
    pub(crate) opened: BTreeMap<Id, i64>,
    pub(crate) entry: Option<Entry>,
    /// How often they asked to be matched.
    pub(crate) asked: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) interests: BTreeSet<String>,
    pub(crate) since: i64,
    /// Who asked first among those who asked in the same millisecond.
    pub(crate) place: u64,
    /// When it ends, unless its person is connected then.
    pub(crate) until: i64,
}

#[derive(Debug)]
pub(crate) struct Chat {
    pub(crate) pair: [Id; 2],
    pub(crate) interests: BTreeSet<String>,
    pub(crate) ends_at: i64,
    /// Until when each of the two can come back; none: they are there.
    pub(crate) away_until: [Option<i64>; 2],
}

/// Two who were matched, for the properties that hold of all matches together.
#[derive(Debug)]
pub(crate) struct Pairing {
    pub(crate) at: i64,
    pub(crate) pair: [Id; 2],
    pub(crate) waited: [i64; 2],
    /// Until when the two are not matched again.
    pub(crate) pause_until: i64,
}

/// Why a chat is over.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ending {
    Left(Id),
    StayedAway(Id),
    Expired,
}

#[derive(Debug, Default)]
pub(crate) struct Model {
    pub(crate) now: i64,
    /// Whether the process keeps presence (SPEC 10.1).
    pub(crate) keeps_presence: bool,
    pub(crate) people: BTreeMap<Id, Person>,
    pub(crate) chats: BTreeMap<Id, Chat>,
    /// Who has blocked whom.
    pub(crate) blocks: BTreeSet<(Id, Id)>,
    /// Until when two, the lower first, are not matched again.
    pub(crate) pauses: BTreeMap<[Id; 2], i64>,
    pub(crate) pause_seconds: i64,
    /// Staff have paused the matcher.
    pub(crate) is_paused: bool,
    pub(crate) pairings: Vec<Pairing>,
    /// Which askings have led to a match.
    pub(crate) answered: BTreeSet<(Id, u64)>,
    /// Who is gone from a chat, or from everywhere, and since when; to be written down.
    pub(crate) departures: Vec<(i64, Id, Option<Id>)>,
    /// When the last connection of whoever is gone from everywhere was opened.
    pub(crate) last_opened: BTreeMap<Id, i64>,
    /// What people are told in this step: the event and its data, in any order.
    pub(crate) told: Vec<(String, Value)>,
    pub(crate) last_chat: Id,
    pub(crate) last_place: u64,
}

pub(crate) fn in_order(a: Id, b: Id) -> [Id; 2] {
    [a.min(b), a.max(b)]
}

impl Person {
    pub(crate) fn is_connected(&self) -> bool {
        !self.connections.is_empty()
    }

    pub(crate) fn is_in(&self, chat: Id) -> bool {
        self.connections.values().any(|rooms| rooms.contains(&chat))
    }

    /// Their entry, while it counts (SPEC 9.5): a connection is a sign of presence, unless it came too late.
    pub(crate) fn waits(&self, now: i64) -> Option<&Entry> {
        self.entry
            .as_ref()
            .filter(|entry| entry.until > now || self.stayed(entry))
    }

    /// Whether a connection that there is was there before the entry would have ended.
    pub(crate) fn stayed(&self, entry: &Entry) -> bool {
        let mut connections = self.connections.keys();
        connections.any(|id| self.opened[id] < entry.until)
    }

    pub(crate) fn slots(&self, now: i64) -> usize {
        if self.premium_until > now { 3 } else { 1 }
    }
}

impl Entry {
    /// Where another comes for this one: who waited longest is first; among equals, who shares most; among
    /// those, who came first (SPEC 9.3).
    pub(crate) fn rank(&self, other: &Entry) -> impl Ord + use<> {
        (other.since, Reverse(self.shares(other).len()), other.place)
    }

    pub(crate) fn shares(&self, other: &Entry) -> BTreeSet<String> {
        self.interests
            .intersection(&other.interests)
            .cloned()
            .collect()
    }
}

impl Model {
    pub(crate) fn person(&self, who: Id) -> &Person {
        &self.people[&who]
    }

    pub(crate) fn person_mut(&mut self, who: Id) -> &mut Person {
        self.people.get_mut(&who).expect("somebody")
    }

    pub(crate) fn tell(&mut self, name: &str, data: Value) {
        self.told.push((name.to_owned(), data));
    }

    pub(crate) fn chats_of(&self, who: Id) -> Vec<Id> {
        let chats = self.chats.iter();
        let of = chats.filter(|(_, chat)| chat.pair.contains(&who));
        of.map(|(id, _)| *id).collect()
    }

    pub(crate) fn has_free_slot(&self, who: Id) -> bool {
        self.chats_of(who).len() < self.person(who).slots(self.now)
    }

    /// Whether two are not to be matched, whatever they share: one blocked the other (SPEC 7.7), or they were
    /// matched lately (SPEC 9.3).
    pub(crate) fn is_apart(&self, a: Id, b: Id) -> bool {
        let pause = self.pauses.get(&in_order(a, b));
        self.blocks.contains(&(a, b))
            || self.blocks.contains(&(b, a))
            || pause.is_some_and(|until| *until > self.now)
    }

    /// Everybody who waits and could be matched with somebody at this moment.
    pub(crate) fn available(&self) -> Vec<(Id, &Entry)> {
        let people = self.people.iter();
        let waiting = people.filter_map(|(id, person)| Some((*id, person.waits(self.now)?)));
        waiting.filter(|(id, _)| self.has_free_slot(*id)).collect()
    }

    /// Whether two of those can be matched with each other (SPEC 9.3).
    pub(crate) fn can_meet(&self, (a, one): (Id, &Entry), (b, other): (Id, &Entry)) -> bool {
        a != b && !one.interests.is_disjoint(&other.interests) && !self.is_apart(a, b)
    }

    /// Who is shut out of the platform is refused everything (SPEC 1.5).
    pub(crate) fn check_standing(&self, who: Id) -> Result<(), &'static str> {
        if self.person(who).timed_out_until > self.now {
            return Err("ERR_TIMED_OUT");
        }
        Ok(())
    }

    pub(crate) fn enqueue(&mut self, who: Id, words: &[String]) -> Answer {
        self.check_standing(who)?;
        let interests = well_formed(words)?;
        let person = self.person(who);
        if person.is_blocked {
            return Err("ERR_STRANGER_BLOCKED");
        }
        if person.waits(self.now).is_some() {
            return Err("ERR_MATCH_ALREADY_SEARCHING");
        }
        if !self.has_free_slot(who) {
            return Err("ERR_MATCH_SLOT_LIMIT");
        }
        if self.keeps_presence && !person.is_connected() {
            return Err("ERR_NOT_CONNECTED");
        }
        self.withdraw(who, "expired");
        self.last_place += 1;
        let entry = Entry {
            interests,
            since: self.now,
            place: self.last_place,
            until: self.now + 10 * MINUTE,
        };
        let found = self.best_for(who, &entry);
        let until = entry.until;
        let person = self.person_mut(who);
        person.asked += 1;
        person.entry = Some(entry);
        let Some(other) = found else {
            let said = json!({ "user_id": who, "expires_at": until });
            self.tell("match:queued", said);
            return Ok(json!({
                "state": "searching", "expires_at": until, "chat": null, "paused": self.is_paused,
            }));
        };
        let chat = self.last_chat + 1;
        self.pair(chat, who, other);
        Ok(json!({
            "state": "matched", "expires_at": null, "chat": self.seen_by(who, chat), "paused": false,
        }))
    }

    fn best_for(&self, who: Id, entry: &Entry) -> Option<Id> {
        if self.is_paused {
            return None;
        }
        let mut fit = self.available();
        fit.retain(|other| self.can_meet((who, entry), *other));
        let best = fit.into_iter().min_by_key(|(_, other)| entry.rank(other));
        best.map(|(id, _)| id)
    }

    /// Two are matched (SPEC 9.4).
    pub(crate) fn pair(&mut self, chat: Id, a: Id, b: Id) {
        self.check_pairing(a, b);
        assert!(chat > self.last_chat, "chat {chat} is no new one");
        self.last_chat = chat;
        let pair = in_order(a, b);
        let [one, other] = pair.map(|id| self.person_mut(id).entry.take().expect("they wait"));
        let interests = one.shares(&other);
        assert!(!interests.is_empty(), "{a} and {b} share nothing");
        let ends_at = self.now + 24 * HOUR;
        self.chats.insert(
            chat,
            Chat {
                pair,
                interests,
                ends_at,
                away_until: [None; 2],
            },
        );
        let pause_until = self.now + self.pause_seconds * SECOND;
        self.pauses.insert(pair, pause_until);
        self.pairings.push(Pairing {
            at: self.now,
            pair,
            waited: [one, other].map(|entry| self.now - entry.since),
            pause_until,
        });
        for (who, peer) in [(a, b), (b, a)] {
            let said =
                json!({ "chat_id": chat, "user_id": who, "peer_id": peer, "expires_at": ends_at });
            self.tell("match:found", said);
            self.seat(who, chat);
        }
    }

    /// What holds of every match, whoever made it: nobody meets themself, is matched twice for one asking,
    /// has more matches than slots, or meets somebody they blocked or met lately (SPEC 9.3, 9.4).
    fn check_pairing(&mut self, a: Id, b: Id) {
        assert!(a != b, "{a} is matched with themself");
        for who in [a, b] {
            let person = self.person(who);
            assert!(person.waits(self.now).is_some(), "{who} does not wait");
            let (has, may_have) = (self.chats_of(who).len(), person.slots(self.now));
            assert!(has < may_have, "{who} has {has} matches of {may_have}");
            let asking = (who, person.asked);
            assert!(self.answered.insert(asking), "{who} is matched twice");
        }
        let blocks = [(a, b), (b, a)].map(|block| self.blocks.contains(&block));
        assert_eq!(blocks, [false; 2], "{a} and {b} are blocked");
        let mut before = self.pairings.iter().rev();
        let last = before.find(|pairing| pairing.pair == in_order(a, b));
        let pause = last.map_or(0, |pairing| pairing.pause_until);
        assert!(pause <= self.now, "{a} and {b} met lately");
    }

    pub(crate) fn dequeue(&mut self, who: Id) -> Answer {
        self.check_standing(who)?;
        let waited = self.person(who).waits(self.now).is_some();
        self.withdraw(who, "asked");
        Ok(json!({ "was_searching": waited }))
    }

    /// They wait no longer, and are told; also of an entry that has ended and is still there.
    pub(crate) fn withdraw(&mut self, who: Id, reason: &str) {
        if self.person_mut(who).entry.take().is_some() {
            self.tell(
                "match:dequeued",
                json!({ "user_id": who, "reason": reason }),
            );
        }
    }

    /// SPEC 9.8.
    pub(crate) fn leave(&mut self, who: Id, chat: Option<Id>) -> Answer {
        self.check_standing(who)?;
        let active = self.chats_of(who);
        let chat = match (chat, &active[..]) {
            (Some(chat), _) if active.contains(&chat) => chat,
            (Some(_), _) => return Err("ERR_CHAT_NOT_FOUND"),
            (None, []) => return Err("ERR_MATCH_NO_ACTIVE_DIRECT"),
            (None, [only]) => *only,
            (None, _) => return Err("ERR_MATCH_AMBIGUOUS"),
        };
        self.end(chat, Ending::Left(who));
        Ok(json!({ "chat_id": chat }))
    }

    /// SPEC 7.7. Whoever blocks themself has understood nothing.
    pub(crate) fn block(&mut self, by: Id, whom: Id) -> Answer {
        self.check_standing(by)?;
        if by == whom {
            return Err("ERR_INVALID");
        }
        self.blocks.insert((by, whom));
        Ok(Value::Null)
    }

    pub(crate) fn unblock(&mut self, by: Id, whom: Id) -> Answer {
        self.check_standing(by)?;
        self.blocks.remove(&(by, whom));
        Ok(Value::Null)
    }

    pub(crate) fn set_premium(&mut self, who: Id, until: i64) -> Answer {
        let person = self.person_mut(who);
        if person.is_stranger {
            return Err("ERR_STRANGER_FORBIDDEN");
        }
        person.premium_until = until;
        Ok(Value::Null)
    }

    pub(crate) fn end(&mut self, chat: Id, why: Ending) {
        let [low, high] = self.chats.remove(&chat).expect("a chat").pair;
        for (who, peer) in [(low, high), (high, low)] {
            let reason = match why {
                Ending::Left(by) if by == who => "left",
                Ending::Left(_) => "peer_left",
                Ending::StayedAway(by) if by == who => "stayed_away",
                Ending::StayedAway(_) => "peer_stayed_away",
                Ending::Expired => "expired",
            };
            if matches!(why, Ending::Left(by) | Ending::StayedAway(by) if by == peer) {
                self.tell_left(chat, who, 0);
            }
            let said = json!({ "chat_id": chat, "user_id": who, "reason": reason });
            self.tell("match:ended", said);
        }
        self.tell("room:destroyed", json!({ "chat_id": chat }));
        for person in self.people.values_mut() {
            for rooms in person.connections.values_mut() {
                rooms.remove(&chat);
            }
        }
        self.departures.retain(|(_, _, from)| *from != Some(chat));
    }

    /// SPEC 9.10a. Whoever can be matched then is by housekeeping.
    pub(crate) fn pause(&mut self, paused: bool) {
        if self.is_paused != paused {
            self.tell("match:paused", json!({ "paused": paused }));
        }
        self.is_paused = paused;
    }

    /// SPEC 9.11.
    pub(crate) fn block_stranger(&mut self, who: Id, blocked: bool) -> Answer {
        let person = self.person_mut(who);
        if !person.is_stranger {
            return Err("ERR_INVALID");
        }
        let was = std::mem::replace(&mut person.is_blocked, blocked);
        if blocked {
            self.withdraw(who, "blocked");
        }
        if blocked || was {
            let said = json!({ "user_id": who, "blocked": blocked });
            self.tell("match:blocked", said);
        }
        Ok(Value::Null)
    }

    /// A person is gone for good (SPEC 1.7, 1.8).
    pub(crate) fn vanish(&mut self, who: Id) {
        for chat in self.chats_of(who) {
            self.end(chat, Ending::Left(who));
        }
        self.people.remove(&who);
        self.blocks.retain(|(a, b)| *a != who && *b != who);
        self.departures.retain(|(_, leaver, _)| *leaver != who);
    }

    /// What `match.status` says of somebody (SPEC 9.1, 9.6).
    pub(crate) fn status(&self, who: Id) -> Value {
        let person = self.person(who);
        let waits = person.waits(self.now);
        let chats = self.chats_of(who);
        let chats: Vec<_> = chats
            .into_iter()
            .map(|chat| self.seen_by(who, chat))
            .collect();
        let until = |entry: &Entry| {
            if person.is_connected() {
                self.now + 10 * MINUTE
            } else {
                entry.until
            }
        };
        json!({
            "state": match (chats.is_empty(), waits) {
                (false, _) => "matched",
                (true, Some(_)) => "searching",
                (true, None) => "idle",
            },
            "searching": waits.is_some(),
            "interests": waits.map(|entry| &entry.interests).into_iter().flatten().collect::<Vec<_>>(),
            "since": waits.map(|entry| entry.since),
            "expires_at": waits.map(until),
            "chats": chats,
            "slots": person.slots(self.now),
            "paused": self.is_paused,
        })
    }

    fn seen_by(&self, who: Id, id: Id) -> Value {
        let chat = &self.chats[&id];
        let peer = usize::from(chat.pair[0] == who);
        let name = &self.person(chat.pair[peer]).name;
        json!({
            "chat_id": id,
            "peer": { "id": chat.pair[peer], "name": name, "country_code": null },
            "interests": chat.interests,
            "expires_at": chat.ends_at,
            "peer_grace_until": chat.away_until[peer],
        })
    }
}

/// SPEC 9.2.
fn well_formed(words: &[String]) -> Result<BTreeSet<String>, &'static str> {
    let is_good = |word: &String| {
        (3..=12).contains(&word.len())
            && word
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
    };
    let interests: BTreeSet<_> = words.iter().filter(|word| is_good(word)).cloned().collect();
    if (1..=3).contains(&words.len()) && interests.len() == words.len() {
        Ok(interests)
    } else {
        Err("ERR_MATCH_BAD_INTEREST")
    }
}
