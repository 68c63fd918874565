//! The fixed cast of the tests: one person of each kind, with ids far apart so that a swapped id fails.

#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "each test file uses its part of the cast"
)]

pub mod browsers;
pub mod fake;
pub mod keys;
pub mod matches;
pub mod programs;
pub mod rings;
pub mod sealed;
pub mod talk;
pub mod victim;

use std::sync::Arc;

use portal_core::backend::BrowserBackend;
use portal_core::clock::ManualClock;
use portal_core::model::{ChatId, ChatType, ConnectionId, DAY, SessionId, Timestamp, UserId};
use portal_core::{Actor, Delivery, Durability, Error, Follower, Options, Portal};
use rusqlite::Connection;
use serde_json::{Value, json};

/// When every test begins.
pub const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// The platform owner.
pub const OWNER: i64 = 1_000;
/// An admin without premium.
pub const ADMIN: i64 = 2_000;
/// A moderator without premium.
pub const MODERATOR: i64 = 3_000;
/// A user with premium: owns chats.
pub const PREMIUM: i64 = 4_000;
/// A basic user.
pub const BASIC: i64 = 5_000;
/// Another basic user.
pub const OTHER: i64 = 6_000;
/// A user with lifetime.
pub const LIFETIME: i64 = 7_000;
/// A stranger.
pub const STRANGER: i64 = 9_000;

/// A portal on a file of its own, with a clock that stands still.
pub struct Stage {
    pub portal: Portal,
    pub clock: Arc<ManualClock>,
    pub dir: tempfile::TempDir,
}

impl Stage {
    /// With presence, as the server runs it.
    pub fn new() -> Self {
        Self::with_presence(true)
    }

    pub fn with_presence(presence: bool) -> Self {
        Self::with(Options {
            presence,
            ..Options::default()
        })
    }

    pub fn with(options: Options) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(START));
        let options = Options {
            clock: clock.clone(),
            // Nothing here survives a loss of power; tests/crash.rs is about what survives a kill.
            durability: Durability::Normal,
            ..options
        };
        let portal = Portal::open(dir.path().join("portal.db"), options).unwrap();
        let stage = Self { portal, clock, dir };
        stage.raw().execute_batch(CAST).unwrap();
        stage
    }

    /// The same file at the same time, closed and opened again.
    #[must_use]
    pub fn reopened(self, presence: bool) -> Self {
        self.portal.close();
        let options = Options {
            presence,
            ..self.beside_options()
        };
        let portal = Portal::open(self.portal.path(), options).unwrap();
        Self { portal, ..self }
    }

    /// The same, by a process that runs browsers.
    #[must_use]
    pub fn reopened_with(self, browsers: Arc<dyn BrowserBackend>) -> Self {
        self.portal.close();
        let options = Options {
            presence: true,
            browsers: Some(browsers),
            ..self.beside_options()
        };
        let portal = Portal::open(self.portal.path(), options).unwrap();
        Self { portal, ..self }
    }

    /// The same file opened beside, without presence, as the CLI does.
    pub fn beside(&self) -> Portal {
        Portal::open(self.portal.path(), self.beside_options()).unwrap()
    }

    fn beside_options(&self) -> Options {
        Options {
            clock: self.clock.clone(),
            durability: Durability::Normal,
            ..Options::default()
        }
    }

    /// The file, past every rule of the library.
    pub fn raw(&self) -> Connection {
        let db = Connection::open(self.portal.path()).unwrap();
        db.pragma_update(None, "foreign_keys", true).unwrap();
        db.busy_timeout(std::time::Duration::from_secs(5)).unwrap();
        db
    }

    /// Runs an operation or query by name.
    pub fn call(&self, actor: &Actor, name: &str, params: Value) -> Result<Value, Error> {
        let reply = self.portal.call_json(actor, name, &params.to_string())?;
        Ok(serde_json::from_str(&reply).unwrap())
    }

    /// Runs it and expects success.
    #[track_caller]
    pub fn ok(&self, actor: &Actor, name: &str, params: Value) -> Value {
        self.call(actor, name, params)
            .unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Runs it and answers what came of it: `ok`, or a code.
    pub fn code(&self, actor: &Actor, name: &str, params: Value) -> &'static str {
        match self.call(actor, name, params) {
            Ok(_) => "ok",
            Err(error) => error.kind().code(),
        }
    }

    /// Runs it and expects this code.
    #[track_caller]
    pub fn refused(&self, actor: &Actor, name: &str, params: Value, code: &str) -> Error {
        match self.call(actor, name, params) {
            Ok(reply) => panic!("{name} answered {reply} instead of {code}"),
            Err(error) => {
                assert_eq!(error.kind().code(), code, "{name}: {error}");
                error
            }
        }
    }

    /// A session of a person.
    pub fn session(&self, user: i64) -> SessionId {
        let reply = self.ok(
            &Actor::operator(),
            "session.create",
            json!({ "user_id": user }),
        );
        SessionId::try_from(reply["session_id"].as_i64().unwrap()).unwrap()
    }

    /// A live connection of a new session of a person.
    pub fn connect(&self, user: i64) -> (SessionId, ConnectionId) {
        let session = self.session(user);
        (
            session,
            self.portal.connect(&Actor::session(session)).unwrap(),
        )
    }

    /// A chat made by the operator.
    pub fn chat(&self, chat_type: ChatType, owner: i64, slug: Option<&str>) -> ChatId {
        let params = json!({
            "chat_type": chat_type, "name": "A chat", "owner_id": owner, "slug": slug, "e2ee": 2
        });
        let reply = self.ok(&Actor::operator(), "chat.create", params);
        ChatId::try_from(reply["id"].as_i64().unwrap()).unwrap()
    }

    /// Lets an admin read in a PRIVATE chat of others (SPEC 4.5).
    #[track_caller]
    pub fn inspect(&self, actor: &Actor, chat: ChatId) -> Value {
        let params = json!({ "chat_id": chat, "reason": "a report says so" });
        self.ok(actor, "chat.inspect", params)
    }

    /// A DIRECT chat, as the matcher makes it.
    pub fn direct(&self, low: i64, high: i64) -> ChatId {
        let db = self.raw();
        db.execute(
            "INSERT INTO chat (chat_type, name, pair_low, pair_high, epoch_moved_at, chat_config, browser_config,
               ends_at, interests, created_at, last_activity_at)
             VALUES ('DIRECT', 'Direct', ?1, ?2, ?3, '{}', '{}', ?4, '[\"music\"]', ?3, ?3)",
            (low, high, START.as_millis(), START.plus(DAY).as_millis()),
        )
        .unwrap();
        ChatId::try_from(db.last_insert_rowid()).unwrap()
    }

    /// Makes a person a member, past the rules.
    pub fn member(&self, chat: ChatId, user: i64) {
        self.raw()
            .execute(
                "INSERT INTO membership (chat_id, user_id, via, joined_at) VALUES (?, ?, 'operator', ?)",
                (chat.get(), user, START.as_millis()),
            )
            .unwrap();
    }

    /// Whether the bytes are in the database file, in its log, or anywhere beside it.
    pub fn on_disk(&self, needle: impl AsRef<[u8]>) -> bool {
        let needle = needle.as_ref();
        let files = std::fs::read_dir(self.dir.path()).unwrap();
        files
            .map(|file| std::fs::read(file.unwrap().path()).unwrap())
            .any(|bytes| bytes.windows(needle.len()).any(|window| window == needle))
    }

    /// The events after a place in the log.
    pub fn events(&self, after: u64) -> Vec<Value> {
        let page = self.ok(
            &Actor::operator(),
            "event.list",
            json!({ "after": after, "limit": 1000 }),
        );
        page["events"].as_array().unwrap().clone()
    }

    /// The end of the log.
    pub fn as_of(&self) -> u64 {
        self.ok(&Actor::operator(), "event.list", json!({ "limit": 1 }))["as_of"]
            .as_u64()
            .unwrap()
    }
}

