//! The client's side of the encryption on the caller's own memory: messages, and what a reported one said.
//!
//! Whatever does not open is PORTAL_ERR_DECRYPT, whatever was wrong with it; only what the program itself hands over
//! wrongly is named.

use std::ffi::c_char;

use portal_core::e2ee::{Ctx, Envelope, Error as Crypto, MessageKey, suite3};
use zeroize::Zeroizing;

use crate::boundary::answer;
use crate::e2ee::contents;
use crate::error::Failure;
use crate::input;
use crate::memory::{self, Contents};
use crate::random_source::{RandomSource, Source};
use crate::room_key::{KeyOfRoom, cipher, number};

/// - What: seals a message of the sender for all who have the room key: an envelope, for
///   portal_message_send. At most 2943 bytes of plaintext in suite 3, 3002 in suite 2.
/// - Ownership: the inputs are read during the call only. The buffer is the caller's and overlaps no
///   input; what is too small for the envelope and its NUL is refused.
/// - NULL: random may be NULL, which is the system's; plaintext may be, with length 0. room_key,
///   envelope and envelope_len may not.
/// - Threads: any, also several at once.
/// - Statuses: PORTAL_ERR_INVALID, PORTAL_ERR_INTERNAL without random bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_e2ee_seal(
    room_key: *const KeyOfRoom,
    sender_id: i64,
    plaintext: *const c_char,
    plaintext_len: usize,
    random: *const RandomSource,
    envelope: *mut c_char,
    envelope_size: usize,
    envelope_len: *mut usize,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        memory::apart(
            (plaintext, plaintext_len),
            (envelope, envelope_size),
            "envelope",
        )?;
        // SAFETY: the header asks for inputs that can be read and a source that can be called.
        let (mut cipher, plaintext, random) = unsafe {
            (
                cipher(room_key)?,
                input::text(plaintext, plaintext_len, "plaintext")?,
                Source::new(random)?,
            )
        };
        // Suite 2 does not look at it; a mistake would show with the first chat of suite 3.
        cipher.ctx().sender(number(sender_id))?;
        let sealed = cipher.seal(number(sender_id), plaintext, &random)?;
        random.has_answered()?;
        Ok(contents(sealed))
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe {
        answer(
            memory::text(
                envelope,
                envelope_size,
                "envelope",
                envelope_len,
                "envelope_len",
            ),
            error,
            body,
        )
    }
}

/// - What: opens a message with its chat's and epoch's room key. sender_id is the one that the message
///   was delivered with: in suite 3 opening proves it, in suite 2 it does not.
/// - Ownership: the inputs are read during the call only. The buffer is the caller's and overlaps no
///   input; what is too small for the plaintext and its NUL is refused. After a failure it is zeros.
/// - NULL: envelope may be NULL, with length 0; room_key, plaintext and plaintext_len may not.
/// - Threads: any, also several at once.
/// - Statuses: PORTAL_ERR_DECRYPT for whatever does not open, PORTAL_ERR_INVALID, PORTAL_ERR_INTERNAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_e2ee_open(
    room_key: *const KeyOfRoom,
    sender_id: i64,
    envelope: *const c_char,
    envelope_len: usize,
    plaintext: *mut c_char,
    plaintext_size: usize,
    plaintext_len: *mut usize,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        memory::apart(
            (envelope, envelope_len),
            (plaintext, plaintext_size),
            "plaintext",
        )?;
        // SAFETY: the header asks for inputs that can be read.
        let (mut cipher, envelope) = unsafe {
            (
                cipher(room_key)?,
                input::text(envelope, envelope_len, "envelope")?,
            )
        };
        cipher.ctx().sender(number(sender_id))?;
        Ok(secret(cipher.open(number(sender_id), envelope)?))
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe {
        answer(
            memory::text(
                plaintext,
                plaintext_size,
                "plaintext",
                plaintext_len,
                "plaintext_len",
            ),
            error,
            body,
        )
    }
}

/// - What: the key of one message of suite 3, in base64, to report it with (report.create). It opens
///   that message and nothing else.
/// - Ownership: the inputs are read during the call only. The buffer is the caller's and overlaps no
///   input.
/// - NULL: envelope may be NULL, with length 0; room_key, disclosure and disclosure_len may not.
/// - Threads: any, also several at once.
/// - Statuses: PORTAL_ERR_DECRYPT for whatever does not open, PORTAL_ERR_INVALID, which names
///   disclosure in suite 2, PORTAL_ERR_INTERNAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_e2ee_disclose(
    room_key: *const KeyOfRoom,
    sender_id: i64,
    envelope: *const c_char,
    envelope_len: usize,
    disclosure: *mut c_char,
    disclosure_size: usize,
    disclosure_len: *mut usize,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        memory::apart(
            (envelope, envelope_len),
            (disclosure, disclosure_size),
            "disclosure",
        )?;
        // SAFETY: the header asks for inputs that can be read.
        let (mut cipher, envelope) = unsafe {
            (
                cipher(room_key)?,
                input::text(envelope, envelope_len, "envelope")?,
            )
        };
        cipher.ctx().sender(number(sender_id))?;
        let key = cipher.disclose(number(sender_id), envelope)?;
        Ok(contents(key.to_base64().as_bytes()))
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe {
        answer(
            memory::text(
                disclosure,
                disclosure_size,
                "disclosure",
                disclosure_len,
                "disclosure_len",
            ),
            error,
            body,
        )
    }
}

/// - What: what a reported message of suite 3 said, with the key that its reporter disclosed. Chat,
///   epoch and sender are those of the stored message, never the reporter's word.
/// - Ownership: the inputs are read during the call only. The buffer is the caller's and overlaps no
///   input. After a failure it is zeros.
/// - NULL: envelope and disclosure may be NULL, with length 0; plaintext and plaintext_len may not.
/// - Threads: any, also several at once.
/// - Statuses: PORTAL_ERR_DECRYPT if the key is not this message's, PORTAL_ERR_INVALID,
///   PORTAL_ERR_INTERNAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_e2ee_verify(
    chat_id: i64,
    epoch: i64,
    sender_id: i64,
    envelope: *const c_char,
    envelope_len: usize,
    disclosure: *const c_char,
    disclosure_len: usize,
    plaintext: *mut c_char,
    plaintext_size: usize,
    plaintext_len: *mut usize,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        let plaintext = (plaintext, plaintext_size);
        memory::apart((envelope, envelope_len), plaintext, "plaintext")?;
        memory::apart((disclosure, disclosure_len), plaintext, "plaintext")?;
        // SAFETY: the header asks for inputs that can be read.
        let (envelope, disclosure) = unsafe {
            (
                input::text(envelope, envelope_len, "envelope")?,
                input::text(disclosure, disclosure_len, "disclosure")?,
            )
        };
        let who = Ctx::new(number(chat_id), number(epoch))?.sender(number(sender_id))?;
        let key = MessageKey::from_base64(disclosure)?;
        let envelope = Envelope::parse(envelope).map_err(|_| Crypto::Decrypt)?;
        Ok(secret(suite3::verify_disclosure(who, &envelope, &key)?))
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe {
        answer(
            memory::text(
                plaintext,
                plaintext_size,
                "plaintext",
                plaintext_len,
                "plaintext_len",
            ),
            error,
            body,
        )
    }
}

/// A text that nobody else should find in memory.
fn secret(text: String) -> Contents {
    Zeroizing::new(text.into_bytes())
}
