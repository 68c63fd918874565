//! The sockets that are connected, by the library's connection.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use portal_core::model::ConnectionId;

use super::Client;

/// The sockets of one server.
#[derive(Default)]
pub(crate) struct Registry {
    /// In their room or on their way: those the library knows.
    connected: Mutex<HashMap<ConnectionId, Client>>,
}

impl Registry {
    /// The sockets by connection. While it is held no delivery goes out: a connection opened
    /// meanwhile misses none.
    pub(crate) fn connected(&self) -> MutexGuard<'_, HashMap<ConnectionId, Client>> {
        self.connected
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
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
