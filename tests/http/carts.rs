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

#[tokio::test]
async fn c7_whoever_holds_the_guests_token_merges_their_cart_at_login() {
    let shop = Shop::open().await;
    shop.sell("MUG", 500, 0).await;
    shop.sell("PAN", 900, 0).await;
    let (from, guest_token) = shop.guest_with(&[("MUG", 99_999), ("PAN", 1)]).await;
    shop.as_staff().post("/v1/products/PAN/archival").answers(200).await;
    let buyer = shop.as_customer();
    let cart = buyer.fill_cart(&[("MUG", 3)]).await;
    let merge =
        || buyer.post(format!("/v1/carts/{cart}/merge")).json(json!({ "from": from, "guest_token": guest_token }));
    let merged = merge().answers(200).await;
    assert_eq!((&merged["lines"][0]["quantity"], &merged["total"]), (&json!(100_000), &gbp(50_000_000)));
    let dropped = json!([
        { "sku": "MUG", "quantity": 2, "reason": "quantity_out_of_range" },
        { "sku": "PAN", "quantity": 1, "reason": "product_not_published" },
    ]);
    assert_eq!(merged["dropped"], dropped);
    let head = shop.head().await;
    let again = merge().answers(200).await;
    assert_eq!((&again.body, again.etag(), shop.head().await), (&merged.body, merged.etag(), head));
    let seen = buyer.get(format!("/v1/carts/{cart}")).at(head).answers(200).await;
    assert_eq!((&seen["lines"], &seen["version"]), (&merged["lines"], &merged["version"]));
    let gone = shop.with_token(&guest_token).get(format!("/v1/carts/{from}")).at(head).answers(200).await;
    assert_eq!(gone["status"], "merged");
    let other = buyer.open_cart().await;
    let elsewhere = buyer.post(format!("/v1/carts/{other}/merge"));
    let refused =
        elsewhere.json(json!({ "from": from, "guest_token": guest_token })).refused_as("illegal_transition").await;
    assert_eq!(refused["current_state"], "merged");
}

#[tokio::test]
async fn c7_a_cart_is_not_merged_without_its_guests_token() {
    let shop = Shop::open().await;
    shop.sell("MUG", 500, 0).await;
    let (from, guest_token) = shop.guest_with(&[("MUG", 1)]).await;
    let (_, others_token) = shop.guest_with(&[]).await;
    let buyer = shop.as_customer();
    let cart = buyer.open_cart().await;
    let head = shop.head().await;
    let merge = |body| buyer.post(format!("/v1/carts/{cart}/merge")).json(body);
    merge(json!({ "from": from, "guest_token": others_token })).refused_as("not_found").await;
    for token in ["", "nonsense", buyer.token(), &format!("{guest_token}x")] {
        let refused = merge(json!({ "from": from, "guest_token": token })).refused_as("invalid_value").await;
        refused.names(("pointer", "/guest_token", "invalid_value"));
    }
    let (own, own_token) = shop.guest_with(&[]).await;
    let itself = shop.with_token(&own_token).post(format!("/v1/carts/{own}/merge"));
    let refused = itself.json(json!({ "from": own, "guest_token": own_token })).refused_as("invalid_value").await;
    refused.names(("pointer", "/from", "invalid_value"));
    merge(json!({ "from": from })).refused_as("invalid_body").await;
    let others = shop.as_customer().post(format!("/v1/carts/{cart}/merge"));
    others.json(json!({ "from": from, "guest_token": guest_token })).refused_as("not_found").await;
    let changes = shop.types_since(head).await.into_iter().filter(|kind| kind != "cart.opened").count();
    assert_eq!(changes, 0);
}
