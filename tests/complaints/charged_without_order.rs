//! The money is taken, and there is no order.

use chrono::TimeDelta;
use commands::clock::Clock;
use support::stripe::{Mishap, Stripe};

use super::{Shop, at_once, delivery, paying_with, payment_of, with_status};
use crate::commands::{
    running::Premises,
    shop::{Sale, stocked},
};

const AT_THE_BANK: &str = "pm_card_authenticationRequired";

fn asked_to_hold(stripe: &Stripe) -> usize {
    stripe.heard().iter().filter(|heard| heard.what == "POST /v1/payment_intents").count()
}

/// vendure #3065: two buyers, one unit. Both were sent to pay; the slower one was charged, and then there was no stock to make an
/// order of: the order stayed a cart and the money stayed with the shop. Here the unit is kept for whoever checks out first, until
/// they have paid, and the other one is refused before anybody asks for money.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_asked_to_pay_for_what_is_not_kept_for_them() {
    let stripe = Stripe::open(Clock::default()).await;
    let shop = Shop::open_with_stripe(&stripe).await;
    shop.sell("LAST", 500, 1).await;
    let buyers: Vec<_> = (0..8).map(|_| shop.as_customer()).collect();
    let mut checkouts = Vec::new();
    for buyer in &buyers {
        let cart = buyer.fill_cart(&[("LAST", 1)]).await;
        checkouts.push(buyer.checkout(cart, paying_with(AT_THE_BANK)));
    }
    let answers = at_once(checkouts).await;
    assert_eq!((with_status(&answers, 201), with_status(&answers, 422)), (1, 7));
    let order = answers.iter().find(|answer| answer.status == 201).unwrap();
    let payment = payment_of(order);
    shop.until("payment.action_required", payment).await;
    assert_eq!(asked_to_hold(&stripe), 1);

    let intent = stripe.intents_of(payment).remove(0);
    stripe.buyer_confirms(intent["id"].as_str().unwrap());
    at_once(stripe.take_webhooks().iter().map(|webhook| delivery(&shop, webhook))).await;
    shop.until("order.confirmed", order.id()).await;
    assert_eq!(shop.stock("LAST").await, [1, 0, 1, 0]);
}

/// The same thread, as it can still come about: the payment takes longer than stock is kept, and it is sold to somebody else. Then
/// the order says that it failed for stock, and nothing is kept of the money.
#[tokio::test]
async fn who_pays_after_the_stock_went_to_another_gets_the_money_back_and_is_told_why() {
    let premises = Premises::open_with_stripe().await;
    let mut running = premises.run().await;
    stocked(&running.node, "LAST", 1).await;
    let slow = Sale::check_out(&running.node, "LAST", 1, AT_THE_BANK).await;
    running.settle().await;
    premises.clock.pass(TimeDelta::minutes(20));
    let quick = Sale::check_out(&running.node, "LAST", 1, "pm_card_visa").await;
    running.settle().await;
    assert_eq!(premises.status(quick.order_id, quick.payment_id).await, ("confirmed", "authorized"));

    let intent = || premises.stripe().intents_of(slow.payment_id).remove(0);
    // What was told before is long gone.
    premises.stripe().take_webhooks();
    premises.stripe().buyer_confirms(intent()["id"].as_str().unwrap());
    for webhook in premises.stripe().take_webhooks() {
        premises.receive(&webhook).await;
    }
    running.look_into_webhooks().await;
    running.settle().await;
    assert_eq!(premises.status(slow.order_id, slow.payment_id).await, ("failed", "voided"));
    assert_eq!((&intent()["status"], &intent()["amount_received"]), (&"canceled".into(), &0.into()));
    let history = premises.history("order", slow.order_id.as_uuid()).await;
    assert_eq!(history, ["order.created", "order.failed"]);
    assert_eq!(premises.stock("LAST").await, (1, 0, 1));
}

/// The provider has the money each time, and we are not told: the connection breaks, a proxy answers in its place, an error of the
/// provider's own comes after the deed, or nothing ever comes.
const UNTOLD: [Mishap; 5] =
    [Mishap::LostAfter, Mishap::Nonsense, Mishap::OtherJson, Mishap::InternalError, Mishap::Silence];

/// The same thread's other half: the provider has the money, and its answer is lost on the way. The order is there before anybody
/// is asked for money, so it is found again, and confirmed; and nobody is asked for the money again.
#[tokio::test]
async fn a_payment_whose_answer_was_lost_still_confirms_its_order() {
    let stripe = Stripe::open(Clock::default()).await;
    let shop = Shop::open_with_stripe(&stripe).await;
    shop.sell("MUG", 500, 10).await;
    for (before, mishap) in UNTOLD.into_iter().enumerate() {
        let buyer = shop.as_customer();
        let cart = buyer.fill_cart(&[("MUG", 2)]).await;
        stripe.plan(mishap);
        let order = buyer.checkout(cart, paying_with("pm_card_visa")).answers(201).await;
        shop.until("order.confirmed", order.id()).await;
        let held = stripe.intents_of(payment_of(&order));
        assert_eq!((held.len(), &held[0]["amount_capturable"]), (1, &1_000.into()), "{mishap:?}");
        assert_eq!(asked_to_hold(&stripe), before + 1, "{mishap:?}");
    }
}
