//! Settings: the table `setting`, for platform owners and the operator (SPEC 4.6). What is not set has its
//! default; what is set has been checked, so that reading never fails over a wish.

use std::sync::Arc;

use rusqlite::Connection;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::error::{Error, ErrorKind, Result};
use crate::event::ConfigChanged;
use crate::operation::{Context, Done, Effect, Operation, Query, View};
use crate::ops::audit;
use crate::policy::{PlatformAction, PlatformPermit, on_platform};
use crate::settings::Settings;
use crate::store;

/// The settings in force: what is set, over the defaults.
pub(crate) fn read(db: &Connection) -> Result<Settings> {
    let rows = store::all(
        db,
        "SELECT key, value FROM setting ORDER BY key",
        [],
        |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)),
    )?;
    let corrupt = |error| Error::new(ErrorKind::StorageCorrupt).caused_by(error);
    let mut object = Map::new();
    for (key, value) in rows {
        object.insert(key, serde_json::from_str(&value).map_err(corrupt)?);
    }
    serde_json::from_value(Value::Object(object)).map_err(corrupt)
}

/// Shows the settings in force; for platform owners.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Get {}

/// The settings.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SettingsView {
    /// All of them.
    pub settings: Settings,
    /// The keys of those that were set; the others have their defaults.
    pub set: Vec<String>,
}

impl Query for Get {
    const NAME: &'static str = "config.get";
    type Reply = SettingsView;

    fn answer(self, view: &View<'_>) -> Result<SettingsView> {
        on_platform(PlatformAction::Settings, &view.actor)?;
        let set = store::all(view.db, "SELECT key FROM setting ORDER BY key", [], |row| {
            row.get(0)
        })?;
        Ok(SettingsView {
            settings: read(view.db)?,
            set,
        })
    }
}

/// Sets one setting; for platform owners. It is in force at once.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Set {
    /// Which.
    pub key: String,
    /// To what: of the kind and within the bounds that the setting has.
    pub value: Value,
}

impl Operation for Set {
    const NAME: &'static str = "config.set";
    type Reply = Done;

    fn apply(self, cx: &mut Context<'_>) -> Result<Done> {
        let permit = on_platform(PlatformAction::Settings, &cx.actor)?;
        check_key(&self.key)?;
        check_value(&self.key, &self.value)?;
        store_value(cx, &permit, &self.key, Some(&self.value))?;
        let details = json!({ "key": self.key, "value": self.value });
        changed(cx, Self::NAME, self.key, details)
    }
}

/// Puts one setting back to its default; for platform owners.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Unset {
    /// Which.
    pub key: String,
}

impl Operation for Unset {
    const NAME: &'static str = "config.unset";
    type Reply = Done;

    fn apply(self, cx: &mut Context<'_>) -> Result<Done> {
        let permit = on_platform(PlatformAction::Settings, &cx.actor)?;
        check_key(&self.key)?;
        store_value(cx, &permit, &self.key, None)?;
        let details = json!({ "key": self.key });
        changed(cx, Self::NAME, self.key, details)
    }
}

fn store_value(
    cx: &Context<'_>,
    permit: &PlatformPermit,
    key: &str,
    value: Option<&Value>,
) -> Result<()> {
    debug_assert_eq!(permit.subject(), PlatformAction::Settings);
    match value {
        Some(value) => store::execute(
            cx.db,
            "INSERT OR REPLACE INTO setting (key, value) VALUES (?, ?)",
            (key, value.to_string()),
        )?,
        None => store::execute(cx.db, "DELETE FROM setting WHERE key = ?", [key])?,
    };
    Ok(())
}

fn changed(cx: &mut Context<'_>, action: &str, key: String, details: Value) -> Result<Done> {
    let act = audit::Act {
        details,
        ..Default::default()
    };
    audit::record(cx, action, act)?;
    cx.emit(ConfigChanged { key })?;
    let fresh = Arc::new(read(cx.db)?);
    cx.afterwards(Effect::SettingsChanged(fresh));
    Ok(Done {})
}

fn check_key(key: &str) -> Result<()> {
    let defaults = serde_json::to_value(Settings::default())
        .map_err(|error| Error::new(ErrorKind::Internal).caused_by(error))?;
    if defaults.get(key).is_some() {
        Ok(())
    } else {
        Err(Error::invalid(
            "key",
            "there is no such setting; `config.get` shows them all",
        ))
    }
}

/// Refuses a value of the wrong kind or out of bounds, naming the place in it that is wrong.
fn check_value(key: &str, value: &Value) -> Result<()> {
    let alone = json!({ key: value });
    let settings: Settings = serde_path_to_error::deserialize(alone).map_err(|error| {
        let path = error.path().to_string();
        let within = path.strip_prefix(key).unwrap_or_default();
        Error::invalid(format!("value{within}"), error.inner().to_string())
    })?;
    settings.check().map_err(|why| Error::invalid("value", why))
}
