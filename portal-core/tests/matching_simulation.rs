//! The matcher against a model of it, step by step (SPEC 9, 10.1): people come and go, wait, are matched,
//! leave, lose their connections, block each other, have premium for a while and are timed out; the clock
//! goes on or leaps, housekeeping runs or is late, and the process starts anew.
//!
//! Everything is drawn from a seed. `PORTAL_SEED` replays one run, `PORTAL_STEPS` makes it longer.

mod common;

#[path = "matching_simulation/compare.rs"]
mod compare;
#[path = "matching_simulation/model.rs"]
mod model;
#[path = "matching_simulation/presence.rs"]
mod presence;
#[path = "matching_simulation/steps.rs"]
mod steps;
#[path = "matching_simulation/world.rs"]
mod world;

use std::any::Any;
use std::collections::{BTreeSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};

use world::World;

/// How many steps before the one that fails are told.
const TOLD: usize = 12;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// The seeds of a test: its own, or the one that is asked for.
fn seeds(own: &[u64]) -> Vec<u64> {
    number("PORTAL_SEED").map_or_else(|| own.to_vec(), |seed| vec![seed])
}

/// Takes so many steps; all is compared every so often and in the end.
fn run(world: &mut World, seed: u64, steps: u64, compare_every: u64) {
    let mut before = VecDeque::new();
    for nth in 1..=steps {
        let step = world.draw();
        let taken = catch_unwind(AssertUnwindSafe(|| {
            world.take(&step);
            if nth % compare_every == 0 || nth == steps {
                world.compare_all();
            }
        }));
        if let Err(why) = taken {
            panic!(
                "seed {seed}, step {nth}, {step:?}: {}\nbefore it: {before:?}",
                text(&*why)
            );
        }
        before.push_back(step);
        if before.len() > TOLD {
            before.pop_front();
        }
    }
}

fn text(why: &dyn Any) -> &str {
    let owned = why.downcast_ref::<String>().map(String::as_str);
    owned
        .or_else(|| why.downcast_ref().copied())
        .unwrap_or_default()
}

#[test]
fn whoever_comes_and_goes_is_matched_as_the_model_says_spec_9() {
    let own: Vec<_> = (1..=10).collect();
    let mut seen = BTreeSet::new();
    let seeds = seeds(&own);
    for seed in &seeds {
        let mut world = World::small(*seed);
        let steps = number("PORTAL_STEPS").unwrap_or(800);
        run(&mut world, *seed, steps, 100);
        seen.append(&mut world.seen);
    }
    // One run alone need not come everywhere.
    if seeds == own {
        let missed: Vec<_> = EVERYTHING
            .iter()
            .filter(|it| !seen.contains(**it))
            .collect();
        assert!(missed.is_empty(), "nobody came to {missed:?}");
    }
}

/// Every refusal, every reason why somebody waits no longer or a chat is over, and a match that became
/// possible later.
const EVERYTHING: [&str; 19] = [
    "ERR_CHAT_NOT_FOUND",
    "ERR_MATCH_ALREADY_SEARCHING",
    "ERR_MATCH_AMBIGUOUS",
    "ERR_MATCH_BAD_INTEREST",
    "ERR_MATCH_NO_ACTIVE_DIRECT",
    "ERR_MATCH_SLOT_LIMIT",
    "ERR_NOT_CONNECTED",
    "ERR_STRANGER_BLOCKED",
    "ERR_STRANGER_FORBIDDEN",
    "ERR_TIMED_OUT",
    "asked",
    "blocked",
    "expired",
    "left",
    "matched later",
    "peer_left",
    "peer_stayed_away",
    "stayed_away",
    "timed_out",
];

#[test]
fn a_crowd_is_matched_as_the_model_says_spec_9_3() {
    for seed in seeds(&[20_261_125]) {
        let mut world = World::crowd(seed);
        let steps = number("PORTAL_STEPS").unwrap_or(2_500);
        run(&mut world, seed, steps, 1_000);
        let matches = world.model.pairings.len();
        assert!(matches > 100, "only {matches} matches");
    }
}
