//! What people write on a command line, as the operations want it. Secrets come by stdin only.

use std::io::Read;

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::exit::Failure;

/// The parameters of an operation. What was not said is not written: for some fields null says something.
#[derive(Debug, Default)]
pub(crate) struct Params(Map<String, Value>);

impl Params {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    pub(crate) fn maybe(self, name: &str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// A field that can be set, be taken away with null, or be left as it is.
    pub(crate) fn set_or_clear(self, name: &str, set: Option<String>, clear: bool) -> Self {
        if clear {
            self.with(name, Value::Null)
        } else {
            self.maybe(name, set)
        }
    }
}

impl From<Params> for Value {
    fn from(params: Params) -> Value {
        Value::Object(params.0)
    }
}

/// `KEY=VALUE` pairs as an object. A value is JSON where it can be read as such, else text.
pub(crate) fn object(pairs: &[String]) -> Result<Option<Value>, Failure> {
    let mut object = Map::new();
    for pair in pairs {
        let (key, value) = pair
            .split_once('=')
            .ok_or_else(|| Failure::usage("KEY=VALUE", format!("{pair:?} has no `=`")))?;
        object.insert(key.to_owned(), json_or_text(value));
    }
    Ok((!object.is_empty()).then_some(Value::Object(object)))
}

/// JSON where the text can be read as such, else the text itself.
pub(crate) fn json_or_text(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::from(text))
}

/// A span of time: `90s`, `15m`, `12h`, `7d`; 0 alone needs no unit. Answers seconds.
pub(crate) fn span(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match &text[digits.len()..] {
        "" if digits == "0" => 1,
        "" => return Err("a span needs a unit: s, m, h or d".to_owned()),
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86400,
        other => return Err(format!("{other:?} is no unit; s, m, h and d are")),
    };
    let number: u64 = digits
        .parse()
        .map_err(|_| "a span is a number and s, m, h or d".to_owned())?;
    number
        .checked_mul(factor)
        .filter(|seconds| *seconds <= 100 * 366 * 86400)
        .ok_or_else(|| "a span is at most a hundred years".to_owned())
}

/// A point in time, as ISO 8601 with its offset (`2026-12-24T18:00:00Z`). Answers milliseconds.
pub(crate) fn moment(text: &str) -> Result<i64, String> {
    text.parse::<Timestamp>()
        .map(Timestamp::as_millisecond)
        .map_err(|_| "a time is written like 2026-12-24T18:00:00Z".to_owned())
}

/// Everything on stdin.
pub(crate) fn stdin() -> Result<String, Failure> {
    let mut text = String::new();
    std::io::stdin().lock().read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn spans_have_units_and_an_end() {
        let read: Vec<_> = ["0", "90s", "15m", "12h", "7d"]
            .map(|text| span(text).unwrap())
            .into();
        assert_eq!(read, [0, 90, 900, 43_200, 604_800]);
        for wrong in ["", "m", "90", "-5m", "5 m", "5w", "1.5h", "99999999999d"] {
            assert!(span(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn moments_are_iso_with_an_offset() {
        assert_eq!(moment("2027-01-15T08:00:00Z"), Ok(1_800_000_000_000));
        assert_eq!(moment("2027-01-15T09:00:00+01:00"), Ok(1_800_000_000_000));
        for wrong in ["2027-01-15", "tomorrow", "1800000000000"] {
            assert!(moment(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn pairs_are_json_where_they_can_be() {
        let pairs = ["a=5", "b=true", "c=1h", "d=\"5\"", "e=", "f=x=y"].map(str::to_owned);
        let read = object(&pairs).unwrap().unwrap();
        assert_eq!(
            read,
            json!({ "a": 5, "b": true, "c": "1h", "d": "5", "e": "", "f": "x=y" })
        );
        assert!(object(&["novalue".to_owned()]).is_err());
        assert!(object(&[]).unwrap().is_none());
    }
}
