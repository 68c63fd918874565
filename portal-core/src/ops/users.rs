//! People: the tables `user` and `held_username` (SPEC 1).
//!
//! Rows in and out. What a change of role, of tier or a deletion brings with it is said in `roles`,
//! `tiers` and `deletion`; who sees what of whom in `profiles`.

use rusqlite::{Connection, Row};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::error::{Error, ErrorKind, Result};
use crate::event::{UserCreated, UserUpdated};
use crate::model::{ConnectionId, DAY, HOUR, Role, Tier, Timestamp, UserId, Username};
use crate::operation::{Context, Done, Operation, View};
use crate::ops::limits::{self, Limit};
use crate::ops::{audit, tiers};
use crate::policy::{
    ActOn, ActingAs, Permit, Person, PlatformAction, TargetFacts, on_oneself, on_platform,
};
use crate::store;

/// How long a name given up is kept from others (SPEC 1.7).
const NAME_HELD_MS: i64 = 30 * DAY;

/// Each change of a name keeps the former one from everyone for a month.
const RENAMES: Limit = Limit {
    kind: "rename",
    max: 5,
    window_ms: HOUR,
};

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
    row: &Row<'_>,
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

/// Those of the connections whose person is staff of at least this role.
pub(crate) fn staff_among(
    db: &Connection,
    least: Role,
    connections: &[ConnectionId],
    user: impl Fn(ConnectionId) -> Option<UserId>,
) -> Result<Vec<ConnectionId>> {
    let staff = store::all(
        db,
        "SELECT id FROM user WHERE role > 0 AND role >= ?",
        [least],
        |row| row.get::<_, UserId>(0),
    )?;
    let is_staff = |id: &ConnectionId| user(*id).is_some_and(|user| staff.contains(&user));
    Ok(connections.iter().copied().filter(is_staff).collect())
}

/// A person whom the caller names. Who is not signed in learns of nobody, and no bot does.
pub(crate) fn named(view: &View<'_>, user: UserId) -> Result<Person> {
    match view.actor {
        ActingAs::Guest => Err(ErrorKind::Unauthenticated.into()),
        ActingAs::Bot(_) => Err(ErrorKind::Forbidden.into()),
        ActingAs::Person(_) | ActingAs::Operator | ActingAs::System => {
            person(view.db, user, view.now)
        }
    }
}

/// Whether a name is free: not taken, and not given up less than 30 days ago (SPEC 1.7).
pub(crate) fn is_free(db: &Connection, name: &Username, now: Timestamp) -> Result<bool> {
    let taken = store::first(
        db,
        "SELECT 1 FROM user WHERE username = ?1
         UNION ALL SELECT 1 FROM held_username WHERE username = ?1 AND held_until > ?2 LIMIT 1",
        (name, now),
        |_| Ok(()),
    )?;
    Ok(taken.is_none())
}

/// Whether nobody is there yet.
pub(crate) fn is_empty(db: &Connection) -> Result<bool> {
    store::first(db, "SELECT 1 FROM user LIMIT 1", [], |_| Ok(())).map(|user| user.is_none())
}

/// Adds a person. The name is checked, the caller's leave is the caller's business.
pub(crate) fn insert(cx: &mut Context<'_>, name: &Username, role: Role) -> Result<UserId> {
    insert_row(cx, name, role, false)
}

/// Adds an anonymous person (SPEC 1.8).
pub(crate) fn insert_stranger(cx: &mut Context<'_>, name: &Username) -> Result<UserId> {
    insert_row(cx, name, Role::User, true)
}

fn insert_row(cx: &mut Context<'_>, name: &Username, role: Role, stranger: bool) -> Result<UserId> {
    if !is_free(cx.db, name, cx.now)? {
        return Err(ErrorKind::UsernameTaken.into());
    }
    store::execute(
        cx.db,
        "INSERT INTO user (username, role, stranger, created_at) VALUES (?, ?, ?, ?)",
        (name, role, stranger, cx.now),
    )?;
    let id = cx.db.last_insert_rowid();
    let user_id = UserId::try_from(id).map_err(|_| ErrorKind::Internal)?;
    cx.emit(UserCreated { user_id })?;
    Ok(user_id)
}

