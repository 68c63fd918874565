//! Looking after people (SPEC 7.1): in one chat, and everywhere. What holds a person back is kept by
//! `punishments`; here is what each act brings with it.

mod everywhere;
mod in_chat;
mod warn;

pub use everywhere::{HardMute, HardUnmute, LiftTimeout, PlatformBan, PlatformUnban, Timeout};
pub use in_chat::{Ban, Kick, Mute, Unban, Unmute};
pub use warn::{Warn, Warned};

use crate::error::{Error, Result};
use crate::model::{SECOND, Timestamp};

/// How long an act may hold, in seconds.
struct Term {
    least: u32,
    most: u32,
    /// Where nothing is said; none: it has to be.
    default: Option<u32>,
}

/// A mute, in a chat or everywhere; 0 is without end.
const MUTE: Term = Term {
    least: 0,
    most: 86_400,
    default: Some(300),
};

/// A ban, from a chat or from the platform; 0 is without end.
const BAN: Term = Term {
    least: 0,
    most: 2_592_000,
    default: Some(0),
};

/// A timeout always ends.
const TIMEOUT: Term = Term {
    least: 60,
    most: 2_592_000,
    default: None,
};

impl Term {
    /// When an act of so many seconds ends; 0 never does.
    fn end(&self, seconds: Option<u32>, now: Timestamp) -> Result<Option<Timestamp>> {
        let seconds = seconds.or(self.default);
        match seconds.filter(|seconds| (self.least..=self.most).contains(seconds)) {
            Some(seconds) => Ok((seconds > 0).then(|| now.plus(i64::from(seconds) * SECOND))),
            None => Err(Error::invalid(
                "duration_seconds",
                format!("duration_seconds is {} to {}", self.least, self.most),
            )),
        }
    }
}
