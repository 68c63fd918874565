//! The verbs: what each operation and query does, a file per area. A table belongs to one file here;
//! others ask that file.

pub mod accounts;
pub mod activity;
pub mod audit;
pub mod blocks;
pub mod bots;
pub mod browser;
pub mod chats;
pub mod check;
pub mod deletion;
pub mod directory;
pub mod epochs;
pub mod events;
pub mod export;
pub mod housekeeping;
pub mod identities;
pub mod invites;
pub mod keys;
pub mod limits;
pub mod login_codes;
pub mod matching;
pub mod members;
pub mod messages;
pub mod moderation;
pub mod profiles;
pub mod punishments;
pub mod repair;
pub mod reports;
pub(crate) mod restored;
pub mod roles;
pub mod rooms;
mod seats;
pub mod sessions;
pub mod settings;
pub mod signups;
pub mod stats;
pub mod strangers;
pub mod tiers;
pub mod users;

use crate::error::{Error, Result};
use crate::policy::ActingAs;

/// A page's size: what was asked for, or the default.
pub(crate) fn page_size(asked: Option<u16>, default: u16, max: u16) -> Result<usize> {
    let size = asked.unwrap_or(default);
    if (1..=max).contains(&size) {
        Ok(usize::from(size))
    } else {
        Err(Error::invalid("limit", format!("limit is 1 to {max}")))
    }
}

/// Who acted, as rows keep it beside what they did: a person's id, `bot`, `operator` or `system`.
pub(crate) fn actor_word(actor: &ActingAs) -> String {
    match actor {
        ActingAs::Person(person) => person.id.to_string(),
        ActingAs::Bot(_) => "bot".to_owned(),
        ActingAs::Operator => "operator".to_owned(),
        ActingAs::System | ActingAs::Guest => "system".to_owned(),
    }
}
