//! Who reports what, how often, and what becomes of it (SPEC 7.6).

mod common;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::sealed::{Parlour, report};
use common::{ADMIN, BASIC, LIFETIME, MODERATOR, OTHER, OWNER, PREMIUM, STRANGER, Stage, user};
use portal_core::model::{ChatType, HOUR, MINUTE};
use portal_core::{Actor, ErrorKind};
use serde_json::{Value, json};

#[test]
fn reports_outlive_deletion_wipe_destroy_and_the_people_spec_7_6() {
    let mut parlour = Parlour::new();
    let insult = parlour.says("You smell of elderberries");
    let (chat, stage) = (parlour.chat, &parlour.stage);
    let id = stage.reported(&insult, OTHER);
    let before = stage.report(id);
    let here = json!({ "chat_id": chat });
    let mut unchanged = before.clone();
    for (who, name, params) in [
        (BASIC, "message.delete_mine", here.clone()),
        (PREMIUM, "chat.clear", here.clone()),
        (PREMIUM, "chat.destroy", here.clone()),
        (
            BASIC,
            "user.delete",
            json!({ "user_id": BASIC, "erase_messages": true }),
        ),
        (
            OTHER,
            "user.delete",
            json!({ "user_id": OTHER, "erase_messages": true }),
        ),
    ] {
        stage.ok(&user(who), name, params);
        if name == "user.delete" {
            let gone = if who == BASIC {
                "sender_username"
            } else {
                "reporter_username"
            };
            unchanged[gone] = Value::Null;
        }
        assert_eq!(stage.report(id), unchanged, "{name} by {who}");
    }
    assert_eq!(before["plaintext"], "You smell of elderberries");
    assert!(
        !stage.on_disk(&insult.content),
        "the message itself is gone"
    );
}

#[test]
fn a_scheduled_wipe_leaves_reports_alone_spec_7_6() {
    let mut parlour = Parlour::new();
    let insult = parlour.says("You smell of elderberries");
    let stage = &parlour.stage;
    let id = stage.reported(&insult, OTHER);
    stage.configure(parlour.chat, "wipe_preset", json!("1m"));
    stage
        .raw()
        .execute("UPDATE chat SET wipe_due_at = 0", [])
        .unwrap();
    stage.tick();
    assert!(!stage.on_disk(&insult.content));
    assert_eq!(stage.report(id)["plaintext"], "You smell of elderberries");
}

#[test]
fn a_direct_chat_is_reported_before_it_ends_by_strangers_too_spec_7_6() {
    let stage = Stage::new();
    let chat = stage.direct(BASIC, STRANGER);
    let said = stage.written(chat, BASIC, 2);
    let made = stage.ok(&user(STRANGER), "report.create", report(chat, said[0]));
    let id = made["report_id"].as_i64().unwrap();
    stage.ok(&user(BASIC), "chat.leave", json!({ "chat_id": chat }));
    let seen = stage.report(id);
    assert_eq!(
        (&seen["chat_type"], &seen["chat_name"]),
        (&json!("DIRECT"), &json!("Direct"))
    );
    // Afterwards there is nothing to report, for anybody.
    let late = report(chat, said[1]);
    stage.refused(&user(STRANGER), "report.create", late, "ERR_CHAT_NOT_FOUND");
}

#[test]
fn who_may_report_is_the_row_of_the_table_spec_4_1() {
    let stage = Stage::new();
    let official = stage.chat(ChatType::Official, ADMIN, Some("the-hall"));
    let public = stage.chat(ChatType::Public, PREMIUM, Some("the-square"));
    let private = stage.chat(ChatType::Private, PREMIUM, None);
    let direct = stage.direct(BASIC, STRANGER);
    stage.member(private, BASIC);
    stage.member(private, MODERATOR);
    let ok = Ok(());
    let (hidden, forbidden) = (Err("ERR_CHAT_NOT_FOUND"), Err("ERR_FORBIDDEN"));
    let (anonymous, unsigned) = (Err("ERR_STRANGER_FORBIDDEN"), Err("ERR_UNAUTHENTICATED"));
    let anyone = [ok, ok, hidden, hidden];
    for (who, expected) in [
        (user(OWNER), [ok, ok, forbidden, hidden]),
        (user(ADMIN), [ok, ok, forbidden, hidden]),
        (user(MODERATOR), [ok, ok, ok, hidden]),
        (user(PREMIUM), [ok, ok, ok, hidden]),
        (user(BASIC), [ok, ok, ok, ok]),
        (user(OTHER), anyone),
        (user(STRANGER), [anonymous, anonymous, hidden, ok]),
        (Actor::guest(), [unsigned, unsigned, hidden, hidden]),
        // The operator holds the file, and has no voice.
        (Actor::operator(), [forbidden; 4]),
    ] {
        for (chat, expected) in [official, public, private, direct]
            .into_iter()
            .zip(expected)
        {
            let id = stage.written(chat, LIFETIME, 1)[0];
            let answer = stage.call(&who, "report.create", report(chat, id));
            let answer = answer.map(drop).map_err(|error| error.kind().code());
            assert_eq!(answer, expected, "{who:?} in {chat}");
        }
    }
}

#[test]
fn a_ban_keeps_from_reporting_and_a_mute_does_not_spec_4_4() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("a-chat"));
    let said = stage.written(chat, LIFETIME, 2);
    let target = json!({ "chat_id": chat, "user_id": BASIC });
    stage.ok(&user(PREMIUM), "mod.mute", target.clone());
    stage.ok(&user(BASIC), "report.create", report(chat, said[0]));
    stage.ok(&user(PREMIUM), "mod.ban", target);
    let late = report(chat, said[1]);
    stage.refused(&user(BASIC), "report.create", late, "ERR_BANNED");
}

