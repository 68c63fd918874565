//! Reading a chat's messages (SPEC 6.4).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{COLUMNS, Entry, entry, first_visible};
use crate::error::Result;
use crate::model::{ChatId, MAX_ID, MessageId};
use crate::operation::{Query, View};
use crate::ops::chats;
use crate::store;

/// Reads a chat's messages, newest first. Rows of earlier epochs are given as they are stored; a row
/// that cannot be read is there as `unreadable`. Where history is not visible, what was said before
/// the caller's session joined is left out. An admin who does not belong to a PRIVATE chat says why first,
/// with `chat.inspect`.
///
/// `ERR_CHAT_NOT_FOUND`, `ERR_BANNED`, `ERR_REASON_REQUIRED`, `ERR_INVALID`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct History {
    /// Where.
    pub chat_id: ChatId,
    /// Only messages before this one.
    #[serde(default)]
    pub before: Option<MessageId>,
    /// Only messages after this one.
    #[serde(default)]
    pub after: Option<MessageId>,
    /// At most this many, 1 to 100; default 50.
    #[serde(default)]
    #[schemars(range(min = 1, max = 100))]
    pub limit: Option<u16>,
}

/// A page of history.
#[derive(Debug, Serialize, JsonSchema)]
pub struct HistoryPage {
    /// Newest first.
    pub messages: Vec<Entry>,
    /// The chat's epoch.
    pub epoch: u64,
    /// The first id of the current epoch.
    pub epoch_start: MessageId,
    /// The place in the event log that this is true at.
    pub as_of: u64,
}

impl Query for History {
    const NAME: &'static str = "message.history";
    type Reply = HistoryPage;

    fn answer(self, view: &View<'_>) -> Result<HistoryPage> {
        let (row, facts) = chats::load(view, self.chat_id)?;
        chats::may_read(view, &facts)?;
        let limit = crate::ops::page_size(self.limit, 50, 100)?;
        let messages = match first_visible(view, &row, &facts)? {
            None => Vec::new(),
            Some(first) => {
                let after = self.after.map_or(0, MessageId::get);
                store::all(
                    view.db,
                    &format!(
                        "SELECT {COLUMNS} FROM message m LEFT JOIN user u ON u.id = m.sender_id
                         WHERE m.chat_id = ?1 AND m.id < ?2 AND m.id > ?3
                         ORDER BY m.id DESC LIMIT ?4"
                    ),
                    (
                        self.chat_id,
                        self.before.map_or(MAX_ID + 1, MessageId::get),
                        after.max(first.get() - 1),
                        i64::try_from(limit).unwrap_or(i64::MAX),
                    ),
                    entry,
                )?
            }
        };
        Ok(HistoryPage {
            messages,
            epoch: row.chat.epoch,
            epoch_start: row.epoch_start,
            as_of: view.as_of()?,
        })
    }
}
