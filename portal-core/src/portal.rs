//! [`Portal`], the only door to a database file: open, call, query, batch, follow, deliver, tick, close.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use rusqlite::Connection;

use crate::actor::Actor;
use crate::catalogue::{self, Entry, Kind};
use crate::clock::{Clock, SystemClock};
use crate::error::{Error, ErrorKind, Result};
use crate::event::Event;
use crate::model::{ConnectionId, Timestamp};
use crate::operation::{Aftermath, Context, Effect, Operation, Query, View};
use crate::ops;
use crate::presence::{Identity, Presence};
use crate::random::{Random, SystemRandom};
use crate::settings::Settings;
use crate::store::{Access, Durability, Fate, FileLock, Job, Opening, Reader, Store};

/// How a file is opened. The default creates it if need be, is durable, keeps no presence, and takes
/// time and randomness from the machine.
#[derive(Clone)]
pub struct Options {
    /// Whether a file that is not there is created; otherwise `ERR_STORAGE_NOT_FOUND`.
    pub create: bool,
    /// What "done" promises (SPEC 14.0).
    pub durability: Durability,
    /// Whether this process tracks connections (SPEC 10.1). One process per file can;
    /// another gets `ERR_PRESENCE_TAKEN`.
    pub presence: bool,
    /// How long another process's transaction is waited for before `ERR_STORAGE_LOCKED`, in
    /// milliseconds.
    pub busy_timeout_ms: u32,
    /// How large the file may grow, in bytes; what would outgrow it answers `ERR_STORAGE_FULL`. None:
    /// as large as the disk allows. The log beside the file does not count.
    pub max_file_bytes: Option<u64>,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// Where random bytes come from.
    pub random: Arc<dyn Random>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            create: true,
            durability: Durability::Full,
            presence: false,
            busy_timeout_ms: 5000,
            max_file_bytes: None,
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
        }
    }
}

/// An open database file. Cheap to clone; any thread may call anything.
#[derive(Clone)]
pub struct Portal {
    pub(crate) shared: Arc<Shared>,
}

/// What every clone and every job of one portal shares.
pub(crate) struct Shared {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    presence: Option<Mutex<Presence>>,
    /// Held while presence is: freed by closing and by a crash.
    presence_lock: Mutex<Option<FileLock>>,
    settings: RwLock<Arc<Settings>>,
    /// The last event that presence has seen.
    observed: Mutex<u64>,
    /// The writer's `data_version` when it last looked for other processes' commits.
    seen_version: AtomicI64,
    /// Deleted content may still be in the log (SPEC 7.4).
    scrub_due: AtomicBool,
    closed: AtomicBool,
    pub(crate) commits: Commits,
}

/// Wakes whoever follows the event log within this process.
#[derive(Default)]
pub(crate) struct Commits {
    count: Mutex<u64>,
    changed: Condvar,
    wakers: RwLock<Vec<Box<dyn Fn() + Send + Sync>>>,
}

