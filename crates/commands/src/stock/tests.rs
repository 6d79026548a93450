//! Orders over several locations: allocated by priority, all or nothing, and let go of wherever they were.

use chrono::TimeDelta;
use domain::inventory::PolicyChange;

use super::*;
use crate::checkout::RESERVATION_LIFETIME;
use crate::inventory::{AdjustStock, ChangeStockPolicy, ReceiveStock, TransferStock};
use crate::orders::settle::{ExpireReservations, FailPendingOrder};
use crate::orders::{CancelOrder, ShipOrder};
use crate::payments::RetryPayment;
use crate::rejection::Rejection;
use crate::spec::{
    Shop, Stock as Numbers, check_out, confirm, order_id, paying_with, payment_id, quantity, reason, receive, ship,
    shipment_id, sku,
};

fn place(name: &str) -> Location {
    Location::new(name).unwrap()
}

/// Mugs: three at `main`, four at north, five at south. Pans: nine at `main`.
fn shop() -> Shop {
    let mut shop = Shop::selling(&[("MUG", 500, 3), ("PAN", 900, 9)]);
    for (name, units) in [("north", 4), ("south", 5)] {
        shop.accept(ReceiveStock { location: place(name), ..receive("MUG", units) });
    }
    shop
}

/// On hand, reserved, allocated, at each location of mugs.
fn mugs(shop: &Shop) -> [Numbers; 3] {
    ["main", "north", "south"].map(|name| shop.stock_at("MUG", name))
}

/// So many mugs, or the whole order.
fn cancel(mugs: Option<i64>) -> CancelOrder {
    let lines = mugs.map(|units| vec![(sku("MUG"), quantity(units))]);
    CancelOrder { order_id: order_id(1), owner: None, reason: reason("test"), lines }
}

const FULL: [Numbers; 3] = [(3, 0, 0), (4, 0, 0), (5, 0, 0)];

fn policy(name: &str, change: PolicyChange) -> ChangeStockPolicy {
    ChangeStockPolicy { sku: sku("MUG"), location: place(name), change }
}

#[test]
fn stock_at_a_new_location_is_known_at_main_from_then_on() {
    let mut shop = Shop::selling(&[("MUG", 500, 3)]);
    let north = || ReceiveStock { location: place("north"), ..receive("MUG", 1) };
    let done = shop.accept(north());
    assert_eq!(done.types, ["inventory.received", "inventory.location_opened"]);
    assert_eq!(done.outcome.locations, [place("north"), place("main")]);
    let done = shop.accept(north());
    assert_eq!((done.types, done.outcome.locations), (vec!["inventory.received".to_owned()], vec![place("north")]));
    let transfer = TransferStock { sku: sku("MUG"), quantity: quantity(1), from: place("main"), to: place("south") };
    let types = shop.accept(transfer).types;
    assert_eq!(types, ["inventory.transferred_out", "inventory.transferred_in", "inventory.location_opened"]);
    shop.accept_as_done(AdjustStock { sku: sku("MUG"), location: place("west"), delta: 0, reason: reason("count") });
    let elsewhere = shop.state::<Inventory>(at_main(&sku("MUG"))).elsewhere().to_vec();
    assert_eq!(elsewhere, [place("north"), place("south")]);
}

#[test]
fn n6_a_checkout_takes_what_it_needs_from_several_locations_in_one_append() {
    let mut shop = shop();
    shop.fill_cart(1, &[("MUG", 6), ("PAN", 1)]);
    let types = shop.accept(check_out(1)).types;
    assert_eq!(types.iter().filter(|kind| *kind == "inventory.reserved").count(), 3);
    assert_eq!(mugs(&shop), [(3, 3, 0), (4, 3, 0), (5, 0, 0)]);
    shop.authorize(1);
    shop.accept(confirm(1));
    assert_eq!(mugs(&shop), [(3, 0, 3), (4, 0, 3), (5, 0, 0)]);
}

#[test]
fn n6_an_order_comes_from_one_location_where_one_has_all_of_it() {
    let mut shop = shop();
    shop.order(1, &[("MUG", 5)]);
    assert_eq!(mugs(&shop), [(3, 0, 0), (4, 0, 0), (5, 5, 0)]);
    shop.accept(policy("north", PolicyChange { priority: Some(0), ..PolicyChange::default() }));
    shop.accept(policy("main", PolicyChange { priority: Some(1), ..PolicyChange::default() }));
    shop.order(2, &[("MUG", 2)]);
    assert_eq!(mugs(&shop), [(3, 0, 0), (4, 2, 0), (5, 5, 0)]);
}

