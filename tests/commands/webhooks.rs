//! Webhooks: whenever they come, and however often, the ledger says what the provider says, once.

use commands::process::webhooks::{ReceiveError, Received};
use serde_json::Value;
use support::{
    metrics::Counters,
    stripe::{Courier, Mishap, Webhook},
};

use super::{
    Chance,
    paid::{OK, PRICE, shop},
    running::Premises,
    shop::Sale,
};

impl Premises {
    /// Takes in all that Stripe has to tell.
    async fn told(&self) -> Vec<Webhook> {
        let webhooks = self.stripe().take_webhooks();
        assert!(!webhooks.is_empty());
        for webhook in &webhooks {
            self.receive(webhook).await;
        }
        webhooks
    }

    fn reference(&self, sale: &Sale) -> String {
        self.intent(sale)["id"].as_str().unwrap().to_owned()
    }
}

const AUTHORIZED: [&str; 3] = ["payment.initiated", "payment.authorization_requested", "payment.authorized"];
const COMPLETED: [&str; 3] = ["payment.capture_requested", "payment.captured", "payment.completed"];

#[tokio::test]
async fn p4_a_webhook_before_the_calls_own_answer_is_the_answer_and_that_changes_nothing_more() {
    let (premises, mut running) = shop().await;
    let sale = Sale::check_out(&running.node, "MUG", 1, OK).await;
    running.follow().await;
    premises.stripe().plan(Mishap::LostAfter);
    running.make_calls().await;
    premises.told().await;
    running.look_into_webhooks().await;
    assert_eq!(premises.payment(sale.payment_id).await.status(), "authorized");
    running.settle().await;
    assert_eq!(premises.payment_history(sale.payment_id).await, AUTHORIZED);

    running.node.accept(sale.ship()).await;
    running.follow().await;
    premises.stripe().plan(Mishap::Nonsense);
    running.make_calls().await;
    premises.told().await;
    running.look_into_webhooks().await;
    assert_eq!(premises.payment(sale.payment_id).await.status(), "completed");
    running.settle().await;
    assert_eq!(premises.payment_history(sale.payment_id).await, [AUTHORIZED, COMPLETED].concat());
    assert_eq!((premises.open_calls().await, premises.open_webhooks().await), (0, vec![]));
}

#[tokio::test]
async fn p4_a_webhook_after_the_calls_own_answer_and_one_that_comes_twice_change_nothing() {
    let (premises, mut running) = shop().await;
    let sale = running.confirmed().await;
    let told = premises.told().await;
    let head = running.node.head().await;
    assert_eq!(running.look_into_webhooks().await, told.len());
    for webhook in &told {
        let again = premises.webhooks().receive("stripe", &webhook.headers(), &webhook.body).await.unwrap();
        assert_eq!(again, Received::Repeated);
    }
    assert_eq!(running.look_into_webhooks().await, 0);
    assert_eq!(running.node.head().await, head);
    assert_eq!(premises.payment_history(sale.payment_id).await, AUTHORIZED);
}

#[tokio::test]
async fn webhooks_in_the_wrong_order_lead_to_what_is_and_not_to_what_was() {
    let (premises, mut running) = shop().await;
    let sale = Sale::check_out(&running.node, "MUG", 1, OK).await;
    running.follow().await;
    premises.stripe().plan(Mishap::LostAfter);
    running.make_calls().await;
    // Held, and given back by hand at once: who believed the last to come would confirm the order.
    premises.stripe().by_hand("cancel", &premises.reference(&sale), None);
    let mut told = premises.stripe().take_webhooks();
    told.reverse();
    assert_eq!(told[0].event_type, "payment_intent.canceled");
    for webhook in &told {
        premises.receive(webhook).await;
        running.look_into_webhooks().await;
        running.follow().await;
    }
    running.settle().await;
    assert_eq!(premises.status(sale.order_id, sale.payment_id).await, ("pending", "failed"));
}

