//! How long reports are kept, and what is left of them in the file (SPEC 7.4, 14.3).

mod common;

use common::sealed::SECRET;
use common::{BASIC, OWNER, START, Stage, user};
use portal_core::model::DAY;
use portal_core::{Options, Portal};
use serde_json::json;

#[test]
fn settled_reports_are_kept_90_days_and_others_for_good_spec_14_3() {
    let (stage, _) = Stage::reported_by_oskar(5);
    stage.clock.advance(DAY);
    for (id, state) in [
        (1, "dismissed"),
        (2, "actioned"),
        (3, "reviewing"),
        (5, "dismissed"),
    ] {
        stage.settle(id, state);
    }
    // Settled, and looked into again.
    stage.settle(5, "reviewing");
    stage.clock.advance(90 * DAY);
    let before = stage.as_of();
    stage.tick();
    assert_eq!((stage.reports_kept(), stage.as_of()), (5, before));
    stage.clock.advance(1);
    stage.tick();
    assert_eq!(stage.report_ids(json!({})), [5, 4, 3]);
    assert_eq!(
        stage.named("report:deleted", before),
        [json!({ "report_ids": [1, 2] })]
    );
    // By when it was settled, not by when it was made.
    stage.settle(5, "dismissed");
    stage.tick();
    assert_eq!(stage.report_ids(json!({})), [5, 4, 3]);
    stage.clock.advance(1000 * DAY);
    stage.tick();
    assert_eq!(stage.report_ids(json!({})), [4, 3]);
}

#[test]
fn how_long_is_a_setting_and_0_keeps_them_spec_14_3() {
    let (stage, _) = Stage::reported_by_oskar(1);
    stage.settle(1, "dismissed");
    let set = |days: i64| {
        let params = json!({ "key": "resolved_report_days", "value": days });
        stage.ok(&user(OWNER), "config.set", params);
    };
    let shown = stage.ok(&user(OWNER), "config.get", json!({}));
    assert_eq!(shown["settings"]["resolved_report_days"], 90);
    set(0);
    stage.clock.advance(10_000 * DAY);
    stage.tick();
    assert_eq!(stage.reports_kept(), 1);
    set(20_000);
    stage.tick();
    assert_eq!(stage.reports_kept(), 1);
    set(9_999);
    stage.tick();
    assert_eq!(stage.reports_kept(), 0);
}

#[test]
fn reports_are_pruned_a_thousand_a_tick_and_the_next_asked_for_spec_14_3() {
    let (stage, _) = Stage::reported_by_oskar(1);
    stage
        .raw()
        .execute_batch(
            "WITH RECURSIVE n (id) AS (SELECT 2 UNION ALL SELECT id + 1 FROM n WHERE id < 2500)
             INSERT INTO report (chat_id, chat_type, chat_name, message_id, epoch, message_at, sender_id,
               reporter_id, reason, at, verified)
             SELECT chat_id, chat_type, chat_name, n.id, epoch, message_at, sender_id, reporter_id, reason, at, 0
             FROM report, n;
             UPDATE report SET state = 'dismissed', handled_by = 'operator', handled_at = 0",
        )
        .unwrap();
    for left in [1500, 500] {
        assert_eq!(stage.portal.tick().unwrap(), stage.portal.now());
        assert_eq!(stage.reports_kept(), left);
    }
    assert!(stage.portal.tick().unwrap() > stage.portal.now());
    assert_eq!(stage.reports_kept(), 0);
}

#[test]
fn nothing_but_retention_deletes_them_also_after_it_has_spec_7_6() {
    let (stage, _) = Stage::reported_by_oskar(2);
    stage.settle(1, "dismissed");
    stage.clock.advance(DAY);
    stage.settle(2, "dismissed");
    stage.clock.advance(90 * DAY);
    stage.tick();
    assert_eq!(stage.report_ids(json!({})), [2]);
    let db = stage.raw();
    db.execute("UPDATE report SET handled_at = 0", []).unwrap();
    db.execute("DELETE FROM report", []).unwrap_err();
}

#[test]
fn an_id_is_not_used_again() {
    let (stage, chat) = Stage::reported_by_oskar(1);
    stage.settle(1, "dismissed");
    stage.clock.advance(91 * DAY);
    stage.tick();
    assert_eq!(stage.reports_kept(), 0);
    stage.report_more(chat, BASIC, 1);
    assert_eq!(stage.report_ids(json!({})), [2]);
}

/// Settles the report with the secret and lets its time run out.
fn run_out(stage: &Stage, id: i64) {
    stage.settle(id, "actioned");
    stage.clock.advance(91 * DAY);
}

#[test]
fn what_was_said_is_gone_from_file_and_log_with_the_report_spec_7_4() {
    let (stage, id) = Stage::with_secret();
    // The message itself, sealed, is another matter.
    run_out(&stage, id);
    stage.tick();
    assert_eq!(stage.reports_kept(), 2);
    assert!(!stage.on_disk(SECRET));
    assert!(stage.on_disk("the one before") && stage.on_disk("the one after"));
}

#[test]
fn what_a_reader_still_needs_is_gone_after_it_ends_and_a_tick_spec_7_4() {
    let (stage, id) = Stage::with_secret();
    let reader = stage.raw();
    reader.execute_batch("BEGIN").unwrap();
    let seen = || -> i64 {
        let sql = "SELECT count(*) FROM report WHERE plaintext LIKE '%elderberries%'";
        reader.query_row(sql, [], |row| row.get(0)).unwrap()
    };
    assert_eq!(seen(), 1);
    run_out(&stage, id);
    stage.tick();
    assert_eq!((seen(), stage.reports_kept()), (1, 2));
    assert!(stage.on_disk(SECRET));
    reader.execute_batch("COMMIT").unwrap();
    stage.tick();
    assert!(!stage.on_disk(SECRET));
}

#[test]
fn what_another_process_pruned_is_scrubbed_by_the_one_that_stays_spec_7_4() {
    let (stage, id) = Stage::with_secret();
    run_out(&stage, id);
    let reader = stage.raw();
    reader.execute_batch("BEGIN; SELECT 1 FROM report").unwrap();
    let clock = stage.clock.clone();
    let options = Options {
        clock,
        ..Options::default()
    };
    let other = Portal::open(stage.portal.path(), options).unwrap();
    other.tick().unwrap();
    other.close();
    drop(other);
    assert!(stage.on_disk(SECRET), "the reader holds it there");
    reader.execute_batch("COMMIT").unwrap();
    stage.tick();
    assert!(!stage.on_disk(SECRET));
}

#[test]
fn time_set_back_prunes_nothing_too_early() {
    let (stage, _) = Stage::reported_by_oskar(1);
    stage.settle(1, "dismissed");
    stage.clock.set(START.plus(-DAY));
    stage.tick();
    assert_eq!(stage.reports_kept(), 1);
}
