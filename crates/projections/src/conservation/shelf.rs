//! The stock of one SKU at one location: I6, and N1 to N4.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::inventory::Event;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Broken, rules};

#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Shelf {
    /// received - shipped + returned + adjusted + transferred in - transferred out
    on_hand: i64,
    /// Of all holds together, those included whose time is over and whose end is not recorded yet.
    reserved: i64,
    allocated: i64,
    set_aside: i64,
    safety_stock: i64,
    backorder_limit: i64,
}

/// What one order holds of a shelf.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub(super) struct Hold {
    pub(super) reserved: i64,
    pub(super) reserved_until: Option<DateTime<Utc>>,
    pub(super) allocated: i64,
}

/// By how much an event changes what an order holds, and what left for it.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub(super) struct OfOrder {
    pub(super) order_id: Uuid,
    pub(super) held: i64,
    pub(super) shipped: i64,
}

/// A shelf and the holds on it that a batch needs: those of its orders, and every reservation.
#[derive(Debug, Default)]
pub(super) struct Stocked {
    pub(super) shelf: Shelf,
    pub(super) holds: HashMap<Uuid, Hold>,
}

impl Stocked {
    /// What the event does, and what is wrong once it has.
    pub(super) fn see(&mut self, event: &Event, now: DateTime<Utc>) -> (Option<OfOrder>, Vec<Broken>) {
        let mut broken = Vec::new();
        let shelf = &mut self.shelf;
        let of_order = match event {
            Event::Received(it) => shelf.moved(it.quantity.get()),
            Event::Adjusted(it) => shelf.moved(it.delta),
            Event::TransferredIn(it) => shelf.moved(it.quantity.get()),
            Event::ReturnedToStock(it) => shelf.moved(it.quantity.get()),
            Event::TransferredOut(it) => {
                shelf.moved(-it.quantity.get());
                broken.extend(shelf.gone_below_zero());
                None
            }
            Event::SetAside(it) => shelf.put_aside(it.quantity.get()),
            Event::PutBack(it) => shelf.put_aside(-it.quantity.get()),
            Event::PolicyChanged(it) => {
                (shelf.safety_stock, shelf.backorder_limit) = (it.safety_stock, it.backorder_limit);
                None
            }
            Event::Reserved(it) => {
                let order_id = it.order_id.as_uuid();
                let change = self.reserve(order_id, it.quantity.get(), it.expires_at);
                broken.extend(self.oversold(now));
                Some(change)
            }
            Event::ReservationExtended(it) => {
                self.holds.entry(it.order_id.as_uuid()).or_default().reserved_until = Some(it.expires_at);
                None
            }
            Event::ReservationReleased(it) => Some(self.unreserve(it.order_id.as_uuid())),
            Event::ReservationExpired(it) => Some(self.unreserve(it.order_id.as_uuid())),
            Event::Allocated(it) => {
                let (change, twice) = self.allocate(it.order_id.as_uuid(), it.quantity.get());
                broken.extend(twice);
                broken.extend(self.oversold(now));
                Some(change)
            }
            Event::AllocationReleased(it) => {
                let (change, not_held) = self.fulfil(it.order_id.as_uuid(), it.quantity.get());
                broken.extend(not_held);
                Some(change)
            }
            Event::Shipped(it) => {
                self.shelf.moved(-it.quantity.get());
                broken.extend(self.shelf.gone_below_zero());
                let (change, not_held) = self.fulfil(it.order_id.as_uuid(), it.quantity.get());
                broken.extend(not_held);
                Some(OfOrder { shipped: it.quantity.get(), ..change })
            }
            Event::LowStock(it) => self.stated(it.available, &mut broken),
            Event::OutOfStock(it) => self.stated(it.available, &mut broken),
            Event::BackInStock(it) => self.stated(it.available, &mut broken),
            // Where else there is stock, and whose units are missing: they move none.
            Event::LocationOpened(_) | Event::CoverageChanged(_) => None,
        };
        (of_order, broken)
    }

