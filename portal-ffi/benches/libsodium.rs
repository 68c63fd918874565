//! Sealing and opening whole messages, against libsodium doing the same work: random nonce, encryption, base64 and the
//! envelope's JSON, and all of it back. Prints the medians of rounds that take turns, and their ratios.
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

use std::ffi::{c_char, c_int, c_uchar, c_ulonglong};
use std::hint::black_box;
use std::time::Instant;

use portal_core::e2ee::{Ctx, RoomCipher, Suite};
use portal_core::random::SystemRandom;

const NONCE: usize = 24;
const TAG: usize = 16;
/// With padding, as in an envelope.
const VARIANT_ORIGINAL: c_int = 1;
const ROUNDS: usize = 21;
const CALLS: u32 = 2000;

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
        ignore: *const c_char,
        written: *mut usize,
        end: *mut *const c_char,
        variant: c_int,
    ) -> c_int;
}

const KEY: [u8; 32] = [7; 32];
const HEAD: &str = r#"{"v":2,"epoch":12,"ct":""#;
const TAIL: &str = r#""}"#;

/// Seals a text as a message of suite 2.
fn sodium_seal(text: &str) -> String {
    let mut raw = vec![0_u8; NONCE + TAG + text.len()];
    let encoded_length = raw.len().div_ceil(3) * 4;
    let mut encoded = vec![0_u8; encoded_length + 1];
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
        sodium_bin2base64(
            encoded.as_mut_ptr().cast(),
            encoded.len(),
            raw.as_ptr(),
            raw.len(),
            VARIANT_ORIGINAL,
        );
    }
    encoded.truncate(encoded_length);
    let mut envelope = String::with_capacity(HEAD.len() + encoded.len() + TAIL.len());
    envelope.push_str(HEAD);
    envelope.push_str(str::from_utf8(&encoded).expect("base64 is ASCII"));
    envelope.push_str(TAIL);
    envelope
}

/// Opens what [`sodium_seal`] sealed. It looks for no more than where the base64 is.
fn sodium_open(envelope: &str) -> String {
    let encoded = envelope
        .strip_prefix(HEAD)
        .and_then(|rest| rest.strip_suffix(TAIL))
        .expect("an envelope");
    let mut raw = vec![0_u8; encoded.len() / 4 * 3];
    let mut length = 0;
    // SAFETY: every pointer is that of a buffer of the length that is said; the other two may be NULL.
    unsafe {
        sodium_base642bin(
            raw.as_mut_ptr(),
            raw.len(),
            encoded.as_ptr().cast(),
            encoded.len(),
            std::ptr::null(),
            &raw mut length,
            std::ptr::null_mut(),
            VARIANT_ORIGINAL,
        );
    }
    let mut text = vec![0_u8; length - NONCE - TAG];
    // SAFETY: as above.
    let status = unsafe {
        crypto_secretbox_open_easy(
            text.as_mut_ptr(),
            raw[NONCE..].as_ptr(),
            (length - NONCE) as c_ulonglong,
            raw.as_ptr(),
            KEY.as_ptr(),
        )
    };
    assert_eq!(status, 0);
    String::from_utf8(text).expect("UTF-8")
}

/// How long one call takes, in nanoseconds.
fn time(mut call: impl FnMut()) -> f64 {
    let begin = Instant::now();
    for _ in 0..CALLS {
        call();
    }
    begin.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS)
}

/// The medians of two works that take turns.
fn compare(mut ours: impl FnMut(), mut theirs: impl FnMut()) -> (f64, f64) {
    let (mut our_times, mut their_times) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        our_times.push(time(&mut ours));
        their_times.push(time(&mut theirs));
    }
    let median = |times: &mut Vec<f64>| {
        times.sort_by(f64::total_cmp);
        times[ROUNDS / 2]
    };
    (median(&mut our_times), median(&mut their_times))
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
            let tell = |what: &str, (ours, theirs): (f64, f64)| {
                let (number, ratio) = (suite.number(), ours / theirs);
                println!("{number} {length} {what} {ours:.0} ns {theirs:.0} ns {ratio:.2}");
            };
            let sealing = compare(
                || drop(black_box(cipher.seal(5, black_box(&text), &SystemRandom))),
                || drop(black_box(sodium_seal(black_box(&text)))),
            );
            tell("seal", sealing);
            let ours = cipher.seal(5, &text, &SystemRandom).expect("seals");
            let theirs = sodium_seal(&text);
            assert_eq!(cipher.open(5, &ours).expect("opens"), sodium_open(&theirs));
            let opening = compare(
                || drop(black_box(cipher.open(5, black_box(&ours)))),
                || drop(black_box(sodium_open(black_box(&theirs)))),
            );
            tell("open", opening);
        }
    }
}
