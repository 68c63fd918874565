//! People at their sockets who are matched with one another.

use std::sync::Arc;

use portal_core::clock::ManualClock;
use portal_core::e2ee::{Ctx, Delivery, KeyCheck, PublicKey, RoomCipher, SecretKey, Suite};
use portal_core::model::{HOUR, MINUTE, SECOND, Timestamp};
use portal_core::random::SystemRandom;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::socket::Client;
use super::{Answer, PATIENCE, Person, TestServer};

/// When every test begins.
pub const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// As it stands in JSON: so much after the beginning.
pub fn after(millis: i64) -> Value {
    json!(START.plus(millis))
}

pub const QUEUE_LASTS: i64 = 10 * MINUTE;
pub const QUEUE_GRACE: i64 = 15 * SECOND;
pub const CHAT_GRACE: i64 = MINUTE;
pub const CHAT_LASTS: i64 = 24 * HOUR;

/// A server and its clock, which stands still.
pub async fn server() -> (TestServer, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new(START));
    (TestServer::by(Arc::clone(&clock)).await, clock)
}

/// Asks to be matched.
pub async fn enqueue(server: &TestServer, who: &Person, interests: &[&str]) -> Answer {
    let wish = json!({ "interests": interests });
    server.post(Some(who), "/v1/portal/match", wish).await
}

pub async fn leave(server: &TestServer, who: &Person) -> Answer {
    let path = "/v1/portal/match/leave";
    server.post(Some(who), path, json!({})).await
}

pub async fn status(server: &TestServer, who: &Person) -> Value {
    server.get(Some(who), "/v1/portal/match/status").await.ok()
}

/// Asks until the answer is as wanted.
pub async fn answer_where(
    server: &TestServer,
    who: &Person,
    path: &str,
    wanted: impl Fn(&Value) -> bool,
) {
    let asking = async { while !wanted(&server.get(Some(who), path).await.ok()) {} };
    timeout(PATIENCE, asking).await.expect("as wanted in time");
}

/// Waits until the server has seen that sockets were lost, and has no more than these.
pub async fn sockets_left(server: &TestServer, count: u64) {
    let asking =
        async { while server.get(None, "/v1/portal/status").await.ok()["sockets"] != count {} };
    timeout(PATIENCE, asking).await.expect("lost in time");
}

/// A chat that is gone with all that was in it, for those who were its two.
pub async fn assert_gone(server: &TestServer, who: &Person, chat: i64) {
    for what in ["", "/history", "/keys", "/members"] {
        let path = format!("/v1/portal/chats/{chat}{what}");
        let answer = server.get(Some(who), &path).await;
        answer.refused(404, "ERR_CHAT_NOT_FOUND");
    }
    let chats = server.get(Some(who), "/v1/portal/chats").await.ok();
    assert_eq!(chats["chats"], json!([]));
}

/// Two people who were matched by `music`, each with a socket that has heard of it.
pub struct Matched {
    pub server: TestServer,
    pub clock: Arc<ManualClock>,
    pub ada: Person,
    pub ben: Person,
    pub at_ada: Client,
    pub at_ben: Client,
    pub chat: i64,
}

impl Matched {
    pub async fn new() -> Self {
        let (server, clock) = server().await;
        let (ada, ben) = (server.person("ada"), server.person("ben"));
        let mut at_ada = Client::of(&server, &ada).await;
        let mut at_ben = Client::of(&server, &ben).await;
        let waits = enqueue(&server, &ada, &["music"]).await.ok();
        assert_eq!(waits["state"], "searching");
        let found = enqueue(&server, &ben, &["music"]).await.ok();
        let chat = found["chat"]["chat_id"].as_i64().unwrap();
        for client in [&mut at_ada, &mut at_ben] {
            assert_eq!(client.event("match:found").await["chat_id"], chat);
        }
        Self {
            server,
            clock,
            ada,
            ben,
            at_ada,
            at_ben,
            chat,
        }
    }
}

/// One of the two of a chat, with the socket to talk at.
pub struct Talker<'a> {
    pub person: &'a Person,
    pub client: &'a mut Client,
    secret: SecretKey,
}

impl<'a> Talker<'a> {
    /// Registers a new key.
    pub async fn new(person: &'a Person, client: &'a mut Client) -> Self {
        let secret = SecretKey::generate(&SystemRandom);
        let key = json!({ "public_key": secret.public_key().to_base64() });
        client.ok("keys:register", key).await;
        Self {
            person,
            client,
            secret,
        }
    }

    fn id(&self) -> u64 {
        self.person.id.unsigned_abs()
    }

    /// Makes the key of the chat's epoch, and wraps it for everybody there.
    pub async fn publish(&mut self, server: &TestServer, chat: i64) -> RoomCipher {
        let path = format!("/v1/portal/chats/{chat}/keys");
        let keys = server.get(Some(self.person), &path).await.ok();
        let ctx = Ctx::new(chat.unsigned_abs(), keys["epoch"].as_u64().unwrap()).unwrap();
        let cipher = RoomCipher::generate(Suite::Three, ctx, &SystemRandom);
        let sessions = keys["sessions"].as_array().unwrap().iter();
        let others = sessions.filter(|other| other["session_id"] != self.person.session);
        let blobs: Vec<_> = others
            .map(|other| {
                let user = other["user_id"].as_u64().unwrap();
                let public_key = other["public_key"].as_str().unwrap();
                let key = PublicKey::from_base64(public_key).unwrap();
                let blob = cipher.wrap(user, &key, &self.secret, &SystemRandom);
                let blob = blob.unwrap();
                json!({ "session_id": other["session_id"], "public_key": public_key, "blob": blob })
            })
            .collect();
        let publish = json!({
            "chat_id": chat, "epoch": keys["epoch"], "key_check": cipher.check().to_base64(), "blobs": blobs
        });
        let published = self.client.ok("keys:publish", publish).await;
        assert_eq!(published["skipped"], json!([]));
        cipher
    }

    /// Opens the key that another has wrapped.
    pub async fn take(&mut self) -> RoomCipher {
        let told = self.client.event("portal:key_blob").await;
        let number = |name: &str| told[name].as_u64().unwrap();
        let text = |name: &str| told[name].as_str().unwrap();
        let ctx = Ctx::new(number("chat_id"), number("epoch")).unwrap();
        let sender = PublicKey::from_base64(text("publisher_public_key")).unwrap();
        let check = KeyCheck::from_base64(text("key_check")).unwrap();
        let delivery = Delivery {
            blob: text("blob"),
            sender: &sender,
            check: Some(&check),
        };
        RoomCipher::unwrap(Suite::Three, ctx, &delivery, self.id(), &self.secret).unwrap()
    }

    /// Says something, encrypted.
    pub async fn say(&mut self, chat: i64, cipher: &mut RoomCipher, text: &str) {
        self.client.message(chat, self.person, cipher, text).await;
    }

    /// Reads what another says next; what was said by oneself is passed over.
    pub async fn hear(&mut self, cipher: &mut RoomCipher) -> String {
        loop {
            let told = self.client.event("message:new").await;
            let message = &told["message"];
            let sender = message["sender"]["id"].as_u64();
            if let Some(sender) = sender.filter(|sender| *sender != self.id()) {
                let content = message["content"].as_str().unwrap();
                return cipher.open(sender, content).unwrap();
            }
        }
    }
}
