//! The import's use cases.

use domain::country::Country;
use domain::ids::{CustomerId, LineId, Quantity, Reason};
use domain::money::Currency;
use domain::order::{self, LineRefund, NewLine, Reference, Source};
use uuid::Uuid;

use super::*;
use crate::orders::CancelOrder;
use crate::spec::{Shop, gbp, sku};

fn order_id() -> OrderId {
    OrderId::from_uuid(Uuid::from_u128(7))
}

fn customer(number: u128) -> CustomerId {
    CustomerId::from_uuid(Uuid::from_u128(number))
}

fn line_id() -> LineId {
    LineId::from_uuid(Uuid::from_u128(8))
}

fn import(quantity: i64) -> ImportOrder {
    let (quantity, name) = (Quantity::new(quantity).unwrap(), "mug".parse().unwrap());
    ImportOrder(Import {
        order_id: order_id(),
        source: Source::new("online-retail").unwrap(),
        reference: Reference::new("536365").unwrap(),
        customer_id: Some(customer(1)),
        currency: Currency::GBP,
        lines: vec![NewLine { id: line_id(), sku: sku("MUG"), name, quantity, unit_price: gbp(255) }],
        country: Country::new("GB").ok(),
        occurred_at: DateTime::from_timestamp(1_291_190_400, 0).unwrap(),
    })
}

fn refund(quantity: i64, pence: i64) -> ImportOrderRefund {
    let quantity = Quantity::new(quantity).unwrap();
    ImportOrderRefund {
        order_id: order_id(),
        refund: ImportRefund {
            reference: Reference::new("C536379").unwrap(),
            lines: vec![LineRefund { line_id: line_id(), sku: sku("MUG"), quantity, amount: gbp(pence) }],
            occurred_at: DateTime::from_timestamp(1_291_200_000, 0).unwrap(),
        },
    }
}

#[test]
fn an_order_is_recorded_without_a_product_stock_or_a_payment() {
    let mut shop = Shop::new();
    let done = shop.accept(import(3));
    assert_eq!((done.types, done.outcome.is_new), (vec!["order.imported".to_owned()], true));
    assert!(!shop.accept_as_done(import(3)).outcome.is_new);
    let refused = shop.refuse(import(4));
    let differs = order::Error::ImportDiffers { reference: Reference::new("536365").unwrap() };
    assert_eq!(refused, Rejection::Order(differs));
}

#[test]
fn a_refund_is_recorded_once_and_within_what_was_charged() {
    let mut shop = Shop::new();
    shop.accept(import(3));
    assert_eq!(shop.accept(refund(2, 510)).types, ["order.imported_refund"]);
    assert!(!shop.accept_as_done(refund(2, 510)).outcome.is_new);
    assert!(matches!(shop.refuse(refund(1, 255)), Rejection::Order(order::Error::ImportDiffers { .. })));
}

#[test]
fn an_imported_order_takes_no_command_and_is_there_for_nobody_but_its_customer() {
    let mut shop = Shop::new();
    shop.accept(import(3));
    let cancel = |owner| CancelOrder { order_id: order_id(), owner, lines: None, reason: Reason::new("no").unwrap() };
    let illegal = order::Error::IllegalTransition { state: "imported", allowed: vec![] };
    assert_eq!(shop.refuse(cancel(None)), Rejection::Order(illegal.clone()));
    assert_eq!(shop.refuse(cancel(Some(customer(1)))), Rejection::Order(illegal));
    assert!(matches!(shop.refuse(cancel(Some(customer(2)))), Rejection::NotFound { what: "order", .. }));
}
