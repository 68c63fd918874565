//! Everything that is stored of a person, as one document (SPEC 1.9): all of it, and nothing that is
//! another's.

mod common;

use std::collections::BTreeSet;

use common::keys::Device;
use common::sealed::{Parlour, SECRET};
use common::{
    ADMIN, BASIC, LIFETIME, MODERATOR, OTHER, OWNER, PREMIUM, START, STRANGER, Stage, user,
};
use portal_core::Actor;
use portal_core::model::{ChatType, HOUR, MINUTE};
use rusqlite::Connection;
use serde_json::{Value, json};

fn export(stage: &Stage, whose: i64) -> Value {
    let params = json!({ "user_id": whose });
    stage.ok(&Actor::operator(), "user.export", params)
}

#[test]
fn one_exports_oneself_and_admins_whom_they_may_act_on_spec_1_9() {
    let stage = Stage::new();
    for whose in [BASIC, MODERATOR, OWNER, STRANGER] {
        let own = stage.ok(&user(whose), "user.export", json!({}));
        assert_eq!(own["user"]["id"], whose);
        assert_eq!(own, export(&stage, whose));
    }
    let of = |whose: i64| json!({ "user_id": whose });
    for (staff, whose) in [(ADMIN, BASIC), (OWNER, ADMIN)] {
        let why = json!({ "user_id": whose, "reason": "asked for by mail" });
        stage.ok(&user(staff), "user.inspect", why);
        let all = stage.ok(&user(staff), "user.export", of(whose));
        assert_eq!(all, export(&stage, whose));
    }
    for (actor, whose, code) in [
        (user(OTHER), BASIC, "ERR_FORBIDDEN"),
        (user(MODERATOR), BASIC, "ERR_FORBIDDEN"),
        (user(ADMIN), OWNER, "ERR_FORBIDDEN"),
        (user(STRANGER), BASIC, "ERR_STRANGER_FORBIDDEN"),
        (Actor::guest(), BASIC, "ERR_UNAUTHENTICATED"),
        (Actor::operator(), 77, "ERR_USER_NOT_FOUND"),
    ] {
        stage.refused(&actor, "user.export", of(whose), code);
    }
    stage.refused(
        &Actor::operator(),
        "user.export",
        json!({}),
        "ERR_FORBIDDEN",
    );
}

#[test]
fn an_admin_says_why_and_it_is_audited_spec_4_5() {
    let stage = Stage::new();
    let of = |whose: i64| json!({ "user_id": whose });
    let why = |whose: i64| json!({ "user_id": whose, "reason": "asked for by mail" });
    let required = "ERR_REASON_REQUIRED";
    stage.refused(&user(ADMIN), "user.export", of(BASIC), required);
    let until = &stage.ok(&user(ADMIN), "user.inspect", why(BASIC))["until"];
    assert_eq!(*until, json!(START.plus(HOUR)));
    // One person's, for one person, and an hour.
    stage.refused(&user(ADMIN), "user.export", of(OTHER), required);
    stage.refused(&user(OWNER), "user.export", of(BASIC), required);
    stage.clock.advance(HOUR - 1);
    stage.ok(&user(ADMIN), "user.export", of(BASIC));
    stage.clock.advance(1);
    stage.refused(&user(ADMIN), "user.export", of(BASIC), required);
    let filter = json!({ "action": "user.inspect" });
    let page = stage.ok(&user(OWNER), "audit.list", filter.clone());
    let row = &page["rows"][0];
    assert_eq!(
        (&row["user_id"], &row["target"]),
        (&json!(ADMIN), &json!(BASIC))
    );
    assert_eq!(row["details"]["reason"], "asked for by mail");
    // Whoever needs no reason notes none.
    for (actor, whose) in [(user(BASIC), BASIC), (Actor::operator(), BASIC)] {
        let until = &stage.ok(&actor, "user.inspect", why(whose))["until"];
        assert_eq!(*until, Value::Null);
    }
    for (actor, whose, code) in [
        (user(MODERATOR), BASIC, "ERR_FORBIDDEN"),
        (user(ADMIN), OWNER, "ERR_FORBIDDEN"),
        (Actor::guest(), BASIC, "ERR_UNAUTHENTICATED"),
    ] {
        stage.refused(&actor, "user.inspect", why(whose), code);
    }
    let page = stage.ok(&user(OWNER), "audit.list", filter);
    assert_eq!(page["rows"].as_array().unwrap().len(), 1);
}

