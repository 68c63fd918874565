//! A rehearsal answers what the call would, and leaves nothing behind (SPEC 16.1, `--dry-run`).

mod common;

use common::{BASIC, PREMIUM, Stage, user};
use portal_core::Actor;
use portal_core::model::ChatType;
use serde_json::{Value, json};

fn rehearse(stage: &Stage, actor: &Actor, name: &str, params: &Value) -> Result<Value, String> {
    stage
        .portal
        .rehearse_json(actor, name, &params.to_string())
        .map(|reply| serde_json::from_str(&reply).unwrap())
        .map_err(|error| error.kind().code().to_owned())
}

fn rows(stage: &Stage, table: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM {table}");
    stage.raw().query_row(&sql, [], |row| row.get(0)).unwrap()
}

#[test]
fn a_rehearsal_answers_and_leaves_nothing() {
    let stage = Stage::new();
    let params = json!({ "username": "newcomer" });
    let before = (rows(&stage, "user"), rows(&stage, "audit"), stage.as_of());
    let first = rehearse(&stage, &Actor::operator(), "user.create", &params).unwrap();
    assert_eq!(
        (rows(&stage, "user"), rows(&stage, "audit"), stage.as_of()),
        before
    );
    let done = stage.ok(&Actor::operator(), "user.create", params);
    assert_eq!(first, done, "the rehearsed id was given to nobody");
}

#[test]
fn a_rehearsed_event_reaches_nobody() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Private, PREMIUM, None);
    let mut follower = stage.portal.follow(None).unwrap();
    let rename = json!({ "chat_id": chat, "name": "Renamed" });
    rehearse(&stage, &user(PREMIUM), "chat.update", &rename).unwrap();
    assert_eq!(follower.poll(10).unwrap().len(), 0);
    let shown = stage.ok(&user(PREMIUM), "chat.get", json!({ "chat_id": chat }));
    assert_eq!(shown["name"], "A chat");
}

#[test]
fn a_rehearsed_joining_seats_nobody() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("a-chat"));
    let (_, connection) = stage.connect(BASIC);
    let actor = Actor::connection(connection);
    let join = json!({ "chat_id": chat });
    rehearse(&stage, &actor, "room.join", &join).unwrap();
    let content = json!({ "chat_id": chat, "content": "{}" });
    stage.refused(&actor, "message.send", content, "ERR_NOT_JOINED");
}

#[test]
fn a_refusal_is_rehearsed_too() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("a-chat"));
    let rename = json!({ "chat_id": chat, "name": "Renamed" });
    let refused = rehearse(&stage, &user(BASIC), "chat.update", &rename);
    assert_eq!(refused, Err("ERR_FORBIDDEN".into()));
    let unknown = rehearse(&stage, &user(BASIC), "chat.paint", &json!({}));
    assert_eq!(unknown, Err("ERR_UNKNOWN_OPERATION".into()));
}

#[test]
fn a_query_needs_no_rehearsal_and_answers() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("a-chat"));
    let shown = rehearse(
        &stage,
        &user(BASIC),
        "chat.get",
        &json!({ "chat_id": chat }),
    );
    assert_eq!(shown.unwrap()["slug"], "a-chat");
}