/// What they tell is long past when they come.
#[tokio::test]
async fn webhooks_that_are_delayed_by_days_change_nothing_that_has_happened_since() {
    let (premises, mut running) = shop().await;
    let sale = running.confirmed().await;
    let held_back = premises.stripe().take_webhooks();
    running.node.accept(sale.ship()).await;
    running.settle().await;
    running.node.accept(sale.refund(PRICE)).await;
    running.settle().await;
    let history = premises.payment_history(sale.payment_id).await;
    assert_eq!(premises.payment(sale.payment_id).await.status(), "refunded");
    premises.clock.pass(chrono::TimeDelta::days(9));
    for webhook in &held_back {
        // Stripe signs each delivery anew.
        assert_eq!(premises.comes_again(webhook).await, Received::Kept);
    }
    assert_eq!(running.look_into_webhooks().await, held_back.len());
    assert_eq!(premises.open_webhooks().await, vec![]);
    assert_eq!(premises.payment_history(sale.payment_id).await, history);
}

/// Neither the webhook nor the answer to the call that it is about: the next call asks.
#[tokio::test]
async fn webhooks_that_are_lost_are_not_needed() {
    let (premises, mut running) = shop().await;
    let sale = running.requested(OK).await;
    premises.stripe().plan(Mishap::LostAfter);
    running.make_calls().await;
    assert!(!premises.stripe().take_webhooks().is_empty(), "they are lost here");
    running.settle().await;
    assert_eq!(premises.status(sale.order_id, sale.payment_id).await, ("confirmed", "authorized"));
    assert_eq!(premises.payment_history(sale.payment_id).await, AUTHORIZED);
}

#[tokio::test]
async fn a_buyer_who_has_confirmed_with_the_bank_has_paid_by_webhook_alone() {
    let (premises, mut running) = shop().await;
    let sale = Sale::check_out(&running.node, "MUG", 1, "pm_card_authenticationRequired").await;
    running.settle().await;
    assert_eq!(premises.status(sale.order_id, sale.payment_id).await, ("pending", "action_required"));
    premises.stripe().buyer_confirms(&premises.reference(&sale));
    premises.told().await;
    running.look_into_webhooks().await;
    running.settle().await;
    assert_eq!(premises.status(sale.order_id, sale.payment_id).await, ("confirmed", "authorized"));
}

#[tokio::test]
async fn money_that_somebody_gave_back_or_took_by_hand_is_known() {
    let (premises, mut running) = shop().await;
    let (cancelled, captured) = (running.confirmed().await, running.confirmed().await);
    premises.stripe().by_hand("cancel", &premises.reference(&cancelled), None);
    // We are about to ask for the capture when it is there already.
    running.node.accept(captured.ship()).await;
    running.follow().await;
    premises.stripe().by_hand("capture", &premises.reference(&captured), None);
    premises.told().await;
    running.look_into_webhooks().await;
    running.settle().await;
    assert_eq!(premises.payment(cancelled.payment_id).await.status(), "expired");
    assert_eq!(premises.payment(captured.payment_id).await.status(), "completed");
    assert_eq!(premises.payment_history(captured.payment_id).await, [AUTHORIZED, COMPLETED].concat());
    assert_eq!(premises.intent(&captured)["amount_received"].as_i64(), Some(PRICE));
}

#[tokio::test]
async fn p7_a_webhook_about_an_unknown_payment_is_parked_and_settled_once_it_is_known() {
    let (premises, mut running) = shop().await;
    let sale = Sale::of("MUG", 1, OK);
    premises.stripe().open_by_hand(sale.payment_id, PRICE);
    let told = premises.told().await;
    for _ in 0..3 {
        assert_eq!(running.look_into_webhooks().await, told.len());
        let open = premises.open_webhooks().await;
        assert_eq!(open.len(), told.len());
        for (state, reason) in open {
            assert_eq!(state, "parked");
            assert!(reason.unwrap().contains("there is no payment"));
        }
    }
    // It turns up, and has been asked for: what the webhooks tell of is its answer.
    sale.open(&running.node).await;
    running.follow().await;
    running.look_into_webhooks().await;
    assert_eq!(premises.open_webhooks().await, vec![]);
    running.settle().await;
    assert_eq!(premises.stripe().intents_of(sale.payment_id).len(), 1, "no other is opened");
    assert_eq!(premises.payment_history(sale.payment_id).await, AUTHORIZED);
}

