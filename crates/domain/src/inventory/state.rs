//! What is known of the stock of one SKU at one location, folded from its events.

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::coverage::{self, Standing};
use super::events::{
    Allocated, AllocationReleased, CoverageChanged, PolicyChanged, ReservationExtended, Reserved, Shipped,
};
use crate::ids::{Location, OrderId, Quantity, ShipmentId, Sku};

/// Quantities are sums of units. The maps are shared, so that copying costs nothing until something changes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct State {
    pub(super) place: Option<Place>,
    on_hand: i64,
    set_aside: i64,
    reservations: Arc<BTreeMap<OrderId, Reservation>>,
    allocations: Arc<BTreeMap<OrderId, Allocation>>,
    reserved: i64,
    allocated: i64,
    policy: Policy,
    /// How orders were last said to stand that lack units.
    told: Arc<BTreeMap<OrderId, Standing>>,
    /// Of the stock at `main`: where else the SKU lies.
    elsewhere: Arc<Vec<Location>>,
}

/// Which stock this is: known from the first event on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Place {
    pub sku: Sku,
    pub location: Location,
}

/// N8: a promise until a time, for an order that is not paid yet.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Reservation {
    pub quantity: Quantity,
    pub expires_at: DateTime<Utc>,
}

impl Reservation {
    /// Never counts from its last moment on, whether or not its deadline has fired.
    pub fn is_live(&self, now: DateTime<Utc>) -> bool {
        now < self.expires_at
    }
}

/// A promise without an end, for an order that is confirmed: the units still to be shipped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Allocation {
    pub quantity: Quantity,
    /// What has left for this order while units of it are still promised.
    pub shipments: Vec<ShipmentId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Policy {
    /// `low_stock` is told when no more than this is available. 0 tells nothing.
    pub low_stock_threshold: i64,
    /// How far below zero `available` may be taken.
    pub backorder_limit: i64,
    /// Units that are never sold.
    pub safety_stock: i64,
    /// Of several locations, the one with the least is asked first.
    pub priority: i64,
}

impl State {
    pub fn exists(&self) -> bool {
        self.place.is_some()
    }

    pub fn sku(&self) -> Option<&Sku> {
        self.place.as_ref().map(|place| &place.sku)
    }

    pub fn location(&self) -> Option<&Location> {
        self.place.as_ref().map(|place| &place.location)
    }

    pub fn on_hand(&self) -> i64 {
        self.on_hand
    }

    pub fn allocated(&self) -> i64 {
        self.allocated
    }

    pub fn set_aside(&self) -> i64 {
        self.set_aside
    }

    /// Damaged, in quality check, or kept for safety.
    pub fn unavailable(&self) -> i64 {
        self.set_aside.saturating_add(self.policy.safety_stock)
    }

    pub fn policy(&self) -> Policy {
        self.policy
    }

    /// Units that live reservations hold.
    pub fn reserved(&self, now: DateTime<Utc>) -> i64 {
        let lapsed = self.reservations.values().filter(|reservation| !reservation.is_live(now));
        self.reserved - lapsed.map(|reservation| reservation.quantity.get()).sum::<i64>()
    }

    /// What could be promised now. Below zero where more is promised than is there.
    pub fn available(&self, now: DateTime<Utc>) -> i64 {
        self.unallocated().saturating_sub(self.reserved(now))
    }

    /// As `available`, while every reservation counts until its expiry is recorded. It needs no clock, so it is what
    /// the thresholds are measured by.
    pub fn unpromised(&self) -> i64 {
        self.unallocated().saturating_sub(self.reserved)
    }

    pub fn reservation(&self, order_id: OrderId) -> Option<&Reservation> {
        self.reservations.get(&order_id)
    }

    pub fn reservations(&self) -> impl Iterator<Item = (OrderId, &Reservation)> {
        self.reservations.iter().map(|(order_id, reservation)| (*order_id, reservation))
    }

    pub fn allocation(&self, order_id: OrderId) -> Option<&Allocation> {
        self.allocations.get(&order_id)
    }

    pub fn allocations(&self) -> impl Iterator<Item = (OrderId, &Allocation)> {
        self.allocations.iter().map(|(order_id, allocation)| (*order_id, allocation))
    }

    /// N1: the youngest orders whose units are not there. The safety stock is: it is kept from new orders, not from these.
    pub fn standings(&self) -> BTreeMap<OrderId, Standing> {
        coverage::standings(self)
    }

    /// How an order stands whose units are not all there, as the stream has told.
    pub fn standing_of(&self, order_id: OrderId) -> Option<Standing> {
        self.told.get(&order_id).copied()
    }

    pub(super) fn told(&self) -> &BTreeMap<OrderId, Standing> {
        &self.told
    }

