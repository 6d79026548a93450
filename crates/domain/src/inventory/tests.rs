//! The rules of stock, each as given, when, then.

mod conservation;

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
    Event::PolicyChanged(PolicyChanged { sku, location, low_stock_threshold, backorder_limit, safety_stock })
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
fn stock_is_received() {
    stock([]).when(receive(10)).then([received(10)]).when(receive(5)).then([received(5)]).then_state(|state| {
        assert_eq!((state.on_hand(), state.available(minute(0))), (15, 15));
        assert_eq!((state.sku(), state.location()), (Some(&sku()), Some(&main())));
        assert!(state.exists());
    });
    stock([]).then_state(|state| assert_eq!((state.sku(), state.location(), state.exists()), (None, None, false)));
}

#[test]
fn n1_a_reservation_takes_no_more_than_is_available() {
    stock([received(10)]).when(reserve(1, 9, 15, 0)).then([reserved(1, 9, 15)]).then_state(|state| {
        assert_eq!((state.on_hand(), state.reserved(minute(0)), state.available(minute(0))), (10, 9, 1));
    });
    stock([received(10)]).when(reserve(1, 10, 15, 0)).then([reserved(1, 10, 15), out(0)]);
    stock([received(10)]).when(reserve(1, 11, 15, 0)).then_error(out_of_stock(11, 10));
    stock([received(10), reserved(1, 4, 15), allocated(2, 3)])
        .when(reserve(3, 4, 15, 0))
        .then_error(out_of_stock(4, 3));
    stock([]).when(reserve(1, 1, 15, 0)).then_error(out_of_stock(1, 0));
}

#[test]
fn n1_backorders_go_below_zero_down_to_their_limit() {
    stock([policy(0, 5, 0), received(1)]).when(reserve(1, 6, 15, 0)).then([reserved(1, 6, 15), out(-5)]);
    stock([policy(0, 5, 0), received(1)]).when(reserve(1, 7, 15, 0)).then_error(out_of_stock(7, 6));
    stock([policy(0, 5, 0), received(1)]).when(allocate(1, 6, 0)).then([allocated(1, 6), out(-5)]);
    stock([policy(0, 5, 0), received(1)]).when(allocate(1, 7, 0)).then_error(out_of_stock(7, 6));
}

#[test]
fn n1_a_count_is_a_fact_and_is_recorded_whatever_it_leaves_uncovered() {
    stock([received(3), allocated(1, 3)]).when(adjust(-5)).then([adjusted(-5)]).then_state(|state| {
        assert_eq!((state.on_hand(), state.available(minute(0))), (-2, -5));
    });
    stock([]).when(adjust(7)).then([adjusted(7)]);
    stock([]).when(adjust(-7)).then([adjusted(-7)]);
    stock([received(3)]).when(adjust(0)).then_nothing();
    for delta in [UNITS_MAX, -UNITS_MAX] {
        stock([]).when(adjust(delta)).then([adjusted(delta)]);
    }
    for found in [UNITS_MAX + 1, -UNITS_MAX - 1, i64::MIN] {
        let out_of_range = Error::QuantityOutOfRange { found, min: -UNITS_MAX, max: UNITS_MAX };
        stock([]).when(adjust(found)).then_error(out_of_range);
    }
}

#[test]
fn n1_the_youngest_orders_are_the_uncovered_ones() {
    let orders = [received(10), allocated(1, 4), allocated(2, 4), allocated(3, 2)];
    let uncovered = |more: &[Event]| given::<Inventory>(orders.iter().chain(more).cloned()).into_state().uncovered();
    assert_eq!(uncovered(&[]), []);
    assert_eq!(uncovered(&[adjusted(-1)]), [(order(3), 1)]);
    assert_eq!(uncovered(&[adjusted(-3)]), [(order(2), 1), (order(3), 2)]);
    assert_eq!(uncovered(&[adjusted(-12)]), [(order(1), 4), (order(2), 4), (order(3), 2)]);
    assert_eq!(uncovered(&[put_aside(1)]), [(order(3), 1)]);
    assert_eq!(uncovered(&[adjusted(-3), policy(0, 2, 0)]), [(order(3), 1)]);
}

