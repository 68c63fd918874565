//! `match`: who waits for a match and who is matched, and the matcher itself (SPEC 9).
//!
//! This program keeps no presence: whom it acts for need not be connected anywhere. A server that keeps it
//! gives them a minute to come once they are matched (SPEC 9.9).

use clap::Subcommand;
use serde_json::{Value, json};

use crate::desk::Desk;
use crate::exit::Failure;
use crate::input::Params;
use crate::live::{self, Pace};
use crate::table::{self, Column};

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Show whether a user waits for a match, and their matches
    Status {
        /// Whose; not needed with --as, which shows that user's own
        user: Option<String>,
    },
    /// Have --as matched with somebody who shares an interest, or wait for one
    Enqueue {
        /// 1 to 3 different ones, each of 3 to 12 small letters or digits
        #[arg(required = true, value_name = "INTEREST")]
        interests: Vec<String>,
    },
    /// Take --as out of the queues; matches that there are stay
    Dequeue,
    /// End a match of --as, for both: its DIRECT chat is destroyed at once
    Leave {
        /// The DIRECT chat, by its id; not needed where there is one match
        chat: Option<String>,
    },
    /// Show how the matcher does, and how many wait for which interest
    Stats {
        /// At most this many interests
        #[arg(long, value_name = "N")]
        limit: Option<u16>,
    },
    /// Show again and again how the matcher does, until Ctrl-C
    Watch {
        /// At most this many interests
        #[arg(long, value_name = "N")]
        limit: Option<u16>,
        #[command(flatten)]
        pace: Pace,
    },
    /// Match nobody until it is resumed; people can still ask, and wait
    Pause,
    /// Let the matcher go on; a running server matches those who wait
    Resume,
}

pub(crate) const MATCHES: &[Column] = &[
    ("chat_id", "chat"),
    ("peer.id", "user"),
    ("peer.name", "username"),
    ("peer.country_code", "country"),
    ("interests", "interests"),
    ("expires_at", "until"),
    ("peer_grace_until", "away until"),
];

const WAITING: &[Column] = &[("interest", "interest"), ("waiting", "waiting")];

pub(crate) fn run(verb: Verb, desk: &Desk) -> Result<(), Failure> {
    let out = desk.out;
    match verb {
        Verb::Status { user } => {
            let user = user.map(|user| desk.user(&user)).transpose()?;
            let params = Params::new().maybe("user_id", user);
            out.fields_and_rows(desk.call("match.status", params)?, "chats", MATCHES)
        }
        Verb::Enqueue { interests } => enqueue(desk, &interests),
        Verb::Dequeue => {
            let reply = desk.call("match.dequeue", json!({}))?;
            out.done(&reply, "They do not wait for a match.")
        }
        Verb::Leave { chat } => leave(desk, chat.as_deref()),
        Verb::Stats { limit } => {
            let params = Params::new().maybe("limit", limit);
            out.fields_and_rows(desk.call("match.stats", params)?, "interests", WAITING)
        }
        Verb::Watch { limit, pace } => {
            let params: Value = Params::new().maybe("limit", limit).into();
            live::watch(
                out,
                pace,
                || desk.call("match.stats", params.clone()),
                |stats| out.fields_and_rows(stats, "interests", WAITING),
            )
        }
        Verb::Pause => {
            let reply = desk.call("match.pause", json!({}))?;
            out.done(&reply, "Nobody is matched until the matcher is resumed.")
        }
        Verb::Resume => {
            let reply = desk.call("match.resume", json!({}))?;
            out.done(&reply, "The matcher goes on.")
        }
    }
}

fn enqueue(desk: &Desk, interests: &[String]) -> Result<(), Failure> {
    let mut reply = desk.call("match.enqueue", json!({ "interests": interests }))?;
    if desk.out.is_json() || reply["chat"].is_null() {
        return desk.out.fields(&reply);
    }
    // A match is shown as `match status` shows it.
    let fields = reply
        .as_object_mut()
        .ok_or_else(|| Failure::unexpected("chat"))?;
    let found = fields.remove("chat");
    fields.insert("chats".to_owned(), found.into_iter().collect());
    desk.out.fields_and_rows(reply, "chats", MATCHES)
}

fn leave(desk: &Desk, chat: Option<&str>) -> Result<(), Failure> {
    let chat = chat.map(|chat| desk.chat(chat)).transpose()?;
    let params = Params::new().maybe("chat_id", chat).into();
    // What is refused is refused before anybody is asked, and what is asked about is what goes.
    let leaving = desk.rehearse("match.leave", &params)?["chat_id"].take();
    let status = desk.call("match.status", json!({}))?;
    let matches = status["chats"].as_array().into_iter().flatten();
    let peer = matches
        .filter(|direct| direct["chat_id"] == leaving)
        .map(|direct| table::at(direct, "peer.name"))
        .next();
    desk.confirm(&format!(
        "This ends the match with {}: DIRECT chat {} is destroyed for both, with its messages and keys.",
        peer.unwrap_or_else(|| table::text(&Value::Null)),
        table::text(&leaving),
    ))?;
    let reply = desk.call("match.leave", json!({ "chat_id": leaving }))?;
    desk.out.done(&reply, "The match is over.")
}
