//! Money that staff gives back for an order.

use domain::payment::Outcome;

use super::*;
use crate::payments::record::RecordRefund;
use crate::payments::{RefundPayment, RetryPayment};
use crate::spec::{Shop, confirm, gbp, order_id, paying_with, payment_id, quantity, reason, reference, refund_id, sku};

fn refund(number: u128, amount: i64) -> RefundOrder {
    RefundOrder {
        order_id: order_id(1),
        refund_id: refund_id(number),
        amount: gbp(amount),
        reason: reason("arrived broken"),
        lines: vec![],
    }
}

/// Four mugs at 5.00, of which so much was taken.
fn captured(amount: i64) -> Shop {
    let mut shop = Shop::selling(&[("MUG", 500, 9)]);
    shop.confirmed_order(1, &[("MUG", 4)]);
    shop.capture(1, amount);
    shop
}

fn exceeds(requested: i64, remaining: i64) -> Rejection {
    payment::Error::AmountExceedsRemaining { requested: gbp(requested), remaining: gbp(remaining) }.into()
}

#[test]
fn a_refund_is_granted_and_asked_for_in_one_append_and_once() {
    let mut shop = captured(2_000);
    let done = shop.accept(refund(1, 500));
    assert_eq!(done.types, ["order.refund_granted", "payment.refund_requested"]);
    let order = OrderOutcome { order_id: order_id(1), payments: vec![payment_id(1)] };
    assert_eq!(done.outcome, RefundOutcome { refund_id: refund_id(1), order });
    let asked = shop.payment(1).refund(refund_id(1)).unwrap();
    assert_eq!((&asked.outcome, asked.requested), (&Outcome::Pending, gbp(500)));
    assert_eq!(asked.reason, Some(reason("arrived broken")));
    shop.accept_as_done(refund(1, 500));
}

/// Refunds that are granted one after another, each of them small enough alone, must not add up to more than was paid.
#[test]
fn p2_grants_one_after_another_never_exceed_what_was_captured() {
    let mut shop = captured(1_200);
    shop.accept(refund(1, 700));
    assert_eq!(shop.refuse(refund(2, 700)), exceeds(700, 500));
    let of_the_payment = |number, amount| RefundPayment {
        payment_id: payment_id(1),
        refund_id: refund_id(number),
        amount,
        reason: None,
    };
    assert_eq!(shop.refuse(of_the_payment(3, Some(gbp(501)))), exceeds(501, 500));
    let (refund_id, operation_id) = (refund_id(1), reference("re_1"));
    shop.accept(RecordRefund { payment_id: payment_id(1), refund_id, operation_id, amount: gbp(700) });
    assert_eq!(shop.refuse(refund(2, 501)), exceeds(501, 500));
    assert_eq!(shop.accept(of_the_payment(3, None)).types, ["payment.refund_requested"]);
    assert_eq!(shop.payment(1).refund_pending(), gbp(500));
    assert_eq!(shop.refuse(refund(2, 1)), exceeds(1, 0));
}

#[test]
fn what_is_only_held_is_not_refunded() {
    let mut shop = Shop::selling(&[("MUG", 500, 9)]);
    shop.confirmed_order(1, &[("MUG", 4)]);
    assert_eq!(shop.refuse(refund(1, 1)), exceeds(1, 0));
}

#[test]
fn the_goods_that_it_is_for_are_named_by_sku() {
    let mut shop = captured(2_000);
    let lines = |units| RefundOrder { lines: vec![(sku("MUG"), quantity(units))], ..refund(1, 500) };
    assert!(matches!(shop.refuse(lines(5)), Rejection::Order(order::Error::TooManyUnits { remaining: 4, .. })));
    shop.accept(lines(4));
    let named = &shop.contents(1).refunds[0].lines;
    assert_eq!((&named[0].sku, named[0].quantity), (&sku("MUG"), quantity(4)));
}

#[test]
fn an_amount_of_nothing_and_one_in_another_currency_are_refused() {
    let mut shop = captured(2_000);
    for amount in [0, -1] {
        let refused = order::Error::AmountNotPositive { amount: gbp(amount) };
        assert_eq!(shop.refuse(refund(1, amount)), refused.into());
    }
    let euros = RefundOrder { amount: Money::new(1, domain::money::Currency::EUR), ..refund(1, 1) };
    assert!(matches!(shop.refuse(euros), Rejection::Order(order::Error::CurrencyMismatch { .. })));
    let missing = Rejection::NotFound { what: "order", id: order_id(2).to_string() };
    assert_eq!(shop.refuse(RefundOrder { order_id: order_id(2), ..refund(1, 1) }), missing);
}

/// The payment that was declined first gives nothing; the one that covers the order does.
#[test]
fn the_payment_that_covers_the_order_gives_first() {
    let mut shop = Shop::selling(&[("MUG", 500, 9)]);
    shop.order(1, &[("MUG", 4)]);
    shop.decline(1);
    let payment = paying_with("tok_ok");
    shop.accept(RetryPayment { order_id: order_id(1), owner: None, payment_id: payment_id(2), payment });
    let order_id = order_id(1);
    shop.accept(crate::payments::RequestAuthorization { payment_id: payment_id(2), order_id });
    shop.authorize_payment(2);
    shop.accept(crate::orders::settle::ConfirmOrder { order_id, ..confirm(2) });
    shop.capture(2, 1_500);
    shop.accept(refund(1, 1_000));
    let parts: Vec<_> = shop.contents(1).refunds[0].payments.iter().map(|part| part.payment_id).collect();
    assert_eq!(parts, [payment_id(2)]);
    assert_eq!(shop.refuse(refund(2, 501)), exceeds(501, 500));
}
