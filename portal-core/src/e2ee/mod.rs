//! The client's side of the end-to-end encryption: keys, sealed messages, wrapped room keys.
//!
//! For hosts that are clients, and for the few questions a server asks of ciphertext: is this a
//! lawful envelope ([`Envelope::parse`], SPEC 6.1), is this a lawful blob ([`Suite::check_blob`],
//! SPEC 8.5), is this a usable public key ([`PublicKey`], SPEC 8.3), and what does a disclosed
//! message say ([`suite3::verify_disclosure`]). The bytes are fixed by e2ee-bytes.md.
//!
//! This module knows nothing of the rest of the library: no database, no clock, no network;
//! randomness is passed in. It writes no primitive of its own.
//!
//! The surprise: every failure to open something is the same [`Error::Decrypt`], whatever was
//! wrong with it. Telling an attacker which check failed would be help.
//!
//! # Example
//!
//! One member makes an epoch's key, wraps it for another, and a message travels.
//!
//! ```
//! use portal_core::e2ee::{Ctx, Delivery, RoomCipher, SecretKey, Suite};
//! use portal_core::random::SystemRandom;
//!
//! # fn main() -> portal_core::e2ee::Result<()> {
//! let (ana, ben) = (SecretKey::generate(&SystemRandom), SecretKey::generate(&SystemRandom));
//! let (ana_id, ben_id) = (1001, 2002);
//! let ctx = Ctx::new(7, 1)?;
//!
//! let mut at_ana = RoomCipher::generate(Suite::Three, ctx, &SystemRandom);
//! let check = at_ana.check();
//! let blob = at_ana.wrap(ben_id, ben.public_key(), &ana, &SystemRandom)?;
//! let envelope = at_ana.seal(ana_id, "hello", &SystemRandom)?;
//!
//! // The server passes on the blob, the check, Ana's public key and the envelope.
//! let delivery = Delivery { blob: &blob, sender: ana.public_key(), check: Some(&check) };
//! let mut at_ben = RoomCipher::unwrap(Suite::Three, ctx, &delivery, ben_id, &ben)?;
//! assert_eq!(at_ben.open(ana_id, &envelope)?, "hello");
//! # Ok(())
//! # }
//! ```

mod bind;
mod check;
mod encoding;
mod envelope;
mod error;
mod fingerprint;
mod kdf;
pub mod keyring;
mod keys;
mod room;
mod suite;
pub mod suite2;
pub mod suite3;

pub use bind::{Ctx, MAX_NUMBER, Who};
pub use check::KeyCheck;
pub use envelope::{Envelope, MAX_ENVELOPE_BYTES};
pub use error::{Error, Result};
pub use fingerprint::fingerprint;
pub use keys::{MessageKey, PublicKey, RoomKey, SecretKey};
pub use room::{Delivery, RoomCipher};
pub use suite::Suite;
