//! `docs` and `completions`: the reference, the pages of the manual and what shells complete, all out of the
//! grammar and the catalogue.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, Command, ValueEnum};
use clap_mangen::Man;
use portal_core::{catalogue, reference};

use crate::exit::Failure;
use crate::manual::{self, Document, NAME};
use crate::output;

/// What of the reference.
#[derive(Debug, Args)]
pub(crate) struct Wanted {
    /// Only this part
    #[arg(value_enum)]
    part: Option<Part>,
    /// Write the pages of the manual into this folder instead: one of the program, one a noun
    #[arg(long, value_name = "DIR", conflicts_with = "part")]
    man: Option<PathBuf>,
}

/// The parts of the reference.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Part {
    /// Every noun and verb, as its help has it
    Verbs,
    /// What each verb prints with --json, and the errors it can end with
    Json,
    /// Every operation and query
    Operations,
    /// Every error
    Errors,
    /// Every event
    Events,
}

pub(crate) fn run(wanted: &Wanted) -> Result<(), Failure> {
    if let Some(folder) = &wanted.man {
        return write_manual(folder);
    }
    let parts = match &wanted.part {
        Some(part) => std::slice::from_ref(part),
        None => Part::value_variants(),
    };
    let texts: Vec<String> = parts.iter().map(|part| text(*part)).collect();
    output::text(texts.join("\n").trim_end())
}

fn text(part: Part) -> String {
    match part {
        Part::Verbs => verbs(),
        Part::Json => json(),
        Part::Operations => reference::operations(),
        Part::Errors => reference::errors(),
        Part::Events => reference::events(),
    }
}

/// What makes a shell complete the command line.
pub(crate) fn completions(shell: clap_complete::Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut manual::command(), NAME, &mut script);
    let script = String::from_utf8_lossy(&script);
    // clap_complete spells a program's name with a hyphen in two ways in bash, and then completes no verb
    // (clap-rs/clap#6421). One of them does.
    let (wrong, right) = (NAME.replace('-', "__subcmd__"), NAME.replace('-', "__"));
    output::text(script.replace(&wrong, &right).trim_end())
}

/// The nouns with their verbs, as the grammar has them.
fn nouns(command: &Command) -> impl Iterator<Item = &Command> {
    command
        .get_subcommands()
        .filter(|noun| noun.get_name() != "help")
}

/// Every noun and verb with its help, in Markdown.
fn verbs() -> String {
    let mut program = manual::command().term_width(100);
    program.build();
    let mut out = format!("# {}\n\n```text\n{}```\n", NAME, help(&mut program.clone()));
    for noun in nouns(&program) {
        let _ = write!(
            out,
            "\n## {}\n\n```text\n{}```\n",
            noun.get_name(),
            help(&mut noun.clone())
        );
        for verb in nouns(noun) {
            let _ = write!(
                out,
                "\n### {} {}\n\n```text\n{}```\n",
                noun.get_name(),
                verb.get_name(),
                help(&mut verb.clone())
            );
        }
    }
    out
}

/// The short help without the global options, which are the same everywhere.
fn help(command: &mut Command) -> String {
    let full = command.render_help().to_string();
    let is_program = command.get_name() == NAME;
    let (own, rest) = full
        .split_once("\nGlobal options:")
        .filter(|_| !is_program)
        .unwrap_or((&full, ""));
    let after = rest.find("\nExample").map_or("", |at| &rest[at..]);
    let text = format!("{own}{after}");
    let lines = text.lines().map(str::trim_end).collect::<Vec<_>>();
    lines.join("\n").trim_end().to_owned() + "\n"
}

