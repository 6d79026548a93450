//! The reconciler: what the provider's books say and the ledger does not know, what neither can be right about, and what
//! only one of them knows; and disputes, of which the provider tells.

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use commands::{
    gateway::account::Period,
    process::reconciler::{Reconciler, Report},
};
use support::{metrics::Counters, stripe::Mishap};
use uuid::Uuid;

use super::{
    paid::{PRICE, shop},
    running::{Premises, Running},
    shop::Sale,
};

const DAY: Duration = Duration::from_secs(86_400);

fn reconciler(premises: &Premises, running: &Running) -> Reconciler {
    Reconciler::new(premises.pool(), running.node.commands.clone(), Arc::new(premises.gateways()))
}

async fn reconciled(premises: &Premises, running: &Running) -> Report {
    let until = premises.clock.now() + TimeDelta::minutes(1);
    let period = Period { from: until - TimeDelta::days(35), until };
    reconciler(premises, running).reconcile("stripe", period).await.unwrap()
}

impl Premises {
    fn stripe_id(&self, sale: &Sale) -> String {
        self.intent(sale)["id"].as_str().unwrap().to_owned()
    }

    async fn last_event(&self, sale: &Sale) -> String {
        self.payment_history(sale.payment_id).await.pop().unwrap()
    }
}

#[tokio::test]
async fn both_sides_agree_and_that_is_put_on_record_once() {
    let (premises, mut running) = shop().await;
    let (held, taken, declined) = (
        running.confirmed().await,
        running.shipped().await,
        Sale::check_out(&running.node, "MUG", 1, "pm_card_chargeDeclined").await,
    );
    let cancelled = running.confirmed().await;
    running.node.accept(cancelled.cancel()).await;
    running.settle().await;
    let report = reconciled(&premises, &running).await;
    assert_eq!(report, Report { compared: 4, agree: 4, ..Report::default() });
    for sale in [&held, &taken, &cancelled, &declined] {
        assert_eq!(premises.last_event(sale).await, "payment.reconciled");
    }
    let head = running.node.head().await;
    assert_eq!(reconciled(&premises, &running).await, Report { compared: 4, agree: 4, ..Report::default() });
    assert_eq!(running.node.head().await, head, "nothing moved, and nothing is said again");
}

#[tokio::test]
async fn what_only_the_provider_knows_is_recorded_as_its_webhooks_would_have_been() {
    let (premises, mut running) = shop().await;
    let (cancelled, disputed) = (running.confirmed().await, running.shipped().await);
    // No webhook of these ever came.
    premises.stripe().by_hand("cancel", &premises.stripe_id(&cancelled), None);
    premises.stripe().dispute(&premises.stripe_id(&disputed), PRICE);
    let report = reconciled(&premises, &running).await;
    assert_eq!(report, Report { compared: 2, agree: 2, recorded: 2, ..Report::default() });
    assert_eq!(premises.payment(cancelled.payment_id).await.status(), "expired");
    assert_eq!(premises.payment(disputed.payment_id).await.status(), "disputed");
}

#[tokio::test]
async fn a_discrepancy_is_found_named_and_found_once_until_it_is_settled() {
    let (premises, mut running) = shop().await;
    let sale = running.shipped().await;
    // Somebody gave money back in Stripe's dashboard: the ledger has nothing that it could be.
    premises.stripe().by_hand("refund", &premises.stripe_id(&sale), Some(300));
    let detail = "refunded 0.00 GBP here, 3.00 GBP there".to_owned();
    for _ in 0..2 {
        let report = reconciled(&premises, &running).await;
        let differ = vec![(sale.payment_id, detail.clone())];
        assert_eq!(report, Report { compared: 1, differ, ..Report::default() });
    }
    let history = premises.payment_history(sale.payment_id).await;
    assert_eq!(history.iter().filter(|event| *event == "payment.discrepancy_found").count(), 1);
    // It comes to nothing.
    let refunds = premises.stripe().refunds();
    premises.stripe().settle_refund(&refunds[0], "failed");
    assert!(reconciled(&premises, &running).await.is_clean());
    assert_eq!(premises.last_event(&sale).await, "payment.reconciled");
}

