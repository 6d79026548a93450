//! Orders whose stock was counted away.

use domain::inventory::PolicyChange;

use super::*;
use crate::inventory::{AdjustStock, ChangeStockPolicy};
use crate::orders::{CancelOrder, HoldOrder, ReleaseOrder};
use crate::spec::{Shop, confirm, order_id, quantity, reason as because, receive, ship, sku};

fn review(number: u128) -> ReviewCoverage {
    ReviewCoverage { orders: vec![order_id(number)] }
}

fn count(text: &str, delta: i64) -> AdjustStock {
    AdjustStock { sku: sku(text), location: domain::ids::Location::main(), delta, reason: because("count") }
}

fn hold(shop: &Shop, number: u128) -> Option<String> {
    shop.contents(number).hold.as_ref().map(ToString::to_string)
}

fn axis(shop: &Shop, number: u128) -> &'static str {
    shop.order_state(number).fulfillment_status()
}

fn two_orders() -> Shop {
    let mut shop = Shop::selling(&[("MUG", 500, 5), ("PAN", 900, 5)]);
    shop.confirmed_order(1, &[("MUG", 2), ("PAN", 1)]);
    shop.confirmed_order(2, &[("MUG", 3), ("PAN", 4)]);
    shop
}

#[test]
fn n1_the_youngest_order_is_on_hold_while_its_stock_is_missing() {
    let mut shop = two_orders();
    shop.accept(count("MUG", -1));
    shop.accept_as_done(review(1));
    assert_eq!(shop.accept(review(2)).types, ["order.held", "order.coverage_changed"]);
    assert_eq!((hold(&shop, 1), hold(&shop, 2)), (None, Some("stock is missing".to_owned())));
    shop.accept_as_done(review(2));
    shop.refuse(ship(2, None));
    shop.accept(receive("MUG", 1));
    assert_eq!(shop.accept(review(2)).types, ["order.released", "order.coverage_changed"]);
    shop.accept_as_done(review(2));
    shop.accept(ship(2, None));
}

#[test]
fn n1_an_order_that_lacks_two_products_waits_for_both() {
    let mut shop = two_orders();
    shop.accept(count("MUG", -1));
    shop.accept(count("PAN", -1));
    shop.accept(review(2));
    shop.accept(receive("MUG", 1));
    assert_eq!(shop.accept(review(2)).types, ["order.coverage_changed"], "it knows what it still awaits");
    assert_eq!((hold(&shop, 2), axis(&shop, 2)), (Some("stock is missing".to_owned()), "backordered"));
    shop.accept(receive("PAN", 1));
    assert_eq!(shop.accept(review(2)).types, ["order.released", "order.coverage_changed"]);
}

#[test]
fn several_orders_are_looked_at_in_one_append() {
    let mut shop = two_orders();
    shop.accept(count("MUG", -4));
    let both = ReviewCoverage { orders: vec![order_id(2), order_id(1)] };
    let told = ["order.held", "order.coverage_changed"];
    assert_eq!(shop.accept(both.clone()).types, [told, told].concat());
    shop.accept(receive("MUG", 1));
    assert_eq!(shop.accept(both).types, ["order.released", "order.coverage_changed"]);
    assert!(shop.contents(2).hold.is_some());
}

#[test]
fn a_hold_of_another_reason_is_left_alone() {
    let mut shop = two_orders();
    shop.accept(HoldOrder { order_id: order_id(2), reason: because("fraud check") });
    shop.accept(count("MUG", -1));
    assert_eq!(shop.accept(review(2)).types, ["order.coverage_changed"]);
    shop.accept(receive("MUG", 1));
    assert_eq!(shop.accept(review(2)).types, ["order.coverage_changed"]);
    assert_eq!(hold(&shop, 2), Some("fraud check".to_owned()));
    shop.accept(ReleaseOrder { order_id: order_id(2) });
}