#[test]
fn n2_reserving_again_changes_nothing() {
    let history = || [received(10), reserved(1, 4, 15)];
    stock(history()).when(reserve(1, 4, 30, 1)).then_nothing();
    stock(history()).when(reserve(1, 5, 15, 1)).then_error(Error::ReservationDiffers { requested: 5, reserved: 4 });
    stock(history().into_iter().chain([allocated(1, 4)])).when(reserve(1, 9, 15, 1)).then_nothing();
}

#[test]
fn n2_allocating_again_changes_nothing() {
    stock([received(10), reserved(1, 4, 15)])
        .when(allocate(1, 4, 1))
        .then([allocated(1, 4)])
        .when(allocate(1, 4, 1))
        .then_nothing()
        .then_state(|state| {
            assert_eq!((state.reserved(minute(1)), state.allocated(), state.available(minute(1))), (0, 4, 6));
            assert_eq!(state.reservation(order(1)), None);
            assert_eq!(state.allocation(order(1)).unwrap().quantity, units(4));
            assert_eq!(state.allocations().count(), 1);
        });
}

#[test]
fn n3_an_expired_reservation_is_checked_again_before_it_is_allocated() {
    let history = [received(10), reserved(1, 6, 15), reserved(2, 6, 40)];
    stock(history.clone()).when(allocate(1, 6, 14)).then([allocated(1, 6)]);
    stock(history).when(allocate(1, 6, 15)).then_error(out_of_stock(6, 4));
    stock([received(10), reserved(1, 6, 15)]).when(allocate(1, 6, 15)).then([allocated(1, 6)]);
    stock([received(10)]).when(allocate(1, 6, 0)).then([allocated(1, 6)]);
    stock([]).when(allocate(1, 6, 0)).then_error(out_of_stock(6, 0));
}

#[test]
fn n3_more_than_was_reserved_is_checked_for_what_is_more() {
    stock([received(10), reserved(1, 6, 15), reserved(2, 3, 15)])
        .when(allocate(1, 7, 1))
        .then([allocated(1, 7), out(0)]);
    stock([received(10), reserved(1, 6, 15), reserved(2, 3, 15)])
        .when(allocate(1, 8, 1))
        .then_error(out_of_stock(8, 7));
}

#[test]
fn n3_what_was_reserved_is_allocated_even_when_a_count_took_it_away() {
    stock([received(10), reserved(1, 6, 15), adjusted(-8)]).when(allocate(1, 6, 1)).then([allocated(1, 6)]);
}

#[test]
fn n4_only_movements_change_what_is_on_hand() {
    let history = || vec![received(10), reserved(1, 2, 15), reserved(2, 2, 15), allocated(1, 2)];
    let on_hand = |more: Event| given::<Inventory>(history().into_iter().chain([more])).into_state().on_hand();
    let (order_id, location) = (order(9), main());
    let returned = ReturnedToStock { sku: sku(), location, order_id, quantity: units(1) };
    let into = TransferredIn { sku: sku(), location: main(), from: north(), quantity: units(1) };
    let away = TransferredOut { sku: sku(), location: main(), to: north(), quantity: units(1) };
    for (event, expected) in [
        (received(1), 11),
        (shipped(1, 1, 1), 9),
        (adjusted(-3), 7),
        (Event::ReturnedToStock(returned), 11),
        (Event::TransferredIn(into), 11),
        (Event::TransferredOut(away), 9),
        (reserved(3, 1, 15), 10),
        (allocated(2, 2), 10),
        (allocation_released(1, 1), 10),
        (reservation_released(2, 2), 10),
        (put_aside(1), 10),
        (policy(1, 1, 1), 10),
        (low(1, 1), 10),
        (out(0), 10),
        (back(1), 10),
    ] {
        assert_eq!(on_hand(event.clone()), expected, "{event:?}");
    }
}

