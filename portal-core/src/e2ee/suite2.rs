//! Suite 2: the documented Portal protocol over `NaCl`, for clients that exist (e2ee-bytes.md 3).
//!
//! Nothing may be added to its bytes. What it leaves open is part of it: a message is bound to its
//! room key only, so the epoch in an envelope is compared, not proven; the sender is the server's
//! word; lengths are in the clear; and nothing can be disclosed.

use dryoc::classic::crypto_box::{crypto_box_easy, crypto_box_open_easy};
use dryoc::classic::crypto_secretbox::{crypto_secretbox_easy, crypto_secretbox_open_easy};
use zeroize::Zeroizing;

use super::bind::Ctx;
use super::encoding;
use super::envelope::{Envelope, Scanned};
use super::error::{Error, Result};
use super::keys::{PublicKey, RoomKey, SecretKey};
use super::suite::Suite;
use crate::random::Random;

/// The most bytes of UTF-8 in a message: what fits an envelope at any epoch (e2ee-bytes.md 3).
pub const MAX_PLAINTEXT_BYTES: usize = 3002;

/// A wrapped room key before base64: nonce, tag, key.
pub const BLOB_BYTES: usize = NONCE + TAG + 32;

pub(super) const MIN_CT_BYTES: usize = NONCE + TAG;

const NONCE: usize = 24;
const TAG: usize = 16;

/// Seals a message: an envelope of suite 2, with a random nonce.
///
/// # Errors
/// `ERR_INVALID` naming `plaintext` beyond [`MAX_PLAINTEXT_BYTES`].
pub fn seal(ctx: Ctx, key: &RoomKey, plaintext: &str, random: &dyn Random) -> Result<String> {
    const TOO_LONG: Error = Error::TooLong {
        max: MAX_PLAINTEXT_BYTES,
    };
    if plaintext.len() > MAX_PLAINTEXT_BYTES {
        return Err(TOO_LONG);
    }
    let nonce = new_nonce(random);
    let mut ct = vec![0; NONCE + TAG + plaintext.len()];
    ct[..NONCE].copy_from_slice(&nonce);
    // Fails for lengths only, and they are right.
    crypto_secretbox_easy(&mut ct[NONCE..], plaintext.as_bytes(), &nonce, key.bytes())
        .map_err(|_| TOO_LONG)?;
    Ok(Envelope::write(Suite::Two, ctx.epoch(), &ct))
}

/// Opens a message. The envelope has to say suite 2 and the epoch of `ctx`; that it was sealed in
/// that chat, or by whom, suite 2 cannot tell.
///
/// # Errors
/// `ERR_DECRYPT`.
pub fn open(ctx: Ctx, key: &RoomKey, envelope: &Envelope<'_>) -> Result<String> {
    open_scanned(ctx, key, envelope.into())
}

pub(super) fn open_scanned(ctx: Ctx, key: &RoomKey, envelope: Scanned<'_>) -> Result<String> {
    if envelope.suite() != Suite::Two || envelope.epoch() != ctx.epoch() {
        return Err(Error::Decrypt);
    }
    let ct = envelope.decode().ok_or(Error::Decrypt)?;
    let (nonce, sealed) = ct.split_first_chunk::<NONCE>().ok_or(Error::Decrypt)?;
    let length = sealed.len().checked_sub(TAG).ok_or(Error::Decrypt)?;
    let mut plaintext = Zeroizing::new(vec![0; length]);
    crypto_secretbox_open_easy(&mut plaintext[..], sealed, nonce, key.bytes())
        .map_err(|_| Error::Decrypt)?;
    encoding::text(plaintext).ok_or(Error::Decrypt)
}

/// Wraps a room key for one session: a blob in base64.
///
/// # Errors
/// `ERR_INVALID` naming `public_key` if the box refuses the recipient's key, which a
/// [`PublicKey`] rules out.
pub fn wrap(
    key: &RoomKey,
    recipient: &PublicKey,
    sender: &SecretKey,
    random: &dyn Random,
) -> Result<String> {
    let nonce = new_nonce(random);
    let mut blob = [0; BLOB_BYTES];
    blob[..NONCE].copy_from_slice(&nonce);
    crypto_box_easy(
        &mut blob[NONCE..],
        key.bytes(),
        &nonce,
        recipient.as_bytes(),
        sender.bytes(),
    )
    .map_err(|_| Error::InvalidKey { what: "public_key" })?;
    Ok(encoding::encode(&blob))
}

/// Opens a blob with the recipient's secret and the public key it was delivered with. Nothing in it
/// says for which chat or epoch it is: compare the key check where there is one
/// ([`super::KeyCheck::verify`]).
///
/// # Errors
/// `ERR_DECRYPT`.
pub fn unwrap(blob: &str, recipient: &SecretKey, sender: &PublicKey) -> Result<RoomKey> {
    let blob = encoding::decode_exact::<BLOB_BYTES>(blob).ok_or(Error::Decrypt)?;
    let (nonce, sealed) = blob.split_first_chunk::<NONCE>().ok_or(Error::Decrypt)?;
    let mut opened = Err(Error::Decrypt);
    let key = RoomKey::new(|key| {
        opened = crypto_box_open_easy(key, sealed, nonce, sender.as_bytes(), recipient.bytes())
            .map_err(|_| Error::Decrypt);
    });
    opened.map(|()| key)
}

fn new_nonce(random: &dyn Random) -> [u8; NONCE] {
    let mut nonce = [0; NONCE];
    random.fill(&mut nonce);
    nonce
}
