//! Who has control of a browser (SPEC 11.4): one person at most, who is in the room and may talk there. Leaving the
//! room, however it comes about, takes control and the request for it away.

use std::collections::BTreeSet;

use rusqlite::Connection;
use schemars::JsonSchema;
use serde::Deserialize;

use super::plan::may_talk;
use super::{check_available, is_running, running};
use crate::error::{Error, ErrorKind, Result};
use crate::event::{ControlChanged, ControlRequested};
use crate::model::{ChatConfig, ChatId, UserId};
use crate::operation::{Context, Done, Operation, View};
use crate::ops::{chats, users};
use crate::policy::{ChatFacts, Control, ControlRules, control, hand_over};
use crate::store;

/// Leave for something about control, by the chat's own rules (SPEC 11.4).
fn leave(view: &View<'_>, chat: ChatId, action: Control) -> Result<(ChatFacts, ControlRules)> {
    let (row, facts) = chats::load(view, chat)?;
    let rules = ControlRules {
        allow_requests: row.chat_config.allow_control_requests,
        locked: row.chat_config.locked_controls,
    };
    control(action, &view.actor, &facts, rules)?;
    Ok((facts, rules))
}

/// Refuses where no browser runs, and for somebody who is not in the room: `ERR_NOT_JOINED`.
fn check_there(cx: &Context<'_>, chat: ChatId, user: UserId) -> Result<()> {
    running(cx.db, chat)?;
    let is_there = cx
        .presence()
        .is_some_and(|presence| presence.is_in_room(user, chat));
    if is_there {
        Ok(())
    } else {
        Err(ErrorKind::NotJoined.into())
    }
}

/// Asks for control of the chat's browser; for whoever talks there, where the chat allows it, and is in the room.
/// Repeatable.
///
/// `ERR_CHAT_NOT_FOUND`, `ERR_FORBIDDEN`, `ERR_BANNED`, `ERR_BROWSER_UNAVAILABLE` where none is run or it does not
/// run, `ERR_NOT_JOINED`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestControl {
    /// Of which.
    pub chat_id: ChatId,
}

impl Operation for RequestControl {
    const NAME: &'static str = "browser.request_control";
    type Reply = Done;

    fn apply(self, cx: &mut Context<'_>) -> Result<Done> {
        leave(cx, self.chat_id, Control::Request)?;
        check_available(cx)?;
        let (chat_id, user_id) = (self.chat_id, cx.user_id()?);
        check_there(cx, chat_id, user_id)?;
        if holder(cx.db, chat_id)? == Some(user_id) {
            return Ok(Done {});
        }
        let added = store::execute(
            cx.db,
            "INSERT OR IGNORE INTO browser_request (chat_id, user_id, at) VALUES (?, ?, ?)",
            (chat_id, user_id, cx.now),
        )?;
        if added == 1 {
            cx.emit(ControlRequested { chat_id, user_id })?;
        }
        Ok(Done {})
    }
}

/// Gives control of the chat's browser to somebody in the room. Whoever has it may pass it on, unless controls are
/// locked; so may whoever may configure the chat. Where controls are locked, its owner and admins. Repeatable.
///
/// `ERR_CHAT_NOT_FOUND`, `ERR_FORBIDDEN`, `ERR_BANNED`, `ERR_USER_NOT_FOUND`, `ERR_BROWSER_UNAVAILABLE` where
/// none is run or it does not run, `ERR_NOT_JOINED` for somebody who is not in the room.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GrantControl {
    /// Of which.
    pub chat_id: ChatId,
    /// To whom.
    pub user_id: UserId,
}

impl Operation for GrantControl {
    const NAME: &'static str = "browser.grant_control";
    type Reply = Done;

    fn apply(self, cx: &mut Context<'_>) -> Result<Done> {
        let (facts, rules) = leave(cx, self.chat_id, Control::Grant)?;
        users::named(cx, self.user_id)?;
        check_available(cx)?;
        running(cx.db, self.chat_id)?;
        let has_it =
            holder(cx.db, self.chat_id)?.is_some_and(|user| cx.actor.user_id() == Some(user));
        hand_over(&cx.actor, &facts, has_it, rules)?;
        let not_there = "That person is not in the room, or may only look.";
        check_there(cx, self.chat_id, self.user_id).map_err(|error| match error.kind() {
            ErrorKind::NotJoined => error.saying(not_there),
            _ => error,
        })?;
        if !may_talk(cx.db, self.user_id, self.chat_id, cx.now)? {
            return Err(Error::with_message(ErrorKind::NotJoined, not_there));
        }
        give(cx, self.chat_id, Some(self.user_id))?;
        Ok(Done {})
    }
}

/// Gives control of the chat's browser back, and takes a request for it back. Repeatable.
///
/// `ERR_CHAT_NOT_FOUND`, `ERR_FORBIDDEN`, `ERR_BANNED`, `ERR_BROWSER_UNAVAILABLE` where none is run or it does
/// not run.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReleaseControl {
    /// Of which.
    pub chat_id: ChatId,
}

impl Operation for ReleaseControl {
    const NAME: &'static str = "browser.release_control";
    type Reply = Done;

    fn apply(self, cx: &mut Context<'_>) -> Result<Done> {
        leave(cx, self.chat_id, Control::Release)?;
        check_available(cx)?;
        running(cx.db, self.chat_id)?;
        let user = cx.user_id()?;
        drop_person(cx, self.chat_id, user)?;
        Ok(Done {})
    }
}