impl Commits {
    fn announce(&self) {
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

    fn reload_settings(&self, db: &Connection) -> Result<()> {
        let fresh = Arc::new(ops::settings::read(db)?);
        *self
            .settings
            .write()
            .unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    /// Takes in what other processes have committed, before the writer adds to it.
    fn notice_others(&self, db: &Connection) -> Result<()> {
        let version = crate::store::data_version(db)?;
        if self.seen_version.swap(version, Ordering::SeqCst) != version {
            self.catch_up(db)?;
        }
        Ok(())
    }

    /// Takes in every event that presence has not seen, and the settings.
    pub(crate) fn catch_up(&self, db: &Connection) -> Result<()> {
        self.reload_settings(db)?;
        let mut observed = self.observed.lock().unwrap_or_else(PoisonError::into_inner);
        for stored in ops::events::read_after(db, *observed, usize::MAX)? {
            let seq = stored.seq.get().unsigned_abs();
            self.observe(db, seq, &stored.event)?;
            *observed = seq;
        }
        Ok(())
    }

    /// A reader of one moment, or `ERR_CLOSED`.
    pub(crate) fn reader(&self) -> Result<Reader<'_>> {
        if self.closed.load(Ordering::SeqCst) {
            return Err(ErrorKind::Closed.into());
        }
        self.store.readers.begin()
    }

    fn observe(&self, db: &Connection, seq: u64, event: &Event) -> Result<()> {
        if event.deletes_content() {
            self.scrub_due.store(true, Ordering::SeqCst);
        }
        if let Some(mut presence) = self.presence() {
            let staying = match event {
                Event::RoomEvicted(e) if e.user_id.is_none() => ops::members::ids(db, e.chat_id)?,
                _ => Vec::new(),
            };
            presence.observe(seq, event, &staying);
        }
        Ok(())
    }

    /// Does in memory what a committed operation left to do.
    fn follow_up(&self, aftermath: Aftermath) -> Result<()> {
        if aftermath
            .events
            .iter()
            .any(|(_, event)| event.changes_memory())
        {
            let reader = self.store.readers.begin()?;
            for (seq, event) in &aftermath.events {
                self.observe(&reader, *seq, event)?;
            }
        }
        if let Some((seq, _)) = aftermath.events.last() {
            let mut observed = self.observed.lock().unwrap_or_else(PoisonError::into_inner);
            *observed = (*observed).max(*seq);
        }
        for effect in aftermath.effects {
            match effect {
                Effect::SettingsChanged => self.reload_settings(&*self.store.readers.begin()?)?,
                Effect::Joined {
                    connection,
                    chat,
                    since,
                } => {
                    if let Some(mut presence) = self.presence() {
                        presence.join(connection, chat, since);
                    }
                }
                Effect::Disconnected { connection } => {
                    if let Some(mut presence) = self.presence() {
                        presence.disconnect(connection);
                    }
                }
                Effect::Typed { chat, user } => {
                    let now = self.clock.now();
                    if let Some(mut presence) = self.presence() {
                        presence.type_in(chat, user, now);
                    }
                }
                Effect::Left { connection, chat } => {
                    if let Some(mut presence) = self.presence() {
                        presence.leave(connection, chat);
                    }
                }
            }
        }
        Ok(())
    }
}

/// One operation on its way through the writer.
struct OperationJob<O: Operation> {
    shared: Arc<Shared>,
    caller: Actor,
    operation: Option<O>,
    reply: Option<O::Reply>,
    aftermath: Aftermath,
    done: Box<dyn FnOnce(Result<O::Reply>) + Send>,
}

impl<O: Operation> Job for OperationJob<O> {
    fn run(&mut self, db: &Connection) -> Result<Fate> {
        let operation = self.operation.take().ok_or(ErrorKind::Internal)?;
        self.shared.notice_others(db)?;
        let view = View::new(db, &self.shared, &self.caller)?;
        let random = &*self.shared.random;
        let mut cx = Context::new(view, random, &mut self.aftermath);
        self.reply = Some(operation.apply(&mut cx)?);
        Ok(Fate::Kept)
    }

    fn after_failure(&mut self, db: &Connection) -> Result<()> {
        let now = self.shared.clock.now();
        for (kind, subject) in &self.aftermath.attempts {
            ops::limits::record(db, kind, subject, now)?;
        }
        Ok(())
    }

