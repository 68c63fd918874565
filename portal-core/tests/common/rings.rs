//! People with keyrings in the rooms of a real portal: whatever is delivered goes in, whatever is asked for is called.

use std::collections::VecDeque;
use std::sync::Mutex;

use portal_core::e2ee::SecretKey;
use portal_core::e2ee::keyring::{Answer, Keyring, Options, Policy, Request, Step};
use portal_core::model::{ChatId, ConnectionId, SessionId};
use portal_core::random::Random;
use portal_core::{Actor, Follower};
use serde_json::{Value, json};

use super::{Stage, delivered};

/// Bytes that follow from a number: a keyring's run can be repeated with them.
pub struct Seeded(Mutex<u64>);

impl Seeded {
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(seed))
    }
}

impl Random for Seeded {
    fn fill(&self, bytes: &mut [u8]) {
        let mut state = self.0.lock().unwrap();
        for byte in bytes {
            *state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            *byte = state.to_be_bytes()[0];
        }
    }
}

/// What went into a keyring.
#[derive(Clone, Debug)]
pub enum Input {
    Event(String, String, i64),
    Done(u64, String, i64),
    Refused(u64, &'static str, String, i64),
    Tick(i64),
}

/// A device of a person with a keyring.
pub struct Ringer {
    pub user: i64,
    pub session: SessionId,
    pub connection: ConnectionId,
    pub actor: Actor,
    pub ring: Keyring,
    pub seed: u64,
    pub random: Seeded,
    /// Requests that are not called yet.
    pub queue: VecDeque<Request>,
    /// Every operation that was called, with what came of it.
    pub called: Vec<(&'static str, Value, String)>,
    pub alarms: Vec<Value>,
    pub keys: Vec<(u64, u64)>,
    pub wake: Option<i64>,
    pub log: Vec<(Input, Step)>,
}

impl Ringer {
    pub fn id(&self) -> u64 {
        self.user.unsigned_abs()
    }

    /// Hands something in and takes what comes of it.
    pub fn feed(&mut self, input: Input) {
        let step = apply(&mut self.ring, &input, &self.random);
        if let Input::Tick(now) = input {
            // Else a host that does as it is told never sleeps.
            let is_ahead = step.wake_at_ms.is_none_or(|wake| wake > now);
            assert!(is_ahead, "{input:?}: {step:?}");
        }
        self.take(step.clone());
        self.log.push((input, step));
    }

    pub fn take(&mut self, step: Step) {
        self.queue.extend(step.requests);
        self.alarms
            .extend(step.alarms.iter().map(|alarm| json!(alarm)));
        self.keys
            .extend(step.keys.iter().map(|key| (key.chat_id, key.epoch)));
        self.wake = step.wake_at_ms;
    }

    pub fn event(&mut self, name: &str, data: &Value, now: i64) {
        self.feed(Input::Event(name.to_owned(), data.to_string(), now));
    }

    /// How often an operation was called, and with what outcome.
    pub fn outcomes(&self, op: &str) -> Vec<&str> {
        let of_op = self.called.iter().filter(|call| call.0 == op);
        of_op.map(|call| call.2.as_str()).collect()
    }

    /// The kinds of the alarms so far.
    pub fn alarm_kinds(&self) -> Vec<&str> {
        let kinds = self.alarms.iter().map(|alarm| alarm["kind"].as_str());
        kinds.map(Option::unwrap).collect()
    }

    #[track_caller]
    pub fn seal(&mut self, chat: ChatId, text: &str) -> String {
        let sealed = self.ring.seal(chat.into(), text, &self.random);
        sealed.unwrap_or_else(|error| panic!("user {}: {error}", self.user))
    }
}

/// What a keyring makes of an input.
pub fn apply(ring: &mut Keyring, input: &Input, random: &dyn Random) -> Step {
    match input {
        Input::Event(name, data, now) => ring.event(name, data, *now, random).unwrap(),
        Input::Done(id, document, now) => {
            let answer = Answer::Done(document);
            ring.reply(*id, answer, *now, random).unwrap()
        }
        Input::Refused(id, code, details, now) => {
            let answer = Answer::Refused { code, details };
            ring.reply(*id, answer, *now, random).unwrap()
        }
        Input::Tick(now) => ring.tick(*now, random),
    }
}

/// A stage and the people on it.
pub struct Ring {
    pub stage: Stage,
    pub follower: Follower,
    pub people: Vec<Ringer>,
    pub policy: Policy,
}

impl Default for Ring {
    fn default() -> Self {
        Self::new()
    }
}

impl Ring {
    pub fn new() -> Self {
        let stage = Stage::new();
        let follower = stage.portal.follow(None).unwrap();
        Self {
            stage,
            follower,
            people: Vec::new(),
            policy: Policy::default(),
        }
    }

    pub fn now(&self) -> i64 {
        self.stage.portal.now().as_millis()
    }

    /// A device that is connected and in no room; answers its place.
    pub fn device(&mut self, user: i64) -> usize {
        let (session, connection) = self.stage.connect(user);
        let seed = 1 + self.people.len() as u64;
        let random = Seeded::new(seed);
        let mut options = Options::new(
            user.unsigned_abs(),
            session.get().unsigned_abs(),
            SecretKey::generate(&random),
        );
        options.policy = self.policy;
        self.people.push(Ringer {
            user,
            session,
            connection,
            actor: Actor::connection(connection),
            ring: Keyring::new(options).unwrap(),
            seed,
            random,
            queue: VecDeque::new(),
            called: Vec::new(),
            alarms: Vec::new(),
            keys: Vec::new(),
            wake: None,
            log: Vec::new(),
        });
        self.people.len() - 1
    }

