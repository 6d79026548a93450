//! What is kept and not owed is given back, once, and nothing that is owed.

use domain::ids::CaptureId;
use domain::payment::{FailureCode, Operation, Void};
use uuid::Uuid;

use super::*;
use crate::orders::{CancelOrder, ShipOrder};
use crate::payments::record::{RecordCapture, RecordFailure, RecordRefund, RecordRefundFailure};
use crate::payments::{CapturePayment, RefundPayment};
use crate::spec::{Shop, gbp, order_id, payment_id, quantity, reason, reference, refund_id, ship, shipment_id, sku};

/// Four mugs at 5.00: 20.00.
fn confirmed() -> Shop {
    let mut shop = Shop::selling(&[("MUG", 500, 9)]);
    shop.confirmed_order(1, &[("MUG", 4)]);
    shop
}

fn cancel(units: Option<i64>) -> CancelOrder {
    let lines = units.map(|units| vec![(sku("MUG"), quantity(units))]);
    CancelOrder { order_id: order_id(1), owner: None, reason: reason("changed my mind"), lines }
}

fn give_back() -> GiveBackExcess {
    GiveBackExcess { payment_id: payment_id(1), capturing_once: CapturingOnce::default() }
}

fn capture_id() -> CaptureId {
    CaptureId::from_uuid(Uuid::from_u128(7))
}

fn request_capture(shop: &mut Shop, amount: i64) {
    let (payment_id, capture_id) = (payment_id(1), capture_id());
    shop.accept(CapturePayment {
        payment_id,
        capture_id,
        amount: Some(gbp(amount)),
        capturing_once: Default::default(),
    });
}

fn record_capture(shop: &mut Shop, amount: i64) {
    let (payment_id, capture_id, operation_id) = (payment_id(1), capture_id(), reference("capture"));
    shop.accept(RecordCapture { payment_id, capture_id, operation_id, amount: gbp(amount) });
}

/// The refunds that were asked for, in pence.
fn asked(shop: &Shop) -> Vec<i64> {
    shop.payment(1).refunds.iter().map(|refund| refund.requested.amount()).collect()
}

#[test]
fn an_order_that_was_captured_in_full_is_cancelled_and_refunded() {
    let mut shop = confirmed();
    shop.capture(1, 2_000);
    let types = shop.accept(cancel(None)).types;
    assert_eq!(types, ["order.cancelled", "inventory.allocation_released", "payment.refund_requested"]);
    assert_eq!((asked(&shop), shop.stock("MUG")), (vec![2_000], (9, 0, 0)));
    assert_eq!(shop.payment(1).refunds[0].reason, Some(reason("changed my mind")));
    shop.accept_as_done(give_back());
}

#[test]
fn of_an_order_that_was_captured_in_part_that_is_refunded_and_the_rest_let_go() {
    let mut shop = confirmed();
    shop.capture(1, 500);
    let types = shop.accept(cancel(None)).types;
    assert_eq!(types[2..], ["payment.void_requested", "payment.refund_requested"]);
    assert_eq!((asked(&shop), &shop.payment(1).void), (vec![500], &Void::Requested(gbp(1_500))));
}

#[test]
fn what_staff_has_given_back_already_is_not_given_back_again() {
    let mut shop = confirmed();
    shop.capture(1, 2_000);
    let by_hand = |number, amount| RefundPayment {
        payment_id: payment_id(1),
        refund_id: refund_id(number),
        amount: Some(gbp(amount)),
        reason: None,
    };
    shop.accept(by_hand(1, 1_200));
    shop.accept(cancel(None));
    assert_eq!(asked(&shop), [1_200, 800]);
}

/// Charged, and no order: the capture was on its way when the order was cancelled.
#[test]
fn what_was_being_captured_when_the_order_was_cancelled_is_refunded_when_it_has_been() {
    let mut shop = confirmed();
    request_capture(&mut shop, 2_000);
    assert_eq!(shop.accept(cancel(None)).types, ["order.cancelled", "inventory.allocation_released"]);
    shop.accept_as_done(give_back());
    record_capture(&mut shop, 2_000);
    assert_eq!(shop.accept(give_back()).types, ["payment.refund_requested"]);
    shop.accept_as_done(give_back());
    assert_eq!(asked(&shop), [2_000]);
}

#[test]
fn what_could_not_be_captured_of_an_order_that_was_cancelled_meanwhile_is_let_go() {
    let mut shop = confirmed();
    request_capture(&mut shop, 2_000);
    shop.accept(cancel(None));
    let (operation, code) = (Operation::Capture { capture_id: capture_id() }, FailureCode::new("declined").unwrap());
    shop.accept(RecordFailure { payment_id: payment_id(1), operation, code, detail: None });
    assert_eq!(shop.accept(give_back()).types, ["payment.void_requested"]);
    assert_eq!(shop.payment(1).void, Void::Requested(gbp(2_000)));
}

