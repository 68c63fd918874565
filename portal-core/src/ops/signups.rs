//! Sign-up codes: the table `signup_code`, and who may sign up at all (SPEC 2.4).

use rusqlite::Connection;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::codes::{self, LETTERS_AND_DIGITS};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{MINUTE, SignupCode, Timestamp, UserId};
use crate::operation::{Context, Done, Operation, Query, View};
use crate::ops::audit;
use crate::ops::limits::{self, Limit};
use crate::policy::{PlatformAction, PlatformPermit, on_platform};
use crate::settings::Registration;
use crate::store;

/// Wrong sign-up codes, per network.
const WRONG_CODES: Limit = Limit {
    kind: "signup_code",
    max: 10,
    window_ms: MINUTE,
};

/// What makes a code good at a moment, `?1`.
const LIVE: &str = "revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?1)
    AND (max_uses IS NULL OR uses < max_uses)";

/// Lets somebody sign up, or says why not; spends the code where one is needed. The operator needs none.
pub(crate) fn admit(cx: &mut Context<'_>, code: Option<&str>) -> Result<()> {
    if cx.actor.is_operator() {
        return Ok(());
    }
    match cx.settings.registration {
        Registration::Open => Ok(()),
        Registration::Closed => Err(ErrorKind::RegistrationClosed.into()),
        Registration::Invite => spend(cx, code),
    }
}

/// Unknown, expired, used-up and revoked codes are one and the same to the caller.
fn spend(cx: &mut Context<'_>, code: Option<&str>) -> Result<()> {
    let Some(code) = code else {
        return Err(ErrorKind::SignupCodeInvalid.into());
    };
    let network = cx.caller.network().unwrap_or_default();
    limits::check(cx.db, WRONG_CODES, &network, cx.now)?;
    let spent = store::execute(
        cx.db,
        &format!("UPDATE signup_code SET uses = uses + 1 WHERE code = ?2 AND {LIVE}"),
        (cx.now, code),
    )?;
    if spent == 0 {
        cx.count_failure(WRONG_CODES.kind, network);
        return Err(ErrorKind::SignupCodeInvalid.into());
    }
    Ok(())
}

/// A sign-up code.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SignupCodeView {
    /// The code.
    pub code: SignupCode,
    /// Who made it; null is the operator.
    pub created_by: Option<UserId>,
    /// When.
    pub created_at: Timestamp,
    /// Until when it is good; null is without end.
    pub expires_at: Option<Timestamp>,
    /// How many may use it; null is any number.
    pub max_uses: Option<u32>,
    /// How many have.
    pub uses: u32,
}

/// Makes a sign-up code; for admins and above.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Create {
    /// Until when it is good; default without end.
    pub expires_at: Option<Timestamp>,
    /// How many may use it, at least 1; default any number.
    pub max_uses: Option<u32>,
}

impl Operation for Create {
    const NAME: &'static str = "signup.create";
    type Reply = SignupCodeView;

    fn apply(self, cx: &mut Context<'_>) -> Result<SignupCodeView> {
        let permit = on_platform(PlatformAction::SignupCodes, &cx.actor)?;
        if self.expires_at.is_some_and(|end| end <= cx.now) {
            return Err(Error::invalid("expires_at", "a code ends in the future"));
        }
        if self.max_uses == Some(0) {
            return Err(Error::invalid("max_uses", "a code has at least one use"));
        }
        let made = insert(cx, &permit, &self)?;
        // The code itself lets people in: the log does without it.
        let details = json!({ "expires_at": self.expires_at, "max_uses": self.max_uses });
        let act = audit::Act {
            details,
            ..Default::default()
        };
        audit::record(cx, Self::NAME, act)?;
        Ok(made)
    }
}

fn insert(cx: &Context<'_>, permit: &PlatformPermit, create: &Create) -> Result<SignupCodeView> {
    debug_assert_eq!(permit.subject(), PlatformAction::SignupCodes);
    let code = codes::pick(cx.random, LETTERS_AND_DIGITS, 16);
    let made = SignupCodeView {
        code: SignupCode::try_from(code).map_err(|_| ErrorKind::Internal)?,
        created_by: cx.actor.user_id(),
        created_at: cx.now,
        expires_at: create.expires_at,
        max_uses: create.max_uses,
        uses: 0,
    };
    store::execute(
        cx.db,
        "INSERT INTO signup_code (code, created_by, created_at, expires_at, max_uses) VALUES (?, ?, ?, ?, ?)",
        (
            &made.code,
            made.created_by,
            made.created_at,
            made.expires_at,
            made.max_uses,
        ),
    )?;
    Ok(made)
}

/// Lists the sign-up codes that are good at the moment, the newest first; for admins and above.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct List {}

/// The good sign-up codes.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SignupCodeList {
    /// The newest first.
    pub codes: Vec<SignupCodeView>,
}

impl Query for List {
    const NAME: &'static str = "signup.list";
    type Reply = SignupCodeList;

    fn answer(self, view: &View<'_>) -> Result<SignupCodeList> {
        on_platform(PlatformAction::SignupCodes, &view.actor)?;
        let codes = store::all(
            view.db,
            &format!(
                "SELECT code, created_by, created_at, expires_at, max_uses, uses FROM signup_code
                 WHERE {LIVE} ORDER BY created_at DESC, code"
            ),
            [view.now],
            |row| {
                Ok(SignupCodeView {
                    code: row.get(0)?,
                    created_by: row.get(1)?,
                    created_at: row.get(2)?,
                    expires_at: row.get(3)?,
                    max_uses: row.get(4)?,
                    uses: row.get(5)?,
                })
            },
        )?;
        Ok(SignupCodeList { codes })
    }
}

/// A sign-up code as it is stored, but for the code itself: whoever reads that signs up.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SignupCodeMade {
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when it is good; null is without end.
    pub expires_at: Option<Timestamp>,
    /// How many may use it; null is any number.
    pub max_uses: Option<u32>,
    /// How many have.
    pub uses: u32,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// Every sign-up code that a person made, for their export.
pub(crate) fn export_of(db: &Connection, user: UserId) -> Result<Vec<SignupCodeMade>> {
    store::all(
        db,
        "SELECT created_at, expires_at, max_uses, uses, revoked_at FROM signup_code
         WHERE created_by = ? ORDER BY created_at, code",
        [user],
        |row| {
            Ok(SignupCodeMade {
                created_at: row.get(0)?,
                expires_at: row.get(1)?,
                max_uses: row.get(2)?,
                uses: row.get(3)?,
                revoked_at: row.get(4)?,
            })
        },
    )
}

/// Revokes a sign-up code, for good; for admins and above.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Revoke {
    /// Which.
    pub code: SignupCode,
}

impl Operation for Revoke {
    const NAME: &'static str = "signup.revoke";
    type Reply = Done;

    fn apply(self, cx: &mut Context<'_>) -> Result<Done> {
        on_platform(PlatformAction::SignupCodes, &cx.actor)?;
        let revoked = store::execute(
            cx.db,
            &format!("UPDATE signup_code SET revoked_at = ?1 WHERE code = ?2 AND {LIVE}"),
            (cx.now, &self.code),
        )?;
        if revoked == 0 {
            return Err(ErrorKind::SignupCodeInvalid.into());
        }
        audit::record(cx, Self::NAME, audit::Act::default())?;
        Ok(Done {})
    }
}
