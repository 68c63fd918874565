//! The facts the rules are judged by. Whoever reads them reads them in the transaction that acts.

use crate::model::{BotId, ChatId, ChatType, Role, UserId};

/// A signed-in person, as far as the rules care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Person {
    /// Who.
    pub id: UserId,
    /// The platform role.
    pub role: Role,
    /// Premium now (SPEC 1.3).
    pub premium_now: bool,
    /// An anonymous user (SPEC 1.8).
    pub stranger: bool,
}

/// On whose behalf an operation runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActingAs {
    /// Nobody signed in.
    Guest,
    /// A person.
    Person(Person),
    /// A bot: it lets people in from another platform, and may nothing else (SPEC 2.5).
    Bot(BotId),
    /// Whoever holds the database file: the host, the CLI.
    Operator,
    /// Housekeeping.
    System,
}

impl ActingAs {
    /// The person, if it is one.
    pub const fn person(&self) -> Option<&Person> {
        match self {
            ActingAs::Person(person) => Some(person),
            _ => None,
        }
    }

    /// The person's id, if it is one.
    pub fn user_id(&self) -> Option<UserId> {
        self.person().map(|person| person.id)
    }

    /// Whether no rule but an invariant holds it back: the operator, and housekeeping.
    pub const fn is_operator(&self) -> bool {
        matches!(self, ActingAs::Operator | ActingAs::System)
    }

    /// Whether it is a person of at least this role.
    pub fn has_role(&self, least: Role) -> bool {
        self.person().is_some_and(|person| person.role >= least)
    }
}

/// A chat's owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnerFacts {
    /// Who.
    pub id: UserId,
    /// The owner's platform role.
    pub role: Role,
}

/// A chat and how the actor stands to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChatFacts {
    /// Which chat.
    pub id: ChatId,
    /// Its type.
    pub chat_type: ChatType,
    /// Its owner; DIRECT chats have none.
    pub owner: Option<OwnerFacts>,
    /// Whether the actor has a membership row; in a DIRECT chat, is one of the two.
    pub is_member: bool,
    /// Whether the actor is banned from this chat at this moment.
    pub is_banned: bool,
}

impl ChatFacts {
    /// Whether the person is the chat's owner.
    pub fn is_owned_by(&self, person: UserId) -> bool {
        self.owner.is_some_and(|owner| owner.id == person)
    }
}

/// A person to be acted upon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TargetFacts {
    /// Who.
    pub id: UserId,
    /// The target's platform role.
    pub role: Role,
}

impl From<&Person> for TargetFacts {
    fn from(person: &Person) -> Self {
        Self {
            id: person.id,
            role: person.role,
        }
    }
}
