//! What several of these tests need: randomness that is known, and envelopes taken apart.

use std::sync::Mutex;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portal_core::e2ee::{Ctx, Envelope, PublicKey, RoomKey, SecretKey, Who};
use portal_core::random::Random;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

/// Yields exactly the bytes of a vector, and panics if asked for others.
pub(crate) struct Given(Mutex<Vec<u8>>);

impl Given {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        Self(Mutex::new(bytes.to_vec()))
    }
}

impl Random for Given {
    fn fill(&self, bytes: &mut [u8]) {
        let mut given = self.0.lock().unwrap();
        assert!(
            given.len() >= bytes.len(),
            "more randomness was asked for than was given"
        );
        let rest = given.split_off(bytes.len());
        bytes.copy_from_slice(&std::mem::replace(&mut *given, rest));
    }
}

/// The same bytes in every run with the same seed.
pub(crate) struct Seeded(Mutex<StdRng>);

impl Seeded {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Mutex::new(StdRng::seed_from_u64(seed)))
    }
}

impl Random for Seeded {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.lock().unwrap().fill_bytes(bytes);
    }
}

/// A chat, epoch and sender with ids far apart, so that two swapped ones fail.
pub(crate) fn who() -> Who {
    ctx().sender(1_000_003).unwrap()
}

pub(crate) fn ctx() -> Ctx {
    Ctx::new(70_007, 12).unwrap()
}

pub(crate) fn room_key(bytes: &[u8; 32]) -> RoomKey {
    RoomKey::from_base64(&STANDARD.encode(bytes)).unwrap()
}

pub(crate) fn secret_key(bytes: &[u8; 32]) -> SecretKey {
    SecretKey::from_base64(&STANDARD.encode(bytes)).unwrap()
}

pub(crate) fn public_key(text: &str) -> PublicKey {
    PublicKey::from_base64(text).unwrap()
}

pub(crate) fn b64(bytes: impl AsRef<[u8]>) -> String {
    STANDARD.encode(bytes)
}

pub(crate) fn bytes(text: &str) -> Vec<u8> {
    STANDARD.decode(text).unwrap()
}

/// An envelope around any bytes, as somebody else would write it.
pub(crate) fn envelope(v: u8, epoch: u64, ct: &[u8]) -> String {
    format!(r#"{{"v":{v},"epoch":{epoch},"ct":"{}"}}"#, b64(ct))
}

/// The same envelope with something done to its ciphertext.
pub(crate) fn altered(text: &str, alter: impl FnOnce(&mut Vec<u8>)) -> String {
    let parsed = Envelope::parse(text).unwrap();
    let mut ct = parsed.decode().unwrap();
    alter(&mut ct);
    envelope(parsed.suite().number(), parsed.epoch(), &ct)
}

pub(crate) fn flip(bytes: &mut [u8], bit: usize) {
    bytes[bit / 8] ^= 1 << (bit % 8);
}
