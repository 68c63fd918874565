//! What a simple verb takes from the start of its process to the end, on a file with many messages, against
//! a program that only opens the same file and reads one row. `benches/cli/run.sh` runs it.
//!
//!     bench-cli seed FILE MESSAGES
//!     bench-cli floor FILE
//!     bench-cli measure PORTAL_CLI FILE ROUNDS

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "it measures and reports"
)]

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use portal_core::{Options, Portal};
use rusqlite::Connection;

/// A ciphertext of a usual length.
const CONTENT_BYTES: usize = 220;
const CHATS: usize = 100;

/// What is measured, beside the floor.
const VERBS: &[&str] = &[
    "user show person-7",
    "user show 7",
    "chat show 1",
    "message list 1",
    "user list",
    "audit list",
    "config get",
    "chat update 1 --description Busy",
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["seed", file, messages] => seed(Path::new(file), messages.parse().unwrap()),
        ["floor", file] => floor(Path::new(file)),
        ["measure", program, file, rounds] => measure(program, file, rounds.parse().unwrap()),
        _ => panic!("seed FILE MESSAGES | floor FILE | measure PORTAL_CLI FILE ROUNDS"),
    }
}

/// A hundred chats with as many messages together, a tenth of them in the first: of a million as many as a chat keeps.
fn seed(file: &Path, messages: usize) {
    drop(Portal::open(file, Options::default()).unwrap());
    let db = Connection::open(file).unwrap();
    db.execute_batch("BEGIN").unwrap();
    db.execute_batch(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
         INSERT INTO user (id, username, role, tier, created_at)
           SELECT i, 'person-' || i, CASE i WHEN 1 THEN 3 ELSE 0 END, 3, 0 FROM n;",
    )
    .unwrap();
    let in_first = messages / 10;
    let each = (messages - in_first) / (CHATS - 1);
    db.execute(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
         INSERT INTO chat (id, chat_type, name, owner_id, e2ee, epoch_moved_at, next_message_id, chat_config, browser_config,
           created_at, last_activity_at)
         SELECT i, 'PRIVATE', 'Chat ' || i, i, 3, 0, CASE i WHEN 1 THEN ?2 ELSE ?3 END + 1, '{}', '{}', 0, 0 FROM n",
        (CHATS, in_first, each),
    )
    .unwrap();
    db.execute(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
         INSERT INTO message (chat_id, id, sender_id, sender_role, epoch, content, created_at)
         SELECT c.id, n.i, 1 + n.i % 1000, 0, 1, ?2, n.i FROM chat c, n WHERE n.i < c.next_message_id ORDER BY c.id, n.i",
        (in_first, "x".repeat(CONTENT_BYTES)),
    )
    .unwrap();
    db.execute_batch("COMMIT").unwrap();
}

/// What nobody can be faster than: open, configure as little as can be, read one row, close.
fn floor(file: &Path) {
    let db = Connection::open(file).unwrap();
    let sql = "SELECT username FROM user WHERE id = 7";
    let name: String = db.query_row(sql, [], |row| row.get(0)).unwrap();
    println!("{name}");
}

fn measure(program: &str, file: &str, rounds: usize) {
    let this = std::env::current_exe().unwrap();
    let mut rows = vec![(String::from("(floor)"), Vec::new())];
    rows.extend(VERBS.iter().map(|verb| ((*verb).to_owned(), Vec::new())));
    for _ in 0..rounds {
        // By turns, so that whatever else the machine does meets all of them.
        for (verb, took) in &mut rows {
            let mut command = if verb == "(floor)" {
                let mut command = Command::new(&this);
                command.args(["floor", file]);
                command
            } else {
                let mut command = Command::new(program);
                command.args(["--db", file]).args(verb.split(' '));
                command
            };
            took.push(time(&mut command));
        }
    }
    println!(
        "{:<34} {:>9} {:>9} {:>9}",
        "ms, start to finish", "median", "p90", "longest"
    );
    for (verb, mut took) in rows {
        took.sort_unstable();
        let at = |part: usize| took[(took.len() - 1) * part / 100].as_secs_f64() * 1000.0;
        println!(
            "{verb:<34} {:>9.2} {:>9.2} {:>9.2}",
            at(50),
            at(90),
            at(100)
        );
    }
}

fn time(command: &mut Command) -> Duration {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let began = Instant::now();
    let status = command.status().unwrap();
    let took = began.elapsed();
    assert!(status.success(), "{command:?}");
    took
}
