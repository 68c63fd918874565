//! A stage with a backend that runs nothing, and somebody who keeps its browsers.

use std::sync::Arc;

use portal_core::model::{ChatId, ConnectionId};
use portal_core::{Actor, Follower, Keeper, Options, Tended};
use serde_json::{Value, json};

pub use super::fake::Fake;
use super::{Stage, delivered, user};

/// A stage, what runs its browsers, and who keeps them.
pub struct House {
    pub stage: Stage,
    pub fake: Arc<Fake>,
    pub keeper: Keeper,
    pub follower: Follower,
}

impl House {
    pub fn new() -> Self {
        let fake = Arc::new(Fake::default());
        let stage = Stage::with(Options {
            presence: true,
            browsers: Some(fake.clone()),
            ..Options::default()
        });
        Self::of(stage, fake)
    }

    fn of(stage: Stage, fake: Arc<Fake>) -> Self {
        let keeper = stage.portal.keeper().unwrap();
        let follower = stage.portal.follow(None).unwrap();
        Self {
            stage,
            fake,
            keeper,
            follower,
        }
    }

    /// The process ends, whatever it was about, and another one opens the file.
    #[must_use]
    pub fn reopened(self) -> Self {
        let stage = self.stage.reopened_with(self.fake.clone());
        Self::of(stage, self.fake)
    }

    #[track_caller]
    pub fn tend(&mut self) -> Tended {
        self.keeper.tend().unwrap()
    }

    /// Starts the chat's browser, and sees to it that it runs.
    #[track_caller]
    pub fn started(&mut self, owner: i64, chat: ChatId) {
        self.stage
            .ok(&user(owner), "browser.start", json!({ "chat_id": chat }));
        assert_eq!(self.tend().faults, []);
        assert_eq!(self.state(chat), "running");
    }

    /// How the chat's browser stands: a state, with the reason if there is one.
    #[track_caller]
    pub fn state(&self, chat: ChatId) -> String {
        let browser = self.get(chat);
        match (browser["state"].as_str(), browser["reason"].as_str()) {
            (None, _) => "none".to_owned(),
            (Some(state), None) => state.to_owned(),
            (Some(state), Some(reason)) => format!("{state}: {reason}"),
        }
    }

    #[track_caller]
    pub fn get(&self, chat: ChatId) -> Value {
        let params = json!({ "chat_id": chat });
        self.stage.ok(&Actor::operator(), "browser.get", params)["browser"].clone()
    }

    /// Somebody's connection in a room.
    #[track_caller]
    pub fn seat(&self, person: i64, chat: ChatId) -> ConnectionId {
        let (_, connection) = self.stage.connect(person);
        self.join(connection, chat);
        connection
    }

    #[track_caller]
    pub fn join(&self, connection: ConnectionId, chat: ChatId) {
        let params = json!({ "chat_id": chat });
        self.stage
            .ok(&Actor::connection(connection), "room.join", params);
    }

    /// What is delivered of these names now: to whom, what, with which data.
    pub fn told(&mut self, names: &[&str]) -> Vec<(Vec<ConnectionId>, String, Value)> {
        let mut all = delivered(&self.stage, &mut self.follower);
        all.retain(|(_, name, _)| names.contains(&name.as_str()));
        all
    }

    /// The names of the events about the browser since a place in the log.
    pub fn events_since(&self, after: u64) -> Vec<String> {
        let about = ["room:start", "room:stop", "control:"];
        let names = self.stage.events(after);
        let names = names
            .iter()
            .map(|event| event["name"].as_str().unwrap().to_owned());
        names
            .filter(|name| about.iter().any(|of| name.starts_with(of)))
            .collect()
    }
}
