//! The counters of stock say what nobody can explain.

use std::collections::BTreeMap;

use eventstore::RecordedEvent;
use futures_util::future::join_all;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Answer, Shop, at_once, paying_with, with_status};
use crate::http::client::Client;

const UNITS: i64 = 200;
const ORDERS: usize = 24;
/// Of each order, so that a counter that goes by one instead of by the quantity shows.
const EACH: i64 = 3;

/// What the book says of one SKU, by arithmetic of the test's own: on hand, reserved, allocated, none of them ever below zero.
fn counted(events: &[RecordedEvent]) -> [i64; 3] {
    let (mut on_hand, mut reserved, mut allocated) = (0, BTreeMap::new(), BTreeMap::new());
    for event in events.iter().filter(|event| event.stream.category == "inventory") {
        let payload: Value = serde_json::from_str(&event.payload).unwrap();
        let order = payload["order_id"].as_str().unwrap_or_default().to_owned();
        let quantity = payload["quantity"].as_i64().unwrap_or_default();
        match event.event_type.as_str() {
            "inventory.received" => on_hand += quantity,
            "inventory.adjusted" => on_hand += payload["delta"].as_i64().unwrap(),
            "inventory.reserved" => drop(reserved.insert(order, quantity)),
            "inventory.reservation_released" => assert_eq!(reserved.remove(&order), Some(quantity)),
            "inventory.allocated" => {
                assert_eq!(reserved.remove(&order), Some(quantity));
                allocated.insert(order, quantity);
            }
            "inventory.allocation_released" | "inventory.shipped" => {
                *allocated.get_mut(&order).expect("what leaves was promised") -= quantity;
                on_hand -= if event.event_type == "inventory.shipped" { quantity } else { 0 };
            }
            _ => {}
        }
        assert!(on_hand >= 0 && allocated.values().all(|units| *units >= 0), "after {}", event.position);
    }
    [on_hand, reserved.values().sum(), allocated.values().sum()]
}

/// What was done to an order before the fight over it: whoever wins, some are sent, some cancelled, and some cancelled in part.
#[derive(Debug, Clone, Copy)]
enum Before {
    Nothing,
    OneSent,
    OneCancelled,
}

/// Shipped and cancelled at the same moment, each of it twice: one of them wins, and the others are refused or repeat it.
async fn fight_over(shop: Shop, order: Uuid, before: Before, first: usize) -> Vec<Answer> {
    let staff = shop.as_staff();
    let one_mug = json!([{ "sku": "MUG", "quantity": 1 }]);
    let part = json!({ "reason": "one less", "lines": one_mug });
    let part = staff.post(format!("/v1/orders/{order}/cancellation")).json(part);
    match before {
        Before::Nothing => {}
        Before::OneSent => {
            let parcel = json!({ "lines": one_mug, "carrier": "DHL", "tracking": "1" });
            staff.post(format!("/v1/orders/{order}/shipments")).keyed().json(parcel).answers(201).await;
        }
        Before::OneCancelled => drop(part.clone().answers(200).await),
    }
    // What has a key is decided after what has none: all of them have one, so that any may be first.
    let (parcel, cancel) = (staff.ship(order), staff.cancel(order).keyed());
    let mut requests = [parcel.clone(), cancel.clone(), parcel, part.keyed(), cancel];
    let first = first % requests.len();
    requests.rotate_left(first);
    at_once(requests).await
}

/// Holds a reservation, and is not paid for.
async fn unpaid(shop: &Shop) -> (Client, Uuid) {
    let buyer = shop.as_customer();
    let cart = buyer.fill_cart(&[("MUG", EACH)]).await;
    let order = buyer.checkout(cart, paying_with("tok_requires_action")).answers(201).await;
    shop.until("payment.action_required", super::payment_of(&order)).await;
    (buyer, order.id())
}

/// medusa #12401: with shipments and cancellations going on at the same time, the reserved quantity was taken down twice, or by one
/// where three had been reserved, went below zero, and nothing could put it right. Here 24 orders are shipped, cancelled and cancelled
/// in part, each by several at once, and some of them in part before: the read model says what the stock's own stream says, that is
/// what the book adds up to, and it is what the orders say they need.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_counters_are_what_the_book_adds_up_to_whatever_is_done_at_once() {
    let shop = Shop::open().await;
    shop.sell("MUG", 500, UNITS).await;
    let mut orders = Vec::new();
    for _ in 0..ORDERS {
        orders.push(shop.confirmed_order(&shop.as_customer(), &[("MUG", EACH)]).await);
    }
    let before = [Before::Nothing, Before::OneSent, Before::OneCancelled].into_iter().cycle();
    let fights = orders
        .iter()
        .zip(before)
        .enumerate()
        .map(|(number, (order, before))| tokio::spawn(fight_over(shop.clone(), *order, before, number)));
    let fights = join_all(fights).await;
    for answers in fights {
        let answers = answers.unwrap();
        assert_eq!(with_status(&answers, 500), 0);
        assert!(with_status(&answers, 200) + with_status(&answers, 201) > 0, "nobody has won");
    }
    // Nobody fights over the last one.
    orders.push(shop.confirmed_order(&shop.as_customer(), &[("MUG", EACH)]).await);
    // Beside all that one holds a reservation, and another has given its own up.
    unpaid(&shop).await;
    let (buyer, given_up) = unpaid(&shop).await;
    assert_eq!(with_status(&at_once([buyer.cancel(given_up), buyer.cancel(given_up)]).await, 200), 2);

    let (mut shipped, mut promised, mut cancelled, mut cancelled_in_part) = (0, 0, 0, 0);
    for order in &orders {
        let seen = shop.order(*order).await;
        let part = |name: &str| seen["lines"][0][name].as_i64().unwrap();
        shipped += part("shipped");
        cancelled += usize::from(seen["status"] == "cancelled");
        cancelled_in_part += part("cancelled");
        promised += if seen["status"] == "cancelled" { 0 } else { EACH - part("cancelled") - part("shipped") };
    }
    assert!(shipped > 0 && cancelled > 0 && cancelled_in_part > 0, "{shipped}, {cancelled}, {cancelled_in_part}");
    let expected = [UNITS - shipped, EACH, promised];
    assert_eq!(counted(&shop.events_since(0).await), expected);
    let [on_hand, reserved, allocated, available] = shop.stock("MUG").await;
    assert_eq!([on_hand, reserved, allocated], expected);
    assert_eq!(available, on_hand - reserved - allocated);
    let count = json!({ "delta": 0, "reason": "count" });
    let stream = shop.as_staff().post("/v1/inventory/MUG/adjustments").json(count).answers(201).await;
    assert_eq!(["on_hand", "reserved", "allocated"].map(|part| stream[part].as_i64().unwrap()), expected);
}
