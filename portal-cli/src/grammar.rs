//! The command line as a whole: global options and nouns. The verbs of a noun stand in its own file.

use std::path::PathBuf;

use clap::{Args, ColorChoice, Parser, Subcommand};

use crate::{
    audit, bot, browser, chat, config, db, docs, event, invite, matching, member, message,
    moderation, op, report, server, session, signup, stranger, user,
};

/// Looks after a portal database: people, chats, messages and the file itself.
///
/// Works on a file at rest and on the file of a running server. Without --as it acts as the operator, who
/// may do everything and breaks no invariant.
#[derive(Debug, Parser)]
#[command(name = "portal-cli", version, after_help = AFTER_HELP, subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) globals: Globals,
    #[command(subcommand)]
    pub(crate) noun: Noun,
}

const AFTER_HELP: &str = "\
A USER is an id, a username, or @username. A CHAT is an id, a slug, or /slug.
Exit codes: 0 done, 1 internal, 2 bad usage, 3 not found, 4 refused by a rule,
5 conflict, 6 storage, 7 partly done.";

/// What every verb takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Globals {
    /// The database file
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "PORTAL_DB",
        default_value = "./portal.db"
    )]
    pub(crate) db: PathBuf,
    /// Answers and errors as JSON, one document
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Does not ask before something is destroyed
    #[arg(long, global = true)]
    pub(crate) yes: bool,
    /// Answers what would be done, and takes it back
    #[arg(long, global = true)]
    pub(crate) dry_run: bool,
    /// Acts as this user, with this user's rights
    #[arg(long = "as", global = true, value_name = "USER")]
    pub(crate) acting: Option<String>,
    /// How long to wait for another process's write, in milliseconds
    #[arg(long, global = true, value_name = "MS", default_value_t = 5000)]
    pub(crate) wait_ms: u32,
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "WHEN",
        default_value_t = ColorChoice::Auto,
        hide_possible_values = true,
        help = "Colours: auto (on a terminal, unless NO_COLOR is set), always, never"
    )]
    pub(crate) color: ColorChoice,
}

/// What a command is about.
#[derive(Debug, Subcommand)]
pub(crate) enum Noun {
    /// The database file itself
    Db {
        #[command(subcommand)]
        verb: db::Verb,
    },
    /// People: accounts, roles, tiers
    User {
        #[command(subcommand)]
        verb: user::Verb,
    },
    /// Signed-in devices
    Session {
        #[command(subcommand)]
        verb: session::Verb,
    },
    /// Codes with which people sign up
    Signup {
        #[command(subcommand)]
        verb: signup::Verb,
    },
    /// Chats
    Chat {
        #[command(subcommand)]
        verb: chat::Verb,
    },
    /// Chats' shared browsers
    Browser {
        #[command(subcommand)]
        verb: browser::Verb,
    },
    /// Who belongs to a chat
    Member {
        #[command(subcommand)]
        verb: member::Verb,
    },
    /// Looking after people: kick, mute, ban, in a chat and everywhere
    Mod {
        #[command(subcommand)]
        verb: moderation::Verb,
    },
    /// Codes with which people join a chat
    Invite {
        #[command(subcommand)]
        verb: invite::Verb,
    },
    /// Messages, as they are stored: ciphertext
    Message {
        #[command(subcommand)]
        verb: message::Verb,
    },
    /// Messages that people reported
    Report {
        #[command(subcommand)]
        verb: report::Verb,
    },
    /// Matching people by interest into DIRECT chats
    Match {
        #[command(subcommand)]
        verb: matching::Verb,
    },
    /// Anonymous users
    Stranger {
        #[command(subcommand)]
        verb: stranger::Verb,
    },
    /// Programs that let people in from other platforms
    Bot {
        #[command(subcommand)]
        verb: bot::Verb,
    },
    /// The event log
    Event {
        #[command(subcommand)]
        verb: event::Verb,
    },
    /// The audit log: who did what to whom
    Audit {
        #[command(subcommand)]
        verb: audit::Verb,
    },
    /// Settings
    Config {
        #[command(subcommand)]
        verb: config::Verb,
    },
    /// A running server
    Server {
        #[command(subcommand)]
        verb: server::Verb,
    },
    /// Any operation by its name, with JSON
    Op {
        #[command(subcommand)]
        verb: op::Verb,
    },
    /// Print what makes a shell complete these words
    Completions {
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Print this program's reference, or write its pages of the manual
    Docs(docs::Wanted),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_grammar_contradicts_itself_nowhere() {
        Cli::command().debug_assert();
    }
}