/// A premium user with something of everything.
fn lived() -> (Stage, Device) {
    let stage = Stage::new();
    let operator = Actor::operator()
        .with_user_agent("a browser")
        .from_ip("192.0.2.7".parse().unwrap());
    let pia = user(PREMIUM);
    stage.ok(
        &user(ADMIN),
        "user.set_tier",
        json!({ "user_id": PREMIUM, "tier": "lifetime" }),
    );
    let own = stage.chat(ChatType::Private, PREMIUM, None);
    stage.ok(
        &pia,
        "chat.update",
        json!({ "chat_id": own, "chat_config": { "slow_mode_seconds": 5 } }),
    );
    stage.ok(
        &pia,
        "invite.create",
        json!({ "chat_id": own, "max_uses": 3 }),
    );
    let given_up = stage.chat(ChatType::Public, PREMIUM, Some("was-hers"));
    stage.ok(&pia, "chat.destroy", json!({ "chat_id": given_up }));
    let hall = stage.chat(ChatType::Public, LIFETIME, Some("a-hall"));
    stage.direct(PREMIUM, OTHER);
    stage.ok(&operator, "session.create", json!({ "user_id": PREMIUM }));
    let device = stage.joined(PREMIUM, hall);
    stage.give_key(hall, device.session);
    let content = common::talk::envelope(1, "HERS");
    stage.ok(
        &device.actor,
        "message.send",
        json!({ "chat_id": hall, "content": content }),
    );
    stage.clock.advance(MINUTE);
    let why =
        json!({ "chat_id": hall, "user_id": PREMIUM, "duration_seconds": 60, "reason": "noise" });
    stage.ok(&user(LIFETIME), "mod.mute", why);
    stage.ok(&pia, "user.block", json!({ "user_id": OTHER }));
    (stage, device)
}

#[test]
fn it_holds_what_they_are_have_wrote_and_did_spec_1_9() {
    let (stage, device) = lived();
    let all = stage.ok(&user(PREMIUM), "user.export", json!({}));
    assert_eq!(all["exported_at"], json!(START.plus(MINUTE)));
    assert_eq!(all["as_of"], stage.as_of());
    let person = &all["user"];
    assert_eq!(
        (&person["username"], &person["tier"], &person["state"]),
        (&json!("pia-premium"), &json!("lifetime"), &json!("active"))
    );
    assert_eq!(
        all["tier_history"],
        json!([{ "tier": "lifetime", "tier_expires_at": null, "at": START }])
    );
    let mute = &all["punishments"][0];
    assert_eq!(
        (&mute["kind"], &mute["reason"], &mute["holds"]),
        (&json!("mute"), &json!("noise"), &json!(true))
    );
    let sessions = all["sessions"].as_array().unwrap();
    assert_eq!(sessions.len(), 2);
    assert_eq!(sessions[0]["client_ip"], "192.0.2.7");
    assert_eq!(sessions[0]["user_agent"], "a browser");
    assert_eq!(sessions[1]["public_key"], json!(device.public_key));
    let types: Vec<_> = all["memberships"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| &m["chat_type"])
        .collect();
    assert_eq!(types, ["DIRECT"]);
    let chats = all["owned_chats"].as_array().unwrap();
    assert_eq!(chats.len(), 1);
    assert_eq!(chats[0]["chat_config"]["slow_mode_seconds"], 5);
    assert_eq!(all["held_slugs"][0]["slug"], "was-hers");
    assert_eq!(all["invites"][0]["max_uses"], 3);
    let message = &all["messages"][0];
    assert!(message["content"].as_str().unwrap().contains("HERS"));
    assert_eq!(all["last_sends"][0]["at"], json!([START]));
    assert_eq!(all["joinings"][0]["session_id"], json!(device.session));
    assert_eq!(all["activity"][0]["kind"], "join");
    assert_eq!(all["blocks"][0]["username"], "oskar-other");
    let acts = all["acts"].as_array().unwrap().iter();
    let acts: Vec<_> = acts.map(|act| act["action"].as_str().unwrap()).collect();
    assert_eq!(acts, ["chat.update", "invite.create", "chat.destroy"]);
    let hall = message["chat_id"].clone();
    assert_eq!(
        all["acts_on_them"],
        json!([
            { "at": START, "action": "user.set_tier", "chat_id": null },
            { "at": START, "action": "session.create", "chat_id": null },
            { "at": START, "action": "session.create", "chat_id": null },
            { "at": START.plus(MINUTE), "action": "mod.mute", "chat_id": hall },
        ])
    );
}

