//! N1: what is promised and not there. The youngest orders go without, and are told of once.

use proptest::prelude::*;

use super::*;

fn three_orders() -> Vec<Event> {
    vec![received(10), allocated(1, 4), allocated(2, 4), allocated(3, 2)]
}

#[test]
fn n1_a_count_that_finds_less_tells_of_the_youngest_orders() {
    stock(three_orders())
        .when(adjust(-1))
        .then([adjusted(-1), coverage(&[3], &[], &[])])
        .when(adjust(-2))
        .then([adjusted(-2), coverage(&[2], &[], &[])])
        .when(adjust(-9))
        .then([adjusted(-9), coverage(&[1], &[], &[])])
        .then_state(|state| assert!((1..=3).all(|id| state.is_uncovered(order(id)))));
    stock(three_orders()).when(adjust(-7)).then([adjusted(-7), coverage(&[3, 2, 1], &[], &[])]);
    stock(three_orders()).when(set_aside(1)).then([put_aside(1), coverage(&[3], &[], &[])]);
}

#[test]
fn n1_what_comes_back_covers_the_oldest_orders_first() {
    stock(three_orders().into_iter().chain([adjusted(-7), coverage(&[3, 2, 1], &[], &[])]))
        .when(receive(1))
        .then([received(1), coverage(&[], &[], &[1])])
        .when(receive(3))
        .then([received(3)])
        .when(receive(1))
        .then([received(1), coverage(&[], &[], &[2])])
        .when(receive(2))
        .then([received(2), coverage(&[], &[], &[3])])
        .then_state(|state| assert_eq!((state.unpromised(), state.standings().len()), (0, 0)));
}

#[test]
fn n1_an_order_that_lets_go_of_its_units_covers_a_younger_one() {
    stock(three_orders().into_iter().chain([adjusted(-3), coverage(&[3, 2], &[], &[])]))
        .when(release_allocation(1, None))
        .then([allocation_released(1, 4), coverage(&[], &[], &[2, 3]), back(1)]);
    stock([received(1), allocated(1, 1), adjusted(-1), coverage(&[1], &[], &[])])
        .when(release_allocation(1, None))
        .then([allocation_released(1, 1), coverage(&[], &[], &[1])])
        .then_state(|state| assert!(!state.is_uncovered(order(1))));
}

#[test]
fn n1_what_was_allocated_after_a_count_took_it_away_is_uncovered() {
    stock([received(10), reserved(1, 6, 15), adjusted(-8)])
        .when(allocate(1, 6, 1))
        .then([allocated(1, 6), coverage(&[1], &[], &[])]);
}

#[test]
fn n1_what_is_within_the_backorder_limit_is_awaited_and_beyond_it_uncovered() {
    stock([policy(0, 3, 0), received(1)])
        .when(allocate(1, 1, 0))
        .then([allocated(1, 1), out(0)])
        .when(allocate(2, 2, 0))
        .then([allocated(2, 2), coverage(&[], &[2], &[])])
        .when(allocate(3, 1, 0))
        .then([allocated(3, 1), coverage(&[], &[3], &[])])
        .when(adjust(-1))
        .then([adjusted(-1), coverage(&[3], &[1], &[])])
        .when(Command::ChangePolicy {
            sku: sku(),
            location: main(),
            change: PolicyChange { backorder_limit: Some(4), ..PolicyChange::default() },
        })
        .then([policy(0, 4, 0), coverage(&[], &[3], &[])])
        .when(receive(9))
        .then([received(9), coverage(&[], &[], &[1, 2, 3]), back(5)]);
}

#[test]
fn n1_the_safety_stock_covers_what_is_promised_already() {
    stock([received(3), allocated(1, 3)])
        .when(Command::ChangePolicy {
            sku: sku(),
            location: main(),
            change: PolicyChange { safety_stock: Some(2), ..PolicyChange::default() },
        })
        .then([policy(0, 0, 2)]);
}

