//! The digits two people compare over another channel.

use std::fmt::Write as _;

use super::kdf::hkdf;
use super::keys::PublicKey;

/// The fingerprint of two sessions' public keys: 12 groups of 5 digits with a space between, the
/// same from either side (e2ee-bytes.md 7). Equal digits on both screens mean that nobody stands between.
pub fn fingerprint(a: &PublicKey, b: &PublicKey) -> String {
    let (first, second) = if a <= b { (a, b) } else { (b, a) };
    let mut both = [0; 64];
    both[..32].copy_from_slice(first.as_bytes());
    both[32..].copy_from_slice(second.as_bytes());

    let mut digest = [0; 60];
    hkdf(&both, &[b"portal fingerprint"], &mut digest);

    let mut digits = String::with_capacity(12 * 6 - 1);
    for group in digest.chunks_exact(5) {
        let number = group
            .iter()
            .fold(0, |number, &byte| number << 8 | u64::from(byte));
        let space = if digits.is_empty() { "" } else { " " };
        // Writing to a string cannot fail.
        let _ = write!(digits, "{space}{:05}", number % 100_000);
    }
    digits
}
