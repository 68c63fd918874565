//! Deleting, clearing, wiping, pruning (SPEC 6.5, 7.4, 14.3), and what is left of it in the file.

mod common;

use common::talk::envelope;
use common::{ADMIN, BASIC, MODERATOR, OTHER, OWNER, PREMIUM, START, Stage, user};
use portal_core::Actor;
use portal_core::model::{ChatId, ChatType, DAY, HOUR, MINUTE};
use serde_json::{Value, json};

const NONE: [i64; 0] = [];

fn public() -> (Stage, ChatId) {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("a-chat"));
    (stage, chat)
}

fn left(stage: &Stage, chat: ChatId) -> Vec<i64> {
    stage.history(&Actor::operator(), chat)
}

/// The one event since, and its data.
#[track_caller]
fn deleted_event(stage: &Stage, after: u64) -> Value {
    let events = stage.events(after);
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0]["name"], "message:deleted");
    events[0]["data"]["ids"].clone()
}

fn audited(stage: &Stage, action: &str) -> Vec<Value> {
    let page = stage.ok(
        &Actor::operator(),
        "audit.list",
        json!({ "action": action }),
    );
    let rows = page["rows"].as_array().unwrap().iter();
    rows.map(|row| row["details"].clone()).collect()
}

#[test]
fn messages_are_deleted_by_id_spec_6_5() {
    let (stage, chat) = public();
    stage.written(chat, BASIC, 3);
    stage.written(chat, OTHER, 2);
    let other = stage.chat(ChatType::Private, PREMIUM, None);
    stage.written(other, BASIC, 3);
    let before = stage.as_of();
    let params = json!({ "chat_id": chat, "ids": [5, 2, 2, 77, 1] });
    assert_eq!(
        stage.ok(&user(PREMIUM), "message.delete", params)["deleted"],
        3
    );
    assert_eq!(deleted_event(&stage, before), json!([1, 2, 5]));
    assert_eq!(left(&stage, chat), [4, 3]);
    assert_eq!(left(&stage, other), [3, 2, 1]);
    assert_eq!(
        audited(&stage, "message.delete"),
        [json!({ "ids": [1, 2, 5], "senders": [BASIC, OTHER] })]
    );
}

#[test]
fn what_is_not_there_is_passed_over_and_not_announced_spec_6_5() {
    let (stage, chat) = public();
    let before = stage.as_of();
    for (name, params) in [
        ("message.delete", json!({ "chat_id": chat, "ids": [1, 2] })),
        (
            "message.delete_last",
            json!({ "chat_id": chat, "count": 9 }),
        ),
        ("message.delete_mine", json!({ "chat_id": chat })),
        (
            "message.delete_mine",
            json!({ "chat_id": chat, "ids": [1] }),
        ),
    ] {
        assert_eq!(
            stage.ok(&user(PREMIUM), name, params)["deleted"],
            0,
            "{name}"
        );
    }
    assert_eq!(stage.as_of(), before);
    assert_eq!(audited(&stage, "message.delete").len(), 0);
}

#[test]
fn one_call_takes_1_to_100_spec_6_5() {
    let (stage, chat) = public();
    let many: Vec<_> = (1..=101).collect();
    for (name, key, value) in [
        ("message.delete", "ids", json!([])),
        ("message.delete", "ids", json!(many)),
        ("message.delete_mine", "ids", json!([])),
        ("message.delete_mine", "ids", json!(many)),
        ("message.delete_last", "count", json!(0)),
        ("message.delete_last", "count", json!(101)),
    ] {
        let params = json!({ "chat_id": chat, key: value });
        let error = stage.refused(&user(PREMIUM), name, params, "ERR_INVALID");
        assert_eq!(error.extras().field.as_deref(), Some(key), "{name}");
    }
    stage.written(chat, BASIC, 120);
    let params = json!({ "chat_id": chat, "ids": many[..100] });
    assert_eq!(
        stage.ok(&user(PREMIUM), "message.delete", params)["deleted"],
        100
    );
}

