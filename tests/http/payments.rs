//! Payments: declined and tried again, waiting for the payer, captured and given back by staff.

use commands::clock::Clock;
use serde_json::json;
use support::stripe::Stripe;
use uuid::Uuid;

use super::{
    answer::Answer,
    client::{Client, Request},
    shop::Shop,
    steps::{gbp, paying_with},
};

/// A pending order over one mug, and its payment, which ends in `event_type`.
async fn order_paid_with(shop: &Shop, buyer: &Client, token: &str, event_type: &'static str) -> (Uuid, Uuid) {
    shop.sell("MUG", 500, 5).await;
    let cart = buyer.fill_cart(&[("MUG", 2)]).await;
    let order = buyer.checkout(cart, paying_with(token)).answers(201).await;
    let payment = order["payments"][0]["id"].as_str().unwrap().parse().unwrap();
    shop.until(event_type, payment).await;
    (order.id(), payment)
}

fn pay(client: &Client, order: Uuid, token: &str) -> Request {
    client.post(format!("/v1/orders/{order}/payments")).keyed().json(json!({ "method": "card", "token": token }))
}

async fn payment(shop: &Shop, payment: Uuid) -> Answer {
    shop.as_staff().get(format!("/v1/payments/{payment}")).at(shop.head().await).answers(200).await
}

#[tokio::test]
async fn step_2_a_declined_payment_is_followed_by_another_one() {
    let shop = Shop::open().await;
    let (buyer, stranger) = (shop.as_customer(), shop.as_customer());
    let (order, declined) = order_paid_with(&shop, &buyer, "tok_declined", "payment.failed").await;
    let seen = shop.order(order).await;
    assert_eq!([&seen["status"], &seen["payment_status"]], ["pending", "declined"]);
    assert_eq!(shop.stock("MUG").await, [5, 2, 0, 3], "the stock stays reserved for the next try");
    stranger.get(format!("/v1/payments/{declined}")).refused_as("not_found").await;
    pay(&stranger, order, "tok_ok").refused_as("not_found").await;

    let again = pay(&buyer, order, "tok_insufficient_funds").answers(201).await;
    assert_eq!(again.header("location"), format!("/v1/payments/{}", again.id()));
    shop.until("payment.failed", again.id()).await;
    let good = pay(&buyer, order, "tok_ok").answers(201).await;
    shop.until("order.confirmed", order).await;
    let seen = shop.order(order).await;
    assert_eq!([&seen["status"], &seen["payment_status"]], ["confirmed", "authorized"]);
    let statuses: Vec<_> = seen["payments"].as_array().unwrap().iter().map(|payment| &payment["status"]).collect();
    assert_eq!(statuses, ["failed", "failed", "authorized"]);
    assert_eq!(payment(&shop, good.id()).await["authorized"], gbp(1_000));
    assert_eq!(shop.stock("MUG").await, [5, 0, 2, 3]);
    pay(&buyer, order, "tok_ok").refused_as("illegal_transition").await;
}

#[tokio::test]
async fn step_2_a_payer_who_has_to_act_is_told_where() {
    let shop = Shop::open().await;
    let buyer = shop.as_customer();
    let (order, waiting) = order_paid_with(&shop, &buyer, "tok_requires_action", "payment.action_required").await;
    let seen = shop.order(order).await;
    assert_eq!([&seen["status"], &seen["payment_status"]], ["pending", "action_required"]);
    let seen = buyer.get(format!("/v1/payments/{waiting}")).answers(200).await;
    assert_eq!(seen["status"], "action_required");
    assert!(seen["action_url"].as_str().is_some_and(|url| url.starts_with("https://")), "{}", seen.text());

    // Another method instead: the first is given up.
    let good = pay(&buyer, order, "tok_ok").answers(201).await;
    shop.until("payment.voided", waiting).await;
    shop.until("order.confirmed", order).await;
    let (first, second) = (payment(&shop, waiting).await, payment(&shop, good.id()).await);
    assert_eq!([&first["status"], &second["status"]], ["voided", "authorized"]);
    assert_eq!(first["action_url"], json!(null));
}

#[tokio::test]
async fn while_an_answer_is_awaited_nothing_else_is_tried() {
    let shop = Shop::open_without_processes().await;
    let buyer = shop.as_customer();
    let (order, _) = order_paid_with(&shop, &buyer, "tok_ok", "payment.initiated").await;
    let refused = pay(&buyer, order, "tok_ok").refused_as("illegal_transition").await;
    let allowed = ["request_authorization", "request_void", "expire"];
    assert_eq!((&refused["current_state"], &refused["allowed"]), (&json!("initiated"), &json!(allowed)));
}

