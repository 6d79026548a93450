//! What the headers of a request ask for and those of an answer promise: entity tags, preconditions, preferences.

use serde_json::json;

use super::{
    shop::Shop,
    steps::{gbp, paying_with},
};

#[tokio::test]
async fn who_has_the_representation_already_is_told_so_without_it() {
    let shop = Shop::open().await;
    shop.sell("MUG", 500, 0).await;
    let (staff, anyone) = (shop.as_staff(), shop.anonymous());
    let path = "/v1/products/MUG";
    let first = anyone.get(path).at(shop.head().await).answers(200).await;
    let weak = format!("\"x\", W/{}", first.etag());
    for tag in [first.etag(), &weak, "*"] {
        let unchanged = anyone.get(path).header("if-none-match", tag).answers(304).await;
        assert_eq!((unchanged.etag(), unchanged.position()), (first.etag(), first.position()));
    }
    let price = json!({ "price": gbp(600) });
    let changed = staff.put(format!("{path}/price")).json(price).answers(200).await;
    let second = anyone.get(path).after(&changed).header("if-none-match", first.etag()).answers(200).await;
    assert_eq!((second["price"].clone(), second.etag()), (gbp(600), changed.etag()));
}

#[tokio::test]
async fn the_tag_of_an_order_follows_its_payment_though_its_version_does_not() {
    let shop = Shop::open().await;
    shop.sell("MUG", 500, 5).await;
    let buyer = shop.as_customer();
    let cart = buyer.fill_cart(&[("MUG", 1)]).await;
    let pending = buyer.checkout(cart, paying_with("tok_declined")).answers(201).await;
    let payment = pending["payments"][0]["id"].as_str().unwrap().parse().unwrap();
    shop.until("payment.failed", payment).await;
    let declined = shop.order(pending.id()).await;
    assert_eq!((&declined["version"], &declined["payment_status"]), (&pending["version"], &json!("declined")));
    assert_ne!(declined.etag(), pending.etag());
    // And yet it is the version that If-Match compares.
    buyer.cancel(pending.id()).if_still(&pending).answers(200).await;
}

#[tokio::test]
async fn a_command_for_another_version_is_refused_and_told_the_current_one() {
    let shop = Shop::open().await;
    shop.sell("MUG", 500, 5).await;
    let (staff, buyer) = (shop.as_staff(), shop.as_customer());
    let cart = buyer.fill_cart(&[("MUG", 1)]).await;
    let order = shop.confirmed_order(&buyer, &[("MUG", 1)]).await;
    let payment = shop.order(order).await["payments"][0]["id"].as_str().unwrap().to_owned();
    let item = json!({ "sku": "MUG", "quantity": 2 });
    let (reason, method) = (json!({ "reason": "a test" }), json!({ "method": "card", "token": "tok_ok" }));
    let refused = [
        (staff.patch("/v1/products/MUG").json(json!({ "name": "Mug" })), 2),
        (staff.put("/v1/products/MUG/price").json(json!({ "price": gbp(600) })), 2),
        (staff.post("/v1/products/MUG/publication"), 2),
        (staff.post("/v1/products/MUG/archival"), 2),
        (staff.post("/v1/inventory/MUG/receipts").json(json!({ "quantity": 1 })), 3),
        (staff.post("/v1/inventory/MUG/adjustments").json(json!({ "delta": 1, "reason": "count" })), 3),
        (staff.post("/v1/inventory/MUG/set-aside").json(json!({ "quantity": 1, "reason": "damaged" })), 3),
        (staff.put("/v1/inventory/MUG/policy").json(json!({ "low_stock_threshold": 1 })), 3),
        (buyer.post(format!("/v1/carts/{cart}/items")).json(item), 2),
        (buyer.put(format!("/v1/carts/{cart}/items/MUG")).json(json!({ "quantity": 3 })), 2),
        (buyer.delete(format!("/v1/carts/{cart}/items/MUG")), 2),
        (buyer.post(format!("/v1/carts/{cart}/repricing")), 2),
        (buyer.delete(format!("/v1/carts/{cart}")), 2),
        (buyer.checkout(cart, paying_with("tok_ok")), 2),
        (buyer.cancel(order), 2),
        (staff.ship(order), 2),
        (staff.post(format!("/v1/orders/{order}/hold")).json(reason.clone()), 2),
        (staff.post(format!("/v1/orders/{order}/release")), 2),
        (buyer.post(format!("/v1/orders/{order}/payments")).keyed().json(method), 2),
        (staff.post(format!("/v1/payments/{payment}/captures")).keyed().json(json!({})), 3),
        (staff.post(format!("/v1/payments/{payment}/void")).keyed().json(reason), 3),
    ];
    for (request, current) in refused {
        for version in ["\"1\"", "\"99-0123456789abcdef\""] {
            let refused = request.clone().if_match(version).is_refused("version_mismatch").await;
            assert_eq!(refused["current_version"], json!(current), "{}", refused.text());
        }
        request.clone().if_match("\"not-one-of-ours\"").is_refused("version_mismatch").await;
        request.if_match("7").is_refused("invalid_header").await.names(("header", "If-Match", "malformed"));
    }
    staff.post("/v1/products/MUG/publication").if_match("\"2-whatever\"").answers(200).await;
    buyer.post(format!("/v1/carts/{cart}/repricing")).if_match("W/\"2-whatever\"").answers(200).await;
    staff.post(format!("/v1/orders/{order}/release")).if_match("*").answers(200).await;
    staff.post("/v1/inventory/MUG/receipts").json(json!({ "quantity": 1 })).if_match("\"3\"").answers(201).await;
    staff.post(format!("/v1/payments/{payment}/captures")).keyed().json(json!({})).if_match("\"3\"").answers(201).await;
}

