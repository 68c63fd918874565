//! `chat`: chats.

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use crate::desk::Desk;
use crate::exit::Failure;
use crate::input::{Params, object};
use crate::output;
use crate::story;
use crate::table::{self, Column, number_of};

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Make a chat
    Create {
        /// OFFICIAL, PUBLIC (with --slug) or PRIVATE
        #[arg(long = "type", value_enum, ignore_case = true, value_name = "TYPE")]
        chat_type: Type,
        #[arg(long)]
        name: String,
        /// Its owner; --as makes a chat of one's own
        #[arg(long, value_name = "USER")]
        owner: Option<String>,
        #[arg(long)]
        slug: Option<String>,
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
        /// The encryption suite, 2 or 3; it never changes
        #[arg(long, value_name = "SUITE")]
        e2ee: Option<u8>,
        #[command(flatten)]
        configs: Configs,
    },
    /// List the directory: OFFICIAL and PUBLIC chats; with --user the chats of that user
    List {
        /// What this user owns, belongs to, or is matched into
        #[arg(long, value_name = "USER")]
        user: Option<String>,
        /// From where the last page ended: the directory's `next`, or with --user a chat's id
        #[arg(long, value_name = "PLACE")]
        after: Option<String>,
        /// At most this many
        #[arg(long, value_name = "N")]
        limit: Option<u16>,
    },
    /// Show a chat's whole story: settings, counts, keys, members, invites, activity, reports, acts
    Show { chat: String },
    /// Let --as, an admin, read in others' PRIVATE chat for an hour
    Inspect {
        chat: String,
        /// Staff read it in the audit log
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Change a chat; what is not named stays
    Update {
        chat: String,
        #[arg(long)]
        name: Option<String>,
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
        #[arg(long, conflicts_with = "description")]
        no_description: bool,
        /// The address; makes a PRIVATE chat PUBLIC
        #[arg(long)]
        slug: Option<String>,
        /// No address; makes a PUBLIC chat PRIVATE
        #[arg(long, conflicts_with = "slug")]
        no_slug: bool,
        #[command(flatten)]
        configs: Configs,
    },
    /// Endorse a chat, or take its label away
    Label {
        chat: String,
        #[arg(required_unless_present = "none")]
        label: Option<String>,
        /// No label
        #[arg(long, conflicts_with = "label")]
        none: bool,
    },
    /// Offer a chat to another owner, who has 7 days to accept
    Transfer { chat: String, user: String },
    /// Accept a chat that was offered to --as
    AcceptTransfer { chat: String },
    /// End the membership of --as for good
    Leave { chat: String },
    /// Delete every message; for good
    Clear { chat: String },
    /// Destroy a chat with everything in it; for good
    Destroy { chat: String },
}

/// The two configurations, where they are to differ.
#[derive(Debug, Args)]
pub(crate) struct Configs {
    #[arg(
        long = "config",
        value_name = "KEY=VALUE",
        help = "A room setting: wipe_preset, history_visible, slow_mode_seconds, ..."
    )]
    room: Vec<String>,
    #[arg(
        long = "browser",
        value_name = "KEY=VALUE",
        help = "A browser setting: browser, start_url, kiosk, adblock"
    )]
    browser: Vec<String>,
}

impl Configs {
    fn add_to(&self, params: Params) -> Result<Params, Failure> {
        Ok(params
            .maybe("chat_config", object(&self.room)?)
            .maybe("browser_config", object(&self.browser)?))
    }
}

/// The types that can be made by hand (SPEC 3.2).
#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "UPPER")]
pub(crate) enum Type {
    Official,
    Public,
    Private,
}

const LIST: &[Column] = &[
    ("id", "id"),
    ("chat_type", "type"),
    ("slug", "slug"),
    ("name", "name"),
    ("owner", "owner"),
    ("last_activity_at", "last activity"),
];

/// Sessions that hold a chat's key, or could.
pub(crate) const KEY_SESSIONS: &[Column] = &[
    ("session_id", "session"),
    ("user_id", "user"),
    ("holds", "holds"),
    ("waits", "waits"),
];

