//! A chat's shared browser (SPEC 11): who may start, stop and control it, and what runs it.
//!
//! What runs browsers is a backend. There is one here, `none` (SPEC 11.3): it has no browser to give, so that
//! whatever is allowed ends in `ERR_BROWSER_UNAVAILABLE`. Leave is judged first: whoever may not look into a
//! chat learns nothing of it here either (SPEC 4.4).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::model::{ChatId, UserId};
use crate::operation::{Context, Done, Operation, Query, View};
use crate::ops::{chats, users};
use crate::policy::{
    self, ChatAct, Control, ControlRules, Permit, RunBrowser, control, permit, see_screen,
};

/// The backend `none`: what it answers, whatever is asked of a browser.
fn none<T>() -> Result<T> {
    Err(ErrorKind::BrowserUnavailable.into())
}

/// Leave for what a row of SPEC 4.1 says about the browser.
fn leave<A: ChatAct>(view: &View<'_>, chat: ChatId) -> Result<Permit<A>> {
    let (_, facts) = chats::load(view, chat)?;
    Ok(permit(&view.actor, &facts)?)
}

/// Leave for something about control, by the chat's own rules (SPEC 11.4).
fn leave_for_control(view: &View<'_>, chat: ChatId, action: Control) -> Result<()> {
    let (row, facts) = chats::load(view, chat)?;
    let rules = ControlRules {
        allow_requests: row.chat_config.allow_control_requests,
        locked: row.chat_config.locked_controls,
    };
    Ok(control(action, &view.actor, &facts, rules)?)
}

/// Starts the chat's browser; for its owner and platform owners. Repeatable.
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
        leave::<RunBrowser>(cx, self.chat_id)?;
        none()
    }
}

/// Stops the chat's browser; for its owner and platform owners. It puts nobody out of the chat. Repeatable.
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
        leave::<RunBrowser>(cx, self.chat_id)?;
        none()
    }
}

/// Asks for control of the chat's browser; for whoever talks there, where the chat allows it.
///
/// `ERR_CHAT_NOT_FOUND`, `ERR_FORBIDDEN`, `ERR_BANNED`, `ERR_BROWSER_UNAVAILABLE` where none is run.
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
        leave_for_control(cx, self.chat_id, Control::Request)?;
        none()
    }
}

/// Gives control of the chat's browser to somebody. Where controls are locked, for its owner and admins.
///
/// `ERR_CHAT_NOT_FOUND`, `ERR_FORBIDDEN`, `ERR_BANNED`, `ERR_USER_NOT_FOUND`, `ERR_BROWSER_UNAVAILABLE` where
/// none is run.
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
        leave_for_control(cx, self.chat_id, Control::Grant)?;
        users::named(cx, self.user_id)?;
        none()
    }
}

/// Gives control of the chat's browser back.
///
/// `ERR_CHAT_NOT_FOUND`, `ERR_FORBIDDEN`, `ERR_BANNED`, `ERR_BROWSER_UNAVAILABLE` where none is run.
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
        leave_for_control(cx, self.chat_id, Control::Release)?;
        none()
    }
}

/// Takes control of the chat's browser, whoever has it; for whoever may configure the chat.
///
/// `ERR_CHAT_NOT_FOUND`, `ERR_FORBIDDEN`, `ERR_BANNED`, `ERR_BROWSER_UNAVAILABLE` where none is run.
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
        leave_for_control(cx, self.chat_id, Control::Take)?;
        none()
    }
}

/// Reads the clipboard of the chat's browser; for whoever may configure the chat.
///
/// `ERR_CHAT_NOT_FOUND`, `ERR_FORBIDDEN`, `ERR_BANNED`, `ERR_BROWSER_UNAVAILABLE` where none is run.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Clipboard {
    /// Whose.
    pub chat_id: ChatId,
}

/// What is on the clipboard.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ClipboardText {
    /// The text.
    pub text: String,
}

impl Query for Clipboard {
    const NAME: &'static str = "browser.clipboard";
    type Reply = ClipboardText;

    fn answer(self, view: &View<'_>) -> Result<ClipboardText> {
        leave::<policy::Clipboard>(view, self.chat_id)?;
        none()
    }
}

/// The longest text for a clipboard, in characters: with what JSON adds it fits a request.
const LONGEST_TEXT: usize = 10_000;

/// Writes the clipboard of the chat's browser; for whoever may configure the chat.
///
/// `ERR_CHAT_NOT_FOUND`, `ERR_FORBIDDEN`, `ERR_BANNED`, `ERR_INVALID`, `ERR_BROWSER_UNAVAILABLE` where none is
/// run.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetClipboard {
    /// Whose.
    pub chat_id: ChatId,
    /// The text: at most 10000 characters.
    #[schemars(length(max = 10000))]
    pub text: String,
}

impl Operation for SetClipboard {
    const NAME: &'static str = "browser.set_clipboard";
    type Reply = Done;

    fn apply(self, cx: &mut Context<'_>) -> Result<Done> {
        leave::<policy::Clipboard>(cx, self.chat_id)?;
        if self.text.chars().count() > LONGEST_TEXT {
            return Err(Error::invalid("text", "at most 10000 characters"));
        }
        none()
    }
}

/// Takes a picture of the chat's browser; for whoever talks there.
///
/// `ERR_CHAT_NOT_FOUND`, `ERR_FORBIDDEN`, `ERR_BANNED`, `ERR_BROWSER_UNAVAILABLE` where none is run.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Screen {
    /// Of which.
    pub chat_id: ChatId,
}

/// A picture of the browser.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Screenshot {
    /// What kind, such as `image/jpeg`.
    pub media_type: String,
    /// The picture, in base64.
    pub image: String,
}

impl Query for Screen {
    const NAME: &'static str = "browser.screen";
    type Reply = Screenshot;

    fn answer(self, view: &View<'_>) -> Result<Screenshot> {
        let (_, facts) = chats::load(view, self.chat_id)?;
        see_screen(&view.actor, &facts)?;
        none()
    }
}
