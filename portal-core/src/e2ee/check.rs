//! The key check: how a receiver knows that it unwrapped the same room key as everybody else.

use subtle::ConstantTimeEq as _;

use super::bind::Ctx;
use super::encoding;
use super::error::{Error, Result};
use super::kdf::hkdf;
use super::keys::RoomKey;
use super::suite::Suite;

/// 16 bytes that belong to one room key in one chat and epoch, published once (e2ee-bytes.md 2). Not a
/// secret: the key cannot be found from it.
#[derive(Debug, Clone, Copy)]
pub struct KeyCheck([u8; 16]);

impl KeyCheck {
    /// The check of a key.
    pub fn of(suite: Suite, ctx: Ctx, key: &RoomKey) -> Self {
        let label: &[u8] = match suite {
            Suite::Two => b"portal/2 check",
            Suite::Three => b"portal/3 check",
        };
        let mut check = [0; 16];
        hkdf(key.bytes(), &[label, &ctx.to_bytes()], &mut check);
        Self(check)
    }

    /// Reads 16 bytes of canonical base64.
    ///
    /// # Errors
    /// `ERR_INVALID` naming `key_check`.
    pub fn from_base64(text: &str) -> Result<Self> {
        encoding::decode_exact::<16>(text)
            .map(|bytes| Self(*bytes))
            .ok_or(Error::InvalidKey { what: "key_check" })
    }

    /// Takes the 16 bytes as they are.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The 16 bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Canonical base64, 24 characters.
    pub fn to_base64(&self) -> String {
        encoding::encode(&self.0)
    }

    /// Refuses a room key that is not the epoch's. The receiver then calls `keys.reject` (SPEC 8.6).
    ///
    /// # Errors
    /// `ERR_DECRYPT`.
    pub fn verify(&self, suite: Suite, ctx: Ctx, key: &RoomKey) -> Result<()> {
        if *self == Self::of(suite, ctx, key) {
            Ok(())
        } else {
            Err(Error::Decrypt)
        }
    }
}

// In constant time, because one side may have been computed from a key that is still secret.
impl PartialEq for KeyCheck {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for KeyCheck {}
