//! One cart, two orders.

use commands::clock::Clock;
use serde_json::json;
use support::stripe::Stripe;

use super::{Shop, at_once, paying_with, payment_of, with_status};

/// woocommerce #62659: checkouts of one cart that came at the same time (a second click, a retry of the browser, a second tab) each
/// made an order, and a card that was on file was charged for each. Here 32 checkouts of one cart, with keys of their own and cards
/// of different kinds, are one order, one payment and one request to the provider; each answers with that order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cart_that_is_checked_out_by_many_at_once_is_one_order_and_one_charge() {
    let stripe = Stripe::open(Clock::default()).await;
    let shop = Shop::open_with_stripe(&stripe).await;
    shop.sell("MUG", 500, 100).await;
    let buyer = shop.as_customer();
    let cart = buyer.fill_cart(&[("MUG", 2)]).await;
    let cards = ["pm_card_visa", "pm_card_chargeDeclined", "pm_card_authenticationRequired", "pm_card_visa"];
    let answers = at_once((0..32).map(|number| buyer.checkout(cart, paying_with(cards[number % cards.len()])))).await;
    assert_eq!((with_status(&answers, 201), with_status(&answers, 200)), (1, 31));
    let order = answers[0].id();
    assert!(answers.iter().all(|answer| answer.id() == order));

    let payment = payment_of(&answers[0]);
    shop.until("payment.authorization_requested", payment).await;
    // And once more when all is over: a tab that was left open.
    let late = buyer.checkout(cart, paying_with("pm_card_visa")).answers(200).await;
    assert_eq!((late.id(), payment_of(&late)), (order, payment));
    let seen = shop.order(order).await;
    assert_eq!(seen["payments"].as_array().unwrap().len(), 1);
    let listed = shop.as_staff().get("/v1/orders").at(shop.head().await).answers(200).await;
    assert_eq!(listed["data"].as_array().unwrap().len(), 1);
    let types = shop.types_since(0).await;
    let count = |kind: &str| types.iter().filter(|found| *found == kind).count();
    let made = ["order.created", "payment.initiated", "payment.authorization_requested", "inventory.reserved"];
    assert_eq!(made.map(count), [1; 4]);
    let asked = stripe.heard().iter().filter(|heard| heard.what == "POST /v1/payment_intents").count();
    assert!(asked <= 1, "{asked} requests for money");
}

/// The same thread: a checkout whose payment was declined is tried again, and each try made another order. Here the cart's checkout
/// stays what it was, and the next try belongs to the order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_checkout_that_is_repeated_after_a_decline_is_the_same_order() {
    let shop = Shop::open().await;
    shop.sell("MUG", 500, 100).await;
    let buyer = shop.as_customer();
    let cart = buyer.fill_cart(&[("MUG", 2)]).await;
    let order = buyer.checkout(cart, paying_with("tok_declined")).answers(201).await;
    shop.until("payment.failed", payment_of(&order)).await;
    let again = at_once((0..16).map(|_| buyer.checkout(cart, paying_with("tok_ok")))).await;
    assert_eq!(with_status(&again, 200), 16);
    assert!(again.iter().all(|answer| answer.id() == order.id()));
    assert_eq!(shop.order(order.id()).await["payment_status"], "declined", "a repeat asks for nothing");

    let pay = json!({ "method": "card", "token": "tok_ok" });
    let tries = (0..16).map(|_| buyer.post(format!("/v1/orders/{}/payments", order.id())).keyed().json(pay.clone()));
    assert_eq!(with_status(&at_once(tries).await, 201), 1, "one of the tries, and no other beside it");
    shop.until("order.confirmed", order.id()).await;
    assert_eq!(shop.stock("MUG").await, [100, 0, 2, 98]);
    let listed = buyer.get("/v1/orders").at(shop.head().await).answers(200).await;
    assert_eq!(listed["data"].as_array().unwrap().len(), 1);
}
