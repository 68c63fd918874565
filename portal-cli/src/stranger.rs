//! `stranger`: anonymous users, and who of them is kept from being matched (SPEC 9.11).

use clap::Subcommand;
use serde_json::json;

use crate::desk::Desk;
use crate::exit::Failure;
use crate::input::Params;
use crate::table::Column;

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// List strangers by id
    List {
        /// Only strangers after this id
        #[arg(long, value_name = "ID")]
        after: Option<i64>,
        /// At most this many
        #[arg(long, value_name = "N")]
        limit: Option<u16>,
    },
    /// Keep a stranger from being matched; matches that there are stay
    Block {
        user: String,
        /// The stranger and staff see it
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Let a stranger be matched again
    Unblock { user: String },
}

const LIST: &[Column] = &[
    ("user_id", "id"),
    ("username", "username"),
    ("created_at", "created"),
    ("blocked", "blocked"),
    ("searching", "waits"),
    ("active_chats", "matches"),
];

pub(crate) fn run(verb: Verb, desk: &Desk) -> Result<(), Failure> {
    let out = desk.out;
    match verb {
        Verb::List { after, limit } => {
            let params = Params::new().maybe("after", after).maybe("limit", limit);
            out.rows(&desk.call("stranger.list", params)?, "strangers", LIST)
        }
        Verb::Block { user, reason } => {
            let params = Params::new()
                .with("user_id", desk.user(&user)?)
                .maybe("reason", reason);
            let reply = desk.call("stranger.block", params)?;
            out.done(&reply, "They are not matched any more.")
        }
        Verb::Unblock { user } => {
            let params = json!({ "user_id": desk.user(&user)? });
            let reply = desk.call("stranger.unblock", params)?;
            out.done(&reply, "They can be matched again.")
        }
    }
}
