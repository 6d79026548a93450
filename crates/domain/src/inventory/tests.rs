//! The rules of stock, each as given, when, then.

mod conservation;
mod coverage;
mod locations;
mod movements;
mod promises;
mod thresholds;

use uuid::Uuid;

use super::*;
use crate::spec::{Given, given};

fn stock(events: impl IntoIterator<Item = Event>) -> Given<Inventory> {
    given(events)
}

fn sku() -> Sku {
    Sku::new("85123A").unwrap()
}

fn main() -> Location {
    Location::main()
}

fn north() -> Location {
    Location::new("north").unwrap()
}

fn units(units: i64) -> Quantity {
    Quantity::new(units).unwrap()
}

fn order(id: u128) -> OrderId {
    OrderId::from_uuid(Uuid::from_u128(id))
}

fn shipment(id: u128) -> ShipmentId {
    ShipmentId::from_uuid(Uuid::from_u128(id))
}

fn minute(minute: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_291_190_400 + 60 * minute, 0).unwrap()
}

fn because() -> Reason {
    Reason::new("count").unwrap()
}

fn received(quantity: i64) -> Event {
    Event::Received(Received { sku: sku(), location: main(), quantity: units(quantity) })
}

fn reserved(id: u128, quantity: i64, until: i64) -> Event {
    let (order_id, quantity, expires_at) = (order(id), units(quantity), minute(until));
    Event::Reserved(Reserved { sku: sku(), location: main(), order_id, quantity, expires_at })
}

fn allocated(id: u128, quantity: i64) -> Event {
    Event::Allocated(Allocated { sku: sku(), location: main(), order_id: order(id), quantity: units(quantity) })
}

fn shipped(id: u128, quantity: i64, parcel: u128) -> Event {
    let (order_id, shipment_id, quantity) = (order(id), shipment(parcel), units(quantity));
    Event::Shipped(Shipped { sku: sku(), location: main(), order_id, shipment_id, quantity })
}

fn reservation_released(id: u128, quantity: i64) -> Event {
    let (order_id, quantity) = (order(id), units(quantity));
    Event::ReservationReleased(ReservationReleased { sku: sku(), location: main(), order_id, quantity })
}

fn allocation_released(id: u128, quantity: i64) -> Event {
    let (order_id, quantity) = (order(id), units(quantity));
    Event::AllocationReleased(AllocationReleased { sku: sku(), location: main(), order_id, quantity })
}

fn adjusted(delta: i64) -> Event {
    Event::Adjusted(Adjusted { sku: sku(), location: main(), delta, reason: because() })
}

fn policy(low_stock_threshold: i64, backorder_limit: i64, safety_stock: i64) -> Event {
    let (sku, location) = (sku(), main());
    Event::PolicyChanged(PolicyChanged {
        sku,
        location,
        low_stock_threshold,
        backorder_limit,
        safety_stock,
        priority: 0,
    })
}

fn put_aside(quantity: i64) -> Event {
    Event::SetAside(SetAside { sku: sku(), location: main(), quantity: units(quantity), reason: because() })
}

fn low(available: i64, threshold: i64) -> Event {
    Event::LowStock(LowStock { sku: sku(), location: main(), available, threshold })
}

fn out(available: i64) -> Event {
    Event::OutOfStock(OutOfStock { sku: sku(), location: main(), available })
}

fn back(available: i64) -> Event {
    Event::BackInStock(BackInStock { sku: sku(), location: main(), available })
}

/// Orders that are uncovered, backordered and covered from now on.
fn coverage(uncovered: &[u128], backordered: &[u128], covered: &[u128]) -> Event {
    let orders = |ids: &[u128]| ids.iter().copied().map(order).collect();
    let (uncovered, backordered, covered) = (orders(uncovered), orders(backordered), orders(covered));
    Event::CoverageChanged(CoverageChanged { sku: sku(), location: main(), uncovered, backordered, covered })
}

fn receive(quantity: i64) -> Command {
    Command::Receive { sku: sku(), location: main(), quantity: units(quantity) }
}

