//! Randomness, given from outside.
//!
//! Nothing in the library draws random bytes on its own (SPEC 14.1): whoever opens it hands over a
//! [`Random`], the system's by default, so that a run can be replayed byte for byte. This module
//! must not offer a source that is seeded or buffered: what comes from here becomes keys.
//!
//! The surprise: [`Random::fill`] cannot fail. A source that may be missing is asked once, at
//! opening, where an error still has somebody to go to ([`SystemRandom::check`]).

use rand::TryRng;
use rand::rngs::SysRng;

/// A source of bytes that nobody can predict.
///
/// Keys, nonces and tokens are made of what it yields, so an implementation for anything but a
/// test has to be cryptographically secure. Calls may come from several threads at once.
pub trait Random: Send + Sync {
    /// Overwrites all of `bytes`.
    fn fill(&self, bytes: &mut [u8]);
}

/// The operating system's random source, read anew for every call: nothing is kept in the process,
/// so nothing is repeated after a fork and nothing is left in memory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SystemRandom;

/// The operating system gave no random bytes.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the system's random source does not answer: {reason}")]
pub struct RandomUnavailable {
    reason: String,
}

impl SystemRandom {
    /// Asks the system for one byte, so that a missing source is an error where the library is
    /// opened. On the systems Rust supports a source that has answered once goes on answering,
    /// which is what makes [`Random::fill`] free of panics afterwards.
    ///
    /// # Errors
    /// [`RandomUnavailable`] when the system gives none, as in a sandbox that forbids both the
    /// system call and the device.
    pub fn check() -> Result<(), RandomUnavailable> {
        SysRng
            .try_fill_bytes(&mut [0])
            .map_err(|error| RandomUnavailable {
                reason: error.to_string(),
            })
    }
}

impl Random for SystemRandom {
    /// # Panics
    /// When the system has no random source at all; see [`SystemRandom::check`]. Going on with
    /// bytes somebody could guess would be worse than stopping.
    fn fill(&self, bytes: &mut [u8]) {
        if let Err(error) = SysRng.try_fill_bytes(bytes) {
            panic!("the system's random source does not answer: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_has_a_random_source_and_it_does_not_repeat_itself() {
        SystemRandom::check().unwrap();
        let (mut first, mut second) = ([0; 32], [0; 32]);
        SystemRandom.fill(&mut first);
        SystemRandom.fill(&mut second);
        assert_ne!(first, [0; 32]);
        assert_ne!(first, second);
    }
}
