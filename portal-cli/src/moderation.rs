//! `mod`: moderation of a chat (SPEC 7).

use clap::{Args, Subcommand};

use crate::desk::Desk;
use crate::exit::Failure;
use crate::input::{Params, span};
use crate::table::Column;

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Put a user out of a chat; they may come back
    Kick {
        #[command(flatten)]
        whom: Whom,
        #[command(flatten)]
        why: Why,
    },
    /// Keep a user from sending in a chat; 5 minutes unless --for says otherwise
    Mute {
        #[command(flatten)]
        whom: Whom,
        #[command(flatten)]
        term: Term,
        #[command(flatten)]
        why: Why,
    },
    /// Let a user send again
    Unmute {
        #[command(flatten)]
        whom: Whom,
    },
    /// Put a user out of a chat and keep them out; until lifted unless --for says otherwise
    Ban {
        #[command(flatten)]
        whom: Whom,
        #[command(flatten)]
        term: Term,
        #[command(flatten)]
        why: Why,
    },
    /// Let a user come back
    Unban {
        #[command(flatten)]
        whom: Whom,
    },
    /// List who came, left, was kicked and was banned
    Activity {
        chat: String,
        /// Only rows before this one
        #[arg(long, value_name = "ID")]
        before: Option<i64>,
        /// At most this many
        #[arg(long, value_name = "N")]
        limit: Option<u16>,
    },
}

/// On whom, and where.
#[derive(Debug, Args)]
pub(crate) struct Whom {
    chat: String,
    user: String,
}

/// Why; the target and staff see it.
#[derive(Debug, Args)]
pub(crate) struct Why {
    /// The target and staff see it
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// For how long.
#[derive(Debug, Args)]
pub(crate) struct Term {
    /// 90s, 15m, 12h, 7d; 0 is without end
    #[arg(long = "for", value_name = "SPAN", value_parser = span)]
    span: Option<u64>,
}

const ACTIVITY: &[Column] = &[
    ("id", "id"),
    ("at", "at"),
    ("user_id", "user"),
    ("username", "username"),
    ("kind", "what"),
    ("method", "how"),
];

pub(crate) fn run(verb: Verb, desk: &Desk) -> Result<(), Failure> {
    let none = (None, None);
    let (operation, whom, (span, reason), done) = match verb {
        Verb::Kick { whom, why } => ("mod.kick", whom, (None, why.reason), "They are out."),
        Verb::Mute { whom, term, why } => {
            ("mod.mute", whom, (term.span, why.reason), "They are muted.")
        }
        Verb::Unmute { whom } => ("mod.unmute", whom, none, "They are not muted."),
        Verb::Ban { whom, term, why } => {
            ("mod.ban", whom, (term.span, why.reason), "They are banned.")
        }
        Verb::Unban { whom } => ("mod.unban", whom, none, "They are not banned."),
        Verb::Activity {
            chat,
            before,
            limit,
        } => {
            let params = Params::new()
                .with("chat_id", desk.chat(&chat)?)
                .maybe("before", before)
                .maybe("limit", limit);
            return desk
                .out
                .rows(&desk.call("activity.list", params)?, "rows", ACTIVITY);
        }
    };
    let params = Params::new()
        .with("chat_id", desk.chat(&whom.chat)?)
        .with("user_id", desk.user(&whom.user)?)
        .maybe("duration_seconds", span)
        .maybe("reason", reason);
    desk.out.done(&desk.call(operation, params)?, done)
}
