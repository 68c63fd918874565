//! The one writer of a file, with group commit and no thread of its own.
//!
//! Callers queue a job and wait. Whoever finds the connection free becomes the leader: it takes what is
//! queued, runs every job in one transaction, commits once, and tells everyone. A job that fails takes
//! back only itself; a commit that fails takes back all of them. What is told after the commit is on disk
//! (SPEC 14.0).
//!
//! The surprising thing: jobs run without a savepoint first. Nearly every refusal comes before the first
//! change, and then there is nothing to take back; a savepoint, though, copies every page that a job
//! touches. If one does fail halfway, the transaction is rolled back and all of its jobs are run again,
//! each in a savepoint of its own. So a job may be run twice; it is finished once.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::Connection;

use crate::error::{ErrorKind, Result};

/// One operation's way through the writer.
pub(crate) trait Job: Send {
    /// Changes rows. An error takes back every row changed since the job began. What was run may be
    /// taken back and run again.
    fn run(&mut self, db: &Connection) -> Result<Fate>;

    /// Runs once more within the transaction after a failed `run` was taken back: for what must be
    /// remembered of a failure, such as a wrong code.
    fn after_failure(&mut self, _db: &Connection) -> Result<()> {
        Ok(())
    }

    /// Whether memory has to follow before any other job is judged: then the commit is made with it.
    fn ends_batch(&self) -> bool {
        false
    }

    /// Called last, in the order of the queue, before the next transaction begins: after the commit, or
    /// with the error that took the job back.
    fn finish(self: Box<Self>, outcome: Result<Fate>);
}

/// What becomes of the rows that a job changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// They are committed.
    Kept,
    /// They are taken back although all went well: a rehearsal.
    TakenBack,
}

/// At most this many jobs share a commit, so that nobody waits long for others.
const LARGEST_BATCH: usize = 1024;

/// The truncation of the log: 0 busy, -1 when the file is not in WAL mode.
pub(super) const CHECKPOINT: &str = "PRAGMA wal_checkpoint(TRUNCATE)";

struct State {
    queue: VecDeque<(u64, Box<dyn Job>)>,
    /// Taken out by the leader while it works.
    connection: Option<Connection>,
    next_ticket: u64,
    /// Every job with a ticket below this one is finished.
    finished: u64,
    closed: bool,
    /// The connection is closed for good.
    gone: bool,
}

/// The writer.
pub(crate) struct Writer {
    state: Mutex<State>,
    changed: Condvar,
    /// How long another process's transaction is waited for.
    patience: Duration,
    /// Held from before a commit until its last job is finished.
    settling: Mutex<()>,
}

impl Writer {
    pub(super) fn new(connection: Connection, patience: Duration) -> Self {
        let state = State {
            queue: VecDeque::new(),
            connection: Some(connection),
            next_ticket: 0,
            finished: 0,
            closed: false,
            gone: false,
        };
        Self {
            state: Mutex::new(state),
            changed: Condvar::new(),
            patience,
            settling: Mutex::default(),
        }
    }

    /// While this is held, memory has followed every commit of this writer that can be read. Whoever
    /// compares the two holds it, for as long as one read.
    pub(crate) fn settled(&self) -> MutexGuard<'_, ()> {
        self.settling.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether somebody holds [`Writer::settled`] at this moment.
    #[cfg(test)]
    pub(crate) fn is_settled(&self) -> bool {
        matches!(
            self.settling.try_lock(),
            Err(std::sync::TryLockError::WouldBlock)
        )
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let waited = self.changed.wait(state);
        waited.unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues the jobs and returns when every one of them is finished. Jobs of one call are run in
    /// their order; whether they share a commit is not promised.
    pub(crate) fn submit(&self, jobs: Vec<Box<dyn Job>>) {
        let mut state = self.lock();
        if state.closed {
            drop(state);
            for job in jobs {
                job.finish(Err(ErrorKind::Closed.into()));
            }
            return;
        }
        for job in jobs {
            let ticket = state.next_ticket;
            state.next_ticket += 1;
            state.queue.push_back((ticket, job));
        }
        let mine = state.next_ticket;
        while state.finished < mine {
            match state.connection.take() {
                Some(connection) => state = self.lead(state, connection),
                None => state = self.wait(state),
            }
        }
    }

    /// Commits one batch while others queue up for the next.
    fn lead<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        db: Connection,
    ) -> MutexGuard<'a, State> {
        let size = state.queue.len().min(LARGEST_BATCH);
        let (tickets, jobs): (Vec<u64>, Vec<_>) = state.queue.drain(..size).unzip();
        drop(state);
        self.commit_together(&db, jobs);
        let mut state = self.lock();
        state.connection = Some(db);
        state.finished = tickets.last().map_or(state.finished, |last| last + 1);
        self.changed.notify_all();
        state
    }

    /// Runs, commits and finishes the jobs, in one transaction or, where memory has to follow in between,
    /// in several.
    fn commit_together(&self, db: &Connection, mut jobs: Vec<Box<dyn Job>>) {
        while !jobs.is_empty() {
            let mut settling = None;
            let mut before_commit = || settling = Some(self.settled());
            let outcomes = run_all(db, &mut jobs, &mut before_commit)
                .unwrap_or_else(|lost| jobs.iter().map(|_| Err(lost.clone())).collect());
            for (job, outcome) in jobs.drain(..outcomes.len()).zip(outcomes) {
                // A panic in one caller's callback must not keep the answer from the others.
                let _ = catch_unwind(AssertUnwindSafe(|| job.finish(outcome)));
            }
        }
    }

    /// Waits for the connection and uses it outside any job.
    pub(crate) fn exclusively<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let mut state = self.lock();
        let db = loop {
            if state.closed {
                return Err(ErrorKind::Closed.into());
            }
            match state.connection.take() {
                Some(db) => break db,
                None => state = self.wait(state),
            }
        };
        drop(state);
        let result = catch_unwind(AssertUnwindSafe(|| work(&db)));
        self.lock().connection = Some(db);
        self.changed.notify_all();
        result.unwrap_or_else(|_| Err(ErrorKind::Internal.into()))
    }

    /// Copies the log into the file and empties it, so that deleted content is in neither. Answers
    /// false if a reader still needs the log.
    pub(crate) fn truncate_log(&self) -> Result<bool> {
        self.exclusively(|db| {
            // A reader is not waited for: whoever asked asks again.
            db.busy_timeout(Duration::ZERO)?;
            let busy = db.query_row(CHECKPOINT, [], |row| row.get::<_, i64>(0));
            db.busy_timeout(self.patience)?;
            match busy {
                Ok(busy) => Ok(busy == 0),
                Err(error) if is_busy(&error) => Ok(false),
                Err(error) => Err(error.into()),
            }
        })
    }

    /// Refuses new jobs, lets queued ones finish, and closes the connection. Repeatable.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        while !state.gone {
            state = match state.connection.take() {
                Some(db) if state.queue.is_empty() => {
                    drop(db);
                    state.gone = true;
                    state
                }
                Some(db) => self.lead(state, db),
                None => self.wait(state),
            };
        }
        self.changed.notify_all();
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked};
    matches!(
        error.sqlite_error_code(),
        Some(DatabaseBusy | DatabaseLocked)
    )
}

