//! [`Portal`], the only door to a database file: open, call, query, batch, follow, deliver, tick, close.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use crate::actor::Actor;
use crate::backend::{BrowserBackend, FaultKind};
use crate::catalogue::{self, ErrandKind, Kind};
use crate::clock::{Clock, SystemClock};
use crate::error::{Error, ErrorKind, Result};
use crate::keeper::Browsers;
use crate::log::{self, Level, Log, Told};
use crate::model::{ConnectionId, RunId, Timestamp};
use crate::operation::{Errand, Operation, Query, View};
use crate::ops;
use crate::policy::may_be_let_in;
use crate::presence::{Identity, Presence};
use crate::random::{Random, SystemRandom};
use crate::request::Request;
use crate::settings::Settings;
use crate::shared::{Commits, Shared};
use crate::store::{Access, Durability, FileLock, Opening, Reader, SCHEMA_VERSION, Store};

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
    /// What runs browsers (SPEC 11.3), for a process that keeps presence and calls [`crate::Keeper::tend`]. None: this
    /// process runs none, and unless another one of the same file does, whatever is asked of a browser answers
    /// `ERR_BROWSER_UNAVAILABLE`.
    pub browsers: Option<Arc<dyn BrowserBackend>>,
    /// Who is told what an operator would want to know and no answer tells. None: nobody.
    pub log: Option<Arc<dyn Log>>,
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
            browsers: None,
            log: None,
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
        }
    }
}

impl From<&Options> for Opening {
    fn from(options: &Options) -> Self {
        Self {
            access: if options.create {
                Access::Create
            } else {
                Access::Existing
            },
            durability: options.durability,
            patience: Duration::from_millis(options.busy_timeout_ms.into()),
            max_bytes: options.max_file_bytes,
        }
    }
}

/// How often the log is emptied of deleted content while requests wait, in milliseconds.
const SCRUB_EVERY: i64 = 250;

/// An open database file. Cheap to clone; any thread may call anything.
#[derive(Clone)]
pub struct Portal {
    pub(crate) shared: Arc<Shared>,
}

impl Portal {
    /// Opens a file, creating and migrating it as `options` allow.
    ///
    /// # Errors
    /// `ERR_STORAGE_NOT_FOUND`, `ERR_STORAGE_FOREIGN`, `ERR_STORAGE_NEWER`, `ERR_STORAGE_READONLY`,
    /// `ERR_STORAGE_LOCKED`, `ERR_STORAGE_CORRUPT`, `ERR_STORAGE`, `ERR_PRESENCE_TAKEN`; `ERR_INVALID` for
    /// what is no name of a file, such as `:memory:`, and for browsers without presence: who is let into
    /// one are those who are in the room.
    pub fn open(path: impl AsRef<Path>, options: Options) -> Result<Self> {
        let path = path.as_ref();
        check_path(path)?;
        if options.browsers.is_some() && !options.presence {
            let why = "whoever runs browsers keeps presence";
            return Err(Error::invalid("browsers", why));
        }
        let lock = if options.presence {
            Some(FileLock::beside(path)?)
        } else {
            None
        };
        let store = Store::open(path, Opening::from(&options))?;
        let (settings, observed) = store.writer.exclusively(|db| {
            ops::events::ensure_log_id(db, &*options.random)?;
            Ok((ops::settings::read(db)?, ops::events::last_seq(db)?))
        })?;
        let shared = Shared {
            store,
            clock: options.clock,
            random: options.random,
            log: Told::new(options.log),
            presence: options.presence.then(|| Mutex::new(Presence::default())),
            presence_lock: Mutex::new(lock),
            browsers: options.browsers.map(Browsers::new),
            settings: RwLock::new(Arc::new(settings)),
            observed: Mutex::new(observed),
            seen_version: AtomicI64::new(0),
            // A crash may have left deleted content in the log.
            scrub_due: AtomicBool::new(true),
            scrubbed_at: AtomicI64::new(0),
            scrub_failed: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            poisoned: AtomicBool::new(false),
            commits: Commits::default(),
        };
        let portal = Self {
            shared: Arc::new(shared),
        };
        portal.tell_opened();
        if options.presence {
            portal.call(&Actor::system(), ops::rooms::BeginPresence {})?;
        }
        Ok(portal)
    }

    fn tell_opened(&self) {
        let text = match self.shared.store.came_from {
            None => format!("Opened the database, schema {SCHEMA_VERSION}."),
            Some(0) => format!("Created the database, schema {SCHEMA_VERSION}."),
            Some(from) => format!("Migrated the database from schema {from} to {SCHEMA_VERSION}."),
        };
        self.shared.log.tell(Level::Info, &text);
    }