#[test]
fn n4_a_transfer_takes_only_what_nobody_is_promised() {
    let transfer = |to, quantity| Command::TransferOut { to, quantity: units(quantity), now: minute(1) };
    let away = |quantity| TransferredOut { sku: sku(), location: main(), to: north(), quantity: units(quantity) };
    let history = || [policy(0, 9, 0), received(10), reserved(1, 6, 15)];
    stock(history()).when(transfer(north(), 3)).then([Event::TransferredOut(away(3))]);
    stock(history()).when(transfer(north(), 4)).then([Event::TransferredOut(away(4)), out(0)]);
    stock(history()).when(transfer(north(), 5)).then_error(out_of_stock(5, 4));
    stock(history()).when(transfer(main(), 1)).then_error(Error::SameLocation { location: main() });
    stock([]).when(transfer(north(), 1)).then_error(out_of_stock(1, 0));
}

#[test]
fn n4_what_left_one_location_arrives_at_the_other() {
    let arrive = |from: Location| Command::TransferIn { sku: sku(), location: main(), from, quantity: units(3) };
    let into = TransferredIn { sku: sku(), location: main(), from: north(), quantity: units(3) };
    stock([]).when(arrive(north())).then([Event::TransferredIn(into)]).then_state(|state| {
        assert_eq!(state.on_hand(), 3);
    });
    stock([]).when(arrive(main())).then_error(Error::SameLocation { location: main() });
}

#[test]
fn n7_low_stock_is_told_once_a_crossing() {
    stock([received(10), policy(3, 0, 0)])
        .when(reserve(1, 6, 15, 0))
        .then([reserved(1, 6, 15)])
        .when(reserve(2, 1, 15, 0))
        .then([reserved(2, 1, 15), low(3, 3)])
        .when(reserve(3, 1, 15, 0))
        .then([reserved(3, 1, 15)])
        .when(Command::ReleaseReservation { order_id: order(1) })
        .then([reservation_released(1, 6)])
        .when(reserve(4, 6, 15, 0))
        .then([reserved(4, 6, 15), low(2, 3)]);
}

#[test]
fn n7_out_of_stock_and_back_in_stock_are_told_once_a_crossing() {
    stock([received(2), policy(1, 5, 0)])
        .when(reserve(1, 2, 15, 0))
        .then([reserved(1, 2, 15), out(0)])
        .when(reserve(2, 1, 15, 0))
        .then([reserved(2, 1, 15)])
        .when(receive(1))
        .then([received(1)])
        .when(receive(1))
        .then([received(1), back(1)])
        .when(receive(1))
        .then([received(1)]);
}

#[test]
fn n7_a_policy_may_itself_cross() {
    let low_at = |low_stock_threshold| PolicyChange { low_stock_threshold, ..PolicyChange::default() };
    stock([received(5)]).when(change_policy(low_at(Some(5)))).then([policy(5, 0, 0), low(5, 5)]);
    let kept = PolicyChange { safety_stock: Some(5), ..PolicyChange::default() };
    stock([received(5)]).when(change_policy(kept)).then([policy(0, 0, 5), out(0)]);
}

#[test]
fn n7_the_first_event_of_a_stream_crosses_nothing() {
    stock([]).when(receive(1)).then([received(1)]);
    stock([policy(0, 0, 0)]).when(receive(1)).then([received(1), back(1)]);
}

#[test]
fn n8_a_reservation_never_counts_after_its_end_even_before_its_deadline_fires() {
    let history = [received(10), reserved(1, 10, 15)];
    stock(history.clone()).then_state(|state| {
        assert_eq!((state.reserved(minute(14)), state.available(minute(14))), (10, 0));
        assert_eq!((state.reserved(minute(15)), state.available(minute(15))), (0, 10));
        assert_eq!(state.reservations().count(), 1);
    });
    stock(history.clone()).when(reserve(2, 10, 30, 14)).then_error(out_of_stock(10, 0));
    stock(history).when(reserve(2, 10, 30, 15)).then([reserved(2, 10, 30)]);
}

