//! Blocking people: one's own list, of which the other finds no trace (SPEC 7.7).

mod common;

use common::{
    ADMIN, BASIC, MODERATOR, OTHER, OWNER, PREMIUM, START, STRANGER, Stage, delivered, user,
};
use portal_core::model::{ChatId, ChatType, HOUR};
use portal_core::{Actor, catalogue};
use serde_json::{Value, json};

fn at(whom: i64) -> Value {
    json!({ "user_id": whom })
}

fn blocked(stage: &Stage, actor: &Actor) -> Vec<Value> {
    let page = stage.ok(actor, "user.blocks", json!({}));
    page["users"].as_array().unwrap().clone()
}

fn ids(page: &Value) -> Vec<i64> {
    let users = page["users"].as_array().unwrap().iter();
    users
        .map(|user| user["user_id"].as_i64().unwrap())
        .collect()
}

fn audit_rows(stage: &Stage) -> i64 {
    let sql = "SELECT count(*) FROM audit";
    stage.raw().query_row(sql, [], |row| row.get(0)).unwrap()
}

#[test]
fn one_blocks_and_unblocks_repeatably_and_sees_whom_spec_7_7() {
    let stage = Stage::new();
    for _ in 0..2 {
        stage.ok(&user(BASIC), "user.block", at(OTHER));
        stage.clock.advance(HOUR);
    }
    let row = json!({ "user_id": OTHER, "username": "oskar-other", "at": START });
    assert_eq!(blocked(&stage, &user(BASIC)), [row]);
    assert_eq!(blocked(&stage, &user(OTHER)), Vec::<Value>::new());
    for _ in 0..2 {
        stage.ok(&user(BASIC), "user.unblock", at(OTHER));
    }
    assert_eq!(blocked(&stage, &user(BASIC)), Vec::<Value>::new());
}

#[test]
fn both_can_block_each_other_spec_7_7() {
    let stage = Stage::new();
    stage.ok(&user(BASIC), "user.block", at(OTHER));
    stage.ok(&user(OTHER), "user.block", at(BASIC));
    stage.ok(&user(BASIC), "user.unblock", at(OTHER));
    assert_eq!(blocked(&stage, &user(OTHER)).len(), 1);
}

#[test]
fn the_list_is_paged_by_id() {
    let stage = Stage::new();
    for whom in [OTHER, OWNER, PREMIUM, STRANGER, ADMIN] {
        stage.ok(&user(BASIC), "user.block", at(whom));
    }
    let page = |params: Value| ids(&stage.ok(&user(BASIC), "user.blocks", params));
    assert_eq!(page(json!({})), [OWNER, ADMIN, PREMIUM, OTHER, STRANGER]);
    assert_eq!(page(json!({ "limit": 2 })), [OWNER, ADMIN]);
    assert_eq!(
        page(json!({ "limit": 2, "after": ADMIN })),
        [PREMIUM, OTHER]
    );
    assert_eq!(page(json!({ "after": STRANGER })), [0_i64; 0]);
    let error = stage.refused(
        &user(BASIC),
        "user.blocks",
        json!({ "limit": 201 }),
        "ERR_INVALID",
    );
    assert_eq!(error.extras().field.as_deref(), Some("limit"));
}

#[test]
fn only_people_block_and_only_other_people() {
    let stage = Stage::new();
    let error = stage.refused(&user(BASIC), "user.block", at(BASIC), "ERR_INVALID");
    assert_eq!(error.extras().field.as_deref(), Some("user_id"));
    stage.refused(&user(BASIC), "user.block", at(77), "ERR_USER_NOT_FOUND");
    // Whoever is gone is on nobody's list.
    stage.ok(&user(BASIC), "user.unblock", at(77));
    for (name, params) in [
        ("user.block", at(OTHER)),
        ("user.unblock", at(OTHER)),
        ("user.blocks", json!({})),
    ] {
        stage.refused(&Actor::guest(), name, params.clone(), "ERR_UNAUTHENTICATED");
        stage.refused(&Actor::operator(), name, params, "ERR_FORBIDDEN");
    }
}

#[test]
fn strangers_block_too_and_see_numbers_only_spec_1_8() {
    let stage = Stage::new();
    stage.ok(&user(STRANGER), "user.block", at(OTHER));
    let row = json!({ "user_id": OTHER, "username": null, "at": START });
    assert_eq!(blocked(&stage, &user(STRANGER)), [row]);
    stage.ok(&user(STRANGER), "user.unblock", at(OTHER));
    assert_eq!(blocked(&stage, &user(STRANGER)), Vec::<Value>::new());
}

