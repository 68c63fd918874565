//! Settings: the table `setting`.

use rusqlite::Connection;
use serde_json::{Map, Value};

use crate::error::{Error, ErrorKind, Result};
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