#[test]
fn the_last_messages_are_deleted_whoever_wrote_them_spec_6_5() {
    let (stage, chat) = public();
    stage.written(chat, BASIC, 2);
    stage.written(chat, PREMIUM, 2);
    let before = stage.as_of();
    let params = json!({ "chat_id": chat, "count": 3 });
    assert_eq!(
        stage.ok(&user(PREMIUM), "message.delete_last", params)["deleted"],
        3
    );
    assert_eq!(deleted_event(&stage, before), json!([2, 3, 4]));
    assert_eq!(left(&stage, chat), [1]);
    // Only what others said is the audit log's business.
    assert_eq!(
        audited(&stage, "message.delete_last"),
        [json!({ "ids": [2], "senders": [BASIC] })]
    );
}

#[test]
fn ones_own_are_deleted_and_nobody_elses_spec_6_5() {
    let (stage, chat) = public();
    let other = stage.chat(ChatType::Public, PREMIUM, Some("b-chat"));
    stage.written(chat, BASIC, 3);
    stage.written(chat, OTHER, 1);
    stage.written(other, BASIC, 1);
    let before = stage.as_of();
    let params = json!({ "chat_id": chat, "ids": [4, 2] });
    assert_eq!(
        stage.ok(&user(BASIC), "message.delete_mine", params)["deleted"],
        1
    );
    assert_eq!(deleted_event(&stage, before), json!([2]));
    let before = stage.as_of();
    let all = json!({ "chat_id": chat });
    assert_eq!(
        stage.ok(&user(BASIC), "message.delete_mine", all)["deleted"],
        2
    );
    assert_eq!(deleted_event(&stage, before), json!([1, 3]));
    assert_eq!(left(&stage, chat), [4]);
    assert_eq!(left(&stage, other), [1]);
    assert_eq!(audited(&stage, "message.delete_mine").len(), 0);
}

#[test]
fn who_may_delete_what_spec_4_1() {
    let stage = Stage::new();
    let open = stage.chat(ChatType::Public, PREMIUM, Some("a-chat"));
    let private = stage.chat(ChatType::Private, PREMIUM, None);
    let direct = stage.direct(BASIC, OTHER);
    stage.member(private, BASIC);
    let ok = Ok(());
    let (hidden, forbidden) = (Err("ERR_CHAT_NOT_FOUND"), Err("ERR_FORBIDDEN"));
    let unmoderated = Err("ERR_DIRECT_UNMODERATED");
    for (who, chat, others, own) in [
        (user(PREMIUM), open, ok, ok),
        (user(MODERATOR), open, ok, ok),
        (user(BASIC), open, forbidden, ok),
        (
            Actor::guest(),
            open,
            Err("ERR_UNAUTHENTICATED"),
            Err("ERR_UNAUTHENTICATED"),
        ),
        (Actor::operator(), open, ok, forbidden),
        (user(PREMIUM), private, ok, ok),
        (user(BASIC), private, forbidden, ok),
        (user(ADMIN), private, ok, forbidden),
        (user(MODERATOR), private, hidden, hidden),
        (user(BASIC), direct, unmoderated, ok),
        (user(OWNER), direct, hidden, hidden),
        (Actor::operator(), direct, unmoderated, forbidden),
    ] {
        for (name, params, expected) in [
            (
                "message.delete",
                json!({ "chat_id": chat, "ids": [1] }),
                others,
            ),
            (
                "message.delete_last",
                json!({ "chat_id": chat, "count": 1 }),
                others,
            ),
            ("message.delete_mine", json!({ "chat_id": chat }), own),
        ] {
            let answer = stage.call(&who, name, params);
            let answer = answer.map(drop).map_err(|error| error.kind().code());
            assert_eq!(answer, expected, "{who:?} {name} in {chat}");
        }
    }
}

#[test]
fn deleting_needs_no_lawful_target_spec_4_2() {
    let (stage, chat) = public();
    stage.written(chat, OWNER, 1);
    let params = json!({ "chat_id": chat, "ids": [1] });
    assert_eq!(
        stage.ok(&user(PREMIUM), "message.delete", params)["deleted"],
        1
    );
}

