//! Points in time and spans, in milliseconds.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A point in time: UTC milliseconds since 1970, in the database and in JSON alike.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct Timestamp(i64);

/// One second, in milliseconds.
pub const SECOND: i64 = 1000;
/// One minute, in milliseconds.
pub const MINUTE: i64 = 60 * SECOND;
/// One hour, in milliseconds.
pub const HOUR: i64 = 60 * MINUTE;
/// One day, in milliseconds.
pub const DAY: i64 = 24 * HOUR;

impl Timestamp {
    /// From UTC milliseconds since 1970.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// As UTC milliseconds since 1970.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// This much later; earlier if negative.
    #[must_use]
    pub const fn plus(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// Milliseconds from `earlier` to `self`; negative if `earlier` is later.
    pub const fn since(self, earlier: Timestamp) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// What is left until `self`, in whole seconds rounded up, at least 1.
    pub fn seconds_after(self, now: Timestamp) -> u64 {
        u64::try_from(self.since(now).max(1))
            .unwrap_or(1)
            .div_ceil(1000)
    }
}
