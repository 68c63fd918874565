//! `audit`: who did what to whom (SPEC 7.8).

use clap::{Args, Subcommand, ValueEnum};
use serde_json::Value;

use crate::desk::Desk;
use crate::exit::Failure;
use crate::input::{Params, moment};
use crate::table::{self, Column};

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// List acts, newest first
    List(Wanted),
}

/// Which acts.
#[derive(Debug, Args)]
pub(crate) struct Wanted {
    /// Only this act, such as chat.destroy; chat. is all acts of that area
    #[arg(long)]
    action: Option<String>,
    /// Only what was done to this chat
    #[arg(long)]
    chat: Option<String>,
    /// Only what was done to this user
    #[arg(long, value_name = "USER")]
    target: Option<String>,
    /// Only what this user did
    #[arg(long, value_name = "USER")]
    by: Option<String>,
    /// Only what this kind of actor did
    #[arg(long, value_enum, value_name = "KIND")]
    actor: Option<ActorKind>,
    /// Only what was done at this machine under this name
    #[arg(long, value_name = "NAME")]
    os_user: Option<String>,
    /// Only what was done then or later: 2026-12-24T18:00:00Z
    #[arg(long, value_name = "TIME", value_parser = moment)]
    from: Option<i64>,
    /// Only what was done before then
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<i64>,
    /// Only rows before this one
    #[arg(long, value_name = "ID")]
    before: Option<i64>,
    /// At most this many
    #[arg(long, value_name = "N")]
    limit: Option<u16>,
}

/// Who can have done something.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum ActorKind {
    Guest,
    User,
    Bot,
    Operator,
    System,
}

const LIST: &[Column] = &[
    ("id", "id"),
    ("at", "at"),
    ("actor", "actor"),
    ("by", "by"),
    ("os_user", "os user"),
    ("action", "action"),
    ("chat_id", "chat"),
    ("whom", "target"),
    ("details", "details"),
];

pub(crate) fn run(verb: Verb, desk: &Desk) -> Result<(), Failure> {
    let Verb::List(wanted) = verb;
    let user = |named: Option<String>| named.map(|user| desk.user(&user)).transpose();
    let chat = wanted.chat.map(|chat| desk.chat(&chat)).transpose()?;
    let params = Params::new()
        .maybe("action", wanted.action)
        .maybe("chat_id", chat)
        .maybe("target", user(wanted.target)?)
        .maybe("user_id", user(wanted.by)?)
        .maybe("actor", wanted.actor.map(crate::user::word))
        .maybe("os_user", wanted.os_user)
        .maybe("from", wanted.from)
        .maybe("until", wanted.until)
        .maybe("before", wanted.before)
        .maybe("limit", wanted.limit);
    let mut page = desk.call("audit.list", params)?;
    if !desk.out.is_json() {
        for row in page["rows"].as_array_mut().into_iter().flatten() {
            row["by"] = called(row, "username", "user_id");
            row["whom"] = called(row, "target_username", "target");
        }
    }
    desk.out.rows(&page, "rows", LIST)
}

/// The name of a person; the number of one who is gone.
fn called(row: &Value, name: &str, id: &str) -> Value {
    match (&row[name], &row[id]) {
        (Value::Null, Value::Null) => Value::Null,
        (Value::Null, id) => table::text(id).into(),
        (name, _) => name.clone(),
    }
}
