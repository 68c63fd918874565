//! Messages of suite 3 that are really sealed, and reports of them.

use std::fmt::Write as _;

use portal_core::Actor;
use portal_core::e2ee::{Ctx, RoomCipher, Suite};
use portal_core::model::{ChatId, ChatType, MINUTE};
use portal_core::random::SystemRandom;
use serde_json::{Value, json};

use super::talk::Talker;
use super::{ADMIN, BASIC, LIFETIME, OTHER, PREMIUM, Stage, user};

/// A message in a chat, and the key that a reader can disclose.
#[derive(Clone, Debug)]
pub struct Sealed {
    pub chat: ChatId,
    pub id: i64,
    pub content: String,
    pub disclosure: String,
}

impl Sealed {
    /// What is sent to report it, with its proof.
    pub fn report(&self) -> Value {
        self.report_with(&self.disclosure)
    }

    /// What is sent to report it, with this as its proof.
    pub fn report_with(&self, disclosure: &str) -> Value {
        let mut params = self.bare_report();
        params["disclosure"] = json!(disclosure);
        params
    }

    /// What is sent to report it without a proof.
    pub fn bare_report(&self) -> Value {
        report(self.chat, self.id)
    }
}

/// What is sent to report a message without a proof.
pub fn report(chat: ChatId, message: i64) -> Value {
    json!({ "chat_id": chat, "message_id": message, "reason": "This is rude" })
}

/// A PRIVATE chat of suite 3 where Ben writes and Oskar reads.
pub struct Parlour {
    pub stage: Stage,
    pub chat: ChatId,
    pub ben: Talker,
    pub cipher: RoomCipher,
}

impl Parlour {
    pub fn new() -> Self {
        let stage = Stage::new();
        let chat = stage.room(&[BASIC, OTHER, LIFETIME]);
        let ben = stage.talker(chat, BASIC);
        let cipher = stage.cipher(chat);
        Self {
            stage,
            chat,
            ben,
            cipher,
        }
    }

    /// Ben says something, a minute later.
    #[track_caller]
    pub fn says(&mut self, text: &str) -> Sealed {
        self.stage.clock.advance(MINUTE);
        self.stage.say_sealed(&self.ben, &mut self.cipher, text)
    }
}

/// What Ben said, where a test looks for it on disk.
pub const SECRET: &str = "You smell of elderberries";

/// The reports of a page.
pub fn report_ids(page: &Value) -> Vec<i64> {
    let rows = page["rows"].as_array().unwrap().iter();
    rows.map(|row| row["id"].as_i64().unwrap()).collect()
}

impl Stage {
    /// A PUBLIC chat of suite 2 with so many messages of Ben's, reported by Oskar: the reports are
    /// numbered from 1.
    pub fn reported_by_oskar(count: u32) -> (Self, ChatId) {
        let stage = Self::new();
        let chat = stage.chat(ChatType::Public, PREMIUM, Some("a-chat"));
        stage.report_more(chat, BASIC, count);
        (stage, chat)
    }

    /// Oskar reports so many messages of this person.
    pub fn report_more(&self, chat: ChatId, writer: i64, count: u32) {
        for id in self.written(chat, writer, count) {
            // Twenty an hour are not the matter here.
            self.raw().execute("DELETE FROM attempt", []).unwrap();
            self.ok(&user(OTHER), "report.create", report(chat, id));
        }
    }

    /// Three proven reports; what the one says is known to be on disk. Answers that one's id.
    pub fn with_secret() -> (Self, i64) {
        let mut parlour = Parlour::new();
        let said = ["the one before", SECRET, "the one after"].map(|text| parlour.says(text));
        let stage = parlour.stage;
        let made = said.map(|sealed| stage.reported(&sealed, OTHER));
        assert!(stage.on_disk(SECRET), "the test would prove nothing");
        (stage, made[1])
    }

