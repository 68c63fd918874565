//! Who reads what of the audit log, and how it is asked (SPEC 4.6, 7.8).

mod common;

use common::{ADMIN, BASIC, MODERATOR, OTHER, OWNER, PREMIUM, START, STRANGER, Stage, user};
use portal_core::Actor;
use portal_core::model::{ChatId, ChatType, MINUTE};
use serde_json::{Value, json};

fn list(stage: &Stage, actor: &Actor, params: Value) -> Vec<Value> {
    let page = stage.ok(actor, "audit.list", params);
    page["rows"].as_array().unwrap().clone()
}

/// What somebody reads of the kicks in a chat.
fn kicks_seen(stage: &Stage, actor: &Actor, chat: ChatId) -> usize {
    let params = json!({ "action": "mod.kick", "chat_id": chat });
    list(stage, actor, params).len()
}

/// The operator kicks somebody there.
fn kick(stage: &Stage, chat: ChatId, whom: i64) {
    let params = json!({ "chat_id": chat, "user_id": whom, "reason": "noise" });
    stage.ok(&Actor::operator(), "mod.kick", params);
}

fn set_role(stage: &Stage, whom: i64, role: i64) {
    let sql = "UPDATE user SET role = ? WHERE id = ?";
    stage.raw().execute(sql, [role, whom]).unwrap();
}

#[test]
fn admins_and_the_operator_read_all_moderators_what_was_done_in_open_chats_spec_7_8() {
    let stage = Stage::new();
    let public = stage.chat(ChatType::Public, PREMIUM, Some("a-square"));
    let private = stage.chat(ChatType::Private, PREMIUM, None);
    let official = stage.chat(ChatType::Official, ADMIN, None);
    for chat in [public, private, official] {
        kick(&stage, chat, BASIC);
    }
    let tier = json!({ "user_id": BASIC, "tier": "lifetime" });
    stage.ok(&user(ADMIN), "user.set_tier", tier);
    let everything = 7;
    for reader in [user(ADMIN), user(OWNER), Actor::operator()] {
        assert_eq!(list(&stage, &reader, json!({})).len(), everything);
    }
    let seen = list(&stage, &user(MODERATOR), json!({}));
    let seen: Vec<_> = seen
        .iter()
        .map(|row| (row["action"].as_str().unwrap(), &row["chat_id"]))
        .collect();
    let of_public = json!(public);
    assert_eq!(
        seen,
        [("mod.kick", &of_public), ("chat.create", &of_public)]
    );
    for (reader, code) in [
        (user(BASIC), "ERR_FORBIDDEN"),
        (user(PREMIUM), "ERR_FORBIDDEN"),
        (user(STRANGER), "ERR_STRANGER_FORBIDDEN"),
        (Actor::guest(), "ERR_UNAUTHENTICATED"),
    ] {
        stage.refused(&reader, "audit.list", json!({ "chat_id": public }), code);
    }
}

#[test]
fn a_moderator_reads_where_they_may_act_on_the_owner_spec_7_8() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("a-square"));
    kick(&stage, chat, BASIC);
    // The owner's rank as it is now, not as it was.
    for (role, seen) in [(0, 1), (1, 0), (2, 0), (3, 0), (0, 1)] {
        set_role(&stage, PREMIUM, role);
        assert_eq!(kicks_seen(&stage, &user(MODERATOR), chat), seen, "{role}");
    }
    // In a chat of one's own one is the owner: R does not hold.
    set_role(&stage, PREMIUM, 1);
    assert_eq!(kicks_seen(&stage, &user(PREMIUM), chat), 0);
}

#[test]
fn what_was_done_in_private_is_not_read_by_moderators_later_spec_7_8() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Private, PREMIUM, None);
    kick(&stage, chat, BASIC);
    let slug = |slug: Value| json!({ "chat_id": chat, "slug": slug });
    stage.ok(&user(PREMIUM), "chat.update", slug(json!("a-square")));
    assert_eq!(kicks_seen(&stage, &user(MODERATOR), chat), 0);
    kick(&stage, chat, OTHER);
    let seen = list(&stage, &user(MODERATOR), json!({}));
    let seen: Vec<_> = seen
        .iter()
        .map(|row| (row["action"].as_str().unwrap(), &row["target"]))
        .collect();
    assert_eq!(
        seen,
        [("mod.kick", &json!(OTHER)), ("chat.update", &Value::Null)]
    );
    stage.ok(&user(PREMIUM), "chat.update", slug(Value::Null));
    assert_eq!(
        list(&stage, &user(MODERATOR), json!({})),
        Vec::<Value>::new()
    );
    assert_eq!(kicks_seen(&stage, &user(ADMIN), chat), 2);
}

