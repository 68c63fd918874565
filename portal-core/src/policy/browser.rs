//! Who controls a chat's shared browser, and who sees its screen (SPEC 11.4, 11.5). Starting and stopping it
//! and its clipboard are rows of the table in `chat`.

use super::{ActingAs, ChatAction, ChatFacts, Denial, may};
use crate::model::{ChatType, Role};

/// What can be done about control of a browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// Ask for it.
    Request,
    /// Give it to somebody.
    Grant,
    /// Give it back.
    Release,
    /// Take it, whoever has it.
    Take,
}

/// What the chat has set about control.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ControlRules {
    /// `allow_control_requests`.
    pub allow_requests: bool,
    /// `locked_controls`: granting is the owner's and the admins'.
    pub locked: bool,
}

/// Whether the actor may do this about control: whoever talks there may, within the chat's own rules; taking
/// it is for those who may configure. A DIRECT chat has no browser.
pub fn control(
    action: Control,
    actor: &ActingAs,
    chat: &ChatFacts,
    rules: ControlRules,
) -> Result<(), Denial> {
    may(ChatAction::LookIn, actor, chat)?;
    if chat.chat_type == ChatType::Direct {
        return Err(Denial::Forbidden);
    }
    match action {
        Control::Take => may(ChatAction::Configure, actor, chat),
        Control::Grant if rules.locked => {
            let owns = actor.user_id().is_some_and(|user| chat.is_owned_by(user));
            if owns || actor.has_role(Role::Admin) || actor.is_operator() {
                Ok(())
            } else {
                Err(Denial::Forbidden)
            }
        }
        Control::Request if !rules.allow_requests => Err(Denial::Forbidden),
        Control::Request | Control::Grant | Control::Release => may(ChatAction::Talk, actor, chat),
    }
}

/// Whether the actor may give control to somebody, once [`control`] lets them grant at all: whoever has it passes it
/// on, whoever may configure decides, and where controls are locked the owner and admins got so far.
pub fn hand_over(
    actor: &ActingAs,
    chat: &ChatFacts,
    has_it: bool,
    rules: ControlRules,
) -> Result<(), Denial> {
    if has_it || rules.locked {
        Ok(())
    } else {
        may(ChatAction::Configure, actor, chat)
    }
}

/// Whether the actor may see the browser's screen: whoever may talk there. A DIRECT chat has no browser.
pub fn see_screen(actor: &ActingAs, chat: &ChatFacts) -> Result<(), Denial> {
    may(ChatAction::Talk, actor, chat)?;
    if chat.chat_type == ChatType::Direct {
        Err(Denial::Forbidden)
    } else {
        Ok(())
    }
}