pub(crate) fn run(verb: Verb, desk: &Desk) -> Result<(), Failure> {
    let out = desk.out;
    match verb {
        Verb::Create {
            chat_type,
            name,
            owner,
            slug,
            description,
            e2ee,
            configs,
        } => {
            let owner = owner.map(|owner| desk.user(&owner)).transpose()?;
            let params = Params::new()
                .with("chat_type", crate::user::word(chat_type))
                .with("name", name)
                .maybe("owner_id", owner)
                .maybe("slug", slug)
                .maybe("description", description)
                .maybe("e2ee", e2ee);
            out.fields(&desk.call("chat.create", configs.add_to(params)?)?)
        }
        Verb::List { user, after, limit } => list(desk, user.as_deref(), after, limit),
        Verb::Show { chat } => story::of_chat(desk, desk.chat(&chat)?),
        Verb::Inspect { chat, reason } => {
            let params = at(desk, &chat)?.with("reason", reason);
            out.fields(&desk.call("chat.inspect", params)?)
        }
        Verb::Update {
            chat,
            name,
            description,
            no_description,
            slug,
            no_slug,
            configs,
        } => {
            let params = at(desk, &chat)?
                .maybe("name", name)
                .set_or_clear("description", description, no_description)
                .set_or_clear("slug", slug, no_slug);
            let reply = desk.call("chat.update", configs.add_to(params)?)?;
            out.done(&reply, "The chat is as asked for.")
        }
        Verb::Label { chat, label, none } => {
            let params = at(desk, &chat)?.set_or_clear("label", label, none);
            out.done(&desk.call("chat.set_label", params)?, "The label is set.")
        }
        Verb::Transfer { chat, user } => {
            let params = at(desk, &chat)?.with("user_id", desk.user(&user)?);
            out.fields(&desk.call("chat.transfer", params)?)
        }
        Verb::AcceptTransfer { chat } => {
            out.fields(&desk.call("chat.accept_transfer", at(desk, &chat)?)?)
        }
        Verb::Leave { chat } => {
            let reply = desk.call("chat.leave", at(desk, &chat)?)?;
            out.done(&reply, "The membership has ended.")
        }
        Verb::Clear { chat } => {
            let id = desk.chat(&chat)?;
            let params = json!({ "chat_id": id });
            out.fields(&desk.destroy("chat.clear", params, |cleared| {
                let messages = messages(cleared, "deleted");
                let called = look_at(desk, id)?;
                Ok(format!(
                    "This deletes {messages} of chat {called}; members, invites and settings stay."
                ))
            })?)
        }
        Verb::Destroy { chat } => {
            let id = desk.chat(&chat)?;
            let params = json!({ "chat_id": id });
            let reply = desk.destroy("chat.destroy", params, |_| everything_in(desk, id))?;
            out.done(&reply, "The chat is destroyed.")
        }
    }
}

fn at(desk: &Desk, chat: &str) -> Result<Params, Failure> {
    Ok(Params::new().with("chat_id", desk.chat(chat)?))
}

/// What a person would call a chat that is there.
fn look_at(desk: &Desk, id: i64) -> Result<String, Failure> {
    let shown = desk.as_operator("chat.get", &json!({ "chat_id": id }))?;
    Ok(called(&shown))
}

/// What goes with a chat.
fn everything_in(desk: &Desk, id: i64) -> Result<String, Failure> {
    let held = desk.as_operator("chat.count", &json!({ "chat_id": id }))?;
    let count = |field: &str| {
        let count = held[field].as_u64().unwrap_or_default();
        usize::try_from(count).unwrap_or(usize::MAX)
    };
    Ok(format!(
        "This destroys chat {} with its keys, {}, {}, {}, {} and {}.",
        look_at(desk, id)?,
        messages(&held, "messages"),
        number_of(count("members"), "member"),
        number_of(count("invites"), "live invite"),
        number_of(count("bans"), "ban"),
        number_of(count("mutes"), "mute"),
    ))
}

fn messages(answer: &Value, field: &str) -> String {
    let count = answer[field].as_u64().unwrap_or_default();
    number_of(usize::try_from(count).unwrap_or(usize::MAX), "message")
}

/// What a person would call a chat: `7 (PUBLIC /slug "Name")`.
pub(crate) fn called(chat: &Value) -> String {
    let slug = chat["slug"].as_str().map(|slug| format!(" /{slug}"));
    format!(
        "{} ({}{} {:?})",
        table::at(chat, "id"),
        table::at(chat, "chat_type"),
        slug.unwrap_or_default(),
        table::at(chat, "name"),
    )
}

fn list(
    desk: &Desk,
    user: Option<&str>,
    after: Option<String>,
    limit: Option<u16>,
) -> Result<(), Failure> {
    let out = desk.out;
    let params = Params::new().maybe("limit", limit);
    if let Some(user) = user {
        let after = after
            .map(|id| id.parse::<i64>())
            .transpose()
            .map_err(|_| Failure::usage("--after", "with --user it is a chat's id"))?;
        let params = params
            .with("user_id", desk.user(user)?)
            .maybe("after", after);
        return out.rows(&desk.call("chat.list", params)?, "chats", LIST);
    }
    let page = desk.call("directory.list", params.maybe("cursor", after))?;
    out.rows(&page, "chats", LIST)?;
    if let (false, Some(next)) = (out.is_json(), page["next"].as_str()) {
        output::note(&format!("More with --after {next}"));
    }
    Ok(())
}
