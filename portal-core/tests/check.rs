//! `db.check` and `db.stats`: a sound file is called sound, and every broken rule is found and named
//! (SPEC 16.2), also those broken while constraints and triggers were off.

mod common;

use std::collections::BTreeSet;

use common::{ADMIN, BASIC, OTHER, OWNER, PREMIUM, Stage, user};
use portal_core::clock::Clock;
use portal_core::model::ChatType;
use portal_core::{Actor, ErrorKind};
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use serde_json::{Value, json};

/// Chats 1 OFFICIAL, 2 PUBLIC, 3 PRIVATE, 4 DIRECT, with messages and keys in 3, at epoch 2.
fn furnished() -> Stage {
    let stage = Stage::new();
    stage.chat(ChatType::Official, ADMIN, Some("the-lobby"));
    stage.chat(ChatType::Public, PREMIUM, Some("the-square"));
    let private = stage.chat(ChatType::Private, PREMIUM, None);
    stage.direct(BASIC, OTHER);
    let session = stage.session(PREMIUM);
    stage.ok(
        &user(PREMIUM),
        "chat.update",
        json!({ "chat_id": private, "name": "Another name" }),
    );
    stage
        .raw()
        .execute_batch(&format!(
            "UPDATE chat SET next_message_id = 2 WHERE id = 3;
             UPDATE chat SET epoch = 2, epoch_start = 2, next_message_id = 3 WHERE id = 3;
             INSERT INTO room_key (chat_id, epoch, distributor_user, distributor_session, published_at)
               VALUES (3, 2, {PREMIUM}, {session}, 0);
             INSERT INTO key_blob (chat_id, epoch, session_id, publisher_user, publisher_session, publisher_public_key, blob, at)
               VALUES (3, 2, {session}, {PREMIUM}, {session}, zeroblob(32), zeroblob(72), 0);
             INSERT INTO message (chat_id, id, sender_id, sender_role, epoch, content, created_at)
               VALUES (3, 2, {PREMIUM}, 0, 2, 'x', 0);
             INSERT INTO invite (code, chat_id, created_at, max_uses) VALUES ('abcdefghijklmnop', 3, 0, 1);
             INSERT INTO match_entry (user_id, interests, since, expires_at) VALUES ({PREMIUM}, '[\"go1\",\"tea\"]', 0, 1);
             INSERT INTO report (chat_id, chat_type, chat_name, message_id, epoch, message_at, sender_id, reporter_id, reason, at, verified)
               VALUES (3, 'PRIVATE', 'A chat', 2, 2, 0, {PREMIUM}, {BASIC}, 'rude', 0, 0);"
        ))
        .unwrap();
    stage
}

/// The file with every rule of its own off.
fn lawless(stage: &Stage) -> Connection {
    let db = stage.raw();
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)
        .unwrap();
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, false)
        .unwrap();
    db.pragma_update(None, "ignore_check_constraints", true)
        .unwrap();
    db.pragma_update(None, "foreign_keys", false).unwrap();
    db
}

fn check(stage: &Stage) -> Value {
    stage.ok(&Actor::operator(), "db.check", json!({}))
}

