//! A keyring outlives its process: export and import (e2ee-bytes.md 8).

mod common;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::rings::{Ring, Seeded};
use common::{BASIC, OTHER, PREMIUM};
use portal_core::e2ee::keyring::{Keyring, Options, Policy};
use portal_core::e2ee::{PublicKey, SecretKey};
use portal_core::random::SystemRandom;
use proptest::prelude::*;
use serde_json::json;

const KEY: [u8; 32] = [0x5a; 32];

fn reopened(ring: &Keyring, user: u64, session: u64) -> Keyring {
    let sealed = ring.export(&KEY, &SystemRandom).unwrap();
    Keyring::import(&sealed, &KEY, user, session, Policy::default()).unwrap()
}

#[test]
fn a_restart_from_an_export_goes_on_where_it_was_e2ee_8() {
    let mut ring = Ring::new();
    let chat = ring.stage.room(&[BASIC, OTHER]);
    let pia = ring.joined(PREMIUM, chat);
    let ben = ring.joined(BASIC, chat);
    let (id, envelope) = ring.say(pia, chat, "before");
    assert_eq!(ring.reads(ben, chat, id, pia, &envelope), "before");
    ring.disconnect(ben);
    let person = &mut ring.people[ben];
    let session = person.session.get().unsigned_abs();
    let before = person.ring.people();
    person.ring = reopened(&person.ring, person.user.unsigned_abs(), session);
    assert_eq!(person.ring.people(), before);
    // What was read is remembered, and what was pinned is pinned.
    assert_eq!(ring.reads(ben, chat, id, pia, &envelope), "before");
    assert_eq!(ring.reads(ben, chat, id + 1, pia, &envelope), "ERR_DECRYPT");
    assert_eq!(ring.people[ben].ring.epoch(chat.into()), Some(1));
    ring.reconnect(ben);
    ring.join(ben, chat);
    ring.pump();
    assert_eq!(ring.people[ben].outcomes("key.reject").len(), 0);
    assert_eq!(ring.people[ben].outcomes("key.renew").len(), 0);
    ring.all_talk(chat, &[pia, ben]);
    let readers = ring.people[pia].ring.sessions(chat.into(), 1);
    ring.disconnect(pia);
    let person = &mut ring.people[pia];
    person.ring = reopened(&person.ring, person.user.unsigned_abs(), 1);
    assert_eq!(person.ring.sessions(chat.into(), 1), readers);
}

#[test]
fn a_key_that_was_made_but_not_answered_for_survives_a_restart_spec_8_4() {
    for was_published in [true, false] {
        let mut ring = Ring::new();
        let chat = ring.stage.room(&[]);
        let pia = ring.device(PREMIUM);
        ring.join(pia, chat);
        assert!(ring.call_next(pia) && ring.call_next(pia));
        // Exported before the request is called, and the process ends before its answer is heard.
        let person = &mut ring.people[pia];
        let session = person.session.get().unsigned_abs();
        let saved = reopened(&person.ring, person.user.unsigned_abs(), session);
        if was_published {
            ring.call_next(pia);
        }
        ring.disconnect(pia);
        ring.people[pia].ring = saved;
        ring.people[pia].keys.clear();
        assert!(
            ring.people[pia]
                .ring
                .seal(chat.into(), "not yet", &SystemRandom)
                .is_err()
        );
        ring.reconnect(pia);
        ring.join(pia, chat);
        ring.pump();
        assert_eq!(ring.people[pia].keys, [(chat.into(), 1)]);
        assert_eq!(ring.people[pia].outcomes("key.reject").len(), 0);
        ring.all_talk(chat, &[pia]);
    }
}

#[test]
fn another_key_version_or_user_and_every_damage_is_refused_e2ee_8() {
    let ring = Keyring::new(Options::new(7, 8, SecretKey::generate(&SystemRandom))).unwrap();
    let sealed = ring.export(&KEY, &SystemRandom).unwrap();
    let import = |sealed: &str, key: &[u8; 32], user: u64| {
        let imported = Keyring::import(sealed, key, user, 8, Policy::default());
        imported.map_err(|error| (error.code(), error.field()))
    };
    let refused = |imported: Result<Keyring, _>| imported.map(|_| ()).unwrap_err();
    assert!(import(&sealed, &KEY, 7).is_ok());
    assert_eq!(refused(import(&sealed, &[0; 32], 7)), ("ERR_DECRYPT", None));
    assert_eq!(
        refused(import(&sealed, &KEY, 9)),
        ("ERR_INVALID", Some("user_id"))
    );
    assert_eq!(refused(import("", &KEY, 7)), ("ERR_DECRYPT", None));
    let bytes = STANDARD.decode(&sealed).unwrap();
    for place in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[place] ^= 4;
        // The fifteenth byte is the version.
        let expected = match place {
            14 => ("ERR_INVALID", Some("sealed")),
            _ => ("ERR_DECRYPT", None),
        };
        assert_eq!(
            refused(import(&STANDARD.encode(damaged), &KEY, 7)),
            expected,
            "{place}"
        );
        let short = STANDARD.encode(&bytes[..place]);
        let code = refused(import(&short, &KEY, 7)).0;
        assert_eq!(code, "ERR_DECRYPT", "{place}");
    }
    // What is sealed does not show.
    assert!(!bytes.windows(10).any(|window| window == b"secret_key"));
    assert_ne!(
        sealed,
        ring.export(&KEY, &SystemRandom).unwrap(),
        "a nonce is used once"
    );
}

