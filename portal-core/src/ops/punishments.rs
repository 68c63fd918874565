//! What holds a person back at a moment: the table `punishment`. Those that ran out count as absent
//! without any sweep (SPEC 7.3).

use rusqlite::Connection;

use crate::error::{Error, ErrorKind, Result};
use crate::model::{ChatId, Standing, Timestamp, UserId};
use crate::store;

/// What is left of a punishment, in seconds; 0 has no end.
fn ttl(until: Option<Timestamp>, now: Timestamp) -> u64 {
    until.map_or(0, |until| until.seconds_after(now))
}

/// A person's standing on the platform at this moment; a ban says more than a timeout (SPEC 1.5).
pub(crate) fn standing(db: &Connection, user: UserId, now: Timestamp) -> Result<Standing> {
    let held = store::first(
        db,
        "SELECT kind, until FROM punishment WHERE user_id = ?1 AND lifted_at IS NULL
           AND kind IN ('timeout', 'platform_ban') AND (until IS NULL OR until > ?2)
         ORDER BY kind, until IS NULL DESC, until DESC LIMIT 1",
        (user, now),
        |row| {
            Ok((
                row.get::<_, String>(0)?,
                row.get::<_, Option<Timestamp>>(1)?,
            ))
        },
    )?;
    Ok(match held {
        None => Standing::Active,
        Some((kind, Some(until))) if kind == "timeout" => Standing::TimedOut { until },
        Some((_, until)) => Standing::Banned { until },
    })
}

/// Refuses whoever is timed out or banned on the platform (SPEC 1.5).
pub(crate) fn check_standing(db: &Connection, user: UserId, now: Timestamp) -> Result<()> {
    let (kind, until) = match standing(db, user, now)? {
        Standing::Active => return Ok(()),
        Standing::TimedOut { until } => (ErrorKind::TimedOut, Some(until)),
        Standing::Banned { until } => (ErrorKind::Banned, until),
    };
    Err(Error::punished(kind, ttl(until, now)))
}

/// Refuses whoever is muted everywhere or in this chat, in that order (SPEC 6.2).
pub(crate) fn check_muted(
    db: &Connection,
    user: UserId,
    chat: ChatId,
    now: Timestamp,
) -> Result<()> {
    let mute = store::first(
        db,
        "SELECT until FROM punishment WHERE user_id = ?1 AND lifted_at IS NULL
           AND (kind = 'hard_mute' OR (kind = 'mute' AND chat_id = ?2)) AND (until IS NULL OR until > ?3)
         ORDER BY kind, until IS NULL DESC, until DESC LIMIT 1",
        (user, chat, now),
        |row| row.get::<_, Option<Timestamp>>(0),
    )?;
    mute.map_or(Ok(()), |until| {
        Err(Error::punished(ErrorKind::Muted, ttl(until, now)))
    })
}
