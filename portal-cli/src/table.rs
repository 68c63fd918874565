//! Tables and lists for people. Pure: JSON in, text out. Times become ISO UTC, and nothing that somebody
//! chose as a name can steer the terminal.

use jiff::Timestamp;
use serde_json::Value;
use unicode_width::UnicodeWidthStr;

/// A column: the place in a row (`sender.username`) and its head.
pub(crate) type Column = (&'static str, &'static str);

const GAP: &str = "  ";
/// No column is cut to less than this.
const NARROWEST: usize = 8;
const NONE: &str = "-";

/// A table no wider than `width` where columns can be cut; an empty one has its head all the same.
pub(crate) fn table(rows: &[Value], columns: &[Column], width: usize) -> String {
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| columns.iter().map(|(path, _)| at(row, path)).collect())
        .collect();
    let heads: Vec<String> = columns
        .iter()
        .map(|(_, head)| head.to_uppercase())
        .collect();
    let numbers: Vec<bool> = columns
        .iter()
        .map(|(path, _)| {
            !rows.is_empty()
                && rows
                    .iter()
                    .all(|row| find(row, path).is_number() && !is_time(path))
        })
        .collect();
    let mut widths: Vec<usize> = heads.iter().map(|head| head.width()).collect();
    for row in &cells {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.width());
        }
    }
    let times: Vec<bool> = columns.iter().map(|(path, _)| is_time(path)).collect();
    shrink(&mut widths, &times, width);
    let mut text = String::new();
    for row in std::iter::once(&heads).chain(&cells) {
        let line: Vec<String> = row
            .iter()
            .zip(&widths)
            .zip(&numbers)
            .map(|((cell, width), number)| fit(cell, *width, *number))
            .collect();
        text.push_str(line.join(GAP).trim_end());
        text.push('\n');
    }
    text
}

/// What a person looks for first, in this order; the rest follows by name.
const LEADING: &[&str] = &[
    "id",
    "user_id",
    "chat_id",
    "session_id",
    "username",
    "name",
    "chat_type",
    "slug",
];

/// One line a field; those of a field that has fields itself by both their names.
pub(crate) fn fields(answer: &Value) -> String {
    let Some(object) = answer.as_object() else {
        return format!("{}\n", text(answer));
    };
    let mut fields: Vec<(String, &Value)> = Vec::new();
    for (key, value) in object {
        match value.as_object() {
            Some(parts) => fields.extend(
                parts
                    .iter()
                    .map(|(part, value)| (format!("{key}.{part}"), value)),
            ),
            None => fields.push((key.clone(), value)),
        }
    }
    fields.sort_by_key(|(key, _)| {
        LEADING
            .iter()
            .position(|name| name == key)
            .unwrap_or(usize::MAX)
    });
    let widest = fields.iter().map(|(key, _)| key.width()).max();
    let widest = widest.unwrap_or_default();
    let mut text = String::new();
    for (key, value) in fields {
        text.push_str(&fit(&key, widest, false));
        text.push_str(GAP);
        text.push_str(&cell(&key, value));
        text.push('\n');
    }
    text
}

/// The text of a place in a row.
pub(crate) fn at(row: &Value, path: &str) -> String {
    cell(path, find(row, path))
}

/// The text of a value that has no name.
pub(crate) fn text(value: &Value) -> String {
    cell("", value)
}

/// The text with nothing in it that steers a terminal: control characters and marks of direction.
pub(crate) fn printable(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        let steers = c.is_control()
            || matches!(c, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
        if steers && c != '\n' {
            clean.extend(c.escape_default());
        } else {
            clean.push(c);
        }
    }
    clean
}

/// `1 session`, `2 sessions`.
pub(crate) fn number_of(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

fn find<'a>(row: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(row, |value, key| &value[key])
}

/// Whether a number of this name is a point in time (SPEC, Terms).
fn is_time(path: &str) -> bool {
    let name = path.rsplit('.').next().unwrap_or(path);
    ["at", "since", "until"].into_iter().any(|word| {
        let before = name.strip_suffix(word);
        before.is_some_and(|before| before.is_empty() || before.ends_with('_'))
    })
}

fn cell(path: &str, value: &Value) -> String {
    match value {
        Value::Null => NONE.to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Number(number) => match number.as_i64() {
            Some(millis) if is_time(path) => iso(millis),
            _ => number.to_string(),
        },
        Value::String(text) => printable(text).replace('\n', "\\n"),
        Value::Array(words) if words.iter().all(Value::is_string) => match &words[..] {
            [] => NONE.to_owned(),
            words => words.iter().map(text).collect::<Vec<_>>().join(", "),
        },
        other => printable(&other.to_string()),
    }
}