/// One thing that happens to a keyring without a server.
#[derive(Clone, Debug)]
enum Happening {
    Join(u64, bool, u64),
    Destroy(u64),
    Meet(u64, u8),
    Decide(usize, bool),
    Say(u64),
}

fn happenings() -> impl Strategy<Value = Vec<Happening>> {
    let one = prop_oneof![
        (1..5u64, any::<bool>(), 1..9u64)
            .prop_map(|(chat, two, epoch)| Happening::Join(chat, two, epoch)),
        (1..5u64).prop_map(Happening::Destroy),
        (1..4u64, any::<u8>()).prop_map(|(user, seed)| Happening::Meet(user, seed)),
        (any::<usize>(), any::<bool>())
            .prop_map(|(which, accept)| Happening::Decide(which, accept)),
        (1..5u64).prop_map(Happening::Say),
    ];
    proptest::collection::vec(one, 0..40)
}

/// Answers every request as a server would where this session is alone.
fn alone(
    ring: &mut Keyring,
    random: &Seeded,
    mut step: portal_core::e2ee::keyring::Step,
    epochs: &[u64; 8],
) {
    use portal_core::e2ee::keyring::Answer;
    while let Some(request) = step.requests.pop() {
        let chat = request.params["chat_id"].as_u64().unwrap_or(0);
        let epoch = epochs[usize::try_from(chat).unwrap()];
        let key = ring.public_key().to_base64();
        let own = json!({ "user_id": 50, "session_id": 60, "public_key": key });
        let reply = json!({
            "status": "registered", "epoch": epoch, "published": false, "key_check": null, "holdback_ms": 0,
            "sessions": [own], "blob": null
        });
        let next = ring.reply(request.id, Answer::Done(&reply.to_string()), 5, random);
        step.requests.extend(next.unwrap().requests);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn what_was_exported_comes_back_whole_e2ee_8(program in happenings(), key: [u8; 32]) {
        let random = Seeded::new(3);
        let mut ring = Keyring::new(Options::new(50, 60, SecretKey::generate(&random))).unwrap();
        let mut epochs = [1; 8];
        let mut messages = Vec::new();
        for happening in program {
            match happening {
                Happening::Join(chat, two, epoch) => {
                    let at = usize::try_from(chat).unwrap();
                    epochs[at] = epochs[at].max(epoch);
                    let e2ee = if two { 2 } else { 3 };
                    let joined = json!({ "chat": { "id": chat, "e2ee": e2ee, "epoch": epochs[at] } });
                    let step = ring.event("room.join", &joined.to_string(), 5, &random).unwrap();
                    alone(&mut ring, &random, step, &epochs);
                }
                Happening::Destroy(chat) => {
                    let gone = json!({ "chat_id": chat }).to_string();
                    ring.event("room:destroyed", &gone, 6, &random).unwrap();
                }
                Happening::Meet(user, seed) => {
                    let key = SecretKey::generate(&Seeded::new(seed.into()));
                    for (chat, epoch) in epochs.iter().enumerate().skip(1) {
                        let needed = json!({
                            "chat_id": chat, "epoch": epoch, "user_id": user, "session_id": 9,
                            "holder_session": 60, "public_key": key.public_key().to_base64()
                        });
                        ring.event("portal:key_needed", &needed.to_string(), 7, &random).unwrap();
                    }
                }
                Happening::Decide(which, accept) => {
                    let people = ring.people();
                    if let Some(known) = people.get(which % people.len().max(1)) {
                        let key: PublicKey = known.public_key;
                        ring.decide(known.user_id, &key, accept, 8, &random).unwrap();
                    }
                }
                Happening::Say(chat) => {
                    if let Ok(envelope) = ring.seal(chat, "kept", &random) {
                        let id = 100 + messages.len() as u64;
                        prop_assert_eq!(ring.open(chat, id, 50, &envelope).unwrap(), "kept");
                        messages.push((chat, id, envelope));
                    }
                }
            }
        }
        let sealed = ring.export(&key, &random).unwrap();
        let mut back = Keyring::import(&sealed, &key, 50, 60, Policy::default()).unwrap();
        prop_assert_eq!(back.people(), ring.people());
        prop_assert_eq!(back.public_key(), ring.public_key());
        for chat in 1..5 {
            prop_assert_eq!(back.epoch(chat), ring.epoch(chat));
            for epoch in 1..9 {
                prop_assert_eq!(back.holds(chat, epoch), ring.holds(chat, epoch));
                prop_assert_eq!(back.sessions(chat, epoch), ring.sessions(chat, epoch));
            }
        }
        for (chat, id, envelope) in &messages {
            let read = [&mut ring, &mut back].map(|ring| ring.open(*chat, *id, 50, envelope));
            prop_assert_eq!(&read[0], &read[1]);
            let again = [&mut ring, &mut back].map(|ring| ring.open(*chat, id + 500, 50, envelope));
            prop_assert!(again.iter().all(Result::is_err));
        }
        // Sealed again with the same nonce it is the same text: nothing was lost or turned round.
        let [first, second] = [&ring, &back].map(|ring| ring.export(&key, &Seeded::new(4)).unwrap());
        prop_assert_eq!(first, second);
    }
}
