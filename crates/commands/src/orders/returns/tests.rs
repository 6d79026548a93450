//! Goods that buyers send back.

use chrono::TimeDelta;

use super::*;
use crate::inventory::ReceiveStock;
use crate::orders::{CorrectAddress, DeliverShipment, ShipOrder};
use crate::spec::{Shop, buyer, customer, gbp, order_id, quantity, reason, ship, shipment_id, sku};

fn return_id(number: u128) -> ReturnId {
    ReturnId::from_uuid(uuid::Uuid::from_u128(0x4e70_0000 + number))
}

fn units(lines: &[(&str, i64)]) -> Vec<(Sku, Quantity)> {
    lines.iter().map(|(text, units)| (sku(text), quantity(*units))).collect()
}

fn ask(number: u128, lines: &[(&str, i64)]) -> RequestReturn {
    RequestReturn {
        order_id: order_id(1),
        owner: Some(buyer()),
        return_id: return_id(number),
        lines: units(lines),
        reason: reason("arrived broken"),
    }
}

fn approve(number: u128) -> ApproveReturn {
    ApproveReturn { order_id: order_id(1), return_id: return_id(number) }
}

fn receive(number: u128, lines: &[(&str, i64, bool)]) -> ReceiveReturn {
    let lines = lines.iter().map(|(text, units, restock)| (sku(text), quantity(*units), *restock)).collect();
    ReceiveReturn { order_id: order_id(1), return_id: return_id(number), lines, location: None }
}

/// Three mugs and a pan, delivered.
fn delivered() -> Shop {
    let mut shop = Shop::selling(&[("MUG", 500, 9), ("PAN", 900, 9)]);
    shop.confirmed_order(1, &[("MUG", 3), ("PAN", 1)]);
    shop.accept(ship(1, None));
    let (order_id, shipment_id) = (order_id(1), shipment_id(1));
    shop.accept(DeliverShipment { order_id, shipment_id, delivered_at: None });
    shop
}

#[test]
fn what_comes_back_goes_into_stock_in_the_same_append_as_far_as_it_is_fit() {
    let mut shop = delivered();
    assert_eq!(shop.accept(ask(1, &[("MUG", 3), ("PAN", 1)])).types, ["order.return_requested"]);
    shop.accept_as_done(ask(1, &[("MUG", 3), ("PAN", 1)]));
    assert_eq!(shop.accept(approve(1)).types, ["order.return_approved"]);
    shop.accept_as_done(approve(1));
    let came: &[_] = &[("MUG", 2, true), ("MUG", 1, false), ("PAN", 1, false)];
    let done = shop.accept(receive(1, came));
    assert_eq!(done.types, ["order.return_received", "inventory.returned_to_stock"]);
    assert_eq!(done.outcome.return_id, return_id(1));
    assert_eq!((shop.stock("MUG"), shop.stock("PAN")), ((8, 0, 0), (8, 0, 0)));
    shop.accept_as_done(receive(1, came));
    let order = shop.contents(1);
    assert_eq!((order.fulfillment_status(), order.returned_amount), ("returned", gbp(2_400)));
}

#[test]
fn money_is_not_given_back_with_the_goods() {
    let mut shop = delivered();
    shop.capture(1, 2_400);
    shop.accept(ask(1, &[("PAN", 1)]));
    shop.accept(approve(1));
    shop.accept(receive(1, &[("PAN", 1, true)]));
    assert_eq!(shop.payment(1).refunds, []);
}

#[test]
fn o1_no_more_comes_back_than_was_delivered_and_is_not_on_its_way() {
    let mut shop = delivered();
    let too_many =
        |requested, remaining| Rejection::Order(order::Error::TooManyUnits { sku: sku("MUG"), requested, remaining });
    assert_eq!(shop.refuse(ask(1, &[("MUG", 4)])), too_many(4, 3));
    shop.accept(ask(1, &[("MUG", 2)]));
    assert_eq!(shop.refuse(ask(2, &[("MUG", 2)])), too_many(2, 1));
    let no = RejectReturn { order_id: order_id(1), return_id: return_id(1), reason: None };
    assert_eq!(shop.accept(no.clone()).types, ["order.return_rejected"]);
    shop.accept_as_done(no);
    shop.accept(ask(2, &[("MUG", 3)]));
    shop.accept(approve(2));
    assert_eq!(shop.refuse(receive(2, &[("MUG", 4, true)])), too_many(4, 3));
    assert_eq!(shop.stock("MUG"), (6, 0, 0));
}

#[test]
fn o7_what_was_delivered_longer_than_30_days_ago_stays() {
    let mut shop = delivered();
    shop.pass(TimeDelta::days(30));
    shop.accept(ask(1, &[("PAN", 1)]));
    shop.pass(TimeDelta::seconds(1));
    let closed = order::Error::ReturnWindowClosed { sku: sku("MUG"), requested: 1, remaining: 0 };
    assert_eq!(shop.refuse(ask(2, &[("MUG", 1)])), Rejection::Order(closed));
    shop.accept(approve(1));
    shop.pass(TimeDelta::days(10));
    shop.accept(receive(1, &[("PAN", 1, true)]));
}