    /// A device that sits in a room, with all that follows; answers its place.
    #[track_caller]
    pub fn joined(&mut self, user: i64, chat: ChatId) -> usize {
        let who = self.device(user);
        self.join(who, chat);
        self.pump();
        who
    }

    /// Joins a room, before anything follows.
    #[track_caller]
    pub fn join(&mut self, who: usize, chat: ChatId) {
        let now = self.now();
        let person = &mut self.people[who];
        let reply = self
            .stage
            .ok(&person.actor, "room.join", json!({ "chat_id": chat }));
        person.event("room.join", &reply, now);
    }

    /// Loses the connection.
    pub fn disconnect(&mut self, who: usize) {
        let now = self.now();
        self.stage
            .portal
            .disconnect(self.people[who].connection)
            .unwrap();
        self.people[who].queue.clear();
        self.people[who].event("disconnected", &json!({}), now);
    }

    /// Comes back with another connection of the same session, to no room.
    pub fn reconnect(&mut self, who: usize) {
        let person = &mut self.people[who];
        person.connection = self
            .stage
            .portal
            .connect(&Actor::session(person.session))
            .unwrap();
        person.actor = Actor::connection(person.connection);
    }

    /// Hands out what is to be delivered; answers whether there was anything.
    pub fn deliver(&mut self) -> bool {
        let now = self.now();
        let all = delivered(&self.stage, &mut self.follower);
        for (to, name, data) in &all {
            for person in &mut self.people {
                if !to.contains(&person.connection) {
                    continue;
                }
                if name == "close" {
                    // The face closes the connection and says why; that is the session's end.
                    let ended = json!({ "session_id": person.session, "reason": data });
                    person.event("session:ended", &ended, now);
                } else {
                    person.event(name, data, now);
                }
            }
        }
        !all.is_empty()
    }

    /// Calls the next request of somebody; answers whether there was one.
    pub fn call_next(&mut self, who: usize) -> bool {
        let now = self.now();
        let person = &mut self.people[who];
        let Some(request) = person.queue.pop_front() else {
            return false;
        };
        let params = request.params.to_string();
        let reply = self
            .stage
            .portal
            .call_json(&person.actor, request.op, &params);
        let (outcome, input) = match reply {
            Ok(document) => ("ok".to_owned(), Input::Done(request.id, document, now)),
            Err(error) => {
                let (code, details) = (error.kind().code(), json!(error).to_string());
                (
                    code.to_owned(),
                    Input::Refused(request.id, code, details, now),
                )
            }
        };
        person.called.push((request.op, request.params, outcome));
        person.feed(input);
        true
    }

    /// Delivers and calls until nothing moves any more.
    #[track_caller]
    pub fn pump(&mut self) {
        for _ in 0..10_000 {
            let mut moved = self.deliver();
            for who in 0..self.people.len() {
                moved |= self.call_next(who);
            }
            if !moved {
                return;
            }
        }
        panic!("it does not come to rest");
    }

    /// Lets time pass, a quarter of a second at a time.
    #[track_caller]
    pub fn pass(&mut self, seconds: i64) {
        for _ in 0..seconds * 4 {
            self.stage.clock.advance(250);
            self.stage.tick();
            let now = self.now();
            for person in &mut self.people {
                if person.wake.is_some_and(|wake| wake <= now) {
                    person.feed(Input::Tick(now));
                }
            }
            self.pump();
        }
    }

    /// Seals and sends; answers the message's id and envelope.
    #[track_caller]
    pub fn say(&mut self, who: usize, chat: ChatId, text: &str) -> (u64, String) {
        let content = self.people[who].seal(chat, text);
        let params = json!({ "chat_id": chat, "content": content });
        let sent = self
            .stage
            .ok(&self.people[who].actor, "message.send", params);
        (sent["id"].as_u64().unwrap(), content)
    }

    /// What somebody reads of a message: the text, or the error's code.
    pub fn reads(
        &mut self,
        who: usize,
        chat: ChatId,
        id: u64,
        by: usize,
        envelope: &str,
    ) -> String {
        let sender = self.people[by].id();
        match self.people[who]
            .ring
            .open(chat.into(), id, sender, envelope)
        {
            Ok(text) => text,
            Err(error) => error.code().to_owned(),
        }
    }

    /// Everybody of these can write, and everybody of them reads it.
    #[track_caller]
    pub fn all_talk(&mut self, chat: ChatId, people: &[usize]) {
        for by in people {
            // The pace of messages is not the matter here.
            self.stage.pass(20);
            let (id, envelope) = self.say(*by, chat, "all hear this");
            for who in people {
                let read = self.reads(*who, chat, id, *by, &envelope);
                assert_eq!(read, "all hear this", "{by} to {who}");
            }
        }
    }

    /// A fresh keyring that is given the same inputs makes the same requests.
    #[track_caller]
    pub fn assert_repeatable(&self) {
        for person in &self.people {
            let random = Seeded::new(person.seed);
            let mut options = Options::new(
                person.id(),
                person.session.get().unsigned_abs(),
                SecretKey::generate(&random),
            );
            options.policy = self.policy;
            let mut ring = Keyring::new(options).unwrap();
            for (input, step) in &person.log {
                assert_eq!(apply(&mut ring, input, &random), *step, "{input:?}");
            }
        }
    }
}
