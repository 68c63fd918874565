//! Keys: what goes in, what comes out, and what never does.

use portal_core::e2ee::{Error, KeyCheck, MessageKey, PublicKey, RoomKey, SecretKey};
use proptest::prelude::*;

use crate::support::{Given, b64, bytes, room_key, secret_key};

/// The points of small order on the curve and its twist, and the encodings of them beyond the
/// field's prime. All but the two of order eight are little numbers around 0 and the prime.
fn small_order() -> Vec<[u8; 32]> {
    let little = |first| {
        let mut bytes = [0; 32];
        bytes[0] = first;
        bytes
    };
    let prime = |first| {
        let mut bytes = [0xff; 32];
        (bytes[0], bytes[31]) = (first, 0x7f);
        bytes
    };
    let eighth = [
        "4Ot6fDtBuK4WVuP68Z/EatoJjeucMrH9hmIFFl9JuAA=",
        "X5yVvKNQjCSx0LFVnIPvWwREXMRYHI6G2CJO3dCfEVc=",
    ];
    let mut points = vec![little(0), little(1), prime(0xec), prime(0xed), prime(0xee)];
    points.extend(eighth.map(|point| <[u8; 32]>::try_from(bytes(point)).unwrap()));
    // The highest bit is ignored by X25519, so each has a twin.
    let twins = points.iter().map(|&point| {
        let mut twin = point;
        twin[31] |= 0x80;
        twin
    });
    let twins: Vec<_> = twins.collect();
    points.extend(twins);
    points
}

#[test]
fn public_keys_of_small_order_are_refused_in_every_encoding() {
    let refused = Error::InvalidKey { what: "public_key" };
    for point in small_order() {
        assert_eq!(PublicKey::from_bytes(point), Err(refused), "{point:02x?}");
        assert_eq!(PublicKey::from_base64(&b64(point)), Err(refused));
    }
    assert_eq!(
        (refused.code(), refused.field()),
        ("ERR_INVALID", Some("public_key"))
    );
}

#[test]
fn a_key_is_read_from_canonical_base64_of_32_bytes_only() {
    let good = b64([9; 32]);
    let bad = [
        "",
        "AAAA",
        &good[..43],
        &good.replace('=', ""),
        &format!("{good}="),
        &format!(" {good}"),
        &format!("{good}\n"),
        &b64([9; 31]),
        &b64([9; 33]),
        // The same 32 bytes, but for two bits that no byte uses.
        &good.replace("k=", "l="),
        &b64([0xff; 32]).replace('/', "_"),
    ];
    for text in bad {
        assert!(PublicKey::from_base64(text).is_err(), "{text}");
        assert!(SecretKey::from_base64(text).is_err(), "{text}");
        assert!(RoomKey::from_base64(text).is_err(), "{text}");
        assert!(MessageKey::from_base64(text).is_err(), "{text}");
        assert!(KeyCheck::from_base64(text).is_err(), "{text}");
    }
    assert_eq!(PublicKey::from_base64(&good).unwrap().to_base64(), good);
    assert_eq!(*SecretKey::from_base64(&good).unwrap().to_base64(), good);
    assert_eq!(*RoomKey::from_base64(&good).unwrap().to_base64(), good);
    assert_eq!(*MessageKey::from_base64(&good).unwrap().to_base64(), good);
}

#[test]
fn a_key_goes_out_and_comes_back_as_its_bytes() {
    let bytes = [0x5a; 32];
    let secret = SecretKey::from_bytes(&bytes);
    assert_eq!((&secret, secret.as_bytes()), (&secret_key(&bytes), &bytes));
    let key = RoomKey::from_bytes(&bytes);
    assert_eq!((&key, key.as_bytes()), (&room_key(&bytes), &bytes));
    let check = KeyCheck::from_bytes([0x5a; 16]);
    assert_eq!(check.to_base64(), b64([0x5a; 16]));
    assert_eq!(check.as_bytes(), &[0x5a; 16]);
}

#[test]
fn new_keys_are_the_random_bytes_that_were_given() {
    let random = Given::new(&[[1; 32], [2; 32]].concat());
    assert_eq!(SecretKey::generate(&random), secret_key(&[1; 32]));
    assert_eq!(RoomKey::generate(&random), room_key(&[2; 32]));
}

#[test]
fn secrets_print_as_redacted_and_public_keys_as_base64() {
    let secret = secret_key(&[0x11; 32]);
    let public = secret.public_key().to_base64();
    assert_eq!(
        format!("{secret:?}"),
        format!("SecretKey {{ secret: [redacted], public: PublicKey({public}) }}"),
    );
    assert_eq!(
        format!("{:?}", room_key(&[0x11; 32])),
        "RoomKey([redacted])"
    );
    let message_key = MessageKey::from_base64(&b64([0x11; 32])).unwrap();
    assert_eq!(format!("{message_key:?}"), "MessageKey([redacted])");
    assert_eq!(secret.public_key().to_string(), public);
}

proptest! {
    #[test]
    fn keys_are_equal_when_all_their_bytes_are(key: [u8; 32], bit in 0..256_usize) {
        let mut other = key;
        crate::support::flip(&mut other, bit);
        prop_assert_eq!(room_key(&key), room_key(&key));
        prop_assert_ne!(room_key(&key), room_key(&other));
    }

    #[test]
    fn the_public_key_of_any_secret_is_accepted(secret: [u8; 32]) {
        let secret = secret_key(&secret);
        prop_assert!(PublicKey::from_bytes(*secret.public_key().as_bytes()).is_ok());
    }
}
