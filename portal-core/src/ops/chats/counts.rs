//! How much of everything a chat holds. Each area counts its own table.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{load, may_read};
use crate::error::Result;
use crate::model::ChatId;
use crate::operation::{Query, View};
use crate::ops::{invites, keys, members, messages, punishments};
use crate::policy::{Invites, count_within, permit};

/// Counts what a chat holds; for whoever moderates it, and in a DIRECT chat for the operator. An admin who
/// does not belong to a PRIVATE one says why first, with `chat.inspect`. Reads every message that it
/// counts: 100000 of them take some ten milliseconds, so who wants an answer at once says `messages_at_most`.
///
/// `ERR_CHAT_NOT_FOUND`, `ERR_BANNED`, `ERR_FORBIDDEN`, `ERR_REASON_REQUIRED`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Count {
    /// Which.
    pub chat_id: ChatId,
    /// How many messages are counted at most; all of them without it.
    #[serde(default)]
    pub messages_at_most: Option<u32>,
}

/// How much of everything a chat holds.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Counts {
    /// Messages that are stored, the system's too; no more than `messages_at_most`.
    pub messages: u64,
    /// Whether there are more messages than that.
    pub messages_more: bool,
    /// Who belongs to it, the owner not counted.
    pub members: u64,
    /// Live invites; null for who may not list them.
    pub invites: Option<u32>,
    /// Bans that hold.
    pub bans: u64,
    /// Mutes that hold.
    pub mutes: u64,
    /// The current epoch.
    pub epoch: u64,
    /// Whether its key has been published.
    pub key_published: bool,
    /// Sessions that hold the epoch's key: by a blob or as its distributor.
    pub key_holders: u64,
    /// How many look at it at this moment; null where presence is off.
    pub viewer_count: Option<usize>,
    /// The place in the event log that this is true at.
    pub as_of: u64,
}

impl Query for Count {
    const NAME: &'static str = "chat.count";
    type Reply = Counts;

    fn answer(self, view: &View<'_>) -> Result<Counts> {
        let (row, facts) = load(view, self.chat_id)?;
        may_read(view, &facts)?;
        let chat = count_within(&view.actor, &facts)?.subject();
        let invites = match permit::<Invites>(&view.actor, &facts) {
            Ok(permit) => Some(invites::count_live(view.db, &permit, view.now)?),
            Err(_) => None,
        };
        let (bans, mutes) = punishments::count_in(view.db, chat, view.now)?;
        let at_most = self.messages_at_most.map_or(u64::MAX, u64::from);
        // One more tells whether there are more.
        let messages = messages::count(view.db, chat, at_most.saturating_add(1))?;
        let (key_published, key_holders) = keys::count_holders(view.db, chat)?;
        Ok(Counts {
            messages: messages.min(at_most),
            messages_more: messages > at_most,
            members: members::count(view.db, chat, row.chat.kind.owner())?,
            invites,
            bans,
            mutes,
            epoch: row.chat.epoch,
            key_published,
            key_holders,
            viewer_count: view.presence().map(|presence| presence.viewers(chat)),
            as_of: view.as_of()?,
        })
    }
}
