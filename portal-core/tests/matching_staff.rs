//! What staff see of the matcher and do to it: pausing, figures, blocking strangers (SPEC 9.10a, 9.11).

mod common;

use common::{BASIC, LIFETIME, MODERATOR, OTHER, PREMIUM, STRANGER, Stage, user};
use portal_core::Actor;
use portal_core::model::{DAY, MINUTE, SECOND};
use serde_json::{Value, json};

fn names(events: &[Value]) -> Vec<&str> {
    events.iter().map(|e| e["name"].as_str().unwrap()).collect()
}

#[test]
fn while_the_matcher_is_paused_people_queue_and_nobody_is_matched_spec_9_10a() {
    let stage = Stage::new();
    let before = stage.as_of();
    for _ in 0..2 {
        stage.ok(&user(MODERATOR), "match.pause", json!({}));
    }
    assert_eq!(names(&stage.events(before)), ["match:paused"]);
    let (_, waits) = stage.seek(BASIC, &["music"]);
    assert_eq!(waits["paused"], true);
    let (_, waits) = stage.seek(OTHER, &["music"]);
    assert_eq!(waits["state"], "searching");
    stage.after(MINUTE);
    assert_eq!(stage.match_state(OTHER), "searching");
    stage.ok(&user(MODERATOR), "match.resume", json!({}));
    stage.after(SECOND);
    assert_eq!(stage.peers(BASIC), [OTHER]);
    let actions = "SELECT group_concat(action) FROM audit WHERE action LIKE 'match.%'";
    let audited: String = stage
        .raw()
        .query_row(actions, [], |row| row.get(0))
        .unwrap();
    assert_eq!(audited, "match.pause,match.resume");
}

#[test]
fn more_than_one_tick_can_do_are_matched_all_the_same_spec_9_10a() {
    let stage = Stage::with_presence(false);
    let people = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2600)
        INSERT INTO user (id, username, created_at) SELECT 100000 + i, 'person-' || i, 0 FROM n;
        INSERT INTO match_entry (user_id, interests, since, expires_at, look_again)
        SELECT id, '[\"tag' || printf('%04d', id % 1300) || '\"]', 0, 9000000000000, 1 FROM user WHERE id > 100000;";
    stage.raw().execute_batch(people).unwrap();
    for _ in 0..3 {
        stage.portal.tick().unwrap();
    }
    let count = |sql: &str| -> i64 { stage.raw().query_row(sql, [], |row| row.get(0)).unwrap() };
    assert_eq!(count("SELECT count(*) FROM match_entry"), 0);
    assert_eq!(
        count("SELECT count(*) FROM chat WHERE chat_type = 'DIRECT'"),
        1300
    );
}

#[test]
fn staff_see_how_the_matcher_does_spec_9_10a() {
    let stage = Stage::new();
    stage.seek(BASIC, &["music", "tea"]);
    stage.clock.advance(4 * SECOND);
    stage.seek(OTHER, &["music"]);
    stage.seek(PREMIUM, &["tea", "chess"]);
    stage.seek(LIFETIME, &["tea2"]);
    let stats = stage.ok(&user(MODERATOR), "match.stats", json!({}));
    assert_eq!(
        (&stats["waiting"], &stats["active_chats"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(
        stats["interests"],
        json!([
            { "interest": "chess", "waiting": 1 },
            { "interest": "tea", "waiting": 1 },
            { "interest": "tea2", "waiting": 1 },
        ])
    );
    assert_eq!(stats["pairs_per_hour"], 1);
    assert_eq!(stats["wait_p50_ms"], 0, "one of the two did not wait");
    let p99 = stats["wait_p99_ms"].as_u64().unwrap();
    assert!((4000..=4500).contains(&p99), "{p99}");
    stage.after(61 * MINUTE);
    let stats = stage.ok(&user(MODERATOR), "match.stats", json!({ "limit": 1 }));
    assert_eq!(
        (&stats["pairs_per_hour"], &stats["wait_p99_ms"]),
        (&json!(0), &Value::Null)
    );
    assert_eq!(stats["interests"].as_array().unwrap().len(), 1);
    for name in [
        "match.stats",
        "match.pause",
        "match.resume",
        "stranger.list",
    ] {
        stage.refused(&user(PREMIUM), name, json!({}), "ERR_FORBIDDEN");
        stage.refused(&Actor::guest(), name, json!({}), "ERR_UNAUTHENTICATED");
        stage.refused(&user(STRANGER), name, json!({}), "ERR_STRANGER_FORBIDDEN");
    }
}

#[test]
fn a_blocked_stranger_is_not_matched_any_more_spec_9_11() {
    let stage = Stage::new();
    stage.seek(STRANGER, &["music"]);
    let why = json!({ "user_id": STRANGER, "reason": "Rude words" });
    let before = stage.as_of();
    stage.ok(&user(MODERATOR), "stranger.block", why);
    assert_eq!(
        names(&stage.events(before)),
        ["match:dequeued", "match:blocked"]
    );
    let (_, waits) = stage.seek(BASIC, &["music"]);
    assert_eq!(waits["state"], "searching");
    stage.clock.advance(30 * DAY);
    assert_eq!(
        stage.partner(STRANGER, &["music"]),
        Err("ERR_STRANGER_BLOCKED")
    );
    let own = stage.ok(&user(STRANGER), "user.punishments", json!({}));
    let row = &own["rows"][0];
    assert_eq!(
        (&row["kind"], &row["reason"], &row["holds"]),
        (&json!("block"), &json!("Rude words"), &json!(true))
    );
    let listed = stage.ok(&user(MODERATOR), "stranger.list", json!({}));
    let listed = &listed["strangers"][0];
    assert_eq!(
        (&listed["user_id"], &listed["blocked"]),
        (&json!(STRANGER), &json!(true))
    );
    for _ in 0..2 {
        let whom = json!({ "user_id": STRANGER });
        stage.ok(&user(MODERATOR), "stranger.unblock", whom);
    }
    assert_eq!(stage.partner(STRANGER, &["music"]), Ok(Some(BASIC)));
}

#[test]
fn a_block_leaves_the_matches_that_there_are_spec_9_11() {
    let stage = Stage::new();
    stage.matched(STRANGER, BASIC);
    let whom = json!({ "user_id": STRANGER });
    stage.ok(&user(MODERATOR), "stranger.block", whom);
    assert_eq!(stage.peers(BASIC), [STRANGER]);
}

#[test]
fn only_strangers_are_blocked_and_only_by_staff_spec_4_6() {
    let stage = Stage::new();
    for name in ["stranger.block", "stranger.unblock"] {
        let stranger = json!({ "user_id": STRANGER });
        let error = stage.refused(
            &user(MODERATOR),
            name,
            json!({ "user_id": BASIC }),
            "ERR_INVALID",
        );
        assert_eq!(error.extras().field.as_deref(), Some("user_id"));
        stage.refused(&user(PREMIUM), name, stranger.clone(), "ERR_FORBIDDEN");
        stage.refused(&Actor::guest(), name, stranger, "ERR_UNAUTHENTICATED");
        let missing = json!({ "user_id": 77 });
        stage.refused(&user(MODERATOR), name, missing, "ERR_USER_NOT_FOUND");
    }
}