#[test]
fn n8_an_expired_reservation_is_made_anew_where_there_is_stock() {
    stock([received(10), reserved(1, 10, 15)])
        .when(reserve(1, 10, 40, 20))
        .then([reserved(1, 10, 40)])
        .then_state(|state| assert_eq!((state.reserved(minute(20)), state.available(minute(20))), (10, 0)));
}

#[test]
fn n8_expiry_is_recorded_once_and_not_too_early() {
    let expire = |now| Command::ExpireReservation { order_id: order(1), now: minute(now) };
    let expired = ReservationExpired { sku: sku(), location: main(), order_id: order(1), quantity: units(4) };
    stock([received(10), reserved(1, 4, 15)])
        .when(expire(14))
        .then_nothing()
        .when(expire(15))
        .then([Event::ReservationExpired(expired)])
        .when(expire(16))
        .then_nothing()
        .then_state(|state| assert_eq!(state.unpromised(), 10));
    stock([]).when(expire(1)).then_nothing();
}

#[test]
fn n8_asking_for_an_authorisation_extends_a_live_reservation() {
    let extended = Event::ReservationExtended(ReservationExtended {
        sku: sku(),
        location: main(),
        order_id: order(1),
        expires_at: minute(20),
    });
    let history = || [received(10), reserved(1, 4, 15)];
    stock(history())
        .when(extend(1, 20, 14))
        .then([extended])
        .when(extend(1, 20, 14))
        .then_nothing()
        .then_state(|state| assert_eq!(state.reserved(minute(19)), 4));
    stock(history()).when(extend(1, 15, 1)).then_nothing();
    stock(history()).when(extend(1, 30, 15)).then_error(Error::ReservationExpired);
    stock(history()).when(extend(2, 30, 1)).then_error(Error::ReservationExpired);
    stock(history().into_iter().chain([allocated(1, 4)])).when(extend(1, 30, 1)).then_nothing();
    stock([]).when(extend(1, 30, 1)).then_error(Error::ReservationExpired);
}

#[test]
fn a_released_reservation_is_free_again() {
    let release = |id| Command::ReleaseReservation { order_id: order(id) };
    stock([received(10), reserved(1, 4, 15)])
        .when(release(1))
        .then([reservation_released(1, 4)])
        .when(release(1))
        .then_nothing()
        .then_state(|state| assert_eq!(state.available(minute(0)), 10));
    stock([]).when(release(1)).then_nothing();
}

#[test]
fn an_allocation_is_released_in_whole_or_in_part() {
    let history = || [received(10), allocated(1, 4)];
    stock(history())
        .when(release_allocation(1, Some(1)))
        .then([allocation_released(1, 1)])
        .when(release_allocation(1, None))
        .then([allocation_released(1, 3)])
        .when(release_allocation(1, None))
        .then_nothing()
        .then_state(|state| assert_eq!((state.allocated(), state.available(minute(0))), (0, 10)));
    stock(history()).when(release_allocation(1, Some(4))).then([allocation_released(1, 4)]);
    stock(history())
        .when(release_allocation(1, Some(5)))
        .then_error(Error::NotAllocated { requested: 5, allocated: 4 });
}

#[test]
fn only_what_is_allocated_is_shipped() {
    stock([received(10), allocated(1, 4)])
        .when(ship(1, 3, 1))
        .then([shipped(1, 3, 1)])
        .when(ship(1, 3, 1))
        .then_nothing()
        .when(ship(1, 1, 2))
        .then([shipped(1, 1, 2)])
        .then_state(|state| {
            assert_eq!((state.on_hand(), state.allocated(), state.available(minute(0))), (6, 0, 6));
            assert_eq!(state.allocation(order(1)), None);
        });
    let not_allocated = |requested, allocated| Error::NotAllocated { requested, allocated };
    stock([received(10), allocated(1, 4)]).when(ship(1, 5, 1)).then_error(not_allocated(5, 4));
    stock([received(10), allocated(1, 4)]).when(ship(2, 1, 1)).then_error(not_allocated(1, 0));
    stock([received(10), reserved(1, 4, 15)]).when(ship(1, 4, 1)).then_error(not_allocated(4, 0));
    stock([]).when(ship(1, 1, 1)).then_error(not_allocated(1, 0));
}

