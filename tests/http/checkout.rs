//! The moment of truth: what the buyer was shown is what they pay, what is reserved is there, and whose address it is stays theirs.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    shop::Shop,
    steps::{address, gbp, paying_with},
};

#[tokio::test]
async fn a_price_that_changed_is_told_with_both_totals_until_the_cart_is_repriced() {
    let shop = Shop::open().await;
    shop.sell("MUG", 500, 9).await;
    shop.sell("PAN", 900, 9).await;
    let (staff, buyer) = (shop.as_staff(), shop.as_customer());
    let cart = buyer.fill_cart(&[("MUG", 2), ("PAN", 1)]).await;
    staff.put("/v1/products/MUG/price").json(json!({ "price": gbp(650) })).answers(200).await;
    let refused = buyer.checkout(cart, paying_with("tok_ok")).is_refused("price_changed").await;
    let line = json!({ "sku": "MUG", "quantity": 2, "cart_price": gbp(500), "current_price": gbp(650) });
    assert_eq!(refused.status, 409);
    assert_eq!(refused["lines"], json!([line]));
    assert_eq!((&refused["cart_total"], &refused["current_total"]), (&gbp(1_900), &gbp(2_200)));

    let repriced = buyer.post(format!("/v1/carts/{cart}/repricing")).answers(200).await;
    assert_eq!(repriced["total"], gbp(2_200));
    let order = buyer.check_out(cart).await;
    assert_eq!(order["total"], gbp(2_200));
}

#[tokio::test]
async fn a_total_that_is_not_the_expected_one_stops_the_checkout() {
    let shop = Shop::open().await;
    shop.sell("MUG", 500, 9).await;
    let buyer = shop.as_customer();
    let cart = buyer.fill_cart(&[("MUG", 2)]).await;
    let expecting = |total: Value| {
        let mut body = paying_with("tok_ok");
        body["expected_total"] = total;
        buyer.checkout(cart, body)
    };
    for expected in [gbp(999), gbp(0), json!({ "amount": 1_000, "currency": "EUR" })] {
        let refused = expecting(expected.clone()).is_refused("total_changed").await;
        assert_eq!(refused.status, 409);
        assert_eq!((&refused["expected_total"], &refused["current_total"]), (&expected, &gbp(1_000)));
    }
    expecting(gbp(1_000)).answers(201).await;
}

#[tokio::test]
async fn what_is_short_is_named_all_of_it_and_nothing_is_reserved() {
    let shop = Shop::open().await;
    shop.sell("MUG", 500, 3).await;
    shop.sell("PAN", 900, 9).await;
    shop.sell("CUP", 100, 0).await;
    let buyer = shop.as_customer();
    let cart = buyer.fill_cart(&[("MUG", 4), ("PAN", 9), ("CUP", 1)]).await;
    let refused = buyer.checkout(cart, paying_with("tok_ok")).is_refused("out_of_stock").await;
    let short =
        json!([{ "sku": "MUG", "requested": 4, "available": 3 }, { "sku": "CUP", "requested": 1, "available": 0 }]);
    assert_eq!((refused.status, &refused["skus"]), (422, &short));
    assert_eq!(shop.stock("PAN").await, [9, 0, 0, 9]);
    // What another buyer has reserved is not there either.
    let other = shop.as_customer();
    let first = other.fill_cart(&[("PAN", 5)]).await;
    let pending = other.checkout(first, paying_with("tok_requires_action")).answers(201).await;
    shop.until("payment.action_required", pending["payments"][0]["id"].as_str().unwrap().parse().unwrap()).await;
    assert_eq!(shop.stock("PAN").await, [9, 5, 0, 4]);
    let refused =
        buyer.checkout(buyer.fill_cart(&[("PAN", 5)]).await, paying_with("tok_ok")).is_refused("out_of_stock").await;
    assert_eq!(refused["skus"], json!([{ "sku": "PAN", "requested": 5, "available": 4 }]));
}

#[tokio::test]
async fn what_was_taken_out_of_sale_is_named() {
    let shop = Shop::open().await;
    shop.sell("MUG", 500, 9).await;
    shop.sell("PAN", 900, 9).await;
    let (staff, buyer) = (shop.as_staff(), shop.as_customer());
    let cart = buyer.fill_cart(&[("MUG", 1), ("PAN", 1)]).await;
    staff.post("/v1/products/PAN/archival").answers(200).await;
    let refused = buyer.checkout(cart, paying_with("tok_ok")).is_refused("product_not_published").await;
    assert_eq!(refused["skus"], json!(["PAN"]));
    buyer.delete(format!("/v1/carts/{cart}/items/PAN")).answers(200).await;
    buyer.check_out(cart).await;
}

#[tokio::test]
async fn a_cart_that_was_checked_out_answers_with_its_order_whatever_the_key() {
    let shop = Shop::open().await;
    shop.sell("MUG", 500, 9).await;
    let buyer = shop.as_customer();
    let cart = buyer.fill_cart(&[("MUG", 2)]).await;
    let order = buyer.checkout(cart, paying_with("tok_declined")).answers(201).await;
    shop.until("payment.failed", order["payments"][0]["id"].as_str().unwrap().parse().unwrap()).await;
    let method = json!({ "method": "paypal", "token": "tok_ok" });
    let second = buyer.post(format!("/v1/orders/{}/payments", order.id())).keyed().json(method).answers(201).await;
    shop.until("order.confirmed", order.id()).await;

    let head = shop.head().await;
    let again = buyer.checkout(cart, paying_with("tok_ok")).answers(200).await;
    assert_eq!((again.id(), again.header("location")), (order.id(), order.header("location")));
    assert_eq!((again.position(), shop.head().await), (head, head));
    // As the read model has it, both payments and all.
    let seen = shop.order(order.id()).await;
    assert_eq!((&again.body, again.etag()), (&seen.body, seen.etag()));
    assert_eq!(again["payments"].as_array().unwrap().len(), 2);
    assert_eq!(again["payments"][1]["id"], second["id"]);
    let closed = buyer.get(format!("/v1/carts/{cart}")).answers(200).await;
    assert_eq!((&closed["status"], &closed["order_id"]), (&json!("checked_out"), &order["id"]));
    let refused = buyer.add(cart, "MUG", 1).is_refused("illegal_transition").await;
    assert_eq!(refused["current_state"], "checked_out");
}

#[tokio::test]
async fn what_staff_check_out_for_a_customer_is_sealed_for_the_customer() {
    let shop = Shop::open().await;
    shop.sell("MUG", 500, 9).await;
    let (staff, buyer) = (shop.as_staff(), shop.as_customer());
    let cart = buyer.fill_cart(&[("MUG", 1)]).await;
    let order = staff.checkout(cart, paying_with("tok_ok")).answers(201).await;
    assert_eq!(order["customer_id"], json!(buyer.id));
    shop.until("order.confirmed", order.id()).await;
    let events = shop.events_since(0).await;
    let created = events.iter().find(|event| event.event_type == "order.created").unwrap();
    let payload: Value = serde_json::from_str(&created.payload).unwrap();
    assert_eq!(payload["shipping_address"]["subject"], json!(buyer.id));
    assert!(!created.payload.contains("Lovelace"), "an address is never in the open");
    let seen = buyer.get(format!("/v1/orders/{}", order.id())).at(shop.head().await).answers(200).await;
    assert_eq!(seen["shipping_address"], address());
    staff.checkout(Uuid::now_v7(), paying_with("tok_ok")).is_refused("not_found").await;
}
