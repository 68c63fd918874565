//! Finding somebody to match, and the match itself (SPEC 9.3, 9.4).

use rusqlite::{Connection, Row};

use super::queue::{self, Entry};
use super::{graces, pauses, statistics};
use crate::error::{ErrorKind, Result};
use crate::event::MatchFound;
use crate::matching::{Candidate, Choice, Match, Standing, choose};
use crate::model::{ChatId, CountryCode, Interest, Interests, Timestamp, UserId};
use crate::operation::{Context, View};
use crate::ops::activity::{self, ActivityKind, Method};
use crate::ops::chats::{self, Side};
use crate::ops::{blocks, messages, users};
use crate::policy::direct_slots;
use crate::store;

/// Somebody for whom a match is looked for.
#[derive(Clone, Debug)]
pub(super) struct Seeker {
    pub(super) user: UserId,
    pub(super) interests: Interests,
    pub(super) country: Option<CountryCode>,
    pub(super) since: Timestamp,
}

impl From<Entry> for Seeker {
    fn from(entry: Entry) -> Self {
        Self {
            user: entry.user,
            interests: entry.interests,
            country: entry.country,
            since: entry.since,
        }
    }
}

/// Whether a person may have one DIRECT chat more (SPEC 9.2).
pub(super) fn has_free_slot(view: &View<'_>, user: UserId) -> Result<bool> {
    let person = users::person(view.db, user, view.now)?;
    Ok(chats::count_directs(view.db, user)? < direct_slots(&person))
}

/// Matches the seeker if that is possible; answers into which chat. The seeker has a free slot.
pub(super) fn pair_if_possible(cx: &mut Context<'_>, seeker: &Seeker) -> Result<Option<ChatId>> {
    match best_for(cx, seeker)? {
        Some((found, other)) => pair(cx, &found, seeker, &other).map(Some),
        None => Ok(None),
    }
}

/// Matches somebody who waits, if that is possible. Whom they would get may be free for somebody who has
/// waited longer: then it is the turn of those two first. The one who waits has a free slot.
pub(super) fn pair_in_turn(cx: &mut Context<'_>, waiting: &Seeker) -> Result<()> {
    loop {
        let mut one = waiting.clone();
        let Some((mut found, mut other)) = best_for(cx, &one)? else {
            return Ok(());
        };
        // Each is preferred to the one before the last, so nobody comes up again and this ends.
        loop {
            let (back, preferred) = best_for(cx, &other)?.ok_or(ErrorKind::Internal)?;
            if preferred.user == one.user {
                break;
            }
            (one, other, found) = (other, preferred, back);
        }
        pair(cx, &found, &one, &other)?;
        if [one.user, other.user].contains(&waiting.user) {
            return Ok(());
        }
    }
}

/// Who is best for the seeker, of those who wait.
fn best_for(cx: &Context<'_>, seeker: &Seeker) -> Result<Option<(Match, Seeker)>> {
    let choice = candidates(cx, seeker)?;
    for user in &choice.without_slot {
        queue::rest(cx.db, *user)?;
    }
    let Some(found) = choice.found else {
        return Ok(None);
    };
    let other = queue::of(cx, found.partner().user)?.ok_or(ErrorKind::Internal)?;
    Ok(Some((found, other.into())))
}

/// Everybody who waits in a queue of the seeker's, the longest waiting first: each of the arms reads one
/// queue in its own order, and `SQLite` merges them as far as they are read.
const WAITING: &str = "SELECT since, entry_id FROM match_queue WHERE tag = ?1
     UNION ALL SELECT since, entry_id FROM match_queue WHERE tag = ?2
     UNION ALL SELECT since, entry_id FROM match_queue WHERE tag = ?3
     ORDER BY since, entry_id";

fn candidates(view: &View<'_>, seeker: &Seeker) -> Result<Choice> {
    let mut tags = seeker.interests.iter().map(Interest::as_str);
    let tags = [tags.next(), tags.next(), tags.next()];
    let place = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
    store::lazily(view.db, WAITING, tags, place, |places| {
        let mut places = places.peekable();
        choose(std::iter::from_fn(|| {
            let place = match places.next()? {
                Ok(place) => place,
                Err(error) => return Some(Err(error)),
            };
            // Who shares several interests stands in several queues, at the same place in each.
            let mut shared = 1;
            while places
                .next_if(|next| matches!(next, Ok(next) if *next == place))
                .is_some()
            {
                shared += 1;
            }
            Some(judge(view, seeker, place, shared))
        }))
    })
}

fn judge(
    view: &View<'_>,
    seeker: &Seeker,
    (since, entry): (Timestamp, i64),
    shared: usize,
) -> Result<Candidate> {
    let (user, expires_at) = whose(view.db, entry)?;
    let standing = if user == seeker.user
        || blocks::between(view.db, user, seeker.user)?
        || pauses::between(view, user, seeker.user)?
    {
        Standing::Unfit
    } else if !queue::counts(view, user, expires_at) {
        Standing::Absent
    } else if !has_free_slot(view, user)? {
        Standing::NoSlot
    } else {
        Standing::Free
    };
    Ok(Candidate {
        user,
        since,
        shared,
        standing,
    })
}

fn whose(db: &Connection, entry: i64) -> Result<(UserId, Timestamp)> {
    store::first(
        db,
        "SELECT user_id, expires_at FROM match_entry WHERE id = ?",
        [entry],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?
    .ok_or_else(|| ErrorKind::StorageCorrupt.into())
}

/// Matches two people: both leave every queue, the chat is there, both are told (SPEC 9.4).
fn pair(cx: &mut Context<'_>, leave: &Match, one: &Seeker, other: &Seeker) -> Result<ChatId> {
    let (low, high) = if one.user < other.user {
        (one, other)
    } else {
        (other, one)
    };
    for seeker in [low, high] {
        queue::remove(cx.db, seeker.user)?;
        statistics::count(cx.db, cx.now, cx.now.since(seeker.since))?;
    }
    let shared = low
        .interests
        .shared_with(&high.interests)
        .ok_or(ErrorKind::Internal)?;
    let side = |seeker: &Seeker| Side {
        user: seeker.user,
        country: seeker.country.clone(),
    };
    let (chat_id, expires_at) =
        chats::insert_direct(cx, leave, (&side(low), &side(high)), &shared)?;
    pauses::begin(cx, low.user, high.user)?;
    for (seeker, peer) in [(low, high), (high, low)] {
        cx.emit(MatchFound {
            chat_id,
            user_id: seeker.user,
            peer_id: peer.user,
            expires_at,
        })?;
    }
    let words: Vec<_> = shared.iter().map(Interest::as_str).collect();
    let opening = format!("You were matched by: {}", words.join(", "));
    messages::system(cx, chat_id, "match_opened", &opening)?;
    for seeker in [low, high] {
        match queue::is_connected(cx, seeker.user) {
            Some(true) => {
                let (kind, method) = (ActivityKind::Join, Some(Method::Match));
                activity::record(cx, chat_id, seeker.user, kind, method)?;
            }
            // Whoever has no connection starts in grace.
            Some(false) => drop(graces::peer_is_away(cx, chat_id, seeker.user, cx.now)?),
            None => {}
        }
    }
    Ok(chat_id)
}
