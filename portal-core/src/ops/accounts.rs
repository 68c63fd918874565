//! The ways into an account (SPEC 2.3, 2.4, 2.6): signing up, signing in, the account key, the first owner.
//!
//! There are no passwords. Whoever signs in with anything wrong gets one and the same answer, whether or
//! not the name exists.

use rusqlite::Connection;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::codes::{self, LETTERS_AND_DIGITS, UNMISTAKABLE};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{MINUTE, Platform, PlatformIdentity, Role, Secret, UserId, Username};
use crate::operation::{Context, Operation};
use crate::ops::identities::{self, Elsewhere};
use crate::ops::limits::{self, Limit};
use crate::ops::login_codes::NewCode;
use crate::ops::sessions::NewSession;
use crate::ops::users::Account;
use crate::ops::{audit, deletion, login_codes, punishments, sessions, signups, users};
use crate::policy::{
    ActOn, Permit, PlatformAction, may_be_let_in, on_oneself, on_person, on_platform, on_sign_up,
};

/// 120 random bits: 24 characters of five bits, shown in six groups.
const KEY_LENGTH: usize = 24;

/// Wrong secrets, per network and name: others' tries elsewhere lock nobody out (SPEC 2.3).
const WRONG_SECRETS: Limit = Limit {
    kind: "sign_in",
    max: 10,
    window_ms: MINUTE,
};

/// How long the first owner's code is good for (SPEC 2.6).
const FIRST_CODE_LASTS_MS: i64 = 15 * MINUTE;

/// Gives a person a new account key; the former one opens nothing any more.
fn new_key(cx: &Context<'_>, permit: &Permit<ActOn>) -> Result<Secret> {
    let key = Zeroizing::new(codes::pick(cx.random, UNMISTAKABLE, KEY_LENGTH));
    users::set_account_key(cx.db, permit, &hash_key(&key))?;
    let mut grouped = String::with_capacity(KEY_LENGTH + KEY_LENGTH / 4);
    for (place, character) in key.chars().enumerate() {
        if place > 0 && place % 4 == 0 {
            grouped.push('-');
        }
        grouped.push(character);
    }
    Ok(Secret::new(grouped))
}

/// What the database keeps of a key. Case, groups and the usual confusions do not matter.
fn hash_key(key: &str) -> [u8; 32] {
    let mut normal = Zeroizing::new(String::with_capacity(key.len()));
    normal.extend(key.chars().filter(char::is_ascii_alphanumeric).map(|c| {
        match c.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            c => c,
        }
    }));
    Sha256::digest(normal.as_bytes()).into()
}

/// Signing in or up ends the stranger whose session it was done from; nothing carries over (SPEC 1.8).
fn leave_stranger_behind(cx: &mut Context<'_>) -> Result<()> {
    match cx.actor.person().copied() {
        Some(person) if person.stranger => deletion::end_stranger(cx, &person),
        _ => Ok(()),
    }
}

/// Signs up: makes a user, a session and an account key. Where registration is by invitation, a sign-up
/// code is needed.
///
/// `ERR_SIGNUP_CODE_INVALID`, `ERR_REGISTRATION_CLOSED`, `ERR_USERNAME_TAKEN`, `ERR_RATE_LIMITED`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SignUp {
    /// The name.
    pub username: Username,
    /// A code from an admin.
    #[serde(default)]
    pub signup_code: Option<String>,
}

/// A new account.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SignedUp {
    /// Its first session.
    #[serde(flatten)]
    pub session: NewSession,
    /// The account key: shown once. With it one signs in again.
    #[serde(serialize_with = "Secret::reveal")]
    pub account_key: Secret,
}

impl Operation for SignUp {
    const NAME: &'static str = "user.sign_up";
    type Reply = SignedUp;

    fn apply(self, cx: &mut Context<'_>) -> Result<SignedUp> {
        may_be_let_in(&cx.actor)?;
        signups::admit(cx, self.signup_code.as_deref())?;
        let user = users::insert(cx, &self.username, Role::User)?;
        let permit = on_sign_up(user);
        let account_key = new_key(cx, &permit)?;
        let session = sessions::open(cx, user, Role::User)?;
        leave_stranger_behind(cx)?;
        Ok(SignedUp {
            session,
            account_key,
        })
    }
}

