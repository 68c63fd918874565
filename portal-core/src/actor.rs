//! On whose behalf a call is made, as the caller says it. Who that is at this moment, and whether the
//! session still lives, is read in the transaction.

use std::net::IpAddr;

use crate::model::{BotId, ConnectionId, CountryCode, SessionId, UserId};

/// Who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Nobody signed in.
    Guest,
    /// A session, by its id; see [`crate::Portal::authenticate`].
    Session(SessionId),
    /// A live connection, and with it its session.
    Connection(ConnectionId),
    /// A person, named by a host that knows them or by the operator acting for them.
    User(UserId),
    /// A bot, by its id; see [`crate::Portal::authenticate_bot`].
    Bot(BotId),
    /// Whoever holds the database file.
    Operator,
    /// Housekeeping.
    System,
}

/// On whose behalf a call is made, and from where.
#[derive(Clone, Debug)]
pub struct Actor {
    /// Who.
    pub who: Who,
    /// The client's address, for limits; IPv6 counts by /64.
    pub ip: Option<IpAddr>,
    /// The client's program, for the session list.
    pub user_agent: Option<String>,
    /// The operating-system user of an operator, for the audit log.
    pub os_user: Option<String>,
    /// Where the client is, for whom they are matched with (SPEC 9.4).
    pub country: Option<CountryCode>,
}

impl Actor {
    fn new(who: Who) -> Self {
        Self {
            who,
            ip: None,
            user_agent: None,
            os_user: None,
            country: None,
        }
    }

    /// Nobody signed in.
    pub fn guest() -> Self {
        Self::new(Who::Guest)
    }

    /// A session.
    pub fn session(id: SessionId) -> Self {
        Self::new(Who::Session(id))
    }

    /// A live connection.
    pub fn connection(id: ConnectionId) -> Self {
        Self::new(Who::Connection(id))
    }

    /// A person, without a session.
    pub fn user(id: UserId) -> Self {
        Self::new(Who::User(id))
    }

    /// A bot.
    pub fn bot(id: BotId) -> Self {
        Self::new(Who::Bot(id))
    }

    /// Whoever holds the database file.
    pub fn operator() -> Self {
        Self::new(Who::Operator)
    }

    /// Housekeeping.
    pub fn system() -> Self {
        Self::new(Who::System)
    }

    /// The same, from this address.
    #[must_use]
    pub fn from_ip(mut self, ip: IpAddr) -> Self {
        self.ip = Some(ip);
        self
    }

    /// The same, with this program.
    #[must_use]
    pub fn with_user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.user_agent = Some(user_agent.into());
        self
    }

    /// The same, run by this operating-system user.
    #[must_use]
    pub fn with_os_user(mut self, name: impl Into<String>) -> Self {
        self.os_user = Some(name.into());
        self
    }

    /// The same, from this country.
    #[must_use]
    pub fn from_country(mut self, country: CountryCode) -> Self {
        self.country = Some(country);
        self
    }

    /// The address as limits count it: IPv4 whole, IPv6 by its /64 (SPEC 2.3).
    pub fn network(&self) -> Option<String> {
        match self.ip? {
            IpAddr::V4(ip) => Some(ip.to_string()),
            IpAddr::V6(ip) => {
                let [a, b, c, d, ..] = ip.segments();
                let mapped = ip.to_ipv4_mapped().map(|ip| ip.to_string());
                mapped.or_else(|| Some(format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")))
            }
        }
    }
}
