//! What each event means for the keys.

use serde_json::Value;

use super::chat::{Chat, Recipient, Seat};
use super::look::Offer;
use super::step::Turn;
use super::wire::{self, Added, Came, ChatSays, Joined, MessageNew, Moved, Needed, Of, Updated};
use super::{Alarm, Keyring, MOST_CHATS, Registration};
use crate::e2ee::bind::Ctx;
use crate::e2ee::error::{Error, Result};
use crate::e2ee::suite::Suite;

const DATA: &str = "data";

impl Keyring {
    pub(super) fn take_event(&mut self, name: &str, data: &str, turn: &mut Turn<'_>) -> Result<()> {
        match name {
            "room.join" => self.joined(&wire::read(data, DATA)?, turn)?,
            "room.leave" => self.unseat(chat_of(&wire::read(data, DATA)?)?),
            "disconnected" => self.unseat_everywhere(),
            "room:epoch_changed" => self.moved(&wire::read(data, DATA)?, turn)?,
            "room:updated" => self.updated(&wire::read(data, DATA)?, turn)?,
            "message:new" => self.heard(&wire::read(data, DATA)?, turn)?,
            "portal:key_needed" => self.needed(&wire::read(data, DATA)?, turn)?,
            "portal:key_blob" => self.came(wire::read(data, DATA)?, turn)?,
            "portal:key_added" => {
                let added: Added = wire::read(data, DATA)?;
                if let Some(key) = &added.public_key {
                    let key = self.people.read(added.user_id, key)?;
                    self.people.sight(added.user_id, key, turn.now);
                }
            }
            "portal:key_removed" => {
                let of: Of = wire::read(data, DATA)?;
                let chat_id = chat_of(&of)?;
                if of.session_id == Some(self.session_id) {
                    self.look(chat_id, turn);
                }
            }
            // A match that is over is a chat that is: of a match, both events come.
            "room:destroyed" | "match:ended" => {
                let chat_id = chat_of(&wire::read(data, DATA)?)?;
                self.unseat(chat_id);
                if let Some(chat) = self.chats.get_mut(&chat_id) {
                    chat.end();
                }
            }
            "room:kicked" | "user:banned" | "room:evicted" => {
                self.removed(&wire::read(data, DATA)?, turn);
            }
            // For a while; what was said before is still theirs.
            "user:timed_out" => {
                let of: Of = wire::read(data, DATA)?;
                if of.user_id == Some(self.user_id) {
                    self.unseat_everywhere();
                }
            }
            "session:ended" => self.session_ended(&wire::read(data, DATA)?),
            _ => {
                wire::read::<Value>(data, DATA)?;
            }
        }
        Ok(())
    }

    /// This session sits in a room now.
    fn joined(&mut self, joined: &Joined, turn: &mut Turn<'_>) -> Result<()> {
        let says = &joined.chat;
        says.checked()?;
        let suite = Suite::from_number(says.e2ee).ok_or(Error::Malformed {
            what: "chat.e2ee",
            why: "it is a suite that is not known here",
        })?;
        if !self.chats.contains_key(&says.id) {
            self.make_room()?;
            self.chats.insert(says.id, Chat::new(suite, says.epoch));
        }
        self.unseat(says.id);
        if !self.follow(says, turn) || !joined.may_talk {
            return Ok(());
        }
        if let Some(chat) = self.chats.get_mut(&says.id) {
            chat.seat = Some(Seat::new(joined.as_of));
        }
        self.look(says.id, turn);
        Ok(())
    }

    /// Room for one more chat: the lowest of those without a key and a seat goes.
    fn make_room(&mut self) -> Result<()> {
        if self.chats.len() < MOST_CHATS {
            return Ok(());
        }
        let is_idle = |chat: &Chat| chat.keys.is_empty() && chat.seat.is_none();
        let idle = self.chats.iter().find(|(_, chat)| is_idle(chat));
        let idle = idle.map(|(chat_id, _)| *chat_id).ok_or(Error::Malformed {
            what: "chat.id",
            why: "this keyring holds keys of 4096 chats, and no more",
        })?;
        self.chats.remove(&idle);
        Ok(())
    }

    /// Takes what the server says of a chat, unless the suite is another than before; answers whether it did.
    fn follow(&mut self, says: &ChatSays, turn: &mut Turn<'_>) -> bool {
        let Some(chat) = self.chats.get_mut(&says.id) else {
            return true;
        };
        if u64::from(chat.suite.number()) != says.e2ee {
            let (chat_id, e2ee) = (says.id, says.e2ee);
            self.step.alarms.push(Alarm::SuiteChanged { chat_id, e2ee });
            return false;
        }
        if chat.move_to(says.epoch) {
            self.look(says.id, turn);
        }
        true
    }

    fn updated(&mut self, updated: &Updated, turn: &mut Turn<'_>) -> Result<()> {
        if let Some(says) = &updated.chat {
            says.checked()?;
            self.follow(says, turn);
        }
        Ok(())
    }

    fn moved(&mut self, moved: &Moved, turn: &mut Turn<'_>) -> Result<()> {
        let Moved {
            chat_id,
            epoch,
            reason,
        } = moved;
        Ctx::new(*chat_id, *epoch)?;
        let Some(chat) = self.chats.get_mut(chat_id) else {
            return Ok(());
        };
        let is_newer = chat.move_to(*epoch);
        // Every message of before is gone, also if it is told late or twice.
        if matches!(reason.as_str(), "cleared" | "wiped") {
            chat.drop_before(*epoch);
        }
        if is_newer {
            if let Some(seat) = &mut chat.seat {
                seat.tries = 0;
            }
            self.look(*chat_id, turn);
        }
        Ok(())
    }

