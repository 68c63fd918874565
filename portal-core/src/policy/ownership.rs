//! How many chats a person may own, and who may give one away (SPEC 3.5, 3.7).

use super::{ActingAs, ChatFacts, Denial, Permit, Transfer, permit};
use crate::model::{ChatType, Role, Tier};
use crate::settings::Settings;

/// How many chats a person may own of those that share slots with this type: PUBLIC and PRIVATE have
/// theirs together, OFFICIAL its own. None is without a limit.
pub fn slot_limit(chat_type: ChatType, role: Role, tier: Tier, settings: &Settings) -> Option<u32> {
    match chat_type {
        ChatType::Official if role == Role::Owner => None,
        ChatType::Official => Some(settings.official_chats_admin),
        ChatType::Public | ChatType::Private if tier == Tier::Lifetime => {
            Some(settings.chats_lifetime)
        }
        ChatType::Public | ChatType::Private => Some(settings.chats_premium),
        ChatType::Direct => None,
    }
}

/// Leave to offer a chat to somebody. A platform owner gives away another's PRIVATE chat only while that
/// owner is banned from the platform.
pub fn transfer(
    actor: &ActingAs,
    chat: &ChatFacts,
    owner_is_banned: bool,
) -> Result<Permit<Transfer>, Denial> {
    let leave = permit::<Transfer>(actor, chat)?;
    let anothers = actor
        .person()
        .is_some_and(|person| !chat.is_owned_by(person.id));
    if anothers && chat.chat_type == ChatType::Private && !owner_is_banned {
        Err(Denial::Forbidden)
    } else {
        Ok(leave)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_what_spec_3_5_says() {
        let settings = Settings::default();
        let limit = |chat_type, role, tier| slot_limit(chat_type, role, tier, &settings);
        for chat_type in [ChatType::Public, ChatType::Private] {
            assert_eq!(limit(chat_type, Role::Owner, Tier::Premium), Some(3));
            assert_eq!(limit(chat_type, Role::User, Tier::Lifetime), Some(5));
        }
        assert_eq!(
            limit(ChatType::Official, Role::Admin, Tier::Lifetime),
            Some(10)
        );
        assert_eq!(limit(ChatType::Official, Role::Owner, Tier::Basic), None);
    }
}