/// Signs in with an account key or a login code: by name, or by who one is on another platform. Somebody from
/// there who has no account yet gets one with the code, and a name like `user_a1b2c3d4`, as far as whoever
/// signs up may.
///
/// `ERR_LOGIN_INVALID`, `ERR_RATE_LIMITED`, `ERR_INVALID`, `ERR_BANNED`, `ERR_TIMED_OUT`; for a new account
/// `ERR_REGISTRATION_CLOSED`, `ERR_SIGNUP_CODE_INVALID`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// The name; else a platform and an identity.
    #[serde(default)]
    pub username: Option<Username>,
    /// The platform where a bot delivered the code, such as `telegram`.
    #[serde(default)]
    pub platform: Option<Platform>,
    /// Who one is there, in that platform's own words.
    #[serde(default)]
    pub identity: Option<PlatformIdentity>,
    /// The account key, or a login code.
    pub secret: Secret,
    /// What the login code was bound to when it was made or asked for, if it was.
    #[serde(default)]
    pub browser: Option<Secret>,
    /// A code from an admin, for whoever has no account yet where registration is by invitation.
    #[serde(default)]
    pub signup_code: Option<String>,
}

/// As whom somebody signs in.
enum Claim {
    Name(Username),
    Elsewhere(Elsewhere),
}

impl Claim {
    fn of(
        username: Option<Username>,
        platform: Option<Platform>,
        identity: Option<PlatformIdentity>,
    ) -> Result<Self> {
        match (username, platform, identity) {
            (Some(name), None, None) => Ok(Self::Name(name)),
            (None, Some(platform), Some(identity)) => {
                Ok(Self::Elsewhere(Elsewhere { platform, identity }))
            }
            (None, Some(_), None) => Err(Error::invalid("identity", "say who you are there")),
            (None, None, Some(_)) => Err(Error::invalid("platform", "say where this is you")),
            _ => Err(Error::invalid(
                "username",
                "give a username, or a platform and an identity",
            )),
        }
    }

    fn elsewhere(&self) -> Option<&Elsewhere> {
        match self {
            Self::Name(_) => None,
            Self::Elsewhere(whom) => Some(whom),
        }
    }

    /// The account that there is, if any.
    fn account(&self, db: &Connection) -> Result<Option<Account>> {
        match self {
            Self::Name(name) => users::account(db, name),
            Self::Elsewhere(whom) => match identities::user_of(db, whom)? {
                Some(user) => users::account_of(db, user),
                None => Ok(None),
            },
        }
    }

    /// What wrong tries are counted by. No name holds a colon.
    fn counted(&self) -> String {
        match self {
            Self::Name(name) => name.as_str().to_ascii_lowercase(),
            Self::Elsewhere(whom) => format!("{}:{}", whom.platform, whom.identity),
        }
    }
}

impl Operation for SignIn {
    const NAME: &'static str = "session.sign_in";
    type Reply = NewSession;

    fn apply(self, cx: &mut Context<'_>) -> Result<NewSession> {
        may_be_let_in(&cx.actor)?;
        let claim = Claim::of(self.username, self.platform, self.identity)?;
        let network = cx.caller.network().unwrap_or_default();
        let tries = format!("{network} {}", claim.counted());
        limits::check(cx.db, WRONG_SECRETS, &tries, cx.now)?;

        let account = claim.account(cx.db)?;
        let user = account.as_ref().map(|account| account.id);
        let expected = account.as_ref().and_then(|account| account.key_hash);
        let given = hash_key(self.secret.expose());
        let fits = given.ct_eq(&expected.unwrap_or_default()) & u8::from(expected.is_some()).into();
        let by_key = bool::from(fits);
        let browser = self.browser.as_ref();
        let by_code = login_codes::redeem(cx, user, claim.elsewhere(), &self.secret, browser)?;
        if !(by_key || by_code) {
            cx.count_failure(WRONG_SECRETS.kind, tries);
            return Err(ErrorKind::LoginInvalid.into());
        }
        let (user, role) = match (account, claim) {
            (Some(account), _) => (account.id, account.role),
            (None, Claim::Elsewhere(whom)) => {
                let user = arrive(cx, &whom, self.signup_code.as_deref())?;
                (user, Role::User)
            }
            (None, Claim::Name(_)) => return Err(ErrorKind::LoginInvalid.into()),
        };
        punishments::check_standing(cx.db, user, cx.now)?;
        let session = sessions::open(cx, user, role)?;
        leave_stranger_behind(cx)?;
        Ok(session)
    }
}