/// How a job is run: its outcome; none if what it changed has to be taken back and cannot be, alone. An
/// error means that the whole transaction is lost.
type Run = fn(&Connection, &mut dyn Job) -> Result<Option<Result<Fate>>>;

/// Runs and commits jobs from the first on, up to one that ends the batch; answers the outcomes of those
/// it ran, or the error that lost them.
fn run_all(
    db: &Connection,
    jobs: &mut [Box<dyn Job>],
    before_commit: &mut dyn FnMut(),
) -> Result<Vec<Result<Fate>>> {
    match transaction(db, jobs, run_bare, before_commit)? {
        Some(outcomes) => Ok(outcomes),
        None => {
            transaction(db, jobs, run_in_savepoint, before_commit).map(Option::unwrap_or_default)
        }
    }
}

/// One transaction; none if it was rolled back to be run another way.
fn transaction(
    db: &Connection,
    jobs: &mut [Box<dyn Job>],
    run: Run,
    before_commit: &mut dyn FnMut(),
) -> Result<Option<Vec<Result<Fate>>>> {
    step(db, "BEGIN IMMEDIATE")?;
    let mut ran = run_each(db, jobs, run);
    if let Ok(Some(_)) = &ran {
        before_commit();
        if let Err(error) = step(db, "COMMIT") {
            ran = Err(error);
        }
    }
    if !db.is_autocommit() {
        step(db, "ROLLBACK")?;
    }
    ran
}

fn run_each(
    db: &Connection,
    jobs: &mut [Box<dyn Job>],
    run: Run,
) -> Result<Option<Vec<Result<Fate>>>> {
    let mut outcomes = Vec::with_capacity(jobs.len());
    for job in jobs {
        match run(db, &mut **job)? {
            Some(outcome) => outcomes.push(outcome),
            None => return Ok(None),
        }
        if job.ends_batch() {
            break;
        }
    }
    Ok(Some(outcomes))
}

/// Runs one job as it is: good for all that fail, if they do, before their first change.
fn run_bare(db: &Connection, job: &mut dyn Job) -> Result<Option<Result<Fate>>> {
    let before = db.total_changes();
    let outcome = unwinding(|| job.run(db));
    let changed = db.total_changes() != before;
    match &outcome {
        // A full disk or an I/O error makes SQLite itself take back everything.
        Err(error) if db.is_autocommit() => return Err(error.clone()),
        Ok(Fate::TakenBack) | Err(_) if changed => return Ok(None),
        Ok(_) => {}
        Err(_) => unwinding(|| job.after_failure(db))?,
    }
    Ok(Some(outcome))
}

/// Runs one job in a savepoint.
fn run_in_savepoint(db: &Connection, job: &mut dyn Job) -> Result<Option<Result<Fate>>> {
    step(db, "SAVEPOINT job")?;
    let outcome = unwinding(|| job.run(db));
    match &outcome {
        Ok(Fate::Kept) => {}
        Ok(Fate::TakenBack) => step(db, "ROLLBACK TO job")?,
        Err(error) if db.is_autocommit() => return Err(error.clone()),
        Err(_) => {
            step(db, "ROLLBACK TO job")?;
            unwinding(|| job.after_failure(db))?;
        }
    }
    step(db, "RELEASE job")?;
    Ok(Some(outcome))
}

/// A panic takes back its own job and answers `ERR_INTERNAL` (SPEC 17.6).
fn unwinding<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(ErrorKind::Internal.into()))
}

fn step(db: &Connection, sql: &str) -> Result<()> {
    db.prepare_cached(sql)?.execute([])?;
    Ok(())
}

#[cfg(test)]
mod tests;