#[tokio::test]
async fn p7_a_webhook_about_somebody_elses_payment_is_kept_and_never_dropped() {
    let (premises, running) = shop().await;
    premises.stripe().open_by_hand("no-payment-of-ours", PRICE);
    let told = premises.told().await;
    let age = "UPDATE process.webhooks SET received_at = now() - interval '40 days'";
    sqlx::query(age).execute(&premises.database.owner).await.unwrap();
    for _ in 0..5 {
        assert_eq!(running.look_into_webhooks().await, told.len());
    }
    let open = premises.open_webhooks().await;
    assert!(open.iter().all(|(state, why)| state == "parked" && why.as_ref().unwrap().contains("not opened by us")));
    assert_eq!(open.len(), told.len());
}

#[tokio::test]
async fn a_webhook_whose_provider_is_away_waits() {
    let (premises, mut running) = shop().await;
    let sale = Sale::check_out(&running.node, "MUG", 1, OK).await;
    running.follow().await;
    premises.stripe().plan(Mishap::LostAfter);
    running.make_calls().await;
    let webhook = premises.stripe().take_webhooks().pop().unwrap();
    premises.receive(&webhook).await;
    for _ in 0..3 {
        premises.stripe().plan(Mishap::Html);
    }
    assert_eq!(running.look_into_webhooks().await, 1);
    let open = premises.open_webhooks().await;
    assert_eq!(open[0].0, "received");
    assert!(open[0].1.as_ref().unwrap().contains("502"), "{open:?}");
    running.look_into_webhooks().await;
    assert_eq!(premises.open_webhooks().await, vec![]);
    assert_eq!(premises.payment(sale.payment_id).await.status(), "authorized");
}

