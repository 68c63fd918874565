//! What is printed. Data goes to stdout, everything else to stderr: notes, questions, errors. Nothing
//! else in this program writes to either.

use std::io::{self, IsTerminal, Write};

use portal_core::error::Exit;
use serde_json::{Value, json};

use crate::exit::Failure;
use crate::table::{self, Column};

/// How answers are shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
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
        data(&table::table(rows, columns, width()))
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
                let mut text = format!("error: {} ({}", error.message(), error.kind().code());
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

fn data(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()?;
    Ok(())
}

fn aside(text: &str) {
    // Where nobody reads notes, nobody misses them.
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// How wide a table may be: the terminal's width, or as wide as it likes where a program reads.
fn width() -> usize {
    if !io::stdout().is_terminal() {
        return usize::MAX;
    }
    terminal_size::terminal_size().map_or(usize::MAX, |(width, _)| width.0.into())
}