#[test]
fn lines_that_are_cancelled_are_refunded_where_they_were_paid_and_otherwise_never_taken() {
    let mut shop = confirmed();
    shop.capture(1, 1_200);
    // 15.00 are still owed, and 12.00 were taken.
    let types = shop.accept(cancel(Some(1))).types;
    assert_eq!(types, ["order.lines_cancelled", "inventory.allocation_released"]);
    assert_eq!((asked(&shop), shop.stock("MUG")), (vec![], (9, 0, 3)));
    // 10.00 are.
    assert_eq!(shop.accept(cancel(Some(1))).types[2..], ["payment.refund_requested"]);
    assert_eq!(shop.accept(cancel(Some(1))).types[2..], ["payment.refund_requested"]);
    assert_eq!(asked(&shop), [200, 500]);
    shop.accept(ship(1, None));
    assert_eq!(shop.payment(1).captured(), gbp(1_200), "the mug that leaves is paid for");
    let types = shop.accept(give_back()).types;
    assert_eq!(types, ["payment.void_requested"], "nothing more will be taken");
    assert_eq!(shop.payment(1).void, Void::Requested(gbp(800)));
}

/// Goodwill is over and above what is given back for goods that are cancelled.
#[test]
fn goodwill_is_not_taken_back_by_a_cancellation() {
    let mut shop = confirmed();
    shop.capture(1, 2_000);
    let (payment_id, refund_id) = (payment_id(1), refund_id(1));
    shop.accept(RefundPayment { payment_id, refund_id, amount: Some(gbp(100)), reason: None });
    shop.accept(cancel(Some(2)));
    assert_eq!(asked(&shop), [100, 1_000]);
}

#[test]
fn cancelling_the_last_unsent_lines_lets_the_rest_go_at_once_where_everything_owed_was_taken() {
    let mut shop = confirmed();
    shop.accept(ship(1, Some(&[("MUG", 1)])));
    shop.capture(1, 500);
    let types = shop.accept(cancel(Some(3))).types;
    assert_eq!(types, ["order.lines_cancelled", "inventory.allocation_released", "payment.void_requested"]);
    assert_eq!(shop.order_state(1).status(), "shipped");
    assert_eq!(shop.payment(1).void, Void::Requested(gbp(1_500)));
}

#[test]
fn nothing_is_let_go_that_a_parcel_is_still_to_be_paid_with() {
    let mut shop = confirmed();
    shop.accept(ship(1, Some(&[("MUG", 1)])));
    // Nobody has asked for the parcel's money yet.
    let types = shop.accept(cancel(Some(3))).types;
    assert_eq!(types, ["order.lines_cancelled", "inventory.allocation_released"]);
    let shipment_id = shipment_id(1);
    let capture = crate::payments::RequestCapture {
        order_id: order_id(1),
        shipment_id,
        capturing_once: crate::payments::CapturingOnce::default(),
    };
    shop.accept(capture);
    shop.accept_as_done(give_back());
    let (payment_id, capture_id) = (payment_id(1), CaptureId::of_shipment(shipment_id));
    shop.accept(RecordCapture { payment_id, capture_id, operation_id: reference("c"), amount: gbp(500) });
    assert_eq!(shop.accept(give_back()).types, ["payment.void_requested"]);
}

#[test]
fn a_refund_that_failed_is_asked_for_again_and_one_that_succeeded_is_not() {
    let mut shop = confirmed();
    shop.capture(1, 2_000);
    shop.accept(cancel(None));
    let (payment_id, first) = (payment_id(1), RefundId::next_of(payment_id(1), 0));
    let code = FailureCode::new("declined").unwrap();
    shop.accept(RecordRefundFailure { payment_id, refund_id: first, code, detail: None });
    assert_eq!(shop.accept(give_back()).types, ["payment.refund_requested"]);
    let second = RefundId::next_of(payment_id, 1);
    let operation_id = reference("refund");
    shop.accept(RecordRefund { payment_id, refund_id: second, operation_id, amount: gbp(2_000) });
    shop.accept_as_done(give_back());
    assert_eq!(shop.payment(1).status(), "refunded");
}

#[test]
fn of_what_is_owed_nothing_is_given_back() {
    let mut shop = Shop::selling(&[("MUG", 500, 9)]);
    shop.order(1, &[("MUG", 4)]);
    shop.authorize(1);
    shop.accept_as_done(give_back());
    shop.accept(crate::spec::confirm(1));
    shop.capture(1, 1_000);
    shop.accept_as_done(give_back());
    shop.accept(ship(1, Some(&[("MUG", 1)])));
    shop.accept_as_done(give_back());
    shop.accept(ShipOrder { shipment_id: shipment_id(2), ..ship(1, None) });
    shop.accept_as_done(give_back());
    let missing = Rejection::NotFound { what: "payment", id: payment_id(2).to_string() };
    assert_eq!(shop.refuse(GiveBackExcess { payment_id: payment_id(2), ..give_back() }), missing);
}
