//! How the matcher does (SPEC 9.10a): the table `match_wait`.
//!
//! Waiting times are counted in steps, eight to every doubling, so that a year of matches takes no more
//! room than an hour: a time read from here is at most an eighth too long.

use rusqlite::Connection;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::switch;
use crate::error::Result;
use crate::model::{HOUR, Interest, MINUTE, Timestamp};
use crate::operation::{Query, View};
use crate::policy::{PlatformAction, on_platform};
use crate::store;

/// Steps to a doubling, as a power of two.
const FINENESS: u32 = 3;

/// The step of a waiting time: whole milliseconds up to 8, then eight steps to every doubling.
fn step(waited_ms: i64) -> u32 {
    let waited = waited_ms.max(0).unsigned_abs();
    let doublings = waited.checked_ilog2().unwrap_or_default();
    let Some(octave) = doublings.checked_sub(FINENESS) else {
        return u32::try_from(waited).unwrap_or_default();
    };
    let within = u32::try_from((waited >> octave) - (1 << FINENESS)).unwrap_or_default();
    ((octave + 1) << FINENESS) + within
}

/// The longest time of a step, in milliseconds.
fn longest_of(step: u32) -> u64 {
    let Some(octave) = (step >> FINENESS).checked_sub(1) else {
        return u64::from(step);
    };
    let within = u64::from(step & ((1 << FINENESS) - 1)) + (1 << FINENESS);
    ((within + 1) << octave) - 1
}

fn minute(at: Timestamp) -> i64 {
    at.as_millis().div_euclid(MINUTE)
}

/// Counts somebody who was matched after they waited so long.
pub(super) fn count(db: &Connection, now: Timestamp, waited_ms: i64) -> Result<()> {
    store::execute(
        db,
        "INSERT INTO match_wait (minute, step, people) VALUES (?, ?, 1)
         ON CONFLICT DO UPDATE SET people = people + 1",
        (minute(now), step(waited_ms)),
    )?;
    Ok(())
}

/// Forgets what is older than an hour.
pub(super) fn prune(db: &Connection, now: Timestamp) -> Result<()> {
    store::execute(
        db,
        "DELETE FROM match_wait WHERE minute < ?",
        [minute(now.plus(-HOUR))],
    )?;
    Ok(())
}

/// Shows how the matcher does; for moderators.
///
/// `ERR_FORBIDDEN`, `ERR_INVALID`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Stats {
    /// At most this many interests, 1 to 200; default 50.
    #[schemars(range(min = 1, max = 200))]
    pub limit: Option<u16>,
}

/// How many wait for an interest.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TagCount {
    /// The interest.
    pub interest: Interest,
    /// How many people wait.
    pub waiting: u64,
}

/// How the matcher does.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Statistics {
    /// Whether it is paused.
    pub paused: bool,
    /// How many people wait.
    pub waiting: u64,
    /// Since when the longest waiting waits.
    pub waiting_since: Option<Timestamp>,
    /// How many wait for each interest, the most wanted first. Whoever has no free slot is not counted.
    pub interests: Vec<TagCount>,
    /// DIRECT chats at this moment.
    pub active_chats: u64,
    /// Matches of the last hour.
    pub pairs_per_hour: u64,
    /// Half of those who were matched in the last hour waited no longer than this, in milliseconds; at most
    /// an eighth too much. None: nobody was matched.
    pub wait_p50_ms: Option<u64>,
    /// 99 of 100 waited no longer than this.
    pub wait_p99_ms: Option<u64>,
    /// The place in the event log that this is true at.
    pub as_of: u64,
}

impl Query for Stats {
    const NAME: &'static str = "match.stats";
    type Reply = Statistics;

    fn answer(self, view: &View<'_>) -> Result<Statistics> {
        on_platform(PlatformAction::Matcher, &view.actor)?;
        let limit = crate::ops::page_size(self.limit, 50, 200)?;
        let interests = store::all(
            view.db,
            "SELECT tag, count(*) FROM match_queue GROUP BY tag ORDER BY count(*) DESC, tag LIMIT ?",
            [limit],
            |row| {
                let tag: String = row.get(0)?;
                Ok((tag, row.get(1)?))
            },
        )?;
        let waits = Waits::of_last_hour(view.db, view.now)?;
        let (waiting, waiting_since) = store::first(
            view.db,
            "SELECT count(*), min(since) FROM match_entry WHERE expires_at > ?",
            [view.now],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?
        .unwrap_or_default();
        Ok(Statistics {
            paused: switch::is_paused(view.db)?,
            waiting,
            waiting_since,
            interests: interests
                .into_iter()
                .filter_map(|(tag, waiting)| {
                    let interest = Interest::try_from(tag).ok()?;
                    Some(TagCount { interest, waiting })
                })
                .collect(),
            active_chats: store::first(
                view.db,
                "SELECT count(*) FROM chat WHERE ends_at IS NOT NULL",
                [],
                |row| row.get(0),
            )?
            .unwrap_or_default(),
            pairs_per_hour: waits.people() / 2,
            wait_p50_ms: waits.reached_by(50),
            wait_p99_ms: waits.reached_by(99),
            as_of: view.as_of()?,
        })
    }
}

/// How many people waited for each step, the shortest first.
struct Waits(Vec<(u32, u64)>);

impl Waits {
    fn of_last_hour(db: &Connection, now: Timestamp) -> Result<Self> {
        store::all(
            db,
            "SELECT step, sum(people) FROM match_wait WHERE minute > ? GROUP BY step ORDER BY step",
            [minute(now.plus(-HOUR))],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .map(Self)
    }

    fn people(&self) -> u64 {
        self.0.iter().map(|(_, people)| people).sum()
    }

    /// The time that this many of a hundred did not wait longer than.
    fn reached_by(&self, percent: u64) -> Option<u64> {
        let wanted = (self.people() * percent).div_ceil(100);
        let mut so_far = 0;
        let step = self.0.iter().find(|(_, people)| {
            so_far += people;
            so_far >= wanted
        });
        step.map(|(step, _)| longest_of(*step))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn short_times_are_counted_exactly() {
        for waited in 0..16 {
            assert_eq!(longest_of(step(waited)), waited.unsigned_abs());
        }
    }

    proptest! {
        #[test]
        fn a_step_is_at_most_an_eighth_too_long(waited in 0_i64..1 << 50) {
            let read = longest_of(step(waited));
            let waited = waited.unsigned_abs();
            prop_assert!(read >= waited && read - waited <= waited / 8, "{} as {}", waited, read);
        }

        #[test]
        fn who_waits_longer_is_counted_in_no_lower_step(one in 0_i64..1 << 50, more in 0_i64..1 << 20) {
            prop_assert!(step(one) <= step(one + more));
        }
    }
}
