//! What the rules of SPEC 4 hold to whatever the facts say, also facts that the database would refuse.

use portal_core::model::{BotId, ChatId, ChatType, Role, UserId};
use portal_core::policy::{
    self, ActingAs, ChatAction, ChatFacts, Denial, Moderate, OwnerFacts, Permit, Person,
    TargetFacts, act_on_in_chat, may, permit,
};
use proptest::prelude::*;

fn id(id: i64) -> UserId {
    UserId::try_from(id).unwrap()
}

/// The rows that are `nobody` in a DIRECT chat.
const NOBODY: [ChatAction; 8] = [
    ChatAction::Configure,
    ChatAction::Invites,
    ChatAction::Clipboard,
    ChatAction::ActivityLog,
    ChatAction::Moderate,
    ChatAction::Clear,
    ChatAction::RunBrowser,
    ChatAction::Transfer,
];

fn any_role() -> impl Strategy<Value = Role> {
    prop::sample::select(&Role::ALL[..])
}

fn any_person() -> impl Strategy<Value = Person> {
    // Few ids, so that the actor often owns the chat.
    (1_i64..4, any_role(), any::<bool>(), any::<bool>()).prop_map(
        |(user, role, premium_now, stranger)| Person {
            id: id(user),
            role,
            premium_now,
            stranger,
        },
    )
}

fn any_actor() -> impl Strategy<Value = ActingAs> {
    prop_oneof![
        6 => any_person().prop_map(ActingAs::Person),
        1 => Just(ActingAs::Guest),
        1 => Just(ActingAs::Operator),
        1 => Just(ActingAs::System),
    ]
}

fn any_facts() -> impl Strategy<Value = ChatFacts> {
    let chat_type = prop::sample::select(&ChatType::ALL[..]);
    let owner = prop::option::of((1_i64..4, any_role()));
    let place = (any::<bool>(), any::<bool>(), 1_i64..1_000_000);
    (chat_type, owner, place).prop_map(|(chat_type, owner, (is_member, is_banned, chat))| {
        ChatFacts {
            id: ChatId::try_from(chat).unwrap(),
            chat_type,
            owner: owner.map(|(user, role)| OwnerFacts { id: id(user), role }),
            is_member,
            is_banned,
        }
    })
}

fn any_action() -> impl Strategy<Value = ChatAction> {
    prop::sample::select(&ChatAction::ALL[..])
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    #[test]
    fn nobody_means_nobody_spec_4_1(actor in any_actor(), facts in any_facts()) {
        let direct = ChatFacts { chat_type: ChatType::Direct, ..facts };
        for action in NOBODY {
            prop_assert!(may(action, &actor, &direct).is_err(), "{action:?}");
        }
        let destroyed = may(ChatAction::Destroy, &actor, &direct).is_ok();
        prop_assert_eq!(destroyed, actor.is_operator());
    }

    #[test]
    fn the_operator_passes_every_other_row_spec_4_1(facts in any_facts(), action in any_action()) {
        let nobody = facts.chat_type == ChatType::Direct && NOBODY.contains(&action);
        for actor in [ActingAs::Operator, ActingAs::System] {
            prop_assert_eq!(may(action, &actor, &facts).is_ok(), !nobody);
        }
    }

    #[test]
    fn a_bot_passes_no_row_and_every_chat_is_hidden_from_it_spec_2_5(
        bot in 1_i64..1_000, facts in any_facts(), action in any_action(), person in any_person(),
    ) {
        let bot = ActingAs::Bot(BotId::try_from(bot).unwrap());
        prop_assert_eq!(may(action, &bot, &facts), Err(Denial::ChatNotFound));
        let target = TargetFacts::from(&person);
        for least in Role::ALL {
            prop_assert!(policy::on_person(least, &bot, &target).is_err());
        }
        prop_assert!(policy::create_chat(facts.chat_type, &bot, &person).is_err());
        prop_assert!(policy::on_oneself(&bot).is_err() && policy::on_ones_own(&bot).is_err());
        let deliver = policy::deliver_codes(&ActingAs::Person(person));
        prop_assert_eq!(deliver, Err(Denial::Forbidden));
    }

    #[test]
    fn first_hidden_then_banned_then_forbidden_spec_4_4(
        actor in any_actor(), facts in any_facts(), action in any_action(),
    ) {
        let look = may(ChatAction::LookIn, &actor, &facts);
        let verdict = may(action, &actor, &facts);
        if look.is_ok() {
            let hidden = matches!(verdict, Err(Denial::ChatNotFound | Denial::Banned));
            prop_assert!(!hidden, "{verdict:?}");
        } else {
            // Whoever may not look in learns the same from every act.
            prop_assert_eq!(verdict, look);
        }
        let open = facts.chat_type.is_open();
        let refusal = if open { Denial::Banned } else { Denial::ChatNotFound };
        prop_assert!(look.is_ok() || look == Err(refusal));
    }

    #[test]
    fn a_stranger_gains_nothing_beyond_a_guest_outside_its_direct_chats_spec_1_8(
        person in any_person(), facts in any_facts(), action in any_action(),
    ) {
        let stranger = ActingAs::Person(Person { stranger: true, ..person });
        if may(action, &stranger, &facts).is_ok() {
            let guest = may(action, &ActingAs::Guest, &facts).is_ok();
            let one_of_the_two = facts.chat_type == ChatType::Direct && facts.is_member;
            prop_assert!(guest || one_of_the_two, "{action:?}");
        }
    }

    #[test]
    fn a_permit_is_for_the_chat_of_its_facts(actor in any_actor(), facts in any_facts()) {
        macro_rules! subjects {
            ($($act:ident)*) => {$(
                if let Ok(permit) = permit::<policy::$act>(&actor, &facts) {
                    prop_assert_eq!(permit.subject(), facts.id);
                }
            )*};
        }
        subjects! {
            LookIn Talk Configure Invites Clipboard ActivityLog Moderate Clear RunBrowser Destroy Transfer
            DeleteOwn Report
        }
    }

    #[test]
    fn membership_and_rank_only_add_and_a_ban_only_takes_away(
        person in any_person(), higher in any_role(), facts in any_facts(), action in any_action(),
    ) {
        let actor = ActingAs::Person(person);
        let plain = ChatFacts { is_member: false, is_banned: false, ..facts };
        let allowed = |actor: &ActingAs, facts: &ChatFacts| may(action, actor, facts).is_ok();
        let member = ChatFacts { is_member: true, ..plain };
        prop_assert!(allowed(&actor, &plain) <= allowed(&actor, &member));
        let banned = ChatFacts { is_banned: true, ..facts };
        let free = ChatFacts { is_banned: false, ..facts };
        prop_assert!(allowed(&actor, &banned) <= allowed(&actor, &free));
        let promoted = ActingAs::Person(Person { role: person.role.max(higher), ..person });
        prop_assert!(allowed(&actor, &facts) <= allowed(&promoted, &facts));
    }

    #[test]
    fn a_lawful_target_is_never_oneself_nor_above_both_ranks(
        person in any_person(), facts in any_facts(), user in 1_i64..4, role in any_role(),
    ) {
        let actor = ActingAs::Person(person);
        let target = TargetFacts { id: id(user), role };
        let leave: Result<Permit<Moderate>, Denial> = permit(&actor, &facts);
        let Ok(given) = leave.and_then(|leave| act_on_in_chat(&leave, &actor, &facts, &target)) else {
            return Ok(());
        };
        prop_assert_eq!(given.subject(), (facts.id, id(user)));
        prop_assert_ne!(person.id, id(user));
        prop_assert!(role <= person.role);
    }
}
