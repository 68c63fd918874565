//! Export and import: everything a keyring knows, sealed under a key of the host's.
//!
//! `base64("portal keyring" ‖ version ‖ nonce 12 ‖ AES-256-GCM(key, nonce, aad = what stands before the nonce, state))`,
//! the state being JSON. What is under way is not part of it: a new process joins its rooms anew.
//!
//! The surprise: secrets are borrowed from the text when it is read, and the text grows into memory that is wiped, so
//! that no copy of a key stays behind.

use std::io::{self, Write};

use aes_gcm::{AeadInOut as _, Aes256Gcm, KeyInit as _};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::chat::{Chat, Held, Left, Wrapped};
use super::people::{Known, People, Trust};
use super::replays::Replays;
use super::{Keyring, Options, Policy};
use crate::e2ee::bind::Ctx;
use crate::e2ee::check::KeyCheck;
use crate::e2ee::encoding;
use crate::e2ee::error::{Error, Result};
use crate::e2ee::keys::{KeyMark, PublicKey, RoomKey, SecretKey};
use crate::e2ee::room::RoomCipher;
use crate::e2ee::suite::Suite;
use crate::random::Random;

const MAGIC: &[u8; 14] = b"portal keyring";
const VERSION: u8 = 1;
const HEADER: usize = MAGIC.len() + 1;
const NONCE: usize = 12;
const TAG: usize = 16;
const MARK_ROW: usize = 8 + size_of::<KeyMark>();

/// The state as it is written. Secrets are base64, borrowed from where they are wiped.
#[derive(Serialize, Deserialize)]
struct State<'a> {
    user_id: u64,
    session_id: u64,
    secret_key: &'a str,
    people: Vec<PersonState<'a>>,
    chats: Vec<ChatState<'a>>,
}

#[derive(Serialize, Deserialize)]
struct PersonState<'a> {
    user_id: u64,
    #[serde(borrow)]
    public_key: Text<'a>,
    first_seen_ms: i64,
    trust: Trust,
    is_first: bool,
}

#[derive(Serialize, Deserialize)]
struct ChatState<'a> {
    id: u64,
    e2ee: u8,
    epoch: u64,
    #[serde(borrow)]
    keys: Vec<KeyState<'a>>,
    /// Rows of 24 bytes: the epoch, and the mark of a key that was here.
    #[serde(borrow)]
    former: Text<'a>,
    #[serde(borrow)]
    left: Option<LeftState<'a>>,
}

/// What is left of the present epoch's key.
#[derive(Serialize, Deserialize)]
struct LeftState<'a> {
    #[serde(borrow)]
    mark: Text<'a>,
    #[serde(borrow)]
    messages: Option<Text<'a>>,
}

#[derive(Serialize, Deserialize)]
struct KeyState<'a> {
    epoch: u64,
    room_key: &'a str,
    #[serde(borrow)]
    key_check: Option<Text<'a>>,
    is_published: bool,
    #[serde(borrow)]
    wrapped: Vec<WrappedState<'a>>,
    #[serde(borrow)]
    messages: Text<'a>,
}

#[derive(Serialize, Deserialize)]
struct WrappedState<'a> {
    user_id: u64,
    session_id: u64,
    #[serde(borrow)]
    public_key: Text<'a>,
    at_ms: i64,
}

/// A text that is no secret.
type Text<'a> = std::borrow::Cow<'a, str>;

