//! Who is away from a DIRECT chat and can still come back (SPEC 9.9). Where no presence is kept nobody is away.

use crate::error::Result;
use crate::event::{PeerLeft, PeerReturned};
use crate::model::{ChatId, MINUTE, Timestamp, UserId};
use crate::operation::Context;
use crate::ops::chats;

use super::ending::{Ending, end};

/// How long a DIRECT chat waits for one of its two.
const GRACE: i64 = MINUTE;

/// Takes note that one of the two has no connection in their chat any more; the other is told, once. Answers
/// whether they were there before; none for every other chat, of which nothing is noted.
pub(crate) fn peer_is_away(
    cx: &mut Context<'_>,
    chat_id: ChatId,
    user: UserId,
    at: Timestamp,
) -> Result<Option<bool>> {
    let Some(peer) = chats::peer_of(cx.db, chat_id, user)? else {
        return Ok(None);
    };
    let until = at.plus(GRACE);
    let was_there = chats::set_away(cx.db, chat_id, user, until)?;
    if was_there {
        tell_away(cx, chat_id, peer, until)?;
    }
    Ok(Some(was_there))
}

fn tell_away(cx: &mut Context<'_>, chat_id: ChatId, peer: UserId, until: Timestamp) -> Result<()> {
    cx.emit(PeerLeft {
        chat_id,
        user_id: peer,
        grace_until_ms: until.as_millis(),
    })
}

/// Takes note that one of the two is in their chat's room again; the other is told.
pub(crate) fn peer_is_back(cx: &mut Context<'_>, chat_id: ChatId, user: UserId) -> Result<()> {
    if chats::set_back(cx.db, chat_id, user)?
        && let Some(peer) = chats::peer_of(cx.db, chat_id, user)?
    {
        cx.emit(PeerReturned {
            chat_id,
            user_id: peer,
        })?;
    }
    Ok(())
}

/// Takes note that nobody is anywhere: whoever was away, and whoever was there, has a minute from now
/// (SPEC 10.1).
pub(super) fn all_are_away(cx: &mut Context<'_>) -> Result<()> {
    let until = cx.now.plus(GRACE);
    for (chat, [low, high]) in chats::set_all_away(cx.db, until)? {
        tell_away(cx, chat, high, until)?;
        tell_away(cx, chat, low, until)?;
    }
    Ok(())
}

/// Destroys the chats of those who stayed away; answers when to come back. For whoever keeps presence.
pub(super) fn run_out(cx: &mut Context<'_>) -> Result<Option<Timestamp>> {
    if cx.presence().is_none() {
        return Ok(None);
    }
    let mut next = None;
    for (until, chat, user) in chats::away(cx.db, cx.now.plus(GRACE))? {
        let is_there = cx
            .presence()
            .is_some_and(|presence| presence.is_in_room(user, chat));
        if is_there {
            // A connection opened while its person was being matched without one.
            peer_is_back(cx, chat, user)?;
        } else if until > cx.now {
            next = next.or(Some(until));
        } else if chats::pair_of(cx.db, chat)?.is_some() {
            // It may have ended just now, because both stayed away.
            end(cx, chat, Ending::StayedAway(user))?;
        }
    }
    Ok(next)
}
