//! Codes that reach a person on another platform (SPEC 2.3, 2.5).
//!
//! Asked for on the web, such a code is not made before a bot of the platform comes for it: until then only
//! the wish is stored, bound to the asking browser. So the code is nowhere but in the bot's reply and in
//! what the person types, and it lets in that browser alone.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{LASTS_MS, LENGTH, Row, check_pending, hash, insert};
use crate::codes::{self, UNMISTAKABLE};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Platform, PlatformIdentity, Secret, Timestamp, UserId};
use crate::operation::{Context, Operation};
use crate::ops::identities::{self, Elsewhere};
use crate::ops::{audit, bots};
use crate::policy::{let_in_from, may_be_let_in};
use crate::store;

/// Asks for a login code to be delivered to somebody on another platform, by a bot there. It lets in only
/// where the same `browser` is given again. The answer is the same whether or not there is an account.
/// At most 5 are pending for an identity, and as many from a network.
///
/// `ERR_INVALID` where no bot serves the platform, `ERR_RATE_LIMITED`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Where, such as `telegram`.
    pub platform: Platform,
    /// Who, in that platform's own words.
    pub identity: PlatformIdentity,
    /// A secret of the asking browser, which signing in with the code needs again.
    pub browser: Secret,
}

/// A code that will be delivered.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Requested {
    /// Until when a bot may come for it; the code is then good for 10 minutes.
    pub expires_at: Timestamp,
}

impl Operation for Request {
    const NAME: &'static str = "login_code.request";
    type Reply = Requested;

    fn apply(self, cx: &mut Context<'_>) -> Result<Requested> {
        may_be_let_in(&cx.actor)?;
        if self.browser.expose().is_empty() {
            return Err(Error::invalid("browser", "a browser's secret is not empty"));
        }
        if !bots::serves(cx.db, &self.platform)? {
            return Err(Error::invalid(
                "platform",
                "no bot of this server is on that platform",
            ));
        }
        let whom = Elsewhere {
            platform: self.platform,
            identity: self.identity,
        };
        check_pending(
            cx,
            "platform = ?1 AND identity = ?2 AND browser IS NOT NULL AND expires_at > ?3",
            (&whom.platform, &whom.identity, cx.now),
        )?;
        let expires_at = insert(
            cx,
            &Row {
                user: None,
                whom: Some(&whom),
                code: None,
                browser: Some(&self.browser),
                network: super::network_with_room(cx)?,
                lasts_ms: LASTS_MS,
            },
        )?;
        Ok(Requested { expires_at })
    }
}

/// Makes the codes that were asked for on the web for people of the bot's platform, the oldest first, and
/// answers each once: the bot tells each person theirs. For bots.
///
/// `ERR_UNAUTHENTICATED`, `ERR_FORBIDDEN`, `ERR_INVALID`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Fetch {
    /// At most this many, 1 to 100; default 50.
    #[schemars(range(min = 1, max = 100))]
    pub limit: Option<u16>,
}

/// A code to be told.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CodeToDeliver {
    /// To whom.
    pub identity: PlatformIdentity,
    /// The code: 8 characters, to be given as they are.
    #[serde(serialize_with = "Secret::reveal")]
    pub code: Secret,
    /// Until when it is good.
    pub expires_at: Timestamp,
}

/// Codes to be told.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CodesToDeliver {
    /// The longest waiting first.
    pub codes: Vec<CodeToDeliver>,
    /// Whether more are waiting.
    pub more: bool,
}

impl Operation for Fetch {
    const NAME: &'static str = "login_code.fetch";
    type Reply = CodesToDeliver;

