//! Chats: the table `chat` (SPEC 3). Reading one gives its row and the facts that the rules need.

use rusqlite::{Connection, Row};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::error::{Error, ErrorKind, Result};
use crate::event::RoomUpdated;
use crate::model::{
    BrowserConfig, BrowserConfigUpdate, Chat, ChatConfig, ChatConfigUpdate, ChatId, ChatKind,
    ChatName, ChatType, Description, Label, MessageId, Slug, Timestamp, UserId,
};
use crate::operation::{Context, Done, Operation, Query, View};
use crate::ops::{audit, users};
use crate::policy::{
    ActingAs, ChatFacts, Configure, CreateChat, LookIn, OwnerFacts, Permit, create_chat, permit,
};
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
}

/// The columns of a [`ChatRow`], of the table `chat c`.
pub(crate) const COLUMNS: &str = "c.id, c.chat_type, c.name, c.description, c.slug, c.owner_id, c.pair_low, \
    c.pair_high, c.label, c.e2ee, c.epoch, c.epoch_start, c.next_message_id, c.public_from, c.chat_config, \
    c.browser_config, c.created_at, c.last_activity_at";

/// How many columns that is.
pub(crate) const COLUMN_COUNT: usize = 18;

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

/// A chat, and how a person stands to it; none is a guest or the operator.
pub(crate) fn load_for(
    db: &Connection,
    person: Option<UserId>,
    chat: ChatId,
    now: Timestamp,
) -> Result<(ChatRow, ChatFacts)> {
    store::first(
        db,
        &format!(
            "SELECT {COLUMNS}, o.role,
               EXISTS (SELECT 1 FROM membership m WHERE m.chat_id = c.id AND m.user_id = ?2),
               EXISTS (SELECT 1 FROM punishment p WHERE p.user_id = ?2 AND p.kind = 'ban' AND p.chat_id = c.id
                       AND p.lifted_at IS NULL AND (p.until IS NULL OR p.until > ?3))
             FROM chat c LEFT JOIN user o ON o.id = c.owner_id WHERE c.id = ?1"
        ),
        (chat, person, now),
        |row| {
            let chat = from_row(row)?;
            let owner = match chat.chat.kind.owner() {
                Some(id) => Some(OwnerFacts { id, role: row.get(COLUMN_COUNT)? }),
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
        },
    )?
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
    /// The encryption suite.
    pub e2ee: u8,
    /// The current epoch.
    pub epoch: u64,
    /// RoomConfig.
    pub chat_config: ChatConfig,
    /// BrowserConfig.
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

/// Makes a chat: PUBLIC with a slug or PRIVATE without, for a premium user; OFFICIAL for an admin
/// (SPEC 3.2, 3.5).
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Create {
    /// OFFICIAL, PUBLIC or PRIVATE.
    pub chat_type: ChatType,
    /// Its name.
    pub name: ChatName,
    /// What it is about.
    #[serde(default)]
    pub description: Option<Description>,
    /// Its address: needed for PUBLIC, optional for OFFICIAL, refused for PRIVATE.
    #[serde(default)]
    pub slug: Option<Slug>,
    /// The encryption suite, 2 or 3; default 3. It never changes.
    #[serde(default)]
    pub e2ee: Option<u8>,
    /// RoomConfig, where it differs from the default.
    #[serde(default)]
    pub chat_config: ChatConfigUpdate,
    /// BrowserConfig, where it differs from the default.
    #[serde(default)]
    pub browser_config: BrowserConfigUpdate,
    /// The owner, when the operator makes it; a person's own chat is their own.
    #[serde(default)]
    pub owner_id: Option<UserId>,
}

impl Operation for Create {
    const NAME: &'static str = "chat.create";
    type Reply = ChatView;

    fn apply(self, cx: &mut Context<'_>) -> Result<ChatView> {
        let owner = match (self.owner_id, cx.actor) {
            (Some(owner), _) => users::person(cx.db, owner, cx.now)?,
            (None, ActingAs::Person(person)) => person,
            (None, ActingAs::Guest) => return Err(ErrorKind::Unauthenticated.into()),
            (None, _) => return Err(Error::invalid("owner_id", "name the owner of the chat")),
        };
        let permit = create_chat(self.chat_type, &cx.actor, &owner)?;
        let id = insert(cx, &permit, &self, owner.id)?;
        let details = json!({ "chat_type": self.chat_type, "owner": owner.id });
        audit::record(
            cx,
            Self::NAME,
            audit::Act {
                chat: Some(id),
                details,
                ..Default::default()
            },
        )?;
        load(cx, id).map(|(row, _)| row.into())
    }
}

fn insert(
    cx: &Context<'_>,
    permit: &Permit<CreateChat>,
    create: &Create,
    owner: UserId,
) -> Result<ChatId> {
    let chat_type = permit.subject();
    let e2ee = create.e2ee.unwrap_or(3);
    if !matches!(e2ee, 2 | 3) {
        return Err(Error::invalid("e2ee", "e2ee is 2 or 3"));
    }
    match (chat_type, &create.slug) {
        (ChatType::Public, None) => {
            return Err(Error::invalid("slug", "a PUBLIC chat needs a slug"));
        }
        (ChatType::Private, Some(_)) => {
            return Err(Error::invalid(
                "slug",
                "a PRIVATE chat has no slug; PUBLIC ones do",
            ));
        }
        _ => {}
    }
    let (chat_config, _) = ChatConfig::default().updated(create.chat_config.clone());
    let (browser_config, _) = BrowserConfig::default().updated(create.browser_config.clone());
    let wipe_due_at = chat_config
        .wipe_preset
        .period()
        .map(|period| cx.now.plus(period));
    store::execute(
        cx.db,
        "INSERT INTO chat (chat_type, name, description, slug, owner_id, e2ee, epoch_moved_at, public_from,
           chat_config, browser_config, wipe_due_at, created_at, last_activity_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?7, ?7)",
        (
            chat_type,
            &create.name,
            &create.description,
            &create.slug,
            owner,
            e2ee,
            cx.now,
            (chat_type == ChatType::Public).then_some(1),
            to_json(&chat_config)?,
            to_json(&browser_config)?,
            wipe_due_at,
        ),
    )?;
    ChatId::try_from(cx.db.last_insert_rowid()).map_err(|_| ErrorKind::Internal.into())
}

fn to_json(config: &impl Serialize) -> Result<String> {
    serde_json::to_string(config).map_err(|error| Error::new(ErrorKind::Internal).caused_by(error))
}

/// Shows a chat that the caller may look into.
#[derive(Debug, Deserialize, JsonSchema)]
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
        permit::<LookIn>(&view.actor, &facts)?;
        Ok(Shown {
            chat: row.into(),
            as_of: view.as_of()?,
        })
    }
}

