//! What comes and goes: the only ways in which stock on hand changes.

use proptest::prelude::*;

use super::*;

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
fn n1_a_count_is_a_fact_and_is_recorded_whatever_it_leaves_uncovered() {
    stock([received(3), allocated(1, 3)]).when(adjust(-5)).then([adjusted(-5), coverage(&[1], &[], &[])]).then_state(
        |state| {
            assert_eq!((state.on_hand(), state.available(minute(0))), (-2, -5));
        },
    );
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
    let returned = |quantity| {
        Event::PutBack(PutBack { sku: sku(), location: main(), quantity: units(quantity), reason: because() })
    };
    stock([received(10)])
        .when(set_aside(4))
        .then([put_aside(4)])
        .when(put_back(2))
        .then([returned(2)])
        .when(put_back(3))
        .then_error(Error::NotSetAside { requested: 3, set_aside: 2 });
    stock([received(10), put_aside(4)]).when(put_back(4)).then([returned(4)]).then_state(|state| {
        assert_eq!((state.set_aside(), state.unavailable(), state.available(minute(0))), (0, 0, 10));
    });
    stock([received(10), put_aside(4)]).then_state(|state| {
        assert_eq!((state.on_hand(), state.set_aside(), state.unavailable()), (10, 4, 4));
        assert_eq!(state.available(minute(0)), 6);
    });
    stock([received(10), put_aside(4)]).when(set_aside(6)).then([put_aside(6), out(0)]);
    stock([received(10), put_aside(4)]).when(set_aside(7)).then_error(Error::NotOnHand { requested: 7, on_hand: 6 });
    stock([]).when(set_aside(1)).then_error(Error::NotOnHand { requested: 1, on_hand: 0 });
    stock([]).when(put_back(1)).then_error(Error::NotSetAside { requested: 1, set_aside: 0 });
}

const PLACES: [&str; 3] = ["main", "north", "south"];

proptest! {
    #[test]
    fn n4_transfers_between_locations_conserve_the_total(
        received in 0..40_i64,
        steps in proptest::collection::vec((0..3_usize, 0..3_usize, 1..12_i64, 0..3_u8), 1..60),
    ) {
        let places = PLACES.map(|name| Location::new(name).unwrap());
        let mut states = PLACES.map(|_| State::default());
        states[0] = given::<Inventory>([adjusted(received)]).into_state();
        for (from, to, quantity, kind) in steps {
            if kind == 0 {
                // Something is promised now and then, so that not everything may leave.
                let allocate = allocate(quantity as u128, quantity, 0);
                if let Ok(events) = Inventory::decide(&states[from], allocate) {
                    states[from] = fold::<Inventory>(states[from].clone(), &events);
                }
                continue;
            }
            let out = Command::TransferOut { to: places[to].clone(), quantity: units(quantity), now: minute(0) };
            let (location, taken_from) = (places[to].clone(), places[from].clone());
            let take_in = Command::TransferIn { sku: sku(), location, from: taken_from, quantity: units(quantity) };
            let (Ok(left), Ok(arrived)) =
                (Inventory::decide(&states[from], out), Inventory::decide(&states[to], take_in)) else { continue };
            states[from] = fold::<Inventory>(states[from].clone(), &left);
            states[to] = fold::<Inventory>(states[to].clone(), &arrived);
            prop_assert!(states[from].available(minute(0)) >= 0, "what was promised has left");
            prop_assert_eq!(states.iter().map(State::on_hand).sum::<i64>(), received);
        }
    }
}
