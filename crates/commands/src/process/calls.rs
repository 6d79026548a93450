//! The workers that call the outside: they claim a request under a short lease and hold no transaction and no
//! checkpoint, so that a provider that never answers stops nobody else, and no other provider either: each has its
//! [lane](super::lanes).

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use eventstore::event::Position;
use eventstore::failpoint;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::lanes::{Heard, Lane, Lanes};
use super::pause::{doubled, jittered};
use super::perform::{Performed, perform};
use super::{CallKind, Runnable};
use crate::command::{Actor, Causation, CommandError, Envelope, Key};
use crate::executor::Commands;
use crate::gateway::Gateways;

/// Calls in flight to one provider: the bulkhead around it. Its places in our connections to Postgres are few all the same.
pub const CALLS_IN_FLIGHT_MAX: usize = 64;
/// Calls to providers that this node has no gateway to, claimed at once and put off with the reason.
const STRANGERS_AT_ONCE: usize = 16;
/// Longer than any call takes, so that a lease that ends means a worker that died.
const LEASE_SECONDS: f64 = 60.0;
/// How often idle workers look for requests, and how long they wait when they could not.
const POLL: Duration = Duration::from_millis(50);
const PAUSE: Duration = Duration::from_secs(1);
/// How often the open requests are counted, for whoever watches.
const COUNT_PAUSE: Duration = Duration::from_secs(10);
/// First and longest pause before an unknown outcome is asked about again; it doubles in between.
const ASK_AGAIN_MIN: Duration = Duration::from_secs(1);
const ASK_AGAIN_MAX: Duration = Duration::from_secs(300);

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
    lanes: Lanes,
}

impl CallWorkers {
    pub fn new(pool: PgPool, commands: Commands, gateways: Arc<Gateways>) -> Self {
        let lanes = Lanes::new(&gateways, CALLS_IN_FLIGHT_MAX);
        Self { pool, commands, gateways, lanes }
    }

    pub async fn run(self, stop: CancellationToken) {
        let in_flight = TaskTracker::new();
        let counting = tokio::spawn(self.clone().count_open(stop.clone()));
        while !stop.is_cancelled() {
            let pause = match self.set_out(&in_flight).await {
                Ok(0) => Some(POLL),
                Ok(_) => None,
                Err(error) => {
                    tracing::warn!(%error, "call requests cannot be claimed");
                    Some(PAUSE)
                }
            };
            if let Some(pause) = pause {
                stop.run_until_cancelled(tokio::time::sleep(pause)).await;
            }
        }
        in_flight.close();
        in_flight.wait().await;
        counting.abort();
    }

    /// As many calls as are due, and as their lanes have places for.
    async fn set_out(&self, in_flight: &TaskTracker) -> Result<usize, sqlx::Error> {
        let mut count = 0;
        for lane in self.lanes.iter() {
            for call in self.claim(Some(lane.provider()), lane.free()).await? {
                count += 1;
                let place = lane.enter().await;
                let (workers, lane) = (self.clone(), Arc::clone(lane));
                in_flight.spawn(async move {
                    workers.make(call, Some(&lane)).await;
                    drop(place);
                });
            }
            metrics::gauge!("daybook_calls_in_flight", "provider" => lane.provider()).set(lane.in_use() as f64);
        }
        Ok(count)
    }