#[tokio::test]
async fn a_payment_that_only_one_side_knows_is_told_of() {
    let (premises, mut running) = shop().await;
    let lost = Uuid::now_v7();
    let reference = premises.stripe().open_by_hand(lost, PRICE);
    premises.stripe().open_by_hand("another-program", PRICE);
    let sale = running.confirmed().await;
    premises.stripe().forget(&premises.stripe_id(&sale));
    let report = reconciled(&premises, &running).await;
    assert_eq!((report.compared, report.agree, report.foreign), (1, 0, 1));
    assert_eq!(report.unknown.len(), 1);
    assert_eq!((report.unknown[0].0.as_str(), report.unknown[0].1.as_uuid()), (reference.as_str(), lost));
    assert_eq!(report.differ, [(sale.payment_id, "the provider knows no such payment".to_owned())]);
    assert_eq!(premises.last_event(&sale).await, "payment.discrepancy_found");
}

#[tokio::test]
async fn a_payment_that_is_held_twice_is_a_discrepancy() {
    let (premises, mut running) = shop().await;
    let sale = running.confirmed().await;
    let ours = premises.stripe_id(&sale);
    let second = premises.stripe().open_by_hand(sale.payment_id, PRICE);
    let report = reconciled(&premises, &running).await;
    assert_eq!((report.compared, report.agree), (2, 1));
    let said = format!("at the provider {second} bears this payment's id, beside {ours}");
    assert_eq!(report.differ, [(sale.payment_id, said)]);
}

#[tokio::test]
async fn while_a_call_is_open_nothing_is_a_discrepancy() {
    let (premises, mut running) = shop().await;
    let sale = running.confirmed().await;
    running.node.accept(sale.cancel()).await;
    running.follow().await;
    let report = reconciled(&premises, &running).await;
    assert_eq!(report, Report { compared: 1, open: 1, ..Report::default() });
    running.settle().await;
    assert_eq!(reconciled(&premises, &running).await, Report { compared: 1, agree: 1, ..Report::default() });
}

#[tokio::test]
async fn a_provider_with_many_payments_is_read_page_by_page_and_one_that_is_away_for_a_moment_is_read_on() {
    let (premises, mut running) = shop().await;
    let first = running.confirmed().await;
    premises.stripe().others(250);
    let last = running.confirmed().await;
    for mishap in [Mishap::Html, Mishap::LostBefore, Mishap::Nonsense] {
        premises.stripe().plan(mishap);
    }
    let report = reconciled(&premises, &running).await;
    assert_eq!(report, Report { compared: 2, agree: 2, foreign: 250, ..Report::default() });
    for sale in [&first, &last] {
        assert_eq!(premises.last_event(sale).await, "payment.reconciled");
    }
}

#[tokio::test]
async fn it_runs_on_one_node_and_when_it_is_time() {
    let (premises, mut running) = shop().await;
    running.confirmed().await;
    let (one, other) = (reconciler(&premises, &running), reconciler(&premises, &running));
    assert!(one.run_due("stripe", DAY).await.unwrap());
    assert!(!other.run_due("stripe", DAY).await.unwrap(), "it has been done today");
    let row: (i64, i64) = sqlx::query_as("SELECT compared, discrepancies FROM process.reconciliations")
        .fetch_one(&premises.database.owner)
        .await
        .unwrap();
    assert_eq!(row, (1, 0));
    let later = "UPDATE process.reconciliations SET started_at = started_at - interval '1 day'";
    sqlx::query(later).execute(&premises.database.owner).await.unwrap();
    // The provider is away for longer than is waited for: it is begun anew in ten minutes, not in a day.
    for _ in 0..15 {
        premises.stripe().plan(Mishap::Html);
    }
    assert!(other.run_due("stripe", DAY).await.unwrap());
    premises.stripe().plan_nothing();
    let (error, minutes): (String, f64) = sqlx::query_as(
        "SELECT last_error, extract(epoch FROM started_at + interval '1 day' - now())::float8 / 60
         FROM process.reconciliations",
    )
    .fetch_one(&premises.database.owner)
    .await
    .unwrap();
    assert_eq!(error, "the provider's books cannot be read");
    assert!((8.0..=10.0).contains(&minutes), "{minutes}");
    assert_eq!(one.providers(), ["stripe"], "the simulated one has no books");
}

