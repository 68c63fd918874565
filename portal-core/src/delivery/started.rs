//! `room:started`: the one event that says something else to each receiver (SPEC 11.2, 12.2).

use std::collections::BTreeMap;

use rusqlite::Connection;
use serde_json::{Value, json};

use super::{Delivery, data_of, payload, push};
use crate::backend::Access;
use crate::error::{ErrorKind, Result};
use crate::event::{RoomStarted, StoredEvent};
use crate::model::{ChatId, ConnectionId, UserId};
use crate::ops::browser;
use crate::shared::Shared;

/// Tells that a chat's browser runs, and each their own way in. That is judged now: who has left the room or may not
/// talk there any more gets none.
pub(super) fn deliver(
    shared: &Shared,
    db: &Connection,
    stored: &StoredEvent,
    event: &RoomStarted,
    to: Vec<ConnectionId>,
    deliveries: &mut Vec<Delivery>,
) -> Result<()> {
    let mut without = Vec::new();
    for (user, connections) in by_person(shared, to) {
        let (there, elsewhere): (Vec<_>, Vec<_>) = connections
            .into_iter()
            .partition(|id| is_seated(shared, *id, event.chat_id));
        let access = match user {
            Some(user) if !there.is_empty() => access(shared, db, event.chat_id, user)?,
            _ => None,
        };
        match access {
            Some(access) => {
                let data = told(stored, &access)?;
                push(deliveries, there, stored.event.name(), &data)?;
            }
            None => without.extend(there),
        }
        without.extend(elsewhere);
    }
    // To whom it says that they are let in, it says nothing if they are not.
    if event.user_id.is_none()
        && let Some(data) = payload(db, stored)?
    {
        push(deliveries, without, stored.event.name(), &data)?;
    }
    Ok(())
}

fn by_person(
    shared: &Shared,
    to: Vec<ConnectionId>,
) -> BTreeMap<Option<UserId>, Vec<ConnectionId>> {
    let mut people: BTreeMap<_, Vec<_>> = BTreeMap::new();
    if let Some(presence) = shared.presence() {
        for id in to {
            let user = presence.identity(id).and_then(|identity| identity.user);
            people.entry(user).or_default().push(id);
        }
    }
    people
}

fn is_seated(shared: &Shared, id: ConnectionId, chat: ChatId) -> bool {
    shared
        .presence()
        .is_some_and(|presence| presence.seat(id, chat).is_some())
}

fn access(shared: &Shared, db: &Connection, chat: ChatId, user: UserId) -> Result<Option<Access>> {
    let Some(access) = shared
        .browsers
        .as_ref()
        .and_then(|browsers| browsers.access(chat, user))
    else {
        return Ok(None);
    };
    let lets_in = match browser::may_talk(db, user, chat, shared.clock.now()) {
        // Destroyed meanwhile: room:destroyed says it.
        Err(error) if error.kind() == ErrorKind::ChatNotFound => false,
        lets_in => lets_in?,
    };
    Ok(lets_in.then_some(access))
}

fn told(stored: &StoredEvent, access: &Access) -> Result<Value> {
    let mut data = data_of(stored)?;
    let access = json!({
        "url": access.url,
        "username": access.username,
        "password": access.password.expose(),
    });
    data.insert("access".into(), access);
    Ok(data.into())
}
