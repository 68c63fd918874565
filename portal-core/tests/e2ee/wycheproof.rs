//! The primitives on the vectors of Project Wycheproof: the corner cases in which implementations have gone wrong.
//!
//! The wrappers around them are private, so most of these tests call the same crates with the same parameters; what can go
//! through the library's own door does: whether a public key is accepted.

use std::collections::BTreeSet;

use ::wycheproof as vectors;
use aes_gcm::aead::consts::{U12, U16, U32};
use aes_gcm::aes::Aes256Enc;
use aes_gcm::{AeadInOut, Aes256Gcm, AesGcm, KeyInit};
use hkdf::Hkdf;
use hmac::{Hmac, Mac as _};
use portal_core::e2ee::{PublicKey, SecretKey};
use sha2::Sha256;
use vectors::TestResult;
use x25519_dalek::StaticSecret;

fn array<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    bytes.try_into().ok()
}

/// What `SecretKey`, `PublicKey` and HPKE do with X25519: a public key of 32 bytes that is not of small order.
#[test]
fn x25519_agrees_and_refuses_what_agrees_on_nothing() {
    let set = vectors::xdh::TestSet::load(vectors::xdh::TestName::X25519).unwrap();
    let (mut agreed, mut refused) = (0, 0);
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let (id, secret) = (test.tc_id, array::<32>(&test.private_key).unwrap());
        let Some(public) = array::<32>(&test.public_key) else {
            // Whoever hands over another length than 32 is refused by the type.
            assert_eq!(test.result, TestResult::Invalid, "{id}");
            continue;
        };
        let shared = StaticSecret::from(secret).diffie_hellman(&public.into());
        assert_eq!(&shared.as_bytes()[..], &test.shared_secret[..], "{id}");
        let nobody_knows_it = test.shared_secret.iter().any(|&byte| byte != 0);
        assert_eq!(
            PublicKey::from_bytes(public).is_ok(),
            nobody_knows_it,
            "{id}"
        );
        if nobody_knows_it {
            agreed += 1;
        } else {
            refused += 1;
        }
        // The public half of each secret is one that others accept.
        let ours = SecretKey::from_bytes(&secret);
        assert!(
            PublicKey::from_bytes(*ours.public_key().as_bytes()).is_ok(),
            "{id}"
        );
    }
    assert!(agreed > 400 && refused > 10, "{agreed}, {refused}");
}

/// As `kdf.rs` calls it: an absent salt for the empty one, and info in parts.
#[test]
fn hkdf_sha_256_expands_as_the_rfc_says() {
    let set = vectors::hkdf::TestSet::load(vectors::hkdf::TestName::HkdfSha256).unwrap();
    let mut seen = BTreeSet::new();
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let id = test.tc_id;
        let salt = Some(&test.salt[..]).filter(|salt| !salt.is_empty());
        seen.insert(salt.is_some());
        let (first, second) = test.info.split_at(test.info.len() / 2);
        let mut okm = vec![0; test.size];
        let done =
            Hkdf::<Sha256>::new(salt, &test.ikm).expand_multi_info(&[first, second], &mut okm);
        assert_eq!(done.is_ok(), !test.result.must_fail(), "{id}");
        if done.is_ok() {
            assert_eq!(okm[..], test.okm[..], "{id}");
        }
    }
    assert_eq!(seen.len(), 2);
}

/// As `kdf.rs` calls it, and with the comparison that commitments are given.
#[test]
fn hmac_sha_256_makes_the_tags_and_no_others() {
    let set = vectors::mac::TestSet::load(vectors::mac::TestName::HmacSha256).unwrap();
    let mut whole = 0;
    for group in &set.test_groups {
        for test in group.tests.iter().filter(|_| group.tag_size == 256) {
            let mut mac = Hmac::<Sha256>::new_from_slice(&test.key).unwrap();
            mac.update(&test.msg);
            let same = mac.verify_slice(&test.tag).is_ok();
            assert_eq!(same, !test.result.must_fail(), "{}", test.tc_id);
            whole += 1;
        }
    }
    assert!(whole > 50, "{whole}");
}

/// As suite 3 calls it, which never takes AES's other direction.
#[test]
fn aes_256_gcm_of_half_an_aes_seals_and_opens_what_it_should_and_nothing_else() {
    seals_and_opens::<AesGcm<Aes256Enc, U12>>();
}

/// As what a keyring exports is sealed.
#[test]
fn aes_256_gcm_seals_and_opens_what_it_should_and_nothing_else() {
    seals_and_opens::<Aes256Gcm>();
}

/// Keys of 32 bytes, nonces of 12, tags of 16, in place.
fn seals_and_opens<C>()
where
    C: AeadInOut<NonceSize = U12, TagSize = U16> + KeyInit<KeySize = U32>,
{
    let set = vectors::aead::TestSet::load(vectors::aead::TestName::AesGcm).unwrap();
    let (mut opened, mut refused) = (0, 0);
    let ours = |group: &&vectors::aead::TestGroup| {
        (group.key_size, group.nonce_size, group.tag_size) == (256, 96, 128)
    };
    for test in set
        .test_groups
        .iter()
        .filter(ours)
        .flat_map(|group| &group.tests)
    {
        let id = test.tc_id;
        let cipher = C::new(&array::<32>(&test.key).unwrap().into());
        let nonce = array::<12>(&test.nonce).unwrap().into();
        let tag = array::<16>(&test.tag).unwrap();

        let mut text = test.ct.to_vec();
        let open = cipher.decrypt_inout_detached(
            &nonce,
            &test.aad,
            text.as_mut_slice().into(),
            &tag.into(),
        );
        if test.result.must_fail() {
            assert!(open.is_err(), "{id}");
            refused += 1;
            continue;
        }
        open.unwrap();
        assert_eq!(text[..], test.pt[..], "{id}");
        let made = cipher.encrypt_inout_detached(&nonce, &test.aad, text.as_mut_slice().into());
        assert_eq!(
            (made.unwrap(), &text[..]),
            (tag.into(), &test.ct[..]),
            "{id}"
        );
        opened += 1;
    }
    assert!(opened > 30 && refused > 20, "{opened}, {refused}");
}
