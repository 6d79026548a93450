//! Reservations and allocations: what is promised, to whom, and for how long.

use proptest::prelude::*;

use super::*;

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
    stock([policy(0, 5, 0), received(1)]).when(allocate(1, 6, 0)).then([
        allocated(1, 6),
        coverage(&[], &[1], &[]),
        out(-5),
    ]);
    stock([policy(0, 5, 0), received(1)]).when(allocate(1, 7, 0)).then_error(out_of_stock(7, 6));
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
    stock([received(10), reserved(1, 6, 15), adjusted(-8)])
        .when(allocate(1, 6, 1))
        .then([allocated(1, 6), coverage(&[1], &[], &[])]);
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

proptest! {
    #[test]
    fn n3_n8_what_has_expired_counts_neither_against_others_nor_for_its_own_order(
        there in 1..30_i64,
        held in proptest::collection::vec((1..8_i64, 0..40_i64), 0..6),
        (id, quantity, now) in (1..8_u128, 1..12_i64, 0..40_i64),
    ) {
        let reservations = (1..).zip(&held).map(|(id, (quantity, until))| reserved(id, *quantity, *until));
        let state = stock(std::iter::once(received(there)).chain(reservations)).into_state();
        let live = |of: &dyn Fn(u128) -> bool| -> i64 {
            (1..).zip(&held).filter(|(id, (_, until))| of(*id) && now < *until).map(|(_, (quantity, _))| quantity).sum()
        };
        let (own, others) = (live(&|other| other == id), live(&|other| other != id));
        prop_assert_eq!(state.reserved(minute(now)), own + others);
        prop_assert_eq!(state.available(minute(now)), there - own - others);

        let refused = |left: i64| Err(out_of_stock(quantity, left.max(0)));
        let allocating = Inventory::decide(&state, allocate(id, quantity, now)).map(|events| events[0].clone());
        let is_there = quantity <= own || quantity <= there - others;
        prop_assert_eq!(allocating, if is_there { Ok(allocated(id, quantity)) } else { refused(there - others) });
        let reserving = Inventory::decide(&state, reserve(99, quantity, 50, now)).map(|events| events[0].clone());
        let left = there - own - others;
        prop_assert_eq!(reserving, if quantity <= left { Ok(reserved(99, quantity, 50)) } else { refused(left) });
    }
}