#[test]
fn clearing_deletes_everything_and_moves_the_epoch_spec_7_4() {
    let (stage, chat) = public();
    stage.member(chat, BASIC);
    let talker = stage.talker(chat, BASIC);
    stage.say(&talker, chat, "a");
    stage.say(&talker, chat, "b");
    let before = stage.as_of();
    let reply = stage.ok(&user(PREMIUM), "chat.clear", json!({ "chat_id": chat }));
    assert_eq!(reply, json!({ "deleted": 2, "epoch": 2 }));
    let events = stage.events(before);
    assert_eq!(
        stage.event_names(before),
        ["portal:cleared", "room:epoch_changed", "message:new"]
    );
    assert_eq!(
        events[0]["data"],
        json!({ "chat_id": chat, "scheduled": false })
    );
    assert_eq!(events[1]["data"]["epoch"], 2);
    assert_eq!(events[1]["data"]["reason"], "cleared");
    let page = stage.ok(
        &Actor::guest(),
        "message.history",
        json!({ "chat_id": chat }),
    );
    assert_eq!(
        (&page["epoch"], &page["epoch_start"]),
        (&json!(2), &json!(3))
    );
    let word = &page["messages"][0];
    assert_eq!(
        (&word["id"], &word["kind"], &word["code"]),
        (&json!(3), &json!("system"), &json!("cleared"))
    );
    assert_eq!((&word["sender"], &word["epoch"]), (&Value::Null, &json!(0)));
    assert_eq!(page["messages"].as_array().unwrap().len(), 1);
    assert_eq!(audited(&stage, "chat.clear"), [json!({ "deleted": 2 })]);
    // No membership is touched, and whoever is in the room stays there.
    stage.give_key(chat, talker.session);
    stage.say(&talker, chat, "c");
    let members: i64 = stage
        .raw()
        .query_row("SELECT count(*) FROM membership", [], |row| row.get(0))
        .unwrap();
    assert_eq!(members, 1);
}

#[test]
fn who_may_clear_spec_4_1() {
    let stage = Stage::new();
    let open = stage.chat(ChatType::Public, PREMIUM, Some("a-chat"));
    let private = stage.chat(ChatType::Private, PREMIUM, None);
    let direct = stage.direct(BASIC, OTHER);
    stage.member(private, BASIC);
    for (who, chat, code) in [
        (user(BASIC), open, "ERR_FORBIDDEN"),
        (user(BASIC), private, "ERR_FORBIDDEN"),
        (user(MODERATOR), private, "ERR_CHAT_NOT_FOUND"),
        (user(BASIC), direct, "ERR_FORBIDDEN"),
        (Actor::operator(), direct, "ERR_FORBIDDEN"),
    ] {
        stage.refused(&who, "chat.clear", json!({ "chat_id": chat }), code);
    }
    for (who, chat) in [
        (user(PREMIUM), open),
        (user(MODERATOR), open),
        (user(PREMIUM), private),
        (user(ADMIN), private),
        (Actor::operator(), private),
    ] {
        stage.ok(&who, "chat.clear", json!({ "chat_id": chat }));
    }
}

/// A PUBLIC chat that is wiped every 15 minutes, made at the start.
fn wiped() -> (Stage, ChatId) {
    let stage = Stage::new();
    let params = json!({
        "chat_type": "PUBLIC", "name": "A chat", "owner_id": PREMIUM, "slug": "a-chat", "e2ee": 2,
        "chat_config": { "wipe_preset": "15m" },
    });
    let reply = stage.ok(&Actor::operator(), "chat.create", params);
    let chat = ChatId::try_from(reply["id"].as_i64().unwrap()).unwrap();
    (stage, chat)
}

fn wipe_due_at(stage: &Stage, chat: ChatId) -> Option<i64> {
    let sql = "SELECT wipe_due_at FROM chat WHERE id = ?";
    let due: Option<i64> = stage
        .raw()
        .query_row(sql, [chat.get()], |row| row.get(0))
        .unwrap();
    due.map(|due| due - START.as_millis())
}

