//! Who takes part: for the peer anybody, for portal-server people with sessions, in a chat with a key.

use std::io::{Error, Result};
use std::path::Path;

use portal_core::e2ee::{Ctx, RoomCipher, SecretKey, Suite};
use portal_core::random::SystemRandom;
use portal_core::{Actor, Options, Portal};
use serde_json::{Value, json};

/// What the clients say.
pub(crate) struct Cast {
    /// JSON of Socket.IO's `auth` payload; empty for none.
    pub(crate) sender: String,
    pub(crate) receivers: Vec<String>,
    pub(crate) chat: u64,
    /// What the sender says after joining, before the first message: event and data.
    pub(crate) opening: Vec<(&'static str, Value)>,
    /// JSON of a message's `content`.
    pub(crate) content: String,
}

impl Cast {
    /// For a server that asks nobody who they are.
    pub(crate) fn nobodies(receivers: usize, content: String) -> Self {
        Self {
            sender: String::new(),
            receivers: vec![String::new(); receivers],
            chat: 1,
            opening: Vec::new(),
            content,
        }
    }

    /// Makes people, sessions and an OFFICIAL chat in the file of a running portal-server, as the operator
    /// would, and lifts the limits on sending.
    pub(crate) fn prepare(file: &Path, receivers: usize, like: &str) -> Result<Self> {
        let portal = Portal::open(file, Options::default()).map_err(Error::other)?;
        let call = |name: &str, params: Value| -> Result<Value> {
            let reply = portal
                .call_json(&Actor::operator(), name, &params.to_string())
                .map_err(Error::other)?;
            serde_json::from_str(&reply).map_err(Error::other)
        };
        for key in ["sends_per_user", "sends_per_chat"] {
            call("config.set", json!({ "key": key, "value": 1_000_000 }))?;
        }
        let person = |name: String, role: &str| -> Result<(u64, String)> {
            let user = call("user.create", json!({ "username": name, "role": role }))?;
            let session = call("session.create", json!({ "user_id": user["user_id"] }))?;
            let auth = json!({ "token": session["token"] });
            Ok((number(&user["user_id"])?, auth.to_string()))
        };
        let (sender_id, sender) = person("bench.sender".into(), "admin")?;
        let receivers = (0..receivers)
            .map(|index| person(format!("bench.{index}"), "user").map(|(_, auth)| auth))
            .collect::<Result<_>>()?;
        let new =
            json!({ "chat_type": "OFFICIAL", "name": "Bench", "owner_id": sender_id, "e2ee": 3 });
        let chat = number(&call("chat.create", new)?["id"])?;

        let secret = SecretKey::generate(&SystemRandom);
        let ctx = Ctx::new(chat, 1).map_err(Error::other)?;
        let mut cipher = RoomCipher::generate(Suite::Three, ctx, &SystemRandom);
        let publish = json!({
            "chat_id": chat, "epoch": 1, "key_check": cipher.check().to_base64(), "blobs": []
        });
        let content = envelope_like(like, |text| {
            cipher
                .seal(sender_id, text, &SystemRandom)
                .map_err(Error::other)
        })?;
        Ok(Self {
            sender,
            receivers,
            chat,
            opening: vec![
                (
                    "keys:register",
                    json!({ "public_key": secret.public_key().to_base64() }),
                ),
                ("keys:publish", publish),
            ],
            content,
        })
    }
}

/// An envelope as long as the one that the peer is sent, or a little longer, as JSON text.
fn envelope_like(like: &str, mut seal: impl FnMut(&str) -> Result<String>) -> Result<String> {
    let mut text = String::new();
    loop {
        let content = json!(seal(&text)?).to_string();
        if content.len() >= like.len() {
            return Ok(content);
        }
        text.push('m');
    }
}

fn number(value: &Value) -> Result<u64> {
    value.as_u64().ok_or_else(|| Error::other("no id"))
}
