//! Acts on the platform as a whole (SPEC 4.6), and who may make and own which chat (SPEC 3.2, 3.5).

use super::{Act, ActingAs, Denial, Permit, Person};
use crate::model::{ChatType, Role};

/// The acts of SPEC 4.6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlatformAction {
    /// List people and look one up.
    ListUsers,
    /// Endorse a chat.
    Label,
    /// Make an OFFICIAL chat.
    OfficialChats,
    /// Make, list and revoke sign-up codes.
    SignupCodes,
    /// Add, list, rotate and remove bots.
    Bots,
    /// List and resolve reports.
    Reports,
    /// Read the whole audit log.
    Audit,
    /// Block a stranger, pause the matcher.
    Matcher,
    /// Change settings.
    Settings,
    /// List every chat's browser.
    Browsers,
    /// What only the operator does: make people and sessions by hand, read the whole event log.
    Operate,
}

impl PlatformAction {
    /// The least role that may; none: the operator only.
    pub const fn least_role(self) -> Option<Role> {
        match self {
            PlatformAction::ListUsers | PlatformAction::Matcher => Some(Role::Moderator),
            PlatformAction::Label
            | PlatformAction::OfficialChats
            | PlatformAction::SignupCodes
            | PlatformAction::Bots
            | PlatformAction::Reports
            | PlatformAction::Audit => Some(Role::Admin),
            PlatformAction::Settings | PlatformAction::Browsers => Some(Role::Owner),
            PlatformAction::Operate => None,
        }
    }
}

/// Leave for one act on the platform; the subject says which.
#[derive(Debug)]
pub enum PlatformAct {}

impl Act for PlatformAct {
    type Subject = PlatformAction;
}

/// Leave for one act on the platform.
pub type PlatformPermit = Permit<PlatformAct>;

/// Leave for an act of SPEC 4.6.
pub fn on_platform(action: PlatformAction, actor: &ActingAs) -> Result<PlatformPermit, Denial> {
    let lawful = actor.is_operator()
        || action
            .least_role()
            .is_some_and(|least| actor.has_role(least));
    match actor {
        ActingAs::Guest => Err(Denial::Unauthenticated),
        ActingAs::Person(person) if person.stranger => Err(Denial::StrangerForbidden),
        _ if lawful => Ok(Permit::new(action)),
        _ => Err(Denial::Forbidden),
    }
}

/// Leave to make a chat of a type.
#[derive(Debug)]
pub enum CreateChat {}

impl Act for CreateChat {
    type Subject = ChatType;
}

/// Whether a person could own a chat of this type (SPEC 3.5): OFFICIAL needs an admin or above,
/// PUBLIC and PRIVATE premium now, whatever the role. A DIRECT has no owner.
pub fn may_own(chat_type: ChatType, owner: &Person) -> Result<(), Denial> {
    match chat_type {
        _ if owner.stranger => Err(Denial::StrangerForbidden),
        ChatType::Official if owner.role >= Role::Admin => Ok(()),
        ChatType::Official | ChatType::Direct => Err(Denial::Forbidden),
        ChatType::Public | ChatType::Private if owner.premium_now => Ok(()),
        ChatType::Public | ChatType::Private => Err(Denial::PremiumRequired),
    }
}

/// Leave for `actor` to make a chat that `owner` will own: people make chats for themselves, the
/// operator for anyone who could own one.
pub fn create_chat(
    chat_type: ChatType,
    actor: &ActingAs,
    owner: &Person,
) -> Result<Permit<CreateChat>, Denial> {
    match actor {
        ActingAs::Guest => return Err(Denial::Unauthenticated),
        ActingAs::Person(person) if person.stranger => return Err(Denial::StrangerForbidden),
        ActingAs::Person(person) if person.id != owner.id => return Err(Denial::Forbidden),
        ActingAs::Bot(_) => return Err(Denial::Forbidden),
        ActingAs::Person(_) | ActingAs::Operator | ActingAs::System => {}
    }
    may_own(chat_type, owner).map(|()| Permit::new(chat_type))
}
