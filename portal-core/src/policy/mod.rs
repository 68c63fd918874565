//! Who may do what (SPEC 4): facts in, a [`Permit`] or a [`Denial`] out.
//!
//! Pure: no I/O, no clock, no SQL. A store function that changes something takes the permit for that
//! act by reference, and only this module can make one, so forgetting to ask does not compile.

mod audit;
mod bot;
mod browser;
mod chat;
mod facts;
mod matching;
mod membership;
mod ownership;
mod person;
mod platform;

pub use audit::{AuditScope, ReadAudit, read_audit};
pub use bot::{deliver_codes, let_in_from, may_be_let_in};
pub use browser::{Control, ControlRules, control, hand_over, see_screen};
pub use chat::{
    ActivityLog, ChatAct, ChatAction, Clear, Clipboard, Configure, DeleteOwn, Destroy, Invites,
    LookIn, Moderate, Report, RunBrowser, Talk, Transfer, looks_as_staff, may, permit, read,
    reads_all, reads_private_days, sit,
};
pub use facts::{ActingAs, ChatFacts, OwnerFacts, Person, TargetFacts};
pub use matching::{Seek, block_stranger, direct_slots, seek};
pub use membership::{Enter, count_within, enter, invitee, list_members};
pub use ownership::{slot_limit, transfer};
pub use person::{
    ActOn, ActOnInChat, PersonAction, act_everywhere, act_on_in_chat, can_act_on, exports_as_staff,
    may_evict, may_export, may_grant_role, may_know, may_read_reason, on_account, on_ones_own,
    on_oneself, on_person, on_sign_up, signed_up, stranger_goes,
};
pub use platform::{
    CreateChat, PlatformAct, PlatformAction, PlatformPermit, create_chat, may_own, on_platform,
};

use crate::error::{Error, ErrorKind};

/// Leave to do one kind of thing to one subject, given by this module alone, from facts that were
/// read in the transaction that uses it.
#[derive(Debug)]
pub struct Permit<A: Act> {
    subject: A::Subject,
}

/// A kind of thing that needs leave.
pub trait Act {
    /// What it is done to: a chat, a person, the platform.
    type Subject: Copy + std::fmt::Debug;
}

impl<A: Act> Permit<A> {
    const fn new(subject: A::Subject) -> Self {
        Self { subject }
    }

    /// What the leave is for.
    pub const fn subject(&self) -> A::Subject {
        self.subject
    }
}

/// Why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// The chat is not the actor's to know of (SPEC 4.4).
    ChatNotFound,
    /// The actor may look, but not do this.
    Forbidden,
    /// Only a person can do this, and the actor is none.
    NoPerson,
    /// The actor is banned from the chat.
    Banned,
    /// The actor is not signed in.
    Unauthenticated,
    /// Strangers may not (SPEC 1.8).
    StrangerForbidden,
    /// A DIRECT chat takes no moderation (SPEC 7.2).
    DirectUnmoderated,
    /// The target owns the chat (SPEC 4.2).
    TargetIsOwner,
    /// The owner needs premium now (SPEC 3.5).
    PremiumRequired,
    /// Staff who look into others' PRIVATE chat say why first (SPEC 4.5).
    ReasonRequired,
}

impl From<Denial> for Error {
    fn from(denial: Denial) -> Self {
        let kind = match denial {
            Denial::ChatNotFound => ErrorKind::ChatNotFound,
            Denial::Forbidden => ErrorKind::Forbidden,
            Denial::NoPerson => {
                return Error::with_message(
                    ErrorKind::Forbidden,
                    "Only a person can do this; name one to act for.",
                );
            }
            Denial::Banned => ErrorKind::Banned,
            Denial::Unauthenticated => ErrorKind::Unauthenticated,
            Denial::StrangerForbidden => ErrorKind::StrangerForbidden,
            Denial::DirectUnmoderated => ErrorKind::DirectUnmoderated,
            Denial::TargetIsOwner => ErrorKind::TargetIsOwner,
            Denial::PremiumRequired => ErrorKind::PremiumRequired,
            Denial::ReasonRequired => ErrorKind::ReasonRequired,
        };
        Error::new(kind)
    }
}