#[test]
fn n6_a_sku_that_is_short_everywhere_leaves_all_of_them_as_they_were() {
    let mut shop = shop();
    shop.fill_cart(1, &[("PAN", 1), ("MUG", 13)]);
    let skus = vec![crate::rejection::Shortage { sku: "MUG".to_owned(), requested: 13, available: 12 }];
    assert_eq!(shop.refuse(check_out(1)), Rejection::OutOfStock { skus });
    assert_eq!((mugs(&shop), shop.stock("PAN")), (FULL, (9, 0, 0)));
}

#[test]
fn whatever_ends_an_order_lets_go_of_its_stock_everywhere() {
    let ends: [fn(&mut Shop); 4] = [
        |shop| drop(shop.accept(FailPendingOrder { order_id: order_id(1) })),
        |shop| drop(shop.accept(cancel(None))),
        |shop| {
            shop.authorize(1);
            shop.accept(confirm(1));
            shop.accept(cancel(None));
        },
        |shop| {
            shop.pass(RESERVATION_LIFETIME);
            let expire = ExpireReservations { order_id: order_id(1) };
            let expired = shop.accept(expire.clone()).types;
            assert_eq!(expired.iter().filter(|kind| *kind == "inventory.reservation_expired").count(), 3);
            shop.accept_as_done(expire);
        },
    ];
    for end in ends {
        let mut shop = shop();
        shop.order(1, &[("MUG", 12)]);
        assert_eq!(mugs(&shop), [(3, 3, 0), (4, 4, 0), (5, 5, 0)]);
        end(&mut shop);
        assert_eq!(mugs(&shop), FULL);
        assert_eq!(shop.promised("MUG", order_id(1)), 0);
    }
}

#[test]
fn n3_a_reservation_that_expired_is_found_anew_elsewhere_and_leaves_nothing_behind() {
    let mut shop = shop();
    shop.order(1, &[("MUG", 3)]);
    shop.authorize(1);
    shop.pass(RESERVATION_LIFETIME);
    shop.order(2, &[("MUG", 2)]);
    assert_eq!(mugs(&shop), [(3, 2, 0), (4, 0, 0), (5, 0, 0)]);
    let types = shop.accept(confirm(1)).types;
    assert_eq!(types[0], "inventory.reservation_released");
    assert_eq!(types[2..], ["inventory.allocated", "order.confirmed"]);
    assert_eq!(mugs(&shop), [(3, 2, 0), (4, 0, 3), (5, 0, 0)]);
    assert_eq!(shop.promised("MUG", order_id(1)), 3);
}

#[test]
fn n8_another_try_to_pay_extends_every_reservation_or_makes_them_anew() {
    let retry = |number| RetryPayment {
        order_id: order_id(1),
        owner: None,
        payment_id: payment_id(number),
        payment: paying_with("tok_ok"),
    };
    let mut shop = shop();
    shop.order(1, &[("MUG", 6)]);
    shop.decline(1);
    shop.pass(RESERVATION_LIFETIME - TimeDelta::minutes(1));
    let types = shop.accept(retry(2)).types;
    assert_eq!(types.iter().filter(|kind| *kind == "inventory.reservation_extended").count(), 2);
    shop.pass(TimeDelta::minutes(2));
    assert_eq!(mugs(&shop), [(3, 3, 0), (4, 3, 0), (5, 0, 0)]);

    let mut shop = self::shop();
    shop.order(1, &[("MUG", 6)]);
    shop.decline(1);
    shop.pass(RESERVATION_LIFETIME);
    let types = shop.accept(retry(2)).types;
    assert_eq!(types.iter().filter(|kind| *kind == "inventory.reserved").count(), 2);
    assert_eq!(mugs(&shop), [(3, 3, 0), (4, 3, 0), (5, 0, 0)]);
}

#[test]
fn n1_lines_that_are_cancelled_let_go_of_what_is_not_there_first() {
    let mut shop = shop();
    shop.accept(policy("north", PolicyChange { backorder_limit: Some(5), ..PolicyChange::default() }));
    shop.confirmed_order(1, &[("MUG", 14)]);
    assert_eq!(mugs(&shop), [(3, 0, 3), (4, 0, 6), (5, 0, 5)]);
    shop.accept(cancel(Some(4)));
    assert_eq!(mugs(&shop), [(3, 0, 0), (4, 0, 5), (5, 0, 5)]);
    let refused = shop.refuse(cancel(Some(11)));
    assert!(matches!(refused, Rejection::Order(_)), "{refused:?}");
    shop.accept(cancel(None));
    assert_eq!(mugs(&shop), FULL);
}

