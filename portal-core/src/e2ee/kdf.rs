//! HKDF and HMAC with SHA-256, in the shapes e2ee-bytes.md uses them. The crates do the work.

use hkdf::Hkdf;
use hmac::digest::FixedOutput as _;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// `HKDF(ikm, salt = "", info = parts joined)`, filling `out` (at most 8160 bytes, RFC 5869).
pub(super) fn hkdf(ikm: &[u8], info: &[&[u8]], out: &mut [u8]) {
    Hkdf::<Sha256>::new(None, ikm)
        .expand_multi_info(info, out)
        .expect("every length asked for here is far below HKDF's limit");
}

/// A key of HMAC, ready to be used more than once: that is half of the work for a short message. Wiped when dropped, by
/// the crate.
pub(super) struct MacKey(Hmac<Sha256>);

impl MacKey {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        Self(Hmac::new_from_slice(key).expect("HMAC takes keys of any length"))
    }

    /// `HMAC(key, message)`, written into `out`, so that a secret result has one home.
    pub(super) fn mac(&self, message: &[u8], out: &mut [u8; 32]) {
        self.of(message).finalize_into(out.into());
    }

    /// Whether `tag` is `HMAC(key, message)`, compared in constant time by the crate.
    pub(super) fn verifies(&self, message: &[u8], tag: &[u8]) -> bool {
        self.of(message).verify_slice(tag).is_ok()
    }

    fn of(&self, message: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        mac.update(message);
        mac
    }
}

impl std::fmt::Debug for MacKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}
