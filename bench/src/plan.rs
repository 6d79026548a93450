//! How much is measured: a look, or what RESULTS.md shows.

use std::fmt;
use std::time::Duration;

use crate::measure::Time;

/// Of the issue, and of every table.
pub(crate) const CLIENTS: [usize; 4] = [1, 16, 64, 256];

#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) rounds: usize,
    pub(crate) time: Time,
    /// The large book of growth, restart and verify.
    pub(crate) large_book_events: usize,
}

impl Plan {
    /// Twelve minutes on two cores.
    pub(crate) fn full() -> Self {
        let time = Time { warm_up: Duration::from_millis(500), measured: Duration::from_secs(2) };
        Self { rounds: 5, time, large_book_events: 1_000_000 }
    }

    /// Some ninety seconds. One round has no median: a look, no result.
    pub(crate) fn quick() -> Self {
        let time = Time { warm_up: Duration::from_millis(250), measured: Duration::from_millis(750) };
        Self { rounds: 1, time, large_book_events: 100_000 }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rounds, time: Time { warm_up, measured }, .. } = self;
        let (measured, warm_up) = (measured.as_secs_f64(), warm_up.as_secs_f64());
        let look = if *rounds == 1 { "a look, no result: " } else { "" };
        write!(f, "{look}{rounds} rounds of {measured} s after {warm_up} s of warm-up")
    }
}
