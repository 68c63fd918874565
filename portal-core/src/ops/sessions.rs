//! Sessions: the table `session` (SPEC 2.1, 2.2), and who a caller is at this moment.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rusqlite::Connection;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::actor::{Actor, Who};
use crate::error::{ErrorKind, Result};
use crate::model::{ConnectionId, DAY, Role, SessionId, Timestamp, UserId};
use crate::operation::{Context, Operation};
use crate::ops::{audit, punishments, users};
use crate::policy::{ActingAs, PlatformAction, on_platform};
use crate::portal::{Portal, Shared};
use crate::store;

/// A caller, resolved.
pub(crate) struct Resolved {
    pub(crate) acting: ActingAs,
    pub(crate) session: Option<SessionId>,
    pub(crate) connection: Option<ConnectionId>,
}

/// Who the caller is at this moment. An ended session is `ERR_UNAUTHENTICATED`; a person who is timed
/// out or banned on the platform is refused everything (SPEC 1.5).
pub(crate) fn resolve(
    db: &Connection,
    shared: &Shared,
    caller: &Actor,
    now: Timestamp,
) -> Result<Resolved> {
    let plain = |acting| {
        Ok(Resolved {
            acting,
            session: None,
            connection: None,
        })
    };
    match caller.who {
        Who::Guest => plain(ActingAs::Guest),
        Who::Operator => plain(ActingAs::Operator),
        Who::System => plain(ActingAs::System),
        Who::User(user) => {
            let person = users::person(db, user, now)?;
            punishments::check_standing(db, user, now)?;
            plain(ActingAs::Person(person))
        }
        Who::Session(session) => of_session(db, session, None, now),
        Who::Connection(connection) => {
            let identity = shared
                .presence()
                .and_then(|presence| presence.identity(connection))
                .ok_or(ErrorKind::NotConnected)?;
            match identity.session {
                Some(session) => of_session(db, session, Some(connection), now),
                None => Ok(Resolved {
                    acting: ActingAs::Guest,
                    session: None,
                    connection: Some(connection),
                }),
            }
        }
    }
}

fn of_session(
    db: &Connection,
    session: SessionId,
    connection: Option<ConnectionId>,
    now: Timestamp,
) -> Result<Resolved> {
    let person = store::first(
        db,
        "SELECT u.role, u.tier, u.tier_expires_at, u.stranger, u.id
         FROM session s JOIN user u ON u.id = s.user_id WHERE s.id = ? AND s.expires_at > ?",
        (session, now),
        |row| users::person_from(row.get(4)?, now, row, 0),
    )?
    .ok_or(ErrorKind::Unauthenticated)?;
    punishments::check_standing(db, person.id, now)?;
    Ok(Resolved {
        acting: ActingAs::Person(person),
        session: Some(session),
        connection,
    })
}

/// A new session.
#[derive(Debug, Serialize, JsonSchema)]
pub struct NewSession {
    /// Its id.
    pub session_id: SessionId,
    /// Whose.
    pub user_id: UserId,
    /// The token: shown once, never stored.
    pub token: String,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// Opens a session for a person (SPEC 2.1).
pub(crate) fn open(cx: &mut Context<'_>, user: UserId, role: Role) -> Result<NewSession> {
    let mut token = [0; 32];
    cx.random.fill(&mut token);
    let token = URL_SAFE_NO_PAD.encode(token);
    let days = if role >= Role::Admin { 1 } else { 30 };
    let expires_at = cx.now.plus(days * DAY);
    store::execute(
        cx.db,
        "INSERT INTO session (user_id, token_hash, created_at, expires_at, user_agent, client_ip)
         VALUES (?, ?, ?, ?, ?, ?)",
        (
            user,
            hash(&token),
            cx.now,
            expires_at,
            &cx.caller.user_agent,
            cx.caller.ip.map(|ip| ip.to_string()),
        ),
    )?;
    let id = cx.db.last_insert_rowid();
    let session_id = SessionId::try_from(id).map_err(|_| ErrorKind::Internal)?;
    Ok(NewSession {
        session_id,
        user_id: user,
        token,
        expires_at,
    })
}

/// What the database keeps of a token.
fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

impl Portal {
    /// The live session of a token.
    ///
    /// # Errors
    /// `ERR_UNAUTHENTICATED` if there is none.
    pub fn authenticate(&self, token: &str) -> Result<SessionId> {
        let reader = self.shared.store.readers.begin()?;
        store::first(
            &reader,
            "SELECT id FROM session WHERE token_hash = ? AND expires_at > ?",
            (hash(token), self.now()),
            |row| row.get(0),
        )?
        .ok_or_else(|| ErrorKind::Unauthenticated.into())
    }
}

/// Opens a session for a user by hand; for the operator.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Create {
    /// Whose.
    pub user_id: UserId,
}

impl Operation for Create {
    const NAME: &'static str = "session.create";
    type Reply = NewSession;

    fn apply(self, cx: &mut Context<'_>) -> Result<NewSession> {
        on_platform(PlatformAction::Operate, &cx.actor)?;
        let person = users::person(cx.db, self.user_id, cx.now)?;
        punishments::check_standing(cx.db, person.id, cx.now)?;
        let act = audit::Act {
            target: Some(person.id),
            ..Default::default()
        };
        audit::record(cx, Self::NAME, act)?;
        open(cx, person.id, person.role)
    }
}