    /// A message of an epoch that we have not heard of says that we have missed its beginning.
    fn heard(&mut self, new: &MessageNew, turn: &mut Turn<'_>) -> Result<()> {
        // Of the system's messages the epoch is 0.
        let message = new.message.as_ref().filter(|message| message.epoch > 0);
        if let Some(message) = message {
            Ctx::new(new.chat_id, message.epoch)?;
            let chat = self.chats.get_mut(&new.chat_id);
            if chat.is_some_and(|chat| chat.move_to(message.epoch)) {
                self.look(new.chat_id, turn);
            }
        }
        Ok(())
    }

    /// A holder is asked to wrap the key for somebody.
    fn needed(&mut self, needed: &Needed, turn: &mut Turn<'_>) -> Result<()> {
        Ctx::new(needed.chat_id, needed.epoch)?;
        let key = needed.public_key.as_deref();
        let key = key
            .map(|key| self.people.read(needed.user_id, key))
            .transpose()?;
        if needed.holder_session != self.session_id {
            return Ok(());
        }
        let Some(chat) = self.chats.get_mut(&needed.chat_id) else {
            return Ok(());
        };
        let is_newer = chat.move_to(needed.epoch);
        let is_present = chat.epoch == needed.epoch;
        let has_key = chat.current().is_some();
        let Some(seat) = chat.seat.as_mut().filter(|_| is_present) else {
            return Ok(());
        };
        match key {
            Some(key) if has_key => {
                let recipient = Recipient {
                    user_id: needed.user_id,
                    session_id: needed.session_id,
                    key,
                };
                self.wrap_for(needed.chat_id, &[recipient], turn);
            }
            // To be looked up with the rest.
            _ => {
                seat.was_asked_for(needed.session_id);
                if has_key || is_newer {
                    self.look(needed.chat_id, turn);
                }
            }
        }
        Ok(())
    }

    /// A room key has come for this session.
    fn came(&mut self, came: Came, turn: &mut Turn<'_>) -> Result<()> {
        Ctx::new(came.chat_id, came.epoch)?;
        let check = wire::check(came.key_check.as_deref())?;
        if came.session_id != self.session_id {
            return Ok(());
        }
        let Some(chat) = self.chats.get_mut(&came.chat_id) else {
            return Ok(());
        };
        chat.move_to(came.epoch);
        if chat.epoch != came.epoch || chat.current().is_some() {
            return Ok(());
        }
        let Some(seat) = &mut chat.seat else {
            return Ok(());
        };
        match came.blob {
            // What is under way is answered first: it may be about this very key.
            Some(blob) if !seat.is_busy => {
                let offer = Offer { blob: &blob, check };
                self.offered(came.chat_id, &offer, turn);
            }
            _ => self.look(came.chat_id, turn),
        }
        Ok(())
    }

    /// Somebody was put out of a room, or everyone who may not stay.
    fn removed(&mut self, of: &Of, turn: &mut Turn<'_>) {
        let is_self = of.user_id == Some(self.user_id);
        // Who was put out and has come back may hear of the one after the other.
        let seat = of.chat_id.and_then(|chat_id| self.seat(chat_id));
        if let (Some(seat), Some(seq)) = (seat, of.seq)
            && seq <= seat.since
        {
            return;
        }
        match of.chat_id {
            Some(chat_id) if is_self => self.drop_chat(chat_id),
            // Whether that is us, the server says when it is asked.
            Some(chat_id) if of.user_id.is_none() => self.look(chat_id, turn),
            None if is_self => self.drop_everything(),
            _ => {}
        }
    }

    fn session_ended(&mut self, of: &Of) {
        if of.session_id != Some(self.session_id) {
            return;
        }
        self.unseat_everywhere();
        self.registration = Registration::Due(i64::MIN);
        // Ended from elsewhere, as one does with a device that is lost.
        if matches!(
            of.reason.as_deref(),
            Some("destroyed" | "banned" | "deleted")
        ) {
            self.drop_everything();
        }
    }

    /// Zeroes a chat's keys.
    pub(super) fn drop_chat(&mut self, chat_id: u64) {
        self.unseat(chat_id);
        if let Some(chat) = self.chats.get_mut(&chat_id) {
            chat.drop_keys();
        }
    }

    fn drop_everything(&mut self) {
        self.unseat_everywhere();
        self.chats.values_mut().for_each(Chat::drop_keys);
    }

    /// Leaves a room; answers that come later mean nothing any more.
    pub(super) fn unseat(&mut self, chat_id: u64) {
        if let Some(chat) = self.chats.get_mut(&chat_id) {
            chat.seat = None;
        }
        self.requests
            .retain(|_, asked| asked.chat() != Some(chat_id));
    }

    fn unseat_everywhere(&mut self) {
        self.chats.values_mut().for_each(|chat| chat.seat = None);
        self.requests.clear();
        if self.registration == Registration::Asked {
            self.registration = Registration::Due(i64::MIN);
        }
    }
}

fn chat_of(of: &Of) -> Result<u64> {
    let chat_id = of.chat_id.filter(|chat_id| wire::is_number(*chat_id));
    chat_id.ok_or(Error::OutOfRange { what: "chat_id" })
}
