//! The nouns, valid by construction: each checked newtype has one way in, and rows and JSON both take it.
//!
//! No I/O and no rules about who may do what; those are `policy`'s.

mod browser;
mod chat;
mod config;
mod id;
mod interests;
mod report;
mod secret;
mod text;
mod time;
mod user;

pub use browser::{BrowserEnd, BrowserState, RunId};
pub use chat::{Chat, ChatKind, ChatType};
pub(crate) use config::present;
pub use config::{
    BrowserConfig, BrowserConfigUpdate, BrowserName, ChatConfig, ChatConfigUpdate,
    DEFAULT_BROWSERS, SlowMode, StartUrl, WipePreset,
};
pub use id::{
    ActivityId, AuditId, BlobId, BotId, ChatId, ConnectionId, MAX_ID, MessageId, ReportId, Seq,
    SessionId, UserId,
};
pub use interests::{BadInterest, Interests};
pub use report::ReportState;
pub use secret::Secret;
pub use text::{
    BotName, ChatName, ClientId, CountryCode, Description, Interest, InviteCode, Label, Note,
    Platform, PlatformIdentity, Reason, SignupCode, Slug, Username, is_reserved_slug,
};
pub use time::{DAY, HOUR, MINUTE, SECOND, Timestamp};
pub use user::{Role, Standing, Tier};
