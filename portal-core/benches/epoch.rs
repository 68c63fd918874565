//! Moving an epoch on for a hundred others, as a keyring does it from the event to the request that publishes the new key:
//! reading who is there, making the key and its check, wrapping it for everybody, writing the request down. Against a
//! hundred bare key agreements and boxes of the same crates. Prints the medians of rounds in which they take turns.
//!
//! `cargo bench -p portal-core --bench epoch`

#![allow(missing_docs, reason = "a benchmark has no callers")]
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "it measures and reports"
)]

#[path = "../../benches/turns.rs"]
mod turns;

use std::hint::black_box;

use dryoc::classic::crypto_box::crypto_box_easy;
use hpke::aead::AesGcm256;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::rand_core::UnwrapErr;
use hpke::{Deserializable, Kem, OpModeS};
use portal_core::e2ee::keyring::{Answer, Keyring, Options, Step};
use portal_core::e2ee::{SecretKey, Suite};
use portal_core::random::{Random, SystemRandom};
use rand::rngs::SysRng;
use serde_json::{Value, json};
use turns::take_turns;

const OTHERS: u64 = 100;
const CHAT: u64 = 70_007;
const OWN: u64 = 5;

/// A client in a room with a hundred others.
struct Client {
    keyring: Keyring,
    /// Who is there, as `key.list` says it.
    sessions: String,
    epoch: u64,
}

impl Client {
    fn new(suite: Suite, others: &[SecretKey]) -> Self {
        let secret = SecretKey::generate(&SystemRandom);
        let session = |id: u64, key: &SecretKey| {
            json!({
                "user_id": id, "session_id": id, "public_key": key.public_key().to_base64(), "holds": false,
                "has_blob": false, "waits": false
            })
        };
        let mut sessions = vec![session(OWN, &secret)];
        sessions.extend((1000..).zip(others).map(|(id, key)| session(id, key)));
        let mut client = Self {
            keyring: Keyring::new(Options::new(OWN, OWN, secret)).expect("in range"),
            sessions: Value::from(sessions).to_string(),
            epoch: 0,
        };
        let joined = json!({ "chat": { "id": CHAT, "e2ee": suite.number(), "epoch": 1 } });
        let step = client.event("room.join", &joined.to_string());
        let step = client.reply(&step, "key.register", "{}");
        client.publish(step);
        client
    }

    fn event(&mut self, name: &str, data: &str) -> Step {
        self.keyring
            .event(name, data, 1, &SystemRandom)
            .expect("is taken")
    }

    fn reply(&mut self, step: &Step, op: &str, document: &str) -> Step {
        let request = &step.requests[0];
        assert_eq!(request.op, op);
        let answer = Answer::Done(document);
        self.keyring
            .reply(request.id, answer, 1, &SystemRandom)
            .expect("is taken")
    }

    /// Answers who is there, and takes the request that publishes the key; answers its length.
    fn publish(&mut self, step: Step) -> usize {
        self.epoch += 1;
        let (epoch, sessions) = (self.epoch, &self.sessions);
        let list = format!(
            r#"{{"epoch":{epoch},"published":false,"key_check":null,"sessions":{sessions},"blob":null}}"#
        );
        let step = self.reply(&step, "key.list", &list);
        let published = step.requests[0].params.to_string();
        let blobs = step.requests[0].params["blobs"].as_array().map(Vec::len);
        assert_eq!(blobs, Some(usize::try_from(OTHERS).expect("small")));
        self.reply(&step, "key.publish", &format!(r#"{{"epoch":{epoch}}}"#));
        published.len()
    }

    fn move_on(&mut self) -> usize {
        let moved = format!(
            r#"{{"chat_id":{CHAT},"epoch":{},"reason":"kick"}}"#,
            self.epoch + 1
        );
        let step = self.event("room:epoch_changed", &moved);
        self.publish(step)
    }
}

/// `NaCl`'s box for each.
fn boxes(own: &SecretKey, others: &[SecretKey]) {
    for other in others {
        let mut nonce = [0; 24];
        SystemRandom.fill(&mut nonce);
        let mut sealed = [0; 48];
        crypto_box_easy(
            &mut sealed,
            &[7; 32],
            &nonce,
            other.public_key().as_bytes(),
            own.as_bytes(),
        )
        .expect("boxes");
        black_box(sealed);
    }
}

/// HPKE in mode auth for each.
fn seals(own: &SecretKey, others: &[SecretKey]) {
    type Public = <X25519HkdfSha256 as Kem>::PublicKey;
    type Private = <X25519HkdfSha256 as Kem>::PrivateKey;
    let public =
        |key: &SecretKey| Public::from_bytes(key.public_key().as_bytes()).expect("32 bytes");
    for other in others {
        let pair = (
            Private::from_bytes(own.as_bytes()).expect("32 bytes"),
            public(own),
        );
        let sealed = hpke::single_shot_seal_with_rng::<AesGcm256, HkdfSha256, X25519HkdfSha256>(
            &OpModeS::Auth(pair),
            &public(other),
            &[1; 33],
            &[7; 32],
            &[0; 8],
            &mut UnwrapErr(SysRng),
        );
        black_box(sealed.expect("seals"));
    }
}

fn main() {
    let others: Vec<_> = (0..OTHERS)
        .map(|_| SecretKey::generate(&SystemRandom))
        .collect();
    let own = SecretKey::generate(&SystemRandom);
    for suite in [Suite::Two, Suite::Three] {
        let mut client = Client::new(suite, &others);
        let bare = match suite {
            Suite::Two => boxes,
            Suite::Three => seals,
        };
        let times = take_turns(
            1,
            [
                &mut || {
                    black_box(client.move_on());
                },
                &mut || bare(&own, &others),
            ],
        );
        let [ours, theirs] = times.map(|ns| ns / 1e6);
        println!(
            "suite {}: an epoch for {OTHERS} others {ours:.2} ms, bare {theirs:.2} ms, ratio {:.3}",
            suite.number(),
            ours / theirs
        );
    }
}
