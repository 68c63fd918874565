//! Who takes part: for the peer anybody, for portal-server people with sessions, in a chat with a key.

use std::io::{Error, Result};
use std::path::Path;

use portal_core::e2ee::{Ctx, RoomCipher, SecretKey, Suite};
use portal_core::random::SystemRandom;
use serde_json::{Value, json};

use crate::common::{Operator, number};

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
    /// The event that sends one more message, and asks for an acknowledgement by this number.
    pub(crate) fn message(&self, number: usize) -> String {
        let (chat, content) = (self.chat, &self.content);
        format!(r#"42{number}["message:send",{{"chat_id":{chat},"content":{content}}}]"#)
    }

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
        let operator = Operator::of(file)?;
        for (key, value) in [
            ("sends_per_user", 0),
            ("sends_per_chat", 0),
            ("official_chats_admin", 10_000),
        ] {
            operator.call("config.set", json!({ "key": key, "value": value }))?;
        }
        let sender = operator.person("bench.sender", "admin")?;
        let new =
            json!({ "chat_type": "OFFICIAL", "name": "Bench", "owner_id": sender.id, "e2ee": 3 });
        let chats = (0..receivers.div_ceil(a_room))
            .map(|_| number(&operator.call("chat.create", new.clone())?["id"]))
            .collect::<Result<Vec<_>>>()?;
        let chat = chats[0];
        let receivers = (0..receivers)
            .map(|index| {
                let receiver = operator.person(&format!("bench.{index}"), "user")?;
                Ok(Receiver {
                    auth: receiver.auth(),
                    chat: chats[index / a_room],
                })
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
                .seal(sender.id, text, &SystemRandom)
                .map_err(Error::other)
        })?;
        Ok(Self {
            sender: sender.auth(),
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
