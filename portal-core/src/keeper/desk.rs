//! What is known of the backend, in memory: what runs, who is let in and by which way, what is tried again when.
//!
//! All of it can be lost at any time: it is asked of the backend again, and ways in are made anew. They are kept here and
//! nowhere else, so that no row and no event holds them (SPEC 12.2).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::backend::{Access, BrowserBackend, Running};
use crate::model::{ChatId, MINUTE, RunId, SECOND, Timestamp, UserId};
use crate::ops::browser::Seated;
use crate::shared::Commits;

/// How long what failed waits before it is tried again, in milliseconds.
pub(super) const RETRY: i64 = 10 * SECOND;

/// How often it is asked what runs, in milliseconds: so long it may take until a browser that died is noticed.
pub(super) const LIST_EVERY: i64 = 15 * SECOND;

/// The same while nothing is known to run.
pub(super) const LIST_IDLE_EVERY: i64 = MINUTE;

/// What can be asked of a backend for one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Task {
    Stop,
    Admit(UserId),
    Dismiss(UserId),
    Control,
}

impl Task {
    /// What it is called in the operator's log.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Task::Stop => "stop",
            Task::Admit(_) => "admit",
            Task::Dismiss(_) => "dismiss",
            Task::Control => "control",
        }
    }
}

/// A task of a chat's run.
pub(super) type TaskOf = (ChatId, RunId, Task);

/// What runs browsers for a portal, and what is known of it.
pub(crate) struct Browsers {
    pub(crate) backend: Arc<dyn BrowserBackend>,
    desk: Mutex<Desk>,
    news: Commits,
}

#[derive(Debug, Default)]
struct Desk {
    known: BTreeMap<RunId, Live>,
    in_hand: BTreeSet<ChatId>,
    /// Those of them that another thread wanted to look after meanwhile.
    wanted: BTreeSet<ChatId>,
    /// What failed, and when it may be tried again.
    later: BTreeMap<TaskOf, Timestamp>,
    /// Whether it was ever heard what runs.
    has_listed: bool,
    is_listing: bool,
    list_failed: bool,
    listed_at: Option<Timestamp>,
}

#[derive(Debug)]
struct Live {
    chat: ChatId,
    /// False while its start is under way.
    has_begun: bool,
    viewers: BTreeMap<UserId, Admitted>,
    /// Who has control in the browser.
    controller: Option<UserId>,
    /// Whether that is so: what a call did that failed, nobody knows.
    controller_is_known: bool,
}

/// Somebody who is let in. Of whom another process let in, the way in is not known.
#[derive(Debug, Default)]
struct Admitted {
    /// Their places in the room when they were last looked at.
    places: BTreeSet<u64>,
    /// The places of those connections that were told their way in.
    told: BTreeSet<u64>,
    access: Option<Access>,
}

/// A chat that one thread looks after; given back when dropped.
pub(super) struct Hand<'a> {
    browsers: &'a Browsers,
    chat: ChatId,
}

impl Hand<'_> {
    /// Gives the chat back, unless another thread wanted it meanwhile: then it is to be looked after once more, since
    /// that thread has gone on.
    pub(super) fn give_back(self) -> Option<Self> {
        {
            let mut desk = self.browsers.desk();
            if !desk.wanted.remove(&self.chat) {
                desk.in_hand.remove(&self.chat);
                // Done, and under the same lock.
                std::mem::forget(self);
                return None;
            }
        }
        Some(self)
    }
}

impl Drop for Hand<'_> {
    fn drop(&mut self) {
        self.browsers.desk().in_hand.remove(&self.chat);
    }
}

/// A question what runs, under way; without an answer it failed, also where the backend panicked.
pub(super) struct Listing<'a> {
    browsers: &'a Browsers,
    /// The runs that the answer is to have.
    known: BTreeSet<RunId>,
    is_answered: bool,
}

impl Listing<'_> {
    /// Takes in what runs: what is not there any more although it had begun when it was asked, what nobody here knew
    /// of, and who is let in that nobody here has let in.
    pub(super) fn found(mut self, running: Vec<Running>) {
        let mut desk = self.browsers.desk();
        self.is_answered = true;
        desk.is_listing = false;
        desk.list_failed = false;
        desk.has_listed = true;
        let names: BTreeSet<_> = running.iter().map(|found| found.run.clone()).collect();
        desk.known
            .retain(|run, _| names.contains(run) || !self.known.contains(run));
        for found in running {
            let live = desk.known.entry(found.run).or_insert_with(|| Live {
                chat: found.chat,
                has_begun: true,
                viewers: BTreeMap::new(),
                controller: found.controller,
                controller_is_known: true,
            });
            for user in found.viewers {
                live.viewers.entry(user).or_default();
            }
        }
    }
}