#[test]
fn a_parcel_is_packed_where_the_units_are() {
    let mut shop = shop();
    shop.confirmed_order(1, &[("MUG", 6), ("PAN", 1)]);
    let parcel = |number, name: &str, lines| ShipOrder {
        order_id: order_id(1),
        shipment_id: shipment_id(number),
        location: Some(place(name)),
        ..ship(1, lines)
    };
    // Everything that is there: three mugs and the pan.
    shop.accept(parcel(1, "main", None));
    assert_eq!((mugs(&shop), shop.stock("PAN")), ([(0, 0, 0), (4, 0, 3), (5, 0, 0)], (8, 0, 0)));
    let not_there =
        |requested, allocated| Rejection::Inventory(inventory::Error::NotAllocated { requested, allocated });
    assert_eq!(shop.refuse(parcel(2, "south", None)), not_there(3, 0));
    assert_eq!(shop.refuse(parcel(2, "nowhere", Some(&[("MUG", 1)]))), not_there(1, 0));
    shop.accept(parcel(2, "north", Some(&[("MUG", 1)])));
    assert_eq!(mugs(&shop), [(0, 0, 0), (3, 0, 2), (5, 0, 0)]);
    shop.accept(ship(3, None).of(1));
    assert_eq!(mugs(&shop), [(0, 0, 0), (1, 0, 0), (5, 0, 0)]);
    assert_eq!(shop.order_state(1).status(), "shipped");
}

#[test]
fn a_parcel_that_names_no_location_takes_from_several() {
    let mut shop = shop();
    shop.confirmed_order(1, &[("MUG", 6)]);
    let types = shop.accept(ship(1, Some(&[("MUG", 5)]))).types;
    assert_eq!(types.iter().filter(|kind| *kind == "inventory.shipped").count(), 2);
    assert_eq!(mugs(&shop), [(0, 0, 0), (2, 0, 1), (5, 0, 0)]);
}

#[test]
fn what_is_backordered_is_promised_and_not_sent_before_it_is_there() {
    let mut shop = shop();
    shop.accept(policy("north", PolicyChange { backorder_limit: Some(5), ..PolicyChange::default() }));
    shop.confirmed_order(1, &[("MUG", 14)]);
    assert_eq!(mugs(&shop), [(3, 0, 3), (4, 0, 6), (5, 0, 5)]);
    let skus = vec![crate::rejection::Shortage { sku: "MUG".to_owned(), requested: 14, available: 12 }];
    assert_eq!(shop.refuse(ship(1, None)), Rejection::OutOfStock { skus });
    shop.accept(ReceiveStock { location: place("north"), ..receive("MUG", 2) });
    shop.accept(ship(1, None));
    assert_eq!(mugs(&shop), [(0, 0, 0), (0, 0, 0), (0, 0, 0)]);
}

#[test]
fn n4_a_transfer_between_locations_moves_what_nobody_is_promised() {
    let mut shop = shop();
    shop.confirmed_order(1, &[("MUG", 3)]);
    let transfer = |units, from, to| TransferStock {
        sku: sku("MUG"),
        quantity: quantity(units),
        from: place(from),
        to: place(to),
    };
    let skus = vec![crate::rejection::Shortage { sku: "MUG".to_owned(), requested: 1, available: 0 }];
    assert_eq!(shop.refuse(transfer(1, "main", "north")), Rejection::OutOfStock { skus });
    shop.accept(transfer(4, "north", "main"));
    assert_eq!(mugs(&shop), [(7, 0, 3), (0, 0, 0), (5, 0, 0)]);
}

/// Streams that a checkout of this many SKUs reads beside those it makes.
fn streams_read(shop: &Shop, number: u128) -> usize {
    shop.streams_of(&check_out(number))
}

#[test]
fn a_shop_with_one_location_reads_one_stream_of_stock_a_sku_and_writes_no_event_more() {
    let mut shop = Shop::selling(&[("MUG", 500, 9), ("PAN", 900, 9)]);
    shop.fill_cart(1, &[("MUG", 2), ("PAN", 1)]);
    shop.accept(check_out(1));
    assert_eq!(streams_read(&shop, 1), 3, "the cart, the order and its payment");
    shop.fill_cart(2, &[("MUG", 2), ("PAN", 1)]);
    assert_eq!(streams_read(&shop, 2), 1 + 2 * 2, "the cart, and a product and a stock for each line");
    let types = shop.accept(check_out(2)).types;
    assert_eq!(
        types,
        ["cart.checked_out", "order.created", "inventory.reserved", "inventory.reserved", "payment.initiated"]
    );
    shop.accept(ReceiveStock { location: place("north"), ..receive("MUG", 1) });
    shop.fill_cart(3, &[("MUG", 2), ("PAN", 1)]);
    assert_eq!(streams_read(&shop, 3), 1 + 2 * 2 + 1, "and one for the one location more of one SKU");
}
