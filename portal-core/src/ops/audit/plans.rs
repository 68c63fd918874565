//! Whatever of the audit log is asked for is found by a key, and comes in order
//! without being sorted; but for a span of time, of which all is read.

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::model::UserId;
use crate::store::seen;
use crate::{Actor, Options, Portal};

/// The plan of the page that these parameters ask for.
fn plan(portal: &Portal, reader: &Actor, params: &Value) -> Vec<String> {
    seen::take();
    portal
        .call_json(reader, "audit.list", &params.to_string())
        .unwrap();
    let statements = seen::take();
    let mut pages = statements.iter().filter(|sql| sql.contains("FROM audit a"));
    let page = pages.next().unwrap();
    seen::plan(&Connection::open(portal.path()).unwrap(), page)
}

#[test]
fn every_filter_is_one_range_of_an_index() {
    let dir = tempfile::tempdir().unwrap();
    let portal = Portal::open(dir.path().join("portal.db"), Options::default()).unwrap();
    let operator = Actor::operator();
    let made = r#"{ "username": "mo-moderator", "role": "moderator" }"#;
    portal.call_json(&operator, "user.create", made).unwrap();
    let moderator = Actor::user(UserId::try_from(1).unwrap());
    let by_key = "SEARCH a USING INTEGER PRIMARY KEY (rowid<?)";
    let cases = [
        (json!({}), by_key),
        (json!({ "before": 9 }), by_key),
        (
            json!({ "action": "mod.kick" }),
            "SEARCH a USING INDEX audit_by_action (action=? AND id<?)",
        ),
        (
            json!({ "action": "mod." }),
            "SEARCH a USING INDEX audit_by_area (<expr>=? AND id<?)",
        ),
        (
            json!({ "chat_id": 1 }),
            "SEARCH a USING INDEX audit_by_chat (chat_id=? AND id<?)",
        ),
        (
            json!({ "target": 1 }),
            "SEARCH a USING INDEX audit_by_target (target=? AND id<?)",
        ),
        (
            json!({ "user_id": 1 }),
            "SEARCH a USING INDEX audit_by_user (user_id=? AND id<?)",
        ),
        (json!({ "actor": "operator", "os_user": "root" }), by_key),
        (json!({ "from": 1 }), by_key),
        (json!({ "until": 2 }), by_key),
        (
            json!({ "from": 1, "until": 2 }),
            "SEARCH a USING INDEX audit_by_time (at>? AND at<?)",
        ),
    ];
    for (params, first) in cases {
        for reader in [&operator, &moderator] {
            let plan = plan(&portal, reader, &params);
            assert_eq!(plan[0], first, "{params}");
            let scans = plan.iter().any(|step| step.contains("SCAN "));
            let sorts = plan.iter().any(|step| step.contains("TEMP B-TREE"));
            let spans_time = params.get("from").is_some() && params.get("until").is_some();
            assert_eq!((scans, sorts), (false, spans_time), "{params}: {plan:?}");
        }
    }
}
