//! What the payment process does about each event of a payment.

use super::*;
use crate::spec::{Shop, effects, payment_id, reason};

fn ordered() -> Shop {
    let mut shop = Shop::selling(&[("MUG", 500, 9)]);
    shop.order(1, &[("MUG", 2)]);
    shop
}

fn reaction(shop: &Shop, event_type: &str) -> Vec<String> {
    effects(&PaymentProcess::default(), shop.last(event_type))
}

#[test]
fn a_payment_that_is_opened_is_asked_for() {
    assert_eq!(reaction(&ordered(), "payment.initiated"), ["run request_authorization"]);
}

#[test]
fn each_request_becomes_a_call_for_its_order() {
    let mut shop = ordered();
    shop.authorize(1);
    assert_eq!(reaction(&shop, "payment.authorization_requested"), ["call authorize for 000d0001"]);
    let (payment_id, capture_id) = (payment_id(1), domain::ids::CaptureId::from_uuid(uuid::Uuid::nil()));
    let some = crate::spec::gbp(1);
    shop.accept(crate::payments::CapturePayment {
        payment_id,
        capture_id,
        amount: Some(some),
        capturing_once: Default::default(),
    });
    assert_eq!(reaction(&shop, "payment.capture_requested"), ["call capture for 000d0001"]);
    shop.accept(crate::payments::VoidPayment { payment_id, reason: reason("test") });
    assert_eq!(reaction(&shop, "payment.void_requested"), ["call void for 000d0001"]);
}

#[test]
fn a_refund_that_is_asked_for_becomes_a_call_for_its_order() {
    let mut shop = Shop::selling(&[("MUG", 500, 9)]);
    shop.confirmed_order(1, &[("MUG", 2)]);
    shop.capture(1, 1_000);
    let (payment_id, refund_id) = (payment_id(1), crate::spec::refund_id(1));
    shop.accept(crate::payments::RefundPayment { payment_id, refund_id, amount: None, reason: None });
    assert_eq!(reaction(&shop, "payment.refund_requested"), ["call refund for 000d0001"]);
}

#[test]
fn an_authorisation_confirms_the_order_and_is_captured_a_day_before_it_lapses() {
    let mut shop = ordered();
    shop.authorize(1);
    let effects = reaction(&shop, "payment.authorized");
    assert_eq!(
        effects,
        [
            "run confirm_order",
            "set authorization_lapse of 009a0001 in 6 days",
            "set authorization_end of 009a0001 in 7 days",
        ]
    );
    let kind = AUTHORIZATION_LAPSE.into();
    let deadline = Deadline { kind, subject: payment_id(1).as_uuid(), due_at: shop.now };
    assert_eq!(PaymentProcess::default().fire(&deadline).unwrap().name(), "capture_before_lapse");
    for (kind, name) in [(AUTHORIZATION_END, "lapse_authorization"), (GIVE_BACK_AGAIN, "give_back_excess")] {
        let deadline = Deadline { kind: kind.into(), ..deadline.clone() };
        assert_eq!(PaymentProcess::default().fire(&deadline).unwrap().name(), name);
    }
    let other = Deadline { kind: "another".into(), ..deadline };
    assert!(PaymentProcess::default().fire(&other).is_none());
}

#[test]
fn a_payment_that_is_over_has_nothing_to_lapse() {
    let mut shop = ordered();
    shop.accept(crate::orders::CancelOrder {
        order_id: crate::spec::order_id(1),
        owner: None,
        reason: reason("test"),
        lines: None,
    });
    let cleared = ["clear authorization_lapse of 009a0001", "clear authorization_end of 009a0001"];
    assert_eq!(reaction(&shop, "payment.voided"), cleared);
}

#[test]
fn what_was_taken_or_could_not_be_is_held_against_the_order() {
    let mut shop = Shop::selling(&[("MUG", 500, 9)]);
    shop.confirmed_order(1, &[("MUG", 2)]);
    shop.capture(1, 400);
    assert_eq!(reaction(&shop, "payment.captured"), ["run give_back_excess"]);
    let (payment_id, capture_id) = (payment_id(1), domain::ids::CaptureId::from_uuid(uuid::Uuid::nil()));
    shop.accept(crate::payments::CapturePayment {
        payment_id,
        capture_id,
        amount: None,
        capturing_once: Default::default(),
    });
    let fail = |operation| crate::payments::record::RecordFailure {
        payment_id,
        operation,
        code: domain::payment::FailureCode::new("declined").unwrap(),
        detail: None,
    };
    shop.accept(fail(Operation::Capture { capture_id }));
    assert_eq!(reaction(&shop, "payment.failed"), ["run give_back_excess"]);
}

#[test]
fn a_provider_that_would_not_give_money_back_is_asked_again_on_another_day() {
    let mut shop = Shop::selling(&[("MUG", 500, 9)]);
    shop.confirmed_order(1, &[("MUG", 2)]);
    shop.capture(1, 400);
    let (payment_id, refund_id) = (payment_id(1), crate::spec::refund_id(1));
    let code = domain::payment::FailureCode::new("declined").unwrap();
    shop.accept(crate::payments::RefundPayment { payment_id, refund_id, amount: None, reason: None });
    shop.accept(crate::payments::record::RecordRefundFailure {
        payment_id,
        refund_id,
        code: code.clone(),
        detail: None,
    });
    assert_eq!(reaction(&shop, "payment.refund_failed"), ["set give_back_again of 009a0001 in 1 days"]);
    shop.accept(crate::payments::VoidPayment { payment_id, reason: reason("test") });
    let operation = Operation::Void;
    shop.accept(crate::payments::record::RecordFailure { payment_id, operation, code, detail: None });
    assert_eq!(reaction(&shop, "payment.failed"), ["set give_back_again of 009a0001 in 1 days"]);
}

#[test]
fn a_payment_that_was_declined_leaves_the_order_to_another_try() {
    let mut shop = ordered();
    shop.decline(1);
    assert!(reaction(&shop, "payment.failed").is_empty());
}

#[test]
fn other_events_are_left_alone_unread() {
    let mut shop = ordered();
    shop.decline(1);
    for event in &shop.book {
        let mut unreadable = event.clone();
        unreadable.payload = "{}".to_owned();
        let known = TYPES.contains(&event.event_type.as_str());
        assert_eq!(PaymentProcess::default().react(&unreadable).is_err(), known, "{}", event.event_type);
    }
}
