//! `portal_keyring`: a client's keys for a host in C. A keyring is one's own, without a file and without a portal.
//!
//! The surprise: it is behind a mutex that a panic does not poison. Only a host's random source panics here, and the
//! keyring keeps what it had come to by then for the next call.

use std::ffi::{c_char, c_void};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use portal_core::e2ee::keyring::{Answer, Keyring, OnKey, Policy, Step};
use portal_core::e2ee::{Error as Crypto, PublicKey, SecretKey};
use portal_core::random::{Random, SystemRandom};
use portal_core::{Error, ErrorKind, Result};

use crate::boundary::{answer, boundary, out};
use crate::buf::Buf;
use crate::e2ee;
use crate::error::Failure;
use crate::input::{self, SizeFirst};
use crate::status::NAMES;

/// portal_keyring_options.flags: ask before the first key of a user is trusted. Without it that key is
/// accepted, and an alarm says so.
pub const PORTAL_KEYRING_ASK_NEW: u32 = 1;
/// portal_keyring_options.flags: accept further keys of a user. Without it they wait for
/// portal_keyring_decide.
pub const PORTAL_KEYRING_ACCEPT_CHANGED: u32 = 2;

const KNOWN_FLAGS: u32 = PORTAL_KEYRING_ASK_NEW | PORTAL_KEYRING_ACCEPT_CHANGED;

/// Whose a keyring is, and whom it trusts. It begins with its size: zero it, then set size to
/// sizeof(portal_keyring_options), user_id and session_id. It is read during the call only.
///
/// The callbacks may be called from any thread that calls the library, until release is. They must not
/// call the library, throw, or jump out.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct KeyringOptions {
    /// sizeof(portal_keyring_options).
    pub size: usize,
    /// PORTAL_KEYRING_... flags.
    pub flags: u32,
    /// 0.
    pub reserved: u32,
    /// The user.
    pub user_id: i64,
    /// The session.
    pub session_id: i64,
    /// That session's X25519 secret key, 32 bytes, which are copied; NULL: a new one is made, and
    /// portal_keyring_export is how it is kept. NULL for portal_keyring_import, which brings one. All zeros
    /// is no key and is refused.
    pub secret_key: *const u8,
    /// Handed to every callback.
    pub host: *mut c_void,
    /// Fills out with len bytes nobody can predict and returns 0; NULL: the system's. Anything else says
    /// that there are none: the call that needed them answers PORTAL_ERR_INTERNAL, and what it had come to
    /// by then is part of the next step.
    pub random: Option<unsafe extern "C" fn(host: *mut c_void, out: *mut u8, len: usize) -> i32>,
    /// Called once, when no callback will be called any more: by portal_keyring_free, or by the call that
    /// fails to make a keyring. A call without a place for the keyring, or with a wrong size, reads
    /// nothing of this struct. NULL: nothing to release.
    pub release: Option<unsafe extern "C" fn(host: *mut c_void)>,
}

// SAFETY: `repr(C)`, the size comes first, and the rest are numbers, pointers and callbacks, which may be NULL.
unsafe impl SizeFirst for KeyringOptions {}

/// A client's keys: its own, the rooms', and those of the people it met.
pub struct Ring {
    keyring: Mutex<Keyring>,
    random: Arc<dyn Random>,
}

