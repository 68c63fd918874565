//! Many at once: a list of people from stdin or a file, one operation a line (SPEC 16.1).
//!
//! A list that cannot be read is refused before its first line is run. Each line is then a transaction of its
//! own, and so is the rehearsal of one; what a line is refused with does not keep the next from being run.
//! Ctrl-C ends after the line that runs.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};

use portal_core::error::Exit;
use serde_json::{Map, Value, json};

use crate::desk::Desk;
use crate::exit::Failure;
use crate::input::json_or_text;
use crate::live::Interrupt;
use crate::output;
use crate::table;

/// The longest list that is taken, in bytes.
const MAX_BYTES: u64 = 16 * 1024 * 1024;
/// And in lines.
const MAX_LINES: usize = 100_000;

/// A line of a list.
#[derive(Debug)]
pub(crate) struct Line {
    /// Where it stands, from 1.
    number: u64,
    /// What it is about: its first column.
    subject: String,
    /// What it says, by column.
    pub(crate) given: Map<String, Value>,
}

impl Line {
    fn new(number: u64, given: Map<String, Value>) -> Self {
        Self {
            number,
            subject: String::new(),
            given,
        }
    }

    /// What it says in a column.
    pub(crate) fn get(&self, column: &str) -> Option<&Value> {
        self.given.get(column)
    }

    /// What it says in a column, as text.
    pub(crate) fn text(&self, column: &str) -> Option<String> {
        self.get(column).map(table::text)
    }
}

/// Lines that nobody wrote: so many, alike.
pub(crate) fn counted(count: u64) -> Vec<Line> {
    (1..=count)
        .map(|number| Line::new(number, Map::new()))
        .collect()
}

/// Lines of one column that nobody wrote.
pub(crate) fn of(column: &str, values: impl IntoIterator<Item = Value>) -> Vec<Line> {
    let numbered = values.into_iter().zip(1..);
    let line = |(value, number)| Line {
        number,
        subject: table::text(&value),
        given: Map::from_iter([(column.to_owned(), value)]),
    };
    numbered.map(line).collect()
}

/// Reads the list in a file, or on stdin for `-`. The first column has to be there in every line.
///
/// A list that begins with `{` is JSON, an object a line. Else it is CSV: the columns in their order, or
/// as a first line says that begins with the first column's name.
pub(crate) fn read(from: &str, columns: &[&str]) -> Result<Vec<Line>, Failure> {
    if from == "-" {
        return parse(std::io::stdin().lock(), columns);
    }
    let file = File::open(from)
        .map_err(|error| Failure::usage("FILE", format!("{from} cannot be read: {error}")))?;
    parse(BufReader::new(file), columns)
}

fn parse(source: impl BufRead, columns: &[&str]) -> Result<Vec<Line>, Failure> {
    let mut text = String::new();
    source
        .take(MAX_BYTES + 1)
        .read_to_string(&mut text)
        .map_err(|error| Failure::usage("FILE", format!("the list cannot be read: {error}")))?;
    if text.len() as u64 > MAX_BYTES {
        return Err(Failure::usage("FILE", "a list has at most 16 MiB"));
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let mut lines = if text.trim_start().starts_with('{') {
        json_lines(text, columns)?
    } else {
        csv_lines(text, columns)?
    };
    if lines.len() > MAX_LINES {
        let message = format!("a list has at most {MAX_LINES} lines");
        return Err(Failure::usage("FILE", message));
    }
    for line in &mut lines {
        line.subject = line
            .text(columns[0])
            .ok_or_else(|| bad(line.number, &format!("no {}", columns[0])))?;
    }
    Ok(lines)
}

/// What is wrong with which line.
fn bad(number: u64, why: &str) -> Failure {
    let message = format!("line {number}: {why}; nothing was done");
    Failure::usage("FILE", message)
}

fn json_lines(text: &str, columns: &[&str]) -> Result<Vec<Line>, Failure> {
    let mut lines = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        if line.trim().is_empty() {
            continue;
        }
        let mut given: Map<String, Value> =
            serde_json::from_str(line).map_err(|error| bad(number, &error.to_string()))?;
        if let Some(unknown) = given.keys().find(|key| !columns.contains(&key.as_str())) {
            return Err(bad(number, &unknown_column(unknown, columns)));
        }
        given.retain(|_, value| !value.is_null());
        lines.push(Line::new(number, given));
    }
    Ok(lines)
}

