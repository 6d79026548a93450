//! How long a blocking call to the broker may take, and that a stop cuts it short.

use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::config::{SLICE, STOP_GRACE};
use super::error::PublishError;

/// For one call. Blocking calls are made in slices, each asked for here.
pub(super) struct Patience {
    action: &'static str,
    limit: Duration,
    begun: Instant,
    stop: CancellationToken,
    stopped: Option<Instant>,
}

impl Patience {
    pub(super) fn new(action: &'static str, limit: Duration, stop: &CancellationToken) -> Self {
        Self { action, limit, begun: Instant::now(), stop: stop.clone(), stopped: None }
    }

    /// How long to block now, or that it has been enough.
    pub(super) fn slice(&mut self) -> Result<Duration, PublishError> {
        if self.stop.is_cancelled() && self.stopped.get_or_insert_with(Instant::now).elapsed() >= STOP_GRACE {
            return Err(PublishError::Stopped);
        }
        let left = self.limit.saturating_sub(self.begun.elapsed());
        if left.is_zero() {
            return Err(PublishError::TimedOut { action: self.action, limit_s: self.limit.as_secs() });
        }
        Ok(left.min(SLICE))
    }
}
