//! The server face of libportal: HTTP and Socket.IO over one library handle.
//!
//! What is here decides nothing about chats. It reads requests, finds out who is asking, hands
//! operations to the library and writes its answers back. [`run`] is all of it; the modules are public as
//! far as tests and other hosts have a use for them.

pub mod browser;
pub mod config;
mod engine;
mod errands;
pub mod http;
mod keeping;
pub mod limits;
mod metrics;
mod realtime;
mod server;
mod writer;

pub use config::Config;
pub use limits::Rates;
pub use realtime::EVENTS;
pub use server::{RunError, run};
