//! The time as this program has it. One clock is handed to everything that decides by time, so that a test can let hours
//! pass without waiting for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};

/// The machine's clock, set forward or back. Clones are the same clock.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    ahead_us: Arc<AtomicI64>,
}

impl Clock {
    pub fn now(&self) -> DateTime<Utc> {
        let ahead = TimeDelta::microseconds(self.ahead_us.load(Ordering::Relaxed));
        // Whole microseconds: as the book keeps them.
        (Utc::now() + ahead).trunc_subsecs(6)
    }

    /// Lets this much time pass at once.
    pub fn pass(&self, time: TimeDelta) {
        let microseconds = time.num_microseconds().expect("nobody lets centuries pass");
        self.ahead_us.fetch_add(microseconds, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_that_passes_is_seen_by_every_clone() {
        let clock = Clock::default();
        let (before, other) = (clock.now(), clock.clone());
        clock.pass(TimeDelta::hours(1));
        assert!(other.now() - before >= TimeDelta::hours(1));
        other.pass(TimeDelta::hours(-2));
        assert!(clock.now() < before);
    }
}
