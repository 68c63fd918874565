//! Rooms: who is where at the moment (SPEC 10). The table `joining`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{ErrorKind, Result};
use crate::model::{ChatId, ConnectionId};
use crate::operation::{Context, Done, Effect, Operation};
use crate::ops::{chats, keys};
use crate::policy::{ActingAs, ChatAction, ChatFacts, LookIn, Permit, may, permit};

/// Joins a chat's room with the caller's connection: from here on its events are delivered. Guests may
/// look into OFFICIAL and PUBLIC chats.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Join {
    /// Which.
    pub chat_id: ChatId,
}

/// Being in a room.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Joined {
    /// The chat.
    pub chat: chats::ChatView,
    /// Whether the caller may talk there, or only look.
    pub may_talk: bool,
    /// The place in the event log from which on events are delivered.
    pub as_of: u64,
}

impl Operation for Join {
    const NAME: &'static str = "room.join";
    type Reply = Joined;

    fn apply(self, cx: &mut Context<'_>) -> Result<Joined> {
        let (row, facts) = chats::load(cx, self.chat_id)?;
        let permit = permit::<LookIn>(&cx.actor, &facts)?;
        let may_talk = may(ChatAction::Talk, &cx.actor, &facts).is_ok();
        check_may_sit(cx, &permit, &facts, may_talk)?;
        if let Some(session) = cx.session {
            keys::request_key(cx, self.chat_id, session)?;
        }
        let as_of = cx.as_of()?;
        if let Some(connection) = cx.connection {
            cx.afterwards(Effect::Joined {
                connection,
                chat: self.chat_id,
                since: as_of,
            });
        }
        Ok(Joined {
            chat: row.into(),
            may_talk,
            as_of,
        })
    }
}

/// An admin's look into a PRIVATE chat is no seat in it (SPEC 4.5).
fn check_may_sit(
    cx: &Context<'_>,
    permit: &Permit<LookIn>,
    facts: &ChatFacts,
    may_talk: bool,
) -> Result<()> {
    debug_assert_eq!(permit.subject(), facts.id, "the permit is for this chat");
    match cx.actor {
        _ if may_talk || facts.chat_type.is_open() => Ok(()),
        ActingAs::Person(_) | ActingAs::Guest | ActingAs::Operator | ActingAs::System => {
            Err(ErrorKind::Forbidden.into())
        }
    }
}

/// Takes the caller's connection out of a room. Membership stays.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Leave {
    /// Which.
    pub chat_id: ChatId,
}

impl Operation for Leave {
    const NAME: &'static str = "room.leave";
    type Reply = Done;

    fn apply(self, cx: &mut Context<'_>) -> Result<Done> {
        if let Some(connection) = cx.connection {
            cx.afterwards(Effect::Left {
                connection,
                chat: self.chat_id,
            });
        }
        Ok(Done {})
    }
}

/// Forgets a connection that was lost or closed. For whoever keeps presence.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Disconnect {
    /// Which.
    pub connection_id: ConnectionId,
}

impl Operation for Disconnect {
    const NAME: &'static str = "room.disconnect";
    type Reply = Done;

    fn apply(self, cx: &mut Context<'_>) -> Result<Done> {
        if !cx.actor.is_operator() {
            return Err(ErrorKind::Forbidden.into());
        }
        cx.afterwards(Effect::Disconnected {
            connection: self.connection_id,
        });
        Ok(Done {})
    }
}
