//! The client's side of the encryption on the caller's own memory: room keys wrapped for sessions, as blobs.

use std::ffi::c_char;

use portal_core::e2ee::{Ctx, Delivery, RoomCipher, RoomKey};

use crate::boundary::answer;
use crate::e2ee::{contents, key_check, public_key, secret_key};
use crate::error::Failure;
use crate::random_source::{RandomSource, Source};
use crate::room_key::{IntoRoom, KeyOfRoom, cipher, number, room};
use crate::{input, memory};

/// - What: wraps a room key for one session of a user: a blob in base64, for portal_key_publish.
///   user_id and public_key are the recipient's: whoever has the secret of that key can read the epoch,
///   so it should be one the host trusts.
/// - Ownership: the inputs are read during the call only. The buffer is the caller's.
/// - NULL: random may be NULL, which is the system's; room_key, blob and blob_len may not. public_key and
///   secret_key may be, with length 0.
/// - Threads: any, also several at once.
/// - Statuses: PORTAL_ERR_INVALID, also for a key of small order, PORTAL_ERR_INTERNAL without random
///   bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_e2ee_wrap(
    room_key: *const KeyOfRoom,
    user_id: i64,
    public_key: *const u8,
    public_key_len: usize,
    secret_key: *const u8,
    secret_key_len: usize,
    random: *const RandomSource,
    blob: *mut c_char,
    blob_size: usize,
    blob_len: *mut usize,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for inputs that can be read and a source that can be called.
        let (cipher, recipient, secret, random) = unsafe {
            (
                cipher(room_key)?,
                self::public_key(public_key, public_key_len, "public_key")?,
                self::secret_key(secret_key, secret_key_len)?,
                Source::new(random)?,
            )
        };
        let user_id = recipient_of(cipher.ctx(), user_id)?;
        let wrapped = cipher.wrap(user_id, &recipient, &secret, &random)?;
        random.has_answered()?;
        Ok(contents(wrapped))
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe {
        answer(
            memory::text(blob, blob_size, "blob", blob_len, "blob_len"),
            error,
            body,
        )
    }
}

/// - What: opens a blob with the secret key of the session it is for, and compares the key check:
///   room_key says the suite, chat and epoch, and gets the key. user_id is whose session that is;
///   public_key the one that the blob was delivered with: opening proves that its session made it. After PORTAL_ERR_DECRYPT a client calls
///   portal_key_reject.
/// - Ownership: the inputs are read during the call only. room_key is the caller's; only its key is
///   written.
/// - NULL: room_key may not be NULL. blob, secret_key, public_key and key_check may be, with length 0;
///   key_check in suite 2, where an epoch may have none.
/// - Threads: any, also several at once.
/// - Statuses: PORTAL_ERR_DECRYPT for whatever does not open or is not the epoch's key,
///   PORTAL_ERR_INVALID, also for a key of small order, PORTAL_ERR_INTERNAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portal_e2ee_unwrap(
    blob: *const c_char,
    blob_len: usize,
    user_id: i64,
    secret_key: *const u8,
    secret_key_len: usize,
    public_key: *const u8,
    public_key_len: usize,
    key_check: *const u8,
    key_check_len: usize,
    room_key: *mut KeyOfRoom,
    error: *mut *mut Failure,
) -> i32 {
    let body = || {
        // SAFETY: the header asks for inputs that can be read.
        let ((suite, ctx), blob, secret, sender, check) = unsafe {
            (
                room(room_key)?,
                input::text(blob, blob_len, "blob")?,
                self::secret_key(secret_key, secret_key_len)?,
                self::public_key(public_key, public_key_len, "public_key")?,
                self::key_check(key_check, key_check_len)?,
            )
        };
        let user_id = recipient_of(ctx, user_id)?;
        let delivery = Delivery {
            blob,
            sender: &sender,
            check: check.as_ref(),
        };
        let cipher = RoomCipher::unwrap(suite, ctx, &delivery, user_id, &secret)?;
        Ok(RoomKey::from_bytes(cipher.room_key().as_bytes()))
    };
    // SAFETY: the header asks for outputs that can be written.
    unsafe { answer(IntoRoom(room_key), error, body) }
}

/// The user of a session. Suite 2 does not look at it; a mistake would show with the first chat of suite 3.
fn recipient_of(ctx: Ctx, user_id: i64) -> portal_core::Result<u64> {
    match ctx.sender(number(user_id)) {
        Ok(user) => Ok(user.sender_id()),
        Err(_) => Err(portal_core::e2ee::Error::OutOfRange { what: "user_id" }.into()),
    }
}