#[test]
fn what_is_not_there_or_set_aside_is_not_shipped() {
    let not_on_hand = |requested, on_hand| Error::NotOnHand { requested, on_hand };
    stock([received(4), allocated(1, 4), adjusted(-1)]).when(ship(1, 4, 1)).then_error(not_on_hand(4, 3));
    stock([received(4), put_aside(2), allocated(1, 2)]).when(ship(1, 2, 1)).then([shipped(1, 2, 1)]);
    stock([received(4), allocated(1, 4), put_aside(2)]).when(ship(1, 3, 1)).then_error(not_on_hand(3, 2));
}

#[test]
fn a_returned_unit_is_on_hand_again() {
    let returned = || ReturnedToStock { sku: sku(), location: main(), order_id: order(1), quantity: units(2) };
    let give_back = Command::ReturnToStock { sku: sku(), location: main(), order_id: order(1), quantity: units(2) };
    stock([]).when(give_back).then([Event::ReturnedToStock(returned())]).then_state(|state| {
        assert_eq!(state.on_hand(), 2);
    });
}

#[test]
fn what_is_set_aside_is_on_hand_and_unavailable_until_it_is_put_back() {
    let returned = Event::PutBack(PutBack { sku: sku(), location: main(), quantity: units(2), reason: because() });
    stock([received(10)])
        .when(set_aside(4))
        .then([put_aside(4)])
        .when(put_back(2))
        .then([returned])
        .when(put_back(3))
        .then_error(Error::NotSetAside { requested: 3, set_aside: 2 });
    stock([received(10), put_aside(4)]).then_state(|state| {
        assert_eq!((state.on_hand(), state.set_aside(), state.unavailable()), (10, 4, 4));
        assert_eq!(state.available(minute(0)), 6);
    });
    stock([received(10), put_aside(4)]).when(set_aside(6)).then([put_aside(6), out(0)]);
    stock([received(10), put_aside(4)]).when(set_aside(7)).then_error(Error::NotOnHand { requested: 7, on_hand: 6 });
    stock([]).when(set_aside(1)).then_error(Error::NotOnHand { requested: 1, on_hand: 0 });
    stock([]).when(put_back(1)).then_error(Error::NotSetAside { requested: 1, set_aside: 0 });
}

#[test]
fn a_policy_changes_what_it_names_and_nothing_else() {
    let keep = PolicyChange::default();
    stock([]).when(change_policy(keep)).then_nothing();
    stock([received(10), policy(1, 2, 3)])
        .when(change_policy(PolicyChange { backorder_limit: Some(7), ..keep }))
        .then([policy(1, 7, 3)])
        .when(change_policy(PolicyChange { backorder_limit: Some(7), ..keep }))
        .then_nothing()
        .then_state(|state| {
            let expected = Policy { low_stock_threshold: 1, backorder_limit: 7, safety_stock: 3 };
            assert_eq!((state.policy(), state.unavailable()), (expected, 3));
        });
    for found in [-1, UNITS_MAX + 1] {
        for change in [
            PolicyChange { low_stock_threshold: Some(found), ..keep },
            PolicyChange { backorder_limit: Some(found), ..keep },
            PolicyChange { safety_stock: Some(found), ..keep },
        ] {
            let out_of_range = Error::QuantityOutOfRange { found, min: 0, max: UNITS_MAX };
            stock([received(10)]).when(change_policy(change)).then_error(out_of_range);
        }
    }
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
    ];
    for (error, code) in all {
        assert_eq!(error.code(), code);
    }
}
