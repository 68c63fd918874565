//! `message`: messages as they are stored: ciphertext.

use clap::Subcommand;
use serde_json::{Value, json};

use crate::desk::Desk;
use crate::exit::Failure;
use crate::input::Params;
use crate::table::{Column, number_of};

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
    /// Delete what --as wrote in a chat
    DeleteMine {
        chat: String,
        /// Only these; else all
        #[arg(value_name = "ID")]
        ids: Vec<i64>,
    },
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
            let asked = ids.len() as u64;
            let params = json!({ "chat_id": chat, "ids": ids });
            let reply = delete(desk, "message.delete", params, chat)?;
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
            let params = json!({ "chat_id": chat, "count": count });
            delete(desk, "message.delete_last", params, chat).map(drop)
        }
        Verb::DeleteMine { chat, ids } => {
            let chat = desk.chat(&chat)?;
            let ids = (!ids.is_empty()).then_some(ids);
            let params = Params::new().with("chat_id", chat).maybe("ids", ids);
            delete(desk, "message.delete_mine", params.into(), chat).map(drop)
        }
    }
}

fn delete(desk: &Desk, operation: &str, params: Value, chat: i64) -> Result<Value, Failure> {
    let reply = desk.destroy(operation, params, |rehearsed| {
        let count = rehearsed["deleted"].as_u64().unwrap_or_default();
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let messages = number_of(count, "message");
        Ok(format!("This deletes {messages} of chat {chat}."))
    })?;
    desk.out.fields(&reply)?;
    Ok(reply)
}
