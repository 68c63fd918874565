//! The model's connections and its time: who is there, who is away, and what housekeeping finds due
//! (SPEC 9.5, 9.9, 9.12, 10.1, 14.2).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::model::{Answer, Ending, Entry, Id, MINUTE, Model, SECOND};

/// How long a DIRECT chat waits for one of its two (SPEC 9.9).
const GRACE: i64 = MINUTE;

/// How long an entry outlives its person's last connection (SPEC 9.5).
const ENTRY_GRACE: i64 = 15 * SECOND;

/// Housekeeping prolongs the entries of those who are there when they have no more than this.
const AHEAD: i64 = MINUTE;

impl Model {
    pub(crate) fn tell_left(&mut self, chat: Id, stays: Id, grace_until: i64) {
        let said = json!({ "chat_id": chat, "user_id": stays, "grace_until_ms": grace_until });
        self.tell("room:peer_left", said);
    }

    pub(crate) fn connect(&mut self, who: Id, connection: Id) {
        let now = self.now;
        let person = self.person_mut(who);
        person.connections.insert(connection, BTreeSet::new());
        person.opened.insert(connection, now);
        self.departures
            .retain(|gone| (gone.1, gone.2) != (who, None));
    }

    pub(crate) fn whose(&self, connection: Id) -> Option<Id> {
        let mut people = self.people.iter();
        let whose = people.find(|(_, person)| person.connections.contains_key(&connection));
        whose.map(|(id, _)| *id)
    }

    /// A connection is lost. That its person is gone from a chat, or from everywhere, is to be written down.
    pub(crate) fn lose(&mut self, connection: Id) {
        let who = self.whose(connection).expect("a live connection");
        let person = self.person_mut(who);
        let rooms = person.connections.remove(&connection).unwrap_or_default();
        let person = self.person(who);
        let left = rooms.into_iter().filter(|chat| !person.is_in(*chat));
        let mut gone: Vec<_> = left.map(Some).collect();
        if !person.is_connected() {
            gone.push(None);
            let opened = person.opened[&connection];
            self.last_opened.insert(who, opened);
        }
        let now = self.now;
        let gone = gone.into_iter().map(|from| (now, who, from));
        self.departures.extend(gone);
    }

    /// It is written down who is gone: the others in their chats are told, and an entry has 15 s left.
    pub(crate) fn note_departures(&mut self) {
        for (at, who, from) in std::mem::take(&mut self.departures) {
            if let Some(chat) = from {
                self.is_away(chat, who, at + GRACE);
                continue;
            }
            let opened = self.last_opened[&who];
            if let Some(entry) = &mut self.person_mut(who).entry
                && entry.until > opened
            {
                entry.until = at + ENTRY_GRACE;
            }
        }
    }

    /// One of the two is away from their chat; the other is told, once.
    fn is_away(&mut self, chat: Id, who: Id, until: i64) {
        let row = self.chats.get_mut(&chat).expect("a chat");
        let side = usize::from(row.pair[1] == who);
        let peer = row.pair[1 - side];
        if row.away_until[side].is_none() {
            row.away_until[side] = Some(until);
            self.tell_left(chat, peer, until);
        }
    }

    /// Every connection of somebody who is matched is in the room; who has none starts in grace (SPEC 9.4).
    pub(crate) fn seat(&mut self, who: Id, chat: Id) {
        for rooms in self.person_mut(who).connections.values_mut() {
            rooms.insert(chat);
        }
        if self.keeps_presence && !self.person(who).is_connected() {
            self.is_away(chat, who, self.now + GRACE);
        }
    }

    pub(crate) fn join(&mut self, connection: Id, chat: Id) -> Answer {
        let who = self.whose(connection).expect("a live connection");
        let row = self.chats.get_mut(&chat).ok_or("ERR_CHAT_NOT_FOUND")?;
        let side = row.pair.iter().position(|id| *id == who);
        let side = side.ok_or("ERR_CHAT_NOT_FOUND")?;
        let peer = row.pair[1 - side];
        if row.away_until[side].take().is_some() {
            let said = json!({ "chat_id": chat, "user_id": peer });
            self.tell("room:peer_returned", said);
        }
        let connections = &mut self.person_mut(who).connections;
        connections.entry(connection).or_default().insert(chat);
        let back = (who, Some(chat));
        self.departures.retain(|gone| (gone.1, gone.2) != back);
        Ok(Value::Null)
    }

    /// A connection leaves a room. For its person's last one there this is as if it was lost.
    pub(crate) fn leave_room(&mut self, connection: Id, chat: Id) {
        let who = self.whose(connection).expect("a live connection");
        let connections = &mut self.person_mut(who).connections;
        let was_there = connections.entry(connection).or_default().remove(&chat);
        if was_there && !self.person(who).is_in(chat) {
            self.is_away(chat, who, self.now + GRACE);
        }
    }

    fn lose_all(&mut self, who: Id) {
        let connections: Vec<_> = self.person(who).connections.keys().copied().collect();
        for connection in connections {
            self.lose(connection);
        }
    }

    /// The one session of a person ends; a stranger without a DIRECT chat vanishes with it (SPEC 1.8).
    pub(crate) fn log_out(&mut self, who: Id) {
        self.lose_all(who);
        self.person_mut(who).has_session = false;
        if self.person(who).is_stranger && self.chats_of(who).is_empty() {
            self.vanish(who);
        }
    }

    /// SPEC 4.3.
    pub(crate) fn time_out(&mut self, who: Id, seconds: i64) {
        self.withdraw(who, "timed_out");
        for chat in self.chats_of(who) {
            self.end(chat, Ending::Left(who));
        }
        self.person_mut(who).timed_out_until = self.now + seconds * SECOND;
        self.log_out(who);
    }

