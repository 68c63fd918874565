//! The envelope: what a sealed message looks like on the wire, `{"v":3,"epoch":17,"ct":"..."}`.
//!
//! The parser stands on the server's hot path, once for every message sent (SPEC 6.1), so it scans
//! the text once, borrows from it and allocates nothing. It must not look into the ciphertext.
//!
//! The surprise: it takes less than JSON allows. A JSON library would accept duplicate keys, `3.0`,
//! `1e3` or an escaped `/`; two clients could then read the same bytes differently, and one message
//! could be spelled in many ways. Only white space between tokens and the order of keys are free.

use std::fmt;

use super::bind::MAX_NUMBER;
use super::encoding;
use super::error::{Error, Result};
use super::suite::Suite;

/// The most bytes of JSON text an envelope may have (SPEC 6.1).
pub const MAX_ENVELOPE_BYTES: usize = 4096;

/// A lawful envelope, borrowing from the text it was read from.
///
/// Prints in the one form that is ever written: no spaces, keys in the order `v`, `epoch`, `ct`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Envelope<'a> {
    suite: Suite,
    epoch: u64,
    ct: &'a str,
}

impl<'a> Envelope<'a> {
    /// Reads an envelope strictly (SPEC 6.1, e2ee-bytes.md).
    ///
    /// At most [`MAX_ENVELOPE_BYTES`] bytes: an object with exactly the keys `v`, `epoch` and `ct`,
    /// once each, in any order, with RFC 8259's white space between tokens if any. `v` is 2 or 3,
    /// `epoch` 0 to [`MAX_NUMBER`], both in plain digits; `ct` is canonical base64 of a length the
    /// suite allows. No escapes, neither in keys (`"\u0076"`) nor in `ct` (`\/`): an envelope is
    /// written without any.
    ///
    /// Epoch 0 parses, because it is a plain integer; no chat is ever at it, so the sender is told
    /// the current epoch instead (`ERR_EPOCH_MISMATCH`).
    ///
    /// # Errors
    /// `ERR_ENVELOPE_INVALID`, saying what is wrong.
    pub fn parse(text: &'a str) -> Result<Self> {
        let Scanned { suite, epoch, ct } = Scanned::of(text)?;
        match encoding::decoded_len(ct.as_bytes()) {
            None => invalid("ct is not canonical base64"),
            Some(bytes) if !suite.allows_ct(bytes) => {
                invalid("ct has a length its suite never has")
            }
            Some(_) => Ok(Self { suite, epoch, ct }),
        }
    }

    /// The suite it was sealed with: the value of `v`.
    pub const fn suite(&self) -> Suite {
        self.suite
    }

    /// The epoch it says it was sealed in.
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The ciphertext as it stands in the text, canonical base64.
    pub const fn ct_base64(&self) -> &'a str {
        self.ct
    }

    /// The ciphertext's bytes. Parsing has checked that there are some; this is where they are made.
    ///
    /// # Errors
    /// None that parsing would not have found before (`ERR_ENVELOPE_INVALID`).
    pub fn decode(&self) -> Result<Vec<u8>> {
        encoding::decode(self.ct).ok_or(Error::InvalidEnvelope {
            what: "ct is not canonical base64",
        })
    }

    /// Writes an envelope around ciphertext.
    pub(super) fn write(suite: Suite, epoch: u64, ct: &[u8]) -> String {
        // 40: what stands around the ciphertext when the epoch is as long as it gets.
        let mut text = Vec::with_capacity(40 + ct.len().div_ceil(3) * 4);
        // Piece by piece, because `write!` shows in the time of a short message.
        text.extend_from_slice(br#"{"v":"#);
        text.push(b'0' + suite.number());
        text.extend_from_slice(br#","epoch":"#);
        text.extend_from_slice(epoch.to_string().as_bytes());
        text.extend_from_slice(br#","ct":""#);
        encoding::encode_onto(&mut text, ct);
        text.extend_from_slice(br#""}"#);
        String::from_utf8(text).expect("all of it is ASCII")
    }
}

impl fmt::Display for Envelope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { suite, epoch, ct } = self;
        write!(
            f,
            r#"{{"v":{},"epoch":{epoch},"ct":"{ct}"}}"#,
            suite.number()
        )
    }
}

/// An envelope at whose `ct` nobody has looked: for who decodes that next. Decoding finds what is wrong with it, and takes
/// less time than looking at it first.
#[derive(Clone, Copy)]
pub(super) struct Scanned<'a> {
    suite: Suite,
    epoch: u64,
    ct: &'a str,
}

impl<'a> From<&Envelope<'a>> for Scanned<'a> {
    fn from(&Envelope { suite, epoch, ct }: &Envelope<'a>) -> Self {
        Self { suite, epoch, ct }
    }
}

