//! Cancelling an order, or lines of it: stock and money go with it.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    client::{Client, Request},
    shop::Shop,
    steps::gbp,
};

fn cancel_lines(client: &Client, order: Uuid, lines: Value) -> Request {
    let body = json!({ "reason": "changed my mind", "lines": lines });
    client.post(format!("/v1/orders/{order}/cancellation")).json(body)
}

async fn payment_of(shop: &Shop, order: Uuid) -> Uuid {
    shop.order(order).await["payments"][0]["id"].as_str().unwrap().parse().unwrap()
}

async fn payment(shop: &Shop, payment: Uuid) -> [Value; 3] {
    let seen = shop.as_staff().get(format!("/v1/payments/{payment}")).at(shop.head().await).answers(200).await;
    ["status", "captured", "refunded"].map(|part| seen[part].clone())
}

#[tokio::test]
async fn what_is_cancelled_of_an_order_is_neither_sent_nor_taken() {
    let shop = Shop::open().await;
    shop.sell("MUG", 500, 5).await;
    shop.sell("PAN", 900, 5).await;
    let (buyer, staff) = (shop.as_customer(), shop.as_staff());
    let order = shop.confirmed_order(&buyer, &[("MUG", 3), ("PAN", 1)]).await;
    let id = payment_of(&shop, order).await;

    let lines = json!([{ "sku": "MUG", "quantity": 1 }, { "sku": "PAN", "quantity": 1 }]);
    let seen = cancel_lines(&buyer, order, lines).answers(200).await;
    let cancelled: Vec<_> = seen["lines"].as_array().unwrap().iter().map(|line| &line["cancelled"]).collect();
    assert_eq!((cancelled, &seen["status"]), (vec![&json!(1), &json!(1)], &json!("confirmed")));
    assert_eq!((shop.stock("MUG").await, shop.stock("PAN").await), ([5, 0, 2, 3], [5, 0, 0, 5]));

    let left = json!([{ "sku": "MUG", "quantity": 3 }]);
    let refused = cancel_lines(&buyer, order, left).refused_as("quantity_exceeded").await;
    assert_eq!((&refused["skus"], &refused["available"]), (&json!(["MUG"]), &json!(2)));
    cancel_lines(&buyer, order, json!([])).refused_as("invalid_value").await.names((
        "pointer",
        "/lines",
        "invalid_value",
    ));
    let strange = json!([{ "sku": "CUP", "quantity": 1 }]);
    cancel_lines(&buyer, order, strange).refused_as("invalid_value").await;
    cancel_lines(&shop.as_customer(), order, json!([{ "sku": "MUG", "quantity": 1 }])).refused_as("not_found").await;

    staff.ship(order).answers(201).await;
    shop.until("payment.voided", id).await;
    assert_eq!(payment(&shop, id).await, [json!("partially_captured"), gbp(1_000), gbp(0)]);
    let seen = shop.order(order).await;
    assert_eq!([&seen["status"], &seen["fulfillment_status"]], ["shipped", "shipped"]);
    cancel_lines(&buyer, order, json!([{ "sku": "MUG", "quantity": 1 }])).refused_as("illegal_transition").await;
}

#[tokio::test]
async fn lines_of_a_pending_order_are_not_cancelled() {
    let shop = Shop::open_without_processes().await;
    shop.sell("MUG", 500, 5).await;
    let buyer = shop.as_customer();
    let order = buyer.check_out(buyer.fill_cart(&[("MUG", 3)]).await).await.id();
    let refused =
        cancel_lines(&buyer, order, json!([{ "sku": "MUG", "quantity": 1 }])).refused_as("illegal_transition");
    assert_eq!(refused.await["current_state"], "pending");
}

#[tokio::test]
async fn an_order_that_was_paid_is_cancelled_and_its_money_given_back() {
    let shop = Shop::open().await;
    shop.sell("MUG", 500, 5).await;
    let (buyer, staff) = (shop.as_customer(), shop.as_staff());
    let order = shop.confirmed_order(&buyer, &[("MUG", 2)]).await;
    let id = payment_of(&shop, order).await;
    staff.post(format!("/v1/payments/{id}/captures")).keyed().json(json!({})).answers(201).await;
    shop.until("payment.completed", id).await;
    cancel_lines(&buyer, order, json!([{ "sku": "MUG", "quantity": 1 }])).answers(200).await;
    shop.until("payment.refund_succeeded", id).await;
    assert_eq!(payment(&shop, id).await, [json!("partially_refunded"), gbp(1_000), gbp(500)]);
    buyer.cancel(order).answers(200).await;
    shop.until("payment.refunded", id).await;
    assert_eq!(payment(&shop, id).await, [json!("refunded"), gbp(1_000), gbp(1_000)]);
    let seen = shop.order(order).await;
    assert_eq!([&seen["status"], &seen["payment_status"]], ["cancelled", "refunded"]);
    assert_eq!(shop.stock("MUG").await, [5, 0, 0, 5]);
}
