//! The one list of events (SPEC 12.3), in `list`: name, audience, data; and here what they have in common.
//!
//! Events are rows, written in the transaction that changes the state. They hold ids, never a secret or
//! what somebody wrote: content is looked up at delivery, and is gone when it is gone (SPEC 12.2).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{ChatId, Role, Seq, SessionId, Timestamp, UserId};

/// For whom an event is, judged again at delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Every connection.
    Everyone,
    /// The viewers of a chat, and one affected person wherever they are.
    Chat(ChatId, Option<UserId>),
    /// One person.
    User(UserId),
    /// One session.
    Session(SessionId),
    /// People of at least this role.
    Staff(Role),
}

impl Audience {
    /// The viewers of a chat and a person; of the platform, the person alone.
    const fn of_person_in(chat: Option<ChatId>, user: UserId) -> Self {
        match chat {
            Some(chat) => Audience::Chat(chat, Some(user)),
            None => Audience::User(user),
        }
    }

    /// The word that the row keeps.
    pub const fn as_str(self) -> &'static str {
        match self {
            Audience::Everyone => "everyone",
            Audience::Chat(..) => "chat",
            Audience::User(_) => "user",
            Audience::Session(_) => "session",
            Audience::Staff(_) => "staff",
        }
    }

    /// The chat that the row names.
    pub const fn chat(self) -> Option<ChatId> {
        match self {
            Audience::Chat(chat, _) => Some(chat),
            _ => None,
        }
    }

    /// The person that the row names.
    pub const fn user(self) -> Option<UserId> {
        match self {
            Audience::Chat(_, affected) => affected,
            Audience::User(user) => Some(user),
            _ => None,
        }
    }

    /// The session that the row names.
    pub const fn session(self) -> Option<SessionId> {
        match self {
            Audience::Session(session) => Some(session),
            _ => None,
        }
    }
}

/// An event as the log keeps it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct StoredEvent {
    /// Its place: strictly rising in commit order.
    pub seq: Seq,
    /// When.
    pub at: Timestamp,
    /// What, with its data.
    #[serde(flatten)]
    pub event: Event,
}

impl StoredEvent {
    /// Its place as a plain number.
    pub(crate) fn place(&self) -> u64 {
        self.seq.get().unsigned_abs()
    }
}

/// Why an epoch moved on (SPEC 8.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EpochReason {
    /// Every message was cleared by hand.
    Cleared,
    /// Every message was wiped by schedule.
    Wiped,
    /// The chat became PUBLIC.
    WentPublic,
    /// The chat became PRIVATE.
    WentPrivate,
    /// The chat has another owner.
    Transferred,
    /// Somebody who could hold the key was removed.
    MemberRemoved,
    /// Somebody who could hold the key left for good.
    MemberLeft,
    /// A session that could hold the key was destroyed.
    SessionDestroyed,
    /// Somebody joined a chat without visible history.
    Joined,
    /// Somebody present could not get the key (SPEC 8.6).
    KeyLost,
    /// The file was restored from a backup (SPEC 16.3).
    Restored,
}

impl EpochReason {
    /// Every reason.
    pub const ALL: [EpochReason; 11] = [
        EpochReason::Cleared,
        EpochReason::Wiped,
        EpochReason::WentPublic,
        EpochReason::WentPrivate,
        EpochReason::Transferred,
        EpochReason::MemberRemoved,
        EpochReason::MemberLeft,
        EpochReason::SessionDestroyed,
        EpochReason::Joined,
        EpochReason::KeyLost,
        EpochReason::Restored,
    ];

    /// The word of the event, as rows keep it.
    pub const fn as_str(self) -> &'static str {
        match self {
            EpochReason::Cleared => "cleared",
            EpochReason::Wiped => "wiped",
            EpochReason::WentPublic => "went_public",
            EpochReason::WentPrivate => "went_private",
            EpochReason::Transferred => "transferred",
            EpochReason::MemberRemoved => "member_removed",
            EpochReason::MemberLeft => "member_left",
            EpochReason::SessionDestroyed => "session_destroyed",
            EpochReason::Joined => "joined",
            EpochReason::KeyLost => "key_lost",
            EpochReason::Restored => "restored",
        }
    }
}

macro_rules! events {
    ($($(#[$doc:meta])* $name:literal $variant:ident {
        $($(#[$field_doc:meta])* $field:ident: $type:ty,)*
    } => |$e:ident| $audience:expr;)*) => {
        $($(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        pub struct $variant { $($(#[$field_doc])* pub $field: $type,)* }

        impl From<$variant> for Event {
            fn from(event: $variant) -> Self { Event::$variant(event) }
        }
        )*

        /// Every event that the log can hold.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
        #[serde(tag = "name", content = "data")]
        pub enum Event { $($(#[$doc])* #[serde(rename = $name)] $variant($variant),)* }

        impl Event {
            /// Every event's name.
            pub const NAMES: &'static [&'static str] = &[$($name),*];

            /// Its name.
            pub const fn name(&self) -> &'static str { match self { $(Self::$variant(_) => $name),* } }

            /// For whom it is.
            pub fn audience(&self) -> Audience { match self { $(Self::$variant($e) => $audience),* } }

            /// Whether what it tells of left deleted content behind in the write-ahead log.
            pub(crate) const fn deletes_content(&self) -> bool {
                matches!(self, Event::MessageDeleted(_) | Event::PortalCleared(_) | Event::RoomDestroyed(_)
                    | Event::ReportDeleted(_))
            }

            /// Whether it stays in the log although the chat that it tells of is destroyed: what staff are told,
            /// and a warning. A report outlives its chat (SPEC 7.6), and whoever destroys it silences neither.
            pub(crate) fn outlives_its_chat(&self) -> bool {
                matches!(self.audience(), Audience::Staff(_)) || matches!(self, Event::UserWarned(_))
            }

            /// Whether a commit of it changes what this process keeps in memory.
            pub(crate) const fn changes_memory(&self) -> bool {
                self.deletes_content() || self.takes_away() || self.concerns_browser()
                    || matches!(self, Event::MatchFound(_))
            }

            /// Whether something is to be done with a browser, or was.
            const fn concerns_browser(&self) -> bool {
                matches!(self, Event::RoomStarting(_) | Event::RoomStarted(_) | Event::RoomStopping(_)
                    | Event::RoomStopped(_) | Event::ControlChanged(_))
            }

            /// Whether somebody has no right any more to be where memory says they are, so that nobody may
            /// be judged by that memory. A chat that is made or gone is judged by its row.
            pub(crate) const fn takes_away(&self) -> bool {
                matches!(self, Event::RoomKicked(_) | Event::UserBanned(_) | Event::RoomEvicted(_)
                    | Event::SessionEnded(_))
            }

            /// Its data as JSON.
            pub(crate) fn data(&self) -> String {
                match self { $(Self::$variant(event) => serde_json::to_string(event)),* }
                    .expect("an event's data is plain numbers and words")
            }

            /// From a row of the log.
            pub(crate) fn from_row(name: &str, data: &str) -> Result<Self> {
                let parsed = match name {
                    $($name => serde_json::from_str(data).map(Self::$variant),)*
                    _ => return Err(Error::with_message(
                        ErrorKind::StorageCorrupt, format!("the event log names an unknown event {name:?}"))),
                };
                parsed.map_err(|error| Error::new(ErrorKind::StorageCorrupt).caused_by(error))
            }
        }
    };
}

mod list;

pub use list::*;
