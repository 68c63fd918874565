//! Suite 2 against a second implementation of `NaCl`, byte for byte and in both directions.

use crypto_box::SalsaBox;
use crypto_secretbox::XSalsa20Poly1305;
use crypto_secretbox::aead::{Aead as _, KeyInit as _};
use portal_core::e2ee::{Envelope, suite2};
use proptest::prelude::*;

use crate::support::{Given, b64, ctx, envelope, room_key, secret_key};

proptest! {
    #[test]
    fn both_make_and_open_the_same_messages(
        key: [u8; 32],
        nonce: [u8; 24],
        text in "\\PC{0,700}",
    ) {
        let theirs = XSalsa20Poly1305::new(&key.into());
        let sealed = theirs.encrypt(&nonce.into(), text.as_bytes()).unwrap();
        let theirs_as_envelope = envelope(2, ctx().epoch(), &[&nonce[..], &sealed].concat());

        let ours = suite2::seal(ctx(), &room_key(&key), &text, &Given::new(&nonce)).unwrap();
        prop_assert_eq!(&ours, &theirs_as_envelope);
        let parsed = Envelope::parse(&theirs_as_envelope).unwrap();
        prop_assert_eq!(suite2::open(ctx(), &room_key(&key), &parsed).unwrap(), text);
    }

    #[test]
    fn both_make_and_open_the_same_blobs(
        key: [u8; 32],
        nonce: [u8; 24],
        sender: [u8; 32],
        recipient: [u8; 32],
    ) {
        let their_sender = crypto_box::SecretKey::from(sender);
        let their_recipient = crypto_box::SecretKey::from(recipient);
        let their_public = their_recipient.public_key();
        let sealed = SalsaBox::new(&their_public, &their_sender)
            .encrypt(&nonce.into(), &key[..])
            .unwrap();
        let theirs = b64([&nonce[..], &sealed].concat());

        let (sender, recipient) = (secret_key(&sender), secret_key(&recipient));
        let public = recipient.public_key();
        prop_assert_eq!(public.as_bytes(), their_public.as_bytes());
        let ours = suite2::wrap(&room_key(&key), public, &sender, &Given::new(&nonce)).unwrap();
        prop_assert_eq!(&ours, &theirs);
        let opened = suite2::unwrap(&theirs, &recipient, sender.public_key());
        prop_assert_eq!(opened, Ok(room_key(&key)));
    }
}
