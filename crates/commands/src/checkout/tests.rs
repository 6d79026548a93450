//! Checkout: atomic, exact, once.

use domain::cart::PriceDifference;

use super::*;
use crate::products::{ArchiveProduct, ChangePrice};
use crate::rejection::Shortage;
use crate::spec::{
    Shop, add, buyer, cart_id, check_out, confirm, customer, gbp, open, order_id, payment_id, quantity, receive, sku,
};

fn short(text: &str, requested: i64, available: i64) -> Shortage {
    Shortage { sku: text.to_owned(), requested, available }
}

#[test]
fn step_1_a_checkout_is_one_append_of_cart_order_stock_and_payment() {
    let mut shop = Shop::selling(&[("MUG", 500, 9), ("PAN", 900, 9)]);
    shop.fill_cart(1, &[("MUG", 2), ("PAN", 1)]);
    let done = shop.accept(check_out(1));
    assert_eq!(
        done.types,
        ["cart.checked_out", "order.created", "inventory.reserved", "inventory.reserved", "payment.initiated"]
    );
    let (order_id, payment_id) = (order_id(1), payment_id(1));
    assert_eq!(done.outcome, CheckOutOutcome { order_id, payment_id, covered_by: None, created: true });
    assert_eq!((shop.stock("MUG"), shop.stock("PAN")), ((9, 2, 0), (9, 1, 0)));
    assert_eq!(shop.status(1), ("pending", "initiated"));
    assert_eq!(done.states.get::<Order>(order_id.as_uuid()).unwrap().1, 1);
    assert_eq!(done.states.get::<Payment>(payment_id.as_uuid()).unwrap().1, 1);
}

#[test]
fn step_1_the_order_holds_the_carts_lines_at_its_prices() {
    let mut shop = Shop::selling(&[("MUG", 500, 9), ("PAN", 900, 9)]);
    shop.order(1, &[("MUG", 2), ("PAN", 1)]);
    let order = shop.order_state(1).contents().unwrap();
    assert_eq!(order.customer_id, buyer());
    assert_eq!((order.totals.subtotal, order.totals.total), (gbp(1_900), gbp(1_900)));
    assert_eq!(shop.payment(1).amount, gbp(1_900));
    let lines: Vec<_> = order.lines.iter().map(|line| (line.sku.as_str(), line.quantity.get())).collect();
    assert_eq!(lines, [("MUG", 2), ("PAN", 1)]);
    assert_eq!(order.lines[0].id, line_id(order_id(1), &sku("MUG")));
}

#[test]
fn c6_a_repeated_checkout_gives_the_order_that_exists() {
    let mut shop = Shop::selling(&[("MUG", 500, 9)]);
    shop.order(1, &[("MUG", 2)]);
    let again = CheckOut { order_id: order_id(2), payment_id: payment_id(2), ..check_out(1) };
    let done = shop.accept_as_done(again.clone());
    let (order_id, payment_id) = (order_id(1), payment_id(1));
    assert_eq!(done.outcome, CheckOutOutcome { order_id, payment_id, covered_by: None, created: false });
    assert!(done.states.get::<Payment>(payment_id.as_uuid()).is_some());
    assert_eq!(shop.stock("MUG"), (9, 2, 0));
    let stranger = Rejection::NotFound { what: "cart", id: cart_id(1).to_string() };
    assert_eq!(shop.refuse(CheckOut { owner: Some(customer(0xbad)), ..again }), stranger);
}

#[test]
fn n6_every_sku_that_is_short_is_named_and_nothing_is_reserved() {
    let mut shop = Shop::selling(&[("MUG", 500, 1), ("PAN", 900, 9), ("CUP", 100, 0)]);
    shop.fill_cart(1, &[("MUG", 2), ("PAN", 1), ("CUP", 4)]);
    let refused = shop.refuse(check_out(1));
    assert_eq!(refused, Rejection::OutOfStock { skus: vec![short("MUG", 2, 1), short("CUP", 4, 0)] });
    assert_eq!((shop.stock("PAN"), shop.cart(1).status()), ((9, 0, 0), "open"));
}

#[test]
fn n5_a_sku_that_was_added_twice_is_checked_as_one_quantity() {
    let mut shop = Shop::selling(&[("MUG", 500, 5)]);
    shop.fill_cart(1, &[("MUG", 3), ("MUG", 3)]);
    assert_eq!(shop.refuse(check_out(1)), Rejection::OutOfStock { skus: vec![short("MUG", 6, 5)] });
    shop.accept(receive("MUG", 1));
    shop.accept(check_out(1));
    assert_eq!(shop.stock("MUG"), (6, 6, 0));
}

