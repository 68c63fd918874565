//! Who people are on other platforms: the table `platform_identity` (SPEC 2.3). An identity is one person's
//! for good; it goes with the account.

use rusqlite::Connection;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::model::{Platform, PlatformIdentity, Timestamp, UserId};
use crate::operation::{Context, Query, View};
use crate::ops::bots;
use crate::policy::{ActOn, Permit};
use crate::store;

/// Somebody on another platform.
#[derive(Clone, Debug)]
pub(crate) struct Elsewhere {
    pub(crate) platform: Platform,
    pub(crate) identity: PlatformIdentity,
}

/// Whose account it is, if anybody's.
pub(crate) fn user_of(db: &Connection, whom: &Elsewhere) -> Result<Option<UserId>> {
    store::first(
        db,
        "SELECT user_id FROM platform_identity WHERE platform = ? AND identity = ?",
        (&whom.platform, &whom.identity),
        |row| row.get(0),
    )
}

/// Makes an identity the account's.
pub(crate) fn link(cx: &Context<'_>, permit: &Permit<ActOn>, whom: &Elsewhere) -> Result<()> {
    store::execute(
        cx.db,
        "INSERT INTO platform_identity (platform, identity, user_id, linked_at) VALUES (?, ?, ?, ?)",
        (&whom.platform, &whom.identity, permit.subject(), cx.now),
    )?;
    Ok(())
}

/// Answers whether somebody on the bot's platform has an account here; for bots.
///
/// `ERR_UNAUTHENTICATED`, `ERR_FORBIDDEN`, `ERR_INVALID`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Lookup {
    /// Who, in the platform's own words.
    pub identity: PlatformIdentity,
}

/// Whether there is an account.
#[derive(Debug, Serialize, JsonSchema)]
pub struct LookedUp {
    /// Whether this identity has one.
    pub has_account: bool,
}

impl Query for Lookup {
    const NAME: &'static str = "account.lookup";
    type Reply = LookedUp;

    fn answer(self, view: &View<'_>) -> Result<LookedUp> {
        let (_, platform) = bots::acting(view)?;
        let whom = Elsewhere {
            platform,
            identity: self.identity,
        };
        Ok(LookedUp {
            has_account: user_of(view.db, &whom)?.is_some(),
        })
    }
}

/// Who a person is on another platform, for their export.
#[derive(Debug, Serialize, JsonSchema)]
pub struct LinkedIdentity {
    /// Where.
    pub platform: Platform,
    /// Who.
    pub identity: PlatformIdentity,
    /// Since when it lets them in.
    pub linked_at: Timestamp,
}

/// Every identity of a person, for their export.
pub(crate) fn export_of(db: &Connection, user: UserId) -> Result<Vec<LinkedIdentity>> {
    store::all(
        db,
        "SELECT platform, identity, linked_at FROM platform_identity WHERE user_id = ?
         ORDER BY platform, identity",
        [user],
        |row| {
            Ok(LinkedIdentity {
                platform: row.get(0)?,
                identity: row.get(1)?,
                linked_at: row.get(2)?,
            })
        },
    )
}
