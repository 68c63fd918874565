//! What runs browsers: a trait that a host implements and gives at opening ([`crate::Options::browsers`]).
//!
//! The library decides who may and what is wanted, and writes it down; a backend does it. It is called by
//! [`crate::Keeper::tend`] and for the clipboard and pictures, on the thread that asks, with no transaction and no lock
//! held, several chats at once. Each call may take as long as it needs; an end to its patience is the backend's own.
//!
//! The contract that makes a crash harmless: every call can be made again. Starting what runs, stopping what does not,
//! admitting who is admitted and dismissing who is not are all well; and [`BrowserBackend::list`] finds what an
//! earlier process left.

use crate::model::{
    BrowserConfig, BrowserEnd, ChatConfig, ChatId, RunId, Secret, UserId, Username,
};

/// What to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrowserOrder {
    /// For which chat.
    pub chat: ChatId,
    /// The run's name; what runs is labelled with it.
    pub run: RunId,
    /// Which browser, with what.
    pub browser: BrowserConfig,
    /// The chat's own settings, of which `inactive_cursors` concerns the browser.
    pub room: ChatConfig,
}

/// Who is to be let into a browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Viewer {
    /// Who.
    pub user: UserId,
    /// The name to show.
    pub name: Username,
}

/// A viewer's own way into a browser.
#[derive(Clone, Debug)]
pub struct Access {
    /// Where.
    pub url: String,
    /// With which name.
    pub username: String,
    /// With which password.
    pub password: Secret,
}

/// A browser that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running {
    /// For which chat.
    pub chat: ChatId,
    /// Which run.
    pub run: RunId,
    /// Who is let in.
    pub viewers: Vec<UserId>,
    /// Who has control.
    pub controller: Option<UserId>,
}

/// A picture of a browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// What kind, such as `image/jpeg`.
    pub media_type: String,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// What went wrong, in a word that people are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// What runs browsers does not answer, or not in time.
    Unreachable,
    /// There is no room for another browser.
    Full,
    /// This browser cannot be run as it is set up: no such image, a bad option.
    Misconfigured,
    /// That run is not there any more.
    Gone,
    /// Anything else.
    Failed,
}

impl From<FaultKind> for BrowserEnd {
    fn from(kind: FaultKind) -> Self {
        match kind {
            FaultKind::Unreachable => BrowserEnd::Unreachable,
            FaultKind::Full => BrowserEnd::Full,
            FaultKind::Misconfigured => BrowserEnd::Misconfigured,
            FaultKind::Gone => BrowserEnd::Died,
            FaultKind::Failed => BrowserEnd::Failed,
        }
    }
}

/// Why a backend did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind:?}: {detail}")]
pub struct Fault {
    /// What people are told.
    pub kind: FaultKind,
    /// What the operator's log is told; no secret.
    pub detail: String,
}

impl Fault {
    /// A fault with a detail for the log.
    pub fn new(kind: FaultKind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
        }
    }
}

/// Something that runs browsers. Any thread may call; the calls of one run but for the clipboard and pictures come
/// one after the other.
pub trait BrowserBackend: Send + Sync {
    /// Runs a browser, and returns once viewers can be admitted. After a crash it is called again for the same
    /// run, of which nothing, a part or all may be there.
    ///
    /// # Errors
    /// A [`Fault`]; [`BrowserBackend::stop`] is called for what may be left of it.
    fn start(&self, order: &BrowserOrder) -> Result<(), Fault>;

    /// Ends a run with everything that belongs to it. Well, if there is none.
    ///
    /// # Errors
    /// A [`Fault`]: it is called again later.
    fn stop(&self, run: &RunId) -> Result<(), Fault>;

    /// Everything that runs and was started through this library, whoever was the process; a run that has ended
    /// is not in it. Of its viewers, whoever was not let in here is dismissed; its controller counts when this process
    /// first hears of the run.
    ///
    /// # Errors
    /// A [`Fault`]: nothing is taken for gone then.
    fn list(&self) -> Result<Vec<Running>, Fault>;

    /// Lets a viewer in: their own account with a password that opens nothing else. For somebody who is let in already,
    /// it may be the same or a new one.
    ///
    /// # Errors
    /// A [`Fault`]; after [`FaultKind::Gone`] the run counts as ended.
    fn admit(&self, run: &RunId, viewer: &Viewer) -> Result<Access, Fault>;

    /// Takes a viewer's account away, cuts them off, and takes control from them if they had it. Well, if they have
    /// none.
    ///
    /// # Errors
    /// As for [`BrowserBackend::admit`].
    fn dismiss(&self, run: &RunId, viewer: UserId) -> Result<(), Fault>;

    /// Gives control to this viewer alone, or to nobody.
    ///
    /// # Errors
    /// As for [`BrowserBackend::admit`].
    fn give_control(&self, run: &RunId, to: Option<UserId>) -> Result<(), Fault>;

    /// What is on the clipboard.
    ///
    /// # Errors
    /// A [`Fault`].
    fn clipboard(&self, run: &RunId) -> Result<String, Fault>;

    /// Puts a text on the clipboard.
    ///
    /// # Errors
    /// A [`Fault`].
    fn set_clipboard(&self, run: &RunId, text: &str) -> Result<(), Fault>;

    /// Takes a picture of the screen.
    ///
    /// # Errors
    /// A [`Fault`].
    fn screenshot(&self, run: &RunId) -> Result<Picture, Fault>;
}