#[tokio::test]
async fn what_does_not_exist_yet_has_no_version_to_match() {
    let shop = Shop::open().await;
    let staff = shop.as_staff();
    staff.post("/v1/carts").json(json!({})).if_match("\"3\"").is_refused("version_mismatch").await;
    let product = json!({ "sku": "MUG", "name": "Mug", "price": gbp(500) });
    staff.post("/v1/products").json(product).if_match("\"3\"").is_refused("version_mismatch").await;
}

#[tokio::test]
async fn a_patch_has_to_say_what_it_changes() {
    let shop = Shop::open().await;
    shop.sell("MUG", 500, 0).await;
    let patch = shop.as_staff().patch("/v1/products/MUG").json(json!({ "name": "Mug" }));
    patch.clone().is_refused("if_match_required").await;
    patch.clone().if_match("*").is_refused("if_match_required").await;
    patch.if_match("\"2\"").answers(200).await;
}

#[tokio::test]
async fn who_wants_no_representation_gets_the_headers_alone() {
    let shop = Shop::open().await;
    shop.sell("MUG", 500, 5).await;
    let buyer = shop.as_customer();
    let opened = buyer.post("/v1/carts").json(json!({})).minimal().answers(204).await;
    let cart = opened.header("location").rsplit('/').next().unwrap().parse().unwrap();
    let added = buyer.add(cart, "MUG", 1).minimal().answers(204).await;
    assert_eq!(added.header("preference-applied"), "return=minimal");
    assert_eq!(added.position(), shop.head().await);
    let changed = buyer.put(format!("/v1/carts/{cart}/items/MUG")).json(json!({ "quantity": 2 }));
    changed.if_still(&added).minimal().answers(204).await;
    buyer.add(cart, "NONE", 1).minimal().is_refused("unknown_sku").await;
    let order = buyer.checkout(cart, paying_with("tok_ok")).minimal().answers(204).await;
    let seen = buyer.get(order.header("location")).after(&order).answers(200).await;
    assert_eq!(seen["total"], gbp(1_000));
}

#[tokio::test]
async fn a_requests_id_is_echoed_and_stands_in_the_events_it_led_to() {
    let shop = Shop::open().await;
    let id = "0198f2c4-7a5e-7c31-9b7a-3f2d1c0b9a88";
    let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let open = shop.as_customer().post("/v1/carts").json(json!({}));
    let opened = open.header("x-request-id", id).header("traceparent", traceparent).answers(201).await;
    assert_eq!(opened.header("x-request-id"), id);
    let events = shop.events_since(opened.position() - 1).await;
    let metadata: serde_json::Value = serde_json::from_str(&events[0].metadata).unwrap();
    assert_eq!((&metadata["correlation_id"], &metadata["traceparent"]), (&json!(id), &json!(traceparent)));
    assert_eq!(metadata["causation"], json!({ "request": id }));
}
