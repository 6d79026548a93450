//! The locations process: stock that lies at a location of which the stock at `main` does not know is put on its list, so that
//! orders are served from it.
//!
//! Whatever puts stock somewhere does that in the same append; this is for stock of before there was such a list. The
//! process reads every book from its first page, finds each location by its first event, and mostly finds that it is known.

use domain::aggregate::{Aggregate, EventKind, UnreadableEvent};
use domain::ids::Location;
use domain::inventory::{Event, Inventory};
use eventstore::event::RecordedEvent;

use super::{Deadline, Effect, Process, Runnable};
use crate::inventory::OpenLocation;

#[derive(Debug)]
pub struct LocationProcess;

impl Process for LocationProcess {
    fn name(&self) -> &'static str {
        "locations"
    }

    fn waits_for(&self) -> &'static str {
        "stock at a location that its product's list of them lacks, to add it"
    }

    fn react(&self, event: &RecordedEvent) -> Result<Vec<Effect>, UnreadableEvent> {
        if event.stream_version != 1 || event.stream.category != Inventory::CATEGORY {
            return Ok(Vec::new());
        }
        let event = Event::from_payload(&event.event_type, event.schema_version, &event.payload)?;
        let (sku, location) = event.place();
        if *location == Location::main() {
            return Ok(Vec::new());
        }
        Ok(vec![Effect::run(OpenLocation { sku: sku.clone(), location: location.clone() })])
    }

    fn fire(&self, _: &Deadline) -> Option<Box<dyn Runnable>> {
        None
    }
}

#[cfg(test)]
mod tests;
