//! Sessions: the table `session` (SPEC 2.1, 2.2), and who a caller is at this moment.

mod list;

pub(crate) use list::export_of;
pub use list::{List, SessionList, SessionView, StoredSession};

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rusqlite::Connection;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::actor::{Actor, Who};
use crate::error::{Error, ErrorKind, Result};
use crate::event::{EpochReason, KeyRemoved, SessionEnded, SessionStarted};
use crate::model::{ChatId, ConnectionId, DAY, Role, Secret, SessionId, Timestamp, UserId};
use crate::operation::{Context, Done, Operation, View};
use crate::ops::{audit, bots, epochs, punishments, strangers, users};
use crate::policy::{
    ActOn, ActingAs, Permit, PlatformAction, TargetFacts, on_account, on_platform,
};
use crate::portal::Portal;
use crate::shared::Shared;
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
        Who::Bot(bot) => {
            bots::platform(db, bot)?.ok_or(ErrorKind::Unauthenticated)?;
            plain(ActingAs::Bot(bot))
        }
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
    let (person, was_punished) = store::first(
        db,
        "SELECT u.role, u.tier, u.tier_expires_at, u.stranger, u.id,
           EXISTS (SELECT 1 FROM punishment p
                   WHERE p.user_id = u.id AND p.lifted_at IS NULL AND p.kind IN ('timeout', 'platform_ban'))
         FROM session s JOIN user u ON u.id = s.user_id WHERE s.id = ? AND s.expires_at > ?",
        (session, now),
        |row| Ok((users::person_from(row.get(4)?, now, row, 0)?, row.get(5)?)),
    )?
    .ok_or(ErrorKind::Unauthenticated)?;
    if was_punished {
        punishments::check_standing(db, person.id, now)?;
    }
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
    #[serde(serialize_with = "Secret::reveal")]
    pub token: Secret,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// Live sessions a person may have (SPEC 2.2).
const MOST_SESSIONS: usize = 20;

/// Opens a session for a person (SPEC 2.1). Beyond 20 live ones, the oldest ends (SPEC 2.2).
pub(crate) fn open(cx: &mut Context<'_>, user: UserId, role: Role) -> Result<NewSession> {
    let live = live_of(cx.db, user, cx.now)?;
    for oldest in live
        .iter()
        .take((live.len() + 1).saturating_sub(MOST_SESSIONS))
    {
        end(cx, user, &[oldest.id], Ending::TooMany)?;
    }
    let (token, hash) = loop {
        let mut bytes = Zeroizing::new([0; 32]);
        cx.random.fill(&mut *bytes);
        let token = Secret::new(URL_SAFE_NO_PAD.encode(*bytes));
        let hash = hash(token.expose());
        // Two of one person that show the same suffix could not be told apart.
        if live
            .iter()
            .all(|other| suffix(&other.hash) != suffix(&hash))
        {
            break (token, hash);
        }
    };
    let days = if role >= Role::Admin { 1 } else { 30 };
    let expires_at = cx.now.plus(days * DAY);
    store::execute(
        cx.db,
        "INSERT INTO session (user_id, token_hash, created_at, expires_at, user_agent, client_ip, client_net)
         VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            user,
            hash,
            cx.now,
            expires_at,
            &cx.caller.user_agent,
            cx.caller.ip.map(|ip| ip.to_string()),
            cx.caller.network(),
        ),
    )?;
    let id = cx.db.last_insert_rowid();
    let session_id = SessionId::try_from(id).map_err(|_| ErrorKind::Internal)?;
    cx.emit(SessionStarted {
        session_id,
        user_id: user,
    })?;
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

/// What a list shows of a token: the last six digits of its hash.
fn suffix(hash: &[u8; 32]) -> String {
    let [.., a, b, c] = hash;
    format!("{a:02x}{b:02x}{c:02x}")
}