impl Ring {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Keyring> {
        self.keyring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn random(&self) -> &dyn Random {
        &*self.random
    }
}

/// The host's callbacks; dropping it releases the host.
struct Host(KeyringOptions);

// SAFETY: the header asks for callbacks that any thread may call.
unsafe impl Send for Host {}
// SAFETY: as above.
unsafe impl Sync for Host {}

impl Drop for Host {
    fn drop(&mut self) {
        if let Some(release) = self.0.release {
            // SAFETY: the host's own function with the host's own pointer, for the first and last time.
            unsafe { release(self.0.host) };
        }
    }
}

impl Random for Host {
    /// # Panics
    /// When the host has no random bytes: bytes that somebody could guess would be worse.
    fn fill(&self, bytes: &mut [u8]) {
        let KeyringOptions { host, random, .. } = self.0;
        let Some(random) = random else {
            SystemRandom.fill(bytes);
            return;
        };
        // SAFETY: the host's own function with the host's own pointer, before it is released; the bytes can be written
        // for that length.
        let status = unsafe { random(host, bytes.as_mut_ptr(), bytes.len()) };
        if status != 0 {
            // Not a defect of ours: it is told to whoever called, and not on standard error. Nothing is allocated for it,
            // so that the guard, which does not drop what was thrown, leaks nothing.
            std::panic::resume_unwind(Box::new(()));
        }
    }
}

/// Options that are checked.
struct Given {
    user_id: u64,
    session_id: u64,
    policy: Policy,
    secret_key: *const u8,
    random: Arc<dyn Random>,
}

/// # Safety
/// NULL, or a `portal_keyring_options` that keeps what the header asks of its callbacks.
unsafe fn given(pointer: *const KeyringOptions) -> Result<Given> {
    // SAFETY: as the caller says.
    let options = unsafe { input::sized(pointer, "options") }?;
    // From here on the host is released, whatever happens.
    let host = Arc::new(Host(options));
    let unknown = options.flags & !KNOWN_FLAGS;
    if unknown != 0 {
        return Err(Error::invalid(
            "options.flags",
            format!("`options.flags` has unknown flags: {unknown:#x}."),
        ));
    }
    if options.reserved != 0 {
        return Err(Error::invalid(
            "options.reserved",
            "`options.reserved` has to be 0.",
        ));
    }
    if options.random.is_none() {
        SystemRandom::check().map_err(|error| Error::new(ErrorKind::Internal).caused_by(error))?;
    }
    let choose = |accept| if accept { OnKey::Accept } else { OnKey::Ask };
    Ok(Given {
        user_id: id(options.user_id, "options.user_id")?,
        session_id: id(options.session_id, "options.session_id")?,
        policy: Policy {
            on_new: choose(options.flags & PORTAL_KEYRING_ASK_NEW == 0),
            on_change: choose(options.flags & PORTAL_KEYRING_ACCEPT_CHANGED != 0),
        },
        secret_key: options.secret_key,
        random: host,
    })
}

/// An id as the encryption counts it.
pub(crate) fn id(number: i64, parameter: &'static str) -> Result<u64> {
    u64::try_from(number)
        .ok()
        .filter(|number| (1..=portal_core::e2ee::MAX_NUMBER).contains(number))
        .ok_or_else(|| {
            let why = format!("`{parameter}` is a number from 1 to 9007199254740991.");
            Error::invalid(parameter, why)
        })
}

/// 32 bytes that somebody has written.
///
/// # Safety
/// NULL, or 32 bytes can be read and do not change while the result is in use.
unsafe fn key<'a>(pointer: *const u8, parameter: &'static str) -> Result<&'a [u8; 32]> {
    // SAFETY: bytes have no alignment; the rest as the caller says.
    let bytes = unsafe { input::reference(pointer.cast::<[u8; 32]>(), parameter) }?;
    e2ee::key(bytes, parameter)
}

/// An error whose field has another name in C.
fn named(error: Crypto, field: &str, in_c: &str) -> Error {
    if error.field() == Some(field) {
        Error::invalid(in_c, error.to_string().replacen(field, in_c, 1))
    } else {
        error.into()
    }
}

/// What a call on a keyring answers with: a step.
///
/// # Safety
/// A keyring that is not freed meanwhile, or NULL.
unsafe fn step(
    keyring: *const Ring,
    work: impl FnOnce(&mut Keyring, &dyn Random) -> Result<Step>,
) -> Result<Buf> {
    // SAFETY: as the caller says.
    let ring = unsafe { input::reference(keyring, "keyring") }?;
    let step = work(&mut ring.lock(), ring.random())?;
    Buf::document(&step)
}

fn boxed(keyring: Keyring, random: Arc<dyn Random>) -> *mut Ring {
    let keyring = Mutex::new(keyring);
    Box::into_raw(Box::new(Ring { keyring, random }))
}

/// - What: makes a keyring that holds nothing yet but the session's own key.
/// - Ownership: *keyring belongs to the caller, who gives it back with portal_keyring_free.
/// - NULL: options and keyring may not be NULL.
/// - Threads: any, also several at once.
/// - Statuses: PORTAL_ERR_INVALID with the first wrong field of the options, PORTAL_ERR_INTERNAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_keyring_new(
    options: *const KeyringOptions,
    keyring: *mut *mut Ring,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for options that can be read.
        let given = unsafe { given(options) }?;
        let secret = if given.secret_key.is_null() {
            SecretKey::generate(&*given.random)
        } else {
            // SAFETY: the header asks for 32 bytes.
            SecretKey::from_bytes(unsafe { key(given.secret_key, "options.secret_key") }?)
        };
        let mut options =
            portal_core::e2ee::keyring::Options::new(given.user_id, given.session_id, secret);
        options.policy = given.policy;
        Ok(boxed(Keyring::new(options)?, given.random))
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe { answer(out(keyring, "keyring"), error, body) }
}

