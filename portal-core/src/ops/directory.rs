//! The directory (SPEC 3.10): OFFICIAL chats first, then PUBLIC ones, each by last activity.
//!
//! A page costs what it shows, however many chats there are: it begins where the cursor says in the index
//! `chat_directory` and reads on. Chats that somebody writes in meanwhile move up, past the cursor.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rusqlite::Connection;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::model::{ChatId, ChatType, Timestamp};
use crate::operation::{Query, View};
use crate::ops::browser;
use crate::ops::chats::{COLUMNS, ChatRow, ChatView, from_row};
use crate::store;

/// Lists the chats that anyone may look into: OFFICIAL first, then PUBLIC by last activity. For anyone,
/// signed in or not.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct List {
    /// Where the page begins: `next` of the page before; default at the start.
    pub cursor: Option<String>,
    /// At most this many, 1 to 100; default 50.
    pub limit: Option<u16>,
}

/// A chat of the directory.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Listed {
    /// The chat.
    #[serde(flatten)]
    pub chat: ChatView,
    /// Whether its browser runs.
    pub running: bool,
    /// How many look at it at this moment; 0 where presence is off.
    pub viewer_count: usize,
}

/// A page of the directory.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DirectoryPage {
    /// In the directory's order.
    pub chats: Vec<Listed>,
    /// The cursor of the next page; null at the end.
    pub next: Option<String>,
    /// The place in the event log that this is true at.
    pub as_of: u64,
}

impl Query for List {
    const NAME: &'static str = "directory.list";
    type Reply = DirectoryPage;

    fn answer(self, view: &View<'_>) -> Result<DirectoryPage> {
        let limit = super::page_size(self.limit, 50, 100)?;
        let from = match &self.cursor {
            Some(cursor) => Place::from_cursor(cursor)?,
            None => Place::START,
        };
        // One more than is shown tells whether there is a next page.
        let mut rows = page(view.db, from, limit + 1)?;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows
            .last()
            .filter(|_| more)
            .map(|row| Place::of(row).cursor());
        let mut chats = Vec::new();
        for row in rows {
            let chat = row.chat.id;
            chats.push(Listed {
                running: browser::is_running(view.db, chat)?,
                viewer_count: view.presence().map_or(0, |all| all.viewers(chat)),
                chat: row.into(),
            });
        }
        Ok(DirectoryPage {
            chats,
            next,
            as_of: view.as_of()?,
        })
    }
}

/// Counts the chats of the directory and who looks at them at this moment. Of PRIVATE and DIRECT chats it
/// says nothing, not even how many there are. For anyone, signed in or not.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Statistics {}

/// Chats of one type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Counted {
    /// How many there are.
    pub chats: u64,
    /// How many of them somebody looks at.
    pub viewed: u64,
    /// How many look at them, in all: who looks at two chats counts in both. 0 where presence is off.
    pub viewers: usize,
}

/// What there is to look at, and who does.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ChatStatistics {
    /// OFFICIAL chats.
    pub official: Counted,
    /// PUBLIC chats.
    pub public: Counted,
    /// The place in the event log that this is true at.
    pub as_of: u64,
}

impl Query for Statistics {
    const NAME: &'static str = "directory.statistics";
    type Reply = ChatStatistics;

    fn answer(self, view: &View<'_>) -> Result<ChatStatistics> {
        let mut official = count(view.db, ChatType::Official)?;
        let mut public = count(view.db, ChatType::Public)?;
        let viewers = view
            .presence()
            .map_or_else(Vec::new, |all| all.all_viewers());
        for (chat, viewers) in viewers {
            let counted = match chat_type(view.db, chat)? {
                Some(ChatType::Official) => &mut official,
                Some(ChatType::Public) => &mut public,
                Some(ChatType::Private | ChatType::Direct) | None => continue,
            };
            counted.viewed += 1;
            counted.viewers += viewers;
        }
        Ok(ChatStatistics {
            official,
            public,
            as_of: view.as_of()?,
        })
    }
}

/// How many chats of a type there are.
fn count(db: &Connection, chat_type: ChatType) -> Result<Counted> {
    let chats = store::first(db, COUNT, [chat_type], |row| row.get(0))?;
    Ok(Counted {
        chats: chats.unwrap_or_default(),
        ..Counted::default()
    })
}

/// The first condition repeats the index's own, so that the planner knows that it may use it.
const COUNT: &str = "SELECT count(*) FROM chat
    WHERE chat_type IN ('OFFICIAL', 'PUBLIC') AND chat_type = ?";

