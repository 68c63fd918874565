//! `user`: accounts, roles, tiers.

use std::path::{Path, PathBuf};

use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

use crate::desk::Desk;
use crate::exit::Failure;
use crate::file;
use crate::input::Params;
use crate::output::{self, Output};
use crate::table::{self, Column};

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Make a user
    Create {
        name: String,
        /// The platform role
        #[arg(long, value_enum)]
        role: Option<Role>,
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
    /// Show a user
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

const BLOCKS: &[Column] = &[("user_id", "id"), ("username", "username"), ("at", "since")];

pub(crate) fn run(verb: Verb, desk: &Desk) -> Result<(), Failure> {
    let out = desk.out;
    match verb {
        Verb::Create { name, role } => {
            let params = Params::new()
                .with("username", name)
                .maybe("role", role.map(word));
            out.fields(&desk.call("user.create", params)?)
        }
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
        Verb::Show { user } => {
            let params = json!({ "user_id": desk.user(&user)? });
            out.fields(&desk.call("user.get", params)?)
        }
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
        Verb::Subscription { user } => subscription(desk, out, &user),
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

fn subscription(desk: &Desk, out: Output, user: &str) -> Result<(), Failure> {
    let params = json!({ "user_id": desk.user(user)? });
    let mut reply = desk.call("user.subscription", params)?;
    if out.is_json() {
        return output::document(&reply);
    }
    let history = json!({ "history": reply["history"].take() });
    if let Some(fields) = reply.as_object_mut() {
        fields.remove("history");
    }
    out.fields(&reply)?;
    output::line("")?;
    let columns: &[Column] = &[
        ("at", "at"),
        ("tier", "tier"),
        ("tier_expires_at", "until"),
        ("changed_by", "by"),
    ];
    out.rows(&history, "history", columns)
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
        output::note("A rehearsal: nothing was changed.");
        return desk.out.done(&reply, &format!("{shown} would be written."));
    }
    file::write_new(path, || Ok(everything()? + "\n"))?;
    desk.out.done(&reply, &format!("{shown} is written."))
}

fn delete(desk: &Desk, user: &str, chats: Option<Value>, erase: bool) -> Result<(), Failure> {
    let id = desk.user(user)?;
    let shown = desk.call("user.get", json!({ "user_id": id }))?;
    let mut goes = vec![format!(
        "This deletes user {id} ({}, {}) with sessions, keys and memberships, and ends their DIRECT chats.",
        table::at(&shown, "username"),
        table::at(&shown, "role"),
    )];
    if let Some(chats) = &chats {
        let destroyed = chats.get("destroy").is_some();
        let fate = if destroyed {
            "destroyed"
        } else {
            "handed over"
        };
        let owned = owned(desk, id)?;
        goes.extend(owned.iter().map(|chat| format!("Chat {chat} is {fate}.")));
    }
    let words = if erase {
        "Everything they wrote goes too."
    } else {
        "What they wrote stays, under their number."
    };
    goes.push(words.to_owned());
    desk.confirm(&goes.join("\n"))?;
    let params = Params::new()
        .with("user_id", id)
        .maybe("chats", chats)
        .with("erase_messages", erase);
    desk.out
        .done(&desk.call("user.delete", params)?, "The user is deleted.")
}

/// The chats that a user owns, each as a person would name it.
fn owned(desk: &Desk, user: i64) -> Result<Vec<String>, Failure> {
    let mut owned = Vec::new();
    let mut after = None;
    loop {
        let params = Params::new()
            .with("user_id", user)
            .maybe("after", after)
            .with("limit", 200);
        let reply = desk.call("chat.list", params)?;
        let chats = reply["chats"]
            .as_array()
            .ok_or_else(|| Failure::unexpected("chats"))?;
        let Some(last) = chats.last() else {
            return Ok(owned);
        };
        after = last["id"].as_i64();
        let owns = chats.iter().filter(|chat| chat["owner"] == user);
        owned.extend(owns.map(crate::chat::called));
    }
}
