//! Chats: the tables `chat`, `held_slug` and `transfer_offer` (SPEC 3). Reading a chat gives its row and the
//! facts that the rules need; what is done to one has a file of its own.

mod counts;
mod create;
mod destroy;
mod direct;
mod export;
mod inspect;
mod label;
mod list;
mod slots;
mod slugs;
mod transfer;
mod update;

pub use counts::{Count, Counts};
pub use create::Create;
pub use destroy::Destroy;
pub(crate) use destroy::destroy_now;
pub(crate) use direct::{
    Side, away, count_directs, direct, directs_of, directs_over, insert as insert_direct,
    next_direct_over, pair_of, peer_of, set_all_away, set_away, set_back,
};
pub use export::ChatsOfPerson;
pub(crate) use export::export_of;
pub(crate) use inspect::may_read;
pub use inspect::{Inspect, Inspected};
pub use label::SetLabel;
pub use list::{List, OwnChat, OwnChats, Relation};
pub use slugs::HeldSlug;
pub(crate) use transfer::hand_over;
pub use transfer::{AcceptTransfer, Offer, Offered, Transfer};
pub use update::Update;

use std::sync::LazyLock;

use rusqlite::{Connection, Row};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::model::{
    BrowserConfig, Chat, ChatConfig, ChatId, ChatKind, ChatName, ChatType, Description, Label,
    MessageId, Slug, Timestamp, UserId,
};
use crate::operation::{Query, View};
use crate::ops::punishments::holds;
use crate::policy::{ChatFacts, OwnerFacts};
use crate::store;

/// A chat's row, as the operations work with it.
#[derive(Clone, Debug)]
pub(crate) struct ChatRow {
    pub(crate) chat: Chat,
    pub(crate) name: ChatName,
    pub(crate) description: Option<Description>,
    pub(crate) label: Option<Label>,
    pub(crate) epoch_start: MessageId,
    pub(crate) next_message_id: MessageId,
    pub(crate) chat_config: ChatConfig,
    pub(crate) browser_config: BrowserConfig,
    pub(crate) created_at: Timestamp,
    pub(crate) last_activity_at: Timestamp,
    /// How many messages people have sent here, deleted ones included.
    pub(crate) sent_count: u64,
}

/// The columns of a [`ChatRow`], of the table `chat c`.
pub(crate) const COLUMNS: &str = "c.id, c.chat_type, c.name, c.description, c.slug, c.owner_id, c.pair_low, \
    c.pair_high, c.label, c.e2ee, c.epoch, c.epoch_start, c.next_message_id, c.public_from, c.chat_config, \
    c.browser_config, c.created_at, c.last_activity_at, c.sent_count";

/// How many columns that is.
pub(crate) const COLUMN_COUNT: usize = 19;

/// Reads [`COLUMNS`].
pub(crate) fn from_row(row: &Row<'_>) -> rusqlite::Result<ChatRow> {
    let chat_type: ChatType = row.get(1)?;
    let kind = match chat_type {
        ChatType::Official => ChatKind::Official {
            owner: row.get(5)?,
            slug: row.get(4)?,
        },
        ChatType::Public => ChatKind::Public {
            owner: row.get(5)?,
            slug: row.get(4)?,
            public_from: row.get(13)?,
        },
        ChatType::Private => ChatKind::Private { owner: row.get(5)? },
        ChatType::Direct => ChatKind::Direct {
            pair: (row.get(6)?, row.get(7)?),
        },
    };
    Ok(ChatRow {
        chat: Chat {
            id: row.get(0)?,
            kind,
            e2ee: row.get(9)?,
            epoch: row.get(10)?,
        },
        name: row.get(2)?,
        description: row.get(3)?,
        label: row.get(8)?,
        epoch_start: row.get(11)?,
        next_message_id: row.get(12)?,
        chat_config: config(row, 14)?,
        browser_config: config(row, 15)?,
        created_at: row.get(16)?,
        last_activity_at: row.get(17)?,
        sent_count: row.get(18)?,
    })
}

fn config<T: serde::de::DeserializeOwned>(row: &Row<'_>, index: usize) -> rusqlite::Result<T> {
    serde_json::from_str(row.get_ref(index)?.as_str()?).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(index, rusqlite::types::Type::Text, error.into())
    })
}

/// A chat, and how the acting person stands to it. `ERR_CHAT_NOT_FOUND` if there is none.
pub(crate) fn load(view: &View<'_>, chat: ChatId) -> Result<(ChatRow, ChatFacts)> {
    load_for(view.db, view.actor.user_id(), chat, view.now)
}