/// ISO 8601, to the second: `2026-11-22T21:20:00Z`.
fn iso(millis: i64) -> String {
    Timestamp::from_millisecond(millis).map_or_else(
        |_| millis.to_string(),
        |time| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
    )
}

/// Takes from the widest columns until the row fits; from times last, for the day alone tells little.
fn shrink(widths: &mut [usize], times: &[bool], available: usize) {
    let gaps = GAP.len() * widths.len().saturating_sub(1);
    for from_times in [false, true] {
        while widths.iter().sum::<usize>() + gaps > available {
            let columns = widths.iter_mut().zip(times);
            let can_give = columns.filter(|(_, is_time)| from_times || !**is_time);
            match can_give.map(|(width, _)| width).max() {
                Some(widest) if *widest > NARROWEST => *widest -= 1,
                _ => break,
            }
        }
    }
}

/// The text in a field of this width: padded, or cut with a sign that it was.
fn fit(text: &str, width: usize, right: bool) -> String {
    let is = text.width();
    if is <= width {
        let padding = " ".repeat(width - is);
        return if right {
            padding + text
        } else {
            text.to_owned() + &padding
        };
    }
    let mut cut = String::new();
    for c in text.chars() {
        let next = format!("{cut}{c}");
        if next.width() + 1 > width {
            break;
        }
        cut = next;
    }
    cut.push('…');
    let padding = " ".repeat(width.saturating_sub(cut.width()));
    cut + &padding
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const COLUMNS: &[Column] = &[
        ("id", "id"),
        ("who.name", "name"),
        ("created_at", "created"),
    ];

    fn row(id: u64, name: &str) -> Value {
        json!({ "id": id, "who": { "name": name }, "created_at": 1_800_000_000_000_i64 })
    }

    #[test]
    fn numbers_stand_right_and_times_are_iso() {
        let text = table(&[row(7, "ada"), row(1000, "benedict")], COLUMNS, usize::MAX);
        assert_eq!(
            text,
            "  ID  NAME      CREATED\n   7  ada       2027-01-15T08:00:00Z\n1000  benedict  2027-01-15T08:00:00Z\n"
        );
    }

    #[test]
    fn a_table_fits_its_width_by_cutting_the_widest_column() {
        let text = table(&[row(7, &"long ".repeat(20))], COLUMNS, 60);
        assert!(text.lines().all(|line| line.width() <= 60), "{text}");
        assert!(
            text.contains('…') && text.contains("2027-01-15T08:00:00Z"),
            "{text}"
        );
    }

    #[test]
    fn a_time_is_cut_when_nothing_else_can_be() {
        let rows = [row(7, &"long ".repeat(20))];
        let text = table(&rows, COLUMNS, 34);
        assert!(
            text.ends_with("7  long lo…  2027-01-15T08:00:00Z\n"),
            "{text}"
        );
        let text = table(&rows, COLUMNS, 30);
        assert!(text.ends_with("7  long lo…  2027-01-15T08:0…\n"), "{text}");
    }

    #[test]
    fn wide_letters_count_double() {
        let text = table(
            &[row(1, "漢字漢字"), row(2, "12345678")],
            COLUMNS,
            usize::MAX,
        );
        let starts: Vec<usize> = text
            .lines()
            .skip(1)
            .map(|line| line[..line.find("2027").unwrap()].width())
            .collect();
        assert_eq!(starts[0], starts[1]);
    }

    #[test]
    fn a_name_cannot_steer_the_terminal() {
        let text = table(&[row(1, "a\u{1b}[2Jb\u{202e}c\nd")], COLUMNS, usize::MAX);
        assert!(
            !text.contains('\u{1b}') && !text.contains('\u{202e}'),
            "{text:?}"
        );
        assert_eq!(text.lines().count(), 2);
    }

    #[test]
    fn words_are_a_list_and_what_a_time_is_called_ends_in_at_since_or_until() {
        let shown = fields(&json!({
            "interests": ["chess", "tea"],
            "none": [],
            "numbers": [1, 2],
            "away_until": 1_800_000_000_000_i64,
            "since": 1_800_000_000_000_i64,
            "format": 5,
        }));
        assert_eq!(
            shown,
            "away_until  2027-01-15T08:00:00Z\nformat      5\ninterests   chess, tea\n\
             none        -\nnumbers     [1,2]\nsince       2027-01-15T08:00:00Z\n"
        );
    }

    #[test]
    fn an_empty_table_has_its_head_and_a_missing_field_its_dash() {
        assert_eq!(table(&[], COLUMNS, usize::MAX), "ID  NAME  CREATED\n");
        assert_eq!(
            fields(&json!({ "slug": null, "kiosk": true })),
            "slug   -\nkiosk  yes\n"
        );
    }
}
