//! The table of SPEC 4.1, and how its answers are worded (SPEC 4.4).

use super::{Act, ActingAs, ChatFacts, Denial, Permit, can_act_on};
use crate::model::{ChatId, ChatType, Role};

/// The rows of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChatAction {
    /// Look in, read history.
    LookIn,
    /// Join as a viewer and talk.
    Talk,
    /// Name, description, slug, `chat_config`, `browser_config`.
    Configure,
    /// Create, list and revoke invites.
    Invites,
    /// The browser's clipboard.
    Clipboard,
    /// The activity log.
    ActivityLog,
    /// Delete others' messages, mute, unmute, kick, ban, unban.
    Moderate,
    /// Clear, wipe now.
    Clear,
    /// Start and stop the browser.
    RunBrowser,
    /// Destroy the chat.
    Destroy,
    /// Transfer the chat.
    Transfer,
    /// Delete one's own messages.
    DeleteOwn,
    /// Report a message.
    Report,
}

impl ChatAction {
    /// Every row, in the table's order.
    pub const ALL: [ChatAction; 13] = [
        ChatAction::LookIn,
        ChatAction::Talk,
        ChatAction::Configure,
        ChatAction::Invites,
        ChatAction::Clipboard,
        ChatAction::ActivityLog,
        ChatAction::Moderate,
        ChatAction::Clear,
        ChatAction::RunBrowser,
        ChatAction::Destroy,
        ChatAction::Transfer,
        ChatAction::DeleteOwn,
        ChatAction::Report,
    ];
}

/// The letters of the table. `M` in a DIRECT chat is one of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Grant {
    /// The chat's owner.
    O,
    /// Outranks the chat's owner.
    R,
    /// Admin or above.
    A,
    /// Platform owner.
    P,
    /// Member.
    M,
    /// Signed in, not a stranger.
    S,
    /// Anyone.
    G,
    /// `(leave)`: people end it by leaving, never by this act; the operator passes.
    L,
}

/// One cell: whoever holds any of these may. Empty is `nobody`, the operator included.
#[rustfmt::skip]
#[expect(clippy::match_same_arms, reason = "it is read beside the table of SPEC 4.1, row by row")]
const fn cell(action: ChatAction, chat_type: ChatType) -> &'static [Grant] {
    use ChatAction as Row;
    use ChatType::{Direct, Official, Private, Public};
    use Grant::{A, G, L, M, O, P, R, S};
    match (action, chat_type) {
        (Row::LookIn,                                           Official | Public) => &[G],
        (Row::LookIn,                                           Private)           => &[O, M, A],
        (Row::Talk,                                             Official | Public) => &[S],
        (Row::Talk,                                             Private)           => &[O, M],
        (Row::Configure | Row::Invites | Row::Clipboard,        Official | Public) => &[O, R],
        (Row::Configure | Row::Invites | Row::Clipboard,        Private)           => &[O],
        (Row::ActivityLog,                                      Official | Public) => &[O, R],
        (Row::ActivityLog,                                      Private)           => &[O],
        (Row::Moderate | Row::Clear,                            Official | Public) => &[O, R],
        (Row::Moderate | Row::Clear,                            Private)           => &[O, A],
        (Row::RunBrowser | Row::Transfer,                       Official | Public | Private) => &[O, P],
        (Row::Destroy,                                          Official | Public) => &[O, P],
        (Row::Destroy,                                          Private)           => &[O, A],
        (Row::DeleteOwn,                                        Official | Public) => &[M, S],
        (Row::DeleteOwn,                                        Private)           => &[O, M],
        (Row::Report,                                           Official | Public) => &[S],
        (Row::Report,                                           Private)           => &[O, M],
        (Row::LookIn | Row::Talk | Row::DeleteOwn | Row::Report, Direct)           => &[M],
        (Row::Destroy,                                          Direct)            => &[L],
        (Row::Configure | Row::Invites | Row::Clipboard | Row::ActivityLog | Row::Moderate
            | Row::Clear | Row::RunBrowser | Row::Transfer,     Direct)            => &[],
    }
}

fn holds(grant: Grant, actor: &ActingAs, chat: &ChatFacts) -> bool {
    // Outside its DIRECT chats a stranger is a guest, whatever else is said of it (SPEC 1.8).
    let person = actor
        .person()
        .filter(|person| !person.stranger || chat.chat_type == ChatType::Direct);
    match grant {
        Grant::G => true,
        Grant::L => false,
        Grant::S => person.is_some_and(|person| !person.stranger),
        Grant::M => person.is_some() && chat.is_member,
        Grant::A => person.is_some_and(|person| person.role >= Role::Admin),
        Grant::P => person.is_some_and(|person| person.role >= Role::Owner),
        Grant::O => person.is_some_and(|p| chat.owner.is_some_and(|owner| owner.id == p.id)),
        Grant::R => person.is_some_and(|p| {
            chat.owner
                .is_some_and(|owner| can_act_on(p.id, p.role, owner.id, owner.role))
        }),
    }
}

/// Whether a ban counts: on people alone, and never on the chat's owner (SPEC 4.2), who may have been
/// banned before the chat was theirs.
fn is_held_off(actor: &ActingAs, chat: &ChatFacts) -> bool {
    chat.is_banned && actor.person().is_some() && !holds(Grant::O, actor, chat)
}

