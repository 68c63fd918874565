//! The client's side of the encryption on the caller's own memory: keys (SPEC 8.8, 17.3; e2ee-bytes.md).
//!
//! Nothing is kept here, and there is no handle: whoever wants a keeper of keys takes the keyring. The surprise: a key of zeros
//! is refused, because that is what a failed call leaves, and a program that did not look at the status would talk under a key
//! that everybody knows.

use std::ffi::{c_char, c_void};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portal_core::e2ee::{KeyCheck, PublicKey, RoomKey, SecretKey, fingerprint};
use portal_core::{Error, Result};
use zeroize::{Zeroize as _, Zeroizing};

use crate::boundary::{answer, boundary};
use crate::error::Failure;
use crate::input;
use crate::memory::{self, Contents, exactly};
use crate::random_source::{RandomSource, Source};
use crate::room_key::{IntoRoom, KeyOfRoom, cipher, room};

/// Bytes of a secret key, a public key and a room key.
pub const PORTAL_E2EE_KEY_BYTES: usize = 32;
/// Bytes of a key check.
pub const PORTAL_E2EE_KEY_CHECK_BYTES: usize = 16;
/// A buffer of this size holds any envelope and its NUL.
pub const PORTAL_E2EE_ENVELOPE_SIZE: usize = 4097;
/// A buffer of this size holds the plaintext of any envelope and its NUL.
pub const PORTAL_E2EE_PLAINTEXT_SIZE: usize = 4096;
/// A buffer of this size holds any blob and its NUL.
pub const PORTAL_E2EE_BLOB_SIZE: usize = 109;
/// A buffer of this size holds a disclosure and its NUL.
pub const PORTAL_E2EE_DISCLOSURE_SIZE: usize = 45;
/// A buffer of this size holds a fingerprint and its NUL.
pub const PORTAL_E2EE_FINGERPRINT_SIZE: usize = 72;

/// - What: makes a key pair for a session. Others wrap room keys for the public key, which
///   portal_key_register registers; the secret key stays with the client.
/// - Ownership: both buffers are the caller's; each has 32 bytes.
/// - NULL: random may be NULL, which is the system's; secret_key and public_key may not.
/// - Threads: any, also several at once.
/// - Statuses: PORTAL_ERR_INVALID, PORTAL_ERR_INTERNAL without random bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_e2ee_key_pair(
    random: *const RandomSource,
    secret_key: *mut u8,
    secret_key_size: usize,
    public_key: *mut u8,
    public_key_size: usize,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for a source that can be read and called.
        let random = unsafe { Source::new(random) }?;
        let secret = SecretKey::generate(&random);
        random.has_answered()?;
        Ok((
            contents(secret.as_bytes()),
            contents(secret.public_key().as_bytes()),
        ))
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe {
        answer(
            (
                exactly(secret_key, secret_key_size, 32, "secret_key"),
                exactly(public_key, public_key_size, 32, "public_key"),
            ),
            error,
            body,
        )
    }
}

/// - What: the public key of a secret key.
/// - Ownership: the secret key is read during the call only. The buffer is the caller's; it has 32
///   bytes.
/// - NULL: public_key may not be NULL. secret_key may be, with length 0.
/// - Threads: any, also several at once.
/// - Statuses: PORTAL_ERR_INVALID, PORTAL_ERR_INTERNAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_e2ee_public_key(
    secret_key: *const u8,
    secret_key_len: usize,
    public_key: *mut u8,
    public_key_size: usize,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for a key that can be read.
        let secret = unsafe { self::secret_key(secret_key, secret_key_len) }?;
        Ok(contents(secret.public_key().as_bytes()))
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe {
        answer(
            exactly(public_key, public_key_size, 32, "public_key"),
            error,
            body,
        )
    }
}

