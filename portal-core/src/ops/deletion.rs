//! Taking a person away (SPEC 1.7), and what goes with them.
//!
//! What belongs to the person alone goes with the row. Chats do not: those they own are given a new
//! owner or destroyed by the caller's word, DIRECT ones end, and in the others the key moves on.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::error::{Error, ErrorKind, Result};
use crate::event::{EpochReason, UserDeleted};
use crate::model::{ChatId, Role, UserId};
use crate::operation::{Context, Done, Operation};
use crate::ops::sessions::{self, Ending};
use crate::ops::{audit, browser, chats, epochs, matching, members, messages, users};
use crate::policy::{
    ActOn, Destroy, Permit, Person, TargetFacts, Transfer, on_account, permit, stranger_goes,
};

/// What becomes of the chats that a deleted user owns: `{"destroy": true}` or `{"transfer_to": id}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OwnedChats {
    /// They are destroyed; `false` is as if nothing was said.
    Destroy(bool),
    /// This user gets them, without being asked.
    TransferTo(UserId),
}

/// Deletes a user: the caller, or somebody an admin may act on. Sessions, keys and memberships go, and
/// DIRECT chats end. Messages stay under the number of the sender, unless they are erased.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Delete {
    /// Whom.
    pub user_id: UserId,
    /// What becomes of the chats that they own; needed if there are any. Only what the caller may do to
    /// each chat can be said.
    #[serde(default)]
    pub chats: Option<OwnedChats>,
    /// Whether everything they wrote is deleted too.
    #[serde(default)]
    pub erase_messages: bool,
}

impl Operation for Delete {
    const NAME: &'static str = "user.delete";
    type Reply = Done;

    fn apply(self, cx: &mut Context<'_>) -> Result<Done> {
        let person = users::named(cx, self.user_id)?;
        let leave = on_account(Role::Admin, &cx.actor, &TargetFacts::from(&person))?;
        if users::is_last_owner(cx.db, &person)? {
            return Err(ErrorKind::LastOwner.into());
        }
        let owned = chats::owned_by(cx.db, person.id)?;
        let mut left = members::could_hold_keys_of(cx.db, person.id)?;
        left.retain(|chat| !owned.contains(chat));
        sessions::end_all(cx, person.id, Ending::Deleted)?;
        settle(cx, person.id, &owned, self.chats)?;
        if self.erase_messages {
            messages::erase_of(cx, &leave)?;
        }
        take_away(cx, &leave, &person)?;
        for chat in left {
            if cx.actor.user_id() == Some(person.id) {
                epochs::schedule_move(cx, chat, EpochReason::MemberLeft)?;
            } else {
                epochs::move_on(cx, chat, EpochReason::MemberRemoved)?;
            }
        }
        let details = json!({
            "owned": owned, "chats": self.chats, "erase_messages": self.erase_messages,
        });
        let act = audit::Act {
            target: Some(person.id),
            details,
            ..Default::default()
        };
        audit::record(cx, Self::NAME, act)?;
        Ok(Done {})
    }
}

/// Does with each owned chat what was said, if the caller may do that to it (SPEC 4.1).
fn settle(
    cx: &mut Context<'_>,
    former: UserId,
    owned: &[ChatId],
    said: Option<OwnedChats>,
) -> Result<()> {
    for chat in owned {
        let (_, facts) = chats::load(cx, *chat)?;
        match said {
            None | Some(OwnedChats::Destroy(false)) => return Err(ErrorKind::UserOwnsChats.into()),
            Some(OwnedChats::Destroy(true)) => {
                permit::<Destroy>(&cx.actor, &facts)?;
                chats::destroy_now(cx, *chat)?;
            }
            Some(OwnedChats::TransferTo(to)) if to == former => {
                return Err(Error::invalid("chats.transfer_to", "name somebody else"));
            }
            Some(OwnedChats::TransferTo(to)) => {
                permit::<Transfer>(&cx.actor, &facts)?;
                chats::hand_over(cx, *chat, to)?;
            }
        }
    }
    Ok(())
}

/// Ends a stranger with sessions and DIRECT chats (SPEC 1.8).
pub(crate) fn end_stranger(cx: &mut Context<'_>, stranger: &Person) -> Result<()> {
    let leave = stranger_goes(stranger)?;
    sessions::end_all(cx, stranger.id, Ending::Deleted)?;
    take_away(cx, &leave, stranger)
}

/// Ends the person's DIRECT chats, as if they left, and deletes the row. The database takes along what is
/// the person's alone.
fn take_away(cx: &mut Context<'_>, leave: &Permit<ActOn>, person: &Person) -> Result<()> {
    debug_assert_eq!(leave.subject(), person.id, "the permit is for this person");
    matching::end_all(cx, person.id)?;
    if !person.stranger {
        let name = users::name(cx.db, person.id)?;
        users::hold_name(cx.db, &name, cx.now)?;
    }
    browser::forget_person(cx, person.id)?;
    users::delete(cx.db, leave)?;
    cx.emit(UserDeleted { user_id: person.id })
}