#[test]
fn what_has_not_arrived_and_what_is_not_theirs_is_not_sent_back() {
    let mut shop = Shop::selling(&[("MUG", 500, 9)]);
    shop.confirmed_order(1, &[("MUG", 3)]);
    shop.accept(ShipOrder { ..ship(1, None) });
    let refused = shop.refuse(ask(1, &[("MUG", 1)]));
    assert!(matches!(refused, Rejection::Order(order::Error::IllegalTransition { state: "shipped", .. })));
    let stranger = RequestReturn { owner: Some(customer(0xbad)), ..ask(1, &[("MUG", 1)]) };
    let missing = Rejection::NotFound { what: "order", id: order_id(1).to_string() };
    assert_eq!(shop.refuse(stranger), missing);
    let unknown = || Rejection::Order(order::Error::ReturnNotFound { return_id: return_id(9) });
    assert_eq!(shop.refuse(approve(9)), unknown());
    assert_eq!(shop.refuse(receive(9, &[("MUG", 1, true)])), unknown());
}

#[test]
fn an_address_is_corrected_until_the_order_is_shipped() {
    let mut shop = Shop::selling(&[("MUG", 500, 9)]);
    shop.confirmed_order(1, &[("MUG", 3)]);
    let correct = CorrectAddress {
        order_id: order_id(1),
        owner: Some(buyer()),
        shipping_address: domain::sealed::Sealed::new(buyer().as_uuid(), "other").unwrap(),
        country: None,
    };
    assert_eq!(shop.accept(correct.clone()).types, ["order.address_corrected"]);
    assert_eq!(shop.contents(1).shipping_address, correct.shipping_address);
    let stranger = CorrectAddress { owner: Some(customer(0xbad)), ..correct.clone() };
    assert!(matches!(shop.refuse(stranger), Rejection::NotFound { .. }));
    shop.accept(ship(1, None));
    let refused = shop.refuse(correct);
    assert!(matches!(refused, Rejection::Order(order::Error::IllegalTransition { state: "shipped", .. })));
}

fn at(text: &str) -> Location {
    Location::new(text).unwrap()
}

/// Five mugs at LEEDS and none at main, of which three were sent from there and came; a pan at both.
fn delivered_from_leeds() -> Shop {
    let mut shop = Shop::selling(&[("MUG", 500, 0), ("PAN", 900, 1)]);
    for text in ["MUG", "PAN"] {
        shop.accept(ReceiveStock { sku: sku(text), location: at("LEEDS"), quantity: quantity(5) });
    }
    shop.confirmed_order(1, &[("MUG", 3), ("PAN", 6)]);
    let parcels: [(u128, &[_]); 2] = [(1, &[("MUG", 3)]), (2, &[("PAN", 6)])];
    for (parcel, lines) in parcels {
        shop.accept(ShipOrder { shipment_id: shipment_id(parcel), ..ship(1, Some(lines)) });
        let (order_id, shipment_id) = (order_id(1), shipment_id(parcel));
        shop.accept(DeliverShipment { order_id, shipment_id, delivered_at: None });
    }
    shop.accept(ask(1, &[("MUG", 3), ("PAN", 2)]));
    shop.accept(approve(1));
    shop
}

#[test]
fn n4_what_comes_back_is_unpacked_where_it_was_sent_from_or_else_at_main() {
    let mut shop = delivered_from_leeds();
    shop.accept(receive(1, &[("MUG", 2, true), ("MUG", 1, false), ("PAN", 2, true)]));
    assert_eq!((shop.stock_at("MUG", "LEEDS"), shop.stock("MUG")), ((4, 0, 0), (0, 0, 0)));
    assert_eq!((shop.stock_at("PAN", "LEEDS"), shop.stock("PAN")), ((0, 0, 0), (2, 0, 0)), "it came from both");
}

#[test]
fn n4_what_comes_back_is_unpacked_where_staff_says_and_that_location_is_known_from_then_on() {
    let mut shop = delivered_from_leeds();
    let at_york = ReceiveReturn { location: Some(at("YORK")), ..receive(1, &[("MUG", 3, true), ("PAN", 1, true)]) };
    let done = shop.accept(at_york.clone());
    let back = ["inventory.returned_to_stock", "inventory.location_opened"];
    assert_eq!(done.types, [&["order.return_received"][..], &back, &back].concat());
    assert_eq!((shop.stock_at("MUG", "YORK"), shop.stock_at("MUG", "LEEDS")), ((3, 0, 0), (2, 0, 0)));
    shop.accept_as_done(at_york);
    // Orders are served from there.
    shop.order(2, &[("MUG", 3)]);
    assert_eq!(shop.stock_at("MUG", "YORK"), (3, 3, 0));
}

#[test]
fn a_parcel_says_where_it_left_if_that_is_one_location_and_not_main() {
    let shop = delivered_from_leeds();
    let left: Vec<_> = shop.contents(1).shipments.iter().map(|shipment| shipment.location.clone()).collect();
    assert_eq!(left, [Some(at("LEEDS")), None]);
    let shop = delivered();
    assert_eq!(shop.contents(1).shipments[0].location, None);
}
