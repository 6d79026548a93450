//! The coverage process: orders that were promised what is not there are told so, and on hold while that is more than the
//! backorder limit; when it is there again, they are told that too, and released.

use domain::aggregate::{EventKind, UnreadableEvent};
use domain::ids::OrderId;
use domain::inventory::Event;
use eventstore::event::RecordedEvent;

use super::{Deadline, Effect, Process, Runnable};
use crate::orders::coverage::{ORDERS_AT_ONCE, ReviewCoverage};

#[derive(Debug)]
pub struct CoverageProcess;

impl Process for CoverageProcess {
    fn name(&self) -> &'static str {
        "coverage"
    }

    fn waits_for(&self) -> &'static str {
        "stock that is promised and missing, to call the youngest orders backordered or put them on hold; its return, to release them; \
         orders that are released, to look whether theirs is there"
    }

    fn react(&self, event: &RecordedEvent) -> Result<Vec<Effect>, UnreadableEvent> {
        // Its stock may have gone missing while it was on hold for another reason.
        if event.event_type == "order.released" {
            let orders = vec![OrderId::from_uuid(event.stream.id)];
            return Ok(vec![Effect::run(ReviewCoverage { orders })]);
        }
        if event.event_type != "inventory.coverage_changed" {
            return Ok(Vec::new());
        }
        match Event::from_payload(&event.event_type, event.schema_version, &event.payload)? {
            // One that is backordered may have been uncovered before.
            Event::CoverageChanged(changed) => {
                let orders = [changed.uncovered, changed.backordered, changed.covered].concat();
                let review = |orders: &[_]| Effect::run(ReviewCoverage { orders: orders.to_vec() });
                Ok(orders.chunks(ORDERS_AT_ONCE).map(review).collect())
            }
            _ => Ok(Vec::new()),
        }
    }

    fn fire(&self, _: &Deadline) -> Option<Box<dyn Runnable>> {
        None
    }
}

#[cfg(test)]
mod tests;
