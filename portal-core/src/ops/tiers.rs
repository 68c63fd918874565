//! Tiers: the table `tier_change` (SPEC 1.3). A tier that ran out counts as absent without any sweep.

use rusqlite::Connection;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::error::{Error, ErrorKind, Result};
use crate::model::{DAY, Role, Tier, Timestamp, UserId};
use crate::operation::{Context, Operation, Query, View};
use crate::ops::{audit, matching, users};
use crate::policy::{ActOn, ActingAs, Permit, TargetFacts, on_account, on_oneself, on_person};
use crate::store;

/// How long a trial lasts.
const TRIAL_DAYS: u16 = 7;

/// A tier and its end.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub struct Granted {
    /// The tier.
    pub tier: Tier,
    /// When it ends; null is never.
    pub tier_expires_at: Option<Timestamp>,
}

/// Changes a person's tier and keeps it in the history.
fn change(cx: &mut Context<'_>, permit: &Permit<ActOn>, granted: Granted) -> Result<Granted> {
    let user = permit.subject();
    users::set_tier(cx.db, permit, granted.tier, granted.tier_expires_at)?;
    let changed_by = match cx.actor {
        ActingAs::Person(person) => format!("user:{}", person.id),
        ActingAs::Guest => "guest".to_owned(),
        ActingAs::Bot(_) => "bot".to_owned(),
        ActingAs::Operator => "operator".to_owned(),
        ActingAs::System => "system".to_owned(),
    };
    store::execute(
        cx.db,
        "INSERT INTO tier_change (user_id, tier, tier_expires_at, changed_by, at) VALUES (?, ?, ?, ?, ?)",
        (
            user,
            granted.tier,
            granted.tier_expires_at,
            changed_by,
            cx.now,
        ),
    )?;
    users::announce(cx, user, "tier")?;
    matching::slot_may_be_free(cx.db, user)?;
    Ok(granted)
}

/// A trial from now on, for whoever has not used theirs.
fn trial(cx: &Context<'_>, user: UserId) -> Result<Granted> {
    let (_, _, trial_used) = users::tier(cx.db, user)?;
    if trial_used {
        return Err(ErrorKind::TrialUsed.into());
    }
    Ok(Granted {
        tier: Tier::Trial,
        tier_expires_at: Some(cx.now.plus(i64::from(TRIAL_DAYS) * DAY)),
    })
}

/// What giving a person a tier from now on comes to.
fn granted(cx: &Context<'_>, user: UserId, tier: Tier, days: Option<u16>) -> Result<Granted> {
    let tier_expires_at = match (tier, days) {
        (Tier::Basic | Tier::Premium | Tier::Lifetime, None) => None,
        (Tier::Premium, Some(days @ 1..=3650)) => Some(cx.now.plus(i64::from(days) * DAY)),
        (Tier::Premium, Some(_)) => {
            let why = "premium is given for 1 to 3650 days";
            return Err(Error::invalid("days", why));
        }
        (Tier::Trial, None) => return trial(cx, user),
        (Tier::Basic | Tier::Trial | Tier::Lifetime, Some(_)) => {
            return Err(Error::invalid("days", "only premium is given for days"));
        }
    };
    Ok(Granted {
        tier,
        tier_expires_at,
    })
}

/// Gives a person who was just made a tier. What is said of it in the audit log is the caller's business.
pub(crate) fn give_first(
    cx: &mut Context<'_>,
    target: &TargetFacts,
    tier: Tier,
    days: Option<u16>,
) -> Result<Granted> {
    let permit = on_person(Role::Admin, &cx.actor, target)?;
    let granted = granted(cx, target.id, tier, days)?;
    change(cx, &permit, granted)
}

/// Gives a user a tier, from now on; for admins and above, on whom they may act.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetTier {
    /// Whom.
    pub user_id: UserId,
    /// Which.
    pub tier: Tier,
    /// For how many days premium is given, 1 to 3650; left out: without end.
    #[serde(default)]
    pub days: Option<u16>,
}

