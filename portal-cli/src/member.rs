//! `member`: who belongs to a chat (SPEC 3.2a).

use clap::Subcommand;
use serde_json::{Value, json};

use crate::desk::Desk;
use crate::exit::Failure;
use crate::input::Params;
use crate::output;
use crate::table::Column;

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// List a chat's owner and members
    List {
        chat: String,
        /// Only members after this user id
        #[arg(long, value_name = "ID")]
        after: Option<i64>,
        /// At most this many
        #[arg(long, value_name = "N")]
        limit: Option<u16>,
    },
    /// Make a user a member, without an invite
    Add { chat: String, user: String },
    /// End a user's membership; they may come back
    Remove { chat: String, user: String },
}

const LIST: &[Column] = &[
    ("user_id", "user"),
    ("username", "username"),
    ("role", "role"),
    ("owner", "owner"),
    ("joined_at", "joined"),
];

pub(crate) fn run(verb: Verb, desk: &Desk) -> Result<(), Failure> {
    let out = desk.out;
    match verb {
        Verb::List { chat, after, limit } => {
            let params = Params::new()
                .with("chat_id", desk.chat(&chat)?)
                .maybe("after", after)
                .maybe("limit", limit);
            let reply = desk.call("member.list", params)?;
            if out.is_json() {
                return output::document(&reply);
            }
            out.rows(&with_owner_first(&reply), "members", LIST)
        }
        Verb::Add { chat, user } => {
            let params = json!({ "chat_id": desk.chat(&chat)?, "user_id": desk.user(&user)? });
            let reply = desk.call("member.add", params)?;
            let was = reply["added"] == false;
            out.done(
                &reply,
                if was {
                    "They belong to the chat already."
                } else {
                    "They belong to the chat now."
                },
            )
        }
        Verb::Remove { chat, user } => {
            let params = json!({ "chat_id": desk.chat(&chat)?, "user_id": desk.user(&user)? });
            let reply = desk.call("member.remove", params)?;
            let was = reply["removed"] == false;
            out.done(
                &reply,
                if was {
                    "They did not belong to the chat."
                } else {
                    "They belong to the chat no more."
                },
            )
        }
    }
}

/// One list of people, for people.
fn with_owner_first(reply: &Value) -> Value {
    let owner = reply["owner"].is_object().then(|| &reply["owner"]);
    let members = reply["members"].as_array().into_iter().flatten();
    let rows: Vec<Value> = owner
        .map(|owner| (owner, true))
        .into_iter()
        .chain(members.map(|member| (member, false)))
        .map(|(person, owns)| {
            let mut row = person.clone();
            row["owner"] = owns.into();
            row
        })
        .collect();
    json!({ "members": rows })
}
