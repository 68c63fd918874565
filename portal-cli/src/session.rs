//! `session`: signed-in devices.

use clap::Subcommand;
use serde_json::json;

use crate::desk::Desk;
use crate::exit::Failure;
use crate::input::Params;
use crate::table::Column;

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Open a session for a user and print its token: it is shown once
    Create { user: String },
    /// List a user's sessions; without USER those of --as
    List { user: Option<String> },
    /// End a session, named by its suffix in the list
    Destroy { user: String, suffix: String },
}

const LIST: &[Column] = &[
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
        Verb::Destroy { user, suffix } => {
            let id = desk.user(&user)?;
            desk.confirm(&format!(
                "This ends session {suffix} of user {id}: its connections close, its keys go, and the chats it was in move on to new ones."
            ))?;
            let params = json!({ "user_id": id, "suffix": suffix });
            out.done(
                &desk.call("session.destroy", params)?,
                "The session has ended.",
            )
        }
    }
}