fn chat_type(db: &Connection, chat: ChatId) -> Result<Option<ChatType>> {
    store::first(
        db,
        "SELECT chat_type FROM chat WHERE id = ?",
        [chat],
        |row| row.get(0),
    )
}

/// A place in the directory: right behind a chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    chat_type: ChatType,
    last_activity_at: Timestamp,
    id: i64,
}

impl Place {
    /// Before every chat.
    const START: Place = Place::top(ChatType::Official);

    /// Before every chat of a type.
    const fn top(chat_type: ChatType) -> Self {
        Self {
            chat_type,
            last_activity_at: Timestamp::from_millis(i64::MAX),
            id: i64::MAX,
        }
    }

    fn of(row: &ChatRow) -> Self {
        Self {
            chat_type: row.chat.kind.chat_type(),
            last_activity_at: row.last_activity_at,
            id: row.chat.id.get(),
        }
    }

    /// The place as a caller carries it: 17 bytes in base64url, of no meaning to them.
    fn cursor(self) -> String {
        let mut bytes = vec![u8::from(self.chat_type == ChatType::Official)];
        bytes.extend(self.last_activity_at.as_millis().to_be_bytes());
        bytes.extend(self.id.to_be_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn from_cursor(cursor: &str) -> Result<Self> {
        let invalid = || Error::invalid("cursor", "a cursor is the `next` of an earlier page");
        let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| invalid())?;
        let (first, rest) = bytes.split_first().ok_or_else(invalid)?;
        let ([at, id], []) = rest.as_chunks::<8>() else {
            return Err(invalid());
        };
        Ok(Self {
            chat_type: match first {
                1 => ChatType::Official,
                0 => ChatType::Public,
                _ => return Err(invalid()),
            },
            last_activity_at: Timestamp::from_millis(i64::from_be_bytes(*at)),
            id: i64::from_be_bytes(*id),
        })
    }
}

fn page(db: &Connection, from: Place, limit: usize) -> Result<Vec<ChatRow>> {
    let mut rows = of_type(db, from, limit)?;
    if from.chat_type == ChatType::Official && rows.len() < limit {
        let rest = limit - rows.len();
        rows.extend(of_type(db, Place::top(ChatType::Public), rest)?);
    }
    Ok(rows)
}

/// The chats of the place's type behind it.
fn of_type(db: &Connection, from: Place, limit: usize) -> Result<Vec<ChatRow>> {
    store::all(
        db,
        &page_sql(),
        (from.chat_type, from.last_activity_at, from.id, limit),
        from_row,
    )
}

/// The first condition repeats the index's own, so that the planner knows that it may use it.
fn page_sql() -> String {
    format!(
        "SELECT {COLUMNS} FROM chat c
         WHERE c.chat_type IN ('OFFICIAL', 'PUBLIC') AND c.chat_type = ?1
           AND (c.last_activity_at, c.id) < (?2, ?3)
         ORDER BY c.last_activity_at DESC, c.id DESC LIMIT ?4"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Opening, Store};

    #[test]
    fn a_page_is_one_range_of_the_index() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("portal.db");
        let store = Store::open(&path, Opening::default()).unwrap();
        let reader = store.readers.begin().unwrap();
        let plan = store::all(
            &reader,
            &format!("EXPLAIN QUERY PLAN {}", page_sql()),
            (ChatType::Public, Timestamp::from_millis(1), 1, 50),
            |row| row.get::<_, String>(3),
        )
        .unwrap();
        assert_eq!(
            plan,
            ["SEARCH c USING INDEX chat_directory (chat_type=? AND last_activity_at<?)"]
        );
    }

    #[test]
    fn counting_reads_the_index_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("portal.db");
        let store = Store::open(&path, Opening::default()).unwrap();
        let reader = store.readers.begin().unwrap();
        let plan = store::all(
            &reader,
            &format!("EXPLAIN QUERY PLAN {COUNT}"),
            [ChatType::Public],
            |row| row.get::<_, String>(3),
        )
        .unwrap();
        assert_eq!(
            plan,
            ["SEARCH chat USING COVERING INDEX chat_directory (chat_type=?)"]
        );
    }

    #[test]
    fn a_cursor_comes_back_as_the_place_it_was_made_of() {
        let place = Place {
            chat_type: ChatType::Public,
            last_activity_at: Timestamp::from_millis(1_800_000_000_123),
            id: 42,
        };
        assert_eq!(Place::from_cursor(&place.cursor()).unwrap(), place);
        for bad in ["", "x", "AAAA", "????", &"A".repeat(24)] {
            assert!(Place::from_cursor(bad).is_err(), "{bad:?}");
        }
    }
}
