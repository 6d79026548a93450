//! Merging a guest's cart into a customer's.

use domain::money::Currency;

use super::*;
use crate::carts::{DiscardCart, OpenCart};
use crate::products::{ArchiveProduct, ChangePrice};
use crate::spec::{Shop, add, buyer, cart_id, check_out, customer, gbp, open, quantity, sku};

fn guest() -> CustomerId {
    customer(0x9e)
}

/// A customer's cart 1 with these lines, and a guest's cart 2 with those.
fn shop(into: &[(&str, i64)], from: &[(&str, i64)]) -> Shop {
    let mut shop = Shop::selling(&[("MUG", 500, 9), ("PAN", 900, 9)]);
    shop.fill_cart(1, into);
    shop.accept(OpenCart { customer_id: guest(), guest: true, ..open(2) });
    for (text, units) in from {
        shop.accept(crate::carts::AddItem { owner: Some(guest()), ..add(2, text, *units) });
    }
    shop
}

fn merge() -> MergeCarts {
    MergeCarts { into: cart_id(1), owner: Some(buyer()), from: cart_id(2), guest: guest() }
}

fn lines(shop: &Shop, number: u128) -> Vec<(&str, i64, i64)> {
    let lines = shop.cart(number).lines().iter();
    lines.map(|line| (line.sku.as_str(), line.quantity.get(), line.unit_price.amount())).collect()
}

#[test]
fn c7_two_carts_become_one_in_one_append() {
    let mut shop = shop(&[("MUG", 1)], &[("MUG", 2), ("PAN", 3)]);
    shop.accept(ChangePrice { sku: sku("MUG"), price: gbp(550) });
    let done = shop.accept(merge());
    assert_eq!(done.types, ["cart.item_added", "cart.item_added", "cart.merged"]);
    assert_eq!(done.outcome, MergeOutcome { cart_id: cart_id(1), dropped: vec![] });
    assert_eq!(lines(&shop, 1), [("MUG", 3, 550), ("PAN", 3, 900)]);
    assert_eq!(shop.cart(2).status(), "merged");
    assert_eq!(shop.cart(1).contents().unwrap().customer_id, buyer());
    shop.accept(check_out(1));
}

#[test]
fn c7_a_repeated_merge_changes_nothing_and_says_the_same() {
    let mut shop = shop(&[], &[("MUG", 2), ("PAN", 1)]);
    shop.accept(ArchiveProduct { sku: sku("PAN") });
    let lost =
        vec![Dropped { sku: sku("PAN"), quantity: quantity(1), reason: "product_not_published".parse().unwrap() }];
    assert_eq!(shop.accept(merge()).outcome.dropped, lost);
    assert_eq!(shop.accept_as_done(merge()).outcome.dropped, lost);
    shop.accept(check_out(1));
    assert_eq!(shop.accept_as_done(merge()).outcome.dropped, lost);
}

#[test]
fn c1_c7_what_is_not_open_is_not_merged() {
    let mut shop = shop(&[("MUG", 1)], &[]);
    shop.accept(DiscardCart { cart_id: cart_id(2), owner: Some(guest()) });
    let refused = shop.refuse(merge());
    assert!(
        matches!(refused, Rejection::Cart(cart::Error::IllegalTransition { state: "discarded", .. })),
        "{refused:?}"
    );
}

#[test]
fn c7_a_cart_that_went_into_another_one_is_not_there_to_be_merged_again() {
    let mut shop = shop(&[], &[("MUG", 1)]);
    shop.accept(merge());
    shop.accept(open(3));
    let refused = shop.refuse(MergeCarts { into: cart_id(3), ..merge() });
    assert!(matches!(refused, Rejection::Cart(cart::Error::IllegalTransition { state: "merged", .. })), "{refused:?}");
    assert_eq!(lines(&shop, 3), []);
}

#[test]
fn c7_nobody_merges_what_is_not_theirs() {
    let mut shop = shop(&[], &[("MUG", 1)]);
    let missing = |number| Rejection::NotFound { what: "cart", id: cart_id(number).to_string() };
    assert_eq!(shop.refuse(MergeCarts { owner: Some(guest()), ..merge() }), missing(1));
    assert_eq!(shop.refuse(MergeCarts { guest: buyer(), ..merge() }), missing(2));
    assert_eq!(shop.refuse(MergeCarts { from: cart_id(4), ..merge() }), missing(4));
    let itself = MergeCarts { from: cart_id(1), guest: buyer(), ..merge() };
    assert_eq!(shop.refuse(itself), Rejection::Cart(cart::Error::SameCart));
    assert_eq!(shop.accept(MergeCarts { owner: None, ..merge() }).outcome.cart_id, cart_id(1));
}

#[test]
fn c4_c7_a_cart_in_another_currency_takes_nothing_of_it() {
    let mut shop = shop(&[], &[("MUG", 1)]);
    shop.accept(OpenCart { currency: Currency::EUR, ..open(3) });
    let done = shop.accept(MergeCarts { into: cart_id(3), ..merge() });
    assert_eq!(done.types, ["cart.merged"]);
    assert_eq!(done.outcome.dropped[0].reason.as_str(), "currency_mismatch");
}