impl Drop for Listing<'_> {
    fn drop(&mut self) {
        if !self.is_answered {
            let mut desk = self.browsers.desk();
            desk.is_listing = false;
            desk.list_failed = true;
        }
    }
}

impl Browsers {
    pub(crate) fn new(backend: Arc<dyn BrowserBackend>) -> Self {
        Self {
            backend,
            desk: Mutex::default(),
            news: Commits::default(),
        }
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something may be to be done.
    pub(crate) fn announce(&self) {
        self.news.announce();
    }

    pub(super) fn news(&self) -> u64 {
        self.news.count()
    }

    pub(super) fn wait(&self, seen: u64, timeout: Duration) {
        self.news.wait(seen, timeout);
    }

    /// A viewer's own way into the chat's browser, while they are let in.
    pub(crate) fn access(&self, chat: ChatId, user: UserId) -> Option<Access> {
        let desk = self.desk();
        let mut of_chat = desk.known.values().filter(|live| live.chat == chat);
        of_chat.find_map(|live| live.viewers.get(&user)?.access.clone())
    }

    /// The chat, unless another thread looks after it, which then does so once more.
    pub(super) fn take(&self, chat: ChatId) -> Option<Hand<'_>> {
        let mut desk = self.desk();
        if !desk.in_hand.insert(chat) {
            desk.wanted.insert(chat);
            return None;
        }
        Some(Hand {
            browsers: self,
            chat,
        })
    }

    /// The chats of what runs.
    pub(super) fn chats(&self) -> BTreeSet<ChatId> {
        self.desk().known.values().map(|live| live.chat).collect()
    }

    pub(super) fn runs_of(&self, chat: ChatId) -> Vec<RunId> {
        let desk = self.desk();
        let of_chat = desk.known.iter().filter(|(_, live)| live.chat == chat);
        of_chat.map(|(run, _)| run.clone()).collect()
    }

    pub(super) fn knows(&self, run: &RunId) -> bool {
        self.desk().known.contains_key(run)
    }

    /// Whether a run that should be there is not.
    pub(super) fn is_lost(&self, run: &RunId) -> bool {
        let desk = self.desk();
        desk.has_listed && !desk.known.contains_key(run)
    }

    // What runs --------------------------------------------------------------------------------------