/// - What: makes a keyring of what portal_keyring_export has sealed under key, 32 bytes. The session may
///   be another than it was. What was under way is not part of it: join the rooms anew.
/// - Ownership: *keyring belongs to the caller, who gives it back with portal_keyring_free. The key is
///   read during the call only; wiping it is the caller's.
/// - NULL: options, key and keyring may not be NULL; options.secret_key is. sealed may be, with length 0.
/// - Threads: any, also several at once.
/// - Statuses: PORTAL_ERR_DECRYPT for another key or damage. PORTAL_ERR_INVALID with the first wrong
///   field, sealed for what another version made, options.user_id for another user's.
///   PORTAL_ERR_INTERNAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_keyring_import(
    options: *const KeyringOptions,
    sealed: *const c_char,
    sealed_len: usize,
    key: *const u8,
    keyring: *mut *mut Ring,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for options and inputs that can be read.
        let (given, sealed, key) = unsafe {
            (
                given(options)?,
                input::text(sealed, sealed_len, "sealed")?,
                self::key(key, "key")?,
            )
        };
        if !given.secret_key.is_null() {
            return Err(Error::invalid(
                "options.secret_key",
                "`options.secret_key` has to be NULL here: what is imported has a key.",
            ));
        }
        let Given {
            user_id,
            session_id,
            policy,
            random,
            ..
        } = given;
        let keyring = Keyring::import(sealed, key, user_id, session_id, policy);
        let keyring = keyring.map_err(|error| named(error, "user_id", "options.user_id"))?;
        Ok(boxed(keyring, random))
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe { answer(out(keyring, "keyring"), error, body) }
}

/// - What: seals everything a keyring knows, the session's secret key included, under key, 32 bytes, as a
///   text. Whoever has both reads what the session can read. Keep a new one before the requests of a step
///   are called: a key that was published must not be lost with the process. A key of zeros is refused.
/// - Ownership: *sealed belongs to the caller, who disposes of it with portal_buf_dispose. The key is
///   read during the call only; wiping it is the caller's.
/// - NULL: keyring, key and sealed may not be NULL.
/// - Threads: any; calls on one keyring follow each other.
/// - Statuses: PORTAL_ERR_INVALID, PORTAL_ERR_INTERNAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_keyring_export(
    keyring: *mut Ring,
    key: *const u8,
    sealed: *mut Buf,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for a keyring that is not freed meanwhile and a key that can be read.
        let (ring, key) = unsafe {
            (
                input::reference(keyring, "keyring")?,
                self::key(key, "key")?,
            )
        };
        Ok(Buf::new(ring.lock().export(key, ring.random())?))
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe { answer(out(sealed, "sealed"), error, body) }
}

/// - What: takes in an event, by its name and with its data as JSON, as it was delivered or as the log has
///   it. Three more names are the host's: "room.join" with the reply of that operation, "room.leave" with
///   a chat_id when the session has left a room, and "disconnected" with {} when it is in no room any
///   more. Other names, also mistyped ones, change nothing. *step is a JSON object: requests to call, each {id, op, params}; alarms to show, each with its
///   kind; keys that came, each {chat_id, epoch}; and wake_at_ms, when to call portal_keyring_tick, or
///   null.
/// - Ownership: the inputs are read during the call only. *step belongs to the caller, who disposes of it
///   with portal_buf_dispose.
/// - NULL: keyring and step may not be NULL. name and data may be, with length 0.
/// - Threads: any; calls on one keyring follow each other.
/// - Statuses: PORTAL_ERR_INVALID with the first wrong field, when nothing is taken in.
///   PORTAL_ERR_INTERNAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_keyring_event(
    keyring: *mut Ring,
    name: *const c_char,
    name_len: usize,
    data: *const c_char,
    data_len: usize,
    now_ms: i64,
    step: *mut Buf,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for a keyring that is not freed meanwhile and for inputs that can be read.
        unsafe {
            let name = input::text(name, name_len, "name")?;
            let data = input::text(data, data_len, "data")?;
            self::step(keyring, |keyring, random| {
                Ok(keyring.event(name, data, now_ms, random)?)
            })
        }
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe { answer(out(step, "step"), error, body) }
}