fn csv_lines(text: &str, columns: &[&str]) -> Result<Vec<Line>, Failure> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .comment(Some(b'#'))
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let mut heads: Vec<String> = columns.iter().map(|&column| column.to_owned()).collect();
    let mut lines = Vec::new();
    for (record, nth) in reader.records().zip(0_u64..) {
        let record = record.map_err(|error| {
            let number = error.position().map_or(nth + 1, csv::Position::line);
            bad(number, &error.to_string())
        })?;
        let number = record.position().map_or(nth + 1, |at| line_of(text, at));
        if nth == 0 && record.get(0) == Some(columns[0]) {
            heads = record.iter().map(str::to_owned).collect();
            if let Some(unknown) = heads.iter().find(|head| !columns.contains(&head.as_str())) {
                return Err(bad(number, &unknown_column(unknown, columns)));
            }
            continue;
        }
        if record.len() > heads.len() {
            let message = format!("more than the columns {}", heads.join(", "));
            return Err(bad(number, &message));
        }
        let given = heads
            .iter()
            .zip(&record)
            .filter(|(_, value)| !value.is_empty())
            .map(|(head, value)| (head.clone(), Value::from(value)))
            .collect();
        lines.push(Line::new(number, given));
    }
    Ok(lines)
}

/// The number of the line that a record begins in: where the last one ended, and what was passed over.
fn line_of(text: &str, at: &csv::Position) -> u64 {
    let rest = usize::try_from(at.byte())
        .ok()
        .and_then(|byte| text.get(byte..));
    let lines = rest.unwrap_or_default().lines();
    let passed = lines.take_while(|line| line.is_empty() || line.starts_with('#'));
    at.line() + passed.count() as u64
}

fn unknown_column(unknown: &str, columns: &[&str]) -> String {
    format!(
        "there is no column {unknown:?}; there are {}",
        columns.join(", ")
    )
}

/// A number of a CSV or JSON line; what is none is left for the operation to refuse.
pub(crate) fn number(value: &Value) -> Value {
    match value {
        Value::String(text) => json_or_text(text),
        other => other.clone(),
    }
}

/// What came of the lines so far.
#[derive(Default)]
struct Tally {
    done: usize,
    failed: usize,
    /// How the first line that failed would have ended this program.
    first_code: u8,
    outcomes: Vec<Value>,
}

/// Runs every line, and tells what became of each: as it is done, or with `--json` in one document at the
/// end. `outcome` says in a few words what a line's reply holds.
pub(crate) fn run(
    desk: &Desk,
    lines: &[Line],
    outcome: impl Fn(&Value) -> String,
    step: impl Fn(&Line) -> Result<Value, Failure>,
) -> Result<(), Failure> {
    let interrupt = Interrupt::listen()?;
    let mut tally = Tally::default();
    for line in lines {
        if interrupt.is_asked() {
            break;
        }
        let ended = match step(line) {
            Ok(reply) => {
                tally.done += 1;
                tell(desk, line, &outcome(&reply))?;
                json!({ "line": line.number, "given": line.given, "reply": reply })
            }
            Err(Failure::Error(error)) => {
                let exit = error.kind().exit();
                if tally.failed == 0 {
                    tally.first_code = exit as u8;
                }
                tally.failed += 1;
                let said = format!("{} ({})", error.message(), error.kind().code());
                tell(desk, line, &said)?;
                let ended = json!({ "line": line.number, "given": line.given, "error": *error });
                // Where the file fails there is no use in trying the next.
                if matches!(exit, Exit::Storage | Exit::Internal) {
                    tally.outcomes.push(ended);
                    break;
                }
                ended
            }
            Err(failure) => return Err(failure),
        };
        tally.outcomes.push(ended);
        if desk.out.is_silent() {
            let ran = tally.done + tally.failed;
            output::progress(&format!("{ran} of {}", lines.len()), ran == lines.len());
        }
    }
    conclude(desk, lines.len(), tally)
}

