//! Payments through Stripe's API, against a stand-in that answers over HTTP: whatever becomes of an answer, nothing is
//! held or taken twice, and nothing that is not known is taken for a no.

use chrono::TimeDelta;
use commands::gateway::PaymentGateway as _;
use commands::payments::RefundPayment;
use commands::process::calls::CallWorkers;
use domain::ids::RefundId;
use domain::money::Money;
use domain::payment::{Payment, ProviderReference};
use eventstore::StreamId;
use serde_json::Value;
use support::{metrics::Counters, stripe::Mishap};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    node::until,
    paid::{OK, PRICE, shop},
    running::{Premises, Running},
    shop::{Sale, currency},
};

impl Premises {
    /// Everything that Stripe holds or has taken for a sale.
    #[track_caller]
    pub(super) fn intent(&self, sale: &Sale) -> Value {
        let mut intents = self.stripe().intents_of(sale.payment_id);
        assert_eq!(intents.len(), 1, "{intents:?}");
        intents.remove(0)
    }

    async fn hashes(&self, sale: &Sale, event_type: &str) -> Vec<String> {
        let stream = StreamId::new(<Payment as domain::aggregate::Aggregate>::CATEGORY, sale.payment_id.as_uuid());
        let events = self.book.stream(&stream, None).await.unwrap();
        let of_type = events.into_iter().filter(|event| event.event_type == event_type);
        of_type.map(|event| event.hash.to_string()).collect()
    }
}

#[tokio::test]
async fn p3_every_change_carries_the_hash_of_its_requested_event_as_its_key() {
    let (premises, mut running) = shop().await;
    let (sale, cancelled) = (running.confirmed().await, running.confirmed().await);
    running.node.accept(sale.ship()).await;
    running.node.accept(cancelled.cancel()).await;
    running.settle().await;
    assert_eq!(premises.status(sale.order_id, sale.payment_id).await, ("shipped", "completed"));
    assert_eq!(premises.payment(cancelled.payment_id).await.status(), "voided");
    let mut expected = Vec::new();
    for (sale, requests) in [
        (&sale, ["payment.authorization_requested", "payment.capture_requested"]),
        (&cancelled, ["payment.authorization_requested", "payment.void_requested"]),
    ] {
        for request in requests {
            expected.extend(premises.hashes(sale, request).await);
        }
    }
    let mut keys: Vec<_> = premises.stripe().heard().into_iter().filter_map(|heard| heard.key).collect();
    keys.sort();
    expected.sort();
    assert_eq!((keys.len(), keys), (4, expected));
    let (taken, given_back) = (premises.intent(&sale), premises.intent(&cancelled));
    assert_eq!((&taken["status"], taken["amount_received"].as_i64()), (&"succeeded".into(), Some(PRICE)));
    assert_eq!((&given_back["status"], given_back["amount_received"].as_i64()), (&"canceled".into(), Some(0)));
}

#[tokio::test]
async fn p8_of_a_card_nothing_is_sent_but_its_token() {
    let (premises, mut running) = shop().await;
    let sale = running.confirmed().await;
    running.node.accept(sale.ship()).await;
    running.settle().await;
    for heard in premises.stripe().heard() {
        let digits = heard.body.split(|letter: char| !letter.is_ascii_digit()).map(str::len).max().unwrap_or(0);
        assert!(digits < 12, "{heard:?}");
        assert!(!heard.body.contains("card%5B") && !heard.body.contains("payment_method_data"), "{heard:?}");
    }
    assert!(premises.stripe().heard()[0].body.contains("payment_method=pm_card_visa"));
}

#[tokio::test]
async fn each_token_leads_its_order_where_it_belongs() {
    let (premises, mut running) = shop().await;
    for (token, end) in [
        (OK, ("confirmed", "authorized")),
        ("pm_card_chargeDeclined", ("pending", "failed")),
        ("pm_card_chargeDeclinedInsufficientFunds", ("pending", "failed")),
        ("pm_card_authenticationRequired", ("pending", "action_required")),
        ("pm_of_another_account", ("pending", "failed")),
    ] {
        let sale = Sale::check_out(&running.node, "MUG", 1, token).await;
        running.settle().await;
        assert_eq!(premises.status(sale.order_id, sale.payment_id).await, end, "{token}");
        assert_eq!(premises.open_calls().await, 0, "{token}");
    }
    let codes: Vec<String> = sqlx::query_scalar(
        "SELECT payload ->> 'code' FROM book.events WHERE event_type = 'payment.failed' ORDER BY position",
    )
    .fetch_all(&premises.database.owner)
    .await
    .unwrap();
    assert_eq!(codes, ["generic_decline", "insufficient_funds", "refused"]);
}