#[tokio::test]
async fn staff_capture_ahead_of_a_parcel_and_no_more_than_is_held() {
    let shop = Shop::open().await;
    let (staff, buyer) = (shop.as_staff(), shop.as_customer());
    let (order, id) = order_paid_with(&shop, &buyer, "tok_ok", "payment.authorized").await;
    shop.until("order.confirmed", order).await;
    let capture = |body| staff.post(format!("/v1/payments/{id}/captures")).keyed().json(body);
    let refused = capture(json!({ "amount": gbp(1_001) })).refused_as("amount_exceeded").await;
    assert_eq!(refused["available"], gbp(1_000));
    capture(json!({ "amount": gbp(0) })).refused_as("invalid_value").await.names((
        "pointer",
        "/amount/amount",
        "invalid_value",
    ));
    let euros = json!({ "amount": { "amount": 1, "currency": "EUR" } });
    let refused = capture(euros).refused_as("currency_mismatch").await;
    assert_eq!((&refused["expected"], &refused["found"]), (&json!("GBP"), &json!("EUR")));

    capture(json!({ "amount": gbp(400) })).answers(201).await;
    shop.until("payment.captured", id).await;
    let seen = payment(&shop, id).await;
    assert_eq!((&seen["status"], &seen["captured"]), (&json!("partially_captured"), &gbp(400)));
    capture(json!({ "amount": gbp(601) })).refused_as("amount_exceeded").await;
    capture(json!({})).answers(201).await;
    shop.until("payment.completed", id).await;
    assert_eq!(payment(&shop, id).await["captured"], gbp(1_000));
    capture(json!({})).refused_as("illegal_transition").await;
    let void = staff.post(format!("/v1/payments/{id}/void")).keyed().json(json!({ "reason": "a mistake" }));
    void.refused_as("illegal_transition").await;
    // What was captured ahead is not captured again for the parcel.
    staff.ship(order).answers(201).await;
    assert_eq!(shop.order(order).await["payment_status"], "paid");
}

#[tokio::test]
async fn where_a_provider_captures_once_everything_that_is_owed_is_taken_at_once_and_the_rest_let_go() {
    let stripe = Stripe::open(Clock::default()).await;
    let shop = Shop::open_with_stripe(&stripe).await;
    let (staff, buyer) = (shop.as_staff(), shop.as_customer());
    let (order, id) = order_paid_with(&shop, &buyer, "pm_card_visa", "payment.authorized").await;
    shop.until("order.confirmed", order).await;
    let capture = |body| staff.post(format!("/v1/payments/{id}/captures")).keyed().json(body);
    let refused = capture(json!({ "amount": gbp(400) })).refused_as("captures_once").await;
    assert_eq!((refused.status, &refused["owed"]), (422, &gbp(1_000)));
    assert_eq!(stripe.intents_of(id)[0]["status"], "requires_capture", "nothing was let go");

    let lines = json!({ "reason": "one is broken", "lines": [{ "sku": "MUG", "quantity": 1 }] });
    staff.post(format!("/v1/orders/{order}/cancellation")).json(lines).answers(200).await;
    capture(json!({ "amount": gbp(500) })).answers(201).await;
    shop.until("payment.voided", id).await;
    let seen = payment(&shop, id).await;
    assert_eq!((&seen["status"], &seen["captured"]), (&json!("partially_captured"), &gbp(500)));
    let refused = capture(json!({ "amount": gbp(1) })).refused_as("illegal_transition").await;
    assert_eq!(refused["current_state"], "partially_captured");
    staff.ship(order).answers(201).await;
    let intent = stripe.intents_of(id).remove(0);
    assert_eq!((&intent["status"], &intent["amount_received"]), (&json!("succeeded"), &json!(500)));
}

