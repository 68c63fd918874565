//! Whom to match (SPEC 9.3): pure, given the candidates.
//!
//! The candidates come one after the other, the longest waiting first, and are looked at only as far as
//! needed: however many wait, whoever finds somebody at once has looked at one or two. The surprise is the
//! way a candidate without a free slot is dealt with: it is named in the answer, so that the caller takes it
//! out of the queues and nobody looks at it twice.

use crate::model::{Timestamp, UserId};

/// Somebody who waits and shares an interest with the seeker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Who.
    pub user: UserId,
    /// Since when they wait.
    pub since: Timestamp,
    /// How many interests the two share, at least one.
    pub shared: usize,
    /// Whether they can be matched with the seeker at this moment.
    pub standing: Standing,
}

/// Whether somebody can be matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Yes.
    Free,
    /// Not with anybody: they have as many matches as they can have.
    NoSlot,
    /// Not with this seeker: blocked either way, matched with them lately, or it is the seeker.
    Unfit,
    /// They are gone, and only their entry is still there.
    Absent,
}

/// Leave to match the seeker with somebody, given by [`choose`] alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Match {
    partner: Candidate,
}

impl Match {
    /// With whom.
    pub const fn partner(&self) -> &Candidate {
        &self.partner
    }
}

/// Whom to match, and who is in the queues in vain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Whom; none: the seeker waits.
    pub found: Option<Match>,
    /// Candidates without a free slot that were looked at.
    pub without_slot: Vec<UserId>,
}

/// Chooses of those who can be matched with the seeker whoever has waited longest; among equals, who shares
/// the most interests; among those, who comes first. The candidates must come in the order of waiting.
///
/// # Errors
/// That of the first candidate that could not be read.
pub fn choose<E>(candidates: impl IntoIterator<Item = Result<Candidate, E>>) -> Result<Choice, E> {
    let mut choice = Choice {
        found: None,
        without_slot: Vec::new(),
    };
    for candidate in candidates {
        let candidate = candidate?;
        let best = choice.found.map(|found| found.partner);
        if best.is_some_and(|best| candidate.since > best.since) {
            break;
        }
        match candidate.standing {
            Standing::Free => {
                if best.is_none_or(|best| candidate.shared > best.shared) {
                    choice.found = Some(Match { partner: candidate });
                }
            }
            Standing::NoSlot => choice.without_slot.push(candidate.user),
            Standing::Unfit | Standing::Absent => {}
        }
    }
    Ok(choice)
}

#[cfg(test)]
mod tests;
