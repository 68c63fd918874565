//! Suite 3: the default (e2ee-bytes.md 4-6).
//!
//! Every message has a key of its own, made from the room key, the chat, the epoch, the sender and
//! a random salt. That is why the nonce can be constant, and why the server can neither move a
//! message nor put another name to it. This module must never use a message key for anything else.
//!
//! The surprise: a commitment to the message key stands before the ciphertext. AES-GCM alone lets
//! one ciphertext open under two keys; with the commitment, a disclosed key shows what readers saw.

mod blob;
mod padding;

use aes_gcm::aead::consts::U12;
use aes_gcm::aes::Aes256Enc;
use aes_gcm::{AeadInOut as _, AesGcm, KeyInit as _};
use zeroize::{Zeroize as _, Zeroizing};

pub use blob::{unwrap, wrap};

use super::bind::Who;
use super::encoding;
use super::envelope::{Envelope, Scanned};
use super::error::{Error, Result};
use super::kdf::{MacKey, hkdf};
use super::keys::{MessageKey, RoomKey, Secret};
use super::suite::Suite;
use crate::random::Random;

/// The most bytes of UTF-8 in a message: what fits an envelope at any epoch (e2ee-bytes.md 4).
pub const MAX_PLAINTEXT_BYTES: usize = 2943;

/// A wrapped room key before base64: HPKE's encapsulated key, key, tag.
pub const BLOB_BYTES: usize = 32 + 32 + TAG;

/// Salt, commitment and tag together are as long as one step of padding, so a whole ciphertext is
/// a multiple of it too.
pub(super) const STEP: usize = 64;
pub(super) const MIN_CT_BYTES: usize = SALT + COMMITMENT + STEP + TAG;

const SALT: usize = 16;
const COMMITMENT: usize = 32;
const TAG: usize = 16;
const COMMIT: &[u8] = b"portal/3 commit";
/// Constant, because no key is used twice.
const NONCE: [u8; 12] = [0; 12];

/// AES-256-GCM without AES's other direction, which GCM never takes and a key for each message would prepare for nothing.
type Cipher = AesGcm<Aes256Enc, U12>;

/// What one sender's messages in one chat and epoch are sealed with. Worth keeping: it costs as
/// much as a short message. [`super::RoomCipher`] keeps them.
#[derive(Debug)]
pub struct SenderKey {
    who: Who,
    key: Box<MacKey>,
}

impl SenderKey {
    /// Makes it from the room key of that chat and epoch.
    pub fn derive(key: &RoomKey, who: Who) -> Self {
        let info: [&[u8]; 2] = [b"portal/3 sender", &who.to_bytes()];
        let secret = Secret::new(|secret| hkdf(key.bytes(), &info, secret));
        let key = Box::new(MacKey::new(secret.bytes()));
        Self { who, key }
    }

    /// Whose messages, in which chat and epoch.
    pub const fn who(&self) -> Who {
        self.who
    }

    /// Seals a message: an envelope of suite 3, with a random salt.
    ///
    /// # Errors
    /// `ERR_INVALID` naming `plaintext` beyond [`MAX_PLAINTEXT_BYTES`].
    pub fn seal(&self, plaintext: &str, random: &dyn Random) -> Result<String> {
        const TOO_LONG: Error = Error::TooLong {
            max: MAX_PLAINTEXT_BYTES,
        };
        if plaintext.len() > MAX_PLAINTEXT_BYTES {
            return Err(TOO_LONG);
        }
        let padded = padding::padded_len(plaintext.len());
        let mut ct = vec![0; SALT + COMMITMENT + padded + TAG];
        let (salt, rest) = ct.split_at_mut(SALT);
        let (commitment, rest) = rest.split_at_mut(COMMITMENT);
        let (text, tag) = rest.split_at_mut(padded);

        random.fill(salt);
        let mut key = Zeroizing::new([0; 32]);
        self.key.mac(salt, &mut key);
        let key = MacKey::new(&key);
        commitment.copy_from_slice(&committed(&key));
        padding::pad(plaintext.as_bytes(), text);
        // Fails for lengths only, and they are right.
        let made = cipher(&key)
            .encrypt_inout_detached(&NONCE.into(), &self.who.to_bytes(), text.into())
            .map_err(|_| TOO_LONG)?;
        tag.copy_from_slice(&made);
        Ok(Envelope::write(Suite::Three, self.who.ctx().epoch(), &ct))
    }