    fn apply(self, cx: &mut Context<'_>) -> Result<CodesToDeliver> {
        let (_, platform) = bots::acting(cx)?;
        let limit = crate::ops::page_size(self.limit, 50, 100)?;
        let mut waiting: Vec<(i64, PlatformIdentity)> = store::all(
            cx.db,
            "SELECT id, identity FROM login_code
             WHERE platform = ? AND code_hash IS NULL AND expires_at > ? ORDER BY id LIMIT ?",
            (&platform, cx.now, limit + 1),
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        let more = waiting.len() > limit;
        waiting.truncate(limit);
        let expires_at = cx.now.plus(LASTS_MS);
        let mut codes = Vec::with_capacity(waiting.len());
        for (id, identity) in waiting {
            let whom = Elsewhere {
                platform: platform.clone(),
                identity,
            };
            let code = Secret::new(codes::pick(cx.random, UNMISTAKABLE, LENGTH));
            store::execute(
                cx.db,
                "UPDATE login_code SET code_hash = ?, user_id = ?, expires_at = ? WHERE id = ?",
                (
                    hash(&code),
                    identities::user_of(cx.db, &whom)?,
                    expires_at,
                    id,
                ),
            )?;
            codes.push(CodeToDeliver {
                identity: whom.identity,
                code,
                expires_at,
            });
        }
        Ok(CodesToDeliver { codes, more })
    }
}

/// Makes a login code for somebody who asks the bot on its own platform and has an account here: it lets in
/// once, within 10 minutes, in any browser. For bots; it is audited.
///
/// `ERR_UNAUTHENTICATED`, `ERR_FORBIDDEN`, `ERR_USER_NOT_FOUND` for an identity without an account,
/// `ERR_RATE_LIMITED`, `ERR_INVALID`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Issue {
    /// Who asks, in the platform's own words.
    pub identity: PlatformIdentity,
}

impl Operation for Issue {
    const NAME: &'static str = "login_code.issue";
    type Reply = CodeToDeliver;

    fn apply(self, cx: &mut Context<'_>) -> Result<CodeToDeliver> {
        let (bot, platform) = bots::acting(cx)?;
        let whom = Elsewhere {
            platform,
            identity: self.identity,
        };
        let linked = identities::user_of(cx.db, &whom)?.ok_or(ErrorKind::UserNotFound)?;
        let user = let_in_from(&cx.actor, linked)?.subject();
        super::check_own_pending(cx, user)?;
        let code = Secret::new(codes::pick(cx.random, UNMISTAKABLE, LENGTH));
        let expires_at = insert(
            cx,
            &Row {
                user: Some(user),
                whom: Some(&whom),
                code: Some(&code),
                browser: None,
                // The bot's address is everybody's who asks it.
                network: None,
                lasts_ms: LASTS_MS,
            },
        )?;
        let act = audit::Act {
            target: Some(user),
            details: json!({ "bot_id": bot, "platform": whom.platform }),
            ..Default::default()
        };
        audit::record(cx, Self::NAME, act)?;
        Ok(CodeToDeliver {
            identity: whom.identity,
            code,
            expires_at,
        })
    }
}

/// Makes codes that were delivered before there was an account the account's.
pub(crate) fn adopt(cx: &Context<'_>, user: UserId, whom: &Elsewhere) -> Result<()> {
    store::execute(
        cx.db,
        "UPDATE login_code SET user_id = ?3
         WHERE platform = ?1 AND identity = ?2 AND user_id IS NULL AND code_hash IS NOT NULL",
        (&whom.platform, &whom.identity, user),
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;
    use serde_json::{Value, json};

    use crate::store::seen;
    use crate::{Actor, Options, Portal};

    #[test]
    fn no_statement_looks_through_codes_or_identities() {
        let dir = tempfile::tempdir().unwrap();
        let portal = Portal::open(dir.path().join("portal.db"), Options::default()).unwrap();
        let operator = Actor::operator().from_ip("192.0.2.1".parse().unwrap());
        let call = |actor: &Actor, name: &str, params: Value| -> Value {
            let reply = portal.call_json(actor, name, &params.to_string()).unwrap();
            serde_json::from_str(&reply).unwrap()
        };
        let new = json!({ "platform": "telegram", "name": "Doorman" });
        let made = call(&operator, "bot.add", new);
        let key = made["key"].as_str().unwrap();
        let bot = Actor::bot(portal.authenticate_bot(key).unwrap());
        seen::take();
        let ask = json!({ "platform": "telegram", "identity": "4711", "browser": "b" });
        call(&operator, "login_code.request", ask);
        let fetched = call(&bot, "login_code.fetch", json!({}));
        let code = &fetched["codes"][0]["code"];
        let claim =
            json!({ "platform": "telegram", "identity": "4711", "browser": "b", "secret": code });
        call(&operator, "session.sign_in", claim);
        call(&bot, "login_code.issue", json!({ "identity": "4711" }));
        call(&bot, "account.lookup", json!({ "identity": "4711" }));
        let statements = seen::take();
        assert!(statements.len() > 10);
        let db = Connection::open(portal.path()).unwrap();
        for sql in statements {
            for step in seen::plan(&db, &sql) {
                for table in ["login_code", "platform_identity", "bot"] {
                    let scans = step == format!("SCAN {table}");
                    assert!(!scans, "{step} in {sql}");
                }
            }
        }
    }
}