#[test]
fn it_holds_no_secret_and_no_code_that_lets_somebody_in_spec_1_9() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Official, ADMIN, None);
    let ada = user(ADMIN);
    let opened = stage.ok(
        &Actor::operator(),
        "session.create",
        json!({ "user_id": ADMIN }),
    );
    let key = stage.ok(&ada, "user.replace_account_key", json!({}));
    let invite = stage.ok(&ada, "invite.create", json!({ "chat_id": chat }));
    let signup = stage.ok(&ada, "signup.create", json!({}));
    let login = stage.ok(&ada, "login_code.create", json!({}));
    let text = export(&stage, ADMIN).to_string();
    for secret in [
        &opened["token"],
        &key["account_key"],
        &invite["code"],
        &signup["code"],
        &login["code"],
    ] {
        let secret = secret.as_str().unwrap();
        assert!(!text.contains(secret), "{secret}");
    }
    let hash: String = stage
        .raw()
        .query_row(
            "SELECT lower(hex(token_hash)) FROM session WHERE user_id = 2000",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert!(text.contains(&hash[58..]) && !text.contains(&hash[50..]));
    let all: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(all["user"]["has_account_key"], true);
    for made in ["invites", "signup_codes"] {
        assert_eq!(all[made].as_array().unwrap().len(), 1, "{made}");
    }
}

#[test]
fn it_tells_nothing_of_others_who_noted_or_did_something_spec_1_9() {
    let (stage, _) = lived();
    let before = stage.ok(&user(OTHER), "user.export", json!({}));
    stage.ok(&user(PREMIUM), "user.unblock", json!({ "user_id": OTHER }));
    let mut after = stage.ok(&user(OTHER), "user.export", json!({}));
    after["as_of"] = before["as_of"].clone();
    assert_eq!(after, before, "being blocked shows nowhere");
    // By whom: an admin gave the tier, the hall's owner muted.
    let mut all = stage.ok(&user(PREMIUM), "user.export", json!({}));
    let own = all.as_object_mut().unwrap();
    own.remove("blocks");
    let text = all.to_string();
    for other in [ADMIN.to_string(), LIFETIME.to_string(), OTHER.to_string()] {
        assert!(!text.contains(&format!(":{other},")), "{other}: {text}");
        assert!(!text.contains(&format!("\"user:{other}\"")), "{other}");
    }
    assert!(!text.contains("ada-admin") && !text.contains("lis-lifetime"));
}

#[test]
fn reports_are_in_it_for_who_made_them_and_not_for_who_is_reported_spec_1_9() {
    let mut parlour = Parlour::new();
    let insult = parlour.says(SECRET);
    let stage = &parlour.stage;
    let settle = |state: &str| {
        let params = json!({ "report_id": 1, "state": state, "note": "a note" });
        stage.ok(&user(ADMIN), "report.resolve", params);
    };
    let mut before = export(stage, BASIC);
    stage.reported(&insult, OTHER);
    settle("actioned");
    let after = export(stage, BASIC);
    before["as_of"] = after["as_of"].clone();
    assert_eq!(after, before, "being reported shows nowhere");

    let own = export(stage, OTHER)["reports"].clone();
    let expected = json!([{
        "id": 1, "at": START.plus(MINUTE), "state": "actioned", "verified": true,
        "chat_id": parlour.chat, "chat_type": "PRIVATE", "chat_name": "A chat",
        "message_id": insult.id, "epoch": 1, "message_at": START.plus(MINUTE),
        "sender_id": BASIC, "reason": "This is rude",
    }]);
    assert_eq!(own, expected, "neither staff's note nor another's words");
}

#[test]
fn every_message_is_in_it_however_many_there_are() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("a-square"));
    stage.written(chat, BASIC, 3000);
    stage.written(chat, OTHER, 2);
    let all = stage.ok(&user(BASIC), "user.export", json!({}));
    assert_eq!(all["messages"].as_array().unwrap().len(), 3000);
}

