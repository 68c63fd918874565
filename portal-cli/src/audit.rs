//! `audit`: who did what to whom (SPEC 7.8).

use clap::Subcommand;

use crate::desk::Desk;
use crate::exit::Failure;
use crate::input::Params;
use crate::table::Column;

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// List acts, newest first
    List {
        /// Only this act, such as chat.destroy
        #[arg(long)]
        action: Option<String>,
        /// Only what was done to this chat
        #[arg(long)]
        chat: Option<String>,
        /// Only what was done to this user
        #[arg(long, value_name = "USER")]
        target: Option<String>,
        /// Only what this user did
        #[arg(long, value_name = "USER")]
        by: Option<String>,
        /// Only rows before this one
        #[arg(long, value_name = "ID")]
        before: Option<i64>,
        /// At most this many
        #[arg(long, value_name = "N")]
        limit: Option<u16>,
    },
}

const LIST: &[Column] = &[
    ("id", "id"),
    ("at", "at"),
    ("actor", "actor"),
    ("user_id", "user"),
    ("os_user", "os user"),
    ("action", "action"),
    ("chat_id", "chat"),
    ("target", "target"),
    ("details", "details"),
];

pub(crate) fn run(verb: Verb, desk: &Desk) -> Result<(), Failure> {
    let Verb::List {
        action,
        chat,
        target,
        by,
        before,
        limit,
    } = verb;
    let params = Params::new()
        .maybe("action", action)
        .maybe("chat_id", chat.map(|chat| desk.chat(&chat)).transpose()?)
        .maybe("target", target.map(|user| desk.user(&user)).transpose()?)
        .maybe("user_id", by.map(|user| desk.user(&user)).transpose()?)
        .maybe("before", before)
        .maybe("limit", limit);
    desk.out
        .rows(&desk.call("audit.list", params)?, "rows", LIST)
}
