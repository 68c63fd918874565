//! Who becomes a member, and who is shown the members (SPEC 3.2a, 4.4, 5.3).

use super::chat::refusal;
use super::{Act, ActingAs, ChatAction, ChatFacts, Denial, LookIn, Permit, Person, may, permit};
use crate::model::{ChatId, ChatType, UserId};

/// Leave for a person to become a member of a chat.
#[derive(Debug)]
pub enum Enter {}

impl Act for Enter {
    type Subject = (ChatId, UserId);
}

/// Who may try an invite at all: somebody signed up. It is asked before the code is looked at, so that
/// others learn nothing of it.
pub fn invitee(actor: &ActingAs) -> Result<Person, Denial> {
    match actor {
        ActingAs::Guest => Err(Denial::Unauthenticated),
        ActingAs::Person(person) if person.stranger => Err(Denial::StrangerForbidden),
        ActingAs::Person(person) => Ok(*person),
        ActingAs::Bot(_) | ActingAs::Operator | ActingAs::System => Err(Denial::Forbidden),
    }
}

/// Leave to become a member, for whoever holds a good code or whom the operator adds. `chat` holds the
/// facts as they are for that person. A ban keeps out, and is said even of a PRIVATE chat (SPEC 4.4);
/// a DIRECT takes no third.
pub fn enter(person: &Person, chat: &ChatFacts) -> Result<Permit<Enter>, Denial> {
    match chat.chat_type {
        _ if person.stranger => Err(Denial::StrangerForbidden),
        ChatType::Direct => Err(Denial::Forbidden),
        _ if chat.is_banned && !chat.is_owned_by(person.id) => Err(Denial::Banned),
        _ => Ok(Permit::new((chat.id, person.id))),
    }
}

/// Leave to see who belongs to a chat: whoever may look into a PRIVATE or DIRECT one. Into OFFICIAL and
/// PUBLIC anyone may look, but the members are shown to each other and to who moderates.
pub fn list_members(actor: &ActingAs, chat: &ChatFacts) -> Result<Permit<LookIn>, Denial> {
    let leave = permit::<LookIn>(actor, chat)?;
    let belongs = actor
        .person()
        .is_some_and(|person| !person.stranger && (chat.is_member || chat.is_owned_by(person.id)));
    let open = chat.chat_type.is_open();
    if !open || belongs || may(ChatAction::Moderate, actor, chat).is_ok() {
        Ok(leave)
    } else {
        Err(refusal(actor))
    }
}

/// Leave to learn how much of everything a chat holds: who moderates it; the operator in every type.
pub fn count_within(actor: &ActingAs, chat: &ChatFacts) -> Result<Permit<LookIn>, Denial> {
    let leave = permit::<LookIn>(actor, chat)?;
    if actor.is_operator() {
        return Ok(leave);
    }
    may(ChatAction::Moderate, actor, chat).map(|()| leave)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Role;

    fn person(id: i64, role: Role, stranger: bool) -> Person {
        Person {
            id: UserId::try_from(id).unwrap(),
            role,
            premium_now: false,
            stranger,
        }
    }

    fn chat(chat_type: ChatType, is_member: bool, is_banned: bool) -> ChatFacts {
        ChatFacts {
            id: ChatId::try_from(1).unwrap(),
            chat_type,
            owner: None,
            is_member,
            is_banned,
        }
    }

    #[test]
    fn a_ban_keeps_out_of_every_type_spec_4_4() {
        let ben = person(5, Role::User, false);
        for chat_type in [ChatType::Official, ChatType::Public, ChatType::Private] {
            let banned = chat(chat_type, false, true);
            assert_eq!(enter(&ben, &banned).unwrap_err(), Denial::Banned);
            assert!(enter(&ben, &chat(chat_type, false, false)).is_ok());
        }
    }

    #[test]
    fn no_invite_leads_into_a_direct_chat_and_none_is_for_strangers_spec_1_8() {
        let direct = chat(ChatType::Direct, false, false);
        let refused = enter(&person(5, Role::Owner, false), &direct);
        assert_eq!(refused.unwrap_err(), Denial::Forbidden);
        let stranger = person(9, Role::User, true);
        let refused = enter(&stranger, &chat(ChatType::Private, false, false));
        assert_eq!(refused.unwrap_err(), Denial::StrangerForbidden);
        let refused = invitee(&ActingAs::Person(stranger));
        assert_eq!(refused.unwrap_err(), Denial::StrangerForbidden);
    }
}
