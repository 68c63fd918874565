//! One request's way through the writer: the job that runs an operation, does in memory what its commit
//! left to do, and answers.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use rusqlite::Connection;

use crate::actor::Actor;
use crate::catalogue::{Entry, Kind};
use crate::error::{Error, ErrorKind, Result};
use crate::log::Level;
use crate::operation::{Aftermath, Context, Effect, Operation, View};
use crate::ops;
use crate::portal::Portal;
use crate::shared::{self, Shared};
use crate::store::{Fate, Job};

/// One operation on its way through the writer.
struct OperationJob<O: Operation> {
    shared: Arc<Shared>,
    caller: Actor,
    operation: O,
    reply: Option<O::Reply>,
    aftermath: Aftermath,
    /// The last run did not come to its end.
    panicked: bool,
    done: Box<dyn FnOnce(Result<O::Reply>) + Send>,
}

impl<O: Operation> OperationJob<O> {
    fn attempt(&mut self, db: &Connection) -> Result<Fate> {
        self.shared.check_usable()?;
        self.aftermath = Aftermath::default();
        self.shared.notice_others(db)?;
        let view = View::new(db, &self.shared, &self.caller)?;
        let random = &*self.shared.random;
        let mut cx = Context::new(view, random, &mut self.aftermath);
        self.reply = Some(self.operation.clone().apply(&mut cx)?);
        Ok(Fate::Kept)
    }
}

impl<O: Operation> Job for OperationJob<O> {
    fn run(&mut self, db: &Connection) -> Result<Fate> {
        // A panic skips what comes after it. Who catches it may run this again, so it is told when it is finished.
        self.panicked = true;
        let outcome = self.attempt(db);
        self.panicked = false;
        outcome
    }

    fn after_failure(&mut self, db: &Connection) -> Result<()> {
        let now = self.shared.clock.now();
        for (kind, subject) in &self.aftermath.attempts {
            ops::limits::record(db, kind, subject, now)?;
        }
        Ok(())
    }

    fn ends_batch(&self) -> bool {
        let Aftermath {
            events, effects, ..
        } = &self.aftermath;
        effects
            .iter()
            .any(|effect| !matches!(effect, Effect::Typed { .. }))
            || events.iter().any(|emitted| emitted.event.takes_away())
    }

    fn finish(self: Box<Self>, outcome: Result<Fate>) {
        let Self {
            shared,
            reply,
            aftermath,
            panicked,
            done,
            ..
        } = *self;
        if panicked {
            let text = shared::panicked(O::NAME, "It was taken back");
            shared.log.tell(Level::Error, &text);
        }
        let announce = matches!(outcome, Ok(Fate::Kept)) && !aftermath.events.is_empty();
        // What is on disk is done, whatever memory says: a panic here is not the caller's, but
        // whoever comes next would be judged by a memory that missed it (SPEC 17.6).
        let answer = match outcome {
            Ok(fate) => {
                let followed = fate == Fate::TakenBack
                    || catch_unwind(AssertUnwindSafe(|| shared.follow_up(aftermath))).is_ok();
                if !followed {
                    shared.poison(O::NAME);
                }
                reply.ok_or_else(|| ErrorKind::Internal.into())
            }
            Err(error) => Err(error),
        };
        if announce {
            shared.commits.announce();
        }
        let text = || {
            format!(
                "What was to be told of `{}` panicked: its caller's own.",
                O::NAME
            )
        };
        let _watch = shared.log.watch(text);
        done(answer);
    }
}

/// Runs a job and takes it back: what it answers is what it would have done. Its failures are not
/// counted either.
struct Rehearsal(Box<dyn Job>);

impl Job for Rehearsal {
    fn run(&mut self, db: &Connection) -> Result<Fate> {
        self.0.run(db).map(|_| Fate::TakenBack)
    }

    fn finish(self: Box<Self>, outcome: Result<Fate>) {
        self.0.finish(outcome);
    }
}

/// A queued request for [`Portal::batch`].
pub struct Request(Box<dyn Job>);

impl Request {
    /// An operation; `done` gets its reply after the commit.
    pub fn new<O: Operation>(
        portal: &Portal,
        caller: Actor,
        operation: O,
        done: impl FnOnce(Result<O::Reply>) + Send + 'static,
    ) -> Self {
        Self(Box::new(OperationJob {
            shared: Arc::clone(&portal.shared),
            caller,
            operation,
            reply: None,
            aftermath: Aftermath::default(),
            panicked: false,
            done: Box::new(done),
        }))
    }

    /// An operation by its name, with JSON parameters and reply.
    ///
    /// # Errors
    /// `ERR_UNKNOWN_OPERATION`; also for what cannot be committed with others: queries and errands.
    pub fn json(
        portal: &Portal,
        caller: Actor,
        entry: &Entry,
        params: &str,
        done: Box<dyn FnOnce(Result<String>) + Send>,
    ) -> Result<Self> {
        match entry.kind() {
            Kind::Operation(request) => request(portal, caller, params, done),
            Kind::Query(_) | Kind::Errand(_) => Err(Error::new(ErrorKind::UnknownOperation)),
        }
    }

    /// The same, taken back once it has answered.
    pub(crate) fn rehearsed(self) -> Self {
        Self(Box::new(Rehearsal(self.0)))
    }

    pub(crate) fn into_job(self) -> Box<dyn Job> {
        self.0
    }
}
