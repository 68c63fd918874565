//! The client's side of the encryption on the caller's own memory: keys (SPEC 8.8, 17.3; E2EE.md).
//!
//! Nothing is kept here, and there is no handle: whoever wants a keeper of keys takes the keyring. The surprise: a room key
//! of zeros is refused, because that is what a failed call leaves, and a program that did not look at the status would talk
//! under a key that everybody knows.

use std::ffi::{c_char, c_void};
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portal_core::e2ee::{
    Ctx, KeyCheck, PublicKey, RoomCipher, RoomKey, SecretKey, Suite, fingerprint,
};
use portal_core::random::{Random, SystemRandom};
use portal_core::{Error, ErrorKind, Result};
use zeroize::{Zeroize as _, Zeroizing};

use crate::boundary::{Outputs, answer, boundary};
use crate::error::Failure;
use crate::input::{self, SizeFirst};
use crate::memory::{self, Contents, exactly};

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

/// The key of one chat at one epoch. It begins with its size: zero it, then set size to
/// sizeof(portal_room_key), and say of which chat and epoch it is before the key is made or unwrapped.
/// A key that is all zeros is none and is refused. Wipe it with portal_e2ee_wipe.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct KeyOfRoom {
    /// sizeof(portal_room_key).
    pub size: usize,
    /// The chat's e2ee: 2 or 3.
    pub suite: i32,
    /// 0.
    pub reserved: u32,
    /// The chat.
    pub chat_id: i64,
    /// Its epoch.
    pub epoch: i64,
    /// The secret that all who may talk share.
    pub key: [u8; 32],
}

// SAFETY: `repr(C)`, the size comes first, and the rest are numbers.
unsafe impl SizeFirst for KeyOfRoom {}

/// Where random bytes come from, for a host that has a source of its own. It begins with its size.
/// It is used during the call only that it is given to.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct RandomSource {
    /// sizeof(portal_random).
    pub size: usize,
    /// Handed to the callback.
    pub host: *mut c_void,
    /// Fills out with len bytes nobody can predict and returns 0; NULL: the system's. Anything else
    /// says that there are none: the call answers PORTAL_ERR_INTERNAL. Keys and nonces are made of these
    /// bytes: a nonce that comes twice gives away what it hides. It must not throw or jump out.
    pub fill: Option<unsafe extern "C" fn(host: *mut c_void, out: *mut u8, len: usize) -> i32>,
}

// SAFETY: `repr(C)`, the size comes first, and the rest are a pointer and a callback, which may be NULL.
unsafe impl SizeFirst for RandomSource {}

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
/// - NULL: secret_key and public_key may not be NULL.
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
            self::room(room_key)?;
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
/// - NULL: no pointer but error may be NULL.
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

/// Of which suite, chat and epoch a room key is; what its key is is not looked at.
///
/// # Safety
/// NULL, or a `portal_room_key` that can be read.
pub(crate) unsafe fn room(pointer: *const KeyOfRoom) -> Result<(Suite, Ctx)> {
    // SAFETY: as the caller says.
    let given = unsafe { input::in_place(pointer, "room_key") }?;
    if given.reserved != 0 {
        return Err(Error::invalid(
            "room_key.reserved",
            "`room_key.reserved` is 0.",
        ));
    }
    let suite = u64::try_from(given.suite).ok().and_then(Suite::from_number);
    let suite = suite.ok_or_else(|| {
        let why = format!("`room_key.suite` is 2 or 3, not {}.", given.suite);
        Error::invalid("room_key.suite", why)
    })?;
    let ctx = Ctx::new(number(given.chat_id), number(given.epoch));
    let ctx = ctx.map_err(|error| {
        let field = format!("room_key.{}", error.field().unwrap_or_default());
        Error::invalid(field, error.to_string())
    })?;
    Ok((suite, ctx))
}

/// What seals and opens with a room key.
///
/// # Safety
/// As for [`room`].
pub(crate) unsafe fn cipher(pointer: *const KeyOfRoom) -> Result<RoomCipher> {
    // SAFETY: as the caller says.
    let ((suite, ctx), given) = unsafe { (room(pointer)?, input::in_place(pointer, "room_key")?) };
    let key = key(&given.key, "room_key.key")?;
    Ok(RoomCipher::new(suite, ctx, RoomKey::from_bytes(key)))
}

/// A number of C's where ids and epochs count from 1: what cannot be one is 0, which is refused.
pub(crate) fn number(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

/// 32 bytes that somebody has written.
fn key<'a>(bytes: &'a [u8], name: &'static str) -> Result<&'a [u8; 32]> {
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

/// Where a room key gets its key.
#[derive(Clone, Copy)]
pub(crate) struct IntoRoom(pub(crate) *mut KeyOfRoom);

impl Outputs for IntoRoom {
    type Value = RoomKey;

    unsafe fn clear(self) -> Result<()> {
        // SAFETY: as the caller says; what is in place is of this size at least.
        unsafe {
            input::in_place(self.0.cast_const(), "room_key")?;
            self.write(&[0; 32]);
        }
        Ok(())
    }

    unsafe fn fill(self, value: RoomKey) {
        // SAFETY: `clear` has found it to be there and of this size.
        unsafe { self.write(value.as_bytes()) };
    }
}

impl IntoRoom {
    /// # Safety
    /// It is there, and of this size at least.
    unsafe fn write(self, key: &[u8; 32]) {
        // SAFETY: as the caller says.
        unsafe { (&raw mut (*self.0).key).copy_from_nonoverlapping(key, 1) };
    }
}

/// The randomness of one call.
pub(crate) struct Source {
    given: Option<RandomSource>,
    failed: AtomicBool,
}

// SAFETY: it is asked on the thread of the call that it was given to, and nowhere else.
unsafe impl Send for Source {}
// SAFETY: as above.
unsafe impl Sync for Source {}

impl Source {
    /// # Safety
    /// NULL, or a `portal_random` that keeps what the header asks of its callback until the call ends.
    pub(crate) unsafe fn new(pointer: *const RandomSource) -> Result<Self> {
        let given = if pointer.is_null() {
            None
        } else {
            // SAFETY: as the caller says.
            Some(unsafe { input::sized(pointer, "random") }?)
        };
        let given = given.filter(|given| given.fill.is_some());
        if given.is_none() {
            // A missing source is an error where somebody is listening.
            SystemRandom::check()
                .map_err(|error| Error::new(ErrorKind::Internal).caused_by(error))?;
        }
        Ok(Self {
            given,
            failed: AtomicBool::new(false),
        })
    }

    /// Refuses what was made of bytes that were none.
    pub(crate) fn has_answered(&self) -> Result<()> {
        if self.failed.load(Ordering::Relaxed) {
            let why = "The random source that was given does not answer.";
            Err(Error::with_message(ErrorKind::Internal, why))
        } else {
            Ok(())
        }
    }
}

impl Random for Source {
    fn fill(&self, bytes: &mut [u8]) {
        let Some(RandomSource {
            host,
            fill: Some(fill),
            ..
        }) = self.given
        else {
            return SystemRandom.fill(bytes);
        };
        // SAFETY: the host's own function with the host's own pointer; the bytes can be written for that length.
        if unsafe { fill(host, bytes.as_mut_ptr(), bytes.len()) } != 0 {
            self.failed.store(true, Ordering::Relaxed);
        }
    }
}
