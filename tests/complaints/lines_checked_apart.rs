//! Each of two lines is there, and both together are not.

use serde_json::{Value, json};

use super::{Shop, paying_with};

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
    cancel(&[1]).answers(200).await;
    let shipment = parcel(&[2, 2]).answers(201).await.id();
    staff.post(format!("/v1/orders/{order}/shipments/{shipment}/delivery")).json(json!({})).answers(200).await;
    let send_back = |units: &[i64]| {
        let body = json!({ "reason": "broken", "lines": mugs(units) });
        buyer.post(format!("/v1/orders/{order}/returns")).json(body)
    };
    assert_eq!(send_back(&[2, 3]).send().await.has_code("quantity_exceeded")["available"], 4);
    send_back(&[2, 2]).answers(201).await;
    assert_eq!(shop.stock("MUG").await, [1, 0, 0, 1]);
}
