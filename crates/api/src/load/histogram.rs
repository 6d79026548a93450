//! Latencies in log-linear buckets: bounded memory, and a quantile that is at most 1/64 above the truth.

use std::time::Duration;

/// Buckets to a doubling; their width is the relative error.
const STEPS: u64 = 64;
const STEPS_LOG2: u32 = STEPS.trailing_zeros();
/// Up to 2^32 µs, more than an hour; what is longer is counted in the last bucket.
const DOUBLINGS: u32 = 32 - STEPS_LOG2;
const BUCKETS: usize = STEPS as usize * (DOUBLINGS as usize + 1);

#[derive(Clone)]
pub(crate) struct Histogram {
    buckets: Box<[u32; BUCKETS]>,
    count: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: Box::new([0; BUCKETS]), count: 0 }
    }
}

impl Histogram {
    pub(crate) fn record(&mut self, latency: Duration) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        self.buckets[bucket(micros)] += 1;
        self.count += 1;
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.buckets.iter_mut().zip(other.buckets.iter()) {
            *mine += theirs;
        }
        self.count += other.count;
    }

    /// The upper edge of the bucket that holds the nearest-rank quantile; nothing was recorded: zero.
    pub(crate) fn quantile(&self, per_mille: u64) -> Duration {
        let rank = (self.count * per_mille).div_ceil(1000).max(1);
        let mut seen = 0;
        for (index, count) in self.buckets.iter().enumerate() {
            seen += u64::from(*count);
            if seen >= rank {
                return Duration::from_micros(upper_edge(index));
            }
        }
        Duration::ZERO
    }
}

/// Below [`STEPS`] a bucket a microsecond; above, the top bits choose the doubling and the step in it.
fn bucket(micros: u64) -> usize {
    if micros < STEPS {
        return micros as usize;
    }
    let doubling = micros.ilog2() - STEPS_LOG2;
    let step = (micros >> doubling) - STEPS;
    (STEPS as usize * (doubling as usize + 1) + step as usize).min(BUCKETS - 1)
}

fn upper_edge(index: usize) -> u64 {
    let index = index as u64;
    if index < STEPS {
        return index;
    }
    let (doubling, step) = (index / STEPS - 1, index % STEPS);
    ((STEPS + step + 1) << doubling) - 1
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{BUCKETS, Histogram, bucket, upper_edge};

    #[test]
    fn every_value_lies_at_most_a_64th_below_the_edge_of_its_bucket() {
        let mut value = 0_u64;
        while value < 1 << 32 {
            let edge = upper_edge(bucket(value));
            assert!(edge >= value && edge - value <= value / 64, "{value} is in the bucket up to {edge}");
            value += 1 + value / 100;
        }
    }

    #[test]
    fn what_is_too_long_is_counted_in_the_last_bucket() {
        assert_eq!(bucket(1 << 32), BUCKETS - 1);
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn quantiles_are_by_nearest_rank() {
        let mut histogram = Histogram::default();
        for millis in 1..=100 {
            histogram.record(Duration::from_millis(millis));
        }
        for (per_mille, millis) in [(10, 1), (500, 50), (990, 99), (1000, 100)] {
            let found = histogram.quantile(per_mille);
            let exact = Duration::from_millis(millis);
            assert!(found >= exact && found <= exact + exact / 64, "{per_mille}: {found:?}");
        }
    }

    #[test]
    fn an_empty_histogram_says_zero() {
        assert_eq!(Histogram::default().quantile(990), Duration::ZERO);
    }

    #[test]
    fn merging_is_the_same_as_recording_in_one() {
        let (mut left, mut right, mut both) = <(Histogram, Histogram, Histogram)>::default();
        for micros in 0..5_000 {
            if micros % 3 == 0 { &mut left } else { &mut right }.record(Duration::from_micros(micros));
            both.record(Duration::from_micros(micros));
        }
        left.merge(&right);
        assert_eq!(left.buckets, both.buckets);
        assert_eq!(left.quantile(500), both.quantile(500));
    }
}
