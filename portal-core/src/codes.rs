//! How codes, keys and names to be typed by people are drawn.
//!
//! Every character is as likely as any other of its alphabet: bytes that would favour some are thrown
//! away. With a source that yields nothing but those, drawing never ends; no source of randomness does.

use zeroize::Zeroizing;

use crate::random::Random;

/// 32 digits and capitals without look-alikes (no I, L, O, U): five bits a character.
pub(crate) const UNMISTAKABLE: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Small letters and digits: what invites and sign-up codes are made of.
pub(crate) const LETTERS_AND_DIGITS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// `length` characters of an ASCII alphabet, each as likely as any other.
pub(crate) fn pick(random: &dyn Random, alphabet: &[u8], length: usize) -> String {
    // Bytes past the last whole multiple of the alphabet would favour its beginning.
    let fair = 256 - 256 % alphabet.len();
    let mut text = String::with_capacity(length);
    let mut bytes = Zeroizing::new([0; 32]);
    while text.len() < length {
        random.fill(&mut *bytes);
        let fair_bytes = bytes
            .iter()
            .map(|byte| usize::from(*byte))
            .filter(|byte| *byte < fair);
        text.extend(
            fair_bytes
                .take(length - text.len())
                .map(|byte| char::from(alphabet[byte % alphabet.len()])),
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts up through every byte.
    #[derive(Default)]
    struct Counting(std::sync::atomic::AtomicU8);

    impl Random for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            for byte in bytes {
                *byte = self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            }
        }
    }

    #[test]
    fn every_character_is_as_likely_as_any_other() {
        for alphabet in [UNMISTAKABLE.as_slice(), LETTERS_AND_DIGITS.as_slice()] {
            let fair = 256 - 256 % alphabet.len();
            let text = pick(&Counting::default(), alphabet, fair);
            for character in alphabet {
                let often = text.bytes().filter(|byte| byte == character).count();
                assert_eq!(often, fair / alphabet.len());
            }
        }
    }
}
