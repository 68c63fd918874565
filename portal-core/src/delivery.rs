//! Which connection gets which event, in which words (SPEC 12.2). The rules of delivery are here, so that
//! a face only writes bytes to sockets.

mod started;

use std::fmt;

use rusqlite::Connection;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::error::{Error, ErrorKind, Result};
use crate::event::{Audience, Event, StoredEvent, UserBanned, UserTimedOut, UserWarned};
use crate::follow::Follower;
use crate::model::{ChatId, ConnectionId, UserId};
use crate::ops::{browser, chats, epochs, matching, messages, punishments, users};
use crate::portal::Portal;
use crate::presence::Identity;
use crate::shared::Shared;

/// Something for a face to do with live connections.
#[derive(Clone, PartialEq, Eq)]
pub enum Delivery {
    /// Write one message, the same to all.
    Send {
        /// To whom.
        to: Vec<ConnectionId>,
        /// The event's name.
        name: &'static str,
        /// A JSON object; stored events carry their `seq` in it.
        data: String,
    },
    /// Close a connection: its session ended.
    Close {
        /// Which.
        connection: ConnectionId,
        /// Why, in a word.
        reason: String,
    },
}

impl fmt::Debug for Delivery {
    /// Without the data: it may hold somebody's way into a browser.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Send { to, name, .. } => {
                let mut shown = f.debug_struct("Send");
                shown.field("to", to).field("name", name);
                shown.finish_non_exhaustive()
            }
            Self::Close { connection, reason } => {
                let mut shown = f.debug_struct("Close");
                shown
                    .field("connection", connection)
                    .field("reason", reason);
                shown.finish()
            }
        }
    }
}

impl Portal {
    /// The next deliveries of the event log, of at most `limit` events, in its order. Also takes in what
    /// other processes did to who is where.
    ///
    /// # Errors
    /// As [`Follower::poll`]; `ERR_NOT_CONNECTED` where presence is off.
    pub fn deliver(&self, follower: &mut Follower, limit: usize) -> Result<Vec<Delivery>> {
        let before = follower.position().clone();
        let batch = follower.poll(limit)?;
        let deliveries = self.deliver_all(&batch);
        if deliveries.is_err() {
            // None of them has gone out: the next call begins with them.
            follower.rewind(before);
        }
        deliveries
    }

    fn deliver_all(&self, batch: &[StoredEvent]) -> Result<Vec<Delivery>> {
        let mut deliveries = Vec::new();
        if batch.is_empty() {
            return Ok(deliveries);
        }
        let reader = self.reader()?;
        for stored in batch {
            deliver_one(&self.shared, &reader, stored, &mut deliveries)?;
        }
        // Not before all is well: should this be made again, those who were put out are still to be found.
        if let Some(mut presence) = self.shared.presence() {
            for stored in batch {
                if let Some(chat) = stored.event.audience().chat() {
                    presence.delivered(chat, stored.place());
                }
            }
        }
        Ok(deliveries)
    }

    /// What is live only (SPEC 12.2): typing, the members of rooms, viewer counts. Call it after
    /// deliveries and again within 250 ms while [`Portal::has_live_news`].
    pub fn deliver_live(&self) -> Result<Vec<Delivery>> {
        let now = self.now();
        if !self.shared.required_presence()?.has_live_news() {
            return Ok(Vec::new());
        }
        // First of all: what is taken out and cannot be told is lost.
        let reader = self.reader()?;
        let (typing, changed) = {
            let mut presence = self.shared.required_presence()?;
            (presence.take_typing(), presence.take_changed(now))
        };
        if typing.is_empty() && changed.is_empty() {
            return Ok(Vec::new());
        }
        let mut deliveries = Vec::new();
        for (chat, user) in typing {
            let data = json!({ "chat_id": chat, "user_id": user });
            let to = self.in_room(chat, |other| other != Some(user));
            push(&mut deliveries, to, "room:typing", &data)?;
        }
        for chat in changed {
            self.tell_members(&reader, chat, &mut deliveries)?;
        }
        Ok(deliveries)
    }

    /// Whose a live connection is, and the end of the event log when it was opened: what is later is
    /// delivered to it.
    pub fn connection(&self, connection: ConnectionId) -> Option<(Identity, u64)> {
        let presence = self.shared.presence()?;
        presence
            .identity(connection)
            .zip(presence.connected_since(connection))
    }

    /// Whether [`Portal::deliver_live`] has, or will shortly have, something to tell.
    pub fn has_live_news(&self) -> bool {
        self.shared
            .presence()
            .is_some_and(|presence| presence.has_live_news())
    }

    fn in_room(&self, chat: ChatId, wanted: impl Fn(Option<UserId>) -> bool) -> Vec<ConnectionId> {
        let Some(presence) = self.shared.presence() else {
            return Vec::new();
        };
        let user = |id| presence.identity(id).and_then(|identity| identity.user);
        presence
            .room(chat)
            .map(|(id, _)| id)
            .filter(|id| wanted(user(*id)))
            .collect()
    }

