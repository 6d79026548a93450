//! More is given back than was taken.

use commands::clock::Clock;
use serde_json::{Value, json};
use support::stripe::Stripe;
use uuid::Uuid;

use super::{Answer, Request, Shop, at_once, delivery, gbp, paying_with, payment_of, with_status};
use crate::commands::node::until;

/// Four mugs of five pounds, of which two were sent and charged: ten of twenty pounds.
async fn half_charged(shop: &Shop) -> (Uuid, Uuid) {
    shop.sell("MUG", 500, 9).await;
    let (buyer, staff) = (shop.as_customer(), shop.as_staff());
    let cart = buyer.fill_cart(&[("MUG", 4)]).await;
    let order = buyer.checkout(cart, paying_with("tok_ok")).answers(201).await;
    let (order, payment) = (order.id(), payment_of(&order));
    shop.until("order.confirmed", order).await;
    let lines = json!([{ "sku": "MUG", "quantity": 2 }]);
    let parcel = json!({ "lines": lines, "carrier": "DHL", "tracking": "1" });
    staff.post(format!("/v1/orders/{order}/shipments")).keyed().json(parcel).answers(201).await;
    shop.until("payment.captured", payment).await;
    (order, payment)
}

fn of_order(shop: &Shop, order: Uuid, amount: Value) -> Request {
    let body = json!({ "amount": amount, "reason": "goodwill" });
    shop.as_staff().post(format!("/v1/orders/{order}/refunds")).keyed().json(body)
}

fn of_payment(shop: &Shop, payment: Uuid, amount: Value) -> Request {
    shop.as_staff().post(format!("/v1/payments/{payment}/refunds")).keyed().json(json!({ "amount": amount }))
}

async fn refunded(shop: &Shop, payment: Uuid) -> Answer {
    shop.as_staff().get(format!("/v1/payments/{payment}")).at(shop.head().await).answers(200).await
}

/// medusa PR #13744: a refund was not held against what had been captured, only against what the order came to. Here of twenty pounds
/// ten are captured, and 40 refunds of three pounds are asked for at once, by way of the order and by way of the payment: three are
/// granted, and the last pound is what is left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refunds_that_are_asked_for_at_once_never_exceed_what_was_captured() {
    let shop = Shop::open().await;
    let (order, payment) = half_charged(&shop).await;
    assert_eq!(of_order(&shop, order, gbp(1_001)).refused_as("amount_exceeded").await["available"], gbp(1_000));
    assert_eq!(of_payment(&shop, payment, gbp(1_001)).refused_as("amount_exceeded").await["available"], gbp(1_000));
    for nothing in [0, -1] {
        of_order(&shop, order, gbp(nothing)).refused_as("invalid_value").await;
        of_payment(&shop, payment, gbp(nothing)).refused_as("invalid_value").await;
    }
    let answers = at_once((0..40).map(|number| match number % 2 {
        0 => of_order(&shop, order, gbp(300)),
        _ => of_payment(&shop, payment, gbp(300)),
    }))
    .await;
    assert_eq!((with_status(&answers, 201), with_status(&answers, 422)), (3, 37));
    for refused in answers.iter().filter(|answer| answer.status == 422) {
        assert_eq!((&refused["code"], &refused["available"]), (&json!("amount_exceeded"), &gbp(100)));
    }
    shop.until_there_are(3, "payment.refund_succeeded", payment).await;
    let seen = refunded(&shop, payment).await;
    assert_eq!((&seen["captured"], &seen["refunded"]), (&gbp(1_000), &gbp(900)));
    of_payment(&shop, payment, gbp(101)).refused_as("amount_exceeded").await;
    of_payment(&shop, payment, gbp(100)).answers(201).await;
}

/// Of ten pounds that were taken, as everybody sees it who may ask.
async fn nothing_is_given(shop: &Shop, order: Uuid, payment: Uuid) {
    let seen = refunded(shop, payment).await;
    assert_eq!((&seen["status"], &seen["refunded"]), (&json!("completed"), &gbp(0)));
    assert_eq!(shop.order(order).await["payment_status"], "paid");
    assert_eq!(refunds_reported(shop).await, gbp(0));
}

async fn refunds_reported(shop: &Shop) -> Value {
    let sales = shop.as_staff().get("/v1/reports/sales?group_by=currency").at(shop.head().await).answers(200).await;
    sales["data"][0]["refunds"].clone()
}

/// The same change: a refund that the provider refused had been written to the order already, and could not be taken out again.
/// Here what was granted is kept for it while the provider takes its time, and is free again once it refuses; the order, the payment
/// and the sales show what was given.
#[tokio::test]
async fn a_refund_that_the_provider_refuses_is_not_counted_as_given() {
    let stripe = Stripe::open(Clock::default()).await;
    let shop = Shop::open_with_stripe(&stripe).await;
    shop.sell("MUG", 500, 9).await;
    let buyer = shop.as_customer();
    let cart = buyer.fill_cart(&[("MUG", 2)]).await;
    let order = buyer.checkout(cart, paying_with("pm_card_visa")).answers(201).await;
    let (order, payment) = (order.id(), payment_of(&order));
    shop.until("order.confirmed", order).await;
    shop.as_staff().ship(order).answers(201).await;
    shop.until("payment.completed", payment).await;

    stripe.next_refund_is("pending");
    let asked = of_payment(&shop, payment, gbp(1_000)).answers(201).await;
    assert_eq!((&asked["status"], &asked["refunded"]), (&json!("completed"), &gbp(0)));
    until("the provider has been asked", async || !stripe.refunds().is_empty()).await;
    nothing_is_given(&shop, order, payment).await;
    assert_eq!(of_order(&shop, order, gbp(1)).refused_as("amount_exceeded").await["available"], gbp(0));
    stripe.settle_refund(&stripe.refunds()[0], "failed");
    shop.until("payment.refund_failed", payment).await;
    nothing_is_given(&shop, order, payment).await;

    stripe.next_refund_is("failed");
    of_order(&shop, order, gbp(1_000)).answers(201).await;
    shop.until_there_are(2, "payment.refund_failed", payment).await;
    nothing_is_given(&shop, order, payment).await;
    of_order(&shop, order, gbp(1_001)).refused_as("amount_exceeded").await;
    of_order(&shop, order, gbp(1_000)).answers(201).await;
    shop.until("payment.refunded", payment).await;
    at_once(stripe.take_webhooks().iter().map(|webhook| delivery(&shop, webhook))).await;
    assert_eq!(of_order(&shop, order, gbp(1)).refused_as("amount_exceeded").await["available"], gbp(0));
    assert_eq!(shop.order(order).await["payment_status"], "refunded");
    assert_eq!(refunds_reported(&shop).await, gbp(1_000));
}
