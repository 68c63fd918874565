//! The keyring: what a client knows of keys, and what it has to do about them (e2ee-bytes.md 8, SPEC 8.3 to 8.6a).
//!
//! Events and replies go in, requests come out. It does no I/O, starts nothing, and reads neither clock nor random
//! source: time and randomness are given with every call, so the same inputs give the same requests. It must not trust
//! the server with anything but delivery.
//!
//! The surprise: it is told of a room by the reply of `room.join`, handed in as an event of that name. Nothing else says
//! with authority that this session sits there, and in which suite.
//!
//! # Example
//!
//! A host's whole loop: hand in what happens, call what is asked for, hand in what was answered.
//!
//! ```
//! use portal_core::e2ee::keyring::{Answer, Keyring, Options, Step};
//! use portal_core::e2ee::SecretKey;
//! use portal_core::random::SystemRandom;
//! use portal_core::{Actor, Portal, ops};
//!
//! fn carry_out(portal: &Portal, actor: &Actor, keyring: &mut Keyring, mut step: Step) {
//!     while !step.requests.is_empty() {
//!         for request in std::mem::take(&mut step.requests) {
//!             let now = portal.now().as_millis();
//!             let reply = portal.call_json(actor, request.op, &request.params.to_string());
//!             let next = match &reply {
//!                 Ok(document) => keyring.reply(request.id, Answer::Done(document), now, &SystemRandom),
//!                 Err(error) => {
//!                     let details = serde_json::to_string(error).unwrap();
//!                     let answer = Answer::Refused { code: error.kind().code(), details: &details };
//!                     keyring.reply(request.id, answer, now, &SystemRandom)
//!                 }
//!             };
//!             step.requests.extend(next.unwrap().requests);
//!         }
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let portal = Portal::open(folder.path().join("portal.db"), portal_core::Options {
//! #     presence: true, ..Default::default() })?;
//! # let json = |name, params: &str| -> Result<serde_json::Value, Box<dyn std::error::Error>> {
//! #     Ok(serde_json::from_str(&portal.call_json(&Actor::operator(), name, params)?)?) };
//! # let ana = json("user.create", r#"{"username": "ana", "role": "admin"}"#)?["user_id"].as_i64().unwrap();
//! # let chat = json("chat.create", &format!(r#"{{"chat_type": "OFFICIAL", "name": "Lobby", "owner_id": {ana}}}"#))?;
//! # let chat_id = chat["id"].as_u64().unwrap();
//! # let session = json("session.create", &format!(r#"{{"user_id": {ana}}}"#))?["session_id"].as_i64().unwrap();
//! # let connection = portal.connect(&Actor::session(session.try_into()?))?;
//! # let actor = Actor::connection(connection);
//! # let (user_id, session_id) = (ana.unsigned_abs(), session.unsigned_abs());
//! let options = Options::new(user_id, session_id, SecretKey::generate(&SystemRandom));
//! let mut keyring = Keyring::new(options)?;
//!
//! let now = portal.now().as_millis();
//! let joined = portal.call_json(&actor, "room.join", &format!(r#"{{"chat_id": {chat_id}}}"#))?;
//! let step = keyring.event("room.join", &joined, now, &SystemRandom)?;
//! carry_out(&portal, &actor, &mut keyring, step);
//!
//! let envelope = keyring.seal(chat_id, "hello", &SystemRandom)?;
//! # let content = serde_json::json!({ "chat_id": chat_id, "content": envelope }).to_string();
//! # portal.call_json(&actor, "message.send", &content)?;
//! assert_eq!(keyring.open(chat_id, 1, user_id, &envelope)?, "hello");
//! # Ok(())
//! # }
//! ```

mod chat;
mod events;
mod look;
mod people;
mod publish;
mod replays;
mod replies;
mod sealed;
mod step;
mod wire;

use std::collections::BTreeMap;

use serde::Serialize;

use self::chat::{Chat, Held};
use self::people::{Known, People};
pub use self::people::{OnKey, Policy, Trust};
use self::replays::Reading;
use self::replies::Asked;
pub use self::step::{Alarm, Answer, Meeting, NewKey, Request, Step};
use self::step::{Turn, as_base64};
use super::bind::in_range;
use super::envelope::Envelope;
use super::error::{Error, Result};
use super::fingerprint::fingerprint;
use super::keys::{MessageKey, PublicKey, SecretKey};
use crate::random::Random;

/// So many chats are known, those that are over included.
const MOST_CHATS: usize = 4_096;

/// So many requests are under way at once.
const MOST_REQUESTS: usize = 4_096;

/// How the session's own key stands among its user's.
const OWN_KEY: Known = Known {
    first_seen_ms: 0,
    trust: Trust::Accepted,
    is_first: true,
};

/// Whose a keyring is, and whom it trusts.
#[derive(Debug)]
pub struct Options {
    /// The user.
    pub user_id: u64,
    /// The session.
    pub session_id: u64,
    /// That session's secret key.
    pub secret: SecretKey,
    /// Whom to trust without asking.
    pub policy: Policy,
}

impl Options {
    /// With the default policy: accept on first use, ask on change.
    pub fn new(user_id: u64, session_id: u64, secret: SecretKey) -> Self {
        Self {
            user_id,
            session_id,
            secret,
            policy: Policy::default(),
        }
    }
}

/// The keys of one session: its own, the rooms', and those of the people it met.
///
/// Everything secret in it is wiped when it is dropped.
pub struct Keyring {
    user_id: u64,
    session_id: u64,
    secret: SecretKey,
    policy: Policy,
    people: People,
    chats: BTreeMap<u64, Chat>,
    requests: BTreeMap<u64, Asked>,
    next_request: u64,
    registration: Registration,
    /// What the call under way comes to. Kept here, so that a host's random source that panics loses nothing of it: the
    /// next call answers it.
    step: Step,
}

/// Whether the server knows our public key.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Registration {
    /// Not before this time.
    Due(i64),
    Asked,
    Done,
}

/// Somebody whom a room key was wrapped for: who can read that epoch, as far as this keyring is concerned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reader {
    /// The user it was said to be.
    pub user_id: u64,
    /// The session it was said to be.
    pub session_id: u64,
    /// The key it was wrapped for; whoever has its secret reads the epoch.
    #[serde(serialize_with = "as_base64")]
    pub public_key: PublicKey,
    /// The digits to compare with that person.
    pub fingerprint: String,
    /// When the key was first seen, in milliseconds; none if the host had it forgotten.
    pub first_seen_ms: Option<i64>,
    /// When the room key was first wrapped for it, in milliseconds.
    pub wrapped_at_ms: i64,
}