/// - What: makes the key of an epoch, as its distributor does: room_key says the suite, chat and epoch,
///   and gets the key.
/// - Ownership: room_key is the caller's; only its key is written.
/// - NULL: random may be NULL, which is the system's; room_key may not.
/// - Threads: any, also several at once.
/// - Statuses: PORTAL_ERR_INVALID, PORTAL_ERR_INTERNAL without random bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_e2ee_room_key(
    random: *const RandomSource,
    room_key: *mut KeyOfRoom,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for a source that can be read and called, and for a room key that says of what.
        let random = unsafe {
            room(room_key)?;
            Source::new(random)?
        };
        let key = RoomKey::generate(&random);
        random.has_answered()?;
        Ok(key)
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe { answer(IntoRoom(room_key), error, body) }
}

/// - What: the key check of a room key, to be published with it by portal_key_publish: by it receivers
///   know that they have the same key as everybody else. It is no secret.
/// - Ownership: the room key is read during the call only. The buffer is the caller's; it has 16 bytes.
/// - NULL: room_key and key_check may not be NULL.
/// - Threads: any, also several at once.
/// - Statuses: PORTAL_ERR_INVALID, PORTAL_ERR_INTERNAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_e2ee_key_check(
    room_key: *const KeyOfRoom,
    key_check: *mut u8,
    key_check_size: usize,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for a room key that can be read.
        let cipher = unsafe { cipher(room_key) }?;
        Ok(contents(cipher.check().as_bytes()))
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe {
        answer(
            exactly(key_check, key_check_size, 16, "key_check"),
            error,
            body,
        )
    }
}

/// - What: the digits that two people compare over another channel: 12 groups of 5, the same from
///   either side. Equal digits mean that nobody stands between the two public keys.
/// - Ownership: the keys are read during the call only. The buffer is the caller's.
/// - NULL: fingerprint and fingerprint_len may not be NULL. one and other may be, with length 0.
/// - Threads: any, also several at once.
/// - Statuses: PORTAL_ERR_INVALID, also for a key of small order, PORTAL_ERR_INTERNAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_e2ee_fingerprint(
    one: *const u8,
    one_len: usize,
    other: *const u8,
    other_len: usize,
    fingerprint: *mut c_char,
    fingerprint_size: usize,
    fingerprint_len: *mut usize,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for keys that can be read.
        let (one, other) = unsafe {
            (
                public_key(one, one_len, "one")?,
                public_key(other, other_len, "other")?,
            )
        };
        Ok(contents(self::fingerprint(&one, &other)))
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe {
        answer(
            memory::text(
                fingerprint,
                fingerprint_size,
                "fingerprint",
                fingerprint_len,
                "fingerprint_len",
            ),
            error,
            body,
        )
    }
}

/// - What: writes bytes as base64, as keys stand in JSON documents: the standard alphabet, with padding.
/// - Ownership: the bytes are read during the call only. The buffer is the caller's; 4 characters for
///   each 3 bytes begun, and a NUL.
/// - NULL: bytes may be NULL, with length 0; text and text_len may not.
/// - Threads: any, also several at once.
/// - Statuses: PORTAL_ERR_INVALID, PORTAL_ERR_INTERNAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_e2ee_encode(
    bytes: *const u8,
    bytes_len: usize,
    text: *mut c_char,
    text_size: usize,
    text_len: *mut usize,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        memory::apart((bytes.cast(), bytes_len), (text, text_size), "text")?;
        // SAFETY: the header asks for bytes that can be read.
        let bytes = unsafe { input::bytes(bytes, bytes_len, "bytes") }?;
        Ok(contents(STANDARD.encode(bytes)))
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe {
        answer(
            memory::text(text, text_size, "text", text_len, "text_len"),
            error,
            body,
        )
    }
}

