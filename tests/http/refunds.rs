//! Money that staff gives back for an order.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{client::Request, shop::Shop, steps::gbp};

/// Two mugs at 5.00, sent and paid; the order and its payment.
async fn paid_order(shop: &Shop) -> (Uuid, Uuid) {
    shop.sell("MUG", 500, 5).await;
    let order = shop.confirmed_order(&shop.as_customer(), &[("MUG", 2)]).await;
    shop.as_staff().ship(order).answers(201).await;
    let payment = shop.order(order).await["payments"][0]["id"].as_str().unwrap().parse().unwrap();
    shop.until("payment.completed", payment).await;
    (order, payment)
}

fn refund(shop: &Shop, order: Uuid, body: Value) -> Request {
    shop.as_staff().post(format!("/v1/orders/{order}/refunds")).keyed().json(body)
}

#[tokio::test]
async fn a_refund_names_its_goods_and_is_given_by_the_payment() {
    let shop = Shop::open().await;
    let (order, payment) = paid_order(&shop).await;
    let lines = json!([{ "sku": "MUG", "quantity": 1 }]);
    let body = json!({ "amount": gbp(500), "reason": "arrived broken", "lines": lines });
    let granted = refund(&shop, order, body).answers(201).await;
    assert_eq!(granted.header("location"), format!("/v1/orders/{order}/refunds/{}", granted.id()));
    assert_eq!((&granted["amount"], &granted["reason"]), (&gbp(500), &json!("arrived broken")));
    assert_eq!((&granted["lines"][0]["sku"], &granted["lines"][0]["quantity"]), (&json!("MUG"), &json!(1)));
    assert_eq!(granted["payments"], json!([{ "payment_id": payment, "amount": gbp(500) }]));
    shop.until("payment.refund_succeeded", payment).await;
    assert_eq!(shop.order(order).await["payment_status"], "partially_refunded");
    let report = shop.as_staff().get("/v1/reports/sales?group_by=sku").at(shop.head().await).answers(200).await;
    let sums = json!({ "sku": "MUG", "units": 2, "revenue": gbp(1_000), "refunds": gbp(500), "net": gbp(500) });
    assert_eq!(report["data"], json!([sums]));
}

#[tokio::test]
async fn p2_no_more_is_granted_than_was_captured_and_is_left() {
    let shop = Shop::open().await;
    let (order, payment) = paid_order(&shop).await;
    shop.restart_without_processes().await;
    let so_much = |amount| json!({ "amount": gbp(amount), "reason": "goodwill" });
    assert_eq!(refund(&shop, order, so_much(1_001)).refused_as("amount_exceeded").await["available"], gbp(1_000));
    refund(&shop, order, so_much(600)).answers(201).await;
    // The provider has said nothing yet. Whichever way it is asked for.
    assert_eq!(refund(&shop, order, so_much(401)).refused_as("amount_exceeded").await["available"], gbp(400));
    let of_the_payment = shop.as_staff().post(format!("/v1/payments/{payment}/refunds")).keyed();
    of_the_payment.json(json!({ "amount": gbp(401) })).refused_as("amount_exceeded").await;
    refund(&shop, order, so_much(400)).answers(201).await;
    assert_eq!(refund(&shop, order, so_much(1)).refused_as("amount_exceeded").await["available"], gbp(0));
    assert_eq!(shop.order(order).await["payment_status"], "paid", "asked for, and not given back yet");
}

#[tokio::test]
async fn what_a_refund_must_say_is_refused_where_it_is_wrong() {
    let shop = Shop::open().await;
    let (order, _) = paid_order(&shop).await;
    refund(&shop, order, json!({ "amount": gbp(1) })).refused_as("invalid_body").await;
    let body = |amount: Value, lines: Value| json!({ "amount": amount, "reason": "broken", "lines": lines });
    let mugs = |units| json!([{ "sku": "MUG", "quantity": units }]);
    let nothing = refund(&shop, order, body(gbp(0), mugs(1))).refused_as("invalid_value").await;
    nothing.names(("pointer", "/amount/amount", "invalid_value"));
    let too_many = refund(&shop, order, body(gbp(1), mugs(3))).refused_as("quantity_exceeded").await;
    assert_eq!(too_many["available"], 2);
    let unknown = json!([{ "sku": "PAN", "quantity": 1 }]);
    let unknown = refund(&shop, order, body(gbp(1), unknown)).refused_as("invalid_value").await;
    unknown.names(("pointer", "/lines", "invalid_value"));
    let euros = json!({ "amount": 1, "currency": "EUR" });
    refund(&shop, order, body(euros, mugs(1))).refused_as("currency_mismatch").await;
    refund(&shop, Uuid::now_v7(), body(gbp(1), mugs(1))).refused_as("not_found").await;
    assert_eq!(shop.order(order).await["payment_status"], "paid", "nothing of it was done");
}
