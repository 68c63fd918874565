//! People: the tables `user`, `tier_change` and `held_username` (SPEC 1).

use rusqlite::Connection;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::error::{ErrorKind, Result};
use crate::model::{ConnectionId, Role, Tier, Timestamp, UserId, Username};
use crate::operation::{Context, Operation};
use crate::ops::audit;
use crate::policy::{Person, PlatformAction, TargetFacts, on_platform};
use crate::store;

/// The facts of a person, or `ERR_USER_NOT_FOUND`.
pub(crate) fn person(db: &Connection, user: UserId, now: Timestamp) -> Result<Person> {
    store::first(
        db,
        "SELECT role, tier, tier_expires_at, stranger FROM user WHERE id = ?",
        [user],
        |row| person_from(user, now, row, 0),
    )?
    .ok_or_else(|| ErrorKind::UserNotFound.into())
}

/// Reads a person's facts from the columns `role, tier, tier_expires_at, stranger`.
pub(crate) fn person_from(
    id: UserId,
    now: Timestamp,
    row: &rusqlite::Row<'_>,
    first: usize,
) -> rusqlite::Result<Person> {
    let tier: Tier = row.get(first + 1)?;
    Ok(Person {
        id,
        role: row.get(first)?,
        premium_now: tier.is_premium_now(row.get(first + 2)?, now),
        stranger: row.get(first + 3)?,
    })
}

/// The facts of a person to be acted upon, or `ERR_USER_NOT_FOUND`.
pub(crate) fn target(db: &Connection, user: UserId) -> Result<TargetFacts> {
    store::first(db, "SELECT role FROM user WHERE id = ?", [user], |row| {
        Ok(TargetFacts {
            id: user,
            role: row.get(0)?,
        })
    })?
    .ok_or_else(|| ErrorKind::UserNotFound.into())
}

/// What others see of a person, while there is one.
pub(crate) fn name_and_role(db: &Connection, user: UserId) -> Result<Option<(Username, Role)>> {
    store::first(
        db,
        "SELECT username, role FROM user WHERE id = ?",
        [user],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// A person's tier, whether it has run out or not.
pub(crate) fn tier_of(db: &Connection, user: UserId) -> Result<Tier> {
    store::first(db, "SELECT tier FROM user WHERE id = ?", [user], |row| {
        row.get(0)
    })?
    .ok_or_else(|| ErrorKind::UserNotFound.into())
}

/// Those of the connections whose person is a moderator or above.
pub(crate) fn staff_among(
    db: &Connection,
    connections: &[ConnectionId],
    user: impl Fn(ConnectionId) -> Option<UserId>,
) -> Result<Vec<ConnectionId>> {
    let staff = store::all(db, "SELECT id FROM user WHERE role > 0", [], |row| {
        row.get::<_, UserId>(0)
    })?;
    let is_staff = |id: &ConnectionId| user(*id).is_some_and(|user| staff.contains(&user));
    Ok(connections.iter().copied().filter(is_staff).collect())
}

/// Whether a name is free: not taken, and not given up less than 30 days ago (SPEC 1.7).
fn is_free(db: &Connection, name: &Username, now: Timestamp) -> Result<bool> {
    let taken = store::first(
        db,
        "SELECT 1 FROM user WHERE username = ?1
         UNION ALL SELECT 1 FROM held_username WHERE username = ?1 AND held_until > ?2 LIMIT 1",
        (name, now),
        |_| Ok(()),
    )?;
    Ok(taken.is_none())
}

/// Adds a person. The name is checked, the caller's leave is the caller's business.
pub(crate) fn insert(cx: &Context<'_>, name: &Username, role: Role) -> Result<UserId> {
    if !is_free(cx.db, name, cx.now)? {
        return Err(ErrorKind::UsernameTaken.into());
    }
    store::execute(
        cx.db,
        "INSERT INTO user (username, role, created_at) VALUES (?, ?, ?)",
        (name, role, cx.now),
    )?;
    UserId::try_from(cx.db.last_insert_rowid()).map_err(|_| ErrorKind::Internal.into())
}

/// Makes a user by hand; for the operator.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Create {
    /// The name.
    pub username: Username,
    /// The platform role; default `user`.
    #[serde(default)]
    pub role: Role,
}

/// A new user.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Created {
    /// Its id.
    pub user_id: UserId,
}

impl Operation for Create {
    const NAME: &'static str = "user.create";
    type Reply = Created;

    fn apply(self, cx: &mut Context<'_>) -> Result<Created> {
        on_platform(PlatformAction::Operate, &cx.actor)?;
        let user_id = insert(cx, &self.username, self.role)?;
        let details = json!({ "username": self.username, "role": self.role });
        audit::record(
            cx,
            Self::NAME,
            audit::Act {
                target: Some(user_id),
                details,
                ..Default::default()
            },
        )?;
        Ok(Created { user_id })
    }
}
