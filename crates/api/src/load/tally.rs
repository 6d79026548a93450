//! What became of the commands: counted on one connection, and added up at the end.

use std::collections::BTreeMap;
use std::time::Duration;

use super::histogram::Histogram;

/// Every command ends in exactly one of accepted, refused and unknown, however often it was sent.
#[derive(Clone, Default)]
pub struct Tally {
    pub accepted: u64,
    /// By the code of the problem.
    pub refused: BTreeMap<Box<str>, u64>,
    /// No definite answer came, and it may not be sent again.
    pub unknown: u64,
    /// Sent again, under the same key or because nothing had been done.
    pub repeats: u64,
    /// The last position that an answer named.
    pub position: i64,
    latencies: Histogram,
}

impl Tally {
    pub(super) fn accept(&mut self, latency: Duration) {
        self.accepted += 1;
        self.latencies.record(latency);
    }

    pub(super) fn refuse(&mut self, code: &str, latency: Duration) {
        match self.refused.get_mut(code) {
            Some(count) => *count += 1,
            None => drop(self.refused.insert(code.into(), 1)),
        }
        self.latencies.record(latency);
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.accepted += other.accepted;
        for (code, count) in &other.refused {
            *self.refused.entry(code.clone()).or_default() += count;
        }
        self.unknown += other.unknown;
        self.repeats += other.repeats;
        self.position = self.position.max(other.position);
        self.latencies.merge(&other.latencies);
    }

    pub fn refused_total(&self) -> u64 {
        self.refused.values().sum()
    }

    pub fn sent(&self) -> u64 {
        self.accepted + self.refused_total() + self.unknown
    }

    /// Of the definite answers, from the first sending to the answer.
    pub fn latency(&self, per_mille: u64) -> Duration {
        self.latencies.quantile(per_mille)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Tally;

    #[test]
    fn tallies_add_up() {
        let (mut one, mut two) = (Tally::default(), Tally::default());
        one.accept(Duration::from_millis(1));
        one.refuse("out_of_stock", Duration::from_millis(2));
        one.position = 7;
        two.refuse("out_of_stock", Duration::from_millis(3));
        two.refuse("empty_cart", Duration::from_millis(3));
        two.unknown = 1;
        two.position = 5;
        one.merge(&two);
        assert_eq!((one.sent(), one.accepted, one.refused_total(), one.unknown, one.position), (5, 1, 3, 1, 7));
        assert_eq!(one.refused.into_iter().collect::<Vec<_>>(), [("empty_cart".into(), 1), ("out_of_stock".into(), 2)]);
    }
}
