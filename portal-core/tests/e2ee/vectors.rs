//! Every vector of `vectors/e2ee.json`, which other implementations made, in both directions.

use portal_core::e2ee::suite3::{self, SenderKey};
use portal_core::e2ee::{
    Ctx, Delivery, Envelope, KeyCheck, MessageKey, RoomCipher, RoomKey, SecretKey, Suite,
    fingerprint, suite2,
};
use serde::Deserialize;

use crate::rfc9180;
use crate::support::{Given, b64, bytes, public_key};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vectors {
    suite2: SuiteTwo,
    suite3: SuiteThree,
    fingerprints: Vec<Fingerprint>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SuiteTwo {
    messages: Vec<MessageTwo>,
    blobs: Vec<BlobTwo>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SuiteThree {
    messages: Vec<MessageThree>,
    refused: Vec<Refused>,
    blobs: Vec<BlobThree>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MessageTwo {
    chat_id: u64,
    epoch: u64,
    room_key: String,
    nonce: String,
    plaintext: String,
    key_check: String,
    envelope: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MessageThree {
    chat_id: u64,
    epoch: u64,
    sender_id: u64,
    room_key: String,
    salt: String,
    plaintext: String,
    key_check: String,
    disclosure: String,
    envelope: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Refused {
    why: String,
    chat_id: u64,
    epoch: u64,
    sender_id: u64,
    room_key: String,
    envelope: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BlobTwo {
    sender_secret: String,
    sender_public: String,
    recipient_secret: String,
    recipient_public: String,
    nonce: String,
    room_key: String,
    blob: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BlobThree {
    sender_secret: String,
    sender_public: String,
    recipient_secret: String,
    recipient_public: String,
    chat_id: u64,
    epoch: u64,
    recipient_user_id: u64,
    ephemeral_secret: String,
    room_key: String,
    blob: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fingerprint {
    a: String,
    b: String,
    #[serde(rename = "fingerprint")]
    digits: String,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../vectors/e2ee.json")).unwrap()
}

fn room_key(text: &str) -> RoomKey {
    RoomKey::from_base64(text).unwrap()
}

fn array(text: &str) -> [u8; 32] {
    bytes(text).try_into().unwrap()
}

#[test]
fn messages_of_suite_2_are_made_and_opened_as_others_do() {
    let messages = vectors().suite2.messages;
    assert_eq!(messages.len(), 9);
    for m in messages {
        let ctx = Ctx::new(m.chat_id, m.epoch).unwrap();
        let key = room_key(&m.room_key);
        let nonce = Given::new(&bytes(&m.nonce));
        assert_eq!(
            suite2::seal(ctx, &key, &m.plaintext, &nonce).unwrap(),
            m.envelope
        );

        let envelope = Envelope::parse(&m.envelope).unwrap();
        assert_eq!((envelope.suite(), envelope.epoch()), (Suite::Two, m.epoch));
        assert_eq!(envelope.to_string(), m.envelope);
        assert_eq!(suite2::open(ctx, &key, &envelope).unwrap(), m.plaintext);

        let check = KeyCheck::of(Suite::Two, ctx, &key);
        assert_eq!(check.to_base64(), m.key_check);
        assert_eq!(KeyCheck::from_base64(&m.key_check).unwrap(), check);
    }
}

#[test]
fn messages_of_suite_3_are_made_opened_and_disclosed_as_others_do() {
    let messages = vectors().suite3.messages;
    assert_eq!(messages.len(), 9);
    for m in messages {
        let ctx = Ctx::new(m.chat_id, m.epoch).unwrap();
        let key = room_key(&m.room_key);
        let who = ctx.sender(m.sender_id).unwrap();
        let sender = SenderKey::derive(&key, who);
        let salt = Given::new(&bytes(&m.salt));
        assert_eq!(sender.seal(&m.plaintext, &salt).unwrap(), m.envelope);

        let envelope = Envelope::parse(&m.envelope).unwrap();
        assert_eq!(
            (envelope.suite(), envelope.epoch()),
            (Suite::Three, m.epoch)
        );
        assert_eq!(envelope.to_string(), m.envelope);
        assert_eq!(sender.open(&envelope).unwrap(), m.plaintext);

        assert_eq!(
            *sender.disclose(&envelope).unwrap().to_base64(),
            m.disclosure
        );
        let disclosed = MessageKey::from_base64(&m.disclosure).unwrap();
        let said = suite3::verify_disclosure(who, &envelope, &disclosed).unwrap();
        assert_eq!(said, m.plaintext);

        let check = KeyCheck::of(Suite::Three, ctx, &key);
        assert_eq!(check.to_base64(), m.key_check);
    }
}

#[test]
fn messages_of_suite_3_that_have_to_be_refused_are_refused() {
    let refused = vectors().suite3.refused;
    assert_eq!(refused.len(), 12);
    for m in refused {
        let ctx = Ctx::new(m.chat_id, m.epoch).unwrap();
        let mut cipher = RoomCipher::new(Suite::Three, ctx, room_key(&m.room_key));
        let refusal = cipher.open(m.sender_id, &m.envelope).unwrap_err();
        assert_eq!(refusal.code(), "ERR_DECRYPT", "{}", m.why);

        // What a length alone gives away, the server refuses before storing it.
        let parsed = Envelope::parse(&m.envelope);
        if matches!(&m.why[..], "not padded to 64" | "cut short") {
            assert_eq!(
                parsed.unwrap_err().code(),
                "ERR_ENVELOPE_INVALID",
                "{}",
                m.why
            );
        } else {
            let sender = SenderKey::derive(cipher.room_key(), ctx.sender(m.sender_id).unwrap());
            let refusal = sender.open(&parsed.unwrap()).unwrap_err();
            assert_eq!(refusal.code(), "ERR_DECRYPT", "{}", m.why);
        }
    }
}

#[test]
fn blobs_of_suite_2_are_made_and_opened_as_others_do() {
    let blobs = vectors().suite2.blobs;
    assert_eq!(blobs.len(), 3);
    for b in blobs {
        let sender = SecretKey::from_base64(&b.sender_secret).unwrap();
        let recipient = SecretKey::from_base64(&b.recipient_secret).unwrap();
        assert_eq!(sender.public_key().to_base64(), b.sender_public);
        assert_eq!(recipient.public_key().to_base64(), b.recipient_public);

        let key = room_key(&b.room_key);
        let nonce = Given::new(&bytes(&b.nonce));
        let blob = suite2::wrap(&key, recipient.public_key(), &sender, &nonce).unwrap();
        assert_eq!(blob, b.blob);
        Suite::Two.check_blob(&b.blob).unwrap();
        assert_eq!(
            suite2::unwrap(&b.blob, &recipient, &public_key(&b.sender_public)),
            Ok(key)
        );
    }
}

#[test]
fn blobs_of_suite_3_are_opened_as_others_do() {
    let blobs = vectors().suite3.blobs;
    assert_eq!(blobs.len(), 3);
    for b in blobs {
        let ctx = Ctx::new(b.chat_id, b.epoch).unwrap();
        let recipient = SecretKey::from_base64(&b.recipient_secret).unwrap();
        assert_eq!(recipient.public_key().to_base64(), b.recipient_public);
        Suite::Three.check_blob(&b.blob).unwrap();

        let (user_id, key) = (b.recipient_user_id, room_key(&b.room_key));
        let sender = public_key(&b.sender_public);
        assert_eq!(
            suite3::unwrap(ctx, &b.blob, user_id, &recipient, &sender),
            Ok(key)
        );

        let check = KeyCheck::of(Suite::Three, ctx, &room_key(&b.room_key));
        let delivery = Delivery {
            blob: &b.blob,
            sender: &sender,
            check: Some(&check),
        };
        let cipher = RoomCipher::unwrap(Suite::Three, ctx, &delivery, user_id, &recipient).unwrap();
        assert_eq!(*cipher.room_key(), room_key(&b.room_key));
    }
}

#[test]
fn blobs_of_suite_3_are_made_as_others_do() {
    for b in vectors().suite3.blobs {
        let info = [
            &b"portal/3 room key"[..],
            &b.chat_id.to_be_bytes(),
            &b.epoch.to_be_bytes(),
        ]
        .concat();
        let (sender, recipient) = (array(&b.sender_secret), array(&b.recipient_public));
        let aad = b.recipient_user_id.to_be_bytes();
        let by_the_rfc = |ephemeral| {
            let key = bytes(&b.room_key);
            b64(rfc9180::seal_auth(
                ephemeral, sender, recipient, &info, &aad, &key,
            ))
        };
        assert_eq!(by_the_rfc(array(&b.ephemeral_secret)), b.blob);

        // Given random bytes, wrapping makes what the RFC makes of the key pair derived from them.
        let random = [0x5a; 32];
        let made = suite3::wrap(
            Ctx::new(b.chat_id, b.epoch).unwrap(),
            &room_key(&b.room_key),
            b.recipient_user_id,
            &public_key(&b.recipient_public),
            &SecretKey::from_base64(&b.sender_secret).unwrap(),
            &Given::new(&random),
        );
        assert_eq!(made.unwrap(), by_the_rfc(rfc9180::derive_secret(&random)));
    }
}

#[test]
fn fingerprints_are_the_same_everywhere_and_from_both_sides() {
    let fingerprints = vectors().fingerprints;
    assert_eq!(fingerprints.len(), 2);
    for f in fingerprints {
        let (a, b) = (public_key(&f.a), public_key(&f.b));
        assert_eq!(fingerprint(&a, &b), f.digits);
        assert_eq!(fingerprint(&b, &a), f.digits);
    }
}
