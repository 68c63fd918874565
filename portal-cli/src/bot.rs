//! `bot`: programs that let people in from other platforms (SPEC 2.5).

use clap::Subcommand;
use serde_json::json;

use crate::desk::Desk;
use crate::exit::Failure;
use crate::table::Column;

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Add a bot and print its API key: it is shown once
    Add {
        /// Where it lets people in from, such as telegram
        platform: String,
        /// For staff
        name: String,
    },
    /// List the bots by id
    List,
    /// Replace a bot's API key and print the new one: it is shown once
    Rotate {
        #[arg(value_name = "ID")]
        bot: i64,
    },
    /// Remove a bot; for good
    Remove {
        #[arg(value_name = "ID")]
        bot: i64,
    },
}

const LIST: &[Column] = &[
    ("bot_id", "id"),
    ("platform", "platform"),
    ("name", "name"),
    ("created_at", "created"),
    ("rotated_at", "key replaced"),
];

pub(crate) fn run(verb: Verb, desk: &Desk) -> Result<(), Failure> {
    let out = desk.out;
    match verb {
        Verb::Add { platform, name } => {
            let params = json!({ "platform": platform, "name": name });
            out.fields(&desk.call("bot.add", params)?)
        }
        Verb::List => out.rows(&desk.call("bot.list", json!({}))?, "bots", LIST),
        Verb::Rotate { bot } => out.fields(&desk.call("bot.rotate", json!({ "bot_id": bot }))?),
        Verb::Remove { bot } => {
            let reply = desk.destroy("bot.remove", json!({ "bot_id": bot }), |_| {
                Ok(format!(
                    "This removes bot {bot}: its key opens nothing any more. Whom it let in keep their accounts."
                ))
            })?;
            out.done(&reply, "The bot is removed.")
        }
    }
}
