//! `audit`: who did what to whom (SPEC 7.8).

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::Value;

use crate::desk::Desk;
use crate::exit::Failure;
use crate::input::{Params, moment};
use crate::live::Interrupt;
use crate::output;
use crate::table::{self, Column};

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// List acts, newest first; with --follow the oldest first, and those that come
    List {
        #[command(flatten)]
        wanted: Wanted,
        /// Wait for more, until Ctrl-C
        #[arg(long, short, conflicts_with = "before")]
        follow: bool,
        /// With --follow: stop after so many
        #[arg(long, value_name = "N", requires = "follow")]
        count: Option<u64>,
    },
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

pub(crate) const LIST: &[Column] = &[
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
    let Verb::List {
        wanted,
        follow,
        count,
    } = verb;
    let params = wanted.params(desk)?;
    if follow {
        return tail(desk, &params, count.unwrap_or(u64::MAX));
    }
    let mut page = desk.call("audit.list", params)?;
    if !desk.out.is_json() {
        name_people(Some(&mut page["rows"]));
    }
    desk.out.rows(&page, "rows", LIST)
}

impl Wanted {
    fn params(self, desk: &Desk) -> Result<Value, Failure> {
        let user = |named: Option<String>| named.map(|user| desk.user(&user)).transpose();
        let chat = self.chat.map(|chat| desk.chat(&chat)).transpose()?;
        Ok(Params::new()
            .maybe("action", self.action)
            .maybe("chat_id", chat)
            .maybe("target", user(self.target)?)
            .maybe("user_id", user(self.by)?)
            .maybe("actor", self.actor.map(crate::user::word))
            .maybe("os_user", self.os_user)
            .maybe("from", self.from)
            .maybe("until", self.until)
            .maybe("before", self.before)
            .maybe("limit", self.limit)
            .into())
    }
}

/// How often the log is looked at for more.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Prints the acts of a page in the order in which they were done, and then those that come.
fn tail(desk: &Desk, params: &Value, mut left: u64) -> Result<(), Failure> {
    let interrupt = Interrupt::listen()?;
    let first = desk.call("audit.list", params.clone())?["rows"].take();
    let mut rows = first.as_array().cloned().unwrap_or_default();
    let mut last = 0;
    loop {
        for row in rows.iter_mut().rev() {
            if left == 0 {
                return Ok(());
            }
            left -= 1;
            last = id_of(row)?;
            show(desk, row)?;
        }
        if left == 0 || interrupt.within(LOOK_EVERY)? {
            return Ok(());
        }
        rows = newer(desk, params, last)?;
    }
}

/// The acts after this one, newest first.
fn newer(desk: &Desk, params: &Value, last: i64) -> Result<Vec<Value>, Failure> {
    let mut newer = Vec::new();
    let mut params = params.clone();
    params["limit"] = 200.into();
    loop {
        let page = desk.call("audit.list", params.clone())?["rows"].take();
        let page = page.as_array().cloned().unwrap_or_default();
        let full = page.len() == 200;
        for row in page {
            if id_of(&row)? <= last {
                return Ok(newer);
            }
            params["before"] = row["id"].clone();
            newer.push(row);
        }
        if !full {
            return Ok(newer);
        }
    }
}

fn id_of(row: &Value) -> Result<i64, Failure> {
    row["id"].as_i64().ok_or_else(|| Failure::unexpected("id"))
}

fn show(desk: &Desk, row: &mut Value) -> Result<(), Failure> {
    if desk.out.is_json() {
        return output::document(row);
    }
    name_person(row);
    let fields = LIST.iter().map(|(path, _)| table::at(row, path));
    output::line(&fields.collect::<Vec<_>>().join("  "))
}

/// Adds to every row what a person would call who did it and whom it was done to.
pub(crate) fn name_people(rows: Option<&mut Value>) {
    let rows = rows.and_then(Value::as_array_mut).into_iter().flatten();
    rows.for_each(name_person);
}

fn name_person(row: &mut Value) {
    row["by"] = called(row, "username", "user_id");
    row["whom"] = called(row, "target_username", "target");
}

/// The name of a person; the number of one who is gone.
fn called(row: &Value, name: &str, id: &str) -> Value {
    match (&row[name], &row[id]) {
        (Value::Null, Value::Null) => Value::Null,
        (Value::Null, id) => table::text(id).into(),
        (name, _) => name.clone(),
    }
}