#[tokio::test]
async fn a_buyer_is_sent_where_stripe_says_and_declined_where_nobody_could_come_back() {
    let (mut premises, mut running) = shop().await;
    let sale = running.requested("pm_card_authenticationRequired").await;
    running.settle().await;
    let payment = premises.payment(sale.payment_id).await;
    let url = payment.ledger().unwrap().action_url.as_ref().unwrap().as_str().to_owned();
    assert_eq!(url, format!("https://hooks.stripe.com/redirect/{}", premises.intent(&sale)["id"].as_str().unwrap()));
    assert!(premises.stripe().heard()[0].body.contains("return_url=https%3A%2F%2Fshop.example%2Fpaid"));
    running.kill().await;

    premises.return_url = None;
    let mut running = premises.run().await;
    let sale = running.requested("pm_card_authenticationRequired").await;
    running.settle().await;
    assert_eq!(premises.status(sale.order_id, sale.payment_id).await, ("pending", "failed"));
}

/// An order that has left and is paid, of which this much is to be given back.
async fn refunding(running: &mut Running, amount: i64) -> (Sale, RefundId) {
    let sale = running.confirmed().await;
    running.node.accept(sale.ship()).await;
    running.settle().await;
    let refund_id = RefundId::from_uuid(Uuid::now_v7());
    running.node.accept(refund(&sale, refund_id, amount)).await;
    running.follow().await;
    (sale, refund_id)
}

pub(super) fn refund(sale: &Sale, refund_id: RefundId, amount: i64) -> RefundPayment {
    RefundPayment { payment_id: sale.payment_id, refund_id, amount: Some(Money::new(amount, currency())), reason: None }
}

#[tokio::test]
async fn a_refund_that_takes_its_time_is_waited_for_and_one_that_fails_is_asked_for_again_under_its_own_id() {
    let (premises, mut running) = shop().await;
    let (sale, refund_id) = refunding(&mut running, 300).await;
    premises.stripe().next_refund_is("pending");
    for _ in 0..3 {
        assert_eq!(running.make_calls().await, 1);
        let payment = premises.payment(sale.payment_id).await;
        assert_eq!(payment.ledger().unwrap().refund_pending().amount(), 300);
    }
    let refunds = premises.stripe().refunds();
    premises.stripe().settle_refund(&refunds[0], "failed");
    running.settle().await;
    assert_eq!(premises.payment(sale.payment_id).await.status(), "completed");
    assert_eq!(premises.payment_history(sale.payment_id).await.last().unwrap(), "payment.refund_failed");
    // The first, which carries the same id of ours, is not taken for the second.
    running.node.accept(refund(&sale, refund_id, 300)).await;
    running.follow().await;
    premises.stripe().plan(Mishap::LostAfter);
    running.make_calls().await;
    running.settle().await;
    assert_eq!(premises.payment(sale.payment_id).await.status(), "partially_refunded");
    assert_eq!(premises.stripe().refunds().len(), 2);
}

#[tokio::test]
async fn p3_after_23_hours_it_is_searched_for_by_metadata_and_before_that_in_what_was_opened_since() {
    let (premises, mut running) = shop().await;
    for (hours, asked) in [(22, "GET /v1/payment_intents"), (23, "GET /v1/payment_intents/search")] {
        let sale = running.requested(OK).await;
        premises.stripe().plan(Mishap::LostAfter);
        running.make_calls().await;
        premises.stripe().take_heard();
        premises.stripe().forget_keys();
        premises.clock.pass(TimeDelta::hours(hours));
        running.make_calls().await;
        assert_eq!(premises.stripe().take_heard(), [asked], "after {hours} hours");
        running.settle().await;
        assert_eq!(premises.payment(sale.payment_id).await.status(), "authorized", "after {hours} hours");
        assert_eq!(premises.intent(&sale)["status"], "requires_capture");
    }
}

#[tokio::test]
async fn where_too_many_payments_were_opened_since_a_search_decides_once_it_can() {
    let (premises, mut running) = shop().await;
    let sale = running.requested(OK).await;
    premises.stripe().plan(Mishap::LostAfter);
    running.make_calls().await;
    premises.stripe().others(301);
    premises.stripe().searches_lag(true);
    premises.stripe().take_heard();
    // Found neither in three pages nor by the search: that means nothing yet, and nothing is sent again.
    running.make_calls().await;
    let list = "GET /v1/payment_intents";
    assert_eq!(premises.stripe().take_heard(), [list, list, list, "GET /v1/payment_intents/search"]);
    assert_eq!(premises.payment(sale.payment_id).await.status(), "initiated");
    premises.stripe().searches_lag(false);
    running.settle().await;
    assert_eq!(premises.payment(sale.payment_id).await.status(), "authorized");
    assert_eq!(premises.intent(&sale)["status"], "requires_capture");
}