/// A key that was seen of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Person {
    /// The user.
    pub user_id: u64,
    /// The key.
    #[serde(serialize_with = "as_base64")]
    pub public_key: PublicKey,
    /// The digits to compare with that person.
    pub fingerprint: String,
    /// When it was first seen, in milliseconds.
    pub first_seen_ms: i64,
    /// How it stands.
    pub trust: Trust,
}

impl Keyring {
    /// A keyring that holds nothing yet but the session's own key.
    ///
    /// # Errors
    /// `ERR_INVALID` naming `user_id` or `session_id`.
    pub fn new(options: Options) -> Result<Self> {
        let Options {
            user_id,
            session_id,
            secret,
            policy,
        } = options;
        let mut people = People::default();
        // The own key is known from the start: another of the own user's is a further one.
        people.put(in_range(user_id, "user_id")?, *secret.public_key(), OWN_KEY);
        Ok(Self {
            user_id,
            session_id: in_range(session_id, "session_id")?,
            secret,
            policy,
            people,
            chats: BTreeMap::new(),
            requests: BTreeMap::new(),
            next_request: 1,
            registration: Registration::Due(i64::MIN),
            step: Step::default(),
        })
    }

    /// Takes in an event, as it is delivered to this session or as the log has it, with its data as JSON. Three more
    /// names are the host's: `room.join` with the reply of that operation, `room.leave` with a `chat_id` when this
    /// session has left a room, and `disconnected` when it is in no room any more. Names that do not matter to keys
    /// change nothing.
    ///
    /// # Errors
    /// `ERR_INVALID` naming `data` or the field in it; nothing is taken in then.
    pub fn event(
        &mut self,
        name: &str,
        data: &str,
        now_ms: i64,
        random: &dyn Random,
    ) -> Result<Step> {
        let mut turn = Turn::new(now_ms, random);
        self.take_event(name, data, &mut turn)?;
        Ok(self.end())
    }

