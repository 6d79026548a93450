//! The use cases of stock.

use super::*;
use crate::spec::{Shop, quantity, reason, receive, sku};

fn place(text: &str) -> Location {
    Location::new(text).unwrap()
}

fn adjust(delta: i64) -> AdjustStock {
    AdjustStock { sku: sku("MUG"), location: Location::main(), delta, reason: reason("count") }
}

fn transfer(units: i64) -> TransferStock {
    TransferStock { sku: sku("MUG"), quantity: quantity(units), from: Location::main(), to: place("SHOP") }
}

fn on_hand(shop: &Shop, location: &Location) -> i64 {
    shop.state::<Inventory>(ids::inventory_stream(&sku("MUG"), location)).on_hand()
}

#[test]
fn stock_is_received_and_shown() {
    let mut shop = Shop::selling(&[("MUG", 500, 0)]);
    let done = shop.accept(receive("MUG", 10));
    assert_eq!(done.types, ["inventory.received"]);
    assert_eq!(done.outcome, StockOutcome { sku: sku("MUG"), locations: vec![Location::main()] });
    let stream = ids::inventory_stream(&sku("MUG"), &Location::main());
    assert_eq!(done.states.get::<Inventory>(stream).unwrap().0.on_hand(), 10);
}

#[test]
fn stock_of_no_product_is_refused() {
    let mut shop = Shop::new();
    let unknown = Rejection::NotFound { what: "product", id: "MUG".to_owned() };
    assert_eq!(shop.refuse(receive("MUG", 10)), unknown);
    assert_eq!(shop.refuse(adjust(1)), unknown);
    assert_eq!(shop.refuse(transfer(1)), unknown);
}

#[test]
fn a_count_is_a_fact_whatever_it_leaves() {
    let mut shop = Shop::selling(&[("MUG", 500, 10)]);
    assert_eq!(shop.accept(adjust(-12)).types, ["inventory.adjusted", "inventory.out_of_stock"]);
    assert_eq!(on_hand(&shop, &Location::main()), -2);
    shop.accept_as_done(adjust(0));
    let too_far = shop.refuse(adjust(i64::MAX));
    assert!(matches!(too_far, Rejection::Inventory(inventory::Error::QuantityOutOfRange { .. })));
}

#[test]
fn n4_a_transfer_conserves_the_total_in_one_append() {
    let mut shop = Shop::selling(&[("MUG", 500, 10)]);
    let done = shop.accept(transfer(4));
    assert_eq!(done.types, ["inventory.transferred_out", "inventory.transferred_in", "inventory.location_opened"]);
    assert_eq!(done.outcome.locations, [Location::main(), place("SHOP")]);
    assert_eq!(shop.accept(transfer(1)).types, ["inventory.transferred_out", "inventory.transferred_in"]);
    assert_eq!((on_hand(&shop, &Location::main()), on_hand(&shop, &place("SHOP"))), (5, 5));
}

#[test]
fn more_than_is_available_is_not_transferred() {
    let mut shop = Shop::selling(&[("MUG", 500, 3)]);
    let short = Shortage { sku: "MUG".to_owned(), requested: 4, available: 3 };
    assert_eq!(shop.refuse(transfer(4)), Rejection::OutOfStock { skus: vec![short] });
    let nowhere = TransferStock { to: Location::main(), ..transfer(1) };
    let same = inventory::Error::SameLocation { location: Location::main() };
    assert_eq!(shop.refuse(nowhere), Rejection::Inventory(same));
}

#[test]
fn stock_is_set_aside_and_put_back() {
    let mut shop = Shop::selling(&[("MUG", 500, 10)]);
    let (sku, location) = (sku("MUG"), Location::main());
    let damaged = SetStockAside { sku, location, quantity: quantity(3), reason: reason("damaged") };
    assert_eq!(shop.accept(damaged.clone()).types, ["inventory.set_aside"]);
    let SetStockAside { sku, location, .. } = damaged;
    let repaired = PutStockBack { sku, location, quantity: quantity(2), reason: reason("repaired") };
    assert_eq!(shop.accept(repaired.clone()).types, ["inventory.put_back"]);
    let too_many = inventory::Error::NotSetAside { requested: 2, set_aside: 1 };
    assert_eq!(shop.refuse(repaired), Rejection::Inventory(too_many));
}

#[test]
fn a_policy_is_changed_where_it_differs() {
    let mut shop = Shop::selling(&[("MUG", 500, 10)]);
    let change = PolicyChange { safety_stock: Some(2), ..PolicyChange::default() };
    let policy = ChangeStockPolicy { sku: sku("MUG"), location: Location::main(), change };
    assert_eq!(shop.accept(policy.clone()).types, ["inventory.policy_changed"]);
    shop.accept_as_done(policy);
}