fn tell(desk: &Desk, line: &Line, outcome: &str) -> Result<(), Failure> {
    if desk.out.is_json() {
        return Ok(());
    }
    let said = [&line.number.to_string(), &line.subject, outcome];
    let said: Vec<_> = said.into_iter().filter(|part| !part.is_empty()).collect();
    output::line(&said.join("  "))
}

fn conclude(desk: &Desk, lines: usize, tally: Tally) -> Result<(), Failure> {
    let untried = lines - tally.done - tally.failed;
    let (done, failed) = (tally.done, tally.failed);
    if desk.out.is_json() {
        output::document(&json!({
            "done": done, "failed": failed, "untried": untried, "lines": tally.outcomes,
        }))?;
    }
    if desk.is_rehearsal() {
        output::rehearsed();
    }
    let summary = format!("{done} done, {failed} failed, {untried} not tried");
    match (done, failed, untried) {
        (_, 0, 0) => {
            if !desk.out.is_json() {
                output::note(&format!("{done} done."));
            }
            Ok(())
        }
        (0, 1.., _) => Err(Failure::NoneDone(tally.first_code, summary)),
        _ => Err(Failure::Partly(summary)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &[&str] = &["user", "reason", "for"];

    fn lines(text: &str) -> Vec<(u64, Value)> {
        let lines = parse(text.as_bytes(), COLUMNS).unwrap();
        let shown = |line: Line| (line.number, Value::Object(line.given));
        lines.into_iter().map(shown).collect()
    }

    fn refusal(text: &str) -> String {
        match parse(text.as_bytes(), COLUMNS) {
            Err(Failure::Error(error)) => error.message().to_owned(),
            other => panic!("{text:?}: {other:?}"),
        }
    }

    #[test]
    fn csv_has_the_columns_in_their_order_or_as_its_head_says() {
        let plain = lines("# raiders\nada\n\nben,\"Shouting, twice\",1h\n");
        let ben = json!({ "user": "ben", "reason": "Shouting, twice", "for": "1h" });
        assert_eq!(plain, [(2, json!({ "user": "ada" })), (4, ben)]);
        let headed = lines("\u{feff}user,for\r\nada, 5m\r\nben,\r\n");
        assert_eq!(
            headed,
            [
                (2, json!({ "user": "ada", "for": "5m" })),
                (3, json!({ "user": "ben" }))
            ]
        );
        assert_eq!(lines(""), []);
    }

    #[test]
    fn json_is_an_object_a_line() {
        let text = "{\"user\": 7}\n\n{\"user\": \"ben\", \"reason\": null}\n";
        assert_eq!(
            lines(text),
            [(1, json!({ "user": 7 })), (3, json!({ "user": "ben" }))]
        );
    }

    #[test]
    fn a_list_that_cannot_be_read_names_the_line() {
        for (text, said) in [
            ("ada\nben,a,b,c\n", "line 2: more than the columns"),
            (
                "user,colour\nada,red\n",
                "line 1: there is no column \"colour\"",
            ),
            ("user,for\n,5m\n", "line 2: no user"),
            (
                "{\"user\": \"ada\"}\n{\"name\": \"ben\"}\n",
                "line 2: there is no column \"name\"",
            ),
            ("{\"user\": \"ada\"}\nben\n", "line 2: expected"),
            ("{\"reason\": \"x\"}\n", "line 1: no user"),
        ] {
            let message = refusal(text);
            assert!(message.starts_with(said), "{text:?}: {message}");
            assert!(message.ends_with("nothing was done"), "{message}");
        }
        let long = "ada\n".repeat(MAX_LINES + 1);
        assert!(refusal(&long).contains("100000 lines"));
    }
}
