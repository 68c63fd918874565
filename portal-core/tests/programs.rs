//! What no sequence of operations ever does (SPEC 1.4, 3.2, 4.2, 7.8), tried with random programs over the whole
//! catalogue. A failure prints the program; `PROPTEST_CASES` makes a run longer.

mod common;

use std::collections::BTreeMap;

use common::programs::{Step, World, operations, programs};
use common::{ADMIN, BASIC, LIFETIME, MODERATOR, OTHER, OWNER, PREMIUM, STRANGER, Stage, user};
use portal_core::Actor;
use portal_core::model::ChatType;
use proptest::prelude::*;
use rusqlite::Connection;
use serde_json::json;

/// A stage with something of everything that could be taken from somebody.
fn furnished() -> Stage {
    let stage = Stage::new();
    let owned = [
        stage.chat(ChatType::Official, ADMIN, Some("lobby")),
        stage.chat(ChatType::Public, PREMIUM, Some("open-door")),
        stage.chat(ChatType::Private, PREMIUM, None),
        stage.chat(ChatType::Private, LIFETIME, None),
    ];
    for chat in owned {
        for member in [BASIC, OTHER] {
            stage.member(chat, member);
        }
        stage.written(chat, OTHER, 3);
    }
    stage.direct(BASIC, OTHER);
    let invite = json!({ "chat_id": owned[2] });
    stage.ok(&user(PREMIUM), "invite.create", invite);
    for (name, target) in [("mod.hard_mute", BASIC), ("mod.warn", OTHER)] {
        let mut params = json!({ "user_id": target });
        if name == "mod.warn" {
            params["reason"] = json!("a reason");
        }
        stage.ok(&user(ADMIN), name, params);
    }
    let report = common::sealed::report(owned[1], 1);
    stage.ok(&user(BASIC), "report.create", report);
    let mute = json!({ "chat_id": owned[1], "user_id": OTHER });
    stage.ok(&user(PREMIUM), "mod.mute", mute);
    stage
}

