//! Which connections are whose. One flat set of pairs: nearly everybody has one connection, and a set for
//! each would be mostly empty places, at a hundred bytes a socket.

use std::collections::BTreeSet;

use crate::model::ConnectionId;

/// The connections of each key, in their order.
#[derive(Debug)]
pub(super) struct Index<K>(BTreeSet<(K, ConnectionId)>);

impl<K> Default for Index<K> {
    fn default() -> Self {
        Self(BTreeSet::new())
    }
}

impl<K: Ord + Copy> Index<K> {
    pub(super) fn insert(&mut self, key: K, id: ConnectionId) {
        self.0.insert((key, id));
    }

    pub(super) fn remove(&mut self, key: K, id: ConnectionId) {
        self.0.remove(&(key, id));
    }

    pub(super) fn of(&self, key: K) -> impl Iterator<Item = ConnectionId> {
        let from = self.0.range((key, ConnectionId::FIRST)..);
        from.take_while(move |(other, _)| *other == key)
            .map(|(_, id)| *id)
    }
}
