//! Each of two lines is there, and both together are not.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Shop, gbp, paying_with, payment_of};
use crate::http::client::Client;

fn mugs(units: &[i64]) -> Value {
    units.iter().map(|units| json!({ "sku": "MUG", "quantity": units })).collect()
}

/// medusa #16502: two lines of a cart that draw on the same stock were each held against what was available, five of five and five
/// of five, and ten were reserved. Here units of one SKU are added up wherever they are named twice, before anything is checked.
#[tokio::test]
async fn two_lines_of_one_sku_are_checked_as_their_sum() {
    let shop = Shop::open().await;
    shop.sell("MUG", 500, 5).await;
    let (buyer, staff) = (shop.as_customer(), shop.as_staff());
    let cart = buyer.fill_cart(&[("MUG", 5), ("MUG", 5)]).await;
    let refused = buyer.checkout(cart, paying_with("tok_ok")).refused_as("out_of_stock").await;
    assert_eq!(refused["skus"], json!([{ "sku": "MUG", "requested": 10, "available": 5 }]));
    assert_eq!(shop.stock("MUG").await, [5, 0, 0, 5], "not even a part of it is reserved");

    let order = shop.confirmed_order(&buyer, &[("MUG", 3), ("MUG", 2)]).await;
    let parcel = |units: &[i64]| {
        let body = json!({ "lines": mugs(units), "carrier": "DHL", "tracking": "1" });
        staff.post(format!("/v1/orders/{order}/shipments")).keyed().json(body)
    };
    let cancel = |units: &[i64]| {
        let body = json!({ "reason": "too many", "lines": mugs(units) });
        buyer.post(format!("/v1/orders/{order}/cancellation")).json(body)
    };
    assert_eq!(parcel(&[3, 3]).refused_as("quantity_exceeded").await["available"], 5);
    assert_eq!(cancel(&[3, 3]).refused_as("quantity_exceeded").await["available"], 5);
    cancel(&[1, 1]).answers(200).await;
    assert_eq!(shop.stock("MUG").await, [5, 0, 3, 2], "both of the two are free again");
    let shipment = parcel(&[1, 2]).answers(201).await.id();
    assert_eq!(shop.stock("MUG").await, [2, 0, 0, 2], "all of the parcel has left the shelf");
    // The last thing that comes of it: what was authorised for the two that were cancelled is let go.
    shop.until("payment.voided", payment_of(&shop.order(order).await)).await;
    staff.post(format!("/v1/orders/{order}/shipments/{shipment}/delivery")).json(json!({})).answers(200).await;
    what_is_sent_back_and_refunded_is_checked_as_its_sum(&shop, &buyer, order).await;
}

/// Of five mugs three were delivered, and two cancelled.
async fn what_is_sent_back_and_refunded_is_checked_as_its_sum(shop: &Shop, buyer: &Client, order: Uuid) {
    let staff = shop.as_staff();
    let send_back = |units: &[i64]| {
        let body = json!({ "reason": "broken", "lines": mugs(units) });
        buyer.post(format!("/v1/orders/{order}/returns")).json(body)
    };
    assert_eq!(send_back(&[2, 2]).refused_as("quantity_exceeded").await["available"], 3);
    let sent_back = send_back(&[2, 1]).answers(201).await.id();
    let about_it = format!("/v1/orders/{order}/returns/{sent_back}");
    staff.post(format!("{about_it}/approval")).answers(200).await;
    let receive = |units: &[i64]| {
        let line = |units: &i64| json!({ "sku": "MUG", "quantity": units, "restock": true });
        let body = json!({ "lines": units.iter().map(line).collect::<Value>() });
        staff.post(format!("{about_it}/receipt")).json(body)
    };
    assert_eq!(receive(&[2, 2]).refused_as("quantity_exceeded").await["available"], 3);
    receive(&[2, 1]).answers(200).await;
    assert_eq!(shop.stock("MUG").await, [5, 0, 0, 5], "all of what came back is on the shelf again");

    let refund = |units: &[i64]| {
        let body = json!({ "amount": gbp(100), "reason": "broken", "lines": mugs(units) });
        staff.post(format!("/v1/orders/{order}/refunds")).keyed().json(body)
    };
    assert_eq!(refund(&[3, 3]).refused_as("quantity_exceeded").await["available"], 5);
    assert_eq!(refund(&[2, 1]).answers(201).await["lines"][0]["quantity"], 3);
}