    /// Takes in the answer to a request. One to a request that has lost its sense meanwhile changes nothing.
    ///
    /// # Errors
    /// `ERR_INVALID` naming `request_id` for one that was never made, or `document` or the field in it; the request
    /// then still waits for an answer, which can be that it was refused.
    pub fn reply(
        &mut self,
        request_id: u64,
        answer: Answer<'_>,
        now_ms: i64,
        random: &dyn Random,
    ) -> Result<Step> {
        let mut turn = Turn::new(now_ms, random);
        self.take_reply(request_id, answer, &mut turn)?;
        Ok(self.end())
    }

    /// Does what is due. The first call asks to register the session's key.
    pub fn tick(&mut self, now_ms: i64, random: &dyn Random) -> Step {
        let mut turn = Turn::new(now_ms, random);
        self.register(&mut turn);
        let is_due = |chat: &Chat| {
            let at = chat.seat.as_ref().and_then(|seat| seat.look_at);
            at.is_some_and(|at| at <= now_ms)
        };
        let due = self.chats.iter().filter(|(_, chat)| is_due(chat));
        for chat_id in due.map(|(chat_id, _)| *chat_id).collect::<Vec<_>>() {
            self.look(chat_id, &mut turn);
        }
        self.end()
    }

    /// The host has decided about a key that an alarm named, also one that was accepted or refused before. What waited
    /// for it goes on. A key that was trusted and is not any more keeps what was wrapped for it: renew the epoch
    /// (`key.renew`) or remove the person.
    ///
    /// # Errors
    /// `ERR_INVALID` naming `public_key` for a key that was not seen of this user.
    pub fn decide(
        &mut self,
        user_id: u64,
        public_key: &PublicKey,
        accept: bool,
        now_ms: i64,
        random: &dyn Random,
    ) -> Result<Step> {
        if !self.people.decide(user_id, public_key, accept) {
            return Err(Error::Malformed {
                what: "public_key",
                why: "this key was not seen of that user",
            });
        }
        let mut turn = Turn::new(now_ms, random);
        let waits = |chat: &Chat| {
            let seat = chat.seat.as_ref();
            seat.is_some_and(|seat| {
                seat.deciding == Some(*public_key) || seat.held_back.contains(public_key)
            })
        };
        let waiting = self.chats.iter().filter(|(_, chat)| waits(chat));
        for chat_id in waiting.map(|(chat_id, _)| *chat_id).collect::<Vec<_>>() {
            self.look(chat_id, &mut turn);
        }
        Ok(self.end())
    }

    /// Forgets every key of a user but the own session's; what comes next of them counts as new.
    pub fn forget_person(&mut self, user_id: u64) {
        self.people.forget(user_id);
        if user_id == self.user_id {
            let key = *self.secret.public_key();
            self.people.put(user_id, key, OWN_KEY);
        }
    }

    /// Forgets the keys of a chat's epochs before this one, for a host that knows that their messages are gone;
    /// the present epoch's key stays.
    pub fn forget_before(&mut self, chat_id: u64, epoch: u64) {
        if let Some(chat) = self.chats.get_mut(&chat_id) {
            chat.drop_before(epoch.min(chat.epoch));
        }
    }

    /// Seals a message for the chat's present epoch, the highest that was ever seen: an envelope for `message.send`.
    ///
    /// # Errors
    /// `ERR_NO_ROOM_KEY` while that epoch's key is not here; `ERR_INVALID` naming `plaintext` if it is too long.
    pub fn seal(&mut self, chat_id: u64, plaintext: &str, random: &dyn Random) -> Result<String> {
        let chat = self.chats.get_mut(&chat_id).ok_or(Error::NoRoomKey)?;
        let held = chat.current().ok_or(Error::NoRoomKey)?;
        held.cipher.seal(self.user_id, plaintext, random)
    }

    /// Opens a message: chat, id and sender as the server says, the envelope as it is stored. What was opened before
    /// opens again while its key is here, under the same id and with the same bytes only. Keys go when the chat is
    /// destroyed or cleared, and when this user is kicked, banned or leaves: a host that wants its history keeps the texts,
    /// or an earlier export.
    ///
    /// # Errors
    /// `ERR_NO_ROOM_KEY` if the key of its epoch is not here: perhaps it comes ([`Step::keys`]). `ERR_DECRYPT` for
    /// everything else.
    pub fn open(
        &mut self,
        chat_id: u64,
        message_id: u64,
        sender_id: u64,
        envelope: &str,
    ) -> Result<String> {
        let (held, reading) = self.reading(chat_id, message_id, sender_id, envelope)?;
        let plaintext = held.cipher.open(sender_id, envelope)?;
        held.replays.remember(reading);
        Ok(plaintext)
    }

