//! The carts process: ends carts that nobody touches (C9).
//!
//! It stands by itself so that it reads every book from its first page: the carts of a book that is older than this rule have
//! their deadlines as all others do, without anybody touching them.

use domain::aggregate::{EventKind, UnreadableEvent};
use domain::cart::Event;
use domain::ids::CartId;
use eventstore::event::RecordedEvent;

use super::{Deadline, Effect, Process, Runnable, runnable};
use crate::carts::expire::{ExpireCart, lifetime};

/// The subject is the cart. Set when it is opened, and not again by every item: one that was touched meanwhile says when
/// it is due again once the deadline fires.
pub(super) const UNTOUCHED_CART: &str = "untouched_cart";

#[derive(Debug)]
pub struct CartProcess;

impl Process for CartProcess {
    fn name(&self) -> &'static str {
        "carts"
    }

    fn waits_for(&self) -> &'static str {
        "open carts, to end those that nobody touches for 30 days (guests) or 90 (customers)"
    }

    fn react(&self, event: &RecordedEvent) -> Result<Vec<Effect>, UnreadableEvent> {
        let subject = event.stream.id;
        Ok(match event.event_type.as_str() {
            "cart.opened" => {
                let due_at = event.recorded_at + lifetime(is_guests(event)?);
                vec![Effect::SetDeadline(Deadline { kind: UNTOUCHED_CART.into(), subject, due_at })]
            }
            "cart.checked_out" | "cart.discarded" | "cart.merged" | "cart.expired" => {
                vec![Effect::ClearDeadline { kind: UNTOUCHED_CART, subject }]
            }
            _ => Vec::new(),
        })
    }

    fn fire(&self, deadline: &Deadline) -> Option<Box<dyn Runnable>> {
        let cart_id = CartId::from_uuid(deadline.subject);
        (deadline.kind == UNTOUCHED_CART).then(|| runnable(ExpireCart { cart_id }))
    }
}

fn is_guests(event: &RecordedEvent) -> Result<bool, UnreadableEvent> {
    match Event::from_payload(&event.event_type, event.schema_version, &event.payload)? {
        Event::Opened(opened) => Ok(opened.guest),
        _ => Err(UnreadableEvent::UnknownType { event_type: event.event_type.clone() }),
    }
}

#[cfg(test)]
mod tests;