// The schema -------------------------------------------------------------------------------------

/// Each column that names a person, and the part of the export that holds its rows.
const EXPORTED: &[(&str, &str, &str)] = &[
    ("user", "id", "user"),
    ("user", "username", "user"),
    ("tier_change", "user_id", "tier_history"),
    ("platform_identity", "identity", "identities"),
    ("platform_identity", "user_id", "identities"),
    ("session", "user_id", "sessions"),
    ("session", "user_agent", "sessions"),
    ("signup_code", "created_by", "signup_codes"),
    ("block", "user_id", "blocks"),
    ("chat", "owner_id", "owned_chats"),
    ("chat", "pair_low", "memberships"),
    ("chat", "pair_high", "memberships"),
    ("membership", "user_id", "memberships"),
    ("match_entry", "user_id", "match_entry"),
    ("earlier_reader", "user_id", "earlier_reader_of"),
    ("held_slug", "owner_id", "held_slugs"),
    ("transfer_offer", "to_user", "transfer_offers"),
    ("invite", "created_by", "invites"),
    ("message", "sender_id", "messages"),
    ("message", "sender_role", "messages"),
    ("send_window", "user_id", "last_sends"),
    ("joining", "session_id", "joinings"),
    ("activity", "user_id", "activity"),
    ("punishment", "user_id", "punishments"),
    ("report", "reporter_id", "reports"),
    ("audit", "user_id", "acts"),
    ("audit", "target", "acts_on_them"),
];

/// Those whose rows stay out, and why.
const KEPT_OUT: &[(&str, &str, &str)] = &[
    (
        "block",
        "blocked_id",
        "what another noted: nobody learns of it (SPEC 7.7)",
    ),
    ("held_username", "username", "it says not whose it was"),
    ("tier_change", "changed_by", "who did it is for staff"),
    ("punishment", "by_actor", "who did it is for staff"),
    (
        "report",
        "sender_id",
        "what another noted: the reported does not learn of it",
    ),
    ("report", "handled_by", "who did it is for staff"),
    ("login_code", "user_id", "a secret that lives ten minutes"),
    ("login_code", "identity", "lives ten minutes"),
    ("browser_holder", "user_id", "lasts while they are there"),
    ("browser_request", "user_id", "lasts while they are there"),
    ("rematch_pause", "low", "lasts a minute"),
    ("rematch_pause", "high", "lasts a minute"),
    ("sent", "sender_id", "answers retries for ten minutes"),
    (
        "attempt",
        "subject",
        "counts for an hour, and may be a network",
    ),
    ("audit", "actor", "a kind of actor, not a person"),
    ("audit", "os_user", "an account of the operator's machine"),
    (
        "event",
        "user_id",
        "events are no state, and go within a day",
    ),
    (
        "event",
        "session_id",
        "events are no state, and go within a day",
    ),
    ("chat", "hinted_session", "a hint for three seconds"),
    ("room_key", "distributor_user", "goes with the epoch"),
    ("room_key", "distributor_session", "goes with the epoch"),
    (
        "key_blob",
        "session_id",
        "goes with the epoch; key.list gives it to the session",
    ),
    (
        "key_blob",
        "publisher_user",
        "goes with the epoch, and is another's to open",
    ),
    (
        "key_blob",
        "publisher_session",
        "goes with the epoch, and is another's to open",
    ),
    (
        "key_blob",
        "publisher_public_key",
        "the sessions' public keys are in",
    ),
    ("key_rejection", "session_id", "goes with the epoch"),
    ("key_rejection", "publisher_session", "goes with the epoch"),
    ("key_request", "session_id", "goes with the epoch"),
    ("key_request", "asked_session", "goes with the epoch"),
    ("distributor_pause", "user_id", "lasts an hour"),
];

/// Tables that name nobody.
const OF_NOBODY: &[&str] = &[
    "bot",
    "browser",
    "meta",
    "setting",
    "chat_pace",
    "match_queue",
    "match_wait",
];

