//! What the processes do with orders that are pending: each end of a sale, however late and however often.

use chrono::TimeDelta;
use domain::payment::Void;

use super::*;
use crate::checkout::RESERVATION_LIFETIME;
use crate::inventory::AdjustStock;
use crate::orders::CancelOrder;
use crate::payments::RetryPayment;
use crate::payments::record::RecordVoid;
use crate::spec::{Shop, check_out, confirm, gbp, order_id, paying_with, payment_id, sku};

fn fail(number: u128) -> FailPendingOrder {
    FailPendingOrder { order_id: order_id(number) }
}

fn expire(number: u128) -> ExpireReservations {
    ExpireReservations { order_id: order_id(number) }
}

fn cancel(number: u128) -> CancelOrder {
    CancelOrder { order_id: order_id(number), owner: None, reason: reason("test"), lines: None }
}

/// An order that is authorised, and whose reservation has expired since.
fn paid_late(stock: i64) -> Shop {
    let mut shop = Shop::selling(&[("MUG", 500, stock), ("PAN", 900, 9)]);
    shop.order(1, &[("MUG", 2), ("PAN", 1)]);
    shop.authorize(1);
    shop.pass(RESERVATION_LIFETIME);
    shop
}

#[test]
fn step_3_a_confirmation_turns_reservations_into_allocations_in_one_append() {
    let mut shop = Shop::selling(&[("MUG", 500, 9), ("PAN", 900, 9)]);
    shop.order(1, &[("MUG", 2), ("PAN", 1)]);
    shop.authorize(1);
    let done = shop.accept(confirm(1));
    assert_eq!(done.types, ["inventory.allocated", "inventory.allocated", "order.confirmed"]);
    assert_eq!((shop.stock("MUG"), shop.stock("PAN")), ((9, 0, 2), (9, 0, 1)));
    assert_eq!(shop.status(1), ("confirmed", "authorized"));
    assert_eq!(shop.order_state(1).contents().unwrap().confirmed_by, Some(payment_id(1)));
    shop.accept_as_done(confirm(1));
}

#[test]
fn an_order_whose_payment_is_not_authorised_stays_pending() {
    let mut shop = Shop::selling(&[("MUG", 500, 9)]);
    shop.order(1, &[("MUG", 2)]);
    shop.accept_as_done(confirm(1));
    shop.decline(1);
    shop.accept_as_done(confirm(1));
    assert_eq!(shop.order_state(1).status(), "pending");
}

#[test]
fn what_is_not_there_is_not_found() {
    let mut shop = Shop::selling(&[("MUG", 500, 9)]);
    shop.order(1, &[("MUG", 2)]);
    let missing = Rejection::NotFound { what: "order", id: order_id(2).to_string() };
    assert_eq!(shop.refuse(confirm(2)), missing);
    assert_eq!(shop.refuse(fail(2)), missing);
    assert_eq!(shop.refuse(expire(2)), missing);
    let unpaid = Rejection::NotFound { what: "payment", id: payment_id(2).to_string() };
    assert_eq!(shop.refuse(ConfirmOrder { payment_id: payment_id(2), ..confirm(1) }), unpaid);
}

#[test]
fn step_3_n3_an_expired_reservation_is_allocated_if_there_is_stock() {
    let mut shop = paid_late(9);
    assert_eq!(shop.accept(confirm(1)).types, ["inventory.allocated", "inventory.allocated", "order.confirmed"]);
    assert_eq!(shop.stock("MUG"), (9, 0, 2));
}

#[test]
fn step_3_a_reservation_that_expired_and_was_sold_fails_the_order_and_gives_the_payment_back() {
    let mut shop = paid_late(2);
    shop.order(2, &[("MUG", 1)]);
    let types = shop.accept(confirm(1)).types;
    assert_eq!(types[..2], ["order.failed", "inventory.reservation_released"]);
    assert_eq!(types[2..], ["inventory.back_in_stock", "inventory.reservation_released", "payment.void_requested"]);
    assert_eq!(*shop.order_state(1), order::State::Failed(shop.contents(1), Failure::OutOfStock));
    assert_eq!((shop.stock("MUG"), shop.stock("PAN")), ((2, 1, 0), (9, 0, 0)));
    assert_eq!(shop.payment(1).void, Void::Requested(gbp(1_900)));
    shop.accept_as_done(confirm(1));
}

#[test]
fn a_reservation_that_lives_is_kept_to_even_after_a_count_has_found_less() {
    let mut shop = Shop::selling(&[("MUG", 500, 2)]);
    shop.order(1, &[("MUG", 2)]);
    shop.authorize(1);
    let location = domain::ids::Location::main();
    shop.accept(AdjustStock { sku: sku("MUG"), location, delta: -1, reason: reason("count") });
    shop.accept(confirm(1));
    assert_eq!(shop.stock("MUG"), (1, 0, 2));
}

#[test]
fn a_late_payment_of_a_cancelled_order_is_given_back() {
    let mut shop = Shop::selling(&[("MUG", 500, 9)]);
    shop.order(1, &[("MUG", 2)]);
    shop.request_authorization(1);
    shop.accept(cancel(1));
    assert_eq!(shop.payment(1).void, Void::Requested(gbp(1_000)));
    shop.accept(RecordVoid { payment_id: payment_id(1), operation_id: None });
    shop.authorize(1);
    assert_eq!(shop.accept(confirm(1)).types, ["payment.void_requested"]);
    shop.accept_as_done(confirm(1));
    assert_eq!(shop.stock("MUG"), (9, 0, 0));
}

