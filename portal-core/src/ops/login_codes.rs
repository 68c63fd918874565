//! Login codes: the table `login_code` (SPEC 2.3). Single use, short-lived, stored as hashes; a wrong try
//! never ends one.

mod elsewhere;

pub(crate) use elsewhere::adopt;
pub use elsewhere::{CodeToDeliver, CodesToDeliver, Fetch, Issue, Request, Requested};

use rusqlite::Params;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::codes::{self, UNMISTAKABLE};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{MINUTE, Role, Secret, Timestamp, UserId, Username};
use crate::operation::{Context, Operation};
use crate::ops::identities::Elsewhere;
use crate::ops::{audit, users};
use crate::policy::{
    ActOn, Permit, PlatformAction, TargetFacts, on_oneself, on_person, on_platform,
};
use crate::store;

/// How long a code is good for.
const LASTS_MS: i64 = 10 * MINUTE;

/// How many may be pending for a person, and as many asked for from a network.
const MOST_PENDING: u32 = 5;

/// Forty random bits: enough for ten minutes and ten wrong tries a minute.
const LENGTH: usize = 8;

/// A code, as it is shown once.
#[derive(Debug, Serialize, JsonSchema)]
pub struct NewCode {
    /// Whom it lets in.
    pub user_id: UserId,
    /// The name to sign in with.
    pub username: Username,
    /// The code: 8 characters, to be given as they are.
    #[serde(serialize_with = "Secret::reveal")]
    pub code: Secret,
    /// Until when.
    pub expires_at: Timestamp,
}

/// Makes a login code: for another device of the caller, or by the operator for anyone. It lets in once,
/// within 10 minutes.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Create {
    /// For whom; default the caller.
    pub user_id: Option<UserId>,
    /// If given, signing in with the code needs the same text: it binds the code to one browser.
    pub browser: Option<Secret>,
}

impl Operation for Create {
    const NAME: &'static str = "login_code.create";
    type Reply = NewCode;

    fn apply(self, cx: &mut Context<'_>) -> Result<NewCode> {
        let user = self.user_id.map_or_else(|| cx.user_id(), Ok)?;
        let person = users::named(cx, user)?;
        if cx.actor.user_id() == Some(user) {
            let permit = on_oneself(&cx.actor)?;
            return issue(cx, &permit, self.browser.as_ref(), LASTS_MS);
        }
        on_platform(PlatformAction::Operate, &cx.actor)?;
        let permit = on_person(Role::Owner, &cx.actor, &TargetFacts::from(&person))?;
        if person.stranger {
            return Err(ErrorKind::StrangerForbidden.into());
        }
        let act = audit::Act {
            target: Some(user),
            ..Default::default()
        };
        audit::record(cx, Self::NAME, act)?;
        issue(cx, &permit, self.browser.as_ref(), LASTS_MS)
    }
}

/// Makes a code that lets a person in, within so many milliseconds.
pub(crate) fn issue(
    cx: &Context<'_>,
    permit: &Permit<ActOn>,
    browser: Option<&Secret>,
    lasts_ms: i64,
) -> Result<NewCode> {
    let user_id = permit.subject();
    check_own_pending(cx, user_id)?;
    let code = Secret::new(codes::pick(cx.random, UNMISTAKABLE, LENGTH));
    let expires_at = insert(
        cx,
        &Row {
            user: Some(user_id),
            whom: None,
            code: Some(&code),
            browser,
            network: network_with_room(cx)?,
            lasts_ms,
        },
    )?;
    Ok(NewCode {
        user_id,
        username: users::name(cx.db, user_id)?,
        code,
        expires_at,
    })
}

/// A code to be stored, or the wish for one.
struct Row<'a> {
    user: Option<UserId>,
    whom: Option<&'a Elsewhere>,
    code: Option<&'a Secret>,
    browser: Option<&'a Secret>,
    network: Option<String>,
    lasts_ms: i64,
}

/// Stores it; answers until when.
fn insert(cx: &Context<'_>, row: &Row<'_>) -> Result<Timestamp> {
    let expires_at = cx.now.plus(row.lasts_ms);
    store::execute(
        cx.db,
        "INSERT INTO login_code (user_id, platform, identity, code_hash, browser, client_net, created_at, expires_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            row.user,
            row.whom.map(|whom| &whom.platform),
            row.whom.map(|whom| &whom.identity),
            row.code.map(hash),
            row.browser.map(hash),
            &row.network,
            cx.now,
            expires_at,
        ),
    )?;
    Ok(expires_at)
}

/// Refuses the next code for a person while so many are pending. What anybody asked for on the web, to be
/// delivered elsewhere, is counted by itself: it keeps nobody from a code of their own.
fn check_own_pending(cx: &Context<'_>, user: UserId) -> Result<()> {
    check_pending(
        cx,
        "user_id = ?1 AND (identity IS NULL OR browser IS NULL) AND expires_at > ?2",
        (user, cx.now),
    )
}

/// The caller's network, unless as many codes as may be are pending from there.
fn network_with_room(cx: &Context<'_>) -> Result<Option<String>> {
    let network = cx.caller.network();
    if let Some(network) = &network {
        check_pending(cx, "client_net = ?1 AND expires_at > ?2", (network, cx.now))?;
    }
    Ok(network)
}

/// Refuses the next code while so many are pending, until the first of them runs out.
fn check_pending(cx: &Context<'_>, which: &str, params: impl Params) -> Result<()> {
    let pending = store::first(
        cx.db,
        &format!("SELECT count(*), min(expires_at) FROM login_code WHERE {which}"),
        params,
        |row| Ok((row.get::<_, u32>(0)?, row.get::<_, Option<Timestamp>>(1)?)),
    )?;
    match pending {
        Some((MOST_PENDING.., Some(first_over))) => {
            let wait = u64::try_from(first_over.since(cx.now)).unwrap_or(1);
            Err(Error::rate_limited(wait))
        }
        _ => Ok(()),
    }
}

/// Spends a code; answers whether it was one of this person's, or of this identity that has no account yet,
/// still good, and given where it was asked for. Without either it does the same work and answers no.
pub(crate) fn redeem(
    cx: &Context<'_>,
    user: Option<UserId>,
    whom: Option<&Elsewhere>,
    code: &Secret,
    browser: Option<&Secret>,
) -> Result<bool> {
    let spent = store::execute(
        cx.db,
        "DELETE FROM login_code
         WHERE (user_id = ?1 OR (user_id IS NULL AND platform = ?2 AND identity = ?3))
           AND code_hash = ?4 AND expires_at > ?5 AND (browser IS NULL OR browser = ?6)",
        (
            user,
            whom.map(|whom| &whom.platform),
            whom.map(|whom| &whom.identity),
            hash(code),
            cx.now,
            browser.map(hash),
        ),
    )?;
    Ok(spent > 0)
}

/// Forgets codes that ran out, at most 1000; answers when to come back.
pub(crate) fn tick(cx: &Context<'_>) -> Result<Option<Timestamp>> {
    store::execute(
        cx.db,
        "DELETE FROM login_code WHERE id IN
           (SELECT id FROM login_code WHERE expires_at <= ? ORDER BY expires_at LIMIT 1000)",
        [cx.now],
    )?;
    store::first(
        cx.db,
        "SELECT expires_at FROM login_code ORDER BY expires_at LIMIT 1",
        [],
        |row| row.get(0),
    )
}

fn hash(secret: &Secret) -> [u8; 32] {
    Sha256::digest(secret.expose().as_bytes()).into()
}
