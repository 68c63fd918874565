//! Acting on people (SPEC 1.4, 1.6, 4.2).

use super::{Act, ActingAs, ChatFacts, Denial, Moderate, Permit, Person, TargetFacts};
use crate::model::{ChatId, Role, UserId};

/// `can_act_on` (SPEC 1.4): not oneself, and a strictly higher role, or both platform owners.
pub fn can_act_on(actor: UserId, actor_role: Role, target: UserId, target_role: Role) -> bool {
    let both_own = actor_role == Role::Owner && target_role == Role::Owner;
    actor != target && (actor_role > target_role || both_own)
}

/// Leave to act on a person on the platform.
#[derive(Debug)]
pub enum ActOn {}

impl Act for ActOn {
    type Subject = UserId;
}

/// Leave to act on a person within a chat.
#[derive(Debug)]
pub enum ActOnInChat {}

impl Act for ActOnInChat {
    type Subject = (ChatId, UserId);
}

/// Leave to act on a person on the platform: `can_act_on`, and at least the role `least`.
pub fn on_person(
    least: Role,
    actor: &ActingAs,
    target: &TargetFacts,
) -> Result<Permit<ActOn>, Denial> {
    let lawful = match actor {
        ActingAs::Guest => return Err(Denial::Unauthenticated),
        ActingAs::Person(person) if person.stranger => return Err(Denial::StrangerForbidden),
        ActingAs::Bot(_) => false,
        ActingAs::Operator | ActingAs::System => true,
        ActingAs::Person(person) => {
            person.role >= least && can_act_on(person.id, person.role, target.id, target.role)
        }
    };
    if lawful {
        Ok(Permit::new(target.id))
    } else {
        Err(Denial::Forbidden)
    }
}

/// What can be done to a person everywhere (SPEC 4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PersonAction {
    /// Hard mute, and lift it.
    HardMute,
    /// Time out, and lift it.
    Timeout,
    /// Ban from the platform, and lift it.
    Ban,
    /// Warn.
    Warn,
}

impl PersonAction {
    /// The least role that may.
    pub const fn least_role(self) -> Role {
        match self {
            PersonAction::HardMute | PersonAction::Ban => Role::Admin,
            PersonAction::Timeout | PersonAction::Warn => Role::Moderator,
        }
    }
}

/// Leave to do this to a person everywhere (SPEC 4.3).
pub fn act_everywhere(
    action: PersonAction,
    actor: &ActingAs,
    target: &TargetFacts,
) -> Result<Permit<ActOn>, Denial> {
    on_person(action.least_role(), actor, target)
}

/// Leave to act on a person in a chat that the actor may moderate (SPEC 4.2): the chat's owner on
/// anyone whose role is not above the owner's own, everyone else by `can_act_on`.
pub fn act_on_in_chat(
    moderate: &Permit<Moderate>,
    actor: &ActingAs,
    chat: &ChatFacts,
    target: &TargetFacts,
) -> Result<Permit<ActOnInChat>, Denial> {
    debug_assert_eq!(moderate.subject(), chat.id, "the permit is for this chat");
    let lawful = match actor {
        ActingAs::Guest | ActingAs::Bot(_) => false,
        ActingAs::Operator | ActingAs::System => true,
        ActingAs::Person(person) => {
            let owns = chat.owner.is_some_and(|owner| owner.id == person.id);
            person.id != target.id
                && (owns && target.role <= person.role
                    || can_act_on(person.id, person.role, target.id, target.role))
        }
    };
    if lawful {
        Ok(Permit::new((moderate.subject(), target.id)))
    } else {
        Err(Denial::Forbidden)
    }
}

/// An owner is neither kicked nor banned from the own chat (SPEC 4.2), by whomever.
pub fn may_evict(chat: &ChatFacts, target: &TargetFacts) -> Result<(), Denial> {
    if chat.owner.is_some_and(|owner| owner.id == target.id) {
        Err(Denial::TargetIsOwner)
    } else {
        Ok(())
    }
}

