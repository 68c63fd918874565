//! What every clone and every job of one [`crate::Portal`] shares: the file, time and randomness, and what
//! is kept in memory.
//!
//! Memory follows the file and never leads it: it changes after a commit, by what was committed.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};

use rusqlite::Connection;

use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::event::Event;
use crate::keeper::Browsers;
use crate::log::{Level, Told, Watch, why};
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
    pub(crate) log: Told,
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
    /// Emptying it has failed, and that was told.
    pub(crate) scrub_failed: AtomicBool,
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

    /// The same, or `ERR_NOT_CONNECTED`.
    pub(crate) fn required_presence(&self) -> Result<MutexGuard<'_, Presence>> {
        const NO_PRESENCE: &str =
            "No connections are kept here: the file was opened without presence.";
        self.presence()
            .ok_or_else(|| Error::with_message(ErrorKind::NotConnected, NO_PRESENCE))
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

    /// Tells of a panic in what changes nothing: a query or an errand.
    pub(crate) fn watch(&self, name: &'static str) -> Watch<'_, impl Fn() -> String> {
        self.log.watch(move || panicked(name, "It changed nothing"))
    }

    /// Memory missed what an operation committed: whoever came next would be judged by it (SPEC 17.6).
    pub(crate) fn poison(&self, name: &'static str) {
        self.poisoned.store(true, Ordering::SeqCst);
        let end = "What it did is stored, but memory missed it: close the handle and open it again";
        self.log.tell(Level::Error, &panicked(name, end));
    }

    /// What became of emptying the write-ahead log of deleted content (SPEC 7.4). A reader that needs it is nothing
    /// to tell; a failure is told once, until it works again.
    pub(crate) fn note_scrub(&self, outcome: Result<bool>) {
        if !matches!(outcome, Ok(true)) {
            self.scrub_due.store(true, Ordering::SeqCst);
        }
        let failed = match outcome {
            Err(error) if error.kind() != ErrorKind::Closed => Some(error),
            _ => None,
        };
        let told = self.scrub_failed.swap(failed.is_some(), Ordering::SeqCst);
        if let Some(error) = failed.filter(|_| !told) {
            let why = why(&error);
            let text = format!(
                "The write-ahead log cannot be emptied of deleted content; it is tried again: {why}"
            );
            self.log.tell(Level::Warning, &text);
        }
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

/// What is told of a defect. Its place stands on standard error, where Rust puts it; its words may quote content.
pub(crate) fn panicked(name: &str, end: &str) -> String {
    format!("`{name}` panicked: a defect, whose place stands on standard error. {end}.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Log;
    use crate::{Actor, Options, Portal};

    #[derive(Default)]
    struct Heard(Mutex<Vec<(Level, String)>>);

    impl Log for Heard {
        fn log(&self, level: Level, text: &str) {
            self.0.lock().unwrap().push((level, text.to_owned()));
        }
    }

    fn heard(dir: &tempfile::TempDir) -> (Portal, Arc<Heard>) {
        let heard = Arc::new(Heard::default());
        let options = Options {
            log: Some(Arc::clone(&heard) as Arc<dyn Log>),
            ..Options::default()
        };
        let portal = Portal::open(dir.path().join("portal.db"), options).unwrap();
        heard.0.lock().unwrap().clear();
        (portal, heard)
    }

    /// No disk of a test fails on demand; what follows from its failure is here.
    #[test]
    fn a_log_that_cannot_be_emptied_is_told_once_until_it_can_spec_17_4() {
        let dir = tempfile::tempdir().unwrap();
        let (portal, heard) = heard(&dir);
        let shared = &portal.shared;
        let failed = || Err(Error::new(ErrorKind::StorageFull));
        for outcome in [Ok(false), Ok(true), failed(), failed(), Ok(true), failed()] {
            let emptied = matches!(outcome, Ok(true));
            shared.scrub_due.store(false, Ordering::SeqCst);
            shared.note_scrub(outcome);
            assert_eq!(shared.scrub_due.load(Ordering::SeqCst), !emptied);
        }
        shared.note_scrub(Err(ErrorKind::Closed.into()));
        let heard = heard.0.lock().unwrap();
        assert_eq!(heard.len(), 2);
        let (level, text) = &heard[0];
        assert!(
            *level == Level::Warning && text.contains("ERR_STORAGE_FULL"),
            "{text}"
        );
    }

    /// Only a panic between a commit and its memory sets the mark, and no operation has one to offer.
    #[test]
    fn a_handle_whose_memory_missed_a_commit_refuses_everything_spec_17_6() {
        let dir = tempfile::tempdir().unwrap();
        let (portal, heard) = heard(&dir);
        portal.shared.poison("user.create");
        let (level, text) = heard.0.lock().unwrap().remove(0);
        assert!(
            level == Level::Error && text.contains("`user.create`"),
            "{text}"
        );
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
