//! What the publisher tells about itself: to readiness, and to the metrics.

use chrono::{DateTime, Utc};
use tokio::sync::watch;

use super::error::PublishError;
use crate::event::Position;

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PublisherStatus {
    pub state: PublisherState,
    /// The last event that is in Kafka for certain.
    pub published: Position,
    /// The last event that the publisher knows of.
    pub head: Position,
    /// When the oldest event that is not published yet was recorded.
    pub waiting_since: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum PublisherState {
    #[default]
    Starting,
    Running,
    /// Another publisher is at work; this one takes over when that one stops.
    StandingBy,
    /// A fault that is expected to pass.
    Retrying {
        reason: String,
    },
    /// Stopped until somebody has looked and the process is started again.
    Refused {
        reason: String,
    },
    Stopped,
}

impl PublisherStatus {
    pub fn lag_events(&self) -> i64 {
        (self.head.0 - self.published.0).max(0)
    }

    pub fn lag_seconds(&self, now: DateTime<Utc>) -> f64 {
        let age = self.waiting_since.map(|since| now - since);
        age.and_then(|age| age.to_std().ok()).map_or(0.0, |age| age.as_secs_f64())
    }
}

/// Where the publisher writes its status and its metrics.
#[derive(Debug)]
pub(super) struct Account {
    status: watch::Sender<PublisherStatus>,
}

impl Account {
    pub(super) fn new() -> Self {
        Self { status: watch::Sender::new(PublisherStatus::default()) }
    }

    pub(super) fn watch(&self) -> watch::Receiver<PublisherStatus> {
        self.status.subscribe()
    }

    pub(super) fn enter(&self, state: PublisherState) {
        self.status.send_if_modified(|status| {
            let changed = status.state != state;
            status.state = state;
            changed
        });
    }

    /// After every look at the book and every batch. `waiting_since`: of the first event after `published`, where there is one.
    pub(super) fn stands_at(&self, published: Position, head: Position, waiting_since: Option<DateTime<Utc>>) {
        self.status.send_if_modified(|status| {
            let found = (published, head, waiting_since);
            let changed = (status.published, status.head, status.waiting_since) != found;
            (status.published, status.head, status.waiting_since) = found;
            changed
        });
        self.measure();
    }

    /// The lag grows while nothing else happens.
    pub(super) fn measure(&self) {
        let status = self.status.borrow();
        metrics::gauge!("daybook_publisher_position").set(status.published.0 as f64);
        metrics::gauge!("daybook_publisher_lag_events").set(status.lag_events() as f64);
        metrics::gauge!("daybook_publisher_lag_seconds").set(status.lag_seconds(Utc::now()));
    }

    pub(super) fn count_batch(&self, records: usize) {
        metrics::counter!("daybook_publisher_batches_total").increment(1);
        metrics::counter!("daybook_publisher_records_total").increment(records as u64);
    }

    pub(super) fn count_error(&self, error: &PublishError) {
        metrics::counter!("daybook_publisher_errors_total", "kind" => error.label()).increment(1);
    }

    pub(super) fn count_rebuild(&self) {
        metrics::counter!("daybook_publisher_rebuilds_total").increment(1);
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn the_lag_is_counted_in_events_and_from_the_oldest_that_waits() {
        let now = Utc::now();
        let status = PublisherStatus {
            published: Position(3),
            head: Position(10),
            waiting_since: Some(now - TimeDelta::seconds(5)),
            ..PublisherStatus::default()
        };
        assert_eq!(status.lag_events(), 7);
        assert_eq!(status.lag_seconds(now), 5.0);
    }

    #[test]
    fn without_waiting_events_and_under_a_clock_that_went_back_there_is_no_lag() {
        let now = Utc::now();
        let status = PublisherStatus::default();
        assert_eq!((status.lag_events(), status.lag_seconds(now)), (0, 0.0));
        let ahead = PublisherStatus { waiting_since: Some(now + TimeDelta::seconds(5)), ..status };
        assert_eq!(ahead.lag_seconds(now), 0.0);
    }
}
