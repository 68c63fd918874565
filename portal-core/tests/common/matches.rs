//! People who ask to be matched.

use portal_core::Actor;
use portal_core::model::{ChatId, ConnectionId};
use serde_json::{Value, json};

use super::{Stage, user};

impl Stage {
    /// Connects a person, who asks to be matched; answers the connection and what came of it.
    #[track_caller]
    pub fn seek(&self, who: i64, interests: &[&str]) -> (ConnectionId, Value) {
        let (_, connection) = self.connect(who);
        (connection, self.enqueue(who, interests))
    }

    /// Asks to be matched.
    #[track_caller]
    pub fn enqueue(&self, who: i64, interests: &[&str]) -> Value {
        let params = json!({ "interests": interests });
        self.ok(&user(who), "match.enqueue", params)
    }

    /// What came of asking to be matched: with whom, `None` while waiting, or the refusal.
    pub fn partner(&self, who: i64, interests: &[&str]) -> Result<Option<i64>, &'static str> {
        let params = json!({ "interests": interests });
        match self.call(&user(who), "match.enqueue", params) {
            Ok(reply) => Ok(reply["chat"]["peer"]["id"].as_i64()),
            Err(error) => Err(error.kind().code()),
        }
    }

    /// Where a person stands with the matcher.
    #[track_caller]
    pub fn match_status(&self, who: i64) -> Value {
        self.ok(
            &Actor::operator(),
            "match.status",
            json!({ "user_id": who }),
        )
    }

    /// `idle`, `searching` or `matched`.
    #[track_caller]
    pub fn match_state(&self, who: i64) -> String {
        self.match_status(who)["state"].as_str().unwrap().to_owned()
    }

    /// With whom a person is matched at the moment.
    #[track_caller]
    pub fn peers(&self, who: i64) -> Vec<i64> {
        let status = self.match_status(who);
        let chats = status["chats"].as_array().unwrap().iter();
        chats
            .map(|chat| chat["peer"]["id"].as_i64().unwrap())
            .collect()
    }

    /// Matches two people who are both connected; answers the connections and the chat.
    #[track_caller]
    pub fn matched(&self, one: i64, other: i64) -> (ConnectionId, ConnectionId, ChatId) {
        let (first, waits) = self.seek(one, &["music"]);
        assert_eq!(waits["state"], "searching");
        let (second, found) = self.seek(other, &["music"]);
        let chat = found["chat"]["chat_id"].as_i64();
        (first, second, ChatId::try_from(chat.unwrap()).unwrap())
    }

    /// Lets time pass, with housekeeping at the end of it.
    pub fn after(&self, millis: i64) {
        self.clock.advance(millis);
        self.portal.tick().unwrap();
    }
}
