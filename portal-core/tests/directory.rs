//! The directory (SPEC 3.10).

mod common;

use common::{ADMIN, BASIC, OTHER, PREMIUM, START, Stage, user};
use portal_core::Actor;
use portal_core::model::{ChatId, ChatType};
use serde_json::{Value, json};

/// `count` PUBLIC chats of five moments of last activity that do not follow their ids, past the rules.
fn crowd(stage: &Stage, count: i64) {
    stage
        .raw()
        .execute(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
             INSERT INTO chat (chat_type, name, slug, owner_id, public_from, epoch_moved_at, chat_config,
               browser_config, created_at, last_activity_at)
             SELECT 'PUBLIC', 'Chat ' || i, 'chat-' || i, ?2, 1, 0, '{}', '{}', 0, i * 7 % 5 FROM n",
            [count, PREMIUM],
        )
        .unwrap();
}

fn active_at(stage: &Stage, chat: ChatId, millis: i64) {
    let at = START.as_millis() + millis;
    let sql = "UPDATE chat SET last_activity_at = ? WHERE id = ?";
    stage.raw().execute(sql, [at, chat.get()]).unwrap();
}

fn ids(page: &Value) -> Vec<i64> {
    let chats = page["chats"].as_array().unwrap();
    chats
        .iter()
        .map(|chat| chat["id"].as_i64().unwrap())
        .collect()
}

#[test]
fn official_chats_come_first_then_public_ones_by_last_activity_spec_3_10() {
    let stage = Stage::new();
    let quiet = stage.chat(ChatType::Public, PREMIUM, Some("quiet"));
    let lively = stage.chat(ChatType::Public, PREMIUM, Some("lively"));
    let official = stage.chat(ChatType::Official, ADMIN, None);
    let private = stage.chat(ChatType::Private, PREMIUM, None);
    stage.direct(BASIC, OTHER);
    active_at(&stage, quiet, 1);
    active_at(&stage, lively, 3);
    active_at(&stage, private, 4);
    let expected = [official, lively, quiet].map(ChatId::get);
    for who in [
        Actor::guest(),
        user(BASIC),
        user(PREMIUM),
        Actor::operator(),
    ] {
        let page = stage.ok(&who, "directory.list", json!({}));
        assert_eq!(ids(&page), expected, "PRIVATE and DIRECT are never listed");
        assert_eq!(page["next"], Value::Null);
    }
    active_at(&stage, quiet, 5);
    let page = stage.ok(&Actor::guest(), "directory.list", json!({}));
    assert_eq!(ids(&page), [official, quiet, lively].map(ChatId::get));
}

#[test]
fn pages_together_are_the_directory_spec_3_10() {
    let stage = Stage::new();
    crowd(&stage, 23);
    for _ in 0..4 {
        stage.chat(ChatType::Official, ADMIN, None);
    }
    let whole = ids(&stage.ok(&Actor::guest(), "directory.list", json!({ "limit": 100 })));
    assert_eq!(whole.len(), 27);
    assert!(
        !whole.is_sorted_by(|one, next| one > next),
        "no order of ids alone"
    );
    for limit in [1, 2, 3, 4, 5, 9, 26, 27, 28] {
        let (mut walked, mut cursor) = (Vec::new(), Value::Null);
        loop {
            let params = json!({ "limit": limit, "cursor": cursor });
            let page = stage.ok(&Actor::guest(), "directory.list", params);
            assert!(!ids(&page).is_empty(), "no page is empty");
            walked.extend(ids(&page));
            cursor = page["next"].clone();
            if cursor.is_null() {
                break;
            }
        }
        assert_eq!(walked, whole, "in pages of {limit}");
    }
}

