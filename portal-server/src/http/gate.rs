//! How many connections there may be: in all, and from one network.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::address::Network;

/// Counts connections and refuses those beyond its limits. Clones share the count.
#[derive(Clone)]
pub struct Gate(Arc<Inner>);

struct Inner {
    total: usize,
    per_network: usize,
    inside: Mutex<Inside>,
    emptied: Notify,
}

#[derive(Default)]
struct Inside {
    all: usize,
    by_network: HashMap<Network, usize>,
}

impl Gate {
    /// A gate for `total` connections, `per_network` of them from one [`Network`].
    ///
    /// Behind a proxy every connection comes from one network; there both numbers are the same.
    pub fn new(total: usize, per_network: usize) -> Self {
        Self(Arc::new(Inner {
            total,
            per_network,
            inside: Mutex::default(),
            emptied: Notify::new(),
        }))
    }

    /// Lets a connection in, if there is room. It counts until the [`Pass`] is dropped.
    pub fn enter(&self, peer: IpAddr) -> Option<Pass> {
        let network = Network::from(peer);
        let mut inside = self.0.inside();
        let theirs = inside.by_network.get(&network).copied().unwrap_or(0);
        if inside.all >= self.0.total || theirs >= self.0.per_network {
            return None;
        }
        inside.all += 1;
        inside.by_network.insert(network, theirs + 1);
        Some(Pass {
            gate: self.clone(),
            network,
        })
    }

    /// How many connections there are.
    pub fn count(&self) -> usize {
        self.0.inside().all
    }

    /// Waits until there are none.
    pub async fn emptied(&self) {
        loop {
            // Made before looking, so that a connection ending in between is not missed.
            let emptied = self.0.emptied.notified();
            if self.count() == 0 {
                return;
            }
            emptied.await;
        }
    }
}

impl Inner {
    fn inside(&self) -> MutexGuard<'_, Inside> {
        // Nothing panics while it is held; should that change, the counts are still counts.
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One connection's place.
pub struct Pass {
    gate: Gate,
    network: Network,
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut inside = self.gate.0.inside();
        inside.all -= 1;
        if let Some(theirs) = inside.by_network.get_mut(&self.network) {
            *theirs -= 1;
            if *theirs == 0 {
                inside.by_network.remove(&self.network);
            }
        }
        if inside.all == 0 {
            self.gate.0.emptied.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn one_network_cannot_take_all_places() {
        let gate = Gate::new(3, 2);
        let (a, b) = (ip("2001:db8::1"), ip("2001:db8::2"));
        let _first = gate.enter(a).unwrap();
        let second = gate.enter(b).unwrap();
        assert!(gate.enter(a).is_none());
        let _other = gate.enter(ip("192.0.2.1")).unwrap();
        assert!(gate.enter(ip("192.0.2.2")).is_none());
        drop(second);
        assert!(gate.enter(a).is_some());
    }

    #[test]
    fn nothing_is_kept_of_a_network_that_left() {
        let gate = Gate::new(3, 2);
        drop(gate.enter(ip("192.0.2.1")).unwrap());
        assert_eq!(gate.count(), 0);
        assert!(gate.0.inside().by_network.is_empty());
    }

    #[tokio::test]
    async fn emptied_waits_for_the_last() {
        let gate = Gate::new(3, 3);
        gate.emptied().await;
        let pass = gate.enter(ip("192.0.2.1")).unwrap();
        let waiting = tokio::spawn({
            let gate = gate.clone();
            async move { gate.emptied().await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(pass);
        waiting.await.unwrap();
    }
}