    fn finish(self: Box<Self>, outcome: Result<Fate>) {
        let Self {
            shared,
            reply,
            aftermath,
            done,
            ..
        } = *self;
        let announce = matches!(outcome, Ok(Fate::Kept)) && !aftermath.events.is_empty();
        // What is on disk is done, whatever memory says: a failure here is not the caller's.
        let answer = match outcome {
            Ok(fate) => {
                if fate == Fate::Kept {
                    let _ = shared.follow_up(aftermath);
                }
                reply.ok_or_else(|| ErrorKind::Internal.into())
            }
            Err(error) => Err(error),
        };
        if announce {
            shared.commits.announce();
        }
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

impl Portal {
    /// Opens a file, creating and migrating it as `options` allow.
    ///
    /// # Errors
    /// `ERR_STORAGE_NOT_FOUND`, `ERR_STORAGE_FOREIGN`, `ERR_STORAGE_NEWER`, `ERR_STORAGE_READONLY`,
    /// `ERR_STORAGE_LOCKED`, `ERR_STORAGE_CORRUPT`, `ERR_STORAGE`, `ERR_PRESENCE_TAKEN`.
    pub fn open(path: impl AsRef<Path>, options: Options) -> Result<Self> {
        let path = path.as_ref();
        let access = if options.create {
            Access::Create
        } else {
            Access::Existing
        };
        let lock = if options.presence {
            Some(FileLock::beside(path)?)
        } else {
            None
        };
        let opening = Opening {
            access,
            durability: options.durability,
            patience: Duration::from_millis(options.busy_timeout_ms.into()),
            max_bytes: options.max_file_bytes,
        };
        let store = Store::open(path, opening)?;
        let (settings, observed) = store.writer.exclusively(|db| {
            ops::events::ensure_log_id(db, &*options.random)?;
            if options.presence {
                ops::messages::joining::note_all_left(db, options.clock.now())?;
            }
            Ok((ops::settings::read(db)?, ops::events::last_seq(db)?))
        })?;
        let shared = Shared {
            store,
            clock: options.clock,
            random: options.random,
            presence: options.presence.then(|| Mutex::new(Presence::default())),
            presence_lock: Mutex::new(lock),
            settings: RwLock::new(Arc::new(settings)),
            observed: Mutex::new(observed),
            seen_version: AtomicI64::new(0),
            // A crash may have left deleted content in the log.
            scrub_due: AtomicBool::new(true),
            closed: AtomicBool::new(false),
            commits: Commits::default(),
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    pub(crate) fn reader(&self) -> Result<Reader<'_>> {
        self.shared.reader()
    }

    /// The file.
    pub fn path(&self) -> PathBuf {
        self.shared.store.path().to_owned()
    }

    /// The time by the portal's clock.
    pub fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    /// The settings in force.
    pub fn settings(&self) -> Arc<Settings> {
        self.shared.settings()
    }

    /// Runs an operation and waits until it is committed. Callers that wait together are committed
    /// together.
    ///
    /// # Errors
    /// The operation's own, `ERR_UNAUTHENTICATED`, `ERR_TIMED_OUT`, `ERR_BANNED` for the caller's
    /// standing, and those of storage. After an error nothing of the operation is stored.
    pub fn call<O: Operation>(&self, caller: &Actor, operation: O) -> Result<O::Reply> {
        let (answered, answer) = answer_slot();
        self.batch(vec![Request::new(
            self,
            caller.clone(),
            operation,
            answered,
        )]);
        answer()
    }

    /// Answers a query from one moment of the database, without waiting for any writer.
    ///
    /// # Errors
    /// The query's own, and as for [`Portal::call`].
    pub fn query<Q: Query>(&self, caller: &Actor, query: Q) -> Result<Q::Reply> {
        let reader = self.reader()?;
        let view = View::new(&reader, &self.shared, caller)?;
        query.answer(&view)
    }

    /// Runs an operation or query by its name, with parameters and reply as JSON documents. Empty
    /// parameters count as `{}`.
    ///
    /// # Errors
    /// `ERR_UNKNOWN_OPERATION`, `ERR_INVALID` with the first wrong field, and the operation's own.
    pub fn call_json(&self, caller: &Actor, name: &str, params: &str) -> Result<String> {
        self.run_json(caller, name, params, |request| request)
    }

    /// Like [`Portal::call_json`], but takes everything back: the answer tells what the call would do,
    /// and nothing of it is stored, announced or counted. Ids and codes in the answer belong to nothing.
    ///
    /// # Errors
    /// As for [`Portal::call_json`].
    pub fn rehearse_json(&self, caller: &Actor, name: &str, params: &str) -> Result<String> {
        self.run_json(caller, name, params, |request| {
            Request(Box::new(Rehearsal(request.0)))
        })
    }

    fn run_json(
        &self,
        caller: &Actor,
        name: &str,
        params: &str,
        prepare: impl FnOnce(Request) -> Request,
    ) -> Result<String> {
        let entry = catalogue::find(name)?;
        match entry.kind() {
            Kind::Query(answer) => answer(self, caller, params),
            Kind::Operation(request) => {
                let (answered, answer) = answer_slot();
                let request = request(self, caller.clone(), params, Box::new(answered))?;
                self.batch(vec![prepare(request)]);
                answer()
            }
        }
    }

    /// Runs requests in their order, as many as possible in one commit, and returns when each has been
    /// answered through its callback. Callbacks run on whichever thread commits; they must be short and
    /// must not call the portal.
    pub fn batch(&self, requests: Vec<Request>) {
        self.shared
            .store
            .writer
            .submit(requests.into_iter().map(|request| request.0).collect());
        self.scrub();
    }

    /// Opens a live connection for a session or a guest (SPEC 10.1).
    ///
    /// # Errors
    /// `ERR_UNAUTHENTICATED` for an ended session, `ERR_NOT_CONNECTED` where presence is off.
    pub fn connect(&self, caller: &Actor) -> Result<ConnectionId> {
        let reader = self.reader()?;
        let view = View::new(&reader, &self.shared, caller)?;
        let identity = Identity {
            session: view.session,
            user: view.actor.user_id(),
        };
        let since = view.as_of()?;
        let mut presence = self.shared.presence().ok_or(ErrorKind::NotConnected)?;
        Ok(presence.connect(identity, since))
    }

    /// Forgets a live connection and takes it out of its rooms. Repeatable.
    pub fn disconnect(&self, connection: ConnectionId) -> Result<()> {
        self.call(
            &Actor::system(),
            ops::rooms::Disconnect {
                connection_id: connection,
            },
        )
        .map(drop)
    }

    /// Calls `wake` after every commit that wrote events, on the committing thread.
    pub fn on_commit(&self, wake: impl Fn() + Send + Sync + 'static) {
        let mut wakers = self
            .shared
            .commits
            .wakers
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        wakers.push(Box::new(wake));
    }

    /// Does what is due (SPEC 14.2), and answers when it next wants to be called.
    pub fn tick(&self) -> Result<Timestamp> {
        let next = self.call(&Actor::system(), ops::housekeeping::Tick {})?;
        self.scrub();
        Ok(next.next_at)
    }

    /// Empties the log of deleted content, unless a reader still needs it; then the next call does.
    fn scrub(&self) {
        if self.shared.scrub_due.swap(false, Ordering::SeqCst) {
            let emptied = self.shared.store.writer.truncate_log().unwrap_or(false);
            if !emptied {
                self.shared.scrub_due.store(true, Ordering::SeqCst);
            }
        }
    }

    /// Refuses new work, finishes what is queued, wakes followers, closes the file. Repeatable, from
    /// any thread.
    pub fn close(&self) {
        self.shared.closed.store(true, Ordering::SeqCst);
        self.shared.store.writer.close();
        self.shared.store.readers.close();
        self.shared
            .presence_lock
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        self.shared.commits.announce();
    }
}

/// Where a caller who waits finds the answer: [`Portal::batch`] returns only when it is there.
fn answer_slot<T: Send + 'static>() -> (
    impl FnOnce(Result<T>) + Send + 'static,
    impl FnOnce() -> Result<T>,
) {
    let (sender, receiver) = std::sync::mpsc::sync_channel(1);
    let answered = move |answer| drop(sender.send(answer));
    (answered, move || {
        receiver
            .try_recv()
            .unwrap_or_else(|_| Err(ErrorKind::Internal.into()))
    })
}

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
            operation: Some(operation),
            reply: None,
            aftermath: Aftermath::default(),
            done: Box::new(done),
        }))
    }

    /// An operation by its name, with JSON parameters and reply.
    ///
    /// # Errors
    /// `ERR_UNKNOWN_OPERATION`; also for a query, which needs no batch.
    pub fn json(
        portal: &Portal,
        caller: Actor,
        entry: &Entry,
        params: &str,
        done: Box<dyn FnOnce(Result<String>) + Send>,
    ) -> Result<Self> {
        match entry.kind() {
            Kind::Operation(request) => request(portal, caller, params, done),
            Kind::Query(_) => Err(Error::new(ErrorKind::UnknownOperation)),
        }
    }
}
