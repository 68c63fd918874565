//! `browser`: chats' shared browsers (SPEC 11), on the file of a running server that runs some.

use clap::Subcommand;
use portal_core::{Error, ErrorKind};
use serde_json::json;

use crate::desk::Desk;
use crate::exit::Failure;
use crate::input::Params;
use crate::output::note;
use crate::table::Column;

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// List the chats with a browser: how far it is, who has control, how many people are there
    List {
        /// Only chats after this id
        #[arg(long, value_name = "ID")]
        after: Option<i64>,
        /// At most this many
        #[arg(long, value_name = "N")]
        limit: Option<u16>,
    },
    /// Ask for a chat's browser to run; the list says what came of it
    Start { chat: String },
    /// End a chat's browser; the chat and everybody in it stay
    Stop { chat: String },
}

const LIST: &[Column] = &[
    ("chat_id", "chat"),
    ("chat_name", "name"),
    ("chat_type", "type"),
    ("browser", "browser"),
    ("state", "state"),
    ("reason", "why"),
    ("since", "since"),
    ("holder_name", "control"),
    ("people", "people"),
    ("run", "run"),
];

const NOT_RUN: &str =
    "No server that runs browsers (`browsers = \"neko\"` in its settings) has this file open.";

/// An operator has no "this server", but a file.
fn explained(failure: Failure) -> Failure {
    match failure {
        Failure::Error(error) if error.kind() == ErrorKind::BrowserUnavailable => {
            Error::with_message(ErrorKind::BrowserUnavailable, NOT_RUN).into()
        }
        other => other,
    }
}

pub(crate) fn run(verb: Verb, desk: &Desk) -> Result<(), Failure> {
    let out = desk.out;
    match verb {
        Verb::List { after, limit } => {
            let params = Params::new().maybe("after", after).maybe("limit", limit);
            let reply = desk.call("browser.list", params)?;
            if reply["are_run"] == false {
                note(NOT_RUN);
            }
            out.rows(&reply, "browsers", LIST)
        }
        Verb::Start { chat } => {
            let params = json!({ "chat_id": desk.chat(&chat)? });
            let reply = desk.call("browser.start", params).map_err(explained)?;
            out.done(
                &reply,
                "It is asked for: `browser list` says what came of it.",
            )
        }
        Verb::Stop { chat } => {
            let params = json!({ "chat_id": desk.chat(&chat)? });
            let reply = desk.call("browser.stop", params).map_err(explained)?;
            out.done(&reply, "It ends; the chat goes on.")
        }
    }
}
