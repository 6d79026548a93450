//! The workers that call the outside: they claim a request under a short lease and hold no transaction and no
//! checkpoint, so that a provider that never answers stops nobody else.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use eventstore::event::Position;
use eventstore::failpoint;
use sqlx::PgPool;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::CallKind;
use super::perform::{Performed, perform};
use crate::command::{Actor, Causation, CommandError, Envelope, Key};
use crate::executor::Commands;
use crate::gateway::Gateways;

/// Calls in flight at once: the bulkhead around providers.
const CALLS_IN_FLIGHT_MAX: usize = 128;
/// Longer than any call takes, so that a lease that ends means a worker that died.
const LEASE_SECONDS: f64 = 60.0;
/// How often idle workers look for requests, and how long they wait when they could not.
const POLL: Duration = Duration::from_millis(50);
const PAUSE: Duration = Duration::from_secs(1);
/// How often the open requests are counted, for whoever watches.
const COUNT_PAUSE: Duration = Duration::from_secs(10);
/// First and longest pause before an unknown outcome is asked about again; it doubles in between.
const ASK_AGAIN_MIN_SECONDS: f64 = 1.0;
const ASK_AGAIN_MAX_SECONDS: f64 = 300.0;

/// A request that this worker has claimed.
#[derive(Debug, Clone)]
pub struct ClaimedCall {
    pub position: Position,
    /// The hash of the *requested* event, in hex.
    pub idempotency_key: String,
    pub kind: CallKind,
    pub payment_id: Uuid,
    pub correlation_id: Uuid,
    pub requested_at: DateTime<Utc>,
    /// 1 at the first try. From the second on the provider is asked before anything is sent again.
    pub attempts: i32,
}

#[derive(Debug, Clone)]
pub struct CallWorkers {
    pool: PgPool,
    commands: Commands,
    gateways: Arc<Gateways>,
}

impl CallWorkers {
    pub fn new(pool: PgPool, commands: Commands, gateways: Arc<Gateways>) -> Self {
        Self { pool, commands, gateways }
    }

    pub async fn run(self, stop: CancellationToken) {
        let permits = Arc::new(Semaphore::new(CALLS_IN_FLIGHT_MAX));
        let in_flight = TaskTracker::new();
        let counting = tokio::spawn(self.clone().count_open(stop.clone()));
        while !stop.is_cancelled() {
            let (claimed, pause) = match self.claim(permits.available_permits()).await {
                Ok(claimed) => (claimed, POLL),
                Err(error) => {
                    tracing::warn!(%error, "call requests cannot be claimed");
                    (Vec::new(), PAUSE)
                }
            };
            metrics::gauge!("daybook_calls_in_flight").set(in_flight.len() as f64);
            let idle = claimed.is_empty();
            for call in claimed {
                let permit = Arc::clone(&permits).acquire_owned().await.expect("the semaphore is never closed");
                let workers = self.clone();
                in_flight.spawn(async move {
                    let _permit = permit;
                    workers.make(call).await;
                });
            }
            if idle {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = tokio::time::sleep(pause) => {}
                }
            }
        }
        in_flight.close();
        in_flight.wait().await;
        counting.abort();
    }

    /// A provider that is away shows as requests that grow old.
    async fn count_open(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            match sqlx::query_file!("src/sql/count_open_calls.sql").fetch_one(&self.pool).await {
                Ok(row) => {
                    metrics::gauge!("daybook_calls_open").set(row.open as f64);
                    metrics::gauge!("daybook_calls_oldest_seconds").set(row.oldest_seconds.unwrap_or_default());
                }
                Err(error) => tracing::warn!(%error, "call requests cannot be counted"),
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(COUNT_PAUSE) => {}
            }
        }
    }

    /// Makes every call that is due and waits for all of them. For tests, and for resuming by hand.
    pub async fn run_once(&self) -> Result<usize, sqlx::Error> {
        let claimed = self.claim(CALLS_IN_FLIGHT_MAX).await?;
        let count = claimed.len();
        for call in claimed {
            self.make(call).await;
        }
        Ok(count)
    }

    async fn claim(&self, limit: usize) -> Result<Vec<ClaimedCall>, sqlx::Error> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let kinds = CallKind::ALL.map(|kind| kind.name());
        let rows = sqlx::query_file!("src/sql/claim_calls.sql", limit as i64, LEASE_SECONDS, &kinds as &[&str])
            .fetch_all(&self.pool)
            .await?;
        Ok(rows
            .into_iter()
            .filter_map(|row| {
                Some(ClaimedCall {
                    position: Position(row.position),
                    idempotency_key: row.idempotency_key,
                    kind: CallKind::parse(&row.kind)?,
                    payment_id: row.payment_id,
                    correlation_id: row.correlation_id,
                    requested_at: row.requested_at,
                    attempts: row.attempts,
                })
            })
            .collect())
    }

    async fn make(&self, call: ClaimedCall) {
        let started = std::time::Instant::now();
        failpoint::reached("call.before_request");
        let performed = perform(&call, &self.commands, &self.gateways).await;
        failpoint::reached("call.after_answer");
        metrics::histogram!("daybook_call_seconds", "kind" => call.kind.name()).record(started.elapsed().as_secs_f64());
        let settled = match performed {
            Performed::Done(result) => match result.run(&self.commands, envelope(&call)).await {
                Ok(_) => {
                    failpoint::reached("call.after_record");
                    self.finish(&call).await
                }
                Err(CommandError::Rejected(rejection)) => {
                    tracing::warn!(payment.id = %call.payment_id, %rejection, "the result of a call was rejected");
                    self.finish(&call).await
                }
                Err(error) => self.postpone(&call, &error.to_string()).await,
            },
            Performed::Nothing => self.finish(&call).await,
            Performed::AskLater { reason } => self.postpone(&call, &reason).await,
        };
        if let Err(error) = settled {
            // The lease ends by itself, and the next worker asks the provider what became of the call.
            tracing::warn!(%error, payment.id = %call.payment_id, "what became of a call could not be noted");
        }
    }

    async fn finish(&self, call: &ClaimedCall) -> Result<(), sqlx::Error> {
        metrics::counter!("daybook_calls_total", "kind" => call.kind.name(), "result" => "settled").increment(1);
        sqlx::query_file!("src/sql/finish_call.sql", call.position.0).execute(&self.pool).await?;
        Ok(())
    }

    async fn postpone(&self, call: &ClaimedCall, reason: &str) -> Result<(), sqlx::Error> {
        metrics::counter!("daybook_calls_total", "kind" => call.kind.name(), "result" => "unknown").increment(1);
        tracing::warn!(payment.id = %call.payment_id, call.kind = call.kind.name(), call.attempts = call.attempts, reason,
            "the outcome of a call is unknown, the provider is asked again");
        let pause =
            (ASK_AGAIN_MIN_SECONDS * f64::from(call.attempts.clamp(1, 16) - 1).exp2()).min(ASK_AGAIN_MAX_SECONDS);
        sqlx::query_file!("src/sql/postpone_call.sql", call.position.0, call.attempts, pause, reason)
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}

/// The result is recorded under a key made from the request, so that a worker that died before it could note the call
/// as settled leads to no second record.
fn envelope(call: &ClaimedCall) -> Envelope {
    Envelope {
        actor: Actor::Process { name: "calls" },
        correlation_id: call.correlation_id,
        causation: Causation::Position(call.position),
        traceparent: None,
        key: Some(Key {
            scope: "process:calls".to_owned(),
            key: format!("{}/0", call.position),
            fingerprint: [0; 32],
            expires_at: None,
        }),
        expected: None,
    }
}