    /// If it is time to ask what runs. It is asked although nothing is known or wanted, if less often: what was told to
    /// stop before it had quite begun may be there after all.
    pub(super) fn begin_listing(&self, now: Timestamp, is_wanted: bool) -> Option<Listing<'_>> {
        let mut desk = self.desk();
        let every = match (desk.list_failed, is_wanted || !desk.known.is_empty()) {
            (true, _) => RETRY,
            (false, true) => LIST_EVERY,
            (false, false) => LIST_IDLE_EVERY,
        };
        // A clock that was set back is not waited for.
        let waits = |at: Timestamp| (at..at.plus(every)).contains(&now);
        if desk.is_listing || desk.listed_at.is_some_and(waits) {
            return None;
        }
        desk.is_listing = true;
        desk.listed_at = Some(now);
        let known = desk.known.iter().filter(|(_, live)| live.has_begun);
        Some(Listing {
            known: known.map(|(run, _)| run.clone()).collect(),
            browsers: self,
            is_answered: false,
        })
    }

    /// A run is about to be started. A part of it may be there, of a start that a crash cut off, and go for the new one.
    pub(super) fn begin(&self, chat: ChatId, run: &RunId) {
        let mut desk = self.desk();
        let live = desk.known.entry(run.clone()).or_insert_with(|| Live {
            chat,
            has_begun: false,
            viewers: BTreeMap::new(),
            controller: None,
            controller_is_known: true,
        });
        live.has_begun = false;
    }

    pub(super) fn has_begun(&self, run: &RunId) {
        if let Some(live) = self.desk().known.get_mut(run) {
            live.has_begun = true;
        }
    }

    /// A run is not there any more.
    pub(crate) fn forget(&self, run: &RunId) {
        let mut desk = self.desk();
        desk.known.remove(run);
        desk.later.retain(|(_, of, _), _| of != run);
    }

    // Who is let in ----------------------------------------------------------------------------------

    /// Who is let in and is not in the room, or is another time.
    pub(super) fn departed(&self, run: &RunId, seated: &BTreeMap<UserId, Seated>) -> Vec<UserId> {
        let desk = self.desk();
        let viewers = desk
            .known
            .get(run)
            .into_iter()
            .flat_map(|live| &live.viewers);
        let gone = viewers.filter(|(user, admitted)| match seated.get(user) {
            Some(seated) => seated.places.is_disjoint(&admitted.places),
            None => true,
        });
        gone.map(|(user, _)| *user).collect()
    }

    pub(super) fn dismissed(&self, run: &RunId, user: UserId) {
        if let Some(live) = self.desk().known.get_mut(run) {
            live.viewers.remove(&user);
            live.controller = live.controller.filter(|controller| *controller != user);
        }
    }

    /// Who is in the room and not let in. Of those who are, takes note where they sit now.
    pub(super) fn missing(&self, run: &RunId, seated: &BTreeMap<UserId, Seated>) -> Vec<UserId> {
        let mut desk = self.desk();
        let Some(live) = desk.known.get_mut(run) else {
            return Vec::new();
        };
        let mut missing = Vec::new();
        for (user, seated) in seated {
            match live.viewers.get_mut(user) {
                None => missing.push(*user),
                // Still to be let out, and then in again.
                Some(admitted) if seated.places.is_disjoint(&admitted.places) => {}
                Some(admitted) => admitted.places.clone_from(&seated.places),
            }
        }
        missing
    }

    pub(super) fn admitted(&self, run: &RunId, seated: &Seated, access: Access) {
        if let Some(live) = self.desk().known.get_mut(run) {
            let admitted = Admitted {
                places: seated.places.clone(),
                told: BTreeSet::new(),
                access: Some(access),
            };
            live.viewers.insert(seated.viewer.user, admitted);
        }
    }

    /// Who is let in and has a connection in the room that was not told so.
    pub(super) fn untold(&self, run: &RunId, seated: &BTreeMap<UserId, Seated>) -> Vec<UserId> {
        let desk = self.desk();
        let Some(live) = desk.known.get(run) else {
            return Vec::new();
        };
        let untold = seated.iter().filter(|(user, seated)| {
            let admitted = live.viewers.get(user).filter(|admitted| {
                admitted.access.is_some() && !seated.places.is_disjoint(&admitted.places)
            });
            admitted.is_some_and(|admitted| !seated.places.is_subset(&admitted.told))
        });
        untold.map(|(user, _)| *user).collect()
    }

    pub(super) fn told(&self, run: &RunId, user: UserId, places: &BTreeSet<u64>) {
        if let Some(live) = self.desk().known.get_mut(run)
            && let Some(admitted) = live.viewers.get_mut(&user)
        {
            admitted.told.clone_from(places);
        }
    }

    // Control ----------------------------------------------------------------------------------------

    /// Whether the browser has control where it belongs. Of a new run nobody has it.
    pub(super) fn has_control(&self, run: &RunId, to: Option<UserId>) -> bool {
        let desk = self.desk();
        let live = desk.known.get(run);
        live.is_none_or(|live| live.controller_is_known && live.controller == to)
    }

    /// Who has control in the browser from now on.
    pub(super) fn controls(&self, run: &RunId, to: Option<UserId>) {
        if let Some(live) = self.desk().known.get_mut(run) {
            live.controller = to;
            live.controller_is_known = true;
        }
    }

    /// Nobody knows who has control in the browser.
    pub(super) fn doubts_control(&self, run: &RunId) {
        if let Some(live) = self.desk().known.get_mut(run) {
            live.controller_is_known = false;
        }
    }

    // What failed ------------------------------------------------------------------------------------

    pub(super) fn may_try(&self, task: &TaskOf, now: Timestamp) -> bool {
        let desk = self.desk();
        let is_later = |at: &Timestamp| waits(*at, now);
        !desk.later.get(task).is_some_and(is_later)
    }

    pub(super) fn done(&self, task: &TaskOf) {
        self.desk().later.remove(task);
    }

    pub(super) fn put_off(&self, task: TaskOf, until: Timestamp) {
        self.desk().later.insert(task, until);
    }

    /// When something that failed may be tried again; what came to nothing since is forgotten.
    pub(super) fn next_try(&self, now: Timestamp) -> Option<Timestamp> {
        let mut desk = self.desk();
        desk.later.retain(|_, at| waits(*at, now));
        // While it is asked, nobody else can.
        let listing = desk.listed_at;
        let listing = listing.filter(|_| desk.list_failed && !desk.is_listing);
        let listing = listing.map(|at| at.plus(RETRY));
        desk.later.values().copied().chain(listing).min()
    }
}

/// Whether something that is put off until then waits still. A clock that was set back is not waited for.
fn waits(until: Timestamp, now: Timestamp) -> bool {
    now < until && until <= now.plus(RETRY)
}