/// Takes control of the chat's browser, whoever has it; for whoever may configure the chat, and is in the room.
/// Repeatable.
///
/// `ERR_CHAT_NOT_FOUND`, `ERR_FORBIDDEN`, `ERR_BANNED`, `ERR_BROWSER_UNAVAILABLE` where none is run or it does not
/// run, `ERR_NOT_JOINED`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TakeControl {
    /// Of which.
    pub chat_id: ChatId,
}

impl Operation for TakeControl {
    const NAME: &'static str = "browser.take_control";
    type Reply = Done;

    fn apply(self, cx: &mut Context<'_>) -> Result<Done> {
        leave(cx, self.chat_id, Control::Take)?;
        check_available(cx)?;
        let user = cx.user_id()?;
        check_there(cx, self.chat_id, user)?;
        give(cx, self.chat_id, Some(user))?;
        Ok(Done {})
    }
}

/// Who has control.
pub(super) fn holder(db: &Connection, chat: ChatId) -> Result<Option<UserId>> {
    store::first(
        db,
        "SELECT user_id FROM browser_holder WHERE chat_id = ?",
        [chat],
        |row| row.get(0),
    )
}

/// Who asks for control, the longest asking first.
pub(super) fn requests(db: &Connection, chat: ChatId) -> Result<Vec<UserId>> {
    store::all(
        db,
        "SELECT user_id FROM browser_request WHERE chat_id = ? ORDER BY at, user_id",
        [chat],
        |row| row.get(0),
    )
}

/// Gives control to somebody alone, or to nobody. Whoever gets it asks for it no more.
fn give(cx: &mut Context<'_>, chat_id: ChatId, to: Option<UserId>) -> Result<()> {
    if holder(cx.db, chat_id)? == to {
        return Ok(());
    }
    store::execute(
        cx.db,
        "DELETE FROM browser_holder WHERE chat_id = ?",
        [chat_id],
    )?;
    if let Some(user) = to {
        store::execute(
            cx.db,
            "INSERT INTO browser_holder (chat_id, user_id, since) VALUES (?, ?, ?)",
            (chat_id, user, cx.now),
        )?;
    }
    cx.emit(ControlChanged {
        chat_id,
        user_id: to,
    })
}

/// Takes control, or the request for it, from somebody who gives it back or is not there any more.
pub(crate) fn drop_person(cx: &mut Context<'_>, chat_id: ChatId, user: UserId) -> Result<()> {
    let asked = store::execute(
        cx.db,
        "DELETE FROM browser_request WHERE chat_id = ? AND user_id = ?",
        (chat_id, user),
    )?;
    let has_it = holder(cx.db, chat_id)?;
    if has_it == Some(user) {
        give(cx, chat_id, None)
    } else if asked == 1 {
        cx.emit(ControlChanged {
            chat_id,
            user_id: has_it,
        })
    } else {
        Ok(())
    }
}

/// The same everywhere, for somebody who is deleted.
pub(crate) fn forget_person(cx: &mut Context<'_>, user: UserId) -> Result<()> {
    let chats: Vec<ChatId> = store::all(
        cx.db,
        "SELECT chat_id FROM browser_holder WHERE user_id = ?1
         UNION SELECT chat_id FROM browser_request WHERE user_id = ?1 ORDER BY chat_id",
        [user],
        |row| row.get(0),
    )?;
    for chat in chats {
        drop_person(cx, chat, user)?;
    }
    Ok(())
}

/// The same for everybody who is not in the room of the chat.
pub(super) fn drop_absent(cx: &mut Context<'_>, chat: ChatId) -> Result<()> {
    let Some(there) = cx.presence().map(|all| all.people_in(chat).0) else {
        return Ok(());
    };
    let mut concerned: BTreeSet<_> = requests(cx.db, chat)?.into_iter().collect();
    concerned.extend(holder(cx.db, chat)?);
    for user in concerned.difference(&there) {
        drop_person(cx, chat, *user)?;
    }
    Ok(())
}

/// Somebody joins the room: where hosting is implicit, they get the control that nobody has (SPEC 11.4). And the
/// room is not empty any more.
pub(crate) fn joins(
    cx: &mut Context<'_>,
    chat: ChatId,
    config: &ChatConfig,
    may_talk: bool,
) -> Result<()> {
    store::execute(
        cx.db,
        "UPDATE browser SET empty_since = NULL WHERE chat_id = ? AND empty_since IS NOT NULL",
        [chat],
    )?;
    match cx.actor.user_id() {
        Some(user) if may_talk && config.implicit_hosting && is_running(cx.db, chat)? => {
            give_if_free(cx, chat, user)
        }
        _ => Ok(()),
    }
}

fn give_if_free(cx: &mut Context<'_>, chat: ChatId, user: UserId) -> Result<()> {
    match holder(cx.db, chat)? {
        None => give(cx, chat, Some(user)),
        Some(_) => Ok(()),
    }
}

/// The browser runs now: where hosting is implicit, whoever has been in the room longest gets control.
pub(super) fn begins(cx: &mut Context<'_>, chat: ChatId) -> Result<()> {
    let (row, _) = chats::load(cx, chat)?;
    if !row.chat_config.implicit_hosting {
        return Ok(());
    }
    let there = cx.presence().map(|all| all.sessions_in(chat));
    for (_, user) in there.unwrap_or_default() {
        if may_talk(cx.db, user, chat, cx.now)? {
            return give_if_free(cx, chat, user);
        }
    }
    Ok(())
}