    /// Tells the log of an error that its receiver is not told all of: what the system or `SQLite` said about a file
    /// that cannot be read or written. `what` is what failed. For faces whose callers get the answer alone; others say
    /// it themselves, with what they know besides.
    pub fn tell_failure(&self, what: &str, error: &Error) {
        if error.system_cause().is_some() {
            let text = format!("`{what}` failed: {}", log::why(error));
            self.shared.log.tell(Level::Error, &text);
        }
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
        let _watch = self.shared.watch(Q::NAME);
        let reader = self.reader()?;
        let view = View::new(&reader, &self.shared, caller)?;
        query.answer(&view)
    }

    /// Does something with a chat's browser, and waits for it: the caller is judged first, and nothing is held while
    /// the backend does it.
    ///
    /// # Errors
    /// The errand's own, and as for [`Portal::call`]; `ERR_BROWSER_UNAVAILABLE` if the backend fails.
    pub fn errand<E: Errand>(&self, caller: &Actor, errand: E) -> Result<E::Reply> {
        let _watch = self.shared.watch(E::NAME);
        let run = self.prepare(caller, &errand)?;
        let browsers = self.shared.browsers.as_ref();
        let browsers = browsers.ok_or(ErrorKind::BrowserUnavailable)?;
        errand.carry_out(&*browsers.backend, &run).map_err(|fault| {
            if fault.kind == FaultKind::Gone {
                browsers.forget(&run);
                browsers.announce();
            }
            let sentence = "The chat's browser did not do it; try again.";
            Error::with_message(ErrorKind::BrowserUnavailable, sentence).caused_by(fault)
        })
    }

    /// The same, but what it would change stays as it is.
    pub(crate) fn rehearse_errand<E: Errand>(&self, caller: &Actor, errand: E) -> Result<E::Reply> {
        match E::rehearsed() {
            Some(reply) => self.prepare(caller, &errand).map(|_| reply),
            None => self.errand(caller, errand),
        }
    }

    fn prepare<E: Errand>(&self, caller: &Actor, errand: &E) -> Result<RunId> {
        let reader = self.reader()?;
        errand.prepare(&View::new(&reader, &self.shared, caller)?)
    }

    /// Runs an operation or query by its name, with parameters and reply as JSON documents. Empty
    /// parameters count as `{}`.
    ///
    /// # Errors
    /// `ERR_UNKNOWN_OPERATION`, `ERR_INVALID` with the first wrong field, and the operation's own.
    pub fn call_json(&self, caller: &Actor, name: &str, params: &str) -> Result<String> {
        self.run_json(caller, name, params, |errand| errand.run, |request| request)
    }

    /// Like [`Portal::call_json`], but takes everything back: the answer tells what the call would do,
    /// and nothing of it is stored, announced or counted. Ids and codes in the answer belong to nothing.
    ///
    /// # Errors
    /// As for [`Portal::call_json`].
    pub fn rehearse_json(&self, caller: &Actor, name: &str, params: &str) -> Result<String> {
        self.run_json(
            caller,
            name,
            params,
            |errand| errand.rehearse,
            Request::rehearsed,
        )
    }

    fn run_json(
        &self,
        caller: &Actor,
        name: &str,
        params: &str,
        how: impl FnOnce(ErrandKind) -> fn(&Portal, &Actor, &str) -> Result<String>,
        prepare: impl FnOnce(Request) -> Request,
    ) -> Result<String> {
        let entry = catalogue::find(name)?;
        match entry.kind() {
            Kind::Query(answer) => answer(self, caller, params),
            Kind::Errand(errand) => how(errand)(self, caller, params),
            Kind::Operation(request) => {
                let (answered, answer) = answer_slot();
                let request = request(self, caller.clone(), params, Box::new(answered))?;
                self.batch(vec![prepare(request)]);
                answer()
            }
        }
    }

    /// Runs requests in their order, as many as possible in one commit, and returns when each has been
    /// answered through its callback. Callbacks run on whichever thread commits, and every other writer waits
    /// for them: they must be short. They may read ([`Portal::query`]), forget a connection
    /// ([`Portal::forget`]) and queue a request elsewhere. What waits for the writer would wait for itself for good:
    /// operations, [`Portal::disconnect`], [`Portal::tick`], [`Portal::close`], and following the log
    /// ([`Portal::deliver`], [`Follower::poll`](crate::Follower::poll)).
    pub fn batch(&self, requests: Vec<Request>) {
        self.batch_amid(requests, || false);
    }

