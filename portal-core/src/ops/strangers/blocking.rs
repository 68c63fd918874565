//! Keeping a stranger from being matched, and who the strangers are (SPEC 9.11).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::event::StrangerBlocked;
use crate::model::{Reason, Timestamp, UserId, Username};
use crate::operation::{Context, Done, Operation, Query, View};
use crate::ops::matching::{self, Withdrawal};
use crate::ops::punishments::{self, Everywhere, holds};
use crate::ops::{audit, users};
use crate::policy::{ActOn, Permit, PlatformAction, block_stranger, on_platform};
use crate::store;

/// Keeps a stranger from being matched for as long as they are this stranger; for moderators. They wait no
/// longer; matches that there are stay. Repeatable.
///
/// `ERR_USER_NOT_FOUND`, `ERR_FORBIDDEN`, `ERR_INVALID` for somebody with an account.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Block {
    /// Whom.
    pub user_id: UserId,
    /// Why: at most 500 characters, for the stranger and staff.
    #[serde(default)]
    pub reason: Option<Reason>,
}

impl Operation for Block {
    const NAME: &'static str = "stranger.block";
    type Reply = Done;

    fn apply(self, cx: &mut Context<'_>) -> Result<Done> {
        let permit = leave_for(cx, self.user_id)?;
        let reason = self.reason.as_ref();
        punishments::punish_everywhere(cx, &permit, Everywhere::Block, reason, None)?;
        matching::withdraw(cx, self.user_id, Withdrawal::Blocked)?;
        let details = json!({ "reason": self.reason });
        record(cx, Self::NAME, &permit, details, true)
    }
}

/// Lets a stranger be matched again; for moderators. Repeatable.
///
/// `ERR_USER_NOT_FOUND`, `ERR_FORBIDDEN`, `ERR_INVALID` for somebody with an account.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Unblock {
    /// Whom.
    pub user_id: UserId,
}

impl Operation for Unblock {
    const NAME: &'static str = "stranger.unblock";
    type Reply = Done;

    fn apply(self, cx: &mut Context<'_>) -> Result<Done> {
        let permit = leave_for(cx, self.user_id)?;
        if !punishments::lift_everywhere(cx, &permit, Everywhere::Block)? {
            return Ok(Done {});
        }
        record(cx, Self::NAME, &permit, json!({}), false)
    }
}

fn leave_for(cx: &Context<'_>, user: UserId) -> Result<Permit<ActOn>> {
    let target = users::named(cx, user)?;
    block_stranger(&cx.actor, &target)?.ok_or_else(|| {
        Error::invalid(
            "user_id",
            "only strangers are blocked; mute, time out or ban people with an account",
        )
    })
}

fn record(
    cx: &mut Context<'_>,
    action: &str,
    permit: &Permit<ActOn>,
    details: Value,
    blocked: bool,
) -> Result<Done> {
    let user_id = permit.subject();
    let act = audit::Act {
        target: Some(user_id),
        details,
        ..Default::default()
    };
    audit::record(cx, action, act)?;
    cx.emit(StrangerBlocked { user_id, blocked })?;
    Ok(Done {})
}

/// Lists strangers, by id; for moderators.
///
/// `ERR_FORBIDDEN`, `ERR_INVALID`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct List {
    /// Only strangers after this one; from the last page's end.
    pub after: Option<UserId>,
    /// At most this many, 1 to 200; default 50.
    #[schemars(range(min = 1, max = 200))]
    pub limit: Option<u16>,
}

/// A stranger, as staff see one.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Stranger {
    /// The id.
    pub user_id: UserId,
    /// The generated name.
    pub username: Username,
    /// Since when there is this stranger.
    pub created_at: Timestamp,
    /// Whether they are kept from being matched.
    pub blocked: bool,
    /// Whether they wait for a match.
    pub searching: bool,
    /// How many matches they have.
    pub active_chats: u64,
}

/// A page of strangers.
#[derive(Debug, Serialize, JsonSchema)]
pub struct StrangerPage {
    /// By id.
    pub strangers: Vec<Stranger>,
    /// The place in the event log that this is true at.
    pub as_of: u64,
}

impl Query for List {
    const NAME: &'static str = "stranger.list";
    type Reply = StrangerPage;

    fn answer(self, view: &View<'_>) -> Result<StrangerPage> {
        on_platform(PlatformAction::Matcher, &view.actor)?;
        let limit = crate::ops::page_size(self.limit, 50, 200)?;
        let strangers = store::all(
            view.db,
            concat!(
                "SELECT u.id, u.username, u.created_at,
                   EXISTS (SELECT 1 FROM punishment p WHERE p.user_id = u.id AND p.kind = 'block' AND ",
                holds!("?3"),
                "),
                   EXISTS (SELECT 1 FROM match_entry e WHERE e.user_id = u.id AND e.expires_at > ?3),
                   (SELECT count(*) FROM chat WHERE pair_low = u.id) + (SELECT count(*) FROM chat WHERE pair_high = u.id)
                 FROM user u WHERE u.stranger = 1 AND u.id > ?1 ORDER BY u.id LIMIT ?2"
            ),
            (self.after.map_or(0, UserId::get), limit, view.now),
            |row| {
                Ok(Stranger {
                    user_id: row.get(0)?,
                    username: row.get(1)?,
                    created_at: row.get(2)?,
                    blocked: row.get(3)?,
                    searching: row.get(4)?,
                    active_chats: row.get(5)?,
                })
            },
        )?;
        Ok(StrangerPage {
            strangers,
            as_of: view.as_of()?,
        })
    }
}
