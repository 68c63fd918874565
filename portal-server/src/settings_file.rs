//! The settings file: TOML, read and written by the one table.

use std::fmt::Write as _;
use std::ops::Range;

use toml::de::{DeTable, DeValue};

use crate::settings::{SETTINGS, Setting, Settings, Takes, find};

/// A setting in a file.
pub(crate) struct Line {
    pub(crate) setting: &'static Setting,
    /// As the command line would have it.
    pub(crate) value: String,
    /// Counted from 1.
    pub(crate) number: usize,
}

/// Reads a settings file. Each value is looked at for itself; whether they go together is seen later.
///
/// # Errors
/// The line, and what is wrong there.
pub(crate) fn read(text: &str) -> Result<Vec<Line>, (usize, String)> {
    let line_of = |span: Range<usize>| 1 + text[..span.start].matches('\n').count();
    let (table, errors) = DeTable::parse_recoverable(text);
    let errors = errors.into_iter().map(|error| {
        let line = error.span().map_or(1, line_of);
        (line, error.message().to_owned())
    });
    // What comes after the first is often its consequence.
    if let Some(first) = errors.min_by_key(|(line, _)| *line) {
        return Err(first);
    }
    let mut lines = Vec::new();
    let mut wrong: Option<(usize, String)> = None;
    for (key, value) in table.get_ref() {
        let number = line_of(key.span());
        let read = find(key.get_ref())
            .ok_or_else(|| format!("there is no setting `{}`", key.get_ref()))
            .and_then(|setting| {
                let value = value_of(setting, value.get_ref())
                    .map_err(|why| format!("{}: {why}", setting.name))?;
                Ok(Line {
                    setting,
                    value,
                    number,
                })
            });
        match read {
            Ok(line) => lines.push(line),
            // The parser sorts by name; people read from the top.
            Err(why) if wrong.as_ref().is_none_or(|(first, _)| number < *first) => {
                wrong = Some((number, why));
            }
            Err(_) => {}
        }
    }
    match wrong {
        Some(wrong) => Err(wrong),
        None => Ok(lines),
    }
}

fn value_of(setting: &Setting, value: &DeValue<'_>) -> Result<String, String> {
    let value = match (setting.takes, value) {
        (Takes::Number(..), DeValue::Integer(number)) => number.to_string(),
        (Takes::Number(..), _) => return Err("a number without quotes is wanted".to_owned()),
        (Takes::Texts(..), DeValue::Array(values)) => {
            let texts: Option<Vec<_>> = values.iter().map(|text| text.get_ref().as_str()).collect();
            texts.ok_or(WANTS_TEXTS)?.join(",")
        }
        (Takes::Texts(..), _) => return Err(WANTS_TEXTS.to_owned()),
        (Takes::Text(..) | Takes::Word(_), DeValue::String(text)) => text.to_string(),
        (Takes::Text(..) | Takes::Word(_), _) => {
            return Err("text in quotes is wanted".to_owned());
        }
    };
    setting.set(&mut Settings::default(), &value)?;
    Ok(value)
}

const WANTS_TEXTS: &str = "texts in brackets are wanted, such as [\"one\", \"two\"]";

/// A settings file with every setting and what it is by default.
pub(crate) fn default() -> String {
    let mut text = String::from(
        "# Settings of portal-server, each with what holds without it. Flags go before the environment, the\n\
         # environment before this file. `portal-server config --check` says what would be used.\n",
    );
    let settings = Settings::default();
    for setting in SETTINGS {
        let _ = writeln!(text, "\n# {}", setting.what);
        if !setting.more.is_empty() {
            let _ = writeln!(text, "# {}", setting.more);
        }
        if let Takes::Word(words) = setting.takes {
            let _ = writeln!(text, "# One of: {}.", words.join(", "));
        }
        if !setting.otherwise.is_empty() {
            let _ = writeln!(text, "# Not set: {}.", setting.otherwise);
        }
        let _ = writeln!(text, "{}", line(setting, &settings));
    }
    text
}

