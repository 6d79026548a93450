//! Works off the webhooks that were kept.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::payment::ProviderReference;
use eventstore::failpoint;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::command::{Actor, Causation, CommandError, Envelope};
use crate::executor::Commands;
use crate::gateway::account::ProviderPayment;
use crate::gateway::{CALL_DEADLINE_SECONDS, GatewayError, Gateways, PaymentGateway};
use crate::payments::reconcile::Comparison;
use crate::process::comparing::{CompareError, Compared, tell_difference};
use crate::process::lanes::{Heard, Lane, Lanes};
use crate::process::pause::{doubled, jittered};
use crate::rejection::Rejection;

/// Looked into at once, of one provider: fewer than calls, which buyers wait for.
const WEBHOOKS_IN_FLIGHT_MAX: usize = 16;
const PATIENCE: Duration = Duration::from_secs(CALL_DEADLINE_SECONDS as u64);
/// Longer than looking into one takes, so that a lease that ends means a worker that died.
const LEASE_SECONDS: f64 = 60.0;
/// How often idle workers look for webhooks, and how long they wait when they could not.
const POLL: Duration = Duration::from_millis(250);
const PAUSE: Duration = Duration::from_secs(1);
/// First and longest pause before one is looked into again; it doubles in between.
const AGAIN_MIN: Duration = Duration::from_secs(1);
const AGAIN_MAX: Duration = Duration::from_secs(600);
/// P7: a webhook that could not be settled for this long is told of.
const ALARM_AFTER: TimeDelta = TimeDelta::hours(1);
/// How often open webhooks are counted and old ones forgotten.
const UPKEEP: Duration = Duration::from_secs(10);
/// Providers repeat a webhook for some days; what is recorded of a payment is recorded once in any case.
const KEPT: TimeDelta = TimeDelta::days(30);
const FORGOTTEN_AT_ONCE: i64 = 1_000;

#[derive(Debug, Clone)]
pub struct WebhookWorkers {
    pool: PgPool,
    commands: Commands,
    gateways: Arc<Gateways>,
    lanes: Lanes,
}

struct Claimed {
    provider: &'static str,
    event_id: String,
    event_type: String,
    reference: Option<String>,
    received_at: DateTime<Utc>,
    attempts: i32,
}

/// What has become of one.
enum Outcome {
    Settled,
    /// Nobody here knows the payment.
    Parked(String),
    Later(String),
}

impl WebhookWorkers {
    pub fn new(pool: PgPool, commands: Commands, gateways: Arc<Gateways>) -> Self {
        let lanes = Lanes::new(&gateways, WEBHOOKS_IN_FLIGHT_MAX);
        Self { pool, commands, gateways, lanes }
    }

    pub async fn run(self, stop: CancellationToken) {
        let in_flight = TaskTracker::new();
        let upkeep = tokio::spawn(self.clone().keep_up(stop.clone()));
        while !stop.is_cancelled() {
            let pause = match self.set_out(&in_flight).await {
                Ok(0) => Some(POLL),
                Ok(_) => None,
                Err(error) => {
                    tracing::warn!(%error, "webhooks cannot be claimed");
                    Some(PAUSE)
                }
            };
            if let Some(pause) = pause {
                stop.run_until_cancelled(tokio::time::sleep(pause)).await;
            }
        }
        in_flight.close();
        in_flight.wait().await;
        upkeep.abort();
    }

    async fn set_out(&self, in_flight: &TaskTracker) -> Result<usize, sqlx::Error> {
        let mut count = 0;
        for lane in self.lanes.iter() {
            for webhook in self.claim(lane.provider(), lane.free()).await? {
                count += 1;
                let place = lane.enter().await;
                let (workers, lane) = (self.clone(), Arc::clone(lane));
                in_flight.spawn(async move {
                    workers.look_into(webhook, &lane).await;
                    drop(place);
                });
            }
        }
        Ok(count)
    }

