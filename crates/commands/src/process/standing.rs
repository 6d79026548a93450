//! How the process managers stand, read from what they remember: for whoever asks from outside of the program that runs them.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::ids::Reason;
use eventstore::event::{Position, StreamId};
use sqlx::PgPool;

use crate::gateway::Gateways;

/// One process manager, and what it has open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    pub process: &'static str,
    pub waits_for: &'static str,
    /// `None`: no node has run it yet.
    pub progress: Option<Progress>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The last event that it has reacted to, and how many have come since.
    pub position: Position,
    pub behind: i64,
    /// Why it does not go on, if it does not.
    pub failing: Option<String>,
    pub deadlines: i64,
    pub next_due_at: Option<DateTime<Utc>>,
    /// Requests to the outside that are not settled, and why the oldest that failed did.
    pub calls: i64,
    pub call_error: Option<String>,
    /// Streams that it has set aside, those that have waited longest first.
    pub parked: Vec<ParkedStream>,
}

/// A stream that waits until somebody has looked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParkedStream {
    pub stream: StreamId,
    /// Of the event whose effect fails.
    pub position: Position,
    pub reason: String,
    pub parked_at: DateTime<Utc>,
}

/// Of all processes. Whoever has more has one fault, and mends that first.
const PARKED_SHOWN_MAX: i64 = 100;

/// A webhook that could not be settled so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenWebhook {
    pub provider: String,
    pub event_id: String,
    pub event_type: String,
    /// It is about a payment that is not known here.
    pub parked: bool,
    pub received_at: DateTime<Utc>,
    pub attempts: i32,
    pub reason: String,
}

/// Whoever has more has one fault, and mends that first.
const WEBHOOKS_SHOWN_MAX: i64 = 100;

/// Those that were looked into in vain, the oldest first.
pub async fn open_webhooks(pool: &PgPool) -> Result<Vec<OpenWebhook>, sqlx::Error> {
    sqlx::query_file_as!(OpenWebhook, "src/sql/list_webhooks.sql", WEBHOOKS_SHOWN_MAX).fetch_all(pool).await
}

/// A webhook that somebody has set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookAside {
    pub provider: String,
    pub event_id: String,
    pub event_type: String,
    pub received_at: DateTime<Utc>,
    pub set_aside_at: DateTime<Utc>,
    pub reason: String,
}

/// Those that are set aside and not forgotten yet, the last first.
pub async fn webhooks_aside(pool: &PgPool) -> Result<Vec<WebhookAside>, sqlx::Error> {
    sqlx::query_file_as!(WebhookAside, "src/sql/list_set_aside_webhooks.sql", WEBHOOKS_SHOWN_MAX).fetch_all(pool).await
}

/// Has a webhook looked into at once, that is open or was set aside. Whether there is such a one.
pub async fn retry_webhook(pool: &PgPool, provider: &str, event_id: &str) -> Result<bool, sqlx::Error> {
    let retried = sqlx::query_file!("src/sql/retry_webhook.sql", provider, event_id).execute(pool).await?;
    Ok(retried.rows_affected() > 0)
}

/// P7: a webhook is never dropped, but somebody may know that it is nobody's here. Whether there is such a one, that was looked
/// into in vain.
pub async fn set_aside_webhook(
    pool: &PgPool,
    provider: &str,
    event_id: &str,
    reason: &Reason,
) -> Result<bool, sqlx::Error> {
    let aside = sqlx::query_file!("src/sql/set_aside_webhook.sql", provider, event_id, reason.as_str());
    Ok(aside.execute(pool).await?.rows_affected() > 0)
}

/// Every process manager of this release, in its order.
pub async fn standings(pool: &PgPool) -> Result<Vec<Standing>, sqlx::Error> {
    let mut rows = sqlx::query_file!("src/sql/list_processes.sql").fetch_all(pool).await?;
    let mut parked = parked_streams(pool).await?;
    let mut progress_of = |process: &str| {
        let row = rows.swap_remove(rows.iter().position(|row| row.process == process)?);
        Some(Progress {
            position: Position(row.position),
            behind: row.behind,
            failing: row.failing,
            deadlines: row.deadlines,
            next_due_at: row.next_due_at,
            calls: row.calls,
            call_error: row.call_error,
            parked: parked.remove(process).unwrap_or_default(),
        })
    };
    let standing = |process: Box<dyn super::Process>| Standing {
        process: process.name(),
        waits_for: process.waits_for(),
        progress: progress_of(process.name()),
    };
    Ok(super::all(&Gateways::default()).into_iter().map(standing).collect())
}

async fn parked_streams(pool: &PgPool) -> Result<HashMap<String, Vec<ParkedStream>>, sqlx::Error> {
    let mut parked: HashMap<String, Vec<ParkedStream>> = HashMap::new();
    for row in sqlx::query_file!("src/sql/list_parked.sql", PARKED_SHOWN_MAX).fetch_all(pool).await? {
        parked.entry(row.process).or_default().push(ParkedStream {
            stream: StreamId { category: row.category.into(), id: row.stream_id },
            position: Position(row.position),
            reason: row.reason,
            parked_at: row.parked_at,
        });
    }
    Ok(parked)
}

/// Asks the process to try a stream again that it has set aside. False if it has set no such stream aside.
pub async fn resume(pool: &PgPool, process: &str, stream: &StreamId) -> Result<bool, sqlx::Error> {
    let resumed = sqlx::query_file!("src/sql/resume_stream.sql", process, stream.category.as_ref(), stream.id);
    Ok(resumed.execute(pool).await?.rows_affected() > 0)
}
