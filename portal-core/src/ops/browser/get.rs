//! How a chat's browser stands.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{check_run_somewhere, control, find};
use crate::error::Result;
use crate::model::{BrowserEnd, BrowserState, ChatId, Timestamp, UserId};
use crate::operation::{Query, View};
use crate::ops::chats;

/// Shows how a chat's browser stands: whether it runs, who has control and who asks for it. For whoever may look into
/// the chat. A viewer's own way in comes with `room:started`.
///
/// `ERR_CHAT_NOT_FOUND`, `ERR_BANNED`, `ERR_REASON_REQUIRED`, `ERR_BROWSER_UNAVAILABLE` where none is run.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Get {
    /// Whose.
    pub chat_id: ChatId,
}

/// How a browser stands.
#[derive(Debug, Serialize, JsonSchema)]
pub struct BrowserView {
    /// How far it is.
    pub state: BrowserState,
    /// Since when.
    pub since: Timestamp,
    /// Why it is being stopped, or is not there although it was wanted.
    pub reason: Option<BrowserEnd>,
    /// Who has control; null: nobody.
    pub holder: Option<UserId>,
    /// Who asks for control, the longest asking first.
    pub requests: Vec<UserId>,
}

/// How a chat's browser stands, and the end of the event log that this is true at.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Shown {
    /// The browser; null: none runs and none is wanted.
    pub browser: Option<BrowserView>,
    /// The place in the event log.
    pub as_of: u64,
}

impl Query for Get {
    const NAME: &'static str = "browser.get";
    type Reply = Shown;

    fn answer(self, view: &View<'_>) -> Result<Shown> {
        let (_, facts) = chats::load(view, self.chat_id)?;
        chats::may_read(view, &facts)?;
        check_run_somewhere(view)?;
        let browser = match find(view.db, self.chat_id)? {
            None => None,
            Some(row) => Some(BrowserView {
                state: row.state,
                since: row.since,
                reason: row.reason,
                holder: control::holder(view.db, self.chat_id)?,
                requests: control::requests(view.db, self.chat_id)?,
            }),
        };
        Ok(Shown {
            browser,
            as_of: view.as_of()?,
        })
    }
}
