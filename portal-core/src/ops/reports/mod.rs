//! Reports of messages (SPEC 7.6): the table `report`.
//!
//! Staff read what somebody wrote here and nowhere else, and only what a disclosure proved (e2ee-bytes.md 6).
//! The surprise: a row refers to nothing. It repeats what there is to know of the chat and the message,
//! because it outlives both, and the people too.

mod create;
mod export;
mod list;
#[cfg(test)]
mod plans;
mod resolve;
mod retention;

pub use create::{Create, Created};
pub use export::ReportMade;
pub(crate) use export::export_of;
pub use list::{Get, List, Report, ReportPage, ReportRow};
pub use resolve::Resolve;
pub(crate) use retention::{prunable, prune};
