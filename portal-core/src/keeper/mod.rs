//! Keeping browsers as they are wanted (SPEC 11): what the file says, who is in the rooms and what runs are compared,
//! and the backend is asked for the difference.
//!
//! The library starts no thread: a host calls [`Keeper::tend`] from one of its own, or from several, so that a slow
//! start in one chat keeps no other waiting. No call of the backend is made with a lock or a transaction held. What came
//! of it is written down by an operation, which changes nothing if the chat's browser has been decided about
//! otherwise meanwhile.
//!
//! The surprise: nothing needs to be undone after a crash. What is wanted is in the file, what runs is asked of the
//! backend, and the next [`Keeper::tend`] finds the same difference.

mod desk;

use std::collections::BTreeSet;
use std::time::Duration;

use crate::actor::Actor;
use crate::backend::{BrowserBackend, Fault, FaultKind};
use crate::error::{ErrorKind, Result};
use crate::model::{BrowserEnd, BrowserState, ChatId, RunId, Timestamp, UserId};
use crate::operation::View;
use crate::ops::browser::{self, Announce, Outcome, Plan, Seated, Settle};
use crate::portal::Portal;
pub(crate) use desk::Browsers;
use desk::{LIST_EVERY, LIST_IDLE_EVERY, RETRY, Task};

/// Keeps the browsers of a file as they are wanted. Each thread that does has one of its own.
pub struct Keeper {
    portal: Portal,
    seen: u64,
    starts: bool,
    /// What the backend did not do in a call that failed otherwise.
    untold: Vec<(Option<ChatId>, Fault)>,
}

/// What came of one [`Keeper::tend`].
#[derive(Debug)]
pub struct Tended {
    /// When it wants to be called again at the latest; sooner, as soon as [`Keeper::wait`] returns.
    pub next_at: Timestamp,
    /// What the backend did not do, for the operator's log: of which chat, and why; the detail begins with what was
    /// asked of which run. It is tried again where that helps.
    pub faults: Vec<(Option<ChatId>, Fault)>,
}

impl Portal {
    /// Somebody to keep this file's browsers.
    ///
    /// # Errors
    /// `ERR_BROWSER_UNAVAILABLE` where [`crate::Options::browsers`] gave none; `ERR_CLOSED`.
    pub fn keeper(&self) -> Result<Keeper> {
        self.shared.check_usable()?;
        if self.shared.browsers.is_none() {
            return Err(ErrorKind::BrowserUnavailable.into());
        }
        Ok(Keeper {
            portal: self.clone(),
            seen: 0,
            starts: true,
            untold: Vec::new(),
        })
    }

    /// Whether this process runs browsers (SPEC 11.3).
    pub fn runs_browsers(&self) -> bool {
        self.shared.browsers.is_some()
    }

    /// Wakes whoever waits in [`Keeper::wait`], as news do: for a host that ends its threads before it closes the
    /// portal.
    pub fn wake_keepers(&self) {
        if let Some(browsers) = &self.shared.browsers {
            browsers.announce();
        }
    }
}

impl Keeper {
    /// The same, but it starts no browser, which others have to do: however many starts take long, it lets out whoever
    /// was kicked.
    #[must_use]
    pub fn without_starts(self) -> Self {
        Self {
            starts: false,
            ..self
        }
    }

    /// Does what is to be done, and returns when it is done: a start may take long. Chats that another thread looks
    /// after at the moment are left to it.
    ///
    /// # Errors
    /// `ERR_CLOSED` and those of storage: what the backend did and could not be written down is found by the next call.
    /// That a backend fails is none.
    pub fn tend(&mut self) -> Result<Tended> {
        self.seen = self.browsers()?.news();
        let faults = std::mem::take(&mut self.untold);
        let browsers = self.browsers()?;
        let mut round = Round {
            portal: &self.portal,
            browsers,
            starts: self.starts,
            silent: BTreeSet::new(),
            faults,
        };
        let tended = round.tend();
        let faults = round.faults;
        match tended {
            Ok(next_at) => Ok(Tended { next_at, faults }),
            Err(error) => {
                self.untold = faults;
                Err(error)
            }
        }
    }

    /// Waits until there may be something to do since the last [`Keeper::tend`] began, at most for `timeout`; answers
    /// whether there may be. Closing the portal wakes it.
    ///
    /// # Errors
    /// `ERR_CLOSED`.
    pub fn wait(&self, timeout: Duration) -> Result<bool> {
        let browsers = self.browsers()?;
        self.portal.shared.check_usable()?;
        browsers.wait(self.seen, timeout);
        self.portal.shared.check_usable()?;
        Ok(browsers.news() != self.seen)
    }

    fn browsers(&self) -> Result<&Browsers> {
        let browsers = self.portal.shared.browsers.as_ref();
        browsers.ok_or_else(|| ErrorKind::BrowserUnavailable.into())
    }
}

/// One call of [`Keeper::tend`].
struct Round<'a> {
    portal: &'a Portal,
    browsers: &'a Browsers,
    starts: bool,
    /// Runs that did not answer. They are asked nothing more in this round but to stop: each question would take as long.
    silent: BTreeSet<RunId>,
    faults: Vec<(Option<ChatId>, Fault)>,
}

