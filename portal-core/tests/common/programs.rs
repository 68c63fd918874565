//! Random programs: operations of the catalogue with parameters made from their own schemas, so that an
//! operation that is added is tried without anybody thinking of it.

use portal_core::catalogue::{self, Entry};
use proptest::prelude::*;
use rusqlite::Connection;
use serde_json::{Map, Value, json};

/// One call: who, what, and the numbers from which the parameters are drawn.
#[derive(Clone, Debug)]
pub struct Step {
    pub actor: usize,
    pub entry: usize,
    pub draws: Vec<u16>,
}

/// Programs of up to `longest` calls by one of `actors`.
pub fn programs(actors: usize, longest: usize) -> impl Strategy<Value = Vec<Step>> {
    let step = (
        0..actors,
        0..operations().len(),
        proptest::collection::vec(any::<u16>(), 16),
    );
    let step = step.prop_map(|(actor, entry, draws)| Step {
        actor,
        entry,
        draws,
    });
    proptest::collection::vec(step, 1..=longest)
}

/// Everything in the catalogue that writes.
pub fn operations() -> Vec<&'static Entry> {
    let entries = catalogue::all().iter();
    entries.filter(|entry| entry.writes()).collect()
}

/// What parameters can name at this moment.
pub struct World {
    numbers: Vec<(&'static str, Vec<i64>)>,
    words: Vec<String>,
}

impl World {
    pub fn of(db: &Connection) -> Self {
        let numbers = |sql: &str| -> Vec<i64> {
            let mut statement = db.prepare(sql).unwrap();
            let rows = statement.query_map([], |row| row.get(0)).unwrap();
            rows.map(Result::unwrap).collect()
        };
        let mut words: Vec<String> = db
            .prepare("SELECT code FROM invite UNION ALL SELECT username FROM user ORDER BY 1")
            .unwrap()
            .query_map([], |row| row.get(0))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        words.extend(["a-word", "another", "OFFICIAL", "PRIVATE"].map(String::from));
        Self {
            numbers: vec![
                ("ChatId", numbers("SELECT id FROM chat ORDER BY id")),
                ("UserId", numbers("SELECT id FROM user ORDER BY id")),
                ("SessionId", numbers("SELECT id FROM session ORDER BY id")),
                ("MessageId", vec![1, 2, 3]),
                ("ReportId", numbers("SELECT id FROM report ORDER BY id")),
            ],
            words,
        }
    }

    /// Parameters of an operation.
    pub fn params(&self, entry: &Entry, draws: &[u16]) -> Value {
        let root: Value = entry.parameters().into();
        let mut draws = draws.iter().copied().cycle();
        self.value(&root, &root, "", &mut || usize::from(draws.next().unwrap()))
    }

    fn value(
        &self,
        root: &Value,
        schema: &Value,
        named: &str,
        draw: &mut dyn FnMut() -> usize,
    ) -> Value {
        if let Some(name) = schema["$ref"]
            .as_str()
            .and_then(|path| path.strip_prefix("#/$defs/"))
        {
            return self.value(root, &root["$defs"][name], name, draw);
        }
        for alternatives in ["anyOf", "oneOf"] {
            if let Some(these) = schema[alternatives].as_array() {
                // The null of an optional field comes last: seldom.
                let some = these.len().min(1 + draw() % 4 * these.len());
                return self.value(root, &these[draw() % some.max(1)], named, draw);
            }
        }
        if let Some(these) = schema["enum"].as_array() {
            return these[draw() % these.len()].clone();
        }
        if !schema["const"].is_null() {
            return schema["const"].clone();
        }
        let kind = schema["type"]
            .as_str()
            .or_else(|| schema["type"][0].as_str());
        match kind {
            Some("object") => self.object(root, schema, draw),
            Some("array") => {
                let items = (0..=draw() % 2).map(|_| self.value(root, &schema["items"], "", draw));
                Value::Array(items.collect())
            }
            Some("boolean") => json!(draw().is_multiple_of(2)),
            Some("integer") => json!(self.number(named, draw)),
            Some("string") => json!(self.words[draw() % self.words.len()]),
            _ => json!(draw()),
        }
    }

    fn object(&self, root: &Value, schema: &Value, draw: &mut dyn FnMut() -> usize) -> Value {
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        let mut object = Map::new();
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            if required.iter().any(|field| field == name) || draw().is_multiple_of(3) {
                object.insert(name.clone(), self.value(root, property, "", draw));
            }
        }
        Value::Object(object)
    }

    fn number(&self, named: &str, draw: &mut dyn FnMut() -> usize) -> i64 {
        let of_kind = self.numbers.iter().find(|(kind, _)| *kind == named);
        let ids = of_kind.map(|(_, ids)| ids.as_slice()).unwrap_or_default();
        match ids {
            [] => [0, 1, 60, 300][draw() % 4],
            ids => ids[draw() % ids.len()],
        }
    }
}
