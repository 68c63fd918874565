//! What is wanted at this moment, for whoever keeps browsers: the rows, and who is in the room and may talk there.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;

use super::{all, control, find};
use crate::backend::{BrowserOrder, Viewer};
use crate::error::{ErrorKind, Result};
use crate::model::{BrowserState, ChatId, RunId, Timestamp, UserId};
use crate::operation::View;
use crate::ops::{chats, users};
use crate::policy::{ActingAs, ChatAction, may};

/// Somebody in the room who may talk there.
#[derive(Clone, Debug)]
pub(crate) struct Seated {
    pub(crate) viewer: Viewer,
    /// Their places in the room: whoever left and came back has none of the former.
    pub(crate) places: BTreeSet<u64>,
}

/// What is wanted of a chat's browser.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) order: BrowserOrder,
    pub(crate) state: BrowserState,
    /// Who is to be let in, and nobody else.
    pub(crate) seated: BTreeMap<UserId, Seated>,
    /// Who is to have control.
    pub(crate) holder: Option<UserId>,
}

/// Every chat of which something is written down, with its run.
pub(crate) fn runs(view: &View<'_>) -> Result<Vec<(ChatId, RunId)>> {
    let rows = all(view.db)?;
    Ok(rows.into_iter().map(|row| (row.chat, row.run)).collect())
}

/// What is wanted of a chat's browser; none, if nothing is.
pub(crate) fn plan(view: &View<'_>, chat: ChatId) -> Result<Option<Plan>> {
    let Some(row) = find(view.db, chat)? else {
        return Ok(None);
    };
    let (of_chat, _) = chats::load(view, chat)?;
    let places = view.presence().map(|all| all.places_in(chat));
    let mut seated = BTreeMap::new();
    for (user, places) in places.unwrap_or_default() {
        if let Some((name, _)) = users::name_and_role(view.db, user)?
            && may_talk(view.db, user, chat, view.now)?
        {
            let viewer = Viewer { user, name };
            seated.insert(user, Seated { viewer, places });
        }
    }
    Ok(Some(Plan {
        order: BrowserOrder {
            chat,
            run: row.run,
            browser: of_chat.browser_config,
            room: of_chat.chat_config,
        },
        state: row.state,
        seated,
        holder: control::holder(view.db, chat)?,
    }))
}

/// Whether a person may talk in a chat, and so see its browser (SPEC 11.2).
pub(crate) fn may_talk(
    db: &Connection,
    user: UserId,
    chat: ChatId,
    now: Timestamp,
) -> Result<bool> {
    let person = match users::person(db, user, now) {
        Err(gone) if gone.kind() == ErrorKind::UserNotFound => return Ok(false),
        person => person?,
    };
    let (_, facts) = chats::load_for(db, Some(user), chat, now)?;
    Ok(may(ChatAction::Talk, &ActingAs::Person(person), &facts).is_ok())
}
