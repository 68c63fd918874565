//! The rules of SPEC 4, against tables written by hand from SPEC; `policy_properties.rs` holds what is true
//! of any facts.

use std::collections::BTreeMap;

use portal_core::model::{ChatId, ChatType, Role, UserId};
use portal_core::policy::{
    self, ActingAs, ChatAction, ChatFacts, Denial, Moderate, OwnerFacts, Permit, Person,
    PlatformAction, TargetFacts, act_on_in_chat, can_act_on, create_chat, may, may_evict,
    may_grant_role, may_own, on_person, on_platform, permit,
};

const CHAT: i64 = 77;
const CHAT_OWNER: i64 = 4_000;

fn id(id: i64) -> UserId {
    UserId::try_from(id).unwrap()
}

fn person(user: i64, role: Role) -> Person {
    Person {
        id: id(user),
        role,
        premium_now: false,
        stranger: false,
    }
}

fn target(user: i64, role: Role) -> TargetFacts {
    TargetFacts { id: id(user), role }
}

fn chat(chat_type: ChatType, owner: Option<Role>) -> ChatFacts {
    ChatFacts {
        id: ChatId::try_from(CHAT).unwrap(),
        chat_type,
        owner: owner.map(|role| OwnerFacts {
            id: id(CHAT_OWNER),
            role,
        }),
        is_member: false,
        is_banned: false,
    }
}

// The table of SPEC 4.1 ---------------------------------------------------------------------------

/// A column of the table: who acts, and how they stand to the chat.
fn actor(column: &str, facts: &mut ChatFacts) -> ActingAs {
    let (column, banned) = match column.strip_suffix('!') {
        Some(rest) => (rest, true),
        None => (column, false),
    };
    let (column, member) = match column.strip_suffix('+') {
        Some(rest) => (rest, true),
        None => (column, false),
    };
    facts.is_banned = banned;
    facts.is_member = member;
    ActingAs::Person(match column {
        "owner" => person(CHAT_OWNER, facts.owner.expect("a chat with an owner").role),
        "user" => person(5_000, Role::User),
        "mod" => person(3_000, Role::Moderator),
        "admin" => person(2_000, Role::Admin),
        "plat" => person(1_000, Role::Owner),
        "strg" => Person {
            stranger: true,
            ..person(9_000, Role::User)
        },
        "guest" => return ActingAs::Guest,
        "oper" => return ActingAs::Operator,
        other => panic!("the table has an unknown column {other:?}"),
    })
}

fn cell_word(verdict: Result<(), Denial>) -> &'static str {
    match verdict {
        Ok(()) => "ok",
        Err(Denial::Forbidden) => "no",
        Err(Denial::ChatNotFound) => "hidden",
        Err(Denial::Banned) => "banned",
        Err(Denial::Unauthenticated) => "signin",
        Err(Denial::StrangerForbidden) => "anon",
        Err(Denial::DirectUnmoderated) => "direct",
        Err(other) => panic!("{other:?} is no answer of this table"),
    }
}

const ROWS: [(&str, ChatAction); 13] = [
    ("look-in", ChatAction::LookIn),
    ("talk", ChatAction::Talk),
    ("configure", ChatAction::Configure),
    ("invites", ChatAction::Invites),
    ("clipboard", ChatAction::Clipboard),
    ("activity-log", ChatAction::ActivityLog),
    ("moderate", ChatAction::Moderate),
    ("clear", ChatAction::Clear),
    ("run-browser", ChatAction::RunBrowser),
    ("destroy", ChatAction::Destroy),
    ("transfer", ChatAction::Transfer),
    ("delete-own", ChatAction::DeleteOwn),
    ("report", ChatAction::Report),
];

/// Whom the table must answer for.
fn columns(chat_type: ChatType) -> &'static [&'static str] {
    if chat_type == ChatType::Direct {
        &[
            "user+", "mod+", "admin+", "plat+", "strg+", "user", "mod", "admin", "plat", "strg",
            "guest", "oper",
        ]
    } else {
        &[
            "owner", "user+", "user", "mod", "admin", "plat", "strg", "strg+", "guest", "oper",
            "owner!", "user+!", "user!", "mod!", "admin!", "plat!", "strg!",
        ]
    }
}

