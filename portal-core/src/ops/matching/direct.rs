//! DIRECT chats as people see them (SPEC 9.4, 9.6). Their rows are `ops::chats`'.

use rusqlite::Connection;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::error::Result;
use crate::model::{ChatId, CountryCode, Interest, Timestamp, UserId, Username};
use crate::ops::{chats, users};

/// The other of the two, as one sees them.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Peer {
    /// Who.
    pub id: UserId,
    /// The name.
    pub name: Username,
    /// From where they asked to be matched, if that is known.
    pub country_code: Option<CountryCode>,
}

/// A DIRECT chat, as one of the two sees it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Direct {
    /// Which.
    pub chat_id: ChatId,
    /// The other.
    pub peer: Peer,
    /// The interests that the two share.
    pub interests: Vec<Interest>,
    /// When it is over at the latest.
    pub expires_at: Timestamp,
    /// If the other is away: until when they can come back.
    pub peer_grace_until: Option<Timestamp>,
}

/// What one of the two sees of a DIRECT chat; none once it is gone.
pub(super) fn seen_by(db: &Connection, user: UserId, chat_id: ChatId) -> Result<Option<Direct>> {
    let Some(row) = chats::direct(db, chat_id, user)? else {
        return Ok(None);
    };
    Ok(Some(Direct {
        chat_id,
        peer: Peer {
            id: row.peer,
            name: users::name(db, row.peer)?,
            country_code: row.peer_country,
        },
        interests: row.interests.into(),
        expires_at: row.ends_at,
        peer_grace_until: row.peer_away_until,
    }))
}

/// What `match:found` says besides what is stored: the other and the interests; none once the chat is gone.
pub(crate) fn found(
    db: &Connection,
    user: UserId,
    chat: ChatId,
) -> Result<Option<Map<String, Value>>> {
    let seen = seen_by(db, user, chat)?;
    Ok(seen.and_then(|direct| {
        let said = json!({ "peer": direct.peer, "interests": direct.interests });
        said.as_object().cloned()
    }))
}