/// Says that something about a person changed.
pub(crate) fn announce(cx: &mut Context<'_>, user_id: UserId, changed: &str) -> Result<()> {
    cx.emit(UserUpdated {
        user_id,
        changed: vec![changed.to_owned()],
    })
}

/// Whether nobody else owns the platform.
pub(crate) fn is_last_owner(db: &Connection, person: &Person) -> Result<bool> {
    if person.role != Role::Owner {
        return Ok(false);
    }
    let another = store::first(
        db,
        "SELECT 1 FROM user WHERE role = ? AND id <> ? LIMIT 1",
        (Role::Owner, person.id),
        |_| Ok(()),
    )?;
    Ok(another.is_none())
}

pub(crate) fn set_role(db: &Connection, permit: &Permit<ActOn>, role: Role) -> Result<()> {
    let who = permit.subject();
    store::execute(db, "UPDATE user SET role = ? WHERE id = ?", (role, who))?;
    Ok(())
}

pub(crate) fn set_tier(
    db: &Connection,
    permit: &Permit<ActOn>,
    tier: Tier,
    expires_at: Option<Timestamp>,
) -> Result<()> {
    store::execute(
        db,
        "UPDATE user SET tier = ?1, tier_expires_at = ?2, trial_used = trial_used OR ?1 = ?4 WHERE id = ?3",
        (tier, expires_at, permit.subject(), Tier::Trial),
    )?;
    Ok(())
}

/// A person's tier, when it ends, and whether the trial was used.
pub(crate) fn tier(db: &Connection, user: UserId) -> Result<(Tier, Option<Timestamp>, bool)> {
    store::first(
        db,
        "SELECT tier, tier_expires_at, trial_used FROM user WHERE id = ?",
        [user],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )?
    .ok_or_else(|| ErrorKind::UserNotFound.into())
}

/// Replaces the hash of a person's account key (SPEC 2.4).
pub(crate) fn set_account_key(
    db: &Connection,
    permit: &Permit<ActOn>,
    hash: &[u8; 32],
) -> Result<()> {
    store::execute(
        db,
        "UPDATE user SET account_key_hash = ? WHERE id = ?",
        (hash, permit.subject()),
    )?;
    Ok(())
}

/// Someone who signs in: who, and the hash of their account key if they have one.
pub(crate) struct Account {
    pub(crate) id: UserId,
    pub(crate) role: Role,
    pub(crate) key_hash: Option<[u8; 32]>,
}

/// The account of a name. Strangers have none.
pub(crate) fn account(db: &Connection, name: &Username) -> Result<Option<Account>> {
    store::first(
        db,
        "SELECT id, role, account_key_hash FROM user WHERE username = ? AND stranger = 0",
        [name],
        account_from,
    )
}

/// The account of a person. Strangers have none.
pub(crate) fn account_of(db: &Connection, user: UserId) -> Result<Option<Account>> {
    store::first(
        db,
        "SELECT id, role, account_key_hash FROM user WHERE id = ? AND stranger = 0",
        [user],
        account_from,
    )
}

fn account_from(row: &Row<'_>) -> rusqlite::Result<Account> {
    Ok(Account {
        id: row.get(0)?,
        role: row.get(1)?,
        key_hash: row.get(2)?,
    })
}

/// A person's name.
pub(crate) fn name(db: &Connection, user: UserId) -> Result<Username> {
    store::first(
        db,
        "SELECT username FROM user WHERE id = ?",
        [user],
        |row| row.get(0),
    )?
    .ok_or_else(|| ErrorKind::UserNotFound.into())
}

