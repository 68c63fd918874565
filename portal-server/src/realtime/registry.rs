//! Every live socket, by the library's connection and by the engine's session.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use engineioxide::socket::Sid;
use portal_core::model::{ConnectionId, SessionId};

use super::Client;

/// The sockets of one server.
#[derive(Default)]
pub(crate) struct Registry {
    /// In their room or on their way: those the library knows.
    connected: Mutex<HashMap<ConnectionId, Client>>,
    /// All the engine knows, with the session that opened them by cookie or header.
    opened: Mutex<HashMap<Sid, (Client, Option<SessionId>)>>,
}

impl Registry {
    /// The sockets by connection. While it is held no delivery goes out: a connection opened
    /// meanwhile misses none.
    pub(crate) fn connected(&self) -> MutexGuard<'_, HashMap<ConnectionId, Client>> {
        self.connected
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn opened(&self) -> MutexGuard<'_, HashMap<Sid, (Client, Option<SessionId>)>> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in a socket with the session that its opening request proved.
    pub(crate) fn open(&self, client: Client, session: Option<SessionId>) {
        self.opened().insert(client.id, (client, session));
    }

    /// Whether a later request of the socket comes from who opened it. True for a socket that there is
    /// not: the engine has an answer to that.
    pub(crate) fn belongs_to(&self, sid: Sid, session: Option<SessionId>) -> bool {
        self.opened()
            .get(&sid)
            .is_none_or(|(_, opener)| *opener == session)
    }

    /// Forgets a socket that is gone.
    pub(crate) fn forget(&self, sid: Sid) {
        self.opened().remove(&sid);
    }

    /// Every socket there is.
    pub(crate) fn all(&self) -> Vec<Client> {
        let opened = self.opened();
        opened.values().map(|(client, _)| client.clone()).collect()
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.opened().len()
    }

    /// How many of them have a session.
    pub(crate) fn signed_in(&self) -> usize {
        let connected = self.connected();
        connected
            .values()
            .filter(|client| client.data.user().is_some())
            .count()
    }
}
