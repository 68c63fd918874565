//! What bots may (SPEC 2.5), and who may ask to be let in (SPEC 2.3).

use super::{ActOn, ActingAs, Denial, Permit};
use crate::model::{BotId, UserId};

/// The bot that acts: only bots let people in from another platform, not even the operator, who is on none.
pub fn deliver_codes(actor: &ActingAs) -> Result<BotId, Denial> {
    match actor {
        ActingAs::Bot(bot) => Ok(*bot),
        ActingAs::Guest => Err(Denial::Unauthenticated),
        ActingAs::Person(_) | ActingAs::Operator | ActingAs::System => Err(Denial::Forbidden),
    }
}

/// Leave for a bot to let in the person whose identity on the bot's own platform is `linked`.
pub fn let_in_from(actor: &ActingAs, linked: UserId) -> Result<Permit<ActOn>, Denial> {
    deliver_codes(actor).map(|_| Permit::new(linked))
}

/// Whoever asks to be let in, by whatever door: a bot has no account and gets none.
pub fn may_be_let_in(actor: &ActingAs) -> Result<(), Denial> {
    match actor {
        ActingAs::Bot(_) => Err(Denial::Forbidden),
        ActingAs::Guest | ActingAs::Person(_) | ActingAs::Operator | ActingAs::System => Ok(()),
    }
}
