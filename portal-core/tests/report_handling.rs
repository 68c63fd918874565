//! What staff do with reports: listing, settling, being told (SPEC 4.6, 7.6, 12.3).

mod common;

use common::sealed::{SECRET, report_ids};
use common::{ADMIN, BASIC, LIFETIME, MODERATOR, OTHER, OWNER, PREMIUM, STRANGER, Stage, user};
use portal_core::Actor;
use portal_core::model::{ChatType, MINUTE, ReportState};
use portal_core::policy::PlatformAction;
use serde_json::{Value, json};

fn audited(stage: &Stage) -> Vec<Value> {
    let params = json!({ "action": "report.resolve" });
    let page = stage.ok(&Actor::operator(), "audit.list", params);
    page["rows"].as_array().unwrap().clone()
}

#[test]
fn nobody_below_admin_reads_or_settles_reports_spec_4_6() {
    let (stage, chat) = Stage::reported_by_oskar(1);
    stage.member(chat, BASIC);
    let one = json!({ "report_id": 1 });
    let settle = json!({ "report_id": 1, "state": "reviewing" });
    let calls = [
        ("report.list", json!({})),
        ("report.get", one),
        ("report.resolve", settle),
        // What there is not is no different.
        ("report.get", json!({ "report_id": 99 })),
    ];
    for (who, code) in [
        (user(MODERATOR), "ERR_FORBIDDEN"),
        // The chat's owner, the reported, the reporter.
        (user(PREMIUM), "ERR_FORBIDDEN"),
        (user(BASIC), "ERR_FORBIDDEN"),
        (user(OTHER), "ERR_FORBIDDEN"),
        (user(LIFETIME), "ERR_FORBIDDEN"),
        (user(STRANGER), "ERR_STRANGER_FORBIDDEN"),
        (Actor::guest(), "ERR_UNAUTHENTICATED"),
    ] {
        for (name, params) in &calls {
            stage.refused(&who, name, params.clone(), code);
        }
    }
    for who in [user(ADMIN), user(OWNER), Actor::operator()] {
        for (name, params) in &calls[..3] {
            stage.ok(&who, name, params.clone());
        }
    }
}

#[test]
fn the_list_is_newest_first_and_without_the_words_spec_7_6() {
    let (stage, id) = Stage::with_secret();
    let page = stage.ok(&user(ADMIN), "report.list", json!({}));
    assert_eq!(report_ids(&page), [3, 2, 1]);
    assert!(!page.to_string().contains(SECRET), "{page}");
    assert!(page["rows"][1].get("plaintext").is_none());
    // Apart from the words, it shows what the report itself shows.
    let mut whole = stage.report(id);
    assert_eq!(whole["plaintext"], SECRET);
    whole.as_object_mut().unwrap().remove("plaintext");
    assert_eq!(page["rows"][1], whole);
}

#[test]
fn a_report_that_is_not_there_says_so() {
    let (stage, _) = Stage::reported_by_oskar(1);
    let params = json!({ "report_id": 2 });
    stage.refused(&user(ADMIN), "report.get", params, "ERR_REPORT_NOT_FOUND");
    let params = json!({ "report_id": 2, "state": "dismissed" });
    stage.refused(
        &user(ADMIN),
        "report.resolve",
        params,
        "ERR_REPORT_NOT_FOUND",
    );
}

#[test]
fn pages_hold_every_report_once() {
    let (stage, _) = Stage::reported_by_oskar(7);
    let mut seen = Vec::new();
    let mut before = Value::Null;
    loop {
        let page = stage.report_ids(json!({ "before": before, "limit": 3 }));
        let Some(last) = page.last() else { break };
        before = json!(last);
        seen.extend(page);
    }
    assert_eq!(seen, [7, 6, 5, 4, 3, 2, 1]);
    for wrong in [0, 201] {
        let params = json!({ "limit": wrong });
        let refused = stage.refused(&user(ADMIN), "report.list", params, "ERR_INVALID");
        assert_eq!(refused.extras().field.as_deref(), Some("limit"));
    }
}

#[test]
fn a_page_has_50_unless_asked_and_at_most_200() {
    let (stage, _) = Stage::reported_by_oskar(1);
    stage
        .raw()
        .execute_batch(
            "WITH RECURSIVE n (id) AS (SELECT 2 UNION ALL SELECT id + 1 FROM n WHERE id < 210)
             INSERT INTO report (chat_id, chat_type, chat_name, message_id, epoch, message_at, sender_id,
               reporter_id, reason, at, verified)
             SELECT chat_id, chat_type, chat_name, n.id, epoch, message_at, sender_id, reporter_id, reason, at, 0
             FROM report, n",
        )
        .unwrap();
    assert_eq!(stage.report_ids(json!({})).len(), 50);
    assert_eq!(stage.report_ids(json!({ "limit": 200 })).len(), 200);
}