#[tokio::test]
async fn credentials_that_are_not_accepted_fail_no_payment() {
    let (premises, mut running) = shop().await;
    let sale = running.requested(OK).await;
    let wrong = premises.stripe_gateway(premises.stripe(), "sk_test_of_yesterday");
    let gateways = commands::gateway::Gateways::default().with(std::sync::Arc::new(wrong));
    let workers = CallWorkers::new(premises.pool(), running.node.commands.clone(), std::sync::Arc::new(gateways));
    assert_eq!(workers.run_once().await.unwrap(), 1);
    let error: String =
        sqlx::query_scalar("SELECT last_error FROM process.calls").fetch_one(&premises.database.owner).await.unwrap();
    assert_eq!(error, "the answer is 401 Unauthorized");
    assert_eq!(premises.payment(sale.payment_id).await.status(), "initiated");
    running.settle().await;
    assert_eq!(premises.payment(sale.payment_id).await.status(), "authorized");
}

#[tokio::test]
async fn a_provider_that_hangs_takes_none_of_anothers_places() {
    let (premises, mut running) = shop().await;
    let mut counters = Counters::default();
    let counting = counters.watch();
    let mut hanging = Vec::new();
    for _ in 0..commands::process::calls::CALLS_IN_FLIGHT_MAX + 5 {
        hanging.push(Sale::check_out(&running.node, "MUG", 1, OK).await);
        premises.stripe().plan(Mishap::Silence);
    }
    running.follow().await;
    let stop = CancellationToken::new();
    let workers = tokio::spawn(running.workers.clone().run(stop.clone()));
    let places = commands::process::calls::CALLS_IN_FLIGHT_MAX;
    until("all its places are taken", async || premises.stripe().heard().len() == places).await;
    let quick = Sale::check_out(&running.node, "MUG", 1, "tok_ok").await;
    running.follow().await;
    until("the other provider's is authorised", async || {
        premises.payment(quick.payment_id).await.status() == "authorized"
    })
    .await;
    assert_eq!(premises.stripe().heard().len(), places, "no more are sent than there are places");
    assert_eq!(counting.of(r#"daybook_calls_in_flight{provider="stripe"}"#), Some(places as f64));
    workers.abort();
}

#[tokio::test]
async fn a_provider_that_does_not_answer_is_asked_less_often_and_every_call_is_made_once_it_does() {
    let (premises, mut running) = shop().await;
    let mut sales = Vec::new();
    for _ in 0..20 {
        sales.push(Sale::check_out(&running.node, "MUG", 1, OK).await);
    }
    for _ in 0..200 {
        premises.stripe().plan(Mishap::LostBefore);
    }
    running.follow().await;
    let stop = CancellationToken::new();
    let workers = tokio::spawn(running.workers.clone().run(stop.clone()));
    until("all have tried once", async || premises.stripe().heard().len() >= 20).await;
    let waits = async || {
        // A second later all are due again: the circuit lets through one at a time, and seldom.
        let open: i64 = sqlx::query_scalar("SELECT count(*) FROM process.calls WHERE attempts = 1")
            .fetch_one(&premises.database.owner)
            .await
            .unwrap();
        open < 20
    };
    until("the first goes to see", waits).await;
    let again: i64 = sqlx::query_scalar("SELECT sum(attempts) FROM process.calls")
        .fetch_one(&premises.database.owner)
        .await
        .unwrap();
    assert!(again <= 22, "{again} attempts of 20 calls");
    stop.cancel();
    workers.await.unwrap();
    premises.stripe().plan_nothing();
    running.settle().await;
    for sale in &sales {
        assert_eq!(premises.status(sale.order_id, sale.payment_id).await, ("confirmed", "authorized"));
        assert_eq!(premises.intent(sale)["status"], "requires_capture");
    }
}

#[tokio::test]
async fn what_stripe_does_not_know_is_no_payment() {
    let (premises, _running) = shop().await;
    let gateway = premises.stripe_gateway(premises.stripe(), support::stripe::SECRET_KEY);
    let nobody = ProviderReference::new("pi_nobody").unwrap();
    assert_eq!(gateway.look_up(&nobody).await.unwrap(), None);
}