fn granted(action: ChatAction, actor: &ActingAs, chat: &ChatFacts) -> bool {
    let grants = cell(action, chat.chat_type);
    // What is for anyone is for people: a bot is in no cell (SPEC 2.5).
    if matches!(actor, ActingAs::Bot(_)) {
        return false;
    }
    (actor.is_operator() && !grants.is_empty())
        || grants.iter().any(|grant| holds(*grant, actor, chat))
}

/// Whether the actor may do this to the chat; if not, why not.
///
/// The order of answers is SPEC 4.4's: first whether the chat exists for the actor, then a ban, then
/// the cell of the table.
pub fn may(action: ChatAction, actor: &ActingAs, chat: &ChatFacts) -> Result<(), Denial> {
    if !granted(ChatAction::LookIn, actor, chat) {
        return Err(Denial::ChatNotFound);
    }
    if is_held_off(actor, chat) {
        let open = chat.chat_type.is_open();
        return Err(if open {
            Denial::Banned
        } else {
            Denial::ChatNotFound
        });
    }
    if granted(action, actor, chat) {
        return Ok(());
    }
    if chat.chat_type == ChatType::Direct && action != ChatAction::Moderate {
        // Here nobody may: to sign up would not help a stranger.
        return Err(Denial::Forbidden);
    }
    Err(match (action, actor) {
        (ChatAction::Moderate, _) if chat.chat_type == ChatType::Direct => {
            Denial::DirectUnmoderated
        }
        _ => refusal(actor),
    })
}

/// Why somebody who may look in may not do more.
pub(super) fn refusal(actor: &ActingAs) -> Denial {
    match actor {
        ActingAs::Guest => Denial::Unauthenticated,
        ActingAs::Person(person) if person.stranger => Denial::StrangerForbidden,
        _ => Denial::Forbidden,
    }
}

/// Whether the actor reads all of a chat's history although it is not visible (SPEC 6.4): who may
/// manage the chat, and A in PRIVATE. That they may look in at all is [`may`]'s.
pub fn reads_all(actor: &ActingAs, chat: &ChatFacts) -> bool {
    granted(ChatAction::Configure, actor, chat)
        || actor.is_operator()
        || chat.chat_type == ChatType::Private && holds(Grant::A, actor, chat)
}

/// Whether a look in is an admin's into others' PRIVATE chat (SPEC 4.5).
pub fn looks_as_staff(actor: &ActingAs, chat: &ChatFacts) -> bool {
    let belongs = holds(Grant::O, actor, chat) || holds(Grant::M, actor, chat);
    chat.chat_type == ChatType::Private && actor.person().is_some() && !belongs
}

/// Leave to read in the chat: to look in and, where that is an admin's look into others' PRIVATE chat, to
/// have given the reason for it (SPEC 4.5).
pub fn read(
    actor: &ActingAs,
    chat: &ChatFacts,
    gave_reason: bool,
) -> Result<Permit<LookIn>, Denial> {
    let leave = permit::<LookIn>(actor, chat)?;
    if looks_as_staff(actor, chat) && !gave_reason {
        Err(Denial::ReasonRequired)
    } else {
        Ok(leave)
    }
}

/// Whether the actor may talk in a room that they may sit in. Who may look into an open chat may sit there
/// and listen; an admin's look into a PRIVATE one is no seat in it (SPEC 4.5).
///
/// # Errors
/// What [`may`] gives for looking in; [`Denial::Forbidden`] for whoever may do no more than that.
pub fn sit(actor: &ActingAs, chat: &ChatFacts) -> Result<bool, Denial> {
    may(ChatAction::LookIn, actor, chat)?;
    let may_talk = may(ChatAction::Talk, actor, chat).is_ok();
    if may_talk || chat.chat_type.is_open() {
        Ok(may_talk)
    } else {
        Err(Denial::Forbidden)
    }
}

/// Leave to do `A` to the chat.
///
/// # Errors
/// The [`Denial`] that [`may`] gives.
pub fn permit<A: ChatAct>(actor: &ActingAs, chat: &ChatFacts) -> Result<Permit<A>, Denial> {
    may(A::ACTION, actor, chat).map(|()| Permit::new(chat.id))
}

/// An act whose subject is a chat: one row of the table.
pub trait ChatAct: Act<Subject = ChatId> {
    /// The row.
    const ACTION: ChatAction;
}

macro_rules! chat_acts {
    ($($act:ident)*) => {$(
        #[doc = concat!("Leave for [`ChatAction::", stringify!($act), "`].")]
        #[derive(Debug)]
        pub enum $act {}

        impl Act for $act {
            type Subject = ChatId;
        }

        impl ChatAct for $act {
            const ACTION: ChatAction = ChatAction::$act;
        }
    )*};
}

/// Whether what the activity log holds of a chat's PRIVATE days is the actor's to read, whatever the chat
/// has become: who might read it then (SPEC 4.1).
#[must_use]
pub fn reads_private_days(actor: &ActingAs, chat: &ChatFacts) -> bool {
    let then = ChatFacts {
        chat_type: ChatType::Private,
        ..*chat
    };
    may(ChatAction::ActivityLog, actor, &then).is_ok()
}

chat_acts! {
    LookIn Talk Configure Invites Clipboard ActivityLog Moderate Clear RunBrowser Destroy Transfer
    DeleteOwn Report
}
