//! Padding to steps of 64 bytes, so that lengths say little: the text, `0x80`, zeros.

use super::STEP;

const MARK: u8 = 0x80;

/// The length after padding: the next multiple of 64 that leaves room for the mark.
pub(super) const fn padded_len(length: usize) -> usize {
    STEP * (length / STEP + 1)
}

/// Writes `plaintext` and its padding into `out`, which is zeroed and [`padded_len`] bytes long.
pub(super) fn pad(plaintext: &[u8], out: &mut [u8]) {
    out[..plaintext.len()].copy_from_slice(plaintext);
    out[plaintext.len()] = MARK;
}

/// The text before the mark. `None` unless the mark stands within the last 64 bytes with only zeros
/// after it. This runs on authenticated bytes only, so how long it takes tells nobody anything.
pub(super) fn unpad(padded: &[u8]) -> Option<&[u8]> {
    let mark = padded.iter().rposition(|&byte| byte != 0)?;
    (padded[mark] == MARK && padded_len(mark) == padded.len()).then_some(&padded[..mark])
}

#[cfg(test)]
mod tests {
    use super::{MARK, pad, padded_len, unpad};

    #[test]
    fn every_length_is_padded_to_the_next_step_and_comes_back() {
        for (length, expected) in [
            (0, 64),
            (1, 64),
            (63, 64),
            (64, 128),
            (127, 128),
            (2943, 2944),
        ] {
            assert_eq!(padded_len(length), expected);
        }
        for length in 0..300 {
            // Ends in what looks like padding, so the last mark has to be the one that counts.
            let mut text = vec![b'a'; length];
            for (byte, ending) in text.iter_mut().rev().zip([0, 0, MARK]) {
                *byte = ending;
            }
            let mut padded = vec![0; padded_len(length)];
            pad(&text, &mut padded);
            assert_eq!(unpad(&padded), Some(&text[..]));
        }
    }

    #[test]
    fn padding_that_nobody_writes_is_refused() {
        let with = |length: usize, marks: &[(usize, u8)]| {
            let mut padded = vec![0; length];
            for &(at, byte) in marks {
                padded[at] = byte;
            }
            unpad(&padded).is_some()
        };
        assert!(with(128, &[(64, MARK)]));
        assert!(!with(128, &[(63, MARK)]), "a whole step too much");
        assert!(!with(64, &[]), "no mark");
        assert!(
            !with(64, &[(10, MARK), (20, 1)]),
            "something after the mark"
        );
        assert!(!with(0, &[]), "nothing at all");
    }
}
