//! The real program on a file of its own.

#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "each test file uses its part"
)]

use std::path::PathBuf;
use std::process::{Command, Stdio};

use rusqlite::Connection;
use serde_json::Value;

/// A directory with a database in it.
pub struct Bench {
    pub dir: tempfile::TempDir,
}

/// What a run left.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    /// Expects this exit code.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        self
    }

    /// Expects success and one JSON document; answers it.
    #[track_caller]
    pub fn json(self) -> Value {
        let ran = self.exits(0);
        assert_eq!(ran.out.lines().count(), 1, "{ran:?}");
        serde_json::from_str(&ran.out).unwrap()
    }

    /// Expects this exit code, nothing on stdout, and this error as JSON on stderr's last line.
    #[track_caller]
    pub fn refused(self, exit: i32, code: &str) -> Value {
        let ran = self.exits(exit);
        assert_eq!(ran.out, "", "{ran:?}");
        let last = ran.err.lines().last().unwrap_or_default();
        let body: Value = serde_json::from_str(last).unwrap_or_else(|_| panic!("{ran:?}"));
        assert_eq!(body["error"]["code"], code, "{ran:?}");
        assert!(body["error"]["message"].is_string(), "{ran:?}");
        body["error"].clone()
    }
}

impl Bench {
    /// An empty database.
    pub fn new() -> Self {
        let bench = Self::bare();
        bench.run("db init").exits(0);
        bench
    }

    /// Only the directory.
    pub fn bare() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    /// A database with olga (1, owner), ada (2, admin), pia (3, premium) and ben (4).
    pub fn with_people() -> Self {
        let bench = Self::new();
        for (name, role) in [
            ("olga", "owner"),
            ("ada", "admin"),
            ("pia", "user"),
            ("ben", "user"),
        ] {
            bench
                .run(&format!("user create {name} --role {role}"))
                .exits(0);
        }
        // Past the library: what grants a tier has tests of its own.
        bench
            .raw()
            .execute("UPDATE user SET tier = 2 WHERE id = 3", [])
            .unwrap();
        bench
    }

    pub fn file(&self) -> PathBuf {
        self.path("portal.db")
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The names in the directory, in their order.
    pub fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.dir.path()).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// Runs a query of one number on a file of the directory, past the library.
    #[track_caller]
    pub fn number(&self, name: &str, sql: &str) -> i64 {
        let db = Connection::open(self.path(name)).unwrap();
        db.query_row(sql, [], |row| row.get(0)).unwrap()
    }

    /// The file, its log and the log's index as a killed process leaves them: with these commits in the log
    /// alone.
    pub fn left_by_a_kill(&self, commits: &[&str]) -> Self {
        let db = self.raw();
        db.pragma_update(None, "wal_autocheckpoint", 0).unwrap();
        for commit in commits {
            db.execute_batch(commit).unwrap();
        }
        let left = Self::bare();
        for suffix in ["", "-wal", "-shm"] {
            let name = format!("portal.db{suffix}");
            std::fs::copy(self.path(&name), left.path(&name)).unwrap();
        }
        left
    }

    /// The file, past every rule of the library.
    pub fn raw(&self) -> Connection {
        Connection::open(self.file()).unwrap()
    }

    /// The program, in the bench's directory and with nothing of the caller's surroundings.
    pub fn command(&self) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("portal-cli"));
        command
            .current_dir(self.dir.path())
            .env_clear()
            .env("USER", "tester")
            .stdin(Stdio::null());
        command
    }

    /// Runs it with these words as arguments; `~` in a word is a space.
    #[track_caller]
    pub fn run(&self, words: &str) -> Ran {
        let words: Vec<String> = words
            .split(' ')
            .map(|word| word.replace('~', " "))
            .collect();
        self.run_args(&words)
    }

    #[track_caller]
    pub fn run_args(&self, args: &[impl AsRef<std::ffi::OsStr>]) -> Ran {
        ran(self.command().args(args))
    }

    /// Runs it with something on stdin.
    #[track_caller]
    pub fn run_with_stdin(&self, args: &[&str], stdin: &str) -> Ran {
        let input = self.dir.path().join("stdin");
        std::fs::write(&input, stdin).unwrap();
        ran(self
            .command()
            .args(args)
            .stdin(std::fs::File::open(input).unwrap()))
    }
}

/// Runs a command to its end.
#[track_caller]
pub fn ran(command: &mut Command) -> Ran {
    let output = command.output().unwrap();
    Ran {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The words below `Commands:` in a help text.
pub fn listed(help: &str) -> Vec<String> {
    help.lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        // What is indented further is a line that goes on.
        .filter_map(|line| {
            line.strip_prefix("  ")
                .filter(|rest| !rest.starts_with(' '))
        })
        .filter_map(|line| line.split_whitespace().next())
        .filter(|word| *word != "help")
        .map(str::to_owned)
        .collect()
}

/// Every noun of the grammar with its verbs, as the help lists them.
pub fn grammar(bench: &Bench) -> Vec<(String, Vec<String>)> {
    let nouns = listed(&bench.run("-h").exits(0).out);
    let verbs = |noun: &str| listed(&bench.run(&format!("{noun} -h")).exits(0).out);
    nouns
        .into_iter()
        .map(|noun| (noun.clone(), verbs(&noun)))
        .collect()
}

/// Every verb of the grammar, as `noun verb`; a noun without verbs by itself.
pub fn verbs(bench: &Bench) -> Vec<String> {
    let named = |(noun, verbs): (String, Vec<String>)| {
        if verbs.is_empty() {
            vec![noun]
        } else {
            verbs.iter().map(|verb| format!("{noun} {verb}")).collect()
        }
    };
    grammar(bench).into_iter().flat_map(named).collect()
}

/// Compares a text with the file that holds it, from the workspace's root; `PORTAL_BLESS=1` writes it anew.
#[track_caller]
pub fn hold(path: &str, text: &str) {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(path);
    if std::env::var_os("PORTAL_BLESS").is_some() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, text).unwrap();
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        kept == text,
        "{path} is out of date: PORTAL_BLESS=1 cargo test -p portal-cli, and review it"
    );
}

/// Overwrites the page on which a word stands, in a file that nobody has open; answers the file's bytes.
pub fn flip_a_page(bench: &Bench, word: &str) -> Vec<u8> {
    let mut bytes = std::fs::read(bench.file()).unwrap();
    let at = bytes
        .windows(word.len())
        .position(|window| window == word.as_bytes())
        .unwrap();
    let page = at / 4096 * 4096;
    assert_ne!(page, 0, "the schema's page is another matter");
    bytes[page..page + 4096].fill(0x5A);
    std::fs::write(bench.file(), &bytes).unwrap();
    bytes
}
