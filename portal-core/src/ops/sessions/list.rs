//! A person's sessions, as they are shown and as they are stored. The token is in neither.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rusqlite::Connection;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{holder, live_of, suffix};
use crate::error::Result;
use crate::model::{SessionId, Timestamp, UserId};
use crate::operation::{Query, View};
use crate::store;

/// Lists live sessions, the oldest first.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct List {
    /// Whose; default the caller's. Others' are for admins who may act on them.
    pub user_id: Option<UserId>,
}

/// A session as the list shows it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SessionView {
    /// Its id.
    pub session_id: SessionId,
    /// The last six digits of the token's hash, to name it by.
    pub suffix: String,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// The program it was opened with.
    pub user_agent: Option<String>,
    /// The address it was opened from.
    pub client_ip: Option<String>,
    /// Whether it is the caller's own.
    pub current: bool,
}

/// A person's sessions.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SessionList {
    /// The oldest first.
    pub sessions: Vec<SessionView>,
}

impl Query for List {
    const NAME: &'static str = "session.list";
    type Reply = SessionList;

    fn answer(self, view: &View<'_>) -> Result<SessionList> {
        let permit = holder(view, self.user_id)?;
        let live = live_of(view.db, permit.subject(), view.now)?;
        let shown = live.into_iter().map(|live| SessionView {
            session_id: live.id,
            suffix: suffix(&live.hash),
            created_at: live.created_at,
            expires_at: live.expires_at,
            user_agent: live.user_agent,
            client_ip: live.client_ip,
            current: view.session == Some(live.id),
        });
        Ok(SessionList {
            sessions: shown.collect(),
        })
    }
}

/// A session as it is stored, but for the token's hash.
#[derive(Debug, Serialize, JsonSchema)]
pub struct StoredSession {
    /// Its id.
    pub session_id: SessionId,
    /// The last six digits of the token's hash.
    pub suffix: String,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// The program it was opened with.
    pub user_agent: Option<String>,
    /// The address it was opened from.
    pub client_ip: Option<String>,
    /// Its public key, in base64.
    pub public_key: Option<String>,
}

/// Every session of a person, for their export.
pub(crate) fn export_of(db: &Connection, user: UserId) -> Result<Vec<StoredSession>> {
    store::all(
        db,
        "SELECT id, token_hash, created_at, expires_at, user_agent, client_ip, public_key FROM session
         WHERE user_id = ? ORDER BY id",
        [user],
        |row| {
            let key: Option<[u8; 32]> = row.get(6)?;
            Ok(StoredSession {
                session_id: row.get(0)?,
                suffix: suffix(&row.get(1)?),
                created_at: row.get(2)?,
                expires_at: row.get(3)?,
                user_agent: row.get(4)?,
                client_ip: row.get(5)?,
                public_key: key.map(|key| STANDARD.encode(key)),
            })
        },
    )
}
