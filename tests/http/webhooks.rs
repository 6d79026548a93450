//! `/v1/webhooks/{provider}`: what is signed is kept and answered, and all else leaves no trace.

use commands::clock::Clock;
use serde_json::json;
use support::stripe::{Stripe, WEBHOOK_SECRET, Webhook};
use uuid::Uuid;

use super::{client::Request, shop::Shop, steps::paying_with};

fn post(shop: &Shop, provider: &str, webhook: &Webhook, signature: &str) -> Request {
    let request = shop.anonymous().post(format!("/v1/webhooks/{provider}")).text(webhook.body.clone());
    request.header("stripe-signature", signature)
}

async fn kept(shop: &Shop) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM process.webhooks").fetch_one(&shop.database().owner).await.unwrap()
}

#[tokio::test]
async fn a_signed_webhook_is_answered_202_with_nothing_and_so_is_its_repeat() {
    let shop = Shop::open_without_processes().await;
    let webhook = Webhook::about_nothing();
    for _ in 0..2 {
        let answer = post(&shop, "stripe", &webhook, &webhook.signature(WEBHOOK_SECRET)).send().await;
        assert_eq!((answer.status, answer.bytes.len()), (202, 0));
        assert_eq!(kept(&shop).await, 1);
    }
    // Whatever else is sent along, such as by a proxy.
    let other = Webhook::about_nothing();
    let request = post(&shop, "stripe", &other, &other.signature(WEBHOOK_SECRET)).header("idempotency-key", "k");
    assert_eq!(request.send().await.status, 202);
}

#[tokio::test]
async fn a_wrong_signature_an_old_timestamp_or_a_changed_byte_is_refused_and_leaves_no_trace() {
    let shop = Shop::open_without_processes().await;
    let webhook = Webhook::about_nothing();
    let good = webhook.signature(WEBHOOK_SECRET);
    let mut changed = webhook.clone();
    changed.body[10] ^= 1;
    for (webhook, signature) in [
        (&changed, good.clone()),
        (&webhook, webhook.signature("whsec_other")),
        (&webhook, webhook.signature_at(WEBHOOK_SECRET, webhook.at - 400)),
        (&webhook, webhook.signature_at(WEBHOOK_SECRET, webhook.at + 400)),
        (&webhook, good.replace("v1=", "v0=")),
        (&webhook, "nonsense".to_owned()),
        (&webhook, String::new()),
    ] {
        let refused = post(&shop, "stripe", webhook, &signature).refused_as("webhook_refused").await;
        assert_eq!(refused.status, 400, "{signature}");
    }
    let unsigned = shop.anonymous().post("/v1/webhooks/stripe").text(webhook.body.clone());
    unsigned.refused_as("webhook_refused").await;
    // Signed, and no event.
    let nonsense = Webhook { body: b"<html>".to_vec(), ..webhook.clone() };
    let refused = post(&shop, "stripe", &nonsense, &nonsense.signature(WEBHOOK_SECRET));
    refused.refused_as("webhook_refused").await;
    // The simulated one sends none.
    post(&shop, "simulated", &webhook, &good).refused_as("webhook_refused").await;
    post(&shop, "nobody", &webhook, &good).refused_as("not_found").await;
    let large = Webhook { body: vec![b' '; 256 * 1024 + 1], ..webhook.clone() };
    post(&shop, "stripe", &large, &large.signature(WEBHOOK_SECRET)).refused_as("body_too_large").await;
    assert_eq!(kept(&shop).await, 0);
    assert_eq!(post(&shop, "stripe", &webhook, &good).send().await.status, 202);
}

#[tokio::test]
async fn a_buyer_pays_at_the_bank_and_the_webhook_confirms_the_order() {
    let stripe = Stripe::open(Clock::default()).await;
    let shop = Shop::open_with_stripe(&stripe).await;
    shop.sell("MUG", 500, 5).await;
    let buyer = shop.as_customer();
    let cart = buyer.fill_cart(&[("MUG", 2)]).await;
    let order = buyer.checkout(cart, paying_with("pm_card_authenticationRequired")).answers(201).await;
    let payment: Uuid = order["payments"][0]["id"].as_str().unwrap().parse().unwrap();
    shop.until("payment.action_required", payment).await;
    let seen = buyer.get(format!("/v1/payments/{payment}")).at(shop.head().await).answers(200).await;
    let intent = stripe.intents_of(payment).remove(0)["id"].as_str().unwrap().to_owned();
    assert_eq!(seen["provider"], "stripe");
    assert_eq!(seen["action_url"], format!("https://hooks.stripe.com/redirect/{intent}"));

    stripe.buyer_confirms(&intent);
    for webhook in stripe.take_webhooks() {
        let answer = post(&shop, "stripe", &webhook, &webhook.signature(WEBHOOK_SECRET)).send().await;
        assert_eq!(answer.status, 202);
    }
    shop.until("order.confirmed", order.id()).await;
    let parcel = json!({ "carrier": "DHL", "tracking": "1" });
    let shipments = format!("/v1/orders/{}/shipments", order.id());
    shop.as_staff().post(shipments).keyed().json(parcel).answers(201).await;
    shop.until("payment.completed", payment).await;
    assert_eq!(stripe.intents_of(payment)[0]["amount_received"], 1_000);

    let dispute = stripe.dispute(&intent, 400);
    stripe.close_dispute(&dispute, "lost");
    for webhook in stripe.take_webhooks() {
        post(&shop, "stripe", &webhook, &webhook.signature(WEBHOOK_SECRET)).send().await;
    }
    shop.until("payment.charged_back", payment).await;
    let seen = buyer.get(format!("/v1/orders/{}", order.id())).at(shop.head().await).answers(200).await;
    assert_eq!(
        (&seen["payment_status"], &seen["payments"][0]["status"]),
        (&json!("charged_back"), &json!("charged_back"))
    );
    let amount = json!({ "amount": { "amount": 601, "currency": "GBP" } });
    let refund = shop.as_staff().post(format!("/v1/payments/{payment}/refunds")).keyed().json(amount);
    refund.refused_as("amount_exceeded").await;
}