impl<'a> Scanned<'a> {
    /// Reads all but `ct`.
    ///
    /// # Errors
    /// `ERR_ENVELOPE_INVALID`, as [`Envelope::parse`], but for nothing in `ct`.
    pub(super) fn of(text: &'a str) -> Result<Self> {
        if text.len() > MAX_ENVELOPE_BYTES {
            return invalid("it is longer than 4096 bytes");
        }
        let mut scanner = Scanner { text, at: 0 };
        let (mut v, mut epoch, mut ct) = (None, None, None);

        scanner.expect(b'{', "it is not a JSON object")?;
        loop {
            // A second value for a key is refused where it is found: which one counts is the
            // question on which readers differ.
            let first = match scanner.key()? {
                Key::V => v.replace(scanner.number()?).is_none(),
                Key::Epoch => epoch.replace(scanner.number()?).is_none(),
                Key::Ct => ct.replace(scanner.string()?).is_none(),
            };
            if !first {
                return invalid("a key is given twice");
            }
            if !scanner.eat(b',') {
                break;
            }
        }
        scanner.expect(b'}', "a value is not followed by a comma or the end")?;
        scanner.end()?;

        let (Some(v), Some(epoch), Some(ct)) = (v, epoch, ct) else {
            return invalid("v, epoch or ct is missing");
        };
        let Some(suite) = Suite::from_number(v) else {
            return invalid("v is neither 2 nor 3");
        };
        Ok(Self { suite, epoch, ct })
    }

    pub(super) const fn suite(&self) -> Suite {
        self.suite
    }

    pub(super) const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The ciphertext's bytes, of any length; None if it is not canonical base64.
    pub(super) fn decode(&self) -> Option<Vec<u8>> {
        encoding::decode(self.ct)
    }
}

enum Key {
    V,
    Epoch,
    Ct,
}

/// A place in the text. Every step first skips the white space before its token. `at` is always
/// just after ASCII, so it is always between characters.
struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    fn rest(&self) -> &'a [u8] {
        &self.text.as_bytes()[self.at..]
    }

    fn skip_space(&mut self) {
        let space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        self.at += self.rest().iter().take_while(|&byte| space(byte)).count();
    }

    fn eat(&mut self, token: u8) -> bool {
        self.skip_space();
        let found = self.rest().first() == Some(&token);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, token: u8, otherwise: &'static str) -> Result<()> {
        if self.eat(token) {
            Ok(())
        } else {
            invalid(otherwise)
        }
    }

    /// A key and the colon after it.
    fn key(&mut self) -> Result<Key> {
        self.skip_space();
        let (key, length) = match self.rest() {
            [b'"', b'v', b'"', ..] => (Key::V, 3),
            [b'"', b'c', b't', b'"', ..] => (Key::Ct, 4),
            [b'"', b'e', b'p', b'o', b'c', b'h', b'"', ..] => (Key::Epoch, 7),
            _ => return invalid("its keys are not exactly v, epoch and ct"),
        };
        self.at += length;
        self.expect(b':', "a key is not followed by a colon")?;
        Ok(key)
    }

    /// Plain digits. A sign, a leading zero, a fraction or an exponent ends or prevents the number,
    /// and what follows is then not the token that has to follow.
    fn number(&mut self) -> Result<u64> {
        self.skip_space();
        let rest = self.rest();
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        // 16 digits hold every lawful number, and no 16 digits overflow.
        if digits == 0 || digits > 16 || (digits > 1 && rest[0] == b'0') {
            return invalid("v or epoch is not a plain integer");
        }
        let digit = |number, &byte| number * 10 + u64::from(byte - b'0');
        let number = rest[..digits].iter().fold(0, digit);
        if number > MAX_NUMBER {
            return invalid("v or epoch is not a plain integer");
        }
        self.at += digits;
        Ok(number)
    }

    /// What stands between two quotes. An escaped quote would end it early, but its backslash is
    /// no base64, so the string is refused all the same.
    fn string(&mut self) -> Result<&'a str> {
        self.expect(b'"', "ct is not a string")?;
        let rest = &self.text[self.at..];
        let Some(length) = memchr::memchr(b'"', rest.as_bytes()) else {
            return invalid("ct does not end");
        };
        self.at += length + 1;
        Ok(&rest[..length])
    }

    fn end(&mut self) -> Result<()> {
        self.skip_space();
        if self.rest().is_empty() {
            Ok(())
        } else {
            invalid("something follows the object")
        }
    }
}

fn invalid<T>(what: &'static str) -> Result<T> {
    Err(Error::InvalidEnvelope { what })
}
