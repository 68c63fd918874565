//! What of matching is due by the clock (SPEC 9.5, 9.9, 9.12, 14.2).

use super::pairing::{has_free_slot, pair_in_turn};
use super::queue::{self, BATCH};
use super::{ending, graces, pauses, statistics, switch};
use crate::error::Result;
use crate::model::Timestamp;
use crate::operation::Context;

/// Does what is due; answers when to come back.
pub(crate) fn tick(cx: &mut Context<'_>) -> Result<Option<Timestamp>> {
    statistics::prune(cx.db, cx.now)?;
    let (ends, graces) = (ending::run_out(cx)?, graces::run_out(cx)?);
    pauses::run_out(cx)?;
    let due = [
        ends,
        graces,
        queue::run_out(cx)?,
        look_again(cx)?,
        // Whoever was matched just now has a pause too.
        pauses::next_end(cx.db)?,
    ];
    Ok(due.into_iter().flatten().min())
}

/// Matches those for whom a match may have become possible, at most 1000; answers when to come back.
fn look_again(cx: &mut Context<'_>) -> Result<Option<Timestamp>> {
    if switch::is_paused(cx.db)? {
        return Ok(None);
    }
    let due = queue::to_look_for(cx.db, BATCH)?;
    let is_full = due.len() == BATCH;
    for user in due {
        queue::looked(cx.db, user)?;
        // One of those before may have been matched with them.
        let Some(entry) = queue::of(cx, user)? else {
            continue;
        };
        if has_free_slot(cx, user)? {
            pair_in_turn(cx, &entry.into())?;
        } else {
            queue::rest(cx.db, user)?;
        }
    }
    Ok(is_full.then_some(cx.now))
}

/// Begins to keep presence: nobody is connected yet, so everybody has a little time to come back (SPEC 10.1).
pub(crate) fn begin_presence(cx: &mut Context<'_>) -> Result<()> {
    queue::all_are_gone(cx)?;
    graces::all_are_away(cx)
}