#[tokio::test]
async fn what_is_not_signed_as_it_should_be_leaves_no_trace() {
    let (premises, mut running) = shop().await;
    running.confirmed().await;
    let webhook = premises.stripe().take_webhooks().pop().unwrap();
    let webhooks = premises.webhooks();
    let headers = |signature: String| {
        axum::http::HeaderMap::from_iter([("stripe-signature".parse().unwrap(), signature.parse().unwrap())])
    };
    let secret = support::stripe::WEBHOOK_SECRET;
    let mut changed = webhook.body.clone();
    let last = changed.len() - 3;
    changed[last] ^= 1;
    let mut counters = Counters::default();
    let counting = counters.watch();
    let counted = |result: &str| {
        counting.of(&format!(r#"daybook_webhooks_total{{provider="stripe",result="{result}"}}"#)).unwrap_or_default()
    };
    for (headers, body, result) in [
        (webhook.headers(), &changed, "wrong_signature"),
        (headers(webhook.signature("whsec_of_another")), &webhook.body, "wrong_signature"),
        (headers(webhook.signature_at(secret, webhook.at - 301)), &webhook.body, "wrong_time"),
        (headers(webhook.signature_at(secret, webhook.at + 400)), &webhook.body, "wrong_time"),
        (headers("t=1,v1=00".to_owned()), &webhook.body, "wrong_time"),
        (headers("nonsense".to_owned()), &webhook.body, "malformed_signature"),
        (axum::http::HeaderMap::new(), &webhook.body, "unsigned"),
    ] {
        let before = counted(result);
        let refused = webhooks.receive("stripe", &headers, body).await;
        assert!(matches!(refused, Err(ReceiveError::Refused(_))), "{refused:?}");
        assert_eq!(counted(result), before + 1.0, "{refused:?}");
    }
    for provider in ["simulated", "nobody", ""] {
        let refused = webhooks.receive(provider, &webhook.headers(), &webhook.body).await;
        assert!(matches!(refused, Err(ReceiveError::Refused(_) | ReceiveError::UnknownProvider)), "{refused:?}");
    }
    let kept: i64 =
        sqlx::query_scalar("SELECT count(*) FROM process.webhooks").fetch_one(&premises.database.owner).await.unwrap();
    assert_eq!(kept, 0);
    // The same, as it was sent.
    assert_eq!(webhooks.receive("stripe", &webhook.headers(), &webhook.body).await.unwrap(), Received::Kept);
}

#[tokio::test]
async fn a_refund_that_failed_after_its_success_is_recorded_and_changes_nothing() {
    let (premises, mut running) = shop().await;
    let sale = running.confirmed().await;
    running.node.accept(sale.ship()).await;
    running.settle().await;
    let refund_id = domain::ids::RefundId::from_uuid(uuid::Uuid::now_v7());
    let (payment_id, amount) = (sale.payment_id, None);
    let refund = commands::payments::RefundPayment { payment_id, refund_id, amount, reason: None };
    running.node.accept(refund).await;
    running.settle().await;
    assert_eq!(premises.payment(payment_id).await.status(), "refunded");
    let refunds = premises.stripe().refunds();
    premises.stripe().settle_refund(&refunds[0], "failed");
    for _ in 0..2 {
        premises.stripe().settle_refund(&refunds[0], "failed");
        premises.told().await;
        running.look_into_webhooks().await;
    }
    let history = premises.payment_history(payment_id).await;
    assert_eq!(history.iter().filter(|event| *event == "payment.refund_failed").count(), 1, "{history:?}");
    assert_eq!(premises.payment(payment_id).await.status(), "refunded");
}

/// Orders that are paid, shipped and cancelled, while answers are lost and webhooks come as they like.
#[tokio::test]
async fn whatever_is_lost_repeated_delayed_or_reordered_ledger_and_provider_agree_in_the_end() {
    let seed = Chance::seed();
    let mut chance = Chance(seed);
    let (premises, mut running) = shop().await;
    let (mut courier, mut sales) = (Courier::default(), Vec::new());
    for _ in 0..60 {
        match chance.below(6) {
            0 | 1 => sales.push(Sale::check_out(&running.node, "MUG", 1, OK).await),
            2 if !sales.is_empty() => {
                let sale = &sales[chance.below(sales.len())];
                _ = running.node.commands.run(sale.ship(), super::node::envelope()).await;
            }
            3 if !sales.is_empty() => {
                let sale = &sales[chance.below(sales.len())];
                _ = running.node.commands.run(sale.cancel(), super::node::envelope()).await;
            }
            4 => {
                let mishap = Mishap::QUICK[chance.below(Mishap::QUICK.len())];
                if mishap != Mishap::InternalErrorBefore {
                    premises.stripe().plan(mishap);
                }
            }
            _ => _ = running.make_calls().await,
        }
        running.follow().await;
        for webhook in courier.deliver(premises.stripe().take_webhooks(), |bound| chance.below(bound)) {
            premises.receive(&webhook).await;
        }
        if chance.below(2) == 0 {
            running.look_into_webhooks().await;
        }
    }
    premises.stripe().plan_nothing();
    running.settle().await;
    for webhook in courier.finish().into_iter().chain(premises.stripe().take_webhooks()) {
        premises.receive(&webhook).await;
    }
    // They are looked into so many at a time.
    let mut rounds = 0;
    while running.look_into_webhooks().await > 0 {
        rounds += 1;
        assert!(rounds < 100, "SEED={seed}: {:?}", premises.open_webhooks().await);
    }
    running.settle().await;
    for sale in &sales {
        check_agrees(&premises, sale, seed).await;
    }
    assert_eq!((premises.open_calls().await, premises.open_webhooks().await), (0, vec![]), "SEED={seed}");
}

async fn check_agrees(premises: &Premises, sale: &Sale, seed: u64) {
    let (order, payment) = premises.status(sale.order_id, sale.payment_id).await;
    let intents = premises.stripe().intents_of(sale.payment_id);
    let theirs = intents.first().map_or(&Value::Null, |intent| &intent["status"]);
    assert!(intents.len() <= 1, "SEED={seed}: {intents:?}");
    let expected = match (order, payment) {
        ("confirmed", "authorized") => "requires_capture",
        ("shipped", "completed") => "succeeded",
        ("cancelled", "voided") if intents.is_empty() => return,
        ("cancelled", "voided" | "failed") => "canceled",
        other => panic!("SEED={seed}: {other:?}, {theirs}"),
    };
    assert_eq!(theirs, expected, "SEED={seed}: {order} {payment}");
    let history = premises.payment_history(sale.payment_id).await;
    for once in ["payment.authorized", "payment.captured", "payment.completed", "payment.voided"] {
        assert!(history.iter().filter(|event| *event == once).count() <= 1, "SEED={seed}: {history:?}");
    }
}
