//! How long to wait before something is tried again.

use std::time::Duration;

use uuid::Uuid;

/// A quarter more or less, at random: what failed together does not come back together. Pauses that double stay in order.
pub(crate) fn jittered(pause: Duration) -> Duration {
    /// Steps of chance: finer than anybody can tell.
    const STEPS: u128 = 1_000;
    let chance = (Uuid::new_v4().as_u128() % (STEPS + 1)) as f64 / STEPS as f64;
    pause.mul_f64(0.75 + chance / 2.0)
}

/// Doubles from the first try on, up to a longest.
pub(crate) fn doubled(first: Duration, longest: Duration, tries: i32) -> Duration {
    let doublings = u32::try_from(tries.clamp(1, 31) - 1).expect("it is clamped");
    first.saturating_mul(1 << doublings).min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_vary_by_a_quarter() {
        let pause = |tries| doubled(Duration::from_secs(1), Duration::from_secs(300), tries);
        assert_eq!([0, 1, 2, 5, 9, 10, i32::MAX].map(|tries| pause(tries).as_secs()), [1, 1, 2, 16, 256, 300, 300]);
        let some: Vec<_> = (0..200).map(|_| jittered(Duration::from_secs(4))).collect();
        assert!(some.iter().all(|pause| (3.0..=5.0).contains(&pause.as_secs_f64())));
        assert!(some.iter().any(|pause| *pause < Duration::from_secs(4)));
        assert!(some.iter().any(|pause| *pause > Duration::from_secs(4)));
    }
}
