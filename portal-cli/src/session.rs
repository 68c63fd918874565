//! `session`: signed-in devices.

use clap::Subcommand;
use serde_json::{Value, json};

use crate::batch;
use crate::desk::Desk;
use crate::exit::Failure;
use crate::input::Params;
use crate::table::{Column, number_of};

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Open a session for a user and print its token: it is shown once
    Create { user: String },
    /// List a user's sessions; without USER those of --as
    List { user: Option<String> },
    /// End a session, named by its suffix in the list, or all of a user's
    Destroy {
        user: String,
        #[arg(required_unless_present = "all")]
        suffix: Option<String>,
        /// Every session that there is
        #[arg(long, conflicts_with = "suffix")]
        all: bool,
    },
}

pub(crate) const LIST: &[Column] = &[
    ("suffix", "suffix"),
    ("created_at", "created"),
    ("expires_at", "expires"),
    ("client_ip", "address"),
    ("user_agent", "program"),
];

pub(crate) fn run(verb: Verb, desk: &Desk) -> Result<(), Failure> {
    let out = desk.out;
    match verb {
        Verb::Create { user } => {
            let params = json!({ "user_id": desk.user(&user)? });
            out.fields(&desk.call("session.create", params)?)
        }
        Verb::List { user } => {
            let user = user.map(|user| desk.user(&user)).transpose()?;
            let params = Params::new().maybe("user_id", user);
            out.rows(&desk.call("session.list", params)?, "sessions", LIST)
        }
        Verb::Destroy { user, suffix, .. } => {
            let id = desk.user(&user)?;
            match suffix {
                Some(suffix) => destroy(desk, id, &suffix),
                None => destroy_all(desk, id),
            }
        }
    }
}

/// What goes with a session.
const WHAT_GOES: &str =
    "connections close, keys go, and the chats that it was in move on to new ones";

fn destroy(desk: &Desk, user: i64, suffix: &str) -> Result<(), Failure> {
    let params = json!({ "user_id": user, "suffix": suffix });
    let reply = desk.destroy("session.destroy", params, |_| {
        Ok(format!(
            "This ends session {suffix} of user {user}: {WHAT_GOES}."
        ))
    })?;
    desk.out.done(&reply, "The session has ended.")
}

fn destroy_all(desk: &Desk, user: i64) -> Result<(), Failure> {
    let listed = desk.call("session.list", json!({ "user_id": user }))?;
    let sessions = listed["sessions"].as_array().into_iter().flatten();
    let suffixes: Vec<_> = sessions.map(|one| one["suffix"].clone()).collect();
    desk.confirm(&format!(
        "This ends {} of user {user}, each for itself: {WHAT_GOES}.",
        number_of(suffixes.len(), "session")
    ))?;
    let lines = batch::of("suffix", suffixes);
    let said = |_: &Value| "The session has ended.".to_owned();
    batch::run(desk, &lines, said, |line| {
        let params = json!({ "user_id": user, "suffix": line.get("suffix") });
        desk.call_one("session.destroy", params)
    })
}
