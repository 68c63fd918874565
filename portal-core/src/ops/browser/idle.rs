//! A browser that nobody looks at is stopped (SPEC 11.2). For whoever keeps presence.
//!
//! Joining takes the mark of an empty room away, and housekeeping sets it when it finds one: so a browser is never
//! stopped early, and late by no more than housekeeping is.

use super::{all, claim, control, run};
use crate::error::Result;
use crate::model::{BrowserEnd, MINUTE, Timestamp};
use crate::operation::Context;
use crate::store;

/// How long a browser runs without anybody looking.
const IDLE: i64 = 10 * MINUTE;

/// Stops what nobody has looked at for ten minutes; answers when to come back.
pub(crate) fn tick(cx: &mut Context<'_>) -> Result<Option<Timestamp>> {
    let mut next = None;
    if cx.presence().is_none() {
        return Ok(next);
    }
    for row in all(cx.db)? {
        control::drop_absent(cx, row.chat)?;
        let is_empty = cx
            .presence()
            .is_some_and(|presence| presence.viewers(row.chat) == 0);
        if !row.state.is_wanted() || !is_empty {
            continue;
        }
        let since = row.empty_since.unwrap_or(cx.now);
        let until = since.plus(IDLE);
        if until <= cx.now {
            run::want_no_more(cx, row.chat, BrowserEnd::Idle)?;
            continue;
        }
        if row.empty_since.is_none() {
            store::execute(
                cx.db,
                "UPDATE browser SET empty_since = ? WHERE chat_id = ?",
                (cx.now, row.chat),
            )?;
        }
        next = Some(next.map_or(until, |next: Timestamp| next.min(until)));
    }
    Ok(next)
}

/// Nobody is anywhere yet: nobody has control, and the rooms are empty from now on. Where this process runs no
/// browsers, there are none.
pub(crate) fn begin_presence(cx: &mut Context<'_>) -> Result<()> {
    claim::write(cx.db, cx.runs_browsers())?;
    if !cx.runs_browsers() {
        return run::lose_all(cx);
    }
    store::execute(
        cx.db,
        "UPDATE browser SET empty_since = NULL WHERE empty_since IS NOT NULL",
        [],
    )?;
    tick(cx).map(drop)
}