/// A setting as a line of a file; one that is not set as a comment, with an example.
pub(crate) fn line(setting: &Setting, settings: &Settings) -> String {
    let value = setting.get(settings);
    let mark = if value.is_some() { "" } else { "#" };
    let written = match setting.takes {
        Takes::Text(_, example) => quoted(value.as_deref().unwrap_or(example)),
        Takes::Texts(_, example) => {
            let texts = value.as_deref().unwrap_or(example).split(',').map(quoted);
            format!("[{}]", texts.collect::<Vec<_>>().join(", "))
        }
        Takes::Word(words) => quoted(value.as_deref().unwrap_or(words[0])),
        Takes::Number(_, _, example) => value.unwrap_or_else(|| example.to_string()),
    };
    format!("{mark}{} = {written}", setting.name)
}

/// A JSON string is a TOML string, but that TOML wants DEL escaped too.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text)
        .to_string()
        .replace('\u{7f}', "\\u007f")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> (usize, String) {
        read(text).err().unwrap_or_else(|| panic!("{text} is read"))
    }

    #[test]
    fn the_default_file_says_what_holds_without_it() {
        let text = default();
        let lines = read(&text).unwrap();
        let usual = Settings::default();
        let mut said = Settings::default();
        for setting in SETTINGS {
            let line = lines.iter().find(|line| line.setting.name == setting.name);
            assert_eq!(
                line.map(|line| line.value.clone()),
                setting.get(&usual),
                "{}",
                setting.name
            );
            assert!(text.contains(setting.what), "{}", setting.name);
            if let Some(line) = line {
                setting.set(&mut said, &line.value).unwrap();
            }
        }
        let (said, usual) = (said.config().unwrap(), usual.config().unwrap());
        assert_eq!(format!("{said:?}"), format!("{usual:?}"));
    }

    #[test]
    fn the_examples_of_the_default_file_are_good() {
        let text = default().replace("\n#public", "\npublic");
        let text = text.replace("\n#allowed", "\nallowed");
        let text = text.replace("\n#client", "\nclient");
        let text = text.replace("\n#connections", "\nconnections");
        let text = text.replace("\n#browser", "\nbrowser");
        assert_eq!(read(&text).unwrap().len(), SETTINGS.len(), "{text}");
    }

    #[test]
    fn what_is_unknown_or_no_value_is_refused_by_line_and_name() {
        let (line, why) = refused("listen = \"127.0.0.1:1\"\n\nlissten = 1\n");
        assert_eq!((line, why.as_str()), (3, "there is no setting `lissten`"));
        let (line, why) = refused("# first\nrate_login = \"20\"\n");
        assert_eq!(line, 2);
        assert!(why.starts_with("rate_login: a number"), "{why}");
        let (line, why) = refused("log = \"info\"\nlog = \"warn\"\n");
        assert_eq!((line, why.contains("duplicate key")), (2, true), "{why}");
        assert_eq!(refused("db = \"a\nb\"\n").0, 1);
        assert_eq!(refused("z = 1\nb = 2\n").0, 1);
        for wrong in [
            "listen = \"nowhere\"",
            "log = \"loud\"",
            "log = 1",
            "rate_join = 0",
            "rate_join = -1",
            "rate_join = 1.5",
            "stop_timeout = 1",
            "allowed_origin = \"https://app.example\"",
            "allowed_origin = [1]",
            "client_address_header = \"two words\"",
            "[db]",
        ] {
            let (line, why) = refused(wrong);
            let name = wrong.trim_matches(['[', ']']).split(' ').next().unwrap();
            assert_eq!(line, 1);
            assert!(why.starts_with(name), "{wrong}: {why}");
        }
    }

    #[test]
    fn awkward_values_come_back_as_they_were() {
        let db = find("db").unwrap();
        for path in ["a \"b\"\\c\n\u{7f}é", "C:\\x", ""] {
            let mut settings = Settings::default();
            db.set(&mut settings, path).unwrap();
            let text = line(db, &settings);
            assert_eq!(read(&text).unwrap()[0].value, path, "{text}");
        }
    }
}