#[test]
fn the_blockers_own_devices_are_told_and_nobody_else_spec_7_7() {
    let stage = Stage::new();
    let chat = stage.direct(BASIC, OTHER);
    let mut own = Vec::new();
    for whom in [BASIC, BASIC, OTHER, MODERATOR, OWNER] {
        let (_, connection) = stage.connect(whom);
        let actor = Actor::connection(connection);
        if whom == BASIC || whom == OTHER {
            stage.ok(&actor, "room.join", json!({ "chat_id": chat }));
        }
        if whom == BASIC {
            own.push(connection);
        }
    }
    let mut follower = stage.portal.follow(None).unwrap();
    let before = stage.as_of();
    let audited = audit_rows(&stage);
    // Only what changes something is told.
    for name in ["user.block", "user.block", "user.unblock", "user.unblock"] {
        stage.ok(&user(BASIC), name, at(OTHER));
    }
    let told = json!({ "user_id": BASIC, "changed": ["blocks"] });
    let log: Vec<_> = stage
        .events(before)
        .iter()
        .map(|e| e["data"].clone())
        .collect();
    assert_eq!(log, [told.clone(), told], "the log does not name the other");
    let sent = delivered(&stage, &mut follower);
    assert_eq!(sent.len(), 2);
    for (to, name, data) in sent {
        assert_eq!((&to, name.as_str()), (&own, "user:updated"));
        assert_eq!(data["changed"], json!(["blocks"]));
    }
    assert_eq!(audit_rows(&stage), audited, "it is nobody's act on another");
}

/// Everything that a person can read, by every query, of themself, of another and of a chat. The place in
/// the event log moves with everything that happens.
fn all_they_read(stage: &Stage, actor: &Actor, another: i64, chat: ChatId) -> Vec<String> {
    let mut read = Vec::new();
    for entry in catalogue::all().iter().filter(|entry| !entry.writes()) {
        let schema = entry.parameters();
        let takes = |name: &str| {
            let properties = schema.get("properties");
            properties.is_some_and(|properties| properties.get(name).is_some())
        };
        let mut asked = vec![json!({})];
        if takes("user_id") {
            asked.push(json!({ "user_id": another }));
        }
        if takes("chat_id") {
            asked.push(json!({ "chat_id": chat }));
        }
        for params in asked {
            let answer = match stage.call(actor, entry.name(), params.clone()) {
                Ok(mut reply) => {
                    if let Some(reply) = reply.as_object_mut() {
                        reply.remove("as_of");
                    }
                    reply.to_string()
                }
                Err(error) => format!("{error} {:?}", error.extras()),
            };
            read.push(format!("{} {params}: {answer}", entry.name()));
        }
    }
    read
}

#[test]
fn the_blocked_person_finds_no_trace_spec_7_7() {
    let stage = Stage::new();
    let direct = stage.direct(BASIC, OTHER);
    let public = stage.chat(ChatType::Public, PREMIUM, Some("a-square"));
    let (session, connection) = stage.connect(OTHER);
    let mut follower = stage.portal.follow(None).unwrap();
    let readers = [
        user(OTHER),
        Actor::session(session),
        Actor::connection(connection),
    ];
    let read = || -> Vec<_> {
        let chats = [direct, public];
        let all = chats.map(|chat| {
            let by_all = readers.iter();
            by_all
                .map(|reader| all_they_read(&stage, reader, BASIC, chat))
                .collect::<Vec<_>>()
        });
        all.into_iter().flatten().flatten().collect()
    };
    let before = read();
    stage.ok(&user(BASIC), "user.block", at(OTHER));
    assert_eq!(read(), before);
    for (to, name, _) in delivered(&stage, &mut follower) {
        assert!(!to.contains(&connection), "{name}");
    }
    // What they do to the other is answered as ever.
    for name in ["user.block", "user.unblock", "user.unblock"] {
        assert_eq!(stage.ok(&user(OTHER), name, at(BASIC)), json!({}));
    }
    assert_eq!(blocked(&stage, &user(BASIC)).len(), 1);
}

#[test]
fn a_block_goes_with_either_person_spec_1_7() {
    let stage = Stage::new();
    stage.ok(&user(BASIC), "user.block", at(OTHER));
    stage.ok(&user(PREMIUM), "user.block", at(BASIC));
    stage.ok(&user(BASIC), "user.delete", at(BASIC));
    assert_eq!(blocked(&stage, &user(PREMIUM)), Vec::<Value>::new());
    let left = "SELECT count(*) FROM block";
    let left: i64 = stage.raw().query_row(left, [], |row| row.get(0)).unwrap();
    assert_eq!(left, 0);
}
