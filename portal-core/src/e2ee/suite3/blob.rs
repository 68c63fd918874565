//! Room keys wrapped with HPKE (RFC 9180), mode auth, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256,
//! AES-256-GCM (e2ee-bytes.md 5).
//!
//! The surprise: the ephemeral key is not the random bytes themselves. The hpke crate draws 32 bytes
//! and runs RFC 9180's `DeriveKeyPair` over them, as the RFC allows; a receiver cannot tell.

use std::convert::Infallible;

use hpke::aead::AesGcm256;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable as _};
use rand::{TryCryptoRng, TryRng};
use zeroize::Zeroizing;

use super::BLOB_BYTES;
use crate::e2ee::bind::{Ctx, in_range};
use crate::e2ee::encoding;
use crate::e2ee::error::{Error, Result};
use crate::e2ee::keys::{PublicKey, RoomKey, SecretKey};
use crate::random::Random;

type Private = <X25519HkdfSha256 as Kem>::PrivateKey;
type Public = <X25519HkdfSha256 as Kem>::PublicKey;
type Encapsulated = <X25519HkdfSha256 as Kem>::EncappedKey;

const ENC: usize = 32;
const LABEL: &[u8; 17] = b"portal/3 room key";

/// Wraps a room key for one session of the user `user_id`: a blob in base64.
///
/// # Errors
/// `ERR_INVALID` naming `user_id` outside 1 to 2^53-1, or `public_key` if HPKE refuses the
/// recipient's key, which a [`PublicKey`] rules out.
pub fn wrap(
    ctx: Ctx,
    key: &RoomKey,
    user_id: u64,
    recipient: &PublicKey,
    sender: &SecretKey,
    random: &dyn Random,
) -> Result<String> {
    const REFUSED: Error = Error::InvalidKey { what: "public_key" };
    let user_id = in_range(user_id, "user_id")?;
    let pair = (private(sender)?, public(sender.public_key())?);
    let (encapsulated, sealed) =
        hpke::single_shot_seal_with_rng::<AesGcm256, HkdfSha256, X25519HkdfSha256>(
            &OpModeS::Auth(pair),
            &public(recipient)?,
            &info(ctx),
            key.bytes(),
            &user_id.to_be_bytes(),
            &mut Injected(random),
        )
        .map_err(|_| REFUSED)?;
    let mut blob = Vec::with_capacity(BLOB_BYTES);
    blob.extend_from_slice(&encapsulated.to_bytes());
    blob.extend_from_slice(&sealed);
    Ok(encoding::encode(&blob))
}

/// Opens a blob for the user `user_id` with that session's secret. It opens only with the public
/// key of the session that made it, in the chat and epoch it was made for.
///
/// # Errors
/// `ERR_DECRYPT`.
pub fn unwrap(
    ctx: Ctx,
    blob: &str,
    user_id: u64,
    recipient: &SecretKey,
    sender: &PublicKey,
) -> Result<RoomKey> {
    let blob = encoding::decode_exact::<BLOB_BYTES>(blob).ok_or(Error::Decrypt)?;
    let (encapsulated, sealed) = blob.split_at(ENC);
    let opened = hpke::single_shot_open::<AesGcm256, HkdfSha256, X25519HkdfSha256>(
        &OpModeR::Auth(public(sender)?),
        &private(recipient)?,
        &Encapsulated::from_bytes(encapsulated).map_err(|_| Error::Decrypt)?,
        &info(ctx),
        sealed,
        &user_id.to_be_bytes(),
    )
    .map(Zeroizing::new)
    .map_err(|_| Error::Decrypt)?;
    let opened: &[u8; 32] = opened.as_slice().try_into().map_err(|_| Error::Decrypt)?;
    Ok(RoomKey::new(|key| key.copy_from_slice(opened)))
}

fn info(ctx: Ctx) -> [u8; LABEL.len() + 16] {
    let mut info = [0; LABEL.len() + 16];
    info[..LABEL.len()].copy_from_slice(LABEL);
    info[LABEL.len()..].copy_from_slice(&ctx.to_bytes());
    info
}

// Both conversions fail for lengths only, and the lengths are in the types.
fn private(key: &SecretKey) -> Result<Private> {
    Private::from_bytes(key.bytes()).map_err(|_| Error::InvalidKey { what: "secret_key" })
}

fn public(key: &PublicKey) -> Result<Public> {
    Public::from_bytes(key.as_bytes()).map_err(|_| Error::InvalidKey { what: "public_key" })
}

/// The randomness given to us, in the shape the hpke crate asks for.
struct Injected<'a>(&'a dyn Random);

impl TryRng for Injected<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes);
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(bytes);
        Ok(())
    }
}

impl TryCryptoRng for Injected<'_> {}