/// Changes a chat's name, description or configurations. What is left out stays.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Update {
    /// Which.
    pub chat_id: ChatId,
    /// A new name.
    #[serde(default)]
    pub name: Option<ChatName>,
}

impl Operation for Update {
    const NAME: &'static str = "chat.update";
    type Reply = Done;

    fn apply(self, cx: &mut Context<'_>) -> Result<Done> {
        let (row, facts) = load(cx, self.chat_id)?;
        let permit = permit::<Configure>(&cx.actor, &facts)?;
        let mut changed = Vec::new();
        if let Some(name) = self.name
            && name != row.name
        {
            rename(cx.db, &permit, &name)?;
            changed.push("name".to_owned());
        }
        if !changed.is_empty() {
            let details = json!({ "changed": changed });
            let act = audit::Act {
                chat: Some(self.chat_id),
                details,
                ..Default::default()
            };
            audit::record(cx, Self::NAME, act)?;
            cx.emit(RoomUpdated {
                chat_id: self.chat_id,
                changed,
            })?;
        }
        Ok(Done {})
    }
}

fn rename(db: &Connection, permit: &Permit<Configure>, name: &ChatName) -> Result<()> {
    store::execute(
        db,
        "UPDATE chat SET name = ? WHERE id = ?",
        (name, permit.subject()),
    )?;
    Ok(())
}