#[test]
fn an_order_that_has_ended_or_is_not_confirmed_yet_is_not_held() {
    let mut shop = two_orders();
    shop.accept(CancelOrder { order_id: order_id(2), owner: None, reason: because("test"), lines: None });
    shop.order(3, &[("MUG", 3)]);
    shop.accept(count("MUG", -4));
    shop.accept_as_done(review(2));
    shop.accept_as_done(review(3));
    shop.authorize(3);
    assert_eq!(shop.accept(confirm(3)).types.last().unwrap(), "order.coverage_changed");
    assert_eq!(shop.accept(review(3)).types, ["order.held"], "allocated after the count had taken it away");
}

/// Two orders of a product of which two are there, and three more may be promised.
fn beyond_what_is_there() -> Shop {
    let mut shop = Shop::selling(&[("MUG", 500, 2), ("PAN", 900, 5)]);
    let change = PolicyChange { backorder_limit: Some(3), ..PolicyChange::default() };
    shop.accept(ChangeStockPolicy { sku: sku("MUG"), location: domain::ids::Location::main(), change });
    shop.confirmed_order(1, &[("MUG", 2)]);
    shop.order(2, &[("MUG", 3), ("PAN", 1)]);
    shop.authorize(2);
    shop
}

#[test]
fn n1_an_order_confirmed_within_the_backorder_limit_is_backordered_at_once_and_not_held() {
    let mut shop = beyond_what_is_there();
    assert_eq!(axis(&shop, 2), "unfulfilled", "nothing is promised for good before it is confirmed");
    let types = shop.accept(confirm(2)).types;
    let expected = [
        "inventory.allocated",
        "inventory.coverage_changed",
        "inventory.allocated",
        "order.confirmed",
        "order.coverage_changed",
    ];
    assert_eq!(types, expected);
    assert_eq!((axis(&shop, 1), axis(&shop, 2), hold(&shop, 2)), ("unfulfilled", "backordered", None));
    shop.accept_as_done(review(1));
    shop.accept_as_done(review(2));
    shop.accept(receive("MUG", 3));
    assert_eq!(shop.accept(review(2)).types, ["order.coverage_changed"]);
    assert_eq!(axis(&shop, 2), "unfulfilled");
    shop.accept(ship(2, None));
    assert_eq!(axis(&shop, 2), "shipped");
}

#[test]
fn n1_what_is_there_of_a_backordered_order_may_be_shipped_before_the_rest() {
    let mut shop = beyond_what_is_there();
    shop.accept(confirm(2));
    shop.refuse(ship(2, None));
    shop.accept(ship(2, Some(&[("PAN", 1)])));
    assert_eq!(axis(&shop, 2), "partially_shipped");
    shop.accept(receive("MUG", 3));
    assert_eq!(shop.accept(review(2)).types, ["order.coverage_changed"]);
}

#[test]
fn n1_an_order_without_its_backordered_lines_awaits_nothing() {
    let mut shop = beyond_what_is_there();
    shop.accept(confirm(2));
    let lines = Some(vec![(sku("MUG"), quantity(3))]);
    shop.accept(CancelOrder { order_id: order_id(2), owner: None, reason: because("too late"), lines });
    assert_eq!(shop.accept(review(2)).types, ["order.coverage_changed"]);
    assert_eq!(axis(&shop, 2), "unfulfilled");
}

#[test]
fn n1_an_older_order_that_is_confirmed_later_makes_the_younger_one_wait() {
    let mut shop = Shop::selling(&[("MUG", 500, 2)]);
    let change = PolicyChange { backorder_limit: Some(2), ..PolicyChange::default() };
    shop.accept(ChangeStockPolicy { sku: sku("MUG"), location: domain::ids::Location::main(), change });
    shop.order(1, &[("MUG", 2)]);
    shop.confirmed_order(2, &[("MUG", 2)]);
    shop.authorize(1);
    let types = shop.accept(confirm(1)).types;
    assert_eq!(types.last().unwrap(), "order.confirmed", "it is served first, and lacks nothing itself");
    assert_eq!(shop.accept(review(2)).types, ["order.coverage_changed"]);
    assert_eq!((axis(&shop, 1), axis(&shop, 2)), ("unfulfilled", "backordered"));
}