/// Everything that is to be delivered now: to whom, what, with which data.
pub fn delivered(
    stage: &Stage,
    follower: &mut Follower,
) -> Vec<(Vec<ConnectionId>, String, Value)> {
    let mut all = Vec::new();
    loop {
        let batch = stage.portal.deliver(follower, 100).unwrap();
        if batch.is_empty() {
            return all;
        }
        for delivery in batch {
            match delivery {
                Delivery::Send { to, name, data } => {
                    all.push((to, name.to_owned(), serde_json::from_str(&data).unwrap()));
                }
                Delivery::Close { connection, reason } => {
                    all.push((vec![connection], "close".to_owned(), json!(reason)));
                }
            }
        }
    }
}

/// The parameters of an act on a person in a chat.
pub fn on(chat: ChatId, who: i64) -> Value {
    json!({ "chat_id": chat, "user_id": who })
}

/// A person, by id.
pub fn user(id: i64) -> Actor {
    Actor::user(UserId::try_from(id).unwrap())
}

/// The rows of the cast.
pub const CAST: &str = "
    INSERT INTO user (id, username, role, tier, stranger, created_at) VALUES
        (1000, 'olga-owner', 3, 0, 0, 0),
        (2000, 'ada-admin', 2, 0, 0, 0),
        (3000, 'mo-moderator', 1, 0, 0, 0),
        (4000, 'pia-premium', 0, 2, 0, 0),
        (5000, 'ben-basic', 0, 0, 0, 0),
        (6000, 'oskar-other', 0, 0, 0, 0),
        (7000, 'lis-lifetime', 0, 3, 0, 0),
        (9000, 'quiet-otter', 0, 0, 1, 0);
    -- A stranger without a session would vanish.
    INSERT INTO session (id, user_id, token_hash, created_at, expires_at) VALUES
        (9000000, 9000, zeroblob(32), 0, 9000000000000);
";
