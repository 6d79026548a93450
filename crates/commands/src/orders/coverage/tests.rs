//! Orders whose stock was counted away.

use super::*;
use crate::inventory::AdjustStock;
use crate::orders::{CancelOrder, HoldOrder, ReleaseOrder};
use crate::spec::{Shop, confirm, order_id, reason as because, receive, ship, sku};

fn review(number: u128) -> ReviewCoverage {
    ReviewCoverage { orders: vec![order_id(number)] }
}

fn count(text: &str, delta: i64) -> AdjustStock {
    AdjustStock { sku: sku(text), location: domain::ids::Location::main(), delta, reason: because("count") }
}

fn hold(shop: &Shop, number: u128) -> Option<String> {
    shop.contents(number).hold.as_ref().map(ToString::to_string)
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
    assert_eq!(shop.accept(review(2)).types, ["order.held"]);
    assert_eq!((hold(&shop, 1), hold(&shop, 2)), (None, Some("stock is missing".to_owned())));
    shop.accept_as_done(review(2));
    shop.refuse(ship(2, None));
    shop.accept(receive("MUG", 1));
    assert_eq!(shop.accept(review(2)).types, ["order.released"]);
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
    shop.accept_as_done(review(2));
    shop.accept(receive("PAN", 1));
    assert_eq!(shop.accept(review(2)).types, ["order.released"]);
}

#[test]
fn several_orders_are_looked_at_in_one_append() {
    let mut shop = two_orders();
    shop.accept(count("MUG", -4));
    let both = ReviewCoverage { orders: vec![order_id(2), order_id(1)] };
    assert_eq!(shop.accept(both.clone()).types, ["order.held", "order.held"]);
    shop.accept(receive("MUG", 1));
    assert_eq!(shop.accept(both).types, ["order.released"]);
    assert!(shop.contents(2).hold.is_some());
}

#[test]
fn a_hold_of_another_reason_is_left_alone() {
    let mut shop = two_orders();
    shop.accept(HoldOrder { order_id: order_id(2), reason: because("fraud check") });
    shop.accept(count("MUG", -1));
    shop.accept_as_done(review(2));
    shop.accept(receive("MUG", 1));
    shop.accept_as_done(review(2));
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
    shop.accept(confirm(3));
    assert_eq!(shop.accept(review(3)).types, ["order.held"], "allocated after the count had taken it away");
}
