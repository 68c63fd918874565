//! Asking to be matched, and taking it back (SPEC 9.2, 9.6).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::direct::{self, Direct};
use super::pairing::{Seeker, has_free_slot, pair_if_possible};
use super::queue::{self, Withdrawal};
use super::status::MatchState;
use super::switch;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Interests, Timestamp};
use crate::operation::{Context, Operation};
use crate::ops::punishments;
use crate::policy::{on_ones_own, seek};

/// Asks to be matched with somebody who shares an interest, at once if somebody waits, or as soon as
/// somebody comes. Whoever waits longest goes first.
///
/// `ERR_MATCH_BAD_INTEREST`, `ERR_UNAUTHENTICATED`, `ERR_STRANGER_BLOCKED`, `ERR_MATCH_ALREADY_SEARCHING`,
/// `ERR_MATCH_SLOT_LIMIT`; `ERR_NOT_CONNECTED` where presence is kept and the caller has no live connection.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Enqueue {
    /// 1 to 3 different interests, each of 3 to 12 small letters or digits.
    #[schemars(length(min = 1, max = 3), inner(regex(pattern = r"^[a-z0-9]{3,12}$")))]
    pub interests: Vec<String>,
}

/// What has become of the wish to be matched.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Enqueued {
    /// `matched`, or `searching`: waiting.
    pub state: MatchState,
    /// While waiting: until when, unless the caller is still there then.
    pub expires_at: Option<Timestamp>,
    /// The match.
    pub chat: Option<Direct>,
    /// Whether staff have paused the matcher: nobody is matched until it goes on.
    pub paused: bool,
}

impl Operation for Enqueue {
    const NAME: &'static str = "match.enqueue";
    type Reply = Enqueued;

    fn apply(self, cx: &mut Context<'_>) -> Result<Enqueued> {
        let interests = Interests::parse(&self.interests).map_err(Error::bad_interest)?;
        let (permit, person) = seek(&cx.actor)?;
        if person.stranger {
            punishments::check_blocked(cx.db, person.id, cx.now)?;
        }
        if queue::of(cx, person.id)?.is_some() {
            return Err(ErrorKind::MatchAlreadySearching.into());
        }
        if !has_free_slot(cx, person.id)? {
            return Err(ErrorKind::MatchSlotLimit.into());
        }
        if queue::is_connected(cx, person.id) == Some(false) {
            return Err(ErrorKind::NotConnected.into());
        }
        // An entry that ended may still be there.
        queue::withdraw(cx, person.id, Withdrawal::Expired)?;
        let paused = switch::is_paused(cx.db)?;
        let seeker = Seeker {
            user: person.id,
            interests,
            country: cx.caller.country.clone(),
            since: cx.now,
        };
        let found = if paused {
            None
        } else {
            pair_if_possible(cx, &seeker)?
        };
        Ok(match found {
            Some(chat) => Enqueued {
                state: MatchState::Matched,
                expires_at: None,
                chat: direct::seen_by(cx.db, person.id, chat)?,
                paused,
            },
            None => Enqueued {
                state: MatchState::Searching,
                expires_at: Some(queue::insert(cx, &permit, &seeker.interests)?),
                chat: None,
                paused,
            },
        })
    }
}

/// Waits for a match no longer. Repeatable; matches that there are stay.
///
/// `ERR_UNAUTHENTICATED`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Dequeue {}

/// What taking back did.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Dequeued {
    /// Whether the caller was waiting.
    pub was_searching: bool,
}

impl Operation for Dequeue {
    const NAME: &'static str = "match.dequeue";
    type Reply = Dequeued;

    fn apply(self, cx: &mut Context<'_>) -> Result<Dequeued> {
        let user = on_ones_own(&cx.actor)?.subject();
        let was_searching = queue::of(cx, user)?.is_some();
        queue::withdraw(cx, user, Withdrawal::Asked)?;
        Ok(Dequeued { was_searching })
    }
}