/// Why a session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Logout,
    Destroyed,
    Expired,
    TooMany,
    RoleChanged,
    TimedOut,
    Banned,
    Deleted,
}

impl Ending {
    /// The word of the event.
    const fn as_str(self) -> &'static str {
        match self {
            Ending::Logout => "logout",
            Ending::Destroyed => "destroyed",
            Ending::Expired => "expired",
            Ending::TooMany => "too_many",
            Ending::RoleChanged => "role_changed",
            Ending::TimedOut => "timed_out",
            Ending::Banned => "banned",
            Ending::Deleted => "deleted",
        }
    }

    /// Whether the keys it held must open nothing new (SPEC 8.1): it was not the session's own doing.
    /// Whoever removes the person moves the epochs themself.
    const fn moves_epochs(self) -> bool {
        match self {
            Ending::Destroyed | Ending::RoleChanged => true,
            Ending::Logout
            | Ending::Expired
            | Ending::TooMany
            | Ending::TimedOut
            | Ending::Banned
            | Ending::Deleted => false,
        }
    }
}

/// Ends sessions of a person: their public keys and key blobs go with the rows, their connections when the
/// events are delivered (SPEC 2.2). Then the epochs move, once a chat: at once, but for one's own
/// sessions, which are gathered (SPEC 8.1, 8.6a).
fn end(cx: &mut Context<'_>, user: UserId, sessions: &[SessionId], why: Ending) -> Result<()> {
    let mut held = BTreeSet::new();
    for session in sessions {
        held.extend(end_one(cx, *session, user, why)?);
    }
    if !why.moves_epochs() {
        return Ok(());
    }
    let is_own = cx.actor.user_id() == Some(user);
    for chat in held {
        if is_own {
            epochs::schedule_move(cx, chat, EpochReason::SessionDestroyed)?;
        } else {
            epochs::move_on(cx, chat, EpochReason::SessionDestroyed)?;
        }
    }
    Ok(())
}

/// Ends one session; answers the chats whose key it held.
fn end_one(
    cx: &mut Context<'_>,
    session_id: SessionId,
    user_id: UserId,
    why: Ending,
) -> Result<Vec<ChatId>> {
    let held = epochs::chats_of_session(cx.db, session_id)?;
    store::execute(cx.db, "DELETE FROM session WHERE id = ?", [session_id])?;
    for chat_id in &held {
        cx.emit(KeyRemoved {
            chat_id: *chat_id,
            user_id,
            session_id,
        })?;
    }
    cx.emit(SessionEnded {
        session_id,
        user_id,
        reason: why.as_str().to_owned(),
    })?;
    Ok(held)
}

/// Ends every session of a person.
pub(crate) fn end_all(cx: &mut Context<'_>, user: UserId, why: Ending) -> Result<()> {
    let sessions = ids_of(cx.db, user)?;
    end(cx, user, &sessions, why)
}

/// A person's sessions, the oldest first; also those that ran out and are not swept yet.
pub(crate) fn ids_of(db: &Connection, user: UserId) -> Result<Vec<SessionId>> {
    store::all(
        db,
        "SELECT id FROM session WHERE user_id = ? ORDER BY id",
        [user],
        |row| row.get(0),
    )
}

/// Strangers with a live session from a network (SPEC 1.8).
pub(crate) fn live_strangers(db: &Connection, network: &str, now: Timestamp) -> Result<u32> {
    let count = store::first(
        db,
        "SELECT count(DISTINCT u.id) FROM session s JOIN user u ON u.id = s.user_id
         WHERE s.client_net = ? AND s.expires_at > ? AND u.stranger = 1",
        (network, now),
        |row| row.get(0),
    )?;
    Ok(count.unwrap_or_default())
}

