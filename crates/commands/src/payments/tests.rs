//! The use cases of payments.

use domain::inventory::Inventory;
use domain::payment::{self, Failure, FailureCode, Operation, Void};

use uuid::Uuid;

use super::record::{RecordActionRequired, RecordAuthorization, RecordCapture, RecordFailure, RecordVoid};
use super::*;
use crate::checkout::RESERVATION_LIFETIME;
use crate::orders::ShipOrder;
use crate::spec::{
    Shop, buyer, confirm, customer, gbp, order_id, paying_with, payment_id, reference, ship, shipment_id, sku,
};

fn capture_of(number: u128, shipment: u128) -> RequestCapture {
    RequestCapture {
        order_id: order_id(number),
        shipment_id: shipment_id(shipment),
        capturing_once: CapturingOnce::default(),
    }
}

const OF_NEW: &[&str] = &["request_authorization", "request_void", "expire"];
const OF_HELD: &[&str] = &["request_capture", "request_void", "expire"];

fn retry(token: &str) -> RetryPayment {
    RetryPayment { order_id: order_id(1), owner: Some(buyer()), payment_id: payment_id(2), payment: paying_with(token) }
}

fn in_progress(number: u128, state: &'static str, allowed: &[&'static str]) -> Rejection {
    Rejection::PaymentInProgress { payment_id: payment_id(number).to_string(), state, allowed: allowed.to_vec() }
}

fn require_action(shop: &mut Shop, number: u128) {
    shop.request_authorization(number);
    shop.accept(RecordActionRequired {
        payment_id: payment_id(number),
        provider_reference: reference("auth"),
        action_url: domain::payment::ActionUrl::new("https://pay.example/1").unwrap(),
    });
}

fn ordered() -> Shop {
    let mut shop = Shop::selling(&[("MUG", 500, 9)]);
    shop.order(1, &[("MUG", 4)]);
    shop
}

fn confirmed() -> Shop {
    let mut shop = Shop::selling(&[("MUG", 500, 9)]);
    shop.confirmed_order(1, &[("MUG", 4)]);
    shop
}

#[test]
fn step_2_the_provider_is_asked_once_and_until_a_deadline() {
    let mut shop = ordered();
    let request = RequestAuthorization { payment_id: payment_id(1), order_id: order_id(1) };
    assert_eq!(shop.accept(request.clone()).types, ["payment.authorization_requested"]);
    let deadline = shop.payment(1).authorization_deadline.unwrap();
    assert_eq!(deadline - shop.now, TimeDelta::seconds(i64::from(CALL_DEADLINE_SECONDS)));
    shop.accept_as_done(request);
}

#[test]
fn the_first_request_never_outlives_the_reservation_by_less_than_15_minutes() {
    let shop = ordered();
    let stock = shop.state::<Inventory>(crate::stock::at_main(&sku("MUG")));
    let lives_until = stock.reservation(order_id(1)).unwrap().expires_at;
    let called_until = shop.now + TimeDelta::seconds(i64::from(CALL_DEADLINE_SECONDS));
    assert_eq!(lives_until - called_until, TimeDelta::minutes(15));
}

#[test]
fn nobody_is_asked_for_the_money_of_an_order_that_has_ended() {
    let mut shop = ordered();
    shop.accept(crate::orders::settle::FailPendingOrder { order_id: order_id(1) });
    shop.accept_as_done(RequestAuthorization { payment_id: payment_id(1), order_id: order_id(1) });
    assert_eq!(shop.payment(1).status(), "voided");
}

#[test]
fn nobody_is_asked_for_a_payment_that_staff_has_voided() {
    let mut shop = ordered();
    let void = VoidPayment { payment_id: payment_id(1), reason: reason("a test order") };
    assert_eq!(shop.accept(void.clone()).types, ["payment.void_requested", "payment.voided"]);
    shop.accept_as_done(void);
    shop.accept_as_done(RequestAuthorization { payment_id: payment_id(1), order_id: order_id(1) });
}

#[test]
fn each_result_is_recorded_once() {
    let mut shop = ordered();
    require_action(&mut shop, 1);
    assert_eq!(shop.payment(1).status(), "action_required");
    let provider_reference = reference("auth");
    let authorized = RecordAuthorization { payment_id: payment_id(1), provider_reference };
    assert_eq!(shop.accept(authorized.clone()).types, ["payment.authorized"]);
    let expires_at = shop.payment(1).authorization.unwrap().expires_at;
    assert_eq!(expires_at - shop.now, TimeDelta::days(7));
    shop.accept_as_done(authorized);
    let (operation, code) = (Operation::Authorization, FailureCode::new("card_declined").unwrap());
    shop.accept_as_done(RecordFailure { payment_id: payment_id(1), operation, code, detail: None });
}

#[test]
fn a_result_of_a_payment_that_is_not_there_is_not_found() {
    let missing = Rejection::NotFound { what: "payment", id: payment_id(1).to_string() };
    assert_eq!(Shop::new().refuse(RecordVoid { payment_id: payment_id(1), operation_id: None }), missing);
}

