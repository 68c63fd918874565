//! What can go wrong, as the encryption sees it.
//!
//! The library's public list of errors (SPEC 13) is elsewhere and is made from [`Error::code`].
//! No variant may carry key material, plaintext or ciphertext: errors end up in logs.

/// The answer of everything here that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why something was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It does not open. One answer for a wrong key, changed bytes, another chat, epoch or sender,
    /// bad padding, bad text, a failed key check: which it was is nobody's business (e2ee-bytes.md 4).
    #[error("this cannot be decrypted with the key at hand")]
    Decrypt,
    /// A plaintext that would not fit an envelope (e2ee-bytes.md 3, 4).
    #[error("the text is longer than {max} bytes")]
    TooLong {
        /// The most bytes of UTF-8 this suite seals.
        max: usize,
    },
    /// Not a key: wrong length, base64 that is not canonical, or a public key of small order
    /// (e2ee-bytes.md 1, SPEC 8.3).
    #[error("{what} is not a valid key")]
    InvalidKey {
        /// Which one: `public_key`, `secret_key`, `room_key`, `key_check` or `disclosure`.
        what: &'static str,
    },
    /// A blob that cannot be one: wrong length for its suite, or base64 that is not canonical
    /// (SPEC 8.5).
    #[error("the blob is not {bytes} bytes in canonical base64")]
    InvalidBlob {
        /// How many bytes a blob of that suite has.
        bytes: usize,
    },
    /// A number outside 1 to 2^53-1.
    #[error("{what} is not between 1 and 9007199254740991")]
    OutOfRange {
        /// Which one: `chat_id`, `epoch`, `sender_id` or `user_id`.
        what: &'static str,
    },
    /// Not an envelope (SPEC 6.1).
    #[error("the envelope is not valid: {what}")]
    InvalidEnvelope {
        /// What is wrong with it, as the end of a sentence.
        what: &'static str,
    },
    /// Suite 2 has no way to prove to a third person what a message said (e2ee-bytes.md 6).
    #[error("a message of suite 2 cannot be disclosed")]
    NoDisclosure,
    /// What a keyring was given is not what it should be.
    #[error("{what} is not valid: {why}")]
    Malformed {
        /// Which of the things given, or which field within it.
        what: &'static str,
        /// What is wrong with it, as the end of a sentence.
        why: &'static str,
    },
    /// A keyring does not hold the room key that this needs.
    #[error("the room key of that chat and epoch is not here")]
    NoRoomKey,
}

impl Error {
    /// The name of the error in the library's public list: `ERR_DECRYPT`, `ERR_ENVELOPE_INVALID`,
    /// `ERR_NO_ROOM_KEY` or `ERR_INVALID` (SPEC 13).
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Decrypt => "ERR_DECRYPT",
            Self::InvalidEnvelope { .. } => "ERR_ENVELOPE_INVALID",
            Self::NoRoomKey => "ERR_NO_ROOM_KEY",
            Self::TooLong { .. }
            | Self::InvalidKey { .. }
            | Self::InvalidBlob { .. }
            | Self::OutOfRange { .. }
            | Self::NoDisclosure
            | Self::Malformed { .. } => "ERR_INVALID",
        }
    }

    /// The name of the bad field, for the errors whose code is `ERR_INVALID` (SPEC 13.1).
    pub const fn field(&self) -> Option<&'static str> {
        match self {
            Self::Decrypt | Self::InvalidEnvelope { .. } | Self::NoRoomKey => None,
            Self::TooLong { .. } => Some("plaintext"),
            Self::InvalidKey { what }
            | Self::OutOfRange { what }
            | Self::Malformed { what, .. } => Some(what),
            Self::InvalidBlob { .. } => Some("blob"),
            Self::NoDisclosure => Some("disclosure"),
        }
    }
}