#[tokio::test]
async fn a_dispute_goes_from_its_webhook_to_its_end_and_p2_counts_what_was_charged_back() {
    let (premises, mut running) = shop().await;
    for (end, status, refundable) in [("lost", "charged_back", 400), ("won", "dispute_won", PRICE)] {
        let sale = running.shipped().await;
        let dispute = premises.stripe().dispute(&premises.stripe_id(&sale), 600);
        premises.deliver(&mut running).await;
        assert_eq!(premises.payment(sale.payment_id).await.status(), "disputed");
        premises.stripe().close_dispute(&dispute, end);
        premises.deliver(&mut running).await;
        let payment = premises.payment(sale.payment_id).await;
        assert_eq!((payment.status(), payment.ledger().unwrap().refundable().amount()), (status, refundable));
        assert_eq!(premises.order(sale.order_id).await.status(), "shipped");
    }
}

/// The refund is on its way when the bank takes the money itself.
#[tokio::test]
async fn p2_what_is_charged_back_while_it_is_refunded_goes_twice_and_that_is_found_and_told() {
    let (premises, mut running) = shop().await;
    let mut counters = Counters::default();
    let counting = counters.watch();
    let sale = running.shipped().await;
    premises.stripe().take_webhooks();
    premises.stripe().next_refund_is("pending");
    running.node.accept(sale.refund(PRICE)).await;
    running.follow().await;
    running.make_calls().await;
    let dispute = premises.stripe().dispute(&premises.stripe_id(&sale), PRICE);
    premises.stripe().close_dispute(&dispute, "lost");
    for webhook in premises.stripe().take_webhooks() {
        premises.receive(&webhook).await;
    }
    running.look_into_webhooks().await;
    assert_eq!(premises.last_event(&sale).await, "payment.charged_back", "the refund may yet fail");
    let told = r#"daybook_payment_discrepancies_total{provider="stripe"}"#;
    assert_eq!(counting.of(told), None);

    let refunds = premises.stripe().refunds();
    premises.stripe().settle_refund(&refunds[0], "succeeded");
    running.settle().await;
    assert_eq!(premises.last_event(&sale).await, "payment.discrepancy_found");
    assert_eq!(counting.of(told), Some(1.0));
    let twice = premises.payment(sale.payment_id).await.ledger().unwrap().given_back_twice();
    assert_eq!(twice.amount(), PRICE);
    // Both sides agree on it, and somebody has to look all the same.
    let detail = "10.00 GBP refunded and 10.00 GBP charged back, of 10.00 GBP captured".to_owned();
    for _ in 0..2 {
        let report = reconciled(&premises, &running).await;
        assert_eq!(report.differ, [(sale.payment_id, detail.clone())]);
    }
    let history = premises.payment_history(sale.payment_id).await;
    assert_eq!(history.iter().filter(|event| *event == "payment.discrepancy_found").count(), 1, "{history:?}");
}

#[tokio::test]
async fn of_a_dispute_whose_beginning_was_lost_the_end_tells_all() {
    let (premises, mut running) = shop().await;
    let sale = running.shipped().await;
    let dispute = premises.stripe().dispute(&premises.stripe_id(&sale), 600);
    premises.stripe().take_webhooks();
    premises.stripe().close_dispute(&dispute, "lost");
    premises.deliver(&mut running).await;
    let history = premises.payment_history(sale.payment_id).await;
    assert_eq!(history[history.len() - 2..], ["payment.disputed", "payment.charged_back"]);
}

impl Premises {
    /// Takes in what Stripe has to tell, and looks into it.
    async fn deliver(&self, running: &mut Running) {
        for webhook in self.stripe().take_webhooks() {
            self.receive(&webhook).await;
        }
        running.look_into_webhooks().await;
        running.settle().await;
        assert_eq!(self.open_webhooks().await, vec![]);
    }
}
