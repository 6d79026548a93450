//! What follows a checkout, sentence by sentence, where no single use case shows it: authorise, confirm, capture, ship, cancel.

use serde_json::Value;

use super::*;
use crate::orders::ShipOrder;
use crate::orders::settle::FailPendingOrder;
use crate::payments::record::{RecordAuthorization, RecordRefund};
use crate::rejection::Rejection;
use crate::spec::{confirm, reference};

/// A checkout of two mugs of nine, and what the processes do about it until a provider would be asked.
async fn asked(token: &str) -> Running {
    let mut shop = Shop::selling(&[("MUG", 500, 9)]);
    shop.fill_cart(1, &[("MUG", 2)]);
    shop.accept(CheckOut { payment: paying_with(token), ..check_out(1) });
    let mut running = Running::new(shop);
    for process in 0..PROCESSES {
        running.follow(process).await;
    }
    running
}

fn types(running: &Running, category: &str) -> Vec<String> {
    let events = running.shop.book.iter().filter(|event| event.stream.category == category);
    events.map(|event| event.event_type.clone()).collect()
}

/// Why, as the last event of this type says it.
fn reason_of(shop: &Shop, event_type: &str) -> String {
    let payload: Value = serde_json::from_str(&shop.last(event_type).payload).unwrap();
    payload["reason"].as_str().unwrap_or_default().to_owned()
}

fn pay_again(token: &str, number: u128) -> RetryPayment {
    let (order_id, payment_id) = (order_id(1), payment_id(number));
    RetryPayment { order_id, owner: None, payment_id, payment: paying_with(token) }
}

/// The buyer has been where the provider wanted them, however late.
fn buyer_acts(running: &mut Running, number: u128) {
    let provider_reference = running.shop.payment(number).provider_reference.clone().unwrap();
    running.shop.accept(RecordAuthorization { payment_id: payment_id(number), provider_reference });
}

#[tokio::test]
async fn step_2_authorising_is_a_request_then_a_call_then_its_result() {
    let mut running = asked("tok_ok").await;
    assert_eq!(types(&running, "payment"), ["payment.initiated", "payment.authorization_requested"]);
    assert_eq!(running.open_calls(), 1, "the request is in the book, and only then is anybody called");
    running.make_calls().await;
    assert_eq!(running.shop.payment(1).status(), "initiated", "the provider has said yes, and nobody has noted it");
    running.record_answers().await;
    assert_eq!((running.shop.payment(1).status(), running.open_calls()), ("authorized", 0));
}

#[tokio::test]
async fn step_2_a_declined_order_may_be_paid_by_another_method_while_its_stock_is_not_sold_to_others() {
    let mut running = sale("tok_declined").await;
    running.pass(TimeDelta::minutes(20)).await;
    running.shop.order(2, &[("MUG", 8)]);
    assert!(matches!(running.shop.refuse(pay_again("tok_ok", 3)), Rejection::OutOfStock { .. }));
    assert_eq!(running.shop.status(1), ("pending", "failed"));
}

#[tokio::test]
async fn step_2_a_payment_that_needs_its_buyer_says_where_to_go_and_goes_on_when_they_have_been_there() {
    let mut running = sale("tok_requires_action").await;
    let url = running.shop.payment(1).action_url.clone();
    assert!(url.is_some_and(|url| url.as_str().starts_with("https://")), "nowhere to go");
    assert_eq!((running.shop.status(1), running.shop.stock("MUG")), (("pending", "action_required"), (9, 2, 0)));
    buyer_acts(&mut running, 1);
    running.settle().await;
    assert_eq!((running.shop.status(1), running.shop.stock("MUG")), (("confirmed", "authorized"), (9, 0, 2)));
}

/// The provider did authorise, and its answers are lost, again and again.
#[tokio::test]
async fn step_2_an_unknown_outcome_is_asked_about_until_it_is_known_and_is_neither_failed_nor_charged_twice() {
    let mut running = asked("tok_timeout").await;
    for _ in 0..3 {
        running.make_calls().await;
        running.lose_answers();
        assert_eq!((running.shop.status(1), running.open_calls()), (("pending", "initiated"), 1));
    }
    running.settle().await;
    assert_eq!((running.shop.status(1), running.open_calls()), (("confirmed", "authorized"), 0));
    let requests = types(&running, "payment").iter().filter(|kind| *kind == "payment.authorization_requested").count();
    assert_eq!(requests, 1, "one request, and one key at the provider");
}

