//! What the coverage process does about stock.

use super::*;
use crate::inventory::AdjustStock;
use crate::spec::{Shop, effects, reason, receive, sku};

#[test]
fn n1_the_orders_whose_stock_changed_its_standing_are_looked_at() {
    let mut shop = Shop::selling(&[("MUG", 500, 5)]);
    shop.confirmed_order(1, &[("MUG", 2)]);
    shop.confirmed_order(2, &[("MUG", 3)]);
    let quiet = shop.book.iter().flat_map(|event| effects(&CoverageProcess, event)).count();
    assert_eq!(quiet, 0, "nothing to do while everything is there");
    let location = domain::ids::Location::main();
    shop.accept(AdjustStock { sku: sku("MUG"), location, delta: -4, reason: reason("count") });
    assert_eq!(effects(&CoverageProcess, shop.last("inventory.coverage_changed")), ["run review_coverage"]);
    shop.accept(receive("MUG", 1));
    assert_eq!(effects(&CoverageProcess, shop.last("inventory.coverage_changed")), ["run review_coverage"]);
}

#[test]
fn many_orders_are_looked_at_some_at_a_time() {
    let mut shop = Shop::selling(&[("MUG", 500, 40)]);
    for number in 1..=40 {
        shop.confirmed_order(number, &[("MUG", 1)]);
    }
    let location = domain::ids::Location::main();
    shop.accept(AdjustStock { sku: sku("MUG"), location, delta: -40, reason: reason("fire") });
    let effects = effects(&CoverageProcess, shop.last("inventory.coverage_changed"));
    assert_eq!(effects, ["run review_coverage"; 3], "40 orders, {ORDERS_AT_ONCE} at once");
}
