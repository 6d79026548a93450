//! What is told when stock runs low, out, or comes back, and the policy that says when.

use proptest::prelude::*;

use super::*;

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
fn a_policy_changes_what_it_names_and_nothing_else() {
    let keep = PolicyChange::default();
    stock([]).when(change_policy(keep)).then_nothing();
    stock([received(10), policy(1, 2, 3)])
        .when(change_policy(PolicyChange { backorder_limit: Some(7), ..keep }))
        .then([policy(1, 7, 3)])
        .when(change_policy(PolicyChange { backorder_limit: Some(7), ..keep }))
        .then_nothing()
        .then_state(|state| {
            let expected = Policy { low_stock_threshold: 1, backorder_limit: 7, safety_stock: 3, priority: 0 };
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

proptest! {
    #[test]
    fn n7_every_crossing_is_told_and_none_twice(
        threshold in 0..5_i64,
        steps in proptest::collection::vec((0..6_u8, 1..5_u128, -5..9_i64), 1..80),
    ) {
        let mut state = given::<Inventory>([received(6), policy(threshold, 2, 0)]).into_state();
        // How stock stands, as a subscriber of the events knows it.
        let (mut is_out, mut is_low) = (false, false);
        for (kind, id, quantity) in steps {
            let command = match kind {
                0 => reserve(id, quantity.max(1), 15, 0),
                1 => Command::ReleaseReservation { order_id: order(id) },
                2 => allocate(id, quantity.max(1), 0),
                3 => release_allocation(id, None),
                4 => adjust(quantity),
                _ => receive(quantity.max(1)),
            };
            let Ok(events) = Inventory::decide(&state, command) else { continue };
            state = fold::<Inventory>(state, &events);
            let available = state.unpromised();
            if available > threshold {
                is_low = false;
            }
            for event in &events {
                match event {
                    Event::OutOfStock(told) => {
                        prop_assert!(!std::mem::replace(&mut is_out, true), "out of stock is told twice");
                        prop_assert_eq!(told.available, available);
                        is_low = true;
                    }
                    Event::BackInStock(told) => {
                        prop_assert!(std::mem::replace(&mut is_out, false), "what was never out is back");
                        prop_assert_eq!(told.available, available);
                    }
                    Event::LowStock(told) => {
                        prop_assert!(!std::mem::replace(&mut is_low, true), "low stock is told twice");
                        prop_assert_eq!((told.available, told.threshold), (available, threshold));
                    }
                    _ => {}
                }
            }
            prop_assert_eq!(is_out, available <= 0);
            prop_assert!(is_low || available > threshold, "{} are left, and nobody was told", available);
        }
    }
}
