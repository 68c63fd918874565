//! Addresses: who may take one, and the table `held_slug` of those that were given up (SPEC 3.3).

use rusqlite::Connection;
use schemars::JsonSchema;
use serde::Serialize;

use super::by_slug;
use crate::error::{ErrorKind, Result};
use crate::model::{DAY, Slug, Timestamp, UserId, is_reserved_slug};
use crate::store;

/// How long an address is held for its last owner, in milliseconds.
const HELD_FOR: i64 = 30 * DAY;

/// How many addresses are held for one owner: giving up another lets the oldest go.
const HELD_AT_MOST: u32 = 3;

/// Takes an address for a chat of this owner, or answers `ERR_SLUG_TAKEN`. What was held for the owner
/// is held no longer.
pub(super) fn claim(db: &Connection, slug: &Slug, owner: UserId, now: Timestamp) -> Result<()> {
    if is_reserved_slug(slug)
        || by_slug(db, slug)?.is_some()
        || held_for_another(db, slug, owner, now)?
    {
        return Err(ErrorKind::SlugTaken.into());
    }
    store::execute(db, "DELETE FROM held_slug WHERE slug = ?", [slug])?;
    Ok(())
}

/// Whether the address is held at this moment, for somebody else.
fn held_for_another(db: &Connection, slug: &Slug, owner: UserId, now: Timestamp) -> Result<bool> {
    let held = store::first(
        db,
        "SELECT 1 FROM held_slug WHERE slug = ? AND owner_id <> ? AND held_until > ?",
        (slug, owner, now),
        |_| Ok(()),
    )?;
    Ok(held.is_some())
}

/// An address that a chat gave up.
#[derive(Debug, Serialize, JsonSchema)]
pub struct HeldSlug {
    /// The address.
    pub slug: Slug,
    /// Until when others cannot take it.
    pub held_until: Timestamp,
}

/// The addresses that are held for an owner.
pub(super) fn held_for(db: &Connection, owner: UserId) -> Result<Vec<HeldSlug>> {
    store::all(
        db,
        "SELECT slug, held_until FROM held_slug WHERE owner_id = ? ORDER BY slug",
        [owner],
        |row| {
            Ok(HeldSlug {
                slug: row.get(0)?,
                held_until: row.get(1)?,
            })
        },
    )
}

/// Holds an address that a chat gave up.
pub(super) fn hold(db: &Connection, slug: &Slug, owner: UserId, now: Timestamp) -> Result<()> {
    store::execute(
        db,
        "INSERT OR REPLACE INTO held_slug (slug, owner_id, held_until) VALUES (?, ?, ?)",
        (slug, owner, now.plus(HELD_FOR)),
    )?;
    // So the table has no more rows than this an owner, and needs no sweep.
    store::execute(
        db,
        "DELETE FROM held_slug WHERE owner_id = ?1 AND slug NOT IN
           (SELECT slug FROM held_slug WHERE owner_id = ?1
            ORDER BY held_until DESC, slug = ?2 DESC, slug LIMIT ?3)",
        (owner, slug, HELD_AT_MOST),
    )?;
    Ok(())
}