fn reserve(id: u128, quantity: i64, until: i64, now: i64) -> Command {
    Command::Reserve { order_id: order(id), quantity: units(quantity), expires_at: minute(until), now: minute(now) }
}

fn extend(id: u128, until: i64, now: i64) -> Command {
    Command::ExtendReservation { order_id: order(id), expires_at: minute(until), now: minute(now) }
}

fn allocate(id: u128, quantity: i64, now: i64) -> Command {
    Command::Allocate { order_id: order(id), quantity: units(quantity), now: minute(now) }
}

fn release_allocation(id: u128, quantity: Option<i64>) -> Command {
    Command::ReleaseAllocation { order_id: order(id), quantity: quantity.map(units) }
}

fn ship(id: u128, quantity: i64, parcel: u128) -> Command {
    Command::Ship { order_id: order(id), quantity: units(quantity), shipment_id: shipment(parcel) }
}

fn adjust(delta: i64) -> Command {
    Command::Adjust { sku: sku(), location: main(), delta, reason: because() }
}

fn set_aside(quantity: i64) -> Command {
    Command::SetAside { quantity: units(quantity), reason: because() }
}

fn put_back(quantity: i64) -> Command {
    Command::PutBack { quantity: units(quantity), reason: because() }
}

fn change_policy(change: PolicyChange) -> Command {
    Command::ChangePolicy { sku: sku(), location: main(), change }
}

fn out_of_stock(requested: i64, available: i64) -> Error {
    Error::OutOfStock { requested, available }
}

#[test]
fn what_cannot_follow_is_folded_without_harm() {
    let extended = ReservationExtended { sku: sku(), location: main(), order_id: order(1), expires_at: minute(1) };
    let lost = [allocation_released(1, 1), reservation_released(1, 1), Event::ReservationExtended(extended)];
    stock(lost).then_state(|state| assert_eq!(*state, State::default()));
    stock([received(5), allocated(1, 2), shipped(1, 3, 1)]).then_state(|state| {
        assert_eq!((state.on_hand(), state.allocated()), (2, 0));
    });
}

#[test]
fn stock_weighs_what_its_promises_do() {
    let weight = |events: &[Event]| Inventory::weight(&given::<Inventory>(events.iter().cloned()).into_state());
    let empty = size_of::<State>() + "85123A".len() + "main".len();
    assert_eq!(weight(&[]), size_of::<State>());
    assert_eq!(weight(&[received(9)]), empty);
    assert_eq!(weight(&[received(9), reserved(1, 1, 1)]), empty + size_of::<(OrderId, Reservation)>());
    let allocation = size_of::<(OrderId, Allocation)>();
    assert_eq!(weight(&[received(9), allocated(1, 2)]), empty + allocation);
    assert_eq!(weight(&[received(9), allocated(1, 2), shipped(1, 1, 1)]), empty + allocation + 16);
    let told = size_of::<(OrderId, Standing)>();
    assert_eq!(weight(&[received(9), coverage(&[1], &[2], &[])]), empty + 2 * told);
    let opened = LocationOpened { sku: sku(), location: main(), opened: north() };
    assert_eq!(weight(&[received(9), Event::LocationOpened(opened)]), empty + size_of::<Location>());
}

#[test]
fn every_refusal_has_a_code() {
    let all = [
        (out_of_stock(1, 0), "out_of_stock"),
        (Error::ReservationDiffers { requested: 1, reserved: 2 }, "reservation_differs"),
        (Error::ReservationExpired, "reservation_expired"),
        (Error::NotAllocated { requested: 1, allocated: 0 }, "not_allocated"),
        (Error::NotOnHand { requested: 1, on_hand: 0 }, "not_on_hand"),
        (Error::NotSetAside { requested: 1, set_aside: 0 }, "not_set_aside"),
        (Error::QuantityOutOfRange { found: -1, min: 0, max: 1 }, "quantity_out_of_range"),
        (Error::SameLocation { location: main() }, "same_location"),
        (Error::TooManyLocations { max: 1 }, "too_many_locations"),
    ];
    for (error, code) in all {
        assert_eq!(error.code(), code);
    }
}
