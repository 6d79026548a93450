//! What the coverage process does about stock.

use super::*;
use crate::inventory::AdjustStock;
use crate::orders::{HoldOrder, ReleaseOrder};
use crate::spec::{Running, Shop, effects, order_id, reason, receive, sku};

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

#[tokio::test]
async fn n1_an_order_that_is_released_by_hand_is_on_hold_while_its_stock_is_missing() {
    let mut shop = Shop::selling(&[("MUG", 500, 5)]);
    shop.confirmed_order(1, &[("MUG", 2)]);
    let order_id = order_id(1);
    shop.accept(HoldOrder { order_id, reason: reason("fraud check") });
    let location = domain::ids::Location::main();
    shop.accept(AdjustStock { sku: sku("MUG"), location, delta: -4, reason: reason("count") });
    let mut running = Running::new(shop);
    running.settle().await;
    let hold = |running: &Running| running.shop.contents(1).hold.as_ref().map(ToString::to_string);
    assert_eq!(hold(&running).as_deref(), Some("fraud check"), "the hold of somebody else stays");
    running.shop.accept(ReleaseOrder { order_id });
    running.settle().await;
    assert_eq!(hold(&running).as_deref(), Some("stock is missing"));
    running.shop.accept(receive("MUG", 4));
    running.settle().await;
    assert_eq!(hold(&running), None);
}
