//! Asking for a match against how many wait: a thousand to a million people, who cannot be matched with each
//! other. Prints medians, and ratios to the smallest.
//!
//! Whoever asks has not asked before, in a transaction of their own. Nothing is fsynced here: it would be most
//! of the time, and the same at every size. The sizes of a row take turns; rows follow one another, so on a
//! shared machine compare within a row only.
//!
//! `cargo bench -p portal-core --bench matching`

#![allow(missing_docs, reason = "a benchmark has no callers")]
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "it measures and reports"
)]

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use portal_core::clock::ManualClock;
use portal_core::model::{SessionId, Timestamp};
use portal_core::ops::matching::{Enqueue, MatchState, Pause};
use portal_core::{Actor, Durability, Options, Portal};
use rusqlite::Connection;

const SIZES: [usize; 3] = [1_000, 100_000, 1_000_000];
const RUNS: usize = 1_000;
/// A prime: its multiples, modulo a number of people, visit everybody in an order that is not the file's.
const STRIDE: usize = 7_919;
/// How many people wait whom somebody who asks has blocked.
const BLOCKED: usize = 100;
/// As many people ask in all the rows of one file.
const COMING: usize = 10 * RUNS;

const NOW: i64 = 1_800_000_000_000;
/// After every run.
const LATER: i64 = NOW + 1_000_000_000;

/// Fills a file with people from 1 on: those who wait, those who wait and are blocked, those who come later.
/// The latter have sessions, of the same numbers.
fn people(db: &Connection, waiting: usize) {
    let coming = waiting + BLOCKED + 1;
    db.execute_batch(&format!(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {coming} + {COMING})
         INSERT INTO user (id, username, created_at) SELECT i, 'person-' || i, 0 FROM n;
         INSERT INTO session (id, user_id, token_hash, created_at, expires_at)
         SELECT id, id, randomblob(32), 0, {LATER} FROM user WHERE id >= {coming};"
    ))
    .unwrap();
}

/// Those who wait do so for three interests each, that nobody else has. The blocked wait for one, and whoever
/// asks in the first row has blocked them.
fn spread(db: &Connection, waiting: usize) {
    let coming = waiting + BLOCKED + 1;
    db.execute_batch(&format!(
        "INSERT INTO match_entry (user_id, interests, since, expires_at)
         SELECT id, json_array('aa' || id, 'bb' || id, 'cc' || id), id, {LATER} FROM user WHERE id <= {waiting};
         INSERT INTO match_entry (user_id, interests, since, expires_at)
         SELECT id, json_array('blocked'), id, {LATER} FROM user WHERE id > {waiting} AND id < {coming};
         INSERT INTO block (user_id, blocked_id, at)
         SELECT one.id, other.id, 0 FROM user one JOIN user other ON other.id > {waiting} AND other.id < {coming}
         WHERE one.id >= {coming} AND one.id < {coming} + 2 * {RUNS};"
    ))
    .unwrap();
}

/// Those who wait do so for one and the same thing, as they do while the matcher is paused.
fn one_queue(db: &Connection, waiting: usize) {
    db.execute_batch(&format!(
        "INSERT INTO match_entry (user_id, interests, since, expires_at)
         SELECT id, json_array('music'), id, {LATER} FROM user WHERE id <= {waiting};"
    ))
    .unwrap();
}

/// The same, each with no free slot: in a DIRECT chat with a neighbour.
fn without_slot(db: &Connection, waiting: usize) {
    db.execute_batch(&format!(
        "INSERT INTO chat (chat_type, name, pair_low, pair_high, epoch_moved_at, chat_config, browser_config,
           ends_at, interests, created_at, last_activity_at)
         SELECT 'DIRECT', 'Direct', id, id + 1, 0, '{{}}', '{{}}', {LATER}, '[\"music\"]', 0, 0 FROM user
         WHERE id <= {waiting} AND id % 2 = 1;
         INSERT INTO match_entry (user_id, interests, since, expires_at, rests)
         SELECT id, json_array('music'), id, {LATER}, 1 FROM user WHERE id <= {waiting};"
    ))
    .unwrap();
}

/// A file of people who wait, and of others who come.
struct Place {
    path: PathBuf,
    portal: Portal,
    /// How many wait at first; the runs take some of them away, but leave enough.
    waiting: usize,
    /// Who comes next.
    next: Cell<usize>,
    presence: bool,
}

fn open(path: &Path, presence: bool) -> Portal {
    let options = Options {
        presence,
        durability: Durability::Normal,
        clock: Arc::new(ManualClock::new(Timestamp::from_millis(NOW))),
        ..Options::default()
    };
    Portal::open(path, options).unwrap()
}

