//! `portal_room_key`: a key that says of which chat and epoch it is, as the encryption reads and fills it.

use portal_core::e2ee::{Ctx, RoomCipher, RoomKey, Suite};
use portal_core::{Error, Result};

use crate::boundary::Outputs;
use crate::e2ee::key;
use crate::input::{self, SizeFirst};

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
            "`room_key.reserved` has to be 0.",
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
