//! Orders after the checkout: cancelled, held, shipped in parts, delivered.

use serde_json::json;
use uuid::Uuid;

use super::shop::Shop;
use super::steps::{gbp, paying_with};

#[tokio::test]
async fn a_cancellation_sets_the_stock_free_and_gives_the_money_back() {
    let shop = Shop::open().await;
    shop.sell("MUG", 500, 5).await;
    let (buyer, stranger) = (shop.as_customer(), shop.as_customer());
    let order = shop.confirmed_order(&buyer, &[("MUG", 2)]).await;
    assert_eq!(shop.stock("MUG").await, [5, 0, 2, 3]);
    stranger.cancel(order).refused_as("not_found").await;
    let cancelled = buyer.cancel(order).answers(200).await;
    assert_eq!(cancelled["status"], "cancelled");
    let payment = cancelled["payments"][0]["id"].as_str().unwrap().parse().unwrap();
    shop.until("payment.voided", payment).await;
    assert_eq!(shop.stock("MUG").await, [5, 0, 0, 5]);
    let seen = shop.order(order).await;
    assert_eq!((&seen["payment_status"], &seen["payments"][0]["status"]), (&json!("voided"), &json!("voided")));

    let head = shop.head().await;
    let again = buyer.cancel(order).answers(200).await;
    assert_eq!((again.body, shop.head().await), (seen.body, head), "what is done already is no error, and no event");
    shop.as_staff().ship(order).refused_as("illegal_transition").await;
}

#[tokio::test]
async fn a_pending_order_that_is_cancelled_keeps_nothing() {
    let shop = Shop::open().await;
    shop.sell("MUG", 500, 5).await;
    let buyer = shop.as_customer();
    let cart = buyer.fill_cart(&[("MUG", 2)]).await;
    let order = buyer.checkout(cart, paying_with("tok_requires_action")).answers(201).await;
    let payment = order["payments"][0]["id"].as_str().unwrap().parse().unwrap();
    shop.until("payment.action_required", payment).await;
    assert_eq!(shop.stock("MUG").await, [5, 2, 0, 3]);
    buyer.cancel(order.id()).answers(200).await;
    shop.until("payment.voided", payment).await;
    assert_eq!(shop.stock("MUG").await, [5, 0, 0, 5]);
}

#[tokio::test]
async fn an_order_is_shipped_once() {
    let shop = Shop::open().await;
    shop.sell("MUG", 500, 5).await;
    let (staff, buyer) = (shop.as_staff(), shop.as_customer());
    let order = shop.confirmed_order(&buyer, &[("MUG", 2)]).await;
    let shipment = staff.ship(order).answers(201).await;
    let payment = shop.order(order).await["payments"][0]["id"].as_str().unwrap().parse().unwrap();
    shop.until("payment.completed", payment).await;
    let refused = staff.ship(order).refused_as("illegal_transition").await;
    assert_eq!(refused["current_state"], "shipped");
    buyer.cancel(order).refused_as("illegal_transition").await;
    staff
        .post(format!("/v1/orders/{order}/hold"))
        .json(json!({ "reason": "late" }))
        .refused_as("illegal_transition")
        .await;

    let delivery = staff.post(format!("/v1/orders/{order}/shipments/{}/delivery", shipment.id()));
    let delivered = delivery.clone().json(json!({ "delivered_at": "2026-01-02T03:04:05Z" })).answers(200).await;
    assert_eq!(delivered["delivered_at"], "2026-01-02T03:04:05Z");
    let head = shop.head().await;
    let again = delivery.json(json!({})).answers(200).await;
    assert_eq!((again.body, shop.head().await), (delivered.body, head));
    let nowhere = staff.post(format!("/v1/orders/{order}/shipments/{}/delivery", Uuid::now_v7()));
    nowhere.json(json!({})).refused_as("not_found").await;
    assert_eq!(shop.order(order).await["status"], "delivered");
}

#[tokio::test]
async fn a_parcel_arrives_at_a_time_that_was_and_that_calendars_have() {
    let shop = Shop::open().await;
    shop.sell("MUG", 500, 5).await;
    let staff = shop.as_staff();
    let order = shop.confirmed_order(&shop.as_customer(), &[("MUG", 1)]).await;
    let shipment = staff.ship(order).answers(201).await.id();
    shop.until("payment.completed", shop.order(order).await["payments"][0]["id"].as_str().unwrap().parse().unwrap())
        .await;
    let deliver = |time: &str| {
        let delivery = staff.post(format!("/v1/orders/{order}/shipments/{shipment}/delivery"));
        delivery.json(json!({ "delivered_at": time }))
    };
    for time in [
        "-5000-01-01T00:00:00Z",
        "-262143-01-01T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "1969-12-31T23:59:59Z",
        "9999-12-31T23:59:59Z",
        "+262142-12-31T23:59:59Z",
        "2026-02-30T00:00:00Z",
        "2026-02-20 00:00",
        "yesterday",
    ] {
        deliver(time).refused_as("invalid_value").await.names(("pointer", "/delivered_at", "invalid_value"));
    }
    deliver("2026-01-02T03:04:05+02:00").answers(200).await;
    assert_eq!(shop.order(order).await["shipments"][0]["delivered_at"], "2026-01-02T01:04:05Z");
}

