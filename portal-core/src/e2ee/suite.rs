//! The two suites a chat can speak, and the lengths that each allows.

use super::encoding;
use super::error::{Error, Result};
use super::{suite2, suite3};

/// How a chat encrypts, fixed when it is made (e2ee-bytes.md). The number is the chat's `e2ee` and an
/// envelope's `v`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Suite {
    /// `NaCl`'s box and secretbox: the protocol of clients that exist (e2ee-bytes.md 3).
    Two,
    /// The default: bound to chat, epoch and sender, padded, with disclosure (e2ee-bytes.md 4-6).
    Three,
}

impl Suite {
    /// The suite of a number; `None` for any but 2 and 3.
    pub const fn from_number(number: u64) -> Option<Self> {
        match number {
            2 => Some(Self::Two),
            3 => Some(Self::Three),
            _ => None,
        }
    }

    /// 2 or 3.
    pub const fn number(self) -> u8 {
        match self {
            Self::Two => 2,
            Self::Three => 3,
        }
    }

    /// The most bytes of UTF-8 a message may have: 3002 or 2943, what fits an envelope at any epoch.
    pub const fn max_plaintext(self) -> usize {
        match self {
            Self::Two => suite2::MAX_PLAINTEXT_BYTES,
            Self::Three => suite3::MAX_PLAINTEXT_BYTES,
        }
    }

    /// How many bytes a wrapped room key has, before base64: 72 or 80 (SPEC 8.5).
    pub const fn blob_bytes(self) -> usize {
        match self {
            Self::Two => suite2::BLOB_BYTES,
            Self::Three => suite3::BLOB_BYTES,
        }
    }

    /// Whether this could be a wrapped room key: canonical base64 of exactly the right length
    /// (SPEC 8.5). This is all a server can know; it decodes and allocates nothing.
    ///
    /// # Errors
    /// `ERR_INVALID` naming `blob`.
    pub fn check_blob(self, blob: &str) -> Result<()> {
        let bytes = self.blob_bytes();
        if encoding::decoded_len(blob.as_bytes()) == Some(bytes) {
            Ok(())
        } else {
            Err(Error::InvalidBlob { bytes })
        }
    }

    /// Whether a `ct` of so many bytes, before base64, can be a message (e2ee-bytes.md 3, 4).
    pub(super) const fn allows_ct(self, bytes: usize) -> bool {
        match self {
            Self::Two => bytes >= suite2::MIN_CT_BYTES,
            Self::Three => bytes >= suite3::MIN_CT_BYTES && bytes.is_multiple_of(suite3::STEP),
        }
    }
}
