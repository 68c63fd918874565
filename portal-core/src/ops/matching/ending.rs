//! The end of a DIRECT chat: keys and messages go with it at once, and both are told why (SPEC 9.8, 9.9, 9.12).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::queue;
use crate::error::{ErrorKind, Result};
use crate::event::{MatchEnded, PeerLeft};
use crate::model::{ChatId, Timestamp, UserId};
use crate::operation::{Context, Operation};
use crate::ops::chats;
use crate::policy::on_ones_own;

/// Why a DIRECT chat is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// This one of the two left it, or was put out of the platform: the other does not learn which.
    Left(UserId),
    /// This one of the two lost the connection and did not come back.
    StayedAway(UserId),
    /// Its time was over.
    Expired,
    /// Whoever holds the file destroyed it.
    Destroyed,
}

impl Ending {
    /// The word for one of the two.
    fn said_to(self, user: UserId) -> &'static str {
        match self {
            Ending::Left(who) if who == user => "left",
            Ending::Left(_) => "peer_left",
            Ending::StayedAway(who) if who == user => "stayed_away",
            Ending::StayedAway(_) => "peer_stayed_away",
            Ending::Expired => "expired",
            Ending::Destroyed => "destroyed",
        }
    }

    /// Who is gone for good.
    const fn leaver(self) -> Option<UserId> {
        match self {
            Ending::Left(who) | Ending::StayedAway(who) => Some(who),
            Ending::Expired | Ending::Destroyed => None,
        }
    }
}

/// Ends a DIRECT chat.
pub(crate) fn end(cx: &mut Context<'_>, chat_id: ChatId, why: Ending) -> Result<()> {
    let (low, high) = chats::pair_of(cx.db, chat_id)?.ok_or(ErrorKind::ChatNotFound)?;
    if let Some(leaver) = why.leaver() {
        cx.emit(PeerLeft {
            chat_id,
            user_id: if leaver == low { high } else { low },
            grace_until_ms: 0,
        })?;
    }
    for user_id in [low, high] {
        cx.emit(MatchEnded {
            chat_id,
            user_id,
            reason: why.said_to(user_id).to_owned(),
        })?;
    }
    chats::destroy_now(cx, chat_id)?;
    for user in [low, high] {
        queue::slot_may_be_free(cx.db, user)?;
    }
    Ok(())
}

/// Ends every DIRECT chat of a person, as if they left.
pub(crate) fn end_all(cx: &mut Context<'_>, user: UserId) -> Result<()> {
    for chat in chats::directs_of(cx.db, user)? {
        end(cx, chat, Ending::Left(user))?;
    }
    Ok(())
}

/// Ends the chats that have lasted long enough, at most 1000; answers when to come back.
pub(super) fn run_out(cx: &mut Context<'_>) -> Result<Option<Timestamp>> {
    for chat in chats::directs_over(cx.db, cx.now, queue::BATCH)? {
        end(cx, chat, Ending::Expired)?;
    }
    chats::next_direct_over(cx.db)
}

/// Leaves a match: the DIRECT chat is destroyed at once with everything in it, for both, and the other is
/// told (SPEC 9.8).
///
/// `ERR_MATCH_NO_ACTIVE_DIRECT`, `ERR_MATCH_AMBIGUOUS`; `ERR_CHAT_NOT_FOUND` for a chat that is none of the
/// caller's matches; `ERR_UNAUTHENTICATED`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Leave {
    /// Which DIRECT chat; default the only one.
    pub chat_id: Option<ChatId>,
}

/// A match that is over.
#[derive(Debug, Serialize, JsonSchema)]
pub struct LeftMatch {
    /// The DIRECT chat that was.
    pub chat_id: ChatId,
}

impl Operation for Leave {
    const NAME: &'static str = "match.leave";
    type Reply = LeftMatch;

    fn apply(self, cx: &mut Context<'_>) -> Result<LeftMatch> {
        let leaver = on_ones_own(&cx.actor)?.subject();
        let active = chats::directs_of(cx.db, leaver)?;
        let chat_id = match (self.chat_id, &active[..]) {
            (Some(chat), _) if active.contains(&chat) => chat,
            (Some(_), _) => return Err(ErrorKind::ChatNotFound.into()),
            (None, []) => return Err(ErrorKind::MatchNoActiveDirect.into()),
            (None, [only]) => *only,
            (None, _) => return Err(ErrorKind::MatchAmbiguous.into()),
        };
        end(cx, chat_id, Ending::Left(leaver))?;
        Ok(LeftMatch { chat_id })
    }
}
