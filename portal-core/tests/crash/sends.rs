//! Eight people send at once: every acknowledged message is there, with its event, and there is no hole.

use std::collections::BTreeSet;
use std::path::Path;

use portal_core::model::{ChatId, SessionId};
use portal_core::ops::messages::Send;
use portal_core::{Actor, Options, Portal};
use rusqlite::Connection;

use super::{Scenario, acknowledge, numbers};

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "messages",
    prepare,
    work: send_for_ever,
    check,
};

const CONTENT: &str =
    r#"{"v":2,"epoch":1,"ct":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="}"#;
const SENDERS: i64 = 8;
const CHAT: i64 = 1;

/// A chat whose key every sender holds, and limits that never refuse.
fn prepare(path: &Path) {
    let portal = Portal::open(path, Options::default()).unwrap();
    let db = Connection::open(path).unwrap();
    db.execute_batch(
        "INSERT INTO setting (key, value) VALUES ('sends_per_user', '0'), ('sends_per_chat', '0');
         INSERT INTO user (id, username, created_at) VALUES (1, 'owner', 0);
         INSERT INTO chat (id, chat_type, name, owner_id, e2ee, epoch_moved_at, chat_config, browser_config,
           created_at, last_activity_at) VALUES (1, 'PRIVATE', 'Crash', 1, 2, 0, '{}', '{}', 0, 0);
         INSERT INTO room_key (chat_id, epoch, distributor_user, published_at) VALUES (1, 1, 1, 0);",
    )
    .unwrap();
    for id in 1..=SENDERS {
        let user = 100 + id;
        db.execute(
            "INSERT INTO user (id, username, created_at) VALUES (?1, 'person-' || ?1, 0)",
            [user],
        )
        .unwrap();
        db.execute(
            "INSERT INTO membership (chat_id, user_id, via, joined_at) VALUES (1, ?, 'operator', 0)",
            [user],
        )
        .unwrap();
        let params = format!(r#"{{"user_id":{user}}}"#);
        portal
            .call_json(&Actor::operator(), "session.create", &params)
            .unwrap();
    }
    db.execute_batch(
        "INSERT INTO key_blob (chat_id, epoch, session_id, publisher_user, publisher_session,
           publisher_public_key, blob, at) SELECT 1, 1, id, 1, 1, zeroblob(32), zeroblob(72), 0 FROM session",
    )
    .unwrap();
}

/// The child: eight people send at once, and every acknowledged id is a line.
fn send_for_ever(path: &Path) {
    let portal = Portal::open(path, Options::default()).unwrap();
    std::thread::scope(|scope| {
        for id in 1..=SENDERS {
            let caller = Actor::session(SessionId::try_from(id).unwrap());
            let portal = &portal;
            scope.spawn(move || {
                let chat_id = ChatId::try_from(CHAT).unwrap();
                loop {
                    let send = Send {
                        chat_id,
                        content: CONTENT.to_owned(),
                        client_id: None,
                    };
                    let stored = portal.call(&caller, send).unwrap();
                    acknowledge(&stored.id.to_string());
                }
            });
        }
    });
}

fn check(path: &Path, acknowledged: &[String], run: &str) {
    let db = Connection::open(path).unwrap();
    let stored = numbers(&db, "SELECT id FROM message WHERE chat_id = 1 ORDER BY id");
    let counter = numbers(&db, "SELECT next_message_id FROM chat WHERE id = 1")[0];
    assert_eq!(
        stored,
        (1..counter).collect::<Vec<_>>(),
        "{run}: messages have no hole"
    );
    let seqs = numbers(&db, "SELECT seq FROM event ORDER BY seq");
    let last = seqs.last().copied().unwrap_or_default();
    assert_eq!(
        seqs,
        (1..=last).collect::<Vec<_>>(),
        "{run}: the event log has no hole"
    );
    let announced = numbers(
        &db,
        "SELECT data ->> 'id' FROM event WHERE name = 'message:new' ORDER BY seq",
    );
    assert_eq!(
        announced, stored,
        "{run}: every message has its event, in order"
    );
    let kept: BTreeSet<_> = stored.into_iter().collect();
    let acknowledged = acknowledged.iter().map(|id| id.parse::<i64>().unwrap());
    let missing: Vec<_> = acknowledged.filter(|id| !kept.contains(id)).collect();
    assert!(
        missing.is_empty(),
        "{run}: acknowledged but gone: {missing:?}"
    );
}