    /// Another process has the file: nobody is anywhere. If it takes presence, everybody has a little time
    /// from now on; if not, whatever would come of connections rests (SPEC 10.1).
    pub(crate) fn restart(&mut self, presence: bool) {
        let (now, until) = (self.now, self.now + GRACE);
        self.keeps_presence = presence;
        self.departures.clear();
        for person in self.people.values_mut() {
            person.connections.clear();
        }
        if !presence {
            return;
        }
        for person in self.people.values_mut() {
            let waiting = person.entry.as_mut().filter(|entry| entry.until > now);
            if let Some(entry) = waiting {
                entry.until = now + ENTRY_GRACE;
            }
        }
        let mut told = Vec::new();
        for (id, chat) in &mut self.chats {
            chat.away_until = [Some(until); 2];
            told.extend(chat.pair.map(|who| (*id, who)));
        }
        for (chat, who) in told {
            self.tell_left(chat, who, until);
        }
    }

    /// Housekeeping (SPEC 14.2). Whom it matched is said, by chat, and judged; what else it has to do follows.
    pub(crate) fn tick(&mut self, found: &[(Id, [Id; 2])]) {
        self.note_departures();
        self.end_chats();
        let now = self.now;
        self.pauses.retain(|_, until| *until > now);
        for who in self.people.keys().copied().collect::<Vec<_>>() {
            let person = self.person(who);
            let Some(until) = person.entry.as_ref().map(|entry| entry.until) else {
                continue;
            };
            if person.waits(now).is_none() {
                self.withdraw(who, "expired");
            } else if person.is_connected() && until <= now + AHEAD {
                let entry = &mut self.person_mut(who).entry;
                entry.as_mut().expect("it waits").until = now + 10 * MINUTE;
            }
        }
        self.judge(found);
        for (chat, [a, b]) in found {
            self.pair(*chat, *a, *b);
        }
        assert_eq!(self.could_meet(), None, "both still wait");
        for who in self.people.keys().copied().collect::<Vec<_>>() {
            let person = self.person(who);
            if person.is_stranger && !person.has_session && self.chats_of(who).is_empty() {
                self.vanish(who);
            }
        }
    }

    /// Ends the chats whose 24 h are over, and then those whose graces are, the first first.
    fn end_chats(&mut self) {
        let now = self.now;
        let over = self.chats.iter().filter(|(_, chat)| chat.ends_at <= now);
        for chat in over.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.end(chat, Ending::Expired);
        }
        let mut due = Vec::new();
        for (id, chat) in &self.chats {
            for (who, away_until) in chat.pair.iter().zip(chat.away_until) {
                due.extend(away_until.map(|until| (until, *id, *who)));
            }
        }
        due.retain(|(until, _, _)| self.keeps_presence && *until <= now);
        due.sort_unstable();
        for (_, chat, who) in due {
            if self.chats.contains_key(&chat) {
                self.end(chat, Ending::StayedAway(who));
            }
        }
    }

    /// When something runs out, whoever is asked for: entries of people who are not there, graces, pauses,
    /// DIRECT chats.
    pub(crate) fn ends(&self) -> Vec<i64> {
        let people = self.people.values();
        let away = people.filter(|person| !person.is_connected());
        let entries = away.filter_map(|person| Some(person.entry.as_ref()?.until));
        let chats = self.chats.values();
        let chats = chats.flat_map(|chat| {
            let graces = chat.away_until.into_iter().flatten();
            graces.filter(|_| self.keeps_presence).chain([chat.ends_at])
        });
        let pauses = self
            .pauses
            .values()
            .copied()
            .filter(|until| *until > self.now);
        entries.chain(chats).chain(pauses).collect()
    }

    /// Judges whom housekeeping matched: nobody is passed over. There are no two who could have been matched
    /// with each other and would both be better off with that, by SPEC 9.3, than with whom they got, if
    /// anybody.
    fn judge(&self, found: &[(Id, [Id; 2])]) {
        assert!(found.is_empty() || !self.is_paused, "the matcher is paused");
        let available = self.available();
        let entries: BTreeMap<Id, &Entry> = available.iter().copied().collect();
        let mut got: BTreeMap<Id, &Entry> = BTreeMap::new();
        for (_, [a, b]) in found {
            for (who, peer) in [(a, b), (b, a)] {
                let entry = entries.get(peer);
                let entry = entry.unwrap_or_else(|| panic!("{peer} cannot be matched"));
                got.insert(*who, entry);
            }
        }
        if self.is_paused {
            return;
        }
        let prefers = |(who, entry): (Id, &Entry), other: &Entry| {
            let got = got.get(&who);
            got.is_none_or(|got| entry.rank(other) < entry.rank(got))
        };
        for (nth, one) in available.iter().copied().enumerate() {
            for other in available[nth + 1..].iter().copied() {
                let better = || prefers(one, other.1) && prefers(other, one.1);
                let passed_over = self.can_meet(one, other) && better();
                assert!(!passed_over, "{} and {} are passed over", one.0, other.0);
            }
        }
    }

    /// Two who wait although they can be matched with each other.
    fn could_meet(&self) -> Option<[Id; 2]> {
        let available = self.available();
        let mut pairs = available
            .iter()
            .flat_map(|one| available.iter().map(move |other| [one, other]));
        let found = pairs.find(|[one, other]| self.can_meet(**one, **other));
        found
            .filter(|_| !self.is_paused)
            .map(|[one, other]| [one.0, other.0])
    }
}
