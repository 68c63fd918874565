//! Messages: what is sealed opens, and nothing else does.

use portal_core::e2ee::suite3::{SenderKey, verify_disclosure};
use portal_core::e2ee::{
    Ctx, Envelope, Error, MAX_ENVELOPE_BYTES, MAX_NUMBER, MessageKey, RoomCipher, Suite, suite2,
};
use portal_core::random::SystemRandom;
use proptest::prelude::*;

use crate::support::{Seeded, altered, b64, bytes, ctx, envelope, flip, room_key, who};

const BOTH: [Suite; 2] = [Suite::Two, Suite::Three];

fn cipher(suite: Suite) -> RoomCipher {
    RoomCipher::new(suite, ctx(), room_key(&[0x21; 32]))
}

#[test]
fn every_length_up_to_the_limit_comes_back_and_fits_an_envelope() {
    let random = Seeded::new(1);
    // Two bytes a character, so that lengths in bytes and in characters differ.
    let text = format!("{}a", "é".repeat(1501));
    for suite in BOTH {
        let mut cipher = cipher(suite);
        for length in 0..=suite.max_plaintext() {
            let text = text
                .get(..length)
                .map_or_else(|| "x".repeat(length), str::to_owned);
            let sealed = cipher.seal(5, &text, &random).unwrap();
            let ct = Envelope::parse(&sealed).unwrap().decode().unwrap().len();
            match suite {
                Suite::Two => assert_eq!(ct, 40 + length),
                Suite::Three => assert_eq!(ct, 64 + 64 * (length / 64 + 1)),
            }
            assert_eq!(cipher.open(5, &sealed).unwrap(), text);
        }
    }
}

#[test]
fn the_longest_text_fits_at_the_last_epoch_and_one_byte_more_is_refused_at_the_first() {
    for suite in BOTH {
        let max = suite.max_plaintext();
        let last = Ctx::new(MAX_NUMBER, MAX_NUMBER).unwrap();
        let mut cipher = RoomCipher::new(suite, last, room_key(&[1; 32]));
        let sealed = cipher
            .seal(MAX_NUMBER, &"x".repeat(max), &SystemRandom)
            .unwrap();
        assert!(sealed.len() <= MAX_ENVELOPE_BYTES);
        assert_eq!(cipher.open(MAX_NUMBER, &sealed).unwrap().len(), max);

        let first = Ctx::new(1, 1).unwrap();
        let mut cipher = RoomCipher::new(suite, first, room_key(&[1; 32]));
        let refusal = cipher
            .seal(1, &"x".repeat(max + 1), &SystemRandom)
            .unwrap_err();
        assert_eq!(refusal, Error::TooLong { max });
        assert_eq!(
            (refusal.code(), refusal.field()),
            ("ERR_INVALID", Some("plaintext"))
        );
    }
    assert_eq!(BOTH.map(Suite::max_plaintext), [3002, 2943]);
}

#[test]
fn a_sender_that_is_no_user_is_refused_when_sealing_and_opens_nothing() {
    let mut cipher = cipher(Suite::Three);
    let refusal = cipher.seal(0, "hi", &SystemRandom).unwrap_err();
    assert_eq!(refusal, Error::OutOfRange { what: "sender_id" });
    let sealed = cipher.seal(5, "hi", &SystemRandom).unwrap();
    assert_eq!(cipher.open(0, &sealed), Err(Error::Decrypt));
}

#[test]
fn every_bit_of_a_ciphertext_counts() {
    for suite in BOTH {
        let mut cipher = cipher(suite);
        let sealed = cipher.seal(5, "not a bit", &SystemRandom).unwrap();
        let bits = 8 * Envelope::parse(&sealed).unwrap().decode().unwrap().len();
        for bit in 0..bits {
            let other = altered(&sealed, |ct| flip(ct, bit));
            assert_eq!(cipher.open(5, &other), Err(Error::Decrypt), "bit {bit}");
        }
    }
}

#[test]
fn what_is_no_envelope_is_answered_like_everything_that_does_not_open() {
    for suite in BOTH {
        let mut cipher = cipher(suite);
        let sealed = cipher.seal(5, "hi", &SystemRandom).unwrap();
        let escaped = sealed.replacen("\"v\"", "\"\\u0076\"", 1);
        for text in ["", "hi", "{}", &sealed[1..], &escaped] {
            assert_eq!(cipher.open(5, text), Err(Error::Decrypt));
        }
    }
}

