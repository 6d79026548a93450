//! Whatever is asked of stock, in whatever order: nothing is oversold, and no unit appears or is lost.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const BACKORDER_LIMIT: i64 = 5;

/// A command, and the minutes that pass before it.
fn any_step() -> impl Strategy<Value = (Command, i64)> {
    let id = 1..6_u128;
    let quantity = 1..12_i64;
    let command = prop_oneof![
        quantity.clone().prop_map(receive),
        (id.clone(), quantity.clone()).prop_map(|(id, quantity)| reserve(id, quantity, 0, 0)),
        (id.clone(), quantity.clone()).prop_map(|(id, quantity)| reserve(id, quantity, 0, 0)),
        id.clone().prop_map(|id| extend(id, 0, 0)),
        id.clone().prop_map(|id| Command::ReleaseReservation { order_id: order(id) }),
        id.clone().prop_map(|id| Command::ExpireReservation { order_id: order(id), now: minute(0) }),
        (id.clone(), quantity.clone()).prop_map(|(id, quantity)| allocate(id, quantity, 0)),
        (id.clone(), proptest::option::of(quantity.clone())).prop_map(|(id, some)| release_allocation(id, some)),
        (id.clone(), quantity.clone(), 1..9_u128).prop_map(|(id, quantity, parcel)| ship(id, quantity, parcel)),
        (id, quantity.clone()).prop_map(|(id, quantity)| Command::ReturnToStock {
            sku: sku(),
            location: main(),
            order_id: order(id),
            quantity: units(quantity),
        }),
        quantity.clone().prop_map(|quantity| Command::TransferOut {
            to: north(),
            quantity: units(quantity),
            now: minute(0),
        }),
        quantity.prop_map(adjust),
    ];
    (command, 0..8_i64)
}

/// The same command, at this time.
fn at(command: Command, time: DateTime<Utc>) -> Command {
    let until = time + chrono::Duration::minutes(15);
    match command {
        Command::Reserve { order_id, quantity, .. } => {
            Command::Reserve { order_id, quantity, expires_at: until, now: time }
        }
        Command::ExtendReservation { order_id, .. } => {
            Command::ExtendReservation { order_id, expires_at: until, now: time }
        }
        Command::ExpireReservation { order_id, .. } => Command::ExpireReservation { order_id, now: time },
        Command::Allocate { order_id, quantity, .. } => Command::Allocate { order_id, quantity, now: time },
        Command::TransferOut { to, quantity, .. } => Command::TransferOut { to, quantity, now: time },
        timeless => timeless,
    }
}

/// By how much an event moves stock in or out, reckoned apart from the aggregate.
fn movement(event: &Event) -> i64 {
    match event {
        Event::Received(fact) => fact.quantity.get(),
        Event::ReturnedToStock(fact) => fact.quantity.get(),
        Event::Shipped(fact) => -fact.quantity.get(),
        Event::TransferredOut(fact) => -fact.quantity.get(),
        Event::Adjusted(fact) => fact.delta,
        _ => 0,
    }
}

fn promise(event: &Event, allocated: &mut BTreeMap<OrderId, i64>) {
    let (order_id, units) = match event {
        Event::Allocated(fact) => (fact.order_id, fact.quantity.get()),
        Event::AllocationReleased(fact) => (fact.order_id, -fact.quantity.get()),
        Event::Shipped(fact) => (fact.order_id, -fact.quantity.get()),
        _ => return,
    };
    *allocated.entry(order_id).or_default() += units;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn n1_n4_nothing_is_oversold_and_no_unit_is_lost(steps in proptest::collection::vec(any_step(), 1..80)) {
        let mut state = given::<Inventory>([policy(3, BACKORDER_LIMIT, 0)]).into_state();
        let (mut on_hand, mut allocated, mut time) = (0, BTreeMap::new(), minute(0));
        let mut is_out = true;
        for (command, minutes) in steps {
            time += chrono::Duration::minutes(minutes);
            let Ok(events) = Inventory::decide(&state, at(command.clone(), time)) else { continue };
            state = fold::<Inventory>(state, &events);
            for event in &events {
                on_hand += movement(event);
                promise(event, &mut allocated);
                match event {
                    Event::OutOfStock(_) => prop_assert!(!std::mem::replace(&mut is_out, true), "told once"),
                    Event::BackInStock(_) => prop_assert!(std::mem::replace(&mut is_out, false), "told once"),
                    _ => {}
                }
            }
            let reserved: i64 =
                state.reservations().filter(|(_, one)| one.is_live(time)).map(|(_, one)| one.quantity.get()).sum();
            prop_assert_eq!(state.on_hand(), on_hand);
            prop_assert!(on_hand >= 0, "nothing leaves that is not there");
            prop_assert_eq!(state.allocated(), allocated.values().sum::<i64>());
            prop_assert_eq!(state.reserved(time), reserved);
            prop_assert_eq!(state.available(time), on_hand - state.allocated() - reserved);
            prop_assert!(state.available(time) >= -BACKORDER_LIMIT, "oversold by {command:?}");
            prop_assert_eq!(is_out, state.unpromised() <= 0);
            prop_assert!(allocated.values().all(|units| *units >= 0));
        }
    }

    #[test]
    fn n2_whatever_is_asked_twice_is_done_once(steps in proptest::collection::vec(any_step(), 1..40)) {
        let mut state = given::<Inventory>([received(30)]).into_state();
        let mut time = minute(0);
        for (command, minutes) in steps {
            time += chrono::Duration::minutes(minutes);
            let command = at(command, time);
            let Ok(events) = Inventory::decide(&state, command.clone()) else { continue };
            state = fold::<Inventory>(state, &events);
            let by_id = matches!(
                command,
                Command::Reserve { .. }
                    | Command::ExtendReservation { .. }
                    | Command::ReleaseReservation { .. }
                    | Command::ExpireReservation { .. }
                    | Command::Allocate { .. }
            );
            if by_id {
                prop_assert_eq!(Inventory::decide(&state, command), Ok(vec![]));
            }
        }
    }
}
