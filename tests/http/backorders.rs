//! Orders of what is not there yet: promised within the limit, called backordered, and sent once it has come.

use serde_json::{Value, json};
use uuid::Uuid;

use super::client::Client;
use super::shop::Shop;

impl Shop {
    /// Published, so many there, and so many more that may be promised.
    async fn sell_beyond(&self, sku: &str, units: i64, limit: i64) {
        self.sell(sku, 500, units).await;
        let policy = json!({ "backorder_limit": limit });
        self.as_staff().put(format!("/v1/inventory/{sku}/policy")).json(policy).answers(200).await;
    }

    async fn axis(&self, order: Uuid) -> Value {
        self.order(order).await["fulfillment_status"].clone()
    }

    /// The ids of the orders that are listed under this value of the axis, once everything so far is posted.
    async fn listed_as(&self, fulfillment_status: &str) -> Value {
        let staff = self.as_staff();
        let path = format!("/v1/orders?fulfillment_status={fulfillment_status}&sort=created_at");
        let listing = staff.get(path).at(self.head().await).answers(200).await;
        for order in listing["data"].as_array().unwrap() {
            assert_eq!(order["fulfillment_status"], fulfillment_status);
        }
        listing["data"].as_array().unwrap().iter().map(|order| order["id"].clone()).collect()
    }
}

async fn hold(staff: &Client, order: Uuid) -> Value {
    let hold = staff.post(format!("/v1/orders/{order}/hold")).json(json!({ "reason": "fraud check" }));
    hold.answers(200).await["fulfillment_status"].clone()
}

#[tokio::test]
async fn n1_an_order_within_the_backorder_limit_is_backordered_until_its_stock_has_come_and_is_then_sent() {
    let shop = Shop::open().await;
    shop.sell_beyond("MUG", 2, 3).await;
    let (staff, buyer) = (shop.as_staff(), shop.as_customer());
    let served = shop.confirmed_order(&buyer, &[("MUG", 2)]).await;
    let waiting = shop.confirmed_order(&buyer, &[("MUG", 3)]).await;
    assert_eq!((shop.axis(served).await, shop.axis(waiting).await), (json!("unfulfilled"), json!("backordered")));
    assert_eq!(shop.listed_as("backordered").await, json!([waiting]));
    assert_eq!(shop.listed_as("unfulfilled").await, json!([served]));
    let seen = shop.order(waiting).await;
    assert_eq!((&seen["status"], &seen["on_hold"]), (&json!("confirmed"), &json!(false)), "it was meant so");
    assert_eq!(hold(&staff, waiting).await, "backordered", "a command answers what a query shows");
    staff.post(format!("/v1/orders/{waiting}/release")).answers(200).await;
    let refused = staff.ship(waiting).refused_as("out_of_stock").await;
    assert_eq!(refused["skus"], json!([{ "sku": "MUG", "requested": 3, "available": 2 }]));

    staff.receive("MUG", 3).await;
    shop.until_there_are(2, "order.coverage_changed", waiting).await;
    assert_eq!(shop.axis(waiting).await, "unfulfilled");
    assert_eq!(hold(&staff, waiting).await, "unfulfilled");
    staff.post(format!("/v1/orders/{waiting}/release")).answers(200).await;
    assert_eq!(shop.listed_as("backordered").await, json!([]));
    assert_eq!(shop.listed_as("unfulfilled").await, json!([served, waiting]));
    staff.ship(waiting).answers(201).await;
    assert_eq!(shop.axis(waiting).await, "shipped");
    staff.ship(served).answers(201).await;
    assert_eq!(shop.stock("MUG").await, [0, 0, 0, 0]);
}

#[tokio::test]
async fn n1_beyond_the_backorder_limit_nothing_is_promised() {
    let shop = Shop::open().await;
    shop.sell_beyond("MUG", 2, 3).await;
    let buyer = shop.as_customer();
    let cart = buyer.fill_cart(&[("MUG", 6)]).await;
    let refused = buyer.checkout(cart, super::steps::paying_with("tok_ok")).refused_as("out_of_stock").await;
    assert_eq!(refused["skus"], json!([{ "sku": "MUG", "requested": 6, "available": 5 }]));
}

#[tokio::test]
async fn n1_an_order_whose_stock_a_count_took_away_is_backordered_and_on_hold_until_it_is_back() {
    let shop = Shop::open().await;
    shop.sell("MUG", 500, 3).await;
    let (staff, buyer) = (shop.as_staff(), shop.as_customer());
    let order = shop.confirmed_order(&buyer, &[("MUG", 3)]).await;
    let count = json!({ "delta": -1, "reason": "count" });
    staff.post("/v1/inventory/MUG/adjustments").json(count).answers(201).await;
    shop.until("order.coverage_changed", order).await;
    let seen = shop.order(order).await;
    assert_eq!((&seen["fulfillment_status"], &seen["on_hold"]), (&json!("backordered"), &json!(true)));
    assert_eq!(shop.listed_as("backordered").await, json!([order]));
    staff.receive("MUG", 1).await;
    shop.until_there_are(2, "order.coverage_changed", order).await;
    let seen = shop.order(order).await;
    assert_eq!((&seen["fulfillment_status"], &seen["on_hold"]), (&json!("unfulfilled"), &json!(false)));
}

#[tokio::test]
async fn n1_a_backordered_order_that_is_cancelled_is_backordered_no_more() {
    let shop = Shop::open().await;
    shop.sell_beyond("MUG", 0, 3).await;
    let buyer = shop.as_customer();
    let order = shop.confirmed_order(&buyer, &[("MUG", 3)]).await;
    assert_eq!(shop.axis(order).await, "backordered");
    assert_eq!(buyer.cancel(order).answers(200).await["fulfillment_status"], "unfulfilled");
    assert_eq!((shop.axis(order).await, shop.listed_as("backordered").await), (json!("unfulfilled"), json!([])));
    assert_eq!(shop.stock("MUG").await, [0, 0, 0, 0]);
}
