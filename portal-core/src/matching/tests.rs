use std::convert::Infallible;

use proptest::prelude::*;

use super::*;

fn candidate(id: i64, since: i64, shared: usize, standing: Standing) -> Candidate {
    Candidate {
        user: UserId::try_from(id).unwrap(),
        since: Timestamp::from_millis(since),
        shared,
        standing,
    }
}

fn chosen(candidates: &[Candidate]) -> (Option<Candidate>, Vec<UserId>) {
    let choice = choose(candidates.iter().map(|c| Ok::<_, Infallible>(*c))).unwrap();
    (
        choice.found.map(|found| *found.partner()),
        choice.without_slot,
    )
}

#[test]
fn the_longest_waiting_is_chosen_whoever_shares_more_spec_9_3() {
    let first = candidate(7, 10, 1, Standing::Free);
    let (partner, _) = chosen(&[first, candidate(3, 11, 3, Standing::Free)]);
    assert_eq!(partner, Some(first));
}

#[test]
fn among_equals_the_most_shared_interests_decide_spec_9_3() {
    let best = candidate(8, 10, 3, Standing::Free);
    let (partner, _) = chosen(&[
        candidate(7, 10, 1, Standing::Free),
        best,
        candidate(9, 10, 3, Standing::Free),
        candidate(10, 11, 3, Standing::Free),
    ]);
    assert_eq!(partner, Some(best));
}

#[test]
fn no_more_candidates_are_read_than_needed() {
    let free = candidate(7, 10, 1, Standing::Free);
    let later = candidate(8, 11, 1, Standing::Free);
    let mut candidates = [Ok(free), Ok(later), Err("read too far")].into_iter();
    let choice = choose(candidates.by_ref()).unwrap();
    assert_eq!(choice.found.map(|found| *found.partner()), Some(free));
    assert_eq!(candidates.next(), Some(Err("read too far")));
}

fn standing() -> impl Strategy<Value = Standing> {
    prop_oneof![
        Just(Standing::Free),
        Just(Standing::NoSlot),
        Just(Standing::Unfit),
        Just(Standing::Absent),
    ]
}

proptest! {
    #[test]
    fn the_choice_is_the_best_of_all_that_are_free_spec_9_3(
        drawn in prop::collection::vec((0_i64..6, 1_usize..=3, standing()), 0..12)
    ) {
        let mut candidates: Vec<_> = (1..)
            .zip(drawn)
            .map(|(id, (since, shared, standing))| candidate(id, since, shared, standing))
            .collect();
        candidates.sort_by_key(|c| (c.since, c.user));
        let (partner, without_slot) = chosen(&candidates);
        let free = candidates.iter().filter(|c| c.standing == Standing::Free);
        let best = free.min_by_key(|c| (c.since, std::cmp::Reverse(c.shared), c.user));
        prop_assert_eq!(partner.as_ref(), best);
        // Whoever stands before the chosen one in vain is named.
        let before = candidates.iter().filter(|c| {
            c.standing == Standing::NoSlot && best.is_none_or(|best| c.since <= best.since)
        });
        prop_assert_eq!(without_slot, before.map(|c| c.user).collect::<Vec<_>>());
    }
}
