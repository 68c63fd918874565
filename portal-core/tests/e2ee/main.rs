//! The end-to-end encryption from outside, through its public door only.
//!
//! One program rather than one for each file, so that it is linked once.

mod blobs;
mod differential;
mod envelope;
mod keys;
mod messages;
mod rfc9180;
mod support;
mod vectors;
mod wycheproof;