    /// A provider that is away shows as requests that grow old.
    async fn count_open(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            if let Err(error) = self.count_once().await {
                tracing::warn!(%error, "call requests cannot be counted");
            }
            stop.run_until_cancelled(tokio::time::sleep(COUNT_PAUSE)).await;
        }
    }

    pub async fn count_once(&self) -> Result<(), sqlx::Error> {
        let open = sqlx::query_file!("src/sql/count_open_calls.sql").fetch_all(&self.pool).await?;
        for lane in self.lanes.iter() {
            let row = open.iter().find(|row| row.provider == lane.provider());
            let (count, oldest) = row.map_or((0, 0.0), |row| (row.open, row.oldest_seconds));
            metrics::gauge!("daybook_calls_open", "provider" => lane.provider()).set(count as f64);
            metrics::gauge!("daybook_calls_oldest_seconds", "provider" => lane.provider()).set(oldest);
            lane.report();
        }
        self.put_off_strangers().await
    }

    /// Calls to providers that this node has no gateway to: it is said why nothing becomes of them.
    async fn put_off_strangers(&self) -> Result<(), sqlx::Error> {
        for call in self.claim(None, STRANGERS_AT_ONCE).await? {
            self.make(call, None).await;
        }
        Ok(())
    }

    /// Makes every call that is due and waits for all of them, whether or not the providers have answered lately. For tests,
    /// and for resuming by hand.
    pub async fn run_once(&self) -> Result<usize, sqlx::Error> {
        let mut count = 0;
        for lane in self.lanes.iter() {
            for call in self.claim(Some(lane.provider()), CALLS_IN_FLIGHT_MAX).await? {
                count += 1;
                self.make(call, Some(lane)).await;
            }
        }
        self.put_off_strangers().await?;
        Ok(count)
    }

    async fn claim(&self, provider: Option<&str>, limit: usize) -> Result<Vec<ClaimedCall>, sqlx::Error> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let (kinds, known) = (CallKind::ALL.map(|kind| kind.name()), self.lanes.providers());
        let rows = sqlx::query_file!(
            "src/sql/claim_calls.sql",
            limit as i64,
            LEASE_SECONDS,
            &kinds as &[&str],
            provider,
            &known as &[&str]
        )
        .fetch_all(&self.pool)
        .await?;
        if !rows.is_empty() {
            failpoint::reached("call.after_claim");
        }
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

    async fn make(&self, call: ClaimedCall, lane: Option<&Arc<Lane>>) {
        let started = std::time::Instant::now();
        failpoint::reached("call.before_request");
        let performed = perform(&call, &self.commands, &self.gateways).await;
        failpoint::reached("call.after_answer");
        metrics::histogram!("daybook_call_seconds", "kind" => call.kind.name()).record(started.elapsed().as_secs_f64());
        if let Some(lane) = lane {
            lane.hears(heard(&performed));
        }
        let settled = match performed {
            Performed::Done(result) => match self.record(result, &call).await {
                Ok(_) => self.finish(&call).await,
                Err(CommandError::Rejected(rejection)) => {
                    tracing::warn!(payment.id = %call.payment_id, %rejection, "the result of a call was rejected");
                    self.finish(&call).await
                }
                Err(error) => self.postpone(&call, &error.to_string()).await,
            },
            Performed::Nothing => self.finish(&call).await,
            Performed::AskLater { reason } | Performed::Unanswered { reason } => self.postpone(&call, &reason).await,
        };
        if let Err(error) = settled {
            // The lease ends by itself, and the next worker asks the provider what became of the call.
            tracing::warn!(%error, payment.id = %call.payment_id, "what became of a call could not be noted");
        }
    }

    async fn record(
        &self,
        result: Box<dyn Runnable>,
        call: &ClaimedCall,
    ) -> Result<Option<DateTime<Utc>>, CommandError> {
        failpoint::reached("call.before_record");
        let recorded = result.run(&self.commands, envelope(call)).await?;
        failpoint::reached("call.after_record");
        Ok(recorded)
    }

    async fn finish(&self, call: &ClaimedCall) -> Result<(), sqlx::Error> {
        metrics::counter!("daybook_calls_total", "kind" => call.kind.name(), "result" => "settled").increment(1);
        sqlx::query_file!("src/sql/finish_call.sql", call.position.0).execute(&self.pool).await?;
        failpoint::reached("call.after_finish");
        Ok(())
    }

    async fn postpone(&self, call: &ClaimedCall, reason: &str) -> Result<(), sqlx::Error> {
        metrics::counter!("daybook_calls_total", "kind" => call.kind.name(), "result" => "unknown").increment(1);
        tracing::warn!(payment.id = %call.payment_id, call.kind = call.kind.name(), call.attempts = call.attempts, reason,
            "the outcome of a call is unknown, the provider is asked again");
        let pause = jittered(doubled(ASK_AGAIN_MIN, ASK_AGAIN_MAX, call.attempts)).as_secs_f64();
        failpoint::reached("call.before_postpone");
        sqlx::query_file!("src/sql/postpone_call.sql", call.position.0, call.attempts, pause, reason)
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}

fn heard(performed: &Performed) -> Heard {
    match performed {
        Performed::Done(_) => Heard::Answer,
        Performed::Unanswered { .. } => Heard::Silence,
        Performed::Nothing | Performed::AskLater { .. } => Heard::Nothing,
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