/// - What: takes in what came of a request: status 0 and the reply, or the status of the refusal and the
///   error's extras; PORTAL_ERR_INTERNAL and nothing if no answer came at all. *step is as for
///   portal_keyring_event.
/// - Ownership: the inputs are read during the call only. *step belongs to the caller, who disposes of it
///   with portal_buf_dispose.
/// - NULL: keyring and step may not be NULL. document may be, with length 0, where status is not 0.
/// - Threads: any; calls on one keyring follow each other.
/// - Statuses: PORTAL_ERR_INVALID with the first wrong field; the request then still waits for an answer.
///   PORTAL_ERR_INTERNAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_keyring_reply(
    keyring: *mut Ring,
    request_id: i64,
    status: i32,
    document: *const c_char,
    document_len: usize,
    now_ms: i64,
    step: *mut Buf,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        let request_id = id(request_id, "request_id")?;
        // SAFETY: the header asks for a keyring that is not freed meanwhile and for inputs that can be read.
        unsafe {
            let document = input::text(document, document_len, "document")?;
            let answer = told(status, document)?;
            self::step(keyring, |keyring, random| {
                let step = keyring.reply(request_id, answer, now_ms, random);
                step.map_err(|error| named(error, "details", "document"))
            })
        }
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe { answer(out(step, "step"), error, body) }
}

/// An answer, from a status and a document.
fn told(status: i32, document: &str) -> Result<Answer<'_>> {
    if status == 0 {
        return Ok(Answer::Done(document));
    }
    let name = NAMES.iter().find(|(number, _)| *number == status);
    let code = name.and_then(|(_, name)| name.to_str().ok());
    let code =
        code.ok_or_else(|| Error::invalid("status", format!("`status` is no status: {status}.")))?;
    let details = document;
    Ok(Answer::Refused { code, details })
}

/// - What: does what is due at that time. The first call asks to register the session's key. *step is as
///   for portal_keyring_event.
/// - Ownership: *step belongs to the caller, who disposes of it with portal_buf_dispose.
/// - NULL: keyring and step may not be NULL.
/// - Threads: any; calls on one keyring follow each other.
/// - Statuses: PORTAL_ERR_INVALID, PORTAL_ERR_INTERNAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_keyring_tick(
    keyring: *mut Ring,
    now_ms: i64,
    step: *mut Buf,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for a keyring that is not freed meanwhile.
        unsafe { self::step(keyring, |keyring, random| Ok(keyring.tick(now_ms, random))) }
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe { answer(out(step, "step"), error, body) }
}

/// - What: says whether a key of a user, 32 bytes, that an alarm has named is to be trusted: accept is 1
///   or 0. What waited for it goes on. *step is as for portal_keyring_event.
/// - Ownership: the key is read during the call only. *step belongs to the caller, who disposes of it with
///   portal_buf_dispose.
/// - NULL: keyring, public_key and step may not be NULL.
/// - Threads: any; calls on one keyring follow each other.
/// - Statuses: PORTAL_ERR_INVALID, with public_key for one that was not seen of that user.
///   PORTAL_ERR_INTERNAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_keyring_decide(
    keyring: *mut Ring,
    user_id: i64,
    public_key: *const u8,
    accept: i32,
    now_ms: i64,
    step: *mut Buf,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        let user_id = id(user_id, "user_id")?;
        if !matches!(accept, 0 | 1) {
            return Err(Error::invalid("accept", "`accept` is 0 or 1."));
        }
        // SAFETY: the header asks for a keyring that is not freed meanwhile and a key that can be read.
        unsafe {
            let public_key = PublicKey::from_bytes(*key(public_key, "public_key")?)?;
            self::step(keyring, |keyring, random| {
                Ok(keyring.decide(user_id, &public_key, accept == 1, now_ms, random)?)
            })
        }
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe { answer(out(step, "step"), error, body) }
}

/// - What: frees a keyring and wipes its keys.
/// - Ownership: takes the keyring back. Buffers and errors that came from it stay valid.
/// - NULL: allowed, does nothing.
/// - Threads: any, while no other thread uses the keyring; not from within a callback.
/// - Statuses: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_keyring_free(keyring: *mut Ring) {
    boundary((), || {
        if !keyring.is_null() {
            // SAFETY: `boxed` made it, and it is freed once.
            drop(unsafe { Box::from_raw(keyring) });
        }
    });
}