#[test]
fn what_one_cannot_read_one_cannot_report_spec_7_6() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("a-chat"));
    let early = stage.written(chat, LIFETIME, 1)[0];
    let missing = |actor: &Actor, id: i64| {
        let params = report(chat, id);
        stage.refused(actor, "report.create", params, "ERR_MESSAGE_NOT_FOUND");
    };
    missing(&user(BASIC), early + 1);
    // From before the chat went public.
    stage
        .raw()
        .execute("UPDATE chat SET public_from = 2, next_message_id = 2", [])
        .unwrap();
    missing(&user(BASIC), early);
    // From before the session joined, where history is hidden.
    let before = stage.written(chat, LIFETIME, 1)[0];
    stage.configure(chat, "history_visible", json!(false));
    missing(&user(BASIC), before);
    let ben = stage.talker(chat, BASIC);
    missing(&ben.actor, before);
    let after = stage.written(chat, LIFETIME, 1)[0];
    stage.ok(&ben.actor, "report.create", report(chat, after));
    // Deleted, and the system's own.
    let late = stage.written(chat, LIFETIME, 1)[0];
    stage.ok(&user(PREMIUM), "chat.clear", json!({ "chat_id": chat }));
    missing(&ben.actor, late);
    missing(&user(PREMIUM), late + 1);
    assert_eq!(
        stage.report_attempts(),
        1,
        "what was not there is not counted"
    );
}

#[test]
fn ones_own_message_is_not_reported_spec_7_6() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("a-chat"));
    let id = stage.written(chat, BASIC, 1)[0];
    let refused = stage.refused(
        &user(BASIC),
        "report.create",
        report(chat, id),
        "ERR_INVALID",
    );
    assert_eq!(refused.extras().field.as_deref(), Some("message_id"));
}

#[test]
fn a_reason_is_given_in_1_to_500_characters_spec_7_6() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("a-chat"));
    let said = stage.written(chat, BASIC, 2);
    for wrong in [
        json!(null),
        json!(""),
        json!(" \n\t"),
        json!("x".repeat(501)),
    ] {
        let mut params = report(chat, said[0]);
        params["reason"] = wrong;
        let refused = stage.refused(&user(OTHER), "report.create", params, "ERR_INVALID");
        assert_eq!(refused.extras().field.as_deref(), Some("reason"));
    }
    for (id, fine) in said.into_iter().zip(["x".to_owned(), "é".repeat(500)]) {
        let mut params = report(chat, id);
        params["reason"] = json!(fine);
        stage.ok(&user(OTHER), "report.create", params);
    }
}

#[test]
fn a_person_reports_a_message_once_spec_7_6() {
    let mut parlour = Parlour::new();
    let insult = parlour.says("You smell of elderberries");
    let another = parlour.says("And your father, too");
    let stage = &parlour.stage;
    stage.ok(&user(OTHER), "report.create", insult.bare_report());
    let before = stage.rows();
    for again in [insult.bare_report(), insult.report()] {
        let refused = stage.refused(&user(OTHER), "report.create", again, "ERR_ALREADY_REPORTED");
        assert_eq!(refused.kind(), ErrorKind::AlreadyReported);
        assert!(stage.rows() == before);
    }
    assert_eq!(stage.report_attempts(), 1, "the same again is not counted");
    // Somebody else may, and another message too.
    stage.reported(&insult, LIFETIME);
    stage.reported(&another, OTHER);
}

#[test]
fn twenty_reports_an_hour_and_forged_ones_count_spec_7_6() {
    let mut parlour = Parlour::new();
    let insult = parlour.says("You smell of elderberries");
    let stage = &parlour.stage;
    let said = stage.written(parlour.chat, BASIC, 25);
    let plain = |id: i64| report(parlour.chat, id);
    for id in &said[..17] {
        stage.ok(&user(OTHER), "report.create", plain(*id));
    }
    stage.clock.advance(10 * MINUTE);
    for forged in ["AAAA", &STANDARD.encode([1; 32]), &STANDARD.encode([2; 32])] {
        let params = insult.report_with(forged);
        stage
            .call(&user(OTHER), "report.create", params)
            .unwrap_err();
    }
    let refuse = |params: Value| {
        let refused = stage.refused(&user(OTHER), "report.create", params, "ERR_RATE_LIMITED");
        refused.extras().retry_after_ms.unwrap()
    };
    assert_eq!(refuse(plain(said[17])), 50 * MINUTE.unsigned_abs());
    // Nor is another key tried.
    assert_eq!(refuse(insult.report()), 50 * MINUTE.unsigned_abs());
    // Each has an allowance of their own.
    stage.ok(&user(LIFETIME), "report.create", plain(said[17]));
    stage.clock.advance(50 * MINUTE - 1);
    assert_eq!(refuse(plain(said[17])), 1);
    stage.clock.advance(1);
    for id in &said[17..24] {
        stage.ok(&user(OTHER), "report.create", plain(*id));
    }
    // A tick forgets nothing that still counts.
    stage.clock.advance(HOUR - 1);
    stage.tick();
    for id in &said[..13] {
        stage.ok(&user(LIFETIME), "report.create", plain(*id));
    }
}

#[test]
fn a_rehearsed_report_leaves_nothing_and_counts_for_nothing() {
    let mut parlour = Parlour::new();
    let insult = parlour.says("You smell of elderberries");
    let before = parlour.stage.rows();
    let portal = &parlour.stage.portal;
    for params in [insult.report(), insult.report_with("AAAA")] {
        let _ = portal.rehearse_json(&user(OTHER), "report.create", &params.to_string());
    }
    assert!(parlour.stage.rows() == before);
    assert_eq!(parlour.stage.report_attempts(), 0);
}