impl Keyring {
    /// Everything the keyring knows, the session's secret key included, sealed under `key`: base64. Whoever has both
    /// reads what the session can read. Keep a new export before a step's requests are called, or a key that was
    /// published may be lost with the process.
    ///
    /// # Errors
    /// `ERR_INVALID` naming `keyring` if it is too large to seal, gigabytes.
    pub fn export(&self, key: &[u8; 32], random: &dyn Random) -> Result<String> {
        const TOO_LARGE: Error = Error::Malformed {
            what: "keyring",
            why: "it is too large to be sealed",
        };
        let secret_key = self.secret.to_base64();
        let room_keys: Vec<Vec<_>> = self
            .chats
            .values()
            .map(|chat| {
                let held = chat.keys.values();
                held.map(|held| held.cipher.room_key().to_base64())
                    .collect()
            })
            .collect();
        let chats = self.chats.iter().zip(&room_keys);
        let state = State {
            user_id: self.user_id,
            session_id: self.session_id,
            secret_key: &secret_key,
            people: self.people.all().map(person).collect(),
            chats: chats
                .map(|((id, chat), keys)| chat_state(*id, chat, keys))
                .collect(),
        };
        let mut text = Wiped::new();
        text.write_all(MAGIC).map_err(|_| TOO_LARGE)?;
        text.write_all(&[VERSION]).map_err(|_| TOO_LARGE)?;
        let mut nonce = [0; NONCE];
        random.fill(&mut nonce);
        text.write_all(&nonce).map_err(|_| TOO_LARGE)?;
        serde_json::to_writer(&mut text, &state).map_err(|_| TOO_LARGE)?;
        let mut bytes = text.0;
        let (head, plain) = bytes.split_at_mut(HEADER + NONCE);
        let tag = Aes256Gcm::new(key.into())
            .encrypt_inout_detached(&nonce.into(), &head[..HEADER], plain.into())
            .map_err(|_| TOO_LARGE)?;
        // What was in the clear is ciphertext now, where it lay.
        bytes.extend_from_slice(&tag);
        Ok(encoding::encode(&bytes))
    }

    /// Reads what [`Self::export`] wrote. Its session may have ended and another taken its place: `session_id` is the
    /// one that the keyring is for now. Join the rooms anew.
    ///
    /// # Errors
    /// `ERR_DECRYPT` for another key or a text that is damaged; `ERR_INVALID` naming `sealed` for another version,
    /// `user_id` if it is another user's, or `session_id`.
    pub fn import(
        sealed: &str,
        key: &[u8; 32],
        user_id: u64,
        session_id: u64,
        policy: Policy,
    ) -> Result<Self> {
        let mut bytes = Zeroizing::new(encoding::decode(sealed).ok_or(Error::Decrypt)?);
        let (head, rest) = bytes.split_at_mut_checked(HEADER).ok_or(Error::Decrypt)?;
        if head[..MAGIC.len()] != *MAGIC {
            return Err(Error::Decrypt);
        }
        if head[MAGIC.len()] != VERSION {
            return Err(Error::Malformed {
                what: "sealed",
                why: "another version of the library made it",
            });
        }
        let (nonce, rest) = rest
            .split_first_chunk_mut::<NONCE>()
            .ok_or(Error::Decrypt)?;
        let (plain, tag) = rest.split_last_chunk_mut::<TAG>().ok_or(Error::Decrypt)?;
        Aes256Gcm::new(key.into())
            .decrypt_inout_detached((&*nonce).into(), head, (&mut *plain).into(), (&*tag).into())
            .map_err(|_| Error::Decrypt)?;
        // Only who has the key could have written anything else; still nothing of it is believed unread.
        let state: State<'_> = serde_json::from_slice(plain).map_err(|_| Error::Decrypt)?;
        if state.user_id != user_id {
            return Err(Error::Malformed {
                what: "user_id",
                why: "the sealed keyring is another user's",
            });
        }
        let secret = SecretKey::from_base64(state.secret_key).map_err(|_| Error::Decrypt)?;
        let mut keyring = Self::new(Options {
            user_id,
            session_id,
            secret,
            policy,
        })?;
        keyring.restore(&state).map_err(|_| Error::Decrypt)?;
        Ok(keyring)
    }

    fn restore(&mut self, state: &State<'_>) -> Result<()> {
        for person in &state.people {
            let key = PublicKey::from_base64(&person.public_key)?;
            let known = Known {
                first_seen_ms: person.first_seen_ms,
                trust: person.trust,
                is_first: person.is_first,
            };
            self.people.put(person.user_id, key, known);
        }
        for chat in &state.chats {
            let restored = restored(chat, &self.people)?;
            self.chats.insert(chat.id, restored);
        }
        Ok(())
    }
}

fn person((user_id, key, known): (u64, PublicKey, Known)) -> PersonState<'static> {
    PersonState {
        user_id,
        public_key: key.to_base64().into(),
        first_seen_ms: known.first_seen_ms,
        trust: known.trust,
        is_first: known.is_first,
    }
}

