//! What a keyring does with messages, and what it knows of people.

use std::ffi::c_char;

use crate::boundary::{answer, out};
use crate::buf::Buf;
use crate::error::Failure;
use crate::input;
use crate::keyring::{Ring, id};

/// - What: seals a text for a chat's present epoch, the highest that was ever seen: the content of
///   message.send.
/// - Ownership: the text is read during the call only. *envelope belongs to the caller, who disposes of it
///   with portal_buf_dispose.
/// - NULL: keyring and envelope may not be NULL. plaintext may be, with length 0.
/// - Threads: any; calls on one keyring follow each other.
/// - Statuses: PORTAL_ERR_NO_ROOM_KEY while that epoch's key is not here. PORTAL_ERR_INVALID,
///   also for a plaintext that is too long. PORTAL_ERR_INTERNAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_keyring_seal(
    keyring: *mut Ring,
    chat_id: i64,
    plaintext: *const c_char,
    plaintext_len: usize,
    envelope: *mut Buf,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for a keyring that is not freed meanwhile and a text that can be read.
        let (ring, plaintext) = unsafe {
            (
                input::reference(keyring, "keyring")?,
                input::text(plaintext, plaintext_len, "plaintext")?,
            )
        };
        let chat_id = id(chat_id, "chat_id")?;
        let envelope = ring.lock().seal(chat_id, plaintext, ring.random())?;
        Ok(Buf::new(envelope))
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe { answer(out(envelope, "envelope"), error, body) }
}

/// - What: opens a message: chat, id and sender as the server says, the envelope as it is stored. What was
///   opened before opens again while its key is here, under the same id and with the same bytes only. Keys
///   of a chat go when it is destroyed, when this user is kicked or banned or leaves, and those of earlier
///   epochs when it is cleared: a host that wants its history keeps the texts, or an earlier export.
/// - Ownership: the envelope is read during the call only. *text belongs to the caller, who disposes of it
///   with portal_buf_dispose. It may contain NUL; len is right.
/// - NULL: keyring and text may not be NULL. envelope may be, with length 0, and does not open.
/// - Threads: any; calls on one keyring follow each other.
/// - Statuses: PORTAL_ERR_NO_ROOM_KEY if the key of its epoch is not here: perhaps a step's keys bring it.
///   PORTAL_ERR_DECRYPT for everything else that is wrong with it. PORTAL_ERR_INVALID,
///   PORTAL_ERR_INTERNAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_keyring_open(
    keyring: *mut Ring,
    chat_id: i64,
    message_id: i64,
    sender_id: i64,
    envelope: *const c_char,
    envelope_len: usize,
    text: *mut Buf,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for a keyring that is not freed meanwhile and a text that can be read.
        let (ring, envelope) = unsafe {
            (
                input::reference(keyring, "keyring")?,
                input::text(envelope, envelope_len, "envelope")?,
            )
        };
        let chat_id = id(chat_id, "chat_id")?;
        let message_id = id(message_id, "message_id")?;
        let sender_id = id(sender_id, "sender_id")?;
        let opened = ring.lock().open(chat_id, message_id, sender_id, envelope);
        Ok(Buf::new(opened?))
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe { answer(out(text, "text"), error, body) }
}

/// - What: the key of one message in base64, the disclosure of report.create. It opens that message and
///   no other.
/// - Ownership: the envelope is read during the call only. *disclosure belongs to the caller, who disposes
///   of it with portal_buf_dispose.
/// - NULL: keyring and disclosure may not be NULL. envelope may be, with length 0, and does not open.
/// - Threads: any; calls on one keyring follow each other.
/// - Statuses: as portal_keyring_open; PORTAL_ERR_INVALID with disclosure in suite 2.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_keyring_disclose(
    keyring: *mut Ring,
    chat_id: i64,
    message_id: i64,
    sender_id: i64,
    envelope: *const c_char,
    envelope_len: usize,
    disclosure: *mut Buf,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for a keyring that is not freed meanwhile and a text that can be read.
        let (ring, envelope) = unsafe {
            (
                input::reference(keyring, "keyring")?,
                input::text(envelope, envelope_len, "envelope")?,
            )
        };
        let chat_id = id(chat_id, "chat_id")?;
        let message_id = id(message_id, "message_id")?;
        let sender_id = id(sender_id, "sender_id")?;
        let key = ring
            .lock()
            .disclose(chat_id, message_id, sender_id, envelope)?;
        Ok(Buf::new(key.to_base64().as_str()))
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe { answer(out(disclosure, "disclosure"), error, body) }
}

