//! What every clone and every job of one [`crate::Portal`] shares: the file, time and randomness, and what
//! is kept in memory.
//!
//! Memory follows the file and never leads it: it changes after a commit, by what was committed.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};

use rusqlite::Connection;

use crate::clock::Clock;
use crate::error::{ErrorKind, Result};
use crate::event::Event;
use crate::keeper::Browsers;
use crate::model::{Timestamp, UserId};
use crate::operation::{Aftermath, Effect};
use crate::ops;
use crate::presence::Presence;
use crate::random::Random;
use crate::settings::Settings;
use crate::store::{FileLock, Reader, Store};

/// What every clone and every job of one portal shares.
pub(crate) struct Shared {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) presence: Option<Mutex<Presence>>,
    /// Held while presence is: freed by closing and by a crash.
    pub(crate) presence_lock: Mutex<Option<FileLock>>,
    pub(crate) browsers: Option<Browsers>,
    pub(crate) settings: RwLock<Arc<Settings>>,
    /// The last event that presence has seen.
    pub(crate) observed: Mutex<u64>,
    /// The writer's `data_version` when it last looked for other processes' commits.
    pub(crate) seen_version: AtomicI64,
    /// Deleted content may still be in the log (SPEC 7.4).
    pub(crate) scrub_due: AtomicBool,
    /// When the log was last emptied, or that was tried.
    pub(crate) scrubbed_at: AtomicI64,
    pub(crate) closed: AtomicBool,
    /// Memory missed a commit.
    pub(crate) poisoned: AtomicBool,
    pub(crate) commits: Commits,
}

/// Wakes whoever follows the event log within this process.
#[derive(Default)]
pub(crate) struct Commits {
    count: Mutex<u64>,
    changed: Condvar,
    pub(crate) wakers: RwLock<Vec<Box<dyn Fn() + Send + Sync>>>,
}

impl Commits {
    pub(crate) fn announce(&self) {
        *self.count.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.changed.notify_all();
        for wake in self
            .wakers
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
        {
            wake();
        }
    }

    /// How many there have been.
    pub(crate) fn count(&self) -> u64 {
        *self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until there have been more than `seen`, at most for `timeout`.
    pub(crate) fn wait(&self, seen: u64, timeout: std::time::Duration) {
        let count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = self
            .changed
            .wait_timeout_while(count, timeout, |count| *count == seen);
    }
}

impl Shared {
    /// The settings as of the last change seen.
    pub(crate) fn settings(&self) -> Arc<Settings> {
        self.settings
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(crate) fn presence(&self) -> Option<MutexGuard<'_, Presence>> {
        self.presence
            .as_ref()
            .map(|presence| presence.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn adopt_settings(&self, fresh: Arc<Settings>) {
        *self
            .settings
            .write()
            .unwrap_or_else(PoisonError::into_inner) = fresh;
    }

    /// Takes in what other processes have committed, before the writer adds to it.
    pub(crate) fn notice_others(&self, db: &Connection) -> Result<()> {
        let version = crate::store::data_version(db)?;
        if self.seen_version.load(Ordering::SeqCst) != version {
            self.catch_up(db)?;
            self.seen_version.store(version, Ordering::SeqCst);
        }
        Ok(())
    }

    /// Takes in every event that presence has not seen, and the settings.
    pub(crate) fn catch_up(&self, db: &Connection) -> Result<()> {
        self.adopt_settings(Arc::new(ops::settings::read(db)?));
        let mut observed = self.observed.lock().unwrap_or_else(PoisonError::into_inner);
        for stored in ops::events::read_after(db, *observed, usize::MAX)? {
            let seq = stored.place();
            let staying = ops::members::staying(db, &stored.event)?;
            self.observe(seq, stored.at, &stored.event, &staying);
            *observed = seq;
        }
        Ok(())
    }

    /// Refuses with `ERR_CLOSED` or `ERR_POISONED`.
    pub(crate) fn check_usable(&self) -> Result<()> {
        if self.closed.load(Ordering::SeqCst) {
            return Err(ErrorKind::Closed.into());
        }
        if self.poisoned.load(Ordering::SeqCst) {
            return Err(ErrorKind::Poisoned.into());
        }
        Ok(())
    }

    /// A reader of one moment, or `ERR_CLOSED`.
    pub(crate) fn reader(&self) -> Result<Reader<'_>> {
        self.check_usable()?;
        self.store.readers.begin()
    }

    fn observe(&self, seq: u64, at: Timestamp, event: &Event, staying: &[UserId]) {
        if event.deletes_content() {
            self.scrub_due.store(true, Ordering::SeqCst);
        }
        if let Some(mut presence) = self.presence() {
            presence.observe(seq, at, event, staying);
        }
        self.tell_keepers();
    }

    /// Whoever keeps browsers may have something to do.
    fn tell_keepers(&self) {
        if let Some(browsers) = &self.browsers {
            browsers.announce();
        }
    }

    /// Does in memory what a committed operation left to do. It reads nothing from the file: what is on
    /// disk is done, so nothing here may fail.
    pub(crate) fn follow_up(&self, aftermath: Aftermath) {
        for emitted in &aftermath.events {
            if emitted.event.changes_memory() {
                self.observe(emitted.seq, emitted.at, &emitted.event, &emitted.staying);
            }
        }
        if let Some(last) = aftermath.events.last() {
            let mut observed = self.observed.lock().unwrap_or_else(PoisonError::into_inner);
            *observed = (*observed).max(last.seq);
        }
        for effect in aftermath.effects {
            match effect {
                Effect::SettingsChanged(fresh) => self.adopt_settings(fresh),
                Effect::CloseToOthers => ops::check::close_to_others(self.store.path()),
                Effect::Joined {
                    connection,
                    identity,
                    chat,
                    since,
                    at,
                } => {
                    if let Some(mut presence) = self.presence()
                        && !presence.join(connection, chat, since)
                    {
                        // Lost while its joining was on its way to disk.
                        presence.came_and_left(identity, chat, at);
                    }
                    self.tell_keepers();
                }
                Effect::Noted(departure) => {
                    if let Some(mut presence) = self.presence() {
                        presence.noted(departure);
                    }
                }
                Effect::Typed { chat, user } => {
                    let now = self.clock.now();
                    if let Some(mut presence) = self.presence() {
                        presence.type_in(chat, user, now);
                    }
                }
                Effect::Left {
                    connection,
                    chat,
                    at,
                } => {
                    if let Some(mut presence) = self.presence() {
                        presence.leave(connection, chat, at);
                    }
                    self.tell_keepers();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Actor, Options, Portal};

    /// Only a panic between a commit and its memory sets the mark, and no operation has one to offer.
    #[test]
    fn a_handle_whose_memory_missed_a_commit_refuses_everything_spec_17_6() {
        let dir = tempfile::tempdir().unwrap();
        let portal = Portal::open(dir.path().join("portal.db"), Options::default()).unwrap();
        portal.shared.poisoned.store(true, Ordering::SeqCst);
        for (name, params) in [
            ("event.list", "{}"),
            ("user.create", r#"{"username":"ada"}"#),
        ] {
            let refused = portal.call_json(&Actor::operator(), name, params);
            assert_eq!(refused.unwrap_err().kind(), ErrorKind::Poisoned, "{name}");
        }
        assert_eq!(portal.tick().unwrap_err().kind(), ErrorKind::Poisoned);
        portal.close();
        let refused = portal.call_json(&Actor::operator(), "event.list", "{}");
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::Closed);
    }
}
