//! Bots: the table `bot` (SPEC 2.5). A bot is a program on another platform that lets people in from there:
//! it fetches the codes that were asked for on the web, and makes codes for people who ask it. It has no
//! account and may nothing else.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rusqlite::Connection;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::error::{ErrorKind, Result};
use crate::event::{BotAdded, BotRemoved, BotRotated};
use crate::model::{BotId, BotName, Platform, Secret, Timestamp};
use crate::operation::{Context, Done, Operation, Query, View};
use crate::ops::audit;
use crate::policy::{PlatformAction, deliver_codes, on_platform};
use crate::portal::Portal;
use crate::random::Random;
use crate::store;

/// How every key begins, so that one that leaked is known for what it is.
pub const KEY_PREFIX: &str = "pbot_";

/// A bot's platform; none if there is no such bot.
pub(crate) fn platform(db: &Connection, bot: BotId) -> Result<Option<Platform>> {
    store::first(db, "SELECT platform FROM bot WHERE id = ?", [bot], |row| {
        row.get(0)
    })
}

/// The acting bot and its platform; whoever is none is refused.
pub(crate) fn acting(view: &View<'_>) -> Result<(BotId, Platform)> {
    let bot = deliver_codes(&view.actor)?;
    let platform = platform(view.db, bot)?.ok_or(ErrorKind::Unauthenticated)?;
    Ok((bot, platform))
}

/// Whether any bot lets people in from a platform.
pub(crate) fn serves(db: &Connection, platform: &Platform) -> Result<bool> {
    let found = store::first(
        db,
        "SELECT 1 FROM bot WHERE platform = ? LIMIT 1",
        [platform],
        |_| Ok(()),
    )?;
    Ok(found.is_some())
}

/// A new key, and what the database keeps of it.
fn new_key(random: &dyn Random) -> (Secret, [u8; 32]) {
    let mut bytes = Zeroizing::new([0; 32]);
    random.fill(&mut *bytes);
    let key = Secret::new(format!("{KEY_PREFIX}{}", URL_SAFE_NO_PAD.encode(*bytes)));
    let hash = hash(key.expose());
    (key, hash)
}

fn hash(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}

impl Portal {
    /// The bot of an API key.
    ///
    /// # Errors
    /// `ERR_UNAUTHENTICATED` if there is none.
    pub fn authenticate_bot(&self, key: &str) -> Result<BotId> {
        let reader = self.reader()?;
        store::first(
            &reader,
            "SELECT id FROM bot WHERE key_hash = ?",
            [hash(key)],
            |row| row.get(0),
        )?
        .ok_or_else(|| ErrorKind::Unauthenticated.into())
    }
}

/// A bot with its key, which is shown this once.
#[derive(Debug, Serialize, JsonSchema)]
pub struct BotWithKey {
    /// Which.
    pub bot_id: BotId,
    /// Where it lets people in from.
    pub platform: Platform,
    /// Its name.
    pub name: BotName,
    /// Its API key: shown once, never stored.
    #[serde(serialize_with = "Secret::reveal")]
    pub key: Secret,
}

/// Adds a bot of another platform and answers its API key; for admins and above.
///
/// `ERR_FORBIDDEN`, `ERR_INVALID`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Add {
    /// Where it lets people in from: a short name such as `telegram`.
    pub platform: Platform,
    /// Its name, for staff.
    pub name: BotName,
}

impl Operation for Add {
    const NAME: &'static str = "bot.add";
    type Reply = BotWithKey;

    fn apply(self, cx: &mut Context<'_>) -> Result<BotWithKey> {
        on_platform(PlatformAction::Bots, &cx.actor)?;
        let (key, hash) = new_key(cx.random);
        store::execute(
            cx.db,
            "INSERT INTO bot (platform, name, key_hash, created_at) VALUES (?, ?, ?, ?)",
            (&self.platform, &self.name, hash, cx.now),
        )?;
        let id = cx.db.last_insert_rowid();
        let bot_id = BotId::try_from(id).map_err(|_| ErrorKind::Internal)?;
        record(cx, Self::NAME, bot_id, &self.platform, &self.name)?;
        cx.emit(BotAdded { bot_id })?;
        Ok(BotWithKey {
            bot_id,
            platform: self.platform,
            name: self.name,
            key,
        })
    }
}

