//! Every statement about reports finds its rows by a key.

use rusqlite::Connection;
use serde_json::{Value, json};

use super::export_of;
use crate::model::{Timestamp, UserId};
use crate::store::seen;
use crate::{Actor, Options, Portal, clock::ManualClock};

fn run(portal: &Portal, actor: &Actor, name: &str, params: Value) -> Value {
    let reply = portal
        .call_json(actor, name, &params.to_string())
        .unwrap_or_else(|error| panic!("{name}: {error}"));
    serde_json::from_str(&reply).unwrap()
}

/// A report from its making to its end.
fn live(portal: &Portal, clock: &ManualClock) {
    let operator = Actor::operator();
    let person = |name: &str| {
        let params = json!({ "username": name, "role": "admin" });
        let reply = run(portal, &operator, "user.create", params);
        UserId::try_from(reply["user_id"].as_i64().unwrap()).unwrap()
    };
    let (writer, reporter) = (person("writer"), person("reporter"));
    let new = json!({ "chat_type": "OFFICIAL", "name": "Plans", "owner_id": writer });
    let chat = run(portal, &operator, "chat.create", new)["id"].clone();
    let db = Connection::open(portal.path()).unwrap();
    db.execute_batch(&format!(
        "UPDATE chat SET next_message_id = 2;
         INSERT INTO message (chat_id, id, sender_id, sender_role, epoch, content, created_at)
         VALUES ({chat}, 1, {writer}, 0, 1, '', 0)"
    ))
    .unwrap();
    let report = json!({ "chat_id": chat, "message_id": 1, "reason": "rude" });
    let made = run(portal, &Actor::user(reporter), "report.create", report);
    let id = &made["report_id"];

    for filters in 0..16 {
        let mut params = json!({ "before": 9 });
        for (bit, name, value) in [
            (1, "state", json!("open")),
            (2, "chat_id", chat.clone()),
            (4, "user_id", json!(writer)),
            (8, "reporter_id", json!(reporter)),
        ] {
            if filters & bit != 0 {
                params[name] = value;
            }
        }
        let page = run(portal, &operator, "report.list", params);
        assert_eq!(page["rows"].as_array().unwrap().len(), 1, "{page}");
    }
    run(portal, &operator, "report.get", json!({ "report_id": id }));
    let settle = json!({ "report_id": id, "state": "dismissed" });
    run(portal, &operator, "report.resolve", settle);
    assert_eq!(export_of(&db, reporter).unwrap().len(), 1);
    clock.advance(91 * crate::model::DAY);
    portal.tick().unwrap();
    assert_eq!(export_of(&db, reporter).unwrap().len(), 0);
}

#[test]
fn no_statement_looks_through_the_reports() {
    let dir = tempfile::tempdir().unwrap();
    let clock = std::sync::Arc::new(ManualClock::new(Timestamp::from_millis(0)));
    let options = Options {
        clock: clock.clone(),
        ..Options::default()
    };
    let portal = Portal::open(dir.path().join("portal.db"), options).unwrap();
    seen::take();
    live(&portal, &clock);
    let mut statements = seen::take();
    statements.retain(|sql| sql.contains(" report "));
    // Sixteen lists, and one each of the rest: known already, insert, get, find, update, oldest, prune, export.
    assert_eq!(statements.len(), 24, "{statements:#?}");
    let db = Connection::open(portal.path()).unwrap();
    for sql in statements {
        for step in seen::plan(&db, &sql) {
            assert!(!step.contains("SCAN"), "{step} in {sql}");
            // A list is read in its order and no further than its end; those that one person made are few
            // (SPEC 7.6: 20 an hour, and settled ones go) and sorted.
            let sorts = step.contains("TEMP B-TREE");
            let of_one = sql.contains("reporter_id = ");
            assert!(
                !sorts || of_one || !sql.contains("LIMIT ?6"),
                "{step} in {sql}"
            );
        }
    }
}