#[test]
fn a_wipe_comes_when_it_is_due_and_not_before_spec_7_4() {
    let (stage, chat) = wiped();
    stage.written(chat, BASIC, 2);
    stage.clock.advance(15 * MINUTE - 1);
    let next = stage.portal.tick().unwrap();
    assert_eq!(next, START.plus(15 * MINUTE));
    assert_eq!(left(&stage, chat), [2, 1]);
    stage.clock.advance(1);
    let before = stage.as_of();
    stage.portal.tick().unwrap();
    assert_eq!(left(&stage, chat), [3]);
    assert_eq!(
        stage.event_names(before),
        ["portal:cleared", "room:epoch_changed", "message:new"]
    );
    let events = stage.events(before);
    assert_eq!(events[0]["data"]["scheduled"], true);
    assert_eq!(events[1]["data"]["reason"], "wiped");
    let page = stage.ok(
        &Actor::guest(),
        "message.history",
        json!({ "chat_id": chat }),
    );
    assert_eq!(page["messages"][0]["code"], "wiped");
    // A tick does nothing twice.
    stage.portal.tick().unwrap();
    assert_eq!(stage.epoch(chat), 2);
}

#[test]
fn a_wipe_with_nothing_written_since_only_restarts_its_timer_spec_7_4() {
    let (stage, chat) = wiped();
    let before = stage.as_of();
    for round in 1..=3 {
        stage.clock.advance(15 * MINUTE);
        stage.portal.tick().unwrap();
        assert_eq!(wipe_due_at(&stage, chat), Some((round + 1) * 15 * MINUTE));
    }
    assert_eq!((stage.as_of(), stage.epoch(chat)), (before, 1));
    stage.written(chat, BASIC, 1);
    stage.clock.advance(15 * MINUTE);
    stage.portal.tick().unwrap();
    assert_eq!((left(&stage, chat), stage.epoch(chat)), (vec![2], 2));
    // The system's own word is no reason to wipe again.
    stage.clock.advance(15 * MINUTE);
    stage.portal.tick().unwrap();
    assert_eq!((left(&stage, chat), stage.epoch(chat)), (vec![2], 2));
}

#[test]
fn what_was_written_and_deleted_since_still_has_its_key_wiped_spec_7_4() {
    let (stage, chat) = wiped();
    let talker = stage.talker(chat, BASIC);
    stage.clock.advance(MINUTE);
    stage.say(&talker, chat, "a");
    stage.ok(
        &talker.actor,
        "message.delete_mine",
        json!({ "chat_id": chat }),
    );
    stage.clock.advance(14 * MINUTE);
    stage.portal.tick().unwrap();
    assert_eq!(stage.epoch(chat), 2);
}

#[test]
fn clearing_and_late_wipes_restart_the_timer_from_now_spec_7_4() {
    let (stage, chat) = wiped();
    stage.written(chat, BASIC, 1);
    stage.clock.advance(10 * MINUTE);
    stage.ok(&user(PREMIUM), "chat.clear", json!({ "chat_id": chat }));
    assert_eq!(wipe_due_at(&stage, chat), Some(25 * MINUTE));
    stage.written(chat, BASIC, 1);
    stage.clock.advance(HOUR);
    stage.portal.tick().unwrap();
    assert_eq!(wipe_due_at(&stage, chat), Some(85 * MINUTE));
    assert_eq!(stage.epoch(chat), 3);
}

#[test]
fn the_system_is_in_the_audit_log_with_what_it_wiped_spec_7_8() {
    let (stage, chat) = wiped();
    stage.written(chat, BASIC, 3);
    stage.clock.advance(15 * MINUTE);
    stage.portal.tick().unwrap();
    // Nobody wrote since: only the timer starts anew, and nothing is to be told of that.
    stage.clock.advance(15 * MINUTE);
    stage.portal.tick().unwrap();
    let filter = json!({ "action": "chat.wipe" });
    let rows = &stage.ok(&Actor::operator(), "audit.list", filter)["rows"];
    assert_eq!(rows.as_array().unwrap().len(), 1);
    assert_eq!(
        (&rows[0]["actor"], &rows[0]["chat_id"], &rows[0]["details"]),
        (&json!("system"), &json!(chat), &json!({ "deleted": 3 }))
    );
}