    /// Looks into every one that is due, one after another. How many there were.
    pub async fn run_once(&self) -> Result<usize, sqlx::Error> {
        let mut count = 0;
        for lane in self.lanes.iter() {
            for webhook in self.claim(lane.provider(), WEBHOOKS_IN_FLIGHT_MAX).await? {
                count += 1;
                self.look_into(webhook, lane).await;
            }
        }
        Ok(count)
    }

    async fn keep_up(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            if let Err(error) = self.count_and_forget().await {
                tracing::warn!(%error, "webhooks cannot be counted");
            }
            stop.run_until_cancelled(tokio::time::sleep(UPKEEP)).await;
        }
    }

    /// Counts what is open, for whoever watches, and forgets what was settled long ago.
    pub async fn count_and_forget(&self) -> Result<(), sqlx::Error> {
        let now = self.commands.clock().now();
        let rows = sqlx::query_file!("src/sql/count_webhooks.sql", now).fetch_all(&self.pool).await?;
        for provider in self.lanes.providers() {
            let counted = |state: &str| {
                let row = rows.iter().find(|row| row.provider == provider && row.state == state);
                row.map_or((0.0, 0.0), |row| (row.count as f64, row.oldest_seconds))
            };
            for state in ["received", "parked"] {
                let (count, oldest) = counted(state);
                metrics::gauge!("daybook_webhooks_open", "provider" => provider, "state" => state).set(count);
                metrics::gauge!("daybook_webhooks_oldest_seconds", "provider" => provider, "state" => state)
                    .set(oldest);
            }
            metrics::gauge!("daybook_webhooks_set_aside", "provider" => provider).set(counted("set_aside").0);
        }
        sqlx::query_file!("src/sql/forget_webhooks.sql", now - KEPT, FORGOTTEN_AT_ONCE).execute(&self.pool).await?;
        Ok(())
    }

    async fn claim(&self, provider: &'static str, limit: usize) -> Result<Vec<Claimed>, sqlx::Error> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let rows = sqlx::query_file!("src/sql/claim_webhooks.sql", provider, limit as i64, LEASE_SECONDS)
            .fetch_all(&self.pool)
            .await?;
        if !rows.is_empty() {
            failpoint::reached("webhook.after_claim");
        }
        let claimed = rows.into_iter().map(|row| Claimed {
            provider,
            event_id: row.event_id,
            event_type: row.event_type,
            reference: row.reference,
            received_at: row.received_at,
            attempts: row.attempts,
        });
        Ok(claimed.collect())
    }

    async fn look_into(&self, webhook: Claimed, lane: &Lane) {
        #[cfg(feature = "planted-bugs")]
        if eventstore::planted::is("webhook-settled-first") {
            drop(self.settle(&webhook).await);
            // Of every two workers one dies at this point.
            if Uuid::new_v4().as_u128() % 2 == 0 {
                return lane.hears(Heard::Nothing);
            }
        }
        let (outcome, heard) = self.outcome(&webhook).await;
        lane.hears(heard);
        let noted = match outcome {
            Outcome::Settled => self.settle(&webhook).await,
            Outcome::Parked(reason) => self.put_off(&webhook, true, &reason).await,
            Outcome::Later(reason) => self.put_off(&webhook, false, &reason).await,
        };
        if let Err(error) = noted {
            // The lease ends by itself, and the next worker looks into it again.
            tracing::warn!(%error, webhook.id = webhook.event_id, "what became of a webhook could not be noted");
        }
    }

    async fn outcome(&self, webhook: &Claimed) -> (Outcome, Heard) {
        let Some(reference) = &webhook.reference else { return (Outcome::Settled, Heard::Nothing) };
        let gateway = self.gateways.iter().find(|gateway| gateway.name() == webhook.provider);
        let (Some(gateway), Ok(reference)) = (gateway, ProviderReference::new(reference)) else {
            return (Outcome::Parked("it names no payment of this provider".to_owned()), Heard::Nothing);
        };
        match look_up(gateway.as_ref(), &reference).await {
            Err(error @ GatewayError::Unknown { .. }) => (Outcome::Later(error.to_string()), Heard::Silence),
            Err(error) => (Outcome::Later(error.to_string()), Heard::Answer),
            Ok(None) => (Outcome::Parked(format!("the provider knows no {reference}")), Heard::Answer),
            Ok(Some(theirs)) => (self.record(webhook, gateway.as_ref(), theirs).await, Heard::Answer),
        }
    }

    async fn record(&self, webhook: &Claimed, gateway: &dyn PaymentGateway, theirs: ProviderPayment) -> Outcome {
        let Some(payment_id) = theirs.payment_id else {
            return Outcome::Parked(format!("{} was not opened by us", theirs.reference));
        };
        let (commands, reference) = (&self.commands, &theirs.reference.clone());
        let compared = Compared { commands, gateway, payment_id, reference, attests: false };
        failpoint::reached("webhook.before_effect");
        let done = compared.run(Some(theirs), envelope(webhook)).await;
        failpoint::reached("webhook.after_effect");
        match done {
            Ok(outcome) => {
                if let Comparison::Differs(detail) = &outcome.comparison {
                    tell_difference(webhook.provider, payment_id, detail);
                }
                Outcome::Settled
            }
            Err(CompareError::Command(CommandError::Rejected(Rejection::NotFound { .. }))) => {
                Outcome::Parked(format!("there is no payment {payment_id}, which {reference} is said to be"))
            }
            Err(CompareError::Command(error)) => Outcome::Later(error.to_string()),
            Err(CompareError::Provider(error)) => Outcome::Later(error.to_string()),
        }
    }

    async fn settle(&self, webhook: &Claimed) -> Result<(), sqlx::Error> {
        let Claimed { provider, event_id, event_type, attempts, .. } = webhook;
        tracing::debug!(
            webhook.provider = provider,
            webhook.id = event_id,
            webhook.kind = event_type,
            attempts,
            "a webhook is settled"
        );
        let now = self.commands.clock().now();
        failpoint::reached("webhook.before_settle");
        sqlx::query_file!("src/sql/settle_webhook.sql", *provider, event_id, now).execute(&self.pool).await?;
        failpoint::reached("webhook.after_settle");
        Ok(())
    }

    async fn put_off(&self, webhook: &Claimed, parked: bool, reason: &str) -> Result<(), sqlx::Error> {
        let Claimed { provider, event_id, event_type, attempts, received_at, .. } = webhook;
        let pause = jittered(doubled(AGAIN_MIN, AGAIN_MAX, *attempts)).as_secs_f64();
        let is_old = self.commands.clock().now() - received_at > ALARM_AFTER;
        if is_old {
            tracing::error!(
                webhook.provider = provider,
                webhook.id = event_id,
                webhook.kind = event_type,
                attempts,
                reason,
                "a webhook cannot be settled: somebody has to look"
            );
            metrics::counter!("daybook_webhooks_alarmed_total", "provider" => *provider).increment(1);
        } else {
            tracing::warn!(
                webhook.provider = provider,
                webhook.id = event_id,
                webhook.kind = event_type,
                attempts,
                reason,
                "a webhook is looked into again later"
            );
        }
        failpoint::reached("webhook.before_put_off");
        sqlx::query_file!("src/sql/put_off_webhook.sql", *provider, event_id, attempts, parked, pause, reason)
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}

async fn look_up(
    gateway: &dyn PaymentGateway,
    reference: &ProviderReference,
) -> Result<Option<ProviderPayment>, GatewayError> {
    match tokio::time::timeout(PATIENCE, gateway.look_up(reference)).await {
        Ok(answer) => answer,
        Err(_) => Err(GatewayError::Unknown { reason: "the provider did not answer in time".to_owned() }),
    }
}

/// Without a key: what is recorded of a payment is recorded once by the rules of the ledger (P4), whoever tells of it.
fn envelope(webhook: &Claimed) -> Envelope {
    Envelope {
        actor: Actor::Process { name: "webhooks" },
        correlation_id: Uuid::now_v7(),
        causation: Causation::Request(format!("webhook {}/{}", webhook.provider, webhook.event_id)),
        traceparent: None,
        key: None,
        expected: None,
    }
}
