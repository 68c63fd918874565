//! Being first with an epoch's key, and wrapping it for others (SPEC 8.4, 8.5).
//!
//! The surprise: whom a key is wrapped for is written down before anybody has it, and stays written down although the
//! server may say that it did not store it. It had it.

use serde_json::{Value, json};

use super::chat::{Held, Recipient, Wrapped};
use super::look::BEHIND;
use super::people::Trust;
use super::replies::Asked;
use super::step::Turn;
use super::wire::{KeyList, SessionKey};
use super::{Alarm, Keyring, MOST_REQUESTS};
use crate::e2ee::bind::{Ctx, in_range};
use crate::e2ee::room::RoomCipher;

/// At most this many blobs a call (SPEC 8.5).
const MOST_BLOBS: usize = 256;

impl Keyring {
    /// Nobody has published the present epoch's key: makes it, or waits for whoever is to be first.
    pub(super) fn first(&mut self, chat_id: u64, list: &KeyList, turn: &mut Turn<'_>) {
        if list.holdback_ms > 0 {
            self.look_in(chat_id, list.holdback_ms, turn);
            return;
        }
        let Some(chat) = self.chats.get_mut(&chat_id) else {
            return;
        };
        let epoch = chat.epoch;
        // It had one, and was told that it had.
        if chat.left.is_some() {
            self.step
                .alarms
                .push(Alarm::CheckChanged { chat_id, epoch });
            self.look_again(chat_id, turn);
            return;
        }
        // Should there be no randomness for what follows, it is tried again.
        if let Some(seat) = &mut chat.seat {
            seat.look_at = Some(turn.now.saturating_add(BEHIND.cast_signed()));
        }
        // A key that was the epoch's stays it. One that was never published is not tried twice.
        if chat.current().is_none() {
            let Ok(ctx) = Ctx::new(chat_id, epoch) else {
                return;
            };
            let cipher = RoomCipher::generate(chat.suite, ctx, turn.random);
            let check = cipher.check();
            chat.keep(epoch, Held::new(cipher, Some(check), false));
        }
        let others: Vec<_> = list
            .sessions
            .iter()
            .filter(|key: &&SessionKey| !key.waits)
            .filter_map(|session| self.people.recipient(session))
            .collect();
        let blobs = self.wrap(chat_id, &others, turn);
        let params = self.publication(chat_id, epoch, blobs);
        self.ask_about(Asked::First(chat_id, epoch), "key.publish", params);
    }

    /// Wraps the present epoch's key for these, as a holder.
    pub(super) fn wrap_for(&mut self, chat_id: u64, recipients: &[Recipient], turn: &mut Turn<'_>) {
        // Whoever is not served asks again, and others first.
        if self.requests.len() >= MOST_REQUESTS {
            return;
        }
        let blobs = self.wrap(chat_id, recipients, turn);
        if blobs.is_empty() {
            return;
        }
        let Some(epoch) = self.epoch(chat_id) else {
            return;
        };
        let params = self.publication(chat_id, epoch, blobs);
        self.ask(Asked::Wrap(chat_id, epoch), "key.publish", params);
    }

    /// Goes on with those who were beyond one call's measure.
    pub(super) fn wrap_the_rest(&mut self, chat_id: u64, turn: &mut Turn<'_>) {
        let rest = self
            .seat(chat_id)
            .map(|seat| std::mem::take(&mut seat.rest));
        self.wrap_for(chat_id, &rest.unwrap_or_default(), turn);
    }

    fn publication(&self, chat_id: u64, epoch: u64, blobs: Vec<Value>) -> Value {
        let chat = self.chats.get(&chat_id);
        let held = chat.and_then(|chat| chat.keys.get(&epoch));
        let check = held.and_then(|held| held.check);
        json!({
            "chat_id": chat_id,
            "epoch": epoch,
            "key_check": check.map(|check| check.to_base64()),
            "blobs": blobs,
        })
    }

    /// The blobs for those of them that are trusted, at most as many as fit a call; the others of the trusted are kept
    /// for the next, those to be decided on are held back.
    fn wrap(&mut self, chat_id: u64, recipients: &[Recipient], turn: &mut Turn<'_>) -> Vec<Value> {
        let mut blobs = Vec::new();
        for recipient in recipients {
            let Recipient {
                user_id,
                session_id,
                key,
            } = *recipient;
            let is_own = session_id == self.session_id;
            if is_own || in_range(user_id, "user_id").is_err() {
                continue;
            }
            if blobs.len() == MOST_BLOBS {
                if let Some(seat) = self.seat(chat_id) {
                    seat.rest.push(*recipient);
                }
                continue;
            }
            let trust = self.meet(chat_id, user_id, key, turn);
            let Some(chat) = self.chats.get_mut(&chat_id) else {
                break;
            };
            if trust == Trust::Asked
                && let Some(seat) = &mut chat.seat
            {
                seat.hold_back(key);
            }
            let Some(held) = chat.keys.get_mut(&chat.epoch) else {
                break;
            };
            if trust != Trust::Accepted {
                continue;
            }
            // Fails for numbers and keys only, and they are checked.
            if let Ok(blob) = held.cipher.wrap(user_id, &key, &self.secret, turn.random) {
                let at_ms = turn.now;
                let wrapped = Wrapped { session_id, at_ms };
                held.wrapped.entry((user_id, key)).or_insert(wrapped);
                blobs.push(json!({
                    "session_id": session_id, "public_key": key.to_base64(), "blob": blob
                }));
            }
        }
        blobs
    }
}
