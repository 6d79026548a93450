//! Carts, as shoppers fill them.

use serde_json::json;
use uuid::Uuid;

use super::{shop::Shop, steps::gbp};

#[tokio::test]
async fn a_line_is_added_to_changed_and_taken_out() {
    let shop = Shop::open().await;
    shop.sell("MUG", 500, 0).await;
    shop.sell("PAN", 900, 0).await;
    let buyer = shop.as_customer();
    let cart = buyer.fill_cart(&[("MUG", 1), ("PAN", 2), ("MUG", 3)]).await;
    let line = format!("/v1/carts/{cart}/items/MUG");
    let changed = buyer.put(&line).json(json!({ "quantity": 2 })).answers(200).await;
    assert_eq!((&changed["lines"][0]["quantity"], &changed["total"]), (&json!(2), &gbp(2_800)));
    let head = shop.head().await;
    let same = buyer.put(&line).json(json!({ "quantity": 2 })).answers(200).await;
    assert_eq!((same.etag(), shop.head().await), (changed.etag(), head));
    let removed = buyer.delete(&line).answers(200).await;
    assert_eq!((removed["lines"].as_array().unwrap().len(), &removed["total"]), (1, &gbp(1_800)));
    buyer.delete(&line).answers(200).await;
    buyer.put(&line).json(json!({ "quantity": 2 })).refused_as("not_found").await;
    let discarded = buyer.delete(format!("/v1/carts/{cart}")).answers(200).await;
    assert_eq!(discarded["status"], "discarded");
    buyer.delete(format!("/v1/carts/{cart}")).answers(200).await;
    let refused = buyer.add(cart, "MUG", 1).refused_as("illegal_transition").await;
    assert_eq!((refused.status, &refused["current_state"]), (409, &json!("discarded")));
}

#[tokio::test]
async fn a_line_keeps_the_price_it_was_added_at_until_it_is_changed() {
    let shop = Shop::open().await;
    shop.sell("MUG", 500, 0).await;
    let (staff, buyer) = (shop.as_staff(), shop.as_customer());
    let cart = buyer.fill_cart(&[("MUG", 1)]).await;
    staff.put("/v1/products/MUG/price").json(json!({ "price": gbp(700) })).answers(200).await;
    let seen = buyer.get(format!("/v1/carts/{cart}")).at(shop.head().await).answers(200).await;
    assert_eq!(seen["total"], gbp(500));
    let added = buyer.add(cart, "MUG", 1).answers(200).await;
    assert_eq!(added["total"], gbp(1_400), "the whole line takes on the price of now");
}

#[tokio::test]
async fn a_cart_has_the_shops_currency_unless_it_asks_for_another() {
    let shop = Shop::open().await;
    let yen = json!({ "sku": "FAN", "name": "Fan", "price": { "amount": 1_500, "currency": "JPY" }, "publish": true });
    shop.as_staff().post("/v1/products").json(yen).answers(201).await;
    let buyer = shop.as_customer();
    assert_eq!(buyer.post("/v1/carts").json(json!({ "currency": null })).answers(201).await["currency"], "GBP");
    let cart = buyer.post("/v1/carts").json(json!({ "currency": "JPY" })).answers(201).await.id();
    let added = buyer.add(cart, "FAN", 2).answers(200).await;
    assert_eq!(added["total"], json!({ "amount": 3_000, "currency": "JPY" }));
    buyer.post("/v1/carts").json(json!({ "currency": "POUND" })).refused_as("invalid_value").await;
    let refused = buyer.add(buyer.open_cart().await, "FAN", 1).refused_as("currency_mismatch").await;
    assert_eq!((&refused["expected"], &refused["found"]), (&json!("GBP"), &json!("JPY")));
}

#[tokio::test]
async fn a_total_beyond_all_numbers_is_refused() {
    let shop = Shop::open().await;
    shop.sell("MOON", i64::MAX, 0).await;
    let buyer = shop.as_customer();
    let cart = buyer.fill_cart(&[("MOON", 1)]).await;
    buyer.add(cart, "MOON", 1).refused_as("invalid_value").await;
    buyer
        .put(format!("/v1/carts/{cart}/items/MOON"))
        .json(json!({ "quantity": 100_000 }))
        .refused_as("invalid_value")
        .await;
    buyer.get(format!("/v1/carts/{}", Uuid::now_v7())).refused_as("not_found").await;
}