fn chat_state<'a>(id: u64, chat: &Chat, room_keys: &'a [Zeroizing<String>]) -> ChatState<'a> {
    let wrapped = |((user_id, key), wrapped): (&(u64, PublicKey), &Wrapped)| WrappedState {
        user_id: *user_id,
        session_id: wrapped.session_id,
        public_key: key.to_base64().into(),
        at_ms: wrapped.at_ms,
    };
    let key = |((epoch, held), room_key): ((&u64, &Held), &'a Zeroizing<String>)| KeyState {
        epoch: *epoch,
        room_key,
        key_check: held.check.map(|check| check.to_base64().into()),
        is_published: held.is_published,
        wrapped: held.wrapped.iter().map(wrapped).collect(),
        messages: encoding::encode(&held.replays.to_bytes()).into(),
    };
    let left = |left: &Left| LeftState {
        mark: encoding::encode(&left.mark).into(),
        messages: left
            .replays
            .as_ref()
            .map(|replays| encoding::encode(&replays.to_bytes()).into()),
    };
    let row = |(epoch, mark): &(u64, KeyMark)| [&epoch.to_be_bytes()[..], mark].concat();
    let former: Vec<_> = chat.former.iter().map(row).collect();
    ChatState {
        id,
        e2ee: chat.suite.number(),
        epoch: chat.epoch,
        keys: chat.keys.iter().zip(room_keys).map(key).collect(),
        former: encoding::encode(&former.concat()).into(),
        left: chat.left.as_ref().map(left),
    }
}

fn restored(state: &ChatState<'_>, people: &People) -> Result<Chat> {
    let suite = Suite::from_number(state.e2ee.into()).ok_or(Error::Decrypt)?;
    let mut chat = Chat::new(suite, state.epoch);
    for key in &state.keys {
        let ctx = Ctx::new(state.id, key.epoch)?;
        let cipher = RoomCipher::new(suite, ctx, RoomKey::from_base64(key.room_key)?);
        let check = key.key_check.as_deref().map(KeyCheck::from_base64);
        let mut held = Held::new(cipher, check.transpose()?, key.is_published);
        for wrapped in &key.wrapped {
            let to = (
                wrapped.user_id,
                people.read(wrapped.user_id, &wrapped.public_key)?,
            );
            let made = Wrapped {
                session_id: wrapped.session_id,
                at_ms: wrapped.at_ms,
            };
            held.wrapped.insert(to, made);
        }
        held.replays = messages(&key.messages)?;
        chat.keep(key.epoch, held);
    }
    let former = encoding::decode(&state.former).ok_or(Error::Decrypt)?;
    let (rows, rest) = former.as_chunks::<MARK_ROW>();
    for row in rows {
        let (epoch, mark) = row.split_first_chunk::<8>().ok_or(Error::Decrypt)?;
        let mark = mark.try_into().map_err(|_| Error::Decrypt)?;
        chat.put_mark(u64::from_be_bytes(*epoch), mark);
    }
    if !rest.is_empty() {
        return Err(Error::Decrypt);
    }
    // After the keys: what is left belongs to one that is not here.
    if let Some(left) = &state.left {
        let mark = encoding::decode_exact::<16>(&left.mark).ok_or(Error::Decrypt)?;
        let replays = left.messages.as_deref().map(messages).transpose()?;
        chat.left = Some(Left {
            mark: *mark,
            replays,
        });
    }
    Ok(chat)
}

fn messages(text: &str) -> Result<Replays> {
    let rows = encoding::decode(text).ok_or(Error::Decrypt)?;
    Replays::from_bytes(&rows).ok_or(Error::Decrypt)
}

/// Memory that is wiped also where it has grown out of.
struct Wiped(Zeroizing<Vec<u8>>);

impl Wiped {
    fn new() -> Self {
        Self(Zeroizing::new(Vec::with_capacity(4096)))
    }
}

impl Write for Wiped {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // The tag's room is there already, so that adding it moves nothing.
        let needed = self.0.len() + bytes.len() + TAG;
        if needed > self.0.capacity() {
            let mut larger = Zeroizing::new(Vec::with_capacity(needed.max(self.0.capacity() * 2)));
            larger.extend_from_slice(&self.0);
            self.0 = larger;
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
