//! What asking, matching, leaving and housekeeping read, they find by a key: it costs the same however many
//! wait and however many are matched.

use rusqlite::Connection;
use serde_json::json;

use crate::model::UserId;
use crate::store::seen;
use crate::{Actor, Options, Portal};

/// Every statement of two people being matched and parted, and of housekeeping after it.
fn statements(portal: &Portal) -> Vec<String> {
    let call = |actor: &Actor, name: &str, params: serde_json::Value| {
        portal.call_json(actor, name, &params.to_string()).unwrap();
    };
    for name in ["ada", "ben", "cleo"] {
        call(
            &Actor::operator(),
            "user.create",
            json!({ "username": name }),
        );
    }
    let [ada, ben, cleo] = [1, 2, 3].map(|id| Actor::user(UserId::try_from(id).unwrap()));
    seen::take();
    let interests = json!({ "interests": ["music", "tea"] });
    for who in [&ada, &ben, &cleo] {
        call(who, "match.enqueue", interests.clone());
        call(who, "match.status", json!({}));
    }
    call(&ben, "match.leave", json!({}));
    call(&ada, "match.enqueue", interests);
    call(&Actor::system(), "housekeeping.tick", json!({}));
    let seen = seen::take().into_iter();
    let ours = |sql: &String| {
        let words = ["match_", "pair_", "ends_at", "rematch_pause"];
        // Who of the strangers goes, is asked of every stranger.
        words.iter().any(|word| sql.contains(word)) && !sql.contains("u.stranger = 1")
    };
    seen.filter(ours).collect()
}

#[test]
fn the_matcher_finds_everything_by_a_key() {
    let dir = tempfile::tempdir().unwrap();
    let portal = Portal::open(dir.path().join("portal.db"), Options::default()).unwrap();
    let db = Connection::open(portal.path()).unwrap();
    let statements = statements(&portal);
    assert!(statements.len() > 10, "{statements:#?}");
    for sql in statements {
        for step in seen::plan(&db, &sql) {
            // An hour of minutes; no row; and the first of an index, in its order.
            let small = step == "SCAN CONSTANT ROW"
                || sql.contains("match_wait")
                || (step.contains(" INDEX ")
                    && (sql.ends_with("LIMIT 1") || sql.ends_with("LIMIT ?")));
            assert!(small || !step.contains("SCAN "), "{step} in {sql}");
            assert!(!step.contains("TEMP B-TREE"), "{step} in {sql}");
        }
    }
}
