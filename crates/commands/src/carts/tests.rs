//! The use cases of carts.

use super::*;
use crate::products::{ArchiveProduct, ChangePrice, CreateProduct};
use crate::spec::{Shop, add, buyer, cart_id, check_out, create, customer, gbp, open, quantity, sku};

fn change(text: &str, units: i64) -> ChangeQuantity {
    ChangeQuantity { cart_id: cart_id(1), owner: Some(buyer()), sku: sku(text), quantity: quantity(units) }
}

fn remove(text: &str) -> RemoveItem {
    RemoveItem { cart_id: cart_id(1), owner: Some(buyer()), sku: sku(text) }
}

fn reprice() -> RepriceCart {
    RepriceCart { cart_id: cart_id(1), owner: Some(buyer()) }
}

fn discard() -> DiscardCart {
    DiscardCart { cart_id: cart_id(1), owner: Some(buyer()) }
}

fn total(shop: &Shop) -> i64 {
    shop.cart(1).contents().unwrap().total.amount()
}

#[test]
fn a_cart_is_opened_at_the_time_of_the_decision() {
    let mut shop = Shop::new();
    let done = shop.accept(open(1));
    assert_eq!(done.types, ["cart.opened"]);
    assert_eq!(done.outcome, CartOutcome { cart_id: cart_id(1) });
    assert_eq!(shop.cart(1).contents().unwrap().opened_at, shop.now);
}

#[test]
fn an_item_takes_its_name_and_price_from_the_product() {
    let mut shop = Shop::selling(&[("MUG", 500, 0)]);
    shop.accept(open(1));
    assert_eq!(shop.accept(add(1, "MUG", 3)).types, ["cart.item_added"]);
    shop.accept(add(1, "MUG", 1));
    let line = shop.cart(1).line(&sku("MUG")).unwrap();
    assert_eq!((line.name.as_str(), line.quantity, line.unit_price), ("MUG", quantity(4), gbp(500)));
}

#[test]
fn a_sku_that_is_unknown_or_not_for_sale_is_not_added() {
    let mut shop = Shop::new();
    shop.accept(open(1));
    assert_eq!(shop.refuse(add(1, "MUG", 1)), Rejection::UnknownSku { sku: "MUG".to_owned() });
    shop.accept(CreateProduct { publish: false, ..create("MUG", 500) });
    assert_eq!(shop.refuse(add(1, "MUG", 1)), Rejection::ProductNotPublished { sku: "MUG".to_owned() });
}

#[test]
fn c4_a_product_in_another_currency_is_refused() {
    let mut shop = Shop::selling(&[("MUG", 500, 0)]);
    shop.accept(OpenCart { currency: Currency::EUR, ..open(1) });
    let refused = cart::Error::CurrencyMismatch { expected: Currency::EUR, found: Currency::GBP };
    assert_eq!(shop.refuse(add(1, "MUG", 1)), Rejection::Cart(refused));
}

#[test]
fn c2_a_line_beyond_its_bound_is_refused() {
    let mut shop = Shop::selling(&[("MUG", 500, 0)]);
    shop.fill_cart(1, &[("MUG", 100_000)]);
    let refused = shop.refuse(add(1, "MUG", 1));
    assert!(matches!(refused, Rejection::Cart(cart::Error::QuantityOutOfRange { found: 100_001, .. })));
}

#[test]
fn a_cart_that_is_not_there_and_one_of_somebody_else_are_told_the_same() {
    let mut shop = Shop::selling(&[("MUG", 500, 9)]);
    shop.fill_cart(1, &[("MUG", 1)]);
    let stranger = Some(customer(0xbad));
    let not_found = Rejection::NotFound { what: "cart", id: cart_id(1).to_string() };
    assert_eq!(shop.refuse(AddItem { owner: stranger, ..add(1, "MUG", 1) }), not_found);
    assert_eq!(shop.refuse(ChangeQuantity { owner: stranger, ..change("MUG", 1) }), not_found);
    assert_eq!(shop.refuse(RemoveItem { owner: stranger, ..remove("MUG") }), not_found);
    assert_eq!(shop.refuse(RepriceCart { owner: stranger, ..reprice() }), not_found);
    assert_eq!(shop.refuse(DiscardCart { owner: stranger, ..discard() }), not_found);
    let missing = Rejection::NotFound { what: "cart", id: cart_id(2).to_string() };
    assert_eq!(shop.refuse(add(2, "MUG", 1)), missing);
    shop.accept(AddItem { owner: None, ..add(1, "MUG", 1) });
}

#[test]
fn a_line_is_changed_at_the_price_of_now() {
    let mut shop = Shop::selling(&[("MUG", 500, 0)]);
    shop.fill_cart(1, &[("MUG", 3)]);
    shop.accept_as_done(change("MUG", 3));
    shop.accept(ChangePrice { sku: sku("MUG"), price: gbp(600) });
    assert_eq!(shop.accept(change("MUG", 2)).types, ["cart.item_quantity_changed"]);
    assert_eq!(total(&shop), 1_200);
}

#[test]
fn a_line_that_is_not_there_is_told_before_anything_about_the_product() {
    let mut shop = Shop::new();
    shop.accept(open(1));
    let missing = cart::Error::LineNotFound { sku: sku("MUG") };
    assert_eq!(shop.refuse(change("MUG", 2)), Rejection::Cart(missing));
}

#[test]
fn a_line_of_a_product_that_is_no_longer_sold_can_only_be_removed() {
    let mut shop = Shop::selling(&[("MUG", 500, 0)]);
    shop.fill_cart(1, &[("MUG", 3)]);
    shop.accept(ArchiveProduct { sku: sku("MUG") });
    assert_eq!(shop.refuse(change("MUG", 2)), Rejection::ProductNotPublished { sku: "MUG".to_owned() });
    assert_eq!(shop.accept(remove("MUG")).types, ["cart.item_removed"]);
    shop.accept_as_done(remove("MUG"));
    assert_eq!(total(&shop), 0);
}

#[test]
fn a_cart_is_repriced_and_keeps_the_price_of_what_is_no_longer_sold() {
    let mut shop = Shop::selling(&[("MUG", 500, 0), ("PAN", 900, 0)]);
    shop.fill_cart(1, &[("MUG", 1), ("PAN", 1)]);
    shop.accept_as_done(reprice());
    shop.accept(ChangePrice { sku: sku("MUG"), price: gbp(600) });
    shop.accept(ArchiveProduct { sku: sku("PAN") });
    assert_eq!(shop.accept(reprice()).types, ["cart.repriced"]);
    assert_eq!(total(&shop), 1_500);
}

#[test]
fn c1_a_closed_cart_takes_no_command() {
    let mut shop = Shop::selling(&[("MUG", 500, 9)]);
    shop.fill_cart(1, &[("MUG", 1)]);
    assert_eq!(shop.accept(discard()).types, ["cart.discarded"]);
    shop.accept_as_done(discard());
    let closed = Rejection::Cart(cart::Error::IllegalTransition { state: "discarded", allowed: vec![] });
    assert_eq!(shop.refuse(add(1, "MUG", 1)), closed);
    assert_eq!(shop.refuse(change("MUG", 2)), closed);
    assert_eq!(shop.refuse(remove("MUG")), closed);
    assert_eq!(shop.refuse(reprice()), closed);
    assert_eq!(shop.refuse(check_out(1)), closed);
}