#[tokio::test]
async fn an_order_is_shipped_in_parts_and_paid_in_parts() {
    let shop = Shop::open().await;
    shop.sell("MUG", 500, 9).await;
    shop.sell("PAN", 900, 9).await;
    let staff = shop.as_staff();
    let order = shop.confirmed_order(&shop.as_customer(), &[("MUG", 3), ("PAN", 1)]).await;
    let payment: Uuid = shop.order(order).await["payments"][0]["id"].as_str().unwrap().parse().unwrap();
    let parcel = |lines| {
        let body = json!({ "lines": lines, "carrier": "DHL", "tracking": "1" });
        staff.post(format!("/v1/orders/{order}/shipments")).keyed().json(body)
    };
    parcel(json!([])).refused_as("invalid_value").await.names(("pointer", "/lines", "invalid_value"));
    parcel(json!([{ "sku": "CUP", "quantity": 1 }])).refused_as("invalid_value").await;
    let refused = parcel(json!([{ "sku": "MUG", "quantity": 4 }])).refused_as("quantity_exceeded").await;
    assert_eq!((&refused["skus"], &refused["available"]), (&json!(["MUG"]), &json!(3)));

    parcel(json!([{ "sku": "MUG", "quantity": 1 }, { "sku": "MUG", "quantity": 1 }])).answers(201).await;
    shop.until("payment.captured", payment).await;
    let seen = shop.order(order).await;
    assert_eq!(
        [&seen["status"], &seen["payment_status"], &seen["fulfillment_status"]],
        ["processing", "partially_paid", "partially_shipped"]
    );
    let paid = staff.get(format!("/v1/payments/{payment}")).answers(200).await;
    assert_eq!((&paid["authorized"], &paid["captured"]), (&gbp(2_400), &gbp(1_000)));
    parcel(json!([{ "sku": "MUG", "quantity": 2 }])).refused_as("quantity_exceeded").await;
    staff.ship(order).answers(201).await;
    shop.until("payment.completed", payment).await;
    let seen = shop.order(order).await;
    assert_eq!([&seen["status"], &seen["payment_status"]], ["shipped", "paid"]);
    assert_eq!((shop.stock("MUG").await, shop.stock("PAN").await), ([6, 0, 0, 6], [8, 0, 0, 8]));
}

#[tokio::test]
async fn what_is_not_paid_or_is_on_hold_is_not_shipped() {
    let shop = Shop::open().await;
    shop.sell("MUG", 500, 9).await;
    let (staff, buyer) = (shop.as_staff(), shop.as_customer());
    let cart = buyer.fill_cart(&[("MUG", 1)]).await;
    let pending = buyer.checkout(cart, paying_with("tok_declined")).answers(201).await;
    shop.until("payment.failed", pending["payments"][0]["id"].as_str().unwrap().parse().unwrap()).await;
    let refused = staff.ship(pending.id()).refused_as("illegal_transition").await;
    assert_eq!(refused["current_state"], "pending");

    let order = shop.confirmed_order(&buyer, &[("MUG", 1)]).await;
    let held =
        staff.post(format!("/v1/orders/{order}/hold")).json(json!({ "reason": "fraud check" })).answers(200).await;
    assert_eq!(held["on_hold"], true);
    let refused = staff.ship(order).refused_as("illegal_transition").await;
    let allowed = json!(["cancel", "cancel_lines", "correct_address", "grant_refund", "hold", "release"]);
    assert_eq!((&refused["current_state"], &refused["allowed"]), (&json!("on_hold"), &allowed));
    let released = staff.post(format!("/v1/orders/{order}/release")).answers(200).await;
    assert_eq!(released["on_hold"], false);
    staff.ship(order).answers(201).await;
}

#[tokio::test]
async fn an_order_is_answered_by_commands_as_it_is_read() {
    let shop = Shop::open().await;
    shop.sell("MUG", 500, 9).await;
    let (staff, buyer) = (shop.as_staff(), shop.as_customer());
    let order = shop.confirmed_order(&buyer, &[("MUG", 1)]).await;
    let before = shop.order(order).await;
    let held =
        staff.post(format!("/v1/orders/{order}/hold")).json(json!({ "reason": "fraud check" })).answers(200).await;
    let seen = shop.order(order).await;
    assert_eq!((&held.body, held.etag()), (&seen.body, seen.etag()));
    assert!(held["updated_at"].as_str() > before["updated_at"].as_str());
    assert_eq!(held["created_at"], before["created_at"]);
}
