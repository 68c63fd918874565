//! Keys, each a type of its own.
//!
//! Secret ones are wiped when dropped, compare in constant time, print as `[redacted]`, and
//! implement no serialisation: storing one takes a call that says so. They are not `Clone`, so a
//! copy is something somebody wrote down.
//!
//! The surprise: a secret lives in a box. Moving a plain array leaves its bytes behind on the
//! stack, where no drop ever wipes them.

use std::borrow::Borrow;
use std::fmt;

use subtle::ConstantTimeEq as _;
use x25519_dalek::StaticSecret;
use zeroize::{Zeroize as _, Zeroizing};

use super::encoding;
use super::error::{Error, Result};
use super::kdf::hkdf;
use crate::random::Random;

/// What every secret key is made of.
pub(super) struct Secret(Box<[u8; 32]>);

impl Secret {
    /// Runs `fill` on the memory that will hold the secret.
    pub(super) fn new(fill: impl FnOnce(&mut [u8; 32])) -> Self {
        let mut secret = Self(Box::new([0; 32]));
        fill(&mut secret.0);
        secret
    }

    pub(super) fn from_base64(text: &str, what: &'static str) -> Result<Self> {
        let bytes = encoding::decode_exact::<32>(text).ok_or(Error::InvalidKey { what })?;
        Ok(Self::new(|secret| secret.copy_from_slice(&*bytes)))
    }

    fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self::new(|secret| secret.copy_from_slice(bytes))
    }

    pub(super) fn to_base64(&self) -> Zeroizing<String> {
        Zeroizing::new(encoding::encode(&*self.0))
    }

    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&*other.0).into()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// A session's X25519 secret key, 32 bytes, with the public key that belongs to it (e2ee-bytes.md 1).
#[derive(Debug, PartialEq, Eq)]
pub struct SecretKey {
    secret: Secret,
    public: PublicKey,
}

impl SecretKey {
    /// A new key, from 32 random bytes.
    pub fn generate(random: &dyn Random) -> Self {
        Self::with(Secret::new(|bytes| random.fill(bytes)))
    }

    /// Takes 32 bytes from where a host keeps them; wiping those is the host's.
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self::with(Secret::from_bytes(bytes))
    }

    /// Reads what [`Self::to_base64`] wrote.
    ///
    /// # Errors
    /// `ERR_INVALID` naming `secret_key` if it is not 32 bytes in canonical base64.
    pub fn from_base64(text: &str) -> Result<Self> {
        Ok(Self::with(Secret::from_base64(text, "secret_key")?))
    }

    /// The secret, for a host that keeps it somewhere safe; wiped when dropped.
    pub fn to_base64(&self) -> Zeroizing<String> {
        self.secret.to_base64()
    }

    /// The 32 bytes, for a host that keeps them somewhere safe.
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.secret.bytes()
    }

    /// The public key that belongs to it: the one thing to show to a server.
    pub const fn public_key(&self) -> &PublicKey {
        &self.public
    }

    pub(super) fn bytes(&self) -> &[u8; 32] {
        self.secret.bytes()
    }

    fn with(secret: Secret) -> Self {
        let scalar = StaticSecret::from(*secret.bytes());
        // Never of small order: a clamped scalar is no multiple of the base point's order.
        let public = PublicKey(x25519_dalek::PublicKey::from(&scalar).to_bytes());
        Self { secret, public }
    }
}

/// A session's X25519 public key, 32 bytes that are not a point of small order (SPEC 8.3).
///
/// Prints as canonical base64. Ordered as unsigned bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// Checks 32 bytes. Costs one X25519 operation, some tens of microseconds.
    ///
    /// # Errors
    /// `ERR_INVALID` naming `public_key` for a point of small order, zero among them: with such a
    /// key everybody knows the shared secret.
    pub fn from_bytes(bytes: [u8; 32]) -> Result<Self> {
        // A clamped scalar is a multiple of eight, so it takes exactly the points of small order
        // to zero, in whatever encoding they come. Asking the curve beats a list of encodings.
        let any = StaticSecret::from([0x42; 32]);
        if any.diffie_hellman(&bytes.into()).was_contributory() {
            Ok(Self(bytes))
        } else {
            Err(Error::InvalidKey { what: "public_key" })
        }
    }

    /// Reads 32 bytes of canonical base64 and checks them as [`Self::from_bytes`] does.
    ///
    /// # Errors
    /// `ERR_INVALID` naming `public_key`.
    pub fn from_base64(text: &str) -> Result<Self> {
        let bytes =
            encoding::decode_exact::<32>(text).ok_or(Error::InvalidKey { what: "public_key" })?;
        Self::from_bytes(*bytes)
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Canonical base64, 44 characters.
    pub fn to_base64(&self) -> String {
        encoding::encode(&self.0)
    }
}

// Equal and ordered as its bytes are, so that one can be looked for before it is checked.
impl Borrow<[u8; 32]> for PublicKey {
    fn borrow(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_base64())
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

/// The key of one chat's epoch, 32 bytes that every holder shares (e2ee-bytes.md 1).
#[derive(Debug, PartialEq, Eq)]
pub struct RoomKey(Secret);

impl RoomKey {
    /// A new key, from 32 random bytes. Every epoch takes a new one.
    pub fn generate(random: &dyn Random) -> Self {
        Self(Secret::new(|bytes| random.fill(bytes)))
    }

    /// Takes 32 bytes from where a host keeps them; wiping those is the host's.
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(Secret::from_bytes(bytes))
    }

    /// Reads what [`Self::to_base64`] wrote.
    ///
    /// # Errors
    /// `ERR_INVALID` naming `room_key` if it is not 32 bytes in canonical base64.
    pub fn from_base64(text: &str) -> Result<Self> {
        Secret::from_base64(text, "room_key").map(Self)
    }

    /// The secret, for a host that keeps it somewhere safe; wiped when dropped.
    pub fn to_base64(&self) -> Zeroizing<String> {
        self.0.to_base64()
    }

    /// The 32 bytes, for a host that keeps them somewhere safe.
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.bytes()
    }

    pub(super) fn new(fill: impl FnOnce(&mut [u8; 32])) -> Self {
        Self(Secret::new(fill))
    }

    pub(super) fn bytes(&self) -> &[u8; 32] {
        self.0.bytes()
    }

    /// By which the key is known again when it is not here any more. It opens nothing and says nothing of the key.
    pub(super) fn mark(&self) -> KeyMark {
        let mut mark = [0; 16];
        hkdf(self.bytes(), &[b"portal key mark"], &mut mark);
        mark
    }
}

/// Of a room key, see [`RoomKey::mark`].
pub(super) type KeyMark = [u8; 16];

/// The key of one suite 3 message and of nothing else: what a reader reveals to report it
/// (e2ee-bytes.md 6).
#[derive(Debug, PartialEq, Eq)]
pub struct MessageKey(Secret);

impl MessageKey {
    /// Reads a disclosure as it came with a report.
    ///
    /// # Errors
    /// `ERR_INVALID` naming `disclosure` if it is not 32 bytes in canonical base64.
    pub fn from_base64(text: &str) -> Result<Self> {
        Secret::from_base64(text, "disclosure").map(Self)
    }

    /// The disclosure to put into a report; wiped when dropped.
    pub fn to_base64(&self) -> Zeroizing<String> {
        self.0.to_base64()
    }

    pub(super) fn new(fill: impl FnOnce(&mut [u8; 32])) -> Self {
        Self(Secret::new(fill))
    }

    pub(super) fn bytes(&self) -> &[u8; 32] {
        self.0.bytes()
    }
}