    /// `room:members` to the room, `chat:status` to the lobby or the members (SPEC 10.2).
    fn tell_members(
        &self,
        db: &Connection,
        chat: ChatId,
        deliveries: &mut Vec<Delivery>,
    ) -> Result<()> {
        let (people, guests) = match self.shared.presence() {
            Some(presence) => presence.people_in(chat),
            None => return Ok(()),
        };
        let row = match chats::load_for(db, None, chat, self.now()) {
            Ok((row, _)) => row,
            // Destroyed meanwhile: room:destroyed has said it.
            Err(error) if error.kind() == ErrorKind::ChatNotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        let viewer_count = people.len() + guests;
        let mut members = Vec::new();
        for user in people.iter().take(MEMBERS_SHOWN) {
            if let Some((username, role)) = users::name_and_role(db, *user)? {
                members.push(json!({ "user_id": user, "username": username, "role": role }));
            }
        }
        let data = json!({
            "chat_id": chat, "members": members, "guests": guests, "viewer_count": viewer_count
        });
        push(
            deliveries,
            self.in_room(chat, |_| true),
            "room:members",
            &data,
        )?;

        let to = match self.shared.presence() {
            None => Vec::new(),
            Some(presence) if row.chat.kind.chat_type().is_open() => presence.lobby(),
            Some(presence) => {
                let belonging = crate::ops::members::ids(db, chat)?;
                belonging
                    .into_iter()
                    .flat_map(|user| presence.of_user(user))
                    .collect()
            }
        };
        let running = browser::is_running(db, chat)?;
        let status = json!({ "chat_id": chat, "running": running, "viewer_count": viewer_count });
        push(deliveries, to, "chat:status", &status)
    }
}

/// As many people as `room:members` names; the counts are always whole.
const MEMBERS_SHOWN: usize = 200;

pub(crate) fn push(
    deliveries: &mut Vec<Delivery>,
    to: Vec<ConnectionId>,
    name: &'static str,
    data: &impl Serialize,
) -> Result<()> {
    if !to.is_empty() {
        let data = serde_json::to_string(data)
            .map_err(|error| Error::new(ErrorKind::Internal).caused_by(error))?;
        deliveries.push(Delivery::Send { to, name, data });
    }
    Ok(())
}

fn deliver_one(
    shared: &Shared,
    db: &Connection,
    stored: &StoredEvent,
    deliveries: &mut Vec<Delivery>,
) -> Result<()> {
    let seq = stored.place();
    let audience = stored.event.audience();
    let (to, closing) = {
        let mut presence = shared.required_presence()?;
        presence.address(seq);
        let mut to = match audience {
            Audience::Everyone => presence.everyone(),
            Audience::Chat(chat, affected) => {
                let mut to = presence.seated_at(chat, seq);
                to.extend(affected.into_iter().flat_map(|user| presence.of_user(user)));
                to
            }
            Audience::User(user) => presence.of_user(user),
            Audience::Session(session) => presence.of_session(session),
            Audience::Staff(least) => users::staff_among(db, least, &presence.everyone(), |id| {
                presence.identity(id).and_then(|identity| identity.user)
            })?,
        };
        to.sort_unstable();
        to.dedup();
        // What is older than a connection, its replay has given it; and an ended session hears no more.
        presence.keep_hearing(&mut to, seq);
        let closing = match &stored.event {
            Event::SessionEnded(e) => presence.of_session(e.session_id),
            _ => Vec::new(),
        };
        (to, closing)
    };
    if let Event::RoomStarted(event) = &stored.event {
        return started::deliver(shared, db, stored, event, to, deliveries);
    }
    if !to.is_empty()
        && let Some(data) = payload(db, stored)?
    {
        push(deliveries, to, stored.event.name(), &data)?;
    }
    if let Event::SessionEnded(e) = &stored.event {
        deliveries.extend(closing.into_iter().map(|connection| Delivery::Close {
            connection,
            reason: e.reason.clone(),
        }));
    }
    Ok(())
}

/// The event's data, its `seq` and its time.
fn data_of(stored: &StoredEvent) -> Result<Map<String, Value>> {
    let Ok(Value::Object(mut data)) = serde_json::from_str(&stored.event.data()) else {
        return Err(ErrorKind::Internal.into());
    };
    data.insert("seq".into(), json!(stored.seq));
    data.insert("at".into(), json!(stored.at));
    Ok(data)
}

/// What a receiver reads: the event's data, its `seq`, and the content that the log does not keep. None
/// if what it points at is gone.
pub(crate) fn payload(db: &Connection, stored: &StoredEvent) -> Result<Option<Map<String, Value>>> {
    let mut data = data_of(stored)?;
    match &stored.event {
        Event::MessageNew(e) => match messages::get(db, e.chat_id, e.id)? {
            Some(message) => drop(data.insert("message".into(), json!(message))),
            None => return Ok(None),
        },
        Event::RoomUpdated(e) => match chats::view(db, e.chat_id)? {
            Some(chat) => drop(data.insert("chat".into(), json!(chat))),
            None => return Ok(None),
        },
        Event::KeyAdded(e) => match epochs::public_key(db, e.session_id)? {
            Some(key) => drop(data.insert("public_key".into(), json!(key))),
            None => return Ok(None),
        },
        Event::KeyNeeded(e) => match epochs::public_key(db, e.session_id)? {
            Some(key) => drop(data.insert("public_key".into(), json!(key))),
            None => return Ok(None),
        },
        Event::KeyBlobStored(e) => match epochs::blob(db, e.blob_id)? {
            Some(blob) => data.extend(blob),
            None => return Ok(None),
        },
        // Who is let in is told anew whenever they join; what was told them before opens nothing.
        Event::RoomStarted(e) if e.user_id.is_some() => return Ok(None),
        Event::RoomStarted(_) => drop(data.insert("access".into(), Value::Null)),
        Event::MatchFound(e) => match matching::found(db, e.user_id, e.chat_id)? {
            Some(found) => data.extend(found),
            None => return Ok(None),
        },
        Event::UserWarned(UserWarned { punishment_id, .. })
        | Event::UserTimedOut(UserTimedOut { punishment_id, .. })
        | Event::UserBanned(UserBanned {
            punishment_id: Some(punishment_id),
            ..
        }) => {
            let reason = punishments::reason(db, *punishment_id)?;
            data.insert("reason".into(), json!(reason));
        }
        _ => {}
    }
    Ok(Some(data))
}
