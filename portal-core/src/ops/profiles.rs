//! What one sees of a person: everyone the name and the role; the person and staff who may act on them
//! also the tier and the state (SPEC 4.6). Reads only.

use rusqlite::{Connection, Row};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{ErrorKind, Result};
use crate::model::{Role, SessionId, Standing, Tier, Timestamp, UserId, Username};
use crate::operation::{Query, View};
use crate::ops::punishments;
use crate::policy::{PlatformAction, TargetFacts, may_know, on_platform, signed_up};
use crate::store;

/// A person. Tier and state are there for that person, and for staff who may act on them.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct UserView {
    /// The id.
    pub id: UserId,
    /// The name.
    pub username: Username,
    /// The platform role.
    pub role: Role,
    /// Whether it is an anonymous user.
    pub stranger: bool,
    /// When they came.
    pub created_at: Timestamp,
    /// What only they and staff who may act on them see.
    #[serde(flatten)]
    pub private: Option<PrivateView>,
}

/// What a person and staff who may act on them see (SPEC 4.6).
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PrivateView {
    /// The tier that was granted last.
    pub tier: Tier,
    /// When it ends; null is never. Absent where `tier` is.
    pub tier_expires_at: Option<Timestamp>,
    /// Whether it counts as premium at this moment.
    pub premium_now: bool,
    /// `active`, `timed_out` or `banned`, and until when.
    #[serde(flatten)]
    pub standing: Standing,
}

/// The columns that [`view_from`] reads.
const COLUMNS: &str = "id, username, role, stranger, created_at, tier, tier_expires_at";

fn view_from(row: &Row<'_>, now: Timestamp) -> rusqlite::Result<(UserView, PrivateView)> {
    let tier: Tier = row.get(5)?;
    let tier_expires_at = row.get(6)?;
    let user = UserView {
        id: row.get(0)?,
        username: row.get(1)?,
        role: row.get(2)?,
        stranger: row.get(3)?,
        created_at: row.get(4)?,
        private: None,
    };
    let private = PrivateView {
        tier,
        tier_expires_at,
        premium_now: tier.is_premium_now(tier_expires_at, now),
        standing: Standing::Active,
    };
    Ok((user, private))
}

/// Adds what the caller may know of the person.
fn disclose(view: &View<'_>, (mut user, private): (UserView, PrivateView)) -> Result<UserView> {
    let target = TargetFacts {
        id: user.id,
        role: user.role,
    };
    if may_know(&view.actor, &target) {
        let standing = punishments::standing(view.db, user.id, view.now)?;
        user.private = Some(PrivateView {
            standing,
            ..private
        });
    }
    Ok(user)
}

fn show(view: &View<'_>, user: UserId) -> Result<UserView> {
    let found = store::first(
        view.db,
        &format!("SELECT {COLUMNS} FROM user WHERE id = ?"),
        [user],
        |row| view_from(row, view.now),
    )?;
    disclose(view, found.ok_or(ErrorKind::UserNotFound)?)
}

/// Shows a user. Tier and state are shown to that user, and to staff who may act on them.
///
/// `ERR_USER_NOT_FOUND`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Get {
    /// Who.
    pub user_id: UserId,
}

impl Query for Get {
    const NAME: &'static str = "user.get";
    type Reply = UserView;

    fn answer(self, view: &View<'_>) -> Result<UserView> {
        signed_up(&view.actor)?;
        show(view, self.user_id)
    }
}

/// Shows the caller to themself.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Me {}

/// The caller.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Myself {
    /// Who they are.
    #[serde(flatten)]
    pub user: UserView,
    /// The session they act with; null where a host acts for them.
    pub session_id: Option<SessionId>,
    /// The place in the event log that this is true at.
    pub as_of: u64,
}

impl Query for Me {
    const NAME: &'static str = "user.me";
    type Reply = Myself;

    fn answer(self, view: &View<'_>) -> Result<Myself> {
        Ok(Myself {
            user: show(view, view.user_id()?)?,
            session_id: view.session,
            as_of: view.as_of()?,
        })
    }
}

/// What is stored of a person themself.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Profile {
    /// As they see themself.
    #[serde(flatten)]
    pub user: UserView,
    /// Whether the trial was used.
    pub trial_used: bool,
    /// Whether there is an account key; of the key itself only a hash is kept.
    pub has_account_key: bool,
}

/// The person, for their export.
pub(crate) fn export_of(db: &Connection, user: UserId, now: Timestamp) -> Result<Profile> {
    let (mut shown, private, trial_used, has_account_key) = store::first(
        db,
        &format!(
            "SELECT {COLUMNS}, trial_used, account_key_hash IS NOT NULL FROM user WHERE id = ?"
        ),
        [user],
        |row| {
            let (shown, private) = view_from(row, now)?;
            Ok((shown, private, row.get(7)?, row.get(8)?))
        },
    )?
    .ok_or(ErrorKind::UserNotFound)?;
    shown.private = Some(PrivateView {
        standing: punishments::standing(db, user, now)?,
        ..private
    });
    Ok(Profile {
        user: shown,
        trial_used,
        has_account_key,
    })
}

/// Lists users by id; for moderators and above. Tier and state are shown of those they may act on.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct List {
    /// Only users with this in their name, without regard to case.
    pub search: Option<String>,
    /// Only the user of this name, without regard to case.
    pub username: Option<Username>,
    /// Only users after this one; from the last page's end.
    pub after: Option<UserId>,
    /// At most this many, 1 to 200; default 50.
    pub limit: Option<u16>,
}

/// A page of users.
#[derive(Debug, Serialize, JsonSchema)]
pub struct UserPage {
    /// In the order of their ids.
    pub users: Vec<UserView>,
}

impl Query for List {
    const NAME: &'static str = "user.list";
    type Reply = UserPage;

    fn answer(self, view: &View<'_>) -> Result<UserPage> {
        on_platform(PlatformAction::ListUsers, &view.actor)?;
        let limit = super::page_size(self.limit, 50, 200)?;
        // A name is a statement of its own, so that it is found by its index.
        let named = self.username.as_ref().map_or("", |_| " AND username = ?3");
        let rows = store::all(
            view.db,
            &format!(
                "SELECT {COLUMNS} FROM user
                 WHERE id > ?1 AND (?2 IS NULL OR instr(lower(username), lower(?2)) > 0){named}
                 ORDER BY id LIMIT ?4"
            ),
            (
                self.after.map_or(0, UserId::get),
                self.search,
                self.username,
                i64::try_from(limit).unwrap_or(i64::MAX),
            ),
            |row| view_from(row, view.now),
        )?;
        let users = rows.into_iter().map(|row| disclose(view, row));
        Ok(UserPage {
            users: users.collect::<Result<_>>()?,
        })
    }
}
