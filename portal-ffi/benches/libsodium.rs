//! Sealing and opening whole messages, against libsodium doing the same work: random nonce, encryption, the envelope's
//! JSON, and all of it back. libsodium is there twice: with the base64 it brings, which a program built on it has and
//! which takes its time on purpose, never to tell a secret by it; and with the engine that ours has, so that the rest is
//! what differs. Prints the medians of rounds in which the three take turns, and the ratios of ours to each.
//!
//! libsodium has no suite 3; its secretbox stands for it. It has to be installed (Debian: `libsodium-dev`):
//!
//! `cargo bench -p portal-ffi --features libsodium --bench libsodium`

#![allow(missing_docs, reason = "a benchmark has no callers")]
#![expect(
    unsafe_code,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "it calls libsodium, measures and reports"
)]

#[path = "../../benches/turns.rs"]
mod turns;

use std::ffi::{c_char, c_int, c_uchar, c_ulonglong};
use std::hint::black_box;
use std::ptr;

use base64::Engine;
use base64::engine::Simd;
use base64::engine::general_purpose::PAD;
use portal_core::e2ee::{Ctx, RoomCipher, Suite};
use portal_core::random::SystemRandom;
use turns::take_turns;

const NONCE: usize = 24;
const TAG: usize = 16;

#[link(name = "sodium")]
unsafe extern "C" {
    fn sodium_init() -> c_int;
    fn randombytes_buf(into: *mut u8, length: usize);
    fn crypto_secretbox_easy(
        sealed: *mut c_uchar,
        text: *const c_uchar,
        length: c_ulonglong,
        nonce: *const c_uchar,
        key: *const c_uchar,
    ) -> c_int;
    fn crypto_secretbox_open_easy(
        text: *mut c_uchar,
        sealed: *const c_uchar,
        length: c_ulonglong,
        nonce: *const c_uchar,
        key: *const c_uchar,
    ) -> c_int;
    fn sodium_bin2base64(
        text: *mut c_char,
        room: usize,
        bytes: *const c_uchar,
        length: usize,
        variant: c_int,
    ) -> *mut c_char;
    fn sodium_base642bin(
        bytes: *mut c_uchar,
        room: usize,
        text: *const c_char,
        length: usize,
        ignored: *const c_char,
        written: *mut usize,
        end: *mut *const c_char,
        variant: c_int,
    ) -> c_int;
}

/// The standard alphabet, padded.
const ORIGINAL: c_int = 1;

/// Where libsodium's messages take their base64 from.
trait Base64 {
    /// Appends to a text.
    fn encode(&self, bytes: &[u8], onto: &mut String);
    fn decode(&self, text: &str) -> Vec<u8>;
}

/// What libsodium brings.
struct Own;

impl Base64 for Own {
    fn encode(&self, bytes: &[u8], onto: &mut String) {
        // It ends its text with a zero.
        let mut text = vec![0; bytes.len().div_ceil(3) * 4 + 1];
        // SAFETY: every pointer is that of a buffer of the length that is said.
        unsafe {
            sodium_bin2base64(
                text.as_mut_ptr().cast(),
                text.len(),
                bytes.as_ptr(),
                bytes.len(),
                ORIGINAL,
            );
        }
        text.pop();
        onto.push_str(str::from_utf8(&text).expect("ASCII"));
    }

    fn decode(&self, text: &str) -> Vec<u8> {
        let mut bytes = vec![0; text.len() / 4 * 3];
        let mut written = 0;
        // SAFETY: the pointers are those of buffers of the lengths that are said; it may be told to ignore nothing,
        // and not to tell where it ended.
        let status = unsafe {
            sodium_base642bin(
                bytes.as_mut_ptr(),
                bytes.len(),
                text.as_ptr().cast(),
                text.len(),
                ptr::null(),
                &raw mut written,
                ptr::null_mut(),
                ORIGINAL,
            )
        };
        assert_eq!(status, 0);
        bytes.truncate(written);
        bytes
    }
}

impl Base64 for Simd {
    fn encode(&self, bytes: &[u8], onto: &mut String) {
        self.encode_string(bytes, onto);
    }