#[tokio::test]
async fn step_3_an_order_that_is_paid_late_is_confirmed_if_there_is_stock_and_otherwise_fails_for_stock() {
    for (left, ended) in [(2, ("confirmed", "authorized")), (1, ("failed", "voided"))] {
        let mut running = asked("tok_ok").await;
        running.shop.pass(TimeDelta::minutes(20));
        running.shop.order(2, &[("MUG", 9 - left)]);
        running.settle().await;
        assert_eq!(running.shop.status(1), ended, "{left} left");
        assert_nothing_is_kept(&running.shop);
    }
}

#[test]
fn step_3_what_was_taken_for_an_order_whose_stock_is_gone_is_refunded_and_the_order_fails_for_stock() {
    let mut shop = Shop::selling(&[("MUG", 500, 2)]);
    shop.order(1, &[("MUG", 2)]);
    shop.authorize(1);
    shop.capture(1, 1_000);
    shop.pass(TimeDelta::minutes(20));
    shop.order(2, &[("MUG", 1)]);
    let types = shop.accept(confirm(1)).types;
    assert_eq!((types[0].as_str(), types.last().unwrap().as_str()), ("order.failed", "payment.refund_requested"));
    assert_eq!(*shop.order_state(1), domain::order::State::Failed(shop.contents(1), Failure::OutOfStock));
    assert_eq!((shop.payment(1).refund_pending(), shop.stock("MUG")), (gbp(1_000), (2, 1, 0)));
}

#[tokio::test]
async fn step_4_nothing_is_captured_before_the_first_parcel_and_then_what_is_in_it() {
    let mut shop = Shop::selling(&[("MUG", 500, 9)]);
    shop.order(1, &[("MUG", 3)]);
    let mut running = Running::new(shop);
    running.pass(TimeDelta::days(2)).await;
    assert_eq!((running.shop.payment(1).status(), running.shop.payment(1).captured()), ("authorized", gbp(0)));
    running.shop.accept(ship(1, Some(&[("MUG", 1)])));
    running.settle().await;
    assert_eq!(running.shop.payment(1).captured(), gbp(500));
    running.shop.accept(ShipOrder { shipment_id: shipment_id(2), ..ship(1, None) });
    running.settle().await;
    assert_eq!((running.shop.payment(1).captured(), running.shop.payment(1).status()), (gbp(1_500), "completed"));
}

#[tokio::test]
async fn step_6_a_payment_that_is_held_after_the_60_minutes_is_let_go_and_says_so() {
    let mut running = sale("tok_requires_action").await;
    running.pass(TimeDelta::minutes(60)).await;
    assert_eq!(running.shop.order_state(1).status(), "failed");
    buyer_acts(&mut running, 1);
    running.settle().await;
    assert_eq!(running.shop.status(1), ("failed", "voided"));
    assert_eq!(reason_of(&running.shop, "payment.void_requested"), "the order cannot take the payment any more");
    assert_nothing_is_kept(&running.shop);
}

/// The provider had said no, and then yes after all; and somebody was quick to take the money.
#[test]
fn step_6_a_payment_that_succeeds_after_the_60_minutes_is_refunded_and_says_so() {
    let mut shop = Shop::selling(&[("MUG", 500, 9)]);
    shop.order(1, &[("MUG", 2)]);
    shop.decline(1);
    shop.pass(TimeDelta::minutes(60));
    shop.accept(FailPendingOrder { order_id: order_id(1) });
    shop.authorize_payment(1);
    shop.capture(1, 1_000);
    assert_eq!(shop.accept(confirm(1)).types, ["payment.refund_requested"]);
    assert_eq!(reason_of(&shop, "payment.refund_requested"), "the order cannot take the payment any more");
    let (refund_id, amount) = (shop.payment(1).refunds[0].id, gbp(1_000));
    let operation_id = reference("refund_1");
    shop.accept(RecordRefund { payment_id: payment_id(1), refund_id, operation_id, amount });
    assert_eq!(shop.status(1), ("failed", "refunded"));
    assert_nothing_is_kept(&shop);
}

