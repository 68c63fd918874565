//! `mod`: looking after people, in a chat and everywhere (SPEC 7).

use clap::{Args, Subcommand};

use crate::desk::Desk;
use crate::exit::Failure;
use crate::input::{Params, span};
use crate::table::Column;

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    #[command(flatten)]
    Act(Act),
    /// Warn a user; they are told why
    Warn {
        user: String,
        /// The target and staff see it
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// This chat reads that they were warned
        #[arg(long)]
        chat: Option<String>,
    },
    /// List what was done to a user, with the reasons
    Punishments {
        user: String,
        /// Only rows before this one
        #[arg(long, value_name = "ID")]
        before: Option<i64>,
        /// At most this many
        #[arg(long, value_name = "N")]
        limit: Option<u16>,
    },
    /// List who is muted in a chat or banned from it
    List {
        chat: String,
        /// Only rows before this one
        #[arg(long, value_name = "ID")]
        before: Option<i64>,
        /// At most this many
        #[arg(long, value_name = "N")]
        limit: Option<u16>,
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

/// What is answered with "done".
#[derive(Debug, Subcommand)]
pub(crate) enum Act {
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
    /// Keep a user from sending anywhere; 5 minutes unless --for says otherwise
    HardMute {
        user: String,
        #[command(flatten)]
        term: Term,
        #[command(flatten)]
        why: Why,
    },
    /// Let a user send again where no chat's own mute holds
    HardUnmute { user: String },
    /// Keep a user out for a while: sessions and DIRECT chats end
    Timeout {
        user: String,
        /// 90s, 15m, 12h, 7d
        #[arg(long = "for", value_name = "SPAN", value_parser = span)]
        span: u64,
        #[command(flatten)]
        why: Why,
        /// Where it came to it, for the audit log
        #[arg(long)]
        chat: Option<String>,
    },
    /// Let a user come back before the end of a timeout
    LiftTimeout { user: String },
    /// Keep a user out until lifted, or --for: as a timeout does
    PlatformBan {
        user: String,
        #[command(flatten)]
        term: Term,
        #[command(flatten)]
        why: Why,
    },
    /// Let a user back in
    PlatformUnban { user: String },
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

const PUNISHMENTS: &[Column] = &[
    ("id", "id"),
    ("at", "at"),
    ("kind", "what"),
    ("chat_id", "chat"),
    ("until", "until"),
    ("lifted_at", "lifted"),
    ("holds", "holds"),
    ("reason", "reason"),
];

const HELD_BACK: &[Column] = &[
    ("id", "id"),
    ("at", "at"),
    ("kind", "what"),
    ("user_id", "user"),
    ("username", "username"),
    ("until", "until"),
    ("reason", "reason"),
];

const ACTIVITY: &[Column] = &[
    ("id", "id"),
    ("at", "at"),
    ("user_id", "user"),
    ("username", "username"),
    ("kind", "what"),
    ("method", "how"),
];

pub(crate) fn run(verb: Verb, desk: &Desk) -> Result<(), Failure> {
    match verb {
        Verb::Act(act) => run_act(act, desk),
        Verb::Warn { user, reason, chat } => {
            let chat = chat.map(|chat| desk.chat(&chat)).transpose()?;
            let params = on(desk, &user)?
                .with("reason", reason)
                .maybe("chat_id", chat);
            desk.out.fields(&desk.call("mod.warn", params)?)
        }
        Verb::Punishments {
            user,
            before,
            limit,
        } => {
            let params = on(desk, &user)?
                .maybe("before", before)
                .maybe("limit", limit);
            let page = desk.call("user.punishments", params)?;
            desk.out.rows(&page, "rows", PUNISHMENTS)
        }
        Verb::List {
            chat,
            before,
            limit,
        } => {
            let page = desk.call("mod.list", page_of(desk, &chat, before, limit)?)?;
            desk.out.rows(&page, "rows", HELD_BACK)
        }
        Verb::Activity {
            chat,
            before,
            limit,
        } => {
            let page = desk.call("activity.list", page_of(desk, &chat, before, limit)?)?;
            desk.out.rows(&page, "rows", ACTIVITY)
        }
    }
}

fn run_act(act: Act, desk: &Desk) -> Result<(), Failure> {
    let there = |whom: Whom| -> Result<Params, Failure> {
        let chat = desk.chat(&whom.chat)?;
        Ok(on(desk, &whom.user)?.with("chat_id", chat))
    };
    let why = |params: Params, why: Why| params.maybe("reason", why.reason);
    let span = |params: Params, term: Term| params.maybe("duration_seconds", term.span);
    let (operation, params, done) = match act {
        Act::Kick { whom, why: reason } => ("mod.kick", why(there(whom)?, reason), "They are out."),
        Act::Mute {
            whom,
            term,
            why: reason,
        } => {
            let params = why(span(there(whom)?, term), reason);
            ("mod.mute", params, "They are muted.")
        }
        Act::Unmute { whom } => ("mod.unmute", there(whom)?, "They are not muted."),
        Act::Ban {
            whom,
            term,
            why: reason,
        } => {
            let params = why(span(there(whom)?, term), reason);
            ("mod.ban", params, "They are banned.")
        }
        Act::Unban { whom } => ("mod.unban", there(whom)?, "They are not banned."),
        Act::HardMute {
            user,
            term,
            why: reason,
        } => {
            let params = why(span(on(desk, &user)?, term), reason);
            ("mod.hard_mute", params, "They are muted everywhere.")
        }
        Act::HardUnmute { user } => (
            "mod.hard_unmute",
            on(desk, &user)?,
            "No mute of theirs holds everywhere.",
        ),
        Act::Timeout {
            user,
            span,
            why: reason,
            chat,
        } => {
            let chat = chat.map(|chat| desk.chat(&chat)).transpose()?;
            confirm_shutting_out(desk, &user)?;
            let params = on(desk, &user)?
                .with("duration_seconds", span)
                .maybe("chat_id", chat);
            ("mod.timeout", why(params, reason), "They are timed out.")
        }
        Act::LiftTimeout { user } => (
            "mod.lift_timeout",
            on(desk, &user)?,
            "They are not timed out.",
        ),
        Act::PlatformBan {
            user,
            term,
            why: reason,
        } => {
            confirm_shutting_out(desk, &user)?;
            let params = why(span(on(desk, &user)?, term), reason);
            (
                "mod.platform_ban",
                params,
                "They are banned from the platform.",
            )
        }
        Act::PlatformUnban { user } => (
            "mod.platform_unban",
            on(desk, &user)?,
            "They are not banned from the platform.",
        ),
    };
    desk.out.done(&desk.call(operation, params)?, done)
}

/// Says what goes at once with whoever is shut out, and asks.
fn confirm_shutting_out(desk: &Desk, user: &str) -> Result<(), Failure> {
    desk.user(user)?;
    desk.confirm(&format!(
        "This ends every session of {user}, and destroys their DIRECT chats with what was said there."
    ))
}

fn page_of(
    desk: &Desk,
    chat: &str,
    before: Option<i64>,
    limit: Option<u16>,
) -> Result<Params, Failure> {
    let params = Params::new().with("chat_id", desk.chat(chat)?);
    Ok(params.maybe("before", before).maybe("limit", limit))
}

fn on(desk: &Desk, user: &str) -> Result<Params, Failure> {
    Ok(Params::new().with("user_id", desk.user(user)?))
}