/// - What: reads the bytes of base64, strictly: each sequence of bytes has one text.
/// - Ownership: the text is read during the call only. The buffer is the caller's.
/// - NULL: text may be NULL, with length 0; bytes and bytes_len may not.
/// - Threads: any, also several at once.
/// - Statuses: PORTAL_ERR_INVALID, PORTAL_ERR_INTERNAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_e2ee_decode(
    text: *const c_char,
    text_len: usize,
    bytes: *mut u8,
    bytes_size: usize,
    bytes_len: *mut usize,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        memory::apart((text, text_len), (bytes.cast(), bytes_size), "bytes")?;
        // SAFETY: the header asks for a text that can be read.
        let text = unsafe { input::text(text, text_len, "text") }?;
        let refused = |_| Error::invalid("text", "`text` is not canonical base64.");
        STANDARD.decode(text).map(Contents::new).map_err(refused)
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe {
        answer(
            memory::bytes(bytes, bytes_size, "bytes", bytes_len, "bytes_len"),
            error,
            body,
        )
    }
}

/// - What: overwrites memory with zeros, in a way that no compiler leaves out: for keys and texts that
///   are not needed any more.
/// - Ownership: the memory stays the caller's.
/// - NULL: allowed, does nothing.
/// - Threads: any, while no other thread uses the memory.
/// - Statuses: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_e2ee_wipe(memory: *mut c_void, len: usize) {
    boundary((), || {
        if !memory.is_null() && isize::try_from(len).is_ok() {
            // SAFETY: not NULL, of a possible length, and writable, says the caller; any bytes may be there.
            let bytes = unsafe {
                std::slice::from_raw_parts_mut(memory.cast::<std::mem::MaybeUninit<u8>>(), len)
            };
            bytes.zeroize();
        }
    });
}

/// Bytes on their way out.
pub(crate) fn contents(bytes: impl AsRef<[u8]>) -> Contents {
    Zeroizing::new(bytes.as_ref().to_vec())
}

/// 32 bytes that somebody has written.
pub(crate) fn key<'a>(bytes: &'a [u8], name: &'static str) -> Result<&'a [u8; 32]> {
    memory::length(bytes.len(), PORTAL_E2EE_KEY_BYTES, name)?;
    let key = bytes.first_chunk().filter(|key: &&[u8; 32]| {
        // Without an end before the last byte: it is a secret.
        key.iter().fold(0, |any, byte| any | byte) != 0
    });
    key.ok_or_else(|| {
        let why = format!("`{name}` is all zeros: there is no key in it.");
        Error::invalid(name, why)
    })
}

/// A secret key given as pointer and length.
///
/// # Safety
/// As for [`input::bytes`].
pub(crate) unsafe fn secret_key(data: *const u8, len: usize) -> Result<SecretKey> {
    // SAFETY: as the caller says.
    let bytes = unsafe { input::bytes(data, len, "secret_key") }?;
    key(bytes, "secret_key").map(SecretKey::from_bytes)
}

/// A public key given as pointer and length.
///
/// # Safety
/// As for [`input::bytes`].
pub(crate) unsafe fn public_key(
    data: *const u8,
    len: usize,
    name: &'static str,
) -> Result<PublicKey> {
    // SAFETY: as the caller says.
    let bytes = unsafe { input::bytes(data, len, name) }?;
    PublicKey::from_bytes(*key(bytes, name)?).map_err(|_| {
        let why = format!("`{name}` is of small order: everybody knows what is agreed with it.");
        Error::invalid(name, why)
    })
}

/// A key check given as pointer and length; none for NULL with length 0.
///
/// # Safety
/// As for [`input::bytes`].
pub(crate) unsafe fn key_check(data: *const u8, len: usize) -> Result<Option<KeyCheck>> {
    // SAFETY: as the caller says.
    let bytes = unsafe { input::bytes(data, len, "key_check") }?;
    if bytes.is_empty() {
        return Ok(None);
    }
    memory::length(len, PORTAL_E2EE_KEY_CHECK_BYTES, "key_check")?;
    Ok(bytes.first_chunk().copied().map(KeyCheck::from_bytes))
}
