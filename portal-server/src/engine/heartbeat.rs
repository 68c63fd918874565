//! Whether a client is still there: a ping once in a while, and a pong within a time.

use std::time::Duration;

use tokio::time::Instant;

/// From the opening, or from a pong, to the next ping.
pub(super) const PING_INTERVAL: Duration = Duration::from_secs(25);

/// For the pong to a ping.
pub(super) const PING_TIMEOUT: Duration = Duration::from_secs(20);

// Whoever waits for a pong looks again no later than the next ping is due.
const _: () = assert!(PING_TIMEOUT.as_millis() < PING_INTERVAL.as_millis());

#[derive(Clone, Copy, Debug)]
pub(super) struct Heartbeat {
    due: Instant,
    /// A pong is due, not a ping.
    pinged: bool,
}

/// What is to be done now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Beat {
    Nothing,
    Ping,
    /// It has not answered.
    Dead,
}

impl Heartbeat {
    /// Of a socket that opens now.
    pub(super) fn begin(now: Instant) -> Self {
        Self {
            due: now + PING_INTERVAL,
            pinged: false,
        }
    }

    /// When something is to be done next.
    pub(super) fn due(&self) -> Instant {
        self.due
    }

    pub(super) fn beat(&mut self, now: Instant) -> Beat {
        if now < self.due {
            return Beat::Nothing;
        }
        if self.pinged {
            return Beat::Dead;
        }
        self.pinged = true;
        self.due = now + PING_TIMEOUT;
        Beat::Ping
    }

    /// The client has answered. One that nobody asked for says nothing.
    pub(super) fn pong(&mut self, now: Instant) {
        if self.pinged {
            *self = Self::begin(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_first_ping_comes_after_the_interval_and_the_next_one_so_long_after_the_pong() {
        let start = Instant::now();
        let mut heart = Heartbeat::begin(start);
        heart.pong(start + SECOND * 10);
        assert_eq!(heart.beat(start + SECOND * 24), Beat::Nothing);
        assert_eq!(heart.beat(start + SECOND * 25), Beat::Ping);
        assert_eq!(heart.beat(start + SECOND * 44), Beat::Nothing);
        heart.pong(start + SECOND * 44);
        assert_eq!(heart.beat(start + SECOND * 68), Beat::Nothing);
        assert_eq!(heart.beat(start + SECOND * 69), Beat::Ping);
        assert_eq!(heart.beat(start + SECOND * 89), Beat::Dead);
    }
}
