//! Wrapped room keys: who can open them, and who cannot.

use portal_core::e2ee::{
    Ctx, Delivery, Error, KeyCheck, PublicKey, RoomCipher, SecretKey, Suite, suite2, suite3,
};
use portal_core::random::SystemRandom;
use proptest::prelude::*;

use crate::support::{Seeded, b64, bytes, ctx, flip, room_key, secret_key};

const ANA: u64 = 1_000_003;
const BEN: u64 = 2_000_029;
const BOTH: [Suite; 2] = [Suite::Two, Suite::Three];

fn ana() -> SecretKey {
    secret_key(&[0xa1; 32])
}

fn ben() -> SecretKey {
    secret_key(&[0xbe; 32])
}

fn eve() -> SecretKey {
    secret_key(&[0xee; 32])
}

fn cipher(suite: Suite) -> RoomCipher {
    RoomCipher::new(suite, ctx(), room_key(&[0x21; 32]))
}

fn from_ana_to_ben(suite: Suite) -> (String, KeyCheck) {
    let cipher = cipher(suite);
    let blob = cipher
        .wrap(BEN, ben().public_key(), &ana(), &SystemRandom)
        .unwrap();
    (blob, cipher.check())
}

fn open(
    suite: Suite,
    ctx: Ctx,
    (blob, check): (&str, &KeyCheck),
    user_id: u64,
    secret: &SecretKey,
    sender: &PublicKey,
) -> Result<RoomCipher, Error> {
    let check = Some(check);
    RoomCipher::unwrap(
        suite,
        ctx,
        &Delivery {
            blob,
            sender,
            check,
        },
        user_id,
        secret,
    )
}

#[test]
fn a_wrapped_key_opens_for_its_recipient_and_is_the_same_key() {
    for suite in BOTH {
        let (blob, check) = from_ana_to_ben(suite);
        suite.check_blob(&blob).unwrap();
        let opened = open(
            suite,
            ctx(),
            (&blob, &check),
            BEN,
            &ben(),
            ana().public_key(),
        )
        .unwrap();
        assert_eq!(opened.room_key(), cipher(suite).room_key());
        assert_eq!((opened.suite(), opened.ctx()), (suite, ctx()));
    }
}

#[test]
fn a_wrapped_key_opens_for_nobody_else_and_from_nobody_else() {
    for suite in BOTH {
        let (blob, check) = from_ana_to_ben(suite);
        let refused = |ctx, user_id, secret: &SecretKey, sender: &SecretKey| {
            open(
                suite,
                ctx,
                (&blob, &check),
                user_id,
                secret,
                sender.public_key(),
            )
            .unwrap_err()
                == Error::Decrypt
        };
        assert!(refused(ctx(), BEN, &eve(), &ana()), "another recipient");
        assert!(refused(ctx(), BEN, &ben(), &eve()), "another sender");
        assert!(
            refused(Ctx::new(70_008, 12).unwrap(), BEN, &ben(), &ana()),
            "another chat"
        );
        assert!(
            refused(Ctx::new(70_007, 13).unwrap(), BEN, &ben(), &ana()),
            "another epoch"
        );
    }
}

#[test]
fn suite_3_binds_chat_epoch_and_recipient_by_itself_where_suite_2_leaves_it_to_the_check() {
    let key = room_key(&[0x21; 32]);
    let (in_two, _) = from_ana_to_ben(Suite::Two);
    let (in_three, _) = from_ana_to_ben(Suite::Three);
    let (ben, ana) = (ben(), ana());
    let from = ana.public_key();
    assert_eq!(suite2::unwrap(&in_two, &ben, from).as_ref(), Ok(&key));
    assert_eq!(
        suite3::unwrap(ctx(), &in_three, BEN, &ben, from).as_ref(),
        Ok(&key)
    );
    for (chat_id, epoch, user_id) in [(70_008, 12, BEN), (70_007, 13, BEN), (70_007, 12, ANA)] {
        let ctx = Ctx::new(chat_id, epoch).unwrap();
        assert_eq!(
            suite3::unwrap(ctx, &in_three, user_id, &ben, from),
            Err(Error::Decrypt)
        );
    }
}

#[test]
fn a_key_that_is_not_the_epochs_is_refused() {
    for suite in BOTH {
        let (blob, _) = from_ana_to_ben(suite);
        let other = KeyCheck::of(suite, ctx(), &room_key(&[0x22; 32]));
        let opened = open(
            suite,
            ctx(),
            (&blob, &other),
            BEN,
            &ben(),
            ana().public_key(),
        );
        assert_eq!(opened.unwrap_err(), Error::Decrypt);
    }
}

