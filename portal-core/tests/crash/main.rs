//! SPEC 14.0: killing the process at any point loses nothing acknowledged and leaves nothing half done.
//!
//! The test starts itself as a child that works as fast as it can and writes down every acknowledgement,
//! kills it without warning after a number of acknowledgements drawn from a seed, opens the file again and
//! looks. `PORTAL_SEED` replays a run, `PORTAL_KILLS` makes it longer.

#![expect(
    clippy::print_stdout,
    reason = "the child's acknowledgements, and the run's summary"
)]

mod matches;
mod sends;

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use portal_core::{Actor, Options, Portal};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rusqlite::Connection;

/// What a child does, and what must be true of the file after it was killed.
struct Scenario {
    name: &'static str,
    /// Fills a file for it.
    prepare: fn(&Path),
    /// The child: works until it is killed.
    work: fn(&Path),
    /// Looks at the file, knowing every acknowledgement so far.
    check: fn(&Path, &[String], &str),
}

const SCENARIOS: [Scenario; 2] = [sends::SCENARIO, matches::SCENARIO];

fn main() {
    if let (Some(path), Ok(name)) = (
        std::env::var_os("PORTAL_CRASH_CHILD"),
        std::env::var("PORTAL_CRASH_SCENARIO"),
    ) {
        let named = SCENARIOS.iter().find(|scenario| scenario.name == name);
        return (named.unwrap().work)(Path::new(&path));
    }
    let number = |name: &str, default| {
        std::env::var(name)
            .ok()
            .and_then(|text| text.parse::<u64>().ok())
            .unwrap_or(default)
    };
    let (seed, kills) = (
        number("PORTAL_SEED", 20_261_122),
        number("PORTAL_KILLS", 50),
    );
    for scenario in &SCENARIOS {
        kill_again_and_again(scenario, seed, kills);
    }
    println!("{} passed, 0 failed", SCENARIOS.len());
}

fn kill_again_and_again(scenario: &Scenario, seed: u64, kills: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("portal.db");
    (scenario.prepare)(&path);
    let mut acknowledged = Vec::new();
    for kill in 0..kills {
        let after = random.random_range(0..150);
        acknowledged.extend(run_and_kill(scenario, &path, after));
        let run = format!("{}, seed {seed}, kill {kill} after {after}", scenario.name);
        check_file(&path, &run);
        (scenario.check)(&path, &acknowledged, &run);
    }
    assert!(
        acknowledged.len() as u64 > kills,
        "the children hardly did anything"
    );
    println!(
        "{kills} kills, seed {seed}: all of {} acknowledged {} kept",
        acknowledged.len(),
        scenario.name
    );
}

/// Starts a child, reads `after` acknowledgements, kills it, and reads what was still on its way.
fn run_and_kill(scenario: &Scenario, path: &Path, after: usize) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .env("PORTAL_CRASH_CHILD", path)
        .env("PORTAL_CRASH_SCENARIO", scenario.name)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok);
    let mut acknowledged: Vec<_> = lines.by_ref().take(after).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    // The kill may have cut the last line off: only what ends with its mark was acknowledged.
    acknowledged.extend(lines);
    acknowledged.retain_mut(|line| line.pop() == Some('.'));
    acknowledged
}

/// The child's word that something was acknowledged.
fn acknowledge(word: &str) {
    let line = format!("{word}.\n");
    std::io::stdout().write_all(line.as_bytes()).unwrap();
}

/// What is true of every file, whatever was done to it.
fn check_file(path: &Path, run: &str) {
    let portal = Portal::open(path, Options::default()).unwrap();
    let findings = portal
        .call_json(&Actor::operator(), "db.check", "{}")
        .unwrap();
    let findings: serde_json::Value = serde_json::from_str(&findings).unwrap();
    // A kill leaves the log behind: that is advice, not a problem.
    assert_eq!(findings["ok"], true, "{run}: {findings}");
}

fn numbers(db: &Connection, sql: &str) -> Vec<i64> {
    let mut statement = db.prepare(sql).unwrap();
    statement
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect()
}