#[test]
fn many_wipes_are_due_at_once_and_all_come_spec_14_2() {
    let stage = Stage::new();
    stage.set("chats_premium", json!(60));
    for n in 0..60 {
        let chat = stage.chat(ChatType::Public, PREMIUM, Some(&format!("chat-{n}")));
        stage.configure(chat, "wipe_preset", json!("1m"));
        stage.written(chat, BASIC, 1);
    }
    let due = START.as_millis();
    stage
        .raw()
        .execute("UPDATE chat SET wipe_due_at = ?", [due])
        .unwrap();
    let left = || -> i64 {
        let sql = "SELECT count(*) FROM message WHERE sender_id IS NOT NULL";
        stage.raw().query_row(sql, [], |row| row.get(0)).unwrap()
    };
    // What did not fit into one tick is due at once.
    let mut ticks = 0;
    while stage.portal.tick().unwrap() <= stage.portal.now() {
        ticks += 1;
        assert!(ticks < 5);
    }
    assert_eq!((ticks, left()), (1, 0));
}

/// A chat, wiped every minute, with a message in the middle of others, everything on disk.
fn with_secret() -> (Stage, ChatId) {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("a-chat"));
    stage.configure(chat, "wipe_preset", json!("1m"));
    let due = START.plus(MINUTE).as_millis();
    stage
        .raw()
        .execute("UPDATE chat SET wipe_due_at = ?", [due])
        .unwrap();
    let talker = stage.talker(chat, BASIC);
    for tag in ["before", "SECRET", "after"] {
        stage.say(&talker, chat, tag);
    }
    assert!(stage.on_disk("SECRETAAAA"), "the test would prove nothing");
    (stage, chat)
}

/// Every way to lose a message.
const WAYS: [&str; 7] = [
    "ids",
    "last",
    "mine",
    "mine by id",
    "clear",
    "wipe",
    "retention",
];

fn lose(stage: &Stage, chat: ChatId, way: &str) {
    let owner = user(PREMIUM);
    match way {
        "ids" => stage.ok(
            &owner,
            "message.delete",
            json!({ "chat_id": chat, "ids": [2] }),
        ),
        "last" => stage.ok(
            &owner,
            "message.delete_last",
            json!({ "chat_id": chat, "count": 2 }),
        ),
        "mine" => stage.ok(
            &user(BASIC),
            "message.delete_mine",
            json!({ "chat_id": chat }),
        ),
        "mine by id" => {
            let params = json!({ "chat_id": chat, "ids": [2] });
            stage.ok(&user(BASIC), "message.delete_mine", params)
        }
        "clear" => stage.ok(&owner, "chat.clear", json!({ "chat_id": chat })),
        "wipe" => {
            stage.clock.advance(MINUTE);
            stage.portal.tick().unwrap();
            Value::Null
        }
        "retention" => {
            stage.set("messages_per_chat", json!(1));
            stage.portal.tick().unwrap();
            Value::Null
        }
        _ => unreachable!(),
    };
}

#[test]
fn deleted_content_is_gone_from_file_and_log_spec_7_4() {
    for way in WAYS {
        let (stage, chat) = with_secret();
        lose(&stage, chat, way);
        assert!(!left(&stage, chat).contains(&2), "{way}");
        assert!(!stage.on_disk("SECRETAAAA"), "{way}");
    }
}

#[test]
fn what_a_reader_still_needs_is_gone_after_it_ends_and_a_tick_spec_7_4() {
    for way in WAYS {
        let (stage, chat) = with_secret();
        let reader = stage.raw();
        reader.execute_batch("BEGIN").unwrap();
        let seen = || -> i64 {
            let sql = "SELECT count(*) FROM message WHERE content LIKE '%SECRETAAAA%'";
            reader.query_row(sql, [], |row| row.get(0)).unwrap()
        };
        assert_eq!(seen(), 1);
        lose(&stage, chat, way);
        stage.portal.tick().unwrap();
        // The reader is not disturbed, and has to be able to see it.
        assert_eq!(seen(), 1, "{way}");
        assert!(stage.on_disk("SECRETAAAA"), "{way}");
        reader.execute_batch("COMMIT").unwrap();
        stage.portal.tick().unwrap();
        assert!(!stage.on_disk("SECRETAAAA"), "{way}");
    }
}

