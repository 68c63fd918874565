//! One room: its keys by epoch, and its messages.
//!
//! The server says who talks where and in which epoch; what they say, only the keys here tell.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::time::Duration;

use portal_core::e2ee::{
    Ctx, Delivery, KeyCheck, PublicKey, RoomCipher, SecretKey, Suite, fingerprint,
};
use portal_core::random::SystemRandom;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use crate::http::Http;
use crate::socket::{Answer, Socket};
use crate::{Refused, Result};

pub(crate) struct Room<'a> {
    http: &'a Http,
    socket: Socket,
    id: u64,
    suite: Suite,
    user: u64,
    session: u64,
    secret: SecretKey,
    epoch: u64,
    /// Of each epoch whose key was here.
    ciphers: BTreeMap<u64, RoomCipher>,
    /// When to look for the key again, while it is not here.
    ask_at: Option<Instant>,
    /// The messages shown. One that came before its key is shown after others that came later.
    shown: BTreeSet<u64>,
    heard: usize,
}

/// The reply of `room:join`, as far as it matters here.
#[derive(Deserialize)]
struct Joined {
    chat: Chat,
}

#[derive(Deserialize)]
struct Chat {
    name: String,
    e2ee: u64,
}

/// Who this is.
#[derive(Deserialize)]
struct Ready {
    user_id: u64,
    session_id: u64,
}

/// The reply of `key.list`.
#[derive(Deserialize)]
struct Keys {
    epoch: u64,
    published: bool,
    key_check: Option<String>,
    holdback_ms: u64,
    sessions: Vec<Recipient>,
    blob: Option<Blob>,
}

/// A session that the key is wrapped for.
#[derive(Deserialize)]
struct Recipient {
    user_id: u64,
    session_id: u64,
    public_key: Option<String>,
}

/// The key, wrapped for this session.
#[derive(Deserialize)]
struct Blob {
    blob: String,
    publisher_public_key: String,
}

#[derive(Deserialize)]
struct Message {
    id: u64,
    /// Nobody: the system.
    sender: Option<Sender>,
    epoch: u64,
    content: String,
}

#[derive(Deserialize)]
struct Sender {
    id: u64,
    username: Option<String>,
}

#[derive(Deserialize)]
struct History {
    messages: Vec<Message>,
}

impl<'a> Room<'a> {
    /// Takes a seat in the room and looks for its key.
    pub(crate) async fn enter(
        http: &'a Http,
        mut socket: Socket,
        ready: Value,
        id: u64,
    ) -> Result<Self> {
        let ready: Ready = serde_json::from_value(ready)?;
        let secret = SecretKey::generate(&SystemRandom);
        let key = json!({ "public_key": secret.public_key().to_base64() });
        socket.call("keys:register", &key).await??;
        let join = json!({ "chat_id": id });
        let joined = socket.call("room:join", &join).await??;
        let Joined { chat } = serde_json::from_value(joined)?;
        let mut room = Self {
            http,
            socket,
            id,
            suite: Suite::from_number(chat.e2ee).ok_or("the room speaks an unknown suite")?,
            user: ready.user_id,
            session: ready.session_id,
            secret,
            epoch: 0,
            ciphers: BTreeMap::new(),
            ask_at: None,
            shown: BTreeSet::new(),
            heard: 0,
        };
        eprintln!("* in {:?}, suite {}", chat.name, chat.e2ee);
        room.get_key().await?;
        Ok(room)
    }

    /// Whether messages of the present epoch can be written.
    pub(crate) fn has_key(&self) -> bool {
        self.ciphers.contains_key(&self.epoch)
    }

    /// How many messages of others were read.
    pub(crate) const fn heard(&self) -> usize {
        self.heard
    }

    /// The next frame for [`Room::take`].
    pub(crate) async fn frame(&mut self) -> Result<String> {
        self.socket.frame().await
    }