    /// The key of one message, for `report.create` (e2ee-bytes.md 6). It opens that message and no other.
    ///
    /// # Errors
    /// As [`Self::open`]; `ERR_INVALID` naming `disclosure` in suite 2.
    pub fn disclose(
        &mut self,
        chat_id: u64,
        message_id: u64,
        sender_id: u64,
        envelope: &str,
    ) -> Result<MessageKey> {
        let (held, reading) = self.reading(chat_id, message_id, sender_id, envelope)?;
        let key = held.cipher.disclose(sender_id, envelope)?;
        held.replays.remember(reading);
        Ok(key)
    }

    /// Finds the key for a message and refuses one that is not what was read before.
    fn reading(
        &mut self,
        chat_id: u64,
        message_id: u64,
        sender_id: u64,
        envelope: &str,
    ) -> Result<(&mut Held, Reading)> {
        let parsed = Envelope::parse(envelope).map_err(|_| Error::Decrypt)?;
        let chat = self.chats.get_mut(&chat_id).ok_or(Error::NoRoomKey)?;
        if parsed.suite() != chat.suite {
            return Err(Error::Decrypt);
        }
        let held = chat.keys.get_mut(&parsed.epoch()).ok_or(Error::NoRoomKey)?;
        let reading = Reading::of(message_id, sender_id, &parsed)?;
        held.replays.check(&reading)?;
        Ok((held, reading))
    }

    /// For whom this keyring has wrapped the key of a chat's epoch, in the order of users and keys; nobody if it does
    /// not hold that key. Others who hold it may have wrapped it for others.
    pub fn sessions(&self, chat_id: u64, epoch: u64) -> Vec<Reader> {
        let chat = self.chats.get(&chat_id);
        let held = chat.and_then(|chat| chat.keys.get(&epoch));
        let reader = |((user_id, key), wrapped): (&(u64, PublicKey), &chat::Wrapped)| Reader {
            user_id: *user_id,
            session_id: wrapped.session_id,
            public_key: *key,
            fingerprint: fingerprint(self.public_key(), key),
            first_seen_ms: self
                .people
                .get(*user_id, key)
                .map(|known| known.first_seen_ms),
            wrapped_at_ms: wrapped.at_ms,
        };
        let wrapped = held.map(|held| held.wrapped.iter().map(reader));
        wrapped.into_iter().flatten().collect()
    }

    /// Every key that was seen of others, in the order of users and keys; those with [`Trust::Asked`] wait for
    /// [`Self::decide`].
    pub fn people(&self) -> Vec<Person> {
        let others = self
            .people
            .all()
            .filter(|(_, key, _)| key != self.public_key());
        others
            .map(|(user_id, public_key, known)| Person {
                user_id,
                public_key,
                fingerprint: fingerprint(self.public_key(), &public_key),
                first_seen_ms: known.first_seen_ms,
                trust: known.trust,
            })
            .collect()
    }

    /// The session's public key.
    pub const fn public_key(&self) -> &PublicKey {
        self.secret.public_key()
    }

    /// The highest epoch that was seen of a chat; none for a chat that is not known.
    pub fn epoch(&self, chat_id: u64) -> Option<u64> {
        self.chats.get(&chat_id).map(|chat| chat.epoch)
    }

    /// Whether a room key is held that opens messages of that chat and epoch.
    pub fn holds(&self, chat_id: u64, epoch: u64) -> bool {
        let chat = self.chats.get(&chat_id);
        chat.is_some_and(|chat| chat.keys.contains_key(&epoch))
    }

    /// The end of every call: when to come back.
    fn end(&mut self) -> Step {
        let mut step = std::mem::take(&mut self.step);
        let registration = match self.registration {
            Registration::Due(at) if self.chats.values().any(|chat| chat.seat.is_some()) => {
                Some(at)
            }
            _ => None,
        };
        let seats = self.chats.values().filter_map(|chat| chat.seat.as_ref());
        let looks = seats.filter_map(|seat| seat.look_at);
        step.wake_at_ms = looks.chain(registration).min();
        step
    }
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Keyring");
        shown.field("user_id", &self.user_id);
        shown.field("session_id", &self.session_id);
        shown.field("chats", &self.chats.len());
        shown.finish_non_exhaustive()
    }
}
