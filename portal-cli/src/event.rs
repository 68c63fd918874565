//! `event`: the event log (SPEC 12), the whole of it, for the operator.

use std::time::Duration;

use clap::Subcommand;
use portal_core::{ErrorKind, Position};
use serde_json::{Value, json};

use crate::desk::Desk;
use crate::exit::Failure;
use crate::live::Interrupt;
use crate::output;
use crate::table;

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Print events in order, one a line
    Tail {
        /// Start after this place, refused if it is pruned; 0 is the start of the log
        #[arg(long, value_name = "SEQ", conflicts_with = "last")]
        after: Option<u64>,
        /// Start with so many of the last ones
        #[arg(long, value_name = "N", default_value_t = 20)]
        last: u64,
        /// Wait for more, until Ctrl-C
        #[arg(long, short)]
        follow: bool,
        /// Stop after so many
        #[arg(long, value_name = "N")]
        count: Option<u64>,
    },
}

/// How long a wait goes on before it is asked whether Ctrl-C was pressed.
const PATIENCE: Duration = Duration::from_millis(200);

/// As many events as are read at once.
const PAGE: u16 = 1000;

pub(crate) fn run(verb: &Verb, desk: &Desk) -> Result<(), Failure> {
    let Verb::Tail {
        after,
        last,
        follow,
        count,
    } = *verb;
    let log = desk.call("event.list", json!({ "limit": 1 }))?;
    let end = log["as_of"]
        .as_u64()
        .ok_or_else(|| Failure::unexpected("as_of"))?;
    let mut after = match after {
        Some(0) => 0,
        Some(after) => still_there(desk, &log["log_id"], after)?,
        None => end.saturating_sub(last),
    };
    // The watch begins before the first page, so that nothing falls between the two.
    let mut follower = if follow {
        Some(desk.portal.follow(None)?)
    } else {
        None
    };
    let interrupt = Interrupt::listen()?;
    let mut left = count.unwrap_or(u64::MAX);
    while !interrupt.is_asked() {
        let limit = left.min(PAGE.into());
        if limit == 0 {
            return Ok(());
        }
        let page = desk.call("event.list", json!({ "after": after, "limit": limit }))?;
        let events = page["events"]
            .as_array()
            .ok_or_else(|| Failure::unexpected("events"))?;
        for event in events {
            show(desk, event)?;
            after = event["seq"]
                .as_u64()
                .ok_or_else(|| Failure::unexpected("seq"))?;
        }
        left -= events.len() as u64;
        if events.is_empty() {
            let Some(follower) = &mut follower else {
                return Ok(());
            };
            match follower.next(PAGE.into(), PATIENCE) {
                Ok(_) => {}
                // Only the bell: what is printed is read from the log by its own place.
                Err(error) if error.kind() == ErrorKind::EventsPruned => {
                    *follower = desk.portal.follow(None)?;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(())
}

/// A place that somebody left off at, refused where events that followed it are pruned, or where the log does
/// not reach it: going on from there would miss some in silence (SPEC 12.2).
fn still_there(desk: &Desk, log_id: &Value, after: u64) -> Result<u64, Failure> {
    let log_id = table::text(log_id);
    desk.portal.follow(Some(Position { log_id, after }))?;
    Ok(after)
}

fn show(desk: &Desk, event: &Value) -> Result<(), Failure> {
    if desk.out.is_json() {
        return output::document(event);
    }
    output::line(&format!(
        "{}  {}  {}  {}",
        table::at(event, "seq"),
        table::at(event, "at"),
        table::at(event, "name"),
        table::at(event, "data"),
    ))
}
