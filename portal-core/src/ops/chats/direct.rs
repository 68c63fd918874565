//! The rows of DIRECT chats (SPEC 9.4). Who is matched, and what a match brings with it, is `ops::matching`'s.

use rusqlite::{Connection, Row};

use super::create::usual_browser;
use super::to_json;
use crate::error::{ErrorKind, Result};
use crate::matching::Match;
use crate::model::{ChatConfig, ChatId, CountryCode, DAY, Interests, Timestamp, UserId};
use crate::operation::Context;
use crate::store;

/// How long a DIRECT chat lasts at most (SPEC 9.12).
const LASTS: i64 = DAY;

/// One of the two.
pub(crate) struct Side {
    pub(crate) user: UserId,
    pub(crate) country: Option<CountryCode>,
}

/// Makes the chat of two people who are matched; answers which, and when it is over.
pub(crate) fn insert(
    cx: &Context<'_>,
    leave: &Match,
    (low, high): (&Side, &Side),
    interests: &Interests,
) -> Result<(ChatId, Timestamp)> {
    debug_assert!(
        [low.user, high.user].contains(&leave.partner().user),
        "the leave is for these two"
    );
    let ends_at = cx.now.plus(LASTS);
    store::execute(
        cx.db,
        "INSERT INTO chat (chat_type, name, pair_low, pair_high, e2ee, epoch_moved_at, chat_config, browser_config,
           ends_at, interests, low_country, high_country, created_at, last_activity_at)
         VALUES ('DIRECT', 'Direct', ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?4, ?4)",
        (
            low.user,
            high.user,
            cx.settings.direct_e2ee,
            cx.now,
            to_json(&ChatConfig::default())?,
            to_json(&usual_browser(&cx.settings))?,
            ends_at,
            interests,
            &low.country,
            &high.country,
        ),
    )?;
    let id = ChatId::try_from(cx.db.last_insert_rowid()).map_err(|_| ErrorKind::Internal)?;
    Ok((id, ends_at))
}

/// The DIRECT chats that a person is one of the two of.
pub(crate) fn directs_of(db: &Connection, person: UserId) -> Result<Vec<ChatId>> {
    store::all(
        db,
        "SELECT id FROM chat WHERE pair_low = ?1 UNION SELECT id FROM chat WHERE pair_high = ?1 ORDER BY 1",
        [person],
        |row| row.get(0),
    )
}

/// How many those are.
pub(crate) fn count_directs(db: &Connection, person: UserId) -> Result<usize> {
    let count = store::first(
        db,
        "SELECT (SELECT count(*) FROM chat WHERE pair_low = ?1) + (SELECT count(*) FROM chat WHERE pair_high = ?1)",
        [person],
        |row| row.get(0),
    )?;
    Ok(count.unwrap_or_default())
}

