//! Everything that is stored of a person, as one document (SPEC 1.9). Each area answers for its own tables
//! (`export_of`); here it is only put together. tests/export.rs looks at the schema for what was forgotten.
//!
//! Not in it: what others noted of the person (blocks, reports, staff's notes), secrets and their hashes,
//! codes that let somebody in, and what the exchange of keys needs for minutes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::error::Result;
use crate::model::{Reason, Timestamp, UserId};
use crate::operation::{Context, Operation, Query, View};
use crate::ops::activity::ActivityOfPerson;
use crate::ops::audit::AuditOfPerson;
use crate::ops::blocks::Blocked;
use crate::ops::chats::{ChatsOfPerson, Inspected};
use crate::ops::identities::LinkedIdentity;
use crate::ops::invites::InviteMade;
use crate::ops::matching::StoredEntry;
use crate::ops::members::StoredMembership;
use crate::ops::messages::MessagesOfPerson;
use crate::ops::profiles::Profile;
use crate::ops::punishments::Punishment;
use crate::ops::reports::ReportMade;
use crate::ops::sessions::StoredSession;
use crate::ops::signups::SignupCodeMade;
use crate::ops::tiers::TierChange;
use crate::ops::{
    activity, audit, blocks, chats, events, identities, invites, matching, members, messages,
    profiles, punishments, reports, sessions, signups, tiers, users,
};
use crate::policy::{TargetFacts, exports_as_staff, may_export};

/// Says why an admin takes out what is stored of somebody whom they may act on; for an hour
/// they can, with `user.export`. It is audited.
///
/// `ERR_UNAUTHENTICATED`, `ERR_USER_NOT_FOUND`, `ERR_FORBIDDEN`, `ERR_STRANGER_FORBIDDEN`, `ERR_INVALID`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Inspect {
    /// Whose.
    pub user_id: UserId,
    /// Why: at most 500 characters, for staff.
    pub reason: Reason,
}

impl Operation for Inspect {
    const NAME: &'static str = "user.inspect";
    type Reply = Inspected;

    fn apply(self, cx: &mut Context<'_>) -> Result<Inspected> {
        let person = users::named(cx, self.user_id)?;
        if !exports_as_staff(&cx.actor, &TargetFacts::from(&person))? {
            return Ok(Inspected { until: None });
        }
        let act = audit::Act {
            target: Some(person.id),
            details: json!({ "reason": self.reason }),
            ..Default::default()
        };
        audit::record(cx, Self::NAME, act)?;
        Ok(Inspected {
            until: Some(audit::reason_holds_until(cx.now)),
        })
    }
}

/// Answers everything that is stored of a person: the caller, strangers too, or somebody whom an admin
/// may act on and has said why, with `user.inspect`. What others noted of them is not in it, nor who did
/// what to them.
///
/// `ERR_UNAUTHENTICATED`, `ERR_USER_NOT_FOUND`, `ERR_FORBIDDEN`, `ERR_STRANGER_FORBIDDEN`,
/// `ERR_REASON_REQUIRED`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Export {
    /// Whose; default the caller's.
    pub user_id: Option<UserId>,
}

/// Everything that is stored of a person.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Exported {
    /// When it was put together.
    pub exported_at: Timestamp,
    /// The place in the event log that this is true at.
    pub as_of: u64,
    /// The person.
    pub user: Profile,
    /// Every change of their tier, newest first.
    pub tier_history: Vec<TierChange>,
    /// Every punishment, newest first, with its reason.
    pub punishments: Vec<Punishment>,
    /// Who they are on other platforms.
    pub identities: Vec<LinkedIdentity>,
    /// Their sessions and public keys.
    pub sessions: Vec<StoredSession>,
    /// The chats that they belong to.
    pub memberships: Vec<StoredMembership>,
    /// What they own.
    #[serde(flatten)]
    pub chats: ChatsOfPerson,
    /// The invites that they made.
    pub invites: Vec<InviteMade>,
    /// The sign-up codes that they made.
    pub signup_codes: Vec<SignupCodeMade>,
    /// What they wrote.
    #[serde(flatten)]
    pub messages: MessagesOfPerson,
    /// What the activity logs of chats say of them.
    pub activity: Vec<ActivityOfPerson>,
    /// Whom they have blocked.
    pub blocks: Vec<Blocked>,
    /// Their wish to be matched, while they wait.
    pub match_entry: Option<StoredEntry>,
    /// The reports that they made.
    pub reports: Vec<ReportMade>,
    /// What the audit log says of them.
    #[serde(flatten)]
    pub audit: AuditOfPerson,
}

impl Query for Export {
    const NAME: &'static str = "user.export";
    type Reply = Exported;

    fn answer(self, view: &View<'_>) -> Result<Exported> {
        let asked = self.user_id.map_or_else(|| view.user_id(), Ok)?;
        let person = users::named(view, asked)?;
        let gave_reason = audit::gave_reason(view, Inspect::NAME, audit::On::Person(asked))?;
        let user = may_export(&view.actor, &TargetFacts::from(&person), gave_reason)?.subject();
        // There may be much of it.
        let db = &*view.long_read()?;
        Ok(Exported {
            exported_at: view.now,
            as_of: events::last_seq(db)?,
            user: profiles::export_of(db, user, view.now)?,
            tier_history: tiers::export_of(db, user)?,
            punishments: punishments::export_of(db, user, view.now)?,
            identities: identities::export_of(db, user)?,
            sessions: sessions::export_of(db, user)?,
            memberships: members::export_of(db, user)?,
            chats: chats::export_of(db, user)?,
            invites: invites::export_of(db, user)?,
            signup_codes: signups::export_of(db, user)?,
            messages: messages::export_of(db, user)?,
            activity: activity::export_of(db, user)?,
            blocks: blocks::export_of(db, &person)?,
            match_entry: matching::export_of(db, user)?,
            reports: reports::export_of(db, user)?,
            audit: audit::export_of(db, user)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use crate::store::seen;
    use crate::{Actor, Options, Portal};

    #[test]
    fn every_part_is_found_by_a_key() {
        let dir = tempfile::tempdir().unwrap();
        let portal = Portal::open(dir.path().join("portal.db"), Options::default()).unwrap();
        let operator = Actor::operator();
        let call = |name: &str, params: &str| portal.call_json(&operator, name, params).unwrap();
        call("user.create", r#"{ "username": "pia-premium" }"#);
        seen::take();
        call("user.export", r#"{ "user_id": 1 }"#);
        let db = Connection::open(portal.path()).unwrap();
        for sql in seen::take() {
            for step in seen::plan(&db, &sql) {
                // Admins make few sign-up codes; the log's end is read from its end.
                let small = step == "SCAN signup_code" || sql.contains("ORDER BY seq DESC LIMIT 1");
                assert!(small || !step.contains("SCAN "), "{step} in {sql}");
            }
        }
    }
}
