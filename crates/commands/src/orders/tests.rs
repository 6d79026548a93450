//! What buyers and staff do with orders.

use domain::payment::Void;

use super::*;
use crate::payments::VoidPayment;
use crate::spec::{Shop, buyer, customer, gbp, order_id, payment_id, quantity, reason, ship, shipment_id, sku};

fn cancel(number: u128) -> CancelOrder {
    CancelOrder { order_id: order_id(number), owner: Some(buyer()), reason: reason("changed my mind"), lines: None }
}

fn deliver(number: u128, shipment: u128) -> DeliverShipment {
    DeliverShipment { order_id: order_id(number), shipment_id: shipment_id(shipment), delivered_at: None }
}

fn illegal(state: &'static str, allowed: &[&'static str]) -> Rejection {
    Rejection::Order(order::Error::IllegalTransition { state, allowed: allowed.to_vec() })
}

#[test]
fn step_6_cancelling_a_pending_order_sets_its_reservations_free_and_voids_its_payment() {
    let mut shop = Shop::selling(&[("MUG", 500, 9), ("PAN", 900, 9)]);
    shop.order(1, &[("MUG", 2), ("PAN", 1)]);
    let done = shop.accept(cancel(1));
    assert_eq!(
        done.types,
        [
            "order.cancelled",
            "inventory.reservation_released",
            "inventory.reservation_released",
            "payment.void_requested",
            "payment.voided"
        ]
    );
    assert_eq!(done.outcome, OrderOutcome { order_id: order_id(1), payments: vec![payment_id(1)] });
    assert_eq!((shop.stock("MUG"), shop.stock("PAN")), ((9, 0, 0), (9, 0, 0)));
    assert_eq!(shop.status(1), ("cancelled", "voided"));
    shop.accept_as_done(cancel(1));
}

#[test]
fn step_6_cancelling_a_confirmed_order_sets_its_allocations_free_and_asks_for_the_void() {
    let mut shop = Shop::selling(&[("MUG", 500, 9), ("PAN", 900, 9)]);
    shop.confirmed_order(1, &[("MUG", 2), ("PAN", 1)]);
    assert_eq!(shop.stock("MUG"), (9, 0, 2));
    let done = shop.accept(cancel(1));
    assert_eq!(
        done.types,
        ["order.cancelled", "inventory.allocation_released", "inventory.allocation_released", "payment.void_requested"]
    );
    assert_eq!((shop.stock("MUG"), shop.stock("PAN")), ((9, 0, 0), (9, 0, 0)));
    assert_eq!(shop.payment(1).void, Void::Requested(gbp(1_900)));
}

#[test]
fn cancelling_an_order_whose_payment_was_declined_voids_nothing() {
    let mut shop = Shop::selling(&[("MUG", 500, 9)]);
    shop.order(1, &[("MUG", 2)]);
    shop.decline(1);
    assert_eq!(shop.accept(cancel(1)).types, ["order.cancelled", "inventory.reservation_released"]);
    assert_eq!(shop.status(1), ("cancelled", "failed"));
}

#[test]
fn an_order_of_somebody_else_is_not_found() {
    let mut shop = Shop::selling(&[("MUG", 500, 9)]);
    shop.order(1, &[("MUG", 2)]);
    let not_found = Rejection::NotFound { what: "order", id: order_id(1).to_string() };
    assert_eq!(shop.refuse(CancelOrder { owner: Some(customer(0xbad)), ..cancel(1) }), not_found);
    let missing = Rejection::NotFound { what: "order", id: order_id(2).to_string() };
    assert_eq!(shop.refuse(cancel(2)), missing);
    assert_eq!(shop.refuse(ship(2, None)), missing);
    assert_eq!(shop.refuse(deliver(2, 2)), missing);
    shop.accept(CancelOrder { owner: None, ..cancel(1) });
}

#[test]
fn o4_what_is_partly_shipped_is_not_cancelled_whole() {
    let mut shop = Shop::selling(&[("MUG", 500, 9)]);
    shop.confirmed_order(1, &[("MUG", 2)]);
    shop.accept(ship(1, Some(&[("MUG", 1)])));
    let allowed = &["dispatch_shipment", "deliver_shipment", "cancel_lines", "correct_address", "grant_refund", "hold"];
    assert_eq!(shop.refuse(cancel(1)), illegal("processing", allowed));
}

#[test]
fn step_5_a_parcel_leaves_with_its_stock_in_one_append() {
    let mut shop = Shop::selling(&[("MUG", 500, 9), ("PAN", 900, 9)]);
    shop.confirmed_order(1, &[("MUG", 2), ("PAN", 1)]);
    let done = shop.accept(ship(1, None));
    assert_eq!(
        done.types,
        ["order.shipment_created", "order.shipment_dispatched", "inventory.shipped", "inventory.shipped"]
    );
    assert_eq!(done.outcome.shipment_id, shipment_id(1));
    assert_eq!((shop.stock("MUG"), shop.stock("PAN")), ((7, 0, 0), (8, 0, 0)));
    assert_eq!(shop.order_state(1).status(), "shipped");
    shop.accept_as_done(ship(1, None));
    shop.accept_as_done(ship(1, Some(&[("MUG", 2), ("PAN", 1)])));
}

