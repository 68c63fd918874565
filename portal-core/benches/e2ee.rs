//! How long sealing, opening and parsing take, and suite 2's primitive against the one not taken.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput};
use crypto_secretbox::XSalsa20Poly1305;
use crypto_secretbox::aead::{Aead as _, KeyInit as _};
use dryoc::classic::crypto_secretbox::{crypto_secretbox_easy, crypto_secretbox_open_easy};
use portal_core::e2ee::{Ctx, Envelope, RoomCipher, SecretKey, Suite, suite2, suite3};
use portal_core::random::{Random, SystemRandom};

const SUITES: [Suite; 2] = [Suite::Two, Suite::Three];

/// The system call for random bytes would be most of what is measured.
struct NoEntropy;

impl Random for NoEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0x5a);
    }
}

fn cipher(suite: Suite) -> RoomCipher {
    let ctx = Ctx::new(70_007, 12).expect("in range");
    RoomCipher::generate(suite, ctx, &SystemRandom)
}

fn messages(criterion: &mut Criterion) {
    for suite in SUITES {
        let mut group = criterion.benchmark_group(format!("suite {}", suite.number()));
        let mut cipher = cipher(suite);
        // The longest is what fits an envelope of 4 KiB.
        for length in [64, 256, 1024, suite.max_plaintext()] {
            let text = "x".repeat(length);
            let sealed = cipher.seal(5, &text, &NoEntropy).expect("seals");
            group.throughput(Throughput::Bytes(length as u64));
            group.bench_with_input(BenchmarkId::new("seal", length), &text, |bench, text| {
                bench.iter(|| cipher.seal(5, black_box(text), &NoEntropy));
            });
            group.bench_with_input(
                BenchmarkId::new("open", length),
                &sealed,
                |bench, sealed| {
                    bench.iter(|| cipher.open(5, black_box(sealed)));
                },
            );
            group.bench_with_input(
                BenchmarkId::new("parse", length),
                &sealed,
                |bench, sealed| {
                    bench.iter(|| Envelope::parse(black_box(sealed)).map(|parsed| parsed.epoch()));
                },
            );
        }
        group.finish();
    }
}

fn blobs(criterion: &mut Criterion) {
    let (ana, ben) = (
        SecretKey::generate(&SystemRandom),
        SecretKey::generate(&SystemRandom),
    );
    for suite in SUITES {
        let cipher = cipher(suite);
        let wrap = || cipher.wrap(2002, ben.public_key(), &ana, &SystemRandom);
        let blob = wrap().expect("wraps");
        let mut group = criterion.benchmark_group(format!("suite {}", suite.number()));
        group.bench_function("wrap", |bench| bench.iter(wrap));
        group.bench_function("unwrap", |bench| {
            bench.iter(|| match suite {
                Suite::Two => suite2::unwrap(&blob, &ben, ana.public_key()),
                Suite::Three => suite3::unwrap(cipher.ctx(), &blob, 2002, &ben, ana.public_key()),
            });
        });
        group.finish();
    }
}

fn secretboxes(criterion: &mut Criterion) {
    let (key, nonce) = ([7; 32], [9; 24]);
    let theirs = XSalsa20Poly1305::new(&key.into());
    let mut group = criterion.benchmark_group("secretbox");
    for length in [64, 1024, 3002] {
        let text = vec![1; length];
        let mut sealed = vec![0; length + 16];
        let mut opened = vec![0; length];
        group.throughput(Throughput::Bytes(length as u64));
        group.bench_function(BenchmarkId::new("dryoc seal", length), |bench| {
            bench.iter(|| crypto_secretbox_easy(&mut sealed, black_box(&text), &nonce, &key));
        });
        group.bench_function(BenchmarkId::new("dryoc open", length), |bench| {
            bench
                .iter(|| crypto_secretbox_open_easy(&mut opened, black_box(&sealed), &nonce, &key));
        });
        group.bench_function(BenchmarkId::new("crypto_secretbox seal", length), |bench| {
            bench.iter(|| theirs.encrypt(&nonce.into(), black_box(&text[..])));
        });
        group.bench_function(BenchmarkId::new("crypto_secretbox open", length), |bench| {
            bench.iter(|| theirs.decrypt(&nonce.into(), black_box(&sealed[..])));
        });
    }
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    messages(&mut criterion);
    blobs(&mut criterion);
    secretboxes(&mut criterion);
    criterion.final_summary();
}
