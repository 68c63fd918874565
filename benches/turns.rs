//! Measuring works against each other: they take turns, so that what else the machine does falls on all of them.

use std::time::Instant;

const ROUNDS: usize = 41;

/// The median time of a call of each, in nanoseconds, of so many calls a turn.
pub(crate) fn take_turns<const N: usize>(calls: u32, mut works: [&mut dyn FnMut(); N]) -> [f64; N] {
    let mut times: [Vec<f64>; N] = std::array::from_fn(|_| Vec::new());
    for _ in 0..ROUNDS {
        for (work, times) in works.iter_mut().zip(&mut times) {
            let begin = Instant::now();
            for _ in 0..calls {
                work();
            }
            times.push(begin.elapsed().as_secs_f64() * 1e9 / f64::from(calls));
        }
    }
    times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times[ROUNDS / 2]
    })
}