/// Every operation on a chat asks this, so it is put together once.
static LOAD: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {COLUMNS}, o.role,
           EXISTS (SELECT 1 FROM membership m WHERE m.chat_id = c.id AND m.user_id = ?2),
           EXISTS (SELECT 1 FROM punishment p WHERE p.user_id = ?2 AND p.kind = 'ban' AND p.chat_id = c.id
                   AND {})
         FROM chat c LEFT JOIN user o ON o.id = c.owner_id WHERE c.id = ?1",
        holds!("?3")
    )
});

/// A chat, and how a person stands to it; none is a guest or the operator.
pub(crate) fn load_for(
    db: &Connection,
    person: Option<UserId>,
    chat: ChatId,
    now: Timestamp,
) -> Result<(ChatRow, ChatFacts)> {
    store::first(db, &LOAD, (chat, person, now), |row| {
        let chat = from_row(row)?;
        let owner = match chat.chat.kind.owner() {
            Some(id) => Some(OwnerFacts {
                id,
                role: row.get(COLUMN_COUNT)?,
            }),
            None => None,
        };
        let facts = ChatFacts {
            id: chat.chat.id,
            chat_type: chat.chat.kind.chat_type(),
            owner,
            is_member: row.get(COLUMN_COUNT + 1)?,
            is_banned: row.get(COLUMN_COUNT + 2)?,
        };
        Ok((chat, facts))
    })?
    .ok_or_else(|| ErrorKind::ChatNotFound.into())
}

/// A chat as every face shows it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ChatView {
    /// Its id.
    pub id: ChatId,
    /// Its type.
    pub chat_type: ChatType,
    /// Its name.
    pub name: ChatName,
    /// What it is about.
    pub description: Option<Description>,
    /// Its address.
    pub slug: Option<Slug>,
    /// Its owner's id; DIRECT chats have none.
    pub owner: Option<UserId>,
    /// The platform's endorsement.
    pub label: Option<Label>,
    /// The encryption suite, 2 or 3.
    pub e2ee: u8,
    /// The current epoch.
    pub epoch: u64,
    /// How it is set up.
    pub chat_config: ChatConfig,
    /// How its browser is set up.
    pub browser_config: BrowserConfig,
    /// When it was made.
    pub created_at: Timestamp,
    /// When somebody last wrote.
    pub last_activity_at: Timestamp,
}

impl From<ChatRow> for ChatView {
    fn from(row: ChatRow) -> Self {
        Self {
            id: row.chat.id,
            chat_type: row.chat.kind.chat_type(),
            slug: row.chat.kind.slug().cloned(),
            owner: row.chat.kind.owner(),
            name: row.name,
            description: row.description,
            label: row.label,
            e2ee: row.chat.e2ee,
            epoch: row.chat.epoch,
            chat_config: row.chat_config,
            browser_config: row.browser_config,
            created_at: row.created_at,
            last_activity_at: row.last_activity_at,
        }
    }
}

/// A chat as every face shows it, while there is one.
pub(crate) fn view(db: &Connection, chat: ChatId) -> Result<Option<ChatView>> {
    store::first(
        db,
        &format!("SELECT {COLUMNS} FROM chat c WHERE c.id = ?"),
        [chat],
        |row| from_row(row).map(ChatView::from),
    )
}

/// The chat with that address.
pub(crate) fn by_slug(db: &Connection, slug: &Slug) -> Result<Option<ChatId>> {
    store::first(db, "SELECT id FROM chat WHERE slug = ?", [slug], |row| {
        row.get(0)
    })
}

fn to_json(config: &impl Serialize) -> Result<String> {
    serde_json::to_string(config).map_err(|error| Error::new(ErrorKind::Internal).caused_by(error))
}

/// Shows a chat that the caller may look into. An admin who does not belong to a PRIVATE one says why
/// first, with `chat.inspect`.
///
/// `ERR_CHAT_NOT_FOUND`, `ERR_BANNED`, `ERR_REASON_REQUIRED`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Get {
    /// Which.
    pub chat_id: ChatId,
}

/// A chat, and the end of the event log that this is true at.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Shown {
    /// The chat.
    #[serde(flatten)]
    pub chat: ChatView,
    /// The place in the event log.
    pub as_of: u64,
}

impl Query for Get {
    const NAME: &'static str = "chat.get";
    type Reply = Shown;

    fn answer(self, view: &View<'_>) -> Result<Shown> {
        let (row, facts) = load(view, self.chat_id)?;
        may_read(view, &facts)?;
        Ok(Shown {
            chat: row.into(),
            as_of: view.as_of()?,
        })
    }
}

/// The chats that a person owns.
pub(crate) fn owned_by(db: &Connection, owner: UserId) -> Result<Vec<ChatId>> {
    store::all(
        db,
        "SELECT id FROM chat WHERE owner_id = ? ORDER BY id",
        [owner],
        |row| row.get(0),
    )
}
