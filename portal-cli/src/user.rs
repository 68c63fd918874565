//! `user`: accounts, roles, tiers.

use std::path::{Path, PathBuf};

use clap::{Subcommand, ValueEnum};
use portal_core::ErrorKind;
use serde_json::{Value, json};

use crate::batch;
use crate::desk::Desk;
use crate::exit::Failure;
use crate::file;
use crate::input::Params;
use crate::output;
use crate::story;
use crate::table::{self, Column, number_of};

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Make a user
    Create {
        name: String,
        /// The platform role
        #[arg(long, value_enum)]
        role: Option<Role>,
        /// The tier they begin with
        #[arg(long, value_enum)]
        tier: Option<Tier>,
        /// Premium for so many days; without it has no end
        #[arg(long, value_name = "N", requires = "tier")]
        days: Option<u16>,
    },
    /// Make users out of a list: CSV with the columns username, role, tier, days, or JSON, an object a line
    #[command(
        after_help = "Each line is a transaction of its own: those before a failure, or before Ctrl-C, are done.
        Exits 7 where some were refused."
    )]
    Import {
        /// The list; `-` reads it from stdin
        #[arg(value_name = "FILE|-")]
        from: String,
    },
    /// List users by id
    List {
        /// Only names with this in them
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
        /// Only users after this id
        #[arg(long, value_name = "ID")]
        after: Option<i64>,
        /// At most this many
        #[arg(long, value_name = "N")]
        limit: Option<u16>,
    },
    /// Show a user's whole story: account, sessions, chats, matches, punishments, reports, acts
    Show { user: String },
    /// Give a user another role; ends their sessions
    SetRole {
        user: String,
        #[arg(value_enum)]
        role: Role,
        /// The admin who takes the OFFICIAL chats of a user demoted below admin
        #[arg(long, value_name = "USER")]
        chats_to: Option<String>,
    },
    /// Give a user another tier
    SetTier {
        user: String,
        #[arg(value_enum)]
        tier: Tier,
        /// For so many days; premium without it has no end
        #[arg(long, value_name = "N")]
        days: Option<u16>,
    },
    /// Show a user's tier and its history
    Subscription { user: String },
    /// Give a user another name; the old one is held for 30 days
    Rename { user: String, name: String },
    /// Make a code with which a user signs in once
    SignInCode { user: String },
    /// Block a user for --as: the two are never matched again
    Block { user: String },
    /// Take a user off the blocked ones of --as
    Unblock { user: String },
    /// List whom --as has blocked
    Blocks {
        /// Only users after this id
        #[arg(long, value_name = "ID")]
        after: Option<i64>,
        /// At most this many
        #[arg(long, value_name = "N")]
        limit: Option<u16>,
    },
    /// Let --as, an admin, take out what is stored of a user for an hour
    Inspect {
        user: String,
        /// Staff read it in the audit log
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Write everything that is stored of a user as one JSON document
    Export {
        user: String,
        /// Into this new file, which only its owner may read; else to stdout
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Delete a user; for good
    Delete {
        user: String,
        /// Who takes the chats they own
        #[arg(long, value_name = "USER", conflicts_with = "destroy_chats")]
        chats_to: Option<String>,
        /// Destroy the chats they own
        #[arg(long)]
        destroy_chats: bool,
        /// Delete everything they wrote too
        #[arg(long)]
        erase_messages: bool,
    },
}

/// Platform roles (SPEC 1.2).
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Role {
    User,
    Moderator,
    Admin,
    Owner,
}

/// Tiers (SPEC 1.3).
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Tier {
    Basic,
    Trial,
    Premium,
    Lifetime,
}

/// The word of an enum, as operations write it.
pub(crate) fn word(value: impl ValueEnum) -> Value {
    value
        .to_possible_value()
        .map_or(Value::Null, |value| value.get_name().into())
}

const LIST: &[Column] = &[
    ("id", "id"),
    ("username", "username"),
    ("role", "role"),
    ("tier", "tier"),
    ("state", "state"),
    ("created_at", "created"),
];

pub(crate) const HISTORY: &[Column] = &[
    ("at", "at"),
    ("tier", "tier"),
    ("tier_expires_at", "until"),
    ("changed_by", "by"),
];

/// A user's chats, and how they stand to them.
pub(crate) const CHATS: &[Column] = &[
    ("id", "id"),
    ("chat_type", "type"),
    ("slug", "slug"),
    ("name", "name"),
    ("relation", "as"),
    ("last_activity_at", "last activity"),
];

pub(crate) const OFFERS: &[Column] = &[
    ("chat_id", "chat"),
    ("chat_type", "type"),
    ("name", "name"),
    ("owner", "owner"),
    ("expires_at", "until"),
];

const BLOCKS: &[Column] = &[("user_id", "id"), ("username", "username"), ("at", "since")];

pub(crate) fn run(verb: Verb, desk: &Desk) -> Result<(), Failure> {
    let out = desk.out;
    match verb {
        Verb::Create {
            name,
            role,
            tier,
            days,
        } => {
            let params = Params::new()
                .with("username", name)
                .maybe("role", role.map(word))
                .maybe("tier", tier.map(word))
                .maybe("days", days);
            out.fields(&desk.call("user.create", params)?)
        }
        Verb::Import { from } => import(desk, &from),
        Verb::List {
            search,
            after,
            limit,
        } => {
            let params = Params::new()
                .maybe("search", search)
                .maybe("after", after)
                .maybe("limit", limit);
            out.rows(&desk.call("user.list", params)?, "users", LIST)
        }
        Verb::Show { user } => story::of_user(desk, desk.user(&user)?),
        Verb::SetRole {
            user,
            role,
            chats_to,
        } => {
            let chats_to = chats_to.map(|to| desk.user(&to)).transpose()?;
            let params = Params::new()
                .with("user_id", desk.user(&user)?)
                .with("role", word(role))
                .maybe("chats_to", chats_to);
            out.done(&desk.call("user.set_role", params)?, "The role is set.")
        }
        Verb::SetTier { user, tier, days } => {
            let params = Params::new()
                .with("user_id", desk.user(&user)?)
                .with("tier", word(tier))
                .maybe("days", days);
            out.fields(&desk.call("user.set_tier", params)?)
        }
        Verb::Subscription { user } => {
            let params = json!({ "user_id": desk.user(&user)? });
            let reply = desk.call("user.subscription", params)?;
            out.fields_and_rows(reply, "history", HISTORY)
        }
        Verb::Rename { user, name } => {
            let themself = desk.for_user(desk.user(&user)?)?;
            let reply = themself.call("user.update", json!({ "username": name }))?;
            out.done(&reply, "The name is changed.")
        }
        Verb::SignInCode { user } => {
            let params = json!({ "user_id": desk.user(&user)? });
            out.fields(&desk.call("login_code.create", params)?)
        }
        Verb::Block { user } => {
            let params = json!({ "user_id": desk.user(&user)? });
            out.done(&desk.call("user.block", params)?, "They are blocked.")
        }
        Verb::Unblock { user } => {
            let params = json!({ "user_id": desk.user(&user)? });
            out.done(&desk.call("user.unblock", params)?, "They are not blocked.")
        }
        Verb::Blocks { after, limit } => {
            let params = Params::new().maybe("after", after).maybe("limit", limit);
            out.rows(&desk.call("user.blocks", params)?, "users", BLOCKS)
        }
        Verb::Inspect { user, reason } => {
            let params = json!({ "user_id": desk.user(&user)?, "reason": reason });
            out.fields(&desk.call("user.inspect", params)?)
        }
        Verb::Export { user, output } => export(desk, &user, output.as_deref()),
        Verb::Delete {
            user,
            chats_to,
            destroy_chats,
            erase_messages,
        } => {
            let chats_to = chats_to.map(|to| desk.user(&to)).transpose()?;
            let chats = match (chats_to, destroy_chats) {
                (Some(to), _) => Some(json!({ "transfer_to": to })),
                (None, true) => Some(json!({ "destroy": true })),
                (None, false) => None,
            };
            delete(desk, &user, chats, erase_messages)
        }
    }
}

/// The columns of a list of people, as `user.create` calls them.
const PEOPLE: &[&str] = &["username", "role", "tier", "days"];

fn import(desk: &Desk, from: &str) -> Result<(), Failure> {
    let lines = batch::read(from, PEOPLE)?;
    let said = |reply: &Value| format!("user {}", table::at(reply, "user_id"));
    batch::run(desk, &lines, said, |line| {
        let mut params = line.given.clone();
        if let Some(days) = params.get_mut("days") {
            *days = batch::number(days);
        }
        desk.call_one("user.create", params)
    })
}

fn export(desk: &Desk, user: &str, file: Option<&Path>) -> Result<(), Failure> {
    let params = json!({ "user_id": desk.user(user)? }).to_string();
    let everything = || desk.call_text("user.export", &params);
    let Some(path) = file else {
        return output::text(&everything()?);
    };
    let shown = path.display();
    let reply = json!({ "file": shown.to_string() });
    if desk.is_rehearsal() {
        everything()?;
        output::rehearsed();
        return desk.out.done(&reply, &format!("{shown} would be written."));
    }
    file::write_new(path, || Ok(everything()? + "\n"))?;
    desk.out.done(&reply, &format!("{shown} is written."))
}

fn delete(desk: &Desk, user: &str, chats: Option<Value>, erase: bool) -> Result<(), Failure> {
    let id = desk.user(user)?;
    let all = desk.as_operator("user.export", &json!({ "user_id": id }))?;
    let params: Value = Params::new()
        .with("user_id", id)
        .maybe("chats", chats.clone())
        .with("erase_messages", erase)
        .into();
    desk.rehearse("user.delete", &params)
        .map_err(|failure| which_chats(failure, &all))?;
    desk.confirm(&what_goes(&all, chats.as_ref(), erase))?;
    desk.out
        .done(&desk.call("user.delete", params)?, "The user is deleted.")
}

/// What a deletion takes and leaves, out of everything that is stored of the user.
fn what_goes(all: &Value, chats: Option<&Value>, erase: bool) -> String {
    let is_direct = |membership: &&Value| membership["chat_type"] == "DIRECT";
    let direct = rows(all, "memberships").filter(is_direct).count();
    let mut goes = vec![format!(
        "This deletes user {} ({}, {}): {} with their keys, {}, {} (over for both).",
        table::at(all, "user.id"),
        table::at(all, "user.username"),
        table::at(all, "user.role"),
        number_of(rows(all, "sessions").count(), "session"),
        number_of(rows(all, "memberships").count() - direct, "membership"),
        number_of(direct, "DIRECT chat"),
    )];
    let is_destroyed = chats.is_some_and(|chats| chats.get("destroy").is_some());
    let fate = if is_destroyed {
        "destroyed"
    } else {
        "handed over"
    };
    let owned = rows(all, "owned_chats").map(crate::chat::called);
    goes.extend(owned.map(|chat| format!("Chat {chat} is {fate}.")));
    let wrote = number_of(rows(all, "messages").count(), "message");
    goes.push(if erase {
        format!("What they wrote goes too: {wrote}.")
    } else {
        format!("What they wrote stays, under their number: {wrote}.")
    });
    goes.push("The name is kept from everyone for 30 days.".to_owned());
    goes.join("\n")
}

/// The refusal, and which chats it is about.
fn which_chats(failure: Failure, all: &Value) -> Failure {
    match failure {
        Failure::Error(error) if error.kind() == ErrorKind::UserOwnsChats => {
            let owned: Vec<_> = rows(all, "owned_chats").map(crate::chat::called).collect();
            let owned = owned.join(", chat ");
            let message =
                format!("The user owns chat {owned}; say --chats-to USER or --destroy-chats.");
            error.saying(message).into()
        }
        failure => failure,
    }
}

fn rows<'a>(all: &'a Value, part: &str) -> impl Iterator<Item = &'a Value> {
    all[part].as_array().into_iter().flatten()
}
