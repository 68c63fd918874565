//! Canonical base64: the standard alphabet, with padding, one spelling for every sequence of bytes.
//!
//! Decoding is the base64 crate's. What is added here is a check without decoding, for the server,
//! which looks at every message's `ct` and never needs its bytes.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::PAD;
use zeroize::{Zeroize as _, Zeroizing};

/// The crate's engine with vector instructions, which it looks for when it is made; without them, and for short texts, it
/// is the same as the other one. Both take canonical base64 only.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
static STANDARD: LazyLock<base64::engine::Simd> =
    LazyLock::new(|| base64::engine::Simd::standard(PAD));
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
static STANDARD: LazyLock<base64::engine::GeneralPurpose> =
    LazyLock::new(|| base64::engine::GeneralPurpose::new(&base64::alphabet::STANDARD, PAD));

pub(super) fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Appends to text that is still being written, so that an envelope takes one allocation.
pub(super) fn encode_onto(text: &mut Vec<u8>, bytes: &[u8]) {
    let start = text.len();
    text.resize(start + bytes.len().div_ceil(3) * 4, 0);
    STANDARD
        .encode_slice(bytes, &mut text[start..])
        .expect("the room that base64 takes was made");
}

/// The bytes of canonical base64; `None` for anything else.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// Exactly `N` bytes of canonical base64, in memory that is wiped: most of what has a fixed length
/// is a secret.
pub(super) fn decode_exact<const N: usize>(text: &str) -> Option<Zeroizing<[u8; N]>> {
    let bytes = Zeroizing::new(decode(text)?);
    let mut exact = Zeroizing::new([0; N]);
    if bytes.len() != N {
        return None;
    }
    exact.copy_from_slice(&bytes);
    Some(exact)
}

/// A text that was decrypted, in the memory where it was; `None` for what is no text, which is wiped.
pub(super) fn text(mut bytes: Zeroizing<Vec<u8>>) -> Option<String> {
    match String::from_utf8(std::mem::take(&mut *bytes)) {
        Ok(text) => Some(text),
        Err(refused) => {
            refused.into_bytes().zeroize();
            None
        }
    }
}

/// How many bytes `text` decodes to; `None` if it is not canonical base64.
pub(super) fn decoded_len(text: &[u8]) -> Option<usize> {
    if !text.len().is_multiple_of(4) {
        return None;
    }
    let (symbols, padding) = match text {
        [symbols @ .., b'=', b'='] => (symbols, 2),
        [symbols @ .., b'='] => (symbols, 1),
        symbols => (symbols, 0),
    };
    // No early exit: without one the compiler checks a vector of symbols at a time.
    let strange = symbols
        .iter()
        .fold(0, |strange, &symbol| strange | u8::from(!is_symbol(symbol)));
    // The bits of the last symbol that no byte uses have to be zero.
    let unused = match padding {
        0 => 0,
        1 => 0b11,
        _ => 0b1111,
    };
    let spare = symbols.last().map_or(0, |&last| value(last) & unused);
    (strange == 0 && spare == 0).then_some(text.len() / 4 * 3 - padding)
}

const fn is_symbol(byte: u8) -> bool {
    let letter = (byte | 0x20).wrapping_sub(b'a') < 26;
    let digit = byte.wrapping_sub(b'0') < 10;
    letter || digit || byte == b'+' || byte == b'/'
}

const fn value(symbol: u8) -> u8 {
    match symbol {
        b'A'..=b'Z' => symbol - b'A',
        b'a'..=b'z' => symbol - b'a' + 26,
        b'0'..=b'9' => symbol - b'0' + 52,
        b'+' => 62,
        _ => 63,
    }
}

#[cfg(test)]
mod tests {
    use super::{decode, decode_exact, decoded_len, encode, encode_onto};
    use base64::Engine as _;
    use proptest::prelude::*;

    #[test]
    fn the_check_agrees_with_the_decoder_on_every_group_of_two_symbols_and_padding() {
        for first in 0..=127u8 {
            for second in 0..=127u8 {
                for rest in ["==", "A=", "B=", "D=", "E=", "/=", "AA", "=A"] {
                    let text = format!("{}{}{rest}", char::from(first), char::from(second));
                    assert_eq!(decoded_len(text.as_bytes()), decode(&text).map(|b| b.len()));
                }
            }
        }
    }

    /// Long enough for vector instructions, which a short text never meets.
    #[test]
    fn one_strange_character_anywhere_in_a_long_text_is_refused() {
        let text = encode(&[0x5a; 250]);
        assert_eq!(decode(&text).map(|bytes| bytes.len()), Some(250));
        for at in 0..text.len() {
            for strange in (0..=127u8).map(char::from).chain(['é']) {
                let end = at + strange.len_utf8();
                if end > text.len() {
                    continue;
                }
                let changed = format!("{}{strange}{}", &text[..at], &text[end..]);
                let decoded = decode(&changed);
                assert_eq!(
                    decoded_len(changed.as_bytes()),
                    decoded.as_ref().map(Vec::len)
                );
                assert!(decoded.is_none_or(|bytes| encode(&bytes) == changed));
            }
        }
    }

    #[test]
    fn every_length_of_a_message_is_written_and_read_as_by_the_engine_without_vectors() {
        let plain = base64::engine::general_purpose::STANDARD;
        let bytes: Vec<u8> = (0..=255).cycle().step_by(7).take(3072).collect();
        for length in 0..bytes.len() {
            let text = plain.encode(&bytes[..length]);
            assert_eq!(encode(&bytes[..length]), text);
            assert_eq!(decode(&text).as_deref(), Some(&bytes[..length]));
            let mut onto = b"before".to_vec();
            encode_onto(&mut onto, &bytes[..length]);
            assert_eq!(onto, [b"before", text.as_bytes()].concat());
        }
    }

    #[test]
    fn a_length_that_is_not_exact_is_refused() {
        assert!(decode_exact::<3>("AAAA").is_some());
        assert!(decode_exact::<2>("AAAA").is_none());
        assert!(decode_exact::<4>("AAAA").is_none());
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_canonical(bytes: Vec<u8>) {
            let text = encode(&bytes);
            prop_assert_eq!(decoded_len(text.as_bytes()), Some(bytes.len()));
            prop_assert_eq!(decode(&text), Some(bytes));
        }

        #[test]
        fn the_check_agrees_with_the_decoder_on_anything(text in "[AQgwx/+=_\\- \"é]{0,13}") {
            prop_assert_eq!(decoded_len(text.as_bytes()), decode(&text).map(|bytes| bytes.len()));
        }
    }
}
