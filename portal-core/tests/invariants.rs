//! Every named CHECK, UNIQUE and trigger of the schema is broken once by raw SQL on a valid file, and
//! the error names it. The same SQL passes on a schema without that one rule: so it breaks nothing else,
//! and no rule is there twice.
//!
//! A rule that is added to the schema needs a case here and a line in docs/invariants.md.

mod common;

#[path = "invariants/browser.rs"]
mod browser;
#[path = "invariants/cascades.rs"]
mod cascades;
#[path = "invariants/chats.rs"]
mod chats;
#[path = "invariants/content.rs"]
mod content;
#[path = "invariants/harness.rs"]
mod harness;
#[path = "invariants/matching.rs"]
mod matching;
#[path = "invariants/people.rs"]
mod people;

use std::collections::BTreeSet;

use harness::{Case, Does, Rule, Schema, copy, message, strings, world};

fn cases() -> impl Iterator<Item = &'static Case> {
    [
        people::CASES,
        chats::CASES,
        content::CASES,
        matching::CASES,
        browser::CASES,
    ]
    .into_iter()
    .flatten()
}

#[test]
fn raw_sql_that_breaks_a_rule_fails_by_its_name_spec_3_2() {
    let (_stage, db) = world();
    let schema = Schema::read(&db);
    let mut wrong = Vec::new();
    for case in cases() {
        let expected = match (schema.rules.get(case.name), &case.does) {
            (None, _) => {
                wrong.push(format!("{}: no such rule in the schema", case.name));
                continue;
            }
            (_, Does::Effect(..)) => Ok(true),
            (Some(Rule::Check), _) => Err(format!("CHECK constraint failed: {}", case.name)),
            (Some(Rule::Trigger), _) => Err(case.name.to_owned()),
            (Some(Rule::Unique | Rule::PrimaryKey), _) => {
                Err(format!("UNIQUE constraint failed: {}", case.name))
            }
        };
        let got = match case.behind {
            Some(other) => case.run(&schema.without(&[other])),
            None => case.run(&db),
        };
        if got != expected {
            wrong.push(format!("{}: {got:?}", case.sql(&db)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_case_breaks_its_rule_only_and_no_rule_is_kept_twice() {
    let (_stage, db) = world();
    let schema = Schema::read(&db);
    let mut wrong = Vec::new();
    for case in cases() {
        let needed = schema.rules.get(case.name) != Some(&Rule::PrimaryKey);
        let mut out: Vec<_> = case.behind.into_iter().collect();
        out.push(case.name);
        let passes = !matches!(case.does, Does::Effect(..));
        if needed {
            let got = case.run(&schema.without(&out));
            if got != Ok(passes) {
                wrong.push(format!("without {}, {}: {got:?}", case.name, case.sql(&db)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_rule_of_the_schema_has_a_case_and_a_line_in_the_document() {
    let (_stage, db) = world();
    let schema = Schema::read(&db);
    let cased: BTreeSet<_> = cases().map(|case| case.name).collect();
    let documented: BTreeSet<_> = include_str!("../../docs/invariants.md")
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .collect();
    for (name, rule) in &schema.rules {
        let cased = cased.contains(name.as_str());
        // A primary key has a case where it keeps a rule of SPEC.
        assert!(
            cased || *rule == Rule::PrimaryKey,
            "{name} needs a case here"
        );
        let documented = documented.contains(name.as_str());
        assert_eq!(documented, cased, "docs/invariants.md and {name}");
    }
    for name in documented {
        assert!(
            schema.rules.contains_key(name),
            "{name} is not in the schema"
        );
    }
}

#[test]
fn every_check_has_a_name_and_every_refusing_trigger_says_its_own() {
    let (_stage, db) = world();
    for (kind, name, sql) in Schema::read(&db).items {
        assert_eq!(
            sql.matches("CHECK (").count(),
            sql.matches("CONSTRAINT ").count(),
            "{name} has a CHECK without a name"
        );
        let raises = sql.matches("RAISE(").count();
        let own = sql.matches(&format!("RAISE(ABORT, '{name}')")).count();
        assert_eq!(raises, own, "{kind} {name}");
    }
}

#[test]
fn every_table_is_strict() {
    let (_stage, db) = world();
    let lax = strings(
        &db,
        "SELECT name FROM pragma_table_list WHERE schema = ? AND NOT strict AND name NOT LIKE 'sqlite_%'",
        "main",
    );
    assert_eq!(lax, Vec::<String>::new());
}

#[test]
fn nobody_is_paired_with_themself_spec_9_4() {
    let (_stage, db) = world();
    let same = copy(
        "chat_pair_is_two_people",
        "chat WHERE id = 104",
        &[("id", "NULL"), ("pair_high", "5000")],
    );
    let expected = "CHECK constraint failed: chat_pair_is_two_people".to_owned();
    assert_eq!(same.run(&db), Err(expected));
}

#[test]
fn a_settled_report_goes_once_it_is_older_than_the_horizon_spec_14_3() {
    let (_stage, db) = world();
    db.execute_batch("INSERT INTO meta (key, value) VALUES ('report_horizon', 1001)")
        .unwrap();
    assert_eq!(db.execute("DELETE FROM report WHERE id = 3", []), Ok(1));
}

#[test]
fn every_column_of_what_was_reported_stays_spec_7_6() {
    let (_stage, db) = world();
    let handling = ["state", "note", "handled_by", "handled_at"];
    for column in strings(&db, "SELECT name FROM pragma_table_info(?)", "report") {
        let same = format!("UPDATE report SET {column} = {column} WHERE id = 2");
        let refused = db.execute(&same, []).map_err(message);
        if handling.contains(&column.as_str()) {
            assert_eq!(refused, Ok(1), "{column}");
        } else {
            assert_eq!(
                refused,
                Err("report_is_never_rewritten".to_owned()),
                "{column}"
            );
        }
    }
}

#[test]
fn retention_takes_what_is_older_than_its_horizon_spec_7_8() {
    let (_stage, db) = world();
    db.execute_batch("INSERT INTO meta (key, value) VALUES ('audit_horizon', 1001)")
        .unwrap();
    assert_eq!(db.execute("DELETE FROM audit WHERE id = 1", []), Ok(1));
    let younger = db.execute("DELETE FROM audit WHERE id = 2", []);
    assert_eq!(
        younger.map_err(message),
        Err("audit_goes_by_retention_only".to_owned())
    );
}
