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
    pub(crate) receivers: Vec<Receiver>,
    /// Where the sender sends.
    pub(crate) chat: u64,
    /// What the sender says after joining, before the first message: event and data.
    pub(crate) opening: Vec<(&'static str, Value)>,
    /// JSON of a message's `content`.
    pub(crate) content: String,
}

/// Who joins which room.
pub(crate) struct Receiver {
    pub(crate) auth: String,
    pub(crate) chat: u64,
}

impl Cast {
    /// For a server that asks nobody who they are.
    pub(crate) fn nobodies(receivers: usize, content: String) -> Self {
        let nobody = || Receiver {
            auth: String::new(),
            chat: 1,
        };
        Self {
            sender: String::new(),
            receivers: (0..receivers).map(|_| nobody()).collect(),
            chat: 1,
            opening: Vec::new(),
            content,
        }
    }

    /// Makes people, sessions and OFFICIAL chats for `a_room` receivers each in the file of a running
    /// portal-server, as the operator would, and lifts the limits on sending.
    pub(crate) fn prepare(
        file: &Path,
        receivers: usize,
        a_room: usize,
        like: &str,
    ) -> Result<Self> {
        let portal = Portal::open(file, Options::default()).map_err(Error::other)?;
        let call = |name: &str, params: Value| -> Result<Value> {
            let reply = portal
                .call_json(&Actor::operator(), name, &params.to_string())
                .map_err(Error::other)?;
            serde_json::from_str(&reply).map_err(Error::other)
        };
        for (key, value) in [
            ("sends_per_user", 0),
            ("sends_per_chat", 0),
            ("official_chats_admin", 10_000),
        ] {
            call("config.set", json!({ "key": key, "value": value }))?;
        }
        let person = |name: String, role: &str| -> Result<(u64, String)> {
            let user = call("user.create", json!({ "username": name, "role": role }))?;
            let session = call("session.create", json!({ "user_id": user["user_id"] }))?;
            let auth = json!({ "token": session["token"] });
            Ok((number(&user["user_id"])?, auth.to_string()))
        };
        let (sender_id, sender) = person("bench.sender".into(), "admin")?;
        let new =
            json!({ "chat_type": "OFFICIAL", "name": "Bench", "owner_id": sender_id, "e2ee": 3 });
        let chats = (0..receivers.div_ceil(a_room))
            .map(|_| number(&call("chat.create", new.clone())?["id"]))
            .collect::<Result<Vec<_>>>()?;
        let chat = chats[0];
        let receivers = (0..receivers)
            .map(|index| {
                let (_, auth) = person(format!("bench.{index}"), "user")?;
                let chat = chats[index / a_room];
                Ok(Receiver { auth, chat })
            })
            .collect::<Result<_>>()?;

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
