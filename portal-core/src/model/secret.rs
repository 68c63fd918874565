//! Texts that let somebody in: tokens, account keys, login codes.
//!
//! They are zeroed when dropped, say nothing in logs, and are written to JSON only by a reply that asks
//! for it by name. None is ever stored: rows keep hashes.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serializer};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A text that lets somebody in: a token, a key or a code. A reply shows it once, and only its hash is kept.
#[derive(Clone, Deserialize, JsonSchema, Zeroize, ZeroizeOnDrop)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// A secret, from its text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for whoever shows it once or checks it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Writes the text into a reply: for `serialize_with`, so that no reply shows a secret by accident.
    pub(crate) fn reveal<S: Serializer>(secret: &Self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&secret.0)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_says_nothing_in_logs() {
        assert_eq!(format!("{:?}", Secret::new("open sesame")), "Secret(..)");
    }
}
