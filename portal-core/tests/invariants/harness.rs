//! What a case is, how it is run, and a schema with a rule taken out.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::common::{CAST, Stage};

/// How one rule shows.
pub(crate) struct Case {
    /// The rule, as its error names it.
    pub(crate) name: &'static str,
    pub(crate) does: Does,
    /// A rule that keeps this one from ever showing, and is taken out first.
    pub(crate) behind: Option<&'static str>,
}

pub(crate) enum Does {
    /// Statements of which the last is refused.
    Sql(&'static str),
    /// A copy of a row, refused for the columns that differ.
    Copy(&'static str, &'static [(&'static str, &'static str)]),
    /// What a trigger does by itself: a statement, and what is true after it.
    Effect(&'static str, &'static str),
}

pub(crate) const fn refuse(name: &'static str, sql: &'static str) -> Case {
    Case {
        name,
        does: Does::Sql(sql),
        behind: None,
    }
}

pub(crate) const fn copy(
    name: &'static str,
    row: &'static str,
    but: &'static [(&'static str, &'static str)],
) -> Case {
    Case {
        name,
        does: Does::Copy(row, but),
        behind: None,
    }
}

pub(crate) const fn effect(name: &'static str, sql: &'static str, then: &'static str) -> Case {
    Case {
        name,
        does: Does::Effect(sql, then),
        behind: None,
    }
}

pub(crate) const fn behind(other: &'static str, case: Case) -> Case {
    Case {
        behind: Some(other),
        ..case
    }
}

impl Case {
    pub(crate) fn sql(&self, db: &Connection) -> String {
        let (row, but) = match &self.does {
            Does::Sql(sql) | Does::Effect(sql, _) => return (*sql).to_owned(),
            Does::Copy(row, but) => (*row, *but),
        };
        let table = row.split(' ').next().unwrap();
        let columns = columns(db, table);
        for (column, _) in but {
            assert!(
                columns.iter().any(|c| c == column),
                "{}: {column}",
                self.name
            );
        }
        let values = columns.iter().map(|column| {
            let changed = but.iter().find(|(name, _)| name == column);
            changed.map_or(column.as_str(), |(_, value)| *value)
        });
        format!(
            "INSERT INTO {table} ({}) SELECT {} FROM {row}",
            columns.join(", "),
            values.collect::<Vec<_>>().join(", ")
        )
    }

    /// Runs it and takes it back; answers the error, and for an effect whether it came about.
    pub(crate) fn run(&self, db: &Connection) -> Result<bool, String> {
        let sql = self.sql(db);
        db.execute_batch("SAVEPOINT one").unwrap();
        let outcome = db.execute_batch(&sql).map_err(message);
        let outcome = outcome.map(|()| match self.does {
            Does::Effect(_, then) => db.query_row(then, [], |row| row.get(0)).unwrap(),
            _ => true,
        });
        db.execute_batch("ROLLBACK TO one; RELEASE one").unwrap();
        outcome
    }
}

pub(crate) fn message(error: rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqliteFailure(_, Some(message)) => message,
        other => other.to_string(),
    }
}

fn columns(db: &Connection, table: &str) -> Vec<String> {
    strings(
        db,
        "SELECT name FROM pragma_table_info(?) ORDER BY cid",
        table,
    )
}

pub(crate) fn strings(db: &Connection, sql: &str, parameter: &str) -> Vec<String> {
    let mut statement = db.prepare(sql).unwrap();
    let rows = statement.query_map([parameter], |row| row.get(0)).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

// The schema --------------------------------------------------------------------------------------

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    Check,
    Trigger,
    Unique,
    PrimaryKey,
}

pub(crate) struct Schema {
    /// Kind, name and SQL of every table, index and trigger, in an order that builds them.
    pub(crate) items: Vec<(String, String, String)>,
    pub(crate) rules: BTreeMap<String, Rule>,
}

