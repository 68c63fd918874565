//! The matcher (SPEC 9): who waits, who is matched with whom, and the two-person chats from birth to end.
//!
//! Whom to match is decided in [`crate::matching`]; here are the rows. Everything of a match is one
//! transaction: both leave the queues, the DIRECT chat is there, both are told. Where presence is kept, memory
//! follows by the `match:found` events and puts the connections of both into the room.
//!
//! | table | file |
//! |---|---|
//! | `match_entry`, `match_queue` | `queue` |
//! | `rematch_pause` | `pauses` |
//! | `match_wait` | `statistics` |
//!
//! The surprise: an entry whose end has passed counts as absent without any sweep, unless its person was there
//! all the time; a live connection is itself the sign of presence that prolongs it.

mod direct;
mod ending;
mod enqueue;
mod graces;
mod housekeeping;
mod pairing;
mod pauses;
#[cfg(test)]
mod plans;
mod queue;
mod statistics;
mod status;
mod switch;

pub(crate) use direct::found;
pub use direct::{Direct, Peer};
pub(crate) use ending::{Ending, end, end_all};
pub use ending::{Leave, LeftMatch};
pub use enqueue::{Dequeue, Dequeued, Enqueue, Enqueued};
pub(crate) use graces::{peer_is_away, peer_is_back};
pub(crate) use housekeeping::{begin_presence, tick};
pub use queue::StoredEntry;
pub(crate) use queue::{
    Withdrawal, export_of, is_gone, may_be_matched, slot_may_be_free, withdraw,
};
pub use statistics::{Statistics, Stats, TagCount};
pub use status::{MatchState, MatchStatus, Status};
pub use switch::{Pause, Resume};
