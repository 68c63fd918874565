//! Housekeeping: one operation that does what is due (SPEC 14.2).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{ErrorKind, Result};
use crate::model::{MINUTE, Timestamp};
use crate::operation::{Context, Operation};
use crate::ops::{
    activity, audit, browser, epochs, events, invites, keys, limits, login_codes, matching,
    messages, reports, rooms, sessions, strangers, users,
};

/// Does what is due, and answers when it next wants to run. Late calls catch up; nothing is done twice.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tick {}

/// When the next tick is wanted.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Ticked {
    /// Then.
    pub next_at: Timestamp,
}

impl Operation for Tick {
    const NAME: &'static str = "housekeeping.tick";
    type Reply = Ticked;

    fn apply(self, cx: &mut Context<'_>) -> Result<Ticked> {
        if !cx.actor.is_operator() {
            return Err(ErrorKind::Forbidden.into());
        }
        rooms::note_departures(cx)?;
        limits::prune(cx.db, cx.now)?;
        invites::prune(cx.db, cx.now, cx.settings.dead_invite_days)?;
        activity::prune(cx)?;
        let due = [
            rooms::departures_due(cx),
            sessions::tick(cx)?,
            matching::tick(cx)?,
            browser::tick(cx)?,
            strangers::tick(cx)?,
            login_codes::tick(cx)?,
            users::tick(cx)?,
            events::prune(cx)?,
            audit::prune(cx)?,
            messages::wipe_due(cx)?,
            Some(messages::prune(cx)?),
            reports::prune(cx)?,
            epochs::moves_due(cx)?,
            keys::requests_due(cx)?,
        ];
        let latest = cx.now.plus(MINUTE);
        Ok(Ticked {
            next_at: due.into_iter().flatten().fold(latest, Timestamp::min),
        })
    }
}
