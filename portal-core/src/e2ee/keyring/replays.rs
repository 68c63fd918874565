//! Which messages of an epoch were read: under which id, by which salt or nonce, with which bytes (e2ee-bytes.md 8).
//!
//! Nothing is remembered but what has opened, so a server cannot fill the memory with inventions: it grows with what
//! members wrote. Beyond [`MOST`] the lowest ids are forgotten.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use crate::e2ee::envelope::Envelope;
use crate::e2ee::error::{Error, Result};
use crate::e2ee::suite::Suite;

/// So many messages of one epoch are remembered, more than a server keeps of a chat (SPEC 14.3).
pub(super) const MOST: usize = 131_072;

/// What makes a message the one it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mark {
    /// 0 in suite 2: there the sender is not part of what is sealed, so the same nonce under another name is a
    /// repetition too.
    sender: u64,
    /// The salt, or the longer nonce.
    once: [u8; 24],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    message_id: u64,
    hash: [u8; 32],
}

/// The messages of one epoch.
#[derive(Default)]
pub(super) struct Replays {
    seen: BTreeMap<Mark, Seen>,
    ids: BTreeMap<u64, Mark>,
}

/// A message that is about to be read.
pub(super) struct Reading {
    mark: Mark,
    seen: Seen,
}

impl Reading {
    /// # Errors
    /// `ERR_DECRYPT` for what is no message.
    pub(super) fn of(message_id: u64, sender: u64, envelope: &Envelope<'_>) -> Result<Self> {
        let ct = envelope.decode().map_err(|_| Error::Decrypt)?;
        let (sender_of_mark, length) = match envelope.suite() {
            Suite::Two => (0, 24),
            Suite::Three => (sender, 16),
        };
        let mut once = [0; 24];
        let start = ct.get(..length).ok_or(Error::Decrypt)?;
        once[..length].copy_from_slice(start);
        let hash = Sha256::new()
            .chain_update(sender.to_be_bytes())
            .chain_update(&ct)
            .finalize();
        Ok(Self {
            mark: Mark {
                sender: sender_of_mark,
                once,
            },
            seen: Seen {
                message_id,
                hash: hash.into(),
            },
        })
    }
}

impl Replays {
    /// Refuses what was read before under another id or with other bytes, and another message under an id that was
    /// read.
    ///
    /// # Errors
    /// `ERR_DECRYPT`.
    pub(super) fn check(&self, reading: &Reading) -> Result<()> {
        let same = self
            .seen
            .get(&reading.mark)
            .is_none_or(|seen| *seen == reading.seen);
        let mark = self.ids.get(&reading.seen.message_id);
        if same && mark.is_none_or(|mark| *mark == reading.mark) {
            Ok(())
        } else {
            Err(Error::Decrypt)
        }
    }

    /// It has opened.
    pub(super) fn remember(&mut self, reading: Reading) {
        self.put(reading.mark, reading.seen);
    }

    fn put(&mut self, mark: Mark, seen: Seen) {
        self.seen.insert(mark, seen);
        self.ids.insert(seen.message_id, mark);
        if self.ids.len() > MOST
            && let Some((_, mark)) = self.ids.pop_first()
        {
            self.seen.remove(&mark);
        }
    }

    /// Everything, in rows of 72 bytes.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.seen.len() * ROW);
        for (mark, seen) in &self.seen {
            bytes.extend_from_slice(&mark.sender.to_be_bytes());
            bytes.extend_from_slice(&mark.once);
            bytes.extend_from_slice(&seen.message_id.to_be_bytes());
            bytes.extend_from_slice(&seen.hash);
        }
        bytes
    }

    /// What [`Self::to_bytes`] wrote; none for anything else.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (rows, rest) = bytes.as_chunks::<ROW>();
        if !rest.is_empty() {
            return None;
        }
        let mut replays = Self::default();
        for row in rows {
            let (sender, row) = row.split_first_chunk::<8>()?;
            let (once, row) = row.split_first_chunk::<24>()?;
            let (message_id, hash) = row.split_first_chunk::<8>()?;
            let mark = Mark {
                sender: u64::from_be_bytes(*sender),
                once: *once,
            };
            let seen = Seen {
                message_id: u64::from_be_bytes(*message_id),
                hash: hash.try_into().ok()?,
            };
            replays.put(mark, seen);
        }
        Some(replays)
    }
}

const ROW: usize = 8 + 24 + 8 + 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_has_an_end_and_forgets_the_lowest_ids_e2ee_8() {
        let mut replays = Replays::default();
        let row = |number: u64| {
            let mut once = [0; 24];
            once[..8].copy_from_slice(&number.to_be_bytes());
            let mark = Mark { sender: 1, once };
            let seen = Seen {
                message_id: number,
                hash: [1; 32],
            };
            Reading { mark, seen }
        };
        for number in 1..=MOST as u64 + 1 {
            replays.remember(row(number));
        }
        assert_eq!((replays.seen.len(), replays.ids.len()), (MOST, MOST));
        let again = |number, message_id| {
            let mut reading = row(number);
            reading.seen.message_id = message_id;
            replays.check(&reading)
        };
        let beyond = MOST as u64 + 2;
        assert_eq!(again(1, beyond), Ok(()), "forgotten");
        assert_eq!(again(2, beyond), Err(Error::Decrypt));
        assert_eq!(again(2, 2), Ok(()));
        assert_eq!(
            again(beyond, 2),
            Err(Error::Decrypt),
            "another under its id"
        );
        let kept = Replays::from_bytes(&replays.to_bytes()).unwrap();
        assert!(kept.seen == replays.seen && kept.ids == replays.ids);
        assert!(Replays::from_bytes(&[0; ROW + 1]).is_none());
    }
}
