//! Looking after a chat's people (SPEC 7.1): kick, mute, unmute, ban, unban.
//!
//! The surprise: a kick moves the chat's epoch even when the person was never seen there. Somebody who
//! may talk could hold the key without a trace of it being left.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::{BAN, MUTE};
use crate::error::Result;
use crate::event::{
    EpochReason, Event, RoomKicked, UserBanned, UserMuted, UserUnbanned, UserUnmuted,
};
use crate::model::{ChatId, Reason, UserId};
use crate::operation::{Context, Done, Operation};
use crate::ops::activity::{self, ActivityKind};
use crate::ops::messages::joining;
use crate::ops::punishments::{self, InChat};
use crate::ops::{audit, browser, chats, epochs, members, users};
use crate::policy::{ActOnInChat, Moderate, Permit, act_on_in_chat, may_evict, permit};

macro_rules! acts {
    ($($(#[$doc:meta])* $name:ident $op:literal { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* } => $apply:path;)*) => {$(
        $(#[$doc])*
        ///
        /// `ERR_CHAT_NOT_FOUND`, `ERR_BANNED`, `ERR_DIRECT_UNMODERATED` or `ERR_FORBIDDEN` where the
        /// caller does not moderate; `ERR_USER_NOT_FOUND`; `ERR_TARGET_IS_OWNER` for the owner's kick
        /// or ban; `ERR_FORBIDDEN` for somebody the caller may not act on; `ERR_INVALID`.
        #[derive(Clone, Debug, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            /// In which chat.
            pub chat_id: ChatId,
            /// Whom.
            pub user_id: UserId,
            $($(#[$field_doc])* #[serde(default)] pub $field: $type,)*
        }

        impl Operation for $name {
            const NAME: &'static str = $op;
            type Reply = Done;

            fn apply(self, cx: &mut Context<'_>) -> Result<Done> {
                $apply(self, cx).map(|()| Done {})
            }
        }
    )*};
}

acts! {
    /// Puts a person out of a chat: membership, keys and seats are gone, the epoch moves on. They may
    /// come back by any way that is open to them.
    Kick "mod.kick" {
        /// Why: at most 500 characters, for the target and staff.
        reason: Option<Reason>,
    } => kick;

    /// Keeps a person from sending in a chat. It replaces the end of an earlier mute.
    Mute "mod.mute" {
        /// For how many seconds, 0 to 86400; 0 is without end; default 300.
        duration_seconds: Option<u32>,
        /// Why: at most 500 characters, for the target and staff.
        reason: Option<Reason>,
    } => mute;

    /// Lifts a person's mute in a chat, if there is one. A hard mute stays.
    Unmute "mod.unmute" {} => unmute;

    /// Puts a person out of a chat as a kick does, and keeps them out until it ends or is lifted.
    Ban "mod.ban" {
        /// For how many seconds, 0 to 2592000; 0 is without end; default 0.
        duration_seconds: Option<u32>,
        /// Why: at most 500 characters, for the target and staff.
        reason: Option<Reason>,
    } => ban;

    /// Lifts a person's ban from a chat, if there is one.
    Unban "mod.unban" {} => unban;
}

fn kick(act: Kick, cx: &mut Context<'_>) -> Result<()> {
    let leave = leave_to_evict(cx, act.chat_id, act.user_id)?;
    punishments::punish(cx, &leave, InChat::Kick, act.reason.as_ref(), None)?;
    let event = RoomKicked {
        chat_id: act.chat_id,
        user_id: act.user_id,
    };
    put_out(cx, &leave, event.into(), ActivityKind::Kick)?;
    record(cx, Kick::NAME, &leave, json!({ "reason": act.reason }))
}

fn mute(act: Mute, cx: &mut Context<'_>) -> Result<()> {
    let leave = leave_to_act(cx, act.chat_id, act.user_id)?;
    let until = MUTE.end(act.duration_seconds, cx.now)?;
    punishments::punish(cx, &leave, InChat::Mute, act.reason.as_ref(), until)?;
    cx.emit(UserMuted {
        chat_id: act.chat_id,
        user_id: act.user_id,
        until,
    })?;
    let details = json!({ "until": until, "reason": act.reason });
    record(cx, Mute::NAME, &leave, details)
}

fn unmute(act: Unmute, cx: &mut Context<'_>) -> Result<()> {
    let leave = leave_to_act(cx, act.chat_id, act.user_id)?;
    if punishments::lift(cx, &leave, InChat::Mute)? {
        cx.emit(UserUnmuted {
            chat_id: act.chat_id,
            user_id: act.user_id,
        })?;
    }
    record(cx, Unmute::NAME, &leave, json!({}))
}

fn ban(act: Ban, cx: &mut Context<'_>) -> Result<()> {
    let leave = leave_to_evict(cx, act.chat_id, act.user_id)?;
    let until = BAN.end(act.duration_seconds, cx.now)?;
    punishments::punish(cx, &leave, InChat::Ban, act.reason.as_ref(), until)?;
    let event = UserBanned {
        chat_id: Some(act.chat_id),
        user_id: act.user_id,
        until,
        punishment_id: None,
    };
    put_out(cx, &leave, event.into(), ActivityKind::Ban)?;
    let details = json!({ "until": until, "reason": act.reason });
    record(cx, Ban::NAME, &leave, details)
}

fn unban(act: Unban, cx: &mut Context<'_>) -> Result<()> {
    let leave = leave_to_act(cx, act.chat_id, act.user_id)?;
    if punishments::lift(cx, &leave, InChat::Ban)? {
        cx.emit(UserUnbanned {
            chat_id: Some(act.chat_id),
            user_id: act.user_id,
        })?;
    }
    record(cx, Unban::NAME, &leave, json!({}))
}

/// Leave to act on a person in a chat (SPEC 4.2, 7.2): whether the chat is the caller's to moderate
/// comes first, then who the person is.
fn leave_to_act(cx: &Context<'_>, chat: ChatId, user: UserId) -> Result<Permit<ActOnInChat>> {
    let (_, facts) = chats::load(cx, chat)?;
    let moderate = permit::<Moderate>(&cx.actor, &facts)?;
    let target = users::target(cx.db, user)?;
    Ok(act_on_in_chat(&moderate, &cx.actor, &facts, &target)?)
}

/// The same, to put them out: never the owner, whoever asks (SPEC 4.2).
fn leave_to_evict(cx: &Context<'_>, chat: ChatId, user: UserId) -> Result<Permit<ActOnInChat>> {
    let (_, facts) = chats::load(cx, chat)?;
    let moderate = permit::<Moderate>(&cx.actor, &facts)?;
    let target = users::target(cx.db, user)?;
    may_evict(&facts, &target)?;
    Ok(act_on_in_chat(&moderate, &cx.actor, &facts, &target)?)
}

/// Takes everything from a person that they had in the chat. The event goes first: it takes them out
/// of the room, so that they get nothing of what follows, and the new key is not theirs to make.
fn put_out(
    cx: &mut Context<'_>,
    leave: &Permit<ActOnInChat>,
    event: Event,
    kind: ActivityKind,
) -> Result<()> {
    let (chat, user) = leave.subject();
    members::remove(cx.db, chat, user)?;
    joining::forget(cx.db, chat, user)?;
    activity::record(cx, chat, user, kind, None)?;
    cx.emit(event)?;
    browser::drop_person(cx, chat, user)?;
    epochs::drop_keys_of(cx, chat, user)?;
    epochs::move_on(cx, chat, EpochReason::MemberRemoved)?;
    Ok(())
}

fn record(
    cx: &Context<'_>,
    action: &str,
    leave: &Permit<ActOnInChat>,
    details: serde_json::Value,
) -> Result<()> {
    let (chat, target) = leave.subject();
    let act = audit::Act {
        chat: Some(chat),
        target: Some(target),
        details,
    };
    audit::record(cx, action, act)
}
