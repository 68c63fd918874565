//! `db vacuum`: gives back the room that nothing uses.

use clap::Args;
use portal_core::upkeep;
use serde_json::json;

use super::size;
use crate::exit::Failure;
use crate::grammar::Globals;
use crate::output::{self, Output};

pub(crate) const AFTER_HELP: &str = "\
Where nobody has the file open it is rewritten beside its place and replaced. In a file in use the writers wait
while it is rewritten, at most about --at-most; if that is not enough, or the file holds more than 128 MiB,
nothing is changed.";

/// How.
#[derive(Debug, Args)]
pub(crate) struct Wanted {
    /// How long the writers of a file in use may be kept waiting, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 1000)]
    at_most: u32,
}

pub(super) fn run(wanted: &Wanted, globals: &Globals, out: Output) -> Result<(), Failure> {
    if globals.dry_run {
        return rehearse(globals, out);
    }
    let done =
        globals.look_after(|options| upkeep::vacuum(&globals.db, options, wanted.at_most))?;
    let freed = done.bytes_before.saturating_sub(done.bytes_after);
    let mut said = format!(
        "{} freed: {} before, {} now.",
        size(freed),
        size(done.bytes_before),
        size(done.bytes_after)
    );
    if !done.log_is_empty {
        said.push_str("\nSomebody reads still, so the log is emptied later.");
    }
    let mut document = json!(done);
    document["freed_bytes"] = freed.into();
    out.done(&document, &said)
}

/// What there is to free: the pages that nothing uses. What lies between rows comes on top.
fn rehearse(globals: &Globals, out: Output) -> Result<(), Failure> {
    globals.look_after(|_| Ok(()))?;
    let desk = globals.open(out)?;
    let stats = desk.call("db.stats", json!({}))?;
    output::note("A rehearsal: nothing was changed.");
    let free = stats["free_bytes"].as_u64().unwrap_or_default();
    let document = json!({ "bytes_before": stats["file_bytes"], "freed_bytes": free });
    out.done(
        &document,
        &format!("At least {} would be freed.", size(free)),
    )
}