#[test]
fn a_chat_that_moves_up_is_shown_at_most_once_in_a_walk_spec_3_10() {
    let stage = Stage::new();
    crowd(&stage, 6);
    let first = stage.ok(&Actor::guest(), "directory.list", json!({ "limit": 3 }));
    let seen = ids(&first);
    active_at(&stage, ChatId::try_from(seen[2]).unwrap(), 1);
    let params = json!({ "limit": 3, "cursor": first["next"] });
    let second = stage.ok(&Actor::guest(), "directory.list", params);
    assert!(ids(&second).iter().all(|id| !seen.contains(id)));
}

#[test]
fn a_cursor_that_is_none_is_refused_by_name() {
    let stage = Stage::new();
    for (field, params) in [
        ("cursor", json!({ "cursor": "1; DROP TABLE chat" })),
        ("limit", json!({ "limit": 0 })),
        ("limit", json!({ "limit": 101 })),
    ] {
        let error = stage.refused(&Actor::guest(), "directory.list", params, "ERR_INVALID");
        assert_eq!(error.extras().field.as_deref(), Some(field));
    }
}

#[test]
fn each_chat_says_how_many_look_at_it_spec_3_10() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("a-chat"));
    let shown = || stage.ok(&Actor::guest(), "directory.list", json!({}))["chats"][0].clone();
    assert_eq!(
        (&shown()["viewer_count"], &shown()["running"]),
        (&json!(0), &json!(false))
    );
    let session = stage.session(BASIC);
    let one = stage.portal.connect(&Actor::session(session)).unwrap();
    let tab = stage.portal.connect(&Actor::session(session)).unwrap();
    let guest = stage.portal.connect(&Actor::guest()).unwrap();
    for connection in [one, tab, guest] {
        let room = json!({ "chat_id": chat });
        stage.ok(&Actor::connection(connection), "room.join", room);
    }
    assert_eq!(shown()["viewer_count"], 2, "a person counts once");

    let without = Stage::with_presence(false);
    without.chat(ChatType::Public, PREMIUM, Some("a-chat"));
    let page = without.ok(&Actor::guest(), "directory.list", json!({}));
    assert_eq!(page["chats"][0]["viewer_count"], 0);
}

#[test]
fn statistics_count_what_is_listed_and_who_looks_spec_3_10() {
    let stage = Stage::new();
    let hall = stage.chat(ChatType::Official, ADMIN, None);
    let square = stage.chat(ChatType::Public, PREMIUM, Some("a-square"));
    stage.chat(ChatType::Public, PREMIUM, Some("empty"));
    let parlour = stage.chat(ChatType::Private, PREMIUM, None);
    let bench = stage.direct(BASIC, OTHER);
    let join = |connection, chat: ChatId| {
        let params = json!({ "chat_id": chat });
        stage.ok(&Actor::connection(connection), "room.join", params);
    };
    let (_, phone) = stage.connect(PREMIUM);
    let (_, desk) = stage.connect(PREMIUM);
    let (_, ben) = stage.connect(BASIC);
    let guest = stage.portal.connect(&Actor::guest()).unwrap();
    for (connection, chat) in [
        (phone, square),
        (desk, square),
        (guest, square),
        (guest, hall),
        (desk, parlour),
        (ben, bench),
    ] {
        join(connection, chat);
    }
    for who in [Actor::guest(), user(BASIC), Actor::operator()] {
        let got = stage.ok(&who, "directory.statistics", json!({}));
        assert_eq!(
            got["official"],
            json!({ "chats": 1, "viewed": 1, "viewers": 1 })
        );
        // Two connections of a person are one viewer; nothing is said of the other types.
        assert_eq!(
            got["public"],
            json!({ "chats": 2, "viewed": 1, "viewers": 2 })
        );
        assert_eq!(got["as_of"], stage.as_of());
        assert_eq!(got.as_object().unwrap().len(), 3);
    }
    stage.portal.forget(guest);
    let got = stage.ok(&Actor::guest(), "directory.statistics", json!({}));
    assert_eq!(got["official"]["viewed"], 0);
    assert_eq!(got["public"]["viewers"], 1);
}
