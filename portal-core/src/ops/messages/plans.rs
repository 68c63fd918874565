//! Every statement that sending, reading, deleting and moderating run finds its rows by a key: none of
//! them looks through a table that grows with what people say.

use rusqlite::Connection;
use serde_json::json;

use crate::store::seen;
use crate::{Actor, Options, Portal};

/// Tables that grow without bound: nobody scans these.
const LARGE: [&str; 10] = [
    "message",
    "event",
    "sent",
    "send_window",
    "joining",
    "activity",
    "membership",
    "punishment",
    "earlier_reader",
    "key_blob",
];

/// A day in the life of a chat.
fn live(portal: &Portal) {
    let run = |actor: &Actor, name: &str, params: serde_json::Value| {
        let reply = portal
            .call_json(actor, name, &params.to_string())
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        serde_json::from_str::<serde_json::Value>(&reply).unwrap()
    };
    let operator = Actor::operator();
    let owner = run(
        &operator,
        "user.create",
        json!({ "username": "owner", "role": "admin" }),
    );
    let guest = run(&operator, "user.create", json!({ "username": "guest" }));
    let (owner, guest) = (&owner["user_id"], &guest["user_id"]);
    let chat = run(
        &operator,
        "chat.create",
        json!({ "chat_type": "OFFICIAL", "name": "Plans", "owner_id": owner, "e2ee": 2,
                "chat_config": { "history_visible": false, "wipe_preset": "1m" } }),
    );
    let chat = &chat["id"];
    let session = run(&operator, "session.create", json!({ "user_id": guest }));
    let session = session["session_id"].as_i64().unwrap().try_into().unwrap();
    let connection = portal.connect(&Actor::session(session)).unwrap();
    let actor = Actor::connection(connection);
    let here = json!({ "chat_id": chat });
    run(&actor, "room.join", here.clone());
    Connection::open(portal.path())
        .unwrap()
        .execute(
            "INSERT INTO room_key (chat_id, epoch, distributor_user, distributor_session, published_at)
             SELECT 1, 2, user_id, id, 0 FROM session",
            [],
        )
        .unwrap();
    for n in 0..3 {
        let content = format!(r#"{{"v":2,"epoch":2,"ct":"{:A<56}"}}"#, "");
        let params = json!({ "chat_id": chat, "content": content, "client_id": n.to_string() });
        run(&actor, "message.send", params);
    }
    run(&actor, "message.history", here.clone());
    run(
        &actor,
        "message.delete_mine",
        json!({ "chat_id": chat, "ids": [1] }),
    );
    run(
        &operator,
        "message.delete",
        json!({ "chat_id": chat, "ids": [1, 2] }),
    );
    run(
        &operator,
        "message.delete_last",
        json!({ "chat_id": chat, "count": 1 }),
    );
    run(&actor, "message.delete_mine", here.clone());
    run(&operator, "activity.list", here.clone());
    run(&operator, "mod.list", here.clone());
    run(&actor, "user.punishments", json!({}));
    let target = json!({ "chat_id": chat, "user_id": guest });
    for act in ["mod.mute", "mod.unmute", "mod.kick", "mod.ban", "mod.unban"] {
        run(&operator, act, target.clone());
    }
    run(&actor, "room.join", here.clone());
    run(&actor, "room.leave", here.clone());
    run(&operator, "chat.clear", here);
    let db = Connection::open(portal.path()).unwrap();
    db.execute_batch(
        "INSERT INTO setting (key, value) VALUES ('message_days', '1'), ('messages_per_chat', '1');
         UPDATE chat SET next_message_id = 100;
         INSERT INTO message (chat_id, id, epoch, code, content, created_at)
         VALUES (1, 50, 0, 'x', '', 0), (1, 51, 0, 'x', '', 0)",
    )
    .unwrap();
    portal.tick().unwrap();
    db.execute_batch("UPDATE chat SET wipe_due_at = 0").unwrap();
    portal.tick().unwrap();
}

#[test]
fn no_statement_looks_through_a_large_table() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        presence: true,
        ..Options::default()
    };
    let portal = Portal::open(dir.path().join("portal.db"), options).unwrap();
    seen::take();
    live(&portal);
    let statements = seen::take();
    for told in [
        "DELETE FROM message",
        "FROM send_window",
        "FROM joining",
        "FROM sent",
        "OFFSET",
    ] {
        assert!(
            statements.iter().any(|sql| sql.contains(told)),
            "{told} was not run"
        );
    }
    let db = Connection::open(portal.path()).unwrap();
    // Of a new person's id SQLite plans, and never runs, a search for rows that waited for it.
    for sql in statements
        .iter()
        .filter(|sql| !sql.starts_with("INSERT INTO user "))
    {
        for step in seen::plan(&db, sql) {
            assert!(!looks_through(sql, &step), "{step} in {sql}");
        }
    }
}

/// Whether the step reads a large table from one end. Its own end, for a few rows in order, is a key
/// too: `event` for the last seq, and what a LIMIT ends.
fn looks_through(sql: &str, step: &str) -> bool {
    let Some(table) = step
        .strip_prefix("SCAN ")
        .and_then(|rest| rest.split(' ').next())
    else {
        return step.contains("AUTOMATIC");
    };
    let name = LARGE
        .iter()
        .find(|name| table == **name || sql.contains(&format!("{name} {table} ")));
    name.is_some() && !sql.contains("ORDER BY seq DESC LIMIT 1")
}
