//! The command line: the table of settings as flags, and what is used in the end.
//!
//! A flag goes before the environment, the environment before the settings file.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::builder::TypedValueParser as _;
use clap::builder::{PossibleValuesParser, StringValueParser, ValueParser};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgGroup, ArgMatches, Command, value_parser};

use crate::settings::{SETTINGS, Setting, Settings, Takes};
use crate::settings_file;

const CONFIG: &str = "config";
const PRINT_DEFAULT: &str = "print-default";
const CHECK: &str = "check";
const FIREWALL: &str = "browser-firewall";

/// The whole grammar.
pub(crate) fn command() -> Command {
    let file = Arg::new(CONFIG)
        .long(CONFIG)
        .env("PORTAL_CONFIG")
        .value_name("FILE")
        .value_parser(value_parser!(PathBuf))
        .global(true)
        .help("A settings file, in TOML");
    let settings = Command::new(CONFIG)
        .about(
            "Prints the default settings file (--print-default), or what would be used (--check)",
        )
        .arg(switch(
            PRINT_DEFAULT,
            "A settings file with every setting and its default",
        ))
        .arg(switch(
            CHECK,
            "What would be used, and from where; exit code 1 if it cannot be",
        ))
        .group(
            ArgGroup::new("what")
                .args([PRINT_DEFAULT, CHECK])
                .required(true),
        );
    Command::new("portal-server")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Serves a portal database over HTTP and Socket.IO")
        .after_help(
            "Every setting can be a flag, a variable or a line of the settings file: --public-url, \
             PORTAL_PUBLIC_URL, public_url. Flags go before variables, variables before the file.",
        )
        .arg(file)
        .args(SETTINGS.iter().map(argument))
        .subcommand(settings)
        .subcommand(Command::new(FIREWALL).about(
            "Prints the rules by which a chat's browser reaches the internet and nothing else, for `nft -f -`",
        ))
        .disable_help_subcommand(true)
}

fn switch(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name)
        .long(name)
        .action(ArgAction::SetTrue)
        .help(help)
}

fn argument(setting: &'static Setting) -> Arg {
    let check = move |value: String| {
        setting
            .set(&mut Settings::default(), &value)
            .map(|()| value)
    };
    let (placeholder, parser) = match setting.takes {
        Takes::Text(placeholder, _) | Takes::Texts(placeholder, _) => {
            let parser = StringValueParser::new().try_map(check);
            (placeholder, ValueParser::new(parser))
        }
        Takes::Number(..) => {
            let parser = StringValueParser::new().try_map(check);
            ("NUMBER", ValueParser::new(parser))
        }
        Takes::Word(words) => ("WORD", ValueParser::new(PossibleValuesParser::new(words))),
    };
    let usual = match setting.get(&Settings::default()) {
        Some(usual) => usual,
        None => setting.otherwise.to_owned(),
    };
    let brief = format!("{} [default: {usual}]", setting.what.trim_end_matches('.'));
    let long = format!("{} {}", setting.what, setting.more);
    let argument = Arg::new(setting.name)
        .long(setting.flag())
        .env(setting.variable())
        .value_name(placeholder)
        .value_parser(parser)
        .global(true)
        .help(brief)
        .long_help(format!("{}\n\n[default: {usual}]", long.trim_end()));
    match setting.takes {
        Takes::Texts(..) => argument.action(ArgAction::Append),
        Takes::Word(_) => argument.ignore_case(true),
        Takes::Text(..) | Takes::Number(..) => argument,
    }
}

/// What the program is asked to do.
pub(crate) enum Task {
    Serve,
    PrintDefault,
    PrintFirewall,
    Check,
}

/// What was asked, and where its settings are to be looked up.
pub(crate) fn task(matches: &ArgMatches) -> (Task, &ArgMatches) {
    match matches.subcommand() {
        // What is said before the subcommand counts there too.
        Some((FIREWALL, told)) => (Task::PrintFirewall, told),
        Some((_, config)) if config.get_flag(CHECK) => (Task::Check, config),
        Some((_, config)) => (Task::PrintDefault, config),
        None => (Task::Serve, matches),
    }
}

/// What is used, and where each value is from.
pub(crate) struct Resolved {
    pub(crate) settings: Settings,
    from: Vec<String>,
}

