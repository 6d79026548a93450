//! What is taken before an authorisation lapses, and what follows when it has.

use chrono::TimeDelta;

use super::*;
use crate::orders::CancelOrder;
use crate::spec::{Shop, gbp, order_id, payment_id, quantity, reason, ship, sku};

fn lapse() -> LapseAuthorization {
    LapseAuthorization { payment_id: payment_id(1) }
}

/// Four mugs at 5.00: 20.00.
fn confirmed() -> Shop {
    let mut shop = Shop::selling(&[("MUG", 500, 9)]);
    shop.confirmed_order(1, &[("MUG", 4)]);
    shop
}

fn cancel_mugs(shop: &mut Shop, units: i64) {
    let lines = Some(vec![(sku("MUG"), quantity(units))]);
    shop.accept(CancelOrder { order_id: order_id(1), owner: None, reason: reason("test"), lines });
}

#[test]
fn what_was_cancelled_is_not_captured_before_the_lapse() {
    let mut shop = confirmed();
    cancel_mugs(&mut shop, 1);
    shop.accept(CaptureBeforeLapse { payment_id: payment_id(1) });
    assert_eq!(shop.payment(1).capture_pending(), gbp(1_500));
    shop.accept_as_done(CaptureBeforeLapse { payment_id: payment_id(1) });
}

#[test]
fn an_authorisation_lapses_when_its_time_has_come_and_once() {
    let mut shop = confirmed();
    shop.pass(TimeDelta::days(7) - TimeDelta::seconds(1));
    shop.accept_as_done(lapse());
    shop.pass(TimeDelta::seconds(1));
    assert_eq!(shop.accept(lapse()).types, ["payment.expired", "order.held"]);
    assert_eq!(shop.payment(1).status(), "expired");
    let held = shop.contents(1).hold.clone();
    assert_eq!(held, Some(reason("the authorisation lapsed before everything was captured")));
    shop.accept_as_done(lapse());
}

#[test]
fn an_order_from_which_everything_owed_was_taken_is_shipped_after_the_lapse() {
    let mut shop = confirmed();
    cancel_mugs(&mut shop, 1);
    shop.capture(1, 1_500);
    shop.pass(TimeDelta::days(7));
    assert_eq!(shop.accept(lapse()).types, ["payment.expired"]);
    shop.accept(ship(1, None));
    assert_eq!(shop.order_state(1).status(), "shipped");
}

#[test]
fn a_payment_that_was_captured_in_full_or_let_go_does_not_lapse() {
    let mut shop = confirmed();
    shop.capture(1, 2_000);
    shop.pass(TimeDelta::days(7));
    shop.accept_as_done(lapse());
}

#[test]
fn the_lapse_of_a_payment_that_covers_no_order_holds_none() {
    let mut shop = Shop::selling(&[("MUG", 500, 9)]);
    shop.order(1, &[("MUG", 4)]);
    shop.authorize(1);
    shop.pass(TimeDelta::days(7));
    assert_eq!(shop.accept(lapse()).types, ["payment.expired"]);
}
