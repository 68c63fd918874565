//! Where a person stands with the matcher: a pure read (SPEC 9.1, 9.6).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::direct::{self, Direct};
use super::{queue, switch};
use crate::error::{ErrorKind, Result};
use crate::model::{Interest, Timestamp, UserId};
use crate::operation::{Query, View};
use crate::ops::{chats, users};
use crate::policy::{PlatformAction, direct_slots, on_ones_own, on_platform};

/// Shows whether the caller waits for a match, and their matches. Asking prolongs nothing. Somebody else's only
/// for the operator.
///
/// `ERR_UNAUTHENTICATED`, `ERR_USER_NOT_FOUND`, `ERR_FORBIDDEN`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Status {
    /// Whose; default the caller's own.
    pub user_id: Option<UserId>,
}

/// Where somebody stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MatchState {
    /// Neither waits for a match nor has one.
    Idle,
    /// Waits for a match.
    Searching,
    /// Has a match at least.
    Matched,
}

/// A person's standing with the matcher.
#[derive(Debug, Serialize, JsonSchema)]
pub struct MatchStatus {
    /// `idle`, `searching`, or `matched`: at least one active DIRECT chat.
    pub state: MatchState,
    /// Whether they wait: with a free slot one may search while matched.
    pub searching: bool,
    /// By which interests; empty while they do not wait.
    pub interests: Vec<Interest>,
    /// Since when they wait.
    pub since: Option<Timestamp>,
    /// Until when, unless there is another sign of presence; a live connection is one at any moment.
    pub expires_at: Option<Timestamp>,
    /// Their active DIRECT chats.
    pub chats: Vec<Direct>,
    /// How many DIRECT chats they may have at once.
    pub slots: usize,
    /// Whether staff have paused the matcher.
    pub paused: bool,
    /// The place in the event log that this is true at.
    pub as_of: u64,
}

impl Query for Status {
    const NAME: &'static str = "match.status";
    type Reply = MatchStatus;

    fn answer(self, view: &View<'_>) -> Result<MatchStatus> {
        let user = match self.user_id {
            None => on_ones_own(&view.actor)?.subject(),
            Some(user) if view.actor.user_id() == Some(user) => user,
            Some(user) => on_platform(PlatformAction::Operate, &view.actor).map(|_| user)?,
        };
        let person = users::person(view.db, user, view.now)?;
        let entry = queue::of(view, user)?;
        let mut chats = Vec::new();
        for chat in chats::directs_of(view.db, user)? {
            chats.push(direct::seen_by(view.db, user, chat)?.ok_or(ErrorKind::Internal)?);
        }
        Ok(MatchStatus {
            state: match (&chats[..], &entry) {
                ([], None) => MatchState::Idle,
                ([], Some(_)) => MatchState::Searching,
                ([..], _) => MatchState::Matched,
            },
            searching: entry.is_some(),
            since: entry.as_ref().map(|entry| entry.since),
            expires_at: entry.as_ref().map(|entry| queue::end_of(view, entry)),
            interests: entry.map_or_else(Vec::new, |entry| entry.interests.into()),
            chats,
            slots: direct_slots(&person),
            paused: switch::is_paused(view.db)?,
            as_of: view.as_of()?,
        })
    }
}
