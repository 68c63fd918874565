//! Sealing and opening whole messages, against libsodium doing the same work: random nonce, encryption, the envelope's
//! JSON, and all of it back. Both sides take base64 from the same crate, for libsodium's own is slow on purpose. Prints the
//! medians of rounds in which they take turns, and their ratios.
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

use std::ffi::{c_int, c_uchar, c_ulonglong};
use std::hint::black_box;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
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
}

const KEY: [u8; 32] = [7; 32];
const HEAD: &str = r#"{"v":2,"epoch":12,"ct":""#;
const TAIL: &str = r#""}"#;

/// Seals a text as a message of suite 2.
fn sodium_seal(text: &str) -> String {
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
    STANDARD.encode_string(&raw, &mut envelope);
    envelope.push_str(TAIL);
    envelope
}

/// Opens what [`sodium_seal`] sealed. It looks for no more than where the base64 is.
fn sodium_open(envelope: &str) -> String {
    let encoded = envelope
        .strip_prefix(HEAD)
        .and_then(|rest| rest.strip_suffix(TAIL))
        .expect("an envelope");
    let raw = STANDARD.decode(encoded).expect("base64");
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
    println!("suite bytes what ours libsodium ratio");
    for suite in [Suite::Two, Suite::Three] {
        let ctx = Ctx::new(70_007, 12).expect("in range");
        let mut cipher = RoomCipher::generate(suite, ctx, &SystemRandom);
        // The longest is what fits an envelope of 4 KiB.
        for length in [64, 256, 1024, suite.max_plaintext()] {
            let text = "x".repeat(length);
            let tell = |what: &str, [ours, theirs]: [f64; 2]| {
                let (number, ratio) = (suite.number(), ours / theirs);
                println!("{number} {length} {what} {ours:.0} ns {theirs:.0} ns {ratio:.2}");
            };
            let sealing = take_turns(
                1000,
                [
                    &mut || drop(black_box(cipher.seal(5, black_box(&text), &SystemRandom))),
                    &mut || drop(black_box(sodium_seal(black_box(&text)))),
                ],
            );
            tell("seal", sealing);
            let ours = cipher.seal(5, &text, &SystemRandom).expect("seals");
            let theirs = sodium_seal(&text);
            assert_eq!(cipher.open(5, &ours).expect("opens"), sodium_open(&theirs));
            let opening = take_turns(
                1000,
                [
                    &mut || drop(black_box(cipher.open(5, black_box(&ours)))),
                    &mut || drop(black_box(sodium_open(black_box(&theirs)))),
                ],
            );
            tell("open", opening);
        }
    }
}