#[test]
fn a_parcel_may_hold_a_part_of_the_order() {
    let mut shop = Shop::selling(&[("MUG", 500, 9), ("PAN", 900, 9)]);
    shop.confirmed_order(1, &[("MUG", 3), ("PAN", 1)]);
    let done = shop.accept(ship(1, Some(&[("MUG", 1), ("MUG", 1)])));
    assert_eq!(done.types, ["order.shipment_created", "order.shipment_dispatched", "inventory.shipped"]);
    assert_eq!((shop.stock("MUG"), shop.stock("PAN")), ((7, 0, 1), (9, 0, 1)));
    assert_eq!(shop.order_state(1).status(), "processing");
    let rest = ShipOrder { shipment_id: shipment_id(2), ..ship(1, None) };
    shop.accept(rest);
    assert_eq!((shop.stock("MUG"), shop.stock("PAN")), ((6, 0, 0), (8, 0, 0)));
}

#[test]
fn more_than_is_left_and_what_is_not_in_the_order_is_not_shipped() {
    let mut shop = Shop::selling(&[("MUG", 500, 9)]);
    shop.confirmed_order(1, &[("MUG", 2)]);
    let too_many = order::Error::TooManyUnits { sku: sku("MUG"), requested: 3, remaining: 2 };
    assert_eq!(shop.refuse(ship(1, Some(&[("MUG", 3)]))), Rejection::Order(too_many));
    let unknown = order::Error::LineNotFound { line: "PAN".to_owned() };
    assert_eq!(shop.refuse(ship(1, Some(&[("PAN", 1)]))), Rejection::Order(unknown));
    assert_eq!(shop.refuse(ship(1, Some(&[]))), Rejection::Order(order::Error::NoLines));
}

#[test]
fn o6_an_order_that_is_not_paid_is_not_shipped() {
    let mut shop = Shop::selling(&[("MUG", 500, 9)]);
    shop.order(1, &[("MUG", 2)]);
    let allowed = &["confirm", "cancel", "fail", "retry_payment", "correct_address", "grant_refund", "hold"];
    assert_eq!(shop.refuse(ship(1, None)), illegal("pending", allowed));
    shop.authorize(1);
    shop.accept(crate::spec::confirm(1));
    shop.accept(VoidPayment { payment_id: payment_id(1), reason: reason("fraud") });
    let allowed = vec!["cancel", "cancel_lines", "correct_address", "grant_refund", "hold"];
    assert_eq!(shop.refuse(ship(1, None)), Rejection::Order(order::Error::PaymentNotAuthorized { allowed }));
}

#[test]
fn what_a_count_has_taken_away_cannot_leave() {
    let mut shop = Shop::selling(&[("MUG", 500, 2)]);
    shop.confirmed_order(1, &[("MUG", 2)]);
    shop.accept(crate::inventory::AdjustStock {
        sku: sku("MUG"),
        location: domain::ids::Location::main(),
        delta: -1,
        reason: reason("count"),
    });
    let short = crate::rejection::Shortage { sku: "MUG".to_owned(), requested: 2, available: 1 };
    assert_eq!(shop.refuse(ship(1, None)), Rejection::OutOfStock { skus: vec![short] });
    assert_eq!(shop.order_state(1).status(), "confirmed");
}

#[test]
fn step_5_the_last_delivery_completes_the_order() {
    let mut shop = Shop::selling(&[("MUG", 500, 9)]);
    shop.confirmed_order(1, &[("MUG", 2)]);
    shop.accept(ship(1, Some(&[("MUG", 1)])));
    shop.accept(ShipOrder { shipment_id: shipment_id(2), ..ship(1, None) });
    assert_eq!(shop.accept(deliver(1, 1)).types, ["order.shipment_delivered"]);
    assert_eq!(shop.accept(deliver(1, 2)).types, ["order.shipment_delivered", "order.completed"]);
    assert_eq!(shop.order_state(1).status(), "delivered");
    shop.accept_as_done(deliver(1, 2));
    let unknown = order::Error::ShipmentNotFound { shipment_id: shipment_id(3) };
    assert_eq!(shop.refuse(deliver(1, 3)), Rejection::Order(unknown));
}

#[test]
fn an_order_on_hold_is_not_shipped_until_it_is_released() {
    let mut shop = Shop::selling(&[("MUG", 500, 9)]);
    shop.confirmed_order(1, &[("MUG", 2)]);
    let hold = HoldOrder { order_id: order_id(1), reason: reason("fraud check") };
    assert_eq!(shop.accept(hold.clone()).types, ["order.held"]);
    shop.accept_as_done(hold);
    let allowed = vec!["cancel", "cancel_lines", "correct_address", "grant_refund", "hold", "release"];
    let held = order::Error::OnHold { reason: reason("fraud check"), allowed };
    assert_eq!(shop.refuse(ship(1, None)), Rejection::Order(held));
    let release = ReleaseOrder { order_id: order_id(1) };
    assert_eq!(shop.accept(release.clone()).types, ["order.released"]);
    shop.accept_as_done(release);
    shop.accept(ship(1, None));
}

#[test]
fn an_outcome_is_stored_as_ids_alone() {
    let outcome = ShipmentOutcome {
        shipment_id: shipment_id(1),
        order: OrderOutcome { order_id: order_id(1), payments: vec![payment_id(1)] },
    };
    let stored = serde_json::to_value(&outcome).unwrap();
    let mut fields: Vec<_> = stored.as_object().unwrap().keys().collect();
    fields.sort();
    assert_eq!(fields, ["order_id", "payments", "shipment_id"]);
    assert_eq!(serde_json::from_value::<ShipmentOutcome>(stored).unwrap(), outcome);
}

#[test]
fn n5_lines_of_one_sku_are_shipped_as_one_quantity() {
    let mut shop = Shop::selling(&[("MUG", 500, 9)]);
    shop.confirmed_order(1, &[("MUG", 2)]);
    let twice = ship(1, Some(&[("MUG", 1), ("MUG", 1)]));
    assert_eq!(by_sku(&twice.lines.unwrap()), BTreeMap::from([(sku("MUG"), quantity(2))]));
}