/// Which roles may own a chat of a type, as far as SPEC 3.2 and 3.5 limit them.
fn owners(chat_type: ChatType) -> Vec<Option<Role>> {
    match chat_type {
        ChatType::Direct => vec![None],
        ChatType::Official => vec![Some(Role::Admin), Some(Role::Owner)],
        ChatType::Public | ChatType::Private => Role::ALL.into_iter().map(Some).collect(),
    }
}

type Table = BTreeMap<(ChatType, Option<Role>, &'static str, String), &'static str>;

/// Reads `policy_table.txt`: a heading, a line of columns, a line for every row.
fn table() -> Table {
    let mut table = Table::new();
    let mut kinds = Vec::new();
    let mut head: Vec<&str> = Vec::new();
    let lines = include_str!("policy_table.txt").lines();
    for line in lines.filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
        let (first, rest) = line.split_once(' ').unwrap_or((line, ""));
        if let Ok(chat_type) = ChatType::try_from(first) {
            let named = rest.trim_start_matches("owned by ").split(", ");
            kinds = match chat_type {
                ChatType::Direct => vec![(chat_type, None)],
                _ => named.map(|word| (chat_type, Some(role(word)))).collect(),
            };
            head.clear();
        } else if first.is_empty() {
            head = rest.split_whitespace().collect();
        } else {
            let row = ROWS
                .iter()
                .find(|(name, _)| *name == first)
                .unwrap_or_else(|| panic!("the table has an unknown row {first:?}"));
            let cells: Vec<_> = rest.split_whitespace().collect();
            assert_eq!(cells.len(), head.len(), "{kinds:?}, {first}: cells");
            for (chat_type, owner) in &kinds {
                for (column, cell) in head.iter().zip(&cells) {
                    let key = (*chat_type, *owner, row.0, (*column).to_owned());
                    let twice = table.insert(key, cell);
                    assert_eq!(twice, None, "{chat_type:?} {owner:?} {first} {column}");
                }
            }
        }
    }
    table
}

fn role(word: &str) -> Role {
    Role::ALL
        .into_iter()
        .find(|role| role.as_str() == word)
        .unwrap_or_else(|| panic!("{word:?} is no role"))
}

