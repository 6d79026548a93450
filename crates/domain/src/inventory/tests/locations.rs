//! Several locations of one SKU: which they are, and which of them an order is served from.

use proptest::prelude::*;

use super::*;

fn opened(location: &str) -> Event {
    let opened = Location::new(location).unwrap();
    Event::LocationOpened(LocationOpened { sku: sku(), location: main(), opened })
}

fn open(location: &str) -> Command {
    Command::OpenLocation { sku: sku(), opened: Location::new(location).unwrap() }
}

fn prior(priority: i64) -> Event {
    let (sku, location) = (sku(), main());
    Event::PolicyChanged(PolicyChanged {
        sku,
        location,
        low_stock_threshold: 0,
        backorder_limit: 0,
        safety_stock: 0,
        priority,
    })
}

/// What an order of so many units takes of `main`, `north` and `south`, in this order.
fn shares(quantity: i64, stocks: [Vec<Event>; 3], now: i64) -> Result<[i64; 3], Error> {
    let names = ["main", "north", "south"].map(|name| Location::new(name).unwrap());
    let states = stocks.map(|events| given::<Inventory>(events).into_state());
    let sources: Vec<_> = names.iter().zip(&states).map(|(location, state)| Source { location, state }).collect();
    let shares = spread(order(1), units(quantity), &sources, minute(now))?;
    assert!(
        shares.iter().enumerate().all(|(at, share)| shares[..at].iter().all(|other| other.location != share.location))
    );
    Ok(names.map(|name| shares.iter().find(|share| share.location == name).map_or(0, |share| share.quantity.get())))
}

#[test]
fn the_stock_at_main_knows_each_other_location_once() {
    stock([])
        .when(open("north"))
        .then([opened("north")])
        .when(open("north"))
        .then_nothing()
        .when(open("main"))
        .then_nothing()
        .when(open("south"))
        .then([opened("south")])
        .then_state(|state| {
            assert_eq!(state.elsewhere().iter().map(Location::as_str).collect::<Vec<_>>(), ["north", "south"]);
            assert!(!state.exists(), "main itself has no stock by it");
        });
    let full = (0..LOCATIONS_MAX).map(|number| opened(&format!("L{number}")));
    stock(full.clone()).when(open("north")).then_error(Error::TooManyLocations { max: LOCATIONS_MAX });
    stock(full).when(open("L7")).then_nothing();
    stock([opened("north")]).when(receive(2)).then([received(2)]);
}

#[test]
fn n6_the_first_location_that_has_everything_is_taken() {
    let stocks = || [vec![received(3)], vec![received(9)], vec![received(9)]];
    assert_eq!(shares(3, stocks(), 0), Ok([3, 0, 0]));
    assert_eq!(shares(5, stocks(), 0), Ok([0, 5, 0]));
    assert_eq!(shares(9, stocks(), 0), Ok([0, 9, 0]));
}

#[test]
fn n6_where_none_has_everything_units_come_from_several_by_priority() {
    let stocks = || [vec![received(3)], vec![received(4)], vec![received(5)]];
    assert_eq!(shares(8, stocks(), 0), Ok([3, 4, 1]));
    assert_eq!(shares(12, stocks(), 0), Ok([3, 4, 5]));
    assert_eq!(shares(13, stocks(), 0), Err(out_of_stock(13, 12)));
    assert_eq!(shares(1, [vec![], vec![], vec![]], 0), Err(out_of_stock(1, 0)));
}

#[test]
fn the_location_with_the_least_priority_number_is_asked_first() {
    let stocks = |main, north, south| {
        [vec![prior(main), received(5)], vec![prior(north), received(5)], vec![prior(south), received(5)]]
    };
    assert_eq!(shares(2, stocks(2, 1, 3), 0), Ok([0, 2, 0]));
    assert_eq!(shares(8, stocks(3, 2, 1), 0), Ok([0, 3, 5]));
    assert_eq!(shares(2, stocks(1, 1, 1), 0), Ok([2, 0, 0]));
}

#[test]
fn n1_what_nobody_has_is_backordered_where_that_is_allowed() {
    let stocks = || [vec![received(2)], vec![policy(0, 5, 0), received(2)], vec![policy(0, 9, 0)]];
    assert_eq!(shares(4, stocks(), 0), Ok([2, 2, 0]));
    assert_eq!(shares(6, stocks(), 0), Ok([2, 4, 0]));
    assert_eq!(shares(11, stocks(), 0), Ok([2, 7, 2]));
    assert_eq!(shares(19, stocks(), 0), Err(out_of_stock(19, 18)));
    assert_eq!(
        shares(1, [vec![], vec![policy(0, 2, 0), received(1), allocated(2, 3)], vec![]], 0),
        Err(out_of_stock(1, 0))
    );
}

#[test]
fn n3_what_is_reserved_stays_where_it_is_and_the_rest_is_found_anew() {
    let stocks = || [vec![received(9)], vec![received(4), reserved(1, 4, 15)], vec![received(9), reserved(1, 2, 30)]];
    assert_eq!(shares(6, stocks(), 10), Ok([0, 4, 2]));
    // The one at north has expired: its units are as free as any.
    assert_eq!(shares(6, stocks(), 20), Ok([4, 0, 2]));
    assert_eq!(shares(6, stocks(), 40), Ok([6, 0, 0]));
}

proptest! {
    #[test]
    fn n1_n6_shares_add_up_and_every_location_can_give_its_own(
        quantity in 1..30_i64,
        places in proptest::collection::vec((0..10_i64, 0..5_i64, 0..4_i64, 0..3_i64, 0..5_i64), 1..6),
    ) {
        let names: Vec<_> = (0..places.len()).map(|number| Location::new(&format!("L{number}")).unwrap()).collect();
        let states: Vec<_> = places.iter().map(|(there, limit, others, priority, own)| {
            let mut events = vec![prior(*priority), policy(0, *limit, 0), adjusted(*there)];
            events.extend((*own > 0).then(|| reserved(1, *own, 15)));
            events.extend((*others > 0).then(|| reserved(2, *others, 15)));
            given::<Inventory>(events).into_state()
        }).collect();
        let sources: Vec<_> = names.iter().zip(&states).map(|(location, state)| Source { location, state }).collect();
        let own = |state: &State| state.reservation(order(1)).map_or(0, |one| one.quantity.get());
        let promisable: i64 = states.iter().map(|state| {
            own(state) + (state.available(minute(0)) + state.policy().backorder_limit).max(0)
        }).sum();
        match spread(order(1), units(quantity), &sources, minute(0)) {
            Err(error) => {
                prop_assert!(quantity > promisable);
                prop_assert_eq!(error, out_of_stock(quantity, promisable));
            }
            Ok(shares) => {
                prop_assert_eq!(shares.iter().map(|share| share.quantity.get()).sum::<i64>(), quantity);
                for Share { location, quantity } in shares {
                    let state = &states[names.iter().position(|name| *name == location).unwrap()];
                    let allocate = Command::Allocate { order_id: order(1), quantity, now: minute(0) };
                    prop_assert!(Inventory::decide(state, allocate).is_ok(), "{location} cannot give {quantity}");
                }
            }
        }
    }
}
