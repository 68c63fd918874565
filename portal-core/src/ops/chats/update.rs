//! Changing a chat: its words, its configurations, its address, and with the address its type.
//!
//! The surprising thing is that nobody says the type: a PRIVATE chat that gets a slug is PUBLIC, a PUBLIC
//! one that loses it is PRIVATE (SPEC 3.4).

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::create::check_browser;
use super::{ChatRow, load, slugs, to_json};
use crate::error::{ErrorKind, Result};
use crate::event::{EpochReason, RoomEvicted, RoomUpdated};
use crate::model::{
    BrowserConfigUpdate, ChatConfigUpdate, ChatId, ChatName, ChatType, Description, Slug, present,
};
use crate::operation::{Context, Done, Operation};
use crate::ops::{audit, epochs, messages, users};
use crate::policy::{Configure, Denial, Permit, may_own, permit};
use crate::store;

/// Changes a chat. What is left out stays; null empties a description or a slug. A slug makes a PRIVATE
/// chat PUBLIC, no slug makes a PUBLIC one PRIVATE; both move the epoch (SPEC 3.4). `ERR_SLUG_TAKEN`,
/// `ERR_PREMIUM_REQUIRED`, `ERR_CHAT_TYPE_FIXED`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Update {
    /// Which.
    pub chat_id: ChatId,
    /// A new name.
    #[serde(default)]
    pub name: Option<ChatName>,
    /// A new description; null is none.
    #[serde(default, deserialize_with = "present")]
    pub description: Option<Option<Description>>,
    /// A new address; null is none.
    #[serde(default, deserialize_with = "present")]
    pub slug: Option<Option<Slug>>,
    /// What changes of `RoomConfig`.
    #[serde(default)]
    pub chat_config: ChatConfigUpdate,
    /// What changes of `BrowserConfig`.
    #[serde(default)]
    pub browser_config: BrowserConfigUpdate,
}

impl Operation for Update {
    const NAME: &'static str = "chat.update";
    type Reply = Done;

    fn apply(self, cx: &mut Context<'_>) -> Result<Done> {
        let (row, facts) = load(cx, self.chat_id)?;
        let permit = match permit::<Configure>(&cx.actor, &facts) {
            // SPEC 3.4 has its own word for a DIRECT that should get an address.
            Err(Denial::Forbidden)
                if facts.chat_type == ChatType::Direct && self.slug.is_some() =>
            {
                return Err(ErrorKind::ChatTypeFixed.into());
            }
            answer => answer?,
        };
        let change = self.on(cx, row)?;
        let changed = change.fields();
        if changed.is_empty() {
            return Ok(Done {});
        }
        change.check_lawful(cx)?;
        change.write(cx, &permit)?;
        change.follow_up(cx)?;
        let (from, to) = (&change.from.chat.kind, &change.to.chat.kind);
        let act = audit::Act {
            chat: Some(self.chat_id),
            details: if from == to {
                json!({ "changed": changed })
            } else {
                json!({ "changed": changed, "from_slug": from.slug(), "to_slug": to.slug() })
            },
            ..Default::default()
        };
        audit::record(cx, Self::NAME, act)?;
        cx.emit(RoomUpdated {
            chat_id: self.chat_id,
            changed: changed.into_iter().map(str::to_owned).collect(),
        })?;
        Ok(Done {})
    }
}

impl Update {
    /// What the chat becomes.
    fn on(&self, cx: &Context<'_>, from: ChatRow) -> Result<Change> {
        let mut to = from.clone();
        if let Some(name) = &self.name {
            to.name = name.clone();
        }
        if let Some(description) = &self.description {
            to.description.clone_from(description);
        }
        if let Some(slug) = &self.slug {
            let kind = &from.chat.kind;
            to.chat.kind = kind
                .with_slug(slug.clone(), from.next_message_id)
                .ok_or(ErrorKind::ChatTypeFixed)?;
        }
        let (chat_config, mut configured) = from.chat_config.updated(self.chat_config.clone());
        let (browser_config, browser) = from.browser_config.updated(self.browser_config.clone());
        // A browser that left the list stays where it is set; choosing one takes a listed one.
        if browser.contains(&"browser") {
            check_browser(&browser_config, &cx.settings)?;
        }
        configured.extend(browser);
        to.chat_config = chat_config;
        to.browser_config = browser_config;
        Ok(Change {
            from,
            to,
            configured,
        })
    }
}

