//! What memory relies on: it follows each commit before anybody is judged by it or reads what is new.

use std::sync::{Arc, Weak};

use super::*;

/// A writer of an empty table, and what is kept in memory of it.
struct Stage {
    writer: Writer,
    memory: Mutex<Vec<String>>,
}

impl Stage {
    fn new() -> Arc<Self> {
        Arc::new_cyclic(|stage: &Weak<Self>| {
            let mut db = Connection::open_in_memory().unwrap();
            db.execute_batch("CREATE TABLE note (text TEXT)").unwrap();
            let stage = Weak::clone(stage);
            let at_commit = move || {
                stage.upgrade().unwrap().remember("commit");
                false
            };
            db.commit_hook(Some(at_commit)).unwrap();
            Self {
                writer: Writer::new(db, Duration::ZERO),
                memory: Mutex::default(),
            }
        })
    }

    /// What happened, and whether a reader could have come in between.
    fn remember(&self, what: &str) {
        let seen = if self.writer.is_settled() {
            ""
        } else {
            ", in sight"
        };
        self.memory.lock().unwrap().push(format!("{what}{seen}"));
    }

    /// Runs jobs in one call; answers what happened.
    fn run(self: &Arc<Self>, jobs: &[(&'static str, bool)]) -> Vec<String> {
        let jobs = jobs.iter().map(|&(name, ends_batch)| {
            let stage = Arc::clone(self);
            Box::new(Note {
                stage,
                name,
                ends_batch,
            }) as Box<dyn Job>
        });
        self.writer.submit(jobs.collect());
        self.memory.lock().unwrap().clone()
    }
}

/// Writes its name down; memory follows it when it is finished.
struct Note {
    stage: Arc<Stage>,
    name: &'static str,
    ends_batch: bool,
}

impl Job for Note {
    fn run(&mut self, db: &Connection) -> Result<Fate> {
        self.stage.remember(&format!("{} runs", self.name));
        db.execute("INSERT INTO note VALUES (?)", [self.name])?;
        Ok(Fate::Kept)
    }

    fn ends_batch(&self) -> bool {
        self.ends_batch
    }

    fn finish(self: Box<Self>, outcome: Result<Fate>) {
        outcome.unwrap();
        self.stage.remember(&format!("{} is followed", self.name));
    }
}

#[test]
fn memory_has_followed_a_job_that_changes_it_before_the_next_is_run() {
    let jobs = [("one", false), ("two", true), ("three", false)];
    assert_eq!(
        Stage::new().run(&jobs),
        [
            "one runs, in sight",
            "two runs, in sight",
            "commit",
            "one is followed",
            "two is followed",
            "three runs, in sight",
            "commit",
            "three is followed",
        ]
    );
}

#[test]
fn nobody_looks_between_a_commit_and_the_last_job_that_memory_follows() {
    let stage = Stage::new();
    let happened = stage.run(&[("one", false), ("two", false)]);
    let committed = happened.iter().position(|what| what == "commit");
    assert_eq!(
        happened[committed.unwrap()..],
        ["commit", "one is followed", "two is followed"]
    );
    assert!(!stage.writer.is_settled(), "readers may go on");
}