    /// Opens a message of this sender, chat and epoch.
    ///
    /// # Errors
    /// `ERR_DECRYPT`.
    pub fn open(&self, envelope: &Envelope<'_>) -> Result<String> {
        self.open_scanned(envelope.into())
    }

    pub(super) fn open_scanned(&self, envelope: Scanned<'_>) -> Result<String> {
        let ct = ciphertext(self.who, envelope)?;
        let mut key = Zeroizing::new([0; 32]);
        self.key.mac(&ct[..SALT], &mut key);
        open(self.who, &key, ct)
    }

    /// The key of one message, to report it with. It opens that message and nothing else. The
    /// message has to open first: what cannot be read cannot be reported.
    ///
    /// # Errors
    /// `ERR_DECRYPT`.
    pub fn disclose(&self, envelope: &Envelope<'_>) -> Result<MessageKey> {
        let ct = ciphertext(self.who, envelope.into())?;
        let key = MessageKey::new(|key| self.key.mac(&ct[..SALT], key));
        // Opened to know that it can be; what it says is nobody's to keep.
        drop(Zeroizing::new(open(self.who, key.bytes(), ct)?));
        Ok(key)
    }
}

/// What a reported message says (e2ee-bytes.md 6). `who` is the stored row's chat, epoch and sender,
/// never the reporter's word; `key` is what the reporter disclosed. Drop the key afterwards.
///
/// # Errors
/// `ERR_DECRYPT` if the key is not this message's.
pub fn verify_disclosure(who: Who, envelope: &Envelope<'_>, key: &MessageKey) -> Result<String> {
    open(who, key.bytes(), ciphertext(who, envelope.into())?)
}

/// What a message commits to, of its message key.
fn committed(key: &MacKey) -> [u8; COMMITMENT] {
    let mut commitment = [0; COMMITMENT];
    key.mac(COMMIT, &mut commitment);
    commitment
}

fn cipher(key: &MacKey) -> Cipher {
    let mut secret = Zeroizing::new([0; 32]);
    key.mac(b"portal/3 key", &mut secret);
    Cipher::new((&*secret).into())
}

/// The bytes of an envelope that claims to be of this epoch, as long as a message is.
fn ciphertext(who: Who, envelope: Scanned<'_>) -> Result<Vec<u8>> {
    if envelope.suite() != Suite::Three || envelope.epoch() != who.ctx().epoch() {
        return Err(Error::Decrypt);
    }
    let ct = envelope.decode().ok_or(Error::Decrypt)?;
    if Suite::Three.allows_ct(ct.len()) {
        Ok(ct)
    } else {
        Err(Error::Decrypt)
    }
}

/// What a reader and a verifier of disclosures do alike.
fn open(who: Who, key: &[u8; 32], ct: Vec<u8>) -> Result<String> {
    // It is decrypted where it lies, and what it says leaves here in the same memory.
    let mut ct = Zeroizing::new(ct);
    let key = MacKey::new(key);
    let (head, rest) = ct.split_at_mut(SALT + COMMITMENT);
    if !key.verifies(COMMIT, &head[SALT..]) {
        return Err(Error::Decrypt);
    }
    let (text, tag) = rest.split_last_chunk_mut::<TAG>().ok_or(Error::Decrypt)?;
    cipher(&key)
        .decrypt_inout_detached(&NONCE.into(), &who.to_bytes(), text.into(), (&*tag).into())
        .map_err(|_| Error::Decrypt)?;
    let length = padding::unpad(text).ok_or(Error::Decrypt)?.len();
    ct.copy_within(SALT + COMMITMENT..SALT + COMMITMENT + length, 0);
    ct[length..].zeroize();
    ct.truncate(length);
    encoding::text(ct).ok_or(Error::Decrypt)
}
