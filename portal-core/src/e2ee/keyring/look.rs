//! Getting the present epoch's key: what to make of the state that `key.list` answers.
//!
//! One request a chat is under way for this. An answer that events have overtaken is thrown away and asked for again,
//! and answers that lead to nothing make the next try later and later: a server cannot keep a host busy.

use serde_json::{Value, json};

use super::chat::{Held, Left, Recipient};
use super::people::{Novelty, People, Trust};
use super::replies::Asked;
use super::step::Turn;
use super::wire::{Blob, KeyList, SessionKey};
use super::{Alarm, Keyring, MOST_REQUESTS, Meeting, NewKey, Registration, Request};
use crate::e2ee::bind::Ctx;
use crate::e2ee::check::KeyCheck;
use crate::e2ee::error::Result;
use crate::e2ee::fingerprint::fingerprint;
use crate::e2ee::keys::PublicKey;
use crate::e2ee::room::{Delivery, RoomCipher};

/// When to look again if the server speaks of an older epoch than one that was: its answer may be late.
pub(super) const BEHIND: u64 = 5_000;

/// So many tries follow at once, further ones wait.
const TRIES_AT_ONCE: u32 = 4;

/// The first such wait, which doubles, and how long it gets.
const FIRST_WAIT: u64 = 200;
const LONGEST_WAIT: u64 = 60_000;

/// No server is believed that asks for more patience.
const MOST_PATIENCE: u64 = 3_600_000;

/// A wrapped key and the check that belongs to it.
pub(super) struct Offer<'a> {
    pub(super) blob: &'a Blob,
    pub(super) check: Option<KeyCheck>,
}

impl Keyring {
    /// Makes a request.
    pub(super) fn ask(&mut self, asked: Asked, op: &'static str, params: Value) {
        let id = self.next_request;
        self.next_request += 1;
        self.requests.insert(id, asked);
        self.step.requests.push(Request { id, op, params });
    }

    /// Asks to register the session's key, unless that is done or it is too early.
    pub(super) fn register(&mut self, turn: &mut Turn<'_>) {
        if matches!(self.registration, Registration::Due(at) if at <= turn.now) {
            self.registration = Registration::Asked;
            let params = json!({ "public_key": self.public_key().to_base64() });
            self.ask(Asked::Register, "key.register", params);
        }
    }

    /// The server does not know our key, although it said so; not at once if it has said so often.
    pub(super) fn register_again(&mut self, chat_id: u64, turn: &Turn<'_>) {
        let tries = self.seat(chat_id).map_or(0, |seat| seat.tries);
        let is_often = tries + 1 >= TRIES_AT_ONCE;
        let wait = if is_often { LONGEST_WAIT } else { 0 };
        self.registration = Registration::Due(turn.now.saturating_add(wait.cast_signed()));
    }

    /// Looks how the present epoch's key stands, now or as soon as what is under way is answered.
    pub(super) fn look(&mut self, chat_id: u64, turn: &mut Turn<'_>) {
        let is_registered = self.registration == Registration::Done;
        let is_full = self.requests.len() >= MOST_REQUESTS;
        let Some(seat) = self.seat(chat_id) else {
            return;
        };
        // What was due is under way from here on, so that a host is not woken for it again.
        seat.look_at = None;
        if !is_registered {
            // Every room is looked at once that is done.
            self.register(turn);
        } else if seat.is_busy {
            seat.is_stale = true;
        } else if is_full {
            seat.look_at = Some(turn.now.saturating_add(1_000));
        } else {
            self.ask_about(
                Asked::List(chat_id),
                "key.list",
                json!({ "chat_id": chat_id }),
            );
        }
    }

    /// Makes a request that is the one about our own key.
    pub(super) fn ask_about(&mut self, asked: Asked, op: &'static str, params: Value) {
        if let Some(seat) = asked.chat().and_then(|chat_id| self.seat(chat_id)) {
            seat.is_busy = true;
            seat.is_stale = false;
            seat.look_at = None;
            self.ask(asked, op, params);
        }
    }

    pub(super) fn seat(&mut self, chat_id: u64) -> Option<&mut super::chat::Seat> {
        self.chats.get_mut(&chat_id)?.seat.as_mut()
    }

    /// Looks again after a try that led to nothing.
    pub(super) fn look_again(&mut self, chat_id: u64, turn: &mut Turn<'_>) {
        match self.one_more_try(chat_id) {
            0 => self.look(chat_id, turn),
            wait => self.look_at(chat_id, wait, turn),
        }
    }

    /// Looks again after so many milliseconds, as the server asks, or later if it has asked often.
    pub(super) fn look_in(&mut self, chat_id: u64, wait_ms: u64, turn: &Turn<'_>) {
        let wait = wait_ms.clamp(FIRST_WAIT, MOST_PATIENCE);
        let wait = wait.max(self.one_more_try(chat_id));
        self.look_at(chat_id, wait, turn);
    }

