//! The whole story of a person or a chat, put together from one query for each part of it: what `user show`
//! and `chat show` print.
//!
//! A part that `--as` may not see is null and named under `withheld`; so is one that a chat of this type does
//! not have. The newest rows of each log are shown; the verbs of its noun list the rest.

use portal_core::error::Exit;
use serde_json::{Map, Value, json};

use crate::desk::Desk;
use crate::exit::Failure;
use crate::output;
use crate::table::Column;
use crate::{audit, chat, member, moderation, report, session, user};

/// How many of the newest rows of a log are shown.
const NEWEST: u16 = 20;
/// How many messages of a chat are counted: a chat may hold more than can be counted while somebody waits.
const COUNTED: u32 = 5_000;

/// A story while it is put together.
struct Story<'a> {
    desk: &'a Desk,
    parts: Map<String, Value>,
    withheld: Vec<Value>,
}

impl<'a> Story<'a> {
    /// Begins with the answer that the rest stands beside.
    fn begin(desk: &'a Desk, name: &str, params: Value) -> Result<Self, Failure> {
        let Value::Object(parts) = desk.call(name, params)? else {
            return Err(Failure::unexpected("fields"));
        };
        Ok(Self {
            desk,
            parts,
            withheld: Vec::new(),
        })
    }

    /// A query's answer, or null where the rules keep it from whoever asks.
    fn ask(&mut self, part: &str, name: &str, params: Value) -> Result<Value, Failure> {
        match self.desk.call(name, params) {
            Ok(answer) => Ok(answer),
            Err(Failure::Error(error)) if error.kind().exit() == Exit::Refused => {
                self.withheld.push(part.into());
                Ok(Value::Null)
            }
            Err(failure) => Err(failure),
        }
    }

    /// Adds a query's answer, or the one field of it that matters.
    fn add(
        &mut self,
        part: &str,
        name: &str,
        params: Value,
        field: Option<&str>,
    ) -> Result<(), Failure> {
        let mut answer = self.ask(part, name, params)?;
        if let Some(field) = field {
            answer = answer.get_mut(field).map(Value::take).unwrap_or_default();
        }
        self.parts.insert(part.to_owned(), answer);
        Ok(())
    }

    /// The story as one document, or by sections: those of the parts that stand here, and before them
    /// whatever else there is, a line a field.
    fn tell(mut self, sections: &[(&str, &str, &[Column])]) -> Result<(), Failure> {
        let out = self.desk.out;
        self.parts.insert("withheld".into(), self.withheld.into());
        if out.is_json() {
            return output::document(&self.parts.into());
        }
        let mut listed = Vec::new();
        for (part, title, columns) in sections {
            if let Some(rows) = self.parts.remove(*part).filter(|rows| !rows.is_null()) {
                listed.push((title, json!({ "rows": rows }), columns));
            }
        }
        out.fields(&self.parts.into())?;
        for (title, rows, columns) in listed {
            let count = rows["rows"].as_array().map_or(0, Vec::len);
            if count == 0 {
                out.section(&format!("{title}: none"))?;
            } else {
                out.section(title)?;
                out.rows(&rows, "rows", columns)?;
            }
        }
        Ok(())
    }
}

/// All there is to know of a person.
pub(crate) fn of_user(desk: &Desk, id: i64) -> Result<(), Failure> {
    let whose = json!({ "user_id": id });
    let newest = |key: &str| json!({ key: id, "limit": NEWEST });
    let mut story = Story::begin(desk, "user.get", whose.clone())?;
    let mut tier = story.ask("tier_history", "user.subscription", whose.clone())?;
    story
        .parts
        .insert("trial_used".into(), tier["trial_used"].take());
    story
        .parts
        .insert("tier_history".into(), tier["history"].take());
    story.add("sessions", "session.list", whose.clone(), Some("sessions"))?;
    let mut chats = story.ask("chats", "chat.list", whose.clone())?;
    story.parts.insert("chats".into(), chats["chats"].take());
    story.parts.insert("offers".into(), chats["offers"].take());
    let mut waits = story.ask("match", "match.status", whose)?;
    if let Some(fields) = waits.as_object_mut() {
        fields.remove("as_of");
        let directs = fields.remove("chats").unwrap_or_default();
        story.parts.insert("matches".into(), directs);
    }
    story.parts.insert("match".into(), waits);
    for (part, name, key) in [
        ("punishments", "user.punishments", "user_id"),
        ("reports_about", "report.list", "user_id"),
        ("reports_by", "report.list", "reporter_id"),
        ("done_to_them", "audit.list", "target"),
        ("done_by_them", "audit.list", "user_id"),
    ] {
        story.add(part, name, newest(key), Some("rows"))?;
    }
    if !desk.out.is_json() {
        audit::name_people(story.parts.get_mut("done_to_them"));
        audit::name_people(story.parts.get_mut("done_by_them"));
    }
    story.tell(&[
        ("tier_history", "Tiers", user::HISTORY),
        ("sessions", "Sessions", session::LIST),
        ("chats", "Chats", user::CHATS),
        ("offers", "Chats offered to them", user::OFFERS),
        ("matches", "Matches", crate::matching::MATCHES),
        ("punishments", "Punishments", moderation::PUNISHMENTS),
        ("reports_about", "Reports about them", report::LIST),
        ("reports_by", "Reports by them", report::LIST),
        ("done_to_them", "What was done to them", audit::LIST),
        ("done_by_them", "What they did", audit::LIST),
    ])
}

/// All there is to know of a chat.
pub(crate) fn of_chat(desk: &Desk, id: i64) -> Result<(), Failure> {
    let which = json!({ "chat_id": id });
    let newest = json!({ "chat_id": id, "limit": NEWEST });
    let mut story = Story::begin(desk, "chat.get", which.clone())?;
    let owner = match story.parts.get("owner") {
        Some(owner) if !owner.is_null() => {
            let owner = json!({ "user_id": owner });
            story.ask("owner_username", "user.get", owner)?["username"].take()
        }
        _ => Value::Null,
    };
    story.parts.insert("owner_username".into(), owner);
    let counted = json!({ "chat_id": id, "messages_at_most": COUNTED });
    let mut counts = story.ask("counts", "chat.count", counted)?;
    if let Some(fields) = counts.as_object_mut() {
        fields.remove("as_of");
        fields.remove("epoch");
        if !desk.out.is_json() && fields.remove("messages_more") == Some(true.into()) {
            fields.insert("messages".into(), format!("more than {COUNTED}").into());
        }
    }
    story.parts.insert("counts".into(), counts);
    let mut key = story.ask("key", "key.list", which.clone())?;
    story
        .parts
        .insert("distributor".into(), key["distributor_user_id"].take());
    story
        .parts
        .insert("key_sessions".into(), key["sessions"].take());
    story.add("members", "member.list", newest.clone(), Some("members"))?;
    story.add("invites", "invite.list", which, Some("invites"))?;
    for (part, name) in [
        ("activity", "activity.list"),
        ("reports", "report.list"),
        ("done_to_it", "audit.list"),
    ] {
        story.add(part, name, newest.clone(), Some("rows"))?;
    }
    if !desk.out.is_json() {
        audit::name_people(story.parts.get_mut("done_to_it"));
    }
    story.tell(&[
        ("members", "Members", member::MEMBERS),
        ("key_sessions", "Who holds its key", chat::KEY_SESSIONS),
        ("invites", "Invites", crate::invite::LIST),
        ("activity", "Who came and went", moderation::ACTIVITY),
        ("reports", "Reports", report::LIST),
        ("done_to_it", "What was done to it", audit::LIST),
    ])
}
