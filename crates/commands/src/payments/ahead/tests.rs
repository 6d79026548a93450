//! Where a provider captures once, everything that is owed is taken at once, and the rest is known to be gone.

use domain::payment::{Provider, Void};
use uuid::Uuid;

use super::*;
use crate::orders::{CancelOrder, ShipOrder};
use crate::payments::excess::GiveBackExcess;
use crate::payments::record::{RecordCapture, RecordVoid};
use crate::spec::{Shop, gbp, order_id, payment_id, quantity, reason, reference, ship, shipment_id, sku};

/// Four mugs at 5.00: 20.00.
fn confirmed() -> Shop {
    let mut shop = Shop::selling(&[("MUG", 500, 9)]);
    shop.confirmed_order(1, &[("MUG", 4)]);
    shop
}

fn once() -> CapturingOnce {
    [Provider::new("simulated").unwrap()].into()
}

fn capture_id(number: u128) -> CaptureId {
    CaptureId::from_uuid(Uuid::from_u128(number))
}

fn capture(number: u128, amount: Option<i64>) -> CapturePayment {
    let (payment_id, capture_id) = (payment_id(1), capture_id(number));
    CapturePayment { payment_id, capture_id, amount: amount.map(gbp), capturing_once: once() }
}

fn captured(shop: &mut Shop, number: u128, amount: i64) {
    let (payment_id, capture_id) = (payment_id(1), capture_id(number));
    shop.accept(RecordCapture { payment_id, capture_id, operation_id: reference("capture"), amount: gbp(amount) });
}

fn cancel_one() -> CancelOrder {
    let lines = Some(vec![(sku("MUG"), quantity(1))]);
    CancelOrder { order_id: order_id(1), owner: None, reason: reason("changed my mind"), lines }
}

fn give_back(capturing_once: CapturingOnce) -> GiveBackExcess {
    GiveBackExcess { payment_id: payment_id(1), capturing_once }
}

fn refusal(owed: i64) -> Rejection {
    Rejection::CapturesOnce { provider: "simulated".to_owned(), owed: gbp(owed) }
}

#[test]
fn less_than_is_owed_is_not_taken_where_the_rest_could_not_be_taken_later() {
    let mut shop = confirmed();
    for amount in [1, 500, 1_999] {
        assert_eq!(shop.refuse(capture(1, Some(amount))), refusal(2_000));
    }
    assert_eq!(shop.accept(capture(1, Some(2_000))).types, ["payment.capture_requested"]);
    shop.accept_as_done(capture(1, Some(2_000)));
}

#[test]
fn what_is_left_is_everything_that_is_owed() {
    let mut shop = confirmed();
    shop.accept(capture(1, None));
    assert_eq!(shop.payment(1).capture_pending(), gbp(2_000));
}

#[test]
fn what_the_order_does_not_owe_any_more_need_not_be_taken_and_a_second_capture_is_refused() {
    let mut shop = confirmed();
    shop.accept(cancel_one());
    assert_eq!(shop.refuse(capture(1, Some(1_499))), refusal(1_500));
    shop.accept(capture(1, Some(1_500)));
    let taken = Rejection::CapturedOnce { provider: "simulated".to_owned(), taken: gbp(1_500) };
    assert_eq!(shop.refuse(capture(2, Some(500))), taken);
    captured(&mut shop, 1, 1_500);
    assert_eq!(shop.refuse(capture(2, Some(500))), taken);
}

#[test]
fn the_rest_is_on_record_as_let_go_and_the_goods_leave_all_the_same() {
    let mut shop = confirmed();
    shop.accept(cancel_one());
    shop.accept(capture(1, Some(1_500)));
    shop.accept_as_done(give_back(once()));
    captured(&mut shop, 1, 1_500);
    assert_eq!(shop.payment(1).figures().held, gbp(500));
    // One that captures again keeps it until everything is sent.
    shop.accept_as_done(give_back(CapturingOnce::default()));
    assert_eq!(shop.accept(give_back(once())).types, ["payment.void_requested"]);
    shop.accept_as_done(give_back(once()));
    assert_eq!(shop.payment(1).void, Void::Requested(gbp(500)));
    shop.accept(RecordVoid { payment_id: payment_id(1), operation_id: Some(reference("void")) });
    shop.accept_as_done(give_back(once()));
    let payment = shop.payment(1);
    assert_eq!((payment.figures().held, payment.figures().captured), (gbp(0), gbp(1_500)));
    assert_eq!(payment.status(), "partially_captured");
    shop.accept(ship(1, Some(&[("MUG", 1)])));
    shop.accept(ShipOrder { shipment_id: shipment_id(2), ..ship(1, None) });
}

#[test]
fn where_a_provider_captures_again_any_part_is_taken() {
    let mut shop = confirmed();
    let again = |number, amount| CapturePayment { capturing_once: CapturingOnce::default(), ..capture(number, amount) };
    shop.accept(again(1, Some(1)));
    shop.accept(again(2, Some(1_999)));
    assert_eq!(shop.payment(1).capture_pending(), gbp(2_000));
}
