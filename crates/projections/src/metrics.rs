//! The figures that a projection gives of itself. The names are public.

use std::time::Duration;

use chrono::Utc;
use eventstore::RecordedEvent;
use metrics::{counter, gauge, histogram};

use crate::projection::Definition;

/// After a batch: `last` is the newest event that is posted now.
pub(crate) fn advanced(definition: &Definition, last: &RecordedEvent, events: usize, took: Duration) {
    let lag = (Utc::now() - last.recorded_at).to_std().unwrap_or_default();
    gauge!("daybook_projection_position", "projection" => definition.name).set(last.position.0 as f64);
    gauge!("daybook_projection_lag_seconds", "projection" => definition.name).set(lag.as_secs_f64());
    counter!("daybook_projection_events_total", "projection" => definition.name).increment(events as u64);
    histogram!("daybook_projection_batch_seconds", "projection" => definition.name).record(took.as_secs_f64());
}

pub(crate) fn at_head(definition: &Definition) {
    gauge!("daybook_projection_lag_seconds", "projection" => definition.name).set(0.0);
}

pub(crate) fn failed(definition: &Definition) {
    counter!("daybook_projection_failures_total", "projection" => definition.name).increment(1);
}

pub(crate) fn parked(definition: &Definition) {
    counter!("daybook_projection_parked_total", "projection" => definition.name).increment(1);
}