/// Puts together what was said.
///
/// # Errors
/// What is wrong with the settings file.
pub(crate) fn resolve(matches: &ArgMatches) -> Result<Resolved, String> {
    let mut settings = Settings::default();
    let mut from = vec!["default".to_owned(); SETTINGS.len()];
    if let Some(path) = matches.get_one::<PathBuf>(CONFIG) {
        for line in read(path)? {
            let index = SETTINGS
                .iter()
                .position(|setting| setting.name == line.setting.name);
            let place = format!("{}:{}", path.display(), line.number);
            line.setting
                .set(&mut settings, &line.value)
                .map_err(|why| format!("{place}: {why}"))?;
            if let Some(from) = index.and_then(|index| from.get_mut(index)) {
                *from = place;
            }
        }
    }
    for (setting, from) in SETTINGS.iter().zip(&mut from) {
        let Some(values) = matches.get_many::<String>(setting.name) else {
            continue;
        };
        let value = values.map(String::as_str).collect::<Vec<_>>().join(",");
        *from = match matches.value_source(setting.name) {
            Some(ValueSource::EnvVariable) => setting.variable(),
            _ => format!("--{}", setting.flag()),
        };
        setting
            .set(&mut settings, &value)
            .map_err(|why| format!("{from}: {why}"))?;
    }
    Ok(Resolved { settings, from })
}

fn read(path: &Path) -> Result<Vec<settings_file::Line>, String> {
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("the settings file {shown} cannot be read: {error}"))?;
    settings_file::read(&text).map_err(|(line, why)| format!("{shown}:{line}: {why}"))
}

impl Resolved {
    /// A settings file of what is used, with where each value is from.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for (setting, from) in SETTINGS.iter().zip(&self.from) {
            let line = settings_file::line(setting, &self.settings);
            let _ = match setting.get(&self.settings) {
                Some(_) => writeln!(text, "{line:<48} # {from}"),
                None => writeln!(text, "{line:<48} # not set: {}", setting.otherwise),
            };
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    const BLESS: &str = "PORTAL_BLESS=1 cargo test -p portal-server --bin portal-server";

    /// Compares a file with what it should hold, or writes it anew.
    fn generated(path: &str, expected: &str) {
        let full = format!("{ROOT}/{path}");
        if std::env::var_os("PORTAL_BLESS").is_some() {
            std::fs::write(&full, expected).unwrap();
        }
        let found = std::fs::read_to_string(&full).unwrap_or_default();
        assert!(found == expected, "{path} is out of date: {BLESS}");
    }

    #[test]
    fn the_grammar_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn the_page_of_the_manual_is_the_grammar() {
        let mut page = Vec::new();
        clap_mangen::Man::new(command()).render(&mut page).unwrap();
        let page = String::from_utf8(page).unwrap();
        generated("docs/reference/portal-server.1", &page);
        for setting in SETTINGS {
            assert!(page.contains(&setting.variable()), "{}", setting.name);
        }
    }

    #[test]
    fn the_table_in_the_documentation_is_the_table() {
        let usual = Settings::default();
        let mut table = String::from("| Flag | Environment | Default | |\n|---|---|---|---|\n");
        for setting in SETTINGS {
            let default = match setting.get(&usual) {
                Some(value) => format!("`{value}`"),
                None => setting.otherwise.to_owned(),
            };
            let words = match setting.takes {
                Takes::Word(words) => format!(" `{}`.", words.join("`, `")),
                _ => String::new(),
            };
            let text = format!("{}{words} {}", setting.what, setting.more);
            let (flag, variable) = (setting.flag(), setting.variable());
            let text = text.trim_end();
            let _ = writeln!(table, "| `--{flag}` | `{variable}` | {default} | {text} |");
        }
        let path = "docs/server.md";
        let document = std::fs::read_to_string(format!("{ROOT}/{path}")).unwrap();
        let (before, rest) = document.split_once("| Flag |").unwrap();
        let (_, after) = rest.split_once("\n\n").unwrap();
        generated(path, &format!("{before}{table}\n{after}"));
    }

    #[test]
    fn a_flag_goes_before_the_file_wherever_it_stands() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("portal.toml");
        std::fs::write(&file, "rate_login = 7\nrate_join = 8\n").unwrap();
        let file = file.to_str().unwrap();
        for arguments in [
            &["--config", file, "--rate-join", "9"][..],
            &["--rate-join", "9", "config", "--check", "--config", file],
            &["config", "--config", file, "--check", "--rate-join=9"],
        ] {
            let matches = command()
                .no_binary_name(true)
                .try_get_matches_from(arguments)
                .unwrap();
            let (_, matches) = task(&matches);
            let resolved = resolve(matches).unwrap();
            let rates = resolved.settings.config().unwrap().rates;
            assert_eq!((rates.login, rates.join), (7, 9), "{arguments:?}");
            let text = resolved.text();
            assert!(text.contains(&format!("# {file}:1\n")), "{text}");
            assert!(text.contains("# --rate-join\n"), "{text}");
        }
    }
}
