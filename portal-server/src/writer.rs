//! The one thread that writes: it drains a queue of requests into [`Portal::batch`], so that what comes
//! in while one commit is on its way to disk shares the next.
//!
//! A request that was accepted runs to its end although whoever asked has left.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

use portal_core::catalogue::Entry;
use portal_core::{Actor, Error, ErrorKind, Portal, Request, Result};
use tokio::sync::{mpsc, oneshot};

/// As many requests as may wait. They are bounded once more by what each client may have under way.
const QUEUE: usize = 8192;

/// As many as one commit takes: more would keep the first waiting.
const BATCH: usize = 256;

/// The queue's entrance.
pub(crate) struct Writer {
    portal: Portal,
    queue: mpsc::Sender<Job>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

enum Job {
    Request(Request),
    /// Answers once everything before it is done.
    Barrier(oneshot::Sender<()>),
    Stop,
}

impl Writer {
    /// Starts the thread.
    pub(crate) fn start(portal: Portal) -> std::io::Result<Self> {
        let (queue, mut jobs) = mpsc::channel(QUEUE);
        let theirs = portal.clone();
        let thread = std::thread::Builder::new()
            .name("writer".into())
            .spawn(move || while step(&theirs, &mut jobs) {})?;
        Ok(Self {
            portal,
            queue,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Queues an operation; `done` runs on the writer's thread after the commit and must be short.
    ///
    /// # Errors
    /// `ERR_INVALID` for parameters that are none of the operation's; `ERR_RATE_LIMITED` when the
    /// queue is full; `ERR_CLOSED` once it has stopped. `done` does not run then.
    pub(crate) fn submit(
        &self,
        caller: Actor,
        entry: &Entry,
        params: &str,
        done: impl FnOnce(Result<String>) + Send + 'static,
    ) -> Result<()> {
        let request = Request::json(&self.portal, caller, entry, params, Box::new(done))?;
        self.push(request)
    }

    /// Queues a request whose answer nobody waits for, or that brings its own way to answer.
    pub(crate) fn push(&self, request: Request) -> Result<()> {
        self.queue
            .try_send(Job::Request(request))
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => Error::rate_limited(1000),
                mpsc::error::TrySendError::Closed(_) => ErrorKind::Closed.into(),
            })
    }

    /// Queues an operation and waits for its reply.
    pub(crate) async fn call(&self, caller: Actor, entry: &Entry, params: &str) -> Result<String> {
        let (done, answer) = oneshot::channel();
        self.submit(caller, entry, params, move |reply| drop(done.send(reply)))?;
        // The sender is lost only to a panic in the operation.
        answer
            .await
            .unwrap_or_else(|_| Err(ErrorKind::Internal.into()))
    }

    /// Waits until everything queued so far has been answered.
    pub(crate) async fn settled(&self) {
        let (done, settled) = oneshot::channel();
        if self.queue.send(Job::Barrier(done)).await.is_ok() {
            settled.await.ok();
        }
    }

    /// Does what is queued and ends the thread. Repeatable.
    pub(crate) async fn stop(&self) {
        self.queue.send(Job::Stop).await.ok();
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread {
            tokio::task::spawn_blocking(|| thread.join()).await.ok();
        }
    }
}

/// One commit's worth; false when it is time to end.
fn step(portal: &Portal, jobs: &mut mpsc::Receiver<Job>) -> bool {
    let mut requests = Vec::new();
    let mut next = jobs.blocking_recv();
    let after = loop {
        match next {
            Some(Job::Request(request)) => requests.push(request),
            other => break other,
        }
        if requests.len() == BATCH {
            break Some(Job::Barrier(oneshot::channel().0));
        }
        match jobs.try_recv() {
            Ok(job) => next = Some(job),
            Err(_) => break Some(Job::Barrier(oneshot::channel().0)),
        }
    };
    if !requests.is_empty() {
        // A defect in one operation must not leave the server without a writer.
        let ran = catch_unwind(AssertUnwindSafe(|| {
            portal.batch_amid(requests, || !jobs.is_empty());
        }));
        if ran.is_err() {
            tracing::error!("an operation panicked; its batch was not answered");
        }
    }
    match after {
        Some(Job::Barrier(done)) => {
            done.send(()).ok();
            true
        }
        Some(Job::Stop) | None => {
            jobs.close();
            false
        }
        Some(Job::Request(_)) => true,
    }
}
