//! A keyring whose server is the test.

use portal_core::e2ee::keyring::{Answer, Keyring, Options, Policy, Step};
use portal_core::e2ee::{Ctx, KeyCheck, RoomCipher, RoomKey, SecretKey, Suite};
use serde_json::{Value, json};

use super::rings::Seeded;

pub const OWN: u64 = 1_001;
pub const SESSION: u64 = 11;
pub const FRIEND: u64 = 2_002;
pub const CHAT: u64 = 7;

/// Somebody whose server lies.
pub struct Victim {
    pub ring: Keyring,
    pub random: Seeded,
    pub now: i64,
    pub friend: SecretKey,
}

impl Victim {
    pub fn new() -> Self {
        let random = Seeded::new(1);
        let secret = SecretKey::generate(&random);
        let friend = SecretKey::generate(&random);
        let mut victim = Self {
            ring: Keyring::new(Options::new(OWN, SESSION, secret)).unwrap(),
            random,
            now: 1_000,
            friend,
        };
        let step = victim.ring.tick(victim.now, &victim.random);
        assert_eq!(step.requests[0].op, "key.register");
        victim.done(&step, &json!({ "status": "registered" }));
        victim
    }

    /// The process ends and another begins with what was exported.
    pub fn restart(&mut self) {
        let key = [0x5a; 32];
        let sealed = self.ring.export(&key, &self.random).unwrap();
        self.ring = Keyring::import(&sealed, &key, OWN, SESSION, Policy::default()).unwrap();
    }

    pub fn event(&mut self, name: &str, data: &Value) -> Step {
        let data = data.to_string();
        let step = self.ring.event(name, &data, self.now, &self.random);
        self.ahead(step.unwrap())
    }

    /// A host is not woken for what is past.
    fn ahead(&self, step: Step) -> Step {
        assert!(
            step.wake_at_ms.is_none_or(|wake| wake > self.now),
            "{step:?}"
        );
        step
    }

    pub fn done(&mut self, step: &Step, document: &Value) -> Step {
        let id = step.requests[0].id;
        let document = document.to_string();
        let answer = Answer::Done(&document);
        let step = self.ring.reply(id, answer, self.now, &self.random);
        self.ahead(step.unwrap())
    }

    pub fn refused(&mut self, step: &Step, code: &str, details: &str) -> Step {
        let answer = Answer::Refused { code, details };
        let id = step.requests[0].id;
        let step = self.ring.reply(id, answer, self.now, &self.random);
        self.ahead(step.unwrap())
    }

    pub fn join(&mut self, chat: u64, suite: u64, epoch: u64) -> Step {
        let chat = json!({ "id": chat, "e2ee": suite, "epoch": epoch });
        self.event("room.join", &json!({ "chat": chat, "may_talk": true }))
    }

    /// What `key.list` says when the friend has published this.
    pub fn list(&self, ctx: Ctx, wrapped: Option<&RoomCipher>, check: KeyCheck) -> Value {
        let blob = wrapped.map(|cipher| {
            let own = self.ring.public_key();
            let blob = cipher.wrap(OWN, own, &self.friend, &self.random).unwrap();
            json!({
                "blob": blob, "publisher_user_id": FRIEND, "publisher_session_id": 22,
                "publisher_public_key": self.friend.public_key().to_base64()
            })
        });
        let holds = blob.is_some();
        json!({
            "epoch": ctx.epoch(), "published": true, "key_check": check.to_base64(), "holdback_ms": 0,
            "sessions": [
                { "user_id": OWN, "session_id": SESSION, "public_key": self.ring.public_key().to_base64(),
                  "has_blob": holds, "holds": holds, "waits": false },
                { "user_id": FRIEND, "session_id": 22, "public_key": self.friend.public_key().to_base64(),
                  "has_blob": false, "holds": true, "waits": false },
            ],
            "blob": blob, "as_of": 1
        })
    }

    /// Joins and is given the friend's key.
    pub fn holding(&mut self, suite: Suite, chat: u64, epoch: u64) -> RoomCipher {
        let ctx = Ctx::new(chat, epoch).unwrap();
        let cipher = RoomCipher::generate(suite, ctx, &self.random);
        let step = self.join(chat, suite.number().into(), epoch);
        let step = self.done(&step, &self.list(ctx, Some(&cipher), cipher.check()));
        assert_eq!(step.keys.len(), 1, "{step:?}");
        cipher
    }
}

pub fn same_key(cipher: &RoomCipher) -> RoomKey {
    RoomKey::from_base64(&cipher.room_key().to_base64()).unwrap()
}
