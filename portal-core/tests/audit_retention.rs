//! How long the audit log is kept, and that nothing else takes from it (SPEC 7.8, 14.3).

mod common;

use common::{ADMIN, BASIC, OWNER, START, Stage, user};
use portal_core::Actor;
use portal_core::model::DAY;
use rusqlite::Connection;
use serde_json::json;

/// What the audit log is kept by default.
const KEPT: i64 = 400 * DAY;

/// Does something that leaves a row; answers its id.
fn act(stage: &Stage) -> i64 {
    let tier = json!({ "user_id": BASIC, "tier": "lifetime" });
    stage.ok(&user(ADMIN), "user.set_tier", tier);
    ids(stage)[0]
}

/// What is left, newest first.
fn ids(stage: &Stage) -> Vec<i64> {
    let page = stage.ok(&Actor::operator(), "audit.list", json!({ "limit": 200 }));
    let rows = page["rows"].as_array().unwrap().iter();
    rows.map(|row| row["id"].as_i64().unwrap()).collect()
}

/// So many acts of one moment, past the library.
fn acts(stage: &Stage, count: i64, at: i64) {
    stage
        .raw()
        .execute(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
             INSERT INTO audit (at, actor, action, details) SELECT ?2, 'operator', 'test.act', '{}' FROM n",
            [count, at],
        )
        .unwrap();
}

fn left(stage: &Stage) -> i64 {
    let sql = "SELECT count(*) FROM audit";
    stage.raw().query_row(sql, [], |row| row.get(0)).unwrap()
}

fn refusal(db: &Connection, sql: &str) -> String {
    match db.execute(sql, []) {
        Err(rusqlite::Error::SqliteFailure(_, Some(rule))) => rule,
        other => panic!("{sql}: {other:?}"),
    }
}

#[test]
fn an_act_goes_at_its_day_and_not_before_spec_14_3() {
    let stage = Stage::new();
    let first = act(&stage);
    stage.clock.advance(1);
    let second = act(&stage);
    stage.clock.set(START.plus(KEPT));
    stage.portal.tick().unwrap();
    assert_eq!(ids(&stage), [second, first]);
    stage.clock.advance(1);
    let next = stage.portal.tick().unwrap();
    assert_eq!(ids(&stage), [second]);
    assert!(next > stage.portal.now());
    let third = act(&stage);
    assert_eq!(third, second + 1, "no id comes back");
    stage.clock.advance(KEPT);
    stage.portal.tick().unwrap();
    assert_eq!(ids(&stage), [third]);
}

#[test]
fn a_late_tick_catches_up_a_thousand_rows_at_a_time_spec_14_3() {
    for (old, ticks) in [(1000, 1), (2500, 3)] {
        let stage = Stage::new();
        let long_ago = START.plus(-KEPT - 1).as_millis();
        acts(&stage, old, long_ago);
        acts(&stage, 7, START.as_millis());
        for tick in 1..=ticks {
            let next = stage.portal.tick().unwrap();
            assert_eq!(left(&stage), 7 + (old - 1000 * tick).max(0));
            let at_once = next == stage.portal.now();
            assert_eq!(at_once, tick < ticks, "{old} rows, tick {tick}");
        }
    }
}

#[test]
fn zero_days_keep_everything_spec_14_3() {
    let stage = Stage::new();
    let always = json!({ "key": "audit_days", "value": 0 });
    stage.ok(&user(OWNER), "config.set", always);
    stage.clock.advance(100 * 365 * DAY);
    stage.portal.tick().unwrap();
    assert_eq!(left(&stage), 1);
}

#[test]
fn what_happened_lately_goes_by_no_setting_spec_7_8() {
    let stage = Stage::new();
    for days in [1, 29] {
        let wrong = json!({ "key": "audit_days", "value": days });
        let error = stage.refused(&user(OWNER), "config.set", wrong, "ERR_INVALID");
        assert_eq!(error.extras().field.as_deref(), Some("value"));
    }
    // Nor by one that was written past the library.
    let kept = act(&stage);
    stage.set("audit_days", json!(1));
    stage.clock.advance(30 * DAY);
    stage.portal.tick().unwrap();
    assert_eq!(ids(&stage), [kept]);
    stage.clock.advance(1);
    stage.portal.tick().unwrap();
    assert_eq!(left(&stage), 0);
    let month = json!({ "key": "audit_days", "value": 30 });
    stage.ok(&user(OWNER), "config.set", month);
}

#[test]
fn raw_sql_takes_nothing_that_retention_keeps_spec_7_8() {
    let stage = Stage::new();
    act(&stage);
    stage.clock.advance(KEPT);
    act(&stage);
    stage.clock.advance(1);
    stage.portal.tick().unwrap();
    let db = stage.raw();
    for (sql, rule) in [
        ("DELETE FROM audit", "audit_goes_by_retention_only"),
        (
            "UPDATE audit SET details = '{}'",
            "audit_is_never_rewritten",
        ),
        (
            "REPLACE INTO audit SELECT * FROM audit",
            "audit_is_not_replaced",
        ),
    ] {
        assert_eq!(refusal(&db, sql), rule);
    }
    assert_eq!(left(&stage), 1);
}

#[test]
fn a_clock_set_back_takes_and_opens_nothing() {
    let stage = Stage::new();
    act(&stage);
    stage.clock.advance(KEPT + 1);
    let young = act(&stage);
    stage.portal.tick().unwrap();
    let now = stage.portal.now();
    // Two days before the time when the log was pruned up to.
    stage.clock.set(START.plus(-2 * DAY));
    let dated_back = act(&stage);
    stage.portal.tick().unwrap();
    assert_eq!(ids(&stage), [dated_back, young]);
    assert_eq!(
        refusal(&stage.raw(), "DELETE FROM audit WHERE at < 1800000000000"),
        "audit_goes_by_retention_only"
    );
    // Set right again: it was written after the young one, and stays as long.
    stage.clock.set(now);
    stage.portal.tick().unwrap();
    assert_eq!(ids(&stage), [dated_back, young]);
    stage.clock.set(now.plus(KEPT + 1));
    stage.portal.tick().unwrap();
    assert_eq!(left(&stage), 0);
}

#[test]
fn an_act_that_was_dated_ahead_keeps_none_of_the_others() {
    let stage = Stage::new();
    let far = START.plus(10 * KEPT);
    stage.clock.set(far);
    let dated_ahead = act(&stage);
    stage.clock.set(START);
    act(&stage);
    stage.clock.advance(KEPT + 1);
    let young = act(&stage);
    stage.portal.tick().unwrap();
    assert_eq!(ids(&stage), [young, dated_ahead]);
    stage.clock.set(far.plus(KEPT + 1));
    stage.portal.tick().unwrap();
    assert_eq!(left(&stage), 0);
}
