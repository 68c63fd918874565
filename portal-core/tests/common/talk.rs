//! People who are in a room and hold its key, without the keys having been published.

use portal_core::Actor;
use portal_core::model::{ChatId, ConnectionId, SessionId};
use serde_json::{Value, json};

use super::{START, Stage};

/// A person in a room.
#[derive(Clone, Debug)]
pub struct Talker {
    pub user: i64,
    pub session: SessionId,
    pub connection: ConnectionId,
    pub actor: Actor,
}

/// An envelope of suite 2; `tag`, letters and digits, is what its ciphertext begins with.
pub fn envelope(epoch: u64, tag: &str) -> String {
    // 56 characters are 42 bytes: canonical without padding, and long enough to be a message.
    format!(r#"{{"v":2,"epoch":{epoch},"ct":"{tag:A<56}"}}"#)
}

/// An envelope of suite 3.
pub fn envelope3(epoch: u64, tag: &str) -> String {
    format!(r#"{{"v":3,"epoch":{epoch},"ct":"{tag:A<256}"}}"#)
}

impl Stage {
    /// A new session of a person, in the room, with the key. Their coming and going is no news.
    pub fn talker(&self, chat: ChatId, user: i64) -> Talker {
        self.no_news(chat, user);
        let (session, connection) = self.connect(user);
        let actor = Actor::connection(connection);
        self.ok(&actor, "room.join", json!({ "chat_id": chat }));
        self.give_key(chat, session);
        Talker {
            user,
            session,
            connection,
            actor,
        }
    }

    /// For the next 10 minutes neither that somebody joins nor that they leave is news (SPEC 10.4), so that
    /// no notice takes a message id.
    pub fn no_news(&self, chat: ChatId, user: i64) {
        let now = self.portal.now().as_millis();
        self.raw()
            .execute(
                "INSERT INTO activity (chat_id, user_id, kind, chat_type, at)
                 SELECT chat.id, ?2, value, chat_type, ?3 FROM chat, json_each('[\"join\", \"leave\"]')
                 WHERE chat.id = ?1",
                (chat.get(), user, now),
            )
            .unwrap();
    }

    /// Lets a session hold the key of the chat's epoch: the first as its distributor, others by a blob.
    pub fn give_key(&self, chat: ChatId, session: SessionId) {
        let db = self.raw();
        let (chat, session, now) = (chat.get(), session.get(), START.as_millis());
        db.execute(
            "UPDATE session SET public_key = randomblob(32) WHERE id = ? AND public_key IS NULL",
            [session],
        )
        .unwrap();
        let first = db
            .execute(
                "INSERT INTO room_key (chat_id, epoch, distributor_user, distributor_session, published_at)
                 SELECT ?1, c.epoch, s.user_id, s.id, ?3 FROM chat c, session s
                 WHERE c.id = ?1 AND s.id = ?2 AND NOT EXISTS (SELECT 1 FROM room_key WHERE chat_id = ?1)",
                (chat, session, now),
            )
            .unwrap();
        if first == 0 {
            db.execute(
                "INSERT INTO key_blob (chat_id, epoch, session_id, publisher_user, publisher_session,
                   publisher_public_key, blob, at)
                 SELECT ?1, epoch, ?2, 1, 1, zeroblob(32), zeroblob(CASE e2ee WHEN 2 THEN 72 ELSE 80 END), ?3
                 FROM chat WHERE id = ?1",
                (chat, session, now),
            )
            .unwrap();
        }
    }

    /// Sends an envelope of the current epoch; answers its id.
    #[track_caller]
    pub fn say(&self, talker: &Talker, chat: ChatId, tag: &str) -> i64 {
        let content = envelope(self.epoch(chat), tag);
        let params = json!({ "chat_id": chat, "content": content });
        self.ok(&talker.actor, "message.send", params)["id"]
            .as_i64()
            .unwrap()
    }

    /// Stores messages past every rule: no key, no pace, no events. Answers their ids.
    pub fn written(&self, chat: ChatId, user: i64, count: u32) -> Vec<i64> {
        let mut db = self.raw();
        let tx = db.transaction().unwrap();
        let mut ids = Vec::new();
        for _ in 0..count {
            let id: i64 = tx
                .query_row(
                    "UPDATE chat SET next_message_id = next_message_id + 1, last_activity_at = ?2
                     WHERE id = ?1 RETURNING next_message_id - 1",
                    (chat.get(), self.portal.now().as_millis()),
                    |row| row.get(0),
                )
                .unwrap();
            tx.execute(
                "INSERT INTO message (chat_id, id, sender_id, sender_role, epoch, content, created_at)
                 SELECT id, ?2, ?3, 0, epoch, ?4, ?5 FROM chat WHERE id = ?1",
                (chat.get(), id, user, envelope(1, &format!("N{id}")), self.portal.now().as_millis()),
            )
            .unwrap();
            ids.push(id);
        }
        tx.commit().unwrap();
        ids
    }

    /// Changes a chat's configuration, past the rules.
    pub fn configure(&self, chat: ChatId, key: &str, value: Value) {
        self.raw()
            .execute(
                "UPDATE chat SET chat_config = json_set(chat_config, '$.' || ?2, json(?3)) WHERE id = ?1",
                (chat.get(), key, value.to_string()),
            )
            .unwrap();
    }

    /// Changes a setting, past the rules.
    pub fn set(&self, key: &str, value: Value) {
        self.raw()
            .execute(
                "INSERT OR REPLACE INTO setting (key, value) VALUES (?, ?)",
                (key, value.to_string()),
            )
            .unwrap();
    }

    /// What a page of history holds, newest first.
    #[track_caller]
    pub fn history(&self, actor: &Actor, chat: ChatId) -> Vec<i64> {
        let params = json!({ "chat_id": chat, "limit": 100 });
        ids(&self.ok(actor, "message.history", params))
    }

    /// The names of the events after a place in the log.
    pub fn event_names(&self, after: u64) -> Vec<String> {
        let names = self.events(after);
        names
            .iter()
            .map(|event| event["name"].as_str().unwrap().to_owned())
            .collect()
    }
}

/// The ids of a page of history.
pub fn ids(page: &Value) -> Vec<i64> {
    let messages = page["messages"].as_array().unwrap();
    messages
        .iter()
        .map(|message| message["id"].as_i64().unwrap())
        .collect()
}
