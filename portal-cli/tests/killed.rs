//! SPEC 14.0 for the file as a whole: `kill -9` at any moment of a backup, a restore or a vacuum leaves the old
//! file or the new one, never half of one.
//!
//! The directory is watched, and the program is killed at the first, second, third, ... change that can be
//! seen there, until it gets to its end. No clock is asked.

mod common;

use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};

use common::Bench;
use rusqlite::Connection;

/// At most this many runs; each ends by itself in the end.
const RUNS: usize = 400;

/// More than a megabyte, and in the log of a killed process a user `late` besides.
fn prepared() -> Bench {
    let bench = Bench::with_people();
    bench
        .run("chat create --type PRIVATE --name A~chat --owner 3")
        .exits(0);
    bench
        .raw()
        .execute_batch(
            "UPDATE chat SET next_message_id = 1201;
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200)
             INSERT INTO message (chat_id, id, sender_id, sender_role, epoch, content, created_at)
               SELECT 1, i, 3, 0, 1, hex(zeroblob(450)), 0 FROM n;",
        )
        .unwrap();
    bench.run("db backup copy.db").exits(0);
    let left = bench.left_by_a_kill(&[LATE]);
    fs::copy(bench.path("copy.db"), left.path("copy.db")).unwrap();
    left
}

const LATE: &str = "INSERT INTO user (id, username, created_at) VALUES (50, 'late', 0)";
const FILES: [&str; 4] = ["portal.db", "portal.db-wal", "portal.db-shm", "copy.db"];

/// The same once more: what a run was killed in is not used again.
fn again(prepared: &Bench) -> Bench {
    let bench = Bench::bare();
    for name in FILES {
        fs::copy(prepared.path(name), bench.path(name)).unwrap();
    }
    bench
}

/// What can be seen of a directory: names and sizes.
fn seen(dir: &Path) -> Vec<(String, u64)> {
    let entries = fs::read_dir(dir).unwrap().flatten();
    let mut seen: Vec<_> = entries
        .map(|entry| {
            let size = entry.metadata().map_or(0, |file| file.len());
            (entry.file_name().to_string_lossy().into_owned(), size)
        })
        .collect();
    seen.sort();
    seen
}

/// Runs the program and kills it at the given change; answers whether it had ended before.
fn killed_at(bench: &Bench, words: &str, change: usize) -> bool {
    let mut child: Child = bench
        .command()
        .args(words.split(' '))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut last = seen(bench.dir.path());
    let mut changes = 0;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success(), "{words}: {status}");
            return true;
        }
        let now = seen(bench.dir.path());
        if now != last {
            last = now;
            changes += 1;
            if changes > change {
                child.kill().unwrap();
                return child.wait().unwrap().success();
            }
        }
        std::thread::yield_now();
    }
}

/// Opens the file once, as whoever comes next does, and checks it.
#[track_caller]
fn is_sound(bench: &Bench, name: &str, run: &str) {
    bench.run(&format!("--db {name} config get")).exits(0);
    let checked = bench.run(&format!("--json --db {name} db check"));
    assert_eq!(checked.code, 0, "{run}, {name}: {checked:?}");
}

/// How many people and messages a file has; opened as any program does, with its log.
fn contents(bench: &Bench, name: &str) -> (i64, i64) {
    let db = Connection::open(bench.path(name)).unwrap();
    let count = |table: &str| {
        db.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| {
            row.get(0)
        })
        .unwrap()
    };
    (count("user"), count("message"))
}

/// A run that came to its end may only have been too quick for whoever watched it: so many of them end the turn.
const ENDED: usize = 3;

/// Kills at every change in turn; answers how many runs were killed.
fn at_every_change(words: &str, look: impl Fn(&Bench, bool, &str)) -> usize {
    let prepared = prepared();
    let mut ended_runs = 0;
    for change in 0..RUNS {
        let bench = again(&prepared);
        let ended = killed_at(&bench, words, change);
        let run = format!("{words}, change {change}, {:?}", seen(bench.dir.path()));
        look(&bench, ended, &run);
        ended_runs += usize::from(ended);
        if ended_runs == ENDED {
            return change + 1 - ended_runs;
        }
    }
    panic!("{words} never came to its end");
}

#[test]
fn a_killed_backup_leaves_a_whole_one_or_none_and_the_file_as_it_was() {
    let kills = at_every_change("db backup new.db", |bench, ended, run| {
        let is_there = bench.path("new.db").exists();
        assert!(is_there || !ended, "{run}");
        if is_there {
            is_sound(bench, "new.db", run);
            assert_eq!(contents(bench, "new.db"), (5, 1200), "{run}");
        }
        is_sound(bench, "portal.db", run);
        // The next one clears away what is left, and finds nothing in its way.
        bench.run("db backup next.db").exits(0);
        assert!(
            !bench.names().iter().any(|name| name.contains("partial")),
            "{run}"
        );
        assert_eq!(contents(bench, "portal.db"), (5, 1200), "{run}");
    });
    assert!(kills >= 1, "killed {kills} times");
}

#[test]
fn a_killed_restore_leaves_the_old_file_or_the_new_one() {
    let kills = at_every_change("--yes db restore copy.db", |bench, ended, run| {
        is_sound(bench, "portal.db", run);
        let epoch = bench.number("portal.db", "SELECT epoch FROM chat");
        let is = (contents(bench, "portal.db"), epoch);
        let (old, new) = (((5, 1200), 1), ((4, 1200), 1 + (1 << 20)));
        assert!(is == new || (is == old && !ended), "{run}: {is:?}");
        for name in bench.names() {
            let is_kept =
                name.contains(".replaced-") && !name.ends_with("-wal") && !name.ends_with("-shm");
            if is_kept {
                assert_eq!(contents(bench, &name), (5, 1200), "{run}, {name}");
            }
        }
        // And again, to the end.
        bench.run("--yes db restore copy.db").exits(0);
        is_sound(bench, "portal.db", run);
        assert_eq!(contents(bench, "portal.db"), (4, 1200), "{run}");
        assert!(
            !bench.names().iter().any(|name| name.contains("partial")),
            "{run}"
        );
    });
    assert!(kills >= 1, "killed {kills} times");
}

#[test]
fn a_killed_vacuum_leaves_the_same_file() {
    let kills = at_every_change("db vacuum", |bench, _, run| {
        is_sound(bench, "portal.db", run);
        assert_eq!(contents(bench, "portal.db"), (5, 1200), "{run}");
    });
    assert!(kills >= 1, "killed {kills} times");
}