impl Round<'_> {
    /// Everything that is to be done; answers when to call again.
    fn tend(&mut self) -> Result<Timestamp> {
        let written = self.view(browser::runs)?;
        self.list(!written.is_empty());
        let mut chats: Vec<_> = written.into_iter().map(|(chat, _)| chat).collect();
        chats.extend(self.browsers.chats());
        chats.sort_unstable();
        chats.dedup();
        let mut failed = None;
        for chat in &chats {
            let mut hand = self.browsers.take(*chat);
            while let Some(held) = hand {
                if let Err(error) = self.tend_chat(*chat) {
                    failed = failed.or(Some(error));
                    break;
                }
                hand = held.give_back();
                if hand.is_some() && !self.starts {
                    // Whoever wanted it may have wanted to start it.
                    drop(hand);
                    self.browsers.announce();
                    break;
                }
            }
        }
        if let Some(error) = failed {
            return Err(error);
        }
        // What was left out because of it is not done.
        self.portal.shared.check_usable()?;
        let now = self.portal.now();
        let latest = now.plus(if chats.is_empty() {
            LIST_IDLE_EVERY
        } else {
            LIST_EVERY
        });
        let next_try = self.browsers.next_try(now);
        Ok(next_try.map_or(latest, |at| at.min(latest)))
    }

    /// Reads from one moment of the file, and lets it go.
    fn view<T>(&self, read: impl FnOnce(&View<'_>) -> Result<T>) -> Result<T> {
        let reader = self.portal.reader()?;
        let system = Actor::system();
        read(&View::new(&reader, &self.portal.shared, &system)?)
    }

    fn plan(&self, chat: ChatId) -> Result<Option<Plan>> {
        self.view(|view| browser::plan(view, chat))
    }

    /// Asks what runs, if that is due.
    fn list(&mut self, is_wanted: bool) {
        let now = self.portal.now();
        let Some(listing) = self.browsers.begin_listing(now, is_wanted) else {
            return;
        };
        match self.browsers.backend.list() {
            Ok(running) => listing.found(running),
            Err(fault) => self.faults.push((None, fault)),
        }
    }

    /// Asks the backend for something, unless it failed lately or the portal is closed. After [`FaultKind::Gone`] the
    /// run counts as ended.
    fn ask<T>(
        &mut self,
        chat: ChatId,
        run: &RunId,
        task: Task,
        call: impl FnOnce(&dyn BrowserBackend) -> Result<T, Fault>,
    ) -> Option<T> {
        let of = (chat, run.clone(), task);
        let is_over =
            task != Task::Stop && (self.silent.contains(run) || !self.browsers.knows(run));
        let is_closed = self.portal.shared.check_usable().is_err();
        if is_over || is_closed || !self.browsers.may_try(&of, self.portal.now()) {
            return None;
        }
        match call(&*self.browsers.backend) {
            Ok(answer) => {
                self.browsers.done(&of);
                Some(answer)
            }
            Err(fault) => {
                match fault.kind {
                    FaultKind::Gone => self.browsers.forget(run),
                    kind => {
                        if kind == FaultKind::Unreachable {
                            self.silent.insert(run.clone());
                        }
                        self.browsers.put_off(of, self.portal.now().plus(RETRY));
                    }
                }
                self.note(chat, run, task.word(), fault);
                None
            }
        }
    }

    /// Remembers what failed, for the operator's log: with the run, and what was asked of it.
    fn note(&mut self, chat: ChatId, run: &RunId, asked: &str, mut fault: Fault) {
        fault.detail = format!("{asked} of run {run}: {}", fault.detail);
        self.faults.push((Some(chat), fault));
    }

    fn settle(&self, chat_id: ChatId, run: &RunId, outcome: Outcome) -> Result<()> {
        let settle = Settle {
            chat_id,
            run: run.clone(),
            outcome,
        };
        self.portal.call(&Actor::system(), settle).map(drop)
    }

    fn tend_chat(&mut self, chat: ChatId) -> Result<()> {
        let plan = self.plan(chat)?;
        let present = plan
            .as_ref()
            .filter(|plan| plan.state != BrowserState::Failed);
        let present = present.map(|plan| plan.order.run.clone());
        let starting = plan
            .as_ref()
            .filter(|plan| plan.state == BrowserState::Starting && self.starts);
        for run in self.browsers.runs_of(chat) {
            // Of a chat that is gone, of an earlier start, or one that failed.
            if Some(&run) == present.as_ref() {
                continue;
            }
            if starting.is_some() {
                // Whoever asks anew does not wait for the next try.
                self.browsers.done(&(chat, run.clone(), Task::Stop));
            }
            if !self.stop(chat, &run) {
                return match starting {
                    Some(plan) => {
                        let why = self.faults.last().map(|(_, fault)| fault.kind);
                        let why = why.unwrap_or(FaultKind::Unreachable).into();
                        self.settle(chat, &plan.order.run, Outcome::Lost(why))
                    }
                    None => Ok(()),
                };
            }
        }
        match plan {
            Some(plan) if plan.state == BrowserState::Starting && self.starts => {
                self.start(chat, &plan)
            }
            Some(plan) if plan.state == BrowserState::Running => self.look_after(chat, &plan),
            Some(plan) if plan.state == BrowserState::Stopping => {
                // Asked although nothing is known of it: a crash may have come before anything was known.
                if self.stop(chat, &plan.order.run) {
                    self.settle(chat, &plan.order.run, Outcome::Stopped)?;
                }
                Ok(())
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Whether it is stopped now.
    fn stop(&mut self, chat: ChatId, run: &RunId) -> bool {
        let stopped = self.ask(chat, run, Task::Stop, |backend| backend.stop(run));
        if stopped.is_some() {
            self.browsers.forget(run);
        }
        stopped.is_some() || self.browsers.is_lost(run)
    }

    fn start(&mut self, chat: ChatId, plan: &Plan) -> Result<()> {
        let run = &plan.order.run;
        self.browsers.begin(chat, run);
        if let Err(fault) = self.browsers.backend.start(&plan.order) {
            let reason = match fault.kind {
                FaultKind::Gone => BrowserEnd::Failed,
                kind => kind.into(),
            };
            self.note(chat, run, "start", fault);
            // Whatever is left of it stays known, and is stopped later if it cannot be now.
            self.stop(chat, run);
            return self.settle(chat, run, Outcome::Lost(reason));
        }
        self.browsers.has_begun(run);
        // It may have taken long: who is here now is let in, so that `room:started` finds their way in.
        let is_wanted =
            |plan: &Plan| plan.order.run == *run && plan.state == BrowserState::Starting;
        let Some(plan) = self.plan(chat)?.filter(is_wanted) else {
            return Ok(());
        };
        for seated in plan.seated.values() {
            self.admit(chat, run, seated);
        }
        if !self.browsers.knows(run) {
            return self.settle(chat, run, Outcome::Lost(BrowserEnd::Died));
        }
        let present = plan.seated.values();
        let told: Vec<_> = present
            .map(|seated| (seated.viewer.user, seated.places.clone()))
            .collect();
        self.settle(chat, run, Outcome::Running)?;
        for (user, places) in told {
            self.browsers.told(run, user, &places);
        }
        let plan = self.plan(chat)?.filter(|plan| plan.order.run == *run);
        match plan {
            Some(plan) if plan.state == BrowserState::Running => self.look_after(chat, &plan),
            _ => Ok(()),
        }
    }

    /// Lets in who is in the room, out who is not, and control to whoever has it.
    fn look_after(&mut self, chat: ChatId, plan: &Plan) -> Result<()> {
        let run = &plan.order.run;
        if self.browsers.knows(run) {
            self.let_out(chat, plan);
            for user in self.browsers.missing(run, &plan.seated) {
                self.admit(chat, run, &plan.seated[&user]);
                // Each at once: letting in a full room takes a while.
                self.tell(chat, plan)?;
            }
            self.hand_control(chat, plan);
            self.tell(chat, plan)?;
        }
        // Nobody knows of it, although it was asked what runs; or it turned out just now.
        if self.browsers.is_lost(run) {
            self.settle(chat, run, Outcome::Lost(BrowserEnd::Died))?;
        }
        Ok(())
    }

    /// Tells those who are let in, and do not know it, their way in.
    fn tell(&self, chat: ChatId, plan: &Plan) -> Result<()> {
        let run = &plan.order.run;
        for user in self.browsers.untold(run, &plan.seated) {
            let announce = Announce {
                chat_id: chat,
                run: run.clone(),
                user_id: user,
            };
            self.portal.call(&Actor::system(), announce)?;
            self.browsers.told(run, user, &plan.seated[&user].places);
        }
        Ok(())
    }

    /// Whoever is not in the room, or was away from it meanwhile, loses their way in.
    fn let_out(&mut self, chat: ChatId, plan: &Plan) {
        let run = &plan.order.run;
        for user in self.browsers.departed(run, &plan.seated) {
            let task = Task::Dismiss(user);
            let dismissed = self.ask(chat, run, task, |backend| backend.dismiss(run, user));
            if dismissed.is_some() {
                self.browsers.dismissed(run, user);
            }
        }
    }

    fn admit(&mut self, chat: ChatId, run: &RunId, seated: &Seated) {
        let task = Task::Admit(seated.viewer.user);
        let access = self.ask(chat, run, task, |backend| {
            backend.admit(run, &seated.viewer)
        });
        if let Some(access) = access {
            self.browsers.admitted(run, seated, access);
        }
    }

    fn hand_control(&mut self, chat: ChatId, plan: &Plan) {
        let run = &plan.order.run;
        // Nobody is given control before they are let in.
        let to: Option<UserId> = plan
            .holder
            .filter(|user| self.browsers.access(chat, *user).is_some());
        if self.browsers.has_control(run, to) {
            return;
        }
        let given = self.ask(chat, run, Task::Control, |backend| {
            backend.give_control(run, to)
        });
        match given {
            Some(()) => self.browsers.controls(run, to),
            None => self.browsers.doubts_control(run),
        }
    }
}
