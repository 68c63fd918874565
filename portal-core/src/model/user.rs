//! What a person is on the platform: role, tier, standing.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Timestamp;

/// Platform roles, ordered (SPEC 1.2). `owner` owns the platform, not a chat.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Anyone signed up.
    #[default]
    User,
    /// May warn and time out lower roles.
    Moderator,
    /// Looks after the platform.
    Admin,
    /// Owns the platform.
    Owner,
}

impl Role {
    /// Every role, lowest first.
    pub const ALL: [Role; 4] = [Role::User, Role::Moderator, Role::Admin, Role::Owner];

    /// The word of SPEC 1.2.
    pub const fn as_str(self) -> &'static str {
        match self {
            Role::User => "user",
            Role::Moderator => "moderator",
            Role::Admin => "admin",
            Role::Owner => "owner",
        }
    }
}

impl TryFrom<i64> for Role {
    type Error = String;

    fn try_from(rank: i64) -> Result<Self, String> {
        usize::try_from(rank)
            .ok()
            .and_then(|rank| Self::ALL.get(rank).copied())
            .ok_or_else(|| format!("a role is 0 to 3, not {rank}"))
    }
}

/// What a person was granted, ordered (SPEC 1.3).
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// Everyone's tier.
    #[default]
    Basic,
    /// Seven days, once per user; does not count as premium.
    Trial,
    /// For a time or without end.
    Premium,
    /// For good.
    Lifetime,
}

impl Tier {
    /// Every tier, lowest first.
    pub const ALL: [Tier; 4] = [Tier::Basic, Tier::Trial, Tier::Premium, Tier::Lifetime];

    /// The word of SPEC 1.3.
    pub const fn as_str(self) -> &'static str {
        match self {
            Tier::Basic => "basic",
            Tier::Trial => "trial",
            Tier::Premium => "premium",
            Tier::Lifetime => "lifetime",
        }
    }

    /// *Premium now*: lifetime, or premium whose expiry is null or ahead. A trial does not count.
    pub fn is_premium_now(self, expires_at: Option<Timestamp>, now: Timestamp) -> bool {
        match self {
            Tier::Lifetime => true,
            Tier::Premium => expires_at.is_none_or(|end| end > now),
            Tier::Basic | Tier::Trial => false,
        }
    }
}

impl TryFrom<i64> for Tier {
    type Error = String;

    fn try_from(rank: i64) -> Result<Self, String> {
        usize::try_from(rank)
            .ok()
            .and_then(|rank| Self::ALL.get(rank).copied())
            .ok_or_else(|| format!("a tier is 0 to 3, not {rank}"))
    }
}

/// A user's state on the platform at a moment (SPEC 1.5). Punishments that ran out count as absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum Standing {
    /// Nothing holds them back.
    #[default]
    Active,
    /// No sign-in until then.
    TimedOut {
        /// When it ends.
        until: Timestamp,
    },
    /// No sign-in, until then or for good.
    Banned {
        /// When it ends; null is never.
        until: Option<Timestamp>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn premium_now_is_what_spec_1_3_says() {
        let now = Timestamp::from_millis(1_000);
        let cases = [
            (Tier::Basic, None, false),
            (Tier::Trial, Some(2_000), false),
            (Tier::Premium, None, true),
            (Tier::Premium, Some(1_001), true),
            (Tier::Premium, Some(1_000), false),
            (Tier::Lifetime, None, true),
        ];
        for (tier, end, expected) in cases {
            let end = end.map(Timestamp::from_millis);
            assert_eq!(tier.is_premium_now(end, now), expected, "{tier:?} {end:?}");
        }
    }
}
