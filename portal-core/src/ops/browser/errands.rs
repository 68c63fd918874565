//! What goes through to the browser itself (SPEC 11.5): the clipboard and pictures. Judged like a query, done outside
//! of every transaction, and kept nowhere.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{check_available, leave, running};
use crate::backend::{BrowserBackend, Fault};
use crate::error::{Error, Result};
use crate::model::{ChatId, RunId};
use crate::operation::{Done, Errand, View};
use crate::ops::chats;
use crate::policy::{self, see_screen};

/// Reads the clipboard of the chat's browser; for whoever may configure the chat.
///
/// `ERR_CHAT_NOT_FOUND`, `ERR_FORBIDDEN`, `ERR_BANNED`, `ERR_BROWSER_UNAVAILABLE` where none is run, it does not run
/// or does not answer.
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

impl Errand for Clipboard {
    const NAME: &'static str = "browser.clipboard";
    type Reply = ClipboardText;

    fn prepare(&self, view: &View<'_>) -> Result<RunId> {
        leave::<policy::Clipboard>(view, self.chat_id)?;
        check_available(view)?;
        running(view.db, self.chat_id)
    }

    fn carry_out(self, backend: &dyn BrowserBackend, run: &RunId) -> Result<ClipboardText, Fault> {
        let text = backend.clipboard(run)?;
        Ok(ClipboardText { text })
    }
}

/// The longest text for a clipboard, in characters: with what JSON adds it fits a request.
const LONGEST_TEXT: usize = 10_000;

/// Writes the clipboard of the chat's browser; for whoever may configure the chat.
///
/// `ERR_CHAT_NOT_FOUND`, `ERR_FORBIDDEN`, `ERR_BANNED`, `ERR_INVALID`, `ERR_BROWSER_UNAVAILABLE` where none is
/// run, it does not run or does not answer.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetClipboard {
    /// Whose.
    pub chat_id: ChatId,
    /// The text: at most 10000 characters.
    #[schemars(length(max = 10000))]
    pub text: String,
}

impl Errand for SetClipboard {
    const NAME: &'static str = "browser.set_clipboard";
    const WRITES: bool = true;
    type Reply = Done;

    fn prepare(&self, view: &View<'_>) -> Result<RunId> {
        leave::<policy::Clipboard>(view, self.chat_id)?;
        if self.text.chars().count() > LONGEST_TEXT {
            return Err(Error::invalid("text", "at most 10000 characters"));
        }
        check_available(view)?;
        running(view.db, self.chat_id)
    }

    fn carry_out(self, backend: &dyn BrowserBackend, run: &RunId) -> Result<Done, Fault> {
        backend.set_clipboard(run, &self.text)?;
        Ok(Done {})
    }

    fn rehearsed() -> Option<Done> {
        Some(Done {})
    }
}

/// Takes a picture of the chat's browser; for whoever talks there.
///
/// `ERR_CHAT_NOT_FOUND`, `ERR_FORBIDDEN`, `ERR_BANNED`, `ERR_BROWSER_UNAVAILABLE` where none is run, it does not run
/// or does not answer.
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

impl Errand for Screen {
    const NAME: &'static str = "browser.screen";
    type Reply = Screenshot;

    fn prepare(&self, view: &View<'_>) -> Result<RunId> {
        let (_, facts) = chats::load(view, self.chat_id)?;
        see_screen(&view.actor, &facts)?;
        check_available(view)?;
        running(view.db, self.chat_id)
    }

    fn carry_out(self, backend: &dyn BrowserBackend, run: &RunId) -> Result<Screenshot, Fault> {
        let picture = backend.screenshot(run)?;
        Ok(Screenshot {
            media_type: picture.media_type,
            image: STANDARD.encode(picture.bytes),
        })
    }
}