/// - What: for whom this keyring has wrapped the key of a chat's epoch, as a JSON array of {user_id,
///   session_id, public_key, fingerprint, first_seen_ms, wrapped_at_ms}. The fingerprint is the digits
///   that the two people compare.
/// - Ownership: *sessions belongs to the caller, who disposes of it with portal_buf_dispose.
/// - NULL: keyring and sessions may not be NULL.
/// - Threads: any; calls on one keyring follow each other.
/// - Statuses: PORTAL_ERR_INVALID, PORTAL_ERR_INTERNAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_keyring_sessions(
    keyring: *mut Ring,
    chat_id: i64,
    epoch: i64,
    sessions: *mut Buf,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for a keyring that is not freed meanwhile.
        let ring = unsafe { input::reference(keyring, "keyring") }?;
        let (chat_id, epoch) = (id(chat_id, "chat_id")?, id(epoch, "epoch")?);
        Buf::document(&ring.lock().sessions(chat_id, epoch))
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe { answer(out(sessions, "sessions"), error, body) }
}

/// - What: every key that was seen of others, as a JSON array of {user_id, public_key, fingerprint,
///   first_seen_ms, trust}; trust is seen, which means that it was not needed yet, accepted, refused, or
///   asked, which waits for portal_keyring_decide.
/// - Ownership: *people belongs to the caller, who disposes of it with portal_buf_dispose.
/// - NULL: keyring and people may not be NULL.
/// - Threads: any; calls on one keyring follow each other.
/// - Statuses: PORTAL_ERR_INVALID, PORTAL_ERR_INTERNAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_keyring_people(
    keyring: *mut Ring,
    people: *mut Buf,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for a keyring that is not freed meanwhile.
        let ring = unsafe { input::reference(keyring, "keyring") }?;
        Buf::document(&ring.lock().people())
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe { answer(out(people, "people"), error, body) }
}

/// - What: forgets every key of a user but the session's own; what comes next of them counts as new.
/// - Ownership: nothing changes hands.
/// - NULL: keyring may not be NULL.
/// - Threads: any; calls on one keyring follow each other.
/// - Statuses: PORTAL_ERR_INVALID, PORTAL_ERR_INTERNAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_keyring_forget_person(
    keyring: *mut Ring,
    user_id: i64,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for a keyring that is not freed meanwhile.
        let ring = unsafe { input::reference(keyring, "keyring") }?;
        ring.lock().forget_person(id(user_id, "user_id")?);
        Ok(())
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe { answer((), error, body) }
}

/// - What: forgets the keys of a chat's epochs before this one, for a host that knows that their messages
///   are gone. The present epoch's key stays.
/// - Ownership: nothing changes hands.
/// - NULL: keyring may not be NULL.
/// - Threads: any; calls on one keyring follow each other.
/// - Statuses: PORTAL_ERR_INVALID, PORTAL_ERR_INTERNAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_keyring_forget_before(
    keyring: *mut Ring,
    chat_id: i64,
    epoch: i64,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for a keyring that is not freed meanwhile.
        let ring = unsafe { input::reference(keyring, "keyring") }?;
        let (chat_id, epoch) = (id(chat_id, "chat_id")?, id(epoch, "epoch")?);
        ring.lock().forget_before(chat_id, epoch);
        Ok(())
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe { answer((), error, body) }
}
