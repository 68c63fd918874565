//! The threads that keep browsers (SPEC 11), where the portal was opened with something that runs them.
//!
//! What is to be done is the library's to know; here it is only called, what failed is told, and the end is kept to
//! its time. Several threads, so that a start that takes a minute keeps nobody elsewhere waiting.
//!
//! The surprise: ending stops no browser. What runs goes on while the server is away, and its next start finds it.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use portal_core::backend::Fault;
use portal_core::model::{ChatId, MINUTE, Timestamp};
use portal_core::{Error, ErrorKind, Keeper, Portal, Result};
use tokio::sync::mpsc;

use crate::metrics::Metrics;
use crate::server::Server;

/// As many starts may take long before another waits for them.
const STARTING: usize = 4;

/// How long to wait after something that is none of the backend's faults.
const PAUSE: Duration = Duration::from_secs(1);

/// How long the log does not say the same again, in milliseconds.
const QUIET: i64 = 5 * MINUTE;

/// The threads, while they run.
pub(crate) struct Keeping {
    portal: Portal,
    over: Arc<AtomicBool>,
    /// Closed once the last thread is gone.
    gone: mpsc::Receiver<()>,
}

impl Keeping {
    /// Starts the threads; none where the portal runs no browsers.
    pub(crate) fn start(server: &Arc<Server>) -> std::io::Result<Self> {
        let (here, gone) = mpsc::channel(1);
        let over = Arc::new(AtomicBool::new(false));
        let journal = Arc::new(Journal::default());
        for number in 0..=STARTING {
            // It says that there are none, or that the portal is closed: then nothing is to be kept.
            let Ok(keeper) = server.portal.keeper() else {
                break;
            };
            // The first one has time for whoever is to be let out, whatever the others are about.
            let keeper = if number == 0 {
                keeper.without_starts()
            } else {
                keeper
            };
            let (over, journal) = (Arc::clone(&over), Arc::clone(&journal));
            let (server, here) = (Arc::clone(server), here.clone());
            std::thread::Builder::new()
                .name(format!("browsers-{number}"))
                .spawn(move || {
                    keep(keeper, &server, &journal, &over);
                    drop(here);
                })?;
        }
        Ok(Self {
            portal: server.portal.clone(),
            over,
            gone,
        })
    }

    /// Ends the threads before the portal is closed, so that what a backend has just done is written down. Who is in
    /// the midst of something longer than `within` is left alone with it: the next start finds what came of it.
    pub(crate) async fn end(mut self, within: Duration) {
        self.over.store(true, SeqCst);
        self.portal.wake_keepers();
        // Nobody sends anything: it ends when nobody could.
        if tokio::time::timeout(within, self.gone.recv())
            .await
            .is_err()
        {
            tracing::warn!(
                "a browser is still being started or stopped; the next start of the server goes on with it"
            );
        }
    }
}

/// One thread's work, until it is told to end or the portal closes.
fn keep(mut keeper: Keeper, server: &Server, journal: &Journal, over: &AtomicBool) {
    let ended = |error: &Error| matches!(error.kind(), ErrorKind::Closed | ErrorKind::Poisoned);
    while !over.load(SeqCst) {
        // A backend that panics takes no thread with it.
        let tended = catch_unwind(AssertUnwindSafe(|| tend(&mut keeper, server, journal)));
        let patience = match tended {
            Ok(Ok(patience)) => patience,
            Ok(Err(error)) if ended(&error) => return,
            Ok(Err(error)) => {
                if let Some(times) = journal.times(None, error.to_string(), server.portal.now()) {
                    tracing::error!(%error, times, "cannot keep the browsers");
                }
                PAUSE
            }
            Err(_) => {
                server.metrics.panicked("keeping the browsers");
                PAUSE
            }
        };
        if over.load(SeqCst) || keeper.wait(patience).is_err_and(|error| ended(&error)) {
            return;
        }
    }
}

/// Does what is due, tells what failed, and answers how long there is nothing to do.
fn tend(keeper: &mut Keeper, server: &Server, journal: &Journal) -> Result<Duration> {
    let tended = keeper.tend()?;
    for (chat, fault) in &tended.faults {
        Metrics::add(&server.metrics.browser_faults, 1);
        journal.note(*chat, fault, server.portal.now());
    }
    let millis = tended.next_at.since(server.portal.now());
    Ok(Duration::from_millis(
        u64::try_from(millis).unwrap_or_default(),
    ))
}

/// What the log was told, so that it is not told the same with every try.
#[derive(Default)]
struct Journal(Mutex<BTreeMap<(Option<ChatId>, String), Told>>);

struct Told {
    at: Timestamp,
    /// How often it happened since.
    since: u64,
}

impl Journal {
    fn note(&self, chat: Option<ChatId>, fault: &Fault, now: Timestamp) {
        let Some(times) = self.times(chat, fault.to_string(), now) else {
            return;
        };
        let chat = chat.map(ChatId::get);
        tracing::warn!(chat, times, %fault, "a browser's backend did not do what it was asked");
    }

    /// How often this happened since it was told last, this time included, if it is to be told now.
    fn times(&self, chat: Option<ChatId>, what: String, now: Timestamp) -> Option<u64> {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.retain(|_, told| now.since(told.at) < 2 * QUIET);
        let fresh = Told { at: now, since: 0 };
        match told.get_mut(&(chat, what.clone())) {
            Some(told) if now.since(told.at) < QUIET => {
                told.since += 1;
                None
            }
            Some(told) => Some(std::mem::replace(told, fresh).since + 1),
            None => {
                told.insert((chat, what), fresh);
                Some(1)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use portal_core::model::SECOND;

    use super::*;

    #[test]
    fn the_log_is_not_told_the_same_with_every_try() {
        let journal = Journal::default();
        let begin = Timestamp::from_millis(1_800_000_000_000);
        let told = |what: &str, seconds: i64| {
            journal.times(None, what.to_owned(), begin.plus(seconds * SECOND))
        };
        assert_eq!(told("no answer", 0), Some(1));
        assert_eq!(told("no answer", 10), None);
        assert_eq!(told("no answer", 290), None);
        assert_eq!(told("no room", 291), Some(1));
        assert_eq!(told("no answer", 300), Some(3));
        assert_eq!(told("no answer", 310), None);
        // Long after, it is news again.
        assert_eq!(told("no answer", 1000), Some(1));
    }
}
