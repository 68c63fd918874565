//! One chat's epoch with its key: what a client holds while it reads and writes there, whichever
//! suite the chat speaks.
//!
//! It must not decide which key, epoch or sender is the right one; that is for whoever keeps these.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::bind::Ctx;
use super::check::KeyCheck;
use super::envelope::{Envelope, Scanned};
use super::error::{Error, Result};
use super::keys::{MessageKey, PublicKey, RoomKey, SecretKey};
use super::suite::Suite;
use super::suite3::SenderKey;
use super::{suite2, suite3};
use crate::random::Random;

/// So many senders' keys are kept. Sender ids come from the server, which could name a new one with
/// every message; memory must not grow with what it says.
const MAX_SENDERS: usize = 1024;

/// A wrapped room key as the server delivers it (SPEC 8.5).
#[derive(Debug, Clone, Copy)]
pub struct Delivery<'a> {
    /// The blob, base64.
    pub blob: &'a str,
    /// The public key of the session that is said to have made it.
    pub sender: &'a PublicKey,
    /// The epoch's key check. Suite 2 chats may have none, suite 3 chats always do.
    pub check: Option<&'a KeyCheck>,
}

/// Seals and opens the messages of one chat and epoch. All of it is wiped when dropped.
#[derive(Debug)]
pub struct RoomCipher {
    suite: Suite,
    ctx: Ctx,
    key: RoomKey,
    senders: BTreeMap<u64, SenderKey>,
}

impl RoomCipher {
    /// Holds a key that is known to be the epoch's.
    pub const fn new(suite: Suite, ctx: Ctx, key: RoomKey) -> Self {
        Self {
            suite,
            ctx,
            key,
            senders: BTreeMap::new(),
        }
    }

    /// Makes a new key for an epoch, as its distributor does (SPEC 8.4).
    pub fn generate(suite: Suite, ctx: Ctx, random: &dyn Random) -> Self {
        Self::new(suite, ctx, RoomKey::generate(random))
    }

    /// Opens a delivered blob for the user `user_id` with that session's secret, and compares the
    /// key check (e2ee-bytes.md 2, 3, 5).
    ///
    /// # Errors
    /// `ERR_DECRYPT` if the blob does not open, the check differs, or suite 3 comes without one. The
    /// client then calls `keys.reject` (SPEC 8.6).
    pub fn unwrap(
        suite: Suite,
        ctx: Ctx,
        delivery: &Delivery<'_>,
        user_id: u64,
        secret: &SecretKey,
    ) -> Result<Self> {
        let Delivery {
            blob,
            sender,
            check,
        } = delivery;
        let key = match suite {
            Suite::Two => suite2::unwrap(blob, secret, sender)?,
            Suite::Three => suite3::unwrap(ctx, blob, user_id, secret, sender)?,
        };
        match (suite, check) {
            (_, Some(check)) => check.verify(suite, ctx, &key)?,
            (Suite::Two, None) => {}
            (Suite::Three, None) => return Err(Error::Decrypt),
        }
        Ok(Self::new(suite, ctx, key))
    }

    /// The chat's suite.
    pub const fn suite(&self) -> Suite {
        self.suite
    }

    /// The chat and epoch.
    pub const fn ctx(&self) -> Ctx {
        self.ctx
    }

    /// The key itself, for a host that stores it.
    pub const fn room_key(&self) -> &RoomKey {
        &self.key
    }

    /// The key check to publish with it (e2ee-bytes.md 2).
    pub fn check(&self) -> KeyCheck {
        KeyCheck::of(self.suite, self.ctx, &self.key)
    }

    /// Wraps the key for one session of the user `user_id`: a blob in base64. `recipient` should be
    /// a key the host has reason to trust; whoever holds its secret reads the epoch.
    ///
    /// # Errors
    /// `ERR_INVALID` naming `user_id` outside 1 to 2^53-1 in suite 3; suite 2 does not use it.
    pub fn wrap(
        &self,
        user_id: u64,
        recipient: &PublicKey,
        sender: &SecretKey,
        random: &dyn Random,
    ) -> Result<String> {
        match self.suite {
            Suite::Two => suite2::wrap(&self.key, recipient, sender, random),
            Suite::Three => suite3::wrap(self.ctx, &self.key, user_id, recipient, sender, random),
        }
    }

    /// Seals a message of `sender_id`: an envelope, JSON text of at most 4096 bytes.
    ///
    /// # Errors
    /// `ERR_INVALID` naming `plaintext` beyond [`Suite::max_plaintext`], or `sender_id` outside
    /// 1 to 2^53-1 in suite 3.
    pub fn seal(&mut self, sender_id: u64, plaintext: &str, random: &dyn Random) -> Result<String> {
        match self.suite {
            Suite::Two => suite2::seal(self.ctx, &self.key, plaintext, random),
            Suite::Three => self.sender(sender_id)?.seal(plaintext, random),
        }
    }

    /// Opens a message that the server says is from `sender_id`, given as it is stored. In suite 3
    /// opening proves that it is, to the extent of e2ee-bytes.md 9; in suite 2 the name is not looked at.
    ///
    /// # Errors
    /// `ERR_DECRYPT`, also for an envelope that is not one.
    pub fn open(&mut self, sender_id: u64, envelope: &str) -> Result<String> {
        let envelope = Scanned::of(envelope).map_err(|_| Error::Decrypt)?;
        match self.suite {
            Suite::Two => suite2::open_scanned(self.ctx, &self.key, envelope),
            Suite::Three => self
                .sender(sender_id)
                .map_err(|_| Error::Decrypt)?
                .open_scanned(envelope),
        }
    }

    /// The key of one message, to report it with (e2ee-bytes.md 6).
    ///
    /// # Errors
    /// `ERR_DECRYPT` if the message does not open; `ERR_INVALID` naming `disclosure` in suite 2.
    pub fn disclose(&mut self, sender_id: u64, envelope: &str) -> Result<MessageKey> {
        if self.suite == Suite::Two {
            return Err(Error::NoDisclosure);
        }
        let envelope = Envelope::parse(envelope).map_err(|_| Error::Decrypt)?;
        self.sender(sender_id)
            .map_err(|_| Error::Decrypt)?
            .disclose(&envelope)
    }

    fn sender(&mut self, sender_id: u64) -> Result<&SenderKey> {
        let who = self.ctx.sender(sender_id)?;
        if self.senders.len() >= MAX_SENDERS && !self.senders.contains_key(&sender_id) {
            self.senders.clear();
        }
        Ok(match self.senders.entry(sender_id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(SenderKey::derive(&self.key, who)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Ctx, MAX_SENDERS, RoomCipher, Suite};
    use crate::random::SystemRandom;

    #[test]
    fn a_server_that_names_ever_new_senders_does_not_fill_the_memory() {
        let ctx = Ctx::new(70_007, 3).unwrap();
        let mut cipher = RoomCipher::generate(Suite::Three, ctx, &SystemRandom);
        let envelope = cipher.seal(1, "still here", &SystemRandom).unwrap();
        for sender_id in 2..(3 * MAX_SENDERS as u64) {
            assert!(cipher.open(sender_id, &envelope).is_err());
            assert!(cipher.senders.len() <= MAX_SENDERS);
        }
        assert_eq!(cipher.open(1, &envelope).unwrap(), "still here");
    }
}
