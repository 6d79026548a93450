//! A provider's notice and our own step want to do the same thing at the same time.

use commands::clock::Clock;
use support::stripe::{Mishap, Stripe, Webhook};
use uuid::Uuid;

use super::{Shop, at_once, delivery, paying_with, payment_of};

const BUYERS: usize = 8;

/// Every one of them three times, the last that was sent first.
async fn deliver(shop: &Shop, webhooks: &[Webhook]) {
    let thrice = webhooks.iter().rev().flat_map(|webhook| [webhook; 3]).map(|webhook| delivery(shop, webhook));
    for answer in at_once(thrice).await {
        assert_eq!(answer.status, 202, "{}", answer.text());
    }
}

/// How often this has happened to it.
async fn count(shop: &Shop, event_type: &str, id: Uuid) -> usize {
    let events = shop.events_since(0).await;
    events.iter().filter(|event| event.stream.id == id && event.event_type == event_type).count()
}

/// medusa #13301: the browser's return and the provider's webhook both carried on with the same payment. One of the two failed half
/// way, so that orders were missing although they were paid for, or the provider was asked twice to capture. Here every webhook
/// comes three times, in the wrong order, while the processes are at work on the same payments and some of their answers are lost:
/// each order is confirmed once, and its money is taken once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn webhooks_that_race_with_each_other_and_with_our_own_steps_confirm_and_capture_once() {
    let stripe = Stripe::open(Clock::default()).await;
    let shop = Shop::open_with_stripe(&stripe).await;
    shop.sell("MUG", 500, 100).await;
    let staff = shop.as_staff();
    let mut orders = Vec::new();
    for number in 0..BUYERS {
        let buyer = shop.as_customer();
        let cart = buyer.fill_cart(&[("MUG", 2)]).await;
        let card = if number % 2 == 0 { "pm_card_authenticationRequired" } else { "pm_card_visa" };
        let order = buyer.checkout(cart, paying_with(card)).answers(201).await;
        orders.push((order.id(), payment_of(&order)));
    }
    for (_, payment) in orders.iter().step_by(2) {
        shop.until("payment.action_required", *payment).await;
        stripe.buyer_confirms(stripe.intents_of(*payment)[0]["id"].as_str().unwrap());
    }
    let mut told = stripe.take_webhooks();
    deliver(&shop, &told).await;
    for (order, _) in &orders {
        shop.until("order.confirmed", *order).await;
    }

    // The parcels leave; of three captures the answer is lost, and what Stripe has to tell arrives meanwhile.
    (0..3).for_each(|_| stripe.plan(Mishap::LostAfter));
    let parcels = at_once(orders.iter().map(|(order, _)| staff.ship(*order))).await;
    assert!(parcels.iter().all(|answer| answer.status == 201));
    for (_, payment) in &orders {
        shop.until("payment.capture_requested", *payment).await;
        let new = stripe.take_webhooks();
        deliver(&shop, &new).await;
        told.extend(new);
    }
    for (_, payment) in &orders {
        shop.until("payment.completed", *payment).await;
    }
    told.extend(stripe.take_webhooks());
    deliver(&shop, &told).await;

    for (order, payment) in &orders {
        for once in ["payment.authorized", "payment.capture_requested", "payment.captured", "payment.completed"] {
            assert_eq!(count(&shop, once, *payment).await, 1, "{once}");
        }
        assert_eq!(count(&shop, "order.confirmed", *order).await, 1);
        let intents = stripe.intents_of(*payment);
        assert_eq!((intents.len(), &intents[0]["amount_received"]), (1, &1_000.into()));
        let seen = shop.order(*order).await;
        assert_eq!([&seen["status"], &seen["payment_status"]], ["shipped", "paid"]);
    }
    let captures: Vec<_> = stripe.heard().into_iter().filter(|heard| heard.what.ends_with("/capture")).collect();
    let mut keys: Vec<_> = captures.into_iter().map(|heard| heard.key).collect();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), BUYERS, "whoever asks again asks under the same key");
}