/// The two of a DIRECT chat; none for every other chat, and once it is gone.
pub(crate) fn pair_of(db: &Connection, chat: ChatId) -> Result<Option<(UserId, UserId)>> {
    store::first(
        db,
        "SELECT pair_low, pair_high FROM chat WHERE id = ? AND chat_type = 'DIRECT'",
        [chat],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// The other of the two.
pub(crate) fn peer_of(db: &Connection, chat: ChatId, user: UserId) -> Result<Option<UserId>> {
    let pair = pair_of(db, chat)?;
    Ok(pair.map(|(low, high)| if user == low { high } else { low }))
}

/// Notes until when one of the two, who is away, can come back; answers whether they were there before.
pub(crate) fn set_away(
    db: &Connection,
    chat: ChatId,
    user: UserId,
    until: Timestamp,
) -> Result<bool> {
    let set = store::execute(
        db,
        "UPDATE chat SET low_away_until = CASE pair_low WHEN ?2 THEN ?3 ELSE low_away_until END,
           high_away_until = CASE pair_high WHEN ?2 THEN ?3 ELSE high_away_until END
         WHERE id = ?1 AND CASE ?2 WHEN pair_low THEN low_away_until IS NULL WHEN pair_high THEN high_away_until IS NULL END",
        (chat, user, until),
    )?;
    Ok(set == 1)
}

/// Notes that one of the two is there; answers whether they were away.
pub(crate) fn set_back(db: &Connection, chat: ChatId, user: UserId) -> Result<bool> {
    let set = store::execute(
        db,
        "UPDATE chat SET low_away_until = CASE pair_low WHEN ?2 THEN NULL ELSE low_away_until END,
           high_away_until = CASE pair_high WHEN ?2 THEN NULL ELSE high_away_until END
         WHERE id = ?1 AND CASE ?2 WHEN pair_low THEN low_away_until WHEN pair_high THEN high_away_until END IS NOT NULL",
        (chat, user),
    )?;
    Ok(set == 1)
}

/// Gives everybody of every DIRECT chat until then to come back; answers each chat with its two.
pub(crate) fn set_all_away(
    db: &Connection,
    until: Timestamp,
) -> Result<Vec<(ChatId, [UserId; 2])>> {
    let mut chats = store::all(
        db,
        "UPDATE chat SET low_away_until = ?1, high_away_until = ?1 WHERE pair_low IS NOT NULL
         RETURNING id, pair_low, pair_high",
        [until],
        |row| Ok((row.get(0)?, [row.get(1)?, row.get(2)?])),
    )?;
    chats.sort_unstable();
    Ok(chats)
}

/// Who is away from which DIRECT chat, and until when, as far as that is no later than `until`: the soonest
/// first.
pub(crate) fn away(db: &Connection, until: Timestamp) -> Result<Vec<(Timestamp, ChatId, UserId)>> {
    store::all(
        db,
        "SELECT low_away_until, id, pair_low FROM chat WHERE low_away_until <= ?1
         UNION ALL SELECT high_away_until, id, pair_high FROM chat WHERE high_away_until <= ?1
         ORDER BY 1, 2, 3",
        [until],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )
}

/// The DIRECT chats whose time is over, the first first, at most so many.
pub(crate) fn directs_over(db: &Connection, now: Timestamp, limit: usize) -> Result<Vec<ChatId>> {
    store::all(
        db,
        "SELECT id FROM chat WHERE ends_at <= ? ORDER BY ends_at, id LIMIT ?",
        (now, limit),
        |row| row.get(0),
    )
}

/// When the time of the next one is over.
pub(crate) fn next_direct_over(db: &Connection) -> Result<Option<Timestamp>> {
    store::first(
        db,
        "SELECT ends_at FROM chat WHERE ends_at IS NOT NULL ORDER BY ends_at LIMIT 1",
        [],
        |row| row.get(0),
    )
}

/// What the matcher knows of a DIRECT chat, from the side of one of the two.
pub(crate) struct DirectRow {
    pub(crate) peer: UserId,
    pub(crate) peer_country: Option<CountryCode>,
    pub(crate) interests: Interests,
    pub(crate) ends_at: Timestamp,
    pub(crate) peer_away_until: Option<Timestamp>,
}

/// A DIRECT chat from the side of one of the two; none once it is gone.
pub(crate) fn direct(db: &Connection, chat: ChatId, user: UserId) -> Result<Option<DirectRow>> {
    let read = |row: &Row<'_>| {
        Ok(DirectRow {
            peer: row.get(0)?,
            peer_country: row.get(1)?,
            interests: row.get(2)?,
            ends_at: row.get(3)?,
            peer_away_until: row.get(4)?,
        })
    };
    store::first(
        db,
        "SELECT CASE pair_low WHEN ?2 THEN pair_high ELSE pair_low END,
           CASE pair_low WHEN ?2 THEN high_country ELSE low_country END, interests, ends_at,
           CASE pair_low WHEN ?2 THEN high_away_until ELSE low_away_until END
         FROM chat WHERE id = ?1 AND chat_type = 'DIRECT'",
        (chat, user),
        read,
    )
}
