//! A chat's shared browser (SPEC 11): the tables `browser`, `browser_holder` and `browser_request`.
//!
//! Leave is judged first: whoever may not look into a chat learns nothing of its browser either (SPEC 4.4). Then
//! it is asked whether browsers are run at all; where they are not, everything ends in `ERR_BROWSER_UNAVAILABLE`
//! (SPEC 11.3). Another process than the one that runs them starts, stops and looks; the rest is for those in the room.
//!
//! The surprise: nothing here starts or stops a browser. Operations write down what is wanted, and what came of
//! it; in between [`crate::Keeper`] calls the backend, outside of every transaction.

mod claim;
mod control;
mod errands;
mod get;
mod idle;
mod list;
mod plan;
mod run;

pub use control::{GrantControl, ReleaseControl, RequestControl, TakeControl};
pub(crate) use control::{drop_person, forget_person, joins};
pub use errands::{Clipboard, ClipboardText, Screen, Screenshot, SetClipboard};
pub use get::{BrowserView, Get, Shown};
pub(crate) use idle::{begin_presence, tick};
pub use list::{List, Listed, ListedBrowser};
pub(crate) use plan::{Plan, Seated, may_talk, plan, runs};
pub(crate) use run::{Announce, Outcome, Settle};
pub use run::{Start, Stop};

use rusqlite::Connection;

use crate::error::{Error, ErrorKind, Result};
use crate::model::{BrowserEnd, BrowserState, ChatId, RunId, Timestamp};
use crate::operation::View;
use crate::ops::chats;
use crate::policy::{ChatAct, Permit, permit};
use crate::store;

/// Leave for what a row of SPEC 4.1 says about the browser.
fn leave<A: ChatAct>(view: &View<'_>, chat: ChatId) -> Result<Permit<A>> {
    let (_, facts) = chats::load(view, chat)?;
    Ok(permit(&view.actor, &facts)?)
}

/// Refuses where this process runs no browsers: what concerns people in the room, or goes through to one.
fn check_available(view: &View<'_>) -> Result<()> {
    if view.runs_browsers() {
        Ok(())
    } else {
        Err(ErrorKind::BrowserUnavailable.into())
    }
}

/// Refuses where no process runs browsers for this file: what is wanted of one is written down anywhere.
fn check_run_somewhere(view: &View<'_>) -> Result<()> {
    if claim::are_run(view)? {
        Ok(())
    } else {
        Err(ErrorKind::BrowserUnavailable.into())
    }
}

/// A row of `browser`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BrowserRow {
    pub(crate) chat: ChatId,
    pub(crate) run: RunId,
    pub(crate) state: BrowserState,
    pub(crate) since: Timestamp,
    pub(crate) reason: Option<BrowserEnd>,
    pub(crate) empty_since: Option<Timestamp>,
}

const COLUMNS: &str = "chat_id, run, state, since, reason, empty_since";

fn from_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<BrowserRow> {
    Ok(BrowserRow {
        chat: row.get(0)?,
        run: row.get(1)?,
        state: row.get(2)?,
        since: row.get(3)?,
        reason: row.get(4)?,
        empty_since: row.get(5)?,
    })
}

/// What is wanted of a chat's browser and what became of it; none, if none runs and none is wanted.
fn find(db: &Connection, chat: ChatId) -> Result<Option<BrowserRow>> {
    let sql = format!("SELECT {COLUMNS} FROM browser WHERE chat_id = ?");
    store::first(db, &sql, [chat], from_row)
}

/// All of them.
fn all(db: &Connection) -> Result<Vec<BrowserRow>> {
    let sql = format!("SELECT {COLUMNS} FROM browser ORDER BY chat_id");
    store::all(db, &sql, [], from_row)
}

/// A page of them.
fn all_after(db: &Connection, after: Option<ChatId>, limit: usize) -> Result<Vec<BrowserRow>> {
    let sql = format!("SELECT {COLUMNS} FROM browser WHERE chat_id > ? ORDER BY chat_id LIMIT ?");
    store::all(db, &sql, (after.map_or(0, ChatId::get), limit), from_row)
}

/// Whether the chat's browser runs.
pub(crate) fn is_running(db: &Connection, chat: ChatId) -> Result<bool> {
    let found = store::first(
        db,
        "SELECT 1 FROM browser WHERE chat_id = ? AND state = 'running'",
        [chat],
        |_| Ok(()),
    )?;
    Ok(found.is_some())
}

/// The run of the chat's browser, while it runs.
fn running(db: &Connection, chat: ChatId) -> Result<RunId> {
    let found = find(db, chat)?.filter(|row| row.state == BrowserState::Running);
    found.map(|row| row.run).ok_or_else(|| {
        let sentence = "The chat's browser does not run; start it first.";
        Error::with_message(ErrorKind::BrowserUnavailable, sentence)
    })
}

/// Moves a browser to another state; its run stays.
fn set_state(
    db: &Connection,
    now: Timestamp,
    chat: ChatId,
    state: BrowserState,
    reason: Option<BrowserEnd>,
) -> Result<()> {
    store::execute(
        db,
        "UPDATE browser SET state = ?2, since = ?3, reason = ?4,
           empty_since = CASE WHEN ?2 IN ('starting', 'running') THEN empty_since END WHERE chat_id = ?1",
        (chat, state, now, reason),
    )?;
    Ok(())
}
