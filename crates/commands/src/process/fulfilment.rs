//! The fulfilment process: captures what is due when a parcel leaves.

use domain::aggregate::{EventKind, UnreadableEvent};
use domain::ids::OrderId;
use domain::order::Event;
use eventstore::event::RecordedEvent;

use super::{Deadline, Effect, Process, Runnable};
use crate::payments::{CapturingOnce, RequestCapture};

#[derive(Debug)]
pub struct FulfilmentProcess {
    capturing_once: CapturingOnce,
}

impl FulfilmentProcess {
    pub fn new(capturing_once: CapturingOnce) -> Self {
        Self { capturing_once }
    }
}

impl Process for FulfilmentProcess {
    fn name(&self) -> &'static str {
        "fulfilment"
    }

    fn waits_for(&self) -> &'static str {
        "parcels that leave, to capture what is due for them"
    }

    fn react(&self, event: &RecordedEvent) -> Result<Vec<Effect>, UnreadableEvent> {
        if event.event_type != "order.shipment_dispatched" {
            return Ok(Vec::new());
        }
        match Event::from_payload(&event.event_type, event.schema_version, &event.payload)? {
            Event::ShipmentDispatched(dispatched) => Ok(vec![Effect::run(RequestCapture {
                order_id: OrderId::from_uuid(event.stream.id),
                shipment_id: dispatched.shipment_id,
                capturing_once: CapturingOnce::clone(&self.capturing_once),
            })]),
            _ => Ok(Vec::new()),
        }
    }

    fn fire(&self, _: &Deadline) -> Option<Box<dyn Runnable>> {
        None
    }
}

#[cfg(test)]
mod tests;