/// The audit log's row of what was done to a bot.
fn record(
    cx: &Context<'_>,
    action: &str,
    bot_id: BotId,
    platform: &Platform,
    name: &BotName,
) -> Result<()> {
    let details = json!({ "bot_id": bot_id, "platform": platform, "name": name });
    let act = audit::Act {
        details,
        ..Default::default()
    };
    audit::record(cx, action, act)
}

/// Lists the bots, by id; for admins and above.
///
/// `ERR_FORBIDDEN`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct List {}

/// A bot.
#[derive(Debug, Serialize, JsonSchema)]
pub struct BotView {
    /// Which.
    pub bot_id: BotId,
    /// Where it lets people in from.
    pub platform: Platform,
    /// Its name.
    pub name: BotName,
    /// When it was added.
    pub created_at: Timestamp,
    /// When its key was last replaced; null: never.
    pub rotated_at: Option<Timestamp>,
}

/// The bots.
#[derive(Debug, Serialize, JsonSchema)]
pub struct BotList {
    /// By id.
    pub bots: Vec<BotView>,
    /// The place in the event log that this is true at.
    pub as_of: u64,
}

impl Query for List {
    const NAME: &'static str = "bot.list";
    type Reply = BotList;

    fn answer(self, view: &View<'_>) -> Result<BotList> {
        on_platform(PlatformAction::Bots, &view.actor)?;
        let bots = store::all(
            view.db,
            "SELECT id, platform, name, created_at, rotated_at FROM bot ORDER BY id",
            [],
            |row| {
                Ok(BotView {
                    bot_id: row.get(0)?,
                    platform: row.get(1)?,
                    name: row.get(2)?,
                    created_at: row.get(3)?,
                    rotated_at: row.get(4)?,
                })
            },
        )?;
        Ok(BotList {
            bots,
            as_of: view.as_of()?,
        })
    }
}

/// Platform and name of a bot, or `ERR_BOT_NOT_FOUND`.
fn about(db: &Connection, bot: BotId) -> Result<(Platform, BotName)> {
    store::first(
        db,
        "SELECT platform, name FROM bot WHERE id = ?",
        [bot],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?
    .ok_or_else(|| ErrorKind::BotNotFound.into())
}

/// Replaces a bot's API key; the former one opens nothing from then on. For admins and above.
///
/// `ERR_FORBIDDEN`, `ERR_BOT_NOT_FOUND`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rotate {
    /// Whose.
    pub bot_id: BotId,
}

impl Operation for Rotate {
    const NAME: &'static str = "bot.rotate";
    type Reply = BotWithKey;

    fn apply(self, cx: &mut Context<'_>) -> Result<BotWithKey> {
        on_platform(PlatformAction::Bots, &cx.actor)?;
        let (platform, name) = about(cx.db, self.bot_id)?;
        let (key, hash) = new_key(cx.random);
        store::execute(
            cx.db,
            "UPDATE bot SET key_hash = ?, rotated_at = ? WHERE id = ?",
            (hash, cx.now, self.bot_id),
        )?;
        record(cx, Self::NAME, self.bot_id, &platform, &name)?;
        cx.emit(BotRotated {
            bot_id: self.bot_id,
        })?;
        Ok(BotWithKey {
            bot_id: self.bot_id,
            platform,
            name,
            key,
        })
    }
}

/// Removes a bot. Whom it let in keep their accounts, and another bot of the platform lets them in again.
/// For admins and above.
///
/// `ERR_FORBIDDEN`, `ERR_BOT_NOT_FOUND`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Remove {
    /// Which.
    pub bot_id: BotId,
}

impl Operation for Remove {
    const NAME: &'static str = "bot.remove";
    type Reply = Done;

    fn apply(self, cx: &mut Context<'_>) -> Result<Done> {
        on_platform(PlatformAction::Bots, &cx.actor)?;
        let (platform, name) = about(cx.db, self.bot_id)?;
        store::execute(cx.db, "DELETE FROM bot WHERE id = ?", [self.bot_id])?;
        record(cx, Self::NAME, self.bot_id, &platform, &name)?;
        cx.emit(BotRemoved {
            bot_id: self.bot_id,
        })?;
        Ok(Done {})
    }
}
