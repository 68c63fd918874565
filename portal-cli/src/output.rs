//! What is printed. Data goes to stdout, everything else to stderr: notes, questions, errors. Nothing
//! else in this program writes to either.

use std::io::{self, IsTerminal, Write};

use clap::ColorChoice;
use portal_core::error::Exit;
use portal_core::{Error, ErrorKind};
use serde_json::{Value, json};

use crate::exit::Failure;
use crate::table::{self, Column};

/// How answers are shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    json: bool,
    /// Whether stdout and stderr take colours.
    colour: bool,
    colour_aside: bool,
}

const BOLD: &str = "\u{1b}[1m";
const RED: &str = "\u{1b}[1;31m";
const PLAIN: &str = "\u{1b}[0m";

impl Output {
    pub(crate) fn new(json: bool, colour: ColorChoice) -> Self {
        let on = |terminal: bool| match colour {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => terminal && wants_colour(),
        };
        Self {
            json,
            colour: !json && on(io::stdout().is_terminal()),
            colour_aside: !json && on(io::stderr().is_terminal()),
        }
    }

    fn bold(self, text: &str) -> String {
        if self.colour {
            format!("{BOLD}{text}{PLAIN}")
        } else {
            text.to_owned()
        }
    }

    /// An answer that is a list: the whole answer as JSON, or a table of its rows.
    pub(crate) fn rows(
        self,
        answer: &Value,
        rows: &str,
        columns: &[Column],
    ) -> Result<(), Failure> {
        if self.json {
            return document(answer);
        }
        let rows = answer
            .get(rows)
            .and_then(Value::as_array)
            .ok_or_else(|| Failure::unexpected(rows))?;
        let text = table::table(rows, columns, width());
        let (head, body) = text.split_once('\n').unwrap_or_default();
        data(&format!("{}\n{body}", self.bold(head)))
    }

    /// The head of a part of a long answer, for people.
    pub(crate) fn section(self, title: &str) -> Result<(), Failure> {
        data(&format!("\n{}\n", self.bold(&table::printable(title))))
    }

    /// An answer that is one thing: as JSON, or a line for each of its fields.
    pub(crate) fn fields(self, answer: &Value) -> Result<(), Failure> {
        if self.json {
            return document(answer);
        }
        data(&table::fields(answer))
    }

    /// An answer that is one thing with a list in it: as JSON, or its fields and below them the table.
    pub(crate) fn fields_and_rows(
        self,
        mut answer: Value,
        rows: &str,
        columns: &[Column],
    ) -> Result<(), Failure> {
        if self.json {
            return document(&answer);
        }
        let list = answer
            .as_object_mut()
            .and_then(|fields| fields.remove(rows))
            .ok_or_else(|| Failure::unexpected(rows))?;
        self.fields(&answer)?;
        line("")?;
        self.rows(&json!({ rows: list }), rows, columns)
    }

    /// An answer that has nothing to show but that it is done: as JSON, or a sentence on stderr.
    pub(crate) fn done(self, answer: &Value, sentence: &str) -> Result<(), Failure> {
        if self.json {
            return document(answer);
        }
        note(sentence);
        Ok(())
    }

    /// Whether a person who waits sees nothing of what is printed so far.
    pub(crate) fn is_silent(self) -> bool {
        self.json || !io::stdout().is_terminal()
    }

    /// Whether the reader is a program.
    pub(crate) fn is_json(self) -> bool {
        self.json
    }