#[test]
fn every_cell_is_answered_as_the_table_says_spec_4_1() {
    let mut table = table();
    let mut wrong = Vec::new();
    for chat_type in ChatType::ALL {
        for owner in owners(chat_type) {
            for (row, action) in ROWS {
                for column in columns(chat_type) {
                    let mut facts = chat(chat_type, owner);
                    let actor = actor(column, &mut facts);
                    let got = cell_word(may(action, &actor, &facts));
                    let key = (chat_type, owner, row, (*column).to_owned());
                    let expected = table.remove(&key);
                    if expected != Some(got) {
                        wrong.push(format!("{key:?}: {got}, the table says {expected:?}"));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(table.is_empty(), "cells that nobody asked for: {table:?}");
}

#[test]
fn the_table_has_a_row_for_every_action() {
    let rows: Vec<_> = ROWS.iter().map(|(_, action)| *action).collect();
    assert_eq!(rows, ChatAction::ALL);
}

#[test]
fn each_permit_asks_for_its_own_row() {
    macro_rules! asks {
        ($($act:ident)*) => {$(
            for chat_type in ChatType::ALL {
                for owner in owners(chat_type) {
                    for column in columns(chat_type) {
                        let mut facts = chat(chat_type, owner);
                        let actor = actor(column, &mut facts);
                        let given = permit::<policy::$act>(&actor, &facts);
                        let expected = may(ChatAction::$act, &actor, &facts);
                        assert_eq!(given.map(drop), expected, "{column}, {facts:?}");
                    }
                }
            }
        )*};
    }
    asks! {
        LookIn Talk Configure Invites Clipboard ActivityLog Moderate Clear RunBrowser Destroy Transfer
        DeleteOwn Report
    }
}

// Acting on people --------------------------------------------------------------------------------

/// Who (down) may act on whom (across): user, moderator, admin, owner.
const OUTRANKS: [(Role, [bool; 4]); 4] = [
    (Role::User, [false, false, false, false]),
    (Role::Moderator, [true, false, false, false]),
    (Role::Admin, [true, true, false, false]),
    (Role::Owner, [true, true, true, true]),
];

#[test]
fn a_higher_role_acts_on_a_lower_and_owners_on_each_other_spec_1_4() {
    for (actor, row) in OUTRANKS {
        for (target, expected) in Role::ALL.into_iter().zip(row) {
            let got = can_act_on(id(10), actor, id(20), target);
            assert_eq!(got, expected, "{actor:?} on {target:?}");
        }
        assert!(!can_act_on(id(10), actor, id(10), Role::User), "{actor:?}");
        assert!(!can_act_on(id(10), actor, id(10), actor), "{actor:?}");
    }
}

#[test]
fn the_platform_acts_on_people_by_rank_and_least_role_spec_4_3() {
    let someone = target(20, Role::User);
    let subject = |permit: Permit<policy::ActOn>| permit.subject();
    for least in Role::ALL {
        for role in Role::ALL {
            let expected = role >= least && role > Role::User;
            let got = on_person(least, &ActingAs::Person(person(10, role)), &someone);
            let expected = expected.then_some(id(20)).ok_or(Denial::Forbidden);
            assert_eq!(got.map(subject), expected, "{role:?}, {least:?}");
        }
        for actor in [ActingAs::Operator, ActingAs::System] {
            let got = on_person(least, &actor, &target(20, Role::Owner));
            assert_eq!(got.map(subject), Ok(id(20)));
        }
        let guest = on_person(least, &ActingAs::Guest, &someone);
        assert_eq!(guest.map(subject), Err(Denial::Unauthenticated));
        let stranger = on_person(least, &stranger(), &someone);
        assert_eq!(stranger.map(subject), Err(Denial::StrangerForbidden));
    }
    let equals = on_person(
        Role::User,
        &ActingAs::Person(person(10, Role::Admin)),
        &target(20, Role::Admin),
    );
    assert_eq!(equals.map(subject), Err(Denial::Forbidden));
}

fn stranger() -> ActingAs {
    ActingAs::Person(Person {
        stranger: true,
        ..person(9_000, Role::User)
    })
}

fn moderates(actor: &ActingAs, facts: &ChatFacts, target: &TargetFacts) -> Result<UserId, Denial> {
    let leave: Permit<Moderate> = permit(actor, facts)?;
    let given = act_on_in_chat(&leave, actor, facts, target)?;
    assert_eq!(given.subject().0, facts.id);
    Ok(given.subject().1)
}

#[test]
fn a_chats_owner_acts_on_anyone_not_above_them_spec_4_2() {
    for owner in Role::ALL {
        let facts = chat(ChatType::Private, Some(owner));
        let actor = ActingAs::Person(person(CHAT_OWNER, owner));
        for role in Role::ALL {
            let expected = (role <= owner).then_some(id(20)).ok_or(Denial::Forbidden);
            let got = moderates(&actor, &facts, &target(20, role));
            assert_eq!(got, expected, "{owner:?} on {role:?}");
        }
    }
}

#[test]
fn whoever_does_not_own_the_chat_needs_a_higher_role_spec_4_2() {
    // A moderator, an admin and a platform owner, each in a chat of a user that they outrank.
    let facts = chat(ChatType::Public, Some(Role::User));
    for (actor, row) in OUTRANKS.into_iter().skip(1) {
        for (role, expected) in Role::ALL.into_iter().zip(row) {
            let expected = expected.then_some(id(20)).ok_or(Denial::Forbidden);
            let actor = ActingAs::Person(person(10, actor));
            let got = moderates(&actor, &facts, &target(20, role));
            assert_eq!(got, expected, "{actor:?} on {role:?}");
        }
    }
}

#[test]
fn nobody_acts_on_themself_spec_4_2() {
    for role in Role::ALL {
        let owned = chat(ChatType::Private, Some(role));
        let actor = ActingAs::Person(person(CHAT_OWNER, role));
        let got = moderates(&actor, &owned, &target(CHAT_OWNER, role));
        assert_eq!(got, Err(Denial::Forbidden), "{role:?} as owner");
    }
    let facts = chat(ChatType::Public, Some(Role::User));
    let admin = ActingAs::Person(person(10, Role::Admin));
    let got = moderates(&admin, &facts, &target(10, Role::Admin));
    assert_eq!(got, Err(Denial::Forbidden));
}

#[test]
fn the_operator_acts_on_anyone_spec_1_4() {
    let facts = chat(ChatType::Official, Some(Role::Owner));
    for role in Role::ALL {
        let got = moderates(&ActingAs::Operator, &facts, &target(20, role));
        assert_eq!(got, Ok(id(20)));
    }
}

#[test]
fn an_owner_is_neither_kicked_nor_banned_from_the_own_chat_spec_4_2() {
    let facts = chat(ChatType::Public, Some(Role::User));
    let owner = may_evict(&facts, &target(CHAT_OWNER, Role::User));
    assert_eq!(owner, Err(Denial::TargetIsOwner));
    assert_eq!(may_evict(&facts, &target(20, Role::User)), Ok(()));
    // A higher role may still mute them.
    let admin = ActingAs::Person(person(10, Role::Admin));
    let muted = moderates(&admin, &facts, &target(CHAT_OWNER, Role::User));
    assert_eq!(muted, Ok(id(CHAT_OWNER)));
}

#[test]
fn a_role_is_granted_below_the_own_by_who_may_act_on_the_person_spec_1_6() {
    // For each grantor and each present role (down): the roles that can be granted.
    let grants: [(Role, [&[Role]; 4]); 4] = [
        (Role::User, [&[], &[], &[], &[]]),
        (Role::Moderator, [&[Role::User], &[], &[], &[]]),
        (
            Role::Admin,
            [
                &[Role::User, Role::Moderator],
                &[Role::User, Role::Moderator],
                &[],
                &[],
            ],
        ),
        (
            Role::Owner,
            [&Role::ALL, &Role::ALL, &Role::ALL, &Role::ALL],
        ),
    ];
    for (grantor, by_target) in grants {
        for (role, allowed) in Role::ALL.into_iter().zip(by_target) {
            for new in Role::ALL {
                let actor = ActingAs::Person(person(10, grantor));
                let got = may_grant_role(&actor, &target(20, role), new).is_ok();
                assert_eq!(
                    got,
                    allowed.contains(&new),
                    "{grantor:?}: {role:?} to {new:?}"
                );
                let operator = may_grant_role(&ActingAs::Operator, &target(20, role), new);
                assert!(operator.is_ok());
            }
        }
        let own = ActingAs::Person(person(10, grantor));
        assert!(may_grant_role(&own, &target(10, grantor), Role::User).is_err());
    }
    let guest = may_grant_role(&ActingAs::Guest, &target(20, Role::User), Role::User);
    assert_eq!(guest.map(drop), Err(Denial::Unauthenticated));
}

// The platform ------------------------------------------------------------------------------------

#[test]
fn platform_acts_need_the_role_of_spec_4_6() {
    // user, moderator, admin, platform owner; the operator may each of them.
    let rows = [
        (PlatformAction::ListUsers, [false, true, true, true]),
        (PlatformAction::Matcher, [false, true, true, true]),
        (PlatformAction::Label, [false, false, true, true]),
        (PlatformAction::OfficialChats, [false, false, true, true]),
        (PlatformAction::SignupCodes, [false, false, true, true]),
        (PlatformAction::Bots, [false, false, true, true]),
        (PlatformAction::Reports, [false, false, true, true]),
        (PlatformAction::Audit, [false, false, true, true]),
        (PlatformAction::Settings, [false, false, false, true]),
        (PlatformAction::Browsers, [false, false, false, true]),
        (PlatformAction::Operate, [false, false, false, false]),
    ];
    let subject = |permit: policy::PlatformPermit| permit.subject();
    for (action, row) in rows {
        for (role, expected) in Role::ALL.into_iter().zip(row) {
            let got = on_platform(action, &ActingAs::Person(person(10, role)));
            let expected = expected.then_some(action).ok_or(Denial::Forbidden);
            assert_eq!(got.map(subject), expected, "{action:?} by {role:?}");
        }
        for actor in [ActingAs::Operator, ActingAs::System] {
            assert_eq!(on_platform(action, &actor).map(subject), Ok(action));
        }
        let guest = on_platform(action, &ActingAs::Guest);
        assert_eq!(guest.map(subject), Err(Denial::Unauthenticated));
        let anonymous = on_platform(action, &stranger());
        assert_eq!(anonymous.map(subject), Err(Denial::StrangerForbidden));
    }
}

#[test]
fn who_may_own_which_chat_spec_3_5() {
    use ChatType::{Direct, Official, Private, Public};
    for role in Role::ALL {
        for premium_now in [false, true] {
            let owner = Person {
                premium_now,
                ..person(10, role)
            };
            let official = (role >= Role::Admin).then_some(()).ok_or(Denial::Forbidden);
            assert_eq!(may_own(Official, &owner), official, "{owner:?}");
            let paid = premium_now.then_some(()).ok_or(Denial::PremiumRequired);
            assert_eq!(may_own(Public, &owner), paid, "{owner:?}");
            assert_eq!(may_own(Private, &owner), paid, "{owner:?}");
            assert_eq!(may_own(Direct, &owner), Err(Denial::Forbidden));
        }
    }
    let anonymous = Person {
        stranger: true,
        premium_now: true,
        ..person(9_000, Role::Owner)
    };
    for chat_type in ChatType::ALL {
        let refused = may_own(chat_type, &anonymous);
        assert_eq!(refused, Err(Denial::StrangerForbidden));
    }
}

#[test]
fn people_make_chats_for_themselves_the_operator_for_who_could_spec_3_2() {
    let premium = Person {
        premium_now: true,
        ..person(10, Role::User)
    };
    let admin = person(2_000, Role::Admin);
    let made = |chat_type, actor: ActingAs, owner: &Person| {
        create_chat(chat_type, &actor, owner).map(|permit| permit.subject())
    };
    for chat_type in [ChatType::Public, ChatType::Private] {
        for actor in [ActingAs::Person(premium), ActingAs::Operator] {
            assert_eq!(made(chat_type, actor, &premium), Ok(chat_type));
        }
        // Premium is the owner's to have, whoever asks (SEED).
        for actor in [ActingAs::Person(admin), ActingAs::Operator] {
            let refused = made(chat_type, actor, &admin);
            assert_eq!(refused, Err(Denial::PremiumRequired));
        }
        let for_another = made(chat_type, ActingAs::Person(admin), &premium);
        assert_eq!(for_another, Err(Denial::Forbidden));
        let guest = made(chat_type, ActingAs::Guest, &premium);
        assert_eq!(guest, Err(Denial::Unauthenticated));
        let anonymous = made(chat_type, stranger(), &premium);
        assert_eq!(anonymous, Err(Denial::StrangerForbidden));
    }
    let official = ChatType::Official;
    for actor in [ActingAs::Person(admin), ActingAs::Operator] {
        assert_eq!(made(official, actor, &admin), Ok(official));
    }
    for actor in [ActingAs::Person(premium), ActingAs::Operator] {
        assert_eq!(made(official, actor, &premium), Err(Denial::Forbidden));
    }
    // A DIRECT chat is the matcher's alone to make.
    for actor in [ActingAs::Person(premium), ActingAs::Operator] {
        let refused = made(ChatType::Direct, actor, &premium);
        assert_eq!(refused, Err(Denial::Forbidden));
    }
}