/// Rows by what they are of: `(kind, whose, which)`.
type Rows = BTreeMap<(&'static str, i64, i64), String>;

fn rows(db: &Connection, kind: &'static str, sql: &str) -> Rows {
    let mut statement = db.prepare(sql).unwrap();
    let found = statement.query_map([], |row| {
        Ok(((kind, row.get(0)?, row.get(1)?), row.get::<_, String>(2)?))
    });
    found.unwrap().map(Result::unwrap).collect()
}

/// What belongs to people: whose, which, and what it says.
fn belongings(db: &Connection) -> Rows {
    let mut all = rows(
        db,
        "account",
        "SELECT id, id, json_array(username, role, tier, tier_expires_at, trial_used, hex(account_key_hash)) FROM user",
    );
    all.extend(rows(
        db,
        "punishment",
        "SELECT user_id, id, json_array(kind, chat_id, reason, until, lifted_at) FROM punishment",
    ));
    all.extend(rows(
        db,
        "report",
        "SELECT reporter_id, id, json_array(sender_id, reason, plaintext, state, note, handled_by) FROM report",
    ));
    all.extend(rows(
        db,
        "chat",
        "SELECT owner_id, id, json_array(chat_type, name, description, slug, label, e2ee, chat_config, browser_config)
         FROM chat WHERE owner_id IS NOT NULL",
    ));
    all
}

/// The same, and what can be taken from people without it being theirs to give.
fn traces(db: &Connection) -> Rows {
    let mut all = belongings(db);
    all.extend(rows(
        db,
        "membership",
        "SELECT m.user_id, m.chat_id, '' FROM membership m JOIN chat c ON c.id = m.chat_id WHERE c.chat_type <> 'DIRECT'",
    ));
    all.extend(rows(db, "session", "SELECT user_id, id, '' FROM session"));
    all.extend(rows(
        db,
        "message",
        "SELECT sender_id, chat_id * 1000 + id, '' FROM message WHERE sender_id IS NOT NULL",
    ));
    all
}

/// What was changed, given or taken between the two.
fn changed(before: &Rows, after: &Rows) -> Vec<(&'static str, i64, i64)> {
    let keys = before.keys().chain(after.keys());
    let mut changed: Vec<_> = keys
        .filter(|key| before.get(key) != after.get(key))
        .copied()
        .collect();
    changed.sort_unstable();
    changed.dedup();
    changed
}

fn ids(db: &Connection, sql: &str, person: i64) -> Vec<i64> {
    let mut statement = db.prepare(sql).unwrap();
    let rows = statement.query_map([person], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

/// Runs a step; answers its operation and whether it was done.
fn run(stage: &Stage, db: &Connection, step: &Step, actor: &Actor) -> (&'static str, bool) {
    let entry = operations()[step.entry];
    let params = World::of(db).params(entry, &step.draws);
    let done = stage.call(actor, entry.name(), params).is_ok();
    (entry.name(), done)
}

const NOT_STAFF: [i64; 5] = [PREMIUM, BASIC, OTHER, LIFETIME, STRANGER];

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nobody_but_staff_changes_what_is_others_spec_1_4(program in programs(NOT_STAFF.len() + 1, 60)) {
        let stage = furnished();
        let db = stage.raw();
        for step in &program {
            let person = NOT_STAFF.get(step.actor).copied();
            let actor = person.map_or_else(Actor::guest, user);
            let person = person.unwrap_or_default();
            let owned = ids(&db, "SELECT id FROM chat WHERE owner_id = ?", person);
            let offered = ids(&db, "SELECT chat_id FROM transfer_offer WHERE to_user = ?", person);
            let before = belongings(&db);
            let (name, _) = run(&stage, &db, step, &actor);
            let is_new = |whose: i64| !before.contains_key(&("account", whose, whose));
            for key in changed(&before, &belongings(&db)) {
                let (kind, whose, which) = key;
                let in_own_chat = |chat: i64| owned.contains(&chat) || offered.contains(&chat);
                let theirs = whose == person || is_new(whose) || match kind {
                    "chat" => in_own_chat(which),
                    "punishment" => own_punishment(&before, &belongings(&db), &key).is_some_and(in_own_chat),
                    _ => false,
                };
                prop_assert!(theirs, "{name} by {person} changed {key:?}");
            }
        }
    }

    #[test]
    fn whoever_changes_what_is_others_is_in_the_audit_log_spec_7_8(program in programs(9, 60)) {
        let stage = furnished();
        let db = stage.raw();
        let audited = || db.query_row("SELECT count(*) FROM audit", [], |row| row.get::<_, i64>(0)).unwrap();
        for step in &program {
            let people = [OWNER, ADMIN, MODERATOR, PREMIUM, BASIC, OTHER, LIFETIME, STRANGER];
            let person = people.get(step.actor).copied();
            let actor = person.map_or_else(Actor::operator, user);
            let (before, noted) = (traces(&db), audited());
            let (name, done) = run(&stage, &db, step, &actor);
            // Whoever is new was nobody's before.
            let is_others = |(_, whose, _): &(&str, i64, i64)| {
                Some(*whose) != person && before.contains_key(&("account", *whose, *whose))
            };
            let mut others = changed(&before, &traces(&db));
            others.retain(is_others);
            prop_assert!(done || others.is_empty(), "{name} was refused and changed {others:?}");
            prop_assert!(others.is_empty() || audited() > noted, "{name} changed {others:?}");
        }
    }
}

/// The chat of a punishment, from before or after.
fn own_punishment(before: &Rows, after: &Rows, key: &(&'static str, i64, i64)) -> Option<i64> {
    let row = before.get(key).or_else(|| after.get(key))?;
    let row: serde_json::Value = serde_json::from_str(row).unwrap();
    row[1].as_i64()
}

#[test]
fn random_programs_get_somewhere() {
    let stage = furnished();
    let db = stage.raw();
    let mut done = std::collections::BTreeSet::new();
    for round in 0..4_u16 {
        for entry in 0..operations().len() {
            let draws = (0..16)
                .map(|n| round.wrapping_mul(31).wrapping_add(n * 7))
                .collect();
            let step = Step {
                actor: 0,
                entry,
                draws,
            };
            if let (name, true) = run(&stage, &db, &step, &Actor::operator()) {
                done.insert(name);
            }
        }
    }
    assert!(
        done.len() * 3 > operations().len(),
        "only these were ever done: {done:?}"
    );
}