    /// Why it did not work, on stderr: a sentence, or the body that HTTP would answer with.
    pub(crate) fn failure(self, failure: &Failure) {
        match failure {
            Failure::Error(error) if self.json => {
                let mut body = serde_json::to_value(&**error).unwrap_or_default();
                if let (Some(cause), Some(body)) = (cause(error), body.as_object_mut()) {
                    body.insert("cause".into(), cause.into());
                }
                aside(&format!("{}\n", json!({ "error": body })));
            }
            Failure::Error(error) => {
                let error_word = if self.colour_aside {
                    format!("{RED}error:{PLAIN}")
                } else {
                    "error:".to_owned()
                };
                aside(&format!("{error_word} "));
                let mut text = format!("{} ({}", error.message(), error.kind().code());
                let extras = error.extras();
                let told = [
                    extras.field.as_ref().map(|field| format!("field: {field}")),
                    extras.ttl_seconds.map(|ttl| format!("for: {ttl} s")),
                    extras.epoch.map(|epoch| format!("epoch: {epoch}")),
                    extras.retry_after_ms.map(|ms| format!("again in: {ms} ms")),
                ];
                for extra in told.into_iter().flatten() {
                    text.push_str("; ");
                    text.push_str(&extra);
                }
                text.push(')');
                note(&text);
                if let Some(cause) = cause(error) {
                    note(&format!("  caused by: {cause}"));
                }
            }
            Failure::Partly(what) => note(&format!("partly done: {what}")),
            Failure::NoneDone(_, what) => note(&format!("nothing done: {what}")),
            Failure::Findings | Failure::ReaderGone => {}
        }
    }
}

/// The cause of a failure of the file or of ours: whoever holds the file may see it.
fn cause(error: &portal_core::Error) -> Option<String> {
    match error.kind().exit() {
        Exit::Internal | Exit::Storage => std::error::Error::source(error).map(ToString::to_string),
        _ => None,
    }
}

/// The answer as one line of JSON, whatever was asked for.
pub(crate) fn document(answer: &Value) -> Result<(), Failure> {
    text(&answer.to_string())
}

/// A line for programs, as it is.
pub(crate) fn text(line: &str) -> Result<(), Failure> {
    data(&format!("{line}\n"))
}

/// A line for people, on stdout.
pub(crate) fn line(text: &str) -> Result<(), Failure> {
    data(&format!("{}\n", table::printable(text)))
}

/// A line beside the data, on stderr.
pub(crate) fn note(text: &str) {
    aside(&format!("{}\n", table::printable(text)));
}

/// Says that what is answered was taken back.
pub(crate) fn rehearsed() {
    note("A rehearsal: nothing was changed.");
}

/// A question beside the data; the answer follows on the same line.
pub(crate) fn question(text: &str) {
    aside(&format!("{} ", table::printable(text)));
}

/// How far something is, beside the data: one line that changes, and only where a person looks.
pub(crate) fn progress(text: &str, is_last: bool) {
    if io::stderr().is_terminal() {
        let end = if is_last { "\n" } else { "" };
        aside(&format!("\r{}\u{1b}[K{end}", table::printable(text)));
    }
}

/// Begins the next look at something that goes on: in the last one's place on a terminal, else after a line.
pub(crate) fn new_page(first: bool) -> Result<(), Failure> {
    if io::stdout().is_terminal() {
        data("\u{1b}[H\u{1b}[2J")
    } else if first {
        Ok(())
    } else {
        data("\n")
    }
}

fn data(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(text.as_bytes());
    written.and_then(|()| stdout.flush()).map_err(unwritten)
}

/// Why an answer did not get out. By then everything is done.
fn unwritten(error: io::Error) -> Failure {
    let kind = match error.kind() {
        io::ErrorKind::BrokenPipe => return Failure::ReaderGone,
        io::ErrorKind::StorageFull => ErrorKind::StorageFull,
        _ => ErrorKind::Storage,
    };
    let message =
        "The answer could not be written out; what was changed in the database stays changed.";
    Error::with_message(kind, message).caused_by(error).into()
}

fn aside(text: &str) {
    // Where nobody reads notes, nobody misses them.
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Whether colours are welcome on a terminal (no-color.org, and terminals that have none).
fn wants_colour() -> bool {
    let is_set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    is_set("NO_COLOR").is_none() && is_set("TERM").is_none_or(|terminal| terminal != "dumb")
}

/// How wide a table may be: the terminal's width, or as wide as it likes where a program reads.
fn width() -> usize {
    if !io::stdout().is_terminal() {
        return usize::MAX;
    }
    terminal_size::terminal_size().map_or(usize::MAX, |(width, _)| width.0.into())
}