    /// Counts a try; answers how long to wait before the next one, in milliseconds.
    fn one_more_try(&mut self, chat_id: u64) -> u64 {
        let Some(seat) = self.seat(chat_id) else {
            return 0;
        };
        seat.tries = seat.tries.saturating_add(1);
        let waits = seat.tries.checked_sub(TRIES_AT_ONCE);
        waits.map_or(0, |waits| (FIRST_WAIT << waits.min(16)).min(LONGEST_WAIT))
    }

    fn look_at(&mut self, chat_id: u64, wait_ms: u64, turn: &Turn<'_>) {
        if let Some(seat) = self.seat(chat_id) {
            seat.look_at = Some(turn.now.saturating_add(wait_ms.cast_signed()));
        }
    }

    /// The state of a chat's keys.
    pub(super) fn listed(
        &mut self,
        chat_id: u64,
        list: &KeyList,
        check: Option<KeyCheck>,
        turn: &mut Turn<'_>,
    ) {
        let Some(chat) = self.chats.get_mut(&chat_id) else {
            return;
        };
        // Epochs never go back. A server that means it gets no message for an old key.
        if list.epoch < chat.epoch {
            self.look_in(chat_id, BEHIND, turn);
            return;
        }
        chat.move_to(list.epoch);
        let own_id = self.session_id;
        let Some(own) = list.sessions.iter().find(|key| key.session_id == own_id) else {
            // Not there, or not to talk: whoever is again joins again.
            self.unseat(chat_id);
            return;
        };
        if own.public_key.as_deref() != Some(self.public_key().to_base64().as_str()) {
            self.register_again(chat_id, turn);
            self.look_again(chat_id, turn);
            return;
        }
        for session in &list.sessions {
            if let Some(session) = self.people.recipient(session) {
                self.people.sight(session.user_id, session.key, turn.now);
            }
        }
        if !list.published {
            self.first(chat_id, list, turn);
            return;
        }
        self.settle(chat_id, check, own.holds);
        let Some(chat) = self.chats.get_mut(&chat_id) else {
            return;
        };
        if !chat.hear_check(check) {
            let epoch = list.epoch;
            self.step
                .alarms
                .push(Alarm::CheckChanged { chat_id, epoch });
            self.look_again(chat_id, turn);
        } else if chat.current().is_some() && own.holds {
            self.ready(chat_id, list, turn);
        } else if let Some(blob) = &list.blob {
            self.offered(chat_id, &Offer { blob, check }, turn);
        } else if own.holds {
            // We are its distributor and have lost it.
            self.reject(chat_id);
        } else {
            let params = json!({ "chat_id": chat_id });
            self.ask_about(Asked::Renew(chat_id), "key.renew", params);
        }
    }

    /// What became of a key that was made here: it is the epoch's, or somebody else's was first.
    fn settle(&mut self, chat_id: u64, check: Option<KeyCheck>, holds: bool) {
        let Some(chat) = self.chats.get_mut(&chat_id) else {
            return;
        };
        let epoch = chat.epoch;
        let Some(held) = chat.keys.get_mut(&epoch).filter(|held| !held.is_published) else {
            return;
        };
        if holds && check.is_some() && held.check == check {
            held.is_published = true;
            self.step.keys.push(NewKey { chat_id, epoch });
        } else {
            chat.drop_key(epoch);
        }
    }

    /// The key is here and the server knows it: those who wait for it get it.
    fn ready(&mut self, chat_id: u64, list: &KeyList, turn: &mut Turn<'_>) {
        let Some(seat) = self.seat(chat_id) else {
            return;
        };
        seat.tries = 0;
        seat.deciding = None;
        let asked = seat.take_asked();
        let held_back = std::mem::take(&mut seat.held_back);
        let lacks = |key: &&SessionKey| !key.holds && !key.has_blob && !key.waits;
        let lacking = list.sessions.iter().filter(lacks);
        let waiting: Vec<_> = lacking
            .filter_map(|session| self.people.recipient(session))
            .filter(|to| asked.contains(&to.session_id) || held_back.contains(&to.key))
            .collect();
        self.wrap_for(chat_id, &waiting, turn);
    }

