//! `mod`: looking after people, in a chat and everywhere (SPEC 7).

use std::collections::BTreeSet;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::batch::{self, Line};
use crate::desk::Desk;
use crate::exit::Failure;
use crate::input::{Params, span};
use crate::people::{Chosen, People};
use crate::table::{Column, number_of};

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

/// What is answered with "done", and done to many as to one.
#[derive(Debug, Subcommand)]
pub(crate) enum Act {
    /// Put users out of a chat; they may come back
    Kick {
        chat: String,
        #[command(flatten)]
        people: People,
        #[command(flatten)]
        why: Why,
    },
    /// Keep users from sending in a chat; 5 minutes unless --for says otherwise
    Mute {
        chat: String,
        #[command(flatten)]
        people: People,
        #[command(flatten)]
        term: Term,
        #[command(flatten)]
        why: Why,
    },
    /// Let users send again
    Unmute {
        chat: String,
        #[command(flatten)]
        people: People,
    },
    /// Put users out of a chat and keep them out; until lifted unless --for says otherwise
    Ban {
        chat: String,
        #[command(flatten)]
        people: People,
        #[command(flatten)]
        term: Term,
        #[command(flatten)]
        why: Why,
    },
    /// Let users come back
    Unban {
        chat: String,
        #[command(flatten)]
        people: People,
    },
    /// Keep users from sending anywhere; 5 minutes unless --for says otherwise
    HardMute {
        #[command(flatten)]
        people: People,
        #[command(flatten)]
        term: Term,
        #[command(flatten)]
        why: Why,
    },
    /// Let users send again where no chat's own mute holds
    HardUnmute {
        #[command(flatten)]
        people: People,
    },
    /// Keep users out for a while: sessions and DIRECT chats end
    Timeout {
        #[command(flatten)]
        people: People,
        /// 90s, 15m, 12h, 7d
        #[arg(long = "for", value_name = "SPAN", value_parser = span)]
        span: u64,
        #[command(flatten)]
        why: Why,
        /// Where it came to it, for the audit log
        #[arg(long)]
        chat: Option<String>,
    },
    /// Let users come back before the end of a timeout
    LiftTimeout {
        #[command(flatten)]
        people: People,
    },
    /// Keep users out until lifted, or --for: as a timeout does
    PlatformBan {
        #[command(flatten)]
        people: People,
        #[command(flatten)]
        term: Term,
        #[command(flatten)]
        why: Why,
    },
    /// Let users back in
    PlatformUnban {
        #[command(flatten)]
        people: People,
    },
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

pub(crate) const PUNISHMENTS: &[Column] = &[
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

pub(crate) const ACTIVITY: &[Column] = &[
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

impl Act {
    /// The operation, and what is said once it is done.
    fn words(&self) -> (&'static str, &'static str) {
        match self {
            Act::Kick { .. } => ("mod.kick", "They are out."),
            Act::Mute { .. } => ("mod.mute", "They are muted."),
            Act::Unmute { .. } => ("mod.unmute", "They are not muted."),
            Act::Ban { .. } => ("mod.ban", "They are banned."),
            Act::Unban { .. } => ("mod.unban", "They are not banned."),
            Act::HardMute { .. } => ("mod.hard_mute", "They are muted everywhere."),
            Act::HardUnmute { .. } => ("mod.hard_unmute", "No mute of theirs holds everywhere."),
            Act::Timeout { .. } => ("mod.timeout", "They are timed out."),
            Act::LiftTimeout { .. } => ("mod.lift_timeout", "They are not timed out."),
            Act::PlatformBan { .. } => ("mod.platform_ban", "They are banned from the platform."),
            Act::PlatformUnban { .. } => (
                "mod.platform_unban",
                "They are not banned from the platform.",
            ),
        }
    }

    /// Whether sessions and DIRECT chats go with it.
    fn shuts_out(&self) -> bool {
        matches!(self, Act::Timeout { .. } | Act::PlatformBan { .. })
    }

    fn parts(self) -> Parts {
        let parts = |chat, people, span, why: Option<Why>, columns| Parts {
            chat,
            people,
            span,
            reason: why.and_then(|why| why.reason),
            columns,
        };
        let with_term: &[&str] = &["user", "reason", "for"];
        match self {
            Act::Kick { chat, people, why } => {
                parts(Some(chat), people, None, Some(why), &["user", "reason"])
            }
            Act::Mute {
                chat,
                people,
                term,
                why,
            }
            | Act::Ban {
                chat,
                people,
                term,
                why,
            } => parts(Some(chat), people, term.span, Some(why), with_term),
            Act::Unmute { chat, people } | Act::Unban { chat, people } => {
                parts(Some(chat), people, None, None, &["user"])
            }
            Act::HardMute { people, term, why } | Act::PlatformBan { people, term, why } => {
                parts(None, people, term.span, Some(why), with_term)
            }
            Act::Timeout {
                people,
                span,
                why,
                chat,
            } => parts(chat, people, Some(span), Some(why), with_term),
            Act::HardUnmute { people }
            | Act::LiftTimeout { people }
            | Act::PlatformUnban { people } => parts(None, people, None, None, &["user"]),
        }
    }
}

/// Where, on whom, for how long and why.
struct Parts {
    chat: Option<String>,
    people: People,
    span: Option<u64>,
    reason: Option<String>,
    /// What a list may say of each.
    columns: &'static [&'static str],
}

fn run_act(act: Act, desk: &Desk) -> Result<(), Failure> {
    let (operation, done) = act.words();
    let shuts_out = act.shuts_out();
    let parts = act.parts();
    let chat = parts.chat.map(|chat| desk.chat(&chat)).transpose()?;
    let fixed = Params::new()
        .maybe("chat_id", chat)
        .maybe("duration_seconds", parts.span)
        .maybe("reason", parts.reason)
        .into();
    match parts.people.chosen() {
        Chosen::One(user) => {
            let params = merged(&fixed, [("user_id", desk.user(&user)?.into())]);
            let reply = if shuts_out {
                desk.destroy(operation, params, |_| {
                    shutting_out(desk, std::slice::from_ref(&user))
                })?
            } else {
                desk.call(operation, params)?
            };
            desk.out.done(&reply, done)
        }
        Chosen::Listed(from) => {
            let lines = batch::read(&from, parts.columns)?;
            if shuts_out {
                let named: Vec<_> = lines.iter().filter_map(|line| line.text("user")).collect();
                desk.confirm(&shutting_out(desk, &named)?)?;
            }
            batch::run(
                desk,
                &lines,
                |_| done.to_owned(),
                |line| desk.call_one(operation, of_line(desk, &fixed, line)?),
            )
        }
    }
}

/// The parameters that a line comes to: what it says goes before what was said for all.
fn of_line(desk: &Desk, fixed: &Value, line: &Line) -> Result<Value, Failure> {
    let user = line.text("user").unwrap_or_default();
    let mut own = vec![("user_id", desk.user(&user)?.into())];
    own.extend(line.get("reason").map(|reason| ("reason", reason.clone())));
    if let Some(term) = line.text("for") {
        let seconds = span(&term).map_err(|why| Failure::usage("for", why))?;
        own.push(("duration_seconds", seconds.into()));
    }
    Ok(merged(fixed, own))
}

/// Parameters, and those of one person beside or instead of them.
fn merged(fixed: &Value, own: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    let mut params = fixed.clone();
    for (name, value) in own {
        params[name] = value;
    }
    params
}

/// Says what goes at once with whoever is shut out.
fn shutting_out(desk: &Desk, people: &[String]) -> Result<String, Failure> {
    let (mut sessions, mut directs, mut waiting) = (0, 0, 0);
    let mut found = BTreeSet::new();
    for user in people {
        // Whoever is not there is refused in their turn.
        let Ok(id) = desk.user(user) else { continue };
        if !found.insert(id) {
            continue;
        }
        let whose = json!({ "user_id": id });
        let held = desk.as_operator("session.list", &whose)?;
        sessions += held["sessions"].as_array().map_or(0, Vec::len);
        let matched = desk.as_operator("match.status", &whose)?;
        directs += matched["chats"].as_array().map_or(0, Vec::len);
        waiting += usize::from(matched["searching"] == true);
    }
    let who = match people {
        [only] => only.clone(),
        _ if found.len() == 1 => "1 person".to_owned(),
        _ => format!("{} people", found.len()),
    };
    Ok(format!(
        "This shuts out {who}: {} and {} with what was said there are over at once; {waiting} waiting for a match.",
        number_of(sessions, "session"),
        number_of(directs, "DIRECT chat"),
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
