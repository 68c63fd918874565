//! The operator's command line (SPEC 16): `portal-cli [--db FILE] [--json] <noun> <verb>`.
//!
//! A thin skin over `portal_core`: every verb is an operation or query of the catalogue. What a program
//! may rely on is the exit code, the JSON on stdout and the error's code on stderr; `docs/cli.md` lists them.

mod audit;
mod batch;
mod bot;
mod browser;
mod chat;
mod config;
mod db;
mod desk;
mod docs;
mod event;
mod exit;
mod file;
mod grammar;
mod input;
mod invite;
mod live;
mod manual;
mod matching;
mod member;
mod message;
mod moderation;
mod op;
mod output;
mod people;
mod report;
mod server;
mod session;
mod signup;
mod story;
mod stranger;
mod table;
mod user;

use std::process::ExitCode;

use clap::error::ErrorKind as Usage;
use clap::{ColorChoice, FromArgMatches};
use portal_core::{Error, ErrorKind};

use exit::Failure;
use grammar::{Cli, Noun};
use output::Output;

fn main() -> ExitCode {
    let cli = manual::command().try_get_matches();
    let cli = match cli.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => return misunderstood(&error),
    };
    let out = Output::new(cli.globals.json, cli.globals.color);
    match run(cli, out) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            out.failure(&failure);
            failure.code().into()
        }
    }
}

fn run(cli: Cli, out: Output) -> Result<(), Failure> {
    let globals = cli.globals;
    match cli.noun {
        Noun::Db { verb } => db::run(verb, &globals, out),
        Noun::Op { verb } => op::run(verb, &globals, out),
        Noun::User { verb } => user::run(verb, &globals.open(out)?),
        Noun::Session { verb } => session::run(verb, &globals.open(out)?),
        Noun::Signup { verb } => signup::run(verb, &globals.open(out)?),
        Noun::Chat { verb } => chat::run(verb, &globals.open(out)?),
        Noun::Browser { verb } => browser::run(verb, &globals.open(out)?),
        Noun::Member { verb } => member::run(verb, &globals.open(out)?),
        Noun::Mod { verb } => moderation::run(verb, &globals.open(out)?),
        Noun::Invite { verb } => invite::run(verb, &globals.open(out)?),
        Noun::Message { verb } => message::run(verb, &globals.open(out)?),
        Noun::Report { verb } => report::run(verb, &globals.open(out)?),
        Noun::Match { verb } => matching::run(verb, &globals.open(out)?),
        Noun::Stranger { verb } => stranger::run(verb, &globals.open(out)?),
        Noun::Bot { verb } => bot::run(verb, &globals.open(out)?),
        Noun::Event { verb } => event::run(&verb, &globals.open(out)?),
        Noun::Audit { verb } => audit::run(verb, &globals.open(out)?),
        Noun::Config { verb } => config::run(verb, &globals.open(out)?),
        Noun::Server { verb } => server::run(&verb, out),
        Noun::Completions { shell } => docs::completions(shell),
        Noun::Docs(wanted) => docs::run(&wanted),
    }
}

/// What clap has to say: help and version are data, the rest is a usage error.
fn misunderstood(error: &clap::Error) -> ExitCode {
    let wants_json = std::env::args_os().any(|argument| argument == "--json");
    if error.use_stderr()
        && wants_json
        && error.kind() != Usage::DisplayHelpOnMissingArgumentOrSubcommand
    {
        let text = error.render().to_string();
        // The usage line and the tips that follow are for people.
        let sentence = text.split("\n\n").next().unwrap_or_default();
        let sentence = sentence.trim_start_matches("error: ").to_owned();
        let failure = Failure::from(Error::with_message(ErrorKind::Invalid, sentence));
        Output::new(true, ColorChoice::Never).failure(&failure);
        return failure.code().into();
    }
    // A closed pipe has no use for the rest of the help.
    let _ = error.print();
    if error.use_stderr() {
        exit::USAGE.into()
    } else {
        ExitCode::SUCCESS
    }
}