    /// Opens a key that was wrapped for us, and keeps it if all is well with it and whoever wrapped it.
    pub(super) fn offered(&mut self, chat_id: u64, offer: &Offer<'_>, turn: &mut Turn<'_>) {
        let Some(chat) = self.chats.get_mut(&chat_id) else {
            return;
        };
        let epoch = chat.epoch;
        if !chat.hear_check(offer.check) {
            self.step
                .alarms
                .push(Alarm::CheckChanged { chat_id, epoch });
            self.look_again(chat_id, turn);
            return;
        }
        let user_id = offer.blob.publisher_user_id;
        let Ok((cipher, sender)) = self.open_offer(chat_id, epoch, offer) else {
            self.step.alarms.push(Alarm::KeyRefused {
                chat_id,
                epoch,
                user_id,
            });
            self.reject(chat_id);
            return;
        };
        match self.meet(chat_id, user_id, sender, turn) {
            Trust::Refused => self.reject(chat_id),
            // Whoever is met is more than seen.
            Trust::Asked | Trust::Seen => {
                if let Some(seat) = self.seat(chat_id) {
                    seat.deciding = Some(sender);
                    seat.look_at = None;
                }
            }
            Trust::Accepted => {
                let Some(chat) = self.chats.get_mut(&chat_id) else {
                    return;
                };
                let is_new = chat.current().is_none();
                if is_new {
                    chat.keep(epoch, Held::new(cipher, offer.check, true));
                    self.step.keys.push(NewKey { chat_id, epoch });
                }
                let Some(seat) = &mut chat.seat else {
                    return;
                };
                seat.deciding = None;
                seat.look_at = None;
                // Others may wait for it, or the server does not know yet that we have it.
                if !is_new || seat.is_wanted() {
                    self.look_again(chat_id, turn);
                }
            }
        }
    }

    /// # Errors
    /// `ERR_DECRYPT` for a key that does not open or check, or that is or was held under another chat or epoch.
    fn open_offer(
        &self,
        chat_id: u64,
        epoch: u64,
        offer: &Offer<'_>,
    ) -> Result<(RoomCipher, PublicKey)> {
        const REFUSED: crate::e2ee::Error = crate::e2ee::Error::Decrypt;
        let chat = self.chats.get(&chat_id).ok_or(REFUSED)?;
        let ctx = Ctx::new(chat_id, epoch)?;
        let blob = offer.blob;
        let sender = self
            .people
            .read(blob.publisher_user_id, &blob.publisher_public_key)?;
        let delivery = Delivery {
            blob: &offer.blob.text,
            sender: &sender,
            check: offer.check.as_ref(),
        };
        let cipher = RoomCipher::unwrap(chat.suite, ctx, &delivery, self.user_id, &self.secret)?;
        let all = self.chats.values().flat_map(|chat| chat.keys.values());
        let same =
            |held: &Held| held.cipher.ctx() != ctx && held.cipher.room_key() == cipher.room_key();
        if all.into_iter().any(same) {
            return Err(REFUSED);
        }
        let mark = cipher.room_key().mark();
        let but_for = |id: u64| (id == chat_id).then_some(epoch);
        let mut chats = self.chats.iter();
        if chats.any(|(id, chat)| chat.had(&mark, but_for(*id))) {
            return Err(REFUSED);
        }
        // The present epoch's key does not become another, also if it had to go in between.
        let is_other = |left: &Left| left.mark != mark || left.replays.is_none();
        if chat.left.as_ref().is_some_and(is_other) {
            return Err(REFUSED);
        }
        let here = chat.keys.get(&epoch).filter(|held| held.is_published);
        if here.is_some_and(|held| held.cipher.room_key() != cipher.room_key()) {
            return Err(REFUSED);
        }
        Ok((cipher, sender))
    }

    /// Gives back what was wrapped for us, so that another wraps it anew.
    pub(super) fn reject(&mut self, chat_id: u64) {
        let params = json!({ "chat_id": chat_id });
        self.ask_about(Asked::Reject(chat_id), "key.reject", params);
    }

    /// Sees a key of somebody; alarms if it is not known.
    pub(super) fn meet(
        &mut self,
        chat_id: u64,
        user_id: u64,
        key: PublicKey,
        turn: &mut Turn<'_>,
    ) -> Trust {
        let (trust, novelty) = self.people.meet(user_id, key, turn.now, self.policy);
        let meeting = || Meeting {
            user_id,
            public_key: key,
            fingerprint: fingerprint(self.public_key(), &key),
            chat_id,
            accepted: trust == Trust::Accepted,
        };
        let alarm = novelty.map(|novelty| match novelty {
            Novelty::New => Alarm::KeyNew(meeting()),
            Novelty::Changed => Alarm::KeyChanged(meeting()),
            Novelty::Ignored => Alarm::KeyIgnored(meeting()),
        });
        self.step.alarms.extend(alarm);
        trust
    }
}

impl People {
    /// Somebody that a key can be wrapped for.
    pub(super) fn recipient(&self, session: &SessionKey) -> Option<Recipient> {
        let key = session.public_key.as_deref()?;
        Some(Recipient {
            user_id: session.user_id,
            session_id: session.session_id,
            key: self.read(session.user_id, key).ok()?,
        })
    }
}
