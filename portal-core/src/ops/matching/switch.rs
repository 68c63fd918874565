//! Pausing the matcher, and letting it go on (SPEC 9.10a). A row of `meta`.

use rusqlite::Connection;
use schemars::JsonSchema;
use serde::Deserialize;

use super::queue;
use crate::error::Result;
use crate::event::MatchPaused;
use crate::operation::{Context, Done, Operation};
use crate::ops::audit;
use crate::policy::{PlatformAction, on_platform};
use crate::store;

/// Whether nobody is matched at the moment.
pub(super) fn is_paused(db: &Connection) -> Result<bool> {
    let paused = store::first(
        db,
        "SELECT 1 FROM meta WHERE key = 'match_paused'",
        [],
        |_| Ok(()),
    )?;
    Ok(paused.is_some())
}

/// Pauses the matcher; for moderators. People can still ask, and wait; matches that there are stay.
/// Repeatable.
///
/// `ERR_FORBIDDEN`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pause {}

impl Operation for Pause {
    const NAME: &'static str = "match.pause";
    type Reply = Done;

    fn apply(self, cx: &mut Context<'_>) -> Result<Done> {
        switch(cx, Self::NAME, true)
    }
}

/// Lets the matcher go on; for moderators. Whoever can be matched is, within a second. Repeatable.
///
/// `ERR_FORBIDDEN`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Resume {}

impl Operation for Resume {
    const NAME: &'static str = "match.resume";
    type Reply = Done;

    fn apply(self, cx: &mut Context<'_>) -> Result<Done> {
        switch(cx, Self::NAME, false)
    }
}

fn switch(cx: &mut Context<'_>, action: &str, paused: bool) -> Result<Done> {
    on_platform(PlatformAction::Matcher, &cx.actor)?;
    if is_paused(cx.db)? == paused {
        return Ok(Done {});
    }
    if paused {
        store::execute(
            cx.db,
            "INSERT INTO meta (key, value) VALUES ('match_paused', 1)",
            [],
        )?;
    } else {
        store::execute(cx.db, "DELETE FROM meta WHERE key = 'match_paused'", [])?;
        queue::look_for_all(cx.db)?;
    }
    audit::record(cx, action, audit::Act::default())?;
    cx.emit(MatchPaused { paused })?;
    Ok(Done {})
}
