//! Starting and stopping (SPEC 11.2), and what came of it.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::{all, check_run_somewhere, control, find, leave, set_state};
use crate::error::{ErrorKind, Result};
use crate::event::{RoomStarted, RoomStarting, RoomStopped, RoomStopping};
use crate::model::{BrowserEnd, BrowserState, ChatId, RunId, UserId};
use crate::operation::{Context, Done, Operation};
use crate::ops::audit;
use crate::policy::{Permit, RunBrowser};
use crate::store;

/// Starts the chat's browser; for its owner and platform owners. Repeatable. `room:starting` tells that it is
/// wanted, `room:started` that it runs, `room:stopped` with a reason that it could not be started.
///
/// `ERR_CHAT_NOT_FOUND`, `ERR_FORBIDDEN`, `ERR_BANNED`, `ERR_BROWSER_UNAVAILABLE` where none is run.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Start {
    /// Whose.
    pub chat_id: ChatId,
}

impl Operation for Start {
    const NAME: &'static str = "browser.start";
    type Reply = Done;

    fn apply(self, cx: &mut Context<'_>) -> Result<Done> {
        let permit = leave::<RunBrowser>(cx, self.chat_id)?;
        check_run_somewhere(cx)?;
        if find(cx.db, self.chat_id)?.is_some_and(|row| row.state.is_wanted()) {
            return Ok(Done {});
        }
        begin(cx, &permit)?;
        record(cx, Self::NAME, &permit)?;
        cx.emit(RoomStarting {
            chat_id: self.chat_id,
        })?;
        Ok(Done {})
    }
}

/// Stops the chat's browser; for its owner and platform owners. It puts nobody out of the chat. Repeatable.
/// `room:stopping` tells that it is not wanted any more, `room:stopped` that it is gone.
///
/// `ERR_CHAT_NOT_FOUND`, `ERR_FORBIDDEN`, `ERR_BANNED`, `ERR_BROWSER_UNAVAILABLE` where none is run.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stop {
    /// Whose.
    pub chat_id: ChatId,
}

impl Operation for Stop {
    const NAME: &'static str = "browser.stop";
    type Reply = Done;

    fn apply(self, cx: &mut Context<'_>) -> Result<Done> {
        let permit = leave::<RunBrowser>(cx, self.chat_id)?;
        check_run_somewhere(cx)?;
        if !find(cx.db, self.chat_id)?.is_some_and(|row| row.state.is_wanted()) {
            return Ok(Done {});
        }
        record(cx, Self::NAME, &permit)?;
        want_no_more(cx, self.chat_id, BrowserEnd::Asked)?;
        Ok(Done {})
    }
}

fn record(cx: &Context<'_>, action: &str, permit: &Permit<RunBrowser>) -> Result<()> {
    let act = audit::Act {
        chat: Some(permit.subject()),
        details: json!({}),
        ..audit::Act::default()
    };
    audit::record(cx, action, act)
}

/// A new run. An earlier one, still to be stopped, is none of the chat's any more and is ended as such.
fn begin(cx: &Context<'_>, permit: &Permit<RunBrowser>) -> Result<()> {
    let chat = permit.subject();
    let mut bytes = [0; 16];
    cx.random.fill(&mut bytes);
    let is_empty = cx.presence().is_some_and(|all| all.viewers(chat) == 0);
    store::execute(cx.db, "DELETE FROM browser WHERE chat_id = ?", [chat])?;
    store::execute(
        cx.db,
        "INSERT INTO browser (chat_id, run, state, since, empty_since) VALUES (?1, ?2, ?3, ?4, ?5)",
        (
            chat,
            RunId::from_bytes(bytes),
            BrowserState::Starting,
            cx.now,
            is_empty.then_some(cx.now),
        ),
    )?;
    Ok(())
}

/// Writes down that a browser is not wanted any more.
pub(super) fn want_no_more(
    cx: &mut Context<'_>,
    chat_id: ChatId,
    reason: BrowserEnd,
) -> Result<()> {
    set_state(cx.db, cx.now, chat_id, BrowserState::Stopping, Some(reason))?;
    cx.emit(RoomStopping { chat_id, reason })
}

/// What became of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// It runs, and who is present is let in.
    Running,
    /// It is not there, although it was wanted.
    Lost(BrowserEnd),
    /// It is not there, as was wanted.
    Stopped,
}

/// Writes down what became of a run. Whatever was decided about the chat's browser meanwhile stands: what is not
/// of the present run, or does not fit its state, changes nothing. Not in the catalogue: for whoever keeps browsers.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settle {
    pub(crate) chat_id: ChatId,
    pub(crate) run: RunId,
    pub(crate) outcome: Outcome,
}

impl Operation for Settle {
    const NAME: &'static str = "browser.settle";
    type Reply = Done;

    fn apply(self, cx: &mut Context<'_>) -> Result<Done> {
        if !cx.actor.is_operator() {
            return Err(ErrorKind::Forbidden.into());
        }
        let chat_id = self.chat_id;
        let Some(row) = find(cx.db, chat_id)?.filter(|row| row.run == self.run) else {
            return Ok(Done {});
        };
        match (self.outcome, row.state) {
            (Outcome::Running, BrowserState::Starting) => {
                set_state(cx.db, cx.now, chat_id, BrowserState::Running, None)?;
                cx.emit(RoomStarted {
                    chat_id,
                    user_id: None,
                })?;
                control::begins(cx, chat_id)?;
            }
            (Outcome::Lost(reason), BrowserState::Starting | BrowserState::Running) => {
                lose(cx, chat_id, reason)?;
            }
            (Outcome::Stopped | Outcome::Lost(_), BrowserState::Stopping) => {
                store::execute(cx.db, "DELETE FROM browser WHERE chat_id = ?", [chat_id])?;
                cx.emit(RoomStopped {
                    chat_id,
                    reason: row.reason.unwrap_or(BrowserEnd::Asked),
                })?;
            }
            _ => {}
        }
        Ok(Done {})
    }
}

/// Writes down that a browser is not there although it was wanted.
fn lose(cx: &mut Context<'_>, chat_id: ChatId, reason: BrowserEnd) -> Result<()> {
    set_state(cx.db, cx.now, chat_id, BrowserState::Failed, Some(reason))?;
    cx.emit(RoomStopped { chat_id, reason })
}

/// Writes down that no browser is there: whoever opened the file runs none.
pub(super) fn lose_all(cx: &mut Context<'_>) -> Result<()> {
    for row in all(cx.db)? {
        if row.state != BrowserState::Failed {
            lose(cx, row.chat, BrowserEnd::Unavailable)?;
        }
    }
    Ok(())
}

/// Tells somebody who joined a chat whose browser runs that they are let in (SPEC 11.2). Not in the catalogue: for
/// whoever keeps browsers.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Announce {
    pub(crate) chat_id: ChatId,
    pub(crate) run: RunId,
    pub(crate) user_id: UserId,
}

impl Operation for Announce {
    const NAME: &'static str = "browser.announce";
    type Reply = Done;

    fn apply(self, cx: &mut Context<'_>) -> Result<Done> {
        if !cx.actor.is_operator() {
            return Err(ErrorKind::Forbidden.into());
        }
        let row = find(cx.db, self.chat_id)?.filter(|row| row.run == self.run);
        if row.is_some_and(|row| row.state == BrowserState::Running) {
            cx.emit(RoomStarted {
                chat_id: self.chat_id,
                user_id: Some(self.user_id),
            })?;
        }
        Ok(Done {})
    }
}