#[test]
fn who_came_and_went_in_private_is_read_by_its_owner_only_spec_4_1() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Private, PREMIUM, None);
    kick(&stage, chat, BASIC);
    let public = json!({ "chat_id": chat, "slug": "a-square" });
    stage.ok(&user(PREMIUM), "chat.update", public);
    kick(&stage, chat, OTHER);
    let kicked = |reader: &Actor| {
        let log = stage.ok(reader, "activity.list", json!({ "chat_id": chat }));
        let rows = log["rows"].as_array().unwrap().iter();
        rows.filter(|row| row["kind"] == "kick")
            .map(|row| row["user_id"].as_i64().unwrap())
            .collect::<Vec<_>>()
    };
    let [before, after] = [BASIC, OTHER].map(|id| json!(id).as_i64().unwrap());
    for reader in [MODERATOR, ADMIN] {
        assert_eq!(kicked(&user(reader)), [after]);
    }
    for reader in [user(PREMIUM), Actor::operator()] {
        assert_eq!(kicked(&reader), [after, before]);
    }
}

#[test]
fn what_was_done_in_a_chat_that_is_gone_is_not_read_by_moderators_spec_7_8() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("a-square"));
    kick(&stage, chat, BASIC);
    stage.ok(&user(PREMIUM), "chat.destroy", json!({ "chat_id": chat }));
    assert_eq!(
        list(&stage, &user(MODERATOR), json!({})),
        Vec::<Value>::new()
    );
    assert_eq!(
        list(&stage, &user(ADMIN), json!({ "chat_id": chat })).len(),
        3
    );
}

#[test]
fn no_filter_shows_a_moderator_more_spec_7_8() {
    let stage = Stage::new();
    let private = stage.chat(ChatType::Private, PREMIUM, None);
    kick(&stage, private, BASIC);
    for params in [
        json!({ "chat_id": private }),
        json!({ "target": BASIC }),
        json!({ "actor": "operator" }),
        json!({ "action": "mod." }),
        json!({ "from": 0, "until": START.plus(1) }),
    ] {
        assert_eq!(
            list(&stage, &user(MODERATOR), params.clone()),
            Vec::<Value>::new()
        );
        assert!(!list(&stage, &user(ADMIN), params).is_empty());
    }
}

#[test]
fn moderators_do_not_learn_who_was_reported_spec_4_6() {
    let (stage, _) = Stage::reported_by_oskar(1);
    let admin = user(ADMIN);
    let settle = json!({ "report_id": 1, "state": "dismissed" });
    stage.ok(&admin, "report.resolve", settle);
    for params in [json!({}), json!({ "action": "report." })] {
        let resolved = |reader: &Actor| {
            let rows = list(&stage, reader, params.clone());
            rows.iter().any(|row| row["action"] == "report.resolve")
        };
        assert!(!resolved(&user(MODERATOR)), "{params}");
        assert!(resolved(&admin), "{params}");
    }
}