#[test]
fn a_list_is_narrowed_by_state_chat_and_reported_and_all_at_once() {
    let (stage, chat) = Stage::reported_by_oskar(2);
    let other = stage.chat(ChatType::Public, PREMIUM, Some("b-chat"));
    stage.report_more(other, BASIC, 2);
    stage.report_more(other, LIFETIME, 2);
    for id in [2, 4, 6] {
        stage.settle(id, "dismissed");
    }
    stage.settle(5, "reviewing");
    for (params, expected) in [
        (json!({ "state": "open" }), vec![3, 1]),
        (json!({ "state": "reviewing" }), vec![5]),
        (json!({ "state": "actioned" }), vec![]),
        (json!({ "state": "dismissed" }), vec![6, 4, 2]),
        (json!({ "chat_id": chat }), vec![2, 1]),
        (json!({ "user_id": BASIC }), vec![4, 3, 2, 1]),
        // Who reported is not who is reported.
        (json!({ "user_id": OTHER }), vec![]),
        (json!({ "chat_id": other, "user_id": BASIC }), vec![4, 3]),
        (
            json!({ "chat_id": other, "state": "dismissed" }),
            vec![6, 4],
        ),
        (
            json!({ "user_id": BASIC, "state": "dismissed" }),
            vec![4, 2],
        ),
        (
            json!({ "chat_id": other, "user_id": BASIC, "state": "dismissed" }),
            vec![4],
        ),
        (
            json!({ "user_id": BASIC, "before": 4, "limit": 2 }),
            vec![3, 2],
        ),
    ] {
        assert_eq!(stage.report_ids(params.clone()), expected, "{params}");
    }
    stage.refused(
        &user(ADMIN),
        "report.list",
        json!({ "state": "burnt" }),
        "ERR_INVALID",
    );
}

#[test]
fn a_report_goes_from_state_to_state_as_spec_7_6_says() {
    let (stage, chat) = Stage::reported_by_oskar(1);
    for from in ReportState::ALL {
        for to in ReportState::ALL {
            stage.report_more(chat, BASIC, 1);
            let id = stage.report_ids(json!({ "limit": 1 }))[0];
            stage.settle(id, from.as_str());
            let params = json!({ "report_id": id, "state": to });
            let answer = stage.call(&user(OWNER), "report.resolve", params);
            let words = (from.as_str(), to.as_str());
            let allowed = match words {
                (same, again) if same == again => true,
                (_, "open") | ("actioned", "dismissed") | ("dismissed", "actioned") => false,
                _ => true,
            };
            if allowed {
                assert_eq!(answer.unwrap()["state"], to.as_str(), "{words:?}");
            } else {
                let refused = answer.unwrap_err();
                assert_eq!(refused.kind().code(), "ERR_INVALID", "{words:?}");
                assert_eq!(refused.extras().field.as_deref(), Some("state"));
            }
            let now = if allowed { to } else { from };
            assert_eq!(stage.report(id)["state"], now.as_str(), "{words:?}");
        }
    }
}

#[test]
fn who_settled_a_report_and_when_is_kept_and_audited_spec_7_8() {
    let (stage, chat) = Stage::reported_by_oskar(1);
    let before = stage.as_of();
    for (who, by, state, note) in [
        (user(ADMIN), "2000", "reviewing", json!("Asking Pia")),
        (user(OWNER), "1000", "actioned", json!(null)),
        (
            Actor::operator(),
            "operator",
            "reviewing",
            json!("Once more"),
        ),
        (Actor::operator(), "operator", "dismissed", json!(null)),
    ] {
        stage.clock.advance(MINUTE);
        let params = json!({ "report_id": 1, "state": state, "note": note });
        let reply = stage.ok(&who, "report.resolve", params);
        let seen = list_row(&stage);
        assert_eq!(reply, seen);
        assert_eq!(
            (&seen["state"], &seen["handled_by"], &seen["handled_at"]),
            (&json!(state), &json!(by), &json!(stage.portal.now()))
        );
    }
    // What is not said stays.
    assert_eq!(list_row(&stage)["note"], "Once more");
    let audit = audited(&stage);
    let told: Vec<_> = audit.iter().map(|row| &row["details"]).rev().collect();
    assert_eq!(
        told,
        [
            &json!({ "report_id": 1, "from": "open", "state": "reviewing" }),
            &json!({ "report_id": 1, "from": "reviewing", "state": "actioned" }),
            &json!({ "report_id": 1, "from": "actioned", "state": "reviewing" }),
            &json!({ "report_id": 1, "from": "reviewing", "state": "dismissed" }),
        ]
    );
    for row in &audit {
        assert_eq!(
            (&row["chat_id"], &row["target"]),
            (&json!(chat), &json!(BASIC))
        );
    }
    let told = stage.named("report:updated", before);
    assert_eq!(told.len(), 4);
    assert_eq!(told[1], json!({ "report_id": 1, "state": "actioned" }));
}

