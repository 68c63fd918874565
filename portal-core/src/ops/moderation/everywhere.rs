//! Looking after people everywhere (SPEC 4.3, 7.1): hard mute, timeout, platform ban, and their lifting.
//!
//! A timeout and a ban take everything that is live from a person: sessions, DIRECT chats, the keys that they
//! could hold. What lasts stays theirs: chats they own, memberships, messages.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{BAN, MUTE, TIMEOUT};
use crate::error::{Error, Result};
use crate::event::{
    EpochReason, UserBanned, UserHardMuted, UserHardUnmuted, UserTimedOut, UserTimeoutLifted,
    UserUnbanned,
};
use crate::model::{ChatId, Reason, UserId};
use crate::operation::{Context, Done, Operation};
use crate::ops::matching::{self, Withdrawal};
use crate::ops::punishments::{self, Everywhere};
use crate::ops::sessions::{self, Ending};
use crate::ops::{audit, chats, epochs, members, strangers, users};
use crate::policy::{ActOn, LookIn, Permit, PersonAction, TargetFacts, act_everywhere, permit};

/// Keeps a person from sending anywhere, DIRECT chats included; for admins. It replaces the end of an
/// earlier one. Everyone is told, without the reason.
///
/// `ERR_USER_NOT_FOUND`, `ERR_FORBIDDEN`, `ERR_INVALID`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HardMute {
    /// Whom.
    pub user_id: UserId,
    /// For how many seconds, 0 to 86400; 0 is without end; default 300.
    #[serde(default)]
    pub duration_seconds: Option<u32>,
    /// Why: at most 500 characters, for the target and staff.
    #[serde(default)]
    pub reason: Option<Reason>,
}

impl Operation for HardMute {
    const NAME: &'static str = "mod.hard_mute";
    type Reply = Done;

    fn apply(self, cx: &mut Context<'_>) -> Result<Done> {
        let leave = leave_for(cx, PersonAction::HardMute, self.user_id)?;
        let until = MUTE.end(self.duration_seconds, cx.now)?;
        let reason = self.reason.as_ref();
        punishments::punish_everywhere(cx, &leave, Everywhere::HardMute, reason, until)?;
        cx.emit(UserHardMuted {
            user_id: self.user_id,
            until,
        })?;
        let details = json!({ "until": until, "reason": self.reason });
        record(cx, Self::NAME, &leave, None, details)
    }
}

/// Lifts a person's hard mute, if there is one; for admins. Mutes in chats stay.
///
/// `ERR_USER_NOT_FOUND`, `ERR_FORBIDDEN`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HardUnmute {
    /// Whose.
    pub user_id: UserId,
}

impl Operation for HardUnmute {
    const NAME: &'static str = "mod.hard_unmute";
    type Reply = Done;

    fn apply(self, cx: &mut Context<'_>) -> Result<Done> {
        let leave = leave_for(cx, PersonAction::HardMute, self.user_id)?;
        if punishments::lift_everywhere(cx, &leave, Everywhere::HardMute)? {
            cx.emit(UserHardUnmuted {
                user_id: self.user_id,
            })?;
        }
        record(cx, Self::NAME, &leave, None, json!({}))
    }
}

/// Keeps a person out of the platform for a while; for moderators and above. Their sessions end, their
/// sockets close, their DIRECT chats are over, and the keys they could hold open nothing new. Chats they
/// own and memberships stay.
///
/// `ERR_USER_NOT_FOUND`, `ERR_FORBIDDEN`, `ERR_INVALID`; `ERR_CHAT_NOT_FOUND` for a chat that is not the
/// caller's to see.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Timeout {
    /// Whom.
    pub user_id: UserId,
    /// For how many seconds, 60 to 2592000.
    pub duration_seconds: u32,
    /// Why: at most 500 characters, for the target and staff.
    #[serde(default)]
    pub reason: Option<Reason>,
    /// The chat in which it came to it, for the audit log.
    #[serde(default)]
    pub chat_id: Option<ChatId>,
}

impl Operation for Timeout {
    const NAME: &'static str = "mod.timeout";
    type Reply = Done;

    fn apply(self, cx: &mut Context<'_>) -> Result<Done> {
        if let Some(chat) = self.chat_id {
            let (_, facts) = chats::load(cx, chat)?;
            permit::<LookIn>(&cx.actor, &facts)?;
        }
        let leave = leave_for(cx, PersonAction::Timeout, self.user_id)?;
        let until = TIMEOUT
            .end(Some(self.duration_seconds), cx.now)?
            .ok_or_else(|| Error::invalid("duration_seconds", "a timeout ends"))?;
        let reason = self.reason.as_ref();
        let kind = Everywhere::Timeout;
        let punishment_id = punishments::punish_everywhere(cx, &leave, kind, reason, Some(until))?;
        let details = json!({ "until": until, "reason": self.reason });
        record(cx, Self::NAME, &leave, self.chat_id, details)?;
        // Before the sockets close, so that the person hears why.
        cx.emit(UserTimedOut {
            user_id: self.user_id,
            until,
            punishment_id,
        })?;
        shut_out(cx, &leave, Ending::TimedOut)
    }
}