    /// Of the stock at `main`: where else the SKU lies, in the order in which that was opened.
    pub fn elsewhere(&self) -> &[Location] {
        &self.elsewhere
    }

    pub(super) fn weight(&self) -> usize {
        let place = self.place.as_ref().map_or(0, |place| place.sku.as_str().len() + place.location.as_str().len());
        let shipments: usize = self.allocations.values().map(|allocation| allocation.shipments.len()).sum();
        size_of::<Self>()
            + place
            + self.reservations.len() * size_of::<(OrderId, Reservation)>()
            + self.allocations.len() * size_of::<(OrderId, Allocation)>()
            + shipments * size_of::<ShipmentId>()
            + self.told.len() * size_of::<(OrderId, Standing)>()
            + self.elsewhere.len() * size_of::<Location>()
    }

    fn unallocated(&self) -> i64 {
        self.on_hand.saturating_sub(self.allocated).saturating_sub(self.unavailable())
    }

    pub(super) fn at(mut self, sku: &Sku, location: &Location) -> Self {
        self.place.get_or_insert_with(|| Place { sku: sku.clone(), location: location.clone() });
        self
    }

    /// N4: the one way in which `on_hand` changes.
    pub(super) fn moved(mut self, delta: i64) -> Self {
        self.on_hand = self.on_hand.saturating_add(delta);
        self
    }

    pub(super) fn put_aside(mut self, delta: i64) -> Self {
        self.set_aside = self.set_aside.saturating_add(delta);
        self
    }

    pub(super) fn reserve(mut self, reserved: &Reserved) -> Self {
        self = self.unreserve(reserved.order_id);
        let reservation = Reservation { quantity: reserved.quantity, expires_at: reserved.expires_at };
        Arc::make_mut(&mut self.reservations).insert(reserved.order_id, reservation);
        self.reserved += reserved.quantity.get();
        self
    }

    pub(super) fn extend(mut self, extended: &ReservationExtended) -> Self {
        if let Some(reservation) = Arc::make_mut(&mut self.reservations).get_mut(&extended.order_id) {
            reservation.expires_at = extended.expires_at;
        }
        self
    }

    pub(super) fn unreserve(mut self, order_id: OrderId) -> Self {
        if self.reservations.contains_key(&order_id)
            && let Some(reservation) = Arc::make_mut(&mut self.reservations).remove(&order_id)
        {
            self.reserved -= reservation.quantity.get();
        }
        self
    }

    pub(super) fn allocate(mut self, allocated: &Allocated) -> Self {
        self = self.unreserve(allocated.order_id);
        let allocation = Allocation { quantity: allocated.quantity, shipments: Vec::new() };
        Arc::make_mut(&mut self.allocations).insert(allocated.order_id, allocation);
        self.allocated += allocated.quantity.get();
        self
    }

    pub(super) fn release(self, released: &AllocationReleased) -> Self {
        self.fulfil(released.order_id, released.quantity, None)
    }

    pub(super) fn ship(self, shipped: &Shipped) -> Self {
        self.moved(-shipped.quantity.get()).fulfil(shipped.order_id, shipped.quantity, Some(shipped.shipment_id))
    }

    /// Takes units off a promise, and forgets it when none are left.
    fn fulfil(mut self, order_id: OrderId, quantity: Quantity, shipment_id: Option<ShipmentId>) -> Self {
        let allocations = Arc::make_mut(&mut self.allocations);
        let Some(allocation) = allocations.get_mut(&order_id) else { return self };
        let before = allocation.quantity.get();
        let left = before - quantity.get().min(before);
        allocation.shipments.extend(shipment_id);
        match Quantity::new(left) {
            Ok(quantity) => allocation.quantity = quantity,
            Err(_) => drop(allocations.remove(&order_id)),
        }
        self.allocated -= before - left;
        self
    }

    pub(super) fn govern(mut self, changed: &PolicyChanged) -> Self {
        let PolicyChanged { low_stock_threshold, backorder_limit, safety_stock, priority, .. } = *changed;
        self.policy = Policy { low_stock_threshold, backorder_limit, safety_stock, priority };
        self
    }

    /// `main` itself has no stock by it.
    pub(super) fn open(mut self, opened: &Location) -> Self {
        Arc::make_mut(&mut self.elsewhere).push(opened.clone());
        self
    }

    pub(super) fn tell(mut self, changed: &CoverageChanged) -> Self {
        let told = Arc::make_mut(&mut self.told);
        for order_id in &changed.covered {
            told.remove(order_id);
        }
        told.extend(changed.backordered.iter().map(|order_id| (*order_id, Standing::Backordered)));
        told.extend(changed.uncovered.iter().map(|order_id| (*order_id, Standing::Uncovered)));
        self
    }
}
