//! Reporting a message, with or without proof of what it says.
//!
//! The key that a reporter discloses opens one message. It is used here and forgotten: no row, no event
//! and no log ever holds it.

use rusqlite::Connection;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::e2ee::{self, Ctx, Envelope, MessageKey, Suite, suite3};
use crate::error::{Error, ErrorKind, Result};
use crate::event::ReportNew;
use crate::model::{ChatId, HOUR, MessageId, Reason, ReportId, Secret, UserId};
use crate::operation::{Context, Operation};
use crate::ops::chats::{self, ChatRow};
use crate::ops::limits::{self, Limit};
use crate::ops::messages::{self, Message, Sender};
use crate::policy::{self, ChatFacts, Permit, permit};
use crate::store;

/// How often a person may report, and try to (SPEC 7.6).
const REPORTS: Limit = Limit {
    kind: "report",
    max: 20,
    window_ms: HOUR,
};

/// Reports somebody's message to those who run the platform. Whoever belongs there and can read it can
/// report it, once, 20 messages an hour. In suite 3 the message's own key proves what it says: the text is then kept with the
/// report, and the key is not. A report stays although the message, the chat or the people go; in a DIRECT
/// chat it has to be made before the chat ends.
///
/// `ERR_CHAT_NOT_FOUND`, `ERR_BANNED`, `ERR_UNAUTHENTICATED`, `ERR_STRANGER_FORBIDDEN`, `ERR_FORBIDDEN`;
/// `ERR_INVALID`, also for one's own message and for a disclosure that is no key or comes in suite 2;
/// `ERR_MESSAGE_NOT_FOUND`, `ERR_ALREADY_REPORTED`, `ERR_RATE_LIMITED`; `ERR_DECRYPT` for a disclosure
/// that is not this message's. After a refusal nothing is kept.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Create {
    /// Where.
    pub chat_id: ChatId,
    /// Which: a person's message, and not one's own.
    pub message_id: MessageId,
    /// What is wrong with it: 1 to 500 characters, for staff.
    pub reason: Reason,
    /// The message's key, 32 bytes in base64 (e2ee-bytes.md 6); only in suite 3. Without it staff do not learn
    /// what the message says.
    #[serde(default)]
    pub disclosure: Option<Secret>,
}

/// A report that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Created {
    /// Its id.
    pub report_id: ReportId,
    /// Whether what the message says was proven and is kept with the report.
    pub verified: bool,
}

impl Operation for Create {
    const NAME: &'static str = "report.create";
    type Reply = Created;

    fn apply(self, cx: &mut Context<'_>) -> Result<Created> {
        let (chat, facts) = chats::load(cx, self.chat_id)?;
        let permit = permit::<policy::Report>(&cx.actor, &facts)?;
        let reporter = cx.user_id()?;
        let (message, sender) = reportable(cx, &chat, &facts, self.message_id)?;
        if sender.id == reporter {
            let why = "this message is your own; delete it instead";
            return Err(Error::invalid("message_id", why));
        }
        if is_reported(cx.db, reporter, &message)? {
            return Err(ErrorKind::AlreadyReported.into());
        }
        let subject = reporter.to_string();
        limits::check(cx.db, REPORTS, &subject, cx.now)?;
        let plaintext = match &self.disclosure {
            None => None,
            Some(_) if chat.chat.e2ee != Suite::Three.number() => {
                return Err(e2ee::Error::NoDisclosure.into());
            }
            Some(disclosed) => match open(&message, sender.id, disclosed) {
                Ok(plaintext) => Some(plaintext),
                Err(error) => {
                    cx.count_failure(REPORTS.kind, subject);
                    return Err(error.into());
                }
            },
        };
        limits::record(cx.db, REPORTS.kind, &subject, cx.now)?;
        let report_id = insert(
            cx,
            &permit,
            &New {
                chat: &chat,
                message: &message,
                sender: sender.id,
                reporter,
                reason: &self.reason,
                plaintext: plaintext.as_deref(),
            },
        )?;
        cx.emit(ReportNew {
            report_id,
            chat_id: self.chat_id,
        })?;
        Ok(Created {
            report_id,
            verified: plaintext.is_some(),
        })
    }
}

/// The message, if it is a person's and the caller can read it.
fn reportable(
    cx: &Context<'_>,
    chat: &ChatRow,
    facts: &ChatFacts,
    id: MessageId,
) -> Result<(Message, Sender)> {
    let can_read = messages::first_visible(cx, chat, facts)?.is_some_and(|first| id >= first);
    let message = messages::get(cx.db, facts.id, id)?.filter(|_| can_read);
    message
        .and_then(|message| {
            let sender = message.sender.clone()?;
            Some((message, sender))
        })
        .ok_or_else(|| ErrorKind::MessageNotFound.into())
}

fn is_reported(db: &Connection, reporter: UserId, message: &Message) -> Result<bool> {
    let found = store::first(
        db,
        "SELECT 1 FROM report WHERE reporter_id = ? AND chat_id = ? AND message_id = ?",
        (reporter, message.chat_id, message.id),
        |_| Ok(()),
    )?;
    Ok(found.is_some())
}

/// What the message says, proven by its key (e2ee-bytes.md 6). Chat, epoch and sender are the row's, never the
/// reporter's word.
fn open(message: &Message, sender: UserId, disclosed: &Secret) -> e2ee::Result<String> {
    let key = MessageKey::from_base64(disclosed.expose())?;
    let who = Ctx::new(message.chat_id.into(), message.epoch)?.sender(sender.into())?;
    // A stored row that is no envelope does not open, as for any reader.
    let envelope = Envelope::parse(&message.content).map_err(|_| e2ee::Error::Decrypt)?;
    suite3::verify_disclosure(who, &envelope, &key)
}

/// What is reported, by whom and why.
struct New<'a> {
    chat: &'a ChatRow,
    message: &'a Message,
    sender: UserId,
    reporter: UserId,
    reason: &'a Reason,
    /// What a disclosure proved.
    plaintext: Option<&'a str>,
}

fn insert(cx: &Context<'_>, permit: &Permit<policy::Report>, new: &New<'_>) -> Result<ReportId> {
    store::execute(
        cx.db,
        "INSERT INTO report (chat_id, chat_type, chat_name, message_id, epoch, message_at, sender_id, reporter_id,
           reason, at, verified, plaintext)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            permit.subject(),
            new.chat.chat.kind.chat_type(),
            &new.chat.name,
            new.message.id,
            new.message.epoch,
            new.message.created_at,
            new.sender,
            new.reporter,
            new.reason,
            cx.now,
            new.plaintext.is_some(),
            new.plaintext,
        ),
    )?;
    ReportId::try_from(cx.db.last_insert_rowid()).map_err(|_| ErrorKind::Internal.into())
}