fn list_row(stage: &Stage) -> Value {
    stage.ok(&user(ADMIN), "report.list", json!({}))["rows"][0].clone()
}

#[test]
fn the_same_state_again_changes_nothing_unless_there_is_another_note_spec_7_6() {
    let (stage, _) = Stage::reported_by_oskar(1);
    let resolve = |who: i64, state: &str, note: Option<&str>| {
        stage.clock.advance(MINUTE);
        let params = json!({ "report_id": 1, "state": state, "note": note });
        stage.ok(&user(who), "report.resolve", params)
    };
    // Open again is as good as not touched.
    let untouched = list_row(&stage);
    assert_eq!(resolve(ADMIN, "open", None), untouched);
    let settled = resolve(ADMIN, "dismissed", Some("Nothing in it"));
    let before = stage.as_of();
    assert_eq!(resolve(OWNER, "dismissed", None), settled);
    assert_eq!(resolve(OWNER, "dismissed", Some("Nothing in it")), settled);
    assert_eq!((stage.as_of(), audited(&stage).len()), (before, 1));
    let noted = resolve(OWNER, "dismissed", Some("Looked again"));
    assert_eq!(
        (&noted["note"], &noted["handled_by"]),
        (&json!("Looked again"), &json!("1000"))
    );
    assert_eq!((stage.as_of(), audited(&stage).len()), (before + 1, 2));
}

#[test]
fn a_note_belongs_to_who_deals_with_it_and_has_1000_characters() {
    let (stage, _) = Stage::reported_by_oskar(1);
    for (state, note) in [("open", "Hm".to_owned()), ("reviewing", "x".repeat(1001))] {
        let params = json!({ "report_id": 1, "state": state, "note": note });
        let refused = stage.refused(&user(ADMIN), "report.resolve", params, "ERR_INVALID");
        assert_eq!(refused.extras().field.as_deref(), Some("note"));
    }
    let params = json!({ "report_id": 1, "state": "reviewing", "note": "é".repeat(1000) });
    stage.ok(&user(ADMIN), "report.resolve", params);
}

#[test]
fn neither_words_nor_notes_are_in_the_event_log_or_the_audit_log_spec_12_2() {
    let (stage, id) = Stage::with_secret();
    let note = "They wrote that somebody smells";
    let params = json!({ "report_id": id, "state": "actioned", "note": note });
    stage.ok(&user(ADMIN), "report.resolve", params);
    let logs = format!("{:?}{:?}", stage.events(0), audited(&stage));
    for kept_out in [SECRET, note, "This is rude"] {
        assert!(!logs.contains(kept_out), "{kept_out}");
    }
    assert!(logs.contains("report:new") && logs.contains("report.resolve"));
}

#[test]
fn the_event_goes_to_whoever_may_handle_reports_spec_4_6() {
    use portal_core::event::{Audience, Event, ReportNew};
    let event = Event::from(ReportNew {
        report_id: 1.try_into().unwrap(),
        chat_id: 1.try_into().unwrap(),
    });
    let least = PlatformAction::Reports.least_role().unwrap();
    assert_eq!(event.audience(), Audience::Staff(least));
}

#[test]
fn reports_are_found_by_who_made_them() {
    let (stage, _) = Stage::reported_by_oskar(2);
    assert_eq!(stage.report_ids(json!({ "reporter_id": OTHER })), [2, 1]);
    assert_eq!(
        stage.report_ids(json!({ "reporter_id": BASIC })),
        [] as [i64; 0]
    );
    let both = json!({ "reporter_id": OTHER, "user_id": BASIC, "limit": 1 });
    assert_eq!(stage.report_ids(both), [2]);
}
