//! Webhooks as time goes by: what cannot be settled is told of after an hour and never dropped, what is settled is forgotten
//! after thirty days, and then a repeat is as good as new.

use chrono::{DateTime, TimeDelta, Utc};
use commands::process::{
    standing::{open_webhooks, retry_webhook, set_aside_webhook, webhooks_aside},
    webhooks::Received,
};
use domain::ids::Reason;
use support::{
    metrics::Counters,
    stripe::{WEBHOOK_SECRET, Webhook},
};

use super::{
    paid::{PRICE, shop},
    running::{Premises, Running},
};

const ALARMED: &str = r#"daybook_webhooks_alarmed_total{provider="stripe"}"#;
const SET_ASIDE: &str = r#"daybook_webhooks_set_aside{provider="stripe"}"#;

fn open(state: &str) -> String {
    format!(r#"daybook_webhooks_open{{provider="stripe",state="{state}"}}"#)
}

fn oldest(state: &str) -> String {
    format!(r#"daybook_webhooks_oldest_seconds{{provider="stripe",state="{state}"}}"#)
}

impl Premises {
    /// Of a payment that another program opened on the same account.
    async fn told_of_somebody_elses(&self) -> Vec<Webhook> {
        self.stripe().open_by_hand("no-payment-of-ours", PRICE);
        let told = self.stripe().take_webhooks();
        for webhook in &told {
            self.receive(webhook).await;
        }
        told
    }

    /// How many are kept, in whatever state.
    async fn kept(&self) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM process.webhooks").fetch_one(&self.database.owner).await.unwrap()
    }

    /// Stripe sends it again, signed anew.
    pub(super) async fn comes_again(&self, webhook: &Webhook) -> Received {
        let signature = webhook.signature_at(WEBHOOK_SECRET, self.clock.now().timestamp());
        let headers =
            axum::http::HeaderMap::from_iter([("stripe-signature".parse().unwrap(), signature.parse().unwrap())]);
        self.webhooks().receive("stripe", &headers, &webhook.body).await.unwrap()
    }
}

impl Running {
    async fn upkeep(&self) {
        self.webhook_workers.count_and_forget().await.unwrap();
    }
}

#[tokio::test]
async fn p7_a_webhook_about_an_unknown_payment_is_told_of_after_an_hour_and_from_then_on() {
    let (premises, running) = shop().await;
    let mut counters = Counters::default();
    let counting = counters.watch();
    let told = premises.told_of_somebody_elses().await.len();
    running.look_into_webhooks().await;
    premises.clock.pass(TimeDelta::minutes(59));
    assert_eq!(running.look_into_webhooks().await, told);
    running.upkeep().await;
    assert_eq!(counting.of(ALARMED), None, "an hour has not passed");
    assert_eq!(counting.of(&open("parked")), Some(told as f64));
    let age = counting.of(&oldest("parked")).unwrap();
    assert!((3_540.0..3_600.0).contains(&age), "{age}");

    premises.clock.pass(TimeDelta::minutes(2));
    for round in 1..=2 {
        assert_eq!(running.look_into_webhooks().await, told);
        assert_eq!(counting.of(ALARMED), Some((round * told) as f64));
    }
    premises.clock.pass(TimeDelta::days(400));
    running.upkeep().await;
    assert_eq!(premises.open_webhooks().await.len(), told, "however old, it is never dropped");
}

#[tokio::test]
async fn p7_a_webhook_whose_provider_is_away_is_told_of_after_an_hour_too() {
    let (premises, mut running) = shop().await;
    let mut counters = Counters::default();
    let counting = counters.watch();
    running.confirmed().await;
    let webhook = premises.stripe().take_webhooks().pop().unwrap();
    premises.receive(&webhook).await;
    for hours in [0, 2] {
        premises.clock.pass(TimeDelta::hours(hours));
        // One look tries three times.
        for _ in 0..3 {
            premises.stripe().plan(support::stripe::Mishap::Html);
        }
        assert_eq!(running.look_into_webhooks().await, 1);
        assert_eq!(counting.of(ALARMED), (hours > 0).then_some(1.0), "after {hours} hours");
    }
    running.upkeep().await;
    assert_eq!(counting.of(&open("received")), Some(1.0));
}

#[tokio::test]
async fn what_is_settled_is_forgotten_after_thirty_days_and_a_repeat_changes_nothing_then_either() {
    let (premises, mut running) = shop().await;
    let sale = running.confirmed().await;
    let told = premises.stripe().take_webhooks();
    for webhook in &told {
        premises.receive(webhook).await;
    }
    running.look_into_webhooks().await;
    let parked = premises.told_of_somebody_elses().await.len();
    running.look_into_webhooks().await;
    let all = (told.len() + parked) as i64;

    premises.clock.pass(TimeDelta::days(30) - TimeDelta::minutes(1));
    running.upkeep().await;
    assert_eq!(premises.kept().await, all, "thirty days have not passed");
    assert_eq!(premises.comes_again(&told[0]).await, Received::Repeated);

    premises.clock.pass(TimeDelta::minutes(2));
    running.upkeep().await;
    assert_eq!(premises.kept().await, parked as i64, "what is not settled stays");
    let history = premises.payment_history(sale.payment_id).await;
    assert_eq!(premises.comes_again(&told[0]).await, Received::Kept);
    assert_eq!(running.look_into_webhooks().await, 1 + parked);
    assert_eq!(premises.payment_history(sale.payment_id).await, history);
    assert_eq!(premises.open_webhooks().await.len(), parked);
}

fn reason() -> Reason {
    Reason::new("of the other shop on this account").unwrap()
}

#[tokio::test]
async fn p7_one_that_is_nobodys_is_set_aside_with_a_reason_counted_and_taken_up_again() {
    let (premises, running) = shop().await;
    let mut counters = Counters::default();
    let counting = counters.watch();
    let pool = &premises.database.app;
    let told = premises.told_of_somebody_elses().await.len();
    let event_ids: Vec<String> = sqlx::query_scalar("SELECT event_id FROM process.webhooks ORDER BY event_id")
        .fetch_all(&premises.database.owner)
        .await
        .unwrap();
    let first = event_ids[0].as_str();
    assert!(!set_aside_webhook(pool, "stripe", first, &reason()).await.unwrap(), "nobody has looked into it yet");
    running.look_into_webhooks().await;
    assert!(!set_aside_webhook(pool, "simulated", first, &reason()).await.unwrap());
    assert!(!set_aside_webhook(pool, "stripe", "evt_nobody", &reason()).await.unwrap());
    assert!(set_aside_webhook(pool, "stripe", first, &reason()).await.unwrap());
    assert!(!set_aside_webhook(pool, "stripe", first, &reason()).await.unwrap(), "it is, already");

    let aside = webhooks_aside(pool).await.unwrap();
    assert_eq!((aside.len(), aside[0].event_id.as_str(), aside[0].reason.as_str()), (1, first, reason().as_str()));
    assert!(open_webhooks(pool).await.unwrap().iter().all(|webhook| webhook.event_id != first));
    assert_eq!(running.look_into_webhooks().await, told - 1);
    running.upkeep().await;
    assert_eq!((counting.of(SET_ASIDE), counting.of(&open("parked"))), (Some(1.0), Some((told - 1) as f64)));

    assert!(retry_webhook(pool, "stripe", first).await.unwrap());
    assert_eq!(running.look_into_webhooks().await, told);
    running.upkeep().await;
    assert_eq!((counting.of(SET_ASIDE), counting.of(&open("parked"))), (Some(0.0), Some(told as f64)));
}

#[tokio::test]
async fn one_that_is_to_be_retried_is_due_at_once_and_one_that_is_settled_is_not_retried() {
    let (premises, mut running) = shop().await;
    let pool = &premises.database.app;
    running.confirmed().await;
    let webhook = premises.stripe().take_webhooks().pop().unwrap();
    premises.receive(&webhook).await;
    for _ in 0..3 {
        premises.stripe().plan(support::stripe::Mishap::Html);
    }
    running.look_into_webhooks().await;
    let due = async || -> DateTime<Utc> {
        let read = "SELECT next_attempt_at FROM process.webhooks";
        sqlx::query_scalar(read).fetch_one(&premises.database.owner).await.unwrap()
    };
    let event_id = open_webhooks(pool).await.unwrap().remove(0).event_id;
    let put_off = "UPDATE process.webhooks SET next_attempt_at = now() + interval '10 minutes'";
    sqlx::query(put_off).execute(&premises.database.owner).await.unwrap();
    assert_eq!(running.webhook_workers.run_once().await.unwrap(), 0, "it is put off");
    let before = due().await;
    assert!(retry_webhook(pool, "stripe", &event_id).await.unwrap());
    assert!(due().await < before);
    assert_eq!(running.webhook_workers.run_once().await.unwrap(), 1);
    assert!(!retry_webhook(pool, "stripe", &event_id).await.unwrap(), "it is settled");
}
