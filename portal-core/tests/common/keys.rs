//! Devices of people, with keys.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portal_core::e2ee::SecretKey;
use portal_core::model::{ChatId, ChatType, ConnectionId, SECOND, SessionId};
use portal_core::random::SystemRandom;
use portal_core::{Actor, Error};
use serde_json::{Value, json};

use super::Stage;

/// A session with a live connection and a registered key.
pub struct Device {
    pub session: SessionId,
    pub connection: ConnectionId,
    pub actor: Actor,
    pub secret: SecretKey,
    pub public_key: String,
}

/// The key check that all well-behaved devices of the tests agree on.
pub fn check() -> String {
    STANDARD.encode([7; 16])
}

impl Device {
    /// What a publisher hands over for this device: 80 bytes that nobody looks into.
    pub fn wrapped(&self) -> Value {
        json!({ "session_id": self.session, "public_key": self.public_key, "blob": STANDARD.encode([1; 80]) })
    }
}

impl Stage {
    /// A PRIVATE chat of the premium user in suite 3, with these members.
    pub fn room(&self, members: &[i64]) -> ChatId {
        let chat = self.suite3(ChatType::Private, None);
        for member in members {
            self.member(chat, *member);
        }
        chat
    }

    /// A chat of the premium user in suite 3.
    pub fn suite3(&self, chat_type: ChatType, slug: Option<&str>) -> ChatId {
        let params = json!({
            "chat_type": chat_type, "name": "A chat", "owner_id": super::PREMIUM, "slug": slug
        });
        let reply = self.ok(&Actor::operator(), "chat.create", params);
        ChatId::try_from(reply["id"].as_i64().unwrap()).unwrap()
    }

    /// A connected device that has not registered its key.
    pub fn keyless(&self, user: i64) -> Device {
        let (session, connection) = self.connect(user);
        let secret = SecretKey::generate(&SystemRandom);
        Device {
            session,
            connection,
            actor: Actor::connection(connection),
            public_key: secret.public_key().to_base64(),
            secret,
        }
    }

    /// A connected device with a key, in no room.
    pub fn device(&self, user: i64) -> Device {
        let device = self.keyless(user);
        let key = json!({ "public_key": device.public_key });
        self.ok(&device.actor, "key.register", key);
        device
    }

    /// A connected device with a key, in the room.
    pub fn joined(&self, user: i64, chat: ChatId) -> Device {
        let device = self.device(user);
        self.enter(&device, chat);
        device
    }

    #[track_caller]
    pub fn enter(&self, device: &Device, chat: ChatId) {
        self.ok(&device.actor, "room.join", json!({ "chat_id": chat }));
    }

    pub fn epoch(&self, chat: ChatId) -> u64 {
        let chat = self.ok(&Actor::operator(), "chat.get", json!({ "chat_id": chat }));
        chat["epoch"].as_u64().unwrap()
    }

    /// Publishes for the current epoch, in suite 3.
    pub fn try_publish(&self, by: &Device, chat: ChatId, to: &[&Device]) -> Result<Value, Error> {
        let blobs: Vec<_> = to.iter().map(|device| device.wrapped()).collect();
        let params = json!({
            "chat_id": chat, "epoch": self.epoch(chat), "key_check": check(), "blobs": blobs
        });
        self.call(&by.actor, "key.publish", params)
    }

    #[track_caller]
    pub fn publish(&self, by: &Device, chat: ChatId, to: &[&Device]) -> Value {
        self.try_publish(by, chat, to)
            .unwrap_or_else(|error| panic!("key.publish: {error}"))
    }

    #[track_caller]
    pub fn keys(&self, device: &Device, chat: ChatId) -> Value {
        self.ok(&device.actor, "key.list", json!({ "chat_id": chat }))
    }

    /// Whether the device holds the key, as `key.list` shows it to the device itself.
    #[track_caller]
    pub fn holds(&self, device: &Device, chat: ChatId) -> bool {
        let list = self.keys(device, chat);
        let mut sessions = list["sessions"].as_array().unwrap().iter();
        sessions.any(|key| key["session_id"] == json!(device.session) && key["holds"] == true)
    }

    pub fn pass(&self, seconds: i64) {
        self.clock.advance(seconds * SECOND);
    }

    pub fn tick(&self) {
        self.portal.tick().unwrap();
    }

    /// The data of the events of this name after a place in the log.
    pub fn named(&self, name: &str, after: u64) -> Vec<Value> {
        let events = self.events(after).into_iter();
        events
            .filter(|event| event["name"] == name)
            .map(|event| event["data"].clone())
            .collect()
    }

    /// Who was asked to wrap the key for a device since a place in the log, in order.
    pub fn asked(&self, device: &Device, after: u64) -> Vec<Value> {
        self.named("portal:key_needed", after)
            .into_iter()
            .filter(|data| data["session_id"] == json!(device.session))
            .map(|data| data["holder_session"].clone())
            .collect()
    }
}