impl Place {
    /// A file filled in one transaction.
    fn of(size: usize, dir: &Path, name: &str, fill: fn(&Connection, usize)) -> Self {
        let path = dir.join(format!("{name}-{size}.db"));
        drop(open(&path, false));
        let waiting = size + 2 * RUNS;
        let mut db = Connection::open(&path).unwrap();
        db.pragma_update(None, "cache_size", -262_144).unwrap();
        let filling = db.transaction().unwrap();
        people(&filling, waiting);
        fill(&filling, waiting);
        filling.commit().unwrap();
        drop(db);
        Self {
            portal: open(&path, false),
            path,
            waiting,
            next: Cell::new(waiting + BLOCKED + 1),
            presence: false,
        }
    }

    /// The same file, with everybody who comes connected.
    fn with_presence(self) -> Self {
        self.portal.close();
        Self {
            portal: open(&self.path, true),
            presence: true,
            ..self
        }
    }

    /// Somebody who has not asked yet asks; answers how long that took.
    fn ask(&self, interests: &[&str], expected: MatchState) -> Duration {
        let id = self.next.replace(self.next.get() + 1);
        let session = SessionId::try_from(i64::try_from(id).unwrap()).unwrap();
        let mut who = Actor::session(session);
        if self.presence {
            who = Actor::connection(self.portal.connect(&who).unwrap());
        }
        let interests = interests.iter().map(ToString::to_string).collect();
        let asking = Enqueue { interests };
        let start = Instant::now();
        let answer = self.portal.call(&who, asking).unwrap();
        let took = start.elapsed();
        assert_eq!(answer.state, expected);
        took
    }

    /// Two people come one after the other; answers how long it took to match them.
    fn two(&self, interests: &[&str]) -> Duration {
        self.ask(interests, MatchState::Searching);
        self.ask(interests, MatchState::Matched)
    }

    /// A name that no other run has.
    fn own(&self, letters: &str) -> String {
        format!("{letters}{}", self.next.get())
    }
}

/// Prints the median time at each size with its ratio, and the ratio of the means: they hold what the log costs
/// when it is copied into the file, which the medians never meet.
fn row(name: &str, places: &[Place; 3], ask: impl Fn(&Place, usize) -> Duration) {
    let mut times = [const { Vec::new() }; 3];
    for run in 0..RUNS {
        for (place, times) in places.iter().zip(&mut times) {
            times.push(ask(place, run));
        }
    }
    let figures = times.map(|mut times| {
        times.sort();
        (times[times.len() / 2], times.iter().sum::<Duration>())
    });
    print!("{name:<34}");
    let (first_median, first_sum) = figures[0];
    for (median, sum) in figures {
        let ratio = median.div_duration_f64(first_median);
        let of_means = sum.div_duration_f64(first_sum);
        print!(
            " {:>7.1} us {ratio:>4.2} {of_means:>4.2}",
            median.as_secs_f64() * 1e6
        );
    }
    println!();
}

fn main() {
    let dir = tempfile::tempdir().unwrap();
    let files = |name, fill| SIZES.map(|size| Place::of(size, dir.path(), name, fill));
    print!("{:<34}", "waiting");
    for size in SIZES {
        print!(" {size:>10} ratio mean");
    }
    println!();

    let mut places = files("spread", spread);
    row("matched, past 100 blocked", &places, |place, _| {
        place.two(&["blocked"])
    });
    for presence in ["", ", present"] {
        row(&format!("nobody there{presence}"), &places, |place, _| {
            let (one, other, third) = (place.own("xx"), place.own("yy"), place.own("zz"));
            place.ask(&[&one, &other, &third], MatchState::Searching)
        });
        row(&format!("matched{presence}"), &places, |place, _| {
            let (one, other) = (place.own("xx"), place.own("yy"));
            place.two(&[&one, &other, "shared"])
        });
        let part = usize::from(!presence.is_empty());
        row(
            &format!("matched, anywhere{presence}"),
            &places,
            |place, run| {
                let who = 1 + (2 * run + part) * STRIDE % place.waiting;
                place.ask(&[&format!("aa{who}")], MatchState::Matched)
            },
        );
        if presence.is_empty() {
            places = places.map(Place::with_presence);
        }
    }
    drop(places);

    let places = files("queue", one_queue);
    row("one queue, matched with the first", &places, |place, _| {
        place.ask(&["music"], MatchState::Matched)
    });
    for place in &places {
        place.portal.call(&Actor::operator(), Pause {}).unwrap();
    }
    row("one queue, paused", &places, |place, _| {
        place.ask(&["music"], MatchState::Searching)
    });
    drop(places);

    let places = files("slots", without_slot);
    row("matched, none of them with a slot", &places, |place, _| {
        place.two(&["music"])
    });
}