    /// The same for a caller with a queue: `more` tells, once these are answered, whether others wait already.
    /// Then the log is emptied of deleted content (SPEC 7.4) four times a second and not after every batch, for
    /// that takes longer than the commit. Whoever says so goes on with the others at once; where nobody calls
    /// again, [`Portal::tick`] empties it.
    pub fn batch_amid(&self, requests: Vec<Request>, more: impl FnOnce() -> bool) {
        self.shared
            .store
            .writer
            .submit(requests.into_iter().map(Request::into_job).collect());
        let since_last = || {
            let last = self.shared.scrubbed_at.load(Ordering::SeqCst);
            self.now().since(Timestamp::from_millis(last))
        };
        if !(more() && (0..SCRUB_EVERY).contains(&since_last())) {
            self.scrub();
        }
    }

    /// Opens a live connection for a session or a guest (SPEC 10.1).
    ///
    /// # Errors
    /// `ERR_UNAUTHENTICATED` for an ended session, `ERR_NOT_CONNECTED` where presence is off.
    pub fn connect(&self, caller: &Actor) -> Result<ConnectionId> {
        let (identity, since) = self.admit(caller)?;
        let connection = self
            .shared
            .required_presence()?
            .connect(identity, since, self.now());
        // What ended the session meanwhile may have been delivered before there was a connection to close.
        // What ends it from now on finds this one.
        match self.admit(caller) {
            Ok(_) => Ok(connection),
            Err(refusal) => {
                self.forget(connection);
                Err(refusal)
            }
        }
    }

    /// Whose a connection would be, and the end of the event log that this is true at.
    fn admit(&self, caller: &Actor) -> Result<(Identity, u64)> {
        let reader = self.reader()?;
        let view = View::new(&reader, &self.shared, caller)?;
        may_be_let_in(&view.actor)?;
        let identity = Identity {
            session: view.session,
            user: view.actor.user_id(),
        };
        Ok((identity, view.as_of()?))
    }

    /// Forgets a live connection, at once and without fail: it is in no room, counts as no viewer, is given
    /// and asked for nothing any more. Who left a room with it is written down by
    /// [`ops::rooms::NoteDepartures`], or by the next [`Portal::tick`]. Repeatable.
    pub fn forget(&self, connection: ConnectionId) {
        if let Some(mut presence) = self.shared.presence() {
            presence.depart(connection, self.now());
        }
        if let Some(browsers) = &self.shared.browsers {
            browsers.announce();
        }
    }

    /// Forgets a live connection as [`Portal::forget`] does, and writes down at once who left a room with
    /// it. Repeatable.
    ///
    /// # Errors
    /// `ERR_CLOSED` and those of storage. The connection is forgotten all the same, and there is no need to
    /// try again: what could not be written, the next [`Portal::tick`] writes.
    pub fn disconnect(&self, connection: ConnectionId) -> Result<()> {
        self.forget(connection);
        self.call(&Actor::system(), ops::rooms::NoteDepartures {})
            .map(drop)
    }

    /// Calls `wake` after every commit that wrote events, on the committing thread. It must be short and
    /// must not call the portal: what wants to read is to be woken by it.
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
            let now = self.now().as_millis();
            self.shared.scrubbed_at.store(now, Ordering::SeqCst);
            self.shared
                .note_scrub(self.shared.store.writer.truncate_log());
        }
    }

    /// Refuses new work, finishes what is queued, wakes followers, closes the file. Repeatable, from
    /// any thread.
    pub fn close(&self) {
        let first = !self.shared.closed.swap(true, Ordering::SeqCst);
        self.shared.store.writer.close();
        self.shared.store.readers.close();
        self.shared
            .presence_lock
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        self.shared.commits.announce();
        if let Some(browsers) = &self.shared.browsers {
            browsers.announce();
        }
        if first {
            self.shared.log.tell(Level::Info, "Closed the database.");
        }
    }
}

/// Refuses what `SQLite` takes for something else than the name of a file.
fn check_path(path: &Path) -> Result<()> {
    let why = match path.to_str() {
        Some("") => "The path of the database file is empty.",
        Some(text) if text.contains('\0') => "The path of the database file has a NUL in it.",
        Some(":memory:") => {
            "A portal is a file, and `:memory:` is none. For a file of that name write `./:memory:`."
        }
        Some(text) if text.starts_with("file:") => {
            "The path of the database file is a path, not a URI. For a file of that name put `./` before it."
        }
        _ => return Ok(()),
    };
    Err(Error::invalid("path", why))
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

#[cfg(test)]
mod tests;