/// Keeps a name from others for 30 days.
pub(crate) fn hold_name(db: &Connection, name: &Username, now: Timestamp) -> Result<()> {
    store::execute(
        db,
        "INSERT OR REPLACE INTO held_username (username, held_until) VALUES (?, ?)",
        (name, now.plus(NAME_HELD_MS)),
    )?;
    Ok(())
}

/// Takes a person's row away, and with it all that belongs to the person alone.
pub(crate) fn delete(db: &Connection, permit: &Permit<ActOn>) -> Result<()> {
    store::execute(db, "DELETE FROM user WHERE id = ?", [permit.subject()])?;
    Ok(())
}

/// Frees names that were held long enough; answers when to come back.
pub(crate) fn tick(cx: &Context<'_>) -> Result<Option<Timestamp>> {
    store::execute(
        cx.db,
        "DELETE FROM held_username WHERE username IN
           (SELECT username FROM held_username WHERE held_until <= ? ORDER BY held_until LIMIT 1000)",
        [cx.now],
    )?;
    store::first(
        cx.db,
        "SELECT held_until FROM held_username ORDER BY held_until LIMIT 1",
        [],
        |row| row.get(0),
    )
}

/// Makes a user by hand; for the operator.
///
/// `ERR_USERNAME_TAKEN`, `ERR_FORBIDDEN`, `ERR_INVALID`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Create {
    /// The name.
    pub username: Username,
    /// The platform role; default `user`.
    #[serde(default)]
    pub role: Role,
    /// The tier they begin with; left out: basic.
    #[serde(default)]
    pub tier: Option<Tier>,
    /// For how many days premium is given, 1 to 3650; left out: without end.
    #[serde(default)]
    pub days: Option<u16>,
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
        let mut details = json!({ "username": self.username, "role": self.role });
        match (self.tier, self.days) {
            (Some(tier), days) => {
                let target = TargetFacts {
                    id: user_id,
                    role: self.role,
                };
                let granted = tiers::give_first(cx, &target, tier, days)?;
                details["tier"] = json!(granted.tier);
                details["tier_expires_at"] = json!(granted.tier_expires_at);
            }
            (None, Some(_)) => return Err(Error::invalid("days", "days are those of a tier")),
            (None, None) => {}
        }
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

/// Changes the caller's own account. What is left out stays.
///
/// `ERR_USERNAME_TAKEN`, `ERR_STRANGER_FORBIDDEN`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Update {
    /// A new name, at most 5 in an hour; the former one is kept from everyone for 30 days.
    pub username: Option<Username>,
}

impl Operation for Update {
    const NAME: &'static str = "user.update";
    type Reply = Done;

    fn apply(self, cx: &mut Context<'_>) -> Result<Done> {
        let permit = on_oneself(&cx.actor)?;
        let user = permit.subject();
        if let Some(new) = self.username {
            let former = name(cx.db, user)?;
            if new != former {
                rename(cx, &permit, &former, &new)?;
                announce(cx, user, "username")?;
            }
        }
        Ok(Done {})
    }
}

fn rename(
    cx: &Context<'_>,
    permit: &Permit<ActOn>,
    former: &Username,
    new: &Username,
) -> Result<()> {
    let user = permit.subject();
    let subject = user.to_string();
    limits::check(cx.db, RENAMES, &subject, cx.now)?;
    // Another case is the same name: nothing is given up.
    if !new.as_str().eq_ignore_ascii_case(former.as_str()) {
        if !is_free(cx.db, new, cx.now)? {
            return Err(ErrorKind::UsernameTaken.into());
        }
        hold_name(cx.db, former, cx.now)?;
    }
    limits::record(cx.db, RENAMES.kind, &subject, cx.now)?;
    store::execute(
        cx.db,
        "UPDATE user SET username = ? WHERE id = ?",
        (new, user),
    )?;
    Ok(())
}