/// A chat before and after.
struct Change {
    from: ChatRow,
    to: ChatRow,
    /// The names within the two configurations that change.
    configured: Vec<&'static str>,
}

impl Change {
    /// The names of the fields that change, as `room:updated` says them.
    fn fields(&self) -> Vec<&'static str> {
        let Self { from, to, .. } = self;
        [
            ("name", from.name != to.name),
            ("description", from.description != to.description),
            ("slug", from.chat.kind.slug() != to.chat.kind.slug()),
            ("chat_type", self.changes_type()),
            ("chat_config", from.chat_config != to.chat_config),
            ("browser_config", from.browser_config != to.browser_config),
        ]
        .into_iter()
        .filter_map(|(field, changes)| changes.then_some(field))
        .collect()
    }

    fn changes_type(&self) -> bool {
        self.from.chat.kind.chat_type() != self.to.chat.kind.chat_type()
    }

    /// The address that the chat gives up.
    fn given_up(&self) -> Option<&Slug> {
        let slug = self.from.chat.kind.slug();
        slug.filter(|slug| self.to.chat.kind.slug() != Some(*slug))
    }

    /// When a chat becomes PUBLIC its owner has premium, and a new address is free (SPEC 3.3, 3.5).
    fn check_lawful(&self, cx: &Context<'_>) -> Result<()> {
        let (was, is) = (&self.from.chat.kind, &self.to.chat.kind);
        let (Some(owner), Some(slug)) = (is.owner(), is.slug()) else {
            return Ok(());
        };
        if self.changes_type() {
            may_own(is.chat_type(), &users::person(cx.db, owner, cx.now)?)?;
        }
        if was.slug() == Some(slug) {
            return Ok(());
        }
        slugs::claim(cx.db, slug, owner, cx.now)
    }

    fn write(&self, cx: &Context<'_>, permit: &Permit<Configure>) -> Result<()> {
        let to = &self.to;
        let (was, is) = (
            self.from.chat_config.wipe_preset,
            to.chat_config.wipe_preset,
        );
        store::execute(
            cx.db,
            "UPDATE chat SET chat_type = ?2, slug = ?3, public_from = ?4, name = ?5, description = ?6,
               chat_config = ?7, browser_config = ?8,
               wipe_due_at = CASE WHEN ?9 THEN ?10 ELSE wipe_due_at END
             WHERE id = ?1",
            (
                permit.subject(),
                to.chat.kind.chat_type(),
                to.chat.kind.slug(),
                to.chat.kind.public_from(),
                &to.name,
                &to.description,
                to_json(&to.chat_config)?,
                to_json(&to.browser_config)?,
                was != is,
                is.period().map(|period| cx.now.plus(period)),
            ),
        )?;
        Ok(())
    }

    /// What a change of address, type or configuration brings with it.
    fn follow_up(&self, cx: &mut Context<'_>) -> Result<()> {
        let chat_id = self.from.chat.id;
        if let (Some(slug), Some(owner)) = (self.given_up(), self.from.chat.kind.owner()) {
            slugs::hold(cx.db, slug, owner, cx.now)?;
        }
        match self.to.chat.kind.chat_type() {
            ChatType::Private if self.changes_type() => {
                // First of all: who is evicted hears nothing of what comes after.
                cx.emit(RoomEvicted {
                    chat_id,
                    reason: "went_private".to_owned(),
                    user_id: None,
                })?;
                epochs::move_on(cx, chat_id, EpochReason::WentPrivate)?;
            }
            ChatType::Public if self.changes_type() => {
                epochs::move_on(cx, chat_id, EpochReason::WentPublic)?;
            }
            _ => {}
        }
        if !self.configured.is_empty() {
            let content = self.configured.join(", ");
            messages::system(cx, chat_id, "config_changed", &content)?;
        }
        Ok(())
    }
}