/// Opening decodes what parsing would have looked at before, so the rule of the envelope has to hold here too.
#[test]
fn a_ciphertext_that_is_no_canonical_base64_or_too_short_does_not_open() {
    for suite in BOTH {
        let mut cipher = cipher(suite);
        // 41 bytes or 128: the last symbol before the padding has bits that no byte uses.
        let sealed = cipher.seal(5, "x", &SystemRandom).unwrap();
        assert!(cipher.open(5, &sealed).is_ok() && sealed.ends_with("=\"}"));
        let padding = sealed.len() - sealed.trim_end_matches("\"}").trim_end_matches('=').len();
        let (symbols, padding) = sealed.split_at(sealed.len() - padding);
        let (rest, last) = symbols.split_at(symbols.len() - 1);
        let next = char::from(last.as_bytes()[0] + 1);
        for other in [
            format!("{rest}{next}{padding}"),
            format!("{symbols}\"}}"),
            format!("{symbols}={padding}"),
            format!("{rest}\\u0041{padding}"),
            format!("{rest} {last}{padding}"),
        ] {
            assert!(Envelope::parse(&other).is_err(), "{other}");
            assert_eq!(cipher.open(5, &other), Err(Error::Decrypt), "{other}");
        }
        for length in 0..Envelope::parse(&sealed).unwrap().decode().unwrap().len() {
            let other = altered(&sealed, |ct| ct.truncate(length));
            assert_eq!(cipher.open(5, &other), Err(Error::Decrypt), "{length}");
        }
    }
}

#[test]
fn a_message_does_not_open_in_the_other_suite() {
    let [mut two, mut three] = BOTH.map(cipher);
    let in_two = two.seal(5, &"x".repeat(88), &SystemRandom).unwrap();
    let in_three = three.seal(5, "hi", &SystemRandom).unwrap();
    assert_eq!(three.open(5, &in_two), Err(Error::Decrypt));
    assert_eq!(two.open(5, &in_three), Err(Error::Decrypt));
    // Nor with the other's number on it: both are 128 bytes, lawful in either.
    assert_eq!(
        three.open(5, &in_two.replacen('2', "3", 1)),
        Err(Error::Decrypt)
    );
    assert_eq!(
        two.open(5, &in_three.replacen('3', "2", 1)),
        Err(Error::Decrypt)
    );
}

#[test]
fn a_suite_3_message_opens_only_in_its_chat_epoch_and_sender() {
    let key = room_key(&[0x21; 32]);
    let sealed = SenderKey::derive(&key, who())
        .seal("mine", &SystemRandom)
        .unwrap();
    let (chat, epoch, sender) = (70_007, 12, 1_000_003);
    for (chat, epoch, sender) in [
        (chat + 1, epoch, sender),
        (chat, epoch + 1, sender),
        (chat, epoch, sender + 1),
        (epoch, chat, sender),
        (sender, epoch, chat),
    ] {
        let other = Ctx::new(chat, epoch).unwrap().sender(sender).unwrap();
        // Told to be of that epoch, so that it is the key that refuses.
        let ct = Envelope::parse(&sealed).unwrap().decode().unwrap();
        let claimed = envelope(3, epoch, &ct);
        let claimed = Envelope::parse(&claimed).unwrap();
        assert_eq!(
            SenderKey::derive(&key, other).open(&claimed),
            Err(Error::Decrypt)
        );
    }
}

