//! HPKE's authenticated mode written down from RFC 9180, as the second opinion on the hpke crate.
//!
//! The crate cannot be told which ephemeral key to use, so the vectors, which name one, are made
//! with this; and what the crate makes is compared with this, byte for byte.

use aes_gcm::aead::{Aead as _, KeyInit as _, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use hkdf::Hkdf;
use sha2::Sha256;
use x25519_dalek::{PublicKey, StaticSecret};

/// DHKEM(X25519, HKDF-SHA256).
const KEM: &[u8] = b"KEM\x00\x20";
/// The same with HKDF-SHA256 and AES-256-GCM.
const HPKE: &[u8] = b"HPKE\x00\x20\x00\x01\x00\x02";
const MODE_AUTH: u8 = 2;

/// `SealAuth` with a given ephemeral secret: the encapsulated key, then the ciphertext.
pub(crate) fn seal_auth(
    ephemeral: [u8; 32],
    sender: [u8; 32],
    recipient: [u8; 32],
    info: &[u8],
    aad: &[u8],
    plaintext: &[u8],
) -> Vec<u8> {
    let (ephemeral, sender) = (StaticSecret::from(ephemeral), StaticSecret::from(sender));
    let recipient = PublicKey::from(recipient);
    let enc = PublicKey::from(&ephemeral).to_bytes();

    let dh = [
        ephemeral.diffie_hellman(&recipient).to_bytes(),
        sender.diffie_hellman(&recipient).to_bytes(),
    ]
    .concat();
    let kem_context = [
        enc,
        recipient.to_bytes(),
        PublicKey::from(&sender).to_bytes(),
    ]
    .concat();
    let shared_secret: [u8; 32] = labeled_expand(
        &labeled_extract(KEM, b"", b"eae_prk", &dh),
        KEM,
        b"shared_secret",
        &kem_context,
    );

    let mut schedule = vec![MODE_AUTH];
    schedule.extend(labeled_extract(HPKE, b"", b"psk_id_hash", b""));
    schedule.extend(labeled_extract(HPKE, b"", b"info_hash", info));
    let secret = labeled_extract(HPKE, &shared_secret, b"secret", b"");
    let key: [u8; 32] = labeled_expand(&secret, HPKE, b"key", &schedule);
    let nonce: [u8; 12] = labeled_expand(&secret, HPKE, b"base_nonce", &schedule);

    let sealed = Aes256Gcm::new(&key.into())
        .encrypt(
            &Nonce::from(nonce),
            Payload {
                msg: plaintext,
                aad,
            },
        )
        .unwrap();
    [&enc[..], &sealed].concat()
}

/// `DeriveKeyPair`, the secret half.
pub(crate) fn derive_secret(ikm: &[u8]) -> [u8; 32] {
    labeled_expand(&labeled_extract(KEM, b"", b"dkp_prk", ikm), KEM, b"sk", b"")
}

fn labeled_extract(suite: &[u8], salt: &[u8], label: &[u8], ikm: &[u8]) -> [u8; 32] {
    let labeled = [b"HPKE-v1", suite, label, ikm].concat();
    Hkdf::<Sha256>::extract(Some(salt), &labeled).0.into()
}

fn labeled_expand<const N: usize>(prk: &[u8], suite: &[u8], label: &[u8], info: &[u8]) -> [u8; N] {
    let length = u16::try_from(N).unwrap().to_be_bytes();
    let labeled = [&length, &b"HPKE-v1"[..], suite, label, info].concat();
    let mut out = [0; N];
    Hkdf::<Sha256>::from_prk(prk)
        .unwrap()
        .expand(&labeled, &mut out)
        .unwrap();
    out
}