#[test]
fn step_4_each_parcel_captures_what_is_due_for_it() {
    let mut shop = confirmed();
    shop.accept(ship(1, Some(&[("MUG", 1)])));
    shop.accept(ShipOrder { shipment_id: shipment_id(2), ..ship(1, None) });
    assert_eq!(shop.accept(capture_of(1, 1)).types, ["payment.capture_requested"]);
    assert_eq!(shop.accept(capture_of(1, 2)).types, ["payment.capture_requested"]);
    let requested: Vec<_> = shop.payment(1).captures.iter().map(|capture| capture.requested).collect();
    assert_eq!(requested, [gbp(500), gbp(1_500)]);
    shop.accept_as_done(capture_of(1, 1));
    for (shipment, amount) in [(1, 500), (2, 1_500)] {
        shop.accept(RecordCapture {
            payment_id: payment_id(1),
            capture_id: CaptureId::of_shipment(shipment_id(shipment)),
            operation_id: reference(&format!("capture_{shipment}")),
            amount: gbp(amount),
        });
    }
    assert_eq!(shop.payment(1).status(), "completed");
    shop.accept_as_done(capture_of(1, 2));
}

#[test]
fn a_provider_that_captures_once_is_asked_for_everything_at_the_first_parcel() {
    let mut shop = confirmed();
    shop.accept(ship(1, Some(&[("MUG", 1)])));
    shop.accept(ShipOrder { shipment_id: shipment_id(2), ..ship(1, None) });
    let capturing_once: CapturingOnce = [Provider::new("simulated").unwrap()].into();
    let once = |shipment| RequestCapture { capturing_once: capturing_once.clone(), ..capture_of(1, shipment) };
    shop.accept(once(1));
    assert_eq!(shop.payment(1).capture_pending(), gbp(2_000));
    shop.accept_as_done(once(2));
}

#[test]
fn what_staff_captured_ahead_is_not_captured_again() {
    let mut shop = confirmed();
    let capture_id = CaptureId::from_uuid(Uuid::from_u128(1));
    let ahead = CapturePayment {
        payment_id: payment_id(1),
        capture_id,
        amount: Some(gbp(700)),
        capturing_once: Default::default(),
    };
    assert_eq!(shop.accept(ahead).types, ["payment.capture_requested"]);
    shop.accept(ship(1, Some(&[("MUG", 1)])));
    shop.accept_as_done(capture_of(1, 1));
    shop.accept(ShipOrder { shipment_id: shipment_id(2), ..ship(1, None) });
    shop.accept(capture_of(1, 2));
    assert_eq!(shop.payment(1).capture_pending(), gbp(2_000));
}

#[test]
fn p1_staff_captures_no_more_than_is_left() {
    let mut shop = confirmed();
    let capture = |number, amount| CapturePayment {
        payment_id: payment_id(1),
        capture_id: CaptureId::from_uuid(Uuid::from_u128(number)),
        amount,
        capturing_once: Default::default(),
    };
    let exceeded = payment::Error::AmountExceedsRemaining { requested: gbp(2_001), remaining: gbp(2_000) };
    assert_eq!(shop.refuse(capture(1, Some(gbp(2_001)))), Rejection::Payment(exceeded));
    shop.accept(capture(1, None));
    assert_eq!(shop.payment(1).capture_pending(), gbp(2_000));
    shop.accept_as_done(capture(1, None));
    let void = VoidPayment { payment_id: payment_id(1), reason: reason("too late") };
    let nothing = payment::Error::NothingToVoid { state: "authorized", allowed: vec!["expire"] };
    assert_eq!(shop.refuse(void), Rejection::Payment(nothing));
}

#[test]
fn step_4_an_authorisation_about_to_lapse_is_captured_while_the_order_wants_it() {
    let mut shop = confirmed();
    shop.accept(ship(1, Some(&[("MUG", 1)])));
    shop.accept(capture_of(1, 1));
    let lapse = CaptureBeforeLapse { payment_id: payment_id(1) };
    assert_eq!(shop.accept(lapse.clone()).types, ["payment.capture_requested"]);
    assert_eq!(shop.payment(1).capture_pending(), gbp(2_000));
    shop.accept_as_done(lapse);
    shop.accept(ShipOrder { shipment_id: shipment_id(2), ..ship(1, None) });
    shop.accept_as_done(capture_of(1, 2));
}

#[test]
fn an_authorisation_of_a_cancelled_order_is_left_to_its_void() {
    let mut shop = confirmed();
    shop.accept(crate::orders::CancelOrder { order_id: order_id(1), owner: None, reason: reason("test"), lines: None });
    shop.accept_as_done(CaptureBeforeLapse { payment_id: payment_id(1) });
}