    fn decode(&self, text: &str) -> Vec<u8> {
        Engine::decode(self, text).expect("base64")
    }
}

const KEY: [u8; 32] = [7; 32];
const HEAD: &str = r#"{"v":2,"epoch":12,"ct":""#;
const TAIL: &str = r#""}"#;

/// Seals a text as a message of suite 2.
fn sodium_seal(text: &str, base64: &dyn Base64) -> String {
    let mut raw = vec![0_u8; NONCE + TAG + text.len()];
    // SAFETY: every pointer is that of a buffer of the length that is said.
    unsafe {
        randombytes_buf(raw.as_mut_ptr(), NONCE);
        let (nonce, sealed) = raw.split_at_mut(NONCE);
        crypto_secretbox_easy(
            sealed.as_mut_ptr(),
            text.as_ptr(),
            text.len() as c_ulonglong,
            nonce.as_ptr(),
            KEY.as_ptr(),
        );
    }
    let room = HEAD.len() + raw.len().div_ceil(3) * 4 + TAIL.len();
    let mut envelope = String::with_capacity(room);
    envelope.push_str(HEAD);
    base64.encode(&raw, &mut envelope);
    envelope.push_str(TAIL);
    envelope
}

/// Opens what [`sodium_seal`] sealed. It looks for no more than where the base64 is.
fn sodium_open(envelope: &str, base64: &dyn Base64) -> String {
    let encoded = envelope
        .strip_prefix(HEAD)
        .and_then(|rest| rest.strip_suffix(TAIL))
        .expect("an envelope");
    let raw = base64.decode(encoded);
    let mut text = vec![0_u8; raw.len() - NONCE - TAG];
    // SAFETY: every pointer is that of a buffer of the length that is said.
    let status = unsafe {
        crypto_secretbox_open_easy(
            text.as_mut_ptr(),
            raw[NONCE..].as_ptr(),
            (raw.len() - NONCE) as c_ulonglong,
            raw.as_ptr(),
            KEY.as_ptr(),
        )
    };
    assert_eq!(status, 0);
    String::from_utf8(text).expect("UTF-8")
}

fn main() {
    // SAFETY: it may be called at any time.
    assert!(unsafe { sodium_init() } >= 0);
    let same = Simd::standard(PAD);
    println!(
        "suite bytes what | ours | libsodium, its base64 | libsodium, our base64 | ours / each"
    );
    for suite in [Suite::Two, Suite::Three] {
        let ctx = Ctx::new(70_007, 12).expect("in range");
        let mut cipher = RoomCipher::generate(suite, ctx, &SystemRandom);
        // The longest is what fits an envelope of 4 KiB.
        for length in [64, 256, 1024, suite.max_plaintext()] {
            let text = "x".repeat(length);
            let tell = |what: &str, [ours, own, same]: [f64; 3]| {
                let (number, to_own, to_same) = (suite.number(), ours / own, ours / same);
                println!(
                    "{number} {length} {what} | {ours:.0} ns | {own:.0} ns | {same:.0} ns | {to_own:.2} {to_same:.2}"
                );
            };
            let sealing = take_turns(
                300,
                [
                    &mut || drop(black_box(cipher.seal(5, black_box(&text), &SystemRandom))),
                    &mut || drop(black_box(sodium_seal(black_box(&text), &Own))),
                    &mut || drop(black_box(sodium_seal(black_box(&text), &same))),
                ],
            );
            tell("seal", sealing);
            let ours = cipher.seal(5, &text, &SystemRandom).expect("seals");
            let theirs = sodium_seal(&text, &Own);
            assert_eq!(sodium_open(&theirs, &same), text);
            assert_eq!(sodium_open(&theirs, &Own), text);
            assert_eq!(cipher.open(5, &ours).expect("opens"), text);
            let opening = take_turns(
                300,
                [
                    &mut || drop(black_box(cipher.open(5, black_box(&ours)))),
                    &mut || drop(black_box(sodium_open(black_box(&theirs), &Own))),
                    &mut || drop(black_box(sodium_open(black_box(&theirs), &same))),
                ],
            );
            tell("open", opening);
        }
    }
}
