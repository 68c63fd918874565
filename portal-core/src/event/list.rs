//! The list itself: each event's name, its data, and for whom it is.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Audience, EpochReason};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{
    BlobId, BotId, BrowserEnd, ChatId, MessageId, ReportId, ReportState, Role, SessionId,
    Timestamp, UserId,
};

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

    /// Something about the chat changed, or its invites did; `chat` is given at delivery.
    "room:updated" RoomUpdated {
        /// Which.
        chat_id: ChatId,
        /// What: `name`, `description`, `slug`, `chat_type`, `chat_config`, `browser_config`, `label`, `owner`, or
        /// `invites` when one was made or revoked.
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
