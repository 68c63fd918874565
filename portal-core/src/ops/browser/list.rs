//! Every browser of the file at once, for whoever looks after them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{BrowserRow, all_after, claim, control};
use crate::error::{ErrorKind, Result};
use crate::model::{
    BrowserEnd, BrowserName, BrowserState, ChatId, ChatName, ChatType, RunId, Timestamp, UserId,
    Username,
};
use crate::operation::{Query, View};
use crate::ops::messages::joining;
use crate::ops::{chats, users};
use crate::policy::{PlatformAction, on_platform};

/// Lists the chats with a browser, by id; for platform owners.
///
/// `ERR_FORBIDDEN`, `ERR_INVALID`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct List {
    /// Only chats after this one; from the last page's end.
    pub after: Option<ChatId>,
    /// At most this many, 1 to 200; default 100.
    pub limit: Option<u16>,
}

/// A chat's browser.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ListedBrowser {
    /// Whose.
    pub chat_id: ChatId,
    /// The chat's name.
    pub chat_name: ChatName,
    /// Its type.
    pub chat_type: ChatType,
    /// How far it is.
    pub state: BrowserState,
    /// Since when.
    pub since: Timestamp,
    /// Why it is being stopped, or is not there although it was wanted.
    pub reason: Option<BrowserEnd>,
    /// The run, as what runs it is labelled.
    pub run: RunId,
    /// Which browser the chat is set to.
    pub browser: BrowserName,
    /// Who has control; null: nobody.
    pub holder: Option<UserId>,
    /// Their name.
    pub holder_name: Option<Username>,
    /// How many people ask for control.
    pub requests: usize,
    /// How many people are in the chat's room; guests are not counted.
    pub people: usize,
}

/// Every browser there is.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Listed {
    /// Whether some process runs browsers for this file at the moment.
    pub are_run: bool,
    /// By the chat's id.
    pub browsers: Vec<ListedBrowser>,
    /// The place in the event log that this is true at.
    pub as_of: u64,
}

impl Query for List {
    const NAME: &'static str = "browser.list";
    type Reply = Listed;

    fn answer(self, view: &View<'_>) -> Result<Listed> {
        on_platform(PlatformAction::Browsers, &view.actor)?;
        let limit = crate::ops::page_size(self.limit, 100, 200)?;
        let rows = all_after(view.db, self.after, limit)?;
        let browsers = rows.into_iter().map(|row| listed(view, row));
        Ok(Listed {
            are_run: claim::are_run(view)?,
            browsers: browsers.collect::<Result<_>>()?,
            as_of: view.as_of()?,
        })
    }
}

fn listed(view: &View<'_>, row: BrowserRow) -> Result<ListedBrowser> {
    let chat = chats::view(view.db, row.chat)?.ok_or(ErrorKind::ChatNotFound)?;
    let holder = control::holder(view.db, row.chat)?;
    let named = match holder {
        Some(user) => users::name_and_role(view.db, user)?,
        None => None,
    };
    let here = view.presence().map(|all| all.people_in(row.chat).0.len());
    Ok(ListedBrowser {
        chat_id: row.chat,
        chat_name: chat.name,
        chat_type: chat.chat_type,
        state: row.state,
        since: row.since,
        reason: row.reason,
        run: row.run,
        browser: chat.browser_config.browser,
        holder,
        holder_name: named.map(|(name, _)| name),
        requests: control::requests(view.db, row.chat)?.len(),
        people: match here {
            Some(here) => here,
            None => joining::people_in(view.db, row.chat)?,
        },
    })
}