#[test]
fn one_event_names_no_more_orders_than_its_bound_and_the_next_one_names_the_others() {
    let orders = ORDERS_TOLD_MAX as u128 + 2;
    let units = i64::try_from(orders).unwrap();
    let history = std::iter::once(received(units)).chain((1..=orders).map(|id| allocated(id, 1)));
    let told = |event: &Event| match event {
        Event::CoverageChanged(changed) => changed.uncovered.clone(),
        _ => Vec::new(),
    };
    let state = given::<Inventory>(history).into_state();
    let events = Inventory::decide(&state, adjust(-units)).unwrap();
    let first: Vec<_> = events.iter().flat_map(told).collect();
    assert_eq!((first.len(), first[0]), (ORDERS_TOLD_MAX, order(orders)));
    let state = fold::<Inventory>(state, &events);
    let events = Inventory::decide(&state, adjust(-1)).unwrap();
    assert_eq!(events.iter().flat_map(told).collect::<Vec<_>>(), [order(2), order(1)]);
}

/// What changes its standing and what is covered share the bound: the one is told first.
#[test]
fn one_event_names_no_more_orders_than_its_bound_also_where_many_are_covered() {
    let orders = ORDERS_TOLD_MAX as u128 + 3;
    let everyone = i64::try_from(orders).unwrap();
    let history = [policy(0, 3, 0), received(everyone)];
    let mut state = given::<Inventory>(history.into_iter().chain((1..=orders).map(|id| allocated(id, 1)))).into_state();
    let mut tell = |command| {
        let events = Inventory::decide(&state, command).unwrap();
        state = fold::<Inventory>(state.clone(), &events);
        let told = events.into_iter().find_map(|event| match event {
            Event::CoverageChanged(changed) => Some((changed.uncovered, changed.backordered, changed.covered)),
            _ => None,
        });
        told.unwrap()
    };
    let (uncovered, backordered, covered) = tell(adjust(-everyone));
    assert_eq!((uncovered.len(), backordered.len(), covered.len()), (ORDERS_TOLD_MAX, 0, 0));
    assert_eq!(tell(receive(1)), (vec![], vec![order(4), order(3), order(2)], vec![]));
    // All but three are there, and those are within the limit. Two that are covered as well are told of by the next event.
    let (uncovered, backordered, covered) = tell(adjust(everyone - 4));
    assert_eq!((uncovered, backordered), (vec![], [0, 1, 2].map(|younger| order(orders - younger)).to_vec()));
    assert_eq!((covered.len(), covered[0]), (ORDERS_TOLD_MAX - 3, order(2)));
    assert_eq!(tell(receive(1)), (vec![], vec![], vec![order(orders - 4), order(orders - 3), order(orders - 2)]));
}

proptest! {
    #[test]
    fn n1_the_events_tell_each_change_once_and_add_up_to_how_orders_stand(
        limit in 0..4_i64,
        steps in proptest::collection::vec((0..5_u8, 1..6_u128, -4..7_i64), 1..60),
    ) {
        let mut state = given::<Inventory>([policy(0, limit, 0)]).into_state();
        let mut told = std::collections::BTreeMap::new();
        for (kind, id, quantity) in steps {
            let command = match kind {
                0 => allocate(id, quantity.max(1), 0),
                1 => release_allocation(id, None),
                2 => ship(id, quantity.max(1), u128::from(kind) + id),
                3 => adjust(quantity),
                _ => receive(quantity.max(1)),
            };
            let Ok(events) = Inventory::decide(&state, command) else { continue };
            state = fold::<Inventory>(state, &events);
            for event in &events {
                let Event::CoverageChanged(changed) = event else { continue };
                for order_id in &changed.covered {
                    prop_assert!(told.remove(order_id).is_some(), "an order that lacked nothing is covered");
                }
                let lacking = changed.backordered.iter().map(|id| (*id, Standing::Backordered));
                for (order_id, standing) in lacking.chain(changed.uncovered.iter().map(|id| (*id, Standing::Uncovered))) {
                    prop_assert_ne!(told.insert(order_id, standing), Some(standing), "told twice");
                }
            }
            prop_assert_eq!(&told, &state.standings());
            let there = state.on_hand().max(0);
            let promised: i64 = state.allocations().map(|(_, one)| one.quantity.get()).sum();
            prop_assert_eq!(told.is_empty(), promised <= there);
            prop_assert_eq!(told.values().any(|one| *one == Standing::Uncovered), promised > there + limit);
        }
    }
}