#[test]
fn a_declined_payment_is_tried_again_with_the_stock_held_longer() {
    let mut shop = ordered();
    shop.decline(1);
    shop.pass(TimeDelta::minutes(10));
    let done = shop.accept(retry("tok_ok"));
    assert_eq!(done.types, ["order.payment_retried", "inventory.reservation_extended", "payment.initiated"]);
    assert_eq!(done.outcome, RetryOutcome { payment_id: payment_id(2), order_id: order_id(1) });
    assert_eq!(shop.payment(2).amount, gbp(2_000));
    shop.pass(TimeDelta::minutes(14));
    assert_eq!(shop.stock("MUG"), (9, 4, 0));
}

#[test]
fn a_payment_tried_again_after_its_reservation_expired_asks_for_stock_anew() {
    let mut shop = ordered();
    shop.decline(1);
    shop.pass(RESERVATION_LIFETIME);
    let types = ["order.payment_retried", "inventory.reserved", "payment.initiated"];
    assert_eq!(shop.accept(retry("tok_ok")).types, types);
    shop.accept(RequestAuthorization { payment_id: payment_id(2), order_id: order_id(1) });
    let (operation, code) = (Operation::Authorization, FailureCode::new("card_declined").unwrap());
    shop.accept(RecordFailure { payment_id: payment_id(2), operation, code, detail: None });
    shop.pass(RESERVATION_LIFETIME);
    shop.order(3, &[("MUG", 6)]);
    let again = RetryPayment { payment_id: payment_id(4), ..retry("tok_ok") };
    let short = crate::rejection::Shortage { sku: "MUG".to_owned(), requested: 4, available: 3 };
    assert_eq!(shop.refuse(again), Rejection::OutOfStock { skus: vec![short] });
}

#[test]
fn a_payment_that_waits_for_its_buyer_is_given_up_for_another() {
    let mut shop = ordered();
    require_action(&mut shop, 1);
    shop.pass(TimeDelta::minutes(1));
    let done = shop.accept(retry("tok_ok"));
    let types =
        ["payment.void_requested", "order.payment_retried", "inventory.reservation_extended", "payment.initiated"];
    assert_eq!(done.types, types);
    assert_eq!(shop.payment(1).void, Void::Requested(gbp(2_000)));
}

#[test]
fn a_payment_that_may_yet_succeed_is_not_tried_again_beside_it() {
    let mut shop = ordered();
    assert_eq!(shop.refuse(retry("tok_ok")), in_progress(1, "initiated", OF_NEW));
    shop.authorize(1);
    assert_eq!(shop.refuse(retry("tok_ok")), in_progress(1, "authorized", OF_HELD));
    shop.accept(confirm(1));
    let refused = shop.refuse(retry("tok_ok"));
    assert!(matches!(refused, Rejection::Order(order::Error::IllegalTransition { state: "confirmed", .. })));
    let stranger = RetryPayment { owner: Some(customer(0xbad)), ..retry("tok_ok") };
    assert!(matches!(shop.refuse(stranger), Rejection::NotFound { .. }));
}

/// The first was declined, the second is on its way: a third beside it might pay for the order twice.
#[test]
fn no_try_is_begun_beside_any_other_that_may_yet_succeed() {
    let mut shop = ordered();
    shop.decline(1);
    shop.accept(retry("tok_ok"));
    let third = RetryPayment { payment_id: payment_id(3), ..retry("tok_ok") };
    assert_eq!(shop.refuse(third.clone()), in_progress(2, "initiated", OF_NEW));
    shop.accept(RequestAuthorization { payment_id: payment_id(2), order_id: order_id(1) });
    shop.authorize_payment(2);
    assert_eq!(shop.refuse(third), in_progress(2, "authorized", OF_HELD));
}

#[test]
fn a_failed_capture_keeps_the_next_parcel_back_until_staff_has_captured() {
    let mut shop = confirmed();
    shop.accept(ship(1, Some(&[("MUG", 1)])));
    shop.accept(capture_of(1, 1));
    let operation = Operation::Capture { capture_id: CaptureId::of_shipment(shipment_id(1)) };
    let code = FailureCode::new("capture_declined").unwrap();
    shop.accept(RecordFailure { payment_id: payment_id(1), operation, code: code.clone(), detail: None });
    assert_eq!(shop.payment(1).failure, Some(Failure { operation, code, detail: None }));
    let rest = ShipOrder { shipment_id: shipment_id(2), ..ship(1, None) };
    let refused = shop.refuse(rest.clone());
    assert!(matches!(refused, Rejection::Order(order::Error::PaymentNotAuthorized { .. })), "{refused:?}");
    let capture_id = CaptureId::from_uuid(Uuid::from_u128(9));
    shop.accept(CapturePayment {
        payment_id: payment_id(1),
        capture_id,
        amount: Some(gbp(500)),
        capturing_once: Default::default(),
    });
    assert_eq!(shop.accept(rest).outcome.shipment_id, shipment_id(2));
}