#[test]
fn every_filter_finds_its_acts_and_no_others() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("a-square"));
    let elsewhere = stage.chat(ChatType::Public, PREMIUM, Some("another"));
    let root = Actor::operator().with_os_user("root");
    let at = |stage: &Stage, minute: i64, actor: &Actor, name: &str, params: Value| {
        stage.clock.set(START.plus(minute * MINUTE));
        stage.ok(actor, name, params);
    };
    let on = |chat: ChatId, whom: i64| json!({ "chat_id": chat, "user_id": whom });
    at(&stage, 1, &user(PREMIUM), "mod.kick", on(chat, BASIC));
    at(&stage, 2, &user(ADMIN), "mod.mute", on(chat, OTHER));
    at(&stage, 3, &root, "mod.kick", on(elsewhere, BASIC));
    let rename = json!({ "chat_id": chat, "name": "Another name" });
    at(&stage, 4, &user(PREMIUM), "chat.update", rename);
    let minutes = |mut params: Value| -> Vec<i64> {
        params["from"] = params.get("from").cloned().unwrap_or(json!(START.plus(1)));
        let rows = list(&stage, &user(OWNER), params);
        let minute = |row: &Value| (row["at"].as_i64().unwrap() - START.as_millis()) / MINUTE;
        rows.iter().map(minute).collect()
    };
    for (params, expected) in [
        (json!({}), vec![4, 3, 2, 1]),
        (json!({ "action": "mod.kick" }), vec![3, 1]),
        (json!({ "action": "mod." }), vec![3, 2, 1]),
        (json!({ "action": "moderate." }), vec![]),
        (json!({ "action": "chat." }), vec![4]),
        (json!({ "chat_id": chat }), vec![4, 2, 1]),
        (json!({ "target": BASIC }), vec![3, 1]),
        (json!({ "user_id": PREMIUM }), vec![4, 1]),
        (json!({ "actor": "user" }), vec![4, 2, 1]),
        (json!({ "actor": "operator" }), vec![3]),
        (json!({ "actor": "system" }), vec![]),
        (json!({ "os_user": "root" }), vec![3]),
        (json!({ "os_user": "roo" }), vec![]),
        (json!({ "from": START.plus(3 * MINUTE) }), vec![4, 3]),
        (json!({ "until": START.plus(3 * MINUTE) }), vec![2, 1]),
        (
            json!({ "from": START.plus(2 * MINUTE), "until": START.plus(4 * MINUTE) }),
            vec![3, 2],
        ),
        (
            json!({ "action": "mod.", "target": BASIC, "chat_id": chat }),
            vec![1],
        ),
    ] {
        assert_eq!(minutes(params.clone()), expected, "{params}");
    }
    for (params, field) in [
        (json!({ "action": "mod" }), "action"),
        (json!({ "actor": "robot" }), "actor"),
        (json!({ "limit": 0 }), "limit"),
        (json!({ "limit": 201 }), "limit"),
    ] {
        let error = stage.refused(&user(OWNER), "audit.list", params, "ERR_INVALID");
        assert_eq!(error.extras().field.as_deref(), Some(field));
    }
}

#[test]
fn rows_name_people_while_they_are_there() {
    let stage = Stage::new();
    let tier = json!({ "user_id": BASIC, "tier": "lifetime" });
    stage.ok(&user(ADMIN), "user.set_tier", tier);
    let row = |stage: &Stage| {
        let params = json!({ "action": "user.set_tier" });
        list(stage, &user(OWNER), params)[0].clone()
    };
    let names = |row: &Value| (row["username"].clone(), row["target_username"].clone());
    assert_eq!(
        names(&row(&stage)),
        (json!("ada-admin"), json!("ben-basic"))
    );
    let rename = json!({ "username": "ben-better" });
    stage.ok(&user(BASIC), "user.update", rename);
    assert_eq!(names(&row(&stage)).1, "ben-better");
    for gone in [BASIC, ADMIN] {
        let params = json!({ "user_id": gone });
        stage.ok(&Actor::operator(), "user.delete", params);
    }
    let row = row(&stage);
    assert_eq!(names(&row), (Value::Null, Value::Null));
    assert_eq!(
        (&row["user_id"], &row["target"]),
        (&json!(ADMIN), &json!(BASIC))
    );
}

#[test]
fn pages_meet_without_gap_or_repetition_while_rows_are_added() {
    let stage = Stage::new();
    let act = |stage: &Stage| {
        let tier = json!({ "user_id": BASIC, "tier": "basic" });
        stage.ok(&user(ADMIN), "user.set_tier", tier);
    };
    for _ in 0..10 {
        act(&stage);
    }
    let there: Vec<_> = list(&stage, &user(OWNER), json!({}))
        .iter()
        .map(|row| row["id"].as_i64().unwrap())
        .collect();
    let mut seen = Vec::new();
    loop {
        let before = seen.last().copied();
        let params = json!({ "before": before, "limit": 3, "action": "user." });
        let page = list(&stage, &user(OWNER), params);
        if page.is_empty() {
            break;
        }
        seen.extend(page.iter().map(|row| row["id"].as_i64().unwrap()));
        // Meanwhile; and the clock may go back.
        stage.clock.advance(-MINUTE);
        act(&stage);
    }
    assert_eq!(seen, there);
    assert!(seen.is_sorted_by(|a, b| a > b));
}