fn problems(checked: &Value) -> BTreeSet<String> {
    checked["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["weight"] == "problem")
        .map(|finding| finding["code"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_sound_file_has_no_problem_spec_16_2() {
    let stage = furnished();
    let checked = check(&stage);
    assert_eq!(problems(&checked), BTreeSet::new(), "{checked}");
    assert_eq!(checked["ok"], true);
    assert!(checked["checks"].as_u64().unwrap() > 20);
}

#[test]
fn only_the_operator_checks_and_counts() {
    let stage = Stage::new();
    for name in ["db.check", "db.stats"] {
        stage.refused(&user(OWNER), name, json!({}), "ERR_FORBIDDEN");
        stage.refused(&Actor::guest(), name, json!({}), "ERR_UNAUTHENTICATED");
    }
}

/// Each breaks its rule; what else it breaks is its own matter.
const BREACHES: &[(&str, &str)] = &[
    (
        "stranger_with_rank",
        "UPDATE user SET role = 1 WHERE id = 9000",
    ),
    (
        "identity_of_stranger",
        "INSERT INTO platform_identity (platform, identity, user_id, linked_at) VALUES ('telegram', '4711', 9000, 0)",
    ),
    (
        "tier_end_misplaced",
        "UPDATE user SET tier = 1 WHERE id = 5000",
    ),
    (
        "chat_type_unknown",
        "UPDATE chat SET chat_type = 'SECRET' WHERE id = 3",
    ),
    (
        "chat_owner_missing",
        "UPDATE chat SET owner_id = NULL WHERE id = 3",
    ),
    ("chat_owner_missing", "DELETE FROM user WHERE id = 4000"),
    (
        "direct_has_owner",
        "UPDATE chat SET owner_id = 5000 WHERE id = 4",
    ),
    (
        "official_owner_too_low",
        "UPDATE user SET role = 1 WHERE id = 2000",
    ),
    ("slug_by_type", "UPDATE chat SET slug = NULL WHERE id = 2"),
    (
        "slug_by_type",
        "UPDATE chat SET slug = 'private' WHERE id = 3",
    ),
    ("slug_form", "UPDATE chat SET slug = 'aa--bb' WHERE id = 2"),
    (
        "slug_form",
        "UPDATE chat SET slug = 'abcdefghijklmnop' WHERE id = 2",
    ),
    (
        "public_from_misplaced",
        "UPDATE chat SET public_from = NULL WHERE id = 2",
    ),
    (
        "public_from_misplaced",
        "UPDATE chat SET public_from = 9 WHERE id = 2",
    ),
    (
        "direct_without_pair",
        "UPDATE chat SET pair_high = NULL WHERE id = 4",
    ),
    (
        "direct_without_pair",
        "UPDATE chat SET pair_low = 5000, pair_high = 6000 WHERE id = 3",
    ),
    (
        "direct_members",
        "DELETE FROM membership WHERE chat_id = 4 AND user_id = 5000",
    ),
    (
        "direct_members",
        "INSERT INTO membership (chat_id, user_id, via, joined_at) VALUES (4, 7000, 'invite', 0)",
    ),
    (
        "direct_members",
        "UPDATE membership SET user_id = 7000 WHERE chat_id = 4 AND user_id = 5000",
    ),
    (
        "direct_has_door",
        "INSERT INTO invite (code, chat_id, created_at) VALUES ('abcdefghijklmno2', 4, 0)",
    ),
    (
        "direct_has_door",
        "INSERT INTO transfer_offer (chat_id, to_user, offered_at, expires_at) VALUES (4, 5000, 0, 1)",
    ),
    (
        "direct_wiped",
        "UPDATE chat SET wipe_due_at = 1 WHERE id = 4",
    ),
    (
        "direct_punished",
        "INSERT INTO punishment (user_id, chat_id, kind, by_actor, at) VALUES (5000, 4, 'mute', 'operator', 0)",
    ),
    (
        "direct_without_an_end",
        "UPDATE chat SET ends_at = NULL WHERE id = 4",
    ),
    (
        "direct_without_an_end",
        "UPDATE chat SET interests = '[\"tea\"]' WHERE id = 3",
    ),
    (
        "direct_beyond_slots",
        "INSERT INTO chat (chat_type, name, pair_low, pair_high, epoch_moved_at, chat_config, browser_config, ends_at,
           interests, created_at, last_activity_at)
         SELECT chat_type, name, 5000, value, 0, '{}', '{}', 1, interests, 0, 0
         FROM chat, json_each('[6000, 7000, 9000]') WHERE chat.id = 4",
    ),
    ("queue_differs", "DELETE FROM match_queue WHERE tag = 'tea'"),
    (
        "queue_differs",
        "INSERT INTO match_queue (tag, since, entry_id) VALUES ('chess', 0, 77)",
    ),
    ("queue_differs", "UPDATE match_entry SET rests = 1"),
    (
        "interests_malformed",
        "UPDATE match_entry SET interests = '[\"te\"]'",
    ),
    (
        "interests_malformed",
        "UPDATE chat SET interests = '[\"t-a\"]' WHERE id = 4",
    ),
    ("suite_unknown", "UPDATE chat SET e2ee = 4 WHERE id = 1"),
    (
        "epoch_start_out_of_range",
        "UPDATE chat SET epoch_start = 7 WHERE id = 1",
    ),
    (
        "epoch_start_out_of_range",
        "UPDATE chat SET epoch = 0 WHERE id = 1",
    ),
    ("code_overused", "UPDATE invite SET uses = 2"),
    (
        "message_beyond_counter",
        "UPDATE chat SET next_message_id = 2 WHERE id = 3",
    ),
    ("message_beyond_epoch", "UPDATE message SET epoch = 3"),
    ("message_of_ended_epoch", "UPDATE message SET epoch = 1"),
    ("message_of_nobody", "UPDATE message SET sender_id = NULL"),
    (
        "message_too_long",
        "UPDATE message SET content = hex(zeroblob(2049))",
    ),
    ("key_of_other_epoch", "UPDATE room_key SET epoch = 1"),
    ("key_of_other_epoch", "UPDATE key_blob SET epoch = 1"),
    ("key_blob_length", "UPDATE key_blob SET blob = zeroblob(80)"),
    ("key_blob_without_key", "DELETE FROM room_key"),
    ("keys_orphaned", "DELETE FROM session"),
    ("keys_orphaned", "DELETE FROM chat WHERE id = 3"),
    (
        "report_unproven",
        "UPDATE report SET plaintext = 'Rude words'",
    ),
    ("report_unproven", "UPDATE report SET verified = 1"),
    (
        "report_unproven",
        "UPDATE report SET verified = 1, plaintext = hex(zeroblob(1472))",
    ),
    ("report_handling", "UPDATE report SET state = 'reviewing'"),
    ("report_handling", "UPDATE report SET handled_at = 0"),
    (
        "report_handling",
        "UPDATE report SET state = 'burnt', handled_by = 'operator', handled_at = 0",
    ),
    (
        "report_of_oneself",
        "UPDATE report SET reporter_id = sender_id",
    ),
    (
        "id_reused",
        "UPDATE sqlite_sequence SET seq = 0 WHERE name = 'report'",
    ),
    (
        "id_reused",
        "UPDATE sqlite_sequence SET seq = 1 WHERE name = 'chat'",
    ),
    ("log_unnamed", "DELETE FROM meta WHERE key = 'log_id'"),
    (
        "event_place_impossible",
        "UPDATE event SET seq = -1 WHERE seq = (SELECT min(seq) FROM event)",
    ),
    ("event_newest_missing", "DELETE FROM event"),
    (
        "event_newest_missing",
        "INSERT INTO meta VALUES ('event_horizon', 99)",
    ),
    (
        "orphans",
        "INSERT INTO membership (chat_id, user_id, via, joined_at) VALUES (3, 8000, 'invite', 0)",
    ),
    ("damaged", "UPDATE user SET username = 'no' WHERE id = 5000"),
    (
        "schema_differs",
        "DROP TRIGGER membership_direct_takes_no_third",
    ),
    ("schema_differs", "DROP INDEX session_by_user"),
    ("schema_differs", "CREATE TABLE spy (secret TEXT)"),
    ("not_marked", "PRAGMA application_id = 7"),
    ("not_marked", "PRAGMA user_version = 0"),
    (
        "chat_unreadable",
        "UPDATE chat SET chat_config = '{\"wipe_preset\": \"2h\"}' WHERE id = 3",
    ),
    ("event_unreadable", "UPDATE event SET name = 'room:painted'"),
    ("event_unreadable", "UPDATE event SET data = '{}'"),
    (
        "setting_unknown",
        "INSERT INTO setting VALUES ('colour', '1')",
    ),
];

#[test]
fn every_broken_rule_is_found_and_named_spec_16_2() {
    for (code, breach) in BREACHES {
        let stage = furnished();
        lawless(&stage).execute_batch(breach).unwrap();
        let checked = check(&stage);
        assert!(problems(&checked).contains(*code), "{breach}: {checked}");
        assert_eq!(checked["ok"], false, "{breach}");
        let findings = checked["findings"].as_array().unwrap();
        let finding = findings.iter().find(|f| f["code"] == *code).unwrap();
        assert!(finding["count"].as_u64() >= Some(1), "{finding}");
        assert!(
            !finding["examples"].as_array().unwrap().is_empty(),
            "{finding}"
        );
        for said in ["meaning", "advice"] {
            assert!(finding[said].as_str().unwrap().ends_with('.'), "{finding}");
        }
    }
}

fn finding<'a>(checked: &'a Value, code: &str) -> Option<&'a Value> {
    let findings = checked["findings"].as_array().unwrap();
    findings.iter().find(|finding| finding["code"] == code)
}

#[test]
fn what_is_safe_is_put_right_with_an_audit_row_and_nothing_else_is() {
    let mut fixed = BTreeSet::new();
    for (code, breach) in BREACHES {
        let stage = furnished();
        lawless(&stage).execute_batch(breach).unwrap();
        let checked = check(&stage);
        let fix = json!({ "code": code });
        if finding(&checked, code).unwrap()["fixable"] == false {
            let refused = stage
                .portal
                .call_json(&Actor::operator(), "db.fix", &fix.to_string());
            let kind = refused.unwrap_err().kind();
            // Where events or settings cannot be read, nothing is written at all.
            assert!(
                matches!(kind, ErrorKind::Invalid | ErrorKind::StorageCorrupt),
                "{breach}: {kind:?}"
            );
            continue;
        }
        let messages = rows(&stage, "message");
        let done = stage.ok(&Actor::operator(), "db.fix", fix);
        assert!(done["rows"].as_u64() >= Some(1), "{breach}: {done}");
        let after = check(&stage);
        assert!(finding(&after, code).is_none(), "{breach}: {after}");
        assert!(
            problems(&after).is_subset(&problems(&checked)),
            "{breach}: {after}"
        );
        assert_eq!(rows(&stage, "message"), messages, "{breach}");
        let page = stage.ok(
            &Actor::operator(),
            "audit.list",
            json!({ "action": "db.fix" }),
        );
        assert_eq!(page["rows"][0]["details"]["code"], *code);
        fixed.insert(*code);
    }
    assert!(fixed.len() >= 8, "{fixed:?}");
}

fn rows(stage: &Stage, table: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM {table}");
    stage.raw().query_row(&sql, [], |row| row.get(0)).unwrap()
}

#[test]
fn only_the_operator_puts_right() {
    let stage = Stage::new();
    let fix = || json!({ "code": "queue_differs" });
    stage.refused(&user(OWNER), "db.fix", fix(), "ERR_FORBIDDEN");
    stage.refused(&Actor::guest(), "db.fix", fix(), "ERR_UNAUTHENTICATED");
}

#[test]
fn rows_of_the_future_are_advice() {
    let stage = furnished();
    let ahead = |minutes: i64| {
        stage
            .clock
            .now()
            .plus(minutes * portal_core::model::MINUTE)
            .as_millis()
    };
    let set = |at: i64| {
        let sql = "UPDATE chat SET last_activity_at = ?1 WHERE id = 2";
        lawless(&stage).execute(sql, [at]).unwrap();
    };
    set(ahead(4));
    assert!(finding(&check(&stage), "from_the_future").is_none());
    set(ahead(6));
    let checked = check(&stage);
    let future = finding(&checked, "from_the_future").unwrap();
    assert_eq!(
        (&future["weight"], &future["examples"]),
        (&json!("advice"), &json!(["chat 2"]))
    );
    assert_eq!(checked["ok"], true);
}

#[test]
fn every_rule_has_its_breach() {
    let rules = include_str!("../src/ops/check/rules.rs");
    let codes = rules
        .lines()
        .filter_map(|line| line.strip_prefix("    \""))
        .filter_map(|line| line.split_once("\" \"").map(|(code, _)| code));
    let mut count = 0;
    for code in codes {
        assert!(BREACHES.iter().any(|(breach, _)| *breach == code), "{code}");
        count += 1;
    }
    assert!(count > 20, "{count}");
}

#[test]
fn a_long_list_of_places_is_counted_and_shortened() {
    let stage = furnished();
    lawless(&stage)
        .execute_batch("INSERT INTO membership (chat_id, user_id, via, joined_at) SELECT 4, id, 'invite', 0 FROM user WHERE id NOT IN (5000, 6000)")
        .unwrap();
    lawless(&stage)
        .execute_batch("DELETE FROM user WHERE id NOT IN (1000, 2000)")
        .unwrap();
    let checked = check(&stage);
    let findings = checked["findings"].as_array().unwrap();
    let orphans = findings.iter().find(|f| f["code"] == "orphans").unwrap();
    assert!(orphans["count"].as_u64() > Some(5), "{orphans}");
    assert_eq!(orphans["examples"].as_array().unwrap().len(), 5);
}

#[cfg(unix)]
#[test]
fn a_file_open_to_others_is_advice_and_no_problem() {
    use std::os::unix::fs::PermissionsExt;
    let stage = furnished();
    let advised = |checked: &Value| {
        let findings = checked["findings"].as_array().unwrap();
        findings.iter().any(|f| f["code"] == "readable_by_others")
    };
    assert!(!advised(&check(&stage)));
    let path = stage.portal.path();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let checked = check(&stage);
    assert!(advised(&checked), "{checked}");
    assert_eq!(checked["ok"], true);
    let fix = json!({ "code": "readable_by_others" });
    let rehearsed = stage
        .portal
        .rehearse_json(&Actor::operator(), "db.fix", &fix.to_string());
    rehearsed.unwrap();
    assert!(advised(&check(&stage)), "a rehearsal changes nothing");
    stage.ok(&Actor::operator(), "db.fix", fix);
    assert!(!advised(&check(&stage)));
}

#[cfg(unix)]
#[test]
fn a_directory_that_others_write_to_is_advice() {
    use std::os::unix::fs::PermissionsExt;
    let stage = furnished();
    std::fs::set_permissions(stage.dir.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    let checked = check(&stage);
    assert!(
        finding(&checked, "directory_writable").is_some(),
        "{checked}"
    );
    assert_eq!(checked["ok"], true);
}

#[test]
fn what_the_log_still_holds_is_told_spec_7_4() {
    let stage = furnished();
    stage.session(BASIC);
    let checked = check(&stage);
    let findings = checked["findings"].as_array().unwrap();
    assert!(
        findings.iter().any(|f| f["code"] == "log_not_empty"),
        "{checked}"
    );
    stage
        .raw()
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .unwrap();
    let findings = &check(&stage)["findings"];
    assert_eq!(findings, &json!([]));
}

#[test]
fn the_statistics_count_every_table() {
    let stage = furnished();
    let stats = stage.ok(&Actor::operator(), "db.stats", json!({}));
    let tables = stats["tables"].as_array().unwrap();
    let rows = |name: &str| {
        let table = tables.iter().find(|t| t["table"] == name);
        table.unwrap_or_else(|| panic!("{name}"))["rows"].as_u64()
    };
    assert_eq!(
        (rows("user"), rows("chat"), rows("message")),
        (Some(8), Some(4), Some(1))
    );
    let bytes: u64 = tables.iter().map(|t| t["bytes"].as_u64().unwrap()).sum();
    let file = stats["file_bytes"].as_u64().unwrap();
    assert!(0 < bytes && bytes <= file, "{stats}");
    assert!(stats["newest_event"]["seq"].as_u64() >= stats["oldest_event"]["seq"].as_u64());
    assert_eq!(stats["log_id"].as_str().unwrap().len(), 32);
}

#[test]
fn growth_is_what_the_last_seven_days_made() {
    let stage = furnished();
    let now = stage.clock.now();
    let made = |days: i64| now.plus(-days * portal_core::model::DAY).as_millis();
    for (id, days) in [(11, 1), (12, 6), (13, 8)] {
        let sql = "INSERT INTO user (id, username, created_at) VALUES (?1, 'grown-' || ?1, ?2)";
        stage.raw().execute(sql, (id, made(days))).unwrap();
    }
    let stats = stage.ok(&Actor::operator(), "db.stats", json!({}));
    let tables = stats["tables"].as_array().unwrap();
    let table = |name: &str| tables.iter().find(|t| t["table"] == name).unwrap();
    assert_eq!(table("user")["rows_last_week"], 2);
    let whole = table("user")["bytes"].as_u64().unwrap();
    let grown = table("user")["bytes_last_week"].as_u64().unwrap();
    assert!(0 < grown && grown < whole, "{stats}");
    assert_eq!(table("setting")["rows_last_week"], Value::Null);
}

#[test]
fn what_retention_would_take_is_what_it_takes_spec_14_3() {
    let stage = furnished();
    let prunable = || {
        let stats = stage.ok(&Actor::operator(), "db.stats", json!({}));
        let list = stats["prunable"].as_array().unwrap();
        list.iter()
            .map(|row| {
                (
                    row["table"].as_str().unwrap().to_owned(),
                    row["rows"].as_i64().unwrap(),
                )
            })
            .collect::<Vec<_>>()
    };
    // The report is open, so it stays; the message and the invite were made in 1970.
    let set = json!({ "key": "message_days", "value": 30 });
    stage.ok(&Actor::operator(), "config.set", set);
    let revoke = "UPDATE invite SET revoked_at = 1";
    stage.raw().execute_batch(revoke).unwrap();
    stage.clock.advance(500 * portal_core::model::DAY);
    let before = prunable();
    let all: Vec<_> = before
        .iter()
        .map(|(table, _)| (table.clone(), rows(&stage, table)))
        .collect();
    while stage.portal.tick().unwrap() <= stage.clock.now() {}
    for ((table, would), (_, had)) in before.into_iter().zip(all) {
        // Housekeeping announces what it does: those events are of now.
        let old = match table.as_str() {
            "event" => "event WHERE at < 1843000000000",
            "audit" => "audit WHERE at < 1843000000000",
            _ => &table,
        };
        let gone = had - rows(&stage, old);
        let kept_newest = i64::from(table == "event");
        assert!(
            gone - would <= kept_newest && gone >= would,
            "{table}: {would} of {had}, {gone} went"
        );
    }
}
