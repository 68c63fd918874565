//! Whom people do not want to meet again (SPEC 7.7): the table `block`.
//!
//! It is one's own list and nobody else's business: there is no audit row, nothing is said to the other,
//! and nothing that the other can ask answers differently. Strangers have one too, since they meet
//! people in DIRECT chats; they see numbers only, for they may not look people up.

use rusqlite::Connection;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::model::{Timestamp, UserId, Username};
use crate::operation::{Context, Done, Operation, Query, View};
use crate::ops::{matching, users};
use crate::policy::{ActOn, Permit, Person, on_ones_own, signed_up};
use crate::store;

/// Blocks a user for the caller: the two are never matched again, and the other does not learn of it.
/// Repeatable.
///
/// `ERR_UNAUTHENTICATED`, `ERR_USER_NOT_FOUND`, `ERR_INVALID` for oneself.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Block {
    /// Whom.
    pub user_id: UserId,
}

impl Operation for Block {
    const NAME: &'static str = "user.block";
    type Reply = Done;

    fn apply(self, cx: &mut Context<'_>) -> Result<Done> {
        let permit = on_ones_own(&cx.actor)?;
        if permit.subject() == self.user_id {
            return Err(Error::invalid("user_id", "nobody blocks themself"));
        }
        users::target(cx.db, self.user_id)?;
        if insert(cx, &permit, self.user_id)? {
            users::announce(cx, permit.subject(), "blocks")?;
        }
        Ok(Done {})
    }
}

/// Takes a user off the caller's list of blocked ones. Repeatable.
///
/// `ERR_UNAUTHENTICATED`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Unblock {
    /// Whom.
    pub user_id: UserId,
}

impl Operation for Unblock {
    const NAME: &'static str = "user.unblock";
    type Reply = Done;

    fn apply(self, cx: &mut Context<'_>) -> Result<Done> {
        let permit = on_ones_own(&cx.actor)?;
        if remove(cx.db, &permit, self.user_id)? {
            matching::may_be_matched(cx.db, permit.subject(), self.user_id)?;
            users::announce(cx, permit.subject(), "blocks")?;
        }
        Ok(Done {})
    }
}

/// Answers whether it is new.
fn insert(cx: &Context<'_>, permit: &Permit<ActOn>, blocked: UserId) -> Result<bool> {
    let added = store::execute(
        cx.db,
        "INSERT INTO block (user_id, blocked_id, at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        (permit.subject(), blocked, cx.now),
    )?;
    Ok(added == 1)
}

/// Answers whether it was there.
fn remove(db: &Connection, permit: &Permit<ActOn>, blocked: UserId) -> Result<bool> {
    let removed = store::execute(
        db,
        "DELETE FROM block WHERE user_id = ? AND blocked_id = ?",
        (permit.subject(), blocked),
    )?;
    Ok(removed == 1)
}

/// Whether one of the two has blocked the other, whichever.
pub(crate) fn between(db: &Connection, a: UserId, b: UserId) -> Result<bool> {
    let found = store::first(
        db,
        "SELECT EXISTS (SELECT 1 FROM block WHERE user_id = ?1 AND blocked_id = ?2)
             OR EXISTS (SELECT 1 FROM block WHERE user_id = ?2 AND blocked_id = ?1)",
        (a, b),
        |row| row.get(0),
    )?;
    Ok(found.unwrap_or_default())
}

/// Lists whom the caller has blocked, by id.
///
/// `ERR_UNAUTHENTICATED`, `ERR_INVALID`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct List {
    /// Only users after this one; from the last page's end.
    pub after: Option<UserId>,
    /// At most this many, 1 to 200; default 50.
    #[schemars(range(min = 1, max = 200))]
    pub limit: Option<u16>,
}

/// Somebody who is blocked.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Blocked {
    /// Who.
    pub user_id: UserId,
    /// The name; null in a stranger's list.
    pub username: Option<Username>,
    /// Since when.
    pub at: Timestamp,
}

/// A page of those whom the caller has blocked.
#[derive(Debug, Serialize, JsonSchema)]
pub struct BlockPage {
    /// By id.
    pub users: Vec<Blocked>,
    /// The place in the event log that this is true at.
    pub as_of: u64,
}

impl Query for List {
    const NAME: &'static str = "user.blocks";
    type Reply = BlockPage;

    fn answer(self, view: &View<'_>) -> Result<BlockPage> {
        let permit = on_ones_own(&view.actor)?;
        let with_names = signed_up(&view.actor).is_ok();
        let limit = super::page_size(self.limit, 50, 200)?;
        let after = self.after.map_or(0, UserId::get);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let users = rows_of(view.db, permit.subject(), after, limit, with_names)?;
        Ok(BlockPage {
            users,
            as_of: view.as_of()?,
        })
    }
}

fn rows_of(
    db: &Connection,
    user: UserId,
    after: i64,
    limit: i64,
    with_names: bool,
) -> Result<Vec<Blocked>> {
    store::all(
        db,
        "SELECT b.blocked_id, u.username, b.at FROM block b JOIN user u ON u.id = b.blocked_id
         WHERE b.user_id = ? AND b.blocked_id > ? ORDER BY b.blocked_id LIMIT ?",
        (user, after, limit),
        |row| {
            Ok(Blocked {
                user_id: row.get(0)?,
                username: if with_names { row.get(1)? } else { None },
                at: row.get(2)?,
            })
        },
    )
}

/// Whom a person has blocked, for their export.
pub(crate) fn export_of(db: &Connection, person: &Person) -> Result<Vec<Blocked>> {
    rows_of(db, person.id, 0, i64::MAX, !person.stranger)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Opening, Store};

    #[test]
    fn a_block_holds_either_way_spec_7_7() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("portal.db");
        let store = Store::open(&path, Opening::default()).unwrap();
        let [ada, ben, cleo] = [1, 2, 3].map(|id| UserId::try_from(id).unwrap());
        let answers = store.writer.exclusively(|db| {
            db.execute_batch(
                "INSERT INTO user (username, created_at) VALUES ('ada', 0), ('ben', 0), ('cleo', 0);
                 INSERT INTO block (user_id, blocked_id, at) VALUES (1, 2, 0);",
            )?;
            Ok([
                between(db, ada, ben)?,
                between(db, ben, ada)?,
                between(db, ada, cleo)?,
            ])
        });
        assert_eq!(answers.unwrap(), [true, true, false]);
    }
}