#[test]
fn a_chat_keeps_so_many_messages_the_newest_spec_14_3() {
    let (stage, chat) = public();
    let other = stage.chat(ChatType::Public, PREMIUM, Some("b-chat"));
    stage.set("messages_per_chat", json!(3));
    stage.written(chat, BASIC, 5);
    stage.written(other, BASIC, 3);
    let before = stage.as_of();
    stage.portal.tick().unwrap();
    assert_eq!(left(&stage, chat), [5, 4, 3]);
    assert_eq!(left(&stage, other), [3, 2, 1]);
    assert_eq!(deleted_event(&stage, before), json!([1, 2]));
    // What was deleted in between makes room; the numbers alone are no measure.
    let ids = json!({ "chat_id": chat, "ids": [4] });
    stage.ok(&user(PREMIUM), "message.delete", ids);
    stage.written(chat, BASIC, 1);
    stage.clock.advance(HOUR);
    stage.portal.tick().unwrap();
    assert_eq!(left(&stage, chat), [6, 5, 3]);
}

#[test]
fn messages_are_kept_for_so_many_days_spec_14_3() {
    let (stage, chat) = public();
    stage.written(chat, BASIC, 2);
    stage.clock.advance(DAY);
    stage.written(chat, BASIC, 1);
    stage.clock.advance(DAY);
    stage.portal.tick().unwrap();
    assert_eq!(left(&stage, chat), [3, 2, 1], "0 days keep everything");
    stage.set("message_days", json!(2));
    stage.clock.advance(HOUR);
    let before = stage.as_of();
    stage.portal.tick().unwrap();
    assert_eq!(left(&stage, chat), [3]);
    assert_eq!(deleted_event(&stage, before), json!([1, 2]));
    stage.clock.advance(DAY);
    stage.portal.tick().unwrap();
    assert_eq!(left(&stage, chat), NONE);
}

#[test]
fn pruning_takes_a_thousand_rows_a_tick_and_asks_for_the_next_spec_14_3() {
    let (stage, chat) = public();
    stage.written(chat, BASIC, 2_500);
    stage.set("messages_per_chat", json!(100));
    let count = || -> i64 {
        let sql = "SELECT count(*) FROM message";
        stage.raw().query_row(sql, [], |row| row.get(0)).unwrap()
    };
    for expected in [1_500, 500] {
        assert_eq!(stage.portal.tick().unwrap(), stage.portal.now());
        assert_eq!(count(), expected);
    }
    assert!(stage.portal.tick().unwrap() > stage.portal.now());
    assert_eq!(count(), 100);
}

#[test]
fn nothing_of_a_message_is_in_the_event_log_or_the_audit_log_spec_12_2() {
    let (stage, _) = with_secret();
    let holds = |table: &str, column: &str| -> i64 {
        let sql = format!("SELECT count(*) FROM {table} WHERE {column} LIKE '%SECRETAAAA%'");
        stage.raw().query_row(&sql, [], |row| row.get(0)).unwrap()
    };
    assert_eq!((holds("event", "data"), holds("audit", "details")), (0, 0));
    assert_eq!(holds("message", "content"), 1);
    assert!(envelope(1, "SECRET").contains("SECRETAAAA"));
}

#[test]
fn however_much_a_person_wrote_no_event_names_more_than_a_thousand_spec_6_5() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("a-chat"));
    stage.written(chat, BASIC, 1001);
    let before = stage.as_of();
    let all = json!({ "chat_id": chat });
    let deleted = stage.ok(&user(BASIC), "message.delete_mine", all);
    assert_eq!(deleted["deleted"], 1001);
    let told: Vec<_> = stage
        .events(before)
        .iter()
        .map(|event| event["data"]["ids"].as_array().unwrap().len())
        .collect();
    assert_eq!(told, [1000, 1]);
}
