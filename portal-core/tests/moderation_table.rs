//! Every act on a person, by who acts, on whom and where, against a table written by hand from SPEC 4 and 7.

mod common;

use std::collections::BTreeSet;

use common::{ADMIN, BASIC, MODERATOR, OTHER, OWNER, PREMIUM, STRANGER, Stage, user};
use portal_core::model::{ChatId, ChatType};
use portal_core::{Actor, catalogue};
use serde_json::{Value, json};

/// Others of the same kind, for the columns.
const SECOND: &str = "
    INSERT INTO user (id, username, role, tier, stranger, created_at) VALUES
        (1100, 'second-owner', 3, 0, 0, 0),
        (2100, 'second-admin', 2, 0, 0, 0),
        (2200, 'third-admin', 2, 2, 0, 0),
        (3100, 'second-moderator', 1, 0, 0, 0),
        (3200, 'third-moderator', 1, 2, 0, 0),
        (5100, 'second-user', 0, 0, 0, 0),
        (6100, 'second-member', 0, 0, 0, 0),
        (9100, 'second-stranger', 0, 0, 1, 0);
    INSERT INTO session (id, user_id, token_hash, created_at, expires_at) VALUES
        (9100000, 9100, randomblob(32), 0, 9000000000000);
";

const ACTS: [&str; 12] = [
    "kick",
    "ban",
    "mute",
    "unmute",
    "unban",
    "warn",
    "timeout",
    "lift-timeout",
    "hard-mute",
    "hard-unmute",
    "platform-ban",
    "platform-unban",
];

/// A part of the table: a chat, or none for what is done everywhere.
struct Place {
    heading: String,
    chat: Option<ChatId>,
    owner: Option<i64>,
}

impl Place {
    fn named(stage: &Stage, heading: &str) -> Self {
        let (kind, owner) = match heading.split_once(" owned by ") {
            None => (heading, None),
            Some((kind, "user")) => (kind, Some(PREMIUM)),
            Some((kind, "moderator")) => (kind, Some(3200)),
            Some((kind, "admin")) => (kind, Some(2200)),
            Some((_, other)) => panic!("no owner is {other:?}"),
        };
        let made = |chat_type, slug| stage.chat(chat_type, owner.unwrap(), slug);
        let chat = match kind {
            "OFFICIAL" => Some(made(ChatType::Official, None)),
            "PUBLIC" => Some(made(
                ChatType::Public,
                Some(format!("by-{}", owner.unwrap()).as_str()),
            )),
            "PRIVATE" => Some(made(ChatType::Private, None)),
            "DIRECT" => Some(stage.direct(OTHER, 6100)),
            "EVERYWHERE" => None,
            other => panic!("no place is {other:?}"),
        };
        if let Some(chat) = chat.filter(|_| kind != "DIRECT") {
            stage.member(chat, OTHER);
            stage.member(chat, 6100);
        }
        Self {
            heading: heading.to_owned(),
            chat,
            owner,
        }
    }

    fn who_acts(&self, row: &str) -> (Actor, Option<i64>) {
        let person = match row {
            "guest" => return (Actor::guest(), None),
            "oper" => return (Actor::operator(), None),
            "owner" => self.owner.unwrap(),
            "user+" => OTHER,
            "user" => BASIC,
            "mod" => MODERATOR,
            "admin" => ADMIN,
            "plat" => OWNER,
            "strg" => STRANGER,
            other => panic!("nobody is {other:?}"),
        };
        (user(person), Some(person))
    }

    /// On whom; none if there is no such pair. A guest's own person is anybody.
    fn on_whom(&self, column: &str, acting: Option<i64>, cell: &str) -> Option<i64> {
        match column {
            "self" if cell == "-" => None,
            "self" => Some(acting.unwrap_or(BASIC)),
            "owner" => self.owner,
            "user+" => Some(6100),
            "user" => Some(5100),
            "mod" => Some(3100),
            "admin" => Some(2100),
            "plat" => Some(1100),
            "strg" => Some(9100),
            other => panic!("nobody is {other:?}"),
        }
    }

    fn params(&self, act: &str, target: i64) -> Value {
        let mut params = json!({ "user_id": target });
        if let Some(chat) = self.chat {
            params["chat_id"] = json!(chat);
        }
        if act == "timeout" {
            params["duration_seconds"] = json!(60);
        }
        if act == "warn" {
            params["reason"] = json!("a reason");
        }
        params
    }
}

/// What came of it, as the table writes it. It is taken back, so that every cell begins alike.
fn outcome(stage: &Stage, actor: &Actor, act: &str, params: &Value) -> &'static str {
    let name = format!("mod.{}", act.replace('-', "_"));
    match stage
        .portal
        .rehearse_json(actor, &name, &params.to_string())
    {
        Ok(_) => "ok",
        Err(error) => match error.kind().code() {
            "ERR_FORBIDDEN" => "no",
            "ERR_CHAT_NOT_FOUND" => "hidden",
            "ERR_TARGET_IS_OWNER" => "owner",
            "ERR_DIRECT_UNMODERATED" => "direct",
            "ERR_UNAUTHENTICATED" => "signin",
            "ERR_STRANGER_FORBIDDEN" => "anon",
            other => panic!("{name} {params} answers {other}"),
        },
    }
}

#[test]
fn every_act_on_a_person_is_answered_as_the_table_says_spec_4_2() {
    let stage = Stage::new();
    stage.raw().execute_batch(SECOND).unwrap();
    let (mut place, mut columns, mut acts) = (None, Vec::new(), Vec::new());
    let mut wrong = Vec::new();
    let mut asked = BTreeSet::new();
    let lines = include_str!("moderation_table.txt").lines();
    for line in lines.filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
        if line.starts_with(char::is_uppercase) {
            place = Some(Place::named(&stage, line));
            columns.clear();
        } else if columns.is_empty() {
            columns = line.split_whitespace().collect();
        } else if !line.starts_with(' ') {
            acts = line.split(", ").collect();
        } else {
            let place = place.as_ref().expect("a heading comes first");
            let mut cells = line.split_whitespace();
            let row = cells.next().unwrap();
            let cells: Vec<_> = cells.collect();
            assert_eq!(cells.len(), columns.len(), "{}: {line}", place.heading);
            let (actor, acting) = place.who_acts(row);
            for (column, cell) in columns.iter().zip(cells) {
                let Some(target) = place.on_whom(column, acting, cell) else {
                    continue;
                };
                for act in &acts {
                    let cell_name = format!("{}: {act} by {row} on {column}", place.heading);
                    let got = outcome(&stage, &actor, act, &place.params(act, target));
                    if got != cell {
                        wrong.push(format!("{cell_name}: {got}, the table says {cell}"));
                    }
                    assert!(asked.insert(cell_name.clone()), "{cell_name} twice");
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // Nothing was forgotten: in a chat 7 acts, everywhere the 7 that need none.
    let acts = catalogue::all().iter().filter(|entry| entry.writes());
    let every = acts.filter_map(|entry| {
        let act = entry.name().strip_prefix("mod.")?;
        Some(act.replace('_', "-"))
    });
    assert_eq!(
        every.collect::<BTreeSet<_>>(),
        ACTS.map(String::from).into()
    );
    for act in ACTS {
        let needle = format!(": {act} by ");
        assert!(asked.iter().any(|cell| cell.contains(&needle)), "{act}");
    }
    let in_a_chat = 7 * (9 * 8 - 1);
    let in_a_direct = 7 * (8 * 7 - 1);
    let everywhere = 7 * (7 * 6 - 1);
    assert_eq!(asked.len(), 5 * in_a_chat + in_a_direct + everywhere);
}
