//! I6: what is promised is there. Counted here from the events alone, by other code than the domain's.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::{aggregate::EventKind as _, ids::OrderId, inventory::Event};
use eventstore::StreamId;

use crate::evidence::Evidence;

#[derive(Debug, Default)]
struct Shelf {
    on_hand: i64,
    received: i64,
    /// Sent, and come back to be sold again, by order.
    shipped: HashMap<OrderId, i64>,
    returned: HashMap<OrderId, i64>,
    reserved: HashMap<OrderId, (i64, DateTime<Utc>)>,
    allocated: HashMap<OrderId, i64>,
}

pub(super) fn stock_is_conserved(evidence: &Evidence) -> Vec<String> {
    let mut violations = Vec::new();
    let mut shelves: HashMap<&StreamId, Shelf> = HashMap::new();
    for recorded in evidence.book.iter().filter(|event| event.stream.category == "inventory") {
        let position = recorded.position;
        match Event::from_payload(&recorded.event_type, recorded.schema_version, &recorded.payload) {
            Ok(event) => {
                let shelf = shelves.entry(&recorded.stream).or_default();
                if let Some(why) = shelf.see(&event, recorded.recorded_at) {
                    violations.push(format!("position {position}, {}: {why}", recorded.event_type));
                }
            }
            Err(error) => violations.push(format!("position {position} cannot be read: {error}")),
        }
    }
    for (stream, shelf) in shelves {
        let (shipped, returned): (i64, i64) = (shelf.shipped.values().sum(), shelf.returned.values().sum());
        if shelf.on_hand < 0 || shelf.on_hand != shelf.received + returned - shipped {
            let Shelf { received, on_hand, .. } = shelf;
            violations
                .push(format!("{stream}: {received} received, {shipped} sent, {returned} back, {on_hand} on hand"));
        }
        for (order, back) in shelf.returned {
            let sent = shelf.shipped.get(&order).copied().unwrap_or_default();
            violations.extend((back > sent).then(|| format!("{stream}: order {order} had {sent}, {back} came back")));
        }
        for order in evidence.ended_orders() {
            let held = shelf.reserved.get(&order).map(|(units, _)| *units).or(shelf.allocated.get(&order).copied());
            violations.extend(held.map(|units| format!("{stream} holds {units} for order {order}, which has ended")));
        }
    }
    violations
}

impl Shelf {
    /// What is wrong once this has happened.
    fn see(&mut self, event: &Event, now: DateTime<Utc>) -> Option<String> {
        match event {
            Event::Received(received) => {
                self.on_hand += received.quantity.get();
                self.received += received.quantity.get();
            }
            Event::Reserved(reserved) => {
                self.reserved.insert(reserved.order_id, (reserved.quantity.get(), reserved.expires_at));
                return self.oversold(now);
            }
            Event::ReservationExtended(extended) => {
                if let Some((_, expires_at)) = self.reserved.get_mut(&extended.order_id) {
                    *expires_at = extended.expires_at;
                }
            }
            Event::ReservationReleased(released) => drop(self.reserved.remove(&released.order_id)),
            Event::ReservationExpired(expired) => drop(self.reserved.remove(&expired.order_id)),
            Event::Allocated(allocated) => {
                self.reserved.remove(&allocated.order_id);
                *self.allocated.entry(allocated.order_id).or_default() += allocated.quantity.get();
                return self.oversold(now);
            }
            Event::AllocationReleased(released) => return self.take(released.order_id, released.quantity.get()),
            Event::Shipped(shipped) => {
                self.on_hand -= shipped.quantity.get();
                *self.shipped.entry(shipped.order_id).or_default() += shipped.quantity.get();
                return self.take(shipped.order_id, shipped.quantity.get());
            }
            Event::ReturnedToStock(returned) => {
                self.on_hand += returned.quantity.get();
                *self.returned.entry(returned.order_id).or_default() += returned.quantity.get();
            }
            Event::LowStock(_) | Event::OutOfStock(_) | Event::BackInStock(_) => {}
            other => return Some(format!("nobody asked for {}", other.event_type())),
        }
        None
    }

    fn take(&mut self, order: OrderId, units: i64) -> Option<String> {
        let left = self.allocated.get(&order).copied().unwrap_or_default() - units;
        match left {
            0 => drop(self.allocated.remove(&order)),
            left => drop(self.allocated.insert(order, left)),
        }
        (left < 0).then(|| format!("{units} units for order {order}, {} more than were promised", -left))
    }

    fn oversold(&self, now: DateTime<Utc>) -> Option<String> {
        let reserved: i64 =
            self.reserved.values().filter(|(_, expires_at)| now < *expires_at).map(|(units, _)| units).sum();
        let allocated: i64 = self.allocated.values().sum();
        (reserved + allocated > self.on_hand)
            .then(|| format!("{reserved} reserved and {allocated} allocated of {} on hand", self.on_hand))
    }
}

impl Evidence {
    fn ended_orders(&self) -> impl Iterator<Item = OrderId> {
        let ends =
            self.book.iter().filter(|event| matches!(event.event_type.as_str(), "order.cancelled" | "order.failed"));
        ends.map(|event| OrderId::from_uuid(event.stream.id))
    }
}