/// Ends a person's timeout, if there is one; for moderators and above.
///
/// `ERR_USER_NOT_FOUND`, `ERR_FORBIDDEN`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LiftTimeout {
    /// Whose.
    pub user_id: UserId,
}

impl Operation for LiftTimeout {
    const NAME: &'static str = "mod.lift_timeout";
    type Reply = Done;

    fn apply(self, cx: &mut Context<'_>) -> Result<Done> {
        let leave = leave_for(cx, PersonAction::Timeout, self.user_id)?;
        if punishments::lift_everywhere(cx, &leave, Everywhere::Timeout)? {
            cx.emit(UserTimeoutLifted {
                user_id: self.user_id,
            })?;
        }
        record(cx, Self::NAME, &leave, None, json!({}))
    }
}

/// Keeps a person out of the platform until it is lifted, or for a while; for admins. It does at once
/// what a timeout does.
///
/// `ERR_USER_NOT_FOUND`, `ERR_FORBIDDEN`, `ERR_INVALID`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlatformBan {
    /// Whom.
    pub user_id: UserId,
    /// For how many seconds, 0 to 2592000; 0 is for good; default 0.
    #[serde(default)]
    pub duration_seconds: Option<u32>,
    /// Why: at most 500 characters, for the target and staff.
    #[serde(default)]
    pub reason: Option<Reason>,
}

impl Operation for PlatformBan {
    const NAME: &'static str = "mod.platform_ban";
    type Reply = Done;

    fn apply(self, cx: &mut Context<'_>) -> Result<Done> {
        let leave = leave_for(cx, PersonAction::Ban, self.user_id)?;
        let until = BAN.end(self.duration_seconds, cx.now)?;
        let reason = self.reason.as_ref();
        let kind = Everywhere::Ban;
        let punishment_id = punishments::punish_everywhere(cx, &leave, kind, reason, until)?;
        let details = json!({ "until": until, "reason": self.reason });
        record(cx, Self::NAME, &leave, None, details)?;
        cx.emit(UserBanned {
            chat_id: None,
            user_id: self.user_id,
            until,
            punishment_id: Some(punishment_id),
        })?;
        shut_out(cx, &leave, Ending::Banned)
    }
}

/// Lifts a person's ban from the platform, if there is one; for admins.
///
/// `ERR_USER_NOT_FOUND`, `ERR_FORBIDDEN`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlatformUnban {
    /// Whose.
    pub user_id: UserId,
}

impl Operation for PlatformUnban {
    const NAME: &'static str = "mod.platform_unban";
    type Reply = Done;

    fn apply(self, cx: &mut Context<'_>) -> Result<Done> {
        let leave = leave_for(cx, PersonAction::Ban, self.user_id)?;
        if punishments::lift_everywhere(cx, &leave, Everywhere::Ban)? {
            cx.emit(UserUnbanned {
                chat_id: None,
                user_id: self.user_id,
            })?;
        }
        record(cx, Self::NAME, &leave, None, json!({}))
    }
}

/// Leave to do this to a person whom the caller names.
pub(super) fn leave_for(
    cx: &Context<'_>,
    action: PersonAction,
    user: UserId,
) -> Result<Permit<ActOn>> {
    let person = users::named(cx, user)?;
    Ok(act_everywhere(
        action,
        &cx.actor,
        &TargetFacts::from(&person),
    )?)
}

/// Takes everything live from a person at once (SPEC 1.5, 4.3, 8.1).
fn shut_out(cx: &mut Context<'_>, leave: &Permit<ActOn>, why: Ending) -> Result<Done> {
    let user = leave.subject();
    let held = members::could_hold_keys_of(cx.db, user)?;
    let withdrawal = if why == Ending::TimedOut {
        Withdrawal::TimedOut
    } else {
        Withdrawal::Banned
    };
    matching::withdraw(cx, user, withdrawal)?;
    matching::end_all(cx, user)?;
    sessions::end_all(cx, user, why)?;
    for chat in held {
        epochs::move_on(cx, chat, EpochReason::MemberRemoved)?;
    }
    strangers::let_go(cx, user)?;
    Ok(Done {})
}

pub(super) fn record(
    cx: &Context<'_>,
    action: &str,
    leave: &Permit<ActOn>,
    chat: Option<ChatId>,
    details: Value,
) -> Result<Done> {
    let act = audit::Act {
        chat,
        target: Some(leave.subject()),
        details,
    };
    audit::record(cx, action, act)?;
    Ok(Done {})
}