#[tokio::test]
async fn staff_void_what_is_held() {
    let shop = Shop::open().await;
    let (staff, buyer) = (shop.as_staff(), shop.as_customer());
    let (order, id) = order_paid_with(&shop, &buyer, "tok_ok", "payment.authorized").await;
    shop.until("order.confirmed", order).await;
    let void = |body| staff.post(format!("/v1/payments/{id}/void")).keyed().json(body);
    let nowhere = staff.post(format!("/v1/payments/{}/void", Uuid::now_v7())).keyed();
    nowhere.json(json!({ "reason": "a mistake" })).refused_as("not_found").await;
    void(json!({ "reason": "" })).refused_as("invalid_value").await.names(("pointer", "/reason", "invalid_value"));
    void(json!({ "reason": "a mistake" })).answers(201).await;
    shop.until("payment.voided", id).await;
    assert_eq!(payment(&shop, id).await["status"], "voided");
    let refused = staff.ship(order).refused_as("illegal_transition").await;
    let allowed = json!(["cancel", "cancel_lines", "correct_address", "grant_refund", "hold"]);
    assert_eq!((&refused["current_state"], &refused["allowed"]), (&json!("payment_not_authorized"), &allowed));
    staff.post(format!("/v1/payments/{id}/captures")).keyed().json(json!({})).refused_as("illegal_transition").await;
}

#[tokio::test]
async fn a_provider_that_errs_is_asked_again_and_one_that_captures_nothing_is_told() {
    let shop = Shop::open().await;
    let (staff, buyer) = (shop.as_staff(), shop.as_customer());
    let (order, _) = order_paid_with(&shop, &buyer, "tok_error_once", "payment.authorized").await;
    shop.until("order.confirmed", order).await;

    let cart = buyer.fill_cart(&[("MUG", 1)]).await;
    let order = buyer.checkout(cart, paying_with("tok_capture_fails")).answers(201).await;
    let id = order["payments"][0]["id"].as_str().unwrap().parse().unwrap();
    shop.until("order.confirmed", order.id()).await;
    staff.ship(order.id()).answers(201).await;
    shop.until("payment.failed", id).await;
    let seen = payment(&shop, id).await;
    assert_eq!((&seen["status"], &seen["captured"]), (&json!("failed"), &gbp(0)));
    assert_eq!(shop.order(order.id()).await["payment_status"], "declined");
}

#[tokio::test]
async fn staff_give_back_what_was_taken_and_no_more() {
    let shop = Shop::open().await;
    let (staff, buyer) = (shop.as_staff(), shop.as_customer());
    let (order, id) = order_paid_with(&shop, &buyer, "tok_ok", "payment.authorized").await;
    shop.until("order.confirmed", order).await;
    let refund = |body| staff.post(format!("/v1/payments/{id}/refunds")).keyed().json(body);
    refund(json!({})).refused_as("illegal_transition").await;
    staff.ship(order).answers(201).await;
    shop.until("payment.completed", id).await;

    let refused = refund(json!({ "amount": gbp(1_001) })).refused_as("amount_exceeded").await;
    assert_eq!(refused["available"], gbp(1_000));
    let nothing = refund(json!({ "amount": gbp(0) })).refused_as("invalid_value").await;
    nothing.names(("pointer", "/amount/amount", "invalid_value"));
    let euros = json!({ "amount": { "amount": 1, "currency": "EUR" } });
    refund(euros).refused_as("currency_mismatch").await;
    let keyless = staff.post(format!("/v1/payments/{id}/refunds")).json(json!({}));
    keyless.refused_as("idempotency_key_required").await;

    // The same key is the same refund.
    let once = || staff.post(format!("/v1/payments/{id}/refunds")).key("once").json(json!({ "amount": gbp(400) }));
    let first = once().answers(201).await;
    assert_eq!(first.header("location"), format!("/v1/payments/{id}"));
    once().answers(201).await;
    shop.until("payment.refund_succeeded", id).await;
    let seen = payment(&shop, id).await;
    let shown = (&seen["status"], &seen["captured"], &seen["refunded"]);
    assert_eq!(shown, (&json!("partially_refunded"), &gbp(1_000), &gbp(400)));
    assert_eq!(shop.order(order).await["payment_status"], "partially_refunded");

    refund(json!({ "amount": gbp(601) })).refused_as("amount_exceeded").await;
    refund(json!({ "reason": "all of it" })).answers(201).await;
    shop.until("payment.refunded", id).await;
    let seen = payment(&shop, id).await;
    assert_eq!((&seen["status"], &seen["refunded"]), (&json!("refunded"), &gbp(1_000)));
    assert_eq!(shop.order(order).await["payment_status"], "refunded");
    refund(json!({})).refused_as("illegal_transition").await;
    assert_eq!(refund(json!({ "amount": gbp(1) })).refused_as("amount_exceeded").await["available"], gbp(0));
}
