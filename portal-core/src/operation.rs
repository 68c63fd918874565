//! What an operation and a query are, and what they are given to work with.
//!
//! An operation is a struct: its fields are its parameters, its doc comment is its documentation,
//! `apply` is its effect, in one transaction with one reading of the clock. A query is the same without
//! changing anything. Operations do not call operations; they share functions of `ops`.

use std::ops::Deref;
use std::path::Path;
use std::sync::{Arc, MutexGuard};

use rusqlite::Connection;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::actor::Actor;
use crate::backend::{BrowserBackend, Fault};
use crate::error::{Error, ErrorKind, Result};
use crate::event::Event;
use crate::model::{ChatId, ConnectionId, RunId, SessionId, Timestamp, UserId};
use crate::ops;
use crate::policy::{ActingAs, on_ones_own};
use crate::presence::{Departure, Identity, Presence};
use crate::random::Random;
use crate::settings::Settings;
use crate::shared::Shared;
use crate::store::Reader;

/// Something that changes state. It may be run again on a copy, if another request of the same commit
/// fails halfway.
pub trait Operation: Clone + DeserializeOwned + JsonSchema + Send + 'static {
    /// Its name in every face: `area.verb`.
    const NAME: &'static str;

    /// What it answers.
    type Reply: Serialize + JsonSchema + Send + 'static;

    /// Its effect. An error takes back every row it changed.
    fn apply(self, cx: &mut Context<'_>) -> Result<Self::Reply>;
}

/// Something that only reads.
pub trait Query: DeserializeOwned + JsonSchema + Send + 'static {
    /// Its name in every face: `area.noun`.
    const NAME: &'static str;

    /// What it answers.
    type Reply: Serialize + JsonSchema + Send + 'static;

    /// The answer, from one moment of the database.
    fn answer(self, view: &View<'_>) -> Result<Self::Reply>;
}

/// Something that goes through to a chat's browser (SPEC 11.5): judged like a query, then done outside of
/// every transaction, for it may take long.
pub trait Errand: DeserializeOwned + JsonSchema + Send + 'static {
    /// Its name in every face: `area.verb` or `area.noun`.
    const NAME: &'static str;

    /// Whether it changes something.
    const WRITES: bool = false;

    /// What it answers.
    type Reply: Serialize + JsonSchema + Send + 'static;

    /// Whether the caller may, and with which run.
    fn prepare(&self, view: &View<'_>) -> Result<RunId>;

    /// Does it.
    ///
    /// # Errors
    /// The backend's own.
    fn carry_out(self, backend: &dyn BrowserBackend, run: &RunId) -> Result<Self::Reply, Fault>;

    /// What a rehearsal answers instead of doing it; none, if there is nothing that it would change.
    fn rehearsed() -> Option<Self::Reply> {
        None
    }
}

/// A reply of operations that have nothing to add to "done".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Done {}

/// What a query reads from, and an operation too.
pub struct View<'a> {
    /// The transaction.
    pub(crate) db: &'a Connection,
    /// The one reading of the clock.
    pub(crate) now: Timestamp,
    /// Who acts, as of this transaction.
    pub(crate) actor: ActingAs,
    /// The session that acts, if one does.
    pub(crate) session: Option<SessionId>,
    /// The live connection that acts, if one does.
    pub(crate) connection: Option<ConnectionId>,
    /// What the caller said.
    pub(crate) caller: &'a Actor,
    pub(crate) settings: Arc<Settings>,
    shared: &'a Shared,
}

impl<'a> View<'a> {
    /// Resolves the caller; refuses one whose session ended or who is punished on the platform.
    pub(crate) fn new(db: &'a Connection, shared: &'a Shared, caller: &'a Actor) -> Result<Self> {
        let now = shared.clock.now();
        let who = ops::sessions::resolve(db, shared, caller, now)?;
        Ok(Self {
            db,
            now,
            actor: who.acting,
            session: who.session,
            connection: who.connection,
            caller,
            settings: shared.settings(),
            shared,
        })
    }