/// What every verb prints with `--json`, in Markdown.
fn json() -> String {
    let mut out = String::from(
        "# JSON\n\n\
         With `--json` every verb prints one document on one line of stdout, and an error as one line on stderr\n\
         ([cli.md](cli.md)). Times are integers, UTC milliseconds since 1970.\n\n\
         Where a verb is an operation or query, the document is its reply, which [operations.md](reference/operations.md)\n\
         describes and `op show NAME` gives as a JSON schema: `{}` where there is nothing to add to \"done\". The errors are\n\
         those that the operation names. Besides them any verb can end with those of the file (`ERR_STORAGE_*`), with\n\
         `ERR_INVALID` for an argument that is wrong, with `ERR_USER_NOT_FOUND` and `ERR_CHAT_NOT_FOUND` for a USER or CHAT\n\
         that is not there, also in `--as`, and, where it asks, with `ERR_NOT_CONFIRMED`.\n\n\
         A list (`--from`, `user import`, `--count`, `session destroy --all`) is one document: `{\"done\", \"failed\", \"untried\",\n\
         \"lines\": [{\"line\", \"given\", \"reply\"} or {\"line\", \"given\", \"error\"}]}`, with the line's number from 1, what the line\n\
         said, and the operation's reply or its error.\n",
    );
    let mut last = "";
    for verb in manual::VERBS {
        let noun = verb.name.split(' ').next().unwrap_or_default();
        if noun != last {
            let _ = write!(
                out,
                "\n## {noun}\n\n| verb | document | errors |\n|---|---|---|\n"
            );
            last = noun;
        }
        let document = match verb.document {
            Document::Reply(operation) => format!("the reply of `{operation}`"),
            Document::Own(text, _) => text.replace('|', "\\|"),
        };
        let mut errors: Vec<String> = Vec::new();
        for operation in verb.document.operations() {
            for code in documented(operation) {
                if !errors.contains(&code) {
                    errors.push(code);
                }
            }
        }
        let errors: Vec<String> = errors.iter().map(|code| format!("`{code}`")).collect();
        let _ = writeln!(
            out,
            "| `{}` | {document} | {} |",
            verb.name,
            errors.join(", ")
        );
    }
    out
}

/// The errors that an operation's documentation names.
pub(crate) fn documented(operation: &str) -> Vec<String> {
    let doc = catalogue::find(operation).map_or_else(|_| String::new(), catalogue::Entry::doc);
    let words = doc.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words
        .filter(|word| word.starts_with("ERR_"))
        .map(str::to_owned)
        .collect()
}

/// Writes a page of the program and a page of each noun, over those that are there.
fn write_manual(folder: &Path) -> Result<(), Failure> {
    let made = fs::create_dir_all(folder)
        .and_then(|()| pages().try_for_each(|(name, page)| fs::write(folder.join(name), page)));
    made.map_err(|error| {
        Failure::usage(
            "--man",
            format!("{} cannot be written: {error}", folder.display()),
        )
    })
}

fn pages() -> impl Iterator<Item = (String, Vec<u8>)> {
    let program = manual::command();
    let of_nouns: Vec<_> = nouns(&program).map(noun_page).collect();
    let main = (format!("{NAME}.1"), rendered(&program));
    std::iter::once(main).chain(of_nouns)
}

fn rendered(program: &Command) -> Vec<u8> {
    let mut page = Vec::new();
    // Into memory, where nothing fails.
    let _ = Man::new(program.clone()).render(&mut page);
    page
}

/// The page of a noun: each verb is a section with its own arguments.
fn noun_page(noun: &Command) -> (String, Vec<u8>) {
    let name = format!("{}-{}", NAME, noun.get_name());
    let mut page = Vec::new();
    let called = |command: &Command, words: &str| {
        command
            .clone()
            .version(env!("CARGO_PKG_VERSION"))
            .bin_name(format!("{NAME} {words}"))
            .disable_help_flag(true)
            .disable_version_flag(true)
    };
    let whole = Man::new(called(noun, noun.get_name())).title(&name);
    if noun.get_subcommands().next().is_none() {
        let _ = whole.render(&mut page);
        return (format!("{name}.1"), page);
    }
    let _ = whole.render_title(&mut page);
    let about = noun.get_about().map(ToString::to_string);
    let _ = writeln!(
        page,
        ".SH NAME\n{} \\- {}",
        name.replace('-', "\\-"),
        about.unwrap_or_default()
    );
    for verb in nouns(noun) {
        let words = format!("{} {}", noun.get_name(), verb.get_name());
        let _ = writeln!(page, ".SH \"{}\"", words.to_uppercase());
        let mut section = Vec::new();
        let man = Man::new(called(verb, &words));
        let _ = man.render_description_section(&mut section);
        let _ = man.render_synopsis_section(&mut section);
        if verb.get_arguments().next().is_some() {
            let _ = man.render_options_section(&mut section);
        }
        let _ = man.render_extra_section(&mut section);
        let section = String::from_utf8_lossy(&section).replace("\n.SH ", "\n.SS ");
        page.extend(section.as_bytes());
    }
    let _ = writeln!(
        page,
        ".SH \"SEE ALSO\"\n\\fB{}\\fR(1), for the options that every verb takes, and the exit codes.",
        NAME.replace('-', "\\-")
    );
    (format!("{name}.1"), page)
}
