//! Following the event log (SPEC 12.2): by sequence number, within this process and across processes.

use std::sync::Arc;
use std::time::Duration;

use crate::error::{ErrorKind, Result};
use crate::event::StoredEvent;
use crate::ops::events;
use crate::portal::Portal;
use crate::shared::Shared;
use crate::store::FileWatch;

/// How often a waiting follower looks for other processes' commits.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Where a follower left off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// Which log: new for every file and after a restore.
    pub log_id: String,
    /// The last event seen.
    pub after: u64,
}

/// A reader of the whole event log, in order, missing none.
pub struct Follower {
    pub(crate) shared: Arc<Shared>,
    position: Position,
    watch: FileWatch,
    /// The file has changed since it was last read with success.
    behind: bool,
    /// The count of commits when the log was last read to its end.
    read_at: Option<u64>,
}

impl Portal {
    /// Follows the event log from a position, or from its present end.
    ///
    /// # Errors
    /// `ERR_EVENTS_PRUNED` if the log no longer reaches back to the position, does not reach it yet, or is
    /// another one: read the state again and follow from its `as_of`.
    pub fn follow(&self, from: Option<Position>) -> Result<Follower> {
        let reader = self.reader()?;
        let log_id = events::log_id(&reader)?;
        let end = events::last_seq(&reader)?;
        let position = match from {
            None => Position { log_id, after: end },
            Some(position) => {
                let reaches = events::horizon(&reader)? <= position.after && position.after <= end;
                if position.log_id != log_id || !reaches {
                    return Err(ErrorKind::EventsPruned.into());
                }
                position
            }
        };
        let watch = self.shared.store.watch()?;
        Ok(Follower {
            shared: Arc::clone(&self.shared),
            position,
            watch,
            behind: false,
            read_at: None,
        })
    }
}

impl Follower {
    /// Where it has read to.
    pub fn position(&self) -> &Position {
        &self.position
    }

    /// The next events, at most `limit`, without waiting; none if there are no new ones.
    ///
    /// # Errors
    /// `ERR_EVENTS_PRUNED` if the log was pruned past this follower; `ERR_CLOSED`; those of storage.
    pub fn poll(&mut self, limit: usize) -> Result<Vec<StoredEvent>> {
        let commits = self.shared.commits.count();
        self.behind |= self.watch.changed()?;
        if self.read_at == Some(commits) && !self.behind {
            return Ok(Vec::new());
        }
        // What is read here must not be ahead of who is where.
        let settled = self.shared.store.writer.settled();
        let reader = self.shared.reader()?;
        if self.behind {
            self.shared.catch_up(&reader)?;
            self.behind = false;
        }
        events::last_seq(&reader)?;
        drop(settled);
        if events::horizon(&reader)? > self.position.after {
            return Err(ErrorKind::EventsPruned.into());
        }
        let batch = events::read_after(&reader, self.position.after, limit)?;
        self.read_at = (batch.len() < limit).then_some(commits);
        if let Some(last) = batch.last() {
            self.position.after = last.place();
        }
        Ok(batch)
    }

    /// Reads from here again: what was read last could not be used.
    pub(crate) fn rewind(&mut self, position: Position) {
        self.position = position;
        self.read_at = None;
    }

    /// The next events, waiting at most about `timeout` for the first.
    ///
    /// # Errors
    /// As [`Follower::poll`]; closing the portal wakes the wait with `ERR_CLOSED`.
    pub fn next(&mut self, limit: usize, timeout: Duration) -> Result<Vec<StoredEvent>> {
        let mut left = timeout;
        loop {
            let commits = self.shared.commits.count();
            let batch = self.poll(limit)?;
            if !batch.is_empty() || left.is_zero() {
                return Ok(batch);
            }
            let slice = left.min(LOOK_EVERY);
            self.shared.commits.wait(commits, slice);
            left -= slice;
        }
    }
}

#[cfg(test)]
mod tests;
