//! Who may be matched, with how many at once, and who keeps a stranger from it (SPEC 4.6, 9.2, 9.11).

use super::{Act, ActOn, ActingAs, Denial, Permit, Person, TargetFacts, on_ones_own, on_person};
use crate::model::{Role, UserId};

/// Leave to wait for a match.
#[derive(Debug)]
pub enum Seek {}

impl Act for Seek {
    type Subject = UserId;
}

/// Leave for the actor to wait for a match: any person's, strangers too; the operator is nobody.
pub fn seek(actor: &ActingAs) -> Result<(Permit<Seek>, Person), Denial> {
    on_ones_own(actor)?;
    let person = actor.person().ok_or(Denial::NoPerson)?;
    Ok((Permit::new(person.id), *person))
}

/// How many DIRECT chats a person may have at once (SPEC 9.2).
pub const fn direct_slots(person: &Person) -> usize {
    if person.premium_now { 3 } else { 1 }
}

/// Leave to keep a stranger from being matched, and to let them again; none for whoever has an account.
pub fn block_stranger(actor: &ActingAs, target: &Person) -> Result<Option<Permit<ActOn>>, Denial> {
    let permit = on_person(Role::Moderator, actor, &TargetFacts::from(target))?;
    Ok(target.stranger.then_some(permit))
}
