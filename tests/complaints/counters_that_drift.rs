//! The counters of stock say what nobody can explain.

use std::collections::BTreeMap;

use eventstore::RecordedEvent;
use futures_util::future::join_all;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Answer, Shop, at_once, paying_with, with_status};

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

/// Shipped and cancelled at the same moment, each of it twice: one of them wins, and the others are refused or repeat it.
async fn fight_over(shop: Shop, order: Uuid) -> Vec<Answer> {
    let staff = shop.as_staff();
    let one_parcel = staff.ship(order);
    let part = json!({ "reason": "one less", "lines": [{ "sku": "MUG", "quantity": 1 }] });
    let part = staff.post(format!("/v1/orders/{order}/cancellation")).json(part);
    at_once([one_parcel.clone(), staff.cancel(order), one_parcel, part, staff.cancel(order)]).await
}

/// medusa #12401: with shipments and cancellations going on at the same time, the reserved quantity was taken down twice, or by one
/// where three had been reserved, went below zero, and nothing could put it right. Here 24 orders are shipped, cancelled and cancelled
/// in part, each by several at once: the read model says what the stock's own stream says, that is what the book adds up to, and it is
/// what the orders say they need.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_counters_are_what_the_book_adds_up_to_whatever_is_done_at_once() {
    let shop = Shop::open().await;
    shop.sell("MUG", 500, UNITS).await;
    let mut orders = Vec::new();
    for _ in 0..ORDERS {
        orders.push(shop.confirmed_order(&shop.as_customer(), &[("MUG", EACH)]).await);
    }
    let fights = join_all(orders.iter().map(|order| tokio::spawn(fight_over(shop.clone(), *order)))).await;
    for answers in fights {
        let answers = answers.unwrap();
        assert_eq!(with_status(&answers, 500), 0);
        assert!(with_status(&answers, 200) + with_status(&answers, 201) > 0, "nobody has won");
    }
    // One that nobody pays for holds a reservation beside all that.
    let buyer = shop.as_customer();
    let cart = buyer.fill_cart(&[("MUG", EACH)]).await;
    let unpaid = buyer.checkout(cart, paying_with("tok_requires_action")).answers(201).await;
    shop.until("payment.action_required", super::payment_of(&unpaid)).await;

    let (mut shipped, mut promised) = (0, 0);
    for order in &orders {
        let seen = shop.order(*order).await;
        let part = |name: &str| seen["lines"][0][name].as_i64().unwrap();
        shipped += part("shipped");
        promised += if seen["status"] == "cancelled" { 0 } else { EACH - part("cancelled") - part("shipped") };
    }
    let expected = [UNITS - shipped, EACH, promised];
    assert_eq!(counted(&shop.events_since(0).await), expected);
    let [on_hand, reserved, allocated, available] = shop.stock("MUG").await;
    assert_eq!([on_hand, reserved, allocated], expected);
    assert_eq!(available, on_hand - reserved - allocated);
    let count = json!({ "delta": 0, "reason": "count" });
    let stream = shop.as_staff().post("/v1/inventory/MUG/adjustments").json(count).answers(201).await;
    assert_eq!(["on_hand", "reserved", "allocated"].map(|part| stream[part].as_i64().unwrap()), expected);
}
