//! What an operator would want to know and no answer tells: a file made or brought up to date, a defect that was taken back.
//!
//! An error goes to whoever called, and is not said here again. What is said holds no secret and no content (not even the
//! words of a panic, which may quote some), names no person, and is for people: programs must not read it.
//!
//! The surprise: it may be said while locks are held, so whoever listens must not call the portal.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::error::Error;

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Something is broken: a defect, or a file that cannot be read or written.
    Error,
    /// Something did not work and is tried again.
    Warning,
    /// Something that happens once in a while.
    Info,
}

/// Who is told. Calls may come from several threads at once, and from within operations: it must be short and must
/// not call the portal.
pub trait Log: Send + Sync {
    /// Takes one sentence or a few, without a line break.
    fn log(&self, level: Level, text: &str);
}

/// A portal's log, if it has one.
#[derive(Clone, Default)]
pub(crate) struct Told(Option<Arc<dyn Log>>);

impl Told {
    pub(crate) fn new(log: Option<Arc<dyn Log>>) -> Self {
        Self(log)
    }

    /// Tells it. Whoever listens and panics harms nothing else.
    pub(crate) fn tell(&self, level: Level, text: &str) {
        if let Some(log) = &self.0 {
            let _ = catch_unwind(AssertUnwindSafe(|| log.log(level, text)));
        }
    }

    /// Tells the text if what follows panics, before the answer drops.
    pub(crate) fn watch<F: Fn() -> String>(&self, text: F) -> Watch<'_, F> {
        Watch { told: self, text }
    }
}

/// Tells of a panic that goes through here.
pub(crate) struct Watch<'a, F: Fn() -> String> {
    told: &'a Told,
    text: F,
}

impl<F: Fn() -> String> Drop for Watch<'_, F> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.told.tell(Level::Error, &(self.text)());
        }
    }
}

/// Why something failed, for an operator: with what the system or `SQLite` says of it, which no answer tells. Other causes
/// may quote what was stored, and are left out.
pub fn why(error: &Error) -> String {
    match error.system_cause() {
        Some(cause) => format!("{error} ({cause})"),
        None => error.to_string(),
    }
}
