//! Chat in rooms of four kinds, over one `SQLite` file.

pub mod actor;
pub mod catalogue;
pub mod clock;
mod codes;
mod delivery;
pub mod e2ee;
pub mod error;
pub mod event;
mod follow;
pub mod model;
pub mod operation;
pub mod ops;
pub mod policy;
pub mod portal;
pub mod presence;
pub mod random;
mod replay;
mod request;
pub mod settings;
mod shared;
mod store;

pub use actor::Actor;
pub use delivery::Delivery;
pub use error::{Error, ErrorKind, Result};
pub use follow::{Follower, Position};
pub use portal::{Options, Portal};
pub use request::Request;
pub use store::Durability;