impl Operation for SetTier {
    const NAME: &'static str = "user.set_tier";
    type Reply = Granted;

    fn apply(self, cx: &mut Context<'_>) -> Result<Granted> {
        let person = users::named(cx, self.user_id)?;
        let permit = on_person(Role::Admin, &cx.actor, &TargetFacts::from(&person))?;
        if person.stranger {
            return Err(ErrorKind::StrangerForbidden.into());
        }
        let granted = granted(cx, person.id, self.tier, self.days)?;
        let details = json!({ "tier": granted.tier, "tier_expires_at": granted.tier_expires_at });
        audit::record(
            cx,
            Self::NAME,
            audit::Act {
                target: Some(person.id),
                details,
                ..Default::default()
            },
        )?;
        change(cx, &permit, granted)
    }
}

/// Starts the caller's trial: seven days, once.
///
/// `ERR_TRIAL_USED`, `ERR_STRANGER_FORBIDDEN`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StartTrial {}

impl Operation for StartTrial {
    const NAME: &'static str = "user.start_trial";
    type Reply = Granted;

    fn apply(self, cx: &mut Context<'_>) -> Result<Granted> {
        let permit = on_oneself(&cx.actor)?;
        let granted = trial(cx, permit.subject())?;
        if cx.actor.person().is_some_and(|person| person.premium_now) {
            return Err(Error::with_message(
                ErrorKind::Forbidden,
                "You have premium; a trial would be less.",
            ));
        }
        change(cx, &permit, granted)
    }
}

/// Shows a user's tier and its history: to themself, and to admins who may act on them.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Subscription {
    /// Whose; default the caller's.
    pub user_id: Option<UserId>,
}

/// A person's tier.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SubscriptionView {
    /// Whose.
    pub user_id: UserId,
    /// The tier that was granted last, and its end.
    #[serde(flatten)]
    pub granted: Granted,
    /// Whether it counts as premium at this moment.
    pub premium_now: bool,
    /// Whether the trial was used.
    pub trial_used: bool,
    /// The last 100 changes, newest first.
    pub history: Vec<TierChange>,
}

/// One change of a tier.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TierChange {
    /// The tier from then on, and its end.
    #[serde(flatten)]
    pub granted: Granted,
    /// Who changed it, `user:` and the id, `operator` or `system`; for staff, absent for others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed_by: Option<String>,
    /// When.
    pub at: Timestamp,
}

impl Query for Subscription {
    const NAME: &'static str = "user.subscription";
    type Reply = SubscriptionView;

    fn answer(self, view: &View<'_>) -> Result<SubscriptionView> {
        let user_id = self.user_id.map_or_else(|| view.user_id(), Ok)?;
        let person = users::named(view, user_id)?;
        on_account(Role::Admin, &view.actor, &TargetFacts::from(&person))?;
        let staff = view.actor.user_id() != Some(user_id);
        let (tier, tier_expires_at, trial_used) = users::tier(view.db, user_id)?;
        let history = history(view.db, user_id, 100, staff)?;
        Ok(SubscriptionView {
            user_id,
            granted: Granted {
                tier,
                tier_expires_at,
            },
            premium_now: person.premium_now,
            trial_used,
            history,
        })
    }
}

/// The last changes of a person's tier, newest first; who made them is for staff.
fn history(db: &Connection, user: UserId, limit: i64, staff: bool) -> Result<Vec<TierChange>> {
    store::all(
        db,
        "SELECT tier, tier_expires_at, changed_by, at FROM tier_change
         WHERE user_id = ? ORDER BY id DESC LIMIT ?",
        (user, limit),
        |row| {
            let granted = Granted {
                tier: row.get(0)?,
                tier_expires_at: row.get(1)?,
            };
            let changed_by = if staff { Some(row.get(2)?) } else { None };
            Ok(TierChange {
                granted,
                changed_by,
                at: row.get(3)?,
            })
        },
    )
}

/// Every change of a person's tier, for their export.
pub(crate) fn export_of(db: &Connection, user: UserId) -> Result<Vec<TierChange>> {
    history(db, user, i64::MAX, false)
}