    fn reserve(&mut self, order_id: Uuid, units: i64, until: DateTime<Utc>) -> OfOrder {
        let hold = self.holds.entry(order_id).or_default();
        let before = std::mem::replace(&mut hold.reserved, units);
        hold.reserved_until = Some(until);
        self.shelf.reserved += units - before;
        OfOrder { order_id, held: units - before, shipped: 0 }
    }

    fn unreserve(&mut self, order_id: Uuid) -> OfOrder {
        let hold = self.holds.entry(order_id).or_default();
        let before = std::mem::take(&mut hold.reserved);
        hold.reserved_until = None;
        self.shelf.reserved -= before;
        OfOrder { order_id, held: -before, shipped: 0 }
    }

    /// The reservation is used up by it.
    fn allocate(&mut self, order_id: Uuid, units: i64) -> (OfOrder, Option<Broken>) {
        let freed = self.unreserve(order_id).held;
        let hold = self.holds.entry(order_id).or_default();
        let before = hold.allocated;
        hold.allocated += units;
        self.shelf.allocated += units;
        let twice = (before > 0).then(|| (rules::HELD, format!("{units} allocated beside {before} that it holds")));
        (OfOrder { order_id, held: freed + units, shipped: 0 }, twice)
    }

    /// Units that are promised no more: sent, or let go.
    fn fulfil(&mut self, order_id: Uuid, units: i64) -> (OfOrder, Option<Broken>) {
        let hold = self.holds.entry(order_id).or_default();
        let before = hold.allocated;
        hold.allocated -= units.min(before);
        self.shelf.allocated -= units.min(before);
        let not_held = (units > before).then(|| (rules::HELD, format!("{units} taken of {before} allocated")));
        (OfOrder { order_id, held: -units.min(before), shipped: 0 }, not_held)
    }

    /// N1: what is promised is there, or within what may be promised beyond it. A reservation counts until its time.
    fn oversold(&self, now: DateTime<Utc>) -> Option<Broken> {
        let Shelf { on_hand, allocated, backorder_limit, .. } = self.shelf;
        let lapsed: i64 = self.holds.values().filter(|hold| hold.has_lapsed(now)).map(|hold| hold.reserved).sum();
        let (reserved, unavailable) = (self.shelf.reserved - lapsed, self.shelf.unavailable());
        (reserved + allocated > on_hand - unavailable + backorder_limit).then(|| {
            let of = format!("{on_hand} on hand, {unavailable} unavailable, {backorder_limit} on backorder");
            (rules::OVERSOLD, format!("{reserved} reserved and {allocated} allocated of {of}"))
        })
    }

    /// What the rules state by the way must be what is counted here.
    fn stated(&self, available: i64, broken: &mut Vec<Broken>) -> Option<OfOrder> {
        let counted = self.shelf.on_hand - self.shelf.unavailable() - self.shelf.allocated - self.shelf.reserved;
        if counted != available {
            broken.push((rules::STATED, format!("{available} available are stated, {counted} are counted")));
        }
        None
    }
}

impl Hold {
    pub(super) fn is_nothing(&self) -> bool {
        self.reserved == 0 && self.allocated == 0
    }

    fn has_lapsed(&self, now: DateTime<Utc>) -> bool {
        self.reserved_until.is_some_and(|until| until <= now)
    }
}

impl Shelf {
    fn moved(&mut self, delta: i64) -> Option<OfOrder> {
        self.on_hand += delta;
        None
    }

    fn put_aside(&mut self, delta: i64) -> Option<OfOrder> {
        self.set_aside += delta;
        None
    }

    fn unavailable(&self) -> i64 {
        self.set_aside + self.safety_stock
    }

    /// A count may find less than nothing; nothing may be sent that is not there.
    fn gone_below_zero(&self) -> Option<Broken> {
        (self.on_hand < 0).then(|| (rules::ON_HAND, format!("{} on hand after it left", self.on_hand)))
    }
}
