//! `message`: messages as they are stored: ciphertext.

use clap::Subcommand;
use serde_json::json;

use crate::desk::Desk;
use crate::exit::Failure;
use crate::input::Params;
use crate::table::Column;

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// List a chat's messages, newest first
    List {
        chat: String,
        /// Only messages before this id
        #[arg(long, value_name = "ID")]
        before: Option<i64>,
        /// Only messages after this id
        #[arg(long, value_name = "ID")]
        after: Option<i64>,
        /// At most this many
        #[arg(long, value_name = "N")]
        limit: Option<u16>,
    },
    /// Delete messages by their ids; exits 7 if some of them were not there
    Delete {
        chat: String,
        #[arg(required = true, value_name = "ID")]
        ids: Vec<i64>,
    },
    /// Delete a chat's last messages
    DeleteLast { chat: String, count: u16 },
}

const LIST: &[Column] = &[
    ("id", "id"),
    ("created_at", "at"),
    ("sender.id", "user"),
    ("sender.username", "username"),
    ("kind", "kind"),
    ("code", "code"),
    ("epoch", "epoch"),
    ("content", "content"),
];

pub(crate) fn run(verb: Verb, desk: &Desk) -> Result<(), Failure> {
    let out = desk.out;
    match verb {
        Verb::List {
            chat,
            before,
            after,
            limit,
        } => {
            let params = Params::new()
                .with("chat_id", desk.chat(&chat)?)
                .maybe("before", before)
                .maybe("after", after)
                .maybe("limit", limit);
            out.rows(&desk.call("message.history", params)?, "messages", LIST)
        }
        Verb::Delete { chat, mut ids } => {
            ids.sort_unstable();
            ids.dedup();
            let chat = desk.chat(&chat)?;
            desk.confirm(&format!(
                "This deletes {} of chat {chat}.",
                count_of(ids.len())
            ))?;
            let asked = ids.len() as u64;
            let reply = desk.call("message.delete", json!({ "chat_id": chat, "ids": ids }))?;
            out.fields(&reply)?;
            match reply["deleted"].as_u64() {
                Some(deleted) if deleted < asked => {
                    let missing = asked - deleted;
                    Err(Failure::Partly(format!(
                        "{missing} of {asked} messages were not there"
                    )))
                }
                _ => Ok(()),
            }
        }
        Verb::DeleteLast { chat, count } => {
            let chat = desk.chat(&chat)?;
            desk.confirm(&format!(
                "This deletes the last {} of chat {chat}.",
                count_of(count.into())
            ))?;
            let params = json!({ "chat_id": chat, "count": count });
            out.fields(&desk.call("message.delete_last", params)?)
        }
    }
}

fn count_of(messages: usize) -> String {
    match messages {
        1 => "1 message".to_owned(),
        many => format!("{many} messages"),
    }
}