/// What a column's name says if it is about a person.
const PERSONAL: &[&str] = &[
    "actor",
    "author",
    "blocked",
    "by",
    "distributor",
    "identity",
    "maker",
    "member",
    "owner",
    "person",
    "publisher",
    "reporter",
    "sender",
    "session",
    "subject",
    "target",
    "user",
    "username",
];

fn tables(db: &Connection) -> Vec<String> {
    let sql = "SELECT name FROM pragma_table_list
               WHERE schema = 'main' AND name NOT LIKE 'sqlite_%' ORDER BY name";
    let mut statement = db.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| row.get(0)).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

/// The columns that name a person: by a reference to one or to a session, or by what they are called.
fn personal_columns(db: &Connection) -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    for table in tables(db) {
        let sql = "SELECT c.name, EXISTS (SELECT 1 FROM pragma_foreign_key_list(?1) f
                     WHERE f.\"from\" = c.name AND f.\"table\" IN ('user', 'session'))
                   FROM pragma_table_info(?1) c";
        let mut statement = db.prepare(sql).unwrap();
        let mut rows = statement.query([&table]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let (column, refers): (String, bool) = (row.get(0).unwrap(), row.get(1).unwrap());
            if refers || column.split('_').any(|word| PERSONAL.contains(&word)) {
                found.insert((table.clone(), column));
            }
        }
    }
    found
}

#[test]
fn every_column_that_names_a_person_is_exported_or_kept_out_for_a_reason_spec_1_9() {
    let stage = Stage::new();
    let db = stage.raw();
    let column = |(table, column, _): &(&str, &str, &str)| (table.to_string(), column.to_string());
    let listed: Vec<_> = EXPORTED.iter().chain(KEPT_OUT).map(column).collect();
    for found in personal_columns(&db) {
        assert!(
            listed.contains(&found),
            "{}.{} names a person: export it (ops/export.rs) and list it here, or say why not",
            found.0,
            found.1
        );
    }
    let tables = tables(&db);
    for table in &tables {
        let known =
            OF_NOBODY.contains(&table.as_str()) || listed.iter().any(|(listed, _)| listed == table);
        assert!(known, "whom is {table} about? List it here");
    }
    for (table, column) in &listed {
        let sql = format!("SELECT count({column}) FROM {table}");
        assert!(db.prepare(&sql).is_ok(), "there is no {table}.{column}");
    }
    for (table, column, why) in KEPT_OUT {
        assert!(why.len() > 10, "{table}.{column}");
    }
}

#[test]
fn a_table_of_tomorrow_is_not_forgotten() {
    let stage = Stage::new();
    let db = stage.raw();
    db.execute_batch(
        "CREATE TABLE tomorrow (id INTEGER PRIMARY KEY, at INTEGER, reporter_id INTEGER, resolved_by INTEGER,
           other INTEGER REFERENCES user (id)) STRICT",
    )
    .unwrap();
    let found: Vec<_> = personal_columns(&db)
        .into_iter()
        .filter_map(|(table, column)| (table == "tomorrow").then_some(column))
        .collect();
    assert_eq!(found, ["other", "reporter_id", "resolved_by"]);
}

#[test]
fn a_row_that_names_a_person_is_in_their_export_spec_1_9() {
    let stage = Stage::new();
    let db = stage.raw();
    db.execute_batch(include_str!("invariants/world.sql"))
        .unwrap();
    db.execute_batch(
        "UPDATE signup_code SET created_by = 2000;
         UPDATE invite SET created_by = 4000;",
    )
    .unwrap();
    for (table, column, part) in EXPORTED {
        if ["identity", "sender_role", "user_agent", "username"].contains(column) {
            continue;
        }
        let sql = format!("SELECT {column} FROM {table} WHERE {column} IS NOT NULL LIMIT 1");
        let named: i64 = db
            .query_row(&sql, [], |row| row.get(0))
            .unwrap_or_else(|_| panic!("no {table}.{column} in world.sql"));
        let whose = if *column == "session_id" {
            let sql = "SELECT user_id FROM session WHERE id = ?";
            db.query_row(sql, [named], |row| row.get(0)).unwrap()
        } else {
            named
        };
        let all = export(&stage, whose);
        let held = match &all[part] {
            Value::Array(rows) => !rows.is_empty(),
            part => part.is_object(),
        };
        assert!(held, "{table}.{column} = {whose} is not in {part}: {all}");
    }
}
