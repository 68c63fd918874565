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

/// A key of HMAC, ready to be used more than once: that is half of the work for a short message. Wiped when dropped, by
/// the crate.
pub(super) struct MacKey(Box<Hmac<Sha256>>);

impl MacKey {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        let mac = Hmac::new_from_slice(key).expect("HMAC takes keys of any length");
        Self(Box::new(mac))
    }

    /// `HMAC(key, message)`, written into `out`, so that a secret result has one home.
    pub(super) fn mac(&self, message: &[u8], out: &mut [u8; 32]) {
        let mut mac = Hmac::clone(&self.0);
        mac.update(message);
        let mut tag = mac.finalize().into_bytes();
        out.copy_from_slice(&tag);
        tag.as_mut_slice().zeroize();
    }
}

impl std::fmt::Debug for MacKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}