/// Whether the actor may give `target` the role `new` (SPEC 1.6): only who may act on the user, and
/// only below the grantor's own role; platform owners and the operator may grant any.
pub fn may_grant_role(
    actor: &ActingAs,
    target: &TargetFacts,
    new: Role,
) -> Result<Permit<ActOn>, Denial> {
    let permit = on_person(Role::Moderator, actor, target)?;
    let below = actor
        .person()
        .is_none_or(|person| person.role == Role::Owner || new < person.role);
    if below {
        Ok(permit)
    } else {
        Err(Denial::Forbidden)
    }
}

/// Whoever is signed up and signed in; strangers are not (SPEC 1.8).
pub fn signed_up(actor: &ActingAs) -> Result<(), Denial> {
    match actor {
        ActingAs::Guest => Err(Denial::Unauthenticated),
        ActingAs::Person(person) if person.stranger => Err(Denial::StrangerForbidden),
        ActingAs::Bot(_) => Err(Denial::Forbidden),
        ActingAs::Person(_) | ActingAs::Operator | ActingAs::System => Ok(()),
    }
}

/// Leave to act on one's own account: name, key, trial. Strangers have none, the operator is nobody.
pub fn on_oneself(actor: &ActingAs) -> Result<Permit<ActOn>, Denial> {
    signed_up(actor)?;
    actor
        .user_id()
        .map_or(Err(Denial::Forbidden), |id| Ok(Permit::new(id)))
}

/// Leave over what is a person's own without being an account's, such as whom they block: strangers have
/// it too, the operator is nobody.
pub fn on_ones_own(actor: &ActingAs) -> Result<Permit<ActOn>, Denial> {
    match actor {
        ActingAs::Guest => Err(Denial::Unauthenticated),
        ActingAs::Bot(_) => Err(Denial::Forbidden),
        ActingAs::Person(person) => Ok(Permit::new(person.id)),
        ActingAs::Operator | ActingAs::System => Err(Denial::NoPerson),
    }
}

/// Leave to act on an account: one's own, or as [`on_person`].
pub fn on_account(
    least: Role,
    actor: &ActingAs,
    target: &TargetFacts,
) -> Result<Permit<ActOn>, Denial> {
    if actor.user_id() == Some(target.id) {
        on_oneself(actor)
    } else {
        on_person(least, actor, target)
    }
}

/// Whether what is stored of a person would be taken out by an admin, who may act on them.
pub fn exports_as_staff(actor: &ActingAs, target: &TargetFacts) -> Result<bool, Denial> {
    let is_anothers = actor.user_id() != Some(target.id);
    if is_anothers {
        on_person(Role::Admin, actor, target)?;
    }
    Ok(is_anothers && actor.person().is_some())
}

/// Leave to take out everything that is stored of a person (SPEC 1.9): one's own, or as [`on_person`] for
/// admins. As it shows PRIVATE chats that are others', admins have given a reason for it (SPEC 4.5).
pub fn may_export(
    actor: &ActingAs,
    target: &TargetFacts,
    gave_reason: bool,
) -> Result<Permit<ActOn>, Denial> {
    if actor.user_id() == Some(target.id) {
        on_ones_own(actor)
    } else if exports_as_staff(actor, target)? && !gave_reason {
        Err(Denial::ReasonRequired)
    } else {
        on_person(Role::Admin, actor, target)
    }
}

/// Who sees a person's tier and standing: themself, and staff who may act on them (SPEC 4.6).
pub fn may_know(actor: &ActingAs, target: &TargetFacts) -> bool {
    actor.user_id() == Some(target.id) || on_person(Role::Moderator, actor, target).is_ok()
}

/// Whether the reason of what was done to somebody is the actor's to read, who is not the person: whoever gave
/// it, and staff who may act on the person (SPEC 7.1, 7.5).
pub fn may_read_reason(actor: &ActingAs, gave_it: bool, target: &TargetFacts) -> bool {
    gave_it || on_person(Role::Moderator, actor, target).is_ok()
}

/// A stranger may be taken away, by whatever ended the session (SPEC 1.8).
pub fn stranger_goes(stranger: &Person) -> Result<Permit<ActOn>, Denial> {
    if stranger.stranger {
        Ok(Permit::new(stranger.id))
    } else {
        Err(Denial::Forbidden)
    }
}

/// A person who has just signed up gets a first key: nobody else could.
pub fn on_sign_up(new: UserId) -> Permit<ActOn> {
    Permit::new(new)
}