    /// The reports that a list has, as an admin sees it.
    #[track_caller]
    pub fn report_ids(&self, params: Value) -> Vec<i64> {
        report_ids(&self.ok(&user(ADMIN), "report.list", params))
    }

    /// How many reports there are.
    pub fn reports_kept(&self) -> i64 {
        let sql = "SELECT count(*) FROM report";
        self.raw().query_row(sql, [], |row| row.get(0)).unwrap()
    }

    /// How many tries to report are counted.
    pub fn report_attempts(&self) -> i64 {
        let sql = "SELECT count(*) FROM attempt WHERE kind = 'report'";
        self.raw().query_row(sql, [], |row| row.get(0)).unwrap()
    }

    /// Stores an envelope as if it had been sent, past every rule of sending.
    pub fn stored(&self, chat: ChatId, sender: i64, content: &str) -> i64 {
        let db = self.raw();
        let sql = "UPDATE chat SET next_message_id = next_message_id + 1 WHERE id = ? RETURNING next_message_id - 1";
        let id: i64 = db.query_row(sql, [chat.get()], |row| row.get(0)).unwrap();
        db.execute(
            "INSERT INTO message (chat_id, id, sender_id, sender_role, epoch, content, created_at)
             SELECT id, ?2, ?3, 0, epoch, ?4, 0 FROM chat WHERE id = ?1",
            (chat.get(), id, sender, content),
        )
        .unwrap();
        id
    }

    /// Every row of the file but the counts of attempts.
    pub fn rows(&self) -> String {
        let db = self.raw();
        let mut tables = db
            .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'attempt' ORDER BY name")
            .unwrap();
        let tables: Vec<String> = tables
            .query_map([], |row| row.get(0))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let mut all = String::new();
        for table in tables {
            let mut statement = db.prepare(&format!("SELECT * FROM {table}")).unwrap();
            let width = statement.column_count();
            let mut rows = statement.query([]).unwrap();
            while let Some(row) = rows.next().unwrap() {
                for column in 0..width {
                    write!(all, "{table} {:?} ", row.get_ref(column).unwrap()).unwrap();
                }
            }
        }
        all
    }

    /// A key of a chat's current epoch, as its members hold it.
    pub fn cipher(&self, chat: ChatId) -> RoomCipher {
        let ctx = Ctx::new(chat.into(), self.epoch(chat)).unwrap();
        RoomCipher::generate(Suite::Three, ctx, &SystemRandom)
    }

    /// Seals a text and sends it.
    #[track_caller]
    pub fn say_sealed(&self, by: &Talker, cipher: &mut RoomCipher, text: &str) -> Sealed {
        let sender = by.user.unsigned_abs();
        let content = cipher.seal(sender, text, &SystemRandom).unwrap();
        let chat = chat_of(cipher);
        let params = json!({ "chat_id": chat, "content": content });
        let id = self.ok(&by.actor, "message.send", params)["id"].as_i64();
        Sealed {
            chat,
            id: id.unwrap(),
            disclosure: cipher
                .disclose(sender, &content)
                .unwrap()
                .to_base64()
                .to_string(),
            content,
        }
    }

    /// A message of this person that is reported, with proof, by another; answers the report's id.
    #[track_caller]
    pub fn reported(&self, sealed: &Sealed, by: i64) -> i64 {
        let made = self.ok(&user(by), "report.create", sealed.report());
        made["report_id"].as_i64().unwrap()
    }

    /// A report as staff see it.
    #[track_caller]
    pub fn report(&self, id: i64) -> Value {
        self.ok(&Actor::operator(), "report.get", json!({ "report_id": id }))
    }

    /// Says what becomes of a report, as an admin.
    #[track_caller]
    pub fn settle(&self, id: i64, state: &str) -> Value {
        let params = json!({ "report_id": id, "state": state });
        self.ok(&user(ADMIN), "report.resolve", params)
    }
}

fn chat_of(cipher: &RoomCipher) -> ChatId {
    ChatId::try_from(cipher.ctx().chat_id().cast_signed()).unwrap()
}
