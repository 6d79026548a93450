//! The expiry process: sets free what a pending order holds once its time has passed.

use chrono::TimeDelta;
use domain::aggregate::{EventKind, UnreadableEvent};
use domain::ids::OrderId;
use domain::payment;
use eventstore::event::RecordedEvent;
use uuid::Uuid;

use super::{Deadline, Effect, Process, Runnable, runnable};
use crate::checkout::RESERVATION_LIFETIME;
use crate::orders::settle::{ExpireReservations, FailPendingOrder};

/// How long an order may stay pending.
const PENDING_LIFETIME: TimeDelta = TimeDelta::minutes(60);

/// The subject of both is the order.
const RESERVATIONS: &str = "reservations";
const PENDING_ORDER: &str = "pending_order";

#[derive(Debug)]
pub struct ExpiryProcess;

impl Process for ExpiryProcess {
    fn name(&self) -> &'static str {
        "expiry"
    }

    fn waits_for(&self) -> &'static str {
        "orders that stay pending: after 15 minutes to set their reservations free, after 60 to fail them"
    }

    fn react(&self, event: &RecordedEvent) -> Result<Vec<Effect>, UnreadableEvent> {
        Ok(match event.event_type.as_str() {
            "order.created" => vec![deadline(PENDING_ORDER, event.stream.id, event, PENDING_LIFETIME)],
            // Each try to pay holds the stock anew.
            "payment.initiated" => vec![deadline(RESERVATIONS, order_of(event)?, event, RESERVATION_LIFETIME)],
            "order.confirmed" | "order.cancelled" | "order.failed" => {
                let clear = |kind| Effect::ClearDeadline { kind, subject: event.stream.id };
                vec![clear(PENDING_ORDER), clear(RESERVATIONS)]
            }
            _ => Vec::new(),
        })
    }

    fn fire(&self, deadline: &Deadline) -> Option<Box<dyn Runnable>> {
        let order_id = OrderId::from_uuid(deadline.subject);
        match deadline.kind.as_ref() {
            PENDING_ORDER => Some(runnable(FailPendingOrder { order_id })),
            RESERVATIONS => Some(runnable(ExpireReservations { order_id })),
            // Among them those of carts, which a release before left here: the process of carts has them all.
            _ => None,
        }
    }

    fn fires_after(&self) -> &'static [&'static str] {
        &[super::payment::NAME]
    }
}

fn deadline(kind: &'static str, subject: Uuid, event: &RecordedEvent, after: TimeDelta) -> Effect {
    Effect::SetDeadline(Deadline { kind: kind.into(), subject, due_at: event.recorded_at + after })
}

fn order_of(event: &RecordedEvent) -> Result<Uuid, UnreadableEvent> {
    match payment::Event::from_payload(&event.event_type, event.schema_version, &event.payload)? {
        payment::Event::Initiated(initiated) => Ok(initiated.order_id.as_uuid()),
        _ => Err(UnreadableEvent::UnknownType { event_type: event.event_type.clone() }),
    }
}

#[cfg(test)]
mod tests;
