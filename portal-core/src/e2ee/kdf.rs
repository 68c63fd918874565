//! HKDF and HMAC with SHA-256, in the shapes E2EE.md uses them. The crates do the work.

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroize as _;

/// `HKDF(ikm, salt = "", info = parts joined)`, filling `out` (at most 8160 bytes, RFC 5869).
pub(super) fn hkdf(ikm: &[u8], info: &[&[u8]], out: &mut [u8]) {
    Hkdf::<Sha256>::new(None, ikm)
        .expand_multi_info(info, out)
        .expect("every length asked for here is far below HKDF's limit");
}

/// `HMAC(key, message)`, written into `out`, so that a secret result has one home.
pub(super) fn hmac(key: &[u8; 32], message: &[u8], out: &mut [u8; 32]) {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(message);
    let mut tag = mac.finalize().into_bytes();
    out.copy_from_slice(&tag);
    tag.as_mut_slice().zeroize();
}
