//! Tells readiness, the metrics and the log what is not conserved: what the conservation watch has found in the book, and what
//! was not settled in time. Any node tells it, whichever one runs the watch.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::Utc;
use projections::ReadModels;
use projections::conservation::{self, Open, Violation};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::health::CheckHandle;

/// How often the node looks.
const LOOK: Duration = Duration::from_secs(1);
/// How many are named in readiness; the others are counted.
const NAMED_MAX: usize = 3;

pub(crate) async fn report(read_models: ReadModels, check: CheckHandle, stopping: CancellationToken) {
    let mut ticks = interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told = BTreeSet::new();
    while !stopping.is_cancelled() {
        tokio::select! {
            () = stopping.cancelled() => {}
            _ = ticks.tick() => look(&read_models, &check, &mut told).await,
        }
    }
}

async fn look(read_models: &ReadModels, check: &CheckHandle, told: &mut BTreeSet<String>) {
    let open = match conservation::open(read_models, Utc::now()).await {
        Ok(open) => open,
        Err(error) => {
            tracing::warn!(%error, "what is not conserved cannot be read");
            return check.failing("what is not conserved cannot be read");
        }
    };
    metrics::gauge!("daybook_conservation_open").set(open.count as f64);
    // What an event broke was told when it was read; what is not settled in time is told here, once by each node.
    let overdue: BTreeSet<String> = open.first.iter().filter(|found| found.position.is_none()).map(named).collect();
    for Violation { rule, subject, detail, since, .. } in
        open.first.iter().filter(|found| found.position.is_none() && !told.contains(&named(found)))
    {
        tracing::error!(rule, subject, detail, %since, "something is not conserved");
    }
    *told = overdue;
    match shown(&open) {
        Some(what) => check.failing(what),
        None => check.ready("money and stock add up"),
    }
}

/// For people: the first of what is open, and how many more there are.
fn shown(open: &Open) -> Option<String> {
    let first: Vec<String> = open.first.iter().take(NAMED_MAX).map(named).collect();
    let more = open.count - i64::try_from(first.len()).unwrap_or(i64::MAX);
    match (open.count, more) {
        (0, _) => None,
        (_, 0) => Some(first.join("; ")),
        (_, more) => Some(format!("{}; and {more} more: daybook conservation", first.join("; "))),
    }
}

pub(crate) fn named(found: &Violation) -> String {
    let Violation { position, rule, subject, detail, .. } = found;
    match position {
        Some(position) => format!("{rule} at position {position}, {subject}: {detail}"),
        None => format!("{rule}, {subject}: {detail}"),
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use eventstore::Position;

    use super::*;

    fn found(position: i64) -> Violation {
        Violation {
            position: (position > 0).then_some(Position(position)),
            rule: "oversold".to_owned(),
            subject: "inventory-1".to_owned(),
            detail: "3 reserved of 2".to_owned(),
            since: DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn readiness_names_the_first_and_counts_the_rest() {
        assert_eq!(shown(&Open::default()), None);
        let one = Open { count: 1, first: vec![found(7)] };
        assert_eq!(shown(&one).unwrap(), "oversold at position 7, inventory-1: 3 reserved of 2");
        let many = Open { count: 25, first: (5..25).map(found).collect() };
        assert!(shown(&many).unwrap().ends_with("; and 22 more: daybook conservation"), "{:?}", shown(&many));
        assert_eq!(named(&found(0)), "oversold, inventory-1: 3 reserved of 2");
    }
}