    /// The connection tracker; none where presence is off (SPEC 10.1).
    pub(crate) fn presence(&self) -> Option<MutexGuard<'_, Presence>> {
        self.shared.presence()
    }

    /// Another view of the file for a read that may take long, on a connection of its own.
    pub(crate) fn long_read(&self) -> Result<Reader<'_>> {
        self.shared.store.readers.begin_unlimited()
    }

    /// Whether this process runs browsers (SPEC 11.3).
    pub(crate) fn runs_browsers(&self) -> bool {
        self.shared.browsers.is_some()
    }

    /// The database file.
    pub(crate) fn file(&self) -> &Path {
        self.shared.store.path()
    }

    /// The acting person, or `ERR_UNAUTHENTICATED`; the operator is no person.
    pub(crate) fn user_id(&self) -> Result<UserId> {
        Ok(on_ones_own(&self.actor)?.subject())
    }

    /// The acting session, or `ERR_UNAUTHENTICATED`.
    pub(crate) fn session_id(&self) -> Result<SessionId> {
        const NO_SESSION: &str =
            "A session does this, not a user by their id: session.create makes one.";
        self.session.ok_or_else(|| match self.actor {
            ActingAs::Guest => ErrorKind::Unauthenticated.into(),
            _ => Error::with_message(ErrorKind::Unauthenticated, NO_SESSION),
        })
    }

    /// The end of the event log that this view is true at (SPEC 12.2); 0 before the first event.
    pub(crate) fn as_of(&self) -> Result<u64> {
        ops::events::last_seq(self.db)
    }
}

/// What an operation works with: a [`View`] that it may change.
pub struct Context<'a> {
    view: View<'a>,
    pub(crate) random: &'a dyn Random,
    aftermath: &'a mut Aftermath,
}

impl<'a> Deref for Context<'a> {
    type Target = View<'a>;

    fn deref(&self) -> &View<'a> {
        &self.view
    }
}

/// What follows a commit, in memory: gathered while the operation runs, done once it is on disk.
#[derive(Debug, Default)]
pub(crate) struct Aftermath {
    pub(crate) events: Vec<Emitted>,
    pub(crate) effects: Vec<Effect>,
    /// What is counted although the operation failed.
    pub(crate) attempts: Vec<(&'static str, String)>,
}

/// An event of this transaction.
#[derive(Debug)]
pub(crate) struct Emitted {
    /// Its place in the log.
    pub(crate) seq: u64,
    pub(crate) at: Timestamp,
    pub(crate) event: Event,
    /// Whom it lets stay ([`Presence::observe`]): read in the transaction, so that memory follows the
    /// commit without a look at the file that could fail.
    pub(crate) staying: Vec<UserId>,
}

/// A change in memory.
#[derive(Clone, Debug)]
pub(crate) enum Effect {
    /// A connection is in a room from this end of the event log on.
    Joined {
        connection: ConnectionId,
        identity: Identity,
        chat: ChatId,
        since: u64,
        at: Timestamp,
    },
    /// A connection left a room.
    Left {
        connection: ConnectionId,
        chat: ChatId,
        at: Timestamp,
    },
    /// A person types in a room.
    Typed { chat: ChatId, user: UserId },
    /// A departure is written down.
    Noted(Departure),
    /// Settings were changed, to these.
    SettingsChanged(Arc<Settings>),
    /// Other users of the machine lose their rights to the file.
    CloseToOthers,
}

impl<'a> Context<'a> {
    pub(crate) fn new(
        view: View<'a>,
        random: &'a dyn Random,
        aftermath: &'a mut Aftermath,
    ) -> Self {
        Self {
            view,
            random,
            aftermath,
        }
    }

    /// Writes an event into the log, with this transaction (SPEC 12.1).
    pub(crate) fn emit(&mut self, event: impl Into<Event>) -> Result<()> {
        let event = event.into();
        let seq = ops::events::append(self.view.db, self.view.now, &event)?;
        let staying = ops::members::staying(self.view.db, &event)?;
        self.aftermath.events.push(Emitted {
            seq,
            at: self.view.now,
            event,
            staying,
        });
        Ok(())
    }

    /// The place of the first event of this operation; none before it wrote one.
    pub(crate) fn first_emitted(&self) -> Option<u64> {
        self.aftermath.events.first().map(|first| first.seq)
    }

    /// Whether this transaction has put the person or session out of the chat: presence follows only
    /// after the commit.
    pub(crate) fn is_leaving(&self, chat: ChatId, user: UserId, session: SessionId) -> bool {
        let mut events = self.aftermath.events.iter();
        events.any(|emitted| match &emitted.event {
            Event::RoomKicked(e) => (e.chat_id, e.user_id) == (chat, user),
            Event::UserBanned(e) => (e.chat_id, e.user_id) == (Some(chat), user),
            Event::RoomEvicted(e) => (e.chat_id, e.user_id) == (chat, Some(user)),
            Event::SessionEnded(e) => e.session_id == session,
            _ => false,
        })
    }

    /// Does this in memory once the transaction is committed.
    pub(crate) fn afterwards(&mut self, effect: Effect) {
        self.aftermath.effects.push(effect);
    }

    /// Counts an attempt that stays counted when the operation fails, such as a wrong code.
    pub(crate) fn count_failure(&mut self, kind: &'static str, subject: impl Into<String>) {
        self.aftermath.attempts.push((kind, subject.into()));
    }
}
