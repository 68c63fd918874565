//! What the load drivers share.

#![allow(dead_code, unused_imports, reason = "each driver uses its part")]

mod http;
mod people;
mod process;
mod socket;

pub(crate) use http::Http;
pub(crate) use people::{Operator, Person, number};
pub(crate) use process::Usage;
pub(crate) use socket::{Client, frame_into};

/// The rows of a driver's report are made of these.
pub(crate) fn millis(duration: std::time::Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