#[test]
fn an_envelope_that_names_another_epoch_does_not_open() {
    for suite in BOTH {
        let mut cipher = cipher(suite);
        let sealed = cipher.seal(5, "hi", &SystemRandom).unwrap();
        let other = sealed.replacen(r#""epoch":12"#, r#""epoch":13"#, 1);
        assert_ne!(sealed, other);
        assert_eq!(cipher.open(5, &other), Err(Error::Decrypt));
    }
}

#[test]
fn a_suite_2_message_that_is_not_utf8_does_not_open() {
    use crypto_secretbox::aead::{Aead as _, KeyInit as _};
    let (key, nonce) = ([0x21; 32], [9; 24]);
    let sealed = crypto_secretbox::XSalsa20Poly1305::new(&key.into())
        .encrypt(&nonce.into(), &b"caf\xe9"[..])
        .unwrap();
    let text = envelope(2, ctx().epoch(), &[&nonce[..], &sealed].concat());
    let envelope = Envelope::parse(&text).unwrap();
    assert_eq!(
        suite2::open(ctx(), &room_key(&key), &envelope),
        Err(Error::Decrypt)
    );
}

#[test]
fn a_disclosure_shows_what_readers_saw_and_opens_nothing_else() {
    let mut cipher = cipher(Suite::Three);
    let sender = who().sender_id();
    let first = cipher.seal(sender, "an insult", &SystemRandom).unwrap();
    let second = cipher.seal(sender, "an insult", &SystemRandom).unwrap();
    let (one, two) = (
        Envelope::parse(&first).unwrap(),
        Envelope::parse(&second).unwrap(),
    );
    let key = cipher.disclose(sender, &first).unwrap();
    let key = MessageKey::from_base64(&key.to_base64()).unwrap();
    assert_eq!(verify_disclosure(who(), &one, &key).unwrap(), "an insult");
    assert_eq!(verify_disclosure(who(), &two, &key), Err(Error::Decrypt));
    let other_sender = ctx().sender(sender + 1).unwrap();
    assert_eq!(
        verify_disclosure(other_sender, &one, &key),
        Err(Error::Decrypt)
    );
    let other_chat = Ctx::new(70_008, 12).unwrap().sender(sender).unwrap();
    assert_eq!(
        verify_disclosure(other_chat, &one, &key),
        Err(Error::Decrypt)
    );
}

#[test]
fn a_message_that_does_not_open_cannot_be_disclosed() {
    let mut cipher = cipher(Suite::Three);
    let sealed = cipher.seal(5, "hi", &SystemRandom).unwrap();
    let broken = altered(&sealed, |ct| flip(ct, 8 * 60));
    assert_eq!(cipher.disclose(5, &broken), Err(Error::Decrypt));
    assert_eq!(cipher.disclose(6, &sealed), Err(Error::Decrypt));
}

#[test]
fn suite_2_has_no_disclosure() {
    let mut cipher = cipher(Suite::Two);
    let sealed = cipher.seal(5, "hi", &SystemRandom).unwrap();
    let refusal = cipher.disclose(5, &sealed).unwrap_err();
    assert_eq!(
        (refusal.code(), refusal.field()),
        ("ERR_INVALID", Some("disclosure"))
    );
    // Nor does the verifier take it for one of suite 3.
    let envelope = Envelope::parse(&sealed).unwrap();
    let key = MessageKey::from_base64(&b64([0; 32])).unwrap();
    assert_eq!(
        verify_disclosure(who(), &envelope, &key),
        Err(Error::Decrypt)
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_text_comes_back(text in "\\PC{0,300}", seed: u64, key: [u8; 32]) {
        for suite in BOTH {
            let mut cipher = RoomCipher::new(suite, ctx(), room_key(&key));
            let sealed = cipher.seal(5, &text, &Seeded::new(seed)).unwrap();
            prop_assert_eq!(cipher.open(5, &sealed).unwrap(), &text[..]);
        }
    }

    #[test]
    fn any_changed_bit_of_any_message_is_refused(
        length in 0..2000_usize,
        bit: prop::sample::Index,
        seed: u64,
    ) {
        for suite in BOTH {
            let mut cipher = cipher(suite);
            let sealed = cipher.seal(5, &"x".repeat(length), &Seeded::new(seed)).unwrap();
            let other = altered(&sealed, |ct| {
                let bit = bit.index(8 * ct.len());
                flip(ct, bit);
            });
            prop_assert_eq!(cipher.open(5, &other), Err(Error::Decrypt));
        }
    }

    #[test]
    fn any_other_room_key_opens_nothing(key: [u8; 32], bit in 0..256_usize, seed: u64) {
        let mut other = key;
        flip(&mut other, bit);
        for suite in BOTH {
            let sealed = RoomCipher::new(suite, ctx(), room_key(&key))
                .seal(5, "hi", &Seeded::new(seed))
                .unwrap();
            let mut other = RoomCipher::new(suite, ctx(), room_key(&other));
            prop_assert_eq!(other.open(5, &sealed), Err(Error::Decrypt));
        }
    }

    #[test]
    fn a_forged_disclosure_is_refused(
        bit in 0..256_usize,
        seed: u64,
        forged: [u8; 32],
        length in 0..200_usize,
    ) {
        let mut cipher = cipher(Suite::Three);
        let sender = who().sender_id();
        let sealed = cipher.seal(sender, &"x".repeat(length), &Seeded::new(seed)).unwrap();
        let envelope = Envelope::parse(&sealed).unwrap();
        let mut near = bytes(&cipher.disclose(sender, &sealed).unwrap().to_base64());
        flip(&mut near, bit);
        for forged in [&near[..], &forged] {
            let forged = MessageKey::from_base64(&b64(forged)).unwrap();
            prop_assert_eq!(verify_disclosure(who(), &envelope, &forged), Err(Error::Decrypt));
        }
    }
}