/// Makes the account of somebody who comes from another platform for the first time (SPEC 2.3).
fn arrive(cx: &mut Context<'_>, whom: &Elsewhere, signup_code: Option<&str>) -> Result<UserId> {
    signups::admit(cx, signup_code)?;
    let name = free_name(cx)?;
    let user = users::insert(cx, &name, Role::User)?;
    identities::link(cx, &on_sign_up(user), whom)?;
    login_codes::adopt(cx, user, whom)?;
    Ok(user)
}

/// A name like `user_a1b2c3d4` that nobody has.
fn free_name(cx: &Context<'_>) -> Result<Username> {
    for _ in 0..32 {
        let name = format!("user_{}", codes::pick(cx.random, LETTERS_AND_DIGITS, 8));
        let name = Username::try_from(name).map_err(|_| ErrorKind::Internal)?;
        if users::is_free(cx.db, &name, cx.now)? {
            return Ok(name);
        }
    }
    Err(ErrorKind::Internal.into())
}

/// Replaces the caller's account key.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplaceAccountKey {}

/// A new account key.
#[derive(Debug, Serialize, JsonSchema)]
pub struct NewAccountKey {
    /// The key: shown once.
    #[serde(serialize_with = "Secret::reveal")]
    pub account_key: Secret,
}

impl Operation for ReplaceAccountKey {
    const NAME: &'static str = "user.replace_account_key";
    type Reply = NewAccountKey;

    fn apply(self, cx: &mut Context<'_>) -> Result<NewAccountKey> {
        let permit = on_oneself(&cx.actor)?;
        let account_key = new_key(cx, &permit)?;
        users::announce(cx, permit.subject(), "account_key")?;
        Ok(NewAccountKey { account_key })
    }
}

/// Makes the platform's first owner, named `owner`, on a file without any user, and a login code for it
/// that is good for 15 minutes; null if anyone is there. For whoever starts a server on a new file.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FirstOwner {}

impl Operation for FirstOwner {
    const NAME: &'static str = "user.first_owner";
    type Reply = Option<NewCode>;

    fn apply(self, cx: &mut Context<'_>) -> Result<Option<NewCode>> {
        on_platform(PlatformAction::Operate, &cx.actor)?;
        if !users::is_empty(cx.db)? {
            return Ok(None);
        }
        let name = Username::try_from("owner".to_owned()).map_err(|_| ErrorKind::Internal)?;
        let owner = users::insert(cx, &name, Role::Owner)?;
        let act = audit::Act {
            target: Some(owner),
            ..Default::default()
        };
        audit::record(cx, Self::NAME, act)?;
        let permit = on_person(Role::Owner, &cx.actor, &users::target(cx.db, owner)?)?;
        login_codes::issue(cx, &permit, None, FIRST_CODE_LASTS_MS).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_key_is_read_however_it_is_typed() {
        let shown = hash_key("AB01-CDEF-GHJK-MNPQ-RSTV-WXYZ");
        assert_eq!(shown, hash_key("ab01cdefghjkmnpqrstvwxyz"));
        assert_eq!(shown, hash_key(" aboi CDEF GHJK MNPQ RSTV WXYZ\n"));
        assert_ne!(shown, hash_key("AB01-CDEF-GHJK-MNPQ-RSTV-WXY0"));
    }
}