#[test]
fn n1_the_last_unit_is_sold_once() {
    let mut shop = Shop::selling(&[("MUG", 500, 1)]);
    for number in 1..=64 {
        shop.fill_cart(number, &[("MUG", 1)]);
    }
    let sold = (1..=64).filter(|number| shop.run(check_out(*number)).is_ok()).count();
    assert_eq!((sold, shop.stock("MUG")), (1, (1, 1, 0)));
    assert_eq!(shop.refuse(check_out(64)), Rejection::OutOfStock { skus: vec![short("MUG", 1, 0)] });
}

#[test]
fn n8_a_reservation_that_has_expired_holds_nothing_even_before_its_deadline_fires() {
    let mut shop = Shop::selling(&[("MUG", 500, 1)]);
    shop.order(1, &[("MUG", 1)]);
    shop.fill_cart(2, &[("MUG", 1)]);
    shop.pass(RESERVATION_LIFETIME - TimeDelta::microseconds(1));
    assert_eq!(shop.refuse(check_out(2)), Rejection::OutOfStock { skus: vec![short("MUG", 1, 0)] });
    shop.pass(TimeDelta::microseconds(1));
    shop.accept(check_out(2));
}

#[test]
fn c8_changed_prices_are_told_with_both_totals() {
    let mut shop = Shop::selling(&[("MUG", 500, 9), ("PAN", 900, 9)]);
    shop.fill_cart(1, &[("MUG", 2), ("PAN", 1)]);
    shop.accept(ChangePrice { sku: sku("MUG"), price: gbp(450) });
    let (cart_price, current_price) = (gbp(500), gbp(450));
    let line = PriceDifference { sku: sku("MUG"), quantity: quantity(2), cart_price, current_price };
    let changed = cart::Error::PriceChanged { lines: vec![line], cart_total: gbp(1_900), current_total: gbp(1_800) };
    assert_eq!(shop.refuse(check_out(1)), Rejection::Cart(changed));
    shop.accept(crate::carts::RepriceCart { cart_id: cart_id(1), owner: None });
    shop.accept(check_out(1));
    assert_eq!(shop.payment(1).amount, gbp(1_800));
}

#[test]
fn step_1_a_total_that_was_not_expected_is_refused() {
    let mut shop = Shop::selling(&[("MUG", 500, 9)]);
    shop.fill_cart(1, &[("MUG", 2)]);
    let differs = cart::Error::TotalDiffers { expected_total: gbp(999), current_total: gbp(1_000) };
    let expecting = |amount| CheckOut { expected_total: Some(gbp(amount)), ..check_out(1) };
    assert_eq!(shop.refuse(expecting(999)), Rejection::Cart(differs));
    shop.accept(expecting(1_000));
}

#[test]
fn step_1_an_empty_cart_and_one_with_unsold_products_are_refused() {
    let mut shop = Shop::selling(&[("MUG", 500, 9)]);
    shop.accept(open(1));
    assert_eq!(shop.refuse(check_out(1)), Rejection::Cart(cart::Error::EmptyCart));
    shop.accept(add(1, "MUG", 1));
    shop.accept(ArchiveProduct { sku: sku("MUG") });
    let unsold = cart::Error::NotForSale { skus: vec![sku("MUG")] };
    assert_eq!(shop.refuse(check_out(1)), Rejection::Cart(unsold));
}

#[test]
fn a_cart_that_is_not_there_is_not_found() {
    let missing = Rejection::NotFound { what: "cart", id: cart_id(1).to_string() };
    assert_eq!(Shop::new().refuse(check_out(1)), missing);
}

#[test]
fn a_basket_as_large_as_any_is_one_append() {
    let names: Vec<String> = (0..2_000).map(|number| format!("SKU-{number}")).collect();
    let products: Vec<_> = names.iter().map(|name| (name.as_str(), 100, 5)).collect();
    let lines: Vec<_> = names.iter().map(|name| (name.as_str(), 1)).collect();
    let mut shop = Shop::selling(&products);
    shop.fill_cart(1, &lines);
    assert_eq!(shop.accept(check_out(1)).types.len(), 2_003);
    shop.authorize(1);
    assert_eq!(shop.accept(confirm(1)).types.len(), 2_001);
}