    /// Waits until [`Room::get_key`] wants to be called; for ever, if it does not.
    pub(crate) fn time_to_ask(&self) -> impl Future<Output = ()> + use<> {
        let at = self.ask_at;
        async move {
            match at {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        }
    }

    /// Gets the key of the present epoch: the one wrapped for this session, or a new one if nobody has
    /// published any. Otherwise holders are asked, and it wants to be called again.
    pub(crate) async fn get_key(&mut self) -> Result<()> {
        let keys: Keys = self.http.get(&self.path("keys")).await?;
        self.epoch = keys.epoch;
        self.ask_at = None;
        if self.has_key() {
            return Ok(());
        }
        match &keys.blob {
            Some(blob) => self.accept(blob, keys.key_check.as_deref()).await,
            None if keys.published => {
                let answer = self.call("keys:renew", json!({})).await?;
                // Each way it is for the next look: when a holder answers, the key comes by itself.
                let wait = match answer {
                    Ok(renewed) => renewed["retry_after_ms"].as_u64().unwrap_or(0),
                    Err(refused) => refused.retry_after_ms,
                };
                self.ask_in(wait);
                Ok(())
            }
            None if keys.holdback_ms > 0 => {
                self.ask_in(keys.holdback_ms);
                Ok(())
            }
            None => self.publish(&keys).await,
        }
    }

    /// Makes the epoch's key and hands it to everyone who is there. For whoever comes meanwhile the server
    /// asks, with `portal:key_needed`.
    async fn publish(&mut self, keys: &Keys) -> Result<()> {
        let ctx = Ctx::new(self.id, keys.epoch)?;
        let cipher = RoomCipher::generate(self.suite, ctx, &SystemRandom);
        let own = self.session;
        let others = keys.sessions.iter().filter(|s| s.session_id != own);
        match self.hand_over(&cipher, others).await? {
            Ok(_) => self.keep(cipher).await,
            // Somebody else was first, or the epoch has moved on.
            Err(refused) => {
                self.ask_in(refused.retry_after_ms);
                Ok(())
            }
        }
    }

    /// Wraps the key for these sessions. Whoever can read it is said aloud: compare the digits with theirs
    /// over another channel to know that nobody stands between.
    async fn hand_over(
        &mut self,
        cipher: &RoomCipher,
        recipients: impl IntoIterator<Item = &Recipient>,
    ) -> Result<Answer> {
        let mut blobs = Vec::new();
        for recipient in recipients {
            let Some(public_key) = &recipient.public_key else {
                continue;
            };
            let key = PublicKey::from_base64(public_key)?;
            let digits = fingerprint(self.secret.public_key(), &key);
            eprintln!("* the key goes to user {}: {digits}", recipient.user_id);
            let blob = cipher.wrap(recipient.user_id, &key, &self.secret, &SystemRandom)?;
            blobs.push(json!({
                "session_id": recipient.session_id, "public_key": public_key, "blob": blob
            }));
        }
        let publish = json!({
            "epoch": cipher.ctx().epoch(), "key_check": cipher.check().to_base64(), "blobs": blobs
        });
        self.call("keys:publish", publish).await
    }

    /// Opens the key that somebody has wrapped for this session, or gives it back.
    async fn accept(&mut self, blob: &Blob, check: Option<&str>) -> Result<()> {
        let sender = PublicKey::from_base64(&blob.publisher_public_key)?;
        let check = check.map(KeyCheck::from_base64).transpose()?;
        let delivery = Delivery {
            blob: &blob.blob,
            sender: &sender,
            check: check.as_ref(),
        };
        let ctx = Ctx::new(self.id, self.epoch)?;
        match RoomCipher::unwrap(self.suite, ctx, &delivery, self.user, &self.secret) {
            Ok(cipher) => self.keep(cipher).await,
            Err(error) => {
                eprintln!("* the key of epoch {} is no good: {error}", self.epoch);
                let _ = self.call("keys:reject", json!({})).await?;
                self.ask_in(10_000);
                Ok(())
            }
        }
    }

    /// Has the epoch's key now, and shows what was said so far.
    async fn keep(&mut self, cipher: RoomCipher) -> Result<()> {
        eprintln!("* has the key of epoch {}", self.epoch);
        self.ask_at = None;
        self.ciphers.insert(self.epoch, cipher);
        let history: History = self.http.get(&self.path("history")).await?;
        for message in history.messages.iter().rev() {
            self.show(message);
        }
        Ok(())
    }

    /// Sends a line. If that needs a newer key it answers no: again, once the key is here.
    pub(crate) async fn say(&mut self, line: &str) -> Result<bool> {
        let Some(cipher) = self.ciphers.get_mut(&self.epoch) else {
            return Ok(false);
        };
        let content = match cipher.seal(self.user, line, &SystemRandom) {
            Ok(content) => content,
            Err(error) => {
                eprintln!("* not sent: {error}");
                return Ok(true);
            }
        };
        match self
            .call("message:send", json!({ "content": content }))
            .await?
        {
            Ok(_) => Ok(true),
            Err(Refused { code, .. }) if code == "ERR_EPOCH_MISMATCH" => {
                self.get_key().await?;
                Ok(false)
            }
            Err(refused) => {
                eprintln!("* not sent: {refused}");
                Ok(true)
            }
        }
    }

    /// Takes in a frame; breaks when the room is over for this person.
    pub(crate) async fn take(&mut self, frame: &str) -> Result<ControlFlow<()>> {
        let Some((name, data)) = self.socket.event(frame).await? else {
            return Ok(ControlFlow::Continue(()));
        };
        let elsewhere = data["chat_id"].as_u64().is_some_and(|chat| chat != self.id);
        let of_epoch = data["epoch"].as_u64().unwrap_or(0);
        match name.as_str() {
            _ if elsewhere => {}
            "message:new" => self.show(&Message::deserialize(&data["message"])?),
            "room:epoch_changed" if of_epoch > self.epoch => {
                eprintln!("* epoch {of_epoch}: {}", data["reason"]);
                self.get_key().await?;
            }
            "portal:key_blob" if of_epoch == self.epoch && !self.has_key() => {
                let blob = Blob::deserialize(&data)?;
                self.accept(&blob, data["key_check"].as_str()).await?;
            }
            "portal:key_needed" => {
                // Out and in again, because handing it over needs all of the room.
                if let Some(cipher) = self.ciphers.remove(&of_epoch) {
                    let recipient = Recipient::deserialize(&data)?;
                    let answer = self.hand_over(&cipher, [&recipient]).await?;
                    self.ciphers.insert(of_epoch, cipher);
                    if let Err(refused) = answer {
                        eprintln!("* the key was not handed over: {refused}");
                    }
                }
            }
            "room:kicked" | "user:banned" | "room:evicted" if data["user_id"] == self.user => {
                eprintln!("* no longer in the room: {name}");
                return Ok(ControlFlow::Break(()));
            }
            "room:destroyed" | "server:closing" => {
                eprintln!("* over: {name}");
                return Ok(ControlFlow::Break(()));
            }
            _ => {}
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Prints a message if its key is here and it was not printed before.
    fn show(&mut self, message: &Message) {
        if self.shown.contains(&message.id) {
            return;
        }
        let Some(sender) = &message.sender else {
            eprintln!("* {}", printable(&message.content));
            self.shown.insert(message.id);
            return;
        };
        let Some(cipher) = self.ciphers.get_mut(&message.epoch) else {
            return;
        };
        self.shown.insert(message.id);
        let name = sender.username.as_deref().unwrap_or("somebody");
        match cipher.open(sender.id, &message.content) {
            Ok(text) => {
                println!("{name}: {}", printable(&text));
                self.heard += usize::from(sender.id != self.user);
            }
            Err(error) => eprintln!("* a message of {name} does not open: {error}"),
        }
    }

    async fn call(&mut self, name: &str, mut data: Value) -> Result<Answer> {
        data["chat_id"] = self.id.into();
        self.socket.call(name, &data).await
    }

    fn path(&self, of_chat: &str) -> String {
        format!("portal/chats/{}/{of_chat}", self.id)
    }

    /// Not at once, so that nothing spins.
    fn ask_in(&mut self, millis: u64) {
        self.ask_at = Some(Instant::now() + Duration::from_millis(millis.max(200)));
    }
}

/// Others' words may steer a terminal; without control characters they do not.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}
