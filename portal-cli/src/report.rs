//! `report`: messages that people reported (SPEC 7.6). To report one takes the reader's key, so it has no
//! verb here.

use clap::{Subcommand, ValueEnum};
use serde_json::json;

use crate::desk::Desk;
use crate::exit::Failure;
use crate::input::Params;
use crate::table::Column;
use crate::user::word;

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// List reports, newest first
    List {
        /// Only those in this state
        #[arg(long, value_enum)]
        state: Option<State>,
        /// Only those of this chat's messages; one that is gone, by its id
        #[arg(long)]
        chat: Option<String>,
        /// Only those of this user's messages; one that is gone, by their id
        #[arg(long)]
        user: Option<String>,
        /// Only those that this user made; one who is gone, by their id
        #[arg(long, value_name = "USER")]
        by: Option<String>,
        /// Only reports before this one
        #[arg(long, value_name = "ID")]
        before: Option<i64>,
        /// At most this many
        #[arg(long, value_name = "N")]
        limit: Option<u16>,
    },
    /// Show a report, with what the message says if that was proven
    Show {
        #[arg(value_name = "ID")]
        report: i64,
    },
    /// Say what becomes of a report
    Resolve {
        #[arg(value_name = "ID")]
        report: i64,
        /// Somebody is reviewing it, or it is settled: something was done about it, or nothing was to be done
        #[arg(value_enum)]
        state: Handled,
        /// What there is to remember; staff see it
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
    },
}

/// The states of a report.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum State {
    Open,
    Reviewing,
    Actioned,
    Dismissed,
}

/// Those that somebody puts it into.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Handled {
    Reviewing,
    Actioned,
    Dismissed,
}

pub(crate) const LIST: &[Column] = &[
    ("id", "id"),
    ("at", "at"),
    ("state", "state"),
    ("verified", "verified"),
    ("chat_id", "chat"),
    ("chat_type", "type"),
    ("message_id", "message"),
    ("sender_id", "user"),
    ("sender_username", "username"),
    ("reporter_username", "reported by"),
    ("reason", "reason"),
];

pub(crate) fn run(verb: Verb, desk: &Desk) -> Result<(), Failure> {
    let out = desk.out;
    match verb {
        Verb::List {
            state,
            chat,
            user,
            by,
            before,
            limit,
        } => {
            let params = Params::new()
                .maybe("state", state.map(word))
                .maybe("chat_id", chat.map(|chat| desk.chat(&chat)).transpose()?)
                .maybe("user_id", user.map(|user| desk.user(&user)).transpose()?)
                .maybe("reporter_id", by.map(|user| desk.user(&user)).transpose()?)
                .maybe("before", before)
                .maybe("limit", limit);
            out.rows(&desk.call("report.list", params)?, "rows", LIST)
        }
        Verb::Show { report } => {
            out.fields(&desk.call("report.get", json!({ "report_id": report }))?)
        }
        Verb::Resolve {
            report,
            state,
            note,
        } => {
            let params = Params::new()
                .with("report_id", report)
                .with("state", word(state))
                .maybe("note", note);
            let reply = desk.call("report.resolve", params)?;
            out.done(&reply, "The report is as asked for.")
        }
    }
}
