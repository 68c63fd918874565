//! The one list of events (SPEC 12.3): name, audience, data.
//!
//! Events are rows, written in the transaction that changes the state. They hold ids, never a secret or
//! what somebody wrote: content is looked up at delivery, and is gone when it is gone (SPEC 12.2).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::model::{
    BlobId, BotId, BrowserEnd, ChatId, MessageId, ReportId, ReportState, Role, Seq, SessionId,
    Timestamp, UserId,
};

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

events! {
    /// A message was stored; it is given as `message` at delivery.
    "message:new" MessageNew {
        /// Where.
        chat_id: ChatId,
        /// Which.
        id: MessageId,
    } => |e| Audience::Chat(e.chat_id, None);

    /// Messages were deleted.
    "message:deleted" MessageDeleted {
        /// Where.
        chat_id: ChatId,
        /// Which.
        ids: Vec<MessageId>,
    } => |e| Audience::Chat(e.chat_id, None);

    /// Every message of the chat is gone.
    "portal:cleared" PortalCleared {
        /// Where.
        chat_id: ChatId,
        /// Whether it was a scheduled wipe.
        scheduled: bool,
    } => |e| Audience::Chat(e.chat_id, None);

    /// Viewers without a right to stay were put out of the room.
    "room:evicted" RoomEvicted {
        /// From where.
        chat_id: ChatId,
        /// Why: `went_private`, `left`, `removed`, `banned`.
        reason: String,
        /// The one person it concerns; absent: everyone who may not stay.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        user_id: Option<UserId>,
    } => |e| Audience::Chat(e.chat_id, e.user_id);

    /// The chat counts a new epoch; keys of older ones open nothing new.
    "room:epoch_changed" RoomEpochChanged {
        /// Where.
        chat_id: ChatId,
        /// The new epoch.
        epoch: u64,
        /// Why.
        reason: EpochReason,
        /// The session that should publish the key; null if none is at hand.
        distributor: Option<SessionId>,
    } => |e| Audience::Chat(e.chat_id, None);

    /// A chat was made.
    "room:created" RoomCreated {
        /// Which.
        chat_id: ChatId,
        /// Its owner.
        user_id: UserId,
    } => |e| Audience::User(e.user_id);

    /// Somebody is a member now.
    "room:member_added" MemberAdded {
        /// Where.
        chat_id: ChatId,
        /// Who.
        user_id: UserId,
    } => |e| Audience::Chat(e.chat_id, Some(e.user_id));

    /// The other of the two left a DIRECT chat, for good or for a moment.
    "room:peer_left" PeerLeft {
        /// Which.
        chat_id: ChatId,
        /// Who is told: the one who stays.
        user_id: UserId,
        /// Until when the other can come back; 0: the chat is over.
        grace_until_ms: i64,
    } => |e| Audience::User(e.user_id);

    /// The other of the two came back to a DIRECT chat before it was over.
    "room:peer_returned" PeerReturned {
        /// Which.
        chat_id: ChatId,
        /// Who is told: the one who stayed.
        user_id: UserId,
    } => |e| Audience::User(e.user_id);

    /// Somebody was kicked.
    "room:kicked" RoomKicked {
        /// From where.
        chat_id: ChatId,
        /// Who.
        user_id: UserId,
    } => |e| Audience::Chat(e.chat_id, Some(e.user_id));

    /// The chat is gone.
    "room:destroyed" RoomDestroyed {
        /// Which.
        chat_id: ChatId,
    } => |e| Audience::Chat(e.chat_id, None);

    /// The chat's browser is wanted; it runs once `room:started` says so.
    "room:starting" RoomStarting {
        /// Whose.
        chat_id: ChatId,
    } => |e| Audience::Chat(e.chat_id, None);

    /// The chat's browser runs. At delivery `access` gives the receiver's own `url`, `username` and `password`; null
    /// for whoever may only look, or is not let in yet.
    "room:started" RoomStarted {
        /// Whose.
        chat_id: ChatId,
        /// The one person it concerns, who joined later; absent: everyone who was there.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        user_id: Option<UserId>,
    } => |e| match e.user_id {
        Some(user) => Audience::User(user),
        None => Audience::Chat(e.chat_id, None),
    };

    /// The chat's browser is not wanted any more; nobody is put out of the chat.
    "room:stopping" RoomStopping {
        /// Whose.
        chat_id: ChatId,
        /// Why.
        reason: BrowserEnd,
    } => |e| Audience::Chat(e.chat_id, None);

    /// The chat's browser is gone, or could not be started.
    "room:stopped" RoomStopped {
        /// Whose.
        chat_id: ChatId,
        /// Why.
        reason: BrowserEnd,
    } => |e| Audience::Chat(e.chat_id, None);

    /// Control of the chat's browser went to somebody, or a request for it came to nothing.
    "control:changed" ControlChanged {
        /// Of which.
        chat_id: ChatId,
        /// Who has it now; null: nobody.
        user_id: Option<UserId>,
    } => |e| Audience::Chat(e.chat_id, None);

    /// Somebody asks for control of the chat's browser.
    "control:requested" ControlRequested {
        /// Of which.
        chat_id: ChatId,
        /// Who asks.
        user_id: UserId,
    } => |e| Audience::Chat(e.chat_id, None);

    /// The chat's name, description, slug, label, owner or configuration changed; `chat` is given at delivery.
    "room:updated" RoomUpdated {
        /// Which.
        chat_id: ChatId,
        /// The names of the fields that changed.
        changed: Vec<String>,
    } => |e| Audience::Chat(e.chat_id, None);

    /// A session of someone present registered a public key.
    "portal:key_added" KeyAdded {
        /// Where.
        chat_id: ChatId,
        /// Whose.
        user_id: UserId,
        /// Which session's.
        session_id: SessionId,
    } => |e| Audience::Chat(e.chat_id, None);

    /// A session's key no longer counts in the chat.
    "portal:key_removed" KeyRemoved {
        /// Where.
        chat_id: ChatId,
        /// Whose.
        user_id: UserId,
        /// Which session's.
        session_id: SessionId,
    } => |e| Audience::Chat(e.chat_id, None);

    /// A holder is asked to wrap the room key for a session; its public key is given at delivery.
    "portal:key_needed" KeyNeeded {
        /// Where.
        chat_id: ChatId,
        /// For which epoch.
        epoch: u64,
        /// For whom.
        user_id: UserId,
        /// For which session.
        session_id: SessionId,
        /// The holder who is asked.
        holder_session: SessionId,
    } => |e| Audience::Session(e.holder_session);

    /// A room key was wrapped for this session; the blob is given at delivery.
    "portal:key_blob" KeyBlobStored {
        /// Where.
        chat_id: ChatId,
        /// For which epoch.
        epoch: u64,
        /// Which blob.
        blob_id: BlobId,
        /// For which session.
        session_id: SessionId,
    } => |e| Audience::Session(e.session_id);

    /// A person is new here.
    "user:created" UserCreated {
        /// Who.
        user_id: UserId,
    } => |_e| Audience::Staff(Role::Moderator);

    /// A person's name, role, tier, account key or list of blocked people changed.
    "user:updated" UserUpdated {
        /// Who.
        user_id: UserId,
        /// What: `username`, `role`, `tier`, `account_key`, `blocks`.
        changed: Vec<String>,
    } => |e| Audience::User(e.user_id);

    /// A person is gone; what they wrote keeps the number alone.
    "user:deleted" UserDeleted {
        /// Who.
        user_id: UserId,
    } => |_e| Audience::Staff(Role::Moderator);

    /// A setting was set or unset.
    "config:changed" ConfigChanged {
        /// Which.
        key: String,
    } => |_e| Audience::Staff(Role::Moderator);

    /// A person has another session.
    "session:started" SessionStarted {
        /// Which.
        session_id: SessionId,
        /// Whose.
        user_id: UserId,
    } => |e| Audience::User(e.user_id);

    /// A session ended; its connections are closed.
    "session:ended" SessionEnded {
        /// Which.
        session_id: SessionId,
        /// Whose.
        user_id: UserId,
        /// Why: `logout`, `destroyed`, `expired`, `too_many`, `role_changed`, `timed_out`, `banned`, `deleted`.
        reason: String,
    } => |e| Audience::Session(e.session_id);

    /// A person may not write in a chat for a while.
    "user:muted" UserMuted {
        /// Where.
        chat_id: ChatId,
        /// Who.
        user_id: UserId,
        /// Until when; null: until lifted.
        until: Option<Timestamp>,
    } => |e| Audience::Chat(e.chat_id, Some(e.user_id));

    /// A person may write again.
    "user:unmuted" UserUnmuted {
        /// Where.
        chat_id: ChatId,
        /// Who.
        user_id: UserId,
    } => |e| Audience::Chat(e.chat_id, Some(e.user_id));

    /// A person was banned, from a chat or from the platform.
    "user:banned" UserBanned {
        /// Where; absent: everywhere.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        chat_id: Option<ChatId>,
        /// Who.
        user_id: UserId,
        /// Until when; null: until lifted.
        until: Option<Timestamp>,
        /// Which of the person's punishments it is, where it is from the platform; the reason is given as
        /// `reason` at delivery.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        punishment_id: Option<i64>,
    } => |e| Audience::of_person_in(e.chat_id, e.user_id);

    /// A ban was lifted, from a chat or from the platform.
    "user:unbanned" UserUnbanned {
        /// Where; absent: everywhere.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        chat_id: Option<ChatId>,
        /// Who.
        user_id: UserId,
    } => |e| Audience::of_person_in(e.chat_id, e.user_id);

    /// A person may not write anywhere for a while.
    "user:hard_muted" UserHardMuted {
        /// Who.
        user_id: UserId,
        /// Until when; null: until lifted.
        until: Option<Timestamp>,
    } => |_e| Audience::Everyone;

    /// A person may write again, where no chat's own mute holds.
    "user:hard_unmuted" UserHardUnmuted {
        /// Who.
        user_id: UserId,
    } => |_e| Audience::Everyone;

    /// A person is out of the platform for a while: sessions, sockets and DIRECT chats end.
    "user:timed_out" UserTimedOut {
        /// Who.
        user_id: UserId,
        /// Until when.
        until: Timestamp,
        /// Which of the person's punishments it is; the reason is given as `reason` at delivery.
        punishment_id: i64,
    } => |e| Audience::User(e.user_id);

    /// A person may come back before the end of a timeout.
    "user:timeout_lifted" UserTimeoutLifted {
        /// Who.
        user_id: UserId,
    } => |e| Audience::User(e.user_id);

    /// A person was warned; the reason is given as `reason` at delivery.
    "user:warned" UserWarned {
        /// Who.
        user_id: UserId,
        /// Where it came to it.
        chat_id: Option<ChatId>,
        /// Which of the person's punishments it is.
        punishment_id: i64,
    } => |e| Audience::User(e.user_id);

    /// A chat was offered to somebody.
    "room:transfer_offered" TransferOffered {
        /// Which.
        chat_id: ChatId,
        /// To whom.
        user_id: UserId,
        /// Until when it can be accepted.
        expires_at: Timestamp,
    } => |e| Audience::User(e.user_id);

    /// A person waits to be matched.
    "match:queued" MatchQueued {
        /// Who.
        user_id: UserId,
        /// Until when, unless they are still there then.
        expires_at: Timestamp,
    } => |e| Audience::User(e.user_id);

    /// A person waits no longer, and was not matched.
    "match:dequeued" MatchDequeued {
        /// Who.
        user_id: UserId,
        /// Why: `asked`, `expired`, `blocked`, `timed_out`, `banned`.
        reason: String,
    } => |e| Audience::User(e.user_id);

    /// Two people are matched into a DIRECT chat: each has an event of their own. `peer` (id, name,
    /// `country_code` or null) and the shared `interests` are given at delivery.
    "match:found" MatchFound {
        /// The DIRECT chat.
        chat_id: ChatId,
        /// Who is told.
        user_id: UserId,
        /// With whom they are matched.
        peer_id: UserId,
        /// When the chat is over at the latest.
        expires_at: Timestamp,
    } => |e| Audience::User(e.user_id);

    /// A DIRECT chat is over: each of the two has an event of their own.
    "match:ended" MatchEnded {
        /// Which.
        chat_id: ChatId,
        /// Who is told.
        user_id: UserId,
        /// Why: `left` (by this person), `peer_left`, `stayed_away` (this person), `peer_stayed_away`, `expired`,
        /// `destroyed` (by whoever holds the file).
        reason: String,
    } => |e| Audience::User(e.user_id);

    /// The matcher was paused, or goes on.
    "match:paused" MatchPaused {
        /// Whether nobody is matched from now on.
        paused: bool,
    } => |_e| Audience::Staff(Role::Moderator);

    /// A stranger is not matched any more, or is again.
    "match:blocked" StrangerBlocked {
        /// Who.
        user_id: UserId,
        /// Whether they are blocked from now on.
        blocked: bool,
    } => |e| Audience::User(e.user_id);

    /// A bot was added.
    "bot:added" BotAdded {
        /// Which.
        bot_id: BotId,
    } => |_e| Audience::Staff(Role::Admin);

    /// A bot has another key; the former one opens nothing any more.
    "bot:rotated" BotRotated {
        /// Which.
        bot_id: BotId,
    } => |_e| Audience::Staff(Role::Admin);

    /// A bot was removed.
    "bot:removed" BotRemoved {
        /// Which.
        bot_id: BotId,
    } => |_e| Audience::Staff(Role::Admin);

    /// A message was reported; for admins and above, who handle reports.
    "report:new" ReportNew {
        /// Which report.
        report_id: ReportId,
        /// Where the message was.
        chat_id: ChatId,
    } => |_e| Audience::Staff(Role::Admin);

    /// Somebody dealt with a report.
    "report:updated" ReportUpdated {
        /// Which.
        report_id: ReportId,
        /// What has become of it.
        state: ReportState,
    } => |_e| Audience::Staff(Role::Admin);

    /// Settled reports were pruned, and what was said in them with them.
    "report:deleted" ReportDeleted {
        /// Which.
        report_ids: Vec<ReportId>,
    } => |_e| Audience::Staff(Role::Admin);
}