#[test]
fn suite_3_opens_no_key_without_a_check_and_suite_2_does() {
    for suite in BOTH {
        let (blob, _) = from_ana_to_ben(suite);
        let ana = ana();
        let delivery = Delivery {
            blob: &blob,
            sender: ana.public_key(),
            check: None,
        };
        let opened = RoomCipher::unwrap(suite, ctx(), &delivery, BEN, &ben());
        assert_eq!(opened.is_ok(), suite == Suite::Two);
    }
}

#[test]
fn checks_differ_between_suites_chats_and_epochs() {
    let key = room_key(&[0x21; 32]);
    let check = |suite, chat_id, epoch| {
        KeyCheck::of(suite, Ctx::new(chat_id, epoch).unwrap(), &key).to_base64()
    };
    let mut all = vec![check(Suite::Two, 7, 9), check(Suite::Three, 7, 9)];
    all.extend([check(Suite::Three, 9, 7), check(Suite::Three, 7, 8)]);
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 4);
}

#[test]
fn every_bit_of_a_blob_counts() {
    for suite in BOTH {
        let (blob, check) = from_ana_to_ben(suite);
        let blob = bytes(&blob);
        assert_eq!(blob.len(), suite.blob_bytes());
        for bit in 0..8 * blob.len() {
            // Even the highest bit of the ephemeral key: X25519 ignores it, but HPKE binds the key
            // as it was sent.
            let mut other = blob.clone();
            flip(&mut other, bit);
            let other = b64(&other);
            let opened = open(
                suite,
                ctx(),
                (&other, &check),
                BEN,
                &ben(),
                ana().public_key(),
            );
            assert_eq!(opened.unwrap_err(), Error::Decrypt, "bit {bit}");
        }
    }
}

#[test]
fn a_blob_is_canonical_base64_of_exactly_the_suites_length() {
    for (suite, bytes) in [(Suite::Two, 72), (Suite::Three, 80)] {
        let refusal = Error::InvalidBlob { bytes };
        assert_eq!(suite.blob_bytes(), bytes);
        assert_eq!(suite.check_blob(&b64(vec![7; bytes])), Ok(()));
        for length in [0, 71, 73, 79, 81, 152 - bytes] {
            assert_eq!(suite.check_blob(&b64(vec![7; length])), Err(refusal));
        }
        let blob = b64(vec![0xff; bytes]);
        for text in [
            &blob.replace('/', "_"),
            &format!("{blob}\n"),
            &blob.replace('=', ""),
        ] {
            let padded = text == &blob;
            assert_eq!(suite.check_blob(text).is_ok(), padded, "{text}");
        }
        assert_eq!(
            (refusal.code(), refusal.field()),
            ("ERR_INVALID", Some("blob"))
        );
    }
}

#[test]
fn what_is_no_blob_is_answered_like_everything_that_does_not_open() {
    for suite in BOTH {
        let (_, check) = from_ana_to_ben(suite);
        for blob in ["", "?", &b64([7; 71]), &b64([0; 72]), &b64([0; 80])] {
            let opened = open(
                suite,
                ctx(),
                (blob, &check),
                BEN,
                &ben(),
                ana().public_key(),
            );
            assert_eq!(opened.unwrap_err(), Error::Decrypt);
        }
    }
}

#[test]
fn a_recipient_that_is_no_user_is_refused_in_suite_3() {
    let wrapped = cipher(Suite::Three).wrap(0, ben().public_key(), &ana(), &SystemRandom);
    assert_eq!(wrapped, Err(Error::OutOfRange { what: "user_id" }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_key_between_any_two_sessions_comes_back(
        key: [u8; 32],
        sender: [u8; 32],
        recipient: [u8; 32],
        chat_id in 1..(1_u64 << 53),
        epoch in 1..(1_u64 << 53),
        user_id in 1..(1_u64 << 53),
        seed: u64,
    ) {
        let (sender, recipient) = (secret_key(&sender), secret_key(&recipient));
        let ctx = Ctx::new(chat_id, epoch).unwrap();
        for suite in BOTH {
            let cipher = RoomCipher::new(suite, ctx, room_key(&key));
            let to = recipient.public_key();
            let blob = cipher.wrap(user_id, to, &sender, &Seeded::new(seed)).unwrap();
            let delivered = (&blob[..], &cipher.check());
            let opened = open(suite, ctx, delivered, user_id, &recipient, sender.public_key());
            let opened = opened.unwrap();
            prop_assert_eq!(opened.room_key(), &room_key(&key));
        }
    }
}
