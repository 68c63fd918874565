//! Reading a page against how much there is: history in chats of a thousand to a million messages, the
//! directory over a thousand to a million PUBLIC chats. Prints medians, and ratios to the smallest.
//!
//! Rows of "anywhere" read another place at every call, which in a large file is seldom in `SQLite`'s own
//! cache; the others read one place over and over. The sizes of a row take turns; rows follow one another, so on
//! a shared machine compare within a row only.
//!
//! `cargo bench -p portal-core --bench flat`

#![allow(missing_docs, reason = "a benchmark has no callers")]
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "it measures and reports"
)]

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use portal_core::model::{ChatId, MessageId, SessionId};
use portal_core::ops::directory::{DirectoryPage, List};
use portal_core::ops::messages::History;
use portal_core::{Actor, Options, Portal};
use rusqlite::Connection;

const SIZES: [usize; 3] = [1_000, 100_000, 1_000_000];
const PAGE: usize = 50;
const RUNS: usize = 2_000;
/// A prime: its multiples, modulo a size, visit every place in an order that is not the file's.
const STRIDE: usize = 7_919;
const CONTENT: &str = include_str!("envelope.json");

const PEOPLE: &str = "
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 64)
    INSERT INTO user (id, username, tier, created_at) SELECT i, 'person-' || i, 3, 0 FROM n;";

/// `?1` messages of 64 people in one chat.
const MESSAGES: &str = "
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
    INSERT INTO message (chat_id, id, sender_id, sender_role, epoch, content, created_at)
    SELECT 1, i, 1 + i % 64, 0, 1, ?2, i FROM n";

/// `?1` chats, whose last activity is in another order than their rows: a page of them is spread over
/// the whole table.
const CHATS: &str = "
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
    INSERT INTO chat (id, chat_type, name, slug, owner_id, epoch_moved_at, public_from, chat_config, browser_config,
      created_at, last_activity_at)
    SELECT i, 'PUBLIC', 'Chat ' || i, 'chat-' || i, 1 + i % 64, 0, 1, '{}', '{}', 0, i * ?2 % ?1 FROM n";

/// A file filled by `fill` in one transaction, open.
fn file(path: &Path, fill: impl FnOnce(&Connection)) -> Portal {
    let open = || Portal::open(path, Options::default()).unwrap();
    drop(open());
    let db = Connection::open(path).unwrap();
    db.pragma_update(None, "cache_size", -262_144).unwrap();
    db.execute_batch("BEGIN").unwrap();
    db.execute_batch(PEOPLE).unwrap();
    fill(&db);
    db.execute_batch("COMMIT").unwrap();
    drop(db);
    open()
}

/// A PRIVATE chat of so many messages, read by a member.
struct Chat {
    portal: Portal,
    member: Actor,
    size: usize,
}

impl Chat {
    fn of(size: usize, dir: &Path) -> Self {
        let portal = file(&dir.join(format!("messages-{size}.db")), |db| {
            db.execute(
                "INSERT INTO chat (id, chat_type, name, owner_id, e2ee, epoch_moved_at, next_message_id, chat_config,
                     browser_config, created_at, last_activity_at)
                   VALUES (1, 'PRIVATE', 'Bench', 1, 2, 0, ? + 1, '{}', '{}', 0, 0)",
                [size],
            )
            .unwrap();
            db.execute(
                "INSERT INTO membership (chat_id, user_id, via, joined_at) VALUES (1, 2, 'invite', 0)",
                [],
            )
            .unwrap();
            db.execute(MESSAGES, (size, CONTENT)).unwrap();
        });
        let made = portal
            .call_json(&Actor::operator(), "session.create", r#"{"user_id":2}"#)
            .unwrap();
        let made: serde_json::Value = serde_json::from_str(&made).unwrap();
        let session = made["session_id"].as_i64().unwrap();
        Self {
            portal,
            member: Actor::session(SessionId::try_from(session).unwrap()),
            size,
        }
    }

    /// Reads the page before a message, or the newest.
    fn read(&self, before: Option<usize>) {
        let query = History {
            chat_id: ChatId::try_from(1).unwrap(),
            before: before.map(|id| MessageId::try_from(i64::try_from(id).unwrap()).unwrap()),
            after: None,
            limit: None,
        };
        let page = self.portal.query(&self.member, query).unwrap();
        assert_eq!(black_box(page).messages.len(), PAGE);
    }
}

/// A directory of so many chats, read by a guest.
struct Directory {
    portal: Portal,
    /// Of every full page but the first.
    cursors: Vec<String>,
}

impl Directory {
    fn of(size: usize, dir: &Path) -> Self {
        let portal = file(&dir.join(format!("chats-{size}.db")), |db| {
            db.execute(CHATS, (size, STRIDE)).unwrap();
        });
        let mut directory = Self {
            portal,
            cursors: Vec::new(),
        };
        let mut next = directory.read(None).next;
        while let Some(cursor) = next {
            next = directory.read(Some(&cursor)).next;
            directory.cursors.push(cursor);
        }
        assert_eq!(directory.cursors.len(), size / PAGE - 1);
        directory
    }

    fn read(&self, cursor: Option<&String>) -> DirectoryPage {
        let query = List {
            cursor: cursor.cloned(),
            limit: None,
        };
        let page = self.portal.query(&Actor::guest(), query).unwrap();
        assert_eq!(page.chats.len(), PAGE);
        black_box(page)
    }
}

/// The median times of a read at each size. The sizes take turns, so that whatever else the machine does
/// meets all of them.
fn medians<T>(files: &[T; 3], read: impl Fn(&T, usize)) -> [Duration; 3] {
    let mut times = [const { Vec::new() }; 3];
    for run in 0..RUNS {
        for (file, times) in files.iter().zip(&mut times) {
            let start = Instant::now();
            read(file, run);
            times.push(start.elapsed());
        }
    }
    times.map(|mut times| {
        times.sort();
        times[times.len() / 2]
    })
}

fn row<T>(name: &str, files: &[T; 3], read: impl Fn(&T, usize)) {
    let medians = medians(files, read);
    print!("{name:<22}");
    for median in medians {
        let ratio = median.div_duration_f64(medians[0]);
        print!(" {:>8.1} us {ratio:>5.2}", median.as_secs_f64() * 1e6);
    }
    println!();
}

fn main() {
    let dir = tempfile::tempdir().unwrap();
    print!("{:<22}", format!("a page of {PAGE} out of"));
    for size in SIZES {
        print!(" {size:>11} ratio");
    }
    println!();

    let chats = SIZES.map(|size| Chat::of(size, dir.path()));
    row("history, newest", &chats, |chat, _| chat.read(None));
    row("history, middle", &chats, |chat, _| {
        chat.read(Some(chat.size / 2));
    });
    row("history, anywhere", &chats, |chat, run| {
        // Far enough from the beginning that the page is full.
        let place = run * STRIDE % (chat.size - PAGE);
        chat.read(Some(place + PAGE + 1));
    });
    drop(chats);

    let directories = SIZES.map(|size| Directory::of(size, dir.path()));
    row("directory, first", &directories, |directory, _| {
        directory.read(None);
    });
    row("directory, deep", &directories, |directory, _| {
        let middle = directory.cursors.len() / 2;
        directory.read(Some(&directory.cursors[middle]));
    });
    row("directory, anywhere", &directories, |directory, run| {
        let place = run * STRIDE % directory.cursors.len();
        directory.read(Some(&directory.cursors[place]));
    });
}
