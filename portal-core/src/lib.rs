//! Chat in rooms of four kinds, end-to-end encrypted, over one `SQLite` file.
//!
//! [`Portal`] is the only door. What can be done is one list, the [`catalogue`]: every entry is a struct in
//! [`ops`] for typed calls, and a name with JSON for everything else. What happens is a log of [`event`]s, read
//! by a [`Follower`]. [`upkeep`] looks after the file as a whole. [`e2ee`] is the client's side of the encryption
//! and knows nothing of the rest. "SPEC 4.3" and the like are rules of `docs/spec.md`.
//!
//! ```
//! use portal_core::{Actor, Options, Portal, ops};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("portal.db");
//! let portal = Portal::open(path, Options::default())?;
//! let mut events = portal.follow(None)?;
//!
//! // The host itself is the operator; whoever it acts for is judged by the rules.
//! let ada = portal.call(
//!     &Actor::operator(),
//!     ops::users::Create { username: "ada".parse()?, role: Default::default(), tier: None, days: None },
//! )?;
//! let refused = portal
//!     .call_json(
//!         &Actor::user(ada.user_id),
//!         "chat.create",
//!         r#"{"chat_type": "PRIVATE", "name": "Our corner"}"#,
//!     )
//!     .unwrap_err();
//! assert_eq!(refused.kind().code(), "ERR_PREMIUM_REQUIRED");
//!
//! let names: Vec<_> = events.poll(10)?.iter().map(|event| event.event.name()).collect();
//! assert_eq!(names, ["user:created"]);
//! portal.close();
//! # Ok(())
//! # }
//! ```

pub mod actor;
pub mod backend;
pub mod catalogue;
pub mod clock;
mod codes;
mod delivery;
pub mod e2ee;
pub mod error;
pub mod event;
mod follow;
mod keeper;
pub mod log;
pub mod matching;
pub mod model;
pub mod operation;
pub mod ops;
pub mod policy;
pub mod portal;
pub mod presence;
pub mod random;
pub mod reference;
mod replay;
mod request;
pub mod settings;
mod shared;
mod store;
pub mod upkeep;

pub use actor::Actor;
pub use delivery::Delivery;
pub use error::{Error, ErrorKind, Result};
pub use follow::{Follower, Position};
pub use keeper::{Keeper, Tended};
pub use portal::{Options, Portal};
pub use replay::{Missed, Rest};
pub use request::Request;
pub use store::Durability;