#[test]
fn step_6_what_is_ours_ends_in_one_append_and_what_is_the_providers_by_request() {
    let mut shop = Shop::selling(&[("MUG", 500, 9), ("PAN", 900, 9)]);
    shop.confirmed_order(1, &[("MUG", 2), ("PAN", 1)]);
    shop.capture(1, 700);
    let expected = [
        "order.cancelled",
        "inventory.allocation_released",
        "inventory.allocation_released",
        "payment.void_requested",
        "payment.refund_requested",
    ];
    assert_eq!(shop.accept(cancel(1)).types, expected);
    assert_eq!((shop.stock("MUG"), shop.stock("PAN")), ((9, 0, 0), (9, 0, 0)));
    assert_eq!((shop.payment(1).refund_pending(), shop.payment(1).refunded()), (gbp(700), gbp(0)), "asked, not done");
}

/// What becomes of an order of two mugs of nine.
#[derive(Debug, Clone, Copy)]
enum End {
    NotPaid(&'static str),
    CancelledBeforeTheProviderWasAsked(&'static str),
    CancelledWhilePending(&'static str),
    CancelledOnceConfirmed { captured: i64 },
    SoldToOthers,
    PaidTooLate,
}

impl End {
    async fn come(self) -> Running {
        let mut running = match self {
            Self::NotPaid(token) => sale(token).await,
            Self::CancelledBeforeTheProviderWasAsked(token) => {
                let mut running = asked(token).await;
                running.shop.accept(cancel(1));
                running
            }
            Self::CancelledWhilePending(token) => {
                let mut running = sale(token).await;
                running.shop.accept(cancel(1));
                running
            }
            Self::CancelledOnceConfirmed { captured } => {
                let mut running = sale("tok_ok").await;
                if captured > 0 {
                    running.shop.capture(1, captured);
                }
                running.shop.accept(cancel(1));
                running
            }
            Self::SoldToOthers => {
                let mut running = asked("tok_ok").await;
                running.shop.pass(TimeDelta::minutes(20));
                running.shop.order(2, &[("MUG", 8)]);
                running
            }
            Self::PaidTooLate => {
                let mut running = sale("tok_declined").await;
                running.shop.accept(pay_again("tok_requires_action", 2));
                running.pass(TimeDelta::minutes(61)).await;
                buyer_acts(&mut running, 2);
                running
            }
        };
        running.pass(TimeDelta::days(8)).await;
        running
    }
}

#[tokio::test]
async fn step_6_for_every_order_that_ends_other_than_confirmed_stock_held_is_0_and_money_kept_is_0() {
    for (end, status) in [
        (End::NotPaid("tok_declined"), "failed"),
        (End::NotPaid("tok_insufficient_funds"), "failed"),
        (End::NotPaid("tok_requires_action"), "failed"),
        (End::NotPaid("tok_of_nobody"), "failed"),
        (End::CancelledBeforeTheProviderWasAsked("tok_ok"), "cancelled"),
        (End::CancelledBeforeTheProviderWasAsked("tok_declined"), "cancelled"),
        (End::CancelledBeforeTheProviderWasAsked("tok_timeout"), "cancelled"),
        (End::CancelledBeforeTheProviderWasAsked("tok_error_once"), "cancelled"),
        (End::CancelledBeforeTheProviderWasAsked("tok_slow"), "cancelled"),
        (End::CancelledWhilePending("tok_declined"), "cancelled"),
        (End::CancelledWhilePending("tok_requires_action"), "cancelled"),
        (End::CancelledOnceConfirmed { captured: 0 }, "cancelled"),
        (End::CancelledOnceConfirmed { captured: 600 }, "cancelled"),
        (End::CancelledOnceConfirmed { captured: 1_000 }, "cancelled"),
        (End::SoldToOthers, "failed"),
        (End::PaidTooLate, "failed"),
    ] {
        let running = end.come().await;
        assert_eq!((running.shop.order_state(1).status(), running.open_calls()), (status, 0), "{end:?}");
        assert_eq!(running.shop.promised("MUG", order_id(1)), 0, "{end:?}");
        assert_nothing_is_kept(&running.shop);
    }
}