/// Ends sessions that ran out, at most 1000; answers when to come back.
pub(crate) fn tick(cx: &mut Context<'_>) -> Result<Option<Timestamp>> {
    let over: Vec<(SessionId, UserId)> = store::all(
        cx.db,
        "SELECT id, user_id FROM session WHERE expires_at <= ? ORDER BY expires_at, id LIMIT 1000",
        [cx.now],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    for (session, user) in over {
        end(cx, user, &[session], Ending::Expired)?;
    }
    store::first(
        cx.db,
        "SELECT expires_at FROM session ORDER BY expires_at LIMIT 1",
        [],
        |row| row.get(0),
    )
}

/// A live session's row.
struct Live {
    id: SessionId,
    hash: [u8; 32],
    created_at: Timestamp,
    expires_at: Timestamp,
    user_agent: Option<String>,
    client_ip: Option<String>,
}

/// A person's live sessions, the oldest first.
fn live_of(db: &Connection, user: UserId, now: Timestamp) -> Result<Vec<Live>> {
    store::all(
        db,
        "SELECT id, token_hash, created_at, expires_at, user_agent, client_ip FROM session
         WHERE user_id = ? AND expires_at > ? ORDER BY id",
        (user, now),
        |row| {
            Ok(Live {
                id: row.get(0)?,
                hash: row.get(1)?,
                created_at: row.get(2)?,
                expires_at: row.get(3)?,
                user_agent: row.get(4)?,
                client_ip: row.get(5)?,
            })
        },
    )
}

impl Portal {
    /// The live session of a token.
    ///
    /// # Errors
    /// `ERR_UNAUTHENTICATED` if there is none.
    pub fn authenticate(&self, token: &str) -> Result<SessionId> {
        let reader = self.reader()?;
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
#[derive(Clone, Debug, Deserialize, JsonSchema)]
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

/// Whose sessions are meant, if the caller may deal with them: their own, or those of somebody whom an
/// admin may act on.
fn holder(view: &View<'_>, named: Option<UserId>) -> Result<Permit<ActOn>> {
    let user = named.map_or_else(|| view.user_id(), Ok)?;
    let person = users::named(view, user)?;
    Ok(on_account(
        Role::Admin,
        &view.actor,
        &TargetFacts::from(&person),
    )?)
}

/// Ends one of the caller's other sessions, or one of somebody whom an admin may act on. The keys it
/// held open nothing new.
///
/// `ERR_SESSION_NOT_FOUND`; `ERR_FORBIDDEN` for the session that asks, which logs out.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Destroy {
    /// Which: its suffix in the list.
    pub suffix: String,
    /// Whose; default the caller's.
    #[serde(default)]
    pub user_id: Option<UserId>,
}

impl Operation for Destroy {
    const NAME: &'static str = "session.destroy";
    type Reply = Done;

    fn apply(self, cx: &mut Context<'_>) -> Result<Done> {
        let user = holder(cx, self.user_id)?.subject();
        let session = live_of(cx.db, user, cx.now)?
            .into_iter()
            .find(|live| suffix(&live.hash) == self.suffix)
            .ok_or(ErrorKind::SessionNotFound)?
            .id;
        if cx.session == Some(session) {
            return Err(Error::with_message(
                ErrorKind::Forbidden,
                "This is the session you are using; log out instead.",
            ));
        }
        end(cx, user, &[session], Ending::Destroyed)?;
        if cx.actor.user_id() != Some(user) {
            let act = audit::Act {
                target: Some(user),
                details: json!({ "session_id": session }),
                ..Default::default()
            };
            audit::record(cx, Self::NAME, act)?;
        }
        strangers::let_go(cx, user)?;
        Ok(Done {})
    }
}

/// Ends the caller's own session.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Logout {}

impl Operation for Logout {
    const NAME: &'static str = "session.logout";
    type Reply = Done;

    fn apply(self, cx: &mut Context<'_>) -> Result<Done> {
        let (session, user) = (cx.session_id()?, cx.user_id()?);
        end(cx, user, &[session], Ending::Logout)?;
        strangers::let_go(cx, user)?;
        Ok(Done {})
    }
}
