//! `member`: who belongs to a chat (SPEC 3.2a).

use clap::Subcommand;
use serde_json::{Value, json};

use crate::batch::{self, Line};
use crate::desk::Desk;
use crate::exit::Failure;
use crate::input::Params;
use crate::output;
use crate::people::{Chosen, People};
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
    /// Make users members, without an invite
    Add {
        chat: String,
        #[command(flatten)]
        people: People,
    },
    /// End users' membership; they may come back
    Remove {
        chat: String,
        #[command(flatten)]
        people: People,
    },
}

const LIST: &[Column] = &[
    ("user_id", "user"),
    ("username", "username"),
    ("role", "role"),
    ("owner", "owner"),
    ("joined_at", "joined"),
];

/// Members alone.
pub(crate) const MEMBERS: &[Column] = &[
    ("user_id", "user"),
    ("username", "username"),
    ("role", "role"),
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
        Verb::Add { chat, people } => {
            let said = |reply: &Value| {
                if reply["added"] == false {
                    "They belong to the chat already."
                } else {
                    "They belong to the chat now."
                }
            };
            change(desk, "member.add", &chat, people, said)
        }
        Verb::Remove { chat, people } => {
            let said = |reply: &Value| {
                if reply["removed"] == false {
                    "They did not belong to the chat."
                } else {
                    "They belong to the chat no more."
                }
            };
            change(desk, "member.remove", &chat, people, said)
        }
    }
}

fn change(
    desk: &Desk,
    operation: &str,
    chat: &str,
    people: People,
    said: impl Fn(&Value) -> &'static str,
) -> Result<(), Failure> {
    let chat = desk.chat(chat)?;
    let params = |user: &str| -> Result<Value, Failure> {
        Ok(json!({ "chat_id": chat, "user_id": desk.user(user)? }))
    };
    match people.chosen() {
        Chosen::One(user) => {
            let reply = desk.call(operation, params(&user)?)?;
            desk.out.done(&reply, said(&reply))
        }
        Chosen::Listed(from) => {
            let lines = batch::read(&from, &["user"])?;
            let said = |reply: &Value| said(reply).to_owned();
            batch::run(desk, &lines, said, |line: &Line| {
                let user = line.text("user").unwrap_or_default();
                desk.call_one(operation, params(&user)?)
            })
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