#[test]
fn step_6_a_late_payment_of_a_failed_order_is_given_back() {
    let mut shop = Shop::selling(&[("MUG", 500, 9)]);
    shop.order(1, &[("MUG", 2)]);
    shop.decline(1);
    shop.accept(fail(1));
    shop.authorize(1);
    assert_eq!(shop.accept(confirm(1)).types, ["payment.void_requested"]);
    assert_eq!(shop.order_state(1).status(), "failed");
}

#[test]
fn the_second_of_two_payments_is_given_back() {
    let mut shop = Shop::selling(&[("MUG", 500, 9)]);
    shop.order(1, &[("MUG", 2)]);
    shop.decline(1);
    let retry =
        RetryPayment { order_id: order_id(1), owner: None, payment_id: payment_id(2), payment: paying_with("tok_ok") };
    shop.accept(retry);
    shop.accept(crate::payments::RequestAuthorization { payment_id: payment_id(2), order_id: order_id(1) });
    shop.authorize_payment(2);
    shop.authorize_payment(1);
    let second = ConfirmOrder { order_id: order_id(1), payment_id: payment_id(2) };
    assert_eq!(shop.accept(second.clone()).outcome.payments, [payment_id(1), payment_id(2)]);
    assert_eq!(shop.accept(confirm(1)).types, ["payment.void_requested"]);
    assert_eq!(shop.accept_as_done(second).outcome.payments, [payment_id(1), payment_id(2)]);
    assert_eq!((shop.payment(1).void_wanted, shop.payment(2).void_wanted), (true, false));
}

/// The last of three tries waits for its buyer: when the order fails, none of them can be paid any more.
#[test]
fn step_6_an_order_that_fails_gives_up_every_try_to_pay_for_it() {
    let mut shop = Shop::selling(&[("MUG", 500, 9)]);
    shop.order(1, &[("MUG", 2)]);
    shop.decline(1);
    for number in [2, 3] {
        let (payment_id, payment) = (payment_id(number), paying_with("tok_requires_action"));
        shop.accept(RetryPayment { order_id: order_id(1), owner: None, payment_id, payment });
        shop.accept(crate::payments::RequestAuthorization { payment_id, order_id: order_id(1) });
        shop.accept(crate::payments::record::RecordActionRequired {
            payment_id,
            provider_reference: crate::spec::reference("auth"),
            action_url: domain::payment::ActionUrl::new("https://pay.example/1").unwrap(),
        });
    }
    shop.pass(TimeDelta::hours(1));
    shop.accept(fail(1));
    let wanted = [1, 2, 3].map(|number| shop.payment(number).void_wanted);
    assert_eq!((shop.order_state(1).status(), wanted), ("failed", [false, true, true]));
}

#[test]
fn step_6_an_order_that_nobody_paid_fails_and_holds_nothing() {
    let mut shop = Shop::selling(&[("MUG", 500, 9), ("PAN", 900, 9)]);
    shop.order(1, &[("MUG", 2), ("PAN", 1)]);
    let done = shop.accept(fail(1));
    assert_eq!(
        done.types,
        [
            "order.failed",
            "inventory.reservation_released",
            "inventory.reservation_released",
            "payment.void_requested",
            "payment.voided"
        ]
    );
    assert_eq!(*shop.order_state(1), order::State::Failed(shop.contents(1), Failure::PaymentExpired));
    assert_eq!((shop.stock("MUG"), shop.stock("PAN")), ((9, 0, 0), (9, 0, 0)));
    shop.accept_as_done(fail(1));
}

#[test]
fn an_order_whose_payment_was_declined_says_so_when_it_fails() {
    let mut shop = Shop::selling(&[("MUG", 500, 9)]);
    shop.order(1, &[("MUG", 2)]);
    shop.decline(1);
    assert_eq!(shop.accept(fail(1)).types, ["order.failed", "inventory.reservation_released"]);
    assert_eq!(*shop.order_state(1), order::State::Failed(shop.contents(1), Failure::PaymentFailed));
}

#[test]
fn an_order_that_is_paid_and_waits_to_be_confirmed_does_not_fail() {
    let mut shop = Shop::selling(&[("MUG", 500, 9)]);
    shop.order(1, &[("MUG", 2)]);
    shop.authorize(1);
    shop.accept_as_done(fail(1));
    shop.accept(confirm(1));
    shop.accept_as_done(fail(1));
    assert_eq!(shop.order_state(1).status(), "confirmed");
}

#[test]
fn expired_reservations_are_set_free_and_the_order_stays_pending() {
    let mut shop = Shop::selling(&[("MUG", 500, 2), ("PAN", 900, 9)]);
    shop.order(1, &[("MUG", 2), ("PAN", 1)]);
    shop.pass(RESERVATION_LIFETIME - TimeDelta::microseconds(1));
    shop.accept_as_done(expire(1));
    shop.pass(TimeDelta::microseconds(1));
    assert_eq!(
        shop.accept(expire(1)).types,
        ["inventory.reservation_expired", "inventory.back_in_stock", "inventory.reservation_expired"]
    );
    assert_eq!(shop.order_state(1).status(), "pending");
    shop.accept_as_done(expire(1));
    shop.fill_cart(2, &[("MUG", 2)]);
    shop.accept(check_out(2));
}

#[test]
fn the_reservations_of_an_order_that_has_ended_are_no_longer_there_to_expire() {
    let mut shop = Shop::selling(&[("MUG", 500, 9)]);
    shop.order(1, &[("MUG", 2)]);
    shop.accept(cancel(1));
    shop.pass(RESERVATION_LIFETIME);
    shop.accept_as_done(expire(1));
    shop.accept_as_done(fail(1));
}
