//! How many requests a minute, by network and by person (SPEC 15.4).
//!
//! What is counted here protects the machine. Limits that belong to behaviour, such as wrong codes or
//! messages a chat takes, are the library's.

use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;

use governor::clock::{Clock, DefaultClock};
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use portal_core::model::{BotId, UserId};
use portal_core::{Error, Result};

use crate::http::address::Network;

/// Requests a minute from one network; 0 is no limit. The defaults are SPEC 15.4's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// Signing in and up.
    pub login: u32,
    /// Whatever a session does, socket events included.
    pub signed_in: u32,
    /// Whatever needs no session.
    pub public: u32,
    /// Whatever a bot does, by its key rather than by network.
    pub bot: u32,
    /// `op/{name}`.
    pub admin: u32,
    /// `room:join`, by user rather than by network; guests count by network.
    pub join: u32,
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            login: 20,
            signed_in: 120,
            public: 120,
            bot: 600,
            admin: 60,
            join: 20,
        }
    }
}

impl Rates {
    /// No limits: for benches and tests on one's own machine.
    pub const OFF: Self = Self {
        login: 0,
        signed_in: 0,
        public: 0,
        bot: 0,
        admin: 0,
        join: 0,
    };
}

/// Which of the limits a request counts against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Signing in and up.
    Login,
    /// Signed-in or public, by who asks.
    Usual,
    /// `op/{name}`.
    Admin,
}

/// Who joins a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Joiner {
    User(UserId),
    Guest(Network),
}

type Counter<K> = RateLimiter<K, HashMapStateStore<K>, DefaultClock>;

/// What has been counted lately.
pub(crate) struct Limiter {
    login: Option<Counter<Network>>,
    signed_in: Option<Counter<Network>>,
    public: Option<Counter<Network>>,
    bot: Option<Counter<BotId>>,
    admin: Option<Counter<Network>>,
    join: Option<Counter<Joiner>>,
}

impl Limiter {
    pub(crate) fn new(rates: Rates) -> Self {
        Self {
            login: counter(rates.login),
            signed_in: counter(rates.signed_in),
            public: counter(rates.public),
            bot: counter(rates.bot),
            admin: counter(rates.admin),
            join: counter(rates.join),
        }
    }

    /// Counts a request, or refuses it with `ERR_RATE_LIMITED`.
    pub(crate) fn count(&self, class: Class, signed_in: bool, from: IpAddr) -> Result<()> {
        let counter = match class {
            Class::Login => &self.login,
            Class::Usual if signed_in => &self.signed_in,
            Class::Usual => &self.public,
            Class::Admin => &self.admin,
        };
        check(counter.as_ref(), Network::from(from))
    }

    /// Counts a request of a bot, or refuses it with `ERR_RATE_LIMITED`.
    pub(crate) fn count_bot(&self, bot: BotId) -> Result<()> {
        check(self.bot.as_ref(), bot)
    }

    /// Counts a joining, or refuses it with `ERR_RATE_LIMITED`.
    pub(crate) fn count_join(&self, user: Option<UserId>, from: IpAddr) -> Result<()> {
        let joiner = user.map_or(Joiner::Guest(from.into()), Joiner::User);
        check(self.join.as_ref(), joiner)
    }

    /// Forgets whom no limit remembers any more.
    pub(crate) fn forget(&self) {
        for counter in [&self.login, &self.signed_in, &self.public, &self.admin]
            .into_iter()
            .flatten()
        {
            counter.retain_recent();
            counter.shrink_to_fit();
        }
        if let Some(counter) = &self.join {
            counter.retain_recent();
            counter.shrink_to_fit();
        }
        if let Some(counter) = &self.bot {
            counter.retain_recent();
            counter.shrink_to_fit();
        }
    }
}

fn counter<K: Hash + Eq + Clone>(a_minute: u32) -> Option<Counter<K>> {
    let a_minute = NonZeroU32::new(a_minute)?;
    Some(RateLimiter::new(
        Quota::per_minute(a_minute),
        HashMapStateStore::default(),
        DefaultClock::default(),
    ))
}

fn check<K: Hash + Eq + Clone>(counter: Option<&Counter<K>>, key: K) -> Result<()> {
    let Some(counter) = counter else {
        return Ok(());
    };
    counter.check_key(&key).map_err(|not_yet| {
        let wait = not_yet.wait_time_from(DefaultClock::default().now());
        Error::rate_limited(u64::try_from(wait.as_millis()).unwrap_or(1))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn one_network_uses_up_its_own_limit_only() {
        let limiter = Limiter::new(Rates {
            login: 2,
            ..Rates::default()
        });
        let count = |from| limiter.count(Class::Login, false, ip(from));
        count("2001:db8::1").unwrap();
        count("2001:db8::2").unwrap();
        let refused = count("2001:db8::3").unwrap_err();
        assert_eq!(refused.kind().code(), "ERR_RATE_LIMITED");
        assert!(refused.extras().retry_after_ms.unwrap() <= 30_000);
        count("192.0.2.1").unwrap();
    }

    #[test]
    fn people_join_by_themselves_and_guests_by_their_network() {
        let limiter = Limiter::new(Rates {
            join: 1,
            ..Rates::default()
        });
        let user = |id| Some(UserId::try_from(id).unwrap());
        let home = ip("192.0.2.1");
        limiter.count_join(user(1), home).unwrap();
        limiter.count_join(user(2), home).unwrap();
        limiter.count_join(None, home).unwrap();
        assert!(limiter.count_join(user(1), ip("192.0.2.2")).is_err());
        assert!(limiter.count_join(None, home).is_err());
    }

    #[test]
    fn without_a_limit_nothing_is_counted() {
        let limiter = Limiter::new(Rates::OFF);
        for _ in 0..1000 {
            limiter.count(Class::Usual, true, ip("192.0.2.1")).unwrap();
        }
    }
}
