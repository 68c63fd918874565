//! What a message or key belongs to, as the bytes that e2ee-bytes.md calls `ctx` and `who`.
//!
//! Types rather than bare numbers because chat, epoch and sender are all integers, and two of them
//! swapped would still encrypt, only for nobody.

use super::error::{Error, Result};

/// The largest id or epoch: 2^53-1, the last integer every JSON reader keeps exact. Sixteen digits,
/// which is what the plaintext limits leave room for in an envelope (e2ee-bytes.md 3, 4).
pub const MAX_NUMBER: u64 = (1 << 53) - 1;

/// A chat at one epoch: `ctx = u64(chat_id) ‖ u64(epoch)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ctx {
    chat_id: u64,
    epoch: u64,
}

/// A sender in a chat at one epoch: `who = ctx ‖ u64(sender user id)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Who {
    ctx: Ctx,
    sender_id: u64,
}

impl Ctx {
    /// Names a chat's epoch. Both count from 1 to [`MAX_NUMBER`].
    ///
    /// # Errors
    /// `ERR_INVALID` naming `chat_id` or `epoch`.
    pub fn new(chat_id: u64, epoch: u64) -> Result<Self> {
        Ok(Self {
            chat_id: in_range(chat_id, "chat_id")?,
            epoch: in_range(epoch, "epoch")?,
        })
    }

    /// Adds the sender's user id, 1 to [`MAX_NUMBER`].
    ///
    /// # Errors
    /// `ERR_INVALID` naming `sender_id`.
    pub fn sender(self, sender_id: u64) -> Result<Who> {
        Ok(Who {
            ctx: self,
            sender_id: in_range(sender_id, "sender_id")?,
        })
    }

    /// The chat's id.
    pub const fn chat_id(&self) -> u64 {
        self.chat_id
    }

    /// The chat's epoch.
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    pub(super) fn to_bytes(self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.chat_id.to_be_bytes());
        bytes[8..].copy_from_slice(&self.epoch.to_be_bytes());
        bytes
    }
}

impl Who {
    /// The chat and epoch without the sender.
    pub const fn ctx(&self) -> Ctx {
        self.ctx
    }

    /// The sender's user id.
    pub const fn sender_id(&self) -> u64 {
        self.sender_id
    }

    pub(super) fn to_bytes(self) -> [u8; 24] {
        let mut bytes = [0; 24];
        bytes[..16].copy_from_slice(&self.ctx.to_bytes());
        bytes[16..].copy_from_slice(&self.sender_id.to_be_bytes());
        bytes
    }
}

pub(super) fn in_range(number: u64, what: &'static str) -> Result<u64> {
    if (1..=MAX_NUMBER).contains(&number) {
        Ok(number)
    } else {
        Err(Error::OutOfRange { what })
    }
}

#[cfg(test)]
mod tests {
    use super::{Ctx, Error, MAX_NUMBER};

    #[test]
    fn chat_epoch_and_sender_are_written_big_endian_in_that_order() {
        let who = Ctx::new(0x0102, 0x0304).unwrap().sender(0x0506).unwrap();
        let mut expected = [0; 24];
        expected[6..8].copy_from_slice(&[1, 2]);
        expected[14..16].copy_from_slice(&[3, 4]);
        expected[22..].copy_from_slice(&[5, 6]);
        assert_eq!(who.to_bytes(), expected);
        assert_eq!(who.ctx().to_bytes(), expected[..16]);
    }

    #[test]
    fn numbers_that_are_no_ids_are_refused_by_name() {
        let out = |what| Error::OutOfRange { what };
        assert_eq!(Ctx::new(0, 1), Err(out("chat_id")));
        assert_eq!(Ctx::new(1, 0), Err(out("epoch")));
        assert_eq!(Ctx::new(1, MAX_NUMBER + 1), Err(out("epoch")));
        let ctx = Ctx::new(MAX_NUMBER, MAX_NUMBER).unwrap();
        assert_eq!(ctx.sender(0), Err(out("sender_id")));
        assert!(ctx.sender(MAX_NUMBER).is_ok());
    }
}
