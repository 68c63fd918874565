//! Making a chat.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::{ChatView, load, slots, slugs, to_json};
use crate::error::{Error, ErrorKind, Result};
use crate::event::RoomCreated;
use crate::model::{
    BrowserConfig, BrowserConfigUpdate, BrowserName, ChatConfig, ChatConfigUpdate, ChatId,
    ChatName, ChatType, Description, Slug, UserId,
};
use crate::operation::{Context, Operation};
use crate::ops::{audit, users};
use crate::policy::{ActingAs, CreateChat, Denial, Permit, create_chat};
use crate::settings::Settings;
use crate::store;

/// Makes a chat: PUBLIC with a slug or PRIVATE without, for a premium user; OFFICIAL for an admin
/// (SPEC 3.2, 3.5). `ERR_PREMIUM_REQUIRED`, `ERR_CHAT_SLOT_LIMIT`, `ERR_SLUG_TAKEN`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
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
    /// `RoomConfig`, where it differs from the default.
    #[serde(default)]
    pub chat_config: ChatConfigUpdate,
    /// `BrowserConfig`, where it differs from the default.
    #[serde(default)]
    pub browser_config: BrowserConfigUpdate,
    /// The owner, when the operator makes it; a person's own chat is their own.
    #[serde(default)]
    pub owner_id: Option<UserId>,
}

impl Create {
    /// A chat of this type and name, and otherwise by default.
    pub fn new(chat_type: ChatType, name: ChatName) -> Self {
        Self {
            chat_type,
            name,
            description: None,
            slug: None,
            e2ee: None,
            chat_config: ChatConfigUpdate::default(),
            browser_config: BrowserConfigUpdate::default(),
            owner_id: None,
        }
    }
}

impl Operation for Create {
    const NAME: &'static str = "chat.create";
    type Reply = ChatView;

    fn apply(self, cx: &mut Context<'_>) -> Result<ChatView> {
        let owner = match (self.owner_id, cx.actor) {
            (_, ActingAs::Guest) => return Err(ErrorKind::Unauthenticated.into()),
            (_, ActingAs::Bot(_)) => return Err(ErrorKind::Forbidden.into()),
            (None, ActingAs::Person(person)) => person,
            (None, _) => return Err(Error::invalid("owner_id", "name the owner of the chat")),
            (Some(owner), _) => users::person(cx.db, owner, cx.now)?,
        };
        let permit = create_chat(self.chat_type, &cx.actor, &owner)
            .map_err(|denial| refusal(self.chat_type, denial))?;
        slots::check_free(cx, self.chat_type, &owner)?;
        let id = insert(cx, &permit, &self, owner.id)?;
        let act = audit::Act {
            chat: Some(id),
            details: json!({ "chat_type": self.chat_type, "owner": owner.id }),
            ..Default::default()
        };
        audit::record(cx, Self::NAME, act)?;
        cx.emit(RoomCreated {
            chat_id: id,
            user_id: owner.id,
        })?;
        load(cx, id).map(|(row, _)| row.into())
    }
}

/// A denial, with what would help in place of the general sentence.
fn refusal(chat_type: ChatType, denial: Denial) -> Error {
    match (chat_type, denial) {
        (ChatType::Direct, Denial::Forbidden) => Error::with_message(
            ErrorKind::Forbidden,
            "A DIRECT chat comes of a match, by match.enqueue.",
        ),
        _ => denial.into(),
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
        (_, Some(slug)) => slugs::claim(cx.db, slug, owner, cx.now)?,
        (_, None) => {}
    }
    let (chat_config, _) = ChatConfig::default().updated(create.chat_config.clone());
    let usual = usual_browser(&cx.settings);
    let (browser_config, _) = usual.updated(create.browser_config.clone());
    check_browser(&browser_config, &cx.settings)?;
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

/// What a chat's browser is unless its maker says otherwise: the default, or the first of the operator's
/// list where that leaves the default out.
pub(super) fn usual_browser(settings: &Settings) -> BrowserConfig {
    let mut config = BrowserConfig::default();
    if check_browser(&config, settings).is_err()
        && let Some(first) = settings.browsers.first()
        && let Ok(first) = BrowserName::try_from(first.clone())
    {
        config.browser = first;
    }
    config
}

/// Refuses a browser that is not on the operator's list (SPEC 3.9).
pub(super) fn check_browser(config: &BrowserConfig, settings: &Settings) -> Result<()> {
    let name = config.browser.as_str();
    if settings.browsers.iter().any(|listed| listed == name) {
        Ok(())
    } else {
        Err(Error::invalid(
            "browser_config.browser",
            format!("the browser is one of {}", settings.browsers.join(", ")),
        ))
    }
}