impl Schema {
    pub(crate) fn read(db: &Connection) -> Self {
        let mut statement = db
            .prepare(
                "SELECT type, name, sql FROM sqlite_schema
                 WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY type = 'table' DESC, rowid",
            )
            .unwrap();
        let items: Vec<(String, String, String)> = statement
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        let mut schema = Self {
            items,
            rules: BTreeMap::new(),
        };
        for (kind, name, sql) in &schema.items.clone() {
            match kind.as_str() {
                "trigger" => schema.add(name.clone(), Rule::Trigger),
                "table" => {
                    for constraint in sql.split("CONSTRAINT ").skip(1) {
                        let name = constraint.split(' ').next().unwrap();
                        schema.add(name.to_owned(), Rule::Check);
                    }
                    schema.add_keys(db, name);
                }
                _ => {}
            }
        }
        schema
    }

    fn add(&mut self, name: String, rule: Rule) {
        let twice = self.rules.insert(name.clone(), rule);
        assert_eq!(twice, None, "{name} names two rules");
    }

    fn add_keys(&mut self, db: &Connection, table: &str) {
        for (origin, rule) in [
            ("u", Rule::Unique),
            ("c", Rule::Unique),
            ("pk", Rule::PrimaryKey),
        ] {
            let sql = format!(
                "SELECT (SELECT group_concat(?1 || '.' || i.name, ', ') FROM pragma_index_info(l.name) i)
                 FROM pragma_index_list(?1) l WHERE l.\"unique\" AND l.origin = '{origin}'"
            );
            for name in strings(db, &sql, table) {
                self.add(name, rule);
            }
        }
    }

    /// A valid file in memory, as if the schema lacked these rules.
    pub(crate) fn without(&self, rules: &[&str]) -> Connection {
        let db = Connection::open_in_memory().unwrap();
        db.pragma_update(None, "foreign_keys", true).unwrap();
        for (_, name, sql) in &self.items {
            if rules.contains(&name.as_str()) {
                continue;
            }
            let mut sql = sql.clone();
            for rule in rules {
                sql = match self.rules[*rule] {
                    Rule::Check => without_check(&sql, rule),
                    Rule::Unique => without_unique(&sql, name, rule),
                    Rule::Trigger | Rule::PrimaryKey => sql,
                };
            }
            db.execute_batch(&sql)
                .unwrap_or_else(|error| panic!("{name} without {rules:?}: {error}\n{sql}"));
        }
        fill(&db);
        db
    }
}

fn without_check(sql: &str, rule: &str) -> String {
    let Some(start) = sql.find(&format!("CONSTRAINT {rule} CHECK (")) else {
        return sql.to_owned();
    };
    let open = start + sql[start..].find('(').unwrap();
    let mut depth = 0;
    let close = sql[open..].find(|c| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        depth == 0
    });
    format!("{}(1{}", &sql[..open], &sql[open + close.unwrap()..])
}

fn without_unique(sql: &str, table: &str, rule: &str) -> String {
    let columns: Vec<_> = rule
        .split(", ")
        .filter_map(|column| column.strip_prefix(table)?.strip_prefix('.'))
        .collect();
    let lines = sql.lines().map(|line| match *columns {
        [column] if line.trim_start().starts_with(&format!("{column} ")) => {
            line.replace(" UNIQUE", "")
        }
        [_, _, ..] if line.trim() == format!("UNIQUE ({}),", columns.join(", ")) => String::new(),
        _ => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The cast and the world: something of everything.
fn fill(db: &Connection) {
    if db
        .query_row("SELECT count(*) FROM user", [], |row| row.get::<_, i64>(0))
        .unwrap()
        == 0
    {
        db.execute_batch(CAST).unwrap();
    }
    db.execute_batch(include_str!("world.sql"))
        .unwrap_or_else(|error| panic!("the world is not valid: {error}"));
}

/// An opened file with the world in it.
pub(crate) fn world() -> (Stage, Connection) {
    let stage = Stage::new();
    let db = stage.raw();
    fill(&db);
    (stage, db)
}
